"""Parquet files of plain columns: numbers, texts, dates, true or false."""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils import get_column_letter

from analysis.intake.decimal_sign import DecimalEvidence, column_signs, decimal_evidence
from analysis.intake.formats.content import (
    MAX_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    refused,
    too_large,
    too_many_cells,
    too_many_columns,
)
from analysis.intake.problems import Problem, UnreadableFile
from analysis.intake.sheets import Cell, FileRead, Sheet

_PLAIN = (
    *(pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean),
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp),
    *(pa.types.is_null,),
)


def read_parquet(data: bytes, file: str) -> FileRead:
    """The table of a Parquet file; ``Sheet.rows`` are its records, from 1.

    Raises
    ------
    UnreadableFile
        If the file is damaged, too large, or has columns of lists, structures or bytes.
    """
    try:
        columns = _columns(data, file)
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, TypeError):
        message = "a Parquet file that is damaged or cut off"
        raise refused(file, "parquet.damaged", message, "write or fetch it again") from None
    rows = list(zip(*columns.values(), strict=True))
    filled = [place for place, row in enumerate(rows) if any(cell is not None for cell in row)]
    if len(columns) < 2 or not filled:
        message = f"no table: columns: {len(columns)}, rows with a value: {len(filled)}"
        raise refused(file, "table.absent", message, "write at least two columns and one row")
    by_column = [decimal_evidence(column) for column in columns.values()]
    whole = sum(by_column, DecimalEvidence())
    sheet = Sheet(
        file=file,
        name="",
        header=tuple(columns),
        letters=tuple(get_column_letter(place + 1) for place in range(len(columns))),
        rows=tuple(place + 1 for place in filled),
        cells=[rows[place] for place in filled],
        n_header_rows=0,
        n_blank=len(rows) - len(filled),
        decimal=whole.sign,
        decimals=column_signs(by_column, whole),
        decimal_evidence=whole.sentence(),
        kind="parquet",
    )
    return FileRead("parquet", (sheet,), n_rows=len(rows))


def _columns(data: bytes, file: str) -> dict[str, list[Cell]]:
    schema = pq.read_schema(io.BytesIO(data))
    if len(schema) > MAX_COLUMNS:
        raise too_many_columns(file)
    _refuse_columns(schema, file)
    # Texts are read as codes and a list of texts: a text repeated a million times is held once.
    texts = [each.name for each in schema if _is_text(each.type)]
    with pq.ParquetFile(io.BytesIO(data), read_dictionary=texts) as parquet:
        metadata = parquet.metadata
        if metadata.num_rows * max(1, metadata.num_columns) > MAX_CELLS:
            raise too_many_cells(file)
        groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        if unpacked > MAX_BYTES:
            raise too_large(file, f"the unpacked content ({unpacked / 1e6:,.0f} MB)")
        table = parquet.read(use_threads=False)
    table.validate(full=True)
    return {
        _name(name): list(_cells(table.column(place)))
        for place, name in enumerate(table.column_names)
    }


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _refuse_columns(schema: pa.Schema, file: str) -> None:
    problems = [
        Problem(
            *(file, "parquet.column_type", f"a column of type {each.type}"),
            "keep columns of numbers, texts, dates, true or false",
            column=each.name,
        )
        for each in schema
        if not any(holds(_value_type(each.type)) for holds in _PLAIN)
    ]
    names = [_name(name) for name in schema.names]
    problems += [
        Problem(file, "header.repeated", f"two columns are called {name}", "rename one of them")
        for name, count in sorted(Counter(names).items())
        if count > 1
    ]
    if problems:
        raise UnreadableFile(problems)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _name(name: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(printable.split()) or "column without a name"


def _cells(column: pa.ChunkedArray) -> Iterator[Cell]:
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            values = [_cell(value) for value in chunk.dictionary.to_pylist()]
            yield from (
                None if code is None else values[code] for code in chunk.indices.to_pylist()
            )
        else:
            yield from map(_cell, chunk.to_pylist())


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.date() if value.time() == time.min else value.replace(tzinfo=None)
    if value != value:  # NaN is how data frames write a missing figure
        return None
    if value is None or isinstance(value, (bool, int, float, date)):
        return value
    return str(value)
