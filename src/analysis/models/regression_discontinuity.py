"""Regression discontinuity: local polynomials with robust bias-corrected intervals.

Implements Calonico, Cattaneo and Titiunik (2014, "CCT") with the mean-squared-error optimal
bandwidth common to both sides and the regularisation of Calonico, Cattaneo and Farrell (2020).

Every estimator here is linear in the outcome: the jump is ``a'y`` with weights ``a`` that depend on
the running variable only. So one variance formula, ``sum_i (a_i e_i)^2`` or its clustered form,
serves the conventional and the bias-corrected estimate, sharp and fuzzy alike.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.covariance import cluster_meat
from analysis.models.design import build_design
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

KERNELS: dict[str, Callable[[Floats], NDArray]] = {
    "triangular": lambda u: (1 - np.abs(u)) * (np.abs(u) <= 1),
    "epanechnikov": lambda u: 0.75 * (1 - u**2) * (np.abs(u) <= 1),
    "uniform": lambda u: 0.5 * (np.abs(u) <= 1),
}
# Constants of the rule-of-thumb pilot bandwidth, C * min(sd, IQR / 1.349) * n^(-1/5).
PILOT_CONSTANTS = {"triangular": 2.576, "epanechnikov": 2.34, "uniform": 1.843}
VCOVS = ("nn", "hc1", "cluster")
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Local:
    """The rows (m,) within reach of either bandwidth and their weights in the two estimates.

    ``estimate`` and ``corrected`` (m,) are the linear weights of the conventional and of the
    bias-corrected jump; ``fits`` are the polynomials behind them as (bandwidth, order).
    """

    rows: NDArray[np.intp]
    distance: Floats
    estimate: Floats
    corrected: Floats
    fits: tuple[tuple[float, int], tuple[float, int]]
    kernel: str
    clusters: Codes
    n_clusters: int | None


@dataclass(frozen=True, slots=True)
class Pilot:
    """Leading variance, bias and regularisation constants of one local polynomial derivative."""

    variance: float
    bias: float
    regularisation: float


def regression_discontinuity(
    frame: pd.DataFrame,
    *,
    outcome: str,
    running: str,
    cutoff: float = 0.0,
    treatment: str | None = None,
    bandwidth: float | None = None,
    kernel: str = "triangular",
    order: int = 1,
    covariates: tuple[str, ...] = (),
    vcov: str = "nn",
    cluster: str | None = None,
    sample: str = "all",
) -> Estimates:
    """The jump of ``outcome`` where ``running`` reaches ``cutoff``.

    Units with ``running >= cutoff`` are the treated side; for a rule that treats those below, the
    sign of the estimates is reversed by negating the running variable and the cutoff.

    Parameters
    ----------
    frame
        One row per unit.
    treatment
        Treatment received, for a fuzzy design: the jump of the outcome over the jump of the
        treatment (local 2SLS).
    bandwidth
        Of the main and the bias regression; by default the two bandwidths of `mse_bandwidths`,
        computed on the outcome alone, without covariates or treatment.
    kernel, order
        ``"triangular"``, ``"epanechnikov"`` or ``"uniform"``; order of the main polynomial. The
        bias is estimated with one order more.
    covariates
        Enter linearly with the same coefficients on both sides (Calonico, Cattaneo, Farrell and
        Titiunik 2019). They must be predetermined.
    vcov, cluster
        ``"nn"``: residuals from the three nearest neighbours on the same side (CCT). ``"hc1"`` and
        ``"cluster"``: residuals of the local regressions, with ``n/(n - K)`` and
        ``G/(G - 1) * (n - 1)/(n - K)``; clusters may lie on both sides.

    Returns
    -------
    Estimates
        Two terms. ``conventional``: local polynomial estimate with its own standard error.
        ``robust``: the bias-corrected estimate with the standard error that counts the estimation
        of the bias; its interval is the one to report. Normal inference, or t(G - 1) when
        clustered. ``n_left`` and ``n_right`` count rows within ``facts.bandwidth``.
        ``first_stage_f`` of a fuzzy design is the squared t statistic of the treatment's jump.

    Raises
    ------
    ModelError
        If an option is not allowed, columns are unusable, or a side of the cutoff has too few
        distinct values.
    """
    _check_options(kernel, order, vcov, cluster, bandwidth)
    spec = Specification(
        outcome=outcome,
        regressors=(running, *covariates, *([treatment] if treatment else [])),
        vcov="cluster" if cluster else "hc1",
        cluster=(cluster,) if cluster else (),
    )
    design = build_design(spec, frame)
    distance = design.exogenous[:, 1] - cutoff
    _check_support(distance, running, cutoff, order)
    if bandwidth is None:
        _check_variation(design.outcome, distance, outcome)
        h, b = mse_bandwidths(distance, design.outcome, kernel=kernel, order=order)
    else:
        h = b = float(bandwidth)
    _check_support(distance[np.abs(distance) <= h], running, cutoff, order)
    local = _localise(distance, h, b, kernel, order, design.clusters)
    received = design.exogenous[:, -1] if treatment else None
    others = design.exogenous[:, 2 : 2 + len(covariates)]
    values, covariance, strength = _jump(local, design.outcome, received, others, vcov)
    facts = Facts(
        outcome=outcome,
        estimator="fuzzy rd" if treatment else "sharp rd",
        vcov=vcov,
        formula=_formula(outcome, running, cutoff, treatment, covariates),
        cluster=cluster or "",
        sample=sample,
        small_sample={"nn": "none", "hc1": "n/(n - K)"}.get(vcov, "G/(G - 1) x (n - 1)/(n - K)"),
        n_obs=len(distance),
        n_dropped=design.n_dropped,
        n_clusters=local.n_clusters,
        df_t=math.inf if local.n_clusters is None else local.n_clusters - 1.0,
        outcome_mean=float(design.outcome.mean()),
        first_stage_f=strength,
        cutoff=float(cutoff),
        bandwidth=h,
        bias_bandwidth=b,
        n_left=int(((distance < 0) & (distance >= -h)).sum()),
        n_right=int(((distance >= 0) & (distance <= h)).sum()),
    )
    return tabulate(["conventional", "robust"], values, covariance, facts)


def mse_bandwidths(
    distance: Floats, outcome: Floats, *, kernel: str = "triangular", order: int = 1
) -> tuple[float, float]:
    """Bandwidths of the main and of the bias regression of a sharp design, common to both sides.

    The three-step plug-in of CCT (2014, section S.2.6 of the supplement), known as ``mserd``: a
    global pilot gives ``d``, ``d`` gives the bias bandwidth ``b``, and ``b`` gives ``h``. The rule
    of thumb counts distinct values of the running variable rather than rows.

    Parameters
    ----------
    distance, outcome
        Shape (n,); ``distance`` is the running variable minus the cutoff.

    Returns
    -------
    tuple
        ``(h, b)`` in the units of the running variable.
    """
    sides = [(distance[side], outcome[side]) for side in (distance < 0, distance >= 0)]
    reach = [float(np.abs(values).max()) for values, _ in sides]
    quartiles = np.quantile(distance, [0.25, 0.75], method="averaged_inverted_cdf")
    spread = min(float(distance.std(ddof=1)), float(quartiles[1] - quartiles[0]) / 1.349)
    distinct = len(np.unique(distance))
    rule = min(PILOT_CONSTANTS[kernel] * spread * distinct**-0.2, max(reach))

    def optimal(degree: int, derivative: int, windows: list[float], regularise: bool) -> float:
        left, right = (
            _pilot(*side, kernel, degree, derivative, (rule, window), regularise)
            for side, window in zip(sides, windows, strict=True)
        )
        denominator = (right.bias - left.bias) ** 2 + left.regularisation + right.regularisation
        ratio = (left.variance + right.variance) / denominator
        return float(min(ratio ** (1 / (2 * degree + 3)), max(reach)))

    d = optimal(order + 2, order + 2, reach, regularise=False)
    b = optimal(order + 1, order + 1, [d, d], regularise=True)
    h = optimal(order, 0, [b, b], regularise=True)
    return h, b


def _pilot(
    distance: Floats,
    outcome: Floats,
    kernel: str,
    degree: int,
    derivative: int,
    windows: tuple[float, float],
    regularise: bool,
) -> Pilot:
    """Constants of the MSE expansion of one derivative of a local polynomial on one side.

    ``windows`` are the bandwidths for the variance and for the bias, the latter from a polynomial
    of one degree more.
    """
    h, b = windows
    inside = np.abs(distance) <= h
    u = distance[inside] / h
    weights = _polynomial(u, kernel, degree)[derivative]
    variance = float(((weights * _neighbour_residuals(u, outcome[inside])) ** 2).sum())
    shape = float(weights @ u ** (degree + 1))
    inside = np.abs(distance) <= b
    u = distance[inside] / b
    weights = _polynomial(u, kernel, degree + 1)[degree + 1] / b ** (degree + 1)
    curvature = float(weights @ outcome[inside])
    noise = 0.0
    if regularise:
        noise = float(((weights * _neighbour_residuals(u, outcome[inside])) ** 2).sum())
    exponent = 2 * (degree + 1 - derivative)
    return Pilot(
        variance=(2 * derivative + 1) * h * variance,
        bias=math.sqrt(exponent) * shape * curvature,
        regularisation=exponent * 3 * shape**2 * noise,
    )


def _polynomial(u: Floats, kernel: str, degree: int) -> Floats:
    """Matrix (degree + 1, n) from outcomes to coefficients of a kernel-weighted polynomial.

    ``u`` is the distance to the cutoff in bandwidths.
    """
    root = np.sqrt(KERNELS[kernel](u))
    basis = np.vander(u, degree + 1, increasing=True)
    if np.linalg.matrix_rank(basis * root[:, None]) <= degree:
        raise ModelError(
            "regression discontinuity: a side has too few distinct values of the running variable "
            f"for a polynomial of degree {degree} ({len(np.unique(u))} within the bandwidth); "
            "widen the bandwidth or the sample"
        )
    return linalg.pinv(basis * root[:, None]) * root


def _neighbour_residuals(distance: Floats, outcome: Floats) -> Floats:
    """Residuals (n,) from the mean of the nearest neighbours, all ties included (CCT, section 5).

    Scaled by ``sqrt(J / (J + 1))`` so that their square is unbiased for the variance.
    """
    residuals = np.empty(len(outcome))
    nearest = min(NEIGHBOURS, len(outcome) - 1)
    for i, place in enumerate(distance):
        gap = np.abs(distance - place)
        near = gap <= np.partition(gap, nearest)[nearest]
        count = int(near.sum()) - 1
        mean = (outcome[near].sum() - outcome[i]) / count
        residuals[i] = math.sqrt(count / (count + 1)) * (outcome[i] - mean)
    return residuals


def _localise(
    distance: Floats, h: float, b: float, kernel: str, order: int, clusters: Codes
) -> Local:
    rows = np.flatnonzero(np.abs(distance) <= max(h, b))
    near = distance[rows]
    estimate, corrected = np.zeros(len(rows)), np.zeros(len(rows))
    for sign, side in ((-1, near < 0), (1, near >= 0)):
        conventional = _side_weights(near[side], h, kernel, order, derivative=0)
        bias = conventional @ near[side] ** (order + 1)
        curvature = _side_weights(near[side], b, kernel, order + 1, derivative=order + 1)
        estimate[side] = sign * conventional
        corrected[side] = sign * (conventional - bias * curvature)
    columns = [np.unique(column, return_inverse=True)[1] for column in clusters[rows].T]
    return Local(
        rows=rows,
        distance=near,
        estimate=estimate,
        corrected=corrected,
        fits=((h, order), (b, order + 1)),
        kernel=kernel,
        clusters=np.column_stack(columns) if columns else clusters[rows],
        n_clusters=int(columns[0].max()) + 1 if columns else None,
    )


def _side_weights(
    distance: Floats, bandwidth: float, kernel: str, degree: int, derivative: int
) -> Floats:
    """Weights (n,) of the coefficient on ``distance ** derivative``; zero beyond the bandwidth."""
    weights = np.zeros(len(distance))
    inside = np.abs(distance) <= bandwidth
    rows = _polynomial(distance[inside] / bandwidth, kernel, degree)
    weights[inside] = rows[derivative] / bandwidth**derivative
    return weights


def _jump(
    local: Local, outcome: Floats, treatment: Floats | None, covariates: Floats, vcov: str
) -> tuple[Floats, Floats, float]:
    """Conventional and bias-corrected estimate (2,), their covariance (2, 2), first-stage F."""
    response = _adjusted(local, outcome[local.rows], covariates[local.rows])
    if treatment is None:
        values = np.array([local.estimate @ response, local.corrected @ response])
        return values, _jump_covariance(local, response, vcov), math.nan
    first, first_covariance, _ = _jump(local, treatment, None, covariates, vcov)
    received = _adjusted(local, treatment[local.rows], covariates[local.rows])
    if first[0] == 0:
        raise ModelError(
            "fuzzy regression discontinuity: the treatment does not jump at the cutoff"
        )
    ratio = float(local.estimate @ response / first[0])
    # The ratio linearised at the estimate; its conventional jump is zero, its corrected one is not.
    linearised = (response - ratio * received) / first[0]
    values = np.array([ratio, ratio + local.corrected @ linearised])
    strength = float(first[0] ** 2 / first_covariance[0, 0]) if first_covariance[0, 0] else math.inf
    return values, _jump_covariance(local, linearised, vcov), strength


def _adjusted(local: Local, outcome: Floats, covariates: Floats) -> Floats:
    """``outcome`` less the covariates times their common local coefficients."""
    if not covariates.shape[1]:
        return outcome
    (h, order), _ = local.fits
    design, root = _both_sides(local, h, order)
    coefficients = np.linalg.lstsq(
        np.column_stack([design, covariates]) * root[:, None], outcome * root, rcond=None
    )[0]
    return outcome - covariates @ coefficients[design.shape[1] :]


def _jump_covariance(local: Local, response: Floats, vcov: str) -> Floats:
    weights = np.column_stack([local.estimate, local.corrected])
    if vcov == "nn":
        residuals = np.empty(len(response))
        for side in (local.distance < 0, local.distance >= 0):
            residuals[side] = _neighbour_residuals(local.distance[side], response[side])
        scores = weights * residuals[:, None]
        return scores.T @ scores
    scores = np.column_stack(
        [
            weight * _polynomial_residuals(local, response, *fit, vcov)
            for weight, fit in zip(weights.T, local.fits, strict=True)
        ]
    )
    return scores.T @ scores if vcov == "hc1" else cluster_meat(scores, local.clusters)


def _polynomial_residuals(
    local: Local, response: Floats, bandwidth: float, degree: int, vcov: str
) -> Floats:
    """Residuals of the two-sided local fit, scaled by the root of the small-sample factor."""
    design, root = _both_sides(local, bandwidth, degree)
    coefficients = np.linalg.lstsq(design * root[:, None], response * root, rcond=None)[0]
    n, k = int((root > 0).sum()), design.shape[1]
    if n <= k:
        raise ModelError(
            f"regression discontinuity: {n} rows within the bandwidth for {k} parameters"
        )
    factor = (n - 1 if vcov == "cluster" else n) / (n - k)
    return (response - design @ coefficients) * math.sqrt(factor)


def _both_sides(local: Local, bandwidth: float, degree: int) -> tuple[Floats, Floats]:
    """Side-specific polynomials (m, 2 * (degree + 1)) and the root of the kernel weights (m,)."""
    u = local.distance / bandwidth
    basis = np.vander(u, degree + 1, increasing=True)
    right = (u >= 0)[:, None]
    return np.hstack([basis * ~right, basis * right]), np.sqrt(KERNELS[local.kernel](u))


def _check_options(
    kernel: str, order: int, vcov: str, cluster: str | None, bandwidth: float | None
) -> None:
    if kernel not in KERNELS:
        raise ModelError(f"kernel: {kernel!r} is not one of {', '.join(KERNELS)}")
    if vcov not in VCOVS:
        raise ModelError(f"vcov: {vcov!r} is not one of {', '.join(VCOVS)}")
    if (vcov == "cluster") != (cluster is not None):
        raise ModelError(f"vcov='cluster' and cluster go together, got {vcov!r} and {cluster!r}")
    if order not in (0, 1, 2, 3):
        raise ModelError(f"order: expected 0, 1, 2 or 3, got {order}")
    if bandwidth is not None and not bandwidth > 0:
        raise ModelError(f"bandwidth: expected a positive number, got {bandwidth}")


def _check_support(distance: Floats, running: str, cutoff: float, order: int) -> None:
    for name, side in (("below", distance < 0), ("at or above", distance >= 0)):
        distinct = len(np.unique(distance[side]))
        if distinct < order + 3:
            raise ModelError(
                f"regression discontinuity: only {distinct} distinct values of {running!r} {name} "
                f"the cutoff {cutoff:g} (within the bandwidth if one is given); at least "
                f"{order + 3} are needed"
            )


def _check_variation(values: Floats, distance: Floats, outcome: str) -> None:
    for side in (distance < 0, distance >= 0):
        if np.ptp(values[side]) > 0:
            return
    raise ModelError(
        f"regression discontinuity: {outcome!r} is constant on each side of the cutoff, so no "
        "bandwidth is optimal; give one"
    )


def _formula(
    outcome: str,
    running: str,
    cutoff: float,
    treatment: str | None,
    covariates: tuple[str, ...],
) -> str:
    jump = f"1[{running} >= {cutoff:g}]"
    main = f"{treatment} ~ {jump}" if treatment else jump
    return " + ".join([f"{outcome} ~ {main}", f"f({running})", *covariates])
