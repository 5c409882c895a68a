"""Synthetic difference-in-differences and its relatives, for a balanced panel."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_panel import check_choice, check_columns, period_label
from analysis.models.designs.synthetic_panel import outcome_matrix
from analysis.models.designs.synthetic_weights import simplex_least_squares
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

METHODS = ("sdid", "sc", "difp", "did")
VARIANCES = ("placebo", "jackknife", "bootstrap", "none")
ATT = "att"
# Ridge, in standard deviations of first differences, that only makes a minimiser unique.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True)
class Cohort:
    """Units first treated in the same period, and the weights of what they are compared with.

    ``controls`` (N0, T) and ``treated`` (N1, T) outcomes; ``start`` the number of periods before
    treatment; ``omega`` (N0,) and ``lam`` (start,) the weights of units and periods.
    """

    controls: Floats
    treated: Floats
    start: int
    omega: Floats
    lam: Floats

    @property
    def effect(self) -> float:
        """Weighted double difference, equation (2) of the paper in closed form."""
        gap = self.treated.mean(axis=0) - self.omega @ self.controls
        return float(gap[self.start :].mean() - self.lam @ gap[: self.start])

    @property
    def size(self) -> int:
        """Treated unit-periods."""
        return len(self.treated) * (self.treated.shape[1] - self.start)


def synthetic_did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treatment: str,
    method: str = "sdid",
    variance: str = "placebo",
    draws: int = 200,
    seed: int = 0,
    sample: str = "all",
) -> Estimates:
    """Effect of a lasting treatment from weighted units and weighted periods.

    Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021, AER 111): with N1 treated units, T1
    periods under treatment and :math:`\\sigma` the standard deviation of the first differences of
    the controls before treatment, unit weights solve (4) with an intercept and the penalty
    :math:`\\zeta^2 T_0 |\\omega|^2`, :math:`\\zeta = (N_1 T_1)^{1/4} \\sigma` (5), period weights
    solve (6) with an intercept and a penalty of :math:`10^{-6} \\sigma` in place of zeta. Both are
    solved exactly. Units treated from different periods on are compared, cohort by cohort, with the
    units never treated, and the effects weighted by treated unit-periods (their appendix A).

    Parameters
    ----------
    treatment
        Column of zeros and ones, one from the first period of treatment to the last of the data.
    method
        ``"sdid"``; ``"sc"``: unit weights without intercept and penalty, no period weights;
        ``"difp"``: unit weights with intercept and without penalty, equal period weights
        (Doudchenko and Imbens 2016; Ferman and Pinto 2021); ``"did"``: equal weights.
    variance
        ``"placebo"`` (algorithm 4): controls as if treated; every control in turn if one unit is
        treated, otherwise ``draws`` random sets. ``"jackknife"`` (3): weights held fixed, not for a
        cohort of one unit. ``"bootstrap"`` (2) of units. ``"none"``. Sigma is held fixed.
    seed
        Of the random sets; only ``"placebo"`` with several treated units and ``"bootstrap"`` draw.

    Returns
    -------
    Estimates
        ``att``, normal inference. ``statistics``: ``zeta`` and ``sigma`` (one cohort only),
        ``n_treated_units``, ``n_control_units``, ``n_replications``. ``details``: ``weights`` and
        ``time_weights`` (term, value; term is ``cohort:unit`` with several cohorts), ``cohorts``
        (term, att, n_units, n_periods), ``path`` (one cohort only: treated, synthetic, gap).

    Raises
    ------
    ModelError
        If the panel is not balanced, the treatment ends or is there from the start, or there are
        too few units for the variance asked for.
    """
    check_choice("method", method, METHODS)
    check_choice("variance", variance, VARIANCES)
    outcomes, adoption = _balanced(frame, outcome, unit, time, treatment)
    values, never = outcomes.to_numpy().T, outcomes.shape[0]
    noise = {
        int(start): _noise(values[adoption == never], start)
        for start in np.unique(adoption[adoption < never])
    }

    def att(rows: Floats, starts: Codes) -> float:
        return average_effect(cohorts(rows, starts, method, noise))

    found = cohorts(values, adoption, method, noise)
    replications = np.array(
        list(_replications(values, adoption, found, att, variance, draws, seed))
    )
    spread = _variance(replications, variance)
    facts = Facts(
        outcome=outcome,
        estimator=f"synthetic difference-in-differences ({method})",
        vcov=variance,
        formula=f"{outcome} ~ {treatment}",
        sample=sample,
        n_obs=values.size,
        n_dropped=len(frame) - values.size,
        n_units=len(values),
        n_periods=never,
        df_t=math.inf,
        outcome_mean=float(values.mean()),
    )
    statistics = {
        "n_treated_units": float((adoption < never).sum()),
        "n_control_units": float((adoption == never).sum()),
        "n_replications": float(len(replications)),
    }
    if len(found) == 1:
        (sigma,) = noise.values()
        statistics |= {"sigma": sigma, "zeta": found[0].size ** 0.25 * sigma}
    result = tabulate([ATT], np.array([average_effect(found)]), np.array([[spread]]), facts)
    return replace(result, statistics=statistics, details=_details(outcomes, adoption, found))


def cohorts(values: Floats, adoption: Codes, method: str, noise: dict[int, float]) -> list[Cohort]:
    """Cohorts in ``values`` (N, T) with weights; ``adoption`` (N,) is T for units never treated."""
    never = values.shape[1]
    controls = values[adoption == never]
    starts = np.unique(adoption[adoption < never])
    return [
        _weighted(controls, values[adoption == start], int(start), method, noise[int(start)])
        for start in starts
    ]


def average_effect(found: list[Cohort]) -> float:
    """Effects of the cohorts weighted by treated unit-periods."""
    return float(np.average([one.effect for one in found], weights=[one.size for one in found]))


def _weighted(controls: Floats, treated: Floats, start: int, method: str, sigma: float) -> Cohort:
    n_controls = len(controls)
    before, after = controls[:, :start], controls[:, start:]
    omega, lam = np.full(n_controls, 1 / n_controls), np.full(start, 1 / start)
    if method != "did":
        size = len(treated) * after.shape[1]
        zeta = sigma * (size**0.25 if method == "sdid" else NEGLIGIBLE)
        target = treated[:, :start].mean(axis=0)
        omega = _simplex(before.T, target, zeta, intercept=method != "sc")
    if method == "sdid":
        lam = _simplex(before, after.mean(axis=1), NEGLIGIBLE * sigma, intercept=True)
    if method == "sc":
        lam = np.zeros(start)
    return Cohort(controls, treated, start, omega, lam)


def _simplex(columns: Floats, target: Floats, zeta: float, *, intercept: bool) -> Floats:
    if intercept:
        columns, target = columns - columns.mean(axis=0), target - target.mean()
    return simplex_least_squares(columns, target, ridge=zeta**2 * len(target))


def _noise(controls: Floats, start: int) -> float:
    """Standard deviation (n - 1) of first differences before treatment, equation (5)."""
    differences = np.diff(controls[:, :start], axis=1)
    return float(differences.std(ddof=1)) if differences.size > 1 else 0.0


def _replications(
    values: Floats,
    adoption: Codes,
    found: list[Cohort],
    att: Callable[[Floats, Codes], float],
    variance: str,
    draws: int,
    seed: int,
) -> Iterator[float]:
    if variance == "placebo":
        controls, starts = values[adoption == values.shape[1]], adoption[adoption < values.shape[1]]
        for chosen in _placebo_sets(len(controls), len(starts), draws, seed):
            placebo = np.full(len(controls), values.shape[1])
            placebo[chosen] = starts
            yield att(controls, placebo)
    elif variance == "bootstrap":
        for rows in _resamples(adoption, values.shape[1], draws, seed):
            yield att(values[rows], adoption[rows])
    elif variance == "jackknife":
        yield from _jackknife(found)


def _placebo_sets(n_controls: int, n_treated: int, draws: int, seed: int) -> Iterator[Codes]:
    if n_controls <= n_treated:
        raise ModelError(
            f"variance 'placebo' needs more controls than treated units, got {n_controls} and "
            f"{n_treated}; use 'bootstrap' or 'jackknife'"
        )
    if n_treated == 1:
        yield from np.arange(n_controls)[:, None]
        return
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        yield generator.permutation(n_controls)[:n_treated]


def _resamples(adoption: Codes, never: int, draws: int, seed: int) -> Iterator[Codes]:
    """Rows of units drawn with replacement, with treated and untreated ones among them."""
    if (adoption < never).sum() < 2 or (adoption == never).sum() < 2:
        raise ModelError("variance 'bootstrap' needs 2 treated and 2 control units at least")
    generator = np.random.default_rng(seed)
    done = 0
    while done < draws:
        rows = np.sort(generator.integers(0, len(adoption), len(adoption)))
        kinds = adoption[rows] < never
        if kinds.any() and not kinds.all():
            done += 1
            yield rows


def _jackknife(found: list[Cohort]) -> Iterator[float]:
    """Effects without one unit, weights of the others held fixed."""
    for number, cohort in enumerate(found):
        if len(cohort.treated) < 2:
            raise ModelError(
                "variance 'jackknife' needs 2 treated units in every cohort; use 'placebo'"
            )
        for row in range(len(cohort.treated)):
            fewer = replace(cohort, treated=np.delete(cohort.treated, row, axis=0))
            yield average_effect([*found[:number], fewer, *found[number + 1 :]])
    for row in range(len(found[0].controls)):
        yield average_effect([_without_control(cohort, row) for cohort in found])


def _without_control(cohort: Cohort, row: int) -> Cohort:
    omega = np.delete(cohort.omega, row)
    if omega.sum() <= 0:
        raise ModelError("variance 'jackknife': one control has all the weight; use 'placebo'")
    controls = np.delete(cohort.controls, row, axis=0)
    return replace(cohort, controls=controls, omega=omega / omega.sum())


def _variance(replications: Floats, variance: str) -> float:
    if variance == "none":
        return math.nan
    factor = len(replications) - 1 if variance == "jackknife" else 1
    return factor * float(np.var(replications))


def _balanced(
    frame: pd.DataFrame, outcome: str, unit: str, time: str, treatment: str
) -> tuple[pd.DataFrame, Codes]:
    """Outcomes, periods x units, and how many periods each unit is untreated at first."""
    check_columns(frame, [outcome, unit, time, treatment])
    complete = frame[[outcome, unit, time, treatment]].notna().all(axis=1)
    rows = frame[complete]
    outcomes = outcome_matrix(rows, outcome, unit, time)
    for label in outcomes.columns[outcomes.isna().any()]:
        period = outcomes.index[outcomes[label].isna()][0]
        raise ModelError(f"the panel is not balanced: {label} has no {outcome!r} in {period:g}")
    treated = outcome_matrix(rows, treatment, unit, time).to_numpy()
    if not np.isin(treated, (0, 1)).all():
        raise ModelError(f"column {treatment!r} must hold 0 and 1 only")
    ended = (np.diff(treated, axis=0) < 0).any(axis=0)
    if ended.any():
        raise ModelError(f"treatment {treatment!r} ends for {outcomes.columns[ended][0]}")
    adoption = (treated == 0).sum(axis=0)
    if (adoption == 0).any():
        first = outcomes.columns[adoption == 0][0]
        raise ModelError(f"{first} is treated from the first period: there is nothing before")
    if (adoption == len(outcomes)).sum() < 2 or (adoption == len(outcomes)).all():
        raise ModelError(f"{treatment!r}: 1 treated and 2 never treated units are needed at least")
    return outcomes, adoption.astype(np.int64)


def _details(
    outcomes: pd.DataFrame, adoption: Codes, found: list[Cohort]
) -> dict[str, pd.DataFrame]:
    periods = [period_label(one) for one in outcomes.index]
    donors = [str(one) for one in outcomes.columns[adoption == len(outcomes)]]
    prefixes = ["" if len(found) == 1 else f"{periods[one.start]}:" for one in found]
    pairs = list(zip(prefixes, found, strict=True))
    units = [(p + d, w) for p, one in pairs for d, w in zip(donors, one.omega, strict=True)]
    times = [(p + t, w) for p, one in pairs for t, w in zip(periods, one.lam, strict=False)]
    details = {
        "weights": pd.DataFrame.from_records(units, columns=["term", "value"]),
        "time_weights": pd.DataFrame.from_records(times, columns=["term", "value"]),
        "cohorts": pd.DataFrame(
            {
                "term": [periods[one.start] for one in found],
                "att": [one.effect for one in found],
                "n_units": [len(one.treated) for one in found],
                "n_periods": [len(periods) - one.start for one in found],
            }
        ),
    }
    if len(found) == 1:
        treated, synthetic = found[0].treated.mean(axis=0), found[0].omega @ found[0].controls
        columns = {"treated": treated, "synthetic": synthetic, "gap": treated - synthetic}
        details["path"] = pd.DataFrame({"term": periods, **columns})
    return details
