"""Descriptive statistics in the one result type: a table of means is a model like any other."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.models.design import build_design
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError, Specification


def summary_statistics(
    frame: pd.DataFrame,
    *,
    variables: str | Sequence[str],
    complete: bool = False,
    sample: str = "all",
) -> Estimates:
    """Means and other moments of ``variables``.

    Parameters
    ----------
    frame
        Rows of the sample.
    variables
        Numeric or boolean columns.
    complete
        True uses only rows in which every variable is known; False all that are known of each.

    Returns
    -------
    Estimates
        One term per variable: its mean, with the standard error ``sd / sqrt(n)`` and t inference on
        the fewest degrees of freedom. The table ``summary`` of ``details`` has the columns ``term,
        n, mean, sd, min, p25, median, p75, max`` (``sd`` with ``n - 1``, quantiles interpolated
        linearly), the table ``correlations`` the column ``term`` and one column per variable.
        ``facts.n_obs`` counts the rows with at least one known value.

    Raises
    ------
    ModelError
        If a column is absent or not numeric, a value is infinite, or nothing is known of one.
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    if not names:
        raise ModelError("summary_statistics: variables is empty")
    columns = {name: _known_values(frame, name) for name in names}
    values = pd.DataFrame(columns)
    values = values.dropna(how="any" if complete else "all").sort_values(names)
    counts = values.count()
    if (counts == 0).any():
        empty = ", ".join(counts.index[counts == 0])
        raise ModelError(f"summary_statistics: nothing is known of {empty}")
    described = values.apply(_moments).T
    errors = described["sd"] / np.sqrt(described["n"])
    facts = Facts(
        outcome=", ".join(names),
        estimator="summary_statistics",
        vcov="classical",
        formula=" + ".join(names),
        sample=sample,
        n_obs=len(values),
        n_dropped=len(frame) - len(values),
        df_t=float(max(counts.min() - 1, 1)),
    )
    covariance = np.diag(errors.to_numpy() ** 2)
    result = tabulate(names, described["mean"].to_numpy(), covariance, facts)
    details = {
        "summary": described.rename_axis("term").reset_index(),
        "correlations": values.corr().rename_axis("term").reset_index(),
    }
    return Estimates(result.coefficients, result.covariance, facts, details=details)


def _known_values(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column as floats in a fixed order of rows, checked as for a regression."""
    if name in frame.columns and not frame[name].notna().any():
        return pd.Series(math.nan, index=frame.index)
    build_design(Specification(outcome=name), frame)
    return pd.Series(frame[name].to_numpy(dtype=float, na_value=np.nan), index=frame.index)


def _moments(column: pd.Series) -> pd.Series:
    known = np.sort(column.dropna().to_numpy())
    quartiles = np.quantile(known, [0.25, 0.5, 0.75])
    moments = {
        "n": len(known),
        "mean": known.mean(),
        "sd": known.std(ddof=1) if len(known) > 1 else math.nan,
        "min": known[0],
        "p25": quartiles[0],
        "median": quartiles[1],
        "p75": quartiles[2],
        "max": known[-1],
    }
    return pd.Series(moments)
