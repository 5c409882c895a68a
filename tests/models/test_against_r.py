"""Every estimator that an R package also has, against that package.

``tests/golden/r/reference.json`` holds what R computed, with the versions of its packages; the
script beside it makes it anew. Here each stored result names the call that must give the same. What
is compared is every coefficient, standard error and statistic stored; none is left out.
"""

import importlib.util
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.models import registry
from analysis.models.estimates import Estimates

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "r"
REFERENCE = json.loads((FOLDER / "reference.json").read_text())
RESULTS: dict[str, dict[str, dict[str, float]]] = REFERENCE["results"]
Arguments = dict[str, Any]
Statistic = str | Callable[[Estimates], float]


def load_datasets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("r_datasets", FOLDER / "datasets.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DATASETS = load_datasets()


@cache
def tables() -> dict[str, pd.DataFrame]:
    """The tables R read, with the columns that R's formulas made."""
    result = DATASETS.tables()
    dynamic = result["dynamic"]
    earlier = dynamic.assign(t=dynamic["t"] + 1).rename(columns={"y": "y1"})[["id", "t", "y1"]]
    first_states = sorted(result["munnell"]["state"].unique())
    entrants = [first_states[place] for place in (0, 1, 4, 5, 8, 11)]
    unbalanced = result["munnell_unbalanced"]
    return result | {
        "dynamic": dynamic.merge(earlier, on=["id", "t"], how="left"),
        "entrants": unbalanced[unbalanced["state"].isin(entrants)],
        "card": result["card"].assign(weight=result["card"]["exper"] + 1),
        "counts": result["counts"].assign(any=(result["counts"]["y"] > 0).astype(float)),
        "trials": result["trials"].assign(error=np.sqrt(result["trials"]["variance"])),
    }


@dataclass(frozen=True, slots=True)
class Case:
    """How to compute a stored result: an estimator and its arguments.

    ``statistics``: where a stored statistic is not called as ours, its name or a function.
    ``tolerance`` is relative.
    """

    estimator: str
    table: str
    arguments: Arguments
    statistics: dict[str, Statistic] = field(default_factory=dict)
    tolerance: float = 1e-8


CASES: dict[str, Case] = {}
INVESTMENT: Arguments = {"outcome": "invest", "regressors": ["value", "capital"], "unit": "firm"}
OUTPUT: Arguments = {
    "outcome": "gsp",
    "regressors": ["pcap", "pc", "emp", "unemp"],
    "unit": "state",
}
PANELS = {"grunfeld": INVESTMENT, "munnell": OUTPUT, "munnell_unbalanced": OUTPUT}
STATES = {key: value for key, value in OUTPUT.items() if key != "unit"}
SCHOOL: Arguments = {
    "outcome": "lwage",
    "regressors": ["educ", "exper", "black", "smsa", "south"],
}
WEIGHTED: Arguments = {
    "outcome": "lwage",
    "regressors": ["educ", "exper", "black"],
    "weights": "weight",
}
COMPONENTS: dict[str, Statistic] = {
    "sigma2_e": lambda e: e.statistics["sigma_e"] ** 2,
    "sigma2_u": lambda e: e.statistics["sigma_u"] ** 2,
}


def add(
    name: str,
    estimator: str,
    table: str,
    arguments: Arguments,
    statistics: dict[str, Statistic] | None = None,
    tolerance: float = 1e-8,
) -> None:
    assert name not in CASES
    CASES[name] = Case(estimator, table, arguments, statistics or {}, tolerance)


def plm_estimators(name: str, model: Arguments) -> None:
    panel = {**model, "time": "year"}
    plain = {key: value for key, value in model.items() if key != "unit"}
    unit = model["unit"]
    add(f"plm/pooling/{name}", "ols", name, panel)
    add(f"plm/between/{name}", "between", name, model)
    add(f"plm/fd/{name}", "first_differences", name, {**panel, "gaps": "bridge"})
    for effect, effects in (("individual", unit), ("time", "year"), ("twoways", [unit, "year"])):
        label = f"plm/within/{effect}/{name}"
        add(label, "effects_f_test", name, {**plain, "absorb": effects})
    for short, method in {
        "swar": "swamy_arora",
        "walhus": "wallace_hussain",
        "amemiya": "amemiya",
        "nerlove": "nerlove",
    }.items():
        if (short, name) != ("nerlove", "munnell_unbalanced"):
            options = {**model, "variance_components": method}
            add(f"plm/random/{short}/{name}", "random_effects", name, options, COMPONENTS)
    by_time = {**plain, "unit": "year", "variance_components": "wallace_hussain"}
    add(f"plm/random/time/{name}", "random_effects", name, by_time, COMPONENTS)
    if name != "munnell_unbalanced":
        effects_of_both = COMPONENTS | {"sigma2_time": lambda e: e.statistics["sigma_time"] ** 2}
        add(f"plm/random/twoways/{name}", "two_way_random_effects", name, panel, effects_of_both)
    periods = {**plain, "time": "year"}
    add(f"plm/fama_macbeth/{name}", "fama_macbeth", name, periods)
    add(f"plm/lm_tests/{name}", "breusch_pagan_lm", name, panel)
    add(f"plm/hausman/contrast/{name}", "hausman_test", name, model)
    if name != "munnell_unbalanced":
        regression = {**model, "method": "regression"}
        add(f"plm/hausman/regression/{name}", "hausman_test", name, regression)
        robust = {"vcov": "cluster", "cluster": unit, "small_sample": "none"}
        add(f"plm/hausman/robust/{name}", "hausman_test", name, {**regression, **robust})


def plm_covariances(name: str, model: Arguments) -> None:
    """plm counts coefficients but no effects, and has no factor unless asked for ``sss``."""
    unit = model["unit"]

    def clustered(columns: Any, factor: str) -> Arguments:
        return {"vcov": "cluster", "cluster": columns, "small_sample": factor}

    def over_time(kind: str, factor: str, lags: int) -> Arguments:
        factors = {"small_sample": factor, "parameters": "terms"}
        return {"vcov": kind, **factors, "vcov_options": {"lags": lags}}

    kinds = {
        "arellano_HC0": clustered(unit, "none"),
        "arellano_sss": {**clustered(unit, "full"), "parameters": "terms"},
        "by_time_HC0": clustered("year", "none"),
        "white_HC0": {"vcov": "hc0"},
        "two_way_HC0": clustered([unit, "year"], "none"),
        "newey_west": over_time("newey_west", "none", 2),
        "driscoll_kraay": over_time("driscoll_kraay", "none", 3),
        "driscoll_kraay_0": over_time("driscoll_kraay", "none", 0),
        "driscoll_kraay_sss": over_time("driscoll_kraay", "full", 3),
    }
    estimators = {"pooling": "ols", "within": "within", "random": "random_effects"}
    for kind, options in kinds.items():
        for short, estimator in estimators.items():
            arguments = {**model, "time": "year", **options}
            add(f"plm/{kind}/{short}/{name}", estimator, name, arguments)


def plm_instruments() -> None:
    add(
        "plm/within/time_given_units/munnell",
        "effects_f_test",
        "munnell",
        {
            "outcome": "gsp",
            "regressors": OUTPUT["regressors"],
            "absorb": ["state", "year"],
            "given": "state",
        },
    )
    wages: Arguments = {"outcome": "lwage", "unit": "nr", "time": "year"}
    exogenous = ["expersq", "married", "hours", "black"]
    for short, method in {
        "baltagi": "hausman_taylor",
        "am": "amemiya_macurdy",
        "bms": "breusch_mizon_schmidt",
    }.items():
        arguments = {
            **wages,
            "regressors": exogenous,
            "endogenous": ["union", "educ"],
            "method": method,
        }
        name = f"plm/hausman_taylor/{short}"
        add(name, "hausman_taylor", "wages", arguments, COMPONENTS)
    for short, method in {"bvk": "balestra_krishnakumar", "baltagi": "baltagi"}.items():
        arguments = {
            **wages,
            "regressors": ["married", "union"],
            "endogenous": "hours",
            "instruments": ["expersq", "educ"],
            "transformation": method,
        }
        add(f"plm/random_iv/{short}", "random_effects_iv", "wages", arguments, COMPONENTS)


def pgmm() -> None:
    """plm's Sargan test has the second-step weight, also at the first-step coefficients."""
    names: dict[str, Statistic] = {
        "sargan": "hansen_at_estimates",
        "sargan_df": "hansen_at_estimates_df",
        "wald": "wald_coefficients",
    }
    common = {"outcome": "y", "unit": "id", "time": "t"}
    lags_of_y: Arguments = {"columns": ["y"], "lags": [2, 4]}
    lags_of_x = {"columns": ["x"], "lags": [1, 3]}
    difference: Arguments = {
        **common,
        "regressors": ["y1", "x", "z"],
        "gmm_instruments": [lags_of_y, lags_of_x],
        "iv_instruments": ["z"],
    }
    collapsed = [{**lags_of_y, "collapse": True}, {**lags_of_x, "collapse": True}]
    system: Arguments = {
        **common,
        "regressors": ["y1", "x"],
        "gmm_instruments": [lags_of_y, {"columns": ["x"], "lags": [2, 3]}],
        "equations": "system",
        "intercept": False,
        "serial_correlation_scores": "difference",
    }
    dummies = {"time_dummies": True}
    x_as_gmm = {"columns": ["x"], "lags": [2, 3]}
    system_collapsed = [{**lags_of_y, "collapse": True}, {**x_as_gmm, "collapse": True}]
    # plm gives an instrument to each equation separately.
    z_in_both = [{"columns": ["z"], "equation": name} for name in ("difference", "level")]
    all_lags = [{"columns": ["y"], "lags": [2, None]}, {"columns": ["x"], "lags": [0, 1]}]
    models = {
        "difference/individual": difference,
        "difference/all_lags": {**common, "regressors": ["y1", "x"], "gmm_instruments": all_lags},
        "system/collapsed": {**system, "gmm_instruments": system_collapsed},
        "system/normal_instrument": {
            **system,
            "regressors": ["y1", "x", "z"],
            "iv_instruments": z_in_both,
        },
        "difference/twoways": difference | dummies,
        "collapsed": {**difference, "gmm_instruments": collapsed},
        "system/individual": system,
        "system/twoways": system | dummies | {"intercept": True},
    }
    for name, arguments in models.items():
        for steps, vcov in ((1, "robust"), (2, "robust"), (2, "classical")):
            label = f"pgmm/{name}/{('onestep', 'twosteps')[steps - 1]}/{vcov}"
            options = {**arguments, "steps": steps, "vcov": vcov}
            add(label, "dynamic_panel_gmm", "dynamic", options, names)


def sandwich_rows() -> None:
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        robust = {"vcov": kind.lower()}
        interval: dict[str, Statistic] = {
            "p_south": lambda e: float(e.row("south")["p_value"]),
            "low_south": lambda e: float(e.row("south")["ci_low"]),
            "high_south": lambda e: float(e.row("south")["ci_high"]),
        }
        add(f"sandwich/{kind}", "ols", "card", SCHOOL | robust, interval)
        add(f"sandwich/weighted/{kind}", "ols", "card", WEIGHTED | robust)
    add(
        "sandwich/weighted/cluster",
        "ols",
        "card",
        WEIGHTED | {"vcov": "cluster", "cluster": "region"},
    )


def sandwich_dummies() -> None:
    absorbed = STATES | {"absorb": ["state", "year"]}
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        name = f"sandwich/dummies/{kind}"
        add(name, "ols", "munnell_unbalanced", absorbed | {"vcov": kind.lower()})
    for name, cluster in {"cluster": ["state"], "two_way": ["state", "year"]}.items():
        options = {"vcov": "cluster", "cluster": cluster}
        add(f"sandwich/dummies/{name}", "ols", "munnell_unbalanced", absorbed | options)


def sandwich_clusters() -> None:
    both: Arguments = {"vcov": "cluster", "cluster": ["state", "year"]}
    for kind in ("CR2", "CR3"):
        options: Arguments = {"vcov": kind.lower(), "cluster": "region"}
        add(f"clubSandwich/{kind}", "ols", "card", WEIGHTED | options)
    # type and cadjust of vcovCL; its HC2 and HC3 come with (G - 1)/G.
    factors = {
        ("HC0", True): ("cluster", "clusters"),
        ("HC0", False): ("cluster", "none"),
        ("HC1", True): ("cluster", "full"),
        ("HC1", False): ("cluster", "residual"),
        ("HC2", True): ("cr2", "none"),
        ("HC2", False): ("cr2", "jackknife"),
        ("HC3", True): ("cr3", "none"),
        ("HC3", False): ("cr3", "jackknife"),
    }
    for (kind, adjusted), (vcov, factor) in factors.items():
        flag = str(adjusted).upper()
        options = {"vcov": vcov, "cluster": "region", "small_sample": factor}
        add(f"sandwich/cluster/{kind}/{flag}", "ols", "card", SCHOOL | options)
        if vcov == "cluster":
            options = both | {"small_sample": factor}
            name = f"sandwich/two_way/{kind}/{flag}"
            add(name, "ols", "munnell_unbalanced", STATES | options)
    for kind, factor in {"HC0": "clusters", "HC1": "full"}.items():
        options = both | {"small_sample": factor, "vcov_options": {"intersection": "hc0"}}
        name = f"sandwich/two_way_multi0/{kind}"
        add(name, "ols", "munnell_unbalanced", STATES | options)


def sandwich_periods() -> None:
    for flag, adjusted in {"TRUE": True, "FALSE": False}.items():
        for kind, factor in {"newey_west": "full", "driscoll_kraay": "residual"}.items():
            factor = factor if adjusted else "none"
            label = {"newey_west": "panel_newey_west"}.get(kind, kind)
            options = {"vcov": kind, "small_sample": factor, "vcov_options": {"lags": 3}}
            arguments = OUTPUT | {"time": "year"} | options
            add(f"sandwich/{label}/{flag}", "ols", "munnell", arguments)
    pcse = {"time": "year", "vcov": "pcse"}
    add("plm/beck_katz/munnell", "ols", "munnell", OUTPUT | pcse)
    add("sandwich/pcse/balanced", "ols", "munnell", OUTPUT | pcse)
    pairwise = {"regressors": ["pc", "emp", "unemp"], "vcov_options": {"unbalanced": "pairwise"}}
    add("sandwich/pcse/pairwise", "ols", "entrants", OUTPUT | pcse | pairwise)


def kernels() -> None:
    growth: Arguments = {
        "outcome": "consumption",
        "regressors": ["income", "prices"],
        "time": "quarter",
        "vcov": "newey_west",
    }
    for lags in (0, 4, 8):
        options: Arguments = {"vcov_options": {"lags": lags}}
        add(f"sandwich/newey_west/{lags}", "ols", "macro", growth | options)
    options = {"vcov_options": {"lags": 4}, "small_sample": "full"}
    add("sandwich/newey_west_adjusted", "ols", "macro", growth | options)
    for kernel in ("Bartlett", "Parzen", "Truncated"):
        options = {"vcov_options": {"lags": 4, "kernel": kernel.lower()}}
        add(f"sandwich/kernel/{kernel}", "ols", "macro", growth | options)


def aer() -> None:
    school: Arguments = {
        "outcome": "lwage",
        "regressors": ["exper", "black", "smsa", "south"],
        "endogenous": "educ",
        "method": "2sls",
    }
    for name, instruments in {"just": ["nearc4"], "over": ["nearc4", "nearc2"]}.items():
        model = {**school, "instruments": instruments}
        for vcov in ("classical", "HC0", "HC1", "cluster"):
            options = {**model, "vcov": vcov.lower()}
            if vcov == "cluster":
                options["cluster"] = "region"
            add(f"ivreg/{name}/{vcov}", "iv_gmm", "card", options)
    for name, steps in {"twoStep": 2, "iterative": 200}.items():
        options = {**model, "method": "gmm", "steps": steps, "vcov": "hc0"}
        add(f"gmm/{name}", "iv_gmm", "card", options)
    regions = {
        "outcome": "lwage",
        "regressors": ["exper", "black"],
        "endogenous": "educ",
        "instruments": ["nearc4", "nearc2"],
        "absorb": "region",
        "vcov": "hc1",
    }
    add("ivreg/dummies/HC1", "iv", "card", regions)
    add("ivreg/over/sargan", "iv_gmm", "card", {**model, "vcov": "classical"})


def counts() -> None:
    visits: Arguments = {"outcome": "y", "regressors": ["x", "d"], "offset": "log_exposure"}
    for vcov in ("classical", "hc0", "hc1", "cluster"):
        options = {"vcov": vcov} | ({"cluster": "group"} if vcov == "cluster" else {})
        add(f"glm/poisson/{vcov}", "count_regression", "counts", visits | options)
    effects = {"outcome": "y", "regressors": ["x", "d"], "absorb": "group"}
    add("glm/dummies/classical", "poisson", "counts", effects)
    clustered = effects | {"vcov": "cluster", "cluster": "group"}
    add("glm/dummies/cluster", "poisson", "counts", clustered)
    quasi: dict[str, Statistic] = {"dispersion": "pearson_dispersion"}
    add("glm/quasipoisson", "count_regression", "counts", visits | {"vcov": "quasi"}, quasi)
    some: Arguments = {"outcome": "any", "regressors": ["x", "d"]}
    for vcov in ("classical", "hc0", "cluster"):
        options = {"vcov": vcov} | ({"cluster": "group"} if vcov == "cluster" else {})
        add(f"glm/logit/{vcov}", "binary_regression", "counts", some | options)
    for link in ("probit", "cloglog"):
        add(f"glm/{link}", "binary_regression", "counts", some | {"link": link})
    expected = visits | {"distribution": "nb2", "vcov": "expected"}
    add("glm.nb/expected", "count_regression", "counts", expected)
    for short, distribution in {"poisson": "poisson", "negbin": "nb2"}.items():
        for link in ("logit", "probit", "cloglog"):
            arguments = {
                "outcome": "y",
                "regressors": ["x", "d"],
                "zero_regressors": ["x"],
                "distribution": distribution,
                "zero": link,
            }
            name = f"hurdle/{short}/{link}"
            # pscl maximises and differentiates numerically.
            add(name, "hurdle", "counts", arguments, tolerance=1e-6)
        inflated = {key: value for key, value in arguments.items() if key != "zero"}
        inflated |= {"offset": "log_exposure"}
        add(f"zeroinfl/{short}", "zero_inflated", "counts", inflated, tolerance=1e-6)


def metafor() -> None:
    pooled: Arguments = {"outcome": "effect", "sampling_variance": "variance"}
    bounds: dict[str, Statistic] = {
        "ci_low": lambda e: e.coefficients["ci_low"][0],
        "ci_high": lambda e: e.coefficients["ci_high"][0],
    }
    for method in ("EE", "DL", "HE", "SJ", "ML", "REML", "EB", "PM"):
        for short, test in {"z": "z", "knha": "knapp_hartung"}.items():
            ours = {"EE": "equal"}.get(method, method.lower())
            arguments = {**pooled, "method": ours, "test": test}
            likelihood = "log_likelihood_" + ("reml" if method == "REML" else "ml")
            statistics = bounds | {"log_likelihood": likelihood}
            if (method, short) != ("EE", "knha"):
                add(f"rma/{method}/{short}", "meta_analysis", "trials", arguments, statistics)
            if method != "EE":
                name, moderated = f"rma/moderated/{method}/{short}", {"regressors": ["year"]}
                add(name, "meta_analysis", "trials", arguments | moderated, statistics)
    restricted = bounds | {"log_likelihood": "log_likelihood_reml"}
    for short, test in {"t": "t", "adhoc": "knapp_hartung_adhoc"}.items():
        arguments = pooled | {"test": test}
        add(f"rma/REML/{short}", "meta_analysis", "trials", arguments, restricted)
    add("rma/q_profile", "meta_analysis", "trials", pooled)
    for short, measure in {
        "RR": "log_risk_ratio",
        "OR": "log_odds_ratio",
        "RD": "risk_difference",
    }.items():
        arguments = {"measure": measure, "cells": ["a", "b", "c", "d"]}
        add(f"rma/cells/{short}", "meta_analysis", "cells", arguments, restricted)
    begg: dict[str, Statistic] = {"tau": "begg_tau", "p": "begg_p"}
    small = {"outcome": "effect", "standard_error": "error"}
    add("ranktest", "small_study_effects", "trials", small, begg)
    egger: dict[str, Statistic] = {"z": "egger_t", "p": "egger_p"}
    add("regtest/lm", "small_study_effects", "trials", small, egger)


def impact(kind: str, term: str) -> Callable[[Estimates], float]:
    def value(estimates: Estimates) -> float:
        table = estimates.details["impacts"].set_index("term")
        return float(table.loc[term, kind])

    return value


def spatial() -> None:
    weights = {
        "unit": "cell",
        "matrix": DATASETS.lattice_links(),
        "matrix_options": {"kind": "edges"},
    }
    model = weights | {"outcome": "y", "regressors": ["x1", "x2"]}
    durbin = model | {"spatial_lags": "all"}
    # spatialreg counts the variance among the parameters of AIC.
    names: dict[str, Statistic] = {"aic": lambda e: e.statistics["aic"] + 2}
    impacts = names | {
        f"{kind}_{term}": impact(kind, term)
        for kind in ("direct", "indirect", "total")
        for term in ("x1", "x2")
    }
    for variance in ("randomisation", "normality"):
        arguments = weights | {"variables": "y", "variance": variance}
        add(f"spdep/moran/{variance}", "moran", "lattice", arguments)
    add("spdep/tests", "spatial_ols", "lattice", model)
    add("spatialreg/slx", "spatial_ols", "lattice", durbin)
    # spatialreg finds the maximum by comparing values, which determines it to half the digits.
    add("spatialreg/lag", "spatial_lag", "lattice", model, impacts, tolerance=1e-6)
    add("spatialreg/durbin", "spatial_lag", "lattice", durbin, impacts, tolerance=1e-6)
    add("spatialreg/error", "spatial_error", "lattice", model, names, tolerance=1e-6)
    add("spatialreg/durbin_error", "spatial_error", "lattice", durbin, names, tolerance=1e-6)
    two_stage = model | {"method": "gmm", "small_sample": "full"}
    add("spatialreg/stsls", "spatial_lag", "lattice", two_stage)
    robust = model | {"method": "gmm", "vcov": "hc0"}
    add("spatialreg/stsls_hc0", "spatial_lag", "lattice", robust)
    plane = {"coordinates": ["east", "north"], "metric": "euclidean"}
    options = {
        "nearest": {"kind": "nearest", "k": 5},
        "band": {"kind": "band", "within": 1.9, "standardise": "none"},
        "inverse": {"kind": "inverse_distance", "power": 2, "within": 3},
    }
    for kind, chosen in options.items():
        other = {**model, "matrix": None, "matrix_options": chosen | plane}
        add(f"spatialreg/lag/{kind}", "spatial_lag", "lattice", other, names, tolerance=1e-6)
        add(f"spatialreg/error/{kind}", "spatial_error", "lattice", other, names, tolerance=1e-6)
        add(f"spdep/tests/{kind}", "spatial_ols", "lattice", other)
    add("spatialreg/gm_error", "spatial_error", "lattice", model | {"method": "gmm"})


for panel_name, panel_model in PANELS.items():
    plm_estimators(panel_name, panel_model)
    plm_covariances(panel_name, panel_model)
for family in (
    plm_instruments,
    pgmm,
    sandwich_rows,
    sandwich_dummies,
    sandwich_clusters,
    sandwich_periods,
    kernels,
    aer,
    counts,
    metafor,
    spatial,
):
    family()


def statistic(estimates: Estimates, name: Statistic) -> float:
    if callable(name):
        return name(estimates)
    if name in estimates.statistics:
        return estimates.statistics[name]
    return float(getattr(estimates.facts, name))


def differences(name: str) -> list[str]:
    """What differs between the stored result and ours, in words."""
    case, stored = CASES[name], RESULTS[name]
    estimates = registry.call(case.estimator, tables()[case.table], case.arguments)
    pairs: dict[str, tuple[float, float]] = {}
    for column in ("estimate", "std_error"):
        for term, value in stored.get(column, {}).items():
            pairs[f"{column} of {term}"] = (value, float(estimates.row(term)[column]))
    for key, value in stored.get("statistics", {}).items():
        pairs[key] = (value, statistic(estimates, case.statistics.get(key, key)))
    return [
        f"{what}: {theirs!r} in R, {ours!r} here"
        for what, (theirs, ours) in pairs.items()
        if not math.isclose(theirs, ours, rel_tol=case.tolerance)
    ]


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_equals_r(name: str) -> None:
    assert not differences(name)


def test_every_case_has_its_result() -> None:
    assert set(CASES) == set(RESULTS)


def test_the_data_are_those_that_r_read() -> None:
    digests = {name: DATASETS.sha256(table) for name, table in DATASETS.tables().items()}
    assert digests == REFERENCE["sha256"]
