r"""Covariances of least-squares coefficients, each with its small-sample factor said aloud.

With bread :math:`B = (X'WX)^{-1}` and scores :math:`s_i = w_i e_i x_i` every covariance but the
classical one is :math:`B M B`. The kinds (option ``vcov``) and their meat ``M``:

``classical``
    :math:`\hat\sigma^2 B`.
``hc0`` ... ``hc3``
    sum of :math:`s_i s_i'`, times ``n/(n - K)`` for ``hc1``, residuals divided by
    :math:`\sqrt{1 - h_i}` for ``hc2`` and :math:`1 - h_i` for ``hc3`` (MacKinnon and White 1985).
``cluster``
    sum over clusters of outer products of summed scores; with two columns first plus second minus
    intersection (Cameron, Gelbach and Miller 2011, eq. 2.11).
``cr2``, ``cr3``
    one cluster column, residuals of cluster g multiplied by :math:`(I - H_{gg})^{-1/2}` or
    :math:`(I - H_{gg})^{-1}` (Bell and McCaffrey 2002).
``newey_west``
    kernel-weighted autocovariances of the scores over periods, within units if a unit is named
    (Newey and West 1987, eq. 5). A pair of rows counts only if the periods lie as far apart as the
    lag says, so a gap in one unit is never bridged.
``driscoll_kraay``
    the same over periods of the scores summed across units (Driscoll and Kraay 1998, eq. 4).
``pcse``
    :math:`\sum_t X_t' \hat\Sigma X_t` with the contemporaneous covariance of residuals across units
    (Beck and Katz 1995, eq. 6).

``small_sample`` says which factor multiplies the meat:

=============  ====================  ================  =============================
value          cluster               driscoll_kraay    hc1, newey_west, pcse
=============  ====================  ================  =============================
``full``       G/(G - 1) and         T/(T - 1) and     n/(n - K)
               (n - 1)/(n - K)       (n - 1)/(n - K)
``clusters``   G/(G - 1)             T/(T - 1)
``residual``   (n - 1)/(n - K)       n/(n - K)
``none``       1                     1                 1
=============  ====================  ================  =============================

Default: ``full``, but ``none`` for ``newey_west`` and ``pcse``, as their authors have it. For
``classical``, ``full`` (default) divides by ``n - K`` and ``none`` by ``n``. ``hc0``, ``hc2`` and
``hc3`` have no factor to choose. For ``cr2`` and ``cr3``, ``none`` (default) or
``jackknife``, which is ``(G - 1)/G``.

``parameters`` says what K counts in these factors and degrees of freedom:

``all`` (default)
    every parameter, absorbed effects included.
``nonnested``
    an absorbed effect whose levels each lie in one cluster is not counted, except for one
    intercept, as in ``reghdfe`` and ``xtreg, fe`` of Stata.
``terms``
    the terms reported, no absorbed effect.
a number
    K itself, as when a program counted redundant columns.

``inference`` says which distribution gives p-values and intervals: ``t`` with G - 1 degrees of
freedom for cluster kinds (the smaller G of two), T - 1 for ``driscoll_kraay`` and n - K for the
others; ``residual``, t with n - K whatever the covariance; a number, t with so many; ``normal``.
Models estimated by generalised least squares are ``normal`` by default, the others ``t``.

``vcov_options`` is a mapping with, where they apply:

``lags``
    a number, or ``"nw1987"`` (default) :math:`\lfloor T^{1/4} \rfloor`, ``"nw1994"``
    :math:`\lfloor 4 (T/100)^{2/9} \rfloor`, or ``"max"``, that is T - 1.
``kernel``
    ``"bartlett"`` (default), ``"parzen"`` or ``"truncated"``.
``unbalanced``
    for ``pcse``: ``"casewise"`` (default) estimates the covariance across units on the periods in
    which every unit is observed, ``"pairwise"`` on those two units share (Bailey and Katz 2011).
``intersection``
    for two cluster columns: ``"cluster"`` (default) treats the intersection as clusters, ``"hc0"``
    and ``"hc1"`` subtract White's covariance of the rows instead (Petersen 2009; Ma 2014).
``cluster_count``
    for two cluster columns: ``"own"`` (default) gives each of the three terms its own
    ``G/(G - 1)``, ``"minimum"`` the one of the smaller of the two dimensions.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.absorption import count_effects
from analysis.models.covariance import covariance as classical_or_hc
from analysis.models.least_squares import Solution
from analysis.models.linear.panel import (
    check_choice,
    check_one_row_per_period,
    group_sums,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

HC_KINDS = ("hc0", "hc1", "hc2", "hc3")
CLUSTER_KINDS = ("cluster", "cr2", "cr3")
SERIAL_KINDS = ("newey_west", "driscoll_kraay", "pcse")
KINDS = ("classical", *HC_KINDS, *CLUSTER_KINDS, *SERIAL_KINDS)
#: The factors each kind takes, its default first.
SMALL_SAMPLE: dict[str, tuple[str, ...]] = {
    "classical": ("full", "none"),
    "hc0": ("full", "none"),
    "hc1": ("full", "none"),
    "hc2": ("full",),
    "hc3": ("full",),
    "cluster": ("full", "residual", "clusters", "none"),
    "cr2": ("none", "jackknife"),
    "cr3": ("none", "jackknife"),
    "newey_west": ("none", "full"),
    "driscoll_kraay": ("full", "residual", "clusters", "none"),
    "pcse": ("none", "full"),
}
PARAMETERS = ("all", "nonnested", "terms")
INFERENCES = ("t", "residual", "normal")
LAG_RULES: dict[str, Callable[[int], int]] = {
    "nw1987": lambda periods: math.floor(periods**0.25 + 1e-9),
    "nw1994": lambda periods: math.floor(4 * (periods / 100) ** (2 / 9) + 1e-9),
    "max": lambda periods: periods - 1,
}
KERNELS = ("bartlett", "parzen", "truncated")
VCOV_OPTIONS = ("lags", "kernel", "unbalanced", "intersection", "cluster_count")


@dataclass(frozen=True, kw_only=True, slots=True)
class VcovChoice:
    """A covariance and its conventions; see the module's documentation."""

    kind: str
    small_sample: str
    parameters: str | int
    inference: str | float
    lags: int | str = "nw1987"
    kernel: str = "bartlett"
    unbalanced: str = "casewise"
    intersection: str = "cluster"
    cluster_count: str = "own"


@dataclass(frozen=True, slots=True)
class Groups:
    """What the rows of a regression belong to: ``clusters`` and ``effects`` (n, 0..2) as codes,
    ``units`` and ``periods`` (n,) or None."""

    clusters: Codes
    effects: Codes
    units: Codes | None
    periods: Codes | None


def choose_vcov(
    kind: str,
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "t",
    options: Mapping[str, object] | None = None,
) -> VcovChoice:
    """Check the conventions of a covariance and fill in the defaults."""
    check_choice("vcov", kind, KINDS)
    given = dict(options or {})
    for name in given:
        if name in ("df", "df_t", "degrees_of_freedom"):
            raise ModelError(f"vcov_options has no {name!r}; write inference: {given[name]}")
        check_choice("vcov_options", name, VCOV_OPTIONS)
    factors = SMALL_SAMPLE[kind]
    if small_sample is not None:
        check_choice(f"small_sample for vcov={kind!r}", small_sample, factors)
    check_inference(inference)
    if isinstance(parameters, str):
        check_choice("parameters", parameters, PARAMETERS)
    choice = VcovChoice(
        kind=kind,
        small_sample=small_sample or factors[0],
        parameters=parameters,
        inference=inference,
        **given,  # type: ignore[arg-type]
    )
    _check_values(choice)
    return choice


def check_inference(inference: str | float) -> None:
    """`ModelError` for what is no way of inference."""
    if isinstance(inference, str):
        check_choice("inference", inference, INFERENCES)
    elif not inference > 0:
        raise ModelError(f"inference: expected degrees of freedom above 0, got {inference!r}")


def coefficient_covariance(
    solution: Solution, groups: Groups, choice: VcovChoice
) -> tuple[Floats, float]:
    """Covariance (k, k) and the degrees of freedom of its t distribution."""
    _check_clusters(groups, choice)
    n, columns = len(solution.residuals), len(solution.coefficients)
    n_parameters = count_parameters(columns, n, groups.effects, groups.clusters, choice.parameters)
    if choice.kind == "classical" or choice.kind in HC_KINDS:
        kind = "hc0" if (choice.kind, choice.small_sample) == ("hc1", "none") else choice.kind
        matrix = classical_or_hc(solution, kind, n_parameters, groups.clusters, groups.effects)
        variance_is_estimated = choice.kind == "classical" and solution.fitted is None
        if variance_is_estimated and choice.small_sample == "none":
            matrix = matrix * (n - n_parameters) / n
    else:
        meat = _MEATS[choice.kind](solution, groups, choice, n_parameters)
        matrix = solution.bread @ meat @ solution.bread
    return (matrix + matrix.T) / 2, _degrees_of_freedom(choice, groups, n - n_parameters)


def count_parameters(
    columns: int, n: int, effects: Codes, clusters: Codes, parameters: str | int
) -> int:
    """K: ``columns`` of the design and those of ``effects`` (n, 0..2) that ``parameters`` counts.

    ``clusters`` (n, 0..2) are those in which an effect may be nested.
    """
    if not isinstance(parameters, str):
        if not 0 <= parameters < n:
            raise ModelError(f"parameters: expected a number below the {n} rows, got {parameters}")
        return parameters
    if parameters == "terms" or not effects.shape[1]:
        return columns
    nested = [any(_is_nested(effect, one) for one in clusters.T) for effect in effects.T]
    if parameters == "all" or not any(nested):
        return columns + count_effects(effects)
    return columns + max(count_effects(effects[:, ~np.array(nested)]), 1)


def small_sample_text(choice: VcovChoice, fitted: Floats | None = None) -> str:
    """The factor in words, for the facts of a fit; with ``fitted`` means, of a likelihood."""
    text = _FACTORS.get(choice.kind, {}).get(choice.small_sample, "none")
    if choice.kind == "classical" and fitted is not None:
        text = "none"
    return text if choice.parameters == "all" else f"{text}; parameters={choice.parameters}"


def cluster_counts(groups: Groups) -> list[int]:
    """Number of clusters in each cluster column."""
    return [int(codes.max()) + 1 for codes in groups.clusters.T]


def kernel_autocovariance(series: Floats, lags: int, kernel: str) -> Floats:
    """Kernel-weighted sum (k, k) of the autocovariances, not divided by T, of ``series`` (T, k)."""
    total = series.T @ series
    for lag in range(1, min(lags, len(series) - 1) + 1):
        product = series[lag:].T @ series[:-lag]
        total = total + kernel_weight(lag, lags, kernel) * (product + product.T)
    return total


def kernel_weight(lag: int, lags: int, kernel: str) -> float:
    """Weight of autocovariance ``lag`` with bandwidth ``lags + 1``."""
    share = lag / (lags + 1)
    if kernel == "truncated":
        return 1.0
    if kernel == "bartlett":
        return 1 - share
    return 1 - 6 * share**2 + 6 * share**3 if share <= 0.5 else 2 * (1 - share) ** 3


def resolve_lags(lags: int | str, n_periods: int) -> int:
    """A number of lags from a number or a rule, at most ``n_periods - 1``."""
    if isinstance(lags, str):
        return LAG_RULES[lags](n_periods)
    if lags >= n_periods:
        raise ModelError(f"lags: {lags} lags need more than {n_periods} periods")
    return lags


def _check_values(choice: VcovChoice) -> None:
    if isinstance(choice.lags, str):
        check_choice("lags", choice.lags, tuple(LAG_RULES))
    elif isinstance(choice.lags, bool) or not isinstance(choice.lags, int) or choice.lags < 0:
        raise ModelError(f"lags: expected a whole number of 0 or more, got {choice.lags!r}")
    check_choice("kernel", choice.kernel, KERNELS)
    check_choice("unbalanced", choice.unbalanced, ("casewise", "pairwise"))
    check_choice("intersection", choice.intersection, ("cluster", "hc0", "hc1"))
    check_choice("cluster_count", choice.cluster_count, ("own", "minimum"))


def _check_clusters(groups: Groups, choice: VcovChoice) -> None:
    if groups.clusters.shape[1] and choice.kind not in CLUSTER_KINDS:
        raise ModelError(
            f"cluster has no effect with vcov={choice.kind!r}; set vcov='cluster' or leave cluster "
            "empty"
        )


def _degrees_of_freedom(choice: VcovChoice, groups: Groups, residual: int) -> float:
    if not isinstance(choice.inference, str):
        return float(choice.inference)
    if choice.inference == "normal":
        return math.inf
    if choice.inference == "t" and choice.kind in CLUSTER_KINDS:
        return float(min(cluster_counts(groups)) - 1)
    if choice.inference == "t" and choice.kind == "driscoll_kraay":
        return float(len(np.unique(_periods(groups, choice.kind))) - 1)
    return float(residual)


def _scores(solution: Solution) -> Floats:
    return (solution.weights * solution.residuals)[:, None] * solution.regressors


def _cluster_meat(
    solution: Solution, groups: Groups, choice: VcovChoice, n_parameters: int
) -> Floats:
    scores, n, counts = _scores(solution), len(solution.residuals), _checked_counts(groups)
    residual = (n - 1) / (n - n_parameters)
    common = residual if choice.small_sample in ("residual", "full") else 1.0
    meat = np.zeros((scores.shape[1], scores.shape[1]))
    for codes, count in zip(groups.clusters.T, counts, strict=True):
        meat += common * _group_factor(choice, count, counts) * _outer_sums(scores, codes)
    if len(counts) == 1:
        return meat
    if choice.intersection != "cluster":
        factor = n / (n - n_parameters) if choice.intersection == "hc1" else 1.0
        return meat - factor * scores.T @ scores
    both = np.unique(groups.clusters, axis=0, return_inverse=True)[1].ravel()
    count = int(both.max()) + 1
    return meat - common * _group_factor(choice, count, counts) * _outer_sums(scores, both)


def _group_factor(choice: VcovChoice, count: int, counts: list[int]) -> float:
    if choice.small_sample not in ("clusters", "full"):
        return 1.0
    groups = min(counts) if choice.cluster_count == "minimum" else count
    return groups / (groups - 1)


def _outer_sums(scores: Floats, codes: Codes) -> Floats:
    sums = group_sums(scores, codes)
    return sums.T @ sums


def _checked_counts(groups: Groups) -> list[int]:
    counts = cluster_counts(groups)
    if not counts:
        raise ModelError("a clustered covariance needs cluster columns; name them in cluster")
    if min(counts) < 2:
        raise ModelError("only one cluster; a clustered covariance needs at least 2")
    return counts


def _leverage_corrected_meat(
    solution: Solution, groups: Groups, choice: VcovChoice, n_parameters: int
) -> Floats:
    (count, *others) = _checked_counts(groups)
    if others or groups.effects.shape[1]:
        raise ModelError(
            f"vcov={choice.kind!r} is defined for one cluster column and no absorbed effect; "
            "enter the effects as regressors, factor(...)"
        )
    root = np.sqrt(solution.weights)
    design, residuals = solution.regressors * root[:, None], solution.residuals * root
    basis = design @ linalg.cholesky(solution.bread, lower=True)
    codes = groups.clusters[:, 0]
    order = np.argsort(codes, kind="stable")
    sums = np.zeros((count, design.shape[1]))
    for g, rows in enumerate(np.split(order, np.cumsum(np.bincount(codes))[:-1])):
        corrected = _divide_by_leverage(basis[rows], residuals[rows], choice.kind)
        sums[g] = design[rows].T @ corrected
    factor = (count - 1) / count if choice.small_sample == "jackknife" else 1.0
    return factor * sums.T @ sums


def _divide_by_leverage(basis: Floats, residuals: Floats, kind: str) -> Floats:
    """``(I - H)^p residuals`` with H = basis basis', p = -1/2 or -1, by the SVD of the basis."""
    vectors, singular, _ = linalg.svd(basis, full_matrices=False)
    remaining = 1 - singular**2
    if remaining.min() < 1e-9:
        raise ModelError(
            f"{kind} is not defined: a cluster alone identifies a coefficient (leverage one); "
            "use 'cluster' or leave that regressor out"
        )
    power = remaining ** (-0.5 if kind == "cr2" else -1.0) - 1
    return residuals + vectors @ (power * (vectors.T @ residuals))


def _newey_west_meat(
    solution: Solution, groups: Groups, choice: VcovChoice, n_parameters: int
) -> Floats:
    periods = _periods(groups, choice.kind)
    units = np.zeros_like(periods) if groups.units is None else groups.units
    check_one_row_per_period(units, periods, "vcov='newey_west'")
    lags = resolve_lags(choice.lags, int(np.ptp(periods)) + 1)
    order = np.lexsort((periods, units))
    scores = _scores(solution)[order]
    keys = units[order] * (int(periods.max()) + lags + 1) + periods[order]
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        place = np.searchsorted(keys, keys - lag)
        found = keys[place] == keys - lag
        product = scores[found].T @ scores[place[found]]
        meat = meat + kernel_weight(lag, lags, choice.kernel) * (product + product.T)
    return meat * _residual_factor(choice, len(scores), n_parameters)


def _driscoll_kraay_meat(
    solution: Solution, groups: Groups, choice: VcovChoice, n_parameters: int
) -> Floats:
    periods = _periods(groups, choice.kind)
    scores, n = _scores(solution), len(solution.residuals)
    sums = group_sums(scores, periods)
    count = len(sums)
    meat = kernel_autocovariance(sums, resolve_lags(choice.lags, count), choice.kernel)
    if choice.small_sample in ("clusters", "full"):
        if count < 2:
            raise ModelError("only one period; vcov='driscoll_kraay' needs at least 2")
        meat = meat * count / (count - 1)
    if choice.small_sample == "full":
        return meat * (n - 1) / (n - n_parameters)
    return meat * (n / (n - n_parameters) if choice.small_sample == "residual" else 1.0)


def _pcse_meat(solution: Solution, groups: Groups, choice: VcovChoice, n_parameters: int) -> Floats:
    periods = _periods(groups, choice.kind)
    if groups.units is None:
        raise ModelError("vcov='pcse' needs the unit column")
    if np.ptp(solution.weights) > 0:
        raise ModelError("vcov='pcse' is defined without weights")
    check_one_row_per_period(groups.units, periods, "vcov='pcse'")
    shape = (int(periods.max()) + 1, int(groups.units.max()) + 1)
    residuals, present = np.zeros(shape), np.zeros(shape)
    residuals[periods, groups.units] = solution.residuals
    present[periods, groups.units] = 1
    regressors = np.zeros((*shape, solution.regressors.shape[1]))
    regressors[periods, groups.units] = solution.regressors
    sigma = _contemporaneous_covariance(residuals, present, choice.unbalanced)
    meat = np.einsum("tik,til->kl", regressors, sigma @ regressors)
    return meat * _residual_factor(choice, len(solution.residuals), n_parameters)


def _contemporaneous_covariance(residuals: Floats, present: Floats, unbalanced: str) -> Floats:
    """Covariance (N, N) of residuals (T, N) across units; zero for units that never meet."""
    if unbalanced == "pairwise":
        shared = present.T @ present
        return residuals.T @ residuals / np.where(shared > 0, shared, 1.0)
    complete = present.all(axis=1)
    if not complete.any():
        raise ModelError(
            "vcov='pcse': no period has every unit; use vcov_options {unbalanced: pairwise}"
        )
    return residuals[complete].T @ residuals[complete] / int(complete.sum())


def _residual_factor(choice: VcovChoice, n: int, n_parameters: int) -> float:
    return n / (n - n_parameters) if choice.small_sample == "full" else 1.0


def _periods(groups: Groups, kind: str) -> Codes:
    if groups.periods is None:
        raise ModelError(f"vcov={kind!r} needs the time column")
    return np.unique(groups.periods, return_inverse=True)[1]


def _is_nested(effect: Codes, cluster: Codes) -> bool:
    pairs = np.unique(np.column_stack([effect, cluster]), axis=0)
    return len(pairs) == len(np.unique(effect))


#: Factors in words by kind and value; what is not here is no factor.
_FACTORS = {
    "classical": {"full": "n - K degrees of freedom"},
    "hc1": {"full": "n/(n - K)"},
    "hc2": {"full": "residuals / sqrt(1 - leverage)"},
    "hc3": {"full": "residuals / (1 - leverage)"},
    "cr2": {"jackknife": "(G - 1)/G"},
    "cr3": {"jackknife": "(G - 1)/G"},
    "newey_west": {"full": "n/(n - K)"},
    "pcse": {"full": "n/(n - K)"},
} | {
    kind: {
        "full": f"{group}/({group} - 1) x (n - 1)/(n - K)",
        "clusters": f"{group}/({group} - 1)",
        "residual": residual,
    }
    for kind, group, residual in (
        ("cluster", "G", "(n - 1)/(n - K)"),
        ("driscoll_kraay", "T", "n/(n - K)"),
    )
}

_MEATS = {
    "cluster": _cluster_meat,
    "cr2": _leverage_corrected_meat,
    "cr3": _leverage_corrected_meat,
    "newey_west": _newey_west_meat,
    "driscoll_kraay": _driscoll_kraay_meat,
    "pcse": _pcse_meat,
}
