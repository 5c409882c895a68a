"""What is known of a file after checking it: figures, what was set aside, and every problem."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis import CompendiumError
from analysis.intake.problems import Problem, all_sentences

Kind = Literal["count", "money", "rate", "index"]

#: Columns of ``Checked.observations``. ``geo_version`` is a NUTS version, ``ISO3`` for countries
#: outside NUTS, ``""`` for aggregates of a carried dataset; ``nuts_level`` is 0 to 3. ``value`` is
#: in ``unit`` (multiples such as k€ are worked out), NaN where the file says missing (``flag``).
#: ``source_row`` and ``source_column`` are the first of the cells a figure was made of.
OBSERVATION_COLUMNS = (
    *("geo", "geo_version", "nuts_level", "year", "indicator", "unit", "value", "flag", "vintage"),
    *("source_row", "source_column"),
)
#: Columns of ``Checked.aside``: ``column`` is ``""`` where the whole row is set aside.
ASIDE_COLUMNS = ("row", "column", "value", "rule", "message")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One series of the file.

    name: the column it becomes. label: its name in the file. unit: of the figures, ``factor``
    times ``written_unit``. denominator: panel column a rate is averaged by when regions are split
    or merged, ``""`` for counts and money.
    """

    name: str
    label: str
    unit: str
    kind: Kind
    written_unit: str = ""
    factor: float = 1.0
    denominator: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of the table, and cells of its value columns; each is used or set aside."""

    rows: int
    rows_used: int
    rows_aside: int
    cells: int
    cells_used: int
    cells_aside: int


@dataclass(frozen=True, slots=True)
class CarriedDataset:
    """The carried dataset a file is a vintage of: table of ``data/raw``, code, carried vintage.

    native: the file is in a format of the publisher, not in the form the dataset is carried in.
    """

    table: str
    code: str
    vintage: str
    evidence: str
    native: bool = False


@dataclass(frozen=True)
class Checked:
    """A file after checking.

    observations: ``OBSERVATION_COLUMNS``, empty where the file is refused or where it is a carried
    table of records (``recognised.table`` says which). aside: ``ASIDE_COLUMNS``. notes: what was
    understood, one sentence each. understood: the same as ``(question, answer)`` pairs. is_list:
    figures are sums over rows of a list, in which nothing booked is no row.
    """

    file: str
    observations: pd.DataFrame
    aside: pd.DataFrame
    problems: tuple[Problem, ...]
    recognised: CarriedDataset | None
    indicators: tuple[Indicator, ...]
    counts: Counts
    nuts_version: str
    nuts_evidence: tuple[str, ...]
    understood: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    sha256: str
    sidecar: str
    is_list: bool = False

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems for which the file is refused."""
        return tuple(each for each in self.problems if each.severity == "error")

    @property
    def questions(self) -> tuple[Problem, ...]:
        """Suspicions that nobody has answered."""
        return tuple(each for each in self.problems if each.severity == "question")

    def require_usable(self, accept_questions: bool = False) -> None:
        """Raise CompendiumError with all problems that stand in the way of using the file."""
        standing = self.errors
        if not standing and not accept_questions:
            standing = self.questions
        if standing:
            kind = "cannot be used" if self.errors else "raises questions to be answered first"
            raise CompendiumError(f"{self.file} {kind}:\n{all_sentences(standing)}")
