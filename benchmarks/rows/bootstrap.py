"""Wild cluster bootstrap: one coefficient, and a p-value for each specification of a curve.

Synthetic data: 240 clusters × 20 years, eight candidate controls, errors correlated within them,
cluster and year effects. The peer is the package wildboottest, which pyfixest's ``wildboottest``
calls as well: its class is called directly, without what pyfixest adds. It gets the columns with
the cluster effects already taken out, and year dummies; we start from the moments of the same
columns, which are made once for all specifications (and whose time is included in
``bootstrap_curve``). Its parallel option is used if it is faster here.

``n`` is the number of draws times that of specifications. The peer compiles a function in every
call; that is part of its time, as it is for its users.
"""

from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
from benchmarks.measure import Row, compare, seconds
from wildboottest.wildboottest import WildboottestCL

from analysis.robustness.moments import Moments, moments_of
from analysis.robustness.solve import Batch
from analysis.robustness.wild_bootstrap import wild_bootstrap, wild_bootstrap_curve

N_CLUSTERS, N_YEARS, DRAWS = 240, 20, 9_999
CONTROLS = tuple("abcdefgh")
OUTCOMES = ("y1", "y2", "y3", "y4")
N_SPECIFICATIONS, PEER_SPECIFICATIONS = 1_000, 3


@cache
def synthetic_panel() -> pd.DataFrame:
    """Columns cluster, year, x, controls and outcomes."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"cluster": np.repeat(np.arange(N_CLUSTERS), N_YEARS)})
    frame["year"] = np.tile(np.arange(N_YEARS), N_CLUSTERS)
    for name in ("x", *CONTROLS, *OUTCOMES):
        common = random.normal(size=N_CLUSTERS)[frame["cluster"]]
        frame[name] = random.normal(size=len(frame)) + common
    trend = random.normal(size=N_CLUSTERS)[frame["cluster"]] * frame["year"] / N_YEARS
    for name in OUTCOMES:
        frame[name] += 0.03 * frame["x"] + 0.3 * frame["a"] + trend
    return frame


def panel_moments() -> Moments:
    columns = [*OUTCOMES, "x", *CONTROLS]
    return moments_of(
        synthetic_panel(), columns, cluster="cluster", absorb=["cluster", "year"], keep_rows=False
    )


def peer_p_value(outcome: str, controls: tuple[str, ...], parallel: bool) -> tuple[float, float]:
    """t statistic and p-value of the package."""
    frame = synthetic_panel()
    names = [outcome, "x", *controls]
    within = frame[names] - frame.groupby("cluster")[names].transform("mean")
    # Balanced: year dummies, one left out, in deviations from their cluster means as well.
    dummies = pd.get_dummies(frame["year"]).to_numpy(float)[:, 1:] - 1 / N_YEARS
    regressors = np.column_stack([within[["x", *controls]].to_numpy(), dummies])
    test = WildboottestCL(
        X=regressors,
        Y=within[outcome].to_numpy(),
        cluster=frame["cluster"].to_numpy(),
        R=np.eye(regressors.shape[1])[0],
        B=DRAWS,
        seed=1,
        parallel=parallel,
    )
    test.get_scores(bootstrap_type="11", impose_null=True, adj=False)
    test.get_weights(weights_type="rademacher")
    test.get_numer()
    test.get_denom()
    test.get_tboot()
    test.get_vcov()
    test.get_tstat()
    test.get_pvalue()
    return float(np.squeeze(test.t_stat)), float(test.pvalue)


def bootstrap_wild() -> Row:
    moments = panel_moments()
    fastest = faster_option()
    return compare(
        "bootstrap_wild",
        goal=40,
        n=DRAWS,
        ours=lambda: our_p_value(moments),
        other=lambda: peer_p_value("y1", CONTROLS[:5], fastest),
        agree=same_test,
        packages=("wildboottest", "pyfixest", "numba", "numpy"),
    )


def our_p_value(moments: Moments) -> tuple[float, float]:
    test = wild_bootstrap(moments, "y1", "x", CONTROLS[:5], draws=DRAWS, level=None, seed=1)
    return test.statistic, test.p_value_strict


def faster_option() -> bool:
    def time(parallel: bool) -> float:
        return seconds(lambda: peer_p_value("y1", CONTROLS[:5], parallel))

    return time(True) < time(False)


def bootstrap_curve() -> Row:
    subsets = [chosen for k in range(9) for chosen in combinations(CONTROLS, k)]
    listed = [(y, "x", chosen) for y in OUTCOMES for chosen in subsets][:N_SPECIFICATIONS]
    fastest = faster_option()

    def ours() -> pd.DataFrame:
        moments = panel_moments()
        batch = Batch.named(moments, listed)
        return wild_bootstrap_curve(moments, batch, draws=DRAWS, seed=1)

    places = np.linspace(0, N_SPECIFICATIONS - 1, PEER_SPECIFICATIONS).astype(int)

    def peer() -> list[tuple[float, float]]:
        return [peer_p_value(listed[i][0], listed[i][2], fastest) for i in places]

    def agree(curve: pd.DataFrame, found: list[tuple[float, float]]) -> None:
        mine = curve.iloc[places]
        for row, theirs in zip(mine.itertuples(), found, strict=True):
            same_test((row.statistic, row.p_value), theirs)

    return compare(
        "bootstrap_curve",
        goal=150,
        n=DRAWS * N_SPECIFICATIONS,
        ours=ours,
        other=peer,
        agree=agree,
        packages=("wildboottest", "pyfixest", "numba", "numpy"),
        units=(N_SPECIFICATIONS, PEER_SPECIFICATIONS),
        repeats=3,
    )


def same_test(ours: tuple[float, float], other: tuple[float, float]) -> None:
    """The statistic but for the small-sample factor, the p-value within Monte-Carlo error.

    The peer does not know that cluster effects were taken out, so its factor counts fewer
    parameters; the factor is the same in the sample and its draws and does not move the p-value.
    """
    n, n_effects = N_CLUSTERS * N_YEARS, N_CLUSTERS
    assert abs(ours[0] / other[0] - 1) < n_effects / n, (ours, other)
    spread = 4 * np.sqrt(2 * max(other[1] * (1 - other[1]), 1e-3) / DRAWS)
    assert abs(ours[1] - other[1]) < spread, (ours, other)


ROWS = (bootstrap_wild, bootstrap_curve)
