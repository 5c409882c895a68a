"""What each publisher's interface answers, and what becomes of it."""

import json
from functools import cache

import pandas as pd
import pytest
from publisher_answers import newer, serve
from publisher_server import Publisher, Reply

from analysis import paths
from analysis.sources.declared import DeclaredDataset, declaration
from analysis.sources.fetch import cohesion, eurostat, worldbank
from analysis.sources.fetch.carried import carried_rows, chosen, nuts_lists
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.fetch.refresh import CLIENTS
from analysis.sources.fetch.session import Session
from analysis.sources.fetch.tidy import Tidy, tidy
from analysis.sources.territories import CodeLists

GERD = "/sdmx/3.0/data/dataflow/ESTAT/rd_e_gerdreg/1.0"
HEAD = "DATAFLOW,LAST UPDATE,freq,sectperf,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS"
ABOUT = "ESTAT:RD_E_GERDREG(1.0),20/10/26 11:00:00,A"


def csv_of(*rows: str, head: str = HEAD, about: str = ABOUT) -> Reply:
    return Reply("\n".join([head, *(f"{about},{row}" for row in rows)]).encode() + b"\n")


def dataset_of(code: str) -> DeclaredDataset:
    (place,) = chosen([code], declaration())
    return place.dataset


def published(code: str, publisher: Publisher, session: Session) -> Published:
    dataset = dataset_of(code)
    assert dataset.query is not None
    return CLIENTS[dataset.query.client](dataset.query, publisher.base, dataset, session)


@cache
def carried_of(code: str) -> pd.DataFrame:
    (place,) = chosen([code], declaration())
    return carried_rows(place, paths.RAW)


@cache
def lists() -> CodeLists:
    return nuts_lists(paths.RAW)


def tidied(code: str, publisher: Publisher, session: Session) -> Tidy:
    """A dataset as a publisher gives it, held to the carried figures as they are."""
    answer = published(code, publisher, session)
    return tidy(answer, dataset_of(code), carried_of(code), lists())


def refused(code: str, publisher: Publisher, session: Session) -> str:
    with pytest.raises(FetchError) as error:
        tidied(code, publisher, session)
    return str(error.value).replace(publisher.base, "BASE")


def cells(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    columns = ["geo", "geo_version", "year", "indicator", "unit", "value", "flag", "vintage"]
    return list(frame[columns].itertuples(index=False, name=None))


# ---------------------------------------------------------------- every dataset

FETCHED = [place.dataset.code for place in chosen([], declaration())]


@pytest.mark.parametrize("code", FETCHED)
def test_a_newer_release_of_every_dataset_comes_back_as_served(
    code: str, publisher: Publisher, session: Session
) -> None:
    rows = newer(carried_of(code), dataset_of(code))
    serve(publisher, dataset_of(code), rows)
    found = tidied(code, publisher, session)
    assert (len(found.aside), found.not_asked) == (0, 0)
    figure = ["geo", "year", "indicator", "unit", "value", "flag"]
    came = found.frame[figure].sort_values(figure[:4], ignore_index=True)
    served = rows[figure].sort_values(figure[:4], ignore_index=True)
    pd.testing.assert_frame_equal(came, served)
    assert found.frame["vintage"].unique().tolist() == ["2026-11-15"]


# ---------------------------------------------------------------- Eurostat

GOOD = [
    "BES,PC_GDP,AT11,2018,0.71,,",
    "BES,PC_GDP,AT12,2018,1.25,ep,",
    "TOTAL,PC_GDP,EL30,2018,,,C",
    "TOTAL,PC_GDP,FR10,2018,:,,",
]
EXPECTED = [
    ("AT11", "2013", 2018, "BES", "PC_GDP", 0.71, "", "2026-10-20"),
    ("AT12", "2013", 2018, "BES", "PC_GDP", 1.25, "ep", "2026-10-20"),
    ("EL30", "2013", 2018, "TOTAL", "PC_GDP", None, "c", "2026-10-20"),
]


def with_none(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [tuple(None if cell != cell else cell for cell in row) for row in rows]


def test_eurostat_csv_becomes_observations_with_its_flags(
    publisher: Publisher, session: Session
) -> None:
    publisher.on(GERD, csv_of(*GOOD))
    found = tidied("rd_e_gerdreg", publisher, session)
    assert with_none(cells(found.frame)) == EXPECTED
    assert (found.cells, len(found.aside), found.empty, found.not_asked) == (4, 0, 1, 0)
    assert found.absent == ["GOV [PC_GDP]", "HES [PC_GDP]", "PNP [PC_GDP]"]
    assert publisher.asked == [
        f"{GERD}?c[unit]=PC_GDP&format=csvdata&formatVersion=1.0&compress=true"
    ]


def test_the_order_of_columns_does_not_matter(publisher: Publisher, session: Session) -> None:
    head = "TIME_PERIOD,OBS_FLAG,geo,LAST UPDATE,unit,freq,OBS_VALUE,sectperf,DATAFLOW"
    rows = ["2018,,AT11,20/10/26 11:00:00,PC_GDP,A,0.71,BES,x",
            "2018,ep,AT12,20/10/26 11:00:00,PC_GDP,A,1.25,BES,x"]  # fmt: skip
    publisher.on(GERD, Reply("\n".join([head, *rows]).encode()))
    assert cells(tidied("rd_e_gerdreg", publisher, session).frame) == EXPECTED[:2]


def test_eurostat_tsv_gives_the_same(publisher: Publisher, session: Session) -> None:
    text = (
        "freq,sectperf,unit,geo\\TIME_PERIOD\t2017 \t2018 \n"
        "A,BES,PC_GDP,AT11\t: \t0.71 \n"
        "A,BES,PC_GDP,AT12\t: \t1.25 ep\n"
        "A,TOTAL,PC_GDP,EL30\t: \t: c\n"
    )
    reply = Reply(text.encode(), type="text/tab-separated-values",
                  headers={"Last-Modified": "Tue, 20 Oct 2026 11:00:00 GMT"})  # fmt: skip
    publisher.on(GERD, reply)
    found = tidied("rd_e_gerdreg", publisher, session)
    assert with_none(cells(found.frame)) == EXPECTED
    assert (found.cells, found.empty) == (6, 3)


def test_what_is_unknown_is_set_aside_with_its_reason(
    publisher: Publisher, session: Session
) -> None:
    rows = [
        "BES,PC_GDP,AT11,2018,0.71,,",
        "BES,PC_GDP,AT1Z9,2018,0.7,,",
        "BES,PC_GDP,EU31_2029,2018,2.1,,",
        "BES,PC_GDP,AT,2018,2.2,,",
        "NEW,PC_GDP,AT12,2018,0.1,,",
        "BES,PC_GDP,AT13,2018,3.5,=HYPERLINK(1),",
        "BES,MIO_EUR,AT12,2018,44.1,,",
    ]
    publisher.on(GERD, csv_of(*rows))
    found = tidied("rd_e_gerdreg", publisher, session)
    assert found.frame["geo"].tolist() == ["AT11"]
    aside = dict(zip(found.aside["geo"], found.aside["reason"], strict=True))
    assert aside == {
        "AT1Z9": "unknown territory",
        "EU31_2029": "unknown territory",
        "AT": "level of territory not carried",
        "AT12": "unknown indicator",
        "AT13": "not a flag",
    }
    assert found.not_asked == 1  # the unit that the query does not ask for
    assert found.cells == len(found.frame) + len(found.aside) + found.empty


def test_a_renamed_code_is_carried_under_its_old_name(
    publisher: Publisher, session: Session
) -> None:
    head = "LAST UPDATE,freq,category,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG"
    rows = [
        "HRST,THS_PER,AT11,2019,70.5,",
        "HRST,PC_POP,AT11,2019,30.5,",
        "HRST,PC_XX,AT11,2019,1,",
    ]
    publisher.on(GERD.replace("rd_e_gerdreg", "hrst_st_rcat"),
                 csv_of(*rows, head=head, about="20/10/26 11:00:00,A"))  # fmt: skip
    found = tidied("hrst_st_rcat", publisher, session)
    assert found.frame["unit"].tolist() == ["PC_POP", "THS"]
    assert found.aside["reason"].tolist() == ["unknown unit"]


QUEUED = Reply(
    b'<env:Envelope xmlns:env="e"><env:Body><ns0:syncResponse xmlns:ns0="d"><queued>'
    b"<id>98de05ea-540a</id><status>SUBMITTED</status></queued></ns0:syncResponse></env:Body>"
    b"</env:Envelope>",
    type="application/xml",
)


def status(word: str) -> Reply:
    body = f"<e><status><key>98de05ea-540a</key><status>{word}</status></status></e>"
    return Reply(body.encode(), type="application/xml")


def test_a_large_extraction_is_waited_for(
    publisher: Publisher, session: Session, waits: list[float]
) -> None:
    publisher.on(GERD, QUEUED)
    publisher.on("/1.0/async/status/98de05ea-540a", status("SUBMITTED"), status("PROCESSING"),
                 status("AVAILABLE"))  # fmt: skip
    publisher.on("/1.0/async/data/98de05ea-540a", csv_of(*GOOD))
    assert with_none(cells(tidied("rd_e_gerdreg", publisher, session).frame)) == EXPECTED
    assert waits == [5.0, 5.0]
    assert len(publisher.asked) == 5
    (entry,) = session.ledger.of("rd_e_gerdreg")
    kept = session.ledger.answer(entry.address)
    assert kept is not None and kept[1].startswith(b"DATAFLOW")


@pytest.mark.parametrize("word", ["EXPIRED", "UNKNOWN_REQUEST", "ERROR"])
def test_a_large_extraction_that_fails(word: str, publisher: Publisher, session: Session) -> None:
    publisher.on(GERD, QUEUED)
    publisher.on("/1.0/async/status/98de05ea-540a", status(word))
    assert refused("rd_e_gerdreg", publisher, session) == (
        f"Eurostat: the extraction 98de05ea-540a ended in the state {word}"
    )


def test_a_large_extraction_that_never_comes(
    publisher: Publisher, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eurostat, "LOOKS", 4)
    publisher.on(GERD, QUEUED)
    publisher.on("/1.0/async/status/98de05ea-540a", status("PROCESSING"))
    assert refused("rd_e_gerdreg", publisher, session) == (
        "Eurostat: the extraction 98de05ea-540a was not ready after 4 looks"
    )


FAULT = b"<S:Fault><faultcode>100</faultcode><faultstring>No results found</faultstring></S:Fault>"
HAS = "(it has DATAFLOW, LAST UPDATE, freq, unit, geo, time, value, flag)"
BAD = [
    ("XML with status 200", Reply(FAULT, type="application/xml"),
     "Eurostat rd_e_gerdreg: an XML message came in the place of the data: No results found"),
    ("a dimension gone",
     csv_of("PC_GDP,AT11,2018,0.71,,", head=HEAD.replace("sectperf,", "")),
     f"eurostat rd_e_gerdreg: no dimension sectperf in the answer {HAS}: the publisher has "
     "changed the dataset; nothing is replaced"),
    ("no values", csv_of("BES,PC_GDP,AT11,2018", head=HEAD.partition(",OBS_VALUE")[0]),
     "Eurostat rd_e_gerdreg: no column OBS_VALUE in the answer (it has DATAFLOW, LAST UPDATE, "
     "freq, sectperf, unit, geo, TIME_PERIOD); the publisher has changed its form"),
    ("a new dimension",
     csv_of("T,BES,PC_GDP,AT11,2018,0.71,,", "F,BES,PC_GDP,AT11,2018,0.31,,",
            head=HEAD.replace("sectperf", "sex,sectperf")),
     "eurostat rd_e_gerdreg: the dimension sex has 2 values (F, T) and the query chooses none; "
     "say which in datasets.yaml (query, where); nothing is replaced"),
    ("rows twice", csv_of(GOOD[0], GOOD[0]),
     "eurostat rd_e_gerdreg: 2 rows share their key: {'dataset': 'rd_e_gerdreg', 'vintage': "
     "'2026-10-20', 'indicator': 'BES', 'unit': 'PC_GDP', 'geo': 'AT11', 'year': 2018}; "
     "nothing is replaced"),
    ("not a number", csv_of("BES,PC_GDP,AT11,2018,0.7l,,"),
     "eurostat rd_e_gerdreg: row 2, column value: '0.7l' is not a number; nothing is replaced"),
    ("quarters", csv_of("BES,PC_GDP,AT11,2018-Q1,0.71,,"),
     "eurostat rd_e_gerdreg: row 2, column time: '2018-Q1' is not a year (2007) or a period "
     "(2007-2013); nothing is replaced"),
    ("cut off", Reply(csv_of(*GOOD).body[:-30]),
     "Eurostat rd_e_gerdreg: line 5 has 2 cells, the first line 10; cut off?"),
    ("names only", csv_of(), "Eurostat rd_e_gerdreg: no figures below the names of the columns"),
    ("a column twice", csv_of("A,B,AT11,2018,0.71,,", head=HEAD.replace("sectperf", "unit")),
     "Eurostat rd_e_gerdreg: the column unit comes twice"),
    ("an open quotation", Reply(HEAD.encode() + b'\n"x,y'),
     "Eurostat rd_e_gerdreg: line 2 is not CSV (unexpected end of data)"),
    ("nothing known", csv_of("NEW,PC_GDP,AT11,2018,0.71,,", "BES,PC_GDP,ZZ99,2018,0.71,,"),
     "eurostat rd_e_gerdreg: none of the 2 figures of the answer is of a series carried "
     "(unknown indicator 1, unknown territory 1); nothing is replaced"),
    ("all empty", csv_of("BES,PC_GDP,AT11,2018,:,,"),
     "eurostat rd_e_gerdreg: none of the 1 figures of the answer is of a series carried "
     "(all empty); nothing is replaced"),
    ("a bad TSV", Reply(b"freq,sectperf,unit,geo\\TIME_PERIOD\t2018\nA,BES,AT11\t1\n"),
     "Eurostat rd_e_gerdreg: the first column does not hold freq, sectperf, unit, geo "
     "in 'A,BES,AT11'"),
    ("a bad row of a TSV",
     Reply(b"freq,sectperf,unit,geo\\TIME_PERIOD\t2018\nA,BES,U,AT11\t1\nA,BES,U,U,AT11\t1\n"),
     "Eurostat rd_e_gerdreg: the first column does not hold freq, sectperf, unit, geo "
     "in 'A,BES,U,U,AT11'"),
    ("a dimension twice in a TSV",
     Reply(b"freq,freq,unit,geo\\TIME_PERIOD\t2018\nA,A,U,AT11\t1\n"),
     "Eurostat rd_e_gerdreg: the first column names a dimension twice: freq, freq, unit, geo"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_what_eurostat_may_not_answer(
    reply: Reply, message: str, publisher: Publisher, session: Session
) -> None:
    publisher.on(GERD, reply)
    assert refused("rd_e_gerdreg", publisher, session) == message


# ---------------------------------------------------------------- World Bank

INDICATORS = ["GB.XPD.RSDV.GD.ZS", "IP.PAT.RESD", "NY.GDP.PCAP.CD", "SP.POP.SCIE.RD.P6",
              "SP.POP.TOTL"]  # fmt: skip


def figure(code: str, year: int, value: float | None, own: str = "XX") -> dict[str, object]:
    return {"countryiso3code": code, "date": str(year), "value": value, "obs_status": "",
            "country": {"id": own, "value": "name"}, "unit": "", "decimal": 0}  # fmt: skip


def page(rows: list[dict[str, object]], number: int = 1, pages: int = 1, total: int = 1) -> Reply:
    head = {"page": number, "pages": pages, "per_page": 2, "total": total,
            "lastupdated": "2026-10-08"}  # fmt: skip
    return Reply(json.dumps([head, rows]).encode(), type="application/json")


def on_all(publisher: Publisher, **special: list[Reply]) -> None:
    for indicator in INDICATORS:
        replies = special.get(indicator.replace(".", "_"), [page([figure("FRA", 2024, 1.25)])])
        publisher.on(f"/country/all/indicator/{indicator}", *replies)


def test_world_bank_pages_are_put_together(publisher: Publisher, session: Session) -> None:
    first = page([figure("FRA", 2024, 2.18), figure("DEU", 2024, None)], 1, 2, 4)
    second = page([figure("", 2024, 9.0, own="V4"), figure("KAZ", 2024, 0.1)], 2, 2, 4)
    on_all(publisher, GB_XPD_RSDV_GD_ZS=[first, second])
    found = tidied("wdi_2026", publisher, session)
    rows = cells(found.frame)
    assert rows[0] == (
        "FRA", "ISO3", 2024, "GB.XPD.RSDV.GD.ZS", "", 2.18, "", "2026-10-08"
    )  # fmt: skip
    assert len(rows) == 6
    assert found.aside[["geo", "reason"]].values.tolist() == [["V4", "unknown territory"]]
    assert (found.cells, found.empty) == (8, 1)
    assert publisher.asked[1].endswith(f"?format=json&per_page={worldbank.PER_PAGE}&page=2")


REFUSAL = [{"message": [{"id": "120", "key": "Invalid value", "value": "not valid"}]}]
BAD_PAGES = [
    ("a message", Reply(json.dumps(REFUSAL).encode(), type="application/json"),
     'refused by the publisher: [{"id": "120", "key": "Invalid value", "value": "not valid"}]'),
    ("not JSON", Reply(b"[{", type="application/json"),
     "not JSON (Expecting property name enclosed in double quotes: line 1 column 3 (char 2))"),
    ("an object", Reply(b'{"a": 1}', type="application/json"),
     "not a page of figures (a head and a list)"),
    ("fewer than announced", page([figure("FRA", 2024, 1.0)], total=7),
     "1 figures came, 7 were announced"),
    ("a figure without a year", page([{"countryiso3code": "FRA", "value": 1}]),
     "a figure without countryiso3code, date, value: {'countryiso3code': 'FRA', 'value': '1'}"),
    ("none", page([], total=0), "no figures in the answer"),
    ("endless pages", page([figure("FRA", 2024, 1.0)], pages=10_000),
     "10000 pages announced, at most 200"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "message"), [b[1:] for b in BAD_PAGES], ids=[b[0] for b in BAD_PAGES]
)
def test_what_the_world_bank_may_not_answer(
    reply: Reply, message: str, publisher: Publisher, session: Session
) -> None:
    on_all(publisher, GB_XPD_RSDV_GD_ZS=[reply])
    assert refused("wdi_2026", publisher, session) == f"World Bank GB.XPD.RSDV.GD.ZS: {message}"


# ---------------------------------------------------------------- OECD

MSTI = (
    "DATAFLOW,REF_AREA,FREQ,MEASURE,UNIT_MEASURE,PRICE_BASE,TRANSFORMATION,TIME_PERIOD,OBS_VALUE,"
    "OBS_STATUS,OBS_STATUS_2,UNIT_MULT,DECIMALS"
)


def on_oecd(publisher: Publisher, *rows: str, head: str = MSTI) -> None:
    key = ".A.B+B_RS+G+GV+G_FA+G_FB+G_FG+G_FON+H+T_RS.10P3EMP+FTE+PT_B1GQ+PT_GERD.."
    body = "\n".join([head, *(f"x,{row}" for row in rows)]) + "\n"
    reply = Reply(body.encode(), headers={"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"})
    publisher.on(f"/data/OECD.STI.STP,DSD_MSTI@DF_MSTI,/{key}", reply)


def test_oecd_measures_become_the_carried_variables(publisher: Publisher, session: Session) -> None:
    on_oecd(
        publisher,
        "FRA,A,G,PT_B1GQ,_Z,_Z,2024,2.19,A,,0,2",
        "FRA,A,T_RS,FTE,_Z,_Z,2024,340000,P,B,0,0",
        "FRA,A,G,PT_GERD,_Z,_Z,2024,100,A,,0,0",
        "ZZZ,A,G,PT_B1GQ,_Z,_Z,2024,1.0,A,,0,2",
    )
    found = tidied("sti_msti_rd", publisher, session)
    assert cells(found.frame) == [
        ("FRA", "ISO3", 2024, "G_XGDP", "", 2.19, "", "2026-11-02"),
        ("FRA", "ISO3", 2024, "TP_RS", "", 340000.0, "PB", "2026-11-02"),
    ]
    assert found.aside[["geo", "reason"]].values.tolist() == [["ZZZ", "unknown territory"]]
    assert "B_XGDP" in found.absent and "TP_TT" not in found.absent


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("FRA,A,T_RS,FTE,_Z,_Z,2024,340,A,,3,0",
         "UNIT_MULT is 3 for TP_RS (FRA, 2024); the carried figures have none"),
        ("FRA,A,G,PT_B1GQ,Q,_Z,2024,2.19,A,,0,2",
         "PRICE_BASE is Q for G_XGDP (FRA, 2024); the carried figures have none"),
        ("FRA,A,G,PT_B1GQ,_Z,GR1,2024,2.19,A,,0,2",
         "TRANSFORMATION is GR1 for G_XGDP (FRA, 2024); the carried figures have none"),
    ],
)  # fmt: skip
def test_a_scale_that_is_not_carried_is_refused(
    row: str, message: str, publisher: Publisher, session: Session
) -> None:
    on_oecd(publisher, row)
    expected = f"OECD OECD.STI.STP,DSD_MSTI@DF_MSTI: {message}"
    assert refused("sti_msti_rd", publisher, session) == expected


def test_a_column_of_the_oecd_is_missing(publisher: Publisher, session: Session) -> None:
    on_oecd(publisher, "A,G", head="DATAFLOW,FREQ,MEASURE")
    assert refused("sti_msti_rd", publisher, session) == (
        "OECD OECD.STI.STP,DSD_MSTI@DF_MSTI: no column REF_AREA, UNIT_MEASURE, TIME_PERIOD, "
        "OBS_VALUE in the answer (it has DATAFLOW, FREQ, MEASURE); the publisher has changed its "
        "form"
    )


# ---------------------------------------------------------------- the cohesion portal

PAYMENTS = "/resource/tc55-7ysv.csv"
NAMES = (
    "country,nuts1_id,nuts2_id,fund,year,programming_period,eu_payment_annual,"
    "modelled_annual_expenditure,standard_error_of_modelled"
)
ROW = "AT,AT1,AT11,ERDF,2020,2014-2020,{},100.5,2"


def payments(*amounts: int, names: str = NAMES) -> Reply:
    body = "\n".join([names, *(ROW.format(amount) for amount in amounts)]) + "\n"
    return Reply(body.encode(), headers={"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"})


def test_pages_of_the_portal(
    publisher: Publisher, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohesion, "PER_PAGE", 1)
    second = payments(7).body.replace(b"AT11,ERDF", b"AT12,ERDF")
    publisher.on(PAYMENTS, payments(5), Reply(second), Reply(NAMES.encode() + b"\n"))
    found = tidied("tc55-7ysv", publisher, session)
    assert found.frame["geo"].tolist() == ["AT11", "AT12"] * 3
    assert found.frame["indicator"].unique().tolist() == [
        "ERDF.2014-2020.modelled", "ERDF.2014-2020.modelled_se", "ERDF.2014-2020.payment"
    ]  # fmt: skip
    assert found.cells == 6
    assert publisher.asked == [
        f"{PAYMENTS}?$limit=1&$offset={offset}&$order=:id" for offset in (0, 1, 2)
    ]


def test_a_page_twice_is_refused(
    publisher: Publisher, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohesion, "PER_PAGE", 1)
    publisher.on(PAYMENTS, payments(5), payments(5), Reply(NAMES.encode() + b"\n"))
    assert "cohesion tc55-7ysv: 6 rows share their key" in refused("tc55-7ysv", publisher, session)


def test_pages_that_differ(
    publisher: Publisher, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohesion, "PER_PAGE", 1)
    publisher.on(PAYMENTS, payments(5), payments(6, names=NAMES.replace("fund", "fonds")))
    assert refused("tc55-7ysv", publisher, session) == (
        "cohesion portal tc55-7ysv: page 2 has other columns than the first"
    )


def test_pages_without_end(
    publisher: Publisher, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohesion, "PER_PAGE", 1)
    monkeypatch.setattr(cohesion, "MOST_PAGES", 3)
    publisher.on(PAYMENTS, payments(5))
    assert refused("tc55-7ysv", publisher, session) == (
        "cohesion portal tc55-7ysv: more than 3 pages of 1 rows"
    )


def test_a_new_programming_period_is_set_aside_and_said(
    publisher: Publisher, session: Session
) -> None:
    body = payments(5).body + b"AT,AT1,AT12,ERDF,2023,2021-2027,9,100.5,2\n"
    publisher.on(PAYMENTS, Reply(body))
    found = tidied("tc55-7ysv", publisher, session)
    assert found.aside["reason"].tolist() == ["unknown indicator"] * 3
    assert found.cells == len(found.frame) + len(found.aside) + found.empty
