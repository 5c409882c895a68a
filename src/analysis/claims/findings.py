"""What a notebook hands to the rule: estimates with intervals, shares of a curve, checks."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from analysis.claims.declaration import ClaimError
from analysis.models import Estimates

if TYPE_CHECKING:
    from analysis.robustness.summary import CurveSummary

LEVEL = 0.95
#: Checks that have words in both languages; a check may also bring its own.
CHECKS = (
    "pre-trends",
    "placebo outcome",
    "placebo date",
    "placebo territory",
    "falsification regions",
    "leave one country out",
    "leave one region out",
    "spatial errors",
    "wild bootstrap",
    "permutation",
    "first stage",
    "density of the running variable",
    "stability",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An estimate with its 95 % interval and what it rests on.

    label: ``(English, French)``, or English of which the catalogue or the codebook has the French.
    null: value if nothing were there; the claim's when None. p_value: of a test of its own, such
    as a permutation; NaN when the interval is all there is. df: degrees of freedom of the t that
    the interval was made with; infinite for a normal or a bootstrap. smallest: the smallest size
    of interest on this finding's own scale, for findings other than the headline. ``of`` makes one
    from a model, ``of_draws`` from bootstrap draws.
    """

    label: str | tuple[str, str]
    estimate: float
    ci_low: float
    ci_high: float
    n_obs: int
    p_value: float = math.nan
    df: float = math.inf
    null: float | None = None
    smallest: float | None = None
    outcome: str = ""
    n_regions: int | None = None
    n_countries: int | None = None
    first_year: int | None = None
    last_year: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.estimate, self.ci_low, self.ci_high)
        if not all(math.isfinite(number) for number in numbers):
            raise ClaimError(f"finding {self.name!r}: estimate and interval must be numbers")
        if not self.ci_low <= self.estimate <= self.ci_high:
            raise ClaimError(
                f"finding {self.name!r}: the estimate {self.estimate:g} lies outside its interval "
                f"from {self.ci_low:g} to {self.ci_high:g}"
            )
        if not (math.isnan(self.p_value) or 0 <= self.p_value <= 1):
            raise ClaimError(f"finding {self.name!r}: {self.p_value:g} is no p-value")

    @classmethod
    def of(
        cls,
        estimates: Estimates,
        term: str,
        *,
        label: str | tuple[str, str],
        scale: float = 1.0,
        **facts: Any,
    ) -> "Finding":
        """The coefficient ``term`` times ``scale``, with the model's own interval.

        ``facts``: any other field of a finding, such as ``n_countries`` or ``**sample_of(rows)``.
        """
        row = estimates.row(term)
        low, high = sorted((scale * row["ci_low"], scale * row["ci_high"]))
        known: dict[str, Any] = {
            "n_obs": estimates.facts.n_obs,
            "df": estimates.facts.df_t,
            "outcome": estimates.facts.outcome,
        }
        return cls(
            label=label,
            estimate=float(scale * row["estimate"]),
            ci_low=float(low),
            ci_high=float(high),
            **known | facts,
        )

    @classmethod
    def of_draws(
        cls,
        estimate: float,
        draws: ArrayLike,
        *,
        label: str | tuple[str, str],
        n_obs: int,
        **facts: Any,
    ) -> "Finding":
        """An estimate with the percentile interval of bootstrap ``draws`` (B,).

        An estimate outside its percentiles, as a biased statistic can be, widens them to itself.
        """
        values = np.asarray(draws, dtype=float)
        values = values[np.isfinite(values)]
        if len(values) < 2:
            raise ClaimError(f"finding {label!r}: fewer than two draws are numbers")
        low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(
            label=label,
            estimate=float(estimate),
            ci_low=float(min(low, estimate)),
            ci_high=float(max(high, estimate)),
            n_obs=n_obs,
            **facts,
        )

    @property
    def name(self) -> str:
        """The English label, by which the numbers of the finding are filed."""
        return self.label if isinstance(self.label, str) else self.label[0]

    def interval(self, level: float) -> tuple[float, float]:
        """The interval at another ``level``, each side scaled by its quantile of t."""
        quantiles = stats.t.ppf([(1 + level) / 2, (1 + LEVEL) / 2], self.df)
        scale = float(quantiles[0] / quantiles[1])
        below, above = self.estimate - self.ci_low, self.ci_high - self.estimate
        return self.estimate - scale * below, self.estimate + scale * above

    def p(self, null: float) -> float:
        """Two-sided p-value: of the finding's own test, or the one its interval implies."""
        if not math.isnan(self.p_value):
            return self.p_value
        distance = self.estimate - null
        side = self.estimate - self.ci_low if distance > 0 else self.ci_high - self.estimate
        if side == 0:
            return 1.0 if distance == 0 else 0.0
        statistic = abs(distance) / side * stats.t.ppf((1 + LEVEL) / 2, self.df)
        return float(2 * stats.t.sf(statistic, self.df))


def sample_of(
    rows: pd.DataFrame, *, unit: str | None = "geo", country: str = "country", time: str = "year"
) -> dict[str, int | None]:
    """Numbers of regions and countries, first and last year of the ``rows`` behind a finding.

    unit: None where the rows are countries. A column that is not there gives None.
    """

    def count(column: str | None) -> int | None:
        return int(rows[column].nunique()) if column in rows else None

    years = rows[time] if time in rows and len(rows) else None
    return {
        "n_regions": count(unit) if unit is not None else None,
        "n_countries": count(country),
        "first_year": None if years is None else int(years.min()),
        "last_year": None if years is None else int(years.max()),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How the specifications of a curve relate to the claim; shares are from 0 to 1.

    sign: the claimed sign, 1 or -1, that the shares refer to. claimed_sign: share on the claimed
    side. significant_for, significant_against: shares significant at 5 % on the claimed and on the
    other side. median, low, high: median and 5 % to 95 % range of the estimates, in whatever unit
    the curve has.
    """

    sign: int
    n_specifications: int
    claimed_sign: float
    significant_for: float
    significant_against: float
    median: float = math.nan
    low: float = math.nan
    high: float = math.nan

    def __post_init__(self) -> None:
        shares = (self.claimed_sign, self.significant_for, self.significant_against)
        if self.n_specifications < 1 or not all(0 <= share <= 1 for share in shares):
            raise ClaimError("an agreement needs one specification or more, and shares from 0 to 1")

    @classmethod
    def of(cls, summary: "CurveSummary") -> "Agreement":
        """From the summary of a specification curve, made with the claim's sign."""
        return cls(
            sign=summary.sign,
            n_specifications=summary.n_estimated,
            claimed_sign=summary.share_sign,
            significant_for=summary.share_significant,
            significant_against=summary.share_opposite,
            median=summary.median,
            low=summary.low,
            high=summary.high,
        )

    @classmethod
    def of_findings(cls, rows: pd.DataFrame, *, null: float, sign: int) -> "Agreement":
        """From a frame of ``estimate``, ``ci_low``, ``ci_high``, one row per specification.

        For a grid that is no regression. A row without an interval counts for its sign only.
        """
        estimates = rows["estimate"].to_numpy(float)
        if len(estimates) == 0 or not np.isfinite(estimates).all():
            raise ClaimError("a grid needs an estimate in every row")
        above = rows["ci_low"].to_numpy(float) > null
        below = rows["ci_high"].to_numpy(float) < null
        support, oppose = (above, below) if sign > 0 else (below, above)
        low, median, high = np.quantile(estimates, [0.05, 0.5, 0.95])
        return cls(
            sign=sign,
            n_specifications=len(estimates),
            claimed_sign=float((sign * (estimates - null) > 0).mean()),
            significant_for=float(support.mean()),
            significant_against=float(oppose.mean()),
            median=float(median),
            low=float(low),
            high=float(high),
        )


@dataclass(frozen=True, slots=True)
class Check:
    """A test that could have shown the estimate wrong: pre-trends, a placebo, a falsification.

    name: one of :data:`CHECKS`, or ``[English, French]``.
    """

    name: str | tuple[str, str]
    passed: bool
    p_value: float = math.nan
    note: str = field(default="", compare=False)

    @classmethod
    def not_rejected(
        cls, name: str | tuple[str, str], p_value: float, alpha: float = 0.05
    ) -> "Check":
        """A check that is passed when its null hypothesis (nothing wrong) is not rejected."""
        if not 0 <= p_value <= 1:
            raise ClaimError(f"check {name!r}: {p_value!r} is no p-value")
        return cls(name, bool(p_value >= alpha), float(p_value))
