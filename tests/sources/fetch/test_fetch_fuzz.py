"""Whatever comes over the line: a refusal in words, or every figure accounted for."""

import gzip
import io
import os
import zipfile
from functools import cache

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis import paths
from analysis.sources.declared import DeclaredDataset, declaration
from analysis.sources.fetch import eurostat, worldbank
from analysis.sources.fetch.carried import carried_rows, chosen, nuts_lists
from analysis.sources.fetch.content import text_of
from analysis.sources.fetch.http import Limits
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.fetch.session import CSV
from analysis.sources.fetch.tidy import tidy
from analysis.sources.territories import CodeLists

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SOME = settings(max_examples=3000 if NIGHTLY else 40)
LIMITS = Limits(decoded_bytes=100_000)

TABLE = b"""LAST UPDATE,freq,sectperf,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG
20/10/26 11:00:00,A,BES,PC_GDP,AT11,2018,0.71,
20/10/26 11:00:00,A,BES,PC_GDP,AT12,2018,1.25,ep
20/10/26 11:00:00,A,TOTAL,PC_GDP,EL30,2018,,c
20/10/26 11:00:00,A,TOTAL,PC_GDP,FR10,2018,:,
"""
WIDE = b"""freq,sectperf,unit,geo\\TIME_PERIOD\t2017 \t2018 
A,BES,PC_GDP,AT11\t: \t0.71 
A,BES,PC_GDP,AT12\t1 b\t1.25 ep
"""  # noqa: W291
PAGE = (
    b'[{"page":1,"pages":1,"per_page":2,"total":1,"lastupdated":"2026-10-08"},'
    b'[{"countryiso3code":"FRA","date":"2024","value":2.18,"country":{"id":"FR"}}]]'
)


TELLING = [b"\n", b",", b"inf", b"1e999", b'"', b"\t"]


def packed(body: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", body)
    return buffer.getvalue()


@st.composite
def spoilt(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """A good body with a few pieces cut out, doubled or overwritten."""
    body = bytearray(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(body) - 1)))
        end = start + draw(st.integers(0, 12))
        doubled = st.just(bytes(body[start:end] * 2))
        put = draw(st.one_of(st.binary(max_size=6), doubled, st.sampled_from(TELLING)))
        body[start:end] = put
    return bytes(body)


@cache
def known() -> tuple[DeclaredDataset, pd.DataFrame, CodeLists]:
    (place,) = chosen(["rd_e_gerdreg"], declaration())
    return place.dataset, carried_rows(place, paths.RAW), nuts_lists(paths.RAW)


@SOME
@given(st.one_of(st.binary(max_size=200),
                 spoilt([gzip.compress(TABLE, mtime=0), packed(TABLE), TABLE])))  # fmt: skip
@example(b"\x1c")
def test_any_bytes_are_text_or_refused(body: bytes) -> None:
    try:
        text = text_of(body, "x", "text/csv", CSV, LIMITS)
    except FetchError as error:
        assert str(error).startswith("x: ")
    else:
        assert text.strip()


@SOME
@given(spoilt([TABLE, WIDE]))
@example(TABLE.replace(b"0.71", b"1e999"))
@example(TABLE.replace(b"0.71", b"inf"))
@example(TABLE.replace(b"2018,0.71", b"9999,0.71"))
def test_every_figure_is_used_or_set_aside_or_the_answer_refused(body: bytes) -> None:
    dataset, carried, lists = known()
    text = body.decode("utf-8", "replace")
    try:
        if b"\\TIME_PERIOD" in body:
            frame = eurostat._from_tsv(text, "x")
        else:
            frame = eurostat._from_csv(text, "x")
        found = tidy(Published(frame, "2026-10-20"), dataset, carried, lists)
    except FetchError:
        return
    assert found.cells == len(found.frame) + len(found.aside) + found.empty
    assert found.frame["value"].abs().max() < float("inf") or found.frame["value"].isna().all()
    assert len(frame) == found.cells + found.not_asked


@SOME
@given(spoilt([PAGE]))
@example(PAGE.replace(b'"pages":1', b'"pages":"\xc2\xb2"'))
@example(PAGE.replace(b'"total":1', b'"total":' + b"9" * 5000))
@example(PAGE.replace(b"2.18", b"NaN"))
@example(b"[" * 100_000)
def test_any_page_of_figures_is_read_or_refused(body: bytes) -> None:
    try:
        head, rows = worldbank._read(body.decode("utf-8", "replace"), "X")
        frame = worldbank._frame(rows, "X", "X")
    except FetchError as error:
        assert str(error).startswith("World Bank X: ")
    else:
        assert int(head["pages"]) >= 0
        assert len(frame) == len(rows)


def test_a_year_out_of_range_is_set_aside() -> None:
    dataset, carried, lists = known()
    frame = eurostat._from_csv(TABLE.replace(b"2018,0.71", b"2999,0.71").decode(), "x")
    found = tidy(Published(frame, "2026-10-20"), dataset, carried, lists)
    assert found.aside[["geo", "reason"]].values.tolist() == [["AT11", "year out of range"]]
