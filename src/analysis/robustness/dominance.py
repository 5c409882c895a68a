"""What groups of regressors explain, one against another or against chance, with bootstrap draws.

With two groups, the difference of their Shapley shares of R² (Lindeman, Merenda and Gold 1980; see
:func:`analysis.models.decomposition.shapley_r_squared`) is the difference of what each explains
without the other: the joint part is shared in halves and drops out. Given controls C,

    gap = [RSS(C, second) - RSS(C, first)] / TSS ,

so that a draw of units needs cross-moments only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.kept_positions import times_drawn
from analysis.models import ModelError

Floats = NDArray[np.float64]

LEVEL = 0.95
#: Rows beyond one for each column and group.
SPARE_ROWS = 5
#: Of variables in standard deviations, per row.
COLLINEAR = 1e-9
RIDGE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class DrawnMoments:
    """Cross-moments of the centred ``columns``: ``blocks`` (1 + draws, K, K), the sample first.

    ``n_rows`` and ``n_groups`` count the sample's rows and the groups they were centred within.
    """

    columns: tuple[str, ...]
    blocks: Floats
    n_rows: int
    n_groups: int

    def explained(self, outcome: str, regressors: Sequence[str]) -> Floats:
        """R² (1 + draws,) of ``outcome`` on ``regressors``; zero without any.

        Regressors that are collinear in the sample are refused. In a draw they may be, as when an
        indicator is zero throughout; a ridge too small to matter then leaves them out.
        """
        y = self.columns.index(outcome)
        x = [self.columns.index(name) for name in regressors]
        if not x:
            return np.zeros(len(self.blocks))
        if self.rank(regressors) < len(x):
            raise ModelError(f"collinear regressors among {', '.join(regressors)}")
        cross = self.blocks[:, x, y]
        among = self.blocks[:, x][:, :, x] + RIDGE * self.n_rows * np.eye(len(x))
        slopes = np.linalg.solve(among, cross[..., None])[..., 0]
        return np.asarray((cross * slopes).sum(axis=1) / self.blocks[:, y, y])

    def rank(self, regressors: Sequence[str]) -> int:
        """How many of the ``regressors`` the sample can tell apart."""
        x = [self.columns.index(name) for name in regressors]
        among = self.blocks[0][np.ix_(x, x)]
        return int(np.linalg.matrix_rank(among, tol=COLLINEAR * self.n_rows, hermitian=True))


def drawn_moments(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    within: str | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    draws: int,
    seed: int,
    name: str,
) -> DrawnMoments:
    """Cross-moments of ``columns`` in the sample and in bootstrap samples of its rows.

    Parameters
    ----------
    within
        Column of groups; columns are centred on the group's mean, anew in every draw, which is
        what an effect per group does. Without it they are centred on the mean of all rows.
    cluster
        Column of clusters that are drawn with replacement; single rows by default.
    weights
        Column of positive weights.

    Draws depend on ``seed``, ``name`` and the number of rows or clusters, and not on the order of
    rows when the index is unique. Rows with a missing value are not used.

    Raises
    ------
    ModelError
        If fewer rows are left than groups and columns need.
    """
    extra = [column for column in (within, cluster, weights) if column is not None]
    rows = frame.dropna(subset=[*columns, *extra]).sort_index()
    groups = pd.factorize(rows[within], sort=True)[0] if within else np.zeros(len(rows), np.int64)
    n_groups = int(groups.max()) + 1 if len(rows) else 0
    if len(rows) < n_groups + len(columns) + SPARE_ROWS:
        raise ModelError(
            f"{len(rows)} rows have {', '.join(columns)}: too few for {len(columns)} columns "
            f"and {n_groups} group{'s' if n_groups != 1 else ''}"
        )
    values = rows[list(columns)].to_numpy(dtype=np.float64)
    spread = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    units = pd.factorize(rows[cluster], sort=True)[0] if cluster else np.arange(len(rows))
    count = int(units.max()) + 1
    stream = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    times = times_drawn(count, draws, stream)
    counted = times[:, units]
    if weights:
        counted = counted * rows[weights].to_numpy(dtype=np.float64)
    members = (groups[:, None] == np.arange(n_groups)).astype(np.float64)
    blocks = _centred_moments(values, counted, members)
    return DrawnMoments(tuple(columns), blocks, len(rows), n_groups)


def _centred_moments(values: Floats, counted: Floats, members: Floats) -> Floats:
    """Moments (B, K, K) of values (n, K) with weights (B, n), less those of group means."""
    n, k = values.shape
    pairs = (values[:, :, None] * values[:, None, :]).reshape(n, k * k)
    raw = (counted @ pairs).reshape(-1, k, k)
    sizes = counted @ members
    sums = np.stack([(counted * values[:, j : j + 1].T) @ members for j in range(k)], axis=2)
    scaled = np.divide(
        sums, sizes[:, :, None], out=np.zeros_like(sums), where=sizes[:, :, None] > 0
    )
    return np.asarray(raw - scaled.transpose(0, 2, 1) @ sums)


def dominance_gap(
    moments: DrawnMoments,
    outcome: str,
    first: Sequence[str],
    second: Sequence[str],
    controls: Sequence[str] = (),
) -> Floats:
    """Percentage points (1 + draws,) by which ``first`` explains more than ``second``.

    Of the variance of the outcome within the groups of the moments; see the top of the file.
    """
    return 100 * (
        moments.explained(outcome, [*controls, *first])
        - moments.explained(outcome, [*controls, *second])
    )


def excess_r_squared(
    moments: DrawnMoments, outcome: str, tested: Sequence[str], controls: Sequence[str] = ()
) -> Floats:
    """What ``tested`` explain of what ``controls`` leave, beyond arbitrary columns.

    Percentage points (1 + draws,): the partial R² less its mean ``q / (n - k)`` when the residuals
    are dealt out anew, with q columns that the controls do not already hold, n rows and k controls
    and groups. Drawing rows twice makes any columns explain more; the draws are moved by as much
    as their mean is off, so that they spread around the sample's value.

    Raises ModelError if the controls leave nothing of the tested columns.
    """
    kept = list(controls)
    for name in tested:
        if moments.rank([*kept, name]) == len(kept) + 1:
            kept.append(name)
    added = len(kept) - len(controls)
    if not added:
        raise ModelError(f"{', '.join(tested)}: nothing is left of them beside the controls")
    base = moments.explained(outcome, controls)
    partial = (moments.explained(outcome, kept) - base) / (1 - base)
    left = moments.n_rows - moments.n_groups - len(controls)
    excess = 100 * (partial - added / left)
    excess[1:] -= excess[1:].mean() - excess[0]
    return np.asarray(excess)


def dominance_curve(
    moments: DrawnMoments,
    outcome: str,
    first: Sequence[Sequence[str]],
    second: Sequence[Sequence[str]],
    controls: Sequence[str] = (),
) -> pd.DataFrame:
    """`dominance_gap` for every pair of ``first`` and ``second`` and every choice of controls.

    Returns
    -------
    DataFrame
        ``first``, ``second`` (names joined by " + "), one column of truth values per control,
        ``estimate, ci_low, ci_high, p_value``: percentage points, the percentile interval of the
        draws, widened to the estimate where that lies outside, and `p_value_of_draws`.
    """
    rows = []
    for chosen in choices_of(controls):
        flags = [name in chosen for name in controls]
        left = {tuple(s): moments.explained(outcome, [*chosen, *s]) for s in first}
        right = {tuple(s): moments.explained(outcome, [*chosen, *s]) for s in second}
        pairs = [(a, b) for a in left for b in right]
        gaps = 100 * np.array([left[a] - right[b] for a, b in pairs])
        low, high = np.quantile(gaps[:, 1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
        p_values = p_value_of_draws(gaps[:, 1:])
        rows += [
            (" + ".join(a), " + ".join(b), *flags, gap, min(lower, gap), max(upper, gap), p)
            for (a, b), gap, lower, upper, p in zip(
                pairs, gaps[:, 0], low, high, p_values, strict=True
            )
        ]
    names = ["first", "second", *controls, "estimate", "ci_low", "ci_high", "p_value"]
    return pd.DataFrame(rows, columns=names)


def p_value_of_draws(draws: Floats) -> Floats:
    """Twice the smaller share of bootstrap draws (..., B) on one side of zero, at most 1.

    Agrees with the percentile interval for 201, 401, ... draws. A side without a draw counts as
    one: B draws cannot tell a smaller p-value than 2 / B.
    """
    below, above = (draws <= 0).sum(axis=-1), (draws >= 0).sum(axis=-1)
    return np.asarray(np.clip(2 * np.minimum(below, above), 2, draws.shape[-1]) / draws.shape[-1])


def choices_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every choice from ``names``, none first, then those of one name and so on."""
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]
