"""Is a whole specification curve compatible with no effect? Simonsohn, Simmons and Nelson (2020).

Estimates of one curve share rows, so their joint distribution is drawn: the wild cluster bootstrap
imposes the null hypothesis in every specification, with the same draw for all. Three statistics of
the curve are then compared with their distribution over the draws: the median estimate, the share
of significant estimates of the hypothesised sign, and Stouffer's aggregate of their z values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from analysis.models import ModelError
from analysis.robustness.moments import Moments
from analysis.robustness.solve import Batch
from analysis.robustness.wild_bootstrap import (
    TIE,
    CurveDraws,
    Weights,
    curve_draws,
    is_enumerated,
    share_as_extreme,
    wild_weights,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CurvePart:
    """The specifications of a curve that share moments.

    ``scale`` (S,) divides the estimates, so that different outcomes share an axis; a negative one
    also turns the sign, for outcomes where less is better. None for ones.
    """

    moments: Moments
    batch: Batch
    scale: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointTest:
    """Three statistics of a curve and their p-values under no effect anywhere.

    P-values count the draws at least as extreme and the sample itself. ``n_specifications`` is the
    size of the curve, ``n_used`` how many were resampled (a seeded random sample if fewer),
    ``n_flagged`` how many of these could not be estimated and are left out. ``null_curve`` has the
    sorted estimates and, for each rank, the central 95 % of the null: ``rank, estimate, null_low,
    null_median, null_high``.
    """

    sign: int
    median: float
    p_median: float
    share_significant: float
    p_share_significant: float
    stouffer_z: float
    p_stouffer: float
    n_specifications: int
    n_used: int
    n_flagged: int
    n_draws: int
    null_curve: pd.DataFrame


def joint_test(
    parts: Sequence[CurvePart],
    *,
    sign: int = 1,
    level: float = 0.05,
    draws: int = 500,
    weights: Weights = "rademacher",
    max_specifications: int | None = 2_000,
    seed: int,
    name: str = "joint test",
) -> JointTest:
    """Joint test of no effect in any specification of the curve ``parts``.

    Parameters
    ----------
    sign
        Hypothesised sign of the (scaled) effect, 1 or -1: tests are one-sided in it. 0 for none:
        the absolute median and aggregate z, and the larger of the two shares.
    level
        Two-sided level at which a single estimate counts as significant (t with G - 1).
    max_specifications
        Resample a random sample of this many when the curve has more; None for all.

    A cluster has the same weight in every part in which it appears, whatever the sample.
    """
    if sign not in (-1, 0, 1) or not 0 < level < 1:
        raise ModelError(f"expected sign -1, 0 or 1 and 0 < level < 1, got {sign} and {level}")
    total = sum(len(part.batch.outcome) for part in parts)
    if not total:
        raise ModelError("a joint test needs at least one specification")
    sampled = _sampled(parts, total, max_specifications, seed, name)
    drawn, contains_sample = draws_of_parts(sampled, weights, draws, seed, name)
    signed = [_signed(part, one) for part, one in zip(sampled, drawn, strict=True)]
    estimate, z = (np.concatenate(column) for column in zip(*signed, strict=True))
    kept = np.isfinite(estimate).all(axis=1)
    if not kept.any():
        raise ModelError(f"no specification could be estimated: {drawn[0].flags[0]}")
    estimate, z = estimate[kept], z[kept]
    critical = stats.norm.isf(level / 2)
    with np.errstate(invalid="ignore"):
        stouffer = z.sum(axis=0) / math.sqrt(len(z))
    curve = {
        "median": np.median(estimate, axis=0),
        "share": _share(z, critical, sign),
        "z": stouffer,
    }
    return JointTest(
        sign=sign,
        median=float(curve["median"][0]),
        p_median=_p_value(curve["median"], sign, contains_sample),
        share_significant=float(curve["share"][0]),
        p_share_significant=_p_value(curve["share"], 1, contains_sample),
        stouffer_z=float(curve["z"][0]),
        p_stouffer=_p_value(curve["z"], sign, contains_sample),
        n_specifications=total,
        n_used=len(kept),
        n_flagged=int((~kept).sum()),
        n_draws=estimate.shape[1] - 1,
        null_curve=_null_curve(estimate),
    )


def draws_of_parts(
    parts: Sequence[CurvePart], weights: Weights, draws: int, seed: int, name: str
) -> tuple[list[CurveDraws], bool]:
    """Draws of every part under no effect, and whether the sample is one of them.

    A cluster has the same weights in all parts.
    """
    labels = {label for part in parts for label in part.moments.clusters}
    ordered = sorted(labels, key=_label_order)
    drawn = wild_weights(len(ordered), weights, draws, seed, name)
    place = {label: row for row, label in enumerate(ordered)}
    curves = [
        curve_draws(part.moments, part.batch, drawn[[place[c] for c in part.moments.clusters]])
        for part in parts
    ]
    return curves, is_enumerated(len(ordered), weights, draws)


def _label_order(label: Any) -> tuple[str, Any]:
    return type(label).__name__, label


def _sampled(
    parts: Sequence[CurvePart], total: int, limit: int | None, seed: int, name: str
) -> list[CurvePart]:
    """The parts with a random sample of ``limit`` specifications, in their order."""
    if limit is None or total <= limit:
        return list(parts)
    random = np.random.default_rng(np.random.SeedSequence([seed, *f"{name}: sample".encode()]))
    chosen = np.sort(random.choice(total, limit, replace=False))
    starts = np.cumsum([0, *(len(part.batch.outcome) for part in parts)])
    slices = zip(parts, starts[:-1], starts[1:], strict=True)
    picked = [(part, chosen[(chosen >= a) & (chosen < b)] - a) for part, a, b in slices]
    return [_taken(part, places) for part, places in picked if len(places)]


def _taken(part: CurvePart, places: Ints) -> CurvePart:
    batch = part.batch
    taken = Batch(
        outcome=batch.outcome[places],
        focus=batch.focus[places],
        controls=batch.controls[places],
        endogenous=None if batch.endogenous is None else batch.endogenous[places],
        instruments=None if batch.instruments is None else batch.instruments[places],
    )
    return CurvePart(part.moments, taken, None if part.scale is None else part.scale[places])


def _signed(part: CurvePart, drawn: CurveDraws) -> tuple[Floats, Floats]:
    """Scaled estimates and z values (S, 1 + B), the sample in the first column."""
    scale = np.ones(len(drawn.estimate)) if part.scale is None else part.scale
    if len(scale) != len(drawn.estimate) or not (np.isfinite(scale) & (scale != 0)).all():
        raise ModelError("scale: expected one finite number other than zero per specification")
    estimate = np.column_stack([drawn.estimate, drawn.null_estimates]) / scale[:, None]
    statistic = np.column_stack([drawn.statistic, drawn.null_statistics])
    z = _z_values(statistic, len(part.moments.clusters) - 1) * np.sign(scale)[:, None]
    return estimate, z


def _z_values(statistic: Floats, df: int) -> Floats:
    """Normal deviates with the same tail probability, computed in the lower tail."""
    return -np.sign(statistic) * special.ndtri(special.stdtr(df, -np.abs(statistic)))


def _share(z: Floats, critical: float, sign: int) -> Floats:
    positive, negative = (z > critical).mean(axis=0), (z < -critical).mean(axis=0)
    if sign:
        return np.asarray(positive if sign > 0 else negative)
    return np.maximum(positive, negative)


def _p_value(values: Floats, sign: int, contains_sample: bool) -> float:
    """Of the sample, the first value, among the draws, in the direction of sign."""
    directed = values * sign if sign else np.abs(values)
    tied = directed[0] - TIE * abs(directed[0])
    # Not ">=": z values that are infinite in both directions add up to no number, and count.
    n_extreme = int((~(directed[1:] < tied)).sum())
    return float(share_as_extreme(n_extreme, len(values) - 1, contains_sample))


def _null_curve(estimate: Floats) -> pd.DataFrame:
    ordered = np.sort(estimate, axis=0)
    low, middle, high = np.quantile(ordered[:, 1:], [0.025, 0.5, 0.975], axis=1)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(ordered) + 1),
            "estimate": ordered[:, 0],
            "null_low": low,
            "null_median": middle,
            "null_high": high,
        }
    )
