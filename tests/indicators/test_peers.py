"""Distance on structure and the nearest territories."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators.concentration import IndicatorError
from analysis.indicators.peers import nearest, structural_distance


def blocks(seed: int, places: int = 9) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(seed)
    index = pd.Index([f"R{n}" for n in range(places)], name="geo")
    return {
        "one": pd.DataFrame({"a": random.normal(size=places)}, index=index),
        "three": pd.DataFrame(random.normal(size=(places, 3)), index=index, columns=list("bcd")),
    }


def test_two_blocks_by_hand():
    index = pd.Index(["A", "B", "C"])
    given_blocks = {
        "x": pd.DataFrame({"x": [0.0, 1.0, 2.0]}, index=index),
        "y": pd.DataFrame({"y1": [0.0, 0.0, 3.0], "y2": [1.0, 1.0, np.nan]}, index=index),
    }
    distance = structural_distance(given_blocks, least=2)
    sd_x, sd_y = np.std([0, 1, 2]), np.std([0, 0, 3])
    # y2 is the same wherever it is known and says nothing; y1 stands alone in its block.
    assert distance.loc["A", "B"] == pytest.approx(np.sqrt((1 / sd_x) ** 2 / 2))
    assert distance.loc["A", "C"] == pytest.approx(np.sqrt(((2 / sd_x) ** 2 + (3 / sd_y) ** 2) / 2))


def test_a_block_counts_once_however_many_variables_it_has():
    made = blocks(1)
    doubled = {**made, "three": pd.concat([made["three"], made["three"].add_suffix("2")], axis=1)}
    pd.testing.assert_frame_equal(structural_distance(made, 2), structural_distance(doubled, 2))


def test_too_few_blocks_in_common_have_no_distance():
    made = blocks(2)
    made["one"].iloc[0] = np.nan
    distance = structural_distance(made, least=2)
    assert distance.iloc[0].isna().all()
    assert distance.iloc[1:, 1:].notna().all().all()
    assert structural_distance(made, least=1).notna().all().all()


def test_nearest_leaves_itself_and_the_unknown_out_and_breaks_ties_by_code():
    codes = ["B", "A", "C", "D"]
    distance = pd.DataFrame(1.0, index=codes, columns=codes)
    distance.loc["D", :] = distance.loc[:, "D"] = np.nan
    assert nearest(distance, 2) == {"A": ("B", "C"), "B": ("A", "C"), "C": ("A", "B"), "D": ()}


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_units_of_measurement_do_not_matter_and_distance_is_symmetric(seed):
    made = blocks(seed)
    scaled = {name: 5 + 100 * frame for name, frame in made.items()}
    distance = structural_distance(made, 2)
    np.testing.assert_allclose(distance, structural_distance(scaled, 2), atol=1e-9)
    np.testing.assert_allclose(distance, distance.T)
    assert (np.diag(distance) == 0).all()


def test_blocks_of_other_territories_are_refused():
    made = blocks(3)
    with pytest.raises(IndicatorError, match="same territories"):
        structural_distance({**made, "three": made["three"].iloc[1:]}, 2)
