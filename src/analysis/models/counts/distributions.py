"""Log densities with their first and second derivatives.

Each takes the outcome ``y`` (n,), the linear predictor ``eta`` (n,) and the logarithm ``a`` of a
dispersion parameter, which distributions without one ignore, and returns
:class:`LogDensity`. Counts have the mean ``mu = exp(eta)``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogDensity:
    """Value and derivatives (n,) by the predictor ``eta`` and the log dispersion ``a``."""

    value: Floats
    eta: Floats
    eta_eta: Floats
    a: Floats
    eta_a: Floats
    a_a: Floats


Density = Callable[[Floats, Floats, float], LogDensity]


def poisson(y: Floats, eta: Floats, a: float) -> LogDensity:
    """``exp(-mu) mu^y / y!``."""
    mu, none = np.exp(eta), np.zeros_like(eta)
    value = y * eta - mu - special.gammaln(y + 1)
    return LogDensity(value, y - mu, -mu, none, none, none)


def negative_binomial_2(y: Floats, eta: Floats, a: float) -> LogDensity:
    """Variance ``mu + alpha mu^2``, alpha = exp(a) (Cameron and Trivedi 2013, eq. 3.26)."""
    mu, r = np.exp(eta), np.exp(-a)
    total = r + mu
    value = (
        special.gammaln(y + r)
        - special.gammaln(r)
        - special.gammaln(y + 1)
        - r * np.log1p(mu / r)
        + y * (eta - np.log(total))
    )
    by_r = special.digamma(y + r) - special.digamma(r) - np.log1p(mu / r) + (mu - y) / total
    by_r_r = (
        special.polygamma(1, y + r)
        - special.polygamma(1, r)
        + mu / (r * total)
        - (mu - y) / total**2
    )
    return LogDensity(
        value,
        eta=r * (y - mu) / total,
        eta_eta=-r * mu * (y + r) / total**2,
        a=-r * by_r,
        eta_a=-r * mu * (y - mu) / total**2,
        a_a=r**2 * by_r_r + r * by_r,
    )


def negative_binomial_1(y: Floats, eta: Floats, a: float) -> LogDensity:
    """Variance ``(1 + delta) mu``, delta = exp(a) (Cameron and Trivedi 2013, section 3.3.1)."""
    delta = np.exp(a)
    size = np.exp(eta) / delta
    share = delta / (1 + delta)
    value = (
        special.gammaln(y + size)
        - special.gammaln(size)
        - special.gammaln(y + 1)
        - size * np.log1p(delta)
        + y * (a - np.log1p(delta))
    )
    first = size * (special.digamma(y + size) - special.digamma(size) - np.log1p(delta))
    second = first + size**2 * (special.polygamma(1, y + size) - special.polygamma(1, size))
    return LogDensity(
        value,
        eta=first,
        eta_eta=second,
        a=-first - size * share + y * (1 - share),
        eta_a=-second - size * share,
        a_a=second + 2 * size * share - (size + y) * share * (1 - share),
    )


def geometric(y: Floats, eta: Floats, a: float) -> LogDensity:
    """The negative binomial with alpha = 1, variance ``mu + mu^2``."""
    at, none = negative_binomial_2(y, eta, 0.0), np.zeros_like(eta)
    return LogDensity(at.value, at.eta, at.eta_eta, none, none, none)


def zero_truncated(density: Density) -> Density:
    """``density`` given that the count is positive: divided by ``1 - density(0)``."""

    def truncated(y: Floats, eta: Floats, a: float) -> LogDensity:
        full, zero = density(y, eta, a), density(np.zeros_like(y), eta, a)
        odds = 1 / np.expm1(-zero.value)  # of a zero
        curvature = odds * (1 + odds)
        return LogDensity(
            full.value - np.log(-np.expm1(zero.value)),
            full.eta + odds * zero.eta,
            full.eta_eta + odds * zero.eta_eta + curvature * zero.eta**2,
            full.a + odds * zero.a,
            full.eta_a + odds * zero.eta_a + curvature * zero.eta * zero.a,
            full.a_a + odds * zero.a_a + curvature * zero.a**2,
        )

    return truncated


def logit(y: Floats, eta: Floats, a: float) -> LogDensity:
    """Probability ``1 / (1 + exp(-eta))`` of a one."""
    probability, none = special.expit(eta), np.zeros_like(eta)
    value = special.log_expit(np.where(y > 0, eta, -eta))
    return LogDensity(value, y - probability, -probability * special.expit(-eta), none, none, none)


def probit(y: Floats, eta: Floats, a: float) -> LogDensity:
    """Probability ``Phi(eta)`` of a one."""
    sign, none = 2 * y - 1, np.zeros_like(eta)
    value = stats.norm.logcdf(sign * eta)
    score = sign * np.exp(stats.norm.logpdf(eta) - value)
    return LogDensity(value, score, -score * (score + eta), none, none, none)


def cloglog(y: Floats, eta: Floats, a: float) -> LogDensity:
    """Probability ``1 - exp(-exp(eta))`` of a one: a Poisson count of which only y > 0 is seen."""
    mu, none = np.exp(eta), np.zeros_like(eta)
    odds = 1 / np.expm1(mu)
    value = np.where(y > 0, np.log(-np.expm1(-mu)), -mu)
    score = np.where(y > 0, mu * odds, -mu)
    second = np.where(y > 0, mu * odds - mu**2 * odds * (1 + odds), -mu)
    return LogDensity(value, score, second, none, none, none)


#: Name -> density and the name of its dispersion parameter.
COUNT_DENSITIES: dict[str, tuple[Density, str]] = {
    "poisson": (poisson, ""),
    "nb1": (negative_binomial_1, "delta"),
    "nb2": (negative_binomial_2, "alpha"),
    "geometric": (geometric, ""),
}
BINARY_DENSITIES: dict[str, Density] = {"logit": logit, "probit": probit, "cloglog": cloglog}
