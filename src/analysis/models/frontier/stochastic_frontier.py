"""Stochastic frontiers: a regression whose error is noise and one-sided inefficiency."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize, stats
from scipy.special import expit, log_ndtr, logit
from statsmodels.tools.numdiff import approx_fprime, approx_hess

from analysis.models.designs.did_panel import as_columns, check_choice, check_columns, numeric
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FRONTIERS = ("production", "cost")
DISTRIBUTIONS = ("half_normal", "truncated_normal")
# Share of inefficiency in the variance below or above which the likelihood has no inner optimum.
EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Problem:
    """Sorted arrays: ``outcome`` (n,), ``regressors`` (n, k), ``shifters`` (n, m) of the mean of
    inefficiency, ``codes`` (n,) of who shares one draw of it, ``ahead`` (n,) periods before the
    unit's last one; ``sign`` 1 for production and -1 for cost."""

    outcome: Floats
    regressors: Floats
    shifters: Floats
    codes: Codes
    ahead: Floats
    sign: float
    decays: bool


@dataclass(frozen=True, slots=True)
class Inefficiency:
    """What is known of the one-sided term given the residuals.

    The term of group i is normal (``location``, ``spread``) cut at zero, times ``decay`` (n,) in
    each row; ``log_likelihood`` is the sum over groups.
    """

    location: Floats
    spread: Floats
    decay: Floats
    log_likelihood: float


def stochastic_frontier(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: str | Sequence[str],
    frontier: str = "production",
    distribution: str = "half_normal",
    inefficiency: str | Sequence[str] = (),
    unit: str | None = None,
    time: str | None = None,
    panel: bool = False,
    time_varying: bool = False,
    sample: str = "all",
) -> Estimates:
    """Frontier :math:`y = x'b + v - u` (``"cost"``: plus u), by maximum likelihood.

    v is normal with variance :math:`\\sigma_v^2`; u is normal with mean :math:`\\mu` and variance
    :math:`\\sigma_u^2` cut at zero (Aigner, Lovell and Schmidt 1977 with :math:`\\mu = 0`;
    Stevenson 1980). With ``panel`` one u per unit (Battese and Coelli 1988); with ``time_varying``
    it is :math:`u_{it} = e^{-\\eta (t - T_i)} u_i` (Battese and Coelli 1992, :math:`T_i` the
    unit's last period). With ``inefficiency`` the mean is :math:`\\mu_{it} = d_0 + z_{it}'d`
    and every row has its own u (Battese and Coelli 1995).

    Parameters
    ----------
    outcome, regressors
        As they enter, so in logarithms for efficiencies to be shares.
    distribution
        ``"half_normal"`` or ``"truncated_normal"``; the latter always with ``inefficiency``.
    unit, time
        Needed by ``panel`` and ``time_varying``; names of the rows of ``efficiency`` otherwise.

    Returns
    -------
    Estimates
        Coefficients, ``inefficiency:...`` (d), ``mu``, ``eta``, ``sigma2`` (sum of the variances)
        and ``gamma`` (:math:`\\sigma_u^2/\\sigma^2`) by the delta method; inverse observed
        information, normal inference. ``statistics``: ``log_likelihood``, ``sigma_u``, ``sigma_v``,
        ``lambda`` (their ratio), ``log_likelihood_ols``, ``lr`` (against no inefficiency),
        ``lr_df`` and ``lr_p`` (for one restriction the mixture of chi squares 0 and 1;
        for q of them that of q - 1 and q, after Kodde and Palm 1986), ``mean_efficiency``,
        ``aic``, ``bic``.
        ``details["efficiency"]``: term (``unit``, ``unit:time`` or row number), ``value`` the mean
        of exp(-u) (for cost too; Battese and Coelli 1988), ``inefficiency`` the mean of u (Jondrow
        and others 1982).

    Raises
    ------
    ModelError
        If columns or options are unusable, or the residuals are skewed the wrong way so that the
        likelihood has no optimum with inefficiency.
    """
    check_choice("frontier", frontier, FRONTIERS)
    check_choice("distribution", distribution, DISTRIBUTIONS)
    names, shifters = as_columns(regressors), as_columns(inefficiency)
    panel = panel or time_varying
    _check_options(panel, time_varying, shifters, unit, time)
    rows = _complete(frame, outcome, names, shifters, unit, time, panel)
    problem = _problem(rows, outcome, names, shifters, (unit, time), frontier, panel, time_varying)
    truncated = distribution == "truncated_normal" and not shifters
    terms = ["Intercept", *names]
    terms += (
        ["inefficiency:Intercept", *(f"inefficiency:{z}" for z in shifters)] if shifters else []
    )
    terms += ["mu"] if truncated else []
    terms += ["eta"] if time_varying else []
    if truncated:
        problem = replace(problem, shifters=np.ones((len(rows), 1)))
    found = _maximise(problem)
    value, covariance = _natural(found, problem)
    state = _state(found, problem)
    facts = Facts(
        outcome=outcome,
        estimator=f"stochastic {frontier} frontier",
        vcov="information",
        formula=f"{outcome} ~ {' + '.join(names)}",
        sample=sample,
        n_obs=len(rows),
        n_dropped=len(frame) - len(rows),
        n_parameters=len(value),
        n_units=len(np.unique(problem.codes)) if panel else None,
        df_t=math.inf,
        outcome_mean=float(problem.outcome.mean()),
        log_likelihood=state.log_likelihood,
    )
    result = tabulate([*terms, "sigma2", "gamma"], value, covariance, facts)
    efficiency = _efficiency(state, problem, _row_names(rows, unit, time))
    statistics = _statistics(value, state, problem) | {
        "mean_efficiency": float(efficiency["value"].mean())
    }
    return replace(result, statistics=statistics, details={"efficiency": efficiency})


def _state(parameters: Floats, problem: Problem) -> Inefficiency:
    """Likelihood and conditional inefficiency at (b, d, eta, log sigma2, logit gamma).

    Battese and Coelli (1992), appendix, equations (A.3) to (A.13), with the mean of u free.
    """
    k, m = problem.regressors.shape[1], problem.shifters.shape[1]
    b, d = parameters[:k], parameters[k : k + m]
    eta = parameters[k + m] if problem.decays else 0.0
    total, share = math.exp(parameters[-2]), float(expit(parameters[-1]))
    noise, one_sided = total * (1 - share), total * share
    residual = problem.sign * (problem.outcome - problem.regressors @ b)
    decay = np.exp(eta * problem.ahead)
    counts = np.bincount(problem.codes)
    # Of rows that share a draw the mean of inefficiency is the same.
    mean = np.bincount(problem.codes, problem.shifters @ d) / counts
    denominator = noise + one_sided * np.bincount(problem.codes, decay**2)
    location = mean * noise - one_sided * np.bincount(problem.codes, decay * residual)
    location = location / denominator
    spread = np.sqrt(noise * one_sided / denominator)
    squares = np.bincount(problem.codes, residual**2) / noise + mean**2 / one_sided
    log_density = (
        -counts / 2 * math.log(2 * math.pi * noise)
        - math.log(one_sided) / 2
        - log_ndtr(mean / math.sqrt(one_sided))
        + np.log(spread)
        + log_ndtr(location / spread)
        - (squares - (location / spread) ** 2) / 2
    )
    return Inefficiency(location, spread, decay, float(log_density.sum()))


def _maximise(problem: Problem) -> Floats:
    """Maximum likelihood, started from corrected least squares, on orthogonal regressors."""
    n = len(problem.outcome)
    basis, triangle = linalg.qr(problem.regressors, mode="economic")
    scale = float(np.std(problem.outcome - basis @ (basis.T @ problem.outcome)))
    basis, triangle = basis * math.sqrt(n), triangle / math.sqrt(n)
    inner = replace(problem, regressors=basis, outcome=problem.outcome / scale)
    start = basis.T @ inner.outcome / n

    def loss(parameters: Floats) -> float:
        value = -_state(parameters, inner).log_likelihood / n
        return value if math.isfinite(value) else 1e10

    best: optimize.OptimizeResult | None = None
    for share in (0.3, 0.6, 0.9):
        result = _from(loss, inner, start, basis.mean(axis=0), share)
        if best is None or result.fun < best.fun - 1e-9:
            best = result
    assert best is not None
    k, m = basis.shape[1], problem.shifters.shape[1]
    share = float(expit(best.x[-1]))
    gradient = np.abs(approx_fprime(best.x, loss, centered=True)).max()
    if not EDGE < share < 1 - EDGE or gradient > 1e-4:
        raise ModelError(
            "no maximum with both noise and inefficiency: "
            f"gamma tends to {share:.6f}. The residuals may be skewed the wrong way for this "
            "frontier, or mu not be identified; use 'half_normal', other regressors, or least "
            "squares"
        )
    found = best.x.copy()
    found[:k] = linalg.solve_triangular(triangle, best.x[:k]) * scale
    found[k : k + m] *= scale
    found[-2] += 2 * math.log(scale)
    return found


def _from(
    loss: Callable[[Floats], float], inner: Problem, start: Floats, mean: Floats, share: float
) -> optimize.OptimizeResult:
    """Search from a given share of inefficiency in the variance."""
    b = start.copy()
    shift = inner.sign * math.sqrt(2 / math.pi) * math.sqrt(share / (1 - share * 2 / math.pi))
    b += shift * mean  # the intercept, in the orthogonal basis, moves to the frontier
    total = 1 / (1 - share * 2 / math.pi)
    extra = np.zeros(inner.shifters.shape[1] + int(inner.decays))
    x = np.concatenate([b, extra, [math.log(total), logit(share)]])
    for method in ("BFGS", "Nelder-Mead", "BFGS"):
        options = {"maxiter": 200 * len(x)} if method == "Nelder-Mead" else {"gtol": 1e-9}
        result = optimize.minimize(
            loss,
            x,
            method=method,
            jac=None if method == "Nelder-Mead" else _gradient(loss),
            options=options,
        )
        x = result.x
    return result


def _gradient(loss: Callable[[Floats], float]) -> Callable[[Floats], Floats]:
    return lambda x: np.asarray(approx_fprime(x, loss, centered=True), dtype=float)


def _natural(found: Floats, problem: Problem) -> tuple[Floats, Floats]:
    """Parameters with sigma2 and gamma in place of their transforms, and their covariance."""
    sizes = np.maximum(np.abs(linalg.qr(problem.regressors, mode="r")[0]).max(axis=0), 1e-300)
    k = problem.regressors.shape[1]
    unit = np.ones(len(found))
    unit[:k] = math.sqrt(len(problem.outcome)) * math.exp(found[-2] / 2) / sizes

    def log_likelihood(scaled: Floats) -> float:
        return _state(scaled * unit, problem).log_likelihood

    information = -np.asarray(approx_hess(found / unit, log_likelihood))
    information = (information + information.T) / 2
    if linalg.eigvalsh(information)[0] <= 0:
        raise ModelError(
            "the information matrix is singular at the optimum: regressors are collinear, or mu "
            "and gamma cannot be told apart"
        )
    covariance = np.outer(unit, unit) * linalg.inv(information)
    total, share = math.exp(found[-2]), float(expit(found[-1]))
    slopes = np.ones(len(found))
    slopes[-2:] = total, share * (1 - share)
    value = found.copy()
    value[-2:] = total, share
    return value, covariance * np.outer(slopes, slopes)


def _statistics(value: Floats, state: Inefficiency, problem: Problem) -> dict[str, float]:
    n, k = problem.regressors.shape
    residual = (
        problem.outcome
        - problem.regressors @ np.linalg.lstsq(problem.regressors, problem.outcome)[0]
    )
    ols = -n / 2 * (math.log(2 * math.pi * float(residual @ residual) / n) + 1)
    ratio, df = 2 * (state.log_likelihood - ols), len(value) - k - 1
    p_value = (stats.chi2.sf(ratio, df) + (stats.chi2.sf(ratio, df - 1) if df > 1 else 0)) / 2
    sigma_u, sigma_v = math.sqrt(value[-2] * value[-1]), math.sqrt(value[-2] * (1 - value[-1]))
    return {
        "log_likelihood": state.log_likelihood,
        "sigma_u": sigma_u,
        "sigma_v": sigma_v,
        "lambda": sigma_u / sigma_v,
        "log_likelihood_ols": ols,
        "lr": ratio,
        "lr_df": float(df),
        "lr_p": float(p_value) if ratio > 0 else 1.0,
        "aic": 2 * len(value) - 2 * state.log_likelihood,
        "bic": math.log(n) * len(value) - 2 * state.log_likelihood,
    }


def _efficiency(state: Inefficiency, problem: Problem, names: list[str]) -> pd.DataFrame:
    location, spread = state.location[problem.codes], state.spread[problem.codes]
    ratio, decay = location / spread, state.decay
    shares = np.exp(
        log_ndtr(ratio - decay * spread)
        - log_ndtr(ratio)
        - decay * location
        + (decay * spread) ** 2 / 2
    )
    mills = np.exp(stats.norm.logpdf(ratio) - log_ndtr(ratio))
    means = decay * (location + spread * mills)
    return pd.DataFrame({"term": names, "value": shares, "inefficiency": means})


def _check_options(
    panel: bool, time_varying: bool, shifters: tuple[str, ...], unit: str | None, time: str | None
) -> None:
    if panel and shifters:
        raise ModelError("inefficiency gives every row its own u: leave out panel, time_varying")
    if panel and unit is None:
        raise ModelError("panel needs the column unit")
    if time_varying and time is None:
        raise ModelError("time_varying needs the column time")


def _complete(
    frame: pd.DataFrame,
    outcome: str,
    names: tuple[str, ...],
    shifters: tuple[str, ...],
    unit: str | None,
    time: str | None,
    panel: bool,
) -> pd.DataFrame:
    numbers = list(dict.fromkeys([outcome, *names, *shifters]))
    keys = [name for name in (unit, time) if name]
    check_columns(frame, [*numbers, *keys])
    rows = frame.loc[frame[[*numbers, *keys]].notna().all(axis=1)]
    rows = rows.sort_values([*keys, *numbers], kind="stable")
    if panel and len(keys) == 2 and rows.duplicated(keys).any():
        first = rows.loc[rows.duplicated(keys), keys].iloc[0].tolist()
        raise ModelError(f"expected one row per {unit!r} and {time!r}, but {first} has more")
    return rows


def _problem(
    rows: pd.DataFrame,
    outcome: str,
    names: tuple[str, ...],
    shifters: tuple[str, ...],
    keys: tuple[str | None, str | None],
    frontier: str,
    panel: bool,
    decays: bool,
) -> Problem:
    n, (unit, time) = len(rows), keys
    constant = np.ones(n)
    regressors = np.column_stack([constant, *(numeric(rows, name) for name in names)])
    moved = np.column_stack([constant, *(numeric(rows, name) for name in shifters)])
    for what, block in (("regressors", regressors), ("inefficiency", moved)):
        if (
            n <= block.shape[1]
            or np.linalg.matrix_rank(block / np.abs(block).max(axis=0)) < (block.shape[1])
        ):
            raise ModelError(f"{what}: collinear columns or too few of the {n} complete rows")
    codes = pd.factorize(rows[unit].to_numpy(), sort=True)[0] if panel else np.arange(n)
    ahead = np.zeros(n)
    if decays:
        period = numeric(rows, str(time))
        last = pd.Series(period).groupby(codes).transform("max").to_numpy()
        ahead = last - period
    return Problem(
        outcome=numeric(rows, outcome),
        regressors=regressors,
        shifters=moved if shifters else np.empty((n, 0)),
        codes=codes.astype(np.int64),
        ahead=ahead,
        sign=1.0 if frontier == "production" else -1.0,
        decays=decays,
    )


def _row_names(rows: pd.DataFrame, unit: str | None, time: str | None) -> list[str]:
    keys = [name for name in (unit, time) if name]
    if not keys:
        return [str(number) for number in range(1, len(rows) + 1)]
    columns = [rows[name].astype(str) for name in keys]
    return [":".join(values) for values in zip(*columns, strict=True)]
