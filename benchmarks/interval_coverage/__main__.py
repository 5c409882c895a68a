"""How often the 95 % intervals of the estimators hold the truth, in samples shaped like our panels.

Run ``python -m benchmarks.interval_coverage``: it writes ``docs/coverage.csv``, one row per design,
sample size and procedure, and ``docs/coverage.md``, the same with the reading of it (``page.md`` is
its text; every number in it is looked up in the table).

A *design* draws a frame whose truth is known; every *procedure* of the design is applied to the
same draws, through the same registry of estimators and with the same plain arguments as a study.
A replication of a design has its own seed, made of the global seed, the name and size of the
design and the number of the replication: rows depend neither on order nor on each other, and a
run with fewer replications uses the first of the same draws.
"""

import argparse
import os
from pathlib import Path

from benchmarks.interval_coverage.page import TEMPLATE, document
from benchmarks.interval_coverage.replication import table

from analysis.atomic import write_atomically

REPLICATIONS = 400
DECIMALS = 4
DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description="Monte-Carlo coverage of the 95 % intervals.")
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder for the two files")
    options = parser.parse_args()
    results = table(options.replications, workers=options.workers).round(DECIMALS)
    template = TEMPLATE.read_text(encoding="utf-8")
    write_atomically(options.output / "coverage.md", document(results, template).encode())
    write_atomically(options.output / "coverage.csv", results.to_csv(index=False).encode())


if __name__ == "__main__":
    main()
