"""The procedures tried: estimators of the registry, as a study would call them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.interval_coverage import samples
from benchmarks.interval_coverage.readings import (
    Target,
    confidence_set,
    interval,
    specification_test,
)


@dataclass(frozen=True)
class Procedure:
    """An estimator of the registry, its arguments, and what is read from its result."""

    estimator: str
    arguments: Mapping[str, Any]
    targets: tuple[Target, ...]


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
    shares = samples.sector_shares(n, sectors)
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
