"""Numbers as a run's sentences print them, looked for among the run's estimates."""

import json
import re
from pathlib import Path

import pandas as pd

#: Marks of thousands and of decimals. French thousands have a narrow no-break space.
MARKS = {"en": (",", "."), "fr": ("\u202f", ",")}
#: What is called by a number: its digits state no result.
NAMES = re.compile(r"NUTS [0-3]\b|Horizon 2020\b|75 % rule\b|lists of 2007-2013\b|5 % level\b")


def printed(text: str, lang: str = "en") -> list[tuple[float, float]]:
    """Each number in ``text`` and half a unit of its last digit; not digits of codes as FR10."""
    thousands, decimal = (re.escape(mark) for mark in MARKS[lang])
    pattern = (
        rf"(?<!\w)([+−-]?)(\d{{1,3}}(?:{thousands}\d{{3}})+|\d+)(?:{decimal}(\d+))?"
        r"(?:e([+−-]?\d+))?(?!\w)"
    )
    numbers = []
    for sign, whole, decimals, power in re.findall(pattern, NAMES.sub("", text)):
        scale = 10.0 ** int(power.replace("−", "-") or 0)
        size = float(re.sub(r"\D", "", whole) + "." + decimals) * scale
        numbers.append((-size if sign in ("−", "-") else size, 0.5 * scale * 10 ** -len(decimals)))
    return numbers


def is_among(shown: tuple[float, float], values: list[float]) -> bool:
    """Whether one of ``values``, rounded as it is printed, is the number shown."""
    number, half_unit = shown
    slack = half_unit * (1 + 1e-9) + 1e-11 * abs(number)
    return any(abs(value - number) <= slack for value in values)


def not_in_estimates(run: Path, lang: str = "en") -> list[str]:
    """Numbers of a run's sentences that no row of the model they name holds, with the sentence.

    lang: of the answers and verdicts; other paragraphs are in English.
    """
    path = run / "estimates.parquet"
    estimates = pd.read_parquet(path) if path.exists() else pd.DataFrame(columns=["model"])
    missing = []
    for entry in sentences_of(run):
        rows = estimates[estimates["model"] == entry["model"]]
        values = [v for c in ("estimate", "ci_low", "ci_high") if c in rows for v in rows[c]]
        shown = printed(entry["text"], "en" if entry["template"] else lang)
        missing += [f"{n[0]:g} in: {entry['text']}" for n in shown if not is_among(n, values)]
    return missing


def sentences_of(run: Path) -> list[dict]:
    """The entries of ``sentences.json``."""
    path = run / "sentences.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
