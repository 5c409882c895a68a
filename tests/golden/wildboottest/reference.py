"""p-values of the package wildboottest for synthetic cases from fixed seeds.

``python reference.py`` writes ``reference.json`` beside it; it needs ``wildboottest`` (0.3.2 was
used), which is no dependency of the project. The tests import ``cases`` and ``frame_of``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

DRAWS = 9_999
YEARS = 6


@dataclass(frozen=True)
class Case:
    """One test: synthetic clusters, and how the bootstrap is done."""

    name: str
    n_clusters: int
    weights: str
    impose_null: bool
    units: bool
    years: bool
    weighted: bool
    effect: float
    seed: int


def cases() -> list[Case]:
    """Twelve with few clusters (Rademacher: enumerated) and twenty with random draws."""
    small = [
        Case(f"small {g} {null} {units}", g, "rademacher", null, units, True, False, 0.3, g)
        for g in (5, 7, 9)
        for null in (True, False)
        for units in (True, False)
    ]
    random = [
        Case(
            f"random {number}",
            n_clusters=(14, 18, 25, 40)[number % 4],
            weights=("rademacher", "webb", "mammen")[number % 3],
            impose_null=number % 5 != 0,
            units=number % 2 == 0,
            years=number % 4 != 3,
            weighted=number % 7 == 3,
            effect=0.05 * (number % 6),
            seed=100 + number,
        )
        for number in range(20)
    ]
    return small + random


def frame_of(case: Case) -> pd.DataFrame:
    """Columns region, year, y, x, a, b, w: unbalanced, errors correlated within regions."""
    random = np.random.default_rng(case.seed)
    region = np.repeat(np.arange(case.n_clusters), 2 * YEARS)
    frame = pd.DataFrame({"region": region, "year": np.tile(np.arange(YEARS), 2 * case.n_clusters)})
    frame["unit"] = np.repeat(np.arange(2 * case.n_clusters), YEARS)
    frame = frame[random.random(len(frame)) < 0.85].reset_index(drop=True)
    n, common = len(frame), random.normal(size=case.n_clusters)[frame["region"]]
    frame["a"] = random.normal(size=n) + common
    frame["b"] = random.normal(size=n)
    frame["x"] = random.normal(size=n) + 0.5 * frame["a"] + random.normal(size=n) * common
    noise = random.normal(size=n) * (1 + frame["x"].abs()) + 0.7 * common
    frame["y"] = case.effect * frame["x"] - 0.2 * frame["b"] + noise
    frame["w"] = random.uniform(0.2, 2.0, size=n)
    return frame.round(6)


def design(case: Case, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Outcome and regressors (x first) with all dummies written out, scaled by root weights."""
    columns = [frame[["x", "a", "b"]].to_numpy()]
    if case.units:
        columns.append(pd.get_dummies(frame["unit"]).to_numpy(float))
    else:
        columns.append(np.ones((len(frame), 1)))
    if case.years:
        columns.append(pd.get_dummies(frame["year"]).to_numpy(float)[:, 1:])
    root = np.sqrt(frame["w"].to_numpy()) if case.weighted else np.ones(len(frame))
    return frame["y"].to_numpy() * root, np.column_stack(columns) * root[:, None]


def reference(case: Case) -> dict[str, float | str]:
    from wildboottest.wildboottest import WildboottestCL

    frame = frame_of(case)
    outcome, regressors = design(case, frame)
    hypothesis = np.zeros(regressors.shape[1])
    hypothesis[0] = 1
    test = WildboottestCL(
        X=regressors,
        Y=outcome,
        cluster=frame["region"].to_numpy(),
        R=hypothesis,
        B=DRAWS,
        seed=case.seed,
        parallel=False,
    )
    test.get_scores(bootstrap_type="11", impose_null=case.impose_null)
    test.get_weights(weights_type=case.weights)
    test.get_numer()
    test.get_denom()
    test.get_tboot()
    test.get_vcov()
    test.get_tstat()
    test.get_pvalue(pval_type="two-tailed")
    symmetric = float(test.pvalue)
    test.get_pvalue(pval_type="equal-tailed")
    # Draws within rounding of the sample: under enumeration the package may count some as larger.
    ties = np.isclose(np.abs(test.t_boot), np.abs(test.t_stat), rtol=1e-9, atol=0)
    counted = ties & (np.abs(test.t_boot) > np.abs(test.t_stat))
    return {
        "name": case.name,
        "statistic": float(np.squeeze(test.t_stat)),
        "p_value": symmetric,
        "equal_tailed": float(test.pvalue),
        "ties_counted": float(counted.mean()),
        "n_draws": len(test.t_boot),
    }


if __name__ == "__main__":
    results = [reference(case) for case in cases()]
    text = json.dumps(results, indent=1) + "\n"
    Path(__file__).with_name("reference.json").write_text(text, encoding="utf-8")
