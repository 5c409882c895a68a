"""Parameters: parsing, checks, canonical form, messages."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from analysis import paths
from analysis.panel.codes import COUNTRIES
from analysis.runs import parameters
from analysis.runs.parameters import (
    REGISTRY,
    ParameterError,
    Parameters,
    as_text,
    describe,
    read_values,
    validate,
)


class Everything(Parameters):
    """One parameter of each shared type."""

    countries: parameters.Countries = Field(default=[])
    years: parameters.Years = Field(default=[2000, 2012])
    level: parameters.Level = 2
    outcome: parameters.Outcome = "patents_per_million"
    treatment: parameters.Treatment = "erdf_eur_per_head"
    lags: parameters.Lags = Field(default=[0, 1])
    se: parameters.StandardErrors = "cluster_region"
    exclude: parameters.Exclude = Field(default=[])
    exclude_capitals: parameters.ExcludeCapitals = False
    min_population: parameters.MinPopulation = 0.0
    weights: parameters.Weights = "none"
    interpolate: parameters.Interpolate = False
    depreciation: parameters.Depreciation = 0.15
    seed: parameters.Seed = 1


class Itself(Parameters):
    """An outcome that may also be an input."""

    outcome: parameters.Outcome = "patents_per_million"
    treatment: parameters.Input = "gerd_eur_per_head"


EVERYTHING = "everything"


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY, EVERYTHING, Everything)
    monkeypatch.setitem(REGISTRY, "itself", Itself)


def refusal(**values: Any) -> str:
    with pytest.raises(ParameterError) as caught:
        validate(EVERYTHING, values)
    return str(caught.value)


@pytest.mark.parametrize("name", REGISTRY)
def test_defaults_are_valid_and_canonical(name: str) -> None:
    values = validate(name, {}).injectable()
    assert validate(name, values).injectable() == values
    assert json.loads(json.dumps(values)) == values
    assert REGISTRY[name].__doc__


def test_text_from_the_command_line_becomes_typed_values() -> None:
    sample = ["countries=FR, DE,IT", "years=2000-2012", "level=1", "exclude=FR9,ES7"]
    model = ["outcome=patents_per_million", "lags=0-2", "interpolate=yes", "seed=7"]
    typed = read_values([*sample, *model, "min_population=200000"])
    values = validate(EVERYTHING, typed).injectable()
    assert values["countries"] == ["DE", "FR", "IT"]
    assert values["years"] == [2000, 2012]
    assert values["lags"] == [0, 1, 2]
    assert values["exclude"] == ["ES7", "FR9"]
    assert (values["level"], values["seed"]) == (1, 7)
    assert values["interpolate"] is True
    assert isinstance(values["min_population"], float)


@given(st.lists(st.sampled_from(COUNTRIES), unique=True), st.randoms())
def test_order_of_countries_does_not_matter(codes: list[str], random: Any) -> None:
    shuffled = list(codes)
    random.shuffle(shuffled)
    assert validate("01_data", {"countries": shuffled}) == validate(
        "01_data", {"countries": ",".join(codes)}
    )


@given(st.integers(1977, 2024), st.integers(1977, 2024))
def test_years_are_kept_or_refused_as_backwards(first: int, last: int) -> None:
    if first <= last:
        assert validate("01_data", {"years": f"{first}-{last}"}).injectable()["years"] == [
            first,
            last,
        ]
    else:
        with pytest.raises(ParameterError, match=f"backwards; write {last}-{first}"):
            validate("01_data", {"years": [first, last]})


@pytest.mark.parametrize("name", [*REGISTRY, EVERYTHING])
def test_every_value_can_be_typed_back_as_text(name: str) -> None:
    values = validate(name, {}).injectable()
    assert validate(name, as_text(name, values)).injectable() == values


def test_all_problems_are_listed_at_once() -> None:
    message = refusal(countrys="FR", years="2012-2000", se="hc3")
    assert "unknown parameter 'countrys' for everything; did you mean 'countries'?" in (message)
    assert "allowed: countries, depreciation" in message
    assert "years: 2012-2000 runs backwards; write 2000-2012" in message
    assert "se: 'hc3' is unknown; did you mean 'hc1'? allowed: classical" in message
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"countries": "XX"}, "unknown country 'XX'; Eurostat codes are AT, BE"),
        ({"countries": ["GR"]}, "for GR write EL"),
        ({"countries": "GB,FR"}, "for GB write UK"),
        ({"countries": "FR,FR"}, "given more than once: FR"),
        ({"countries": ["SE", False]}, 'write "NO" in quotes'),
        ({"countries": 5}, "countries: 5"),
        ({"countries": "<script>alert(1)</script>"}, "unknown country '<script>alert(1)</script>'"),
        ({"years": "1900-2000"}, "1900-2000 leaves the years the data cover, 1977-2024"),
        ({"years": "2000"}, "write first-last, as in 2000-2012"),
        ({"years": [2000, 2001, 2002]}, "expected the first and the last year"),
        ({"years": [2000, "x"]}, "years: 'x'"),
        ({"level": 3}, "level: 3 is unknown; allowed: 0, 1, 2"),
        ({"level": True}, "level: True is not a whole number"),
        ({"level": 2.0}, "level: 2.0 is not a whole number"),
        ({"outcome": "patent_per_million"}, "did you mean 'patents_per_million'? allowed:"),
        ({"outcome": "erdf_eur_per_head"}, "is no outcome of the codebook"),
        ({"treatment": "patents_per_million"}, "is no treatment of the codebook"),
        ({"lags": "3-1"}, "runs backwards"),
        ({"lags": [11]}, "whole years from 0 to 10"),
        ({"lags": []}, "at least one lag"),
        ({"lags": "1,1"}, "given more than once: 1"),
        ({"exclude": "fr1"}, "'fr1': not a NUTS code"),
        ({"exclude": "ZZ1"}, "unknown country 'ZZ'"),
        ({"min_population": "many"}, "'many' is not a number"),
        ({"depreciation": 1.1}, "less than or equal to 1"),
        ({"min_population": -1}, "greater than or equal to 0"),
        ({"min_population": float("nan")}, "finite"),
        ({"interpolate": "maybe"}, "neither true nor false"),
        ({"interpolate": 1}, "interpolate: 1"),
        ({"seed": "1.5"}, "'1.5' is not a whole number"),
        ({"seed": True}, "seed: True"),
        ({"weights": "people"}, "allowed: none, population"),
    ],
)
def test_refused_values_say_what_is_allowed(values: dict[str, Any], expected: str) -> None:
    message = refusal(**values)
    assert expected in message
    assert EVERYTHING in message


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of built tables that reach further than the published ones."""
    monkeypatch.setattr(paths, "PROCESSED", tmp_path)
    (tmp_path / "build.json").write_text('{"years": [1980, 2026]}')
    return tmp_path


def test_the_years_that_may_be_asked_for_are_those_of_the_built_tables(built: Path) -> None:
    assert validate(EVERYTHING, {"years": "2000-2026"}).injectable()["years"] == [2000, 2026]
    assert "years: 1979-2000 leaves the years the data cover, 1980-2026" in refusal(
        years="1979-2000"
    )
    (row,) = [row for row in describe(EVERYTHING) if row.name == "years"]
    assert row.allowed == "first-last within 1980-2026"
    with pytest.raises(ParameterError) as caught:
        validate("12_case_study", {"treated_from": 2027})
    assert str(caught.value) == (
        "12_case_study: treated_from: 2027 is not among the years the data cover, 1980-2026"
    )


@pytest.mark.parametrize("manifest", [None, "{}", '{"years": []}', "not JSON"])
def test_before_a_build_they_are_those_of_the_published_data(
    built: Path, manifest: str | None
) -> None:
    if manifest is None:
        (built / "build.json").unlink()
    else:
        (built / "build.json").write_text(manifest)
    assert "years: 2000-2026 leaves the years the data cover, 1977-2024" in refusal(
        years="2000-2026"
    )


def test_an_outcome_does_not_explain_itself() -> None:
    with pytest.raises(ParameterError, match="itself: outcome and treatment are both 'berd_pct_gd"):
        validate("itself", {"outcome": "berd_pct_gdp", "treatment": "berd_pct_gdp"})


def test_a_single_lag_is_a_list_of_one() -> None:
    assert validate(EVERYTHING, {"lags": 2}) == validate(EVERYTHING, {"lags": "2"})


def test_an_unknown_notebook_names_the_nearest() -> None:
    with pytest.raises(ParameterError, match="did you mean '05_cluster_funding'"):
        validate("05_cluster_fundings", {})


def test_files_give_values_and_the_command_line_overrides_them(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("countries: [FR, DE]\nyears: 2000-2012\nlevel: 1\n")
    assert read_values(["level=2"], file) == {
        "countries": ["FR", "DE"],
        "years": "2000-2012",
        "level": "2",
    }
    file.write_text('{"level": 1}')
    assert read_values([], file) == {"level": 1}
    file.write_text("# nothing\n")
    assert read_values([], file) == {}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("level: 1\nlevel: 2\n", "given more than once: level"),
        ("- level\n", "expected a mapping"),
        ("level: [1\n", "neither YAML nor JSON"),
        ("a: !!python/object:os.system 1\n", "neither YAML nor JSON"),
        (b"\xff\xfe\x00", "cannot read"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, content: str | bytes, expected: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ParameterError, match=expected):
        read_values([], file)


@pytest.mark.parametrize("pairs", [["years"], ["=3"], ["level=1", "level=2"]])
def test_unusable_pairs_are_refused(pairs: list[str]) -> None:
    with pytest.raises(ParameterError, match="-p"):
        read_values(pairs)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["unit"], "--declare unit: expected key=value, as in --declare unit=EUR"),
        (["unit=EUR", "unit=PPS"], "--declare unit is given more than once"),
    ],
)
def test_the_option_that_was_given_is_named(pairs: list[str], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_values(pairs, option="--declare")
    assert str(caught.value) == message


def test_every_parameter_is_described() -> None:
    for name, model in REGISTRY.items():
        rows = describe(name)
        assert [row.name for row in rows] == list(model.model_fields)
        assert all(row.kind and row.allowed and row.description for row in rows)
