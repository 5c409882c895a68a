"""From a frame to the arrays a specification uses, rows complete, checked and in a fixed order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.row_order import canonical_order, consecutive, level_codes
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Design:
    """Arrays over the ``n`` rows of the estimation sample.

    ``outcome`` (n,), ``exogenous`` (n, k) with the intercept first if there is one, ``endogenous``
    (n, e), ``instruments`` (n, l), ``weights`` (n,), ``effects`` (n, 0..2) and ``clusters``
    (n, 0..2) as consecutive integer codes; ``units`` and ``periods`` (n,) where they are known.
    ``labels`` are the values of the unit and time columns, by the names of these.
    """

    specification: Specification

    outcome: Floats
    exogenous: Floats
    endogenous: Floats
    instruments: Floats
    weights: Floats
    effects: Codes
    clusters: Codes
    exogenous_terms: tuple[str, ...]
    endogenous_terms: tuple[str, ...]
    units: Codes | None
    periods: Codes | None
    n_dropped: int
    n_separated: int = 0
    labels: Mapping[str, NDArray] = field(default_factory=dict)

    @property
    def terms(self) -> tuple[str, ...]:
        """Terms of :attr:`regressors`."""
        return (*self.exogenous_terms, *self.endogenous_terms)

    @property
    def regressors(self) -> Floats:
        """Exogenous, then endogenous columns, (n, k + e)."""
        return np.column_stack([self.exogenous, self.endogenous])


def build_design(spec: Specification, frame: pd.DataFrame) -> Design:
    """The estimation sample of ``spec`` in ``frame``.

    Rows with a missing value in any column used are left out and counted. Rows are sorted by
    effects, clusters and values, so that results do not depend on the order of ``frame``.

    Raises
    ------
    ModelError
        If a column is absent, a value is infinite, a regressor is not numeric, a weight is not
        positive, or no row is complete.
    """
    groups = _unique([*spec.absorb, *spec.cluster, *_named(spec.unit, spec.time)])
    numbers = _unique(
        [spec.outcome, *spec.regressors, *spec.endogenous, *spec.instruments, *_named(spec.weights)]
    )
    _check_present([*numbers, *groups], frame)
    if spec.lags:
        lagged, prefix = lag_regressors(spec, frame), f"L{spec.lags}."
    else:
        lagged, prefix = frame, ""
    values = _numeric(spec, frame, lagged)
    # A sum is finite only if no value is missing or infinite.
    doubtful = [role for role, column in values.items() if not np.isfinite(column.sum())]
    keep = _complete([values[role] for role in doubtful], frame[groups])
    if keep is not None and not keep.any():
        raise ModelError(_no_rows_message(spec, values, frame[groups]))
    rows = slice(None) if keep is None else keep
    values = {role: column[rows] for role, column in values.items()}
    codes = {name: level_codes(frame[name].to_numpy()[rows]) for name in groups}
    _check_values(spec, values, doubtful)
    named = _unique(_named(*_unit_and_time(spec)))
    labels = {name: frame[name].to_numpy()[rows] for name in named}
    values, codes, labels = _sorted(spec, values, codes, labels)
    n_dropped = 0 if keep is None else int((~keep).sum())
    design = _arrays(spec, values, codes, prefix, n_dropped)
    return replace(design, labels=labels)


def lag_regressors(spec: Specification, frame: pd.DataFrame) -> pd.DataFrame:
    """Right-hand-side columns as they were ``spec.lags`` periods earlier, in the rows of ``frame``.

    A period absent from the frame gives a missing value: gaps are never bridged.
    """
    keys = [str(spec.unit), str(spec.time)]
    named = frame.dropna(subset=keys)
    if named.duplicated(keys).any():
        first = named.loc[named.duplicated(keys), keys].iloc[0].to_dict()
        raise ModelError(f"lags need one row per {keys}, but {first} occurs more than once")
    if not pd.api.types.is_numeric_dtype(frame[spec.time]):
        raise ModelError(
            f"lags need a numeric time column; {spec.time!r} is {frame[spec.time].dtype}"
        )
    columns = [*spec.regressors, *spec.endogenous, *spec.instruments]
    source = named.set_index(keys, drop=False)[columns]
    wanted = pd.MultiIndex.from_arrays([frame[keys[0]], frame[keys[1]] - spec.lags])
    return source.reindex(wanted).set_axis(frame.index, axis=0)


def select_rows(design: Design, keep: NDArray[np.bool_], n_separated: int) -> Design:
    """The design without the rows where ``keep`` is False; group codes are made consecutive."""
    if keep.all():
        return replace(design, n_separated=n_separated)
    rows = np.flatnonzero(keep)

    def columns(block: NDArray) -> NDArray:
        return block.T.take(rows, axis=1).T  # columns are contiguous

    return replace(
        design,
        outcome=design.outcome[rows],
        exogenous=columns(design.exogenous),
        endogenous=columns(design.endogenous),
        instruments=columns(design.instruments),
        weights=design.weights[rows],
        effects=_consecutive(columns(design.effects)),
        clusters=_consecutive(columns(design.clusters)),
        units=None if design.units is None else design.units[rows],
        periods=None if design.periods is None else design.periods[rows],
        labels={name: column[rows] for name, column in design.labels.items()},
        n_separated=n_separated,
    )


def _numeric(spec: Specification, frame: pd.DataFrame, lagged: pd.DataFrame) -> dict[str, Floats]:
    """Float columns (n,) by role; an outcome can thus be regressed on its own lag.

    A column that already holds floats is not copied: nothing below writes into it.
    """
    sources = {"outcome": frame[spec.outcome]}
    right = (*spec.regressors, *spec.endogenous, *spec.instruments)
    sources |= {f"x:{name}": lagged[name] for name in right}
    if spec.weights:
        sources["weights"] = frame[spec.weights]
    values = {}
    for role, column in sources.items():
        if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
            instead = _instead(role, column.name)
            raise ModelError(
                f"column {column.name!r} is {column.dtype}, expected numbers; {instead}"
            )
        values[role] = column.to_numpy(dtype=float, na_value=np.nan)
    return values


def _complete(columns: list[Floats], groups: pd.DataFrame) -> NDArray[np.bool_] | None:
    """Which rows (n,) have every value and group; None when all have."""
    keep = np.ones(len(groups), dtype=bool)
    for column in columns:
        keep &= ~np.isnan(column)
    for name in groups.columns:
        if groups[name].dtype.kind not in "iub":
            keep &= groups[name].notna().to_numpy()
    return None if len(keep) and keep.all() else keep


def _instead(role: str, name: str) -> str:
    """What to do with texts where numbers are needed."""
    if role == "outcome":
        return f"turn it into 1 and 0 first, as with indicator({name} == 'yes')"
    if role == "weights":
        return "weights are numbers"
    return "absorb it as a fixed effect or turn it into dummies first"


def _check_values(spec: Specification, values: dict[str, Floats], doubtful: list[str]) -> None:
    for role in doubtful:
        count = int(np.isinf(values[role]).sum())
        if count:
            raise ModelError(
                f"column {_column(spec, role)!r} has {count} infinite values (the logarithm of "
                "zero?); choose a rule for them before estimating"
            )
    if spec.weights and (values["weights"] <= 0).any():
        count = int((values["weights"] <= 0).sum())
        raise ModelError(
            f"weights {spec.weights!r}: {count} values are zero or negative; leave these rows out"
        )
    if spec.estimator == "poisson" and (values["outcome"] < 0).any():
        count = int((values["outcome"] < 0).sum())
        raise ModelError(
            f"poisson needs an outcome of zero or more; {spec.outcome!r} has {count} below"
        )


def _sorted(
    spec: Specification,
    values: dict[str, Floats],
    codes: dict[str, Codes],
    labels: dict[str, NDArray],
) -> tuple[dict[str, Floats], dict[str, Codes], dict[str, NDArray]]:
    keys = [codes[name] for name in (*spec.absorb, *spec.cluster)]
    order = canonical_order(keys, list(values.values()))
    if order is None:
        return values, codes, labels
    return (
        {role: column[order] for role, column in values.items()},
        {name: column[order] for name, column in codes.items()},
        {name: column[order] for name, column in labels.items()},
    )


def _arrays(
    spec: Specification,
    values: dict[str, Floats],
    codes: dict[str, Codes],
    prefix: str,
    n_dropped: int,
) -> Design:
    n_rows = len(values["outcome"])

    def block(names: tuple[str, ...]) -> Floats:
        columns = [values[f"x:{name}"] for name in names]
        return np.array(columns).T if names else np.empty((n_rows, 0))

    def group_block(names: tuple[str, ...]) -> Codes:
        if not names:
            return np.empty((n_rows, 0), dtype=np.int64)
        return (
            np.array([codes[name] for name in names]).T if names[1:] else codes[names[0]][:, None]
        )

    exogenous, terms = block(spec.regressors), tuple(prefix + name for name in spec.regressors)
    if spec.intercept and not spec.absorb:
        exogenous = np.column_stack([np.ones(n_rows), exogenous])
        terms = ("Intercept", *terms)
    unit, time = _unit_and_time(spec)
    return Design(
        specification=spec,
        outcome=values["outcome"],
        exogenous=exogenous,
        endogenous=block(spec.endogenous),
        instruments=block(spec.instruments),
        weights=values["weights"] if spec.weights else np.ones(n_rows),
        effects=group_block(spec.absorb),
        clusters=group_block(spec.cluster),
        exogenous_terms=terms,
        endogenous_terms=tuple(prefix + name for name in spec.endogenous),
        units=codes[unit] if unit else None,
        periods=codes[time] if time else None,
        n_dropped=n_dropped,
    )


def _unit_and_time(spec: Specification) -> tuple[str | None, str | None]:
    """The columns that name a row: as the specification says, or else the absorbed effects."""
    unit = spec.unit or next(iter(spec.absorb), None)
    time = spec.time or (spec.absorb[1] if len(spec.absorb) == 2 else None)
    return unit, time


def _consecutive(codes: Codes) -> Codes:
    columns = [consecutive(column) for column in codes.T]
    return np.array(columns).T if columns else codes


def _check_present(names: list[str], frame: pd.DataFrame) -> None:
    for name in names:
        if name not in frame.columns:
            near = get_close_matches(name, [str(column) for column in frame.columns], n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ModelError(f"the frame has no column {name!r}{hint}")


def _no_rows_message(spec: Specification, values: dict[str, Floats], groups: pd.DataFrame) -> str:
    counts = {
        _column(spec, role): int((~np.isnan(column)).sum()) for role, column in values.items()
    }
    counts |= {name: int(groups[name].notna().sum()) for name in groups}
    listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return (
        f"no row of the {len(groups)} has every value the model needs ({spec.formula}). "
        f"Values present: {listed}"
    )


def _column(spec: Specification, role: str) -> str:
    names = {"outcome": spec.outcome, "weights": str(spec.weights)}
    return names.get(role, role.removeprefix("x:"))


def _named(*names: str | None) -> list[str]:
    return [name for name in names if name]


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
