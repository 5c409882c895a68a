"""Covariance of maximum-likelihood estimates from scores and information.

``classical``: inverse observed information. ``opg``: inverse of the sum of outer products of the
scores. ``hc0``: sandwich of the two (quasi-maximum likelihood). ``hc1``: times ``n / (n - K)``.
``cluster``: scores summed within clusters, one or two ways, with ``G / (G - 1) * (n - 1)/(n - K)``.
``small_sample`` replaces these factors: ``"clusters"`` is ``G / (G - 1)`` (for ``hc1`` every row is
a cluster: ``n / (n - 1)``, as Stata's option robust), ``"none"`` no factor.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.covariance import cluster_meat
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

VCOVS = ("classical", "opg", "hc0", "hc1", "cluster")
SMALL_SAMPLES = ("full", "clusters", "none")


def likelihood_covariance(
    information: Floats, scores: Floats, vcov: str, small_sample: str, clusters: Codes
) -> Floats:
    """Covariance (K, K) from ``information`` (K, K), ``scores`` (n, K) and cluster codes (n, 0..2).

    Raises
    ------
    ModelError
        If there are fewer rows than parameters, or only one cluster.
    """
    n, n_parameters = scores.shape
    if n <= n_parameters:
        raise ModelError(f"{n} complete rows cannot estimate {n_parameters} parameters")
    scale = np.sqrt(np.diag(information))  # for the condition only
    bread = linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale)
    if vcov == "classical":
        return np.asarray(bread)
    if vcov == "opg":
        return np.asarray(linalg.inv(scores.T @ scores))
    if vcov == "cluster":
        meat = _clustered(scores, clusters, small_sample)
    else:
        meat = scores.T @ scores * _row_factor(vcov, small_sample, n, n_parameters)
    return np.asarray(bread @ meat @ bread)


def small_sample_text(vcov: str, small_sample: str) -> str:
    """The factor in words."""
    if vcov not in ("hc1", "cluster") or small_sample == "none":
        return "none"
    if vcov == "hc1":
        return "n/(n - K)" if small_sample == "full" else "n/(n - 1)"
    return "G/(G - 1)" + (" x (n - 1)/(n - K)" if small_sample == "full" else "")


def _row_factor(vcov: str, small_sample: str, n: int, n_parameters: int) -> float:
    if vcov == "hc0" or small_sample == "none":
        return 1.0
    return n / (n - (n_parameters if small_sample == "full" else 1))


def _clustered(scores: Floats, clusters: Codes, small_sample: str) -> Floats:
    n, n_parameters = scores.shape
    smallest = int(clusters.max(axis=0).min()) + 1
    if smallest < 2:
        raise ModelError("only one cluster; at least 2 are needed")
    meat = cluster_meat(scores, clusters)
    if small_sample == "full":
        return meat * (n - 1) / (n - n_parameters)
    if small_sample == "clusters":
        return meat
    if clusters.shape[1] > 1:
        raise ModelError("small_sample='none' is not available with two cluster columns")
    return meat * (smallest - 1) / smallest
