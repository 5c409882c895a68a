"""What differs between two finished runs of one notebook, in numbers.

Two runs of one notebook are estimated from overlapping data, so the difference of two estimates has
no standard error of its own here: it is shown in units of the first run's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.claims.assembly import EVIDENCE
from analysis.claims.declaration import register
from analysis.claims.verdict import Verdict, of_evidence

#: What became of something between the first run and the second.
CHANGED, SAME, ENTERED, LEFT = "changed", "same", "entered", "left"
#: Estimates are written with twelve digits; less than this is no difference.
TOLERANCE = 1e-9
_ESTIMATE = ("estimate", "std_error", "p_value", "n_obs")
_VERDICT = ("word", "estimate", "ci_low", "ci_high", "n_obs")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, columns ending in ``_a`` and ``_b``; ``state`` is changed, same, entered or left.

    Attributes
    ----------
    notebook, title
        Of both runs.
    records
        The two run records.
    parameters
        ``parameter, a, b`` of those that differ.
    inputs
        ``input, name, state`` of code, locked packages, notebook, each table of data, and each
        file of one's own.
    versions
        ``package, a, b`` of those that differ.
    estimates
        ``model, term``, estimate, std_error, p_value and n_obs of both, ``difference`` (b - a),
        ``in_std_errors`` (the difference over the first standard error), ``state``.
    verdicts
        ``claim``, word, estimate, interval and number of observations of both, ``state``.
    observations
        ``model, both, entered, left``: rows (unit and period) used by both, or by one only.
    moved
        ``model, unit, period, state`` of the rows that entered or left.
    outputs
        ``file, state`` of every file that is not the same.
    """

    notebook: str
    title: str
    records: tuple[Mapping[str, Any], Mapping[str, Any]]
    parameters: pd.DataFrame
    inputs: pd.DataFrame
    versions: pd.DataFrame
    estimates: pd.DataFrame
    verdicts: pd.DataFrame
    observations: pd.DataFrame
    moved: pd.DataFrame
    outputs: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """For JSON: tables as lists of rows, missing numbers as null."""
        tables = {
            name: _plain(getattr(self, name))
            for name in ("parameters", "inputs", "versions", "estimates", "verdicts")
        }
        tables |= {
            name: _plain(getattr(self, name)) for name in ("observations", "moved", "outputs")
        }
        keys = {"a": self.records[0]["key"], "b": self.records[1]["key"]}
        return {"notebook": self.notebook, "runs": keys, **tables}


def compare_runs(first: Path, second: Path) -> Comparison:
    """Compare the finished runs in two folders.

    Raises
    ------
    CompendiumError
        If a folder holds no finished run, or they are runs of different notebooks.
    """
    records = _record(first), _record(second)
    names = [record["name"] for record in records]
    if names[0] != names[1]:
        raise CompendiumError(
            f"runs of different notebooks cannot be compared: {names[0]} in {first}, "
            f"{names[1]} in {second}"
        )
    samples = _sample(first), _sample(second)
    moved = _moved(*samples)
    return Comparison(
        notebook=names[0],
        title=str(records[1]["title"]),
        records=records,
        parameters=_differing("parameter", *(record["parameters"] for record in records)),
        inputs=_inputs(*map(_with_files, records)),
        versions=_differing("package", *(record["versions"] for record in records)),
        estimates=_estimates(_table(first), _table(second)),
        verdicts=_verdicts(_judged(first), _judged(second)),
        observations=_observations(*samples, moved),
        moved=moved,
        outputs=_outputs(*(record["outputs"] for record in records)),
    )


# --- reading -----------------------------------------------------------------------------------


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        parts = ("name", "title", "key", "parameters", "inputs", "versions", "outputs")
        return {part: record[part] for part in parts} | {"brought": record.get("brought", [])}
    except (OSError, ValueError, KeyError, TypeError):
        raise CompendiumError(
            f"{folder} is not a finished run: it has no readable record.json"
        ) from None


def _table(folder: Path) -> pd.DataFrame:
    path = folder / "estimates.parquet"
    columns = ["model", "term", *_ESTIMATE]
    return pd.read_parquet(path)[columns] if path.is_file() else pd.DataFrame(columns=columns)


def _sample(folder: Path) -> pd.DataFrame:
    """``model, unit, period`` of each row used; empty for a run that has not kept them."""
    columns = ["model", "unit", "period"]
    try:
        models = json.loads((folder / "samples" / "models.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return pd.DataFrame(columns=columns, dtype="str")
    read = {file: pd.read_parquet(folder / "samples" / file) for file in sorted({*models.values()})}
    parts = [read[file].assign(model=model) for model, file in sorted(models.items())]
    return pd.concat(parts, ignore_index=True).reindex(columns=columns).fillna("")


def _judged(folder: Path) -> dict[str, Verdict]:
    claims = register()
    verdicts = {}
    for file in sorted((folder / EVIDENCE).glob("*.json")):
        try:
            verdicts[file.stem] = of_evidence(json.loads(file.read_text(encoding="utf-8")), claims)
        except (ValueError, KeyError, TypeError) as error:
            raise CompendiumError(f"{file} cannot be read ({error!r}); run it again") from None
    return verdicts


# --- comparing ---------------------------------------------------------------------------------


def _differing(what: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> pd.DataFrame:
    """The entries of two mappings that are not equal, as ``what, a, b``; "" where there is none."""
    names = [name for name in sorted({*a, *b}) if a.get(name) != b.get(name)]
    rows = [{what: name, "a": _shown(a, name), "b": _shown(b, name)} for name in names]
    return pd.DataFrame(rows, columns=[what, "a", "b"])


def _shown(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _with_files(record: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a run with the user's files, each with all that was said of it."""
    files = {one["file"]: json.dumps(one, sort_keys=True) for one in record["brought"]}
    return {**record["inputs"], "files": files}


def _inputs(a: Mapping[str, Any], b: Mapping[str, Any]) -> pd.DataFrame:
    """Single inputs by name, then the data table by table."""
    single = [
        {"input": name, "name": "", "state": _state(a.get(name), b.get(name))}
        for name in sorted({*a, *b})
        if not isinstance(a.get(name, b.get(name)), dict)
    ]
    parts = [
        {"input": name, "name": part, "state": _state(mine.get(part), theirs.get(part))}
        for name in sorted({*a, *b})
        for mine, theirs in [(_mapping(a, name), _mapping(b, name))]
        for part in sorted({*mine, *theirs})
    ]
    return pd.DataFrame([*single, *parts], columns=["input", "name", "state"])


def _mapping(inputs: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = inputs.get(name)
    return value if isinstance(value, dict) else {}


def _state(a: Any, b: Any) -> str:
    if a is None or b is None:
        return ENTERED if a is None else LEFT
    return SAME if a == b else CHANGED


def _outputs(a: Mapping[str, str], b: Mapping[str, str]) -> pd.DataFrame:
    rows = [(name, _state(a.get(name), b.get(name))) for name in sorted({*a, *b})]
    return pd.DataFrame([row for row in rows if row[1] != SAME], columns=["file", "state"])


def _estimates(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    keys = ["model", "term"]
    both = a.merge(b, on=keys, how="outer", suffixes=("_a", "_b"), sort=True, indicator=True)
    both["difference"] = both["estimate_b"] - both["estimate_a"]
    with np.errstate(divide="ignore", invalid="ignore"):
        both["in_std_errors"] = both["difference"] / both["std_error_a"]
    same = np.isclose(
        both["estimate_a"], both["estimate_b"], rtol=TOLERANCE, atol=0, equal_nan=True
    )
    same &= np.isclose(
        both["std_error_a"], both["std_error_b"], rtol=TOLERANCE, atol=0, equal_nan=True
    )
    both["state"] = _merged_state(both.pop("_merge"), same)
    return both.reset_index(drop=True)


def _merged_state(side: pd.Series, same: np.ndarray) -> np.ndarray:
    found = np.where(same, SAME, CHANGED)
    return np.where(side == "left_only", LEFT, np.where(side == "right_only", ENTERED, found))


def _verdicts(a: Mapping[str, Verdict], b: Mapping[str, Verdict]) -> pd.DataFrame:
    rows = []
    for claim in sorted({*a, *b}):
        mine, theirs = (_verdict_row(side.get(claim)) for side in (a, b))
        row = {"claim": claim}
        row |= {f"{name}_a": value for name, value in mine.items()}
        row |= {f"{name}_b": value for name, value in theirs.items()}
        words = (mine["word"] or None, theirs["word"] or None)
        rows.append({**row, "state": _state(*words)})
    columns = [f"{name}_{side}" for side in "ab" for name in _VERDICT]
    return pd.DataFrame(rows, columns=["claim", *columns, "state"])


def _verdict_row(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None or not verdict.findings:
        word = "" if verdict is None else verdict.word
        return {"word": word, **dict.fromkeys(_VERDICT[1:], np.nan)}
    headline = verdict.headline
    return {"word": verdict.word, **{name: getattr(headline, name) for name in _VERDICT[1:]}}


def _moved(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Rows that one run used and the other did not, of the models whose rows both have kept."""
    keys = ["model", "unit", "period"]
    known = set(a["model"]) & set(b["model"])
    sides = [side[side["model"].isin(known)].drop_duplicates() for side in (a, b)]
    both = sides[0].merge(sides[1], on=keys, how="outer", indicator="state", sort=True)
    both = both[both["state"] != "both"]
    words = {"left_only": LEFT, "right_only": ENTERED}
    return both.assign(state=both["state"].astype("str").map(words)).reset_index(drop=True)


def _observations(a: pd.DataFrame, b: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    rows = []
    counts = {
        side: moved[moved["state"] == side]["model"].value_counts() for side in (ENTERED, LEFT)
    }
    sizes = b.drop_duplicates()["model"].value_counts()
    for model in sorted(set(a["model"]) & set(b["model"])):
        entered, left = (int(counts[side].get(model, 0)) for side in (ENTERED, LEFT))
        both = int(sizes[model]) - entered
        rows.append({"model": model, "both": both, "entered": entered, "left": left})
    return pd.DataFrame(rows, columns=["model", "both", "entered", "left"])


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found = frame.astype(object).where(frame.notna(), None)
    return [
        {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in row.items()
        }
        for row in found.replace([np.inf, -np.inf], None).to_dict("records")
    ]
