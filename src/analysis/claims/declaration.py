"""The claims as declared in ``claims.yaml``, before any estimate.

Every text comes in English and in French. An entry that cannot be read stops with the place and
what was expected.
"""

from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from analysis import CompendiumError
from analysis.languages import LANGUAGES
from analysis.panel.codebook import variables

PATH = Path(__file__).with_name("claims.yaml")


@cache
def _declared() -> dict[str, Any]:
    return yaml.safe_load(PATH.read_text(encoding="utf-8"))


class ClaimError(CompendiumError):
    """A claim, finding or piece of evidence that cannot be used; the message says which and why."""


class Text(NamedTuple):
    """The same words in English and in French."""

    en: str
    fr: str

    def of(self, lang: str) -> str:
        """The words in ``lang``, ``en`` or ``fr``."""
        if lang not in LANGUAGES:
            raise ClaimError(f"unknown language {lang!r}; there are {', '.join(LANGUAGES)}")
        return self.en if lang == "en" else self.fr


def _text(value: Any) -> Any:
    if isinstance(value, Text):
        return value
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) != 2 or not all(isinstance(words, str) and words.strip() for words in pair):
        raise ValueError(f"expected [English, French], got {value!r}")
    return Text(pair[0].strip(), pair[1].strip())


Words = Annotated[Text, BeforeValidator(_text)]


def codebook_text(column: str) -> Text:
    """What a codebook column is called in a sentence: ``names`` of the register, or its label."""
    if column in _declared()["names"]:
        return _text(_declared()["names"][column])
    if column not in variables():
        raise ClaimError(f"{column!r} is no column of the codebook and no [English, French] text")
    variable = variables()[column]
    return Text(_inside(variable.label_en), _inside(variable.label_fr))


def _inside(label: str) -> str:
    """A label without its capital, unless the capital belongs to an acronym."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def _given(value: Any) -> Any:
    """A number as it is, a pair of texts, or the label of a codebook column."""
    if isinstance(value, bool) or value is None:
        raise ValueError(f"expected a number, a codebook column or [English, French], got {value}")
    if isinstance(value, int | float):
        return value
    return codebook_text(value) if isinstance(value, str) else _text(value)


def _givens(values: Any) -> Any:
    return {name: _given(value) for name, value in dict(values).items()}


def _design(value: Any) -> Any:
    return None if value == "association" else _text(value)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Smallest(_Strict):
    """The smallest effect size of interest, in the unit of the estimand, and its reason."""

    size: Annotated[float, Field(gt=0)]
    reason: Words


class NotTestable(_Strict):
    """Why open data cannot test a claim, and which data could."""

    reason: Words
    data: Words


class Claim(_Strict):
    """One claim as a hypothesis.

    about: ``effect`` (something done changes something) or ``pattern`` (how things lie). design:
    None for an association, or the design that lets a difference be read as an effect.
    null_value and sign: the value if nothing were there, and the side of it on which the claim
    lies. headline: the one estimate that the verdict rests on. curve: the specification curve, as
    read by :class:`analysis.robustness.choices.Curve`. grid: choices of an estimate that is no
    regression coefficient, by name; the notebook runs them.
    """

    id: Annotated[str, Field(pattern=r"C\d\d")]
    source: Annotated[list[str], Field(min_length=1)]
    notebook: str
    about: Literal["effect", "pattern"]
    design: Annotated[Text | None, BeforeValidator(_design)] = None
    claim: Words
    hypothesis: Words
    estimand: Words | None = None
    given: Annotated[dict[str, int | float | Text], BeforeValidator(_givens)] = {}
    unit: Words | None = None
    null_value: float = 0.0
    sign: Literal[-1, 1] = 1
    smallest: Smallest | None = None
    headline: dict[str, Any] = {}
    curve: dict[str, Any] | None = None
    grid: dict[str, Any] | None = None
    data: Words | None = None
    not_testable: NotTestable | None = None

    @model_validator(mode="after")
    def _testable_or_not(self) -> Self:
        needed = ("estimand", "unit", "smallest", "headline", "data")
        missing = [name for name in needed if not getattr(self, name)]
        if self.not_testable is None and missing:
            raise ValueError(f"a claim that is tested needs {', '.join(missing)}")
        if self.not_testable is None and self.curve is None and self.grid is None:
            raise ValueError("a claim that is tested needs a curve or a grid")
        return self

    @model_validator(mode="after")
    def _fields_are_given(self) -> Self:
        for words in self.estimand or ():
            fields = {name for _, name, *_ in Formatter().parse(words) if name is not None}
            if fields != set(self.given):
                raise ValueError(
                    f"the estimand names {sorted(fields)}, given are {sorted(self.given)}"
                )
        return self

    def restated(
        self,
        *,
        claim: Any = None,
        unit: Any = None,
        smallest: float | None = None,
        **given: Any,
    ) -> "Claim":
        """The same claim for the parameters of a run: other outcome, lag, unit, smallest size.

        ``claim``: other words, (English, French), where the parameters make it one on another case.
        Names in ``given`` are those of the estimand; a text that names a codebook column stands
        for its label. Names the estimand does not have are refused.
        """
        unknown = sorted(set(given) - set(self.given))
        if unknown:
            raise ClaimError(
                f"{self.id}: the estimand has no {', '.join(unknown)}; "
                f"it has {', '.join(self.given) or 'nothing to give'}"
            )
        changes: dict[str, Any] = {"given": {**self.given, **_givens(given)}}
        if claim is not None:
            changes["claim"] = _text(claim)
        if unit is not None:
            changes["unit"] = codebook_unit(unit) if isinstance(unit, str) else _text(unit)
        if smallest is not None and self.smallest is not None:
            changes["smallest"] = self.smallest.model_copy(update={"size": float(smallest)})
        return self.model_copy(update=changes)


def codebook_unit(column: str) -> Text:
    """The unit of a codebook column."""
    if column not in variables():
        raise ClaimError(f"{column!r} is no column of the codebook and no [English, French] text")
    return Text(variables()[column].unit_en, variables()[column].unit_fr)


class Source(_Strict):
    """A text that the claims come from."""

    file: str
    what: Words


@cache
def sources() -> dict[str, Source]:
    """The texts that the claims come from, by their short name."""
    return {name: Source(**fields) for name, fields in _declared()["sources"].items()}


@cache
def register() -> dict[str, Claim]:
    """Every claim by its id, in the order of the register."""
    return {name: _claim(name, fields) for name, fields in _declared()["claims"].items()}


def _claim(name: str, fields: dict[str, Any]) -> Claim:
    try:
        claim = Claim(id=name, **fields)
    except ValidationError as error:
        problems = [
            f"{PATH.name}: {name}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}"
            for detail in error.errors()
        ]
        raise ClaimError("\n".join(problems)) from None
    unknown = [source for source in claim.source if source not in sources()]
    if unknown:
        raise ClaimError(f"{PATH.name}: {name}: source: unknown {', '.join(unknown)}")
    return claim
