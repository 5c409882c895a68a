"""Notebooks of one's own: made, found, refused; and parameters nobody can trust."""

import ast
import json
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest

from analysis import CompendiumError, paths
from analysis.runs import reproduce
from analysis.runs.engine import Outcome
from analysis.runs.launchers import Engine
from analysis.runs.new_notebook import new_notebook
from analysis.runs.notebook_file import declared_parameters
from analysis.runs.notebooks import check_declaration, find_notebook
from analysis.runs.parameters import (
    OwnQuestion,
    ParameterError,
    UsageError,
    describe,
    read_values,
    validate,
)
from analysis.runs.parameters.own import own_model, own_notebooks


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "notebooks"
    folder.mkdir(parents=True)
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    return folder


def refused(call, *arguments: object) -> str:
    with pytest.raises(CompendiumError) as error:
        call(*arguments)
    return str(error.value)


# --- new notebooks -------------------------------------------------------------------------------


def test_a_new_notebook_is_a_paper_that_can_be_run(notebooks):
    path = new_notebook("incubators", "Do incubators raise employment?")
    assert path == notebooks / "incubators.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert tags == ["parameters", "answer"]
    for cell in notebook.cells:
        assert "«" not in cell.source.replace("«ID»", "«"), "every blank of the template is filled"
        if cell.cell_type == "code":
            ast.parse(cell.source)
    found = find_notebook("incubators")
    assert found.title == "Do incubators raise employment?"
    check_declaration(found)
    assert validate("incubators", {}).injectable() == OwnQuestion().injectable()
    assert [row.name for row in describe("incubators")] == list(OwnQuestion.model_fields)
    assert own_notebooks() == ["incubators"]
    assert sorted(notebooks.iterdir()) == [path]


def test_its_cell_gives_the_defaults(notebooks):
    new_notebook("jobs", "", {"outcome": "employment_rate_pct", "years": [2013, 2019], "level": 1})
    model = validate("jobs", {"lags": "0-1"})
    assert (model.outcome, model.years, model.level) == ("employment_rate_pct", [2013, 2019], 1)
    assert model.lags == [0, 1]
    assert find_notebook("jobs").title == "jobs"
    assert declared_parameters(find_notebook("jobs"))["outcome"] == "employment_rate_pct"


def test_reproducing_leaves_it_alone_unless_it_is_named(project, monkeypatch):
    project(a=[])
    new_notebook("mine", "", {"years": [2000, 2005]})
    planned = []

    def run_all(specs, **options):
        planned.extend(spec.name for spec in specs)
        return [Outcome(spec, "failed") for spec in specs]

    monkeypatch.setattr(reproduce, "run_all", run_all)
    reproduce.reproduce(engine=Engine.plain, notify=print)
    assert planned == ["a"]
    reproduce.reproduce(["mine"], engine=Engine.plain, notify=print)
    assert planned == ["a", "mine"]


@pytest.mark.parametrize(
    "name",
    ["../escape", "a/b", "/etc/passwd", "", ".hidden", "-option", "été", "a b", "x" * 65, "a\nb"],
)
def test_a_name_that_leaves_the_folder_is_refused(name, notebooks):
    assert refused(new_notebook, name) == (
        f"{name!r} cannot be the name of a notebook: use letters without accents, digits, '_' and "
        "'-', beginning with a letter or digit, at most 64"
    )
    assert not list(notebooks.parent.rglob("*.ipynb"))


@pytest.mark.parametrize("name", ["mine", "MINE", "05_cluster_funding"])
def test_a_name_that_is_taken_is_refused(name, notebooks):
    first = new_notebook("mine", "First").read_bytes()
    assert refused(new_notebook, name, "Second") == (
        f"there is a notebook {name!r} already; give another name"
    )
    assert (notebooks / "mine.ipynb").read_bytes() == first


@pytest.mark.parametrize("title", ["two\nlines", "bell\x07", "x" * 201])
def test_a_title_is_one_line(title, notebooks):
    assert refused(new_notebook, "mine", title) == (
        "--title: expected one line of at most 200 characters"
    )


def test_text_of_the_user_stays_text(notebooks):
    title = 'Quotes " and \\ and {braces} and «NAME»?'
    path = new_notebook("quoted", title, {"outcome": 'a"; import os\n#\\'})
    json.loads(path.read_text(encoding="utf-8"))
    assert declared_parameters(find_notebook("quoted"))["outcome"] == 'a"; import os\n#\\'
    assert "is no outcome of the codebook" in refused(validate, "quoted", {})


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_the_model_is_made_once_for_the_same_defaults_and_anew_for_others(notebooks):
    path = new_notebook("mine")
    model = own_model("mine")
    assert own_model("mine") is model  # a sweep asks thousands of times

    def later(content: dict) -> None:
        text = "".join(content["cells"][1]["source"])
        content["cells"][1]["source"] = text.replace("[2000, 2020]", "[2005, 2020]")

    edit(path, later)
    assert validate("mine", {}).injectable()["years"] == [2005, 2020]
    assert model.model_fields["years"].default == [2000, 2020]


def test_code_in_the_cell_of_parameters_is_never_run(notebooks):
    path = new_notebook("mine")

    def poison(content: dict) -> None:
        content["cells"][1]["source"] = '__import__("os").system("touch poisoned")'

    edit(path, poison)
    assert refused(validate, "mine", {}).endswith(
        'cell 2, line 1: expected `name = literal`, found `__import__("os").system("touch '
        'poisoned")`'
    )
    assert not Path("poisoned").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "mine: years: 5: input should be a valid list"),
        ("[]", "mine: years: expected the first and the last year, as in 2000-2012"),
        ("1e999", "mine: years: inf: input should be a valid list"),
        ("{}", "{file}: cell 2, line 2: expected `name = literal`, found `years = {}`"),
        ("{[]: 1}", "{file}: cell 2, line 2: expected `name = literal`, found `years = {[]: 1}`"),
        ("...", "{file}: cell 2, line 2: expected `name = literal`, found `years = ...`"),
        ("b'x'", "{file}: cell 2, line 2: expected `name = literal`, found `years = b'x'`"),
        ("1+" * 900 + "1", "{file}: cell 2, line 2: expected `name = literal`, found `years = 1+1"),
        ("1+" * 50_000 + "1", "{file}: cell 2 is nested too deep to be read"),
        ("-" * 100_000 + "1", "{file}: cell 2 is nested too deep to be read"),
        ("(" * 100_000, "{file}: cell 2, line 2: too many nested parentheses"),
        ("1\x00", "{file}: cell 2"),
        ("9" * 5000, "{file}: cell 2, line 2: Exceeds the limit (4300 digits) for integer string"),
    ],
)
def test_a_default_that_is_none_is_refused_and_shown_without_a_crash(value, message, notebooks):
    path = new_notebook("mine")

    def poison(content: dict) -> None:
        text = "".join(content["cells"][1]["source"])
        content["cells"][1]["source"] = text.replace("[2000, 2020]", value)

    edit(path, poison)
    assert refused(validate, "mine", {}).startswith(message.replace("{file}", str(path)))
    with suppress(CompendiumError):
        describe("mine")


def test_a_cell_with_other_parameters_is_refused(notebooks):
    path = new_notebook("mine")

    def rename(content: dict) -> None:
        text = "".join(content["cells"][1]["source"])
        content["cells"][1]["source"] = text.replace("outcome =", "result =")

    edit(path, rename)
    message = refused(validate, "mine", {})
    assert message.startswith(f"{path}: the cell tagged 'parameters' must set countries, years")
    assert message.endswith("result is unknown; outcome is missing")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda content: content["metadata"]["kernelspec"].update(language="bash"),
            "metadata.kernelspec.language is 'bash'; only notebooks in Python can be run",
        ),
        (
            lambda content: content["metadata"].update(language_info={"name": "R"}),
            "metadata.language_info.name is 'R'; only notebooks in Python can be run",
        ),
        (lambda content: content.update(cells={}), "expected a list of cells"),
        (
            lambda content: content["cells"].insert(0, {"cell_type": "code"}),
            "cell 1 is not a cell of format 4: 'source'",
        ),
        (
            lambda content: content["cells"][0].update(cell_type="Code"),
            "cell 1 is not a cell of format 4: its type is 'Code'",
        ),
        (
            lambda content: content.update(nbformat=3),
            "expected a notebook in format 4 (nbformat: 4)",
        ),
    ],
)
def test_a_file_that_is_no_notebook_in_python_is_refused(change, message, notebooks):
    path = new_notebook("mine")
    edit(path, change)
    assert refused(find_notebook, "mine") == f"{path}: {message}"


def test_a_notebook_nested_beyond_reason_is_refused(notebooks):
    new_notebook("mine").write_text("[" * 200_000)
    assert "is not a readable notebook" in refused(find_notebook, "mine")


# --- values of the general model ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"regressors": ""}, "mine: regressors: name at least one column"),
        (
            {"regressors": "erdf_eur_per_head", "controls": "erdf_eur_per_head"},
            "mine: erdf_eur_per_head: named twice among outcome, regressors and controls",
        ),
        (
            {"regressors": "erdf_eur_per_hed"},
            "mine: regressors: 'erdf_eur_per_hed' explains nothing in the codebook; did you mean "
            "'erdf_eur_per_head'? allowed: ",
        ),
        (
            {"effects": "geo,region"},
            "mine: effects: 'region' is unknown; allowed: geo, year, country, country_year",
        ),
        ({"effects": "geo,year,country"}, "mine: effects: expected at most two, got 3"),
        ({"regressors": "__import__('os')"}, "mine: regressors: \"__import__('os')\" explains"),
    ],
)
def test_the_general_model_says_what_is_wrong(values, message, notebooks):
    new_notebook("mine")
    assert refused(validate, "mine", values).startswith(message)


# --- files of parameters -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "outcome: !!python/object/apply:os.system ['touch poisoned']",
            "{file}, line 1 is neither YAML nor JSON of plain values: could not determine a "
            "constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.system'; write "
            "texts, numbers and lists of them",
        ),
        (
            "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
            "{file}, line 2: *a repeats another part of the file; write it out",
        ),
        ("lags: " + "[" * 50 + "]" * 50, "{file}, line 1: nested more than 8 deep"),
        ("lags: " + "[" * 90_000, "{file}, line 1: nested more than 8 deep"),
        ("x" * 100_001, "{file}: more than 100 kB, no parameters"),
        (
            "seed: " + "9" * 5000,
            "{file}, line 1: '99999999999999999999'… has 5000 characters; at most 4000 are read",
        ),
        (
            'countries: []\nplaces: ["\\e[2J"]',
            "{file}, line 2: '\\x1b[2J' has characters that cannot be printed",
        ),
        ('places: ["\\uD800"]', "{file}, line 1: '\\ud800' has characters that cannot be printed"),
        ('"\\a": 1', "{file}, line 1: '\\x07' has characters that cannot be printed"),
        ("seed: 1\nseed: 2", "{file}: given more than once: seed"),
        ("- seed", "{file}: expected a mapping of parameter names to values"),
    ],
)
def test_files_of_parameters_cannot_do_more_than_say_values(text, message, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ParameterError) as error:
        read_values([], file)
    assert str(error.value) == message.format(file=file)
    assert not Path("poisoned").exists()


@pytest.mark.parametrize(
    "text",
    [
        '"; import os; os.system("touch poisoned"); "',
        "line\nbreak",
        "back\\slash",
        "''' \"\"\"",
        "{x}",
    ],
)
def test_papermill_is_given_literals_only(text):
    """What papermill writes into the notebook reads back as the very same text."""
    from papermill.translators import PythonTranslator

    (statement,) = ast.parse(PythonTranslator.codify({"places": [text]})).body
    assert isinstance(statement, ast.Assign)
    assert ast.literal_eval(statement.value) == [text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("places=a\nb", "-p 'places': 'a\\nb' has characters that cannot be printed"),
        ("places=\udcff", "-p 'places': '\\udcff' has characters that cannot be printed"),
        ("a\x1b=1", "-p 'a\\x1b': 'a\\x1b' has characters that cannot be printed"),
        (
            "seed=" + "9" * 4001,
            "-p 'seed': '99999999999999999999'… has 4001 characters; at most 4000 are read",
        ),
    ],
)
def test_text_that_cannot_be_printed_or_never_ends_is_refused(text, message):
    with pytest.raises(ParameterError) as error:
        read_values([text])
    assert str(error.value) == message


def test_a_file_without_end_is_refused():
    with pytest.raises(ParameterError, match="/dev/zero: more than 100 kB, no parameters"):
        read_values([], Path("/dev/zero"))


def test_many_equal_values_are_refused_at_once():
    with pytest.raises(ParameterError, match=r"01_data: countries: given more than once: FR$"):
        validate("01_data", {"countries": ["FR"] * 30_000})


@pytest.mark.parametrize(
    ("lags", "message"),
    [
        ("0-999999999", "03_knowledge_production: lags: 0-999999999 has more than 100 numbers"),
        (
            "0-99999999999999",
            "03_knowledge_production: lags: '0-99999999999999' is not a whole number",
        ),
    ],
)
def test_a_span_is_not_written_out_however_long(lags, message):
    assert refused(validate, "03_knowledge_production", {"lags": lags}) == message


def test_names_and_values_come_apart_at_the_first_equals_sign():
    assert read_values(["outcome=a=b;c"]) == {"outcome": "a=b;c"}
    with pytest.raises(UsageError, match="expected key=value"):
        read_values(["outcome"])
