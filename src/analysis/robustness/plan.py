"""What running a curve takes: the passes over the rows, why each is needed, and the time.

Specifications that use the same rows, weights, effects and clusters share one set of moments. What
forces a further pass is another sample, other weights, effects or clusters, or another pattern of
missing values: a specification uses the rows in which all its own columns have a value, unless
``complete`` says that rows are to be the same for several.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import Specification
from analysis.robustness.choices import COORDINATES, NONE, Curve, CurveError, flat
from analysis.robustness.columns import all_measures, curve_columns, sample_rows
from analysis.robustness.enumeration import Cell, Enumeration, enumerate_curve

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Seconds on a two-core machine of 2024, measured with benchmarks of this room; they only serve to
# say beforehand whether to wait or to have lunch.
SECONDS_PER_PASS = 0.01
SECONDS_PER_ROW_AND_PAIR = 2e-9
SECONDS_PER_SPECIFICATION = 4e-6
SECONDS_PER_REFIT = 0.02


@dataclass(frozen=True, eq=False, slots=True)
class Pass:
    """Specifications that share rows, weights, effects and clusters.

    ``packed`` are the rows as bits (:meth:`rows` unpacks them), ``columns`` the measures needed,
    ``missing`` those whose gaps decide the rows, ``specifications`` positions in the enumeration.
    A pass of refits reads the rows once per specification.
    """

    sample: str
    weights: str
    effects: str
    cluster: str
    engine: str
    packed: NDArray[np.uint8]
    n_obs: int
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    specifications: Ints

    def rows(self, n: int) -> Flags:
        """(n,) which rows of the columns of the plan the pass uses."""
        return np.unpackbits(self.packed, count=n).astype(bool)


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A curve made ready for a frame: its specifications, columns (n rows) and passes.

    The rows of ``columns`` are those of the frame by unit and time.
    """

    enumeration: Enumeration
    columns: pd.DataFrame
    passes: tuple[Pass, ...]

    @property
    def curve(self) -> Curve:
        """The curve as declared."""
        return self.enumeration.curve

    def frame(self, one: Pass) -> pd.DataFrame:
        """The rows of a pass, with its measures, effects, clusters and weights."""
        names = [
            *one.columns,
            *self.curve.effects[one.effects],
            *self.curve.errors(one.cluster).columns,
            *([one.weights] if one.weights != NONE else []),
        ]
        rows = np.flatnonzero(one.rows(len(self.columns)))
        return self.columns[list(dict.fromkeys(names))].take(rows)

    def table(self) -> pd.DataFrame:
        """One row per pass: what sets it apart, its rows, columns and specifications."""
        return pd.DataFrame(
            [
                {
                    "pass": number,
                    "sample": one.sample,
                    "weights": one.weights,
                    "effects": one.effects,
                    "cluster": one.cluster,
                    "engine": one.engine,
                    "n_obs": one.n_obs,
                    "n_columns": len(one.columns),
                    "n_specifications": len(one.specifications),
                    "rows_decided_by": ", ".join(one.missing) or "the sample alone",
                }
                for number, one in enumerate(self.passes, start=1)
            ]
        )

    def seconds(self) -> float:
        """Expected seconds; no more than an order of magnitude."""
        expected = 0.0
        for one in self.passes:
            if one.engine == "refit":
                expected += SECONDS_PER_REFIT * len(one.specifications) * max(one.n_obs / 3000, 0.2)
            else:
                pairs = (len(one.columns) + 20) ** 2
                expected += SECONDS_PER_PASS + SECONDS_PER_ROW_AND_PAIR * one.n_obs * pairs
                expected += SECONDS_PER_SPECIFICATION * len(one.specifications)
        return expected

    def __str__(self) -> str:
        size, refits = len(self.enumeration), sum(one.engine == "refit" for one in self.passes)
        return (
            f"{size:,} specifications ({self.enumeration.n_excluded:,} combinations excluded), "
            f"{len(self.passes) - refits:,} passes over the rows"
            + (f", {self._n_refits():,} refits" if refits else "")
            + f", about {_in_words(self.seconds())}"
        )

    def _n_refits(self) -> int:
        return sum(len(one.specifications) for one in self.passes if one.engine == "refit")


@dataclass
class _Group:
    """A pass being collected."""

    cell: Cell
    engine: str
    packed: NDArray[np.uint8]
    n_obs: int
    missing: tuple[str, ...]
    columns: Flags
    specifications: list[Ints] = field(default_factory=list)


def plan_curve(curve: Curve, frame: pd.DataFrame) -> Plan:
    """List the specifications of ``curve`` and the passes over ``frame`` they need.

    Nothing is estimated. ``frame`` is a panel with one row per unit and time; see
    :func:`analysis.robustness.columns.curve_columns`.

    Raises
    ------
    CurveError, ModelError
        If the curve is too large or empty, or does not fit the frame.
    """
    enumeration = enumerate_curve(curve)
    keys = [name for name in (curve.unit, curve.time) if name in frame]
    # Totals of a year and means of coordinates are sums: not in the order the rows came in.
    frame = frame.sort_values(keys, kind="stable") if keys else frame
    columns = curve_columns(curve, frame)
    rows = _Rows(enumeration, columns, frame)
    groups: dict[Any, _Group] = {}
    starts = np.searchsorted(enumeration.cell, np.arange(len(enumeration.cells) + 1))
    for place, cell in enumerate(enumeration.cells):
        positions = np.arange(starts[place], starts[place + 1])
        for keep, chosen, used, missing in rows.patterns(cell, enumeration.control_set[positions]):
            engine = "refit" if needs_refit(curve, cell) else "moments"
            packed = np.packbits(keep)
            digest = hashlib.blake2b(packed.tobytes(), digest_size=16).digest()
            key = (engine, cell.weights, cell.effects, cell.cluster, digest)
            if key not in groups:
                n_obs = int(keep.sum())
                groups[key] = _Group(cell, engine, packed, n_obs, missing, used.copy())
            groups[key].columns |= used
            groups[key].specifications.append(positions[chosen])
    names = np.array(rows.names, dtype=object)
    passes = tuple(_pass(group, names) for group in groups.values())
    return Plan(enumeration, columns, passes)


def needs_refit(curve: Curve, cell: Cell) -> bool:
    """Whether moments do not give the specification: it is not linear, or needs leverages."""
    return cell.estimator == "poisson" or curve.errors(cell.cluster).vcov in ("hc2", "hc3")


def specification(enumeration: Enumeration, position: int) -> Specification:
    """One specification of a curve in the form that :func:`analysis.models.fit` takes.

    Its columns are those of :attr:`Plan.columns`, named by the formulas of the measures. Raises
    CurveError for errors by distance, which that function does not have.
    """
    curve = enumeration.curve
    cell = enumeration.cells[enumeration.cell[position]]
    sets = enumeration.control_sets
    held = sets.columns[enumeration.control_set[position]]
    controls = tuple(m.formula for m, inside in zip(sets.measures, held, strict=True) if inside)
    instruments = tuple(m.formula for m in flat(curve.instruments.get(cell.instruments, [])))
    errors = curve.errors(cell.cluster)
    if errors.within:
        raise CurveError(f"{cell.cluster}: errors by distance are none of analysis.models.fit's")
    endogenous = cell.estimator == "iv"
    return Specification(
        outcome=cell.outcome.formula,
        regressors=controls if endogenous else (cell.focus.formula, *controls),
        estimator=cell.estimator,
        absorb=tuple(curve.effects[cell.effects]),
        endogenous=(cell.focus.formula,) if endogenous else (),
        instruments=instruments,
        weights=None if cell.weights == NONE else cell.weights,
        vcov=errors.vcov,
        cluster=errors.columns,
        unit=curve.unit,
        sample=cell.sample,
    )


def _pass(group: _Group, names: NDArray) -> Pass:
    cell = group.cell
    return Pass(
        sample=cell.sample,
        weights=cell.weights,
        effects=cell.effects,
        cluster=cell.cluster,
        engine=group.engine,
        packed=group.packed,
        n_obs=group.n_obs,
        columns=tuple(names[group.columns]),
        missing=group.missing,
        specifications=np.sort(np.concatenate(group.specifications)),
    )


class _Rows:
    """Which rows of a frame each specification uses."""

    def __init__(self, enumeration: Enumeration, columns: pd.DataFrame, frame: pd.DataFrame):
        curve = self.curve = enumeration.curve
        self.names = list(all_measures(curve))
        self.place = {name: i for i, name in enumerate(self.names)}
        self.known = columns.notna()
        # By place of a measure, contiguous: rows are compared thousands of times.
        self.known_of = [self.known.iloc[:, place].to_numpy() for place in range(len(self.names))]
        self.sets = enumeration.control_sets
        self.control_places = np.array(
            [self.place[m.formula] for m in self.sets.measures], dtype=np.int64
        )
        self.samples = {name: sample_rows(curve, name, frame) for name in curve.samples}
        every = self.known[list(columns.columns)].all(axis=1).to_numpy()
        self.common = {name: rows & every for name, rows in self.samples.items()}
        self._bases: dict[tuple[str, ...], Flags] = {}

    def base(self, cell: Cell) -> Flags:
        """Rows of the sample whose weight, effects, clusters and unit are known."""
        curve = self.curve
        key = (cell.sample, cell.weights, cell.effects, cell.cluster)
        if key not in self._bases:
            errors = curve.errors(cell.cluster)
            groups = [
                curve.unit,
                *curve.effects[cell.effects],
                *errors.columns,
                *(COORDINATES if errors.within else ()),
                *([cell.weights] if cell.weights != NONE else []),
            ]
            known = self.known[list(dict.fromkeys(groups))].all(axis=1).to_numpy()
            self._bases[key] = self.samples[cell.sample] & known
        return self._bases[key]

    def patterns(
        self, cell: Cell, control_sets: Ints
    ) -> Iterator[tuple[Flags, Ints, Flags, tuple[str, ...]]]:
        """The distinct sets of rows of a cell's specifications.

        Yields rows (n,), positions among ``control_sets``, measures used (m,), and the names of
        the measures whose gaps decide the rows.
        """
        own = self._own(cell)
        needed = self.sets.columns[control_sets]
        if self.curve.complete == "common":
            keep, losing = self.common[cell.sample], np.empty(0, dtype=np.int64)
            missing = ["all columns of the curve"]
        else:
            base = self.base(cell)
            keep = np.logical_and.reduce([base, *(self.known_of[place] for place in own)])
            losing = self._losing(keep, needed)
            missing = [self.names[i] for i in own if (base & ~self.known_of[i]).any()]
        decisive = needed[:, losing]
        if self.curve.complete == "controls":
            decisive = np.ones_like(decisive)
        for chosen, pattern in self._classes(keep, losing, decisive):
            rows, names = keep, missing.copy()
            for control in losing[pattern]:
                rows = rows & self.known_of[self.control_places[control]]
                names.append(self.sets.measures[control].formula)
            used = np.zeros(len(self.names), dtype=bool)
            used[own] = True
            used[self.control_places[needed[chosen].any(axis=0)]] = True
            yield rows, chosen, used, tuple(names)

    def _classes(self, keep: Flags, losing: Ints, decisive: Flags) -> list[tuple[Ints, Flags]]:
        """Specifications grouped by which rows their controls lose.

        Controls that lose the same rows count as one.
        """
        if not len(losing):
            return [(np.arange(len(decisive)), np.zeros(0, dtype=bool))]
        lost = [keep & ~self.known_of[self.control_places[c]] for c in losing]
        # Numbered as they come, so that passes do not depend on the order of the rows.
        kinds = list(dict.fromkeys(rows.tobytes() for rows in lost))
        same = np.array([kinds.index(rows.tobytes()) for rows in lost])
        classes = np.column_stack(
            [decisive[:, same == one].any(axis=1) for one in range(same.max() + 1)]
        )
        patterns, which = np.unique(classes, axis=0, return_inverse=True)
        which = which.ravel()
        return [
            (np.flatnonzero(which == number), pattern[same])
            for number, pattern in enumerate(patterns)
        ]

    def _own(self, cell: Cell) -> list[int]:
        """Places of the outcome, focus and instruments."""
        instruments = flat(self.curve.instruments.get(cell.instruments, []))
        formulas = [cell.outcome.formula, cell.focus.formula, *(m.formula for m in instruments)]
        return [self.place[formula] for formula in dict.fromkeys(formulas)]

    def _losing(self, keep: Flags, needed: Flags) -> Ints:
        """Controls in use that have no value in some row of ``keep``."""
        used = np.flatnonzero(needed.any(axis=0))
        lose = [(keep & ~self.known_of[self.control_places[control]]).any() for control in used]
        return used[np.array(lose, dtype=bool)]


def _in_words(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
