"""Briefs in words: clauses through the catalogue of a language."""

from dataclasses import dataclass

from analysis.languages import Catalogue, catalogue, country, typeset
from analysis.report.brief.lines import Clause, Line, Number, Words, Years

#: Length of the code of a country.
_COUNTRY = 2


@dataclass(frozen=True, slots=True)
class Language:
    """A language that briefs are written in."""

    lang: str

    @property
    def messages(self) -> Catalogue:
        """The catalogue of the domain ``brief``."""
        return catalogue("brief", self.lang)

    def text(self, key: str, **fields: str) -> str:
        """A message that is no sentence of the brief: a heading, an alternative text."""
        return self.messages.text(key, **fields)

    def territory(self, geo: str, name: str) -> str:
        """Its name: of a country that of the language, of others that of the place."""
        return country(geo, self.lang) if len(geo) == _COUNTRY else name

    def number(self, number: Number) -> str:
        """A number as printed."""
        return self.messages.number(number.value, decimals=number.decimals, signed=number.signed)

    def words(self, words: Words) -> str:
        """Words as printed, separated by commas."""
        return ", ".join(self._item(words.kind, item) for item in words.items)

    def _item(self, kind: str, item: str | tuple[str, str]) -> str:
        if isinstance(item, tuple):
            return typeset(item[0] if self.lang == "en" else item[1], self.lang)
        if kind == "message":
            return self.messages.text(item)
        return item

    def clause(self, clause: Clause) -> str:
        """A sentence."""
        fields = {name: self._field(value) for name, value in clause.fields.items()}
        if not clause.plural:
            return self.messages.text(clause.key, **fields)
        counted = clause.fields[clause.plural]
        if not isinstance(counted, Number):
            raise TypeError(f"{clause.key}: {clause.plural} counts nothing")
        return self.messages.plural(clause.key, int(counted.value), **fields)

    def _field(self, value: Number | Years | Words) -> str:
        if isinstance(value, Number):
            return self.number(value)
        if isinstance(value, Years):
            return self.messages.years(value.first, value.last)
        return self.words(value)

    def line(self, line: Line) -> str:
        """A line of one of the four parts."""
        return " ".join(self.clause(clause) for clause in line.clauses)
