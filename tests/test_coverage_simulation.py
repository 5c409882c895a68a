"""The Monte-Carlo harness: it is reproducible, finds what is known, and its table is complete."""

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from benchmarks.interval_coverage import page, procedures, replication, samples
from benchmarks.interval_coverage.__main__ import DOCS, REPLICATIONS
from benchmarks.interval_coverage.designs import Design, designs
from benchmarks.interval_coverage.replication import generator, simulate

DESIGNS = designs()


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return page.read_results(DOCS / "coverage.csv")


def design_named(name: str, n: int, t: int):
    (found,) = [d for d in DESIGNS if (d.name, d.n, d.t) == (name, n, t)]
    return found


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: f"{d.name}-{d.n}-{d.t}")
def test_every_design_runs(design) -> None:
    result = simulate(design, 3)
    assert result["size"].between(0, 1).all()
    of_coefficients = result[result["kind"] != "test"]
    assert of_coefficients["coverage"].between(0, 1).all()
    estimated = result[result["kind"] == "interval"]
    assert np.isfinite(estimated[["truth", "bias", "median_bias", "spread"]].to_numpy()).all()


def test_a_design_gives_the_same_table_each_time() -> None:
    design = design_named("counts", 30, 5)
    pd.testing.assert_frame_equal(simulate(design, 4), simulate(design, 4))


def test_the_seed_changes_the_draws() -> None:
    design = design_named("serial", 30, 5)
    other = simulate(design, 4, seed=1)
    assert (simulate(design, 4)["bias"] != other["bias"]).all()


def test_replications_and_designs_have_draws_of_their_own() -> None:
    serial, country = design_named("serial", 30, 5), design_named("country shocks", 30, 5)
    firsts = {
        generator(design, replication, 1).standard_normal()
        for design in (serial, country)
        for replication in range(3)
    }
    assert len(firsts) == 6


def test_clustered_intervals_cover_in_many_independent_regions() -> None:
    design = design_named("serial", 270, 5)
    result = simulate(design, 150).set_index("procedure")
    row = result.loc["within, by region, nested effects not counted"]
    assert abs(row["coverage"] - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 150)
    assert abs(row["bias"]) < 3 * row["bias_error"]
    assert abs(row["se_ratio"] - 1) < 0.25


def test_an_inconsistent_estimator_is_found_out() -> None:
    result = simulate(design_named("serial, effects in x", 270, 20), 20)
    assert result["coverage"].item() == 0
    assert result["verdict"].item() == "too short"
    assert result["bias"].item() > 0.1


def test_fits_that_fail_are_counted_and_left_out() -> None:
    def sometimes_constant(rng: np.random.Generator):
        frame, truths = samples.panel(rng, 30, 5)
        return (frame.assign(x=1.0) if rng.uniform() < 0.5 else frame), truths

    design = Design("broken", 30, 5, sometimes_constant, procedures.within("classical"))
    row = simulate(design, 20).iloc[0]
    assert 0 < row["undefined"] < 20
    assert math.isfinite(row["bias"])


def test_a_design_without_any_result_is_an_error() -> None:
    process = partial(samples.panel, n=30, t=5)
    missing = procedures.one("within", "never", vcov="no such covariance")
    with pytest.raises(RuntimeError, match="never: no replication gave a result"):
        simulate(Design("broken", 30, 5, process, (missing,)), 2)


def test_autoregressive_series_have_unit_variance_and_the_persistence_asked_for() -> None:
    series = samples.autoregressive(np.random.default_rng(0), 20_000, 5, 0.6)
    np.testing.assert_allclose(series.std(axis=0), 1, atol=0.02)
    assert np.corrcoef(series[:, 3], series[:, 4])[0, 1] == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("regions", [30, 270])
def test_countries_are_all_there_and_uneven(regions: int) -> None:
    sizes = np.bincount(samples.country_codes(regions))
    assert len(sizes) == samples.COUNTRIES[regions] and sizes.sum() == regions
    assert sizes.min() >= 1 and sizes.max() >= 3 * sizes.min()


@pytest.mark.parametrize(
    ("accepted", "kind", "expected"),
    [
        (0.899, "interval", "too short"),
        (0.90, "interval", ""),
        (0.99, "interval", ""),
        (0.991, "confidence set", "too long"),
        (0.85, "test", "rejects too often"),
        (1.0, "test", "rejects too rarely"),
    ],
)
def test_verdicts(accepted: float, kind: str, expected: str) -> None:
    assert replication.verdict(accepted, kind) == expected


def test_the_committed_table_has_every_design_and_procedure(committed: pd.DataFrame) -> None:
    expected = [
        (design.name, design.n, design.t, target.label)
        for design in DESIGNS
        for procedure in design.procedures
        for target in procedure.targets
    ]
    found = committed[["design", "n", "t", "procedure"]].itertuples(index=False, name=None)
    assert list(found) == expected
    assert not committed.duplicated(["design", "n", "t", "procedure"]).any()


def test_the_committed_table_is_of_full_length(committed: pd.DataFrame) -> None:
    assert (committed["replications"] == REPLICATIONS).all()
    assert (committed["undefined"] < 0.05 * committed["replications"]).all()
    is_test = committed["kind"] == "test"
    assert committed.loc[~is_test, "coverage"].between(0, 1).all()
    assert committed["size"].between(0, 1).all()
    verdicts = [
        replication.verdict(1 - size, kind)
        for size, kind in zip(committed["size"], committed["kind"], strict=True)
    ]
    assert committed["verdict"].tolist() == verdicts


def test_the_committed_table_is_what_the_harness_gives(committed: pd.DataFrame) -> None:
    design = design_named("serial, effects in x", 30, 5)
    (result,) = simulate(design, REPLICATIONS).to_dict("records")
    is_row = (committed["design"] == design.name) & (committed["n"] == 30) & (committed["t"] == 5)
    (row,) = committed[is_row].to_dict("records")
    for column in ("bias", "median_bias", "spread", "se_ratio", "coverage", "coverage_error"):
        assert row[column] == pytest.approx(result[column], abs=2e-4), column


def test_the_page_is_made_of_the_table_and_the_text(committed: pd.DataFrame) -> None:
    template = page.TEMPLATE.read_text(encoding="utf-8")
    written = (DOCS / "coverage.md").read_text(encoding="utf-8")
    assert page.document(committed, template) == written
    for design in DESIGNS:
        assert f"| {design.name} | {design.n} |" in written


def test_a_number_that_is_not_in_the_table_cannot_be_quoted(committed: pd.DataFrame) -> None:
    with pytest.raises(KeyError):
        page.document(committed, "[[serial | 30 | 5 | no such procedure]]")
    with pytest.raises(ValueError, match="no design starts with"):
        page.document(committed, "[[table: no such design]]")
