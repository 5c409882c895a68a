"""Maximum likelihood of a density with one linear predictor and perhaps one dispersion parameter.

The predictor is ``eta = X b + offset``. Newton's method with exact derivatives works on an
orthonormal basis of X and the logarithm of the dispersion; results are in b and the dispersion
itself.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.counts.distributions import Density, LogDensity
from analysis.models.least_squares import solve_ols
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

MAX_ITERATIONS = 200
#: Newton decrement (squared distance to the optimum in standard errors) at which to stop.
TOLERANCE = 1e-18
#: Below this decrement rounding hides the gain of a step from the likelihood.
QUADRATIC = 1e-9
NO_OVERDISPERSION = 1e-6
NO_INFORMATION = 1e-10


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Data and density: ``outcome``, ``offset``, ``weights`` (n,), ``regressors`` (n, k).

    ``dispersion`` is the name of the dispersion parameter, empty if there is none.
    """

    outcome: Floats
    regressors: Floats
    offset: Floats
    weights: Floats
    terms: tuple[str, ...]
    density: Density
    dispersion: str = ""

    @property
    def all_terms(self) -> tuple[str, ...]:
        """Terms and, last, the dispersion parameter."""
        return (*self.terms, self.dispersion) if self.dispersion else self.terms


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a likelihood is largest.

    ``parameters`` (K,): coefficients and, last, the dispersion; ``scores`` (n, K) of each row,
    weighted; ``information`` (K, K), minus the second derivatives; ``predictor`` (n,).
    """

    parameters: Floats
    log_likelihood: float
    scores: Floats
    information: Floats
    predictor: Floats


@dataclass(frozen=True, slots=True)
class _Point:
    value: float
    scores: Floats
    information: Floats


def maximise(likelihood: Likelihood, start: Floats, dispersion: float = 1.0) -> Optimum:
    """The optimum, searched from the predictor ``start`` (n,) and ``dispersion``.

    Raises
    ------
    ModelError
        If regressors are collinear, a coefficient has no finite value (separation), the data are
        not overdispersed, or the search does not converge.
    """
    projection = _projected(likelihood, start)
    basis, triangle = linalg.qr(likelihood.regressors, mode="economic")
    rotated = replace(likelihood, regressors=basis)
    parameters = triangle @ projection
    if likelihood.dispersion:
        parameters = np.append(parameters, np.log(dispersion))
    parameters, point = _newton(rotated, parameters)
    _check_information(likelihood, point)
    return _in_reported_parameters(likelihood, triangle, parameters, point)


def _projected(likelihood: Likelihood, start: Floats) -> Floats:
    """Coefficients (k,) of the starting predictor; collinear regressors are an error, by name."""
    none = np.empty((len(start), 0), dtype=np.int64)
    target = start - likelihood.offset
    solution = solve_ols(target, likelihood.regressors, none, likelihood.weights, likelihood.terms)
    return solution.coefficients


def _newton(likelihood: Likelihood, parameters: Floats) -> tuple[Floats, _Point]:
    point = _evaluate(likelihood, parameters)
    for _ in range(MAX_ITERATIONS):
        gradient = point.scores.sum(axis=0)
        step = _ascent(point.information, gradient)
        decrement = float(gradient @ step)
        if decrement < TOLERANCE:
            return parameters, point
        parameters, point = _step(likelihood, parameters, point, step, decrement)
        if likelihood.dispersion and parameters[-1] < np.log(NO_OVERDISPERSION):
            raise ModelError(
                f"the outcome is not overdispersed: {likelihood.dispersion} goes to zero, where "
                "the negative binomial is the Poisson model; use distribution='poisson'"
            )
    unbounded = f", or {likelihood.dispersion} grows without bound" if likelihood.dispersion else ""
    raise ModelError(
        f"the likelihood did not converge in {MAX_ITERATIONS} steps: some coefficient has no "
        f"finite value{unbounded}. Look for a regressor that separates outcomes among "
        f"{', '.join(likelihood.terms)}, or use a simpler distribution"
    )


def _ascent(information: Floats, gradient: Floats) -> Floats:
    """Newton's direction; where the likelihood is not concave, curvature counts by its size."""
    values, vectors = linalg.eigh(information)
    sizes = np.maximum(np.abs(values), 1e-12 * np.abs(values).max() + 1e-300)
    return np.asarray(vectors @ (vectors.T @ gradient / sizes))


def _step(
    likelihood: Likelihood, parameters: Floats, point: _Point, step: Floats, decrement: float
) -> tuple[Floats, _Point]:
    """Parameters after a step, halved until the likelihood rises enough (Armijo)."""
    length = 1.0
    for _ in range(60):
        moved = parameters + length * step
        there = _evaluate(likelihood, moved)
        gains = there.value >= point.value + 1e-4 * length * decrement
        if gains or (decrement < QUADRATIC and np.isfinite(there.value)):
            return moved, there
        length /= 2
    raise ModelError(
        "the likelihood cannot be raised any further but has no flat optimum; rescale regressors "
        f"with very large values among {', '.join(likelihood.terms)}"
    )


def _evaluate(likelihood: Likelihood, parameters: Floats) -> _Point:
    x, weights = likelihood.regressors, likelihood.weights
    k = x.shape[1]
    a = float(parameters[k]) if likelihood.dispersion else 0.0
    with np.errstate(all="ignore"):  # a step too long is seen by its value and halved
        at: LogDensity = likelihood.density(
            likelihood.outcome, x @ parameters[:k] + likelihood.offset, a
        )
        value = float(weights @ at.value)
        scores = x * (weights * at.eta)[:, None]
        information = -(x.T * (weights * at.eta_eta)) @ x
        if likelihood.dispersion:
            cross = -x.T @ (weights * at.eta_a)
            scores = np.column_stack([scores, weights * at.a])
            information = np.block(
                [[information, cross[:, None]], [cross[None, :], np.array([[-weights @ at.a_a]])]]
            )
    finite = np.isfinite(value) and np.isfinite(information).all() and np.isfinite(scores).all()
    return _Point(value if finite else -np.inf, scores, information)


def _check_information(likelihood: Likelihood, point: _Point) -> None:
    """Separation: the search ran to infinity in a direction the data say nothing about."""
    level = min(1.0, float(np.average(likelihood.outcome, weights=likelihood.weights)))
    smallest = linalg.eigvalsh(point.information)[0]
    if smallest < NO_INFORMATION * level * float(likelihood.weights.mean()):
        raise ModelError(
            "some coefficient has no finite value: a combination of "
            f"{', '.join(likelihood.terms)} separates outcomes perfectly. Remove the regressor "
            "that is constant among the non-zero (or among the zero) outcomes"
        )


def _in_reported_parameters(
    likelihood: Likelihood, triangle: Floats, parameters: Floats, point: _Point
) -> Optimum:
    """From the rotated coefficients and log dispersion to the reported ones.

    At the optimum the gradient is zero, so the information changes by the Jacobian alone.
    """
    k = len(triangle)
    coefficients = linalg.solve_triangular(triangle, parameters[:k])
    jacobian = triangle  # of the rotated parameters by the reported ones
    if likelihood.dispersion:
        dispersion = np.exp(parameters[k])
        jacobian = linalg.block_diag(triangle, 1 / dispersion)
        coefficients = np.append(coefficients, dispersion)
    return Optimum(
        coefficients,
        point.value,
        point.scores @ jacobian,
        jacobian.T @ point.information @ jacobian,
        likelihood.regressors @ coefficients[:k] + likelihood.offset,
    )
