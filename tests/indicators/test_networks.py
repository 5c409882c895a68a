"""Centralities against their defining equations and by hand; foreign and similar links."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators import IndicatorError
from analysis.indicators.networks import (
    adjacency,
    centrality,
    centrality_by,
    foreign_share,
    links_by_similarity,
    similarity,
)

LINKS = pd.DataFrame(
    [("FR10", "FR71", 2.0), ("DE21", "FR71", 3.0), ("DE21", "FR10", 1.0), ("IT01", "IT02", 4.0)],
    columns=["from_geo", "to_geo", "n_projects"],
)


def star(leaves: int) -> pd.DataFrame:
    rows = [("AA", f"B{i}", 1.0) for i in range(leaves)]
    return adjacency(pd.DataFrame(rows, columns=["from_geo", "to_geo", "n_projects"]))


def test_adjacency_adds_repeated_pairs_and_keeps_asked_nodes():
    twice = pd.concat(
        [
            LINKS,
            LINKS.iloc[[0]]
            .rename(columns={"from_geo": "x"})
            .set_axis(["to_geo", "from_geo", "n_projects"], axis=1),
        ]
    )
    matrix = adjacency(twice)
    assert matrix.loc["FR10", "FR71"] == matrix.loc["FR71", "FR10"] == 4
    kept = adjacency(LINKS, nodes=["FR71", "ES51", "FR10"])
    assert kept.index.tolist() == ["FR71", "ES51", "FR10"]
    assert kept.loc["ES51"].sum() == 0
    assert kept.loc["FR71", "FR10"] == 2


def test_centralities_of_a_star_are_known():
    table = centrality(star(4))
    assert table["degree"].tolist() == [4, 1, 1, 1, 1]
    # Leading eigenvalue 2: the hub has 1/sqrt(2), each leaf 1/sqrt(8).
    assert table.loc["AA", "eigenvector"] == pytest.approx(np.sqrt(0.5))
    assert table.loc["B0", "eigenvector"] == pytest.approx(np.sqrt(0.125))
    # hub h = 0.03 + 0.85 * 4 l, leaf l = 0.03 + 0.85 * h / 4
    hub = (0.03 + 0.85 * 4 * 0.03) / (1 - 0.85**2)
    assert table.loc["AA", "pagerank"] == pytest.approx(hub)
    # walks: h = 1 + 0.25 * 4 l, l = 1 + 0.25 h
    leaf = (1 + 0.25) / (1 - 0.25)
    walks = np.array([1 + leaf] + [leaf] * 4)
    np.testing.assert_allclose(table["katz"], walks / walks.mean())


weights = st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5]), min_size=15, max_size=15)


@settings(max_examples=40)
@given(weights)
def test_centralities_satisfy_their_equations(values):
    matrix = np.zeros((6, 6))
    matrix[np.triu_indices(6, 1)] = values
    matrix += matrix.T
    names = list("abcdef")
    table = centrality(pd.DataFrame(matrix, index=names, columns=names))
    rank = table["pagerank"].to_numpy()
    assert rank.sum() == pytest.approx(1)
    walk = rank.copy()
    for _ in range(400):
        moved = np.zeros(6)
        for i in range(6):
            moved += rank_step(matrix[i], walk[i])
        walk = 0.15 / 6 + 0.85 * moved
    np.testing.assert_allclose(rank, walk, atol=1e-9)
    vector = table["eigenvector"].to_numpy()
    assert (vector >= 0).all()
    if matrix.any():
        image = matrix @ vector
        largest = vector @ image
        np.testing.assert_allclose(image, largest * vector, atol=1e-8)


def rank_step(row: np.ndarray, mass: float) -> np.ndarray:
    return mass * (row / row.sum() if row.sum() > 0 else np.full(len(row), 1 / len(row)))


def test_row_order_does_not_matter():
    shuffled = LINKS.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(centrality(adjacency(shuffled)), centrality(adjacency(LINKS)))


def test_a_small_component_has_no_eigenvector_centrality():
    table = centrality(adjacency(LINKS))
    assert table.loc[["IT01", "IT02"], "eigenvector"].tolist() == [0, 0]
    assert (table.loc[["DE21", "FR10", "FR71"], "eigenvector"] > 0).all()


def test_networks_of_each_period():
    links = pd.concat([LINKS.assign(year=2010), LINKS.head(1).assign(year=2011)])
    table = centrality_by(links)
    assert table.groupby("year")["geo"].apply(list).to_dict() == {
        2010: ["DE21", "FR10", "FR71", "IT01", "IT02"],
        2011: ["FR10", "FR71"],
    }
    assert table["n_nodes"].tolist() == [5] * 5 + [2] * 2


def test_foreign_share_by_weight():
    share = foreign_share(adjacency(LINKS, nodes=["DE21", "FR10", "FR71", "IT01", "IT02", "SE11"]))
    assert share["DE21"] == 1
    assert share["FR10"] == pytest.approx(1 / 3)
    assert share["FR71"] == pytest.approx(3 / 5)
    assert share["IT01"] == 0
    assert np.isnan(share["SE11"])


def test_links_split_by_similarity():
    profiles = pd.DataFrame(
        {"ict": [1.0, 1.0, 0.0], "food": [0.0, 1.0, 1.0]}, index=["DE21", "FR10", "FR71"]
    )
    alike = similarity(profiles)
    assert alike.loc["DE21", "FR10"] == pytest.approx(np.sqrt(0.5))
    assert alike.loc["DE21", "FR71"] == 0
    table = links_by_similarity(adjacency(LINKS), alike)
    assert table.loc["DE21", "similar"] == pytest.approx(np.sqrt(0.5))
    assert table.loc["DE21", "dissimilar"] == pytest.approx(4 - np.sqrt(0.5))
    assert table.loc["DE21", "covered"] == 1
    assert table.loc["IT01"].drop("covered").isna().all()
    assert table.loc["IT01", "covered"] == 0


def test_a_unit_without_a_profile_is_like_nobody():
    profiles = pd.DataFrame({"a": [1.0, 0.0, np.nan], "b": [1.0, 0.0, 1.0]})
    alike = similarity(profiles)
    assert alike.loc[0, 0] == pytest.approx(1)
    assert alike.loc[[1, 2]].isna().all(axis=None)


def test_wrong_networks_are_refused():
    with pytest.raises(IndicatorError, match="FR10 is linked with itself"):
        adjacency(pd.DataFrame({"from_geo": ["FR10"], "to_geo": ["FR10"], "n_projects": [1.0]}))
    with pytest.raises(IndicatorError, match="zero or more, without gaps"):
        adjacency(LINKS.assign(n_projects=[1.0, np.nan, 1.0, 1.0]))
    lopsided = pd.DataFrame([[0.0, 1.0], [0.0, 0.0]], index=["a", "b"], columns=["a", "b"])
    with pytest.raises(IndicatorError, match="expected symmetric weights"):
        centrality(lopsided)
    with pytest.raises(IndicatorError, match="damping"):
        centrality(star(2), damping=1.0)
    with pytest.raises(IndicatorError, match="profiles must be zero or more"):
        similarity(pd.DataFrame({"a": [-1.0]}))


def test_agreement_with_dense_linear_algebra():
    random = np.random.default_rng(11)
    matrix = np.triu(random.poisson(0.4, (60, 60)) * random.random((60, 60)), 1)
    matrix += matrix.T
    names = [f"N{i:02d}" for i in range(60)]
    table = centrality(pd.DataFrame(matrix, index=names, columns=names))
    values, vectors = np.linalg.eigh(matrix)
    np.testing.assert_allclose(table["eigenvector"], np.abs(vectors[:, -1]), atol=1e-10)
    walks = np.linalg.solve(np.eye(60) - 0.5 / values[-1] * matrix, np.ones(60))
    np.testing.assert_allclose(table["katz"], walks / walks.mean(), rtol=1e-10)
    steps = matrix / matrix.sum(axis=1, keepdims=True)
    rank = np.linalg.solve(np.eye(60) - 0.85 * steps.T, np.full(60, 0.15 / 60))
    np.testing.assert_allclose(table["pagerank"], rank, rtol=1e-10)


def test_two_equal_parts_hardly_linked_are_refused():
    clique = [(f"A{i}", f"A{j}", 1.0) for i in range(4) for j in range(i + 1, 4)]
    other = [(f"B{i}", f"B{j}", 1.0) for i in range(4) for j in range(i + 1, 4)]
    uneven = [("A0", "B0", 1e-6), ("A1", "C0", 1e-2)]
    rows = pd.DataFrame(clique + other + uneven, columns=["from_geo", "to_geo", "n_projects"])
    with pytest.raises(IndicatorError, match="equally central"):
        centrality(adjacency(rows))
