"""What all briefs share, computed once: series, peers, stars, verdicts, sources.

Structure, and not success, chooses the peers: no outcome that a brief compares enters the distance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import panel, sources
from analysis.claims.assembly import Entry, assemble
from analysis.indicators.peers import nearest, structural_distance
from analysis.indicators.stars import STARS, sector_stars
from analysis.panel.codebook import variables
from analysis.panel.industries import INDUSTRIES
from analysis.report.brief.codes import MapChanges, Territories, territories
from analysis.sources.catalogue import catalogue

Floats = NDArray[np.float64]

#: Tables of data/processed that are read.
TABLES = ("regions", "countries", "industries", "nuts3")
#: The indicators on which a territory is set beside its peers; more is better in all of them.
INDICATORS = (
    *("gerd_pct_gdp", "berd_pct_gdp", "herd_pct_gdp", "rd_personnel_per_thousand"),
    *("patents_per_million", "hrst_per_head", "hightech_pct", "employment_rate_pct"),
)
PERFORMERS = ("berd_pct_gdp", "goverd_pct_gdp", "herd_pct_gdp")
FUNDS = "structural_funds_eur_per_head"
#: Told about a territory, not compared.
FACTS = ("population", "density", "gdp_eur_per_head", "tertiary_pct")
COLUMNS = tuple(dict.fromkeys((*INDICATORS, *PERFORMERS, FUNDS, *FACTS)))
#: Of countries, from their own table: a sum of regions is missing where one of them is.
NATIONAL = ("gerd_pct_gdp", *PERFORMERS)

PEERS = 8
#: Peers that must have a figure for a comparison to be made.
LEAST_PEERS = 4
#: Years over which structure and funds are averaged.
STRUCTURE_SPAN, FUND_SPAN = 5, 10
#: Years over which a sector grows.
GROWTH_SPAN = 5
#: Blocks of the distance that two territories must both know, of five.
LEAST_BLOCKS = 4
#: Beyond this quantile of the mean distance to the peers, a territory has no like.
LOOSE = 0.9
#: Share of the territories that must have a figure of the funds in their last year.
_FUNDS_KNOWN = 0.95

#: What the figures rest on: table of data/raw, dataset code, in the order of the foot.
SOURCES = (
    ("eurostat_rd_money", "rd_e_gerdreg"),
    ("eurostat_rd_people", "rd_p_persreg"),
    ("eurostat_patents", "pat_ep_rtot"),
    ("eurostat_skills", "hrst_st_rcat"),
    ("eurostat_skills", "htec_emp_reg2"),
    ("eurostat_skills", "edat_lfse_04"),
    ("eurostat_industries", "lfst_r_lfe2en2"),
    ("eurostat_labour", "tgs00007"),
    ("eurostat_gdp", "nama_10r_2gdp"),
    ("eurostat_population", "tgs00096"),
    ("commission_payments", "tc55-7ysv"),
)
NATIONAL_SOURCE = ("oecd_rd", "sti_msti_rd")


@dataclass(frozen=True)
class Grid:
    """A column of a table: values by territory and year, missing as NaN."""

    table: str
    column: str
    rows: Mapping[str, int]
    first: int
    values: Floats

    def at(self, geo: str, year: int) -> float:
        """The figure, NaN where there is none."""
        place = year - self.first
        if geo not in self.rows or not 0 <= place < self.values.shape[1]:
            return float("nan")
        return float(self.values[self.rows[geo], place])

    def years(self, geo: str) -> list[int]:
        """The years with a figure, the last first."""
        if geo not in self.rows:
            return []
        known = np.flatnonzero(~np.isnan(self.values[self.rows[geo]]))
        return [self.first + int(n) for n in known[::-1]]


@dataclass(frozen=True)
class Likeness:
    """The peers of every territory of a level, nearest first, and those that have no like."""

    peers: Mapping[str, tuple[str, ...]]
    loose: frozenset[str]


@dataclass(frozen=True, slots=True)
class StarredSector:
    """A sector's location quotient and its stars, in the order of ``STARS``."""

    industry: str
    quotient: float
    stars: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What briefs are composed from.

    grids: of the columns of regions; national: of ``NATIONAL``, by country; small: patents of small
    territories. sectors: those published, by geo. years: of structure, sectors and funds, (first,
    last). entries: the register. sources: publisher, dataset, vintage; the last is of ``national``.
    """

    territories: Territories
    places: Mapping[str, tuple[float, float]]
    grids: Mapping[str, Grid]
    national: Mapping[str, Grid]
    small: Grid
    likeness: Likeness
    sectors: Mapping[str, tuple[StarredSector, ...]]
    structure_years: tuple[int, int]
    sector_years: tuple[int, int]
    fund_years: tuple[int, int]
    entries: Mapping[str, Entry]
    sources: tuple[tuple[str, str, str], ...]

    def grid(self, geo: str, column: str) -> Grid:
        """The grid in which a territory and its peers are."""
        is_country = self.territories.levels[geo] == 0
        return self.national[column] if is_country and column in NATIONAL else self.grids[column]


def load(run_folders: Sequence[Path]) -> Context:
    """The context from data/processed, data/raw and the evidence of finished runs."""
    tables = {name: panel.load(name) for name in TABLES}
    return prepare(tables, assemble(run_folders), map_changes(), vintages())


def map_changes() -> MapChanges:
    """How the codes of territories changed, from data/raw."""
    return MapChanges(sources.read("nuts_flows"), sources.read("nuts_names"))


def vintages() -> tuple[tuple[str, str, str], ...]:
    """Publisher, dataset and newest vintage of each of ``SOURCES``, then ``NATIONAL_SOURCE``."""
    tables = catalogue().tables
    found = []
    for table, code in (*SOURCES, NATIONAL_SOURCE):
        entries = [entry for entry in tables[table].datasets if entry.code == code]
        newest = max(entries, key=lambda entry: entry.vintage)
        found.append((newest.publisher, code, newest.vintage))
    return tuple(found)


def prepare(
    tables: Mapping[str, pd.DataFrame],
    entries: Sequence[Entry],
    changes: MapChanges,
    sources: Sequence[tuple[str, str, str]],
) -> Context:
    """Everything briefs share, from ``TABLES``, the register and how the NUTS maps changed."""
    regions, industries = tables["regions"], tables["industries"]
    grids = {
        column: _grid(regions, "geo", column, "regions")
        for column in (*COLUMNS, "employment_ths", "lon", "lat")
    }
    last = int(industries.loc[industries["employed_ths"].notna(), "year"].max())
    structure_years = (last - STRUCTURE_SPAN + 1, last)
    levels = regions.drop_duplicates("geo").set_index("geo")["level"].sort_index()
    stars = pd.concat(
        [_stars(industries, regions, level, last) for level in sorted(levels.unique())]
    ).sort_index()
    return Context(
        territories=territories(regions, tables["nuts3"], changes),
        places={
            str(row.geo): (float(row.lon), float(row.lat))
            for row in regions.drop_duplicates("geo").itertuples()
        },
        grids={name: grid for name, grid in grids.items() if name in COLUMNS},
        national={
            column: _grid(tables["countries"], "country", column, "countries")
            for column in NATIONAL
        },
        small=_grid(tables["nuts3"], "nuts3", "patents_per_million", "nuts3"),
        likeness=_likeness(regions, industries, levels, structure_years),
        sectors=_by_territory(stars),
        structure_years=structure_years,
        sector_years=(last - GROWTH_SPAN, last),
        fund_years=_fund_years(grids[FUNDS], levels),
        entries={entry.claim.id: entry for entry in entries},
        sources=tuple(sources),
    )


def _grid(frame: pd.DataFrame, key: str, column: str, table: str) -> Grid:
    """A column as a grid, without the years in which the source is known to be incomplete."""
    wide = frame.pivot(index=key, columns="year", values=column).sort_index().sort_index(axis=1)
    first, last = int(wide.columns.min()), int(wide.columns.max())
    wide = wide.reindex(columns=range(first, last + 1)).astype(float)
    declared = variables().get(column)
    if declared is not None and declared.truncated_from is not None:
        wide.loc[:, wide.columns >= declared.truncated_from] = np.nan
    rows = {str(geo): place for place, geo in enumerate(wide.index)}
    return Grid(table, column, rows, first, wide.to_numpy(dtype=float))


def _fund_years(grid: Grid, levels: pd.Series) -> tuple[int, int]:
    """The last ten years in the last of which nearly every region ever paid has a figure."""
    regions = [grid.rows[geo] for geo in levels.index[levels.eq(2)]]
    known = ~np.isnan(grid.values[regions])
    share = known.sum(axis=0) / max(1, known.any(axis=1).sum())
    last = grid.first + int(np.flatnonzero(share >= _FUNDS_KNOWN).max())
    return last - FUND_SPAN + 1, last


def _stars(industries: pd.DataFrame, regions: pd.DataFrame, level: int, year: int) -> pd.DataFrame:
    wide = industries[industries["level"].eq(level)].pivot(
        index=["year", "geo"], columns="industry", values="employed_ths"
    )[list(INDUSTRIES)]
    total = regions[regions["level"].eq(level) & regions["year"].eq(year)].set_index("geo")
    return sector_stars(
        wide.loc[year], wide.loc[year - GROWTH_SPAN], total["employment_ths"].sort_index()
    )


def _by_territory(stars: pd.DataFrame) -> dict[str, tuple[StarredSector, ...]]:
    """geo → its sectors that have a quotient, the most specialised first."""
    known = stars[stars["quotient"].notna()].reset_index()
    known = known.sort_values(["geo", "quotient", "industry"], ascending=[True, False, True])
    found: dict[str, list[StarredSector]] = {}
    for row in known.itertuples():
        earned = tuple(bool(getattr(row, name)) for name in STARS)
        sector = StarredSector(str(row.industry), float(row.quotient), earned)
        found.setdefault(str(row.geo), []).append(sector)
    return {geo: tuple(sectors) for geo, sectors in found.items()}


def structure(
    regions: pd.DataFrame, industries: pd.DataFrame, years: tuple[int, int]
) -> dict[str, pd.DataFrame]:
    """The five blocks of the distance, means over ``years``: people, density, GDP, skills, jobs.

    Population, density and GDP per head in logarithms; the jobs are the sectors' shares of all
    employment, a share missing where its figure is.
    """
    rows = regions[regions["year"].between(*years)]
    means = rows.groupby("geo")[
        ["population", "density", "gdp_eur_per_head", "tertiary_pct", "employment_ths"]
    ].mean()
    jobs = industries[industries["year"].between(*years)]
    sectors = jobs.groupby(["geo", "industry"])["employed_ths"].mean().unstack()
    shares = sectors.reindex(means.index).div(means["employment_ths"], axis=0)
    return {
        "population": np.log(means[["population"]]),
        "density": np.log(means[["density"]]),
        "gdp": np.log(means[["gdp_eur_per_head"]]),
        "skills": means[["tertiary_pct"]],
        "jobs": shares[list(INDUSTRIES)],
    }


def _likeness(
    regions: pd.DataFrame, industries: pd.DataFrame, levels: pd.Series, years: tuple[int, int]
) -> Likeness:
    """Peers within each level, and the territories whose peers are farthest."""
    blocks = structure(regions, industries, years)
    peers: dict[str, tuple[str, ...]] = {}
    loose: set[str] = set()
    for level in sorted(levels.unique()):
        codes = levels.index[levels.eq(level)]
        distance = structural_distance(
            {name: block.reindex(codes) for name, block in blocks.items()}, LEAST_BLOCKS
        )
        chosen = nearest(distance, PEERS)
        apart = pd.Series(
            {
                geo: float(np.mean([distance.loc[geo, peer] for peer in its])) if its else np.inf
                for geo, its in chosen.items()
            }
        )
        loose |= set(apart.index[apart > apart.quantile(LOOSE, interpolation="lower")])
        peers |= chosen
    return Likeness(peers, frozenset(loose))
