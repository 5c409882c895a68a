"""Indicators: what regions specialise in, how concentrated and persistent that is, and their types.

Tables of activity have one shape here: one row per region (the index may also carry a period), one
column per industry, values zero or more, made by :func:`activity_table`.
"""

from analysis.indicators.concentration import (
    IndicatorError,
    TheilDecomposition,
    activity_table,
    entropy,
    gini,
    herfindahl,
    krugman_specialisation,
    location_quotient,
    locational_gini,
    theil,
)
from analysis.indicators.persistence import (
    AutoregressiveDecay,
    PermutationTest,
    Transitions,
    half_life,
    permutation_test,
    rank_autocorrelation,
    transition_matrix,
)
from analysis.indicators.typology import Typology, cluster_stability, silhouette, typology

__all__ = [
    "AutoregressiveDecay",
    "IndicatorError",
    "PermutationTest",
    "TheilDecomposition",
    "Transitions",
    "Typology",
    "activity_table",
    "cluster_stability",
    "entropy",
    "gini",
    "half_life",
    "herfindahl",
    "krugman_specialisation",
    "location_quotient",
    "locational_gini",
    "permutation_test",
    "rank_autocorrelation",
    "silhouette",
    "theil",
    "transition_matrix",
    "typology",
]
