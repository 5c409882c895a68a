"""A copy of the data with files joined to it: new columns, existing ones, refusals, reports."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joined_project import at, checked, root, table

from analysis import CompendiumError, panel, paths, sources
from analysis.intake.checked import Checked, Indicator
from analysis.intake.declaration import Declaration, DeclaredIndicator
from analysis.intake.existing import Rule
from analysis.intake.overlay import Brought, Joined, Rules, join
from analysis.intake.problems import Problem
from analysis.panel.codebook import variables, with_role
from analysis.panel.manifest import read_manifest

FIRMS = Indicator("firms", "=Firms <b>", "NR", "count")
GRANTS = Indicator("grants", "Aides (k€)", "EUR", "money", "k€", 1000.0)
PATENTS = Indicator("patents", "Patents", "NR", "count")
YEARS = range(2000, 2013)
FRENCH = ("FR10", "FR21", "FR22", "FR23")


@pytest.fixture(autouse=True)
def project() -> Iterator[None]:
    with at(root()):
        yield


def bring(tmp_path: Path, file: Checked, declared: Declaration | None = None) -> Brought:
    path = tmp_path / file.file
    path.write_bytes(file.observations.to_csv().encode())
    return Brought(path, file, declared or Declaration())


def joined(tmp_path: Path, file: Checked, existing: Rule = "refuse") -> Joined:
    return join([bring(tmp_path, file)], Rules(existing))


def figures(name: str, value: float = 10.0, geos=FRENCH, years=YEARS):
    return [(geo, "2013", 2, year, name, value) for geo in geos for year in years]


def read(found: Joined, name: str = "regions") -> pd.DataFrame:
    return pd.read_parquet(found.processed / f"{name}.parquet")


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_money_joins_with_its_sum_per_head_as_a_fund(tmp_path):
    own = bytes_of(paths.PROCESSED)
    found = joined(tmp_path, checked(figures("grants", 5e6), GRANTS))
    regions = read(found)
    paris = regions[regions["geo"].eq("FR10") & regions["year"].eq(2010)].iloc[0]
    assert paris["grants"] == 5e6
    assert paris["grants_per_head"] == pytest.approx(5e6 / paris["population"])
    assert "grants" not in variables()
    with paths.reading(found.processed):
        assert "grants_per_head" in with_role("treatment")
        assert "grants_per_head" not in with_role("outcome"), "a fund is nothing to be explained"
        declared = variables()["grants_per_head"]
        assert declared.label_en == "Aides, per head"
        assert declared.label_fr == "Aides, par habitant"
        assert declared.unit_fr == "EUR par habitant"
        assert declared.source == "mine.csv (SHA-256 000000000000)"
        assert panel.build().built is False
    codebook = pd.read_csv(found.processed / "codebook.csv").set_index(["table", "column"])
    row = codebook.loc[("regions", "grants_per_head")]
    assert (row["first_year"], row["last_year"], row["n_units"]) == (2000, 2012, len(FRENCH))
    old = table("regions")
    assert regions[list(old)].equals(old)
    assert bytes_of(paths.PROCESSED) == own, "the project's own tables are as they were"


def test_the_same_files_are_joined_once_and_give_the_same_bytes(tmp_path):
    rows = figures("firms")
    first = joined(tmp_path, checked(rows, FIRMS))
    stamp = (first.processed / "build.json").stat().st_mtime_ns
    content = bytes_of(first.folder)
    assert joined(tmp_path, checked(rows, FIRMS)) == first
    assert (first.processed / "build.json").stat().st_mtime_ns == stamp
    (first.processed / "regions.parquet").write_bytes(b"spoilt")
    left = first.folder.parent / ".left.tmp-99999999"
    left.mkdir()
    with paths.reading(first.processed), pytest.raises(CompendiumError) as error:
        panel.build()
    assert "tables changed or vanished since your files were joined" in str(error.value)
    joined(tmp_path, checked(rows, FIRMS))
    assert bytes_of(first.folder) == content
    assert not list(first.folder.parent.glob(".*")), "no work folder is left"


def test_text_of_a_file_is_harmless_where_it_is_shown(tmp_path):
    found = joined(tmp_path, checked(figures("firms"), FIRMS, file="=cmd|x.csv"))
    own = json.loads((found.processed / "own.json").read_text())
    assert [one["label_en"] for one in own["variables"]] == [
        "Firms b", "Firms b, per million inhabitants"
    ]  # fmt: skip
    assert own["variables"][0]["source"].startswith("cmd|x.csv")
    for path in (found.folder / "report").glob("*.csv"):
        with path.open(newline="") as file:
            for row in csv.reader(file):
                assert not any(cell.startswith(("=", "@", "\t", "\r")) for cell in row), path
    page = (found.folder / "report" / "changes.fr.html").read_text(encoding="utf-8")
    assert '<html lang="fr">' in page
    assert "Ce que vos fichiers ont changé" in page


def test_replacing_columns_changes_what_is_made_from_them(tmp_path):
    """A regional series, one of countries, and payments, in one file."""
    gerd = Indicator("gerd_pct_gdp", "GERD", "PC_GDP", "rate", denominator="gdp_mio_eur")
    erdf = Indicator("erdf_eur", "ERDF", "EUR", "money")
    rows = figures("patents", 12.0) + figures("erdf_eur", 1e6, years=(2010, 2011))
    rows += [("FR", "2013", 0, year, "gerd_pct_gdp", 9.0) for year in (2005, 2006)]
    found = joined(tmp_path, checked(rows, PATENTS, gerd, erdf), "replace")
    new, old = read(found), table("regions")
    here = new["geo"].isin(FRENCH) & new["year"].isin(YEARS)
    assert (new.loc[here, "patents"] == 12.0).all()
    assert np.allclose(
        new.loc[here, "patents_per_million"], 12e6 / new.loc[here, "population"], rtol=1e-12
    )
    elsewhere = new["level"].eq(2) & new["country"].eq("FR") & ~new["geo"].isin(FRENCH)
    assert new.loc[elsewhere, "patents"].isna().all(), "France is the file's"
    paris = new[new["geo"].eq("FR10")].set_index("year")["erdf_eur"].dropna()
    assert paris.to_dict() == {2010: 1e6, 2011: 1e6}
    countries = read(found, "countries")
    france = countries[countries["country"].eq("FR")].set_index("year")["gerd_pct_gdp"].dropna()
    assert france.to_dict() == {2005: 9.0, 2006: 9.0}
    abroad = new["level"].eq(2) & new["country"].ne("FR")
    for column in old:
        assert new.loc[abroad, column].equals(old.loc[abroad, column]), column
    with paths.reading(found.processed):
        raw = sources.read("commission_payments")
    assert (raw["flag"] == "own").sum() == len(FRENCH) * 2, "the ledger holds for the new table"

    changes = pd.read_csv(found.folder / "report" / "changes.csv")
    assert set(changes["country"]) == {"FR"}
    regional = set(changes.loc[changes["table"].eq("regions"), "column"])
    assert regional == {
        "patents", "patents_per_million", "erdf_eur", "erdf_eur_per_head",
        "structural_funds_eur_per_head",
    }, "people, who are partly read from patents, are not touched"  # fmt: skip
    assert {"changed", "withdrawn"} <= set(changes["kind"])
    page = (found.folder / "report" / "changes.en.html").read_text(encoding="utf-8")
    assert "EPO patent applications per million inhabitants" in page


def test_extending_a_column_fills_what_is_missing_and_years_follow(tmp_path):
    """Also a column of one's own with years that the panel does not have."""
    rows = figures("patents", 12.0, years=range(2011, 2016)) + figures("firms", years=(1970, 2026))
    rows += [
        (geo, "ISO3", 0, 2026, "firms", 99.0) for geo in ("USA", "ABW")
    ] + [("TR", "2021", 0, 2026, "firms", 98.0)]  # fmt: skip
    found = joined(tmp_path, checked(rows, PATENTS, FIRMS), "extend")
    new = read(found)
    _require_years_of_the_file(found, new)
    new, old = new[new["year"].between(1977, 2024)].reset_index(drop=True), table("regions")
    known = old["patents"].notna() & old["level"].eq(2)
    assert new.loc[known, "patents"].equals(old.loc[known, "patents"])
    for column in set(old) - {"patents", "patents_per_million"}:
        assert new[column].equals(old[column]), column
    later = new["geo"].isin(FRENCH) & new["year"].between(2013, 2015)
    assert (new.loc[later, "patents"] == 12.0).all()
    changes = pd.read_csv(found.folder / "report" / "changes.csv")
    assert set(changes["kind"]) == {"new"}
    assert set(changes["year"]) == {2013, 2014, 2015}


def _require_years_of_the_file(found: Joined, regions: pd.DataFrame) -> None:
    assert read_manifest(found.processed)["years"] == [1970, 2026]
    assert set(regions["year"]) == set(range(1970, 2027))
    later = regions[regions["geo"].eq("FR10") & regions["year"].eq(2026)].iloc[0]
    assert (later["firms"], later["country"], later["name"]) == (10.0, "FR", "Île de France")
    assert later["gdp_2015_mio_eur"] > 0
    assert np.isnan(later["population"])
    countries = read(found, "countries").set_index(["country", "year"])["firms"]
    assert countries["USA", 2026] == 99.0
    assert countries["TUR", 2026] == 98.0, "the panel knows Türkiye by its ISO 3166 code"
    unplaced = pd.read_csv(found.folder / "report" / "not_placed.csv")
    why = unplaced[["indicator", "geo", "why"]].itertuples(index=False, name=None)
    assert sorted(set(why)) == [
        ("firms", "ABW", "the panel does not have this country"),
        *(
            (
                "firms_per_million", geo,
                "residents of that year are not known: firms is there, not firms_per_million",
            )
            for geo in FRENCH
        ),
        *(("patents", geo, "the panel has a figure, which stands") for geo in sorted(FRENCH)),
    ]  # fmt: skip


def test_figures_of_levels_that_a_column_is_not_made_of_are_told(tmp_path):
    rows = figures("patents", 12.0, years=(2010,))
    rows += [("FR2", "2013", 1, 2010, "patents", 30.0), ("FR", "2013", 0, 2010, "patents", 90.0)]
    found = joined(tmp_path, checked(rows, PATENTS), "replace")
    lost = pd.read_csv(found.folder / "report" / "not_placed.csv").set_index("geo")
    assert lost["value"].to_dict() == {"FR2": 30.0, "FR": 90.0}
    assert set(lost["why"]) == {"the panel does not make this column of figures of this level"}
    assert found.changed == len(pd.read_csv(found.folder / "report" / "changes.csv")) > 0


REFUSED: dict[str, tuple[Checked, Rule, str]] = {
    "existing": (
        checked(figures("patents"), PATENTS),
        "refuse",
        "mine.csv: 'patents' is already a column of the panel (EPO patent applications, "
        "applications (fractional, priority year)); say --existing replace (the file's figures "
        "take its place in the countries the file covers) or --existing extend (they fill what is "
        "missing), or give the indicator another name in the declaration",
    ),
    "unit": (
        checked(
            figures("patents"),
            Indicator("patents", "Patents", "P_MHAB", "rate", denominator="population"),
        ),
        "replace",
        "mine.csv: patents is in 'applications (fractional, priority year)' in the panel and in "
        "'P_MHAB' in the file; the two cannot be set in one column: declare the right unit, or "
        "give the indicator another name",
    ),
    "computed": (
        checked(
            figures("patents_per_million"),
            Indicator("patents_per_million", "P", "P_MHAB", "rate", denominator="population"),
        ),
        "replace",
        "mine.csv: 'patents_per_million' is a column of the panel that is computed (patents / "
        "population (regions); as published (nuts3)) or has no figures at the levels of the file; "
        "bring the figures it is made of, or give the indicator another name in the declaration",
    ),
    "name": (
        checked(figures("y"), Indicator("y", "y", "NR", "count")),
        "refuse",
        "mine.csv: 'y' cannot be the name of an indicator: give three letters or more, not "
        "beginning with log_, level_, growth_, x_, dose, lag_, erdf_x_ (name: in the declaration)",
    ),
    "taken per head": (
        checked(figures("erdf_modelled"), Indicator("cluster_eur", "c", "EUR", "money")),
        "refuse",
        "mine.csv: no figure of 'cluster_eur' finds a place in the panel: there is none",
    ),
    "made up already": (
        checked(figures("cluster_eur"), Indicator("cluster_eur", "c", "EUR", "money")),
        "refuse",
        "'cluster_eur_per_head' is a column of the panel already; give the indicator another name",
    ),
    "no place": (
        checked([("FR10", "", 2, 2000, "firms", 1.0)], FIRMS),
        "refuse",
        "mine.csv: no figure of 'firms' finds a place in the panel: the code is of no version of "
        "NUTS that flows exist for",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_leaves_nothing(case, tmp_path):
    file, rule, message = REFUSED[case]
    before = set((root() / "data").rglob("*"))
    with pytest.raises(CompendiumError) as error:
        joined(tmp_path, file, rule)
    assert str(error.value) == message
    made = set((root() / "data").rglob("*")) - before
    assert made <= {root() / "data" / "processed-own"}


def test_an_indicator_may_be_in_one_file_only(tmp_path):
    one = bring(tmp_path, checked(figures("firms"), FIRMS))
    other = bring(tmp_path, checked(figures("firms"), FIRMS, file="other.csv"))
    with pytest.raises(CompendiumError) as error:
        join([one, other])
    assert str(error.value) == (
        "firms is in mine.csv and in other.csv: give it once, or under two names"
    )


def test_questions_must_be_answered_or_accepted(tmp_path):
    file = checked(figures("firms"), FIRMS)
    doubt = Problem("mine.csv", "scale.series", "a thousand times", "correct it", "question")
    object.__setattr__(file, "problems", (doubt,))
    one = bring(tmp_path, file)
    with pytest.raises(CompendiumError, match="raises questions to be answered first"):
        join([one])
    accepted = Brought(one.path, file, one.declared, questions_accepted=True)
    own = json.loads((join([accepted]).processed / "own.json").read_text())
    assert own["files"][0]["questions_accepted"] == ["scale.series"]


def test_declared_labels_are_used_in_both_languages(tmp_path):
    declared = Declaration(
        indicators={"=Firms <b>": DeclaredIndicator(label_en="Firms", label_fr="Entreprises")}
    )
    found = join([bring(tmp_path, checked(figures("firms"), FIRMS), declared)])
    with paths.reading(found.processed):
        assert variables()["firms"].label_fr == "Entreprises"
        assert variables()["firms_per_million"].label_fr == "Entreprises, par million d’habitants"
