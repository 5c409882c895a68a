"""All claims at once: their curves, their errors and what single countries do to them.

Everything is computed from what the notebooks kept (:mod:`analysis.claims.evidence`); a claim
without a frame of a kind is left out of its table, and ``missing`` says which these are. Numbers
are turned so that the claimed side is positive where it says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis import CompendiumError
from analysis.claims.assembly import Entry, adjusted
from analysis.claims.declaration import Claim
from analysis.claims.evidence import KINDS, kept_choices
from analysis.claims.rule import DEFAULT
from analysis.claims.verdict import null_of
from analysis.robustness.curve import EFFECTS
from analysis.robustness.enumeration import CELL_CHOICES, WITH
from analysis.robustness.importance import importance
from analysis.robustness.stepdown import adjusted_p_values, romano_wolf
from analysis.robustness.summary import summarise

Floats = NDArray[np.float64]
Frames = Mapping[str, pd.DataFrame]

#: Units of the effects of a curve by how it is standardised.
UNITS = {
    "none": "as measured",
    "percent": "% per unit",
    "outcome sd": "SD per unit",
    "both sd": "SD per SD",
}
#: Normal quantile that turns half a 95 % interval into a standard error.
Z95 = float(stats.norm.ppf(0.975))


def choices_table(entries: Sequence[Entry], curves: Frames) -> pd.DataFrame:
    """``id, choice, share``: of the variance of the effects of a claim, by choice, largest first.

    Shares add up, so those of the single controls are given together as ``controls``.
    """
    parts = []
    for name in (e.claim.id for e in entries if e.claim.id in curves):
        table = curves[name]
        try:
            found = importance(table, choices=kept_choices(table))
        except CompendiumError:  # nothing varies
            continue
        choice = found["choice"].where(~found["choice"].str.startswith(WITH), "controls")
        shares = found.groupby(choice)["share"].sum().sort_values(ascending=False, kind="stable")
        parts.append(pd.DataFrame({"id": name, "choice": shares.index, "share": shares.to_numpy()}))
    columns = ["id", "choice", "share"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def choices_wide(choices: pd.DataFrame) -> pd.DataFrame:
    """Per cent of the variance, claims down, kinds of choice across, by their sum.

    What only single claims choose is put together as ``other``; what no choice accounts for by
    itself stands last as ``together``. Missing where a curve does not have the choice.
    """
    common = {*CELL_CHOICES, "controls"}
    kind = choices["choice"].where(choices["choice"].isin(common), "other")
    wide = 100 * choices.assign(kind=kind).pivot_table(
        index="id", columns="kind", values="share", aggfunc="sum", sort=False
    )
    order = wide.sum().sort_values(ascending=False, kind="stable").index
    return wide[order].assign(together=100 - wide.sum(axis=1)).round(6) + 0.0


def curves_table(
    entries: Sequence[Entry], curves: Frames, joint: Frames, choices: pd.DataFrame
) -> pd.DataFrame:
    """One row per claim with a curve, in the order of the register.

    ``choices`` are those of :func:`choices_table`. The columns: ``id, notebook, n`` (estimated
    specifications), ``n_flagged, median, low, high`` (5 and 95 % quantiles, in ``unit``), the
    shares ``claimed_side, significant_for, significant_against``, ``p_median`` and ``p_share`` of
    the joint test of ``n_joint`` of them, with ``q_median``, Benjamini-Yekutieli over the curves
    tested, ``moved_by``: the choice that accounts for most of the variance of the effects, and
    ``moved_share`` of it.
    """
    shares = choices.groupby("id")
    rows = []
    for entry in entries:
        claim = entry.claim
        if claim.id not in curves:
            continue
        table = curves[claim.id]
        try:
            found = summarise(table, claim.sign)
        except CompendiumError:  # none was estimated: counted, with nothing else to say
            rows.append(
                {"id": claim.id, "notebook": claim.notebook, "n": 0, "n_flagged": len(table)}
            )
            continue
        test = joint[claim.id].iloc[0] if claim.id in joint else {}
        moved_by, share = _what_moves(shares, claim.id)
        rows.append(
            {
                "id": claim.id,
                "notebook": claim.notebook,
                "n": found.n_estimated,
                "n_flagged": len(table) - found.n_estimated,
                "median": found.median,
                "low": found.low,
                "high": found.high,
                "unit": curve_unit(claim),
                "claimed_side": found.share_sign,
                "significant_for": found.share_significant,
                "significant_against": found.share_opposite,
                "n_joint": test.get("n_specifications", 0),
                "p_median": test.get("p_median", np.nan),
                "p_share": test.get("p_share_significant", np.nan),
                "moved_by": moved_by,
                "moved_share": share,
            }
        )
    return _with_q_values(pd.DataFrame(rows, columns=_CURVE_COLUMNS))


_CURVE_COLUMNS = [
    *("id", "notebook", "n", "n_flagged", "median", "low", "high", "unit"),
    *("claimed_side", "significant_for", "significant_against"),
    *("n_joint", "p_median", "q_median", "p_share", "moved_by", "moved_share"),
]


def _with_q_values(table: pd.DataFrame) -> pd.DataFrame:
    tested = table["p_median"].notna()
    table["q_median"] = np.nan
    table.loc[tested, "q_median"] = adjusted(table.loc[tested, "p_median"].astype(float).tolist())
    return table


def _what_moves(shares: Any, name: str) -> tuple[str, float]:
    if name not in shares.groups:
        return "", float("nan")
    most = shares.get_group(name).iloc[0]
    return str(most["choice"]), float(most["share"])


def curve_unit(claim: Claim) -> str:
    """What one unit of the effects of a claim's curve is, in short.

    The curve of a gap, as every grid, is in the unit of the claim.
    """
    if claim.curve is not None and "gap of" not in claim.headline:
        return UNITS[claim.curve.get("standardise", "none")]
    return claim.unit.en if claim.unit is not None else ""


def z_values(curve: pd.DataFrame, sign: int) -> Floats:
    """Effects (S,) over their standard errors, claimed side positive.

    The standard error is the side of the 95 % interval towards nothing over 1.96: beyond 1.96 lies
    what differs from nothing at 5 %, whatever the distribution behind the interval.
    """
    known = curve.dropna(subset=list(EFFECTS))
    effect, low, high = (known[name].to_numpy(float) for name in EFFECTS)
    return sign * in_standard_errors(effect, low, high)


def in_standard_errors(effect: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
    """``effect`` over the half of its interval that points to zero, times 1.96; 0 at zero."""
    towards = np.where(np.greater(effect, 0), np.subtract(effect, low), np.subtract(high, effect))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = Z95 * np.asarray(effect, dtype=np.float64) / towards
    return np.asarray(np.where(np.equal(effect, 0), 0.0, z), dtype=np.float64)


def headline_z(entry: Entry) -> float:
    """The same of a tested claim's headline."""
    assert entry.verdict is not None
    headline = entry.verdict.headline
    null = null_of(entry.claim, headline)
    ends = (headline.estimate - null, headline.ci_low - null, headline.ci_high - null)
    return float(entry.claim.sign * in_standard_errors(*ends))


def stepdown_table(entries: Sequence[Entry], draws: Frames) -> pd.DataFrame:
    """Headlines tested together from their joint draws under no effect, two-sided.

    One row per claim with draws: ``id, statistic`` (claimed side positive), ``p_value`` (wild
    bootstrap by country), ``romano_wolf, holm`` (family-wise), ``benjamini_yekutieli`` (false
    discovery rate), and ``q_register``: the same over all tested claims, each with the p-value of
    its own headline.

    The stepdown compares p-values, not t statistics (the smallest p of Westfall and Young 1993, the
    balanced stepdown of Romano and Wolf 2010, Annals of Statistics 38:598-633): with few clusters
    the t of some claims has far heavier tails than that of others, which would then decide for all.
    """
    columns = ["id", "statistic", "p_value", "romano_wolf", "holm", "benjamini_yekutieli"]
    chosen = [e for e in entries if e.is_tested and e.claim.id in draws]
    if not chosen:
        return pd.DataFrame(columns=[*columns, "q_register"])
    values = np.vstack([draws[e.claim.id]["statistic"].to_numpy(float) for e in chosen])
    # Of each value the share of all, the sample and the draws, that are at least as far from zero.
    shares = stats.rankdata(-np.abs(values).round(9), method="max", axis=1) / values.shape[1]
    p_values = shares[:, 0]
    table = pd.DataFrame(
        {
            "id": [e.claim.id for e in chosen],
            "statistic": values[:, 0] * [e.claim.sign for e in chosen],
            "p_value": p_values,
            "romano_wolf": romano_wolf(1 / p_values, 1 / shares[:, 1:]),
            **adjusted_p_values(p_values),
        }
    )
    return table[columns].assign(q_register=[e.q_value for e in chosen])


def inference_table(entries: Sequence[Entry], inference: Frames) -> pd.DataFrame:
    """One row per claim and kind of inference that could be computed.

    ``id, kind, estimate, ci_low, ci_high, p_value`` in the claim's unit; ``scaled, scaled_low,
    scaled_high`` in smallest sizes that matter, claimed side positive. The headline as it was
    judged is the kind ``judged``.
    """
    rows = []
    for entry in entries:
        if not entry.is_tested or entry.verdict is None or entry.claim.id not in inference:
            continue
        found = inference[entry.claim.id]
        headline = entry.verdict.headline
        judged = {"estimate": headline.estimate, "p_value": entry.verdict.p_value}
        judged |= {"ci_low": headline.ci_low, "ci_high": headline.ci_high}
        known = found[found["estimate"].notna()].to_dict("records")
        for row in [{"kind": "judged", **judged}, *known]:
            rows.append({"id": entry.claim.id, **_scaled(entry, row)})
    return pd.DataFrame(rows, columns=_INFERENCE_COLUMNS)


_INFERENCE_COLUMNS = [
    *("id", "kind", "estimate", "ci_low", "ci_high", "p_value"),
    *("scaled", "scaled_low", "scaled_high"),
]


def _scaled(entry: Entry, row: Mapping[str, float]) -> dict[str, float]:
    assert entry.verdict is not None and entry.claim.smallest is not None
    null = null_of(entry.claim, entry.verdict.headline)
    unit = entry.claim.sign / entry.claim.smallest.size
    ends = sorted(unit * (row[end] - null) for end in ("ci_low", "ci_high"))
    scaled = {"scaled": unit * (row["estimate"] - null), "scaled_low": ends[0]}
    return {**row, **scaled, "scaled_high": ends[1]}


def p_values_by_kind(table: pd.DataFrame) -> pd.DataFrame:
    """The p-values of :func:`inference_table`: claims down, kinds across."""
    wide = table.pivot(index="id", columns="kind", values="p_value")
    return wide.reindex(columns=[k for k in ("judged", *KINDS) if k in wide]).reset_index()


def influence_table(entries: Sequence[Entry], without: Frames) -> pd.DataFrame:
    """One row per claim and country left out.

    ``id, country, estimate`` (without it, in the claim's unit), ``moved``: the change in standard
    errors of the headline, towards the claimed side positive (DFBETA of Belsley, Kuh and Welsch
    1980), ``turned``: whether the sign against the null is another.
    """
    parts = []
    for entry in entries:
        if not entry.is_tested or entry.verdict is None or entry.claim.id not in without:
            continue
        headline = entry.verdict.headline
        error = (headline.ci_high - headline.ci_low) / (2 * Z95)
        if not error > 0:
            continue
        null = null_of(entry.claim, headline)
        found = without[entry.claim.id]
        parts.append(
            found[["country", "estimate"]].assign(
                id=entry.claim.id,
                moved=entry.claim.sign * (found["estimate"] - headline.estimate) / error,
                turned=(found["estimate"] - null) * (headline.estimate - null) < 0,
            )
        )
    columns = ["id", "country", "estimate", "moved", "turned"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def most_influential(influence: pd.DataFrame) -> pd.DataFrame:
    """One row per claim: the country that moves it most, and the range without any one.

    ``id, n_countries, lowest, highest, country, moved, turned`` (countries without which the sign
    is another).
    """
    rows = []
    for name, part in influence.dropna(subset=["moved"]).groupby("id", sort=False):
        most = part.loc[part["moved"].abs().idxmax()]
        rows.append(
            {
                "id": name,
                "n_countries": len(part),
                "lowest": part["estimate"].min(),
                "highest": part["estimate"].max(),
                "country": most["country"],
                "moved": most["moved"],
                "turned": ", ".join(part.loc[part["turned"], "country"]),
            }
        )
    columns = ["id", "n_countries", "lowest", "highest", "country", "moved", "turned"]
    return pd.DataFrame(rows, columns=columns)


def missing(entries: Sequence[Entry], frames: Frames) -> list[str]:
    """Claims that could have a frame, because they are testable, and have none."""
    testable = [e.claim.id for e in entries if e.claim.not_testable is None]
    return [name for name in testable if name not in frames]


def counts(
    entries: Sequence[Entry],
    curves: pd.DataFrame,
    stepdown: pd.DataFrame,
    inference: pd.DataFrame,
    influence: pd.DataFrame,
    *,
    alpha: float = DEFAULT.alpha,
) -> dict[str, int]:
    """What ``sentences.robustness`` says of the tables of this module, by name."""
    side = {e.claim.id: e.claim.sign for e in entries}
    estimated = curves[curves["n"] > 0]
    kinds = inference[inference["kind"] != "judged"].groupby("id")["p_value"]
    settled = (kinds.max() < alpha) | (kinds.min() >= alpha)
    return {
        "testable": sum(e.claim.not_testable is None for e in entries),
        "curves": len(estimated),
        "specifications": int(estimated["n"].sum()),
        "claimed": int((estimated["median"] * estimated["id"].map(side) > 0).sum()),
        "clear": int((estimated["significant_for"] > 0.5).sum()),
        "headlines": len(stepdown),
        "alone": int((stepdown["p_value"] < alpha).sum()),
        "family": int((stepdown["romano_wolf"] < alpha).sum()),
        "left": int(influence["id"].nunique()),
        "turned": int(influence.loc[influence["turned"].astype(bool), "id"].nunique()),
        "compared": len(settled),
        "unsettled": int((~settled).sum()),
    }
