"""Data envelopment analysis: distance to the frontier of observed units, by linear programming."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, sparse

from analysis.models.designs.did_panel import as_columns, check_choice, check_columns, numeric
from analysis.models.estimates import CONFIDENCE_LEVEL, Estimates, Facts, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

ORIENTATIONS = ("input", "output")
RETURNS = ("constant", "variable", "non_increasing", "non_decreasing")
# Bounds of the sum of intensities under each assumption on returns to scale.
SUM_BOUNDS = {
    "constant": (0.0, np.inf),
    "variable": (1.0, 1.0),
    "non_increasing": (0.0, 1.0),
    "non_decreasing": (1.0, np.inf),
}
# An intensity above this makes a unit a peer.
PEER = 1e-7


def data_envelopment(
    frame: pd.DataFrame,
    *,
    inputs: str | Sequence[str],
    outputs: str | Sequence[str],
    unit: str | None = None,
    orientation: str = "input",
    returns: str = "variable",
    draws: int = 0,
    bandwidth: float | None = None,
    seed: int = 0,
    sample: str = "all",
) -> Estimates:
    """Radial (Farrell) efficiency of each row against all rows.

    Charnes, Cooper and Rhodes (1978), Banker, Charnes and Cooper (1984). Input orientation: the
    least :math:`\\theta` with :math:`X\\lambda \\le \\theta x_0,\\; Y\\lambda \\ge y_0`; output
    orientation: the largest :math:`\\phi` with :math:`X\\lambda \\le x_0,\\; Y\\lambda \\ge \\phi
    y_0`; the sum of :math:`\\lambda \\ge 0` is free, one, at most or at least one.

    Parameters
    ----------
    returns
        ``"constant"``, ``"variable"``, ``"non_increasing"``, ``"non_decreasing"``.
    draws
        Of the homogeneous smoothed bootstrap (Simar and Wilson 1998); none by default.
    bandwidth
        Of its kernel; by default the normal reference rule on the reflected scores.
    seed
        Of the random draws.

    Returns
    -------
    Estimates
        One row per unit, in order of the unit (of the values without ``unit``): the score, at most
        one for inputs and at least one for outputs; with ``draws`` its bootstrap standard error
        and interval. ``statistics``: ``mean_score``, ``n_efficient``, ``bandwidth``.
        ``details``: ``efficiency`` (term, value, ``scale`` the ratio of the score under constant
        returns to this one, and with draws ``bias``, ``bias_corrected``, ``ci_low``, ``ci_high``);
        ``peers`` (term, peer, value: intensities).

    Raises
    ------
    ModelError
        If inputs or outputs are not positive (a unit may lack some outputs, not all), or a unit
        occurs twice.
    """
    check_choice("orientation", orientation, ORIENTATIONS)
    check_choice("returns", returns, RETURNS)
    x_names, y_names = as_columns(inputs), as_columns(outputs)
    rows, names = _rows(frame, x_names, y_names, unit)
    x, y = (_scaled(rows, columns) for columns in (x_names, y_names))
    _check_positive(x, y, names)
    scores, intensities = envelop(x, y, x, y, orientation, returns)
    constant = scores if returns == "constant" else envelop(x, y, x, y, orientation, "constant")[0]
    table = pd.DataFrame({"term": names, "value": scores, "scale": constant / scores})
    statistics = {
        "mean_score": float(scores.mean()),
        "n_efficient": float((np.abs(scores - 1) < 1e-6).sum()),
    }
    variances = np.full(len(scores), np.nan)
    if draws:
        width = _bandwidth(scores, orientation) if bandwidth is None else float(bandwidth)
        simulated = _bootstrap(x, y, scores, orientation, returns, width, draws, seed)
        table = table.assign(**_corrected(scores, simulated))
        variances, statistics["bandwidth"] = simulated.var(axis=0, ddof=1), width
    facts = Facts(
        outcome=" + ".join(y_names),
        estimator=f"data envelopment ({orientation}, {returns} returns)",
        vcov="bootstrap" if draws else "none",
        formula=f"{' + '.join(y_names)} ~ {' + '.join(x_names)}",
        sample=sample,
        n_obs=len(rows),
        n_dropped=len(frame) - len(rows),
        n_units=len(rows),
        df_t=math.inf,
    )
    result = tabulate(names, scores, np.diag(variances), facts)
    coefficients = result.coefficients
    if draws:
        interval = {name: table[name].to_numpy() for name in ("ci_low", "ci_high")}
        coefficients = coefficients.assign(**interval)
    found = np.argwhere(intensities > PEER)
    peers = pd.DataFrame(
        {
            "term": [names[i] for i, _ in found],
            "peer": [names[j] for _, j in found],
            "value": [intensities[i, j] for i, j in found],
        }
    )
    details = {"efficiency": table, "peers": peers}
    return replace(result, coefficients=coefficients, statistics=statistics, details=details)


def envelop(
    x: Floats, y: Floats, reference_x: Floats, reference_y: Floats, orientation: str, returns: str
) -> tuple[Floats, Floats]:
    """Scores (n,) and intensities (n, J) of (``x`` (n, p), ``y`` (n, q)) against J others.

    All units are solved as one sparse linear programme, whose blocks share nothing.
    """
    n, count = len(x), len(reference_x)
    radial_x, radial_y = (x, 0 * y) if orientation == "input" else (0 * x, y)
    blocks, bounds = [], []
    shared = np.vstack([reference_x.T, -reference_y.T])
    for own_x, own_y, move_x, move_y in zip(x, y, radial_x, radial_y, strict=True):
        score = np.concatenate([-move_x, move_y])[:, None]
        blocks.append(sparse.csr_array(np.hstack([score, shared])))
        bounds.append(np.concatenate([own_x - move_x, move_y - own_y]))
    objective = np.zeros((n, 1 + count))
    objective[:, 0] = 1.0 if orientation == "input" else -1.0
    constraints = [
        optimize.LinearConstraint(
            sparse.block_diag(blocks, format="csr"), -np.inf, np.concatenate(bounds)
        )
    ]
    if returns != "constant":
        sums = np.append(0.0, np.ones(count))[None, :]
        matrix = sparse.kron(sparse.eye_array(n), sums, format="csr")
        constraints.append(optimize.LinearConstraint(matrix, *SUM_BOUNDS[returns]))
    result = optimize.milp(objective.ravel(), constraints=constraints)  # HiGHS, no integers
    if result.x is None:
        raise ModelError(
            f"data envelopment: the linear programme has no solution: {result.message}"
        )
    solution = result.x.reshape(n, 1 + count)
    return solution[:, 0], solution[:, 1:]


def _bootstrap(
    x: Floats,
    y: Floats,
    scores: Floats,
    orientation: str,
    returns: str,
    width: float,
    draws: int,
    seed: int,
) -> Floats:
    """Scores (draws, n) against references whose efficiency is redrawn (Simar and Wilson 1998)."""
    generator = np.random.default_rng(seed)
    shares = scores if orientation == "input" else 1 / scores
    result = np.empty((draws, len(scores)))
    for draw in range(draws):
        redrawn = _smoothed(shares, width, generator)
        factor = (shares / redrawn)[:, None]
        # Every unit is put on the frontier, then moved off it by the redrawn efficiency.
        reference = (x * factor, y) if orientation == "input" else (x, y / factor)
        result[draw] = envelop(x, y, *reference, orientation, returns)[0]
    return result


def _smoothed(shares: Floats, width: float, generator: np.random.Generator) -> Floats:
    """Draws from the kernel density of ``shares`` (n,), reflected at one, with their variance."""
    chosen = generator.choice(shares, len(shares))
    moved = chosen + width * generator.standard_normal(len(shares))
    reflected = np.where(moved <= 1, moved, 2 - moved)
    centre, variance = chosen.mean(), shares.var()
    shrunk = centre + (reflected - centre) / math.sqrt(1 + width**2 / variance)
    return np.clip(shrunk, 1e-3 * shares.min(), 1.0)


def _bandwidth(scores: Floats, orientation: str) -> float:
    """Normal reference rule on the 2n reflected scores, brought back to n."""
    shares = scores if orientation == "input" else 1 / scores
    inside = shares[shares < 1 - 1e-6]
    if len(inside) < 2:
        raise ModelError("the bootstrap needs two inefficient units at least")
    reflected = np.concatenate([inside, 2 - inside])
    quartiles = np.percentile(reflected, [25, 75])
    spread = min(float(reflected.std(ddof=1)), float(quartiles[1] - quartiles[0]) / 1.34)
    normal = 0.9 * spread * len(reflected) ** -0.2
    ratio = float(shares.std(ddof=1) / reflected.std(ddof=1))
    return float(normal * (len(reflected) / len(shares)) ** 0.2 * ratio)


def _corrected(scores: Floats, simulated: Floats) -> dict[str, Floats]:
    tails = [100 * (1 - CONFIDENCE_LEVEL) / 2, 100 * (1 + CONFIDENCE_LEVEL) / 2]
    low, high = np.percentile(simulated - scores, tails, axis=0)
    bias = simulated.mean(axis=0) - scores
    return {
        "bias": bias,
        "bias_corrected": scores - bias,
        "ci_low": scores - high,
        "ci_high": scores - low,
    }


def _rows(
    frame: pd.DataFrame, inputs: tuple[str, ...], outputs: tuple[str, ...], unit: str | None
) -> tuple[pd.DataFrame, list[str]]:
    if not inputs or not outputs:
        raise ModelError("data envelopment needs one input and one output at least")
    used = [*inputs, *outputs, *([unit] if unit else [])]
    check_columns(frame, used)
    rows = frame.loc[frame[used].notna().all(axis=1)]
    rows = rows.sort_values(unit if unit else [*inputs, *outputs], kind="stable")
    if len(rows) < 2:
        raise ModelError(f"data envelopment needs 2 complete rows, got {len(rows)}")
    if unit and rows[unit].duplicated().any():
        first = rows.loc[rows[unit].duplicated(), unit].iloc[0]
        raise ModelError(f"expected one row per {unit!r}, but {first} has more; choose a sample")
    return rows, [str(one) for one in rows[unit]] if unit else [
        str(number) for number in range(1, len(rows) + 1)
    ]


def _scaled(rows: pd.DataFrame, columns: tuple[str, ...]) -> Floats:
    """Columns divided by their means, which leaves the scores as they are."""
    values = np.column_stack([numeric(rows, name) for name in columns])
    for name, column in zip(columns, values.T, strict=True):
        if (column < 0).any() or not column.any():
            raise ModelError(f"column {name!r} has negative values, or none above zero")
    return values / values.mean(axis=0)


def _check_positive(x: Floats, y: Floats, names: list[str]) -> None:
    if (x <= 0).any():
        raise ModelError(f"{names[int(np.argwhere(x <= 0)[0, 0])]} has an input of zero")
    if (y.sum(axis=1) <= 0).any():
        raise ModelError(f"{names[int(np.argmin(y.sum(axis=1)))]} has no output")
