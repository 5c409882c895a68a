"""Many specifications as arrays, checked and grouped so that they share work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.robustness.moments import Ints, Moments

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Batch:
    """S specifications on the K candidate columns of some moments.

    ``outcome`` and ``focus`` (S,) are column positions, ``controls`` (S, K) says which columns are
    the other regressors. For two-stage least squares ``endogenous`` (S, K) says which regressors
    (focus or controls) are instrumented and ``instruments`` (S, K) which columns are the excluded
    instruments; both are empty in the rows estimated by ordinary least squares.
    """

    outcome: Ints
    focus: Ints
    controls: Bools
    endogenous: Bools | None = None
    instruments: Bools | None = None

    @classmethod
    def named(
        cls,
        moments: Moments,
        specifications: Sequence[tuple[str, str, Sequence[str]]],
        *,
        endogenous: Sequence[str] = (),
        instruments: Sequence[str] = (),
    ) -> Self:
        """From (outcome, focus, controls) by name, all with the same instruments if any."""
        size = (len(specifications), len(moments.candidates))

        def mask(names: Sequence[Sequence[str]]) -> Bools:
            result = np.zeros(size, dtype=np.bool_)
            for row, present in zip(result, names, strict=True):
                row[moments.index(present)] = True
            return result

        return cls(
            outcome=moments.index([outcome for outcome, _, _ in specifications]),
            focus=moments.index([focus for _, focus, _ in specifications]),
            controls=mask([controls for _, _, controls in specifications]),
            endogenous=mask([endogenous] * size[0]) if endogenous else None,
            instruments=mask([instruments] * size[0]) if endogenous else None,
        )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Designs:
    """The specifications sorted so that those that differ in the outcome only are neighbours.

    ``order`` (S,) are their places in the batch; design d has the specifications
    ``first[d]:first[d + 1]`` with ``outcomes`` (S,), the ``regressors[d, :n_regressors[d]]`` (focus
    first) and likewise ``instruments``: all exogenous columns, which are the regressors themselves
    without two stages. ``of_specification`` (S,) is the design of each.
    """

    order: Ints
    first: Ints
    of_specification: Ints
    outcomes: Ints
    regressors: Ints
    n_regressors: Ints
    instruments: Ints
    n_instruments: Ints
    two_stage: Bools

    def specifications(self, design: int) -> slice:
        """The specifications of one design."""
        return slice(int(self.first[design]), int(self.first[design + 1]))


def group_by_design(batch: Batch) -> Designs:
    """Sort the specifications by regressors and instruments, then outcome."""
    masks = [batch.controls]
    if batch.endogenous is not None and batch.instruments is not None:
        masks += [batch.endogenous, batch.instruments]
    keys = [batch.focus, *(word for mask in masks for word in _words(mask).T)]
    order = np.lexsort([batch.outcome, *keys])
    new = np.zeros(len(order), dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= np.diff(key[order]) != 0
    first = np.flatnonzero(new)
    example = order[first]
    others, n_others = _columns(batch.controls[example])
    regressors, n_regressors = np.column_stack([batch.focus[example], others]), n_others + 1
    instruments, n_instruments, two_stage = regressors, n_regressors, np.zeros(len(first), bool)
    if len(masks) > 1:
        right = batch.controls[example]
        right[np.arange(len(example)), batch.focus[example]] = True
        endogenous, excluded = (mask[example] for mask in masks[1:])
        instruments, n_instruments = _columns((right & ~endogenous) | excluded)
        two_stage = np.any(endogenous, axis=1)
    return Designs(
        order=order,
        first=np.append(first, len(order)),
        of_specification=np.cumsum(new) - 1,
        outcomes=batch.outcome[order],
        regressors=regressors,
        n_regressors=n_regressors,
        instruments=instruments,
        n_instruments=n_instruments,
        two_stage=two_stage,
    )


def check_batch(moments: Moments, batch: Batch) -> None:
    """`ModelError` unless the arrays fit each other and the moments, and roles do not clash."""
    n, k = len(batch.outcome), len(moments.candidates)
    masks = {"controls": batch.controls}
    if (batch.endogenous is None) != (batch.instruments is None):
        raise ModelError("a batch needs both endogenous and instruments, or neither")
    if batch.endogenous is not None and batch.instruments is not None:
        masks |= {"endogenous": batch.endogenous, "instruments": batch.instruments}
    for name, mask in masks.items():
        if mask.shape != (n, k) or mask.dtype != np.bool_:
            raise ModelError(
                f"{name}: expected booleans of shape {(n, k)} (specifications, columns of the "
                f"moments without dummies), got {mask.dtype} {mask.shape}"
            )
    _check_positions("outcome", batch.outcome, n, k)
    _check_positions("focus", batch.focus, n, k)
    _check_roles(moments, batch)


def _check_positions(name: str, positions: Ints, n: int, k: int) -> None:
    if positions.shape != (n,) or (n and not 0 <= positions.min() <= positions.max() < k):
        raise ModelError(f"{name}: expected {n} positions of columns from 0 to {k - 1}")


def _check_roles(moments: Moments, batch: Batch) -> None:
    """A column has one role in a specification, and what is endogenous is a regressor."""
    each = np.arange(len(batch.outcome))
    right = batch.controls.copy()
    clash = {"the focus is also a control": right[each, batch.focus]}
    right[each, batch.focus] = True
    if batch.endogenous is not None and batch.instruments is not None:
        clash["an instrument is also a regressor"] = np.any(right & batch.instruments, axis=1)
        clash["an endogenous column is not a regressor"] = np.any(batch.endogenous & ~right, axis=1)
        right |= batch.instruments
    clash["the outcome is also on the right-hand side"] = right[each, batch.outcome]
    for problem, where in clash.items():
        if where.any():
            first = int(np.flatnonzero(where)[0])
            outcome, focus = (
                moments.columns[positions[first]] for positions in (batch.outcome, batch.focus)
            )
            raise ModelError(f"specification {first} ({outcome} on {focus}): {problem}")


def _words(mask: Bools) -> Ints:
    """(S, words) integers that are equal where the rows of ``mask`` are."""
    packed = np.packbits(mask, axis=1)
    padded = np.zeros((len(mask), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.int64)


def _columns(mask: Bools) -> tuple[Ints, Ints]:
    """Positions (D, width) of the True columns, in order, and how many (D,) of them count."""
    counts = mask.sum(axis=1)
    width = int(counts.max(initial=0))
    return np.argsort(~mask, axis=1, kind="stable")[:, :width], counts
