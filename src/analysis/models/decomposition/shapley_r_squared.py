"""What each regressor, or group of regressors, adds to R²."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.design import build_design
from analysis.models.designs.did_panel import as_columns
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]

MAX_GROUPS = 15
TOLERANCE = 1e-12


def shapley_r_squared(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: str | Sequence[str],
    groups: Mapping[str, Sequence[str]] | None = None,
    controls: str | Sequence[str] = (),
    weights: str | None = None,
    sample: str = "all",
) -> Estimates:
    """Shares of R² by averaging over all orders in which regressors may enter.

    Lindeman, Merenda and Gold (1980), the Shapley value of R²; also general dominance (Budescu
    1993; Azen and Budescu 2003). With v(S) the R² of the groups S (and the controls), group j has
    :math:`\\sum_{S \\not\\ni j} |S|!(p-|S|-1)!/p! \\, [v(S \\cup j) - v(S)]`. All subsets are
    computed, so that 15 groups are the most.

    Parameters
    ----------
    groups
        Name to regressors that enter together; a regressor in none is a group of its own.
    controls
        In every model; what they explain is not shared out.
    weights
        Of weighted least squares.

    Returns
    -------
    Estimates
        One row per group with its share of R², in units of R²; the shares add up to ``r_squared``
        less ``r_squared_controls``. No standard errors. ``details``: ``shares`` (term, value,
        ``percent`` of their sum, ``first`` alone, ``last`` added to all others); ``conditional``
        (term, ``with_0``, ``with_1``, ...: mean gain when so many others are in already);
        ``dominance`` (term, one column per other group: the strongest of ``complete``,
        ``conditional``, ``general`` in which the row's group dominates, else empty).

    Raises
    ------
    ModelError
        If there are more than 15 groups, or regressors are collinear.
    """
    controls = as_columns(controls)
    members = _groups(as_columns(regressors), groups)
    flat = tuple(name for names in members.values() for name in names)
    spec = Specification(outcome=outcome, regressors=(*controls, *flat), weights=weights)
    design = build_design(spec, frame)
    root = np.sqrt(design.weights)[:, None]
    fixed = 1 + len(controls)
    columns = root * np.column_stack([design.exogenous, design.outcome])
    total = _residual(columns[:, -1:], columns[:, :1])[:, 0]
    if not total @ total > 0:
        raise ModelError(f"the outcome {outcome!r} does not vary")
    remaining = _residual(columns[:, fixed:], columns[:, :fixed])
    _check_collinear(columns[:, fixed:-1], remaining[:, :-1], flat)
    base = 1 - float(remaining[:, -1] @ remaining[:, -1] / (total @ total))
    values = _subset_values(remaining / linalg.norm(total), list(members.values()), flat)
    facts = Facts(
        outcome=outcome,
        estimator="Shapley decomposition of R²",
        vcov="none",
        formula=spec.formula,
        weights=weights or "",
        sample=sample,
        n_obs=len(design.outcome),
        n_dropped=design.n_dropped,
        n_parameters=columns.shape[1] - 1,
        df_t=math.inf,
        outcome_mean=float(np.average(design.outcome, weights=design.weights)),
        r_squared=base + values[-1],
    )
    return _result(list(members), values, base, facts)


def _result(names: list[str], values: Floats, base: float, facts: Facts) -> Estimates:
    count = len(names)
    conditional = _conditional(values, count)
    shares = conditional.mean(axis=1)
    result = tabulate(names, shares, np.full((count, count), np.nan), facts)
    everything = len(values) - 1
    table = pd.DataFrame(
        {
            "term": names,
            "value": shares,
            "percent": 100 * shares / shares.sum(),
            "first": [values[1 << j] for j in range(count)],
            "last": [values[-1] - values[everything ^ (1 << j)] for j in range(count)],
        }
    )
    by_size = pd.DataFrame(conditional, columns=[f"with_{size}" for size in range(count)])
    by_size.insert(0, "term", names)
    details = {
        "shares": table,
        "conditional": by_size,
        "dominance": _dominance(names, values, conditional),
    }
    statistics = {"r_squared": facts.r_squared, "r_squared_controls": base}
    return replace(result, statistics=statistics, details=details)


def _groups(
    regressors: tuple[str, ...], groups: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    given = {str(name): as_columns(members) for name, members in (groups or {}).items()}
    inside = [name for members in given.values() for name in members]
    unknown = sorted(set(inside) - set(regressors))
    twice = sorted({name for name in inside if inside.count(name) > 1})
    if unknown or twice:
        raise ModelError(
            f"groups: {', '.join(unknown or twice)} "
            f"{'not among the regressors' if unknown else 'in more than one group'}"
        )
    named = given | {name: (name,) for name in regressors if name not in inside}
    if not 1 <= len(named) <= MAX_GROUPS:
        raise ModelError(
            f"expected 1 to {MAX_GROUPS} groups of regressors, got {len(named)}; put some together "
            "with groups, or among the controls"
        )
    return named


def _residual(columns: Floats, on: Floats) -> Floats:
    basis, _ = linalg.qr(on, mode="economic")
    return columns - basis @ (basis.T @ columns)


def _check_collinear(before: Floats, after: Floats, names: tuple[str, ...]) -> None:
    sizes = linalg.norm(after, axis=0)
    lost = [
        name
        for name, size, full in zip(names, sizes, linalg.norm(before, axis=0), strict=True)
        if size <= 1e-9 * full
    ]
    if not lost and np.linalg.matrix_rank(after / sizes, tol=1e-9) < len(names):
        lost = list(names)
    if lost or len(after) <= len(names):
        raise ModelError(f"collinear regressors among {', '.join(lost or names)}")


def _subset_values(
    remaining: Floats, members: list[tuple[str, ...]], flat: tuple[str, ...]
) -> Floats:
    """Gain in R² of every subset of groups (2^p,), the bits of the index saying which."""
    regressors = remaining[:, :-1] / linalg.norm(remaining[:, :-1], axis=0)
    moments, cross = regressors.T @ regressors, regressors.T @ remaining[:, -1]
    places = [[flat.index(name) for name in names] for names in members]
    values = np.zeros(1 << len(places))
    for subset in range(1, len(values)):
        chosen = [i for j, group in enumerate(places) if subset >> j & 1 for i in group]
        block = moments[np.ix_(chosen, chosen)]
        values[subset] = cross[chosen] @ np.linalg.solve(block, cross[chosen])
    return values


def _conditional(values: Floats, count: int) -> Floats:
    """Mean gain (groups, count) of each group by how many others are in already."""
    subsets = np.arange(len(values))
    sizes = np.bitwise_count(subsets)
    result = np.empty((count, count))
    for j in range(count):
        without = subsets[(subsets >> j & 1) == 0]
        gains = values[without | 1 << j] - values[without]
        sums = np.bincount(sizes[without], gains, count)
        result[j] = sums / [comb(count - 1, size) for size in range(count)]
    return result


def _dominance(names: list[str], values: Floats, conditional: Floats) -> pd.DataFrame:
    table = pd.DataFrame("", index=range(len(names)), columns=["term", *names])
    table["term"] = names
    for i in range(len(names)):
        for j in range(len(names)):
            if i != j:
                table.loc[i, names[j]] = _relation(values, conditional, i, j)
    return table


def _relation(values: Floats, conditional: Floats, i: int, j: int) -> str:
    subsets = np.arange(len(values))
    rest = subsets[(subsets >> i & 1 | subsets >> j & 1) == 0]
    levels = {
        "complete": values[rest | 1 << i] - values[rest | 1 << j],
        "conditional": conditional[i] - conditional[j],
        "general": np.atleast_1d(conditional[i].mean() - conditional[j].mean()),
    }
    for name, differences in levels.items():
        if (differences >= -TOLERANCE).all() and (differences > TOLERANCE).any():
            return name
    return ""
