"""What a notebook keeps of a claim beside its verdict, for those that look at all claims at once.

A notebook says in one line what it found under every specification, and what becomes of its
headline under other errors and without each country::

    out.keep(curve_evidence("C06", curve.table, joint))
    out.keep(headline_evidence("C06", design, rows))

Each is a mapping from a name, ``<kind>_<claim>``, to a small frame. ``read_kept`` gives all frames
of one kind back by claim.

The draws of a headline under no effect have, in every notebook and for every claim, the same weight
for the same country. They can therefore be put side by side: their joint distribution is what a
stepdown over the whole register needs.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis import CompendiumError
from analysis.claims.declaration import ClaimError
from analysis.claims.headline import FEWEST_COUNTRIES, Design, complete_rows, spatial_kernel
from analysis.models import round_significant
from analysis.robustness.curve import EFFECTS
from analysis.robustness.enumeration import varying_choices
from analysis.robustness.jackknife import leave_one_out
from analysis.robustness.joint_test import JointTest
from analysis.robustness.moments import Moments, moments_of
from analysis.robustness.solve import Batch, solve
from analysis.robustness.wild_bootstrap import curve_draws, wild_bootstrap

Floats = NDArray[np.float64]
Frames = dict[str, pd.DataFrame]

CURVE, JOINT, INFERENCE, WITHOUT, DRAWS = "curve", "joint", "inference", "without", "draws"
#: Columns of a kept curve, after those of its choices.
KEPT = (*EFFECTS, "p_value", "flag")
#: Columns of a grid of estimates that are no choices.
ESTIMATES = ("estimate", "ci_low", "ci_high")
DIGITS = 6
N_DRAWS = 1_999
#: The weights of a country in the draws; a constant, so that notebooks with other seeds agree.
SEED = 20_260_101
#: How the error of a headline may be computed: name to what to say of it.
KINDS = {
    "region": "Clusters: regions",
    "country": "Clusters: countries",
    "region and year": "Clusters: regions and years",
    "country and year": "Clusters: countries and years",
    "conley": "Errors correlated over space",
    "wild bootstrap": "Wild bootstrap over countries",
}
_LEVEL = 0.95


def curve_evidence(
    claim: str, table: pd.DataFrame, joint: JointTest | None = None, *, null: float = 0.0
) -> Frames:
    """``curve_<claim>`` and, with a joint test, ``joint_<claim>``.

    Parameters
    ----------
    table
        That of a specification curve, or one row per way of computing with ``estimate, ci_low,
        ci_high``, every other column of which is a choice.
    null
        Value of the estimates of such a grid if nothing were there; effects are kept less it.

    The curve keeps the choices that vary, then ``effect, effect_low, effect_high, p_value, flag``
    in the order of the table, numbers to six significant digits. A way of computing without an
    interval of its own has no p-value.
    """
    kept = _kept_curve(table) if EFFECTS[0] in table else _kept_grid(table, null)
    frames = {f"{CURVE}_{claim}": round_significant(kept, DIGITS)}
    return frames if joint is None else frames | joint_evidence(claim, joint)


def joint_evidence(claim: str, joint: JointTest) -> Frames:
    """``joint_<claim>``: the numbers of a joint test of a claim's curve, or of a part of it."""
    facts = {name: value for name, value in asdict(joint).items() if name != "null_curve"}
    return {f"{JOINT}_{claim}": round_significant(pd.DataFrame([facts]), DIGITS)}


def headline_evidence(
    claim: str, design: Design, frame: pd.DataFrame, *, draws: int = N_DRAWS
) -> Frames:
    """How the headline ``design`` fares on the rows of ``frame`` it can use.

    Returns
    -------
    dict
        ``inference_<claim>``: ``kind, estimate, ci_low, ci_high, p_value, why`` with one row per
        kind of :data:`KINDS`; one that cannot be computed has no interval and the reason in
        ``why``. ``without_<claim>``: ``country, estimate`` without each country.
        ``draws_<claim>``: ``statistic`` (1 + B), the t statistic by country of the sample and then
        of the draws under no effect. The last two are there when there are enough countries.

    Estimates are in the unit of the claim (times the scale of the design).
    """
    rows = complete_rows(design, frame)
    frames = {f"{INFERENCE}_{claim}": compare_inference(design, rows, draws=draws)}
    with suppress(CompendiumError):  # too few countries, which the comparison says in words
        frames[f"{WITHOUT}_{claim}"] = without_each(design, rows)
        frames[f"{DRAWS}_{claim}"] = null_draws(design, rows, draws=draws)
    return {name: round_significant(kept, DIGITS) for name, kept in frames.items()}


def without_evidence(claim: str, estimates: Mapping[str, float]) -> Frames:
    """``without_<claim>`` from estimates by the country left out, for what is no regression."""
    kept = pd.DataFrame({"country": list(estimates), "estimate": list(estimates.values())})
    kept = kept.astype({"country": "str", "estimate": "float64"})
    return {f"{WITHOUT}_{claim}": round_significant(kept.sort_values("country"), DIGITS)}


def compare_inference(design: Design, rows: pd.DataFrame, *, draws: int = N_DRAWS) -> pd.DataFrame:
    """The headline with its error computed in each of the ways of :data:`KINDS`.

    Rows without the column ``geo`` are countries and have no clusters of regions.
    """
    region, country = _region(rows), design.country

    def clustered(*columns: str) -> Callable[[], Mapping[str, float]]:
        return lambda: _solved(design, _moments(design, rows, *columns))

    ways = {
        "country": clustered(country),
        "country and year": clustered(country, "year"),
        "conley": lambda: _over_space(design, rows),
        "wild bootstrap": lambda: _bootstrapped(design, rows, draws),
    }
    if region is not None:
        ways = {"region": clustered(region), "region and year": clustered(region, "year")} | ways
    found = []
    for kind in (kind for kind in KINDS if kind in ways):
        try:
            found.append({"kind": kind, **ways[kind](), "why": ""})
        except CompendiumError as problem:
            found.append({"kind": kind, "why": str(problem)})
    return pd.DataFrame(found, columns=["kind", *ESTIMATES, "p_value", "why"])


def without_each(design: Design, rows: pd.DataFrame) -> pd.DataFrame:
    """``country, estimate`` without each country, sorted by country."""
    moments = _moments(design, rows, _country(design, rows))
    found = leave_one_out(moments, design.outcome, design.focus, design.controls)
    return pd.DataFrame({"country": found["cluster"], "estimate": design.scale * found["estimate"]})


def null_draws(design: Design, rows: pd.DataFrame, *, draws: int = N_DRAWS) -> pd.DataFrame:
    """``statistic``: of the sample, then of restricted draws with one weight per country.

    Raises CompendiumError with fewer than five countries, or when the headline cannot be estimated.
    """
    moments = _moments(design, rows, _country(design, rows))
    weights = np.vstack([country_weights(str(label), draws) for label in moments.clusters])
    found = curve_draws(moments, _batch(design, moments), weights)
    if found.flags[0]:
        raise ClaimError(found.flags[0])
    return pd.DataFrame({"statistic": [found.statistic[0], *found.null_statistics[0]]})


def country_weights(country: str, draws: int = N_DRAWS) -> NDArray[np.int8]:
    """Signs (B,) of a country in the draws: the same for every claim and notebook."""
    random = np.random.default_rng(np.random.SeedSequence([SEED, *country.encode()]))
    return (2 * random.integers(0, 2, draws) - 1).astype(np.int8)


def read_kept(folders: Sequence[Path], kind: str) -> Frames:
    """Frames of a kind by claim, in the order of the claims.

    Raises ClaimError when two runs keep the same, or a file cannot be read.
    """
    found: Frames = {}
    for folder in folders:
        for path in sorted((folder / "evidence").glob(f"{kind}_C*.parquet")):
            claim = path.stem.removeprefix(f"{kind}_")
            if claim in found:
                raise ClaimError(f"{path.name} is in the evidence of two runs: give one of the two")
            try:
                found[claim] = pd.read_parquet(path)
            except (OSError, ValueError) as problem:
                raise ClaimError(
                    f"{path} cannot be read ({problem}); run its notebook again"
                ) from None
    return dict(sorted(found.items()))


def kept_choices(curve: pd.DataFrame) -> list[str]:
    """Columns of a kept curve that are choices."""
    return [name for name in curve.columns if name not in KEPT]


# ---------------------------------------------------------------- curves


def _kept_curve(table: pd.DataFrame) -> pd.DataFrame:
    choices = varying_choices(table)
    return _plain(table.assign(flag=table.get("flag", ""))[[*choices, *KEPT]], choices)


def _kept_grid(grid: pd.DataFrame, null: float) -> pd.DataFrame:
    known = (*ESTIMATES, "p_value", "flag")
    choices = [name for name in grid.columns if name not in known and _varies(grid[name])]
    numbers = {
        effect: grid[name].to_numpy(float) - null
        for effect, name in zip(EFFECTS, ESTIMATES, strict=True)
    }
    kept = grid[choices].assign(**numbers)
    kept["p_value"] = grid["p_value"] if "p_value" in grid else _implied_p_values(kept)
    kept["flag"] = grid.get("flag", "")
    return _plain(kept[[*choices, *KEPT]], choices)


def _varies(column: pd.Series) -> bool:
    return bool(column.nunique(dropna=False) > 1)


def _plain(kept: pd.DataFrame, choices: list[str]) -> pd.DataFrame:
    """Choices as text unless they are numbers or yes and no."""
    text = {name: "str" for name in choices if kept[name].dtype.kind not in "iufb"}
    return kept.astype(text | {"flag": "str"}).reset_index(drop=True)


def _implied_p_values(kept: pd.DataFrame) -> Floats:
    """Below 0.05 exactly where the 95 % interval leaves out zero, by a normal distribution.

    Missing where the effect is not in its own interval, as tau may not be in that of its Q profile.
    """
    effect, low, high = (kept[name].to_numpy(float) for name in EFFECTS)
    towards_zero = np.where(effect > 0, effect - low, high - effect)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(effect) / towards_zero * stats.norm.ppf((1 + _LEVEL) / 2)
    p_values = np.asarray(2 * stats.norm.sf(np.where(effect == 0, 0.0, z)), dtype=np.float64)
    return np.where((effect < low) | (effect > high), np.nan, p_values)


# ---------------------------------------------------------------- headlines


def _region(rows: pd.DataFrame) -> str | None:
    return "geo" if "geo" in rows else None


def _country(design: Design, rows: pd.DataFrame) -> str:
    """The column of countries, if there are enough of them to say anything."""
    count = rows[design.country].nunique()
    if count < FEWEST_COUNTRIES:
        raise ClaimError(
            f"{count} countries are too few as clusters; at least {FEWEST_COUNTRIES} are needed"
        )
    return design.country


def _moments(
    design: Design, rows: pd.DataFrame, cluster: str, second_cluster: str | None = None
) -> Moments:
    return moments_of(
        rows,
        [design.outcome, design.focus, *design.controls],
        cluster=cluster,
        second_cluster=second_cluster,
        absorb=design.effects,
        weights=design.weights,
    )


def _batch(design: Design, moments: Moments) -> Batch:
    return Batch.named(moments, [(design.outcome, design.focus, design.controls)])


def _solved(
    design: Design, moments: Moments, *, vcov: str = "cluster", kernel: Floats | None = None
) -> dict[str, float]:
    row = solve(moments, _batch(design, moments), vcov=vcov, kernel=kernel).iloc[0]
    if not np.isfinite(row["std_error"]):
        raise ClaimError(f"there is no such error: {row['flag']}")
    return _in_unit(design, row["estimate"], row["ci_low"], row["ci_high"], row["p_value"])


def _over_space(design: Design, rows: pd.DataFrame) -> dict[str, float]:
    if not {"geo", "lon", "lat"} <= set(rows.columns):
        raise ClaimError("without coordinates of regions errors over space cannot be computed")
    places = rows.groupby("geo")[["lon", "lat"]].first()
    if places.isna().to_numpy().any():
        raise ClaimError("regions without coordinates: errors over space cannot be computed")
    moments = _moments(design, rows, "geo")
    kernel = spatial_kernel(places.loc[list(moments.clusters)], design.cutoff_km)
    return _solved(design, moments, vcov="conley", kernel=kernel)


def _bootstrapped(design: Design, rows: pd.DataFrame, draws: int) -> dict[str, float]:
    test = wild_bootstrap(
        _moments(design, rows, _country(design, rows)),
        design.outcome,
        design.focus,
        design.controls,
        draws=draws,
        seed=SEED,
        name="inference",
    )
    return _in_unit(design, test.estimate, test.ci_low, test.ci_high, test.p_value)


def _in_unit(
    design: Design, estimate: float, low: float, high: float, p_value: float
) -> dict[str, float]:
    low, high = sorted((design.scale * low, design.scale * high))
    numbers = (design.scale * estimate, low, high, p_value)
    return dict(zip((*ESTIMATES, "p_value"), map(float, numbers), strict=True))
