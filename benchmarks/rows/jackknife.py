"""The estimate without each of 270 regions.

Synthetic data: 270 regions × 20 years, five controls, region and year effects. Ours starts from the
frame: moments, then all leave-one-out estimates. The peer is a loop over pyfixest's fastest back
end, with its options that save time and classical errors (the cheapest), on the rows without each
region; timed on 15 of the regions. ``n`` is the number of regions.
"""

import numpy as np
import pandas as pd
import pyfixest
from benchmarks.measure import Row, compare, seconds

from analysis.robustness.jackknife import leave_one_out
from analysis.robustness.moments import moments_of

N_REGIONS, N_YEARS, PEER_REGIONS = 270, 20, 15
CONTROLS = tuple("abcde")
FORMULA = "y ~ x + a + b + c + d + e | region + year"
BACK_ENDS = ("rust", "numba")


def synthetic_panel() -> pd.DataFrame:
    """Columns region, year, x, a ... e, y; one row in ten absent."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"region": np.repeat(np.arange(N_REGIONS), N_YEARS)})
    frame["year"] = np.tile(np.arange(N_YEARS), N_REGIONS)
    frame = frame[random.random(len(frame)) < 0.9].reset_index(drop=True)
    for name in ("x", *CONTROLS, "y"):
        common = random.normal(size=N_REGIONS)[frame["region"]]
        frame[name] = random.normal(size=len(frame)) + common
    frame["y"] += 0.1 * frame["x"] + 0.3 * frame["a"]
    return frame


def jackknife() -> Row:
    frame = synthetic_panel()
    regions = np.linspace(0, N_REGIONS - 1, PEER_REGIONS).astype(int)

    def ours() -> pd.DataFrame:
        moments = moments_of(
            frame,
            ["y", "x", *CONTROLS],
            cluster="region",
            absorb=["region", "year"],
            keep_rows=False,
        )
        return leave_one_out(moments, "y", "x", CONTROLS)

    def peer(back_end: str) -> list[float]:
        return [refitted(frame, region, back_end) for region in regions]

    for back_end in BACK_ENDS:
        refitted(frame, 0, back_end)
    fastest = min(BACK_ENDS, key=lambda one: seconds(lambda: refitted(frame, 0, one)))

    def agree(mine: pd.DataFrame, theirs: list[float]) -> None:
        np.testing.assert_allclose(mine["estimate"].to_numpy()[regions], theirs, rtol=1e-8)

    return compare(
        "jackknife",
        goal=200,
        n=N_REGIONS,
        ours=ours,
        other=lambda: peer(fastest),
        agree=agree,
        packages=("pyfixest", "numba", "numpy"),
        units=(N_REGIONS, PEER_REGIONS),
    )


def refitted(frame: pd.DataFrame, region: int, back_end: str) -> float:
    """The coefficient of x without one region."""
    model = pyfixest.feols(
        FORMULA,
        frame[frame["region"] != region],
        vcov="iid",
        fixef_tol=1e-10,
        demeaner_backend=back_end,
        copy_data=False,
        store_data=False,
        lean=True,
    )
    return float(model.coef()["x"])


ROWS = (jackknife,)
