"""What notebooks show and write, and what turns executed notebooks into pages.

The drawing libraries take two seconds to import and the pages do not need them, so the names
below are looked up on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.report.figures import (
        binned_scatter,
        coefficient_plot,
        event_study_plot,
        heatmap,
        regression_discontinuity_plot,
        theme,
    )
    from analysis.report.maps import bubble_map
    from analysis.report.output import Output
    from analysis.report.site import build_site
    from analysis.report.specification_curve import (
        effect_histogram,
        importance_chart,
        specification_curve_plot,
    )

_HOME = {
    "Output": "output",
    "binned_scatter": "figures",
    "bubble_map": "maps",
    "build_site": "site",
    "coefficient_plot": "figures",
    "effect_histogram": "specification_curve",
    "event_study_plot": "figures",
    "heatmap": "figures",
    "importance_chart": "specification_curve",
    "regression_discontinuity_plot": "figures",
    "specification_curve_plot": "specification_curve",
    "theme": "figures",
}

__all__ = [
    "Output",
    "binned_scatter",
    "bubble_map",
    "build_site",
    "coefficient_plot",
    "effect_histogram",
    "event_study_plot",
    "heatmap",
    "importance_chart",
    "regression_discontinuity_plot",
    "specification_curve_plot",
    "theme",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'analysis.report' has no attribute {name!r}")
    return getattr(import_module(f"analysis.report.{_HOME[name]}"), name)
