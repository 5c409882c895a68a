"""The data behind ``reference.json``: shipped with dependencies, or synthetic from fixed seeds.

``python datasets.py FOLDER`` writes one CSV per table, which ``reference.R`` reads. Numbers of the
synthetic tables are rounded to six digits, so that no processor or library changes them.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from linearmodels.datasets import card as card_data
from linearmodels.datasets import munnell as munnell_data
from linearmodels.datasets import wage_panel


def tables() -> dict[str, pd.DataFrame]:
    """Every table by name."""
    return {
        "grunfeld": grunfeld(),
        "munnell": munnell(),
        "munnell_unbalanced": munnell_unbalanced(),
        "wages": wages(),
        "card": card(),
        "macro": macro(),
        "dynamic": dynamic(),
        "counts": counts(),
        "trials": trials(),
        "cells": cells(),
        "lattice": lattice(),
        "lattice_links": lattice_links(),
    }


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as R reads it; floats in the shortest form that gives the same double."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def sha256(table: pd.DataFrame) -> str:
    """Digest of the CSV."""
    return hashlib.sha256(csv_bytes(table)).hexdigest()


def grunfeld() -> pd.DataFrame:
    """Investment of 11 firms, 1935-54 (statsmodels)."""
    frame = sm.datasets.grunfeld.load_pandas().data
    frame["year"] = frame["year"].astype(int)
    return frame[["firm", "year", "invest", "value", "capital"]]


def munnell() -> pd.DataFrame:
    """Output and public capital of 48 US states, 1970-86 (linearmodels), in logs to 12 digits."""
    frame = munnell_data.load()
    logs = {"gsp": "GSP", "pcap": "P_CAP", "pc": "PC", "emp": "EMP"}
    result = pd.DataFrame({"state": frame["ST_ABB"].str.strip(), "year": frame["YR"].astype(int)})
    for name, column in logs.items():
        result[name] = np.log(frame[column].astype(float)).round(12)
    return result.assign(unemp=frame["UNEMP"].astype(float))


def munnell_unbalanced() -> pd.DataFrame:
    """The same with every state entering and leaving at other years, and some gaps."""
    frame = munnell()
    state = frame["state"].astype("category").cat.codes.astype(int)
    age = frame["year"] - 1970
    kept = (age >= state % 5) & (age <= 16 - state % 7) & ((age * 5 + state) % 11 != 0)
    return frame[kept].reset_index(drop=True)


def wages() -> pd.DataFrame:
    """Wages of 545 men, 1980-87 (linearmodels)."""
    frame = wage_panel.load()
    columns = ["nr", "year", "lwage", "expersq", "married", "union", "hours", "educ", "black"]
    return frame[columns].assign(hours=frame["hours"] / 1000)


def card() -> pd.DataFrame:
    """Schooling and wages of 3,010 men (linearmodels)."""
    frame = card_data.load()
    columns = ["lwage", "educ", "exper", "black", "smsa", "south", "nearc2", "nearc4"]
    return frame[columns].assign(region=frame.filter(regex="^reg66[1-9]$").to_numpy().argmax(1))


def macro() -> pd.DataFrame:
    """Quarterly growth of US consumption, income and prices (statsmodels), per cent."""
    frame = sm.datasets.macrodata.load_pandas().data
    growth = np.log(frame[["realcons", "realdpi", "cpi"]]).diff().mul(100).round(10)
    growth.columns = ["consumption", "income", "prices"]
    return growth.assign(quarter=np.arange(len(growth))).iloc[1:].reset_index(drop=True)


def dynamic() -> pd.DataFrame:
    """Synthetic: 90 units, up to 9 periods, y[t] = 0.5 y[t-1] + x + effect + e, x predetermined."""
    draw = np.random.default_rng(81)
    effect = draw.normal(size=90)
    y, shock, rows = 2 * effect, np.zeros(90), []
    for period in range(-30, 9):
        x = 0.4 * effect + 0.5 * shock + draw.normal(size=90)
        z = draw.normal(size=90)
        shock = draw.normal(size=90)
        y = 0.5 * y + x + 0.5 * z + effect + shock
        if period >= 0:
            rows.append(pd.DataFrame({"id": range(90), "t": period, "y": y, "x": x, "z": z}))
    frame = pd.concat(rows, ignore_index=True)
    late, early = frame["id"] % 4 == 1, frame["id"] % 5 == 2
    kept = ~(late & (frame["t"] < 2)) & ~(early & (frame["t"] > 6))
    frame = frame[kept].sort_values(["id", "t"], ignore_index=True)
    return frame.round(6)


def counts() -> pd.DataFrame:
    """Synthetic: 600 overdispersed counts, a fifth of them zeros of another process."""
    draw = np.random.default_rng(82)
    n = 600
    frame = pd.DataFrame({"group": np.arange(n) % 40, "x": draw.normal(size=n)})
    frame["d"] = draw.integers(0, 2, size=n)
    frame["exposure"] = draw.uniform(0.5, 2, size=n)
    mean = np.exp(0.6 + 0.5 * frame["x"] - 0.4 * frame["d"] + 0.3 * np.sin(frame["group"]))
    active = draw.uniform(size=n) < 1 / (1 + np.exp(-1.2 - 0.5 * frame["x"]))
    frame["y"] = draw.poisson(frame["exposure"] * mean * draw.gamma(2, 0.5, size=n)) * active
    frame["log_exposure"] = np.log(frame["exposure"])
    return frame.drop(columns="exposure").round(6)


def trials() -> pd.DataFrame:
    """Synthetic: effects of 24 studies with their variances and a moderator."""
    draw = np.random.default_rng(83)
    variance = draw.uniform(0.01, 0.15, size=24)
    year = draw.integers(1990, 2020, size=24)
    noise = draw.normal(size=24) * np.sqrt(variance) + 0.25 * draw.normal(size=24)
    effect = 0.3 + 0.02 * (year - 2005) + noise
    frame = pd.DataFrame({"study": np.arange(24), "effect": effect, "variance": variance})
    return frame.assign(year=year - 2005.0).round(6)


def cells() -> pd.DataFrame:
    """Synthetic: two-by-two tables of 14 studies, treated then control, some cells empty."""
    draw = np.random.default_rng(85)
    size = draw.integers(20, 90, size=(14, 2))
    risk = np.column_stack([draw.uniform(0.02, 0.3, 14), draw.uniform(0.05, 0.4, 14)])
    events = draw.binomial(size, risk)
    events[3, 0] = events[9, 0] = 0
    events[:, 1] = np.maximum(events[:, 1], 1)
    treated = np.column_stack([events[:, 0], size[:, 0] - events[:, 0]])
    control = np.column_stack([events[:, 1], size[:, 1] - events[:, 1]])
    return pd.DataFrame(np.column_stack([treated, control]), columns=list("abcd"))


def lattice() -> pd.DataFrame:
    """Synthetic: 100 cells of a square, y = 0.5 W y + 1 + x1 - 0.5 x2 + 0.4 W x1 + e.

    The coordinates lie somewhere in the cell, so that no two distances are equal.
    """
    draw = np.random.default_rng(84)
    links = lattice_links()
    weights = np.zeros((100, 100))
    weights[links["from"], links["to"]] = 1
    weights /= weights.sum(axis=1, keepdims=True)
    x1, x2, e = draw.normal(size=(3, 100))
    y = np.linalg.solve(np.eye(100) - 0.5 * weights, 1 + x1 - 0.5 * x2 + 0.4 * weights @ x1 + e)
    frame = pd.DataFrame({"cell": np.arange(100), "y": y, "x1": x1, "x2": x2})
    frame["north"], frame["east"] = np.divmod(np.arange(100), 10) + draw.uniform(0, 0.9, (2, 100))
    return frame.round(6)


def lattice_links() -> pd.DataFrame:
    """Cells that share an edge, each pair in both directions."""
    pairs = []
    for cell in range(100):
        row, column = divmod(cell, 10)
        for down, right in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            if 0 <= row + down < 10 and 0 <= column + right < 10:
                pairs.append((cell, cell + 10 * down + right))
    return pd.DataFrame(pairs, columns=["from", "to"])


def main(folder: Path) -> None:
    """Write every table as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables().items():
        (folder / f"{name}.csv").write_bytes(csv_bytes(table))
        print(name, table.shape)
    digests = [f"{sha256(table)}  {name}" for name, table in tables().items()]
    (folder / "sha256.txt").write_text("\n".join(digests) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
