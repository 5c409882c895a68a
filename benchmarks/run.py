"""Measure the rows of ``rows/`` and print them as a table or as JSON.

From the root of the project: ``python -m benchmarks.run [--json] [name ...]``.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

THREADS = 2
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Rows run one after the other in this process; a failing row stops the run."""
    use_threads(THREADS)
    rows = declared_rows()
    arguments = parse(rows)
    # Imported now: it is the threads set above that libraries must see.
    from benchmarks.measure import processor

    results = []
    table = sys.stderr if arguments.json else sys.stdout
    print(f"{processor()}, {THREADS} threads", file=table)
    print(line("name", "ours (s)", "other (s)", "ratio", "goal", ""), file=table)
    for name in arguments.names or rows:
        row = rows[name]()
        results.append(row)
        reached = "" if row.ratio >= row.goal else "short of the goal"
        times = [f"{value:.3g}" for value in (row.ours, row.other)]
        print(
            line(name, *times, f"{row.ratio:,.1f}", f"{row.goal:,}", reached),
            file=table,
            flush=True,
        )
    if arguments.json:
        print(json.dumps([asdict(row) for row in results], indent=1, sort_keys=True))


def use_threads(count: int) -> None:
    """Same number of threads for everyone; must come before numpy is imported."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)
    os.environ["POLARS_MAX_THREADS"] = str(count)


def declared_rows() -> Mapping[str, Callable]:
    """Row name → function, from the tuple ``ROWS`` of every module in ``rows/``."""
    found: dict[str, Callable] = {}
    for path in sorted((HERE / "rows").glob("*.py")):
        for row in import_module(f"benchmarks.rows.{path.stem}").ROWS:
            found[row.__name__] = row
    return found


def parse(rows: Mapping[str, Callable]) -> argparse.Namespace:
    """The command line; names are checked against the declared rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(rows)}; all")
    parser.add_argument("--json", action="store_true", help="a JSON list on standard output")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(rows))
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; the rows are {', '.join(rows)}")
    return arguments


def line(*cells: str) -> str:
    """One line of the table, columns aligned."""
    name, *numbers, remark = cells
    return f"{name:<28}" + "".join(f"{number:>12}" for number in numbers) + f"  {remark}"


if __name__ == "__main__":
    main()
