"""Studies: published numbers, computed again from the data and compared digit by digit.

A study is a folder with ``study.yaml`` (where the data are, what to estimate, which printed number
is which) and ``published.csv`` (the printed numbers). :func:`run_study` computes first and compares
afterwards; see :mod:`analysis.studies.agreement` for what agreement means.

Names are imported when they are asked for: to know which studies there are takes no estimator.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.studies.compare import VERDICTS, Comparison, Report
    from analysis.studies.errors import DataAbsentError, StudyError
    from analysis.studies.folders import find_studies
    from analysis.studies.run import run_studies, run_study
    from analysis.studies.schema import read_study

_HOME = {
    "VERDICTS": "compare",
    "Comparison": "compare",
    "DataAbsentError": "errors",
    "Report": "compare",
    "StudyError": "errors",
    "find_studies": "folders",
    "read_study": "schema",
    "run_studies": "run",
    "run_study": "run",
}

__all__ = [
    "VERDICTS",
    "Comparison",
    "DataAbsentError",
    "Report",
    "StudyError",
    "find_studies",
    "read_study",
    "run_studies",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'analysis.studies' has no attribute {name!r}")
    return getattr(import_module(f"analysis.studies.{_HOME[name]}"), name)
