"""A small study in a folder of its own, to be changed by the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from printed_lines import HEADER, line

Write = Callable[..., Path]


@pytest.fixture
def small_frame() -> pd.DataFrame:
    """Sixty rows, ten firms over six years, two of them with a missing value."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(1, 11), 6),
            "year": np.tile(np.arange(2001, 2007), 10),
            "x": random.normal(size=60).round(3) + 5,
            "sector": np.repeat(["a", "b"], 30),
        }
    )
    frame["y"] = (1 + 2 * frame["x"] + random.normal(size=60)).round(3)
    frame.loc[[3, 40], "x"] = np.nan
    return frame


@pytest.fixture
def small_study(tmp_path: Path, small_frame: pd.DataFrame) -> Write:
    """Write the study; keywords replace keys of study.yaml, ``published`` the printed lines."""

    def write(published: str | None = None, **keys: object) -> Path:
        folder = tmp_path / "small"
        folder.mkdir(exist_ok=True)
        small_frame.to_csv(folder / "data.csv", index=False)
        model = {
            "id": "ols",
            "column": "OLS",
            "estimator": "ols",
            "formula": "y ~ x",
            "rows": {"X": "x"},
            "statistics": {"N": "n_obs"},
        }
        study = {
            "id": "small",
            "title": "A small study",
            "citation": "Nobody (2026)",
            "data": {"main": {"file": "data.csv"}},
            "models": [model],
            **keys,
        }
        lines = (
            published if published is not None else line("X", "coef", "2.0") + line("N", "n", "58")
        )
        (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
        (folder / "published.csv").write_text(HEADER + lines, encoding="utf-8")
        return folder

    return write
