"""Decompositions: of explained variance over regressors, and of a difference between groups."""

from analysis.models.decomposition.oaxaca_blinder import oaxaca_blinder
from analysis.models.decomposition.shapley_r_squared import shapley_r_squared

__all__ = ["oaxaca_blinder", "shapley_r_squared"]
