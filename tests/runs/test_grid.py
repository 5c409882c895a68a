"""Grids: read from text and files, checked whole, without surprises."""

import pytest

from analysis.runs.grid import MOST_RUNS, Grid, checked, read_grid, typed
from analysis.runs.parameters import ParameterError, UsageError

NAME = "05_cluster_funding"


def combinations(*axes, fixed=(), file=None):
    return list(read_grid(NAME, axes, fixed, file))


def test_commas_part_runs_and_plus_joins_lists():
    assert combinations("countries=FR,DE") == [{"countries": "FR"}, {"countries": "DE"}]
    assert combinations("countries=FR+DE,IT,") == [
        {"countries": "FR,DE"}, {"countries": "IT"}, {"countries": ""},
    ]  # fmt: skip
    (both, one, everyone) = checked(NAME, read_grid(NAME, ["countries=FR+DE,IT,"]))
    assert (both.countries, one.countries, everyone.countries) == (["DE", "FR"], ["IT"], [])


def test_all_combinations_in_order_the_last_axis_fastest():
    found = combinations("lag=1,2", "years=2000-2005,2001-2006", fixed=["level=1"])
    assert [(v["lag"], v["years"], v["level"]) for v in found] == [
        ("1", "2000-2005", "1"), ("1", "2001-2006", "1"),
        ("2", "2000-2005", "1"), ("2", "2001-2006", "1"),
    ]  # fmt: skip


def test_a_plus_in_what_is_no_list_stays():
    assert combinations("min_population=1e+5,2e+5")[0] == {"min_population": "1e+5"}


def test_equal_combinations_are_one_run():
    assert len(checked(NAME, read_grid(NAME, ["countries=FR+DE,DE+FR", "lag=2,02"]))) == 1


def test_a_mapping_gives_axes_and_fixed_values(tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text("countries: [[FR, DE], [IT]]\nlag: [1, 2]\nlevel: 1\n")
    found = combinations(file=file)
    assert len(found) == 4
    assert found[1] == {"level": 1, "countries": ["FR", "DE"], "lag": 2}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_gives_a_run_per_row(tmp_path, separator):
    file = tmp_path / "grid.csv"
    lines = [["countries", "lag"], ["FR+DE", "1"], ["", "2"], ["", ""]]
    file.write_text("\ufeff" + "\n".join(map(separator.join, lines)) + "\n\n", encoding="utf-8")
    found = combinations("level=1,2", file=file)
    assert found[:3] == [
        {"countries": "FR,DE", "lag": "1", "level": "1"},
        {"countries": "FR,DE", "lag": "1", "level": "2"},
        {"lag": "2", "level": "1"},
    ]


@pytest.mark.parametrize(
    ("axes", "fixed", "text", "problem"),
    [
        (["countries"], [], None, "--grid countries: expected name=value,value, as in"),
        (["=FR"], [], None, "--grid =FR: expected name=value,value"),
        (["lag="], [], None, "--grid lag=: expected name=value,value"),
        (["lag=1", "lag=2"], [], None, "given more than once: lag"),
        (["lag=1"], ["lag=2"], None, "given more than once: lag"),
        ([], ["lag=2"], None, "a sweep needs something that varies: --grid name=value,value"),
        ([], [], "lag,lag\n1,2\n", "given more than once: lag"),
        ([], [], "lag,level\n1\n", r"grid\.csv, line 2: expected 2 cells, found 1"),
        ([], [], "lag\n", "expected a line of parameter names and a line per run"),
        (["lag=1"], [], "lag\n1\n", "given more than once: lag"),
        (
            [f"{name}={','.join(map(str, range(200)))}" for name in ("lag", "seed", "level")],
            [], None, "the grid has 8,000,000 combinations; at most 20,000 are run",
        ),
    ],
)  # fmt: skip
def test_what_is_no_grid_is_refused(tmp_path, axes, fixed, text, problem):
    file = tmp_path / "grid.csv" if text is not None else None
    if file is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=problem):
        read_grid(NAME, axes, fixed, file)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="cannot read the parameter file"):
        read_grid(NAME, [], file=tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"lag\n\xe9\n")
    with pytest.raises(ParameterError, match="cannot read the parameter file"):
        read_grid(NAME, [], file=tmp_path / "latin.csv")
    (tmp_path / "long.csv").write_text(f"lag\n{'1' * 200_000}\n")
    with pytest.raises(
        ParameterError, match=r"long\.csv: field larger than field limit \(131072\)"
    ):
        read_grid(NAME, [], file=tmp_path / "long.csv")
    (tmp_path / "endless.csv").symlink_to("/dev/zero")
    with pytest.raises(ParameterError, match=r"endless\.csv: more than 5,000 kB, no parameters"):
        read_grid(NAME, [], file=tmp_path / "endless.csv")


def test_values_that_cannot_be_printed_are_refused():
    with pytest.raises(ParameterError) as problem:
        read_grid(NAME, ["countries=FR,\udcff"])
    assert str(problem.value) == "'countries': '\\udcff' has characters that cannot be printed"


def test_every_problem_of_the_grid_is_listed_once_with_its_count():
    with pytest.raises(ParameterError) as problem:
        checked(NAME, read_grid(NAME, ["countries=FR+XX,IT", "lag=1,b", "year=2000"]))
    lines = str(problem.value).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{NAME}: countries: unknown country 'XX'")
    assert lines[0].endswith("(in 2 of 4 runs)")
    assert "unknown parameter 'year'" in lines[1] and lines[1].endswith("(in 4 of 4 runs)")
    assert f"{NAME}: lag: 'b' is not a whole number (in 2 of 4 runs)" in lines


def test_the_size_is_known_without_writing_it_out():
    assert len(Grid(axes={"a": list(range(10**4)), "b": list(range(10**4))})) == 10**8 > MOST_RUNS


def test_values_are_shown_as_they_are_typed_in_a_grid():
    values = checked(NAME, read_grid(NAME, ["countries=FR+DE"], ["lags=0-2"]))[0].injectable()
    shown = typed(NAME, values)
    assert shown["countries"] == "DE+FR" and shown["lags"] == "0+1+2"
    assert shown["years"] == "2000-2020" and shown["lag"] == 2
    assert shown["interpolate"] is False and shown["exclude"] == ""
    back = [f"{name}={value}" for name, value in shown.items()]
    again = checked(NAME, read_grid(NAME, [text for text in back if not text.endswith("=")]))
    assert again[0].injectable() == values
