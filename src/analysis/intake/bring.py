"""From the files named on a command line to what is joined: declared, checked, all or none."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import CompendiumError, paths
from analysis.intake.check import check
from analysis.intake.declaration import read_declaration
from analysis.intake.overlay import Brought

HOW_TO_SAY = (
    "What an option above would say can be said here with --declare, as --declare unit=EUR, or "
    "once for all with `compendium data check FILE … --write-declaration`."
)


def bring(
    files: Sequence[Path], options: Mapping[str, Any], accept_questions: bool = False
) -> list[Brought]:
    """The files, each read with the declaration beside it and ``options`` over that, checked.

    options: fields of a declaration; only with one file, since they could mean any of several. The
    project's data must be built: scales are compared with them.

    Raises CompendiumError with the problems of all files at once.
    """
    said = {name: value for name, value in options.items() if value not in (None, "", (), [])}
    if said and len(files) > 1:
        raise CompendiumError(
            f"--{sorted(said)[0]} says something of one file, and there are {len(files)}: write it "
            f"into {files[0].name}.yaml beside the file it is about"
        )
    regions = pd.read_parquet(paths.PROCESSED / "regions.parquet")
    brought, problems = [], []
    for path in files:
        try:
            declared = read_declaration(path).with_options(**said)
            checked = check(path, declared, regions)
            checked.require_usable(accept_questions)
        except CompendiumError as problem:
            problems.append(str(problem))
            continue
        brought.append(Brought(path, checked, declared, accept_questions))
    if problems:
        raise CompendiumError("\n".join([*problems, HOW_TO_SAY]))
    return brought
