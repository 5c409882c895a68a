"""Bad files and what is said of them, word for word."""

from collections.abc import Callable
from dataclasses import dataclass

from openpyxl import Workbook
from workbooks import REGIONS, SHEET1, gzipped, parquet, with_part, workbook, zipped


@dataclass(frozen=True)
class BadFile:
    """A file with one thing wrong, what its reader says, and whether that refuses it."""

    name: str
    file: str
    content: Callable[[], bytes]
    message: str
    sheet: str | None = None
    severity: str = "error"


GOOD = b"geo;year;value\nFR10;2015;3,5\nFR21;2015;2,25\n"
FRENCH = "Région;Année;Montant\nÎle-de-France;2015;3,5\nBretagne;2015;2,25\n"
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
STRICT = (
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"http://purl.oclc.org/ooxml/spreadsheetml/main",
)


def shown_in_thousands(book: Workbook) -> None:
    book["Sheet1"]["C2"] = 1234567
    book["Sheet1"]["C2"].number_format = '#,##0,"k€"'


def merge_figures(book: Workbook) -> None:
    book["Sheet1"].merge_cells("C2:C3")


def hide_row(book: Workbook) -> None:
    book["Sheet1"].row_dimensions[3].hidden = True


def hide_column(book: Workbook) -> None:
    book["Sheet1"].column_dimensions["C"].hidden = True


def far_apart(sheet: bytes) -> bytes:
    rows = (f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>'.encode() for n in range(4, 400))
    return sheet.replace(b"</sheetData>", b"".join(rows) + b"</sheetData>")


BAD_FILES = (
    BadFile(
        "empty",
        "empty.csv",
        lambda: b"",
        "empty.csv: the file is empty (0 bytes); export it again [file.empty]",
    ),
    BadFile(
        "blank",
        "blank.csv",
        lambda: b"\n \r\n\n",
        "blank.csv: the file holds blank lines only; export it again [file.blank]",
    ),
    BadFile(
        "separators only",
        "separators.csv",
        lambda: b";;;\n;;;\n",
        "separators.csv: the file holds blank lines only; export it again [file.blank]",
    ),
    BadFile(
        "gzip with nothing in it",
        "nothing.csv.gz",
        lambda: gzipped(b""),
        "nothing.csv.gz: the gzip archive holds nothing; export it again [file.empty]",
    ),
    BadFile(
        "gzip cut off",
        "cut.csv.gz",
        lambda: gzipped(GOOD * 50)[:-12],
        "cut.csv.gz: a gzip archive that is damaged or cut off; fetch it again [gzip.damaged]",
    ),
    BadFile(
        "gzip with a wrong checksum",
        "changed.csv.gz",
        lambda: gzipped(GOOD)[:-8] + b"\0" * 8,
        "changed.csv.gz: a gzip archive that is damaged or cut off; fetch it again [gzip.damaged]",
    ),
    BadFile(
        "gzip in gzip",
        "twice.csv.gz",
        lambda: gzipped(gzipped(GOOD)),
        "twice.csv.gz: a gzip archive inside a gzip archive; unpack it and give the "
        "file inside [gzip.nested]",
    ),
    BadFile(
        "gzip bomb",
        "bomb.csv.gz",
        lambda: gzipped(bytes(100_000_001)),
        "bomb.csv.gz: the unpacked content is more than the 100 MB that are read at "
        "once; keep the rows and columns you need, or split the file (by year, say) "
        "[file.too_large]",
    ),
    BadFile(
        "PDF",
        "report.csv",
        lambda: b"%PDF-1.7\n...",
        "report.csv: the content is a PDF document; copy the table into a spreadsheet, "
        "or ask for the data [content.format]",
    ),
    BadFile(
        "old binary workbook",
        "old.xls",
        lambda: OLD_WORKBOOK,
        "old.xls: an old binary workbook (.xls of Excel 97-2003) or another Office "
        "document; open it in a spreadsheet program and save it as .xlsx or as CSV "
        "(UTF-8) [content.old_workbook]",
    ),
    BadFile(
        "workbook with a password",
        "secret.xlsx",
        lambda: OLD_WORKBOOK + "EncryptedPackage".encode("utf-16-le"),
        "secret.xlsx: a workbook protected by a password; save it without a password "
        "[content.encrypted]",
    ),
    BadFile(
        "web page called .xls",
        "export.xls",
        lambda: b"<html><body><table><tr><td>FR10</td></tr></table></body></html>",
        "export.xls: the content is a web page (HTML), whatever the file's name says; "
        "open it in a spreadsheet program and save it as .xlsx or as CSV (UTF-8) "
        "[content.html]",
    ),
    BadFile(
        "XML called .xls",
        "export.xls",
        lambda: b"<?xml version='1.0'?><Workbook></Workbook>",
        "export.xls: the content is XML; export it as CSV or XLSX (SDMX services offer "
        "SDMX-CSV) [content.format]",
    ),
    BadFile(
        "JSON called .csv",
        "data.csv",
        lambda: b'[{"geo": "FR10", "value": 3}]',
        "data.csv: the content is JSON; export the table as CSV [content.format]",
    ),
    BadFile(
        "7z called .csv",
        "data.csv",
        lambda: b"7z\xbc\xaf'\x1c\x00\x04",
        "data.csv: the content is a 7z archive; unpack it and give the file inside "
        "[content.format]",
    ),
    BadFile(
        "zipped CSV",
        "data.zip",
        lambda: zipped({"data.csv": GOOD}),
        "data.zip: a zip archive of 1 file(s); unpack it and give the file inside [content.zip]",
    ),
    BadFile(
        "OpenDocument",
        "data.ods",
        lambda: zipped(
            {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"}
        ),
        "data.ods: an OpenDocument file (.ods or .odt); open it in a spreadsheet "
        "program and save it as .xlsx or as CSV (UTF-8) [content.format]",
    ),
    BadFile(
        "Word document",
        "data.docx",
        lambda: zipped({"word/document.xml": b"<x/>"}),
        "data.docx: a document of a word processor or a presentation; copy the table "
        "into a spreadsheet [content.format]",
    ),
    BadFile(
        "binary workbook",
        "data.xlsb",
        lambda: zipped({"xl/workbook.bin": b"..."}),
        "data.xlsb: a binary workbook (.xlsb); open it in a spreadsheet program and "
        "save it as .xlsx or as CSV (UTF-8) [content.format]",
    ),
    BadFile(
        "workbook cut off",
        "cut.xlsx",
        lambda: workbook()[:-300],
        "cut.xlsx: a workbook or zip archive that is damaged, cut off or protected by a"
        " password; save or fetch it again [zip.damaged]",
    ),
    BadFile(
        "workbook that unpacks to 100 MB",
        "bomb.xlsx",
        lambda: with_part(workbook(), "xl/media/image1.png", lambda _: bytes(100_000_000)),
        "bomb.xlsx: the unpacked content (100 MB) is more than the 100 MB that are read"
        " at once; keep the rows and columns you need, or split the file (by year, say)"
        " [file.too_large]",
    ),
    BadFile(
        "XML entities",
        "laughs.xlsx",
        lambda: with_part(workbook(), SHEET1, lambda x: LAUGHS + x),
        "laughs.xlsx: its part xl/worksheets/sheet1.xml declares XML entities, which no"
        " workbook does; do not use this file [xml.entities]",
    ),
    BadFile(
        "sheet with bad XML",
        "broken.xlsx",
        lambda: with_part(workbook(), SHEET1, lambda x: x[:-30]),
        "broken.xlsx, sheet Sheet1: the workbook is damaged; open it in a spreadsheet "
        "program and save it again as .xlsx (not Strict Open XML) [xlsx.damaged]",
    ),
    BadFile(
        "workbook without its parts",
        "broken.xlsx",
        lambda: zipped({"xl/styles.xml": b"<styleSheet/>"}),
        "broken.xlsx: the workbook is damaged; open it in a spreadsheet program and "
        "save it again as .xlsx (not Strict Open XML) [xlsx.damaged]",
    ),
    BadFile(
        "row twice",
        "order.xlsx",
        lambda: with_part(workbook(), SHEET1, lambda x: x.replace(b'r="3"', b'r="2"', 1)),
        "order.xlsx, sheet Sheet1: the workbook is damaged (row 2 stands after row 2); "
        "open it in a spreadsheet program and save it again as .xlsx (not Strict Open "
        "XML) [xlsx.damaged]",
    ),
    BadFile(
        "cell out of order",
        "order.xlsx",
        lambda: with_part(workbook(), SHEET1, lambda x: x.replace(b'r="C2"', b'r="A2"')),
        "order.xlsx, sheet Sheet1: the workbook is damaged (cell A2 is out of order or "
        "outside the sheet); open it in a spreadsheet program and save it again as "
        ".xlsx (not Strict Open XML) [xlsx.damaged]",
    ),
    BadFile(
        "cell outside a sheet",
        "far.xlsx",
        lambda: with_part(workbook(), SHEET1, lambda x: x.replace(b'r="C3"', b'r="ZZZ3"')),
        "far.xlsx, sheet Sheet1: the workbook is damaged (cell ZZZ3 is out of order or "
        "outside the sheet); open it in a spreadsheet program and save it again as "
        ".xlsx (not Strict Open XML) [xlsx.damaged]",
    ),
    BadFile(
        "Strict Open XML",
        "strict.xlsx",
        lambda: with_part(workbook(), SHEET1, lambda x: x.replace(*STRICT)),
        "strict.xlsx, sheet Sheet1: the workbook is damaged (9 cells have a value, 0 "
        "could be read); open it in a spreadsheet program and save it again as .xlsx "
        "(not Strict Open XML) [xlsx.damaged]",
    ),
    BadFile(
        "sheet of few cells, far apart",
        "large.xlsx",
        lambda: with_part(workbook(), SHEET1, far_apart),
        "large.xlsx, sheet Sheet1: the table has more than 5 million cells; keep the "
        "rows and columns you need, or split the file (by year, say) "
        "[file.too_many_cells]",
    ),
    BadFile(
        "two sheets with a table",
        "two.xlsx",
        lambda: workbook(REGIONS, REGIONS),
        "two.xlsx: 2 sheets hold a table: Sheet1, Sheet2; say which with --sheet NAME, "
        "or put the rows of all into one [sheet.several]",
    ),
    BadFile(
        "no such sheet",
        "two.xlsx",
        lambda: workbook(REGIONS, REGIONS),
        "two.xlsx: no sheet called 'Data'; there are Sheet1, Sheet2; say which with "
        "--sheet NAME [sheet.unknown]",
        sheet="Data",
    ),
    BadFile(
        "sheet of a text",
        "data.csv",
        lambda: GOOD,
        "data.csv: only a workbook has sheets, and this is text; leave out --sheet "
        "[sheet.not_a_workbook]",
        sheet="Data",
    ),
    BadFile(
        "sheet of Parquet",
        "data.parquet",
        lambda: parquet({"geo": ["FR10"], "v": [1]}),
        "data.parquet: only a workbook has sheets, and this is Parquet; leave out "
        "--sheet [sheet.not_a_workbook]",
        sheet="Data",
    ),
    BadFile(
        "workbook of notes",
        "notes.xlsx",
        lambda: workbook([["Notes"], ["Source: Insee"]]),
        "notes.xlsx, sheet Sheet1: no table: no row has two cells that are filled; a "
        "table needs a column for the territory and one for the figures [table.absent]",
    ),
    BadFile(
        "workbook without header",
        "bare.xlsx",
        lambda: workbook([["FR10", 3.5], ["FR21", 2.5]]),
        "bare.xlsx, sheet Sheet1, row 1: '3.5': a figure where the names of the columns"
        " are expected; put one line with the names of the columns above the figures "
        "[header.absent]",
    ),
    BadFile(
        "formula without value",
        "formula.xlsx",
        lambda: workbook([["geo", "value"], ["FR10", "=A1*2"], ["FR21", 2.5]]),
        "formula.xlsx, sheet Sheet1, row 2, column B: '=A1*2': a formula whose result "
        "is not stored in the file; open the file in a spreadsheet program and save it,"
        " or paste values [cell.formula_without_value]",
    ),
    BadFile(
        "merged figure",
        "merged.xlsx",
        lambda: workbook(
            [["geo", "year", "value"], ["FR10", 2015, 3.5], ["FR21", 2015, None]],
            change=merge_figures,
        ),
        "merged.xlsx, sheet Sheet1, row 2, column C: '3.5': one figure in merged cells,"
        " C2 to C3; unmerge them and say which row the figure belongs to "
        "[cell.merged_figure]",
    ),
    BadFile(
        "hidden row",
        "hidden.xlsx",
        lambda: workbook(change=hide_row),
        "hidden.xlsx, sheet Sheet1, row 3: 1 hidden row is read like the others; delete"
        " the hidden rows if a filter was to leave them out [sheet.hidden_rows]",
        severity="question",
    ),
    BadFile(
        "hidden column",
        "hidden.xlsx",
        lambda: workbook(change=hide_column),
        "hidden.xlsx, sheet Sheet1, column value (C): a hidden column is read like the "
        "others; delete it if not wanted [sheet.hidden_columns]",
        severity="question",
    ),
    BadFile(
        "number format in thousands",
        "scaled.xlsx",
        lambda: workbook(change=shown_in_thousands),
        "scaled.xlsx, sheet Sheet1, row 2, column value (C): '#,##0,\"k€\"': the sheet "
        "shows thousands or millions, the full number is stored and read; declare the "
        "unit of the stored number, not of the one shown [cell.scaled_format]",
        severity="question",
    ),
    BadFile(
        "Parquet cut off",
        "cut.parquet",
        lambda: parquet({"geo": ["FR10"], "v": [1]})[:-20],
        "cut.parquet: a Parquet file that is damaged or cut off; write or fetch it "
        "again [parquet.damaged]",
    ),
    BadFile(
        "encrypted Parquet",
        "data.parquet",
        lambda: b"PARE1234",
        "data.parquet: the content is an encrypted Parquet file; write it without "
        "encryption [content.format]",
    ),
    BadFile(
        "Parquet of lists and bytes",
        "lists.parquet",
        lambda: parquet({"geo": ["FR10"], "v": [[1, 2]], "b": [b"x"]}),
        "lists.parquet, column v: a column of type list<element: int64>; keep columns "
        "of numbers, texts, dates, true or false [parquet.column_type]"
        "\nlists.parquet, column b: a column of type binary; keep columns of numbers, "
        "texts, dates, true or false [parquet.column_type]",
    ),
    BadFile(
        "Parquet of one column",
        "one.parquet",
        lambda: parquet({"geo": ["FR10"]}),
        "one.parquet: no table: columns: 1, rows with a value: 1; write at least two "
        "columns and one row [table.absent]",
    ),
    BadFile(
        "Parquet of too many cells",
        "many.parquet",
        lambda: parquet({"geo": ["FR10"] * 2_600_000, "v": [1] * 2_600_000}),
        "many.parquet: the table has more than 5 million cells; keep the rows and "
        "columns you need, or split the file (by year, say) [file.too_many_cells]",
    ),
    BadFile(
        "Parquet with a column twice",
        "twice.parquet",
        lambda: parquet({"geo": ["FR10"], "v": [1], " v": [2]}),
        "twice.parquet: two columns are called v; rename one of them [header.repeated]",
    ),
    BadFile(
        "bytes of no format",
        "noise.csv",
        lambda: bytes(range(256)) * 20,
        "noise.csv: the content is neither text nor a workbook, nor Parquet; give CSV, "
        "TSV, XLSX, Parquet, SDMX-CSV or Eurostat TSV [content.binary]",
    ),
    BadFile(
        "zero byte in a text",
        "nul.csv",
        lambda: b"geo;value\nFR10;\x003\n",
        "nul.csv: the content is neither text nor a workbook, nor Parquet; give CSV, "
        "TSV, XLSX, Parquet, SDMX-CSV or Eurostat TSV [content.binary]",
    ),
    BadFile(
        "UTF-16 cut off",
        "odd.csv",
        lambda: FRENCH.encode("utf-16")[:-1],
        "odd.csv, row 3: the text begins as UTF-16 but does not go on so; save it as "
        "CSV UTF-8 [encoding.broken]",
    ),
    BadFile(
        "UTF-8 mark on Windows-1252",
        "bom.csv",
        lambda: b"\xef\xbb\xbf" + FRENCH.encode("cp1252"),
        "bom.csv, row 1: the text begins as UTF-8 with a byte order mark but does not "
        "go on so; save it as CSV UTF-8 [encoding.broken]",
    ),
    BadFile(
        "Mac encoding",
        "mac.csv",
        lambda: "Région;Montant\nRhône-Alpes;3\n".encode("mac_roman").replace(b"\x99", b"\x8f"),
        "mac.csv, row 1: the text is in no encoding that is read (UTF-8, UTF-16, "
        "Windows-1252); save it as CSV UTF-8 [encoding.unknown]",
    ),
    BadFile(
        "two encodings",
        "mixed.csv",
        lambda: FRENCH.encode("utf-8") + "Rhône-Alpes;2015;1,5\n".encode("cp1252"),
        "mixed.csv, row 4: 'Rhône': some lines are in UTF-8 and some in Windows-1252; "
        "save it as CSV UTF-8 [encoding.mixed]",
    ),
    BadFile(
        "encoded twice",
        "twice.csv",
        lambda: FRENCH.encode("utf-8").decode("cp1252").encode("utf-8"),
        "twice.csv, row 1: 'RÃ©gion': accented letters were spoilt before this file was"
        " written (encoded twice); save it as CSV UTF-8 [encoding.twice]",
        severity="question",
    ),
    BadFile(
        "DOS encoding",
        "dos.csv",
        lambda: "Département;Montant\nIsère;3,5\n".encode("cp850"),
        "dos.csv, row 2: 'IsŠre': an odd letter inside a word: the file may be in "
        "another encoding than Windows-1252; save it as CSV UTF-8 "
        "[encoding.odd_letters]",
        severity="question",
    ),
    BadFile(
        "aligned by spaces",
        "aligned.csv",
        lambda: b"geo    value\nFR10       3\nFR21       4\n",
        "aligned.csv: no separator (tab, semicolon, comma, vertical bar) cuts the lines"
        " into columns; export as CSV with one of them; text aligned by spaces is not "
        "read [text.no_separator]",
    ),
    BadFile(
        "two possible separators",
        "both.csv",
        lambda: b"geo;a,b\nFR10;2,5\nFR21;4,7\n",
        "both.csv: the semicolon and the comma both cut every line into the same number"
        ' of cells; say which: put "sep=;" or "sep=," as first line '
        "[text.two_separators]",
    ),
    BadFile(
        "quote never closed",
        "quote.csv",
        lambda: b'geo;value\n"FR10;3\nFR21;4\n',
        "quote.csv, row 2: a quoted cell that is not closed, goes on after its closing "
        'quote, or never ends; close every quote ("), and double those inside a quoted '
        "cell [text.quotes]",
    ),
    BadFile(
        "text after a quote",
        "quote.csv",
        lambda: b'geo;value\n"FR10"x;3\nFR21;4\n',
        "quote.csv, row 2: a quoted cell that is not closed, goes on after its closing "
        'quote, or never ends; close every quote ("), and double those inside a quoted '
        "cell [text.quotes]",
    ),
    BadFile(
        "quote over two rows",
        "quote.csv",
        lambda: b'geo;value\n"FR10;3\nFR21";4\n',
        "quote.csv, row 2: a quoted cell runs from line 2 to line 3 over whole rows; "
        'close every quote ("), and double those inside a quoted cell [text.quotes]',
    ),
    BadFile(
        "decimal commas between commas",
        "commas.csv",
        lambda: b"geo,value\nFR10,3,14\nFR21,2\n",
        "commas.csv, row 2: '14': 3 cells where the header has 2; quote cells that hold"
        " the separator (a decimal comma, for instance) [row.long]",
    ),
    BadFile(
        "row broken in two",
        "short.csv",
        lambda: "geo;year;value\nÎle-de-\nFrance;2015;3\nFR21;2015;4\n".encode(),
        "short.csv, row 2: 1 cell where the header has 3; complete the row, or join it "
        "to the line it was broken from [row.short]",
    ),
    BadFile(
        "file cut off",
        "cutoff.csv",
        lambda: b"geo;year;value\nFR10;2015;3\nFR21;20",
        "cutoff.csv, row 3: 2 cells where the header has 3; complete the row, or join "
        "it to the line it was broken from [row.short]",
    ),
    BadFile(
        "no header",
        "bare.csv",
        lambda: b"FR10;2015;3,5\nFR21;2015;2,5\n",
        "bare.csv: the semicolon and the comma both cut every line into the same number"
        ' of cells; say which: put "sep=;" or "sep=," as first line '
        "[text.two_separators]",
    ),
    BadFile(
        "data as header",
        "bare.csv",
        lambda: b"FR10;2015;1987\nFR10;2016;2301\nFR21;2015;55\n",
        "bare.csv, row 1: 'FR10, 2015': a row of data where the names of the columns "
        "are expected; put one line with the names of the columns above the figures "
        "[header.is_data]",
    ),
    BadFile(
        "year as header",
        "bare.csv",
        lambda: b"FR10;2015;1987\nFR21;2015;1999\nFR22;2015;1990\n",
        "bare.csv, row 1: '2015': a row of data where the names of the columns are "
        "expected; put one line with the names of the columns above the figures "
        "[header.is_data]",
    ),
    BadFile(
        "column name twice",
        "repeated.csv",
        lambda: b"geo;value;value\nFR10;3;4\nFR21;5;6\n",
        "repeated.csv, column value (C): two columns are called value; this one is read"
        " as value (C); give each column its own name [header.repeated]",
        severity="question",
    ),
    BadFile(
        "too many cells",
        "cells.csv",
        lambda: b"geo" + b";value" * 9 + b"\n" + (b";" * 9 + b"\n") * 500_001,
        "cells.csv: the table has more than 5 million cells; keep the rows and columns "
        "you need, or split the file (by year, say) [file.too_many_cells]",
    ),
    BadFile(
        "too many columns",
        "wide.csv",
        lambda: b"geo" + b";v" * 20_000 + b"\nFR10" + b";1" * 20_000,
        "wide.csv, row 1: more than the 16,384 columns of a spreadsheet; keep the rows "
        "and columns you need, or split the file (by year, say) [file.too_many_columns]",
    ),
    BadFile(
        "a part of a workbook that is too large",
        "style.xlsx",
        lambda: with_part(workbook(), "xl/styles.xml", lambda xml: xml + b" " * 11_000_000),
        "style.xlsx: its part xl/styles.xml (11 MB) is more than the 10 MB that are "
        "read at once; keep the rows and columns you need, or split the file (by year, "
        "say) [file.too_large]",
    ),
    BadFile(
        "cell longer than any",
        "long.csv",
        lambda: b'geo;value\n"' + b"x" * 200_000 + b'";3\n',
        "long.csv, row 2: a quoted cell that is not closed, goes on after its closing "
        'quote, or never ends; close every quote ("), and double those inside a quoted '
        "cell [text.quotes]",
    ),
    BadFile(
        "Arrow file",
        "data.csv",
        lambda: b"ARROW1\0\0",
        "data.csv: the content is an Arrow (Feather) file; write it as Parquet or CSV "
        "[content.format]",
    ),
    BadFile(
        "picture",
        "table.png",
        lambda: b"\x89PNG\r\n\x1a\n",
        "table.png: the content is a picture (PNG); give the table itself [content.format]",
    ),
)
