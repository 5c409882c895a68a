"""The README's table of what is reproduced says what the studies say."""

import re

from analysis import paths
from analysis.studies import find_studies, run_studies

ROW = re.compile(r"^\| `(?P<id>\w+)` \| (?P<numbers>\d+) \| (?P<exact>\d+) \|", re.M)


def test_the_readme_counts_what_agrees(shared_data):
    folders = find_studies([])
    reports = run_studies(folders, data_dir=shared_data / "studies")
    counted = {one.study: (len(one.comparisons), one.counts["exact"]) for one in reports}
    text = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    printed = {m["id"]: (int(m["numbers"]), int(m["exact"])) for m in ROW.finditer(text)}
    assert printed == counted
