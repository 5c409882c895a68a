"""The command line: every command is one call into a room; errors are one paragraph.

Rooms are imported inside the commands, so that ``compendium --help`` answers at once.
"""

import signal
import sys

from analysis import CompendiumError
from analysis.cli import (
    brief,
    claims,
    comparison,
    data,
    intake,
    new,
    notebooks,
    refresh,
    site,
    studies,
    sweep,
)
from analysis.cli.application import EXIT_FAILED, EXIT_USAGE, app
from analysis.cli.printing import complain

#: The modules above register their commands when they are imported, in the order of the help.
COMMANDS = (data, intake, refresh, notebooks, sweep, new, comparison, claims, site, brief, studies)


def main() -> None:
    """Run the command line; problems become one paragraph and an exit status, never a traceback.

    Exit status: 0 done, 1 something failed, 2 wrong usage or parameters, 130 interrupted,
    128 + signal when terminated.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        app(prog_name="compendium")
    except CompendiumError as error:
        from analysis.runs.parameters import UsageError

        complain(str(error))
        sys.exit(EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED)
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))
        sys.exit(EXIT_FAILED)
