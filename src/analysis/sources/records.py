"""The tables that are not observations: links, eligibility, programmes, projects, territories.

One function per table; each takes the source frames of the table (text cells, in the order of
``datasets.yaml``) and returns the table, typed and sorted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from analysis import CompendiumError
from analysis.sources.declared import DeclaredDataset
from analysis.sources.tabular import numbers, require_columns, years
from analysis.sources.territories import CodeLists, greece_as_el, latest_version

LINK_THEMES = {
    "n_shared_projects": "all",
    "n_shared_cluster_theme": "cluster",
    "n_shared_rdi_theme": "rdi",
}
ELIGIBILITY = {
    "eligibility_2007_2013": ("2007-2013", "2006"),
    "eligibility_2014_2020": ("2014-2020", "2013"),
}
# Addresses on the private site of a person are not carried.
PRIVATE_SITES = r"canalblog\.com|letowski\.fr"


@dataclass(frozen=True)
class Source:
    """A source file as text, and the dataset it holds."""

    frame: pd.DataFrame
    dataset: DeclaredDataset

    def columns(self, *names: str) -> pd.DataFrame:
        """These columns; CompendiumError naming the file and the column where one is missing."""
        require_columns(self.frame, names, self.dataset.file)
        return self.frame[list(names)]

    def number(self, name: str) -> pd.Series:
        """A column as float64, empty cells missing."""
        return numbers(self.columns(name)[name], self.dataset.file)

    def whole(self, name: str) -> pd.Series:
        """A column of whole numbers as int64; CompendiumError at an empty or fractional cell."""
        values = self.number(name)
        if not (values % 1 == 0).all():
            row = values.index[~(values % 1 == 0)][0]
            raise CompendiumError(
                f"{self.dataset.file}: row {row + 2}, column {name}: "
                f"{self.frame[name][row]!r} is not a whole number"
            )
        return values.astype("int64")

    def year(self, name: str) -> pd.Series:
        """A column of years, or first years of periods, as Int16."""
        return years(self.columns(name)[name], self.dataset.file)


def interreg_links(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """One row per pair of regions, year and theme with at least one shared project.

    ``year`` is the start year of the projects or the first year of the period.
    """
    recent, early = sources
    by_theme = [
        _links(recent, column, theme, "start_year", "2014-2020")
        for column, theme in LINK_THEMES.items()
    ]
    by_period = _links(early, "n_shared_projects", "all", "period", None)
    links = pd.concat([*by_theme, by_period], ignore_index=True)
    links = links[links["n_projects"] > 0].reset_index(drop=True)
    for side in ("geo_a", "geo_b"):
        stray = links.loc[~links[side].isin(lists["2013"]), side]
        if len(stray):
            raise CompendiumError(f"interreg_links: {stray.iloc[0]} is not a NUTS 2013 region")
    links.insert(2, "geo_version", "2013")
    return links.sort_values(["dataset", "theme", "period", "year", "geo_a", "geo_b"])


def _links(source: Source, column: str, theme: str, year: str, period: str | None) -> pd.DataFrame:
    pairs = source.columns("nuts2_a", "nuts2_b", year)
    return pd.DataFrame(
        {
            "geo_a": pairs["nuts2_a"],
            "geo_b": pairs["nuts2_b"],
            "year": source.year(year),
            "period": pairs[year] if period is None else period,
            "theme": theme,
            "n_projects": source.whole(column),
            "dataset": source.dataset.code,
        }
    )


def cordis_country_links(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Horizon 2020 projects shared by two countries, by start year."""
    (source,) = sources
    pairs = source.columns("country_a", "country_b")
    links = pairs.assign(
        year=source.year("start_year"), n_projects=source.whole("n_shared_projects")
    )
    return links.sort_values(["year", "country_a", "country_b"])


def commission_eligibility(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Status of each region in each period, on the NUTS version the period's list is on."""
    (source,) = sources
    periods = []
    for column, (period, version) in ELIGIBILITY.items():
        status = source.columns("nuts2_id", column)
        status = status[status[column] != ""]
        geo = greece_as_el(status["nuts2_id"])
        if not geo.isin(lists[version]).all():
            stray = geo[~geo.isin(lists[version])].iloc[0]
            raise CompendiumError(f"{source.dataset.file}: {stray} is not in NUTS {version}")
        periods.append(
            pd.DataFrame(
                {"geo": geo, "geo_version": version, "period": period, "status": status[column]}
            )
        )
    return pd.concat(periods, ignore_index=True).sort_values(["period", "geo"])


def erdf_implementation(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Cumulative amounts in EUR by programme, thematic objective and category of region."""
    (source,) = sources
    programmes = source.columns("ms", "CCI", "Programme_Title", "TO", "TO_short")
    detail = pd.DataFrame(
        {
            "country": greece_as_el(programmes["ms"]),
            "programme": programmes["CCI"],
            "programme_title": programmes["Programme_Title"],
            "thematic_objective": programmes["TO"].str.replace(r"^(\d)$", r"0\1", regex=True),
            "objective_title": programmes["TO_short"],
            "category_of_region": source.columns("Category_of_region")["Category_of_region"],
            "year": source.year("year"),
            "eu_planned_eur": source.number("EU_amount_planned"),
            "national_planned_eur": source.number("National_Amount_planned"),
            "total_planned_eur": source.number("Total_Amount_planned"),
            "selected_eur": source.number("total_eligible_cost_decided__selected_"),
            "spent_eur": source.number("total_eligible_spending"),
        }
    )
    return _totals(detail)


def esif_planned(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Planned amounts in EUR by programme, fund, thematic objective and category of region."""
    (source,) = sources
    programmes = source.columns(
        "MS", "CCI", "Programme Title", "Fund", "TO_code", "To short", "Category of region"
    )
    detail = pd.DataFrame(
        {
            "country": greece_as_el(programmes["MS"]),
            "programme": programmes["CCI"],
            "programme_title": programmes["Programme Title"],
            "fund": programmes["Fund"],
            "thematic_objective": programmes["TO_code"],
            "objective_title": programmes["To short"],
            "category_of_region": programmes["Category of region"],
            "eu_planned_eur": source.number("EU Amount"),
            "national_planned_eur": source.number("National Amount"),
            "total_planned_eur": source.number("Total Amount"),
        }
    )
    return _totals(detail)


def _totals(detail: pd.DataFrame) -> pd.DataFrame:
    """Amounts (columns ending in ``_eur``) summed within the other columns, which sort the rows."""
    keys = [column for column in detail.columns if not column.endswith("_eur")]
    totals: pd.DataFrame = detail.groupby(keys, as_index=False).sum(min_count=1)
    return totals.sort_values(keys)


def cordis_cluster_calls(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """One row per project of the cluster calls."""
    (source,) = sources
    projects = source.columns(
        "programme", "call_family", "project_id", "acronym", "title", "topic_code",
        "topic_description", "funding_scheme",
    ).assign(
        n_participations=source.whole("n_participations"),
        eu_contribution_eur=source.number("eu_contribution_eur"),
    )  # fmt: skip
    return projects.sort_values(["programme", "call_family", "project_id"])


def erdf_cluster_operations(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """One row per matched operation: where, when, title, amount and which words matched."""
    (source,) = sources
    text = source.columns("country", "region", "title", "currency", "basis", "source_file")
    operations = pd.DataFrame(
        {
            "country": text["country"],
            "geo": text["region"],
            "geo_version": [("2006" if geo in lists["2006"] else "") for geo in text["region"]],
            "year": source.year("year"),
            "title": text["title"],
            "amount": source.number("amount"),
            "currency": text["currency"],
            "amount_basis": text["basis"],
            "is_cluster": source.columns("is_cluster")["is_cluster"] == "True",
            "is_network": source.columns("is_network")["is_network"] == "True",
            "is_oske": source.columns("is_oske")["is_oske"] == "True",
            "source_list": text["source_file"].str.rsplit("/", n=1).str[-1],
        }
    )
    return operations.sort_values(["geo", "year", "title", "amount", "source_list"])


def poles_facts(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """One row per fact on the French competitiveness clusters."""
    (source,) = sources
    facts = source.columns("scope", "pole", "item", "period", "unit", "url", "confidence")
    facts = facts.assign(value=source.number("value")).rename(columns={"url": "where_read"})
    facts["where_read"] = _public_address(facts["where_read"])
    order = ["scope", "pole", "item", "period", "value", "unit", "confidence", "where_read"]
    return facts[order].sort_values(order)


def policy_effects(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """One row per reported effect: study, programme, outcome, estimate, direction, status."""
    (source,) = sources
    text = source.columns(
        "study", "country", "programme", "level", "outcome", "method", "unit",
        "direction_reported", "sample", "table_or_page", "where_read", "read_from", "status",
    )  # fmt: skip
    effects = text.assign(
        year=source.year("year"),
        estimate=source.number("estimate"),
        std_error=source.number("se"),
        n_obs=source.number("n_obs").astype("Int64"),
        where_read=_public_address(text["where_read"]),
    )
    order = [
        "study", "year", "country", "programme", "level", "outcome", "method", "estimate",
        "std_error", "unit", "direction_reported", "sample", "n_obs", "table_or_page",
        "where_read", "read_from", "status",
    ]  # fmt: skip
    return effects[order].sort_values(["study", "year", "programme", "outcome", "estimate"])


def _public_address(addresses: pd.Series) -> pd.Series:
    return addresses.where(~addresses.str.contains(PRIVATE_SITES), "")


def nuts_names(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Codes of each NUTS version (2006 to 2024), their level, country and names.

    ``label_2026`` is the label in the Eurostat database, on the latest version that holds the
    code (the code may have named another territory before).
    """
    names, labels = sources
    text = names.columns("nuts_version", "nuts_id", "country", "name_latin", "name_national")
    codes = greece_as_el(text["nuts_id"])
    label = labels.columns("geo", "name").set_index("geo")["name"]
    latest = {code: latest_version(code, lists) for code in codes.unique()}
    is_latest = codes.map(latest) == text["nuts_version"]
    table = pd.DataFrame(
        {
            "version": text["nuts_version"],
            "code": codes,
            "level": names.whole("level").astype("int8"),
            "country": greece_as_el(text["country"]),
            "name_latin": text["name_latin"],
            "name_national": text["name_national"],
            "label_2026": codes.map(label).where(is_latest).fillna(""),
        }
    )
    return table.sort_values(["version", "code"])


def nuts_changes(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """One row per territory and step between successive versions: code before, after, change.

    An empty ``from_code`` is a new territory, an empty ``to_code`` a discontinued one; ``change``
    is the label of the correspondence table, ``""`` where the region went on unchanged.
    """
    (source,) = sources
    versions = ["1999", "2003", "2006", "2010", "2013", "2016", "2021"]
    level = source.columns("typology")["typology"].str.extract(r"(\d)$")[0].fillna("0")
    steps = []
    for before, after in pairwise(versions):
        codes = source.columns(f"code_{before}", f"code_{after}", f"change_{after}")
        codes = codes.set_axis(["from_code", "to_code", "change"], axis=1)
        codes = codes.assign(from_version=before, to_version=after, level=level.astype("int8"))
        steps.append(codes[(codes["from_code"] != "") | (codes["to_code"] != "")])
    changes = pd.concat(steps, ignore_index=True)
    changes["from_code"] = greece_as_el(changes["from_code"])
    changes["to_code"] = greece_as_el(changes["to_code"])
    order = ["from_version", "to_version", "level", "from_code", "to_code", "change"]
    return changes[order].drop_duplicates().sort_values(order)


def nuts_flows(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Area (km²) and population (persons) common to a region of one version and one of another."""
    (source,) = sources
    codes = source.columns("from_code", "to_code", "from_version", "to_version")
    flows = codes.assign(
        from_code=greece_as_el(codes["from_code"]),
        to_code=greece_as_el(codes["to_code"]),
        level=source.whole("level").astype("int8"),
        area_km2=source.number("areaKm"),
        pop11=source.number("pop11"),
        pop18=source.number("pop18"),
    )
    return flows.sort_values(["from_version", "to_version", "level", "from_code", "to_code"])


def nuts2_centroids(sources: list[Source], lists: CodeLists) -> pd.DataFrame:
    """Longitude and latitude (degrees) of the area centroid of each NUTS 2 region."""
    (source,) = sources
    codes = source.columns("nuts_version", "nuts_id")
    centroids = pd.DataFrame(
        {
            "version": codes["nuts_version"],
            "geo": greece_as_el(codes["nuts_id"]),
            "lon": source.number("lon"),
            "lat": source.number("lat"),
        }
    )
    return centroids.sort_values(["version", "geo"])


BUILDERS: dict[str, Callable[[list[Source], CodeLists], pd.DataFrame]] = {
    builder.__name__: builder
    for builder in (
        interreg_links,
        cordis_country_links,
        commission_eligibility,
        erdf_implementation,
        esif_planned,
        cordis_cluster_calls,
        erdf_cluster_operations,
        poles_facts,
        policy_effects,
        nuts_names,
        nuts_changes,
        nuts_flows,
        nuts2_centroids,
    )
}
