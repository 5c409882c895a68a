"""Exact absorption of one or two effects: closed form, and a small system for the smaller effect.

With the dummies ``D`` of a first effect (many levels, say units) and ``E`` of a second one (few,
say years), the regression of a column ``y`` on both is, by the theorem of Frisch, Waugh and Lovell,
that of ``My`` on ``ME``, where ``M`` takes out the weighted means of the units. Its normal
equations ``E'WME g = E'WMy`` have as many unknowns as there are years: the Schur complement of the
units' block in the normal equations of all dummies (Wansbeek and Kapteyn 1989). Their matrix is the
Laplacian of a weighted graph whose nodes are the years and whose edges are the units seen in two
years. It lacks one rank in each connected component (Abowd, Creecy and Kramarz 2002) and is regular
once one year of each has the effect zero.

Rows are visited unit by unit. Large tables are cut into a fixed number of chunks, whose sums are
added in their order, so that no byte depends on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import config, njit
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: The system of the smaller effect is dense: with more levels an iterative solver is faster.
MOST_LEVELS = 2000
#: Corrections this small, relative to the root mean square of a column, move no digit shown.
EXACT = 1e-12
MOST_PASSES = 6
#: Rows from which threads pay, and how many chunks they share.
LARGE = 100_000
CHUNKS = 8


class Groups(NamedTuple):
    """Rows by the level of the larger effect, and the level of the smaller one that each row has.

    Rows ``start[i]`` to ``start[i + 1]`` are those of level ``i``, once rows are put in ``order``
    (None: as they are). ``second`` (n,), in that order, holds codes below ``n_second``, all zero
    when there is one effect only.
    """

    start: Codes
    second: Codes
    n_second: int
    order: Codes | None

    def grouped(self, rows: Floats) -> Floats:
        """An array over rows (n, ...) in the order of the groups, C-contiguous."""
        return np.ascontiguousarray(rows if self.order is None else rows[self.order])

    def as_before(self, rows: Floats) -> Floats:
        """An array over rows in the order of the groups, put back in the order of the table."""
        if self.order is None:
            return rows
        result = np.empty_like(rows)
        result[self.order] = rows
        return result


def group_rows(effects: Codes) -> Groups | None:
    """Rows grouped by the larger of one or two ``effects`` (n, 1..2), given as codes without gaps.

    None when the smaller effect has too many levels for a dense system.
    """
    columns = [np.ascontiguousarray(column) for column in effects.T]
    if len(columns) == 1:
        columns.append(np.zeros_like(columns[0]))
    (n_second, second), (n_first, first) = sorted(
        ((int(column.max()) + 1, column) for column in columns), key=lambda pair: pair[0]
    )
    if n_second > MOST_LEVELS:
        return None
    start = np.concatenate([[0], np.cumsum(np.bincount(first))])
    if (first[1:] >= first[:-1]).all():
        return Groups(start, second, n_second, order=None)
    order = rows_by_code(first, n_first)
    return Groups(start, second[order], n_second, order)


def absorb_exactly(columns: Floats, groups: Groups, weights: Floats) -> Floats | None:
    """Residuals of ``columns`` (n, k) from a weighted regression on the dummies of the groups.

    A C-contiguous array of floats whose rows are in the order of the groups is overwritten, so that
    a table that fills the memory can be treated. None when rounding keeps the residuals from
    being orthogonal to the dummies.
    """
    residuals, weights = groups.grouped(columns), groups.grouped(weights)
    rows = groups.start, groups.second, groups.n_second, weights
    parts = over_chunks(_take_out_means, groups.start, residuals, *rows)
    if groups.n_second == 1:
        return groups.as_before(residuals)
    system = GroundedLaplacian(laplacian(groups, weights))
    remaining = sum(sums for sums, _ in parts)
    exact = EXACT * np.sqrt(sum(squares for _, squares in parts) / len(residuals))
    for _ in range(MOST_PASSES):
        correction = system.solve(remaining)
        if (np.abs(correction) <= exact).all():
            return groups.as_before(residuals)
        parts = over_chunks(_take_out_second, groups.start, residuals, *rows, correction)
        remaining = sum(parts)
    return None


def laplacian(groups: Groups, weights: Floats) -> Floats:
    """Cross products (T, T) of the dummies of the smaller effect, the larger one taken out.

    ``weights`` (n,) are in the order of the groups.
    """
    rows = groups.start, groups.second, groups.n_second, weights
    lower = sum(over_chunks(_joint_weights, groups.start, *rows))
    joint = lower + lower.T
    # Rows add up to zero: the diagonal follows without a difference of large numbers.
    return np.diag(joint.sum(axis=1)) - joint


def over_chunks(kernel: Callable[..., Any], start: Codes, *arguments: Any) -> list[Any]:
    """Results of ``kernel(begin, end, *arguments)`` on ranges of groups that cover them all.

    The ranges depend only on where groups ``start``; kernels release the interpreter's lock.
    """
    n_groups, n_rows = len(start) - 1, int(start[-1])
    if n_rows < LARGE:
        return [kernel(0, n_groups, *arguments)]
    inner = np.searchsorted(start, n_rows * np.arange(1, CHUNKS) // CHUNKS)
    ranges = pairwise([0, *inner.tolist(), n_groups])
    workers: int = config.NUMBA_NUM_THREADS
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(lambda bounds: kernel(*bounds, *arguments), ranges))


class GroundedLaplacian:
    """Solves systems of a Laplacian (T, T), one node of each connected component set to zero."""

    def __init__(self, matrix: Floats) -> None:
        diagonal = np.diag(matrix)
        self.free = free_nodes(matrix)
        self.scale = 1 / np.sqrt(diagonal[self.free])
        block = matrix[np.ix_(self.free, self.free)] * self.scale * self.scale[:, None]
        self.factor = linalg.cho_factor(block, lower=True, check_finite=False)

    def solve(self, right: Floats) -> Floats:
        """Solution (T, k) for right-hand sides (T, k) that add up to zero in each component."""
        solution = np.zeros_like(right)
        scaled = right[self.free] * self.scale[:, None]
        solution[self.free] = linalg.cho_solve(self.factor, scaled, check_finite=False)
        solution[self.free] *= self.scale[:, None]
        return solution


def free_nodes(matrix: Floats) -> NDArray[np.bool_]:
    """All nodes (T,) but one of each connected component, that with the largest weight."""
    labels = connected_components(matrix, directed=False)[1]
    by_weight = np.argsort(-np.diag(matrix), kind="stable")
    free = np.ones(len(matrix), dtype=bool)
    free[by_weight[np.unique(labels[by_weight], return_index=True)[1]]] = False
    return free


@njit(cache=True, nogil=True)
def rows_by_code(codes: Codes, n_levels: int) -> Codes:
    """Row numbers sorted by ``codes`` (n,), ties in their order, by a counting sort."""
    after = np.zeros(n_levels + 1, np.int64)
    for code in codes:
        after[code + 1] += 1
    for level in range(n_levels):
        after[level + 1] += after[level]
    order = np.empty(len(codes), np.int64)
    for row in range(len(codes)):
        order[after[codes[row]]] = row
        after[codes[row]] += 1
    return order


@njit(cache=True, nogil=True, error_model="numpy")
def _take_out_means(
    begin: int,
    end: int,
    columns: Floats,
    start: Codes,
    second: Codes,
    n_second: int,
    weights: Floats,
) -> tuple[Floats, Floats]:
    """Subtract weighted group means in place.

    Returns the weighted sums (n_second, k) by second level and the squares (k,) of what remains.
    """
    k = columns.shape[1]
    sums, squares = np.zeros((n_second, k)), np.zeros(k)
    mean = np.empty(k)
    for group in range(begin, end):
        total = 0.0
        mean[:] = 0.0
        for row in range(start[group], start[group + 1]):
            total += weights[row]
            for j in range(k):
                mean[j] += weights[row] * columns[row, j]
        for j in range(k):
            mean[j] /= total
        for row in range(start[group], start[group + 1]):
            for j in range(k):
                value = columns[row, j] - mean[j]
                columns[row, j] = value
                sums[second[row], j] += weights[row] * value
                squares[j] += value * value
    return sums, squares


@njit(cache=True, nogil=True, error_model="numpy")
def _take_out_second(
    begin: int,
    end: int,
    columns: Floats,
    start: Codes,
    second: Codes,
    n_second: int,
    weights: Floats,
    values: Floats,
) -> Floats:
    """Subtract ``values`` (n_second, k), less their group means; sums as in _take_out_means."""
    k = columns.shape[1]
    sums = np.zeros((n_second, k))
    mean = np.empty(k)
    for group in range(begin, end):
        total = 0.0
        mean[:] = 0.0
        for row in range(start[group], start[group + 1]):
            total += weights[row]
            for j in range(k):
                mean[j] += weights[row] * values[second[row], j]
        for j in range(k):
            mean[j] /= total
        for row in range(start[group], start[group + 1]):
            level = second[row]
            for j in range(k):
                value = columns[row, j] - (values[level, j] - mean[j])
                columns[row, j] = value
                sums[level, j] += weights[row] * value
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def _joint_weights(
    begin: int, end: int, start: Codes, second: Codes, n_second: int, weights: Floats
) -> Floats:
    """Sum over groups of w_s w_t / (sum of w) for each pair of levels s < t, at [t, s]."""
    joint, buffer = np.zeros((n_second, n_second)), np.zeros(n_second)
    for group in range(begin, end):
        rows = slice(start[group], start[group + 1])
        total = 0.0
        for row in range(start[group], start[group + 1]):
            total += weights[row]
        add_pairs(joint, second[rows], weights[rows], 1 / total, buffer)
    return joint


@njit(cache=True, nogil=True, error_model="numpy")
def add_pairs(joint: Floats, levels: Codes, values: Floats, factor: float, buffer: Floats) -> None:
    """Add ``factor`` times the products of ``values`` (m,) of two rows to ``joint`` (T, T).

    Products go to the places of the two rows' ``levels`` (m,), below the diagonal; those on it are
    left out. ``buffer`` (T,) is zero before and after. Where many levels are present, it is faster
    to add all, the absent ones as zero, than to look them up.
    """
    if 4 * len(levels) <= len(buffer):
        _add_listed_pairs(joint, levels, values, factor)
        return
    for row in range(len(levels)):
        buffer[levels[row]] += values[row]
    for level in range(1, len(buffer)):
        own = factor * buffer[level]
        for other in range(level):
            joint[level, other] += own * buffer[other]
    for level in levels:
        buffer[level] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _add_listed_pairs(joint: Floats, levels: Codes, values: Floats, factor: float) -> None:
    for row in range(len(levels)):
        for other in range(len(levels)):
            if levels[other] < levels[row]:
                joint[levels[row], levels[other]] += factor * values[row] * values[other]


@njit(cache=True, nogil=True)
def count_components(first: Codes, second: Codes, n_first: int, n_second: int) -> int:
    """Connected components of the graph of levels (nodes) and observations (edges)."""
    parent = np.arange(n_first + n_second)
    components = n_first + n_second
    for row in range(len(first)):
        one, other = first[row], n_first + second[row]
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        while parent[other] != other:
            parent[other] = parent[parent[other]]
            other = parent[other]
        if one != other:
            parent[one] = other
            components -= 1
    return components
