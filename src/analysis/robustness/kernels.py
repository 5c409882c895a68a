"""Compiled loops of :mod:`analysis.robustness.solve`: small systems and scores, many at a time.

A *design* is a right-hand side (focus first, then the other regressors) with its instruments. Its
specifications, one per outcome, share the inverse, the weights ``a`` of the focus coefficient on
the (instrument) columns and the products ``a' M_g``. Every thread writes its own designs only.
"""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True)
def factorise(matrix: Floats, k: int) -> None:
    """Cholesky factor of the leading k x k of ``matrix`` in its lower triangle, in place.

    A pivot that is not positive makes its column zero and its diagonal zero: it is left out.
    """
    for j in range(k):
        pivot = matrix[j, j]
        for m in range(j):
            pivot -= matrix[j, m] * matrix[j, m]
        root = np.sqrt(pivot) if pivot > 0.0 else 0.0
        matrix[j, j] = root
        for i in range(j + 1, k):
            value = matrix[i, j]
            for m in range(j):
                value -= matrix[i, m] * matrix[j, m]
            matrix[i, j] = value / root if root > 0.0 else 0.0


@njit(cache=True)
def solve_lower(factor: Floats, k: int, vector: Floats) -> None:
    """``vector[:k]`` becomes ``L^-1 vector`` in place; left-out columns get zero."""
    for i in range(k):
        value = vector[i]
        for m in range(i):
            value -= factor[i, m] * vector[m]
        vector[i] = value / factor[i, i] if factor[i, i] > 0.0 else 0.0


@njit(cache=True)
def solve_upper(factor: Floats, k: int, vector: Floats) -> None:
    """``vector[:k]`` becomes ``L'^-1 vector`` in place; left-out columns get zero."""
    for i in range(k - 1, -1, -1):
        value = vector[i]
        for m in range(i + 1, k):
            value -= factor[m, i] * vector[m]
        vector[i] = value / factor[i, i] if factor[i, i] > 0.0 else 0.0


@njit(cache=True)
def smallest_pivot(factor: Floats, k: int, columns: Ints, relative: Floats) -> tuple[float, int]:
    """The smallest squared pivot, in a matrix scaled to unit ``relative``, and its column."""
    smallest, where = np.inf, -1
    for j in range(k):
        size = factor[j, j] * factor[j, j] * relative[columns[j]]
        if size < smallest:
            smallest, where = size, columns[j]
    return smallest, where


@njit(cache=True, parallel=True)
def least_squares(
    total: Floats,
    shrinkage: Floats,
    regressors: Ints,
    n_regressors: Ints,
    instruments: Ints,
    n_instruments: Ints,
    first: Ints,
    outcomes: Ints,
    coefficients: Floats,
    residual_squares: Floats,
    weights: Floats,
    bread: Floats,
    pivots: Floats,
    weakest: Ints,
) -> None:
    """Ordinary least squares of every specification on ``total`` (K, K), of unit diagonal.

    The arrays are those of `Designs` and `Fits`; the results fill the last six, which come as
    zeros. The instruments are the regressors here.
    """
    for d in prange(len(n_regressors)):
        k, columns = n_regressors[d], regressors[d]
        factor = submatrix(total, columns, k)
        factorise(factor, k)
        pivots[d], weakest[d] = smallest_pivot(factor, k, columns, shrinkage)
        weights[d, 0] = 1.0
        solve_lower(factor, k, weights[d])
        solve_upper(factor, k, weights[d])
        bread[d] = weights[d, 0]
        for s in range(first[d], first[d + 1]):
            y, b = outcomes[s], coefficients[s]
            for i in range(k):
                b[i] = total[columns[i], y]
            solve_lower(factor, k, b)
            residual_squares[s] = total[y, y] - np.dot(b[:k], b[:k])
            solve_upper(factor, k, b)


@njit(cache=True, parallel=True)
def two_stage(
    total: Floats,
    shrinkage: Floats,
    regressors: Ints,
    n_regressors: Ints,
    instruments: Ints,
    n_instruments: Ints,
    first: Ints,
    outcomes: Ints,
    coefficients: Floats,
    residual_squares: Floats,
    weights: Floats,
    bread: Floats,
    pivots: Floats,
    weakest: Ints,
) -> None:
    """Two-stage least squares of every specification; see :func:`least_squares`.

    With C the factor of Z'Z, ``U = C^-1 Z'X`` and ``v = C^-1 Z'y`` give ``b = (U'U)^-1 U'v``, and
    the focus coefficient has the weights ``C'^-1 U (U'U)^-1 e`` on the instruments.
    """
    for d in prange(len(n_regressors)):
        k, n_exogenous = n_regressors[d], n_instruments[d]
        columns, exogenous = regressors[d], instruments[d]
        stage = submatrix(total, exogenous, n_exogenous)
        factorise(stage, n_exogenous)
        projected = first_stage(total, stage, columns, k, exogenous, n_exogenous)
        factor = projected @ projected.T
        factorise(factor, k)
        pivots[d], weakest[d] = smallest_pivot(factor, k, columns, shrinkage)
        pivot, column = smallest_pivot(stage, n_exogenous, exogenous, shrinkage)
        if pivot < pivots[d]:
            pivots[d], weakest[d] = pivot, column
        unit = np.zeros(k)
        unit[0] = 1.0
        solve_lower(factor, k, unit)
        solve_upper(factor, k, unit)
        bread[d] = unit[0]
        weights[d, :n_exogenous] = projected.T @ unit
        solve_upper(stage, n_exogenous, weights[d])
        right = np.empty(n_exogenous)
        for s in range(first[d], first[d + 1]):
            y, b = outcomes[s], coefficients[s]
            for m in range(n_exogenous):
                right[m] = total[exogenous[m], y]
            solve_lower(stage, n_exogenous, right)
            b[:k] = projected @ right
            solve_lower(factor, k, b)
            solve_upper(factor, k, b)
            residual_squares[s] = residual_form(total, columns, k, b, y)


@njit(cache=True)
def submatrix(total: Floats, columns: Ints, k: int) -> Floats:
    """(k, k) moments of the first k ``columns``."""
    result = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            result[i, j] = total[columns[i], columns[j]]
    return result


@njit(cache=True)
def first_stage(
    total: Floats, stage: Floats, columns: Ints, k: int, exogenous: Ints, n_exogenous: int
) -> Floats:
    """(k, n_exogenous) regressors in the coordinates of the factorised instruments."""
    projected = np.empty((k, n_exogenous))
    for i in range(k):
        for m in range(n_exogenous):
            projected[i, m] = total[columns[i], exogenous[m]]
        solve_lower(stage, n_exogenous, projected[i])
    return projected


@njit(cache=True)
def residual_form(total: Floats, columns: Ints, k: int, b: Floats, y: int) -> float:
    """Sum of squares of outcome ``y`` minus the k ``columns`` times ``b``."""
    result = total[y, y]
    for i in range(k):
        fitted = -2.0 * total[columns[i], y]
        for j in range(k):
            fitted += total[columns[i], columns[j]] * b[j]
        result += b[i] * fitted
    return result


@njit(cache=True, parallel=True, fastmath={"contract"})
def add_cluster_variances(
    blocks: Floats,
    kernel: Floats,
    regressors: Ints,
    n_regressors: Ints,
    instruments: Ints,
    n_instruments: Ints,
    first: Ints,
    outcomes: Ints,
    coefficients: Floats,
    weights: Floats,
    sums: Floats,
) -> None:
    """Add to ``sums`` (S,) the squares of the scores ``s_g = a' M_g c``, or ``s' kernel s``.

    ``blocks`` (K, K, G) have the clusters last, so that the innermost loops run along them. With
    ``c = (1, -b)`` on outcome and regressors, ``a' M_g`` is shared by the outcomes of a design.
    ``kernel`` is (G, G), or empty for the identity.
    """
    n_clusters = blocks.shape[2]
    for d in prange(len(n_regressors)):
        a, columns, k = weights[d], instruments[d], n_instruments[d]
        begin, size = first[d], first[d + 1] - first[d]
        scores, product = np.empty((size, n_clusters)), np.empty(n_clusters)
        for s in range(size):
            combine(blocks[outcomes[begin + s]], columns, k, a, scores[s])
        for j in range(n_regressors[d]):
            combine(blocks[regressors[d, j]], columns, k, a, product)
            for s in range(size):
                b, score = coefficients[begin + s, j], scores[s]
                for g in range(n_clusters):
                    score[g] -= b * product[g]
        for s in range(size):
            sums[begin + s] += quadratic_form(scores[s], kernel)


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def add_pair_products(blocks: Floats, products: Floats) -> None:
    """Add ``sum_g M_g[i, j] M_g[h, m]`` to ``products`` (P, P), lower triangle, of column pairs.

    Pair (i, j) with i <= j is number ``j (j + 1) / 2 + i``; ``blocks`` are (K, K, G).
    """
    for j in prange(len(blocks)):
        for i in range(j + 1):
            left, p = blocks[i, j], j * (j + 1) // 2 + i
            for m in range(j + 1):
                for h in range(m + 1):
                    q = m * (m + 1) // 2 + h
                    if q <= p:
                        right, product = blocks[h, m], 0.0
                        for g in range(len(left)):
                            product += left[g] * right[g]
                        products[p, q] += product


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def pair_variances(
    products: Floats,
    n_columns: int,
    regressors: Ints,
    n_regressors: Ints,
    instruments: Ints,
    n_instruments: Ints,
    first: Ints,
    outcomes: Ints,
    coefficients: Floats,
    weights: Floats,
    sums: Floats,
    sizes: Floats,
) -> None:
    """Squares of the scores into ``sums`` (S,) from ``products``, whatever the number of clusters.

    A score is linear in the entries of the block, ``s_g = sum_p v_p M_g[p]`` over pairs of columns
    with ``v = a_i c_j + a_j c_i``, so that its sum of squares is ``v' products v``. ``sizes`` (S,)
    are what the terms would add up to if none cancelled: rounding is relative to that.
    """
    for d in prange(len(n_regressors)):
        a, c = np.zeros(n_columns), np.zeros(n_columns)
        pairs, values = np.empty(len(products), np.int64), np.empty(len(products))
        for i in range(n_instruments[d]):
            a[instruments[d, i]] = weights[d, i]
        for s in range(first[d], first[d + 1]):
            c[:] = 0.0
            c[outcomes[s]] = 1.0
            for j in range(n_regressors[d]):
                c[regressors[d, j]] = -coefficients[s, j]
            n = pairs_of(a, c, pairs, values)
            sums[s], sizes[s] = 0.0, 0.0
            for p in range(n):
                row, cross = products[pairs[p]], 0.0
                for q in range(p):
                    cross += values[q] * row[pairs[q]]
                diagonal = row[pairs[p]]
                sums[s] += values[p] * (2.0 * cross + values[p] * diagonal)
                sizes[s] += abs(values[p]) * np.sqrt(diagonal)
            sizes[s] *= sizes[s]


@njit(cache=True)
def pairs_of(a: Floats, c: Floats, pairs: Ints, values: Floats) -> int:
    """Numbers and weights of the pairs of columns that matter, in ascending order; how many."""
    n = 0
    for j in range(len(a)):
        if a[j] != 0.0 or c[j] != 0.0:
            for i in range(j + 1):
                value = a[i] * c[j]
                if i < j:
                    value += a[j] * c[i]
                if value != 0.0:
                    pairs[n], values[n] = j * (j + 1) // 2 + i, value
                    n += 1
    return n


@njit(cache=True, parallel=True, fastmath={"contract"})
def add_row_variances(
    values: Floats,
    row_weights: Floats,
    groups: Ints,
    regressors: Ints,
    n_regressors: Ints,
    instruments: Ints,
    n_instruments: Ints,
    first: Ints,
    outcomes: Ints,
    coefficients: Floats,
    weights: Floats,
    sums: Floats,
) -> None:
    """Add to ``sums`` (S,) the squares of ``w_i (z_i a)(z_i c)`` added up by ``groups`` (n,).

    ``values`` (K, n) have the rows last; see :func:`add_cluster_variances`.
    """
    n, n_groups = len(groups), groups.max() + 1
    identity = np.empty((0, 0))
    for d in prange(len(n_regressors)):
        direction, fitted, scores = np.empty(n), np.empty(n), np.empty(n_groups)
        combine(values, instruments[d], n_instruments[d], weights[d], direction)
        for s in range(first[d], first[d + 1]):
            combine(values, regressors[d], n_regressors[d], coefficients[s], fitted)
            outcome = values[outcomes[s]]
            scores[:] = 0.0
            for i in range(n):
                scores[groups[i]] += row_weights[i] * direction[i] * (outcome[i] - fitted[i])
            sums[s] += quadratic_form(scores, identity)


@njit(cache=True, fastmath={"contract"})
def combine(rows: Floats, columns: Ints, k: int, weights: Floats, result: Floats) -> None:
    """``result`` = sum of ``weights[i]`` times ``rows[columns[i]]`` over the first k columns."""
    result[:] = 0.0
    paired = k - k % 2
    # Two at a time halve the traffic of the running sum.
    for i in range(0, paired, 2):
        a, left = weights[i], rows[columns[i]]
        b, right = weights[i + 1], rows[columns[i + 1]]
        for g in range(len(result)):
            result[g] += a * left[g] + b * right[g]
    if paired < k:
        a, left = weights[paired], rows[columns[paired]]
        for g in range(len(result)):
            result[g] += a * left[g]


@njit(cache=True, fastmath={"contract", "reassoc"})
def quadratic_form(vector: Floats, kernel: Floats) -> float:
    """``v' K v``; an empty kernel is the identity."""
    result = 0.0
    if kernel.shape[0] == 0:
        for g in range(len(vector)):
            result += vector[g] * vector[g]
        return result
    for g in range(len(vector)):
        row, product = kernel[g], 0.0
        for h in range(len(vector)):
            product += row[h] * vector[h]
        result += vector[g] * product
    return result
