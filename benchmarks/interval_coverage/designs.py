"""The designs: a way to draw samples at one size, and the procedures applied to its draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from benchmarks.interval_coverage import samples
from benchmarks.interval_coverage.procedures import (
    FIRST_DIFFERENCES,
    RANDOM_BY_REGION,
    RANDOM_CLASSICAL,
    Procedure,
    cross_section_count_procedures,
    discontinuity_procedures,
    frontier_procedures,
    gmm_procedures,
    hausman_taylor_procedures,
    hurdle_procedures,
    iv_procedures,
    meta_procedures,
    one_treated_procedures,
    panel_instrument_procedures,
    poisson_procedures,
    policy_procedures,
    shift_share_procedures,
    spatial_panel_procedures,
    spatial_procedures,
    staggered_procedures,
    within,
)

SMALL_SHORT, SMALL_LONG, LARGE_SHORT, LARGE_LONG = (30, 5), (30, 20), (270, 5), (270, 20)
PANELS = (SMALL_SHORT, SMALL_LONG, LARGE_SHORT, LARGE_LONG)
EXTREMES = (SMALL_SHORT, LARGE_LONG)


@dataclass(frozen=True)
class Design:
    """A data-generating process at one sample size, and the procedures applied to its draws."""

    name: str
    n: int
    t: int
    process: Callable[[np.random.Generator], samples.Sample]
    procedures: tuple[Procedure, ...]


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
        Design("frontier", 270, 1, partial(samples.frontier, n=270), frontier_procedures()),
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
        Design(name, n, t, partial(samples.panel, n=n, t=t, **options), procedures)
        for name, options, sizes, procedures in table
        for n, t in sizes
    ]


def policy_designs() -> list[Design]:
    sizes = [("a third of countries", 30, 3), ("a third of countries", 270, 9)]
    sizes += [("two countries", n, 2) for n in samples.COUNTRIES]
    return [
        Design(
            f"policy of {name}",
            n,
            1,
            partial(samples.country_policy, n=n, treated=m),
            policy_procedures(),
        )
        for name, n, m in sizes
    ]


def count_designs() -> list[Design]:
    return [
        *(
            Design("counts", n, t, partial(samples.counts, n=n, t=t), poisson_procedures())
            for n, t in PANELS
        ),
        Design("hurdle counts", 270, 1, partial(samples.hurdle_counts, n=270), hurdle_procedures()),
        *(
            Design(
                "gamma counts",
                n,
                1,
                partial(samples.gamma_counts, n=n),
                cross_section_count_procedures(),
            )
            for n in samples.COUNTRIES
        ),
    ]


def instrument_designs() -> list[Design]:
    cross_sections = [
        Design(
            f"{name} instruments",
            n,
            1,
            partial(samples.instrumented, n=n, strength=s),
            iv_procedures(),
        )
        for name, s in (("strong", 30.0), ("weak", 1.0))
        for n in samples.COUNTRIES
    ]
    panels = [
        ("instrumented panel", samples.instrumented_panel, panel_instrument_procedures()),
        ("fixed attributes", samples.fixed_attributes, hausman_taylor_procedures()),
    ]
    return cross_sections + [
        Design(name, n, t, partial(process, n=n, t=t), procedures)
        for name, process, procedures in panels
        for n, t in (SMALL_SHORT, LARGE_SHORT)
    ]


def dynamic_designs() -> list[Design]:
    return [
        Design(
            f"dynamic, rho {rho}",
            n,
            t,
            partial(samples.dynamic, n=n, t=t, rho=rho),
            gmm_procedures(),
        )
        for rho, sizes in ((0.5, PANELS[:3]), (0.9, (LARGE_SHORT,)))
        for n, t in sizes
    ]


def staggered_designs() -> list[Design]:
    return [
        Design(
            f"staggered, {'growing' if growing else 'same'} effect",
            n,
            t,
            partial(samples.staggered, n=n, t=t, growing=growing),
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
            partial(samples.discontinuity, n=n, fuzzy=fuzzy),
            discontinuity_procedures(fuzzy),
        )
        for fuzzy in (False, True)
        for n in (270, 1000)
    ]


def meta_designs() -> list[Design]:
    return [
        Design(
            f"studies, {name}",
            n,
            1,
            partial(samples.studies, n=n, spread=spread),
            meta_procedures(),
        )
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
            Design(
                "neighbours", n, 1, partial(samples.neighbours, n=n, rho=0.5), spatial_procedures()
            )
            for n in samples.COUNTRIES
        ),
        *(
            Design(
                name,
                n,
                t,
                partial(samples.neighbours_panel, n=n, t=t, lag=lag, error=error),
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
            partial(samples.shift_shares, n=270, sectors=sectors),
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
            partial(samples.one_treated, n=20, t=20, chosen=chosen),
            one_treated_procedures(20),
        )
        for chosen in ("by chance", "the fastest growing")
    ]
