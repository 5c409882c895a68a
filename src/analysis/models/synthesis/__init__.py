"""Synthesis of estimates: meta-analysis, meta-regression, partial pooling, small-study effects."""

from analysis.models.synthesis.meta_analysis import meta_analysis
from analysis.models.synthesis.small_study_effects import small_study_effects

__all__ = ["meta_analysis", "small_study_effects"]
