"""Eurostat's own formats of a carried dataset, brought into the form it is carried in.

Eurostat gives a dataset as SDMX-CSV, which says its code (``DATAFLOW``, ``STRUCTURE_ID``), or as
TSV, which does not: that is then said with ``--dataset``. Other statistical files are figures of
one's own, and that is said.
"""

import re
from dataclasses import dataclass, replace

from analysis import CompendiumError
from analysis.intake.checked import CarriedDataset
from analysis.intake.layout import STATISTICAL
from analysis.intake.sheets import Cell, Sheet
from analysis.sources.declared import DeclaredDataset, Layout, declaration
from analysis.sources.observations import columns_used

OWN = "own"
_NAMES = {"TIME_PERIOD": "time", "OBS_VALUE": "value", "OBS_FLAG": "flag"}
_SAYS_CODE = ("DATAFLOW", "STRUCTURE_ID")
_CODE = re.compile(r"ESTAT:([A-Z0-9_$-]+)\([\d.]+\)", re.IGNORECASE)
#: A cell of the TSV: ``12.5``, ``12.5 bp``, ``: c``.
_CELL = re.compile(r"(\S+)\s*(.*)")
_MISSING = ":"


@dataclass(frozen=True)
class Native:
    """A sheet, in the carried form where ``found`` says of which dataset; what is to be said."""

    sheet: Sheet
    found: CarriedDataset | None = None
    notes: tuple[str, ...] = ()


def in_carried_form(sheet: Sheet, wanted: str) -> Native:
    """The sheet with the columns the dataset is carried with, where it is a carried one.

    wanted: the code said for the file, ``own``, or ``""``. A sheet of another kind stays as it is.
    """
    if sheet.kind not in STATISTICAL or wanted == OWN:
        return Native(sheet)
    said = _code_in(sheet)
    found = _newest(wanted or said)
    if found is None or not _fits(sheet, found[1]):
        return Native(sheet, None, _as_own(sheet, said))
    table, dataset = found
    evidence = f"its code is {'said' if wanted else 'in the file'}"
    carried = CarriedDataset(table, dataset.code, dataset.vintage, evidence, native=True)
    return Native(carried_form(sheet, dataset), carried)


def carried_form(sheet: Sheet, dataset: DeclaredDataset) -> Sheet:
    """One row per figure, columns named as the catalogue's layout has them."""
    long = _melted(sheet) if sheet.kind == "eurostat-tsv" else sheet
    header = [_NAMES.get(name, name) for name in long.header]
    recodes = dataset.query.recodes if dataset.query else {}
    position = {name: place for place, name in enumerate(header)}
    value, flag = position["value"], position.get("flag")

    def cells(row: tuple[Cell, ...]) -> tuple[Cell, ...]:
        new = [
            recodes.get(name, {}).get(str(cell), cell)
            for name, cell in zip(header, row, strict=True)
        ]
        new[value] = None if new[value] == _MISSING else new[value]
        return (*new, *([None] if flag is None else []))

    more = ["flag"] if flag is None else []
    return replace(
        long,
        header=(*header, *more),
        letters=(*long.letters, *[""] * len(more)),
        decimals=(*long.decimals, *[""] * len(more)) if long.decimals else (),
        cells=[cells(row) for row in long.cells],
    )


def asked_for(dataset: DeclaredDataset) -> DeclaredDataset:
    """The dataset with the choice of codes that its query makes: the publisher's file has more.

    The publisher's flags are read, whether or not the carried form has them.
    """
    layout = _layout(dataset)
    where = {**(dataset.query.where if dataset.query else {}), **layout.where}
    flags = list(dict.fromkeys([*layout.flags, "flag"]))
    return dataset.model_copy(
        update={"layout": layout.model_copy(update={"where": where, "flags": flags})}
    )


def _code_in(sheet: Sheet) -> str:
    """The dataset code an SDMX-CSV says in its first row, in lower case."""
    for name in _SAYS_CODE:
        if name in sheet.header and sheet.cells:
            said = _CODE.fullmatch(str(sheet.cells[0][sheet.header.index(name)]))
            if said:
                return said[1].lower()
    return ""


def _newest(code: str) -> tuple[str, DeclaredDataset] | None:
    """The carried dataset of this code, the latest where several vintages are carried."""
    found = [
        (table, dataset)
        for table, entry in declaration().tables.items()
        for dataset in entry.datasets
        if dataset.code == code and dataset.publisher == "eurostat" and dataset.layout
    ]
    return max(found, key=lambda pair: pair[1].vintage, default=None)


def _layout(dataset: DeclaredDataset) -> Layout:
    if dataset.layout is None:
        raise CompendiumError(f"{dataset.code}: datasets.yaml gives no layout")
    return dataset.layout


def _fits(sheet: Sheet, dataset: DeclaredDataset) -> bool:
    """Whether the sheet has every dimension the dataset is read by."""
    layout = _layout(dataset)
    here = {_NAMES.get(name, name) for name in sheet.header} | {"flag"}
    here |= {"time", "value"} if sheet.kind == "eurostat-tsv" else set()
    where = dataset.query.where if dataset.query else {}
    return {*columns_used(dataset, layout), *where} <= here


def _as_own(sheet: Sheet, said: str) -> tuple[str, ...]:
    """That a statistical file is taken as figures of one's own, and what else it might be."""
    if said:
        return (f"{said} is no dataset the compendium carries: taken as figures of your own",)
    codes = sorted(
        {
            dataset.code
            for entry in declaration().tables.values()
            for dataset in entry.datasets
            if dataset.publisher == "eurostat" and dataset.layout and _fits(sheet, dataset)
        }
    )
    named = [code for code in codes if code in sheet.file.lower()]
    if not codes:
        return ()
    which = " or ".join(f"--dataset {code}" for code in named) or "--dataset CODE"
    return (
        "the file does not say which dataset it is: taken as figures of your own; if it is a newer "
        f"vintage of a carried one, say {which}",
    )


def _melted(sheet: Sheet) -> Sheet:
    """A TSV with one row per figure: the dimensions, ``time``, ``value`` and ``flag``."""
    years = [place for place, name in enumerate(sheet.header) if name.strip()[:4].isdigit()]
    keys = [place for place in range(len(sheet.header)) if place not in years]
    cells = [
        (*(row[place] for place in keys), sheet.header[year].strip(), *_parts(row[year]))
        for row in sheet.cells
        for year in years
    ]
    return replace(
        sheet,
        header=(*(sheet.header[place] for place in keys), "time", "value", "flag"),
        letters=(*(sheet.letters[place] for place in keys), "", "", ""),
        decimals=(),
        rows=tuple(number for number in sheet.rows for _ in years),
        cells=cells,
    )


def _parts(cell: Cell) -> tuple[Cell, Cell]:
    """Figure and flag of a cell, None for what is not there."""
    found = _CELL.fullmatch(str(cell).strip()) if cell is not None else None
    if found is None:
        return None, None
    return found[1], found[2] or None
