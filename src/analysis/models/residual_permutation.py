"""A joint test that needs no large number of clusters: residuals shuffled within groups."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.persistence import PermutationTest
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def residual_permutation_test(
    frame: pd.DataFrame,
    *,
    outcome: str,
    tested: Sequence[str],
    controls: Sequence[str],
    within: str | None = None,
    draws: int = 999,
    seed: int,
    name: str,
) -> PermutationTest:
    """Do ``tested`` explain ``outcome`` beyond ``controls`` and the effects of ``within``?

    The statistic is the partial R², the share of the variance left by the controls that the tested
    columns explain. Its null distribution comes from the residuals of the model without them,
    shuffled within the levels of ``within`` (Freedman and Lane 1983): valid where those residuals
    are exchangeable there, however few or unequal the groups. One-sided p-value
    ``(1 + #{null >= observed}) / (draws + 1)``; the interval is the null's central 95 %.

    Rows with a missing value are left out. Raises ModelError when nothing is left to explain or
    the tested columns are combinations of the others.
    """
    used = [outcome, *tested, *controls, *([within] if within else [])]
    rows = frame[used].dropna()
    order = rows.sort_values(used, ignore_index=True)
    groups = pd.factorize(order[within], sort=True)[0] if within else np.zeros(len(order), int)
    others = np.column_stack([pd.get_dummies(groups).to_numpy(float), order[list(controls)]])
    base = _basis(others)
    left = _residual(order[list(tested)].to_numpy(float), base)
    space = _basis(left, scale=np.abs(order[list(tested)].to_numpy(float)).max(initial=1.0))
    residuals = _residual(order[[outcome]].to_numpy(float), base)
    if space.shape[1] == 0 or len(order) <= base.shape[1] + space.shape[1]:
        raise ModelError(
            f"permutation test of {', '.join(tested)}: {len(order)} complete rows leave nothing to "
            "tell them apart from the controls"
        )
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    slots = np.argsort(groups, kind="stable")
    shuffled = np.empty((len(order), draws))
    for draw in range(draws):
        shuffled[slots, draw] = residuals[np.lexsort((random.random(len(order)), groups)), 0]
    observed = float(_partial_r_squared(residuals, base, space)[0])
    null = _partial_r_squared(shuffled, base, space)
    low, high = np.quantile(null, [0.025, 0.975])
    # Rounding may not let a shuffle that changes nothing count as smaller.
    p_value = (1 + int((null >= observed - 1e-12).sum())) / (draws + 1)
    return PermutationTest(observed, float(null.mean()), float(low), float(high), p_value, draws)


def _basis(columns: Floats, scale: float | None = None) -> Floats:
    """Orthonormal basis of the column space; directions below 1e-9 of ``scale`` are dropped."""
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, sizes > 1e-9 * (sizes.max(initial=0.0) if scale is None else scale)]


def _residual(values: Floats, base: Floats) -> Floats:
    return values - base @ (base.T @ values)


def _partial_r_squared(values: Floats, base: Floats, space: Floats) -> Floats:
    left = _residual(values, base)
    return ((space.T @ left) ** 2).sum(axis=0) / (left**2).sum(axis=0)
