"""Studies as tables and text."""

from printed_lines import line

from analysis.studies import run_study
from analysis.studies.pages import comparison_frame, study_markdown, summary_frame

KNOWN = {"known_differences": [{"row": "N", "reason": "Two firms left out."}]}


def test_tables_hold_every_number_and_count_it_once(small_study):
    report = run_study(small_study(line("N", "n", "57") + line("X", "coef", "-7.10")))
    summary = summary_frame([report])
    assert summary.loc[0, ["numbers", "exact", "last digit", "different"]].tolist() == [2, 0, 1, 1]
    numbers = comparison_frame(report)
    assert numbers["printed"].tolist() == ["57", "-7.10"]
    assert numbers["verdict"].tolist() == ["last digit", "different"]
    assert numbers["computed"].iloc[0] == "58"
    assert summary_frame([]).empty and "unmapped" in summary_frame([])


def test_text_says_what_differs_and_why(small_study):
    text = study_markdown(run_study(small_study(line("N", "n", "57"), **KNOWN, doi="10.1/a_b")))
    assert text.startswith("### A small study\n")
    assert "<https://doi.org/10.1/a_b>" in text
    assert "0 of 1 printed numbers agree to every digit; 1 off by one in the last digit." in text
    assert "- Table 1, N, OLS (n): printed 57, here 58. Two firms left out." in text


def test_text_cannot_be_taken_for_markup(small_study):
    folder = small_study(title="A *bold* study", notes="x_1 < $2 | [a](b)", citation="A_B")
    text = study_markdown(run_study(folder))
    assert "x\\_1 \\< \\$2 \\| \\[a\\](b)" in text and "A\\_B." in text
    assert "### A \\*bold\\* study" in text


def test_a_study_that_was_not_run_says_how_to_get_its_data(small_study):
    folder = small_study()
    (folder / "data.csv").unlink()
    text = study_markdown(run_study(folder))
    assert "Not run, so that none of its 2 numbers is counted as reproduced: small: data:" in text
