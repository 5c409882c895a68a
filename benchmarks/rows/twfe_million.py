"""Two-way fixed effects, clustered by unit: from a frame to coefficients and their errors.

Synthetic data in the natural order of a panel, three regressors correlated with the effects, on
two designs. ``twfe_million``: firms that enter and leave, a seeded spell of 2 to 20 successive
years each out of 30, as unbalanced panels of firms are. ``twfe_million_cells``: 60,000 units in 20
years, a sixth of the cells missing at random, on which iterative solvers converge at once.
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

N_ROWS, N_UNITS, N_YEARS, LONGEST_SPELL = 1_000_000, 60_000, 30, 20
REGRESSORS = ("x1", "x2", "x3")
BACK_ENDS = ("rust", "numba")


def missing_at_random() -> pd.DataFrame:
    """Columns unit, year, x1, x2, x3, y; sorted by unit and year."""
    random = np.random.default_rng(2)
    cells = np.sort(random.permutation(N_UNITS * 20)[:N_ROWS])
    return with_values(cells // 20, cells % 20, random)


def spells() -> pd.DataFrame:
    """As :func:`missing_at_random`."""
    random = np.random.default_rng(1)
    spells = random.integers(2, LONGEST_SPELL + 1, N_ROWS)
    spells = spells[: np.searchsorted(np.cumsum(spells), N_ROWS) + 1]
    entry = random.integers(0, N_YEARS - spells + 1)
    unit = np.repeat(np.arange(len(spells)), spells)[:N_ROWS]
    place = np.arange(N_ROWS) - (np.cumsum(spells) - spells)[unit]
    return with_values(unit, entry[unit] + place, random)


def with_values(unit: np.ndarray, year: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """The panel of these cells: regressors correlated with the effects, and an outcome."""
    unit_effect = random.normal(size=unit.max() + 1)[unit]
    year_effect = random.normal(size=N_YEARS)[year]
    frame = pd.DataFrame({"unit": unit, "year": 1990 + year})
    frame["x1"] = random.normal(size=N_ROWS) + unit_effect
    frame["x2"] = random.normal(size=N_ROWS) + year_effect
    frame["x3"] = random.normal(size=N_ROWS)
    noise = random.normal(size=N_ROWS)
    frame["y"] = 0.5 * frame["x1"] - 0.2 * frame["x2"] + unit_effect + year_effect + noise
    return frame


def twfe_million() -> Row:
    return against_pyfixest("twfe_million", spells())


def twfe_million_cells() -> Row:
    return against_pyfixest("twfe_million_cells", missing_at_random())


def against_pyfixest(name: str, frame: pd.DataFrame) -> Row:
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
        name,
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


ROWS = (twfe_million, twfe_million_cells)
