"""The studies of the project: what they reproduce, digit by digit."""

import os
import re

import pytest

from analysis import paths
from analysis.studies.compare import Report
from analysis.studies.folders import find_studies
from analysis.studies.run import run_studies, run_study
from analysis.studies.schema import read_study

STUDIES = [path.name for path in find_studies([])]
#: Printed numbers that do not agree exactly, by study; each is explained there.
NOT_EXACT = {
    "abadie2003_basque": 3,
    "arkhangelsky2021_prop99": 2,
    "wooldridge_rdchem": 1,
}


@pytest.fixture(scope="session")
def reports(shared_data) -> dict[str, Report]:
    """Every study run once on the source files beside the project."""
    found = run_studies(find_studies([]), shared_data / "studies", jobs=os.cpu_count() or 1)
    return {report.study: report for report in found}


@pytest.mark.parametrize("name", STUDIES)
def test_every_printed_number_agrees_or_its_difference_is_explained(reports, name):
    report = reports[name]
    assert report.errors == () and not report.absent
    assert [one for one in report.comparisons if one.verdict != "exact" and not one.explained] == []


def test_the_numbers_that_do_not_agree_are_these_and_no_others(reports):
    others = {name: sum(one.counts.values()) - one.counts["exact"] for name, one in reports.items()}
    assert {name: count for name, count in others.items() if count} == NOT_EXACT


def test_no_explanation_is_kept_for_a_number_that_agrees(reports):
    for folder in find_studies([]):
        known = read_study(folder).study.known_differences
        explained = {one.reason for one in reports[folder.name].comparisons if one.explained}
        assert [one.reason for one in known if one.reason not in explained] == []


def test_studies_whose_data_come_with_a_dependency_run_everywhere():
    pytest.importorskip("linearmodels")
    (folder,) = find_studies(["card1995_schooling"])
    report = run_study(folder)
    assert report.counts["exact"] == 30 == len(report.comparisons)


def test_the_readme_counts_what_agrees(reports):
    counted = {
        name: (sum(one.counts.values()), one.counts["exact"]) for name, one in reports.items()
    }
    text = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", text, re.M)
    assert {name: (int(numbers), int(exact)) for name, numbers, exact in rows} == counted
