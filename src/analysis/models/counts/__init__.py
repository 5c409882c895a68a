"""Counts and binary outcomes by maximum likelihood: Poisson, negative binomial, hurdle, logit.

One Newton optimiser (:mod:`analysis.models.counts.maximum_likelihood`) serves every distribution of
:mod:`analysis.models.counts.distributions`, whose first and second derivatives are exact. Poisson
models with many absorbed effects are estimated by :func:`analysis.models.fit` instead,
zero-inflated ones by statsmodels.
"""

from analysis.models.counts.binary_regression import binary_regression
from analysis.models.counts.count_regression import count_regression
from analysis.models.counts.hurdle import hurdle
from analysis.models.counts.zero_inflated import zero_inflated

__all__ = ["binary_regression", "count_regression", "hurdle", "zero_inflated"]
