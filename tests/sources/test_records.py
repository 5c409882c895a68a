"""Tables that are not observations."""

import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.sources import records
from analysis.sources.declared import DeclaredDataset

LISTS = {
    "2006": frozenset({"EL11"}),
    "2013": frozenset({"AT11", "DE11", "EL51"}),
    "2024": frozenset({"AT11"}),
}


def source(columns: dict[str, list[str]], code: str = "d", file: str = "f.csv") -> records.Source:
    dataset = DeclaredDataset(
        code=code, title="", publisher="p", vintage="v", address="", taken_from="", note="",
        file=file, source_rows=1,
    )  # fmt: skip
    return records.Source(pd.DataFrame(columns, dtype=str), dataset)


def interreg(nuts2_b: str = "DE11") -> list[records.Source]:
    recent = source(
        {
            "nuts2_a": ["AT11"],
            "nuts2_b": [nuts2_b],
            "start_year": ["2016"],
            "n_shared_projects": ["3"],
            "n_shared_cluster_theme": ["0"],
            "n_shared_rdi_theme": ["2"],
        },
        "recent",
    )
    early = source(
        {
            "nuts2_a": ["AT11"],
            "nuts2_b": ["DE11"],
            "period": ["2007-2013"],
            "n_shared_projects": ["5"],
        },
        "early",
    )
    return [recent, early]


def test_links_by_theme_and_period() -> None:
    links = records.interreg_links(interreg(), LISTS)
    facts = links[["dataset", "theme", "year", "period", "n_projects"]].to_numpy().tolist()
    assert facts == [
        ["early", "all", 2007, "2007-2013", 5],
        ["recent", "all", 2016, "2014-2020", 3],
        ["recent", "rdi", 2016, "2014-2020", 2],
    ]


def test_link_to_a_region_of_another_version_is_refused() -> None:
    with pytest.raises(CompendiumError, match="FRF2 is not a NUTS 2013 region"):
        records.interreg_links(interreg("FRF2"), LISTS)


def test_fractional_count_is_located() -> None:
    with pytest.raises(CompendiumError, match=r"f\.csv: row 2, column n: '1\.5' is not a whole"):
        source({"n": ["1.5"]}).whole("n")
    with pytest.raises(CompendiumError, match="'' is not a whole number"):
        source({"n": [""]}).whole("n")


def test_missing_column_is_named() -> None:
    with pytest.raises(CompendiumError, match=r"f\.csv: no column country_a"):
        records.cordis_country_links([source({"country_b": ["AT"]})], LISTS)


def test_eligibility_on_the_version_of_each_period() -> None:
    status = {
        "nuts2_id": ["GR11", "EL51"],
        "eligibility_2007_2013": ["Convergence regions", ""],
        "eligibility_2014_2020": ["", "Less developed regions"],
    }
    rows = records.commission_eligibility([source(status)], LISTS).to_numpy().tolist()
    assert rows == [
        ["EL11", "2006", "2007-2013", "Convergence regions"],
        ["EL51", "2013", "2014-2020", "Less developed regions"],
    ]
    status["nuts2_id"] = ["GR11", "FRF2"]
    with pytest.raises(CompendiumError, match="FRF2 is not in NUTS 2013"):
        records.commission_eligibility([source(status)], LISTS)


def test_programmes_are_summed_over_priorities() -> None:
    detail = {
        "ms": ["GR", "GR"],
        "CCI": ["P1", "P1"],
        "Programme_Title": ["Attica", "Attica"],
        "TO": ["1", "1"],
        "TO_short": ["Research", "Research"],
        "Category_of_region": ["VOID", "VOID"],
        "year": ["2018", "2018"],
        "EU_amount_planned": ["10", "5"],
        "National_Amount_planned": ["1", ""],
        "Total_Amount_planned": ["11", "5"],
        "total_eligible_cost_decided__selected_": ["", ""],
        "total_eligible_spending": ["0", "0"],
    }
    row = records.erdf_implementation([source(detail)], LISTS).iloc[0]
    assert row[["country", "thematic_objective", "eu_planned_eur"]].tolist() == ["EL", "01", 15.0]
    assert pd.isna(row["selected_eur"])
    assert row["spent_eur"] == 0.0


def test_changes_between_successive_versions() -> None:
    versions = ["1999", "2003", "2006", "2010", "2013", "2016", "2021"]
    codes = {f"code_{version}": [""] for version in versions}
    codes |= {f"change_{version}": [""] for version in versions[1:]}
    codes |= {"typology": ["nuts_level_2"], "code_2006": ["GR11"], "code_2010": ["EL11"]}
    changes = records.nuts_changes([source(codes)], LISTS)
    assert changes.to_numpy().tolist() == [
        ["2003", "2006", 2, "", "EL11", ""],
        ["2006", "2010", 2, "EL11", "EL11", ""],
        ["2010", "2013", 2, "EL11", "", ""],
    ]


def test_labels_go_to_the_latest_version_of_a_code() -> None:
    names = source(
        {
            "nuts_version": ["2013", "2024"],
            "nuts_id": ["AT11", "AT11"],
            "level": ["2", "2"],
            "country": ["AT", "AT"],
            "name_latin": ["Burgenland", "Burgenland"],
            "name_national": ["Burgenland", "Burgenland"],
        }
    )
    labels = source({"geo": ["AT11", "EU27_2020"], "name": ["Burgenland (AT)", "Union"]})
    table = records.nuts_names([names, labels], LISTS)
    assert table["label_2026"].tolist() == ["", "Burgenland (AT)"]
