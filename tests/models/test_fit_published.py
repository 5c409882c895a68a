"""Printed numbers of published studies whose data lie beside the project."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.models import Specification, fit


@pytest.fixture()
def studies(shared_data: Path) -> Path:
    return shared_data / "studies"


def printed(folder: Path, column: str) -> pd.DataFrame:
    table = pd.read_csv(folder / "published.csv")
    table = table[table["column_label"] == column]
    return table.pivot_table(index="row_label", columns="statistic", values="printed_value")


@pytest.mark.parametrize(
    ("cluster", "column", "statistic"),
    [
        (("firm",), "clustered by firm", "se_cluster"),
        (("year",), "clustered by year", "se_cluster"),
        (("firm", "year"), "clustered by firm and year", "se_cluster2"),
    ],
)
def test_petersen_clustered_errors(studies, cluster, column, statistic):
    """Petersen (2009), the author's page of results for his test data."""
    folder = studies / "petersen2009"
    spec = Specification(outcome="y", regressors=("x",), vcov="cluster", cluster=cluster)
    estimates = fit(spec, pd.read_csv(folder / "data.csv"))
    expected = printed(folder, column)[statistic]
    assert round(estimates.row("Intercept")["std_error"], 4) == expected["Constant"]
    assert round(estimates.row("x")["std_error"], 4) == expected["X"]


def test_hall_griliches_hausman_poisson(studies):
    """Patents on R&D and five lags, firm and year effects (Cameron and Trivedi, ch. 9)."""
    folder = studies / "hgh1986_patents"
    lags = ("logr", "logr1", "logr2", "logr3", "logr4", "logr5")
    spec = Specification(
        outcome="pat",
        regressors=lags,
        estimator="poisson",
        absorb=("cusip", "year"),
        vcov="classical",
    )
    estimates = fit(spec, pd.read_csv(folder / "data.csv"))
    expected = printed(folder, "Poisson FE")
    for lag, term in enumerate(lags):
        label = "ln R_0" if lag == 0 else f"ln R_-{lag}"
        assert round(estimates.row(term)["estimate"], 3) == expected.loc[label, "coef"]
        assert round(estimates.row(term)["std_error"], 3) == expected.loc[label, "se"]
    assert estimates.facts.n_units == expected.loc["Number of groups", "n"]
    assert estimates.facts.n_obs == expected.loc["Number of obs", "n"]
    assert estimates.facts.n_separated == 1730 - 1620


def test_china_shock_two_stage_least_squares(studies):
    """Autor, Dorn and Hanson (2013), Table 3, columns 1 and 2: weighted, clustered by state."""
    folder = studies / "adh2013_china"
    frame = pd.read_csv(folder / "data.csv")
    columns = {"(1)": ("t2",), "(2)": ("t2", "l_shind_manuf_cbp")}
    for column, controls in columns.items():
        spec = Specification(
            outcome="d_sh_empl_mfg",
            regressors=controls,
            estimator="iv",
            endogenous=("shock",),
            instruments=("IV",),
            weights="weights",
            vcov="cluster",
            cluster=("statefip",),
        )
        estimates = fit(spec, frame)
        expected = printed(folder, column).loc["(D imports from China to US)/worker"]
        assert round(estimates.row("shock")["estimate"], 3) == expected["coef"]
        # Stata's ivregress prints errors without the small-sample factor that ours have.
        facts = estimates.facts
        groups, n, k = facts.n_clusters, facts.n_obs, facts.n_parameters
        factor = groups / (groups - 1) * (n - 1) / (n - k)
        error = estimates.row("shock")["std_error"] / np.sqrt(factor)
        assert round(error, 3) == expected["se"]
        first = printed(folder, column).loc["(D imports from China to OTH)/worker"]
        # The first stage is printed with heteroskedasticity-robust errors.
        strength = fit(replace(spec, vcov="hc1", cluster=()), frame).facts.first_stage_f
        assert round(first["coef"] / np.sqrt(strength), 3) == first["se"]
