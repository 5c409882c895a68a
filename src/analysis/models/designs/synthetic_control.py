"""Synthetic control: one treated unit and a weighted mean of untreated ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_panel import check_choice, period_label
from analysis.models.designs.synthetic_panel import (
    Predictor,
    one_window,
    outcome_matrix,
    predictor_matrix,
    read_predictors,
)
from analysis.models.designs.synthetic_weights import (
    STARTS,
    Importance,
    regression_importance,
    search_importance,
    unit_weights,
)
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

IMPORTANCE = ("search", "cross_validation", "regression", "equal")
ATT = "att"
# A donor counts as used, in leaving one out, above this weight.
USED = 1e-6


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything needed to build the synthetic control of any one unit.

    ``outcomes`` periods x units; ``predictors`` and ``training`` k x units, in the units of the
    data; ``fit`` and ``effect`` (periods,) mark the periods matched and those averaged over.
    """

    outcomes: pd.DataFrame
    predictors: pd.DataFrame
    training: pd.DataFrame
    fit: NDArray[np.bool_]
    effect: NDArray[np.bool_]
    importance: str | Mapping[str, float]
    starts: tuple[str, ...]
    max_iterations: int
    outcomes_only: bool


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The synthetic control of ``unit``: ``weights`` (J,) of ``donors`` and the two paths (T,)."""

    unit: Any
    donors: list[Any]
    weights: Floats
    importance: Importance
    actual: Floats
    counterfactual: Floats
    fit: NDArray[np.bool_]
    effect: NDArray[np.bool_]

    @property
    def gap(self) -> Floats:
        """Actual less synthetic outcome, (T,)."""
        return self.actual - self.counterfactual

    @property
    def att(self) -> float:
        """Mean gap over the periods of the effect."""
        return float(self.gap[self.effect].mean())

    def rmspe(self, periods: NDArray[np.bool_]) -> float:
        """Root mean square of the gap over ``periods`` (T,)."""
        return float(np.sqrt(np.mean(self.gap[periods] ** 2)))


def synthetic_control(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treated_unit: str | float,
    treatment_time: float,
    donors: Sequence[str | float] | None = None,
    predictors: Sequence[str | Mapping[str, Any]] = (),
    predictor_window: Sequence[float] | None = None,
    fit_window: Sequence[float] | None = None,
    effect_window: Sequence[float] | None = None,
    importance: str | Mapping[str, float] = "search",
    training_predictors: Sequence[str | Mapping[str, Any]] = (),
    starts: str | Sequence[str] = STARTS,
    max_iterations: int = 4000,
    placebo: bool = False,
    placebo_limit: float = math.inf,
    placebo_time: float | None = None,
    leave_one_out: bool = False,
    sample: str = "all",
) -> Estimates:
    """Effect on one unit, compared with the weighted donors that resembled it before.

    Abadie and Gardeazabal (2003), Abadie, Diamond and Hainmueller (2010, 2015). The weights of the
    donors W (not negative, sum one) minimise :math:`(X_1 - X_0 W)' V (X_1 - X_0 W)` exactly, with
    the predictors X divided by their standard deviation (n - 1) over the treated unit and the
    donors and V diagonal, sum one.

    Parameters
    ----------
    treated_unit, treatment_time
        Value in ``unit``, and the first period under treatment.
    donors
        Values in ``unit``; all other units by default.
    predictors
        Columns, averaged over ``predictor_window`` (first and last period), or mappings with
        ``column``, one of ``window`` (first and last) and ``periods`` (a list), and ``name`` where
        a column occurs twice. Means leave missing values out. Without predictors the outcome in
        every period of the fit window is one, all equally important and not standardised.
    fit_window
        First and last period in which the two paths are compared to choose V; by default all before
        ``treatment_time``. Prediction errors before treatment are those of this window.
    effect_window
        Periods over which the gap is averaged; by default all from ``treatment_time``.
    importance
        ``"search"``: V with the least mean squared gap over the fit window, see
        `analysis.models.designs.synthetic_weights.search_importance`. ``"cross_validation"``
        (Abadie, Diamond and Hainmueller 2015): V so searched with ``training_predictors``, the fit
        window being the validation period, then used with ``predictors``. ``"regression"``,
        ``"equal"``, or a mapping of predictor names to numbers.
    training_predictors
        As ``predictors``, of the same names, from the training period.
    starts
        Of the search: ``"equal"``, ``"regression"``, ``"each"`` (every predictor dominant in turn).
    placebo
        Build the synthetic control of every donor from the other donors.
    placebo_limit
        Donors whose mean squared error before treatment is more than this many times that of the
        treated unit do not count in the p-value.
    placebo_time
        Also pretend that treatment came in this earlier period; all windows end before it.
    leave_one_out
        Also leave out every donor with weight in turn.

    Returns
    -------
    Estimates
        ``att``, the mean gap, which has no standard error. ``statistics``: ``mspe`` and ``rmspe``
        (fit window), ``post_rmspe``, ``rmspe_ratio``, ``loss_equal_weights``; with ``placebo`` also
        ``placebo_p`` (share of units, the treated one among them, with a ratio of errors after to
        before at least as large), ``placebo_rank``, ``n_placebos``; with ``placebo_time``
        ``placebo_time_att``, ``placebo_time_rmspe``.
        ``details``: ``weights`` (donor, value); ``balance`` (predictor: treated, synthetic,
        sample_mean of the donors, importance); ``path`` (period: treated, synthetic, gap);
        ``placebos`` (unit: att, rmspe, post_rmspe, ratio, kept), ``placebo_gaps`` (period, one
        column per unit), ``placebo_time_path``, ``leave_one_out`` (donor: att, rmspe).

    Raises
    ------
    ModelError
        If columns, options or windows are unusable, an outcome or predictor is missing, or a
        predictor does not differ between units.
    """
    outcomes = outcome_matrix(frame, outcome, unit, time)
    treated = _label(outcomes, treated_unit, "treated_unit")
    pool = _donors(outcomes, treated, donors)
    outcomes = outcomes[[treated, *pool]]
    windows = _windows(outcomes, treatment_time, fit_window, effect_window)
    listed = read_predictors(predictors, predictor_window, "predictors")
    training = read_predictors(training_predictors, predictor_window, "training_predictors")
    _check_importance(importance, listed, training)
    _check_treatment_time(listed, outcomes, treatment_time)
    setting = Setting(
        outcomes,
        _predictor_values(frame, listed, unit, time, outcomes, windows[0]),
        _predictor_values(frame, training, unit, time, outcomes, windows[0]),
        *windows,
        importance,
        _starts(starts),
        max_iterations,
        not listed,
    )
    _check_complete(setting, outcome)
    found = build(setting, treated, pool)
    facts = _facts(setting, frame, outcome, sample, f"{outcome}: {treated} from {treatment_time:g}")
    statistics, details = _describe(setting, found)
    if placebo:
        _add(statistics, details, _placebos(setting, found, placebo_limit))
    if placebo_time is not None:
        earlier = _earlier(setting, frame, (listed, training), unit, time, placebo_time)
        _add(statistics, details, _in_time(earlier, treated, pool))
    if leave_one_out:
        details["leave_one_out"] = _leave_one_out(setting, found)
    result = tabulate([ATT], np.array([found.att]), np.array([[np.nan]]), facts)
    return replace(result, statistics=statistics, details=details)


def build(setting: Setting, unit: Any, donors: list[Any]) -> Synthetic:
    """The synthetic control of ``unit`` from ``donors``."""
    control_outcomes = setting.outcomes[donors].to_numpy()
    actual = setting.outcomes[unit].to_numpy()
    controls, target = _standardised(setting, setting.predictors, unit, donors)
    fit = setting.fit
    importance = _importance(setting, unit, donors, controls, target)
    weights = unit_weights(controls, target, importance.shares)
    loss = float(np.mean((actual[fit] - control_outcomes[fit] @ weights) ** 2))
    return Synthetic(
        unit,
        donors,
        weights,
        replace(importance, loss=loss),
        actual,
        control_outcomes @ weights,
        fit,
        setting.effect,
    )


def _importance(
    setting: Setting, unit: Any, donors: list[Any], controls: Floats, target: Floats
) -> Importance:
    kind, names = setting.importance, list(setting.predictors.index)
    if not isinstance(kind, str):
        given = np.array([float(kind[name]) for name in names])
        return Importance(given / given.sum(), math.nan, "given")
    if kind == "equal" or setting.outcomes_only:
        return Importance(np.full(len(names), 1 / len(names)), math.nan, "equal")
    if kind == "cross_validation":
        controls, target = _standardised(setting, setting.training.loc[names], unit, donors)
    paths = (
        setting.outcomes.loc[setting.fit, donors].to_numpy(),
        setting.outcomes.loc[setting.fit, unit].to_numpy(),
    )
    if kind == "regression":
        return Importance(regression_importance(controls, target, *paths), math.nan, kind)
    return search_importance(controls, target, *paths, setting.starts, setting.max_iterations)


def _standardised(
    setting: Setting, predictors: pd.DataFrame, unit: Any, donors: list[Any]
) -> tuple[Floats, Floats]:
    """Predictors of the donors (k, J) and the unit (k,), in standard deviations over all of them.

    Left in the units of the outcome where they are the outcomes of the fit window.
    """
    values = predictors[[unit, *donors]]
    if not setting.outcomes_only:
        spread = values.std(axis="columns", ddof=1)
        flat = [str(name) for name in spread.index[spread == 0]]
        if flat:
            raise ModelError(f"predictors that do not differ between units: {', '.join(flat)}")
        values = values.div(spread, axis="index")
    return values[donors].to_numpy(), values[unit].to_numpy()


def _describe(
    setting: Setting, found: Synthetic
) -> tuple[dict[str, float], dict[str, pd.DataFrame]]:
    donors, fit = found.donors, found.fit
    equal = setting.outcomes[donors].mean(axis="columns").to_numpy() - found.actual
    statistics = {
        "mspe": found.rmspe(fit) ** 2,
        "rmspe": found.rmspe(fit),
        "post_rmspe": found.rmspe(found.effect),
        "rmspe_ratio": _ratio(found),
        "loss_equal_weights": float(np.mean(equal[fit] ** 2)),
    }
    values = setting.predictors
    balance = pd.DataFrame(
        {
            "term": [str(name) for name in values.index],
            "treated": values[found.unit].to_numpy(),
            "synthetic": values[donors].to_numpy() @ found.weights,
            "sample_mean": values[donors].mean(axis="columns").to_numpy(),
            "importance": found.importance.shares,
        }
    )
    weights = pd.DataFrame({"term": [str(one) for one in donors], "value": found.weights})
    return statistics, {"weights": weights, "balance": balance, "path": _path(setting, found)}


def _path(setting: Setting, found: Synthetic) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term": [period_label(period) for period in setting.outcomes.index],
            "treated": found.actual,
            "synthetic": found.counterfactual,
            "gap": found.gap,
        }
    )


def _placebos(
    setting: Setting, found: Synthetic, limit: float
) -> tuple[dict[str, float], dict[str, pd.DataFrame]]:
    """Every donor as if treated (Abadie, Diamond and Hainmueller 2010, section 3.5)."""
    others = [
        build(setting, donor, [one for one in found.donors if one != donor])
        for donor in found.donors
    ]
    everyone = [found, *others]
    table = pd.DataFrame(
        {
            "term": [str(one.unit) for one in everyone],
            "att": [one.att for one in everyone],
            "rmspe": [one.rmspe(one.fit) for one in everyone],
            "post_rmspe": [one.rmspe(one.effect) for one in everyone],
            "ratio": [_ratio(one) for one in everyone],
        }
    )
    table["kept"] = table["rmspe"] ** 2 <= limit * table["rmspe"].iloc[0] ** 2
    table.loc[0, "kept"] = True
    kept = table[table["kept"]]
    rank = int((kept["ratio"] >= table["ratio"].iloc[0]).sum())
    gaps = pd.DataFrame(
        {str(one.unit): one.gap for one in everyone},
        index=pd.Index([period_label(one) for one in setting.outcomes.index], name="term"),
    )
    statistics = {
        "placebo_p": rank / len(kept),
        "placebo_rank": float(rank),
        "n_placebos": float(len(kept) - 1),
    }
    return statistics, {"placebos": table, "placebo_gaps": gaps.reset_index()}


def _in_time(
    setting: Setting, treated: Any, pool: list[Any]
) -> tuple[dict[str, float], dict[str, pd.DataFrame]]:
    found = build(setting, treated, pool)
    statistics = {"placebo_time_att": found.att, "placebo_time_rmspe": found.rmspe(found.fit)}
    return statistics, {"placebo_time_path": _path(setting, found)}


def _earlier(
    setting: Setting,
    frame: pd.DataFrame,
    predictors: tuple[tuple[Predictor, ...], tuple[Predictor, ...]],
    unit: str,
    time: str,
    placebo_time: float,
) -> Setting:
    """The setting as it would be had treatment come at ``placebo_time``, seen until it came."""
    periods = setting.outcomes.index.to_numpy()
    last = periods[setting.effect].min()
    outcomes = setting.outcomes[periods < last]
    before = outcomes.index.to_numpy() < placebo_time
    fit = setting.fit[periods < last] & before
    if not fit.any() or before.all():
        raise ModelError(
            f"placebo_time={placebo_time:g} leaves no period of the fit window before it, or none "
            f"between it and {last:g}"
        )
    values = [
        _predictor_values(
            frame, tuple(p.before(placebo_time) for p in listed), unit, time, outcomes, fit
        )
        for listed in predictors
    ]
    return replace(
        setting,
        outcomes=outcomes,
        predictors=values[0],
        training=values[1],
        fit=fit,
        effect=~before,
    )


def _leave_one_out(setting: Setting, found: Synthetic) -> pd.DataFrame:
    rows = []
    for donor in [d for d, w in zip(found.donors, found.weights, strict=True) if w > USED]:
        rest = [one for one in found.donors if one != donor]
        if rest:
            again = build(setting, found.unit, rest)
            rows.append((str(donor), again.att, again.rmspe(again.fit)))
    return pd.DataFrame.from_records(rows, columns=["term", "att", "rmspe"])


def _ratio(found: Synthetic) -> float:
    before = found.rmspe(found.fit)
    return found.rmspe(found.effect) / before if before > 0 else math.inf


def _add(
    statistics: dict[str, float],
    details: dict[str, pd.DataFrame],
    more: tuple[dict[str, float], dict[str, pd.DataFrame]],
) -> None:
    statistics.update(more[0])
    details.update(more[1])


def _predictor_values(
    frame: pd.DataFrame,
    listed: tuple[Predictor, ...],
    unit: str,
    time: str,
    outcomes: pd.DataFrame,
    fit: NDArray[np.bool_],
) -> pd.DataFrame:
    if listed:
        return predictor_matrix(frame, listed, unit, time, list(outcomes.columns))
    return outcomes[fit].rename(index=period_label)


def _label(outcomes: pd.DataFrame, asked: Any, option: str) -> Any:
    for label in outcomes.columns:
        if label == asked or str(label) == str(asked):
            return label
    raise ModelError(
        f"{option}: no unit {asked!r}; there are {', '.join(map(str, outcomes.columns))}"
    )


def _donors(outcomes: pd.DataFrame, treated: Any, donors: Sequence[Any] | None) -> list[Any]:
    if donors is None:
        pool = [label for label in outcomes.columns if label != treated]
    else:
        named = {_label(outcomes, one, "donors") for one in donors}
        pool = [label for label in outcomes.columns if label in named]
    if treated in pool:
        raise ModelError(f"donors: the treated unit {treated!r} is among them")
    if len(pool) < 2:
        raise ModelError(f"a synthetic control needs 2 donors or more, got {len(pool)}")
    return pool


def _windows(
    outcomes: pd.DataFrame,
    treatment_time: float,
    fit_window: Sequence[float] | None,
    effect_window: Sequence[float] | None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    periods = outcomes.index.to_numpy(dtype=float)
    fit, effect = periods < treatment_time, periods >= treatment_time
    if fit_window is not None:
        first, last = one_window(fit_window, "fit_window")
        if last >= treatment_time:
            raise ModelError(f"fit_window ends in {last:g}, not before {treatment_time:g}")
        fit &= (periods >= first) & (periods <= last)
    if effect_window is not None:
        first, last = one_window(effect_window, "effect_window")
        if first < treatment_time:
            raise ModelError(f"effect_window starts in {first:g}, before {treatment_time:g}")
        effect &= (periods >= first) & (periods <= last)
    for option, chosen in (("fit_window", fit), ("effect_window", effect)):
        if not chosen.any():
            raise ModelError(
                f"{option}: no period; the data go from {periods[0]:g} to {periods[-1]:g} and "
                f"treatment starts in {treatment_time:g}"
            )
    return fit, effect


def _check_importance(
    importance: str | Mapping[str, float],
    listed: tuple[Predictor, ...],
    training: tuple[Predictor, ...],
) -> None:
    names = sorted(one.name for one in listed)
    if not isinstance(importance, str):
        if sorted(importance) != names:
            raise ModelError(f"importance: expected a number for each of {', '.join(names)}")
        values = np.array(list(importance.values()), dtype=float)
        if not (values >= 0).all() or not values.sum() > 0:
            raise ModelError("importance: numbers must not be negative, nor all zero")
        return
    check_choice("importance", importance, IMPORTANCE)
    if (importance == "cross_validation") != bool(training):
        raise ModelError("importance 'cross_validation' and training_predictors go together")
    if training and sorted(one.name for one in training) != names:
        raise ModelError(
            f"training_predictors must have the names of predictors: {', '.join(names)}"
        )


def _check_treatment_time(
    listed: tuple[Predictor, ...], outcomes: pd.DataFrame, treatment_time: float
) -> None:
    after = outcomes.index.to_numpy(dtype=float)
    after = after[after >= treatment_time]
    late = [one.name for one in listed if one.covers(after).any()]
    if late:
        raise ModelError(
            f"predictors measured from {treatment_time:g}, under treatment: {', '.join(late)}"
        )


def _starts(starts: str | Sequence[str]) -> tuple[str, ...]:
    listed = (starts,) if isinstance(starts, str) else tuple(starts)
    for name in listed:
        check_choice("starts", name, STARTS)
    if not listed:
        raise ModelError(f"starts: give at least one of {', '.join(STARTS)}")
    return listed


def _check_complete(setting: Setting, outcome: str) -> None:
    used = setting.outcomes[setting.fit | setting.effect]
    for unit in used.columns[used.isna().any()]:
        period = used.index[used[unit].isna()][0]
        raise ModelError(
            f"{outcome!r} is missing for {unit} in {period:g}; leave the unit out of the donors or "
            "the period out of the windows"
        )


def _facts(setting: Setting, frame: pd.DataFrame, outcome: str, sample: str, formula: str) -> Facts:
    used = setting.outcomes[setting.fit | setting.effect]
    return Facts(
        outcome=outcome,
        estimator="synthetic control",
        vcov="none",
        formula=formula,
        sample=sample,
        n_obs=used.size,
        n_dropped=len(frame) - used.size,
        n_units=used.shape[1],
        n_periods=len(used),
        df_t=math.inf,
        outcome_mean=float(used.to_numpy().mean()),
    )
