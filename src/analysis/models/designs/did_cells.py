"""Two groups, two periods: the effect on the treated and what each row contributes to it.

Every multi-period estimate of Callaway and Sant'Anna is built from these. The formulas are those of
Sant'Anna and Zhao (2020, "SZ"). Each effect is a sum of ratios of weighted means,

.. math:: \\hat\\tau = \\sum_j s_j \\frac{\\sum_i w_{ij} v_{ij}}{\\sum_i w_{ij}},

whose weights and values depend on first-step estimates: the propensity score (logit, maximum
likelihood) and the regression of the outcome among controls (least squares). The contribution of
row i is its influence function divided by the number of rows, so the variance of the effect is the
sum, over independent rows or clusters, of squared summed contributions.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

METHODS = ("reg", "ipw", "dr")
# Controls more similar to the treated than this get no weight, as their odds would swamp the rest.
TRIM = 0.995
MAX_STEPS = 50


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio of weighted means with its sign.

    ``gradients`` pairs the contributions (n, k) of a first-step estimate with the derivative (k,)
    of the numerator with respect to it.
    """

    sign: float
    weights: Floats
    values: Floats
    gradients: list[tuple[Floats, Floats]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FirstStep:
    """Fitted values (n,) of a first-step estimate and its contributions (n, k)."""

    fitted: Floats
    contributions: Floats


def panel_effect(
    change: Floats, treated: Mask, covariates: Floats, weights: Floats, method: str
) -> tuple[float, Floats]:
    """Effect on the treated from changes of the outcome, and contributions of the units.

    Parameters
    ----------
    change, treated, weights
        Shape (n,): outcome after minus outcome before, whether treated, sampling weight.
    covariates
        Shape (n, k), without a constant, measured before.
    method
        ``"reg"`` outcome regression, ``"ipw"`` inverse probability weighting with
        weights that sum to one (Abadie 2005), ``"dr"`` doubly robust (SZ, panel).
    """
    design = np.column_stack([np.ones(len(change)), covariates])
    w = weights / weights.mean()
    expected = _regression(change, design, w, ~treated) if method != "ipw" else None
    values = change if expected is None else change - expected.fitted

    def outcome_gradient(weight: Floats) -> list[tuple[Floats, Floats]]:
        return [] if expected is None else [(expected.contributions, -(weight @ design))]

    on_treated = w * treated
    ratios = [Ratio(1, on_treated, values, outcome_gradient(on_treated))]
    if method != "reg":
        score = _propensity(treated, design, w)
        odds = _odds(score.fitted, treated, w)
        centred = odds * (values - np.average(values, weights=odds))
        gradients = [*outcome_gradient(odds), (score.contributions, centred @ design)]
        ratios.append(Ratio(-1, odds, values, gradients))
    return _total(ratios)


def cross_section_effect(
    outcome: Floats, treated: Mask, after: Mask, covariates: Floats, weights: Floats, method: str
) -> tuple[float, Floats]:
    """Effect on the treated from repeated cross-sections, and contributions of the rows.

    ``after`` (n,) marks the later period; other arguments as in `panel_effect`. Methods: ``"reg"``,
    ``"ipw"`` with weights that sum to one, ``"dr"`` the locally efficient doubly robust estimator
    (the second of SZ for cross-sections), which models the outcome of the treated too. The
    distribution of covariates and treatment must be the same in both periods.
    """
    design = np.column_stack([np.ones(len(outcome)), covariates])
    w = weights / weights.mean()
    cells = [(sign, after if sign > 0 else ~after) for sign in (1, -1)]
    controls = {
        sign: _regression(outcome, design, w, ~treated & period)
        for sign, period in (cells if method != "ipw" else [])
    }
    ratios = []
    for sign, period in cells:
        own = controls.get(sign)
        values = outcome if own is None or method == "reg" else outcome - own.fitted
        weight = w * (treated & period)
        adjust = [] if own is None or method == "reg" else [(own.contributions, -(weight @ design))]
        ratios.append(Ratio(sign, weight, values, adjust))
    if method == "reg":
        for sign, fit in controls.items():
            ratios.append(Ratio(-sign, w * treated, fit.fitted, _linear(fit, w * treated, design)))
        return _total(ratios)
    score = _propensity(treated, design, w)
    odds = _odds(score.fitted, treated, w)
    for sign, period in cells:
        own, weight = controls.get(sign), odds * period
        values = outcome if own is None else outcome - own.fitted
        centred = weight * (values - np.average(values, weights=weight))
        adjust = [] if own is None else [(own.contributions, -(weight @ design))]
        gradients = [*adjust, (score.contributions, centred @ design)]
        ratios.append(Ratio(-sign, weight, values, gradients))
    if method == "dr":
        ratios += _efficiency_terms(outcome, treated, cells, design, w, controls)
    return _total(ratios)


def _efficiency_terms(
    outcome: Floats,
    treated: Mask,
    cells: list[tuple[int, Mask]],
    design: Floats,
    w: Floats,
    controls: dict[int, FirstStep],
) -> list[Ratio]:
    """What separates SZ's second estimator from the first: fitted effects, all less a period's."""
    ratios = []
    for sign, period in cells:
        own, other = _regression(outcome, design, w, treated & period), controls[sign]
        gap = own.fitted - other.fitted
        for factor, weight in ((1, w * treated), (-1, w * (treated & period))):
            gradient = weight @ design
            adjust = [(own.contributions, gradient), (other.contributions, -gradient)]
            ratios.append(Ratio(sign * factor, weight, gap, adjust))
    return ratios


def _linear(fit: FirstStep, weight: Floats, design: Floats) -> list[tuple[Floats, Floats]]:
    return [(fit.contributions, weight @ design)]


def _total(ratios: list[Ratio]) -> tuple[float, Floats]:
    effect, contributions = 0.0, np.zeros(len(ratios[0].weights))
    for ratio in ratios:
        total = ratio.weights.sum()
        mean = float(ratio.weights @ ratio.values / total)
        own = ratio.weights * (ratio.values - mean)
        for first_step, gradient in ratio.gradients:
            own = own + first_step @ gradient
        effect += ratio.sign * mean
        contributions += ratio.sign * own / total
    return effect, contributions


def _regression(outcome: Floats, design: Floats, w: Floats, rows: Mask) -> FirstStep:
    """Weighted least squares on ``rows``, fitted everywhere."""
    root = np.sqrt(w[rows])[:, None]
    basis, triangle = linalg.qr(design[rows] * root, mode="economic")
    diagonal = np.abs(np.diag(triangle))
    if basis.shape[0] < basis.shape[1] or diagonal.min() <= 1e-9 * np.abs(triangle).max():
        raise ModelError(
            f"the outcome regression has {int(rows.sum())} rows for {design.shape[1]} coefficients "
            "or collinear covariates; use fewer covariates"
        )
    coefficients = linalg.solve_triangular(triangle, basis.T @ (outcome[rows] * root[:, 0]))
    fitted = design @ coefficients
    bread = linalg.cho_solve((triangle, False), np.eye(design.shape[1]))
    scores = (w * rows * (outcome - fitted))[:, None] * design
    return FirstStep(fitted, scores @ bread)


def _propensity(treated: Mask, design: Floats, w: Floats) -> FirstStep:
    """Probability of being treated, by a weighted logit (Newton steps)."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(MAX_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ coefficients, -500, 500)))
        scores = (w * (treated - chance))[:, None] * design
        information = (design * (w * chance * (1 - chance))[:, None]).T @ design
        scale = np.sqrt(np.diag(information))
        if scale.min() == 0 or np.linalg.cond(information / np.outer(scale, scale)) > 1e12:
            break
        step = linalg.solve(information, scores.sum(axis=0), assume_a="pos")
        coefficients = coefficients + step
        if np.abs(design @ step).max() < 1e-10:
            return FirstStep(chance, scores @ linalg.inv(information))
    raise ModelError(
        "the propensity score has no finite estimate: covariates are collinear or separate treated "
        "from control rows; use fewer covariates or method='reg'"
    )


def _odds(chance: Floats, treated: Mask, w: Floats) -> Floats:
    """Weights that make the controls resemble the treated; `ModelError` without overlap."""
    odds = w * ~treated * (chance < TRIM) * chance / (1 - chance)
    if not odds.any():
        raise ModelError(f"no control row has a propensity score below {TRIM:g}: no overlap")
    return odds
