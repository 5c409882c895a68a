"""Differences between two groups, explained by characteristics and by coefficients."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_panel import (
    as_columns,
    check_choice,
    check_columns,
    cluster_sums,
    numeric,
)
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

REFERENCES = ("first", "second", "pooled", "pooled_with_group", "equal", "size", "threefold")
INTERCEPT = "Intercept"


@dataclass(frozen=True, slots=True)
class Moment:
    """A vector estimated by the mean of something: ``value`` (k,) and influence (n, k)."""

    value: Floats
    influence: Floats

    def __add__(self, other: "Moment") -> "Moment":
        return Moment(self.value + other.value, self.influence + other.influence)

    def __sub__(self, other: "Moment") -> "Moment":
        return Moment(self.value - other.value, self.influence - other.influence)

    def times(self, other: "Moment") -> "Moment":
        """Elementwise product, with the product rule."""
        influence = self.influence * other.value + other.influence * self.value
        return Moment(self.value * other.value, influence)

    def scaled(self, factor: float) -> "Moment":
        """Times a number that is not estimated."""
        return Moment(self.value * factor, self.influence * factor)


def oaxaca_blinder(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: str | Sequence[str],
    group: str,
    reference: str = "second",
    weights: str | None = None,
    cluster: str | None = None,
    sample: str = "all",
) -> Estimates:
    """Why the first group's mean outcome differs from the second's.

    Oaxaca (1973) and Blinder (1973) in the notation of Jann (2008): with group means x and
    coefficients b, the difference is :math:`(x_1 - x_2)'b^*` (explained) plus
    :math:`x_1'(b_1 - b^*) + x_2'(b^* - b_2)` (unexplained), regressor by regressor.

    Parameters
    ----------
    group
        Column with two values. The first group is the larger value, so that with a column of zeros
        and ones the difference is that of the ones from the zeros.
    reference
        :math:`b^*`: coefficients of the ``"first"`` or ``"second"`` group, their mean (``"equal"``,
        Reimers 1983), weighted by group size (``"size"``, Cotton 1988), of both groups ``"pooled"``
        (Neumark 1988) or ``"pooled_with_group"``, with a dummy of the group (Jann 2008).
        ``"threefold"``: endowments :math:`(x_1-x_2)'b_2`, coefficients :math:`x_2'(b_1-b_2)`, and
        their interaction.
    weights, cluster
        Weights of rows; column of clusters of rows.

    Returns
    -------
    Estimates
        ``mean_1``, ``mean_2``, ``difference``, ``explained``, ``unexplained`` (or ``endowments``,
        ``coefficients``, ``interaction``), then ``explained:x`` and so on for each regressor and
        the intercept. The standard errors are those of the influence functions: heteroskedasticity
        robust, regressors random, without small-sample factor (G/(G - 1) when clustered), normal.
        ``details["groups"]``: term, mean and coefficient in either group.

    Raises
    ------
    ModelError
        If there are not two groups, or a regression of one has no unique solution.
    """
    check_choice("reference", reference, REFERENCES)
    names = as_columns(regressors)
    used = [
        outcome,
        *names,
        group,
        *([weights] if weights else []),
        *([cluster] if cluster else []),
    ]
    check_columns(frame, used)
    rows = frame.loc[frame[used].notna().all(axis=1)]
    rows = rows.iloc[np.lexsort([numeric(rows, name) for name in (outcome, *names[::-1])])]
    first, labels = _two_groups(rows, group)
    y = numeric(rows, outcome)
    x = np.column_stack([*(numeric(rows, name) for name in names), np.ones(len(rows))])
    w = numeric(rows, weights) if weights else np.ones(len(rows))
    if (w <= 0).any():
        raise ModelError(f"weights {weights!r}: {int((w <= 0).sum())} values are zero or negative")
    sides = [
        (_mean(x, w * own), _fit(y, x, w * own, str(label)))
        for own, label in zip((first, ~first), labels, strict=True)
    ]
    parts = _parts(sides, reference, (y, x, w, first))
    levels = [_mean(y[:, None], w * own) for own in (first, ~first)]
    terms, moments = _terms(parts, levels, [*names, INTERCEPT])
    codes = pd.factorize(rows[cluster], sort=True)[0] if cluster else np.arange(len(rows))
    sums = cluster_sums(moments.influence, codes)
    factor = len(sums) / (len(sums) - 1) if cluster else 1.0
    facts = Facts(
        outcome=outcome,
        estimator=f"Oaxaca-Blinder decomposition ({reference})",
        vcov="cluster" if cluster else "influence function",
        formula=f"{outcome} ~ {' + '.join(names)}, {labels[0]} less {labels[1]} of {group}",
        cluster=cluster or "",
        weights=weights or "",
        sample=sample,
        small_sample="G/(G - 1)" if cluster else "none",
        n_obs=len(rows),
        n_dropped=len(frame) - len(rows),
        n_clusters=len(sums) if cluster else None,
        df_t=math.inf,
        outcome_mean=float(np.average(y, weights=w)),
    )
    result = tabulate(terms, moments.value, factor * sums.T @ sums, facts)
    return replace(result, details={"groups": _group_table([*names, INTERCEPT], sides)})


def _parts(
    sides: list[tuple[Moment, Moment]],
    reference: str,
    data: tuple[Floats, Floats, Floats, NDArray[np.bool_]],
) -> dict[str, Moment]:
    (mean_1, b_1), (mean_2, b_2) = sides
    if reference == "threefold":
        return {
            "endowments": (mean_1 - mean_2).times(b_2),
            "coefficients": mean_2.times(b_1 - b_2),
            "interaction": (mean_1 - mean_2).times(b_1 - b_2),
        }
    b = _reference(b_1, b_2, reference, data)
    return {
        "explained": (mean_1 - mean_2).times(b),
        "unexplained": mean_1.times(b_1 - b) + mean_2.times(b - b_2),
    }


def _reference(
    b_1: Moment,
    b_2: Moment,
    reference: str,
    data: tuple[Floats, Floats, Floats, NDArray[np.bool_]],
) -> Moment:
    y, x, w, first = data
    if reference in ("first", "second"):
        return b_1 if reference == "first" else b_2
    if reference in ("equal", "size"):
        share = 0.5 if reference == "equal" else float(w[first].sum() / w.sum())
        return b_1.scaled(share) + b_2.scaled(1 - share)
    if reference == "pooled":
        return _fit(y, x, w, "both groups")
    wide = _fit(y, np.column_stack([x, first]), w, "both groups")
    return Moment(wide.value[:-1], wide.influence[:, :-1])


def _terms(
    parts: dict[str, Moment], levels: list[Moment], names: list[str]
) -> tuple[list[str], Moment]:
    sums = {
        name: Moment(part.value.sum(keepdims=True), part.influence.sum(axis=1, keepdims=True))
        for name, part in parts.items()
    }
    overall = {"mean_1": levels[0], "mean_2": levels[1], "difference": levels[0] - levels[1]}
    pieces = [*(overall | sums).values(), *parts.values()]
    terms = [*overall, *sums, *(f"{part}:{name}" for part in parts for name in names)]
    value = np.concatenate([piece.value for piece in pieces])
    return terms, Moment(value, np.column_stack([piece.influence for piece in pieces]))


def _two_groups(rows: pd.DataFrame, group: str) -> tuple[NDArray[np.bool_], list[object]]:
    labels = sorted(rows[group].unique().tolist(), reverse=True)
    if len(labels) != 2:
        raise ModelError(
            f"group {group!r} must have two values in the complete rows, found {len(labels)}"
        )
    return (rows[group] == labels[0]).to_numpy(dtype=bool), labels


def _mean(columns: Floats, w: Floats) -> Moment:
    value = w @ columns / w.sum()
    return Moment(value, w[:, None] * (columns - value) / w.sum())


def _fit(y: Floats, x: Floats, w: Floats, where: str) -> Moment:
    """Weighted least squares with its influence function."""
    scale = np.abs(x).max(axis=0)
    root = np.sqrt(w)[:, None]
    if (w > 0).sum() <= x.shape[1] or np.linalg.matrix_rank(root * x / scale) < x.shape[1]:
        raise ModelError(
            f"the regression for {where} has no unique solution: too few rows or collinear "
            "regressors"
        )
    value: Floats = np.linalg.lstsq(root * x, root[:, 0] * y)[0].astype(np.float64)
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    return Moment(value, (w * (y - x @ value))[:, None] * x @ bread)


def _group_table(names: list[str], sides: list[tuple[Moment, Moment]]) -> pd.DataFrame:
    columns = {
        f"{kind}_{number}": moment.value
        for number, side in enumerate(sides, 1)
        for kind, moment in zip(("mean", "coefficient"), side, strict=True)
    }
    return pd.DataFrame({"term": names, **columns})
