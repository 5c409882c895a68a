"""Synthetic findings, curves and runs: every number here is made up."""

import json
from pathlib import Path
from typing import Any

from analysis.claims import Agreement, Finding, Verdict
from analysis.claims.verdict import as_evidence


def finding(estimate: float, half: float = 1.0, **fields: Any) -> Finding:
    """A finding of 250 made-up regions with a symmetric interval."""
    facts: dict[str, Any] = {
        "label": "made up",
        "n_obs": 2500,
        "n_regions": 250,
        "n_countries": 27,
        "first_year": 2000,
        "last_year": 2011,
    }
    return Finding(
        estimate=estimate, ci_low=estimate - half, ci_high=estimate + half, **facts | fields
    )


def curve(support: float, oppose: float = 0.0, sign: int = 1) -> Agreement:
    """A curve of 1 234 made-up specifications."""
    return Agreement(
        sign=sign,
        n_specifications=1234,
        claimed_sign=0.5 + support / 2,
        significant_for=support,
        significant_against=oppose,
    )


def write_run(folder: Path, notebook: str, verdicts: list[Verdict]) -> Path:
    """What a run leaves that the register is assembled from."""
    (folder / "evidence").mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"name": notebook, "key": f"key of {notebook}"}))
    for verdict in verdicts:
        path = folder / "evidence" / f"{verdict.claim.id}.json"
        path.write_text(json.dumps(as_evidence(verdict)))
    return folder
