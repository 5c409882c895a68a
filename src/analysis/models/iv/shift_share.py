"""``shift_share``: inference when a regressor or instrument is a weighted sum of common shocks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.design import Design, build_design
from analysis.models.estimates import CONFIDENCE_LEVEL, Estimates, Facts, tabulate
from analysis.models.iv.confidence_sets import accepted_intervals, hull
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
COLLINEARITY = 1e-9


@dataclass(frozen=True, slots=True)
class ShockScores:
    """What each sector (or group of sectors) adds to ``sum x y`` and ``sum x d``.

    ``outcome`` and ``treatment`` (s,) are the fitted shocks times the share-weighted sums of y and
    of d, both net of the controls. ``cross_outcome`` and ``cross_treatment`` are the sums over
    locations of x y and x d.
    """

    outcome: Floats
    treatment: Floats
    cross_outcome: float
    cross_treatment: float

    def errors(self, coefficient: float) -> Floats:
        """Scores (s,) of the structural error at ``coefficient``."""
        return self.outcome - coefficient * self.treatment


def shift_share(
    frame: pd.DataFrame,
    *,
    outcome: str,
    shift_share: str,
    treatment: str | None = None,
    controls: str | Sequence[str] = (),
    shares: pd.DataFrame,
    location: str,
    shares_location: str = "row",
    shares_sector: str = "sector",
    shares_value: str = "share",
    sectors: pd.DataFrame | None = None,
    sector_cluster: str | None = None,
    weights: str | None = None,
    intercept: bool = True,
    null: float = 0.0,
    sample: str = "all",
) -> Estimates:
    """Coefficient of a shift-share regressor, or of a treatment it instruments.

    The model is ``y[i] = b d[i] + controls + e[i]`` with ``x[i] = sum_s w[i,s] X[s]``; d is x, or a
    treatment instrumented by x. Residuals of locations with similar shares w are correlated, so
    that errors clustered by location are too small. Net of the controls and with fitted shocks
    ``Xhat`` from a regression of x on the shares, the variance is ``sum_s Xhat[s]^2 R[s]^2 / (sum_i
    x[i] d[i])^2``, ``R[s] = sum_i w[i,s] e[i]`` (Adão, Kolesár and Morales 2019, Quarterly Journal
    of Economics 134, 1949-2010). AKM0 imposes the null in e and inverts the test.

    Parameters
    ----------
    frame
        One row per location (and period).
    shift_share
        Column of x; ``treatment`` is the column it instruments, none to regress y on x itself.
    shares
        One row per location and sector with a share: the columns ``shares_location``,
        ``shares_sector`` and ``shares_value``. What is not listed is zero.
    location
        Column of ``frame`` that matches ``shares_location``.
    sectors, sector_cluster
        Table with ``shares_sector`` and a column ``sector_cluster``, within whose groups shocks
        may be correlated (a column of ``shares`` serves too when ``sectors`` is none).
    weights
        Column of regression weights.
    null
        The value tested by ``akm0_p``; the interval does not depend on it.

    Returns
    -------
    Estimates
        One term, the treatment, with AKM errors and normal inference; no small-sample factor.
        Statistics: ``akm0_p``; ``akm0_low``, ``akm0_high``, ends of the AKM0 95 % set, which can be
        unbounded, two half-lines or all numbers (infinite ends); ``akm0_se``, its length
        over twice 1.96, infinite when unbounded; ``akm0_intervals``;
        ``first_stage_f``, the square of the first stage's t under AKM errors;
        ``effective_sectors``, one over the sum of squared average shares. ``details["akm0_set"]``:
        ``term, lower, upper`` per piece.

    Raises
    ------
    ModelError
        If a column is absent, a share has no location, sector shares are collinear, or the
        regressor does not vary net of the controls.
    """
    names = [controls] if isinstance(controls, str) else list(controls)
    _check_columns("frame", frame, [location])
    spec = Specification(
        outcome=outcome,
        regressors=(shift_share, *([treatment] if treatment else []), *names),
        weights=weights,
        intercept=intercept,
        vcov="hc0",
        unit=location,
        sample=sample,
    )
    design = build_design(spec, frame)
    assert design.units is not None
    wide = _share_matrix(shares, (shares_location, shares_sector, shares_value))
    labels, shift = _locations(spec, frame, location), design.exogenous[:, int(intercept)]
    matrix = _shares_of_rows(wide, labels, design.units, shift)
    groups = _sector_groups(matrix.columns, shares, sectors, shares_sector, sector_cluster)
    net = _net_of_controls(design, 2 if treatment else 1, intercept, shift_share)
    values = matrix.to_numpy()
    scores = _shock_scores(net, values, design.weights, groups)
    term = treatment or shift_share
    facts = _facts(spec, design, treatment, sector_cluster or shares_sector, groups)
    estimate = scores.cross_outcome / scores.cross_treatment
    variance = float((scores.errors(estimate) ** 2).sum()) / scores.cross_treatment**2
    result = tabulate([term], np.array([estimate]), np.array([[variance]]), facts)
    intervals = _akm0_set(scores)
    statistics = _akm0_statistics(scores, intervals, null)
    statistics["effective_sectors"] = _effective_sectors(values, design.weights)
    if treatment:
        first = _shock_scores(net[:, [2, 1, 1]], values, design.weights, groups)
        statistics["first_stage_f"] = _squared_t(first)
    intervals.insert(0, "term", term)
    return replace(result, statistics=statistics, details={"akm0_set": intervals})


def _facts(
    spec: Specification, design: Design, treatment: str | None, cluster: str, groups: Codes
) -> Facts:
    return Facts(
        outcome=spec.outcome,
        estimator="shift-share iv" if treatment else "shift-share ols",
        vcov="akm",
        formula=spec.formula,
        cluster=cluster,
        weights=spec.weights or "",
        sample=spec.sample,
        small_sample="none",
        n_obs=len(design.outcome),
        n_dropped=design.n_dropped,
        n_parameters=design.exogenous.shape[1] - (1 if treatment else 0),
        n_units=None if design.units is None else len(np.unique(design.units)),
        n_clusters=int(groups.max()) + 1,
        df_t=math.inf,
        outcome_mean=float(design.outcome.mean()),
    )


def _check_columns(what: str, frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        listed = ", ".join(map(str, frame.columns))
        raise ModelError(f"{what} has no column {', '.join(missing)}; it has {listed}")


def _share_matrix(shares: pd.DataFrame, columns: tuple[str, str, str]) -> pd.DataFrame:
    """Locations x sectors, both sorted; a pair that is not listed has share zero."""
    _check_columns("shares", shares, columns)
    place, sector, value = columns
    if shares[list(columns)].isna().any(axis=None) or not np.isfinite(shares[value]).all():
        raise ModelError("shares: a location, sector or share is missing or infinite")
    repeated = shares.duplicated([place, sector])
    if repeated.any():
        first = shares.loc[repeated, [place, sector]].iloc[0].to_dict()
        raise ModelError(f"shares: {first} is listed more than once")
    return shares.pivot(index=place, columns=sector, values=value).fillna(0.0)


def _locations(spec: Specification, frame: pd.DataFrame, location: str) -> pd.Index:
    """Labels of the location codes of the design, which are sorted among the rows it keeps."""
    used = [spec.outcome, *spec.regressors, location, *([spec.weights] if spec.weights else [])]
    return pd.Index(np.unique(frame.loc[frame[used].notna().all(axis=1), location].to_numpy()))


def _shares_of_rows(
    wide: pd.DataFrame, locations: pd.Index, codes: Codes, shift_share: Floats
) -> pd.DataFrame:
    """Shares of the rows (n, s). A location that is not listed must have nothing to share."""
    exposed = locations[np.unique(codes[shift_share != 0])]
    absent = exposed.difference(wide.index)
    if len(absent):
        raise ModelError(
            f"shares: {len(absent)} of {len(locations)} locations are not listed although their "
            f"shift-share variable is not zero, such as {absent[0]!s}; check that the location "
            "columns hold the same codes"
        )
    rows = wide.reindex(locations).fillna(0.0).iloc[codes]
    return rows.loc[:, (rows != 0).any(axis=0)]


def _sector_groups(
    present: pd.Index,
    shares: pd.DataFrame,
    sectors: pd.DataFrame | None,
    sector: str,
    cluster: str | None,
) -> Codes:
    """Group (s,) of each sector: itself, or its ``cluster``."""
    if cluster is None:
        return np.arange(len(present))
    table = shares if sectors is None else sectors
    _check_columns("sectors" if sectors is not None else "shares", table, [sector, cluster])
    pairs = table[[sector, cluster]].drop_duplicates().set_index(sector)[cluster]
    if pairs.index.has_duplicates:
        twice = pairs.index[pairs.index.duplicated()][0]
        raise ModelError(f"sector {twice!r} has more than one {cluster!r}")
    groups = pairs.reindex(present)
    if groups.isna().any():
        raise ModelError(f"sector {groups.index[groups.isna()][0]!r} has no {cluster!r}")
    return pd.factorize(groups.to_numpy(), sort=True)[0].astype(np.int64)


def _net_of_controls(design: Design, n_special: int, intercept: bool, name: str) -> Floats:
    """Outcome, shift-share variable and treatment (n, 3), net of intercept and controls."""
    special = slice(int(intercept), int(intercept) + n_special)
    variables = design.exogenous[:, special]
    controls = np.delete(design.exogenous, np.r_[special], axis=1)
    columns = np.column_stack([design.outcome, variables[:, 0], variables[:, -1]])
    root = np.sqrt(design.weights)[:, None]
    if controls.shape[1]:
        scaled = controls * root
        norms = np.linalg.norm(scaled, axis=0)
        basis, triangle, _ = linalg.qr(
            scaled / np.where(norms > 0, norms, 1.0), mode="economic", pivoting=True
        )
        basis = basis[:, np.abs(np.diag(triangle)) > COLLINEARITY]
        net = columns - basis @ (basis.T @ (columns * root)) / root
    else:
        net = columns
    sizes = np.linalg.norm(columns * root, axis=0)
    if (np.linalg.norm(net * root, axis=0) <= COLLINEARITY * sizes)[1:].any():
        raise ModelError(
            f"{name!r} or the treatment does not vary once the controls are held fixed"
        )
    return np.asarray(net)


def _fitted_shocks(regressor: Floats, shares: Floats, weights: Floats) -> Floats:
    """Shocks (s,) from the weighted regression of ``regressor`` (n,) on ``shares`` (n, s)."""
    root = np.sqrt(weights)
    scaled = shares * root[:, None]
    norms = np.linalg.norm(scaled, axis=0)
    basis, triangle = linalg.qr(scaled / norms, mode="economic")
    if scaled.shape[1] > scaled.shape[0] or np.abs(np.diag(triangle)).min() < COLLINEARITY:
        raise ModelError(
            f"the shares of {shares.shape[1]} sectors in {shares.shape[0]} rows are collinear, so "
            "that the sectors' shocks cannot be told apart; merge sectors"
        )
    return np.asarray(linalg.solve_triangular(triangle, basis.T @ (regressor * root)) / norms)


def _shock_scores(net: Floats, shares: Floats, weights: Floats, groups: Codes) -> ShockScores:
    outcome, regressor, treatment = net.T
    shocks = _fitted_shocks(regressor, shares, weights)

    def by_group(variable: Floats) -> Floats:
        contributions = shocks * (shares.T @ (weights * variable))
        return np.bincount(groups, contributions).astype(float)

    return ShockScores(
        by_group(outcome),
        by_group(treatment),
        float((weights * regressor) @ outcome),
        float((weights * regressor) @ treatment),
    )


def _squared_t(scores: ShockScores) -> float:
    estimate = scores.cross_outcome / scores.cross_treatment
    return scores.cross_outcome**2 / float((scores.errors(estimate) ** 2).sum())


def _akm0_set(scores: ShockScores) -> pd.DataFrame:
    """Coefficients b with ``(sum x (y - b d))^2 <= z^2 sum_s (score of y - b d)^2``."""
    z2 = stats.chi2.ppf(CONFIDENCE_LEVEL, 1)
    polynomial = np.array(
        [
            scores.cross_treatment**2 - z2 * scores.treatment @ scores.treatment,
            -2 * scores.cross_outcome * scores.cross_treatment
            + 2 * z2 * scores.outcome @ scores.treatment,
            scores.cross_outcome**2 - z2 * scores.outcome @ scores.outcome,
        ]
    )
    roots = np.roots(polynomial)
    real = roots.real[np.abs(roots.imag) <= 1e-12 * np.abs(roots)]
    return accepted_intervals(real.tolist(), lambda b: bool(np.polyval(polynomial, b) <= 0))


def _akm0_statistics(scores: ShockScores, intervals: pd.DataFrame, null: float) -> dict[str, float]:
    low, high = hull(intervals)
    gap = scores.cross_outcome - null * scores.cross_treatment
    deviation = math.sqrt(float((scores.errors(null) ** 2).sum()))
    quantile = float(stats.norm.ppf((1 + CONFIDENCE_LEVEL) / 2))
    return {
        "akm0_p": float(2 * stats.norm.sf(abs(gap) / deviation)),
        "akm0_low": low,
        "akm0_high": high,
        "akm0_se": (high - low) / 2 / quantile,
        "akm0_intervals": len(intervals),
    }


def _effective_sectors(shares: Floats, weights: Floats) -> float:
    average = weights @ shares
    average = average / average.sum()
    return float(1 / (average @ average))
