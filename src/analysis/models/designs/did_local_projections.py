"""Local projections difference-in-differences: Dube, Girardi, Jordà and Taylor (2025, "DGJT")."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.designs.did_panel import (
    StaggeredPanel,
    as_columns,
    check_choice,
    cluster_sums,
    clusters_of,
    staggered_panel,
)
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

CONTROL_GROUPS = ("not_yet", "never")
SMALL_SAMPLE = {
    "full": "G/(G - 1) x (n - 1)/(n - K)",
    "clusters": "G/(G - 1)",
    "none": "none",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Tables (n_units, T) over consecutive periods: outcome, NaN where not observed, and period.

    ``covariates`` is (n_units, T, k), ``start`` (n_units,) the column of first treatment (infinite
    for never), ``clusters`` (n_units,).
    """

    outcome: Floats
    covariates: Floats
    start: Floats
    clusters: Codes


@dataclass(frozen=True, slots=True)
class Projection:
    """One regression: estimate, summed scores by cluster (G,), rows, and clusters used."""

    term: str
    estimate: float
    scores: Floats
    n_obs: int
    n_clusters: int


def local_projections_did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    covariates: str | Sequence[str] = (),
    window: tuple[int, int] | None = None,
    control_group: str = "not_yet",
    reweight: bool = False,
    base_periods: int = 1,
    pooled: bool = True,
    never: float | None = 0,
    cluster: str | None = None,
    small_sample: str = "full",
    sample: str = "all",
) -> Estimates:
    """Event-study effects from one regression of long differences per horizon.

    .. math:: y_{i,t+h} - y_{i,t-1} = \\beta_h \\Delta D_{it} + x_{it}'c_h + d_t^h + e_{it}^h

    on the rows newly treated at t and on clean controls: units untreated until t + h, or at t for
    h < 0 (DGJT).

    Parameters
    ----------
    first_treated, never
        As in `callaway_santanna`. Periods must be whole numbers.
    covariates
        As they are at t; lag or difference them beforehand if that is meant.
    window
        First and last horizon, by default all that exist.
    control_group
        ``"not_yet"`` treated by t + h, or ``"never"`` treated.
    reweight
        False: the effect weights cohorts by the variance of treatment within the period. True:
        periods are weighted so that every newly treated row counts the same (DGJT).
    base_periods
        The base is the mean of this many periods before t instead of t - 1 alone; 0 for all of
        them.
    pooled
        Also report ``post`` and ``pre``: the outcome is the mean of y over the horizons 0 to the
        last, with controls untreated until then, and over those from the first to -2.
    small_sample
        Clustered errors times G/(G - 1) * (n - 1)/(n - K), K the slopes and period effects
        (``"full"``), times G/(G - 1) (``"clusters"``), or without factor (``"none"``).

    Returns
    -------
    Estimates
        Terms ``event_time=h`` without h = -1, then ``post`` and ``pre``. The covariance counts that
        horizons share units. Inference is t with the smallest number of clusters of a horizon less
        one. ``details["horizons"]``: term, rows and clusters.

    Raises
    ------
    ModelError
        If columns or options are unusable or no horizon can be estimated.
    """
    check_choice("control_group", control_group, CONTROL_GROUPS)
    check_choice("small_sample", small_sample, tuple(SMALL_SAMPLE))
    covariates = as_columns(covariates)
    panel = staggered_panel(
        frame,
        outcome=outcome,
        unit=unit,
        time=time,
        first_treated=first_treated,
        never=never,
        others=(*covariates, *([cluster] if cluster else [])),
    )
    grid = _grid(panel, outcome, covariates, time, cluster)
    base = _base(grid.outcome, base_periods)

    def project(term: str, horizons: list[int]) -> Projection | None:
        response = np.mean([_shift(grid.outcome, h) for h in horizons], axis=0) - base
        rows = _rows(grid, response, max(*horizons, 0), control_group == "never")
        return _project(term, grid, response, rows, reweight, small_sample)

    n_periods = grid.outcome.shape[1]
    first, last = window if window is not None else (1 - n_periods, n_periods - 1)
    horizons = [h for h in range(first, last + 1) if h != -1]
    path = {h: project(f"event_time={h}", [h]) for h in horizons}
    reached = [h for h in horizons if path[h] is not None]
    if not reached:
        raise ModelError(
            "no horizon has rows newly treated and clean controls in the same period, observed "
            "before treatment too"
        )
    parts = {"post": [h for h in reached if h >= 0], "pre": [h for h in reached if h < -1]}
    found = [*path.values(), *(project(*part) for part in parts.items() if pooled and part[1])]
    estimated = [projection for projection in found if projection is not None]
    scores = np.column_stack([projection.scores for projection in estimated])
    facts = Facts(
        outcome=outcome,
        estimator="local projections DiD",
        vcov="cluster",
        formula=f"D_h {' + '.join([f'{outcome} ~ newly treated', *covariates])} | {time}",
        absorb=time,
        cluster=cluster or unit,
        sample=sample,
        small_sample=SMALL_SAMPLE[small_sample],
        n_obs=len(panel.rows),
        n_dropped=panel.n_dropped,
        n_units=len(panel.labels),
        n_periods=len(panel.periods),
        n_clusters=len(scores),
        df_t=min(projection.n_clusters for projection in estimated) - 1.0,
        outcome_mean=float(panel.column(outcome).mean()),
    )
    estimates = tabulate(
        [projection.term for projection in estimated],
        np.array([projection.estimate for projection in estimated]),
        scores.T @ scores,
        facts,
    )
    sizes = pd.DataFrame(
        [(projection.term, projection.n_obs, projection.n_clusters) for projection in estimated],
        columns=["term", "n_obs", "n_clusters"],
    )
    return replace(estimates, details={"horizons": sizes})


def _grid(
    panel: StaggeredPanel,
    outcome: str,
    covariates: tuple[str, ...],
    time: str,
    cluster: str | None,
) -> Grid:
    if (panel.time != np.round(panel.time)).any():
        raise ModelError(f"local projections need whole numbers as periods, in {time!r}")
    codes = clusters_of(panel, cluster)
    _, first = np.unique(panel.unit, return_index=True)
    if (codes[first][panel.unit] != codes).any():
        raise ModelError(f"clusters must contain whole units, but {cluster!r} varies within one")
    start = panel.periods[0]
    shape = (len(panel.labels), int(panel.periods[-1] - start) + 1)
    place = (panel.unit, (panel.time - start).astype(int))
    table = np.full((*shape, 1 + len(covariates)), np.nan)
    table[place] = panel.block((outcome, *covariates))
    return Grid(table[:, :, 0], table[:, :, 1:], panel.cohort[first] - start, codes[first])


def _shift(table: Floats, periods: int) -> Floats:
    """The table (n, T) as it is ``periods`` later; NaN beyond its edges."""
    result = np.full_like(table, np.nan)
    width = table.shape[1]
    now = slice(max(0, -periods), min(width, width - periods))
    then = slice(max(0, periods), min(width, width + periods))
    if now.start < now.stop:
        result[:, now] = table[:, then]
    return result


def _base(outcome: Floats, periods: int) -> Floats:
    """What long differences start from: the mean of that many periods before, 0 for all."""
    if periods < 0:
        raise ModelError(f"base_periods: expected 0 or more, got {periods}")
    if periods == 0:
        seen = ~np.isnan(outcome)
        total, count = np.nancumsum(outcome, axis=1), np.cumsum(seen, axis=1)
        return _shift(np.where(count > 0, total / np.maximum(count, 1), np.nan), -1)
    return np.mean([_shift(outcome, -lag) for lag in range(1, periods + 1)], axis=0)


def _rows(grid: Grid, response: Floats, reach: int, never_only: bool) -> NDArray[np.bool_]:
    """Rows (n, T) that are newly treated or clean controls and have all values."""
    period = np.arange(response.shape[1])
    start = grid.start[:, None]
    controls = np.isinf(start) & (period >= 0) if never_only else start > period + reach
    seen = ~np.isnan(response) & ~np.isnan(grid.covariates).any(axis=2)
    return ((start == period) | controls) & seen


def _project(
    term: str,
    grid: Grid,
    response: Floats,
    rows: NDArray[np.bool_],
    reweight: bool,
    small_sample: str,
) -> Projection | None:
    """Least squares with period effects; None without both kinds of row in any period."""
    unit, period = np.nonzero(rows)
    treated = (grid.start[unit] == period).astype(float)
    if not treated.any() or treated.all():
        return None
    period = np.unique(period, return_inverse=True)[1]
    share = _by_period(treated[:, None], np.ones(len(period)), period)[:, 0]
    if not ((share > 0) & (share < 1)).any():
        return None
    # Within a period the variance of treatment is p(1 - p): dividing by 1 - p leaves the treated.
    w = np.where(share < 1, 1 / np.where(share < 1, 1 - share, 1), 0.0) if reweight else 1.0
    w = np.ones(len(unit)) * w
    columns = np.column_stack([response[rows], treated, grid.covariates[rows]])
    within = columns - _by_period(columns, w, period)
    y, x = within[:, 0], within[:, 1:]
    gram = (x * w[:, None]).T @ x
    scale = np.sqrt(np.diag(gram))
    if scale.min() == 0 or np.linalg.cond(gram / np.outer(scale, scale)) > 1e12:
        raise ModelError(f"{term}: the covariates do not vary within periods, or are collinear")
    bread = linalg.inv(gram)
    coefficients = bread @ (x.T @ (w * y))
    scores = ((w * (y - x @ coefficients))[:, None] * x) @ bread[:, :1]
    codes = grid.clusters[unit]
    n_clusters = len(np.unique(codes))
    n_parameters = x.shape[1] + int(period.max()) + 1
    factor = _factor(term, len(y), n_clusters, n_parameters, small_sample)
    sums = np.bincount(codes, scores[:, 0], int(grid.clusters.max()) + 1)
    return Projection(
        term, float(coefficients[0]), np.asarray(math.sqrt(factor) * sums), len(y), n_clusters
    )


def _by_period(columns: Floats, w: Floats, period: Codes) -> Floats:
    """Weighted means of the columns by period, in every row; zero where a period has no weight."""
    total = cluster_sums(w[:, None], period)
    mean = cluster_sums(w[:, None] * columns, period) / np.where(total > 0, total, 1.0)
    return mean[period]


def _factor(term: str, n: int, n_clusters: int, n_parameters: int, small_sample: str) -> float:
    if n_clusters < 2 or n <= n_parameters:
        raise ModelError(
            f"{term}: {n} rows in {n_clusters} clusters cannot estimate {n_parameters} parameters; "
            "narrow the window"
        )
    by_clusters = n_clusters / (n_clusters - 1)
    factors = {"none": 1.0, "clusters": by_clusters}
    return factors.get(small_sample, by_clusters * (n - 1) / (n - n_parameters))
