r"""Variances of the one-way error components ``u_i + e_it``, from quadratic forms in residuals.

With :math:`P` taking unit means, :math:`Q = I - P`, :math:`Z` the unit dummies and residuals
:math:`r = (I - X H)(Z u + e)` of a linear estimator :math:`H`, the forms :math:`r'Qr` and
:math:`r'Pr` have expectations linear in :math:`\sigma_e^2, \sigma_u^2`:

.. math:: E\, r'Ar = \sigma_e^2\, tr(M'AM) + \sigma_u^2\, tr(Z'M'AMZ), \quad M = I - XH.

``exact`` solves the two equations (unbiased, balanced or not); ``consistent`` leaves out what the
estimated coefficients cost: :math:`\sigma_e^2 = r'Qr/(n - N)`,
:math:`\sigma_u^2 = (r'Pr - N\sigma_e^2)/n`.

==================  ========================================  ==============================
method              residuals                                 source
==================  ========================================  ==============================
swamy_arora         within for Q, between for P               Swamy and Arora (1972); Baltagi
                                                              and Chang (1994, eq. 2.13-2.18)
wallace_hussain     pooled least squares for both             Wallace and Hussain (1969)
amemiya             within coefficients for both              Amemiya (1971)
nerlove             variance of the estimated fixed effects   Nerlove (1971)
==================  ========================================  ==============================
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.design import Design
from analysis.models.least_squares import Solution, solve_iv, solve_ols
from analysis.models.linear.panel import (
    check_choice,
    group_means,
    group_sums,
    varies_within,
    within,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

METHODS = ("swamy_arora", "wallace_hussain", "amemiya", "nerlove")
DEGREES_OF_FREEDOM = ("auto", "exact", "consistent")
UNBALANCED = ("baltagi_chang", "harmonic_mean")
INDEPENDENCE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Components:
    """``idiosyncratic`` and ``unit`` variances, the latter set to zero where the estimate,
    ``unit_unrestricted``, is negative."""

    idiosyncratic: float
    unit_unrestricted: float

    @property
    def unit(self) -> float:
        return max(self.unit_unrestricted, 0.0)

    def theta(self, sizes: NDArray[np.int64]) -> Floats:
        """Share (N,) of the unit mean taken away: ``1 - sqrt(s_e / (s_e + T_i s_u))``."""
        total = self.idiosyncratic + sizes * self.unit
        return 1 - np.sqrt(self.idiosyncratic / total)


def estimate_components(
    panel: Design, method: str, degrees_of_freedom: str = "auto", unbalanced: str = "baltagi_chang"
) -> Components:
    """Variance components of ``panel``; ``auto`` is ``exact``, but ``consistent`` for
    wallace_hussain and amemiya on balanced panels, as their authors and plm have it."""
    check_choice("variance_components", method, METHODS)
    check_choice("degrees_of_freedom", degrees_of_freedom, DEGREES_OF_FREEDOM)
    check_choice("unbalanced", unbalanced, UNBALANCED)
    assert panel.units is not None
    sizes = np.bincount(panel.units)
    if len(sizes) < 2 or sizes.max() < 2:
        raise ModelError("error components need at least 2 units, and one with at least 2 rows")
    if panel.endogenous.shape[1] and method != "swamy_arora":
        raise ModelError(f"variance_components={method!r} is not defined with instruments")
    balanced = sizes.min() == sizes.max()
    if degrees_of_freedom == "auto":
        simple = balanced and method in ("wallace_hussain", "amemiya")
        degrees_of_freedom = "consistent" if simple else "exact"
    if method == "nerlove":
        return _nerlove(panel, balanced)
    if method == "swamy_arora":
        return _swamy_arora(panel, degrees_of_freedom, unbalanced)
    design, estimator = _linear_estimator(panel, method)
    residuals = panel.outcome - design @ (estimator @ panel.outcome)
    if degrees_of_freedom == "consistent":
        return _consistent(residuals, panel.units)
    return _exact(residuals, design, estimator, panel.units)


def independent_columns(columns: Floats, originals: Floats | None = None) -> NDArray[np.bool_]:
    """Which columns (k,) of (m, k) are not a combination of those before them.

    ``originals`` (n, k) are the columns before means were taken or removed: what is then left of a
    column that should have vanished is rounding, and is judged by the size of the original.
    """
    sizes = np.linalg.norm(columns, axis=0)
    if originals is not None:
        sizes = np.sqrt(np.mean(originals**2, axis=0) * len(columns))
    keep = np.zeros(columns.shape[1], dtype=bool)
    basis = np.empty((len(columns), 0))
    for place, column in enumerate(columns.T):
        remaining = column - basis @ (basis.T @ column)
        remaining -= basis @ (basis.T @ remaining)
        size = np.linalg.norm(remaining)
        if size > INDEPENDENCE_TOLERANCE * sizes[place]:
            keep[place] = True
            basis = np.column_stack([basis, remaining / size])
    return keep


def within_solution(panel: Design) -> tuple[Solution, NDArray[np.bool_]]:
    """Within (2SLS) estimates of the columns that vary within units, and which they are.

    A column that is a combination of others within units (experience beside year dummies, say) is
    left out here: it can still be estimated from the differences between units.
    """
    assert panel.units is not None
    varying = varies_within(panel.regressors, panel.units)
    if not varying.any():
        raise ModelError("no regressor varies within units")
    deviations = within(panel.regressors, panel.units)
    varying[varying] = independent_columns(deviations[:, varying], panel.regressors[:, varying])
    deviations = deviations[:, varying]
    terms = tuple(term for term, kept in zip(panel.terms, varying, strict=True) if kept)
    outcome, none = within(panel.outcome, panel.units), np.empty((len(panel.outcome), 0), int)
    weights = np.ones(len(outcome))
    if not panel.endogenous.shape[1]:
        return solve_ols(outcome, deviations, none, weights, terms), varying
    columns = _all_instruments(panel)
    instruments = within(columns, panel.units)
    instruments = instruments[:, independent_columns(instruments, columns)]
    _check_order(instruments, deviations, "within units")
    return solve_iv(outcome, deviations, instruments, none, weights, terms), varying


def between_solution(panel: Design, weights: Floats) -> Solution:
    """(2SLS) regression of unit means on independent unit means, ``weights`` (N,)."""
    assert panel.units is not None
    means = group_means(panel.regressors, panel.units)
    outcome = group_means(panel.outcome, panel.units)
    kept = independent_columns(means, panel.regressors)
    means = means[:, kept]
    terms = tuple(term for term, keep in zip(panel.terms, kept, strict=True) if keep)
    none = np.empty((len(means), 0), int)
    if not panel.endogenous.shape[1]:
        return solve_ols(outcome, means, none, weights, terms)
    columns = _all_instruments(panel)
    instruments = group_means(columns, panel.units)
    instruments = instruments[:, independent_columns(instruments, columns)]
    _check_order(instruments, means, "between units")
    return solve_iv(outcome, means, instruments, none, weights, terms)


def _all_instruments(panel: Design) -> Floats:
    return np.column_stack([panel.exogenous, panel.instruments])


def _check_order(instruments: Floats, regressors: Floats, where: str) -> None:
    if instruments.shape[1] < regressors.shape[1]:
        raise ModelError(
            f"{regressors.shape[1]} coefficients but only {instruments.shape[1]} independent "
            f"instruments {where}; add instruments that vary there"
        )


def _swamy_arora(panel: Design, degrees_of_freedom: str, unbalanced: str) -> Components:
    assert panel.units is not None
    sizes = np.bincount(panel.units).astype(float)
    n, groups = len(panel.outcome), len(sizes)
    solution, _ = within_solution(panel)
    exact = degrees_of_freedom == "exact"
    left = n - groups - (len(solution.coefficients) if exact else 0)
    if left <= 0:
        raise ModelError(f"{n} rows in {groups} units leave no degrees of freedom within units")
    idiosyncratic = float(solution.residuals @ solution.residuals) / left
    harmonic = unbalanced == "harmonic_mean"
    means = between_solution(panel, np.ones(groups) if harmonic else sizes)
    squares = float(means.weights @ means.residuals**2)
    between_left = groups - (len(means.coefficients) if exact else 0)
    if between_left <= 0:
        raise ModelError(
            f"{groups} units cannot estimate {len(means.coefficients)} coefficients between "
            "units; use variance_components='amemiya' or 'wallace_hussain'"
        )
    if harmonic:
        unit = squares / between_left - idiosyncratic * float(np.mean(1 / sizes))
        return Components(idiosyncratic, unit)
    spread = float(n)
    if exact:
        weighted = means.regressors * sizes[:, None]
        spread -= float(np.trace(means.bread @ (weighted.T @ weighted)))
    return Components(idiosyncratic, (squares - between_left * idiosyncratic) / spread)


def _linear_estimator(panel: Design, method: str) -> tuple[Floats, Floats]:
    """Design (n, k) and the matrix (k, n) that turns outcomes into its coefficients."""
    regressors = panel.regressors
    assert panel.units is not None
    if method == "wallace_hussain":
        none = np.empty((len(regressors), 0), int)
        ones = np.ones(len(regressors))
        bread = solve_ols(panel.outcome, regressors, none, ones, panel.terms).bread
        return regressors, bread @ regressors.T
    solution, varying = within_solution(panel)
    constant = [
        term
        for term, varies in zip(panel.terms, varying, strict=True)
        if not varies and term != "Intercept"
    ]
    if constant:
        raise ModelError(
            f"variance_components='amemiya' cannot estimate what {', '.join(constant)} explain, as "
            "they do not vary within units, or only together with others; use 'swamy_arora' or "
            "'wallace_hussain'"
        )
    centred = regressors[:, varying] - regressors[:, varying].mean(axis=0)
    n = len(regressors)
    design = np.column_stack([np.ones(n), centred])
    return design, np.vstack([np.full((1, n), 1 / n), solution.bread @ solution.regressors.T])


def _forms(residuals: Floats, units: Codes) -> tuple[float, float]:
    inside = within(residuals, units)
    squares = float(inside @ inside)
    return squares, float(residuals @ residuals) - squares


def _consistent(residuals: Floats, units: Codes) -> Components:
    inside, across = _forms(residuals, units)
    n, groups = len(units), int(units.max()) + 1
    idiosyncratic = inside / (n - groups)
    return Components(idiosyncratic, (across - groups * idiosyncratic) / n)


def _exact(residuals: Floats, design: Floats, estimator: Floats, units: Codes) -> Components:
    n, groups = len(units), int(units.max()) + 1
    inner = within(design, units)
    outer = design - inner
    sums = group_sums(design, units)
    # H Z: the coefficients that a dummy of each unit would have.
    dummies = group_sums(estimator.T, units).T
    traces = []
    for part, rank, own, unit_sums in (
        (inner, n - groups, 0, np.zeros_like(sums)),
        (outer, groups, n, sums),
    ):
        cross = part.T @ part
        noise = rank - 2 * np.trace(estimator @ part) + np.trace(cross @ estimator @ estimator.T)
        unit = own - 2 * np.sum(unit_sums * dummies.T) + np.trace(dummies.T @ cross @ dummies)
        traces.append([float(noise), float(unit)])
    idiosyncratic, unit = linalg.solve(np.array(traces), np.array(_forms(residuals, units)))
    if not idiosyncratic > 0:
        raise ModelError("the estimated idiosyncratic variance is not positive")
    return Components(float(idiosyncratic), float(unit))


def _nerlove(panel: Design, balanced: bool) -> Components:
    assert panel.units is not None
    if not balanced:
        raise ModelError("variance_components='nerlove' is defined for balanced panels only")
    solution, varying = within_solution(panel)
    means = group_means(np.column_stack([panel.outcome, panel.regressors[:, varying]]), panel.units)
    effects = means[:, 0] - means[:, 1:] @ solution.coefficients
    variance = float(solution.residuals @ solution.residuals) / len(panel.outcome)
    return Components(variance, float(effects.var(ddof=1)))
