"""Two runs of one notebook side by side: a comparison, a page, a JSON file."""

from analysis.report.comparison.compare import Comparison, compare_runs
from analysis.report.comparison.page import comparison_page

__all__ = ["Comparison", "compare_runs", "comparison_page"]
