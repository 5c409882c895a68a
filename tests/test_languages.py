"""The catalogue: both languages complete and typeset, every key used, numbers well written."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from string import Formatter

import pytest
import yaml
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from analysis import CompendiumError, paths
from analysis.languages import (
    LANGUAGES,
    LOCALE,
    MINUS,
    NARROW,
    WIDE,
    catalogue,
    country,
    typeset,
)
from analysis.runs.notebook_file import read_notebook
from analysis.runs.parameters import REGISTRY

PACKAGE = paths.ROOT / "src" / "analysis"
DOMAINS = sorted(path.stem for path in (LOCALE / "en" / "LC_MESSAGES").glob("*.po"))
PLURALS = {"en": "(n != 1)", "fr": "(n > 1)"}


@cache
def messages(domain: str, lang: str) -> dict[str, Message]:
    """The messages of a file by key, the header left out."""
    with (LOCALE / lang / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        read = read_po(file, abort_invalid=True)
    assert read.num_plurals == 2 and read.plural_expr == PLURALS[lang]
    assert str(read.locale) == lang and read.charset == "utf-8" and not read.obsolete
    return {key(message): message for message in read if message.id}


def key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def fields(message: Message) -> set[str]:
    """Fields of all forms; a form for one thing may leave out the number."""
    return {name for text in forms(message) for _, name, *_ in Formatter().parse(text) if name}


# ---------------------------------------------------------------- the files


def test_both_languages_have_the_same_domains() -> None:
    for lang in LANGUAGES:
        files = sorted(path.stem for path in (LOCALE / lang / "LC_MESSAGES").glob("*.po"))
        assert files == DOMAINS


@pytest.mark.parametrize("domain", DOMAINS)
def test_both_languages_have_the_same_keys_fields_and_plurals(domain: str) -> None:
    english, french = messages(domain, "en"), messages(domain, "fr")
    assert list(english) == list(french)
    for name, message in english.items():
        other = french[name]
        assert fields(message) == fields(other), name
        assert len(forms(message)) == len(forms(other)), name
        assert not message.fuzzy and not other.fuzzy, name
        assert all(text.strip() for text in (*forms(message), *forms(other))), name
        assert isinstance(message.id, str) or message.id == (name, name), name


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_message_is_there_once(domain: str, lang: str) -> None:
    """The reader of the files would take the first of two and say nothing."""
    text = (LOCALE / lang / "LC_MESSAGES" / f"{domain}.po").read_text(encoding="utf-8")
    keys = re.findall(r'^msgid "(.*)"$', text, re.MULTILINE)
    assert len(keys) == len(set(keys))


def french_faults(text: str) -> list[str]:
    """What a French typesetter would mend in a text."""
    faults = {
        "a straight quotation mark": r"[\"']",
        "no narrow space before ; ! ? %": rf"[^{NARROW}\s;!?(][;!?%]|[ {WIDE}][;!?%]",
        "no wide space before the colon": rf"(?<=[^{WIDE}]):(?!//)",
        "no no-break space inside « »": rf"«[^{WIDE}{NARROW}]|[^{WIDE}{NARROW}]»",
        "two spaces": r"  ",
    }
    plain = re.sub(r"\{[^{}]*\}", "x", text)
    return [fault for fault, pattern in faults.items() if re.search(pattern, plain)]


@pytest.mark.parametrize("domain", DOMAINS)
def test_french_is_typeset(domain: str) -> None:
    found = {
        name: french_faults(text)
        for name, message in messages(domain, "fr").items()
        for text in forms(message)
        if french_faults(text) and text.strip(f" ;:{NARROW}{WIDE}")
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("l'eau", "a straight quotation mark"),
        ("quoi ?", "no narrow space before ; ! ? %"),
        ("12%", "no narrow space before ; ! ? %"),
        ("ainsi :", "no wide space before the colon"),
        ("« oui »", "no no-break space inside « »"),
    ],
)
def test_a_fault_of_typesetting_is_found(text: str, fault: str) -> None:
    assert french_faults(text) == [fault]
    assert french_faults(typeset(text.replace("%", " %"), "fr")) == []


# ---------------------------------------------------------------- keys and the code


@cache
def code() -> tuple[ast.AST, ...]:
    """Texts, texts put together and calls in the package and the notebooks; walked once."""
    modules = [path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))]
    cells = [
        cell.source
        for name in REGISTRY
        for cell in read_notebook(paths.NOTEBOOKS / f"{name}.ipynb").cells
        if cell.kind == "code"
    ]
    kinds = (ast.Constant, ast.JoinedStr, ast.Call)
    walked = (node for text in modules + cells for node in ast.walk(ast.parse(text)))
    return tuple(node for node in walked if isinstance(node, kinds))


@cache
def templates() -> tuple[nodes.Template, ...]:
    files = sorted(PACKAGE.rglob("*.j2"))
    return tuple(Environment().parse(path.read_text(encoding="utf-8")) for path in files)


def scalars(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield str(name)
            yield from scalars(branch)
    elif isinstance(tree, list):
        for branch in tree:
            yield from scalars(branch)
    else:
        yield str(tree)


@cache
def texts_of_the_code() -> frozenset[str]:
    """Texts that stand in code, templates and declarations."""
    texts = {
        node.value
        for node in code()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for template in templates():
        texts |= {n.value for n in template.find_all(nodes.Const) if isinstance(n.value, str)}
    for path in sorted(PACKAGE.rglob("*.yaml")):
        texts |= set(scalars(yaml.load(path.read_bytes(), yaml.CSafeLoader)))
    return frozenset(texts)


@cache
def made_texts() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Texts that code and templates put together: how they begin, and all of them as a pattern."""
    parts: set[tuple[str, ...]] = set()  # "" stands for what is filled in
    for node in code():
        if isinstance(node, ast.JoinedStr):
            parts.add(tuple(getattr(part, "value", "") if isinstance(part, ast.Constant) else ""
                            for part in node.values))  # fmt: skip
    for template in templates():
        for joined in template.find_all(nodes.Concat):
            parts.add(tuple(getattr(node, "value", "") for node in joined.nodes))
    known = sorted(p for p in parts if any(len(text) > 3 for text in p))
    return tuple((p[0], re.compile("".join(re.escape(t) or "(.+)" for t in p))) for p in known)


def is_used(text: str) -> bool:
    """Whether the code has the text, or makes it of texts that it has."""
    if text in texts_of_the_code():
        return True
    for beginning, pattern in made_texts():
        match = pattern.fullmatch(text) if text.startswith(beginning) else None
        if match and match.groups() and all(map(is_used, match.groups())):
            return True
    return False


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_key_is_used(domain: str) -> None:
    assert [name for name in messages(domain, "en") if not is_used(name)] == []


def asked_for() -> Iterator[tuple[str, str]]:
    """Each key given as it is in ``text("…")`` or ``plural("…")``, with the method."""
    for node in code():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("text", "plural")
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
            and (node.func.attr == "plural" or len(node.args) == 1)
        ):
            yield node.func.attr, node.args[0].value
    for template in templates():
        for call in template.find_all(nodes.Call):
            name = getattr(call.node, "attr", getattr(call.node, "name", ""))
            if name in ("text", "plural") and call.args and isinstance(call.args[0], nodes.Const):
                yield name, call.args[0].value


def test_every_key_asked_for_has_a_message() -> None:
    known = {"text": set(), "plural": set()}
    for domain in DOMAINS:
        for name, message in messages(domain, "en").items():
            known["text" if len(forms(message)) == 1 else "plural"].add(name)
    asked = set(asked_for())
    assert len(asked) > 20
    assert sorted((method, name) for method, name in asked if name not in known[method]) == []


# ---------------------------------------------------------------- the catalogue


def test_an_unknown_language_or_domain_is_refused_with_those_there_are() -> None:
    with pytest.raises(CompendiumError, match="unknown language 'de'; there are en, fr"):
        catalogue("claims", "de")
    with pytest.raises(
        CompendiumError, match=r"no texts for 'nothing' in 'en'; there are .*claims"
    ):
        catalogue("nothing", "en")


def test_a_key_or_field_that_is_not_there_is_a_mistake_of_the_program() -> None:
    numbers = catalogue("numbers", "fr")
    with pytest.raises(KeyError, match=r"numbers\.po: no message 'nothing'"):
        numbers.text("nothing")
    with pytest.raises(KeyError, match=r"no message 'years' with plural forms"):
        numbers.plural("years", 2)
    with pytest.raises(KeyError, match=r"'years' of numbers \(fr\) has the field 'last'"):
        numbers.text("years", first=2000)


def test_plural_forms_follow_each_language() -> None:
    english, french = (catalogue("claims", lang) for lang in LANGUAGES)
    assert [english.plural("regions", n) for n in (0, 1, 1234)] == [
        "0 regions",
        "1 region",
        "1,234 regions",
    ]
    assert [french.plural("regions", n) for n in (0, 1, 1234)] == [
        "0 région",
        "1 région",
        f"1{NARROW}234 régions",
    ]


@pytest.mark.parametrize(
    ("options", "value", "english", "french"),
    [
        ({}, 1234567.25, "1,234,567.25", f"1{NARROW}234{NARROW}567,25"),
        ({"decimals": 1}, -1234.56, f"{MINUS}1,234.6", f"{MINUS}1{NARROW}234,6"),
        ({"decimals": 2, "signed": True}, -0.001, "0.00", "0,00"),
        ({"signed": True}, 2.0, "+2", "+2"),
        ({"decimals": -2}, 1267, "1,300", f"1{NARROW}300"),
        ({"significant": 3}, 0.00123456, "0.00123", "0,00123"),
        ({"significant": 3}, 1234567, "1,230,000", f"1{NARROW}230{NARROW}000"),
        ({"significant": 3}, 12, "12", "12"),
        ({"decimals": 2}, 2.675, "2.67", "2,67"),  # as the double is, not as its repr reads
        ({}, None, "n/a", "n.d."),
        ({"decimals": 1}, float("nan"), "n/a", "n.d."),
        ({}, float("-inf"), f"{MINUS}∞", f"{MINUS}∞"),
    ],
)
def test_numbers(options: dict, value: float, english: str, french: str) -> None:
    assert catalogue("claims", "en").number(value, **options) == english
    assert catalogue("claims", "fr").number(value, **options) == french


def test_shares_units_years_and_money() -> None:
    english, french = (catalogue("claims", lang) for lang in LANGUAGES)
    assert english.percent(12.34) == f"12{WIDE}%" and french.percent(12.34) == f"12{NARROW}%"
    assert french.percent(-0.5, decimals=1, signed=True) == f"{MINUS}0,5{NARROW}%"
    assert french.percent(None) == "n.d."
    assert english.with_unit("3", "EUR") == f"3{WIDE}EUR"
    assert french.with_unit("3", "% du PIB") == f"3{NARROW}% du PIB"
    assert english.years(2000, 2012.0) == "2000 to 2012" and french.years(2000, 2000) == "2000"
    assert french.years(2000, 2012) == "2000 à 2012" and english.years(None, 2012) == "n/a"
    assert english.money(1.234e9) == f"1.23{WIDE}billion euros"
    assert french.money(1.234e9) == f"1,23{WIDE}milliard d’euros"
    assert french.money(-2.5e6) == f"{MINUS}2,5{WIDE}millions d’euros"
    assert english.money(12345) == f"12,345{WIDE}euros" and english.money(1) == f"1{WIDE}euro"
    assert french.money(0.5) == f"0,50{WIDE}euro" and french.money(float("nan")) == "n.d."


def test_small_p_values_labels_and_lists() -> None:
    english, french = (catalogue("claims", lang) for lang in LANGUAGES)
    assert english.p_value(0.0304) == f"p{WIDE}={WIDE}0.030"
    assert french.p_value(0.00004) == f"p{WIDE}<{WIDE}0,001"
    assert english.p_value(0.00004, named=False) == f"<{WIDE}0.001"
    assert french.p_value(0.5, named=False) == "0,500"
    assert english.p_value(float("nan"), named=False) == "n/a"
    assert english.colon("Note") == "Note:" and french.colon("Note") == f"Note{WIDE}:"
    assert english.listed(["a, b", "c"]) == "a, b; c"
    assert french.listed(["a, b", "c"]) == f"a, b{NARROW}; c"


def test_countries_are_named_by_either_code() -> None:
    codes = ("EL", "UK", "DE", "USA", "ZZQ")
    assert [country(code, "fr") for code in codes] == [
        *("Grèce", "Royaume-Uni", "Allemagne", "États-Unis", "ZZQ")
    ]
    assert country("EL", "en") == "Greece"


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12),
    st.integers(0, 6),
    st.sampled_from(LANGUAGES),
)
def test_a_printed_number_reads_back_as_itself(value: float, decimals: int, lang: str) -> None:
    text = catalogue("numbers", lang).number(value, decimals=decimals)
    plain = text.replace(MINUS, "-").replace(NARROW, "")
    plain = plain.replace(",", "." if lang == "fr" else "")
    assert float(plain) == round(value, decimals) + 0.0
    assert text == catalogue("claims", lang).number(float(plain), decimals=decimals)


def test_typesetting_is_french_and_done_once() -> None:
    text = "Ah ! non ; 5 % : « l'eau »"
    made = f"Ah{NARROW}! non{NARROW}; 5{NARROW}%{WIDE}: «{WIDE}l’eau{WIDE}»"
    assert typeset(text, "fr") == made == typeset(made, "fr")
    assert typeset(text, "en") == text


def test_the_catalogue_needs_no_heavy_library() -> None:
    """The command line reads it at the start; babel is for what is printed."""
    tree = ast.parse((PACKAGE / "languages.py").read_text(encoding="utf-8"))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not imported & {"babel", "pandas", "numpy"}
