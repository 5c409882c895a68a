"""Linear panel models: pooled, within, between, differenced, random effects, Hausman-Taylor.

Every estimator takes a frame and keywords and returns :class:`analysis.models.Estimates`. They
share one table of covariances with the small-sample factor as an option
(:mod:`analysis.models.linear.covariances`) and one of variance components
(:mod:`analysis.models.linear.variance_components`). Rows with a missing value in a column used are
left out and counted, rows are sorted first, and results do not depend on their order. K counts
absorbed effects unless ``parameters`` says otherwise; within, between, differences and pooled
models use the t distribution, estimators by generalised least squares the normal, unless
``inference`` says otherwise.
"""

from analysis.models.linear.effects_tests import breusch_pagan_lm, effects_f_test, hausman_test
from analysis.models.linear.fama_macbeth import fama_macbeth
from analysis.models.linear.hausman_taylor import hausman_taylor
from analysis.models.linear.least_squares import between, first_differences, ols, within
from analysis.models.linear.random_effects import random_effects
from analysis.models.linear.random_effects_iv import random_effects_iv
from analysis.models.linear.two_way_random_effects import two_way_random_effects

__all__ = [
    "between",
    "breusch_pagan_lm",
    "effects_f_test",
    "fama_macbeth",
    "first_differences",
    "hausman_taylor",
    "hausman_test",
    "ols",
    "random_effects",
    "random_effects_iv",
    "two_way_random_effects",
    "within",
]
