"""``small_study_effects``: PET, PEESE and the tests of Egger and Begg for a lopsided funnel."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from analysis.models.estimates import Estimates
from analysis.models.linear import ols
from analysis.models.specification import ModelError
from analysis.models.synthesis.effect_sizes import number_column

METHODS = ("pet", "peese", "pet_peese")
PRECISION = "1 / variance"


def small_study_effects(
    frame: pd.DataFrame,
    *,
    outcome: str,
    standard_error: str,
    regressors: str | Sequence[str] = (),
    method: str = "pet_peese",
    threshold: float = 0.10,
    vcov: str = "classical",
    cluster: str | Sequence[str] = (),
    small_sample: str = "full",
    inference: str = "t",
    sample: str = "all",
) -> Estimates:
    """Regress estimates on their standard error s, weights ``1 / s^2``.

    ``"pet"`` (precision-effect test): ``y = b + c s + e``; ``"peese"``: ``y = b + c s^2 + e``, with
    ``var(e)`` proportional to ``s^2`` (Stanley and Doucouliagos 2014). ``Intercept`` is the effect
    of an infinitely precise study; c is the small-study effect, and its t test in PET the one of
    Egger et al. (1997). ``"pet_peese"``: PEESE if PET's intercept has a two-sided p below
    ``threshold``, PET otherwise.

    ``regressors`` are further moderators; ``vcov``, ``cluster``, ``small_sample``, ``inference`` as
    in :func:`analysis.models.linear.ols`.

    Returns
    -------
    Estimates
        Of the method chosen, with the terms ``Intercept, standard_error`` or ``Intercept,
        sampling_variance`` and the moderators. Statistics: those of least squares;
        ``pet_estimate``, ``pet_std_error``, ``pet_p``, ``peese_estimate``, ``peese_std_error``,
        ``peese_p`` (intercepts), ``egger_estimate``, ``egger_t``, ``egger_p``; ``begg_tau``,
        ``begg_p`` (Kendall's rank correlation of standardised estimates and variances, Begg and
        Mazumdar 1994); ``peese_chosen`` (0 or 1).

    Raises
    ------
    ModelError
        For an option or column not allowed, or a standard error that is not positive.
    """
    if method not in METHODS:
        raise ModelError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if not 0 < threshold < 1:
        raise ModelError(f"threshold: expected a number between 0 and 1, got {threshold}")
    error = number_column(frame, standard_error)
    if (error <= 0).any():
        raise ModelError(f"{standard_error!r}: {int((error <= 0).sum())} values are not positive")
    columns = {"standard_error": error, "sampling_variance": error**2, PRECISION: error**-2}
    ready = frame.assign(**columns)
    moderators = (regressors,) if isinstance(regressors, str) else tuple(regressors)

    def regression(term: str) -> Estimates:
        return ols(
            ready,
            outcome=outcome,
            regressors=(term, *moderators),
            weights=PRECISION,
            vcov=vcov,
            cluster=cluster,
            small_sample=small_sample,
            inference=inference,
            sample=sample,
        )

    pet, peese = regression("standard_error"), regression("sampling_variance")
    significant = float(pet.row("Intercept")["p_value"]) < threshold
    chosen = peese if method == "peese" or (method == "pet_peese" and significant) else pet
    statistics = {
        **chosen.statistics,
        **_intercept("pet", pet),
        **_intercept("peese", peese),
        **_egger(pet),
        **_begg(ready.dropna(subset=[outcome, "standard_error", *moderators]), outcome),
        "peese_chosen": float(chosen is peese),
    }
    name = f"small_study_effects ({'peese' if chosen is peese else 'pet'})"
    return replace(chosen, facts=replace(chosen.facts, estimator=name), statistics=statistics)


def _intercept(name: str, estimates: Estimates) -> dict[str, float]:
    row = estimates.row("Intercept")
    return {
        f"{name}_estimate": float(row["estimate"]),
        f"{name}_std_error": float(row["std_error"]),
        f"{name}_p": float(row["p_value"]),
    }


def _egger(pet: Estimates) -> dict[str, float]:
    row = pet.row("standard_error")
    return {
        "egger_estimate": float(row["estimate"]),
        "egger_t": float(row["statistic"]),
        "egger_p": float(row["p_value"]),
    }


def _begg(rows: pd.DataFrame, outcome: str) -> dict[str, float]:
    variance = rows["sampling_variance"].to_numpy()
    effect = rows[outcome].to_numpy(dtype=float)
    mean = np.average(effect, weights=1 / variance)
    standardised = (effect - mean) / np.sqrt(variance - 1 / (1 / variance).sum())
    test = stats.kendalltau(standardised, variance)
    return {"begg_tau": float(test.statistic), "begg_p": float(test.pvalue)}
