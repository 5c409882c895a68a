"""Networks of shared projects: who is central, who is linked abroad, and with whom alike.

Links are rows of the ``links`` table of one network, theme and period: undirected, each pair once,
``from_geo``, ``to_geo``, ``n_projects``. An adjacency is a symmetric table of nodes × nodes with a
zero diagonal, nodes sorted; it is also what ``models.spatial`` takes as ``matrix`` (kind square).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]


def adjacency(
    links: pd.DataFrame, weight: str = "n_projects", nodes: Sequence[str] | None = None
) -> pd.DataFrame:
    """Symmetric weights of nodes × nodes from undirected links.

    nodes: which to keep and in what order, also those without a link; by default all, sorted. A
    pair listed several times (years, themes) is added up.
    """
    ends = links[["from_geo", "to_geo"]].to_numpy(dtype=str)
    if (ends[:, 0] == ends[:, 1]).any():
        own = ends[ends[:, 0] == ends[:, 1]][0, 0]
        raise IndicatorError(f"links: {own} is linked with itself; leave such rows out")
    weights = links[weight].to_numpy(dtype=float)
    if not (weights >= 0).all():
        raise IndicatorError(f"links: {weight} must be zero or more, without gaps")
    names = pd.Index(sorted(np.unique(ends)) if nodes is None else list(nodes), name="geo")
    start, end = names.get_indexer(ends[:, 0]), names.get_indexer(ends[:, 1])
    inside = (start >= 0) & (end >= 0)
    matrix = np.zeros((len(names), len(names)))
    np.add.at(matrix, (start[inside], end[inside]), weights[inside])
    return pd.DataFrame(matrix + matrix.T, index=names, columns=names.rename(None))


def centrality(weights: pd.DataFrame, damping: float = 0.85, reach: float = 0.5) -> pd.DataFrame:
    """Centrality of every node of an adjacency, index node.

    Columns
    -------
    degree
        Number of partners.
    strength
        Sum of weights (Barrat et al. 2004, PNAS 101:3747-3752).
    eigenvector
        Leading eigenvector of the weights, non-negative and of length one (Bonacich 1972). Nodes
        outside the largest connected component have zero.
    pagerank
        Share of time of a walk that follows links in proportion to their weights and jumps to any
        node with probability ``1 - damping`` (Brin and Page 1998); sums to one.
    katz
        Number of weighted walks of all lengths that end in the node, a walk of length k discounted
        by ``(reach / largest eigenvalue)**k`` (Katz 1953), divided by its mean.
    """
    matrix = _symmetric(weights)
    if not 0 < damping < 1 or not 0 < reach < 1:
        raise IndicatorError(f"centrality: damping {damping} and reach {reach} must be in (0, 1)")
    return pd.DataFrame(
        {
            "degree": (matrix > 0).sum(axis=1).astype(float),
            "strength": matrix.sum(axis=1),
            "eigenvector": _eigenvector(matrix),
            "pagerank": _pagerank(matrix, damping),
            "katz": _katz(matrix, reach),
        },
        index=weights.index,
    )


def foreign_share(weights: pd.DataFrame) -> pd.Series:
    """Share of each node's links, by weight, with another country (first two letters of the code).

    Missing for a node without links. Only for codes of NUTS: ISO 3166 alpha-3 codes would mix.
    """
    matrix = _symmetric(weights)
    country = np.array([str(name)[:2] for name in weights.index])
    abroad = (matrix * (country[:, None] != country[None, :])).sum(axis=1)
    total = matrix.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.Series(abroad / total, index=weights.index, name="foreign_share")


def similarity(profiles: pd.DataFrame) -> pd.DataFrame:
    """Cosine of the angle between the profiles of every two units, from 0 to 1 for shares.

    (Jaffe 1986, American Economic Review 76:984-1001.) profiles: units × features, such as shares
    of employment or of patents by field; zero or more. Missing for a unit with a gap or only zeros.
    """
    values = profiles.to_numpy(dtype=float)
    if (values < 0).any():
        raise IndicatorError("similarity: profiles must be zero or more")
    lengths = np.sqrt((values**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        units = values / np.where(lengths > 0, lengths, np.nan)[:, None]
    cosine = np.clip(units @ units.T, 0.0, 1.0)
    return pd.DataFrame(cosine, index=profiles.index, columns=profiles.index.rename(None))


def links_by_similarity(weights: pd.DataFrame, alike: pd.DataFrame) -> pd.DataFrame:
    """Each node's links split into links with similar and with dissimilar partners.

    A link of weight w to a partner of similarity s counts s·w as similar and (1 − s)·w as
    dissimilar. Links to a node without a profile are in neither.

    weights: adjacency. alike: similarity with at least some of its nodes.

    Returns
    -------
    DataFrame
        Index node: ``similar, dissimilar, mean_similarity`` (weighted by links) and ``covered``,
        the share of the node's links whose partner has a profile.
    """
    matrix = _symmetric(weights)
    close = alike.reindex(index=weights.index, columns=weights.columns).to_numpy(dtype=float)
    known = ~np.isnan(close)
    near = (matrix * np.where(known, close, 0.0)).sum(axis=1)
    seen, total = (matrix * known).sum(axis=1), matrix.sum(axis=1)
    described = known.any(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = {
            "similar": np.where(described, near, np.nan),
            "dissimilar": np.where(described, seen - near, np.nan),
            "mean_similarity": near / seen,
            "covered": seen / total,
        }
    return pd.DataFrame(table, index=weights.index)


def centrality_by(links: pd.DataFrame, by: str = "year", **options: float) -> pd.DataFrame:
    """Centrality in the network of each ``by`` (a column of the links), long and sorted.

    Columns ``by, geo, degree, strength, eigenvector, pagerank, katz, n_nodes``; nodes without a
    link in a period are not in its network and have no row.
    """
    parts = []
    for period, rows in links.groupby(by, sort=True):
        table = centrality(adjacency(rows), **options).reset_index()
        table.insert(0, by, period)
        parts.append(table.assign(n_nodes=len(table)))
    if not parts:
        raise IndicatorError("centrality: there are no links")
    return pd.concat(parts, ignore_index=True)


def _symmetric(weights: pd.DataFrame) -> Floats:
    matrix = weights.to_numpy(dtype=float)
    if list(weights.index) != list(weights.columns):
        raise IndicatorError("adjacency: rows and columns must be the same nodes in the same order")
    if not (matrix >= 0).all() or not np.array_equal(matrix, matrix.T) or matrix.diagonal().any():
        raise IndicatorError("adjacency: expected symmetric weights ≥ 0 with a zero diagonal")
    return matrix


def _eigenvector(matrix: Floats) -> Floats:
    """Leading eigenvector of the largest component (most links in a tie of size)."""
    count, component = connected_components(matrix > 0, directed=False)
    sizes = np.bincount(component, minlength=count)
    links = np.bincount(component, matrix.sum(axis=1), minlength=count)
    largest = np.lexsort((links, sizes))[-1]
    members = np.flatnonzero(component == largest)
    result = np.zeros(len(matrix))
    if len(members) > 1:
        result[members] = _leading(matrix[np.ix_(members, members)])[1]
    return result


def _pagerank(matrix: Floats, damping: float) -> Floats:
    size = len(matrix)
    strength = matrix.sum(axis=1)
    steps = np.full((size, size), 1 / size)  # a node without links jumps anywhere
    linked = strength > 0
    steps[linked] = matrix[linked] / strength[linked, None]
    rank = _discounted_walks(damping * steps.T, np.full(size, (1 - damping) / size), damping)
    return rank / rank.sum()


def _katz(matrix: Floats, reach: float) -> Floats:
    largest = _leading(matrix)[0]
    if largest <= 0:
        return np.ones(len(matrix))
    walks = _discounted_walks(reach / largest * matrix, np.ones(len(matrix)), reach)
    return walks / walks.mean()


# Sums below are einsum's, not those of a linear algebra library, whose last digits depend on the
# number of threads.


def _discounted_walks(step: Floats, start: Floats, discount: float) -> Floats:
    """Sum of ``step**k @ start`` over k, to rounding; each step shrinks by about ``discount``."""
    total, part = start.copy(), start
    for _ in range(int(np.ceil(40 / -np.log(discount)))):
        part = np.einsum("ij,j->i", step, part)
        total += part
    return total


def _leading(matrix: Floats) -> tuple[float, Floats]:
    """Largest eigenvalue and a non-negative eigenvector of length one, by power iteration.

    Half of a first guess of the eigenvalue is added to the diagonal: a network in two halves
    with links only between them would swing for ever otherwise.
    """
    vector = matrix.sum(axis=1)
    if not vector.any():
        return 0.0, vector
    vector = vector / np.sqrt(np.einsum("i,i", vector, vector))
    shift = np.einsum("i,ij,j", vector, matrix, vector) / 2
    for _ in range(_ITERATIONS):
        image = np.einsum("ij,j->i", matrix, vector) + shift * vector
        length = np.sqrt(np.einsum("i,i", image, image))
        change = np.abs(image / length - vector).max()
        vector = image / length
        if change < _TOLERANCE:
            return float(length - shift), vector
    raise IndicatorError(
        "eigenvector centrality: two parts of the network are equally central and hardly linked; "
        "look at them one at a time"
    )


_ITERATIONS = 20_000
_TOLERANCE = 1e-14
