"""The rows a likelihood uses, and the facts every likelihood model reports."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.models.counts.covariances import SMALL_SAMPLES, small_sample_text
from analysis.models.design import Design, build_design
from analysis.models.estimates import Facts
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
Columns = str | Sequence[str]
INFERENCES = ("normal", "t")


@dataclass(frozen=True, slots=True)
class Sample:
    """Complete rows in a fixed order, ``offset`` (n,) apart from the regressors."""

    specification: Specification
    design: Design
    offset: Floats

    def block(self, names: tuple[str, ...], intercept: bool) -> tuple[Floats, tuple[str, ...]]:
        """Regressors (n, k) by name, after the intercept if there is one, and their terms."""
        terms = ("Intercept", *names) if intercept else names
        if not terms:
            raise ModelError("a model without an intercept needs a regressor")
        columns = list(self.design.exogenous_terms)
        ones = np.ones(len(self.offset))
        listed = [
            ones if term == "Intercept" else self.design.exogenous[:, columns.index(term)]
            for term in terms
        ]
        return np.column_stack(listed), terms


def build_sample(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: tuple[str, ...],
    offset: str | None,
    weights: str | None,
    cluster: tuple[str, ...],
    unit: str | None,
    time: str | None,
    sample: str,
) -> Sample:
    """Rows with every value known; the outcome must not be negative."""
    if "Intercept" in regressors:
        raise ModelError("a regressor may not be called Intercept")
    if offset in regressors:
        raise ModelError(f"the offset {offset!r} is also a regressor")
    spec = Specification(
        outcome=outcome,
        regressors=(*regressors, *([offset] if offset else [])),
        estimator="poisson",  # for its check of the outcome
        vcov="cluster" if cluster else "hc0",
        cluster=cluster,
        weights=weights,
        unit=unit,
        time=time,
        sample=sample,
    )
    design = build_design(spec, frame)
    values = design.exogenous[:, -1] if offset else np.zeros(len(design.outcome))
    return Sample(spec, design, values)


def check_counts(outcome: str, values: Floats) -> None:
    """Refuse an outcome that is no count, or no positive one."""
    if (values != np.round(values)).any():
        count = int((values != np.round(values)).sum())
        raise ModelError(
            f"{outcome!r}: {count} values are no whole numbers, for which this distribution is not "
            "defined; use distribution='poisson' with vcov='hc0', which needs none"
        )
    if not values.any():
        raise ModelError(f"every outcome {outcome!r} is zero")


def check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    """`ModelError` with the allowed values if ``value`` is none of them."""
    if value not in allowed:
        raise ModelError(f"{option}: {value!r} is not one of {', '.join(allowed)}")


def check_covariance_options(
    vcov: str, allowed: Sequence[str], small_sample: str, inference: str, cluster: tuple[str, ...]
) -> None:
    """Check the options all likelihood models share."""
    check_choice("vcov", vcov, allowed)
    check_choice("small_sample", small_sample, SMALL_SAMPLES)
    check_choice("inference", inference, INFERENCES)
    if (vcov == "cluster") != bool(cluster):
        raise ModelError(f"vcov='cluster' and cluster go together, got {vcov!r} and {cluster}")


def model_facts(
    sample: Sample,
    *,
    estimator: str,
    formula: str,
    vcov: str,
    small_sample: str,
    inference: str,
    n_parameters: int,
    log_likelihood: float,
    pseudo_r_squared: float = math.nan,
) -> Facts:
    """Facts of a likelihood model; t inference has ``n - K`` or ``G - 1`` degrees of freedom."""
    design, spec = sample.design, sample.specification
    n = len(design.outcome)
    clusters = [int(codes.max()) + 1 for codes in design.clusters.T]
    df = float(min(clusters) - 1 if clusters else n - n_parameters)
    return Facts(
        outcome=spec.outcome,
        estimator=estimator,
        vcov=vcov,
        formula=formula,
        cluster=" + ".join(spec.cluster),
        weights=spec.weights or "",
        sample=spec.sample,
        small_sample=small_sample_text(vcov, small_sample),
        n_obs=n,
        n_dropped=design.n_dropped,
        n_parameters=n_parameters,
        n_units=None if design.units is None else len(np.unique(design.units)),
        n_periods=None if design.periods is None else len(np.unique(design.periods)),
        n_clusters=min(clusters, default=None),
        df_t=math.inf if inference == "normal" else df,
        outcome_mean=float(design.outcome.mean()),
        log_likelihood=log_likelihood,
        pseudo_r_squared=pseudo_r_squared,
    )


def information_criteria(log_likelihood: float, n: int, n_parameters: int) -> dict[str, float]:
    """``aic`` and ``bic``."""
    return {
        "aic": 2 * n_parameters - 2 * log_likelihood,
        "bic": math.log(n) * n_parameters - 2 * log_likelihood,
    }


def chi_squared(name: str, value: float, df: int) -> dict[str, float]:
    """``{name}_chi2``, ``{name}_df``, ``{name}_p``."""
    p_value = float(stats.chi2.sf(value, df))
    return {f"{name}_chi2": value, f"{name}_df": float(df), f"{name}_p": p_value}


def as_tuple(columns: Columns) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (columns,) if isinstance(columns, str) else tuple(columns)
