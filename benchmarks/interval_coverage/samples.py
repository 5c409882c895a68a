"""Samples of known truth in the shapes of our panels.

Each function draws a frame and says what is true of it, coefficient by coefficient.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truths = Mapping[str, float]
Sample = tuple[pd.DataFrame, Truths]

PERSISTENCE = 0.6
COUNTRIES = {30: 10, 270: 27}


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
