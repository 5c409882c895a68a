"""The first column of a Eurostat TSV holds several dimensions: one column for each."""

from dataclasses import replace

from analysis.intake.sheets import Cell, Sheet


def with_dimensions_apart(sheet: Sheet) -> Sheet:
    """``freq,unit,geo\\TIME_PERIOD`` split into the columns ``freq``, ``unit`` and ``geo``.

    A row with fewer parts than the header has empty dimensions, one with more keeps the rest in
    the last; either is then no territory.
    """
    if sheet.kind != "eurostat-tsv" or "\\" not in sheet.header[0]:
        return sheet
    names = sheet.header[0].split("\\")[0].split(",")
    n = len(names)

    def parts(cell: Cell) -> tuple[Cell, ...]:
        texts = [text.strip() or None for text in str(cell or "").split(",", n - 1)]
        return (*texts, *[None] * (n - len(texts)))

    return replace(
        sheet,
        header=(*names, *sheet.header[1:]),
        letters=(*[sheet.letters[0]] * n, *sheet.letters[1:]),
        decimals=(*[""] * n, *sheet.decimals[1:]) if sheet.decimals else (),
        cells=[(*parts(row[0]), *row[1:]) for row in sheet.cells],
    )
