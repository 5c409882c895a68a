"""The name under which runs still ask for the site."""

from collections.abc import Sequence
from pathlib import Path

from analysis.report.site import build_site


def build_report(run_dirs: Sequence[Path], reports: Path) -> Path:
    """:func:`analysis.report.site.build_site`."""
    return build_site(run_dirs, reports)
