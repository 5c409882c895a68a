"""The crime data of Anselin (1988): numbers other programs print, beyond those of the study."""

import pandas as pd
import pytest

from analysis.models.spatial import spatial_error, spatial_lag


@pytest.fixture(scope="module")
def arguments(shared_data) -> dict[str, object]:
    folder = shared_data / "studies" / "anselin1988_columbus"
    return {
        "frame": pd.read_csv(folder / "data.csv"),
        "outcome": "CRIME",
        "regressors": ["INC", "HOVAL"],
        "unit": "obs",
        "matrix": pd.read_csv(folder / "neighbours.csv"),
        "matrix_options": {"kind": "edges"},
    }


def test_the_spatial_lag_model_as_the_documentation_of_spatialreg_prints_it(arguments):
    fit = spatial_lag(**arguments)
    assert fit.statistics["lm_remaining_error"] == pytest.approx(0.31954, abs=5e-5)
    assert fit.statistics["lr_chi2"] == pytest.approx(9.9736, abs=5e-4)
    assert fit.statistics["sigma2"] == pytest.approx(95.494, abs=5e-3)
    impacts = fit.details["impacts"].set_index("term")
    assert impacts.loc["INC", "direct"] == pytest.approx(-1.0860220, abs=1e-5)
    assert impacts.loc["INC", "indirect"] == pytest.approx(-0.7270848, abs=1e-5)
    assert impacts.loc["HOVAL", "total"] == pytest.approx(-0.4673763, abs=1e-5)


def test_generalised_moments_stay_where_the_process_is_defined(arguments):
    """Beyond one the moments fit better (lambda 2.6); spatialreg 1.2-6, ``GMerrorsar``."""
    fit = spatial_error(**arguments, method="gmm")
    assert fit.row("lambda")["estimate"] == pytest.approx(0.401957455, rel=1e-8)


def test_the_spatial_error_model_as_the_documentation_of_spatialreg_prints_it(arguments):
    fit = spatial_error(**arguments)
    assert fit.statistics["lr_chi2"] == pytest.approx(7.9936, abs=5e-4)
    assert fit.statistics["sigma2"] == pytest.approx(95.575, abs=5e-3)
