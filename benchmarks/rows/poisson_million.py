"""Poisson with two absorbed effects, clustered by unit: from a frame to coefficients and errors.

Synthetic data: counts in the panel of ``twfe_million``, 1,000,000 rows of firms that enter and
leave, three regressors. Both sides leave out the units whose counts are all zero. The peer is the
faster of pyfixest's compiled back ends, converging to the digits compared.
"""

import warnings

import numpy as np
import pandas as pd
import pyfixest
from benchmarks.measure import Row, compare
from benchmarks.rows.twfe_million import N_ROWS, REGRESSORS, fastest_back_end, spells

from analysis.models import Estimates, Specification, fit


def synthetic_counts() -> pd.DataFrame:
    """Columns unit, year, x1, x2, x3, count; sorted by unit and year."""
    frame = spells()
    random = np.random.default_rng(2)
    unit_effect = random.normal(size=frame["unit"].max() + 1)[frame["unit"]]
    log_mean = 0.2 * frame["x1"] - 0.1 * frame["x2"] + 0.5 * unit_effect
    return frame.assign(count=random.poisson(np.exp(log_mean)).astype(float))


def poisson_million() -> Row:
    frame = synthetic_counts()
    specification = Specification(
        outcome="count",
        regressors=REGRESSORS,
        estimator="poisson",
        absorb=("unit", "year"),
        vcov="cluster",
        cluster=("unit",),
    )

    warnings.filterwarnings("ignore", message=".*removed because of separation")

    def peer(back_end: str) -> pd.DataFrame:
        model = pyfixest.fepois(
            "count ~ x1 + x2 + x3 | unit + year",
            frame,
            vcov={"CRV1": "unit"},
            ssc=pyfixest.ssc(k_fixef="full", G_df="conventional"),
            fixef_tol=1e-10,
            iwls_tol=1e-10,
            fixef_rm="none",
            demeaner_backend=back_end,
        )
        return model.tidy()

    fastest = fastest_back_end(peer)
    return compare(
        "poisson_million",
        goal=8,
        n=N_ROWS,
        ours=lambda: fit(specification, frame),
        other=lambda: peer(fastest),
        agree=same_estimates,
        packages=("pyfixest", "numba", "numpy"),
        repeats=3,
    )


def same_estimates(ours: Estimates, other: pd.DataFrame) -> None:
    """Coefficients to 1e-9, errors to 1e-6.

    The peer takes its errors from the weights of its last step but one.
    """
    table = ours.coefficients.set_index("term")
    for mine, theirs, rtol in (("estimate", "Estimate", 1e-9), ("std_error", "Std. Error", 1e-6)):
        values = table.loc[list(REGRESSORS), mine], other.loc[list(REGRESSORS), theirs]
        np.testing.assert_allclose(*values, rtol=rtol, atol=1e-13)


ROWS = (poisson_million,)
