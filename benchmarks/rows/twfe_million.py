"""Two-way fixed effects, clustered by unit: from a frame to coefficients and their errors.

Synthetic data: 1,000,000 rows of firms that enter and leave, a seeded spell of 2 to 20 successive
years each out of 30, in the natural order of a panel; three regressors correlated with the effects.
Both sides start from the same frame of numbers and end with clustered errors under the same
small-sample convention. The peer is the faster of pyfixest's compiled back ends, converging to the
digits compared, and otherwise called as its users call it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyfixest
from benchmarks.measure import Row, compare, seconds

from analysis.models import Estimates, Specification, fit

N_ROWS, N_YEARS, LONGEST_SPELL = 1_000_000, 30, 20
REGRESSORS = ("x1", "x2", "x3")
BACK_ENDS = ("rust", "numba")


def synthetic_panel() -> pd.DataFrame:
    """Columns unit, year, x1, x2, x3, y; sorted by unit and year."""
    random = np.random.default_rng(1)
    spells = random.integers(2, LONGEST_SPELL + 1, N_ROWS)
    spells = spells[: np.searchsorted(np.cumsum(spells), N_ROWS) + 1]
    entry = random.integers(0, N_YEARS - spells + 1)
    unit = np.repeat(np.arange(len(spells)), spells)[:N_ROWS]
    place = np.arange(N_ROWS) - (np.cumsum(spells) - spells)[unit]
    year = entry[unit] + place
    unit_effect = random.normal(size=len(spells))[unit]
    year_effect = random.normal(size=N_YEARS)[year]
    frame = pd.DataFrame({"unit": unit, "year": 1990 + year})
    frame["x1"] = random.normal(size=N_ROWS) + unit_effect
    frame["x2"] = random.normal(size=N_ROWS) + year_effect
    frame["x3"] = random.normal(size=N_ROWS)
    noise = random.normal(size=N_ROWS)
    frame["y"] = 0.5 * frame["x1"] - 0.2 * frame["x2"] + unit_effect + year_effect + noise
    return frame


def twfe_million() -> Row:
    frame = synthetic_panel()
    specification = Specification(
        outcome="y",
        regressors=REGRESSORS,
        absorb=("unit", "year"),
        vcov="cluster",
        cluster=("unit",),
    )

    def peer(back_end: str) -> pd.DataFrame:
        model = pyfixest.feols(
            "y ~ x1 + x2 + x3 | unit + year",
            frame,
            vcov={"CRV1": "unit"},
            ssc=pyfixest.ssc(k_fixef="full", G_df="conventional"),
            fixef_tol=1e-10,
            fixef_rm="none",
            demeaner_backend=back_end,
        )
        return model.tidy()

    fastest = fastest_back_end(peer)
    return compare(
        "twfe_million",
        goal=8,
        n=N_ROWS,
        ours=lambda: fit(specification, frame),
        other=lambda: peer(fastest),
        agree=same_estimates,
        packages=("pyfixest", "numba", "numpy"),
    )


def fastest_back_end(peer: Callable[[str], Any]) -> str:
    """The back end with which ``peer(back_end)`` is fastest once it is compiled."""
    for back_end in BACK_ENDS:
        peer(back_end)
    return min(BACK_ENDS, key=lambda back_end: seconds(lambda: peer(back_end)))


def same_estimates(ours: Estimates, other: pd.DataFrame) -> None:
    """Coefficients to 1e-9, errors to 1e-8."""
    table = ours.coefficients.set_index("term")
    for mine, theirs, rtol in (("estimate", "Estimate", 1e-9), ("std_error", "Std. Error", 1e-8)):
        values = table.loc[list(REGRESSORS), mine], other.loc[list(REGRESSORS), theirs]
        np.testing.assert_allclose(*values, rtol=rtol)


ROWS = (twfe_million,)
