"""Where things are: the folders of the project, found from this file or ``COMPENDIUM_ROOT``."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("COMPENDIUM_ROOT") or Path(__file__).resolve().parents[2])
RAW = ROOT / "data" / "raw"
PROCESSED = ROOT / "data" / "processed"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RUNS = ROOT / "runs"
REPORTS = ROOT / "reports"
