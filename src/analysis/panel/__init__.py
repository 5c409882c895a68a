"""The panel: every figure on one map (NUTS 2013), in one tidy table per kind of unit.

``build()`` makes data/processed; ``load(table)`` reads one of its tables.
"""

from typing import TYPE_CHECKING

from analysis.panel.build import TABLES, BuildSummary, build

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "BuildSummary", "build", "load"]


def load(table: str) -> "pd.DataFrame":
    """One table of data/processed, building it first where it is not there.

    table: one of ``TABLES``. Raises CompendiumError for another name.
    """
    import pandas as pd

    from analysis import CompendiumError, paths

    if table not in TABLES:
        raise CompendiumError(
            f"no table '{table}' in data/processed; there are: {', '.join(TABLES)}"
        )
    path = paths.PROCESSED / f"{table}.parquet"
    if not path.is_file():
        build()
    return pd.read_parquet(path)
