"""Moran's I of variables."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.estimates import Estimates, tabulate
from analysis.models.linear.panel import Columns, check_choice, column_names
from analysis.models.spatial.results import spatial_facts, weights_statistics
from analysis.models.spatial.sample import SpatialSample, read_sample
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

VARIANCES = ("randomisation", "normality")


def moran(
    frame: pd.DataFrame,
    *,
    variables: Columns,
    unit: str,
    matrix: pd.DataFrame | None = None,
    matrix_options: Mapping[str, Any] | None = None,
    variance: str = "randomisation",
    permutations: int = 0,
    seed: int = 1,
) -> Estimates:
    """Moran's I of each of ``variables`` in a cross-section, on the rows complete in all of them.

    ``I = (n / S0) z'W z / z'z`` with z the deviations from the mean and S0 the sum of the weights.
    Variance under ``"randomisation"`` (all orders of the values equally likely) or ``"normality"``
    (Cliff and Ord 1981, section 2.3). Weights as in :func:`spatial_ols`.

    Returns
    -------
    Estimates
        One term per variable, estimate I, its standard error under no dependence.
        ``details["moran"]``: ``term``, ``moran_i``, ``expectation``, ``variance``, ``z``
        (deviation from the expectation, which the coefficient table, that compares with zero, is
        not), two-sided ``p_value``, and with ``permutations`` the share of random orders at least
        as large, ``permutation_p`` (one-sided, ``(r + 1)/(m + 1)``). ``statistics`` has
        ``moran_i``, ``expectation``, ``variance``, ``z``, ``p_value`` when there is one variable.

    Raises
    ------
    ModelError
        If a variable does not vary, or weights or options are not usable.
    """
    check_choice("variance", variance, VARIANCES)
    if permutations < 0:
        raise ModelError(f"permutations: expected 0 or more, got {permutations}")
    names = column_names(variables)
    if not names:
        raise ModelError("variables: give at least one column")
    sample = read_sample(
        frame,
        outcome=names[0],
        regressors=names[1:],
        spatial_lags="none",
        unit=unit,
        time=None,
        absorb=(),
        effects_convention="dummies",
        intercept=True,
        matrix=matrix,
        matrix_options=matrix_options,
    )
    columns = np.column_stack([sample.outcome, sample.panel.exogenous[:, 1:]])
    generator = np.random.default_rng(seed)
    rows = [
        _moran(sample, values, name, variance) | _permuted(sample, values, permutations, generator)
        for name, values in zip(names, columns.T, strict=True)
    ]
    table = pd.DataFrame(rows)
    table.insert(0, "term", names)
    facts = spatial_facts(sample, "moran", variance, "none")
    errors = np.diag(table["variance"].to_numpy())
    estimates = tabulate(list(names), table["moran_i"].to_numpy(), errors, facts)
    single = rows[0] if len(names) == 1 else {}
    return Estimates(
        estimates.coefficients,
        estimates.covariance,
        facts,
        {**single, **weights_statistics(sample)},
        {"moran": table},
    )


def _index(sample: SpatialSample, deviations: Floats) -> Floats:
    """I for each column of ``deviations`` (n, m)."""
    lagged = sample.lag(deviations)
    scale = len(deviations) / float(sample.matrix.sum())
    return np.asarray(scale * (deviations * lagged).sum(axis=0) / (deviations**2).sum(axis=0))


def _moran(sample: SpatialSample, values: Floats, name: str, variance: str) -> dict[str, float]:
    deviations, n = values - values.mean(), len(values)
    if n < 4 or np.ptp(values) <= 1e-12 * np.abs(values).max():
        raise ModelError(f"Moran's I of {name!r}: at least four rows that differ are needed")
    weights = sample.matrix
    s0 = float(weights.sum())
    s1 = float(((weights + weights.T) ** 2).sum()) / 2
    s2 = float(((weights.sum(axis=0) + weights.sum(axis=1)) ** 2).sum())
    expectation = -1 / (n - 1)
    if variance == "normality":
        second = (n**2 * s1 - n * s2 + 3 * s0**2) / ((n**2 - 1) * s0**2)
    else:
        kurtosis = float(n * (deviations**4).sum() / (deviations**2).sum() ** 2)
        ordered = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        tails = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
        second = (ordered - tails) / ((n - 1) * (n - 2) * (n - 3) * s0**2)
    spread = second - expectation**2
    index = float(_index(sample, deviations[:, None])[0])
    z = (index - expectation) / math.sqrt(spread)
    return {
        "moran_i": index,
        "expectation": expectation,
        "variance": spread,
        "z": z,
        "p_value": math.erfc(abs(z) / math.sqrt(2)),
    }


def _permuted(
    sample: SpatialSample, values: Floats, permutations: int, generator: np.random.Generator
) -> dict[str, float]:
    if not permutations:
        return {}
    deviations = values - values.mean()
    observed = float(_index(sample, deviations[:, None])[0])
    shuffled = generator.permuted(np.tile(deviations, (permutations, 1)), axis=1).T
    at_least = int((_index(sample, shuffled) >= observed - 1e-12).sum())
    return {"permutation_p": (at_least + 1) / (permutations + 1)}
