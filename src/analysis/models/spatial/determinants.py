"""Log-determinants and traces of ``A = I - rho W`` for a block-diagonal ``W``.

Up to :data:`LARGEST_DENSE` units the eigenvalues w of W are taken once, and
``log|A| = sum log|1 - rho w|`` (Ord 1975); beyond, each value of rho has its own sparse LU
factorisation. Both are exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import splu

from analysis.models.spatial.sample import Block, SpatialSample
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

METHODS = ("auto", "eigenvalues", "lu")
#: Units above which "auto" prefers sparse LU; eigenvalues of 1,000 units take seconds.
LARGEST_DENSE = 1000


@dataclass(frozen=True, slots=True)
class LogDeterminant:
    """``log|I - rho W|`` over all rows, and the open interval of rho where it is defined."""

    eigenvalues: tuple[NDArray[np.complex128], ...] | None
    blocks: tuple[Block, ...]
    lowest: float
    highest: float

    def __call__(self, rho: float) -> float:
        """The log-determinant at ``rho``, summed over periods."""
        counts = [len(block.rows) for block in self.blocks]
        if self.eigenvalues is None:
            parts = [_lu_log_determinant(block.weights, rho) for block in self.blocks]
        else:
            parts = [float(np.log(np.abs(1 - rho * one)).sum()) for one in self.eigenvalues]
        return float(np.dot(counts, parts))

    def slope(self, rho: float) -> float:
        """Derivative of the log-determinant, ``-tr(W (I - rho W)^-1)``, summed over periods."""
        counts = [len(block.rows) for block in self.blocks]
        if self.eigenvalues is None:
            parts = [_dense_trace(block.weights, rho) for block in self.blocks]
        else:
            parts = [float((one / (1 - rho * one)).real.sum()) for one in self.eigenvalues]
        return -float(np.dot(counts, parts))


def log_determinant(sample: SpatialSample, method: str) -> LogDeterminant:
    """Prepare the log-determinant by ``method``: ``"auto"``, ``"eigenvalues"`` or ``"lu"``.

    With eigenvalues the interval is that between the inverse of the smallest and of the largest
    real eigenvalue (LeSage and Pace 2009, section 4.3.2); if none is negative it begins at minus
    the inverse of the spectral radius. With LU it is one over the smaller of the largest row and
    column sum, on both sides, which bounds the spectral radius.
    """
    if method not in METHODS:
        raise ModelError(f"log_determinant: {method!r} is not one of {', '.join(METHODS)}")
    size = max(block.weights.shape[0] for block in sample.blocks)
    if method == "lu" or (method == "auto" and size > LARGEST_DENSE):
        sums = [_largest_sum(block.weights) for block in sample.blocks]
        bound = 1 / max(sums)
        return LogDeterminant(None, sample.blocks, -bound, bound)
    values = tuple(_eigenvalues(block.weights) for block in sample.blocks)
    return LogDeterminant(values, sample.blocks, *_interval(np.concatenate(values)))


def _eigenvalues(weights: sparse.csr_array) -> NDArray[np.complex128]:
    """Eigenvalues of ``weights`` (N, N).

    Where ``D W`` is symmetric for a positive diagonal D, as after row-standardising symmetric
    weights, they are those of the symmetric ``D^(1/2) W D^(-1/2)``, which are real and cheap.
    """
    dense = weights.toarray()
    if _is_symmetrisable(weights, dense):
        return np.asarray(linalg.eigvalsh(np.sqrt(dense * dense.T)), dtype=np.complex128)
    return np.asarray(linalg.eigvals(dense), dtype=np.complex128)


def _is_symmetrisable(weights: sparse.csr_array, dense: Floats) -> bool:
    """Whether ``d_i w_ij = d_j w_ji`` has a positive solution d, found by walking along links."""
    if ((dense > 0) != (dense.T > 0)).any():
        return False
    d = np.zeros(len(dense))
    for start in range(len(dense)):
        if d[start]:
            continue
        d[start] = 1.0
        nodes, parents = breadth_first_order(weights, start)
        for node, parent in zip(nodes[1:], parents[nodes[1:]], strict=True):
            d[node] = d[parent] * dense[parent, node] / dense[node, parent]
    product = d[:, None] * dense
    return bool(np.allclose(product, product.T, rtol=1e-9, atol=0))


def _interval(eigenvalues: NDArray[np.complex128]) -> tuple[float, float]:
    radius = float(np.abs(eigenvalues).max())
    if radius < 1e-8:  # links without a loop: the determinant is one whatever rho
        return -np.inf, np.inf
    real = eigenvalues[np.abs(eigenvalues.imag) < 1e-8 * radius].real
    lowest, highest = float(real.min(initial=0)), float(real.max(initial=0))
    return (
        1 / lowest if lowest < -1e-8 * radius else -1 / radius,
        1 / highest if highest > 1e-8 * radius else 1 / radius,
    )


def _largest_sum(weights: sparse.csr_array) -> float:
    return float(min(weights.sum(axis=0).max(), weights.sum(axis=1).max()))


def _lu_log_determinant(weights: sparse.csr_array, rho: float) -> float:
    system = sparse.eye_array(weights.shape[0], format="csc") - rho * weights.tocsc()
    factors = splu(sparse.csc_matrix(system))
    return float(np.log(np.abs(factors.U.diagonal())).sum())


def _dense_trace(weights: sparse.csr_array, rho: float) -> float:
    dense = weights.toarray()
    return float((dense * linalg.inv(np.eye(len(dense)) - rho * dense).T).sum())


@dataclass(frozen=True, slots=True)
class Multiplier:
    """``V = (I - rho W)^-1``, dense (N, N) for each block of the sample."""

    inverses: tuple[Floats, ...]
    sample: SpatialSample

    def __call__(self, column: Floats) -> Floats:
        """``V`` times ``column`` (n,)."""
        result = np.empty_like(column)
        for inverse, block in zip(self.inverses, self.sample.blocks, strict=True):
            result[block.rows] = column[block.rows] @ inverse.T
        return result

    def traces(self) -> tuple[float, float]:
        """``tr(G)`` and ``tr(G G + G' G)`` of ``G = W V`` over all rows."""
        first = second = 0.0
        for inverse, block in zip(self.inverses, self.sample.blocks, strict=True):
            product = block.weights @ inverse
            first += len(block.rows) * float(np.trace(product))
            second += len(block.rows) * float((product * (product + product.T)).sum())
        return first, second

    def cross_trace(self) -> float:
        """``tr(W G + W' G)`` over all rows."""
        result = 0.0
        for inverse, block in zip(self.inverses, self.sample.blocks, strict=True):
            both = (block.weights + block.weights.T).toarray()
            result += len(block.rows) * float((both.T * (block.weights @ inverse)).sum())
        return result


def multiplier(sample: SpatialSample, rho: float) -> Multiplier:
    """The spatial multiplier at ``rho``; `ModelError` where ``I - rho W`` is singular."""
    inverses = []
    for block in sample.blocks:
        system = np.eye(block.weights.shape[0]) - rho * block.weights.toarray()
        try:
            inverses.append(linalg.inv(system))
        except linalg.LinAlgError:
            raise ModelError(f"I - rho W is singular at rho = {rho:.6g}") from None
    return Multiplier(tuple(inverses), sample)
