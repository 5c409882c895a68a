"""The stacked equations of a dynamic panel: transformed rows, then rows in levels.

Every row is a linear combination of the level rows of its unit, held as one sparse matrix. The
covariance structure of the errors under homoskedasticity follows from that matrix alone, with gaps
and unbalanced panels treated by the same line of code as balanced ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
#: Rows, columns and values of some entries of a sparse matrix.
Entry = tuple[Indices, Indices, Floats | float]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one equation: ``unit`` and ``period`` (n,) and ``transform`` (n, units x periods).

    A row at period t may use instruments dated t - lag. An orthogonal deviation of period s sits
    at s + 1, so that the instruments of a first difference are valid for it too.
    """

    unit: Indices
    period: Indices
    transform: sparse.csr_matrix
    n_periods: int

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def position(self) -> Indices:
        """Where each row is among units x periods, flattened."""
        return self.unit * self.n_periods + self.period


def level_rows(complete: NDArray[np.bool_]) -> Rows:
    """One row per complete observation; ``complete`` is (units, periods)."""
    unit, period = np.nonzero(complete)
    columns = unit * complete.shape[1] + period
    return _rows(unit, period, [(np.arange(len(unit)), columns, 1.0)], complete)


def first_difference_rows(complete: NDArray[np.bool_]) -> Rows:
    """``x[t] - x[t-1]`` where both are complete."""
    both = complete.copy()
    both[:, 1:] &= complete[:, :-1]
    both[:, 0] = False
    unit, period = np.nonzero(both)
    rows, columns = np.arange(len(unit)), unit * complete.shape[1] + period
    entries: list[Entry] = [(rows, columns, 1.0), (rows, columns - 1, -1.0)]
    return _rows(unit, period, entries, complete)


def orthogonal_deviation_rows(complete: NDArray[np.bool_]) -> Rows:
    """``sqrt(m / (m + 1)) (x[s] - mean of the m later x)``: Arellano and Bover (1995)."""
    periods = complete.shape[1]
    later = complete[:, ::-1].cumsum(axis=1)[:, ::-1] - complete
    unit, start = np.nonzero(complete & (later > 0))
    count = later[unit, start]
    scale = np.sqrt(count / (count + 1))
    rows = np.arange(len(unit))
    entries: list[Entry] = [(rows, unit * periods + start, scale)]
    for period in range(1, periods):
        used = (period > start) & complete[unit, period]
        entries.append((rows[used], unit[used] * periods + period, (-scale / count)[used]))
    return _rows(unit, start + 1, entries, complete)


def error_root(transformed: Rows, level: Rows | None, structure: str) -> sparse.csr_matrix:
    """P with ``H = P P'``, the covariance of the stacked errors up to scale.

    ``"identity"``: H is the identity. ``"block"``: that of the transformed errors (a band of 2 and
    -1 for first differences) and the identity in levels, nothing between. ``"full"``: the
    covariance between the two equations as well.
    """
    if structure == "identity":
        size = len(transformed) + (0 if level is None else len(level))
        return sparse.identity(size, format="csr")
    if level is None:
        return transformed.transform
    if structure == "block":
        return sparse.block_diag([transformed.transform, level.transform], format="csr")
    return sparse.vstack([transformed.transform, level.transform], format="csr")


def _rows(
    unit: Indices,
    period: Indices,
    entries: list[Entry],
    complete: NDArray[np.bool_],
) -> Rows:
    row = np.concatenate([row for row, _, _ in entries])
    column = np.concatenate([column for _, column, _ in entries])
    value = np.concatenate([np.broadcast_to(value, len(row)) for row, _, value in entries])
    transform = sparse.csr_matrix((value, (row, column)), shape=(len(unit), complete.size))
    return Rows(unit, period, transform, complete.shape[1])
