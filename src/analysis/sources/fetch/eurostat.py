"""Eurostat's dissemination interface: SDMX 3.0 queries, answers in SDMX-CSV 1.0 or TSV.

Version 3.0 takes filters by the name of a dimension (``c[unit]=PC_GDP``), so that a new dimension
or another order of dimensions does not change what is asked. CSV 1.0 carries the date of the last
update. A large extraction is not answered at once: the answer is then a ticket, the state of which
is asked until the data are ready.
"""

import re
from datetime import datetime
from urllib.parse import quote, urlencode

import pandas as pd

from analysis.sources.declared import DeclaredDataset, Query
from analysis.sources.fetch.grid import grid_of, require
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.fetch.session import CSV, XML, Answer, Question, Session

KEPT_NAMES = {"TIME_PERIOD": "time", "OBS_VALUE": "value", "OBS_FLAG": "flag"}
MISSING = ":"
#: Waits between two looks at a ticket (seconds), and how many looks at most.
LOOK_EVERY, LOOKS = 5.0, 120
_TICKET = re.compile(r"<(?:\w+:)?queued>.*?<(?:\w+:)?(?:id|key)>\s*([A-Za-z0-9-]{1,64})\s*<", re.S)
_STATE = re.compile(r"<(?:\w+:)?status>\s*([A-Z_]+)\s*<")
_FAULT = re.compile(r"<faultstring>(.*?)</faultstring>", re.S)
_WAITING = frozenset({"SUBMITTED", "PROCESSING"})


def fetch(query: Query, base: str, dataset: DeclaredDataset, session: Session) -> Published:
    """All observations of ``query``, one row per cell of the cube that has a value or a flag."""

    def follow(session: Session, text: str) -> tuple[str, bytes] | None:
        return _collected(session, text, base)

    filters = {f"c[{dimension}]": ",".join(codes) for dimension, codes in query.where.items()}
    options = {"format": "csvdata", "formatVersion": "1.0", "compress": "true"}
    address = (
        f"{base}/sdmx/3.0/data/dataflow/ESTAT/{quote(query.code)}/1.0?"
        f"{urlencode(filters | options, safe='[],:')}"
    )
    question = Question(address, dataset.code, "*/*", CSV | XML, follow)
    answer = session.answer(question)
    where = f"Eurostat {query.code}"
    if answer.text.lstrip().startswith("<"):
        fault = _FAULT.search(answer.text)
        words = " ".join(fault[1].split())[:200] if fault else "no reason given"
        raise FetchError(f"{where}: an XML message came in the place of the data: {words}")
    wide = "\\TIME_PERIOD" in answer.text[:2000] or "\\time" in answer.text[:2000]
    frame = _from_tsv(answer.text, where) if wide else _from_csv(answer.text, where)
    return Published(frame, _updated(frame, answer))


def _collected(session: Session, text: str, base: str) -> tuple[str, bytes] | None:
    """The data behind a ticket, once they are ready; None where ``text`` is no ticket."""
    ticket = _TICKET.search(text) if text.lstrip().startswith("<") else None
    if ticket is None:
        return None
    key = ticket[1]
    for _ in range(LOOKS):
        _, body = session.body(f"{base}/1.0/async/status/{key}", "*/*")
        found = _STATE.search(body.decode("utf-8", "replace"))
        state = found[1] if found else "unknown"
        if state == "AVAILABLE":
            received, data = session.body(f"{base}/1.0/async/data/{key}", "*/*")
            return received.content_type, data
        if state not in _WAITING:
            raise FetchError(f"Eurostat: the extraction {key} ended in the state {state}")
        session.line.sleep(LOOK_EVERY)
    raise FetchError(f"Eurostat: the extraction {key} was not ready after {LOOKS} looks")


def _from_csv(text: str, where: str) -> pd.DataFrame:
    frame = grid_of(text, where)
    require(frame, ["geo", "TIME_PERIOD", "OBS_VALUE"], where)
    secret = frame.get("CONF_STATUS", pd.Series("", frame.index)).str.lower()
    frame = frame.rename(columns=KEPT_NAMES).drop(columns="CONF_STATUS", errors="ignore")
    flag = frame.get("flag", pd.Series("", frame.index))
    return frame.assign(
        value=frame["value"].where(frame["value"] != MISSING, ""), flag=flag + secret
    )


def _from_tsv(text: str, where: str) -> pd.DataFrame:
    """A row per territory and series, a column per year, cells such as ``77.4 p`` and ``:``."""
    wide = grid_of(text, where, delimiter="\t")
    head = wide.columns[0]
    names = [*head.rpartition("\\")[0].split(",")]
    if len({*names, "time", "cell"}) != len(names) + 2:
        raise FetchError(f"{where}: the first column names a dimension twice: {', '.join(names)}")
    rows = wide[head].str.split(",")
    wrong = wide.loc[rows.str.len() != len(names), head]
    if len(wrong):
        raise FetchError(
            f"{where}: the first column does not hold {', '.join(names)} in {wrong.iloc[0][:60]!r}"
        )
    keys = pd.DataFrame(rows.tolist()).apply(lambda column: column.str.strip())
    cells = wide.drop(columns=head).set_axis(pd.MultiIndex.from_frame(keys, names=names))
    long = cells.rename_axis(columns="time").stack().rename("cell").reset_index()
    parts = long.pop("cell").str.strip().str.extract(r"^(\S+)\s*(.*)$")
    value = parts[0].fillna("")
    return long.assign(value=value.where(value != MISSING, ""), flag=parts[1].fillna(""))


def _updated(frame: pd.DataFrame, answer: Answer) -> str:
    """The day of the last update, as the CSV says it (``22/05/26 11:00:00``), else the server."""
    if "LAST UPDATE" in frame:
        said = str(frame["LAST UPDATE"].iloc[0])[:8]
        try:
            return datetime.strptime(said, "%d/%m/%y").date().isoformat()
        except ValueError:
            pass
    return answer.updated
