"""Whatever the bytes, a file is understood or refused in words, and no row is lost."""

from fuzzing import fuzz, mutations
from hypothesis import given
from hypothesis import strategies as st

from analysis.intake.check import check
from analysis.intake.checked import Checked
from analysis.intake.declaration import Declaration
from analysis.intake.problems import UnreadableFile, sentence

SEEDS = (
    "Région;Année;Montant (k€);Note\nGrand Est;2015;1 234,5;x\nPACA;2015;n.d.;\nTotal;2015;9;\n",
    "code;2014;2015 b\n11;1,5;2,5\n93;1,25;2 %\n44;;3\nSource : X;;\n",
    "freq,unit,geo\\TIME_PERIOD\t2014 \t2015 \nA,MIO_EUR,FR10\t12.3 b\t: \n"
    "A,MIO_EUR,FRK2\t1.5 \t2 p\n",
    "DATAFLOW,freq,sex,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n"
    "X,A,T,PC,FR10,2014,12.5,b\nX,A,F,PC,DE11,2014,13,\n",
    "geo,time,value,flag\nAT11,1999,,\nAT11,2000,0.5,b\nGR11,2001,0.7,\n",
    "ID;Département;Date;Aide (€)\nA1;1;1/2/2015;10\nA2;2A;1/3/2015;20\nA3;1;1/2/2015;30\n",
)  # fmt: skip
CELLS = st.sampled_from(
    ["FR10", "FRF", "Bretagne", "Total", "EU28", "XX99", "11", "1", "", "2015", "15", "2014-2020",
     "2015Q1", "1,5", "1.5", "12 %", "-3", "n.d.", ":", "9e99", "#REF!", "01/02/2015", "k€", "=1+1",
     "Luxembourg", "42005", "\u0664", "nan", "True"]
)  # fmt: skip
HEADERS = st.sampled_from(
    ["geo", "Région", "Département", "pays", "year", "Année", "2015", "2016 b", "value",
     "aide (k€)", "taux (%)", "indicator", "unit", "flag", "ID", "note", "part", "Montant 2015"]
)  # fmt: skip
SAID = st.sampled_from(
    [{}, {"unit": "EUR"}, {"unit": "%", "accept": ["all"]}, {"aggregate": "sum", "unit": "k€"},
     {"accept": ["all"], "unit": "number", "name": "aide", "periods": "last", "decimal": ","},
     {"territories": "departements", "layout": "years"}, {"nuts": "2016", "dataset": "own"}]
)  # fmt: skip


def held_to_its_account(path, said) -> Checked | None:
    """Check a file; refused in words, or every row and cell is in the account."""
    try:
        checked = check(path, Declaration.model_validate(said))
    except UnreadableFile as error:
        assert str(error)
        return None
    counts = checked.counts
    assert counts.rows == counts.rows_used + counts.rows_aside
    assert counts.cells == counts.cells_used + counts.cells_aside
    listed = set(checked.aside["row"])
    # A row of the account is used, listed as set aside, or both (some of its cells).
    assert counts.rows_aside <= len(listed) <= counts.rows
    whole = checked.aside.loc[checked.aside["column"] == "", "row"]
    assert whole.is_unique
    assert checked.aside["message"].ne("").all()
    assert len(checked.observations) <= counts.cells_used
    if checked.errors:
        assert checked.observations.empty and counts.rows_used == 0
    for problem in checked.problems:
        assert "\n" not in sentence(problem)
    return checked


@fuzz(cases=90, nightly=3400)
@given(data=st.sampled_from(SEEDS).flatmap(lambda seed: mutations(seed.encode())), said=SAID)
def test_mutated_files_are_understood_or_refused(tmp_path, data, said):
    path = tmp_path / "f.csv"
    path.write_bytes(data)
    held_to_its_account(path, said)


@st.composite
def tables(draw):
    headers = draw(st.lists(HEADERS, min_size=1, max_size=6))
    row = st.lists(CELLS, min_size=len(headers), max_size=len(headers))
    rows = draw(st.lists(row, min_size=1, max_size=8))
    return "\n".join(";".join(cells) for cells in [headers, *rows]) + "\n"


@fuzz(cases=110, nightly=4600)
@given(text=tables(), said=SAID)
def test_tables_of_any_cells_are_understood_or_refused(tmp_path, text, said):
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    held_to_its_account(path, said)


@st.composite
def good_tables(draw):
    """A table with nothing wrong, and the sum of its figures."""
    geos = draw(
        st.lists(st.sampled_from(["FR10", "FR21", "DE30", "ITC4"]), min_size=1, unique=True)
    )
    years = draw(st.lists(st.integers(2000, 2020), min_size=1, max_size=4, unique=True))
    numbers = st.integers(1, 200)
    cells = {(geo, year): draw(numbers) for geo in geos for year in years}
    return cells, draw(st.booleans())


@fuzz(cases=40, nightly=2000)
@given(table=good_tables())
def test_good_tables_are_used_whole_in_either_layout(tmp_path, table):
    cells, is_wide = table
    years = sorted({year for _, year in cells})
    geos = sorted({geo for geo, _ in cells})
    if is_wide:
        lines = [f"geo;{';'.join(map(str, years))}"]
        lines += [f"{geo};{';'.join(str(cells[geo, year]) for year in years)}" for geo in geos]
    else:
        lines = ["geo;year;aide", *(f"{geo};{year};{n}" for (geo, year), n in cells.items())]
    path = tmp_path / "aides.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    checked = held_to_its_account(path, {"unit": "EUR", "name": "aide", "layout": None})
    assert checked is not None and not checked.errors
    found = checked.observations.set_index(["geo", "year"])["value"].to_dict()
    assert found == cells
    assert checked.counts.rows_aside == 0
