"""Where things are: the folders of the project, found from this file or ``COMPENDIUM_ROOT``.

``COMPENDIUM_PROCESSED`` is the folder of built tables a run reads, where it is not the project's
own: a user's files have been joined to it. The published tables it was built from lie beside it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(os.environ.get("COMPENDIUM_ROOT") or Path(__file__).resolve().parents[2])
PROCESSED = Path(os.environ.get("COMPENDIUM_PROCESSED") or ROOT / "data" / "processed")
RAW = PROCESSED.parent / "raw"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RUNS = ROOT / "runs"
REPORTS = ROOT / "reports"


@contextmanager
def reading(processed: Path) -> Iterator[None]:
    """Read the tables in ``processed``, and the published ones beside it, inside the block.

    So do the processes that are started in it.
    """
    global PROCESSED, RAW
    before, said = (PROCESSED, RAW), os.environ.get("COMPENDIUM_PROCESSED")
    PROCESSED, RAW = processed, processed.parent / "raw"
    os.environ["COMPENDIUM_PROCESSED"] = str(processed)
    try:
        yield
    finally:
        PROCESSED, RAW = before
        if said is None:
            del os.environ["COMPENDIUM_PROCESSED"]
        else:
            os.environ["COMPENDIUM_PROCESSED"] = said
