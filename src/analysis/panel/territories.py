"""Territories: codes, levels, and the passage from any NUTS version to NUTS 2013.

The passage uses the flows of the JRC NUTS converter: how many people (2011 grid) of each region
of one version live in each region of another. A flow below ``NEGLIGIBLE_FLOW`` of its origin is a
digitised boundary or a single municipality; it stays with the origin's main destination, so a
region that did not change converts to itself exactly.

Counts and money are split by these flows. A rate is averaged with its denominator, split the same
way, so that rate × denominator is conserved too. A destination is missing as soon as one of its
origins is: a partial sum would be a wrong number that looks right.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.panel.codes import ISO3

NUTS_VERSION = "2013"
NEGLIGIBLE_FLOW = 0.005
TOLERATED_GAP = 0.01


def country_from_iso3(codes: pd.Series) -> pd.Series:
    """Eurostat country codes for ISO 3166 alpha-3 codes; missing outside ``codes.COUNTRIES``."""
    return codes.astype(str).map(ISO3)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted series and what the conversion did.

    values: geo (NUTS 2013) × year. before, after, set_aside: mass per year, where mass is the
    count itself or rate × denominator; before = after + set_aside, which holds what went to a
    region that stays missing and what codes without flows (``lost``) had.
    recoded, split: mass per year that changed code, that was split over several regions.
    """

    values: pd.DataFrame
    before: pd.Series
    after: pd.Series
    set_aside: pd.Series
    recoded: pd.Series
    split: pd.Series
    lost: tuple[str, ...]


class Passage:
    """Shares of each region's people by destination, between NUTS 2013 and any other version.

    flows: rows ``from_code, to_code, from_version, to_version, level, pop11`` (JRC); NUTS 2 only.
    NUTS 2024 has no flows yet: its codes that NUTS 2021 also has are read as NUTS 2021.
    """

    def __init__(self, flows: pd.DataFrame) -> None:
        self._flows = flows[flows["level"] == 2]
        self._shares: dict[tuple[str, str], pd.DataFrame] = {}

    def to_2013(self, version: str) -> pd.DataFrame:
        """origin (``version``) × destination (NUTS 2013), rows sum to 1."""
        return self._between(version, NUTS_VERSION)

    def from_2013(self, version: str) -> pd.DataFrame:
        """origin (NUTS 2013) × destination (``version``), rows sum to 1."""
        return self._between(NUTS_VERSION, version)

    def people(self, version: str) -> pd.Series:
        """Residents of 2011 by region of a version, from the same grid as the flows."""
        return self._people(version, version).sum(axis=1)

    def _between(self, origin: str, destination: str) -> pd.DataFrame:
        pair = (_with_flows(origin), _with_flows(destination))
        if pair not in self._shares:
            self._shares[pair] = _shares(self._people(*pair))
        return self._shares[pair]

    def _people(self, origin: str, destination: str) -> pd.DataFrame:
        flows = self._flows
        chosen = flows[flows["from_version"].eq(origin) & flows["to_version"].eq(destination)]
        if chosen.empty:
            raise CompendiumError(f"no JRC flows from NUTS {origin} to NUTS {destination}")
        people = chosen.pivot(index="from_code", columns="to_code", values="pop11").fillna(0.0)
        # Greece was GR in NUTS 2006; the raw tables carry EL throughout.
        people.index = people.index.str.replace("^GR", "EL", regex=True)
        people.columns = people.columns.str.replace("^GR", "EL", regex=True)
        return people.sort_index().sort_index(axis=1)


def _with_flows(version: str) -> str:
    return "2021" if version == "2024" else version


def _shares(people: pd.DataFrame) -> pd.DataFrame:
    shares = people.div(people.sum(axis=1), axis=0)
    shares = shares.where(shares >= NEGLIGIBLE_FLOW, 0.0)
    return shares.div(shares.sum(axis=1), axis=0)


def convert(
    values: pd.DataFrame,
    shares: pd.DataFrame,
    denominator: pd.DataFrame | None = None,
    ledger: bool = False,
) -> Conversion:
    """Convert counts, or rates when their denominator is given.

    values: origin code × column (years, or any label). shares: origin × destination (``Passage``).
    denominator: origin code × column, the quantity the rate is a share or average of. A
    destination with one origin takes its rate whatever the denominator.
    ledger: a missing line means nothing was booked, so known origins are added up without the
    others; a destination is missing only where all its origins are.
    """
    known = values.reindex(shares.index).to_numpy(dtype=float)
    weight = _weights(shares.index, values.columns, denominator)
    mass = known * weight
    present = ~np.isnan(mass)
    flow = shares.to_numpy()
    link = (flow > 0).astype(float)
    complete = (link.T @ present > 0) if ledger else (link.T @ (~present) == 0)
    arrived = flow.T @ np.where(present, mass, 0.0)
    result = arrived
    if denominator is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            result = arrived / (flow.T @ np.where(present, weight, 0.0))
    sole = link.sum(axis=0) == 1
    if denominator is not None and sole.any():
        result[sole] = known[link[:, sole].argmax(axis=0)]
        complete[sole] = True
    to_itself = (shares.columns.to_numpy()[None, :] == shares.index.to_numpy()[:, None]) * flow
    outside = values.loc[~values.index.isin(shares.index)].dropna(how="all")
    lost = np.nansum(outside * _weights(outside.index, values.columns, denominator), axis=0)
    massive = np.where(present, mass, 0.0)

    def by_column(totals: np.ndarray) -> pd.Series:
        return pd.Series(totals, index=values.columns)

    return Conversion(
        values=pd.DataFrame(
            np.where(complete, result, np.nan), index=shares.columns, columns=values.columns
        ),
        before=by_column(massive.sum(axis=0) + lost),
        after=by_column(np.where(complete, arrived, 0.0).sum(axis=0)),
        set_aside=by_column(np.where(complete, 0.0, arrived).sum(axis=0) + lost),
        recoded=by_column(((1 - to_itself.sum(axis=1))[:, None] * massive).sum(axis=0)),
        split=by_column(massive[link.sum(axis=1) > 1].sum(axis=0)),
        lost=tuple(sorted(outside.index)),
    )


def _weights(rows: pd.Index, columns: pd.Index, denominator: pd.DataFrame | None) -> np.ndarray:
    if denominator is None:
        return np.ones((len(rows), len(columns)))
    return denominator.reindex(index=rows, columns=columns).to_numpy(dtype=float)


def aggregate(
    values: pd.DataFrame,
    level: int,
    people: pd.DataFrame,
    denominator: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Sum counts (or average rates by their denominator) from NUTS 2 to NUTS 1 or 0.

    values: NUTS 2 code × year. people: population of every NUTS 2 region of the map × year; the
    nearest year stands in for a gap, and a region without any counts as empty.
    A larger region is missing where the regions without a value hold more than
    ``TOLERATED_GAP`` of its people: a few overseas or very small territories (Mayotte, Ceuta,
    Melilla) are missing from most tables and may not hide their country.
    """
    regions = people.index
    parents = regions.str[: level + 2]
    larger = pd.Index(sorted(set(parents)), name=regions.name)
    belongs = (larger.to_numpy()[:, None] == parents.to_numpy()[None, :]).astype(float)
    weight = _weights(regions, values.columns, denominator)
    mass = values.reindex(regions).to_numpy(dtype=float) * weight
    missing = np.isnan(mass)
    total = belongs @ np.where(missing, 0.0, mass)
    every_year = people.reindex(columns=people.columns.union(values.columns))
    every_year = every_year.ffill(axis=1).bfill(axis=1).fillna(0.0)
    residents = every_year[values.columns].to_numpy(dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        if denominator is not None:
            total = total / (belongs @ np.where(missing, 0.0, weight))
        gap = (belongs @ (missing * residents)) / (belongs @ residents)
    total[~(gap <= TOLERATED_GAP)] = np.nan
    return pd.DataFrame(total, index=larger, columns=values.columns)
