"""Models: a :class:`Specification` and a frame go in, :class:`Estimates` come out.

Every estimator returns the same type, so tables, figures and comparisons read only that.

The small-sample convention
---------------------------
Packages disagree about clustered standard errors because they count parameters differently. Here
there is one convention, used by every linear and Poisson model:

* **K** counts every estimated parameter: the regressors, the intercept if there is one, and every
  absorbed effect. It is the rank of the design with all dummies written out, so with two absorbed
  effects one dummy per connected component of the panel is redundant and is not counted.
* ``classical``: residual variance with ``n - K`` degrees of freedom. For Poisson the inverse
  information, without a factor, as the scale is known to be one.
* ``hc0``: no factor. ``hc1``: ``n / (n - K)``. ``hc2`` and ``hc3``: residuals divided by
  ``sqrt(1 - h)`` and ``1 - h``, where the leverage ``h`` includes the absorbed effects; no factor.
* ``cluster``: ``G / (G - 1) * (n - 1) / (n - K)``. With two cluster columns the covariance is
  ``V1 + V2 - V12`` (Cameron, Gelbach and Miller 2011) and each term has the ``G / (G - 1)`` of its
  own clusters. A variance that comes out negative is shown as a missing standard error.
* p-values and 95 % intervals use the t distribution with ``G - 1`` degrees of freedom when
  clustered (the smaller ``G`` of two) and ``n - K`` otherwise.

Least squares has more covariances and lets every one of these conventions be chosen by name: see
:mod:`analysis.models.linear.covariances`.

It equals ``pyfixest`` with ``ssc(k_fixef="full", G_df="conventional")``, ``linearmodels`` with
``debiased=True, group_debias=True``, and ``statsmodels`` with dummies, which the tests verify.

Effects are absorbed exactly (:mod:`analysis.models.two_way`), or by pyfixest's iterative solver
when both effects have thousands of levels. The least squares on what remains is done here, because
pyfixest takes one endogenous regressor only and leaves the absorbed effects out of the leverage of
HC2 and HC3, and because its clustered errors follow the interpreter's hash seed under its default
count of parameters.

Singletons (a level of an absorbed effect seen once) are kept, so that the sample is the one the
reader was told about; they never move a coefficient of a linear model, but they count among the
clusters. ``facts.n_singletons`` says how many there are.
"""

from analysis.models.estimates import Estimates, Facts, WaldTest, round_significant
from analysis.models.event_study import event_study, event_times
from analysis.models.fit import fit
from analysis.models.regression_discontinuity import mse_bandwidths, regression_discontinuity
from analysis.models.specification import ModelError, Specification

__all__ = [
    "Estimates",
    "Facts",
    "ModelError",
    "Specification",
    "WaldTest",
    "event_study",
    "event_times",
    "fit",
    "mse_bandwidths",
    "regression_discontinuity",
    "round_significant",
]
