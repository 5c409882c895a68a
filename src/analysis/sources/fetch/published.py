"""What a client hands over, whichever publisher it asks."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis.sources.declared import DeclaredDataset, Query
from analysis.sources.fetch.session import Session


@dataclass(frozen=True)
class Published:
    """A dataset as its publisher gives it today.

    ``frame`` has text cells under the column names of the dataset's layout, and ``flag`` where the
    publisher gives flags; ``updated`` is the day of its last change as the publisher says it, else
    the day it was fetched (ISO 8601).
    """

    frame: pd.DataFrame
    updated: str


#: A client: what to ask, the base address, the dataset it is for, and the session to ask through.
Client = Callable[[Query, str, DeclaredDataset, Session], Published]
