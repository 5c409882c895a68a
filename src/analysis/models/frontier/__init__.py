"""Frontiers: how far units are from the best practice, by linear programming or likelihood."""

from analysis.models.frontier.data_envelopment import data_envelopment
from analysis.models.frontier.stochastic_frontier import stochastic_frontier

__all__ = ["data_envelopment", "stochastic_frontier"]
