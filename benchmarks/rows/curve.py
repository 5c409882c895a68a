"""A specification curve of 49,152 regressions against packages that fit them one at a time.

Synthetic data: a panel of 270 regions × 20 years, region and year effects in every column, 4
outcomes, a focus regressor, 12 controls. The curve is every outcome × every subset of the controls
× 3 samples (all rows, without 27 regions, the last 15 years), with region and year effects absorbed
and errors clustered by region. Ours is timed from the frames to the finished table, all 49,152. The
peers are timed per specification on a seeded sample of the same specifications.

- ``curve_pyfixest``: a loop over ``feols``, its fastest back end, nothing copied or kept.
- ``curve_statsmodels_within``: ``OLS`` on columns from which the effects were taken before the
  clock starts; the small-sample factor is corrected before errors are compared.
- ``curve_statsmodels_dummies``: the formula interface with dummies.
- ``curve_package``: the faster of ``specification_curve`` and ``robustipy``, on the columns without
  effects and one outcome. Neither clusters; robustipy does not run without resampling, so that it
  gets the least it accepts. Coefficients are compared.
"""

import contextlib
import io
import itertools
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pandas as pd
import pyfixest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from benchmarks.measure import Row, compare, seconds

from analysis.robustness.moments import moments_of, without_dummies
from analysis.robustness.solve import Batch, solve

N_REGIONS, N_YEARS, N_CONTROLS = 270, 20, 12
OUTCOMES = ("y1", "y2", "y3", "y4")
FOCUS = "x"
CONTROLS = tuple(f"c{place:02}" for place in range(N_CONTROLS))
COLUMNS = (*OUTCOMES, FOCUS, *CONTROLS)
EFFECTS = ("region", "year")
N_SPECIFICATIONS = 3 * len(OUTCOMES) * 2**N_CONTROLS
PACKAGE_CONTROLS = 6

Specification = tuple[int, str, tuple[str, ...]]
Estimates = dict[Specification, tuple[float, float]]


@cache
def samples() -> tuple[pd.DataFrame, ...]:
    """The three samples of the panel; columns region, year and ``COLUMNS``."""
    random = np.random.default_rng(7)
    n = N_REGIONS * N_YEARS
    frame = pd.DataFrame(
        {
            "region": np.repeat(np.arange(N_REGIONS), N_YEARS),
            "year": np.tile(np.arange(2000, 2000 + N_YEARS), N_REGIONS),
        }
    )
    for name in (FOCUS, *CONTROLS, *OUTCOMES):
        effects = random.normal(size=N_REGIONS)[frame["region"]]
        effects = effects + random.normal(size=N_YEARS)[frame["year"] - 2000]
        frame[name] = random.normal(size=n) + effects
    for outcome in OUTCOMES:
        frame[outcome] += 0.1 * frame[FOCUS] + 0.2 * frame[CONTROLS[0]]
    return frame, frame[frame["region"] >= 27].copy(), frame[frame["year"] >= 2005].copy()


@cache
def subsets() -> tuple[tuple[str, ...], ...]:
    """Every subset of the controls."""
    sizes = range(N_CONTROLS + 1)
    return tuple(s for size in sizes for s in itertools.combinations(CONTROLS, size))


@cache
def specifications() -> Batch:
    """All of one sample, outcomes in turn; listed before the clock starts, as the peers' are."""
    numbers = [sum(1 << CONTROLS.index(name) for name in subset) for subset in subsets()]
    present = (np.array(numbers)[:, None] >> np.arange(N_CONTROLS)) & 1
    controls = np.zeros((len(present), len(COLUMNS)), dtype=bool)
    controls[:, len(OUTCOMES) + 1 :] = present
    return Batch(
        outcome=np.repeat(np.arange(len(OUTCOMES)), len(controls)),
        focus=np.full(len(OUTCOMES) * len(controls), len(OUTCOMES)),
        controls=np.tile(controls, (len(OUTCOMES), 1)),
    )


def curve() -> list[pd.DataFrame]:
    """The finished tables, one per sample."""
    return [
        solve(moments_of(frame, COLUMNS, cluster="region", absorb=EFFECTS), specifications())
        for frame in samples()
    ]


def look_up(tables: list[pd.DataFrame], specification: Specification) -> tuple[float, float]:
    sample, outcome, controls = specification
    place = OUTCOMES.index(outcome) * len(subsets()) + subsets().index(controls)
    row = tables[sample].iloc[place]
    return float(row["estimate"]), float(row["std_error"])


def drawn(count: int) -> list[Specification]:
    """A seeded sample of the curve."""
    random = np.random.default_rng(count)
    picked = zip(
        random.integers(0, 3, count),
        random.integers(0, len(OUTCOMES), count),
        random.integers(0, len(subsets()), count),
        strict=True,
    )
    return [(int(s), OUTCOMES[y], subsets()[c]) for s, y, c in picked]


def against(name: str, goal: float, peer: Callable[[], Estimates], count: int, package: str) -> Row:
    """The whole curve against ``peer``, which fits ``count`` specifications of it."""

    def agree(tables: list[pd.DataFrame], estimates: Estimates) -> None:
        for specification, expected in estimates.items():
            found = np.array(look_up(tables, specification))
            known = ~np.isnan(expected)
            np.testing.assert_allclose(found[known], np.array(expected)[known], rtol=1e-8)

    return compare(
        name,
        goal=goal,
        n=N_SPECIFICATIONS,
        ours=curve,
        other=peer,
        agree=agree,
        units=(N_SPECIFICATIONS, count),
        packages=(package, "numba", "numpy"),
    )


def curve_pyfixest() -> Row:
    chosen = drawn(48)

    def loop(back_end: str, specifications: Sequence[Specification] = chosen) -> Estimates:
        results = {}
        for specification in specifications:
            sample, outcome, controls = specification
            model = pyfixest.feols(
                f"{outcome} ~ {' + '.join((FOCUS, *controls))} | region + year",
                samples()[sample],
                vcov={"CRV1": "region"},
                ssc=pyfixest.ssc(k_fixef="full", G_df="conventional"),
                demeaner_backend=back_end,
                fixef_tol=1e-10,
                copy_data=False,
                store_data=False,
                lean=True,
            )
            results[specification] = float(model.coef()[FOCUS]), float(model.se()[FOCUS])
        return results

    fastest = quickest({name: lambda name=name: loop(name) for name in ("rust", "numba")})
    return against("curve_pyfixest", 5_000, lambda: loop(fastest), len(chosen), "pyfixest")


def curve_statsmodels_within() -> Row:
    chosen = drawn(200)
    within = [columns_without_effects(frame) for frame in samples()]
    regions = [frame["region"].to_numpy() for frame in samples()]

    def loop() -> Estimates:
        results = {}
        for specification in chosen:
            sample, outcome, controls = specification
            columns = within[sample]
            regressors = columns[[FOCUS, *controls]].to_numpy()
            model = sm.OLS(columns[outcome].to_numpy(), regressors)
            fitted = model.fit(cov_type="cluster", cov_kwds={"groups": regions[sample]})
            n, n_effects = len(columns), N_REGIONS + N_YEARS - 1
            if sample:
                n_effects = (
                    len(np.unique(regions[sample])) + n // len(np.unique(regions[sample])) - 1
                )
            k = len(controls) + 1
            correction = np.sqrt((n - k) / (n - k - n_effects))
            results[specification] = float(fitted.params[0]), float(fitted.bse[0] * correction)
        return results

    return against("curve_statsmodels_within", 1_000, loop, len(chosen), "statsmodels")


def curve_statsmodels_dummies() -> Row:
    chosen = drawn(2)

    def loop() -> Estimates:
        results = {}
        for specification in chosen:
            sample, outcome, controls = specification
            frame = samples()[sample]
            right = " + ".join((FOCUS, *controls))
            model = smf.ols(f"{outcome} ~ {right} + C(region) + C(year)", frame)
            fitted = model.fit(cov_type="cluster", cov_kwds={"groups": frame["region"]})
            results[specification] = float(fitted.params[FOCUS]), float(fitted.bse[FOCUS])
        return results

    return against("curve_statsmodels_dummies", 30_000, loop, len(chosen), "statsmodels")


def curve_package() -> Row:
    from robustipy.models import OLSRobust
    from specification_curve import SpecificationCurve

    frame, controls = columns_without_effects(samples()[0]), list(CONTROLS[:PACKAGE_CONTROLS])

    def with_specification_curve() -> Estimates:
        curve = SpecificationCurve(frame, y_endog=["y1"], x_exog=[FOCUS], controls=controls)
        with silence():
            curve.fit()
        names = (
            [name for name in used if name in CONTROLS] for used in curve.df_r["Specification"]
        )
        return by_controls(names, curve.df_r["Coefficient"])

    def with_robustipy() -> Estimates:
        model = OLSRobust(y=["y1"], x=[FOCUS], data=frame.copy())
        with silence():
            model.fit(
                controls=controls,
                draws=2,
                kfold=2,
                oos_metric="rmse",
                n_cpu=1,
                seed=1,
                compute_shap=False,
            )
        result = model.get_results()
        return by_controls(result.specs_names, [float(b[0][0]) for b in result.all_b])

    peers = {"specification_curve": with_specification_curve, "robustipy": with_robustipy}
    fastest = quickest(peers)
    return against("curve_package", 1_000, peers[fastest], 2**PACKAGE_CONTROLS, fastest)


def by_controls(names: Sequence[Sequence[str]], estimates: Sequence[float]) -> Estimates:
    return {
        (0, "y1", tuple(sorted(used))): (estimate, np.nan)
        for used, estimate in zip(names, estimates, strict=True)
    }


def columns_without_effects(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns less region and year effects, in the order of the rows of ``frame``."""
    rows = without_dummies(moments_of(frame, COLUMNS, cluster="region", absorb=EFFECTS)).rows
    assert rows is not None
    values = np.empty_like(rows.values)
    values[rows.positions] = rows.values
    return pd.DataFrame(values, columns=list(COLUMNS))


def quickest(works: dict[str, Callable[[], object]]) -> str:
    """Name of the quickest, after one call of each that compiles."""
    for work in works.values():
        work()
    return min(works, key=lambda name: seconds(works[name]))


@contextlib.contextmanager
def silence():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


ROWS = (curve_pyfixest, curve_statsmodels_within, curve_statsmodels_dummies, curve_package)
