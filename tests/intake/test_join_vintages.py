"""Newer vintages of carried datasets take their place by the compiler's own code."""

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from joined_project import at, root, table

from analysis import CompendiumError, paths, sources
from analysis.intake.bring import bring
from analysis.intake.gazetteer import gazetteer
from analysis.intake.overlay import join
from analysis.intake.vintage import recompiled
from analysis.panel.manifest import read_manifest
from analysis.sources.declared import DeclaredDataset, declaration

EVERY = [
    (table, dataset)
    for table, declared in declaration().tables.items()
    for dataset in declared.datasets
]
#: In CI every builder of records and four tables of observations; all of them at night.
SOME = ("tgs00042", "demo_r_d2jan", "h2020_country", "uk_h2020_nuts3")
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CHOSEN = [
    (table, dataset)
    for table, dataset in EVERY
    if NIGHTLY
    or dataset.code in SOME
    or (dataset.layout is None and dataset.code != "jrc_nuts_converter")
]


@pytest.fixture(autouse=True)
def project() -> Iterator[None]:
    with at(root()):
        yield


def text(shared_data: Path, dataset: DeclaredDataset) -> pd.DataFrame:
    return pd.read_csv(shared_data / dataset.file, dtype=str, keep_default_na=False)


def compiled(name: str, dataset: DeclaredDataset, frame: pd.DataFrame) -> pd.DataFrame:
    carried = sources.read(name)
    return recompiled(name, dataset, frame, "newer.csv", carried, gazetteer().code_lists)


def in_order(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows sorted, whole numbers with gaps as floats, as Parquet gives them back."""
    plain = frame[columns].apply(
        lambda column: column.astype(float) if str(column.dtype).startswith("Int") else column
    )
    return plain.sort_values(columns, ignore_index=True)


@pytest.mark.parametrize(
    ("name", "dataset"), CHOSEN, ids=[f"{n}-{d.code}-{d.vintage}" for n, d in CHOSEN]
)
def test_the_file_the_project_was_compiled_from_gives_the_table_again(name, dataset, shared_data):
    carried = sources.read(name)
    again = compiled(name, dataset, text(shared_data, dataset))
    columns = list(carried.columns)
    if dataset.layout is None:
        assert again.dtypes.astype(str).to_dict() == carried.dtypes.astype(str).to_dict()
    pd.testing.assert_frame_equal(
        in_order(again, columns), in_order(carried, columns), check_dtype=False
    )


def altered(shared_data: Path, tmp_path: Path, code: str, name: str, change) -> Path:
    (dataset,) = [d for n, d in EVERY if d.code == code and n == name]
    frame = change(text(shared_data, dataset))
    path = tmp_path / f"{code}-newer.csv"
    frame.to_csv(path, index=False)
    return path


def test_newer_vintages_of_every_kind_rebuild_the_panel(shared_data, tmp_path):
    """Observations of regions and countries, links, and records: one run of the whole path."""

    def revised(frame: pd.DataFrame) -> pd.DataFrame:
        later = frame[frame["time"].eq("2024") & frame["geo"].eq("FR10")].assign(time="2025")
        here = frame["geo"].eq("FR10") & frame["time"].eq("2015")
        frame.loc[here, "value"] = "55.5"
        gone = frame["geo"].eq("AT11") & frame["time"].eq("2015")
        return pd.concat([frame[~gone], later])

    def doubled(frame: pd.DataFrame) -> pd.DataFrame:
        value = next(name for name in frame if name.startswith("n_shared"))
        return frame.assign(**{value: (2 * frame[value].astype(int)).astype(str)})

    def promoted(frame: pd.DataFrame) -> pd.DataFrame:
        here = frame["nuts2_id"].eq("FR10")
        frame.loc[here, "eligibility_2014_2020"] = "Less developed regions"
        return frame

    files = [
        altered(shared_data, tmp_path, "tgs00007", "eurostat_labour", revised),
        altered(shared_data, tmp_path, "keep_2014_2020", "interreg_links", doubled),
        altered(shared_data, tmp_path, "eligibility", "commission_eligibility", promoted),
    ]
    brought = bring(files, {}, accept_questions=True)
    assert [one.checked.recognised.table for one in brought] == [
        "eurostat_labour", "interreg_links", "commission_eligibility"
    ]  # fmt: skip
    found = join(brought)

    def new(name: str) -> pd.DataFrame:
        return pd.read_parquet(found.processed / f"{name}.parquet")

    rates = new("regions").set_index(["geo", "year"])["employment_rate_pct"]
    assert rates["FR10", 2015] == 55.5
    assert pd.isna(rates["AT11", 2015])
    here, before = new("links"), table("links")
    period = here["period"].eq("2014-2020") & here["source"].eq("interreg")
    weights = [column for column in here if here[column].dtype.kind in "if" and column != "year"]
    assert here.loc[period, weights].sum().sum() > before.loc[period, weights].sum().sum()
    status = new("eligibility").set_index(["geo", "period"])["status"]
    assert status["FR10", "2014-2020"] == "Less developed regions"
    # A year more than the panel had: the panel follows, and only its figure is new.
    assert rates["FR10", 2025] == rates["FR10", 2024]
    assert read_manifest(found.processed)["years"] == [1977, 2025]
    changes = pd.read_csv(found.folder / "report" / "changes.csv")
    later = changes[changes["year"].eq(2025) & changes["table"].eq("regions")]
    assert later[["place", "column", "kind"]].to_numpy().tolist() == [
        ["FR10", "employment_rate_pct", "new"]
    ]
    rate = changes[changes["column"].eq("employment_rate_pct") & changes["year"].eq(2015)]
    assert set(zip(rate["place"], rate["kind"], strict=True)) >= {
        ("FR10", "changed"), ("AT11", "withdrawn")
    }  # fmt: skip
    with paths.reading(found.processed):
        labour = sources.read("eurostat_labour")
        title = sources.catalogue().tables["eurostat_labour"].title
    assert labour["vintage"].eq("2026-02").any(), "found by the name of what it stands in for"
    assert title.endswith("[with figures of tgs00007-newer.csv, keep_2014_2020-newer.csv, "
                          "eligibility-newer.csv]")  # fmt: skip


def test_a_vintage_with_a_stray_cell_is_refused_where_it_stands(shared_data):
    (dataset,) = [d for n, d in EVERY if n == "interreg_links" and d.code == "keep_2014_2020"]
    frame = text(shared_data, dataset)
    frame.loc[4, "n_shared_projects"] = "2.5"
    with pytest.raises(CompendiumError) as error:
        compiled("interreg_links", dataset, frame)
    assert str(error.value) == (
        "newer.csv: row 6, column n_shared_projects: '2.5' is not a whole number"
    )
    frame.loc[4, ["n_shared_projects", "nuts2_a"]] = ["2", "QQ99"]
    with pytest.raises(CompendiumError) as error:
        compiled("interreg_links", dataset, frame)
    assert str(error.value) == "interreg_links: QQ99 is not a NUTS 2013 region"
