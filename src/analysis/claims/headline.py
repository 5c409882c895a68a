"""The headline regression of a claim, and the tests that could have failed it.

A test passes when another kind of inference, another sample or an earlier date leaves what the
headline says as it is, whether that is yes, no, nothing that matters or too imprecise to say. So a
headline is not faulted for being uncertain, only for depending on how its error was computed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import CompendiumError
from analysis.claims.declaration import Claim
from analysis.claims.findings import Check, Finding, sample_of
from analysis.claims.rule import DEFAULT, headline_word
from analysis.claims.verdict import hypothesis_of
from analysis.models import Estimates, Specification, fit
from analysis.robustness.moments import Moments, moments_of
from analysis.robustness.solve import Batch, solve
from analysis.robustness.wild_bootstrap import BootstrapTest, wild_bootstrap

Floats = NDArray[np.float64]

EARTH_KM = 6371.0
FEWEST_COUNTRIES = 5
#: Fewer clusters than this have draws of six points instead of two.
FEW_CLUSTERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A headline estimate with what the tests found.

    rows: the complete rows behind it. inference: one row per way of computing the error, with
    ``inference, estimate, ci_low, ci_high, p_value``. without: the same without each ``country``,
    lowest estimate first; empty when there are too few countries. omitted: why a
    test could not be made, by its name.
    """

    model: Estimates
    finding: Finding
    checks: tuple[Check, ...]
    rows: pd.DataFrame
    inference: pd.DataFrame
    without: pd.DataFrame
    omitted: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The regression: ``outcome`` on ``focus`` and ``controls`` with ``effects`` absorbed.

    leads: columns of money, or of what else acts, dated after the outcome; ``beside`` are the
    lags estimated together with them. bootstrap: take the headline's interval and p-value from the
    wild bootstrap over countries. cutoff_km: where the spatial kernel, falling in a straight line
    from one at distance zero, reaches zero.
    """

    outcome: str
    focus: str
    effects: tuple[str, ...]
    controls: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    weights: str | None = None
    cluster: str = "geo"
    country: str = "country"
    bootstrap: bool = False
    scale: float = 1.0
    cutoff_km: float = 500.0

    def specification(self, regressors: Sequence[str]) -> Specification:
        """The regression with other regressors."""
        return Specification(
            outcome=self.outcome,
            regressors=tuple(regressors),
            absorb=self.effects,
            weights=self.weights,
            vcov="cluster",
            cluster=(self.cluster,),
            unit=self.cluster,
            time="year",
        )


def complete_rows(design: Design, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``frame`` in which every column of the headline has a value."""
    needed = [design.outcome, design.focus, *design.controls, *design.effects]
    needed += [design.weights] if design.weights else []
    return frame.dropna(subset=needed).reset_index(drop=True)


def estimate_headline(
    claim: Claim, design: Design, frame: pd.DataFrame, *, label: str | tuple[str, str], seed: int
) -> Headline:
    """Estimate the headline of ``claim`` and put it to the tests that its data allow.

    The tests: leads jointly zero, wild bootstrap by country, errors correlated over space, every
    country left out in turn. ``frame`` has a row per region and year with the columns of the
    design, ``country``, ``year``, ``lon`` and ``lat``.

    Raises ModelError when the headline itself cannot be estimated.
    """
    rows = complete_rows(design, frame)
    model = fit(design.specification((design.focus, *design.controls)), rows)
    finding = Finding.of(model, design.focus, label=label, scale=design.scale, **sample_of(rows))
    others, omitted = _other_inference(design, rows, seed)
    if design.bootstrap and "wild bootstrap" in others:
        finding = _bootstrapped(finding, others.pop("wild bootstrap"))
    checks = [
        Check(name, _says_the_same(claim, finding, other), other["p_value"])
        for name, other in others.items()
    ]
    without = _without_each(design, rows)
    if len(without):
        same = [_says_the_same(claim, finding, row) for row in without.to_dict("records")]
        checks.append(Check("leave one country out", all(same)))
    if design.leads:
        try:
            checks.insert(0, Check.not_rejected("pre-trends", leads_p_value(design, frame)))
        except CompendiumError as problem:
            omitted["pre-trends"] = str(problem)
    return Headline(
        model=model,
        finding=finding,
        checks=tuple(checks),
        rows=rows,
        inference=_inference_table(finding, others),
        without=without,
        omitted=omitted,
    )


def leads_p_value(design: Design, frame: pd.DataFrame) -> float:
    """p-value of the joint test that the leads are zero, estimated together with the lags.

    Raises ModelError when the leads cannot be estimated or tested.
    """
    columns = tuple(dict.fromkeys((*design.leads, *design.beside, design.focus)))
    rows = complete_rows(replace(design, controls=(*columns, *design.controls)), frame)
    regressors = (*columns, *design.controls)
    p_value = fit(design.specification(regressors), rows).wald(list(design.leads)).p_value
    if math.isnan(p_value):
        raise CompendiumError("the leads cannot be tested jointly: too few clusters")
    return p_value


def spatial_kernel(places: pd.DataFrame, cutoff_km: float) -> Floats:
    """(n, n) weights 1 - d / cutoff of pairs nearer than ``cutoff_km``, 0 of others.

    places: ``lon`` and ``lat`` in degrees; d is the great-circle distance in kilometres.
    """
    lon, lat = np.radians(places["lon"].to_numpy(float)), np.radians(places["lat"].to_numpy(float))
    half = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    distance = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    kernel: Floats = np.clip(1 - distance / cutoff_km, 0, None)
    return kernel


def _other_inference(
    design: Design, rows: pd.DataFrame, seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Estimate, interval and p-value by name of the check; and why one could not be made."""
    found, omitted = {}, {}
    for name, compute in {"wild bootstrap": _wild_bootstrap, "spatial errors": _conley}.items():
        try:
            found[name] = compute(design, rows, seed)
        except CompendiumError as problem:
            omitted[name] = str(problem)
    return found, omitted


def _wild_bootstrap(design: Design, rows: pd.DataFrame, seed: int) -> dict[str, float]:
    n_countries = rows[design.country].nunique()
    if n_countries < FEWEST_COUNTRIES:
        raise CompendiumError(
            f"{n_countries} countries are too few for a bootstrap over them; "
            f"at least {FEWEST_COUNTRIES} are needed"
        )
    moments = _moments(design, rows, design.country)
    test: BootstrapTest = wild_bootstrap(
        moments,
        design.outcome,
        design.focus,
        design.controls,
        weights="webb" if n_countries <= FEW_CLUSTERS else "rademacher",
        seed=seed,
    )
    return _scaled(design, test.estimate, test.ci_low, test.ci_high, test.p_value)


def _conley(design: Design, rows: pd.DataFrame, seed: int) -> dict[str, float]:
    """Errors of neighbours correlated, and of a region with itself over time. No draws."""
    places = rows.groupby(design.cluster)[["lon", "lat"]].first()
    if places.isna().to_numpy().any():
        raise CompendiumError("regions without coordinates: errors over space cannot be computed")
    moments = _moments(design, rows, design.cluster)
    kernel = spatial_kernel(places.loc[list(moments.clusters)], design.cutoff_km)
    return _solved(design, moments, vcov="conley", kernel=kernel)


def _moments(design: Design, rows: pd.DataFrame, cluster: str) -> Moments:
    columns = [design.outcome, design.focus, *design.controls]
    return moments_of(rows, columns, cluster=cluster, absorb=design.effects, weights=design.weights)


def _solved(design: Design, moments: Moments, **errors: Any) -> dict[str, float]:
    """The headline from its moments."""
    batch = Batch.named(moments, [(design.outcome, design.focus, design.controls)])
    row = solve(moments, batch, **errors).iloc[0]
    if not math.isfinite(row["std_error"]):
        raise CompendiumError(f"there is no such error: {row['flag']}")
    return _scaled(design, row["estimate"], row["ci_low"], row["ci_high"], row["p_value"])


def _scaled(design: Design, estimate: float, low: float, high: float, p: float) -> dict[str, float]:
    ends = sorted((design.scale * low, design.scale * high))
    return {
        "estimate": design.scale * estimate,
        "ci_low": ends[0],
        "ci_high": ends[1],
        "p_value": float(p),
    }


def _bootstrapped(finding: Finding, test: dict[str, float]) -> Finding:
    """The finding with the bootstrap's p-value, and its interval where that has two ends."""
    low, high = test["ci_low"], test["ci_high"]
    if not math.isfinite(low) or not math.isfinite(high):
        low, high = finding.ci_low, finding.ci_high
    return replace(finding, p_value=test["p_value"], ci_low=low, ci_high=high)


def _says_the_same(claim: Claim, headline: Finding, other: dict[str, float]) -> bool:
    """Whether the rule's first step gives the same word with the other interval and p-value."""
    about = hypothesis_of(claim, headline)
    bounds = np.nan_to_num([other["ci_low"], other["ci_high"]], posinf=1e300, neginf=-1e300)
    low, high = float(bounds[0]), float(bounds[1])
    estimate = min(max(other["estimate"], low), high)
    second = replace(
        headline, estimate=estimate, ci_low=low, ci_high=high, p_value=other["p_value"]
    )
    return headline_word(about, headline, DEFAULT) == headline_word(about, second, DEFAULT)


def _without_each(design: Design, rows: pd.DataFrame) -> pd.DataFrame:
    """The headline without each country, lowest first; no row with fewer than three countries."""
    countries = sorted(rows[design.country].unique())
    found = []
    for country in countries if len(countries) > 2 else []:
        try:
            moments = _moments(design, rows[rows[design.country] != country], design.cluster)
            found.append({"country": country, **_solved(design, moments)})
        except CompendiumError:
            continue
    columns = ["country", "estimate", "ci_low", "ci_high", "p_value"]
    return pd.DataFrame(found, columns=columns).sort_values(
        ["estimate", "country"], ignore_index=True
    )


def _inference_table(finding: Finding, others: dict[str, dict[str, float]]) -> pd.DataFrame:
    main = {
        "estimate": finding.estimate,
        "ci_low": finding.ci_low,
        "ci_high": finding.ci_high,
        "p_value": finding.p(finding.null or 0.0),
    }
    rows = [{"inference": name, **row} for name, row in {"headline": main, **others}.items()]
    return pd.DataFrame(rows)
