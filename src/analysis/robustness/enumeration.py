"""Every specification of a declared curve, counted and listed before anything is estimated."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from math import prod

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.robustness.choices import (
    NONE,
    Curve,
    CurveError,
    Measure,
    Rule,
    flat,
)

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: More candidates than this are refused before they are listed.
MOST_CANDIDATES = 50_000_000
#: Choices other than controls, in the order in which they vary, the last fastest.
CELL_CHOICES = (
    *("outcome", "focus", "transform", "average", "lag"),
    *("sample", "weights", "effects", "cluster", "estimator", "instruments"),
)


#: Beginning of the columns that say whether an optional control is in.
WITH = "with_"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of every choice but the controls; texts are labels of the curve."""

    outcome: Measure
    focus: Measure
    sample: str
    weights: str
    effects: str
    cluster: str
    estimator: str
    instruments: str = NONE

    def choice(self, name: str) -> str | int:
        """What was chosen, as the table of results shows it."""
        shown: dict[str, str | int] = {
            "outcome": self.outcome.name,
            "focus": self.focus.label or self.focus.column,
            "transform": self.focus.transform,
            "average": self.focus.average,
            "lag": self.focus.lag,
        }
        return shown[name] if name in shown else getattr(self, name)


@dataclass(frozen=True, slots=True)
class ControlSets:
    """All sets of controls.

    ``measures`` (C,) are the control measures of the curve, ``optional`` (B,) the names of what
    may be in or out, ``alternatives`` (A,) those of ``one of``. By set: ``columns`` (T, C) and
    ``holds`` (T, B) say what is in it, ``alternative`` (T,) which alternative.
    """

    measures: tuple[Measure, ...]
    optional: tuple[str, ...]
    alternatives: tuple[str, ...]
    columns: Flags
    holds: Flags
    alternative: Ints

    def __len__(self) -> int:
        return len(self.alternative)

    def labels(self) -> list[str]:
        """Each set in words; the controls that are always in are left out."""
        names = np.array(self.optional, dtype=object)
        return [
            " + ".join([*filter(None, [self.alternatives[chosen]]), *names[held]]) or NONE
            for chosen, held in zip(self.alternative, self.holds, strict=True)
        ]

    def containing(self, name: str) -> Flags:
        """(T,) sets that hold the optional control, block or alternative ``name``."""
        if name in self.optional:
            return self.holds[:, self.optional.index(name)]
        return self.alternative == self.alternatives.index(name)


@dataclass(frozen=True)
class Enumeration:
    """The specifications of a curve in a fixed order: S pairs of a cell and a control set.

    ``n_excluded`` counts the combinations left out by rules or because they make no sense.
    """

    curve: Curve
    cells: tuple[Cell, ...]
    control_sets: ControlSets
    cell: Ints
    control_set: Ints
    n_excluded: int

    def __len__(self) -> int:
        return len(self.cell)

    @cached_property
    def choices(self) -> pd.DataFrame:
        """One row per specification, one column per choice (texts are categorical).

        ``controls`` names the set; ``with_…`` says for each optional control whether it is in.
        """
        columns = {
            name: _chosen([cell.choice(name) for cell in self.cells], self.cell)
            for name in CELL_CHOICES
        }
        sets = self.control_sets
        columns["controls"] = _chosen(sets.labels(), self.control_set)
        for place, name in enumerate(sets.optional):
            columns[WITH + name] = sets.holds[self.control_set, place]
        return pd.DataFrame(columns)


def varying_choices(table: pd.DataFrame) -> list[str]:
    """Columns of the choices that differ within ``table``; controls one by one (``with_…``).

    ``controls``, the name of the set, is among them when sets are alternatives that were declared
    whole.
    """
    names = [name for name in CELL_CHOICES if name in table]
    names += [name for name in table.columns if name.startswith(WITH)]
    found = [name for name in names if table[name].nunique() > 1]
    if not any(name.startswith(WITH) for name in found):
        found += ["controls"] if "controls" in table and table["controls"].nunique() > 1 else []
    return found


def enumerate_curve(curve: Curve) -> Enumeration:
    """All specifications of ``curve`` that its rules allow.

    Left out besides what ``never together`` names: a focus variable, control or instrument that is
    the outcome itself in another form (the same column, years and lag), a control that is the focus
    variable in another form or one of the instruments, Poisson regressions of a transformed outcome
    or with errors by distance, and HC2 and HC3 for another estimator than least squares.

    Raises
    ------
    CurveError
        If no specification is left, or there are more than the curve's ``limit``.
    """
    bound = count_candidates(curve)
    if bound > MOST_CANDIDATES:
        raise CurveError(_too_many(f"{bound:,} combinations", MOST_CANDIDATES, curve))
    sets = list_control_sets(curve)
    cells = _cells(curve)
    allowed = [_allowed_sets(curve, cell, sets) for cell in cells]
    counts = [len(chosen) for chosen in allowed]
    total = sum(counts)
    if not total:
        raise CurveError(
            f"the rules leave none of the {bound:,} combinations; what excludes all is never "
            "together, a control that is also the outcome, the focus variable or an instrument, "
            "poisson with a transformed outcome or errors by distance, or hc2 and hc3 without ols"
        )
    if total > curve.limit:
        raise CurveError(_too_many(f"{total:,} specifications", curve.limit, curve))
    kept = tuple(cell for cell, count in zip(cells, counts, strict=True) if count)
    return Enumeration(
        curve=curve,
        cells=kept,
        control_sets=sets,
        cell=np.repeat(np.arange(len(kept)), [count for count in counts if count]),
        control_set=np.concatenate(allowed),
        n_excluded=bound - total,
    )


def count_candidates(curve: Curve) -> int:
    """Number of combinations before any is excluded, in closed form."""
    return prod(_lengths(curve).values())


def _lengths(curve: Curve) -> dict[str, int]:
    estimators = sum(len(curve.instruments) if e == "iv" else 1 for e in curve.estimator)
    return {
        "outcomes": len(flat(curve.outcomes)),
        "focus": len(flat(curve.focus)),
        "samples": len(curve.samples),
        "weights": len(curve.weights),
        "effects": len(curve.effects),
        "clusters": len(curve.clusters),
        "estimators": estimators,
        "control sets": curve.controls.count(),
    }


def _too_many(what: str, limit: int, curve: Curve) -> str:
    sizes = " × ".join(f"{n:,} {name}" for name, n in _lengths(curve).items() if n > 1)
    return (
        f"{what} ({sizes}) are more than {limit:,}; shorten a list, put controls in blocks, set "
        "'at most' for the controls, or raise the curve's limit"
    )


def list_control_sets(curve: Curve) -> ControlSets:
    """The sets by alternative and size, then in the order in which the controls are declared."""
    controls = curve.controls
    optional, alternatives = controls.optional(), controls.alternatives()
    always = flat(controls.always)
    groups = [always, *alternatives.values(), *optional.values()]
    measures = tuple({m.formula: m for members in groups for m in members}.values())
    place = {measure.formula: i for i, measure in enumerate(measures)}

    def members(groups: list[list[Measure]]) -> Flags:
        inside = np.zeros((len(groups), len(measures)), dtype=bool)
        for row, group in enumerate(groups):
            inside[row, [place[m.formula] for m in group]] = True
        return inside

    holds = _subsets(len(optional), controls.sizes())
    # Integer products count how often a column is in; more than once cannot happen.
    of_subset = holds.astype(np.uint8) @ members(list(optional.values())).astype(np.uint8) > 0
    of_alternative = members([[*always, *group] for group in alternatives.values()])
    n_subsets, n_alternatives = len(holds), len(alternatives)
    return ControlSets(
        measures=measures,
        optional=tuple(optional),
        alternatives=tuple(alternatives),
        columns=np.tile(of_subset, (n_alternatives, 1)) | np.repeat(of_alternative, n_subsets, 0),
        holds=np.tile(holds, (n_alternatives, 1)),
        alternative=np.repeat(np.arange(n_alternatives), n_subsets),
    )


def _subsets(count: int, sizes: range) -> Flags:
    chosen = [subset for size in sizes for subset in combinations(range(count), size)]
    holds = np.zeros((len(chosen), count), dtype=bool)
    rows = np.repeat(np.arange(len(chosen)), [len(subset) for subset in chosen])
    holds[rows, [place for subset in chosen for place in subset]] = True
    return holds


def _cells(curve: Curve) -> list[Cell]:
    estimators = [
        (name, instruments)
        for name in curve.estimator
        for instruments in (curve.instruments if name == "iv" else [NONE])
    ]
    measures = product(flat(curve.outcomes), flat(curve.focus))
    labels = list(product(curve.samples, curve.weights, curve.effects, curve.clusters))
    return [
        Cell(outcome, focus, *label, *estimator)
        for outcome, focus in measures
        for label in labels
        for estimator in estimators
    ]


def _allowed_sets(curve: Curve, cell: Cell, sets: ControlSets) -> Ints:
    """Positions of the control sets that go with ``cell``."""
    if not _makes_sense(curve, cell):
        return np.empty(0, dtype=np.int64)
    taken = (_quantity(cell.outcome), _quantity(cell.focus))
    instruments = {m.formula for m in flat(curve.instruments.get(cell.instruments, []))}
    same = [_quantity(m) in taken or m.formula in instruments for m in sets.measures]
    allowed = ~sets.columns[:, same].any(axis=1)
    for rule in curve.never_together:
        allowed &= ~_forbidden(rule, cell, sets)
    return np.flatnonzero(allowed)


def _makes_sense(curve: Curve, cell: Cell) -> bool:
    outcome, errors = _quantity(cell.outcome), curve.errors(cell.cluster)
    transformed, near = cell.outcome.transform != "level", errors.within
    if cell.estimator == "poisson" and (transformed or near):
        return False
    if cell.estimator != "ols" and errors.vcov in ("hc2", "hc3"):
        return False
    instruments = flat(curve.instruments.get(cell.instruments, []))
    taken = [_quantity(measure) for measure in instruments]
    return outcome not in (_quantity(cell.focus), *taken) and _quantity(cell.focus) not in taken


def _quantity(measure: Measure) -> tuple[str, int, int]:
    """What is measured, whatever its transformation."""
    return measure.column, measure.average, measure.lag


def _forbidden(rule: Rule, cell: Cell, sets: ControlSets) -> Flags:
    """(T,) control sets that ``rule`` forbids in ``cell``."""
    for factor, values in rule.items():
        if factor == "controls":
            continue
        names = {cell.choice(factor)}
        if factor in ("outcome", "focus"):
            measure = cell.outcome if factor == "outcome" else cell.focus
            names |= {measure.column, measure.name}
        if names.isdisjoint(values):
            return np.zeros(len(sets), dtype=bool)
    held = [sets.containing(str(name)) for name in rule.get("controls", [])]
    return np.logical_and.reduce(held) if held else np.ones(len(sets), dtype=bool)


def _chosen(labels: list[str] | list[str | int], positions: Ints) -> pd.Series:
    """The label at each position; texts as categories in the order of first mention."""
    codes, categories = pd.factorize(np.array(labels, dtype=object))
    if all(isinstance(label, str) for label in labels):
        return pd.Series(pd.Categorical.from_codes(codes[positions], categories.tolist()))
    return pd.Series(categories.astype(np.int64)[codes[positions]])
