"""The command line as it is installed: help, version, start-up time, parameters."""

import subprocess
import sys

import pytest

from analysis.runs.parameters import REGISTRY


def compendium(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "analysis.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], ["data", "params", "run", "reproduce", "compendium reproduce"]),
        (["data", "--help"], ["list", "build"]),
        (["run", "--help"], ["-p", "--params", "--out", "--timeout", "-p countries=FR,DE,IT"]),
        (["reproduce", "--help"], ["--jobs", "--only", "--force", "restarted"]),
        (["params", "--help"], ["compendium params 05_cluster_funding"]),
        (["--version"], ["compendium 0."]),
    ],
)
def test_help_reads_well(arguments: list[str], expected: list[str]) -> None:
    result = compendium(*arguments)
    assert result.returncode == 0
    words = " ".join(result.stdout.split())
    assert [text for text in expected if text not in words] == []
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_command_line_itself_needs_no_heavy_library() -> None:
    code = (
        "import sys; import analysis.cli; "
        "print([m for m in ('pandas', 'numpy', 'papermill', 'pydantic') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_checking_parameters_needs_no_heavy_library() -> None:
    code = (
        "import sys; from analysis.runs import parameters, reproduce; "
        "[parameters.validate(name, {}) for name in parameters.REGISTRY]; "
        "print([m for m in ('pandas', 'papermill', 'nbformat', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.parametrize("name", REGISTRY)
def test_parameters_are_shown(name: str) -> None:
    result = compendium("params", name)
    assert result.returncode == 0
    assert [field for field in REGISTRY[name].model_fields if field not in result.stdout] == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("countrys=FR", "did you mean 'countries'?"),
        ("countries=XX", "unknown country 'XX'"),
        ("years=2012-2000", "runs backwards"),
        ("outcome=patent_per_million", "did you mean 'patents_per_million'?"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_starts(value: str, expected: str) -> None:
    result = compendium("run", "05_cluster_funding", "-p", value)
    assert result.returncode == 2
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_what_a_file_says_is_printed_and_never_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters would move the cursor, retitle the window or hide a line."""
    from analysis.cli.printing import complain, new_table, open_console

    hostile = "a\x1b[2J\x1b]0;title\x07\r\x9b1m\x00b\nnext"
    table = new_table("header\x1b[31m")
    table.add_row(hostile)
    console = open_console()
    console.print(table)
    console.print(hostile, markup=False)
    complain(hostile)
    said = capsys.readouterr()
    assert not set("\x1b\x07\r\x9b\x00") & set(said.out + said.err)
    assert said.err.startswith("a\N{REPLACEMENT CHARACTER}[2J")
    assert "b\nnext" in said.out and "b\nnext" in said.err
