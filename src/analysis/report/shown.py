"""What a cell of a notebook shows of a table or a verdict."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """Something to display in a notebook: HTML, with plain text where there is no HTML."""

    markup: str
    text: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text
