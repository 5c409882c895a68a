"""Which sign is the decimal sign of a file: settled by its cells together, never guessed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.intake.numbers import numeral, readings

_OTHER = {",": ".", ".": ","}
_SIMPLE = re.compile(r"-?(?:0|\d{4,})?([.,])\d+|-?\d+([.,])(?:\d{1,2}|\d{4,})", re.ASCII)
"""Most cells of most files, which need no closer look."""


@dataclass(frozen=True, slots=True)
class DecimalEvidence:
    """How many texts settle a decimal sign, and the first of each kind."""

    comma: int = 0
    point: int = 0
    comma_example: str = ""
    point_example: str = ""
    ambiguous: int = 0
    ambiguous_example: str = ""

    @property
    def sign(self) -> str:
        """The sign that all evidence points to; "" without evidence, or with both kinds."""
        if bool(self.comma) == bool(self.point):
            return ""
        return "," if self.comma else "."

    def __add__(self, other: "DecimalEvidence") -> "DecimalEvidence":
        return DecimalEvidence(
            self.comma + other.comma,
            self.point + other.point,
            self.comma_example or other.comma_example,
            self.point_example or other.point_example,
            self.ambiguous + other.ambiguous,
            self.ambiguous_example or other.ambiguous_example,
        )

    def sentence(self) -> str:
        """The evidence in words, "" if no text has such a sign."""
        parts = (
            (self.comma, self.comma_example, "decimal comma"),
            (self.point, self.point_example, "decimal point"),
            (self.ambiguous, self.ambiguous_example, "either"),
        )
        return "; ".join(
            f"{count} {'cell' if count == 1 else 'cells'} like {example} ({meaning})"
            for count, example, meaning in parts
            if count
        )


def decimal_evidence(cells: Iterable[object]) -> DecimalEvidence:
    """What the texts among ``cells`` say of the decimal sign; numbers say nothing."""
    counts = {",": 0, ".": 0, "": 0}
    examples = {",": "", ".": "", "": ""}
    for cell in cells:
        settled = _settled(cell) if isinstance(cell, str) else None
        if settled is None:
            continue
        counts[settled] += 1
        examples[settled] = examples[settled] or str(cell)
    return DecimalEvidence(
        counts[","], counts["."], examples[","], examples["."], counts[""], examples[""]
    )


def _settled(text: str) -> str | None:
    """The decimal sign a text proves, "" if it could be either, None if it says nothing."""
    if ("," not in text and "." not in text) or len(text) > 40:
        return None
    simple = _SIMPLE.fullmatch(text)
    if simple:
        return simple[1] or simple[2]
    mantissa = numeral(text)
    possible = readings(mantissa) if mantissa else []
    if len(possible) == 2:
        return ""
    if not possible:
        return None
    return possible[0].decimal or _OTHER.get(possible[0].group)


def column_signs(columns: Sequence[DecimalEvidence], whole: DecimalEvidence) -> tuple[str, ...]:
    """The sign of each column: its own evidence, else the whole file's.

    A column that has both kinds gets "" (its ``1,234`` stay ambiguous).
    """
    return tuple(
        column.sign or ("" if column.comma and column.point else whole.sign) for column in columns
    )
