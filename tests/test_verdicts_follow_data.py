"""Other data, countries or years: estimates, sentences and verdicts change together.

A notebook is run by the real command line on tables that hold a known pattern, then on the same
tables with the pattern turned round, and for other countries and years.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from analysis import paths
from printed_numbers import is_among, not_in_estimates, printed, sentences_of

NOTEBOOK = "06_concentration"
SAYS = {
    ("supported", "en"): "the figures support this.",
    ("supported", "fr"): "les chiffres le confirment.",
    ("contradicted", "en"): "the figures say the opposite.",
    ("contradicted", "fr"): "les chiffres disent le contraire.",
}
WRITTEN = ("en", "fr")


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "analysis.cli", *arguments],
        env=os.environ | {"COMPENDIUM_ROOT": str(root)},
        cwd=root,
        text=True,
        capture_output=True,
        timeout=900,
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A project with the notebooks and the data built from the carried tables."""
    root = tmp_path_factory.mktemp("original")
    (root / "data").mkdir()
    (root / "data" / "raw").symlink_to(paths.RAW)
    shutil.copytree(paths.NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(paths.ROOT / "requirements.lock", root)
    done = command(root, "data", "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="module")
def altered(original: Path, tmp_path_factory) -> Callable[..., Path]:
    """``altered(table, change)``: the project with one built table put through ``change``."""

    def make(table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
        root = tmp_path_factory.mktemp("altered") / "project"
        shutil.copytree(original, root, symlinks=True, ignore=shutil.ignore_patterns("runs"))
        path = root / "data" / "processed" / f"{table}.parquet"
        change(pd.read_parquet(path)).to_parquet(path, index=False)
        manifest = path.with_name("build.json")
        build = json.loads(manifest.read_text())
        build["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest.write_text(json.dumps(build))
        return root

    return make


def run(root: Path, name: str, **parameters: str) -> Path:
    """The folder ``name`` with a run of the notebook."""
    options = [text for key, value in parameters.items() for text in ("-p", f"{key}={value}")]
    done = command(root, "run", NOTEBOOK, *options, "--out", str(root / name))
    assert done.returncode == 0, done.stdout + done.stderr
    return root / name


@cache
def register_of(folder: Path, lang: str) -> dict[str, dict]:
    """The claims by name as ``compendium claims`` tells them from one run."""
    done = command(folder.parent, "claims", "--json", "--lang", lang, "--runs", str(folder))
    return {row["id"]: row for row in json.loads(done.stdout)}


def register_row(folder: Path, claim: str, lang: str = "en") -> dict:
    return register_of(folder, lang)[claim]


def assert_one_answer(folder: Path, claim: str, word: str | None = None) -> dict:
    """The run's files and the register in both languages tell one story; the English row."""
    row = register_row(folder, claim)
    evidence = json.loads((folder / "evidence" / f"{claim}.json").read_text())
    estimates = pd.read_parquet(folder / "estimates.parquet").set_index("term")
    headline = estimates.loc[f"{claim}: headline"]
    table = pd.read_csv(folder / "tables" / f"verdict_{claim}.csv")
    assert row["verdict"] == evidence["word"] == headline["sample"]
    numbers = row["estimate"], row["ci_low"], row["ci_high"]
    assert tuple(headline[["estimate", "ci_low", "ci_high"]]) == pytest.approx(numbers)
    assert tuple(table.loc[0, ["estimate", "ci_low", "ci_high"]]) == pytest.approx(numbers)
    told = [entry["text"] for entry in sentences_of(folder)]
    answers = {lang: register_row(folder, claim, lang)["sentences"] for lang in WRITTEN}
    assert sum(answer in told for answer in answers.values()) == 1
    for lang, answer in answers.items():
        shown = printed(answer, lang)
        assert all(any(is_among(one, [number]) for one in shown) for number in numbers), answer
        assert word is None or SAYS[word, lang] in answer, answer
    assert word is None or row["verdict"] == word
    return row


# --- excellence money more and less unequal than research -------------------------------------


def framework_money(by_effort: float, by_size: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Horizon 2020 money of a country made of its research per head and its population.

    With both powers one it would be spread over countries as research is.
    """

    def change(countries: pd.DataFrame) -> pd.DataFrame:
        effort = countries["gerd_mio_ppp2020"] / countries["population"]
        money = effort**by_effort * countries["population"] ** by_size
        countries["h2020_eur"] = money.where(countries["h2020_eur"].notna())
        return countries

    return change


@pytest.fixture(scope="module")
def piled(altered) -> Path:
    """Data in which the money goes to the strong."""
    return altered("countries", framework_money(2.0, 1.0))


@pytest.fixture(scope="module")
def evened(altered) -> Path:
    """Data in which the weak and the small get more than their share."""
    return altered("countries", framework_money(0.6, 0.85))


@pytest.fixture(scope="module")
def first(piled) -> Path:
    return run(piled, "first")


def test_turning_the_pattern_round_turns_estimate_sentence_and_verdict(first, evened):
    turned = run(evened, "turned", lang="fr")
    up = assert_one_answer(first, "C24", "supported")
    down = assert_one_answer(turned, "C24", "contradicted")
    assert up["ci_low"] > 0 > down["ci_high"]
    assert up["n_countries"] == down["n_countries"] > 20
    assert not not_in_estimates(first) + not_in_estimates(turned, "fr")
    # What rests on other data is as it was; only the run has another key.
    same_run = {"run": register_row(first, "C06")["run"]}
    assert register_row(first, "C06") == register_row(turned, "C06") | same_run


def test_other_countries_and_years_give_other_answers(piled, first):
    chosen = "AT,BE,BG,CZ,DE,EL,ES,FI,FR,HU,IT,NL,PL,PT,RO,SE"
    fewer = run(piled, "fewer", countries=chosen, years="2003-2011")
    assert not not_in_estimates(fewer)
    for claim in ("C06", "C24"):
        before, after = assert_one_answer(first, claim), assert_one_answer(fewer, claim)
        assert after["estimate"] != before["estimate"]
        assert after["n_countries"] == 16 < before["n_countries"]
        assert "16 countries" in after["sentences"]
        assert after["sentences"] != before["sentences"]
    assert after["n_observations"] < before["n_observations"]
    assert register_row(first, "C06")["years"][0] < 2003
    assert register_row(fewer, "C06")["years"] == [2003, 2011]


def test_countries_that_leave_nothing_to_estimate_leave_no_verdict(piled):
    alone = run(piled, "alone", countries="FR,DE")
    for claim in ("C06", "C24"):
        row = register_row(alone, claim)
        assert row["verdict"] == "not testable" and row["estimate"] is None
        assert row["reason"].startswith("Fewer than ")


# --- the test itself ----------------------------------------------------------------------------


def test_a_number_that_is_in_no_row_is_found(tmp_path):
    rows = {"model": ["sentence 01", "claim C01"], "estimate": [1234.56, 7.0]}
    pd.DataFrame(rows).to_parquet(tmp_path / "estimates.parquet")
    entry = {"model": "sentence 01", "template": "{x}"}
    said = {
        "1,235 in NUTS 2, FR10 of H2020": [],
        "1,234.6": [],
        "1,234": ["1234"],
        "−1,235": ["-1235"],
        "7 of 1,235": ["7"],
        "1.2e+03": [],
        "0.12": ["0.12"],
    }
    for text, missing in said.items():
        (tmp_path / "sentences.json").write_text(json.dumps([entry | {"text": text}]))
        assert not_in_estimates(tmp_path) == [f"{number} in: {text}" for number in missing]


def test_numbers_are_read_as_each_language_prints_them():
    assert printed("1,234.5 and −0.20 (2007)") == [(1234.5, 0.05), (-0.2, 0.005), (2007, 0.5)]
    assert printed("1\u202f234,5 et −0,20 %", "fr") == [(1234.5, 0.05), (-0.2, 0.005)]
