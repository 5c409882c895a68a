"""Codes for the levels of a column, and the order of rows that no input order can change."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.two_way import rows_by_code

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

LARGEST_KEY = 2**62
#: Whole numbers are coded by a table where their range is at most this many times their number.
DENSE = 4


def level_codes(values: NDArray) -> Codes:
    """Place of each of ``values`` (n,), none missing, among the distinct ones sorted."""
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low <= DENSE * len(values):
            return consecutive((values - low).astype(np.int64, copy=False))
    return pd.factorize(values, sort=True)[0].astype(np.int64)


def consecutive(codes: Codes) -> Codes:
    """Codes (n,) of zero or more, with the numbers that do not occur left out."""
    present = np.zeros(int(codes.max(initial=-1)) + 1, dtype=bool)
    present[codes] = True
    return codes if present.all() else (np.cumsum(present) - 1)[codes]


def canonical_order(codes: list[Codes], values: list[Floats]) -> Codes | None:
    """Order of the rows by ``codes`` (each (n,)), the first above the next, and then by ``values``.

    None when the rows are in order as they stand.
    """
    codes = _distinct(codes)
    key = _one_key(codes)
    if key is not None:
        if (key[1:] > key[:-1]).all():
            return None
        order = _order_of_codes(codes)
        ordered = key[order]
        if (ordered[1:] > ordered[:-1]).all():
            return order
    return np.lexsort([*codes, *values][::-1])


def _distinct(codes: list[Codes]) -> list[Codes]:
    """The code columns without those that are the very array of an earlier one."""
    return list({id(column): column for column in codes}.values())


def _one_key(codes: list[Codes]) -> Codes | None:
    """One number per row that sorts like the columns of codes; None if it would not fit."""
    if not codes:
        return None
    levels = [int(column.max()) + 1 for column in codes]
    if np.prod(np.array(levels, dtype=object)) > LARGEST_KEY:
        return None
    key = codes[0]
    for column, count in zip(codes[1:], levels[1:], strict=True):
        key = key * count + column
    return key


def _order_of_codes(codes: list[Codes]) -> Codes:
    """Rows sorted by the columns of codes: counting sorts that keep ties, the last column first."""
    order = rows_by_code(codes[-1], int(codes[-1].max()) + 1)
    for column in codes[-2::-1]:
        order = order[rows_by_code(column[order], int(column.max()) + 1)]
    return order
