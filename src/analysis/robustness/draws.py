"""The inner loop of the wild bootstrap: compiled, over specifications and blocks of draws.

Each block of draws of each specification belongs to one thread, and nothing is summed across
threads, so results do not depend on how many there are. Plain loops and not matrix products of the
linear algebra library, whose own threads stand in each other's way when many small products run.
"""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Signs = NDArray[np.int8]

BLOCK = 64


@njit(cache=True, parallel=True, fastmath={"contract"})
def draw_sums(
    scores: Floats,
    residuals: Floats,
    inverses: Floats,
    leverages: Floats,
    sizes: Ints,
    weights: Floats | Signs,
) -> tuple[Floats, Floats]:
    """Numerators (S, D, B) and products of remaining scores (S, D (D + 1) / 2, B) of every draw.

    For specification s and direction d of its residuals: ``scores`` (S, D, G) are those of the
    focus by cluster, ``residuals`` (S, D, G, k) those of all regressors, ``inverses`` (S, k, k)
    turns sums of these into coefficients, and ``leverages`` (S, G, k) is what the coefficients
    take from the scores of the focus; ``sizes`` (S,) is the number of regressors, at most k.
    ``weights`` (G, B) are the draws, as small integers if they are signs.
    """
    n_specifications, n_directions, n_clusters = scores.shape
    k, n_draws = leverages.shape[2], weights.shape[1]
    n_pairs = n_directions * (n_directions + 1) // 2
    n_blocks = (n_draws + BLOCK - 1) // BLOCK
    numerators = np.zeros((n_specifications, n_directions, n_draws))
    squares = np.zeros((n_specifications, n_pairs, n_draws))
    for task in prange(n_specifications * n_blocks):
        s, start = task // n_blocks, task % n_blocks * BLOCK
        width = min(BLOCK, n_draws - start)
        drawn = np.zeros((n_clusters, BLOCK))
        drawn[:, :width] = weights[:, start : start + width]
        moved = np.zeros((n_directions, k, BLOCK))
        for d in range(n_directions):
            summed = np.zeros((k, BLOCK))
            _accumulate(summed, residuals[s, d], drawn, n_clusters, sizes[s])
            _accumulate(moved[d], inverses[s], summed, sizes[s], sizes[s])
        left = np.zeros((n_directions, BLOCK))
        for g in range(n_clusters):
            for d in range(n_directions):
                _remain(left[d], scores[s, d, g], drawn[g], leverages[s, g], moved[d], sizes[s])
                for b in range(width):
                    numerators[s, d, start + b] += scores[s, d, g] * drawn[g, b]
            _add_products(squares[s, :, start : start + width], left)
    return numerators, squares


@njit(cache=True, parallel=True, fastmath={"contract"})
def curve_sums(
    moments: Floats,
    directions: Floats,
    used: Ints,
    focus: Floats,
    scores: Floats,
    inverses: Floats,
    leverages: Floats,
    sizes: Ints,
    weights: Floats | Signs,
) -> tuple[Floats, Floats]:
    """Numerators (S, B) and sums of squared scores (S, B), as `draw_sums` for many specifications.

    ``moments`` (G, R, C) are those of all regressors of any specification with all columns. Their
    sum with the weights of a draw, made once, replaces the sum over clusters of the residuals of
    every specification: ``directions`` (S, C) combine its columns to the drawn residuals, and
    ``used`` (S, k) are the rows of its regressors, which ``focus`` (S, k) combines to the scores.
    """
    n_specifications, n_clusters, k = leverages.shape
    n_rows, n_columns = moments.shape[1:]
    flat = moments.reshape(n_clusters, n_rows * n_columns)
    n_draws = weights.shape[1]
    n_blocks = (n_draws + BLOCK - 1) // BLOCK
    numerators, squares = np.zeros((2, n_specifications, n_draws))
    for task in prange(n_blocks):
        start = task * BLOCK
        width = min(BLOCK, n_draws - start)
        drawn = np.zeros((n_clusters, BLOCK))
        drawn[:, :width] = weights[:, start : start + width]
        totals = np.zeros((n_rows * n_columns, BLOCK))
        _accumulate(totals, flat, drawn, n_clusters, n_rows * n_columns)
        left = np.zeros((1, BLOCK))
        for s in range(n_specifications):
            summed, moved = np.zeros((k, BLOCK)), np.zeros((k, BLOCK))
            top, total = np.zeros(BLOCK), np.zeros((1, BLOCK))
            for i in range(sizes[s]):
                first = used[s, i] * n_columns
                _combine(summed[i], directions[s], totals[first : first + n_columns])
            _accumulate(moved, inverses[s], summed, sizes[s], sizes[s])
            _combine(top, focus[s], summed)
            for g in range(n_clusters):
                _remain(left[0], scores[s, g], drawn[g], leverages[s, g], moved, sizes[s])
                _add_products(total, left)
            numerators[s, start : start + width] = top[:width]
            squares[s, start : start + width] = total[0, :width]
    return numerators, squares


@njit(cache=True, fastmath={"contract"})
def _combine(result: Floats, factors: Floats, values: Floats) -> None:
    """``result`` (BLOCK,) += factors' values, passing over factors that are zero."""
    for row in range(len(factors)):
        if factors[row] != 0.0:
            for b in range(BLOCK):
                result[b] += factors[row] * values[row, b]


@njit(cache=True, fastmath={"contract"})
def _accumulate(result: Floats, matrix: Floats, values: Floats, n: int, k: int) -> None:
    """``result`` (k, BLOCK) += matrix (n, k)' values (n, BLOCK), four rows at a time."""
    whole = n // 4 * 4
    for g in range(0, whole, 4):
        for i in range(k):
            one, two, three, four = (
                matrix[g, i],
                matrix[g + 1, i],
                matrix[g + 2, i],
                matrix[g + 3, i],
            )
            for b in range(BLOCK):
                result[i, b] += (one * values[g, b] + two * values[g + 1, b]) + (
                    three * values[g + 2, b] + four * values[g + 3, b]
                )
    for g in range(whole, n):
        for i in range(k):
            for b in range(BLOCK):
                result[i, b] += matrix[g, i] * values[g, b]


@njit(cache=True, fastmath={"contract"})
def _remain(
    left: Floats, score: float, drawn: Floats, leverage: Floats, moved: Floats, k: int
) -> None:
    """Scores ``left`` (BLOCK,) of one cluster after the regressions of the draws."""
    whole = k // 4 * 4
    for b in range(BLOCK):
        left[b] = score * drawn[b]
    for i in range(0, whole, 4):
        one, two, three, four = leverage[i], leverage[i + 1], leverage[i + 2], leverage[i + 3]
        for b in range(BLOCK):
            left[b] -= (one * moved[i, b] + two * moved[i + 1, b]) + (
                three * moved[i + 2, b] + four * moved[i + 3, b]
            )
    for i in range(whole, k):
        for b in range(BLOCK):
            left[b] -= leverage[i] * moved[i, b]


@njit(cache=True, fastmath={"contract"})
def _add_products(squares: Floats, left: Floats) -> None:
    """``squares`` (D (D + 1) / 2, width) += products of the scores ``left`` (D, BLOCK) in pairs."""
    pair = 0
    for d in range(len(left)):
        for e in range(d, len(left)):
            for b in range(squares.shape[1]):
                squares[pair, b] += left[d, b] * left[e, b]
            pair += 1
