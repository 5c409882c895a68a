"""How often the 95 % intervals of the estimators hold the truth, in samples shaped like our panels.

Run ``python benchmarks/coverage.py``: it writes ``docs/coverage.csv``, one row per design, sample
size and procedure, and ``docs/coverage.md``, the same with the reading of it
(``benchmarks/coverage.md`` is its text; every number in it is looked up in the table).

A *design* draws a frame whose truth is known; every *procedure* of the design is applied to the
same draws, through the same registry of estimators and with the same plain arguments as a study.
A replication of a design has its own seed, made of the global seed, the name and size of the
design and the number of the replication: rows depend neither on order nor on each other, and a
run with fewer replications uses the first of the same draws.
"""

import argparse
import hashlib
import math
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.models.estimates import Estimates
from analysis.models.registry import call

Floats = NDArray[np.float64]
Truths = Mapping[str, float]
Sample = tuple[pd.DataFrame, Truths]

SEED = 20240607
REPLICATIONS = 400
DECIMALS = 4
PERSISTENCE = 0.6
LEVEL = 0.95
TRUSTED = (0.90, 0.99)
VERDICTS = ("too short", "too long")
NORMAL_QUARTILES = 2 * 0.6744897501960817  # their distance in standard deviations
HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
SMALL_SHORT, SMALL_LONG, LARGE_SHORT, LARGE_LONG = (30, 5), (30, 20), (270, 5), (270, 20)
PANELS = (SMALL_SHORT, SMALL_LONG, LARGE_SHORT, LARGE_LONG)
EXTREMES = (SMALL_SHORT, LARGE_LONG)
COUNTRIES = {30: 10, 270: 27}


class Draw(NamedTuple):
    """One procedure on one sample; an estimate or error that does not exist is NaN."""

    estimate: float
    std_error: float
    covers: float


class Target(NamedTuple):
    """What is read from a fit: the row's label, the kind of row, and the reading itself."""

    label: str
    kind: str
    truth: str
    read: Callable[[Estimates, float], Draw]


@dataclass(frozen=True)
class Procedure:
    """An estimator of the registry, its arguments, and what is read from its result."""

    estimator: str
    arguments: Mapping[str, Any]
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Design:
    """A data-generating process at one sample size, and the procedures applied to its draws."""

    name: str
    n: int
    t: int
    process: Callable[[np.random.Generator], Sample]
    procedures: tuple[Procedure, ...]


# --- What is read from a fit ---------------------------------------------------------------------


def interval(label: str, term: str, truth: str) -> Target:
    """Whether the 95 % interval of ``term`` holds the truth."""

    def read(estimates: Estimates, value: float) -> Draw:
        found = estimates.coefficients
        position = found["term"].tolist().index(term)
        columns = ("estimate", "std_error", "ci_low", "ci_high")
        estimate, std_error, low, high = (found[name].to_numpy()[position] for name in columns)
        if not math.isfinite(high - low):
            return Draw(estimate, math.nan, math.nan)
        return Draw(estimate, std_error, float(low <= value <= high))

    return Target(label, "interval", truth, read)


def confidence_set(label: str, p_value: str, truth: str) -> Target:
    """Whether the set of values not rejected holds the truth, from the test of the truth."""

    def read(estimates: Estimates, value: float) -> Draw:
        return Draw(math.nan, math.nan, _accepted(estimates.statistics[p_value]))

    return Target(label, "confidence set", truth, read)


def specification_test(label: str, p_value: str) -> Target:
    """Whether a test of a true hypothesis accepts it at 5 %."""

    def read(estimates: Estimates, value: float) -> Draw:
        named = estimates.statistics
        found = named[p_value] if p_value in named else getattr(estimates.facts, p_value)
        return Draw(math.nan, math.nan, _accepted(found))

    return Target(label, "test", "", read)


def _accepted(p_value: float) -> float:
    return math.nan if math.isnan(p_value) else float(p_value > 1 - LEVEL)


# --- Data-generating processes -------------------------------------------------------------------


def autoregressive(rng: np.random.Generator, rows: int, periods: int, persistence: float) -> Floats:
    """Stationary AR(1) series (rows, periods) with unit variance."""
    shocks = rng.standard_normal((rows, periods))
    series = np.empty_like(shocks)
    series[:, 0] = shocks[:, 0]
    for t in range(1, periods):
        series[:, t] = persistence * series[:, t - 1] + math.sqrt(1 - persistence**2) * shocks[:, t]
    return series


def country_codes(regions: int) -> NDArray[np.int64]:
    """Country of each region (regions,): uneven sizes, as the number of regions per country is."""
    countries = COUNTRIES[regions]
    shares = 1 / np.sqrt(np.arange(1, countries + 1))
    ends = np.round(np.cumsum(shares) / shares.sum() * regions).astype(int)
    return np.repeat(np.arange(countries), np.diff(ends, prepend=0))


def long_frame(n: int, t: int, **columns: Floats) -> pd.DataFrame:
    """Frame of n*t rows, regions by years from 1, from arrays that broadcast to (n, t)."""
    grid = {
        "region": np.arange(n)[:, None],
        "country": country_codes(n)[:, None],
        "year": np.arange(1, t + 1)[None, :],
        **columns,
    }
    return pd.DataFrame(
        {name: np.broadcast_to(values, (n, t)).ravel() for name, values in grid.items()}
    )


def panel(
    rng: np.random.Generator,
    n: int,
    t: int,
    *,
    persistence: float = PERSISTENCE,
    uneven: bool = True,
    country: float = 0.0,
    europe: float = 0.0,
    correlated: float = 1.0,
) -> Sample:
    """``y = x + region effect + year effect + e``.

    ``uneven``: the error's spread grows with the change in x. ``country`` and ``europe``: weight of
    AR(1) shocks, to x and to e apart, that a country's regions share, or that all regions share
    with a loading of their own. ``correlated``: share of the region effect that x contains.
    """
    effect = rng.standard_normal((n, 1))
    change = autoregressive(rng, n, t, persistence)
    codes = country_codes(n)
    countries = [autoregressive(rng, COUNTRIES[n], t, persistence)[codes] for _ in range(2)]
    loading = 1 + 0.5 * rng.standard_normal((n, 1))
    shared = [loading * autoregressive(rng, 1, t, persistence) for _ in range(2)]
    x = correlated * effect + change + country * countries[0] + europe * shared[0]
    spread = (0.5 + 0.5 * np.abs(change)) if uneven else 1.0
    error = spread * autoregressive(rng, n, t, persistence)
    error = error + country * countries[1] + europe * shared[1]
    year = rng.standard_normal((1, t))
    return long_frame(n, t, x=x, y=x + effect + year + error), {"x": 1.0}


def country_policy(rng: np.random.Generator, n: int, treated: int) -> Sample:
    """Cross-section with a policy of ``treated`` countries, drawn anew, and shocks of countries."""
    codes = country_codes(n)
    policy = np.zeros(COUNTRIES[n])
    policy[rng.choice(COUNTRIES[n], treated, replace=False)] = 1
    shock = 0.6 * rng.standard_normal(COUNTRIES[n])
    y = policy[codes] + shock[codes] + rng.standard_normal(n)
    frame = pd.DataFrame({"country": codes, "policy": policy[codes], "y": y})
    return frame, {"policy": 1.0}


def counts(rng: np.random.Generator, n: int, t: int) -> Sample:
    """Counts whose mean has region and year effects and an AR(1) lognormal disturbance."""
    effect = 0.5 * rng.standard_normal((n, 1))
    x = effect + autoregressive(rng, n, t, PERSISTENCE)
    disturbance = np.exp(0.5 * autoregressive(rng, n, t, PERSISTENCE) - 0.125)
    year = 0.2 * rng.standard_normal((1, t))
    y = rng.poisson(np.exp(1 + 0.3 * x + effect + year) * disturbance).astype(float)
    return long_frame(n, t, x=x, y=y), {"x": 0.3}


def hurdle_counts(rng: np.random.Generator, n: int) -> Sample:
    """Positive with probability ``1 / (1 + exp(-0.8 x))``, and then a negative binomial above zero
    with the mean ``exp(1 + 0.3 x)`` before truncation and alpha one half."""
    x = rng.standard_normal(n)
    y = np.zeros(n)
    positive = rng.uniform(size=n) < 1 / (1 + np.exp(-0.8 * x))
    while (waiting := positive & (y == 0)).any():
        mean = np.exp(1 + 0.3 * x[waiting]) * rng.gamma(2.0, 0.5, waiting.sum())
        y[waiting] = rng.poisson(mean)
    return pd.DataFrame({"x": x, "y": y}), {"count": 0.3, "zero": 0.8}


def gamma_counts(rng: np.random.Generator, n: int) -> Sample:
    """Cross-section of counts, negative binomial with variance ``mu + mu**2 / 2``."""
    x = rng.standard_normal(n)
    mean = np.exp(1 + 0.3 * x) * rng.gamma(2.0, 0.5, n)
    return pd.DataFrame({"x": x, "y": rng.poisson(mean).astype(float)}), {"x": 0.3}


def instrumented(rng: np.random.Generator, n: int, strength: float) -> Sample:
    """``y = x + u`` with four instruments, first-stage F near ``1 + strength``; corr(u, v) 0.8."""
    z = rng.standard_normal((n, 4))
    v, other = rng.standard_normal((2, n))
    x = math.sqrt(strength / n) * z.sum(axis=1) + v
    y = x + 0.8 * v + 0.6 * other
    frame = pd.DataFrame({f"z{k}": z[:, k] for k in range(4)} | {"x": x, "y": y})
    return frame, {"x": 1.0}


def instrumented_panel(rng: np.random.Generator, n: int, t: int) -> Sample:
    """``y = x + region effect + e``; x is correlated with e and not with the effect."""
    z, v, other = rng.standard_normal((3, n, t))
    x = 0.6 * z + v
    y = x + rng.standard_normal((n, 1)) + 0.8 * v + 0.6 * other
    return long_frame(n, t, x=x, y=y, z=z), {"x": 1.0}


def fixed_attributes(rng: np.random.Generator, n: int, t: int) -> Sample:
    """``y = x1 + x2 + fixed + region effect + e`` of Hausman and Taylor.

    The effect is correlated with x2 and with ``fixed``, which never varies within a region; three
    columns x1 that vary are exogenous, and their means tell about ``fixed``.
    """
    means = rng.standard_normal((3, n, 1))
    x1 = means + rng.standard_normal((3, n, t))
    effect = rng.standard_normal((n, 1))
    x2 = effect + rng.standard_normal((n, t))
    fixed = means.sum(axis=0) + effect + rng.standard_normal((n, 1))
    y = x1.sum(axis=0) + x2 + fixed + effect + rng.standard_normal((n, t))
    columns = {f"x1{k}": x1[k] for k in range(3)}
    return long_frame(n, t, x2=x2, fixed=fixed, y=y, **columns), {"x2": 1.0, "fixed": 1.0}


def dynamic(rng: np.random.Generator, n: int, t: int, rho: float) -> Sample:
    """``y[t] = rho y[t-1] + x[t] + effect + e``, stationary; x strictly exogenous."""
    start = 50
    effect = rng.standard_normal(n)
    x = 0.5 * effect[:, None] + autoregressive(rng, n, start + t, PERSISTENCE)
    shocks = rng.standard_normal((n, start + t))
    y = np.zeros((n, start + t))
    for s in range(1, start + t):
        y[:, s] = rho * y[:, s - 1] + x[:, s] + effect + shocks[:, s]
    lag = y[:, start - 1 : -1].copy()
    lag[:, 0] = np.nan  # T years of data have T - 1 lags
    return long_frame(n, t, x=x[:, start:], y=y[:, start:], lag=lag), {"lag": rho, "x": 1.0}


def staggered(rng: np.random.Generator, n: int, t: int, growing: bool) -> Sample:
    """A third of the regions never treated, the others in cohorts; AR(1) errors.

    ``growing``: the effect rises with time since treatment and is larger in earlier cohorts;
    otherwise it is 1. The truth ``att`` is the mean effect over treated rows, ``event_1`` over the
    rows one year after the first.
    """
    starts = (3, 4) if t == 5 else (8, 12, 16)
    share = n // 3
    first = np.zeros(n)
    first[share:] = np.array(starts)[np.arange(n - share) % len(starts)]
    event = np.arange(1, t + 1)[None, :] - first[:, None]
    treated = (first[:, None] > 0) & (event >= 0)
    rank = np.searchsorted(starts, first)[:, None]
    size = (1 + 3.0 * event / t) * (len(starts) - rank) / len(starts) if growing else 1.0
    effect = np.where(treated, size, 0.0)
    region = rng.standard_normal((n, 1)) + (first[:, None] > 0)
    year = rng.standard_normal((1, t))
    y = region + year + effect + autoregressive(rng, n, t, PERSISTENCE)
    frame = long_frame(n, t, y=y, first=first[:, None], treated=treated.astype(float))
    frame["first_or_none"] = frame["first"].where(frame["first"] > 0)
    after_one = treated & (event == 1)
    return frame, {"att": effect[treated].mean(), "event_1": effect[after_one].mean()}


def discontinuity(rng: np.random.Generator, n: int, fuzzy: bool) -> Sample:
    """A jump of 0.5 at zero between two curves bent in opposite ways.

    ``fuzzy``: the share treated jumps from 0.2 to 0.8, and those who take it differ unobserved.
    """
    running = rng.uniform(-1, 1, n)
    above = running >= 0
    curve = np.where(above, 0.2 * running - 1.5 * running**2, 0.8 * running + 1.5 * running**2)
    taste, noise = rng.standard_normal((2, n))
    willing = np.where(above, 0.8416, -0.8416)  # normal quantiles of 0.8 and 0.2
    treated = (taste < willing).astype(float) if fuzzy else above.astype(float)
    y = curve + 0.5 * treated + 0.5 * (0.6 * taste + 0.8 * noise)
    frame = pd.DataFrame({"running": running, "treated": treated, "y": y})
    return frame, {"jump": 0.5}


def studies(rng: np.random.Generator, n: int, spread: float) -> Sample:
    """``n`` estimates of effects scattered by ``spread`` around 0.3, with known unequal errors."""
    std_error = np.sqrt(rng.uniform(0.02, 0.3, n))
    effect = 0.3 + spread * rng.standard_normal(n)
    frame = pd.DataFrame({"y": effect + std_error * rng.standard_normal(n), "se": std_error})
    return frame, {"mean": 0.3}


def four_nearest(points: Floats) -> Floats:
    """Weights (n, n) of one quarter for the four nearest of ``points`` (n, 2)."""
    distance = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    np.fill_diagonal(distance, np.inf)
    weights = np.zeros_like(distance)
    np.put_along_axis(weights, np.argsort(distance, axis=1)[:, :4], 0.25, axis=1)
    return weights


def neighbours_panel(rng: np.random.Generator, n: int, t: int, lag: float, error: float) -> Sample:
    """``y = lag W y + x + region + year + u``, ``u = error W u + e``; x spills over as y does."""
    points = rng.uniform(size=(n, 2))
    weights = four_nearest(points)
    spread, inner = np.eye(n) - lag * weights, np.eye(n) - error * weights
    x = np.linalg.solve(np.eye(n) - 0.5 * weights, rng.standard_normal((n, t)))
    u = np.linalg.solve(inner, rng.standard_normal((n, t)))
    effects = rng.standard_normal((n, 1)) + rng.standard_normal((1, t))
    y = np.linalg.solve(spread, x + effects + u)
    east, north = points.T[:, :, None]
    frame = long_frame(n, t, x=np.asarray(x), y=np.asarray(y), east=east, north=north)
    return frame, {"x": 1.0, "rho": lag, "lambda": error}


def sector_shares(n: int, sectors: int) -> Floats:
    """Shares (n, sectors) of regions specialised in few sectors, the same in every sample."""
    return np.random.default_rng(sectors).dirichlet(np.full(sectors, 0.3), n)


def shift_shares(rng: np.random.Generator, n: int, sectors: int) -> Sample:
    """``y = x + e``, both made of the regions' shares and shocks of sectors, drawn apart."""
    shares = sector_shares(n, sectors)
    shocks, hidden = rng.standard_normal((2, sectors))
    x = shares @ shocks
    y = x + shares @ hidden + 0.3 * rng.standard_normal(n)
    return pd.DataFrame({"region": np.arange(n), "x": x, "y": y}), {"x": 1.0}


def one_treated(rng: np.random.Generator, n: int, t: int, chosen: str) -> Sample:
    """Two common factors, no effect; unit 0 is "treated" in the last quarter.

    ``chosen``: "by chance", or "the fastest growing" before treatment, as when policy follows
    success.
    """
    loadings = rng.uniform(0, 1, (n, 2))
    factors = np.cumsum(rng.standard_normal((2, t)) + 0.2, axis=1)
    y = loadings @ factors + 0.5 * rng.standard_normal((n, t))
    start = t - t // 4
    growth = y[:, start - 5 : start].mean(axis=1) - y[:, :5].mean(axis=1)
    first = 0 if chosen == "by chance" else int(np.argmax(growth))
    order = [first, *(unit for unit in range(n) if unit != first)]
    unit, year = np.repeat(np.arange(n), t), np.tile(np.arange(1, t + 1), n)
    treated = ((unit == 0) & (year > start)).astype(float)
    frame = pd.DataFrame({"unit": unit, "year": year, "y": y[order].ravel(), "treated": treated})
    return frame, {"att": 0.0}


def frontier(rng: np.random.Generator, n: int) -> Sample:
    """``y = 1 + x + v - u``, u half-normal with twice the spread of v."""
    x, v, u = rng.standard_normal((3, n))
    y = 1 + x + 0.3 * v - 0.6 * np.abs(u)
    truths = {"x": 1.0, "Intercept": 1.0, "gamma": 0.8}
    return pd.DataFrame({"x": x, "y": y}), truths


def neighbours(rng: np.random.Generator, n: int, rho: float) -> Sample:
    """Cross-section ``y = rho W y + x + e``, W of the four nearest of points in a square."""
    points = rng.uniform(size=(n, 2))
    weights = four_nearest(points)
    x = np.linalg.solve(np.eye(n) - rho * weights, rng.standard_normal(n))
    y = np.linalg.solve(np.eye(n) - rho * weights, x + rng.standard_normal(n))
    frame = pd.DataFrame({"region": np.arange(n), "x": x, "y": y})
    return frame.assign(east=points[:, 0], north=points[:, 1]), {"x": 1.0, "rho": rho}


# --- Procedures ----------------------------------------------------------------------------------

TWO_WAY = {
    "outcome": "y",
    "regressors": ["x"],
    "unit": "region",
    "time": "year",
    "absorb": ["region", "year"],
}
ERRORS: dict[str, dict[str, Any]] = {
    "classical": {"vcov": "classical"},
    "hc1": {"vcov": "hc1"},
    "by region": {"vcov": "cluster", "cluster": ["region"]},
    "by region, nested effects not counted": {
        "vcov": "cluster",
        "cluster": ["region"],
        "parameters": "nonnested",
    },
    "by country": {"vcov": "cluster", "cluster": ["country"]},
    "by region and year": {"vcov": "cluster", "cluster": ["region", "year"]},
    "Newey-West": {"vcov": "newey_west"},
    "Driscoll-Kraay": {"vcov": "driscoll_kraay"},
    "Driscoll-Kraay, no factor": {
        "vcov": "driscoll_kraay",
        "small_sample": "none",
        "inference": "residual",
    },
}


def within(*errors: str) -> tuple[Procedure, ...]:
    """Two-way within estimator under each of ``errors``."""
    return tuple(
        Procedure("within", TWO_WAY | ERRORS[name], (interval(f"within, {name}", "x", "x"),))
        for name in errors
    )


def one(estimator: str, label: str, **arguments: Any) -> Procedure:
    """An estimator of the slope of x in a panel."""
    base = {"outcome": "y", "regressors": ["x"], "unit": "region", "time": "year"}
    return Procedure(estimator, base | arguments, (interval(label, "x", "x"),))


BY_REGION = ERRORS["by region"]
FIRST_DIFFERENCES = one("first_differences", "first differences, by region", **BY_REGION)
RANDOM_CLASSICAL = one("random_effects", "random effects, classical")
RANDOM_BY_REGION = one("random_effects", "random effects, by region", **BY_REGION)


def policy_procedures() -> tuple[Procedure, ...]:
    kinds: dict[str, dict[str, Any]] = {
        "hc1": {"vcov": "hc1"},
        "by country": {"vcov": "cluster", "cluster": ["country"]},
        "CR2 by country": {"vcov": "cr2", "cluster": ["country"]},
    }
    base: dict[str, Any] = {"outcome": "y", "regressors": ["policy"]}
    return tuple(
        Procedure("ols", base | options, (interval(f"OLS, {name}", "policy", "policy"),))
        for name, options in kinds.items()
    )


def poisson_procedures() -> tuple[Procedure, ...]:
    base: dict[str, Any] = {"outcome": "y", "regressors": ["x"], "absorb": ["region", "year"]}
    kinds: dict[str, dict[str, Any]] = {
        "classical": {},
        "by region": {"vcov": "cluster", "cluster": ["region"]},
    }
    return tuple(
        Procedure("poisson", base | options, (interval(f"Poisson FE, {name}", "x", "x"),))
        for name, options in kinds.items()
    )


def cross_section_count_procedures() -> tuple[Procedure, ...]:
    base = {"outcome": "y", "regressors": ["x"]}
    negbin = base | {"distribution": "nb2"}
    return (
        Procedure("poisson", base, (interval("Poisson, classical", "x", "x"),)),
        Procedure("poisson", base | {"vcov": "hc1"}, (interval("Poisson, hc1", "x", "x"),)),
        Procedure("count_regression", negbin, (interval("NB2, classical", "x", "x"),)),
    )


def iv_procedures() -> tuple[Procedure, ...]:
    base = {"outcome": "y", "endogenous": ["x"], "instruments": ["z0", "z1", "z2", "z3"]}
    liml = base | {"method": "liml", "null": 1.0, "vcov": "classical"}
    robust_set = confidence_set("Anderson-Rubin set", "anderson_rubin_p", "x")
    return (
        Procedure("iv", base | {"vcov": "hc1"}, (interval("2SLS, hc1", "x", "x"),)),
        Procedure(
            "iv_gmm",
            liml,
            (
                interval("LIML, classical", "x", "x"),
                robust_set,
                specification_test("Sargan test", "sargan_p"),
            ),
        ),
    )


def gmm_procedures() -> tuple[Procedure, ...]:
    base = {
        "outcome": "y",
        "regressors": ["lag", "x"],
        "unit": "region",
        "time": "year",
        "gmm_instruments": [{"columns": ["y"], "lags": [2, 4], "collapse": True}],
        "iv_instruments": ["x"],
    }
    system = base | {
        "equations": "system",
        "iv_instruments": [{"columns": ["x"], "equation": "difference"}],
    }
    lsdv = {"outcome": "y", "regressors": ["lag", "x"], "unit": "region", **BY_REGION}
    tests = (
        specification_test("Hansen test, difference GMM", "hansen_p"),
        specification_test("AR(2) test, difference GMM", "m2_p"),
    )
    hansen = specification_test("Hansen test, system GMM", "hansen_p")
    return (
        Procedure("within", lsdv, (interval("within, by region", "lag", "lag"),)),
        Procedure(
            "dynamic_panel_gmm",
            base,
            (interval("difference GMM, two-step Windmeijer", "lag", "lag"), *tests),
        ),
        Procedure(
            "dynamic_panel_gmm",
            base | {"vcov": "classical"},
            (interval("difference GMM, two-step uncorrected", "lag", "lag"),),
        ),
        Procedure(
            "dynamic_panel_gmm",
            system,
            (interval("system GMM, two-step Windmeijer", "lag", "lag"), hansen),
        ),
    )


def staggered_procedures(t: int) -> tuple[Procedure, ...]:
    ends = (-3, 2) if t == 5 else (-15, 12)
    base = {"outcome": "y", "unit": "region", "time": "year", "first_treated": "first"}
    two_way = TWO_WAY | BY_REGION | {"regressors": ["treated"]}
    event_study = base | {"first_treated": "first_or_none", "window": ends}
    later = "event_time=1"
    # In twenty years there are more cells before treatment than regions: the test does not exist.
    test = specification_test("Callaway-Sant'Anna, test of trends before", "pretest_p")
    before = [test] if t == 5 else []
    return (
        Procedure("within", two_way, (interval("TWFE, by region", "treated", "att"),)),
        Procedure(
            "event_study",
            event_study,
            (
                interval("TWFE, year 1", later, "event_1"),
                specification_test("TWFE, test of trends before", "pretrend_p_value"),
            ),
        ),
        Procedure(
            "callaway_santanna",
            base | {"aggregate": ["simple", "dynamic"]},
            (
                interval("Callaway-Sant'Anna", "simple", "att"),
                interval("Callaway-Sant'Anna, year 1", later, "event_1"),
                *before,
            ),
        ),
        Procedure(
            "sun_abraham",
            base,
            (
                interval("Sun-Abraham", "att", "att"),
                interval("Sun-Abraham, year 1", later, "event_1"),
            ),
        ),
        Procedure("imputation_did", base, (interval("imputation", "att", "att"),)),
    )


def discontinuity_procedures(fuzzy: bool) -> tuple[Procedure, ...]:
    arguments: dict[str, Any] = {"outcome": "y", "running": "running"}
    if fuzzy:
        arguments["treatment"] = "treated"
    targets = tuple(interval(f"RD, {term}", term, "jump") for term in ("conventional", "robust"))
    return (Procedure("regression_discontinuity", arguments, targets),)


def meta_procedures() -> tuple[Procedure, ...]:
    base = {"outcome": "y", "standard_error": "se"}
    kinds = [
        ("equal effects", "equal", "z"),
        ("DL, normal", "dl", "z"),
        ("DL, Knapp-Hartung", "dl", "knapp_hartung"),
        ("REML, normal", "reml", "z"),
        ("REML, Knapp-Hartung", "reml", "knapp_hartung"),
    ]
    return tuple(
        Procedure(
            "meta_analysis",
            base | {"method": method, "test": test},
            (interval(f"meta-analysis, {label}", "Intercept", "mean"),),
        )
        for label, method, test in kinds
    )


def spatial_procedures() -> tuple[Procedure, ...]:
    nearest = {"kind": "nearest", "k": 4, "coordinates": ["east", "north"], "metric": "euclidean"}
    base = {"outcome": "y", "regressors": ["x"]}
    spatial = base | {"unit": "region", "matrix_options": nearest}
    return (
        Procedure("ols", base | {"vcov": "hc1"}, (interval("OLS, hc1", "x", "x"),)),
        *(
            Procedure(
                "spatial_lag",
                spatial | {"method": method},
                tuple(interval(f"{name}, {term}", term, term) for term in ("x", "rho")),
            )
            for method, name in (("ml", "spatial lag ML"), ("gmm", "spatial lag 2SLS"))
        ),
    )


def hurdle_procedures() -> tuple[Procedure, ...]:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("NB2, classical", {"distribution": "nb2"}),
        ("Poisson, hc1", {"distribution": "poisson", "vcov": "hc1"}),
    ]
    return tuple(
        Procedure(
            "hurdle",
            {"outcome": "y", "regressors": ["x"], **options},
            (
                interval(f"hurdle {label}, count", "count: x", "count"),
                interval(f"hurdle {label}, zero", "zero: x", "zero"),
            ),
        )
        for label, options in kinds
    )


def panel_instrument_procedures() -> tuple[Procedure, ...]:
    base = {"outcome": "y", "endogenous": ["x"], "instruments": ["z"]}
    panel_base = base | {"unit": "region", "time": "year"}
    fixed = base | {"absorb": ["region"], **BY_REGION}
    ec2sls = panel_base | {"transformation": "baltagi"}
    return (
        Procedure("iv", fixed, (interval("FE-2SLS, by region", "x", "x"),)),
        Procedure("random_effects_iv", panel_base, (interval("G2SLS, classical", "x", "x"),)),
        Procedure("random_effects_iv", ec2sls, (interval("EC2SLS, classical", "x", "x"),)),
        Procedure(
            "random_effects_iv",
            panel_base | BY_REGION,
            (interval("G2SLS, by region", "x", "x"),),
        ),
    )


def hausman_taylor_procedures() -> tuple[Procedure, ...]:
    exogenous = ["x10", "x11", "x12"]
    base = {"outcome": "y", "unit": "region", "time": "year"}
    chosen = base | {"regressors": exogenous, "endogenous": ["x2", "fixed"]}
    everything = base | {"regressors": [*exogenous, "x2", "fixed"]}
    return (
        Procedure(
            "hausman_taylor",
            chosen,
            tuple(interval(f"Hausman-Taylor, {name}", name, name) for name in ("x2", "fixed")),
        ),
        Procedure(
            "random_effects", everything, (interval("random effects, fixed", "fixed", "fixed"),)
        ),
    )


def spatial_panel_procedures(estimator: str, parameter: str) -> tuple[Procedure, ...]:
    nearest = {"kind": "nearest", "k": 4, "coordinates": ["east", "north"], "metric": "euclidean"}
    base: dict[str, Any] = {"outcome": "y", "regressors": ["x"], "matrix_options": nearest}
    base |= {"unit": "region", "time": "year", "absorb": ["region", "year"]}
    name = estimator.replace("_", " ")
    return tuple(
        Procedure(
            estimator,
            base | {"bias_correction": correction},
            tuple(interval(f"{name} ML{label}, {term}", term, term) for term in ("x", parameter)),
        )
        for label, correction in (("", "none"), (" corrected", "lee_yu"))
    )


def shift_share_procedures(n: int, sectors: int) -> tuple[Procedure, ...]:
    shares = sector_shares(n, sectors)
    region, sector = np.indices(shares.shape)
    table = {"row": region.ravel(), "sector": sector.ravel(), "share": shares.ravel()}
    ols = {"outcome": "y", "regressors": ["x"], "vcov": "hc1"}
    akm = {"outcome": "y", "shift_share": "x", "location": "region", "null": 1.0}
    return (
        Procedure("ols", ols, (interval("OLS, hc1", "x", "x"),)),
        Procedure(
            "shift_share",
            akm | {"shares": pd.DataFrame(table)},
            (interval("AKM", "x", "x"), confidence_set("AKM0", "akm0_p", "x")),
        ),
    )


def one_treated_procedures(t: int) -> tuple[Procedure, ...]:
    base = {"outcome": "y", "unit": "unit", "time": "year"}
    control = {"treated_unit": 0, "treatment_time": t - t // 4 + 1, "placebo": True}
    ranks = specification_test("synthetic control, placebo ranks", "placebo_p")
    return (
        Procedure("synthetic_control", base | control, (ranks,)),
        Procedure(
            "synthetic_did",
            base | {"treatment": "treated"},
            (interval("synthetic DiD, placebo", "att", "att"),),
        ),
    )


def frontier_procedures() -> tuple[Procedure, ...]:
    terms = ("x", "Intercept", "gamma")
    targets = tuple(interval(f"frontier, {term}", term, term) for term in terms)
    return (Procedure("stochastic_frontier", {"outcome": "y", "regressors": ["x"]}, targets),)


# --- Designs -------------------------------------------------------------------------------------


def designs() -> list[Design]:
    """Every design at every size, in the order of the table."""
    return [
        *panel_designs(),
        *policy_designs(),
        *count_designs(),
        *instrument_designs(),
        *dynamic_designs(),
        *staggered_designs(),
        *discontinuity_designs(),
        *meta_designs(),
        *spatial_designs(),
        *shift_share_designs(),
        *one_treated_designs(),
        Design("frontier", 270, 1, partial(frontier, n=270), frontier_procedures()),
    ]


def panel_designs() -> list[Design]:
    serial = within(
        "classical", "hc1", "by region", "by region, nested effects not counted", "Newey-West"
    )
    country = within("by region", "by country", "Driscoll-Kraay, no factor")
    europe = within("by region", "by region and year", "Driscoll-Kraay")
    independent = {"persistence": 0.0, "uneven": False}
    table: list[tuple[str, dict[str, Any], Sequence[tuple[int, int]], tuple[Procedure, ...]]] = [
        (
            "independent errors",
            independent,
            (SMALL_SHORT,),
            within("classical", "hc1", "by region"),
        ),
        ("serial", {}, PANELS, (*serial, FIRST_DIFFERENCES)),
        ("serial, effects in x", {}, EXTREMES, (RANDOM_CLASSICAL,)),
        (
            "serial, effects not in x",
            {"correlated": 0.0},
            EXTREMES,
            (RANDOM_CLASSICAL, RANDOM_BY_REGION),
        ),
        ("country shocks", {"country": 0.7}, PANELS, country),
        ("Europe-wide shocks", {"europe": 0.7}, PANELS, europe),
    ]
    return [
        Design(name, n, t, partial(panel, n=n, t=t, **options), procedures)
        for name, options, sizes, procedures in table
        for n, t in sizes
    ]


def policy_designs() -> list[Design]:
    sizes = [("a third of countries", 30, 3), ("a third of countries", 270, 9)]
    sizes += [("two countries", n, 2) for n in COUNTRIES]
    return [
        Design(
            f"policy of {name}", n, 1, partial(country_policy, n=n, treated=m), policy_procedures()
        )
        for name, n, m in sizes
    ]


def count_designs() -> list[Design]:
    return [
        *(
            Design("counts", n, t, partial(counts, n=n, t=t), poisson_procedures())
            for n, t in PANELS
        ),
        Design("hurdle counts", 270, 1, partial(hurdle_counts, n=270), hurdle_procedures()),
        *(
            Design(
                "gamma counts", n, 1, partial(gamma_counts, n=n), cross_section_count_procedures()
            )
            for n in COUNTRIES
        ),
    ]


def instrument_designs() -> list[Design]:
    cross_sections = [
        Design(f"{name} instruments", n, 1, partial(instrumented, n=n, strength=s), iv_procedures())
        for name, s in (("strong", 30.0), ("weak", 1.0))
        for n in COUNTRIES
    ]
    panels = [
        ("instrumented panel", instrumented_panel, panel_instrument_procedures()),
        ("fixed attributes", fixed_attributes, hausman_taylor_procedures()),
    ]
    return cross_sections + [
        Design(name, n, t, partial(process, n=n, t=t), procedures)
        for name, process, procedures in panels
        for n, t in (SMALL_SHORT, LARGE_SHORT)
    ]


def dynamic_designs() -> list[Design]:
    return [
        Design(f"dynamic, rho {rho}", n, t, partial(dynamic, n=n, t=t, rho=rho), gmm_procedures())
        for rho, sizes in ((0.5, PANELS[:3]), (0.9, (LARGE_SHORT,)))
        for n, t in sizes
    ]


def staggered_designs() -> list[Design]:
    return [
        Design(
            f"staggered, {'growing' if growing else 'same'} effect",
            n,
            t,
            partial(staggered, n=n, t=t, growing=growing),
            staggered_procedures(t),
        )
        for growing, sizes in ((False, (SMALL_SHORT,)), (True, PANELS[:3]))
        for n, t in sizes
    ]


def discontinuity_designs() -> list[Design]:
    return [
        Design(
            f"{'fuzzy' if fuzzy else 'sharp'} discontinuity",
            n,
            1,
            partial(discontinuity, n=n, fuzzy=fuzzy),
            discontinuity_procedures(fuzzy),
        )
        for fuzzy in (False, True)
        for n in (270, 1000)
    ]


def meta_designs() -> list[Design]:
    return [
        Design(f"studies, {name}", n, 1, partial(studies, n=n, spread=spread), meta_procedures())
        for name, spread, sizes in (("one effect", 0.0, (10,)), ("scattered", 0.3, (5, 10, 30)))
        for n in sizes
    ]


def spatial_designs() -> list[Design]:
    panels = [
        ("neighbours, lag", (SMALL_SHORT, LARGE_SHORT), "spatial_lag", "rho", (0.5, 0.0)),
        ("neighbours, error", (SMALL_SHORT,), "spatial_error", "lambda", (0.0, 0.5)),
    ]
    return [
        *(
            Design("neighbours", n, 1, partial(neighbours, n=n, rho=0.5), spatial_procedures())
            for n in COUNTRIES
        ),
        *(
            Design(
                name,
                n,
                t,
                partial(neighbours_panel, n=n, t=t, lag=lag, error=error),
                spatial_panel_procedures(estimator, parameter),
            )
            for name, sizes, estimator, parameter, (lag, error) in panels
            for n, t in sizes
        ),
    ]


def shift_share_designs() -> list[Design]:
    return [
        Design(
            f"shares of {sectors} sectors",
            270,
            1,
            partial(shift_shares, n=270, sectors=sectors),
            shift_share_procedures(270, sectors),
        )
        for sectors in (20, 100)
    ]


def one_treated_designs() -> list[Design]:
    return [
        Design(
            f"one treated, {chosen}",
            20,
            20,
            partial(one_treated, n=20, t=20, chosen=chosen),
            one_treated_procedures(20),
        )
        for chosen in ("by chance", "the fastest growing")
    ]


# --- Replication ---------------------------------------------------------------------------------


def simulate(design: Design, replications: int, seed: int = SEED) -> pd.DataFrame:
    """One row per target of the design, with the columns of the table.

    ``bias`` and ``median_bias`` are the mean and median error, ``spread`` the distance of the
    quartiles of the estimates in normal standard deviations, ``se_ratio`` the median standard error
    over that spread, ``coverage`` the share of intervals that hold the truth and ``size`` the share
    of tests at 5 % that reject the truth, which is the complement. A test that is not of a
    coefficient has only a size. ``undefined`` counts fits that failed or gave no interval; they
    enter nothing else. The ``_error`` columns are Monte-Carlo standard errors.
    """
    targets = [target for procedure in design.procedures for target in procedure.targets]
    draws = np.full((replications, len(targets), 3), np.nan)
    truths: Truths = {}
    for replication in range(replications):
        frame, truths = design.process(generator(design, replication, seed))
        draws[replication] = [
            draw for procedure in design.procedures for draw in _apply(procedure, frame, truths)
        ]
    rows = [
        {"design": design.name, "n": design.n, "t": design.t, "procedure": target.label}
        | _summary(draws[:, k], target, truths.get(target.truth, math.nan))
        for k, target in enumerate(targets)
    ]
    return pd.DataFrame(rows)


def generator(design: Design, replication: int, seed: int) -> np.random.Generator:
    """Random numbers of one replication; the same whatever else is simulated."""
    name = f"{design.name}/{design.n}/{design.t}"
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return np.random.default_rng(np.random.SeedSequence([seed, digest, replication]))


def _apply(procedure: Procedure, frame: pd.DataFrame, truths: Truths) -> list[Draw]:
    try:
        estimates = call(procedure.estimator, frame, procedure.arguments)
    except ModelError:
        return [Draw(math.nan, math.nan, math.nan)] * len(procedure.targets)
    return [
        target.read(estimates, truths.get(target.truth, math.nan)) for target in procedure.targets
    ]


def _summary(draws: Floats, target: Target, truth: float) -> dict[str, Any]:
    used = draws[~np.isnan(draws[:, 2])]
    if not len(used):
        raise RuntimeError(f"{target.label}: no replication gave a result")
    estimates, std_errors, covers = used.T
    accepted, n = covers.mean(), len(used)
    # From the quartiles: LIML with weak instruments and a fuzzy jump have no variance.
    spread = np.diff(np.quantile(estimates, [0.25, 0.75]))[0] / NORMAL_QUARTILES
    coverage = math.nan if target.kind == "test" else accepted
    return {
        "kind": target.kind,
        "replications": len(draws),
        "undefined": len(draws) - n,
        "truth": truth,
        "bias": estimates.mean() - truth,
        "bias_error": estimates.std(ddof=1) / math.sqrt(n),
        "median_bias": np.median(estimates) - truth,
        "spread": spread,
        "se_ratio": np.median(std_errors) / spread,
        "coverage": coverage,
        "size": 1 - accepted,
        "coverage_error": math.sqrt(accepted * (1 - accepted) / n),
        "verdict": verdict(accepted, target.kind),
    }


def verdict(accepted: float, kind: str) -> str:
    """What to mark where the truth is accepted in less than 90 % or more than 99 % of samples."""
    short, long = ("rejects too often", "rejects too rarely") if kind == "test" else VERDICTS
    low, high = TRUSTED
    return short if accepted < low else long if accepted > high else ""


def table(replications: int, seed: int = SEED, workers: int = 1) -> pd.DataFrame:
    """The results of every design; the same whatever the number of processes."""
    # Small matrices: threads of the linear algebra only cost time. Read when a process starts.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        tasks = [
            pool.submit(_simulate_numbered, position, replications, seed)
            for position in range(len(designs()))
        ]
        return pd.concat([task.result() for task in tasks], ignore_index=True)


def _simulate_numbered(position: int, replications: int, seed: int) -> pd.DataFrame:
    """`simulate` by number: a design holds functions, which do not travel between processes."""
    design, start = designs()[position], time.perf_counter()
    result = simulate(design, replications, seed)
    seconds = time.perf_counter() - start
    print(f"{design.name}, N = {design.n}, T = {design.t}: {seconds:.0f} s", flush=True)
    return result


# --- Documentation -------------------------------------------------------------------------------


def document(results: pd.DataFrame, template: str) -> str:
    """The template with its ``[[...]]`` replaced by numbers and tables of ``results``.

    ``[[design | N | T | procedure]]`` becomes that coverage in per cent (for a test, its size); the
    same followed by ``| column`` that column with two decimals; ``[[table: name; name]]`` the rows
    of the designs whose names start so; ``[[marked]]`` and ``[[intervals]]`` how many intervals are
    marked and how many there are; ``[[replications]]`` and ``[[seed]]`` what they say.
    """
    intervals = results[results["kind"] != "test"]
    counted = {
        "replications": results["replications"].max(),
        "seed": SEED,
        "intervals": len(intervals),
        "marked": (intervals["verdict"] != "").sum(),
    }
    index = results.set_index(["design", "n", "t", "procedure"])

    def found(match: re.Match[str]) -> str:
        content = match[1].strip()
        if content.startswith("table:"):
            return _markdown(results, tuple(content.removeprefix("table:").strip().split("; ")))
        if content in counted:
            return str(counted[content])
        design, n, t, procedure, *column = (part.strip() for part in content.split("|"))
        row = index.loc[(design, int(n), int(t), procedure)]
        if column:
            return _number(row[column[0]], 2)
        return f"{100 * (row['size'] if row['kind'] == 'test' else row['coverage']):.1f} %"

    return re.sub(r"\[\[(.+?)\]\]", found, template)


def _markdown(results: pd.DataFrame, prefixes: tuple[str, ...]) -> str:
    rows = results[results["design"].str.startswith(prefixes)]
    if rows.empty:
        raise ValueError(f"no design starts with any of {prefixes}")
    lines = [
        "| design | N | T | procedure | bias | median bias | s.e. / spread | coverage, % | size, % "
        "| no result | do not trust |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    return "\n".join(lines + [_line(row) for row in rows.to_dict("records")])


def _line(row: Mapping[str, Any]) -> str:
    error = f"± {100 * row['coverage_error']:.1f}"
    size = f"{100 * row['size']:.1f}"
    is_test = row["kind"] == "test"
    cells = [
        *(row["design"], str(row["n"]), str(row["t"]), row["procedure"]),
        *(_number(row[column], 3) for column in ("bias", "median_bias")),
        _number(row["se_ratio"], 2),
        "" if is_test else f"{100 * row['coverage']:.1f} {error}",
        f"{size} {error}" if is_test else size,
        str(row["undefined"]) if row["undefined"] else "",
        f"**{row['verdict']}**" if row["verdict"] else "",
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:z.{decimals}f}"


def read_results(path: Path) -> pd.DataFrame:
    """The table that `main` has written."""
    return pd.read_csv(path).fillna({"verdict": ""})


def main() -> None:
    parser = argparse.ArgumentParser(description="Monte-Carlo coverage of the 95 % intervals.")
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder for the two files")
    options = parser.parse_args()
    results = table(options.replications, workers=options.workers).round(DECIMALS)
    options.output.mkdir(parents=True, exist_ok=True)
    template = (HERE / "coverage.md").read_text(encoding="utf-8")
    write(options.output / "coverage.md", document(results, template))
    write(options.output / "coverage.csv", results.to_csv(index=False))


def write(path: Path, text: str) -> None:
    """Replace a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


if __name__ == "__main__":
    main()
