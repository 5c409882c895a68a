"""Which choice moves the estimate: the variance of a curve's effects, shared out by choice."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import CompendiumError
from analysis.models.decomposition import shapley_r_squared
from analysis.robustness.enumeration import WITH, varying_choices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Shapley shares need every subset of choices; with more than this the controls count as one.
MOST_CHOICES = 12
TOLERANCE = 1e-9
#: Correlation between choices up to which main effects are taken to be separate, where there are
#: too many choices for Shapley shares: a few specifications that could not be estimated.
NEARLY = 0.05


def importance(
    table: pd.DataFrame, value: str = "effect", *, choices: Sequence[str] | None = None
) -> pd.DataFrame:
    """How much of the variance of ``value`` over specifications each choice accounts for.

    ``table`` is that of a curve; rows without a value are left out. ``choices`` names the columns
    that are choices where the table is another. The columns, largest share first:

    - ``choice``, ``n_options``;
    - ``share``: Shapley share of R² in a regression of the value on dummies of all choices
      (Lindeman, Merenda and Gold 1980). In a curve without exclusions this is the main effect of
      an analysis of variance and equals ``alone``. With more than twelve choices it is taken to be
      ``alone`` if exclusions are few (correlations between choices up to 0.05); otherwise all
      controls together are one choice.
    - ``alone``: R² of the choice's dummies alone, the first-order index of Sobol (1993);
    - ``total``: the share of variance left between specifications that differ in this choice only,
      main effect and interactions, the total index of Homma and Saltelli (1996);
    - ``swing``: largest less smallest mean of the value over the options.

    ``1 - share.sum()`` is what interactions account for.

    Raises
    ------
    CompendiumError
        If nothing varies.
    """
    known = table[np.isfinite(table[value])]
    values = known[value].to_numpy(dtype=np.float64)
    named = varying_choices(known) if choices is None else choices
    names = [name for name in named if known[name].nunique() > 1]
    squares = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if not names or squares <= 1e-24 * float(values @ values):
        raise CompendiumError("no choice varies in this curve, or all its effects are the same")
    codes = {name: pd.factorize(known[name])[0].astype(np.int64) for name in names}
    dummies = {name: _dummies(code) for name, code in codes.items()}
    few = len(names) <= MOST_CHOICES
    if not few and not _orthogonal(dummies, NEARLY):
        codes, dummies = _controls_as_one(codes, dummies)
    alone = {name: _explained(values, block) / squares for name, block in dummies.items()}
    main_effects = _orthogonal(dummies, TOLERANCE if few else NEARLY)
    shares = alone if main_effects else _shapley(values, dummies)
    rows = [
        {
            "choice": name,
            "n_options": int(code.max()) + 1,
            "share": shares[name],
            "alone": alone[name],
            "total": _within(values, _combined(codes, without=name)) / squares,
            "swing": float(np.ptp(_means(values, code))),
        }
        for name, code in codes.items()
    ]
    result = pd.DataFrame(rows).sort_values("share", ascending=False, kind="stable")
    return result.reset_index(drop=True)


def _dummies(codes: Ints) -> Floats:
    """Centred dummies (n, options - 1)."""
    columns = (codes[:, None] == np.arange(1, codes.max() + 1)).astype(np.float64)
    return columns - columns.mean(axis=0)


def _orthogonal(dummies: Mapping[str, Floats], tolerance: float) -> bool:
    """Whether every option of a choice meets every option of the others equally often.

    ``tolerance`` is the largest correlation between dummies of different choices.
    """
    blocks = list(dummies.values())
    columns = np.column_stack(blocks)
    owner = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    moments = columns.T @ columns
    scale = np.sqrt(np.outer(np.diag(moments), np.diag(moments)))
    other = owner[:, None] != owner
    return bool((np.abs(moments[other]) <= tolerance * scale[other]).all())


def _controls_as_one(
    codes: Mapping[str, Ints], dummies: Mapping[str, Floats]
) -> tuple[dict[str, Ints], dict[str, Floats]]:
    controls = [name for name in codes if name.startswith(WITH)]
    others = [name for name in codes if name not in controls]
    joined = {**{name: codes[name] for name in others}, "controls": _joint(codes, controls)}
    blocks = {name: dummies[name] for name in others}
    return joined, {**blocks, "controls": np.column_stack([dummies[name] for name in controls])}


def _joint(codes: Mapping[str, Ints], names: Sequence[str]) -> Ints:
    """(n,) codes of the combinations of several choices."""
    combined = np.zeros(len(next(iter(codes.values()))), dtype=np.int64)
    for name in names:
        pair = combined * (codes[name].max() + 1) + codes[name]
        combined = np.unique(pair, return_inverse=True)[1].astype(np.int64)
    return combined


def _combined(codes: Mapping[str, Ints], without: str) -> Ints:
    return _joint(codes, [name for name in codes if name != without])


def _shapley(values: Floats, dummies: Mapping[str, Floats]) -> dict[str, float]:
    """Shares that add up to what main effects explain; a choice tied to others may have none."""
    names = [(name, place) for name, block in dummies.items() for place in range(block.shape[1])]
    columns = np.column_stack(list(dummies.values()))
    labels = [f"{name} {place}" for name, place in names]
    kept = _independent(columns)
    groups = {
        name: [labels[place] for place in kept if names[place][0] == name] for name in dummies
    }
    groups = {name: members for name, members in groups.items() if members}
    frame = pd.DataFrame(columns[:, kept], columns=[labels[place] for place in kept])
    decomposed = shapley_r_squared(
        frame.assign(**{"the value": values}),
        outcome="the value",
        regressors=list(frame.columns),
        groups=groups,
    )
    found = decomposed.coefficients.set_index("term")["estimate"]
    return {name: float(found.get(name, 0.0)) for name in dummies}


def _independent(columns: Floats) -> list[int]:
    """Columns that are no combination of those before; exclusions can tie options together."""
    moments = columns.T @ columns
    kept: list[int] = []
    for place in range(len(moments)):
        cross = moments[kept, place]
        projected = cross @ np.linalg.solve(moments[np.ix_(kept, kept)], cross)
        if moments[place, place] - projected > TOLERANCE * moments[place, place]:
            kept.append(place)
    return kept


def _explained(values: Floats, dummies: Floats) -> float:
    """Sum of squares that centred dummies explain."""
    block = dummies[:, _independent(dummies)]
    cross = block.T @ (values - values.mean())
    return float(cross @ np.linalg.solve(block.T @ block, cross))


def _means(values: Floats, codes: Ints) -> Floats:
    return np.bincount(codes, values) / np.bincount(codes)


def _within(values: Floats, codes: Ints) -> float:
    """Sum of squares about the means of groups."""
    return float(((values - _means(values, codes)[codes]) ** 2).sum())
