"""The wild cluster bootstrap from moments: restricted and unrestricted, with intervals.

A draw multiplies all residuals of cluster g by one weight v_g. With the quantities of
:class:`analysis.robustness.one_regression.Regression`, the score of cluster g for the focus when
the residuals are those that impose the coefficient r is ``u_g = c_x' M_g (c_y - r c_x)``, and the
bootstrap's own regression leaves ``v_g u_g - P_g q``, where ``P_g = c_x' M_g`` on all regressors
and ``q = (X'X)^-1 sum_h v_h X_h' e_h``. The t statistic of a draw is therefore

    sum_g v_g u_g / sqrt(factor * sum_g (v_g u_g - P_g q)^2)

and needs no row (Roodman, MacKinnon, Nielsen and Webb 2019; type "11" of MacKinnon, Nielsen and
Webb 2023: no jackknife in the data-generating process or the variance). Restricted (WCR) residuals
impose the null hypothesis, unrestricted ones (WCU) the estimate. Both u and q are linear in r, so
three sums a draw give its statistic at every r, and intervals are inverted exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.robustness.draws import curve_sums, draw_sums
from analysis.robustness.moments import Moments
from analysis.robustness.one_regression import Regression, regression_at, regression_on
from analysis.robustness.solve import Batch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Drawn = NDArray[np.float64] | NDArray[np.int8]
Weights = Literal["rademacher", "webb", "mammen"]
Tails = Literal["symmetric", "equal-tailed"]

SPECIFICATIONS_AT_ONCE = 256
TIE = 1e-9
ROUNDING = 1e-9
STEPS_OUT = 24
HALVINGS = 40
WEBB = np.array([-math.sqrt(1.5), -1.0, -math.sqrt(0.5), math.sqrt(0.5), 1.0, math.sqrt(1.5)])
GOLDEN = (1 + math.sqrt(5)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapTest:
    """Test of ``coefficient == null`` and the interval of the coefficients it does not reject.

    ``p_value`` counts the draws at least as extreme as the sample, and the sample itself among
    them (with full enumeration under the null it is one of the draws): it is never zero and the
    test does not reject more often than its level where the bootstrap is exact (Phipson and Smyth
    2010). ``p_value_strict`` is the share of draws that are more extreme, as other packages print
    it; they differ noticeably only with few clusters, whose 2^G draws allow no small p-value.
    Interval ends are missing when no interval was asked for, and infinite on a side where no
    coefficient is rejected.
    """

    estimate: float
    std_error: float
    statistic: float
    null: float
    p_value: float
    p_value_strict: float
    ci_low: float
    ci_high: float
    level: float | None
    tails: str
    weights: str
    impose_null: bool
    n_draws: int
    n_clusters: int
    enumerated: bool


def wild_bootstrap(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str] = (),
    *,
    null: float = 0.0,
    weights: Weights = "rademacher",
    impose_null: bool = True,
    tails: Tails = "symmetric",
    level: float | None = 0.95,
    draws: int = 9_999,
    seed: int,
    name: str = "wild bootstrap",
) -> BootstrapTest:
    """Wild cluster bootstrap test that the coefficient of ``focus`` is ``null``.

    Parameters
    ----------
    weights
        ``"rademacher"``; all of its 2^G draws instead of a sample when these are not more than
        ``draws``. ``"webb"`` (six points) for a dozen clusters or fewer, ``"mammen"`` (two points,
        third moment one).
    impose_null
        True for WCR, which is more reliable; False for WCU.
    tails
        ``"symmetric"`` compares ``|t*|`` with ``|t|``; ``"equal-tailed"`` takes twice the smaller
        tail. The interval inverts the same test.
    level
        Of the interval; None for none, in half the time.
    seed, name
        Draws depend on these, the number of clusters and nothing else.

    Raises
    ------
    ModelError
        If the specification or its error cannot be estimated (see `regression_on`), the moments do
        not keep effects crossing the clusters as dummies, or an argument is not allowed.
    """
    if level is not None and not 0 < level < 1:
        raise ModelError(f"level: expected between 0 and 1, or None, got {level}")
    if tails not in ("symmetric", "equal-tailed"):
        raise ModelError(f"tails: {tails!r} is not 'symmetric' or 'equal-tailed'")
    regression = regression_on(moments, outcome, focus, controls)
    regression.require_error()
    drawn = wild_weights(len(moments.clusters), weights, draws, seed, name)
    enumerated = is_enumerated(len(moments.clusters), weights, draws)
    imposed = null if impose_null else regression.estimate
    compare = Comparison(tails=tails, contains_sample=enumerated and impose_null)
    low, high = math.nan, math.nan
    if level is not None and impose_null:
        profile = bootstrap_profile(moments, regression, drawn)
        null_statistics = profile.statistics(imposed)
        low, high = _inverted(regression, profile, compare, 1 - level)
    else:
        null_statistics = bootstrap_statistics(moments, regression, drawn, imposed)
        if level is not None:
            low, high = _from_quantiles(regression, null_statistics, tails, 1 - level)
    test = (regression.estimate - null) / regression.std_error
    return BootstrapTest(
        estimate=regression.estimate,
        std_error=regression.std_error,
        statistic=test,
        null=null,
        p_value=compare.p_value(test, null_statistics),
        p_value_strict=compare.p_value_strict(test, null_statistics),
        ci_low=low,
        ci_high=high,
        level=level,
        tails=tails,
        weights=weights,
        impose_null=impose_null,
        n_draws=drawn.shape[1],
        n_clusters=len(moments.clusters),
        enumerated=enumerated,
    )


# --- Many specifications -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CurveDraws:
    """S specifications and their B draws under the null, the same draws for all.

    ``estimate`` and ``statistic`` are (S,), ``null_estimates`` and ``null_statistics`` (S, B), all
    missing where ``flags`` (S,) says why a specification cannot be estimated.
    """

    estimate: Floats
    std_error: Floats
    statistic: Floats
    null_estimates: Floats
    null_statistics: Floats
    flags: tuple[str, ...]


def curve_draws(moments: Moments, batch: Batch, weights: Drawn, *, null: float = 0.0) -> CurveDraws:
    """Draws ``weights`` (G, B) of the restricted bootstrap for every specification of ``batch``."""
    size = len(batch.outcome)
    sample = np.full((3, size), np.nan)
    null_estimates, null_statistics = np.full((2, size, weights.shape[1]), np.nan)
    flags = [""] * size
    for start in range(0, size, SPECIFICATIONS_AT_ONCE):
        places, regressions = [], []
        for place in range(start, min(start + SPECIFICATIONS_AT_ONCE, size)):
            regression, flags[place] = _specified(moments, batch, place)
            if regression is not None:
                places.append(place)
                regressions.append(regression)
        if not places:
            continue
        numerators, squares = _curve_sums(moments, regressions, weights, null)
        focus_squares = np.array([one.focus_squares for one in regressions])
        sample[0, places] = [one.estimate for one in regressions]
        sample[1, places] = [one.std_error for one in regressions]
        null_estimates[places] = null + numerators / focus_squares[:, None]
        null_statistics[places] = _ratio(numerators, squares)
    return CurveDraws(
        estimate=sample[0],
        std_error=sample[1],
        statistic=(sample[0] - null) / sample[1],
        null_estimates=null_estimates,
        null_statistics=null_statistics,
        flags=tuple(flags),
    )


def wild_bootstrap_curve(
    moments: Moments,
    batch: Batch,
    *,
    null: float = 0.0,
    weights: Weights = "rademacher",
    tails: Tails = "symmetric",
    draws: int = 999,
    seed: int,
    name: str = "wild bootstrap",
) -> pd.DataFrame:
    """Restricted bootstrap p-value of every specification, all from the same draws.

    Returns ``estimate, std_error, statistic, p_value, flag``, one row per specification in the
    order of the batch; a specification that cannot be estimated has a flag and missing numbers.
    """
    drawn = wild_weights(len(moments.clusters), weights, draws, seed, name)
    enumerated = is_enumerated(len(moments.clusters), weights, draws)
    compare = Comparison(tails=tails, contains_sample=enumerated)
    curve = curve_draws(moments, batch, drawn, null=null)
    p_values = [
        math.nan if flag else compare.p_value(statistic, null_statistics)
        for statistic, null_statistics, flag in zip(
            curve.statistic, curve.null_statistics, curve.flags, strict=True
        )
    ]
    return pd.DataFrame(
        {
            "estimate": curve.estimate,
            "std_error": curve.std_error,
            "statistic": curve.statistic,
            "p_value": p_values,
            "flag": curve.flags,
        }
    )


def _specified(moments: Moments, batch: Batch, place: int) -> tuple[Regression | None, str]:
    """The specification at ``place``, or why it cannot be estimated."""
    if batch.endogenous is not None and batch.endogenous[place].any():
        raise ModelError(
            f"specification {place} is estimated by two-stage least squares; the wild bootstrap "
            "from moments is for least squares"
        )
    controls = np.flatnonzero(batch.controls[place])
    outcome, focus = int(batch.outcome[place]), int(batch.focus[place])
    try:
        regression = regression_at(moments, outcome, focus, controls)
        regression.require_error()
    except ModelError as error:
        return None, str(error)
    return regression, ""


# --- Weights -------------------------------------------------------------------------------------


def is_enumerated(n_clusters: int, weights: str, draws: int) -> bool:
    """Whether all assignments of signs are used instead of a sample of them."""
    return weights == "rademacher" and n_clusters < 63 and 2**n_clusters <= draws


def wild_weights(n_clusters: int, weights: str, draws: int, seed: int, name: str) -> Drawn:
    """Weights (n_clusters, draws), mean zero and variance one; all 2^G signs if these are few."""
    if draws < 1:
        raise ModelError(f"draws: expected 1 or more, got {draws}")
    if is_enumerated(n_clusters, weights, draws):
        numbers = np.arange(2**n_clusters)
        negative = (numbers >> np.arange(n_clusters)[:, None]) & 1
        return (1 - 2 * negative).astype(np.int8)
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    if weights == "rademacher":
        signs = np.frombuffer(random.bytes(-(-n_clusters * draws // 8)), dtype=np.uint8)
        bits = np.unpackbits(signs, count=n_clusters * draws).view(np.int8)
        return (2 * bits - 1).reshape(n_clusters, draws)
    if weights == "webb":
        return WEBB[random.integers(0, 6, (n_clusters, draws))]
    if weights == "mammen":
        low = random.random((n_clusters, draws)) < GOLDEN / math.sqrt(5)
        return np.where(low, 1 - GOLDEN, GOLDEN)
    raise ModelError(f"weights: {weights!r} is not one of rademacher, webb, mammen")


# --- Statistics ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Statistics of the draws as functions of the coefficient r that the residuals impose.

    ``numerators`` (2, B) and ``squares`` (3, B) are the coefficients of polynomials in
    ``r - centre``.
    """

    centre: float
    numerators: Floats
    squares: Floats

    def statistics(self, imposed: float) -> Floats:
        """t statistics (B,) of the draws when the residuals impose ``imposed``."""
        shift = imposed - self.centre
        return _ratio(
            self.numerators[0] - shift * self.numerators[1],
            self.squares[0] - shift * (2 * self.squares[1] - shift * self.squares[2]),
        )


def bootstrap_statistics(
    moments: Moments, regression: Regression, weights: Drawn, imposed: float
) -> Floats:
    """t statistics (B,) of the draws ``weights`` (G, B) when the residuals impose ``imposed``."""
    residual = regression.outcome_residual - imposed * regression.focus_residual
    numerators, squares = _sums(moments, regression, residual[:, None], weights)
    return _ratio(numerators[0], squares[0])


def bootstrap_profile(moments: Moments, regression: Regression, weights: Drawn) -> Profile:
    """The statistics of the draws ``weights`` (G, B) for every imposed coefficient."""
    residual = regression.outcome_residual - regression.estimate * regression.focus_residual
    directions = np.column_stack([residual, regression.focus_residual])
    return Profile(regression.estimate, *_sums(moments, regression, directions, weights))


def _sums(
    moments: Moments, regression: Regression, directions: Floats, weights: Drawn
) -> tuple[Floats, Floats]:
    """Numerators (D, B) and products of scores (D (D + 1) / 2, B) times the factor.

    ``directions`` (K, D) are the combinations of columns whose values are drawn as residuals.
    """
    residual = (moments.blocks @ directions).transpose(2, 0, 1)
    used, inverse = _regressors(moments, regression)
    numerators, squares = draw_sums(
        (regression.leverages @ directions).T[None],
        residual[None, :, :, used],
        inverse[None],
        regression.leverages[None, :, used],
        np.array([len(used)]),
        weights,
    )
    return numerators[0], regression.factor * squares[0]


def _curve_sums(
    moments: Moments, regressions: Sequence[Regression], weights: Drawn, null: float
) -> tuple[Floats, Floats]:
    """`_sums` (S, B) of many regressions that impose ``null``."""
    size, n_clusters = len(regressions), len(moments.clusters)
    designs = [_regressors(moments, regression) for regression in regressions]
    rows = np.unique(np.concatenate([used for used, _ in designs]))
    columns = np.union1d(rows, [regression.outcome for regression in regressions])
    sizes = np.array([len(used) for used, _ in designs])
    k = int(sizes.max())
    directions, places = np.empty((size, len(columns))), np.zeros((size, k), dtype=np.int64)
    scores, inverses = np.empty((size, n_clusters)), np.zeros((size, k, k))
    focus, leverages = np.zeros((size, k)), np.zeros((size, n_clusters, k))
    for s, (regression, (used, inverse)) in enumerate(zip(regressions, designs, strict=True)):
        residual = regression.outcome_residual - null * regression.focus_residual
        directions[s] = residual[columns]
        places[s, : sizes[s]] = np.searchsorted(rows, used)
        focus[s, : sizes[s]] = regression.focus_residual[used]
        scores[s] = regression.leverages @ residual
        inverses[s, : sizes[s], : sizes[s]] = inverse
        leverages[s, :, : sizes[s]] = regression.leverages[:, used]
    needed = np.ascontiguousarray(moments.blocks[:, rows][:, :, columns])
    numerators, squares = curve_sums(
        *(needed, directions, places, focus, scores, inverses, leverages, sizes, weights)
    )
    factors = np.array([regression.factor for regression in regressions])
    return numerators, factors[:, None] * squares


def _regressors(moments: Moments, regression: Regression) -> tuple[Ints, Floats]:
    """Positions (k,) of the regressors, focus first, and the inverse (k, k) of their moments."""
    moments.require("everything", "the wild cluster bootstrap")
    used = np.concatenate([[regression.focus], regression.others])
    focus = regression.focus_residual[used]
    inverse = np.outer(focus, focus) / regression.focus_squares
    inverse[1:, 1:] += regression.inverse_others
    return used, inverse


def _ratio(numerators: Floats, squares: Floats) -> Floats:
    """Numerators over roots; a draw whose scores are all zero is infinitely far out."""
    positive = squares > 0
    roots = np.sqrt(np.where(positive, squares, 1.0))
    return np.where(positive, numerators / roots, np.copysign(np.inf, numerators))


def share_as_extreme(n_extreme: Any, n_draws: int, contains_sample: bool) -> Any:
    """p-value from the number of draws at least as extreme; the sample counts as one draw."""
    return n_extreme / n_draws if contains_sample else (1 + n_extreme) / (1 + n_draws)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a statistic is compared with those of the draws.

    Statistics that differ by rounding only (a relative 1e-9) are ties. ``contains_sample`` says
    that the sample is one of the draws.
    """

    tails: Tails
    contains_sample: bool

    def p_value(self, statistic: float, null_statistics: Floats) -> float:
        """With draws that tie, and the sample."""
        count, sides = self._beyond(statistic, null_statistics, -TIE)
        share = share_as_extreme(count, len(null_statistics), self.contains_sample)
        return min(sides * float(share), 1.0)

    def p_value_strict(self, statistic: float, null_statistics: Floats) -> float:
        """Without them."""
        count, sides = self._beyond(statistic, null_statistics, TIE)
        return min(sides * count / len(null_statistics), 1.0)

    def _beyond(self, statistic: float, null_statistics: Floats, margin: float) -> tuple[int, int]:
        """Number of draws further out, in the emptier tail if tails are apart; and tails."""
        margin *= abs(statistic)
        if self.tails == "symmetric":
            return int((np.abs(null_statistics) > abs(statistic) + margin).sum()), 1
        above = int((null_statistics > statistic + margin).sum())
        below = int((null_statistics < statistic - margin).sum())
        return min(above, below), 2


# --- Intervals -----------------------------------------------------------------------------------


def _inverted(
    regression: Regression, profile: Profile, compare: Comparison, alpha: float
) -> tuple[float, float]:
    """Ends of the set of coefficients that the restricted bootstrap does not reject.

    From the estimate outwards in growing steps to the first rejected coefficient, then by
    bisection; a side on which nothing is rejected within 30,000 standard errors has no end.
    """

    def accepted(distance: float) -> bool:
        imposed = regression.estimate + distance
        statistic = -distance / regression.std_error
        return compare.p_value(statistic, profile.statistics(imposed)) > alpha + ROUNDING

    def end(sign: int) -> float:
        inside, outside = 0.0, sign * 2 * regression.std_error
        for _ in range(STEPS_OUT):
            if not accepted(outside):
                break
            inside, outside = outside, 1.5 * outside
        else:
            return sign * math.inf
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if accepted(middle) else (inside, middle)
        return regression.estimate + outside

    return end(-1), end(1)


def _from_quantiles(
    regression: Regression, null_statistics: Floats, tails: Tails, alpha: float
) -> tuple[float, float]:
    """The interval of the unrestricted bootstrap, whose draws do not depend on the null."""
    if tails == "symmetric":
        high = _critical_value(np.abs(null_statistics), alpha)
        low = -high
    else:
        high = _critical_value(null_statistics, alpha / 2)
        low = -_critical_value(-null_statistics, alpha / 2)
    return (
        regression.estimate - high * regression.std_error,
        regression.estimate - low * regression.std_error,
    )


def _critical_value(null_statistics: Floats, alpha: float) -> float:
    """The smallest value beyond which the p-value, sample counted, is at most ``alpha``."""
    allowed = math.floor(alpha * (len(null_statistics) + 1) + ROUNDING)
    return float(np.sort(null_statistics)[-allowed]) if allowed else math.inf
