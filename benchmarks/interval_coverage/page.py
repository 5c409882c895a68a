"""The page on coverage: a text whose every number is looked up in the table."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.interval_coverage.replication import SEED

TEMPLATE = Path(__file__).with_name("page.md")


def document(results: pd.DataFrame, template: str) -> str:
    """The template with its ``[[...]]`` replaced by numbers and tables of ``results``.

    ``[[design | N | T | procedure]]`` becomes that coverage in per cent (for a test, its size); the
    same followed by ``| column`` that column with two decimals; ``[[table: name; name]]`` the rows
    of the designs whose names start so; ``[[marked]]`` and ``[[intervals]]`` how many intervals are
    marked and how many there are; ``[[replications]]`` and ``[[seed]]`` what they say.
    """
    intervals = results[results["kind"] != "test"]
    counted = {
        "replications": results["replications"].max(),
        "seed": SEED,
        "intervals": len(intervals),
        "marked": (intervals["verdict"] != "").sum(),
    }
    index = results.set_index(["design", "n", "t", "procedure"])

    def found(match: re.Match[str]) -> str:
        content = match[1].strip()
        if content.startswith("table:"):
            return _markdown(results, tuple(content.removeprefix("table:").strip().split("; ")))
        if content in counted:
            return str(counted[content])
        design, n, t, procedure, *column = (part.strip() for part in content.split("|"))
        row = index.loc[(design, int(n), int(t), procedure)]
        if column:
            return _number(row[column[0]], 2)
        return f"{100 * (row['size'] if row['kind'] == 'test' else row['coverage']):.1f} %"

    return re.sub(r"\[\[(.+?)\]\]", found, template)


def _markdown(results: pd.DataFrame, prefixes: tuple[str, ...]) -> str:
    rows = results[results["design"].str.startswith(prefixes)]
    if rows.empty:
        raise ValueError(f"no design starts with any of {prefixes}")
    lines = [
        "| design | N | T | procedure | bias | median bias | s.e. / spread | coverage, % | size, % "
        "| no result | do not trust |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    return "\n".join(lines + [_line(row) for row in rows.to_dict("records")])


def _line(row: Mapping[str, Any]) -> str:
    error = f"± {100 * row['coverage_error']:.1f}"
    size = f"{100 * row['size']:.1f}"
    is_test = row["kind"] == "test"
    cells = [
        *(row["design"], str(row["n"]), str(row["t"]), row["procedure"]),
        *(_number(row[column], 3) for column in ("bias", "median_bias")),
        _number(row["se_ratio"], 2),
        "" if is_test else f"{100 * row['coverage']:.1f} {error}",
        f"{size} {error}" if is_test else size,
        str(row["undefined"]) if row["undefined"] else "",
        f"**{row['verdict']}**" if row["verdict"] else "",
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:z.{decimals}f}"


def read_results(path: Path) -> pd.DataFrame:
    """The table that `main` has written."""
    return pd.read_csv(path).fillna({"verdict": ""})
