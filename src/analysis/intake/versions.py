"""The NUTS version of each row, with the evidence said and mixtures asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.intake.gazetteer import ISO3, Gazetteer
from analysis.intake.problems import Problem
from analysis.intake.territories import PANEL_VERSION, Resolved
from analysis.sources.territories import VERSIONS, detect_versions, version_of_codes


@dataclass(frozen=True)
class Versions:
    """Columns ``geo, geo_version, nuts_level`` on the index given; what supports them."""

    frame: pd.DataFrame
    version: str
    evidence: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def assign_versions(
    cells: pd.DataFrame,
    resolved: Mapping[str, Resolved],
    known: Gazetteer,
    declared: str,
    file: str,
) -> Versions:
    """Give every cell its code, version and level.

    cells: ``geo`` (label, resolved), ``year``, ``value``; unique index. A name has one version
    already (:func:`territories.resolve`); codes get that of their country, or, where no version
    holds all codes of a country, that of their country and year.
    """
    places = {label: each.places[-1] for label, each in resolved.items() if each.places}
    frame = pd.DataFrame(
        {
            "geo": cells["geo"].map(lambda label: places[label].code),
            "geo_version": cells["geo"].map(lambda label: places[label].version),
            "nuts_level": cells["geo"].map(lambda label: places[label].level).astype("int8"),
            "country": cells["geo"].map(lambda label: places[label].country),
            "year": cells["year"],
            "has_value": cells["value"].notna(),
            "is_code": cells["geo"].map(lambda label: resolved[label].is_code),
        },
        index=cells.index,
    )
    coded = frame["is_code"] & (frame["geo_version"] != ISO3)
    if declared:
        frame.loc[coded, "geo_version"] = declared
    else:
        frame.loc[coded, "geo_version"] = _of_codes(frame[coded], known)
    shown = frame[["geo", "geo_version", "country", "year"]].drop_duplicates()
    nuts = shown[shown["geo_version"] != ISO3]
    version = _majority(nuts)
    return Versions(
        frame[["geo", "geo_version", "nuts_level"]],
        version,
        _evidence(nuts, version, known, declared),
        tuple(_mixtures(nuts, file)) if not declared else (),
    )


def _of_codes(rows: pd.DataFrame, known: Gazetteer) -> pd.Series:
    lists = known.code_lists
    # Countries alone do not tell versions apart.
    regions = sorted(set(rows.loc[rows["nuts_level"] > 0, "geo"]))
    overall = version_of_codes(regions, PANEL_VERSION, lists) or PANEL_VERSION
    by_country: dict[str, str] = {}
    for country, codes in rows.groupby("country")["geo"].unique().items():
        by_country[country] = version_of_codes(codes, overall, lists) or overall
    versions = rows["country"].map(by_country)
    covered = pd.Series(
        [code in lists[version] for code, version in zip(rows["geo"], versions, strict=True)],
        index=rows.index,
    )
    for country in sorted(set(rows.loc[~covered, "country"])):
        mine = rows[rows["country"] == country]
        versions[mine.index] = detect_versions(
            mine["geo"],
            mine["country"] + mine["year"].astype(str),
            mine["has_value"],
            by_country[country],
            lists,
        )
    return versions


def _majority(shown: pd.DataFrame) -> str:
    codes = shown[["geo", "geo_version"]].drop_duplicates()
    counts = codes["geo_version"].value_counts()
    if counts.empty:
        return ""
    best = [version for version in VERSIONS if counts.get(version, 0) == counts.max()]
    return min(best, key=lambda version: abs(int(version) - int(PANEL_VERSION)))


def _evidence(
    shown: pd.DataFrame, version: str, known: Gazetteer, declared: str
) -> tuple[str, ...]:
    codes = sorted(set(shown["geo"]))
    if not codes:
        return ()
    if declared:
        return (f"NUTS {declared}, as declared",)
    lists = known.code_lists
    inside = [code for code in codes if code in lists[version]]
    same = [each for each in VERSIONS if all(code in lists[each] for code in codes)]
    lines = [f"{len(inside)} of {len(codes)} codes belong to NUTS {version}"]
    if len(same) > 1 and version in same:
        lines = [
            f"all {len(codes)} codes are in NUTS {', '.join(same)}; they are read as NUTS {version}"
        ]
    for other in VERSIONS:
        if other != version:
            mine = shown[shown["geo_version"] == other]
            lines += _exceptions(mine, other, lists[version])
    return tuple(lines)


def _exceptions(mine: pd.DataFrame, version: str, usual: frozenset[str]) -> list[str]:
    codes = sorted(set(mine["geo"]) - usual)
    if not codes:
        return []
    listed = ", ".join(codes[:8]) + (", …" if len(codes) > 8 else "")
    countries = ", ".join(sorted({code[:2] for code in codes}))
    return [f"{len(codes)} of NUTS {version} only ({countries}: {listed})"]


def _mixtures(shown: pd.DataFrame, file: str) -> list[Problem]:
    """A question for each country with codes of several versions in one year."""
    mixed: dict[str, list[str]] = {}
    for (country, year), rows in shown.groupby(["country", "year"], sort=True):
        if rows["geo_version"].nunique() > 1:
            mixed.setdefault(str(country), []).append(str(year))
    problems = []
    for country, years in mixed.items():
        rows = shown[(shown["country"] == country) & shown["year"].astype(str).isin(years)]
        parts = [
            f"{_listed(sorted(set(each['geo'])))} of NUTS {version}"
            for version, each in rows.groupby("geo_version", sort=True)
        ]
        problems.append(
            Problem(
                file,
                "nuts.mixed",
                f"{country} has in one year ({_listed(years)}) codes of several versions: "
                + "; ".join(parts),
                "correct the codes, say the version with --nuts, or accept it with "
                "--accept nuts.mixed",
                severity="question",
                value=country,
            )
        )
    return problems


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:5]) + (", …" if len(texts) > 5 else "")
