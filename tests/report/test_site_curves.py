"""Curves as data, their choices in words, and the small pictures."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models.registry import ESTIMATORS
from analysis.report.site import labels, methods, pictures
from analysis.report.site.curves import choices, curve_script, ordered, verdict_codes
from analysis.robustness.summary import summarise


def made_curve(n: int = 60, seed: int = 3) -> pd.DataFrame:
    """A kept curve with effects on both sides, some significant, one not estimated."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(0.3, 1, n)
    error = rng.uniform(0.1, 0.9, n)
    table = pd.DataFrame(
        {
            "outcome": rng.choice(["log(patents_per_million)", "hightech_pct"], n),
            "lag": rng.choice([1, 2, 3], n),
            "with_tertiary_pct": rng.choice([False, True], n),
            "effect": effect,
            "effect_low": effect - 1.96 * error,
            "effect_high": effect + 1.96 * error,
            "p_value": np.where(np.abs(effect) > 1.96 * error, 0.01, 0.3),
            "flag": "",
        }
    )
    table.loc[0, ["effect", "effect_low", "effect_high", "p_value"]] = np.nan
    return table


@given(st.integers(0, 50), st.sampled_from([1, -1]))
@settings(max_examples=15)
def test_the_codes_are_the_shares_the_verdict_rests_on(seed: int, sign: int) -> None:
    table = made_curve(seed=seed)
    codes = verdict_codes(ordered(table), sign)
    found = summarise(table, sign)
    assert (codes == 0).mean() == pytest.approx(found.share_significant)
    assert (codes == 3).mean() == pytest.approx(found.share_opposite)
    assert (codes <= 1).mean() == pytest.approx(found.share_sign)


def test_an_effect_of_nothing_is_on_no_side() -> None:
    table = made_curve(4).assign(effect=0.0, effect_low=-1.0, effect_high=1.0)
    assert set(verdict_codes(table, 1)) == {2}


def test_the_script_says_of_every_specification_what_it_chose() -> None:
    table = made_curve()
    script = curve_script(table, 1)
    assert script["missing"] == 1 and len(script["says"]) == len(table) - 1
    assert script["effect"] == sorted(script["effect"])
    shown = {choice.name: choice for choice in choices(table, "en", "C08")}
    curve = ordered(table)
    for name, codes in script["choices"].items():
        words = {code: option for code, option, _ in shown[name].options}
        for place, code in enumerate(codes):
            assert words[int(code, 36)] == labels.option(curve[name].iloc[place], "en")
    assert [choice.name for choice in choices(table, "en", "C08")][-1] == "with_tertiary_pct"
    counts = [count for choice in shown.values() for _, _, count in choice.options]
    assert sum(counts) == 3 * len(curve)


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [
        ("log(density)", "population density (log)", "densité de population (log)"),
        ("geo + year", "territory + year", "territoire + année"),
        (1.25, "1.25", "1,25"),
        (2008, "2008", "2008"),
        (True, "yes", "oui"),
        ("no capitals", "without capitals", "sans les capitales"),
        ("nobody has named this", "nobody has named this", "nobody has named this"),
    ],
)
def test_options_in_words(value: object, english: str, french: str) -> None:
    assert labels.option(value, "en") == english
    assert labels.option(value, "fr") == french


def test_a_lagged_control_in_words() -> None:
    name = "with_L1.log(gdp_pps_per_head)"
    assert labels.choice(name, "en", "C08") == "Control: GDP per head (log), 1 year before"
    assert labels.choice(name, "fr", "C08") == "Contrôle\u00a0: PIB par habitant (log), 1 an avant"
    assert labels.is_named("L2.log(density)") and not labels.is_named("L2.log(nothing)")


def test_a_choice_is_called_what_it_is_for_its_claim() -> None:
    names = [labels.choice("lag", "en", claim) for claim in ("C08", "C01", "C03")]
    assert names == ["Lag in years", "Number of types", "Years between"]
    assert choices(made_curve(), "fr", "C01")[1].label == "Nombre de types"


def test_publishers_are_named_inside_a_sentence() -> None:
    assert labels.publisher("European Commission, CORDIS", "fr") == "la Commission européenne"
    assert labels.publisher("OECD", "en") == "the OECD"
    assert labels.publisher("A new one, its part", "fr") == "A new one, its part"


def test_code_in_what_an_estimator_is_stands_apart() -> None:
    assert methods._first_words("zero_inflated")[1] == ("y = 0", True)
    every = [piece for name in ESTIMATORS for piece, _ in methods._first_words(name)]
    assert not [piece for piece in every if "`" in piece or ":math:" in piece]


def test_the_scale_of_pictures_is_linear_and_then_logarithmic() -> None:
    at = [pictures.squeezed(size) for size in (0, 0.5, 1, 10, 100, 1e6)]
    assert at == pytest.approx([0, 1 / 6, 1 / 3, 2 / 3, 1, 1])
    assert pictures.squeezed(-10) == -pictures.squeezed(10)


def test_a_line_of_years_has_gaps_and_lone_years_are_dots() -> None:
    drawn = pictures.spark([1.0, 2.0, None, 3.0, None, 2.0], 'a "line"')
    path = re.search(r'd="([^"]*)"', drawn).group(1)
    assert path.count("M") == 3 and path.count("L") == 1
    assert drawn.count("<circle") == 3
    assert 'aria-label="a &quot;line&quot;"' in drawn
    assert pictures.spark([None, None], "nothing") == ""
