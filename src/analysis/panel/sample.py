"""The sample of an analysis: which territories and years of the panel it uses."""

from collections.abc import Sequence

import pandas as pd

from analysis import CompendiumError
from analysis.panel.codebook import variables
from analysis.panel.measures import interpolate


def select_sample(
    panel: pd.DataFrame,
    *,
    level: int,
    years: Sequence[int],
    countries: Sequence[str] = (),
    exclude: Sequence[str] = (),
    exclude_capitals: bool = False,
    min_population: float = 0.0,
) -> pd.DataFrame:
    """Rows of the regions panel that the parameters ask for, sorted by geo and year.

    panel: as ``load("regions")``. years: first and last. countries: all when empty. exclude: codes
    or beginnings of codes. min_population: a territory stays when its mean population over the
    years reaches it. Adds ``country_year`` (label of country × year, for fixed effects).

    Raises CompendiumError when nothing is left, naming the condition that emptied the sample.
    """
    first, last = years
    steps: list[tuple[str, pd.Series]] = [
        (f"level {level}", panel["level"].eq(level)),
        (f"years {first}-{last}", panel["year"].between(first, last)),
    ]
    if countries:
        inside = panel["country"].isin(list(countries))
        steps.append((f"countries {', '.join(countries)}", inside))
    if exclude:
        steps.append(
            (f"exclude {', '.join(exclude)}", ~panel["geo"].str.startswith(tuple(exclude)))
        )
    if exclude_capitals:
        steps.append(("without capital regions", ~panel["is_capital"]))
    if min_population > 0:
        mean = panel["population"].where(panel["year"].between(first, last))
        mean = mean.groupby(panel["geo"]).transform("mean")
        steps.append((f"at least {min_population:.0f} inhabitants", mean.ge(min_population)))
    keep = pd.Series(True, index=panel.index)
    for condition, holds in steps:
        keep &= holds
        if not keep.any():
            raise CompendiumError(f"no territory is left in the sample after: {condition}")
    sample = panel[keep].sort_values(["geo", "year"], ignore_index=True)
    label = sample["country"] + "-" + sample["year"].astype(str)
    return sample.assign(country_year=label)


def outcome_values(
    frame: pd.DataFrame, column: str, *, drop_truncated: bool = True, max_gap: int = 0
) -> pd.Series:
    """A column as an outcome: without the years its source is known to be incomplete in.

    drop_truncated: leave out the years from the codebook's ``truncated_from`` on. max_gap: fill
    gaps of at most so many years along a straight line; 0 leaves them.
    """
    values = interpolate(frame, column, max_gap) if max_gap else frame[column]
    first_truncated = variables()[column].truncated_from
    if drop_truncated and first_truncated is not None:
        values = values.where(frame["year"] < first_truncated)
    return values


def coverage_by_year(sample: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Number of territories with a value, column × year."""
    return sample.groupby("year")[list(columns)].count().T
