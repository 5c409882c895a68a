"""Workbooks and Parquet files for tests, good ones and ones with a part tampered with."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

SHEET1 = "xl/worksheets/sheet1.xml"
REGIONS = (("geo", "year", "value"), ("FR10", 2015, 3.5), ("FR21", 2015, 2.25))


def workbook(*sheets: Iterable[Sequence[Any]], change: Callable[[Workbook], None] | None = None):
    """The bytes of a workbook with sheets Sheet1, Sheet2, … of these rows."""
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets or (REGIONS,), start=1):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def with_part(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A zip archive with one part changed (or added, from nothing)."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts.get(part, b""))
    return zipped(parts)


def zipped(parts: dict[str, bytes]) -> bytes:
    """A zip archive of these parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def parquet(columns: dict[str, Any]) -> bytes:
    """The bytes of a Parquet file with these columns."""
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def gzipped(data: bytes) -> bytes:
    """The bytes as a gzip archive."""
    return gzip.compress(data, mtime=0)


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

EXCEL_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>
<Override PartName="/{SHEET1}" ContentType="{_TYPE}.worksheet+xml"/>
<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>
<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}.sharedStrings+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"
Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>
<sheet name="Données" sheetId="1" r:id="rId1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/>
<Relationship Id="rId3" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>
</Relationships>""",
    "xl/styles.xml": f"""<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts>
<fills count="1"><fill><patternFill/></fill></fills><borders count="1"><border/></borders>
<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0"/>
<xf numFmtId="10"/><xf numFmtId="14"/></cellXfs></styleSheet>""",
    "xl/sharedStrings.xml": f"""<sst xmlns="{_MAIN}" count="6" uniqueCount="6">
<si><t>Région</t></si><si><t>Part</t></si><si><t>Date</t></si><si><t>Total</t></si>
<si><t xml:space="preserve"> Bretagne </t></si><si><r><t>Île-</t></r><r><t>de-France</t></r></si>
</sst>""",
    SHEET1: f"""<worksheet xmlns="{_MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>
<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="s"><v>2</v></c>
<c r="D2" t="s"><v>3</v></c></row>
<row r="3"><c r="A3" t="s"><v>4</v></c><c r="B3" s="1"><v>7.0000000000000007E-2</v></c>
<c r="C3" s="2"><v>42005</v></c><c r="D3"><f>SUM(1,2)</f><v>3</v></c></row>
<row><c t="s"><v>5</v></c><c s="1"><v>0.125</v></c><c s="2"><v>42370.5</v></c>
<c t="str"><f>IF(1,"","")</f><v></v></c></row></sheetData></worksheet>""",
}
"""As Excel writes a workbook: shared and rich texts, styles, stored results, a size that lies."""


def excel_workbook() -> bytes:
    """The bytes of the workbook with ``EXCEL_PARTS``."""
    return zipped({name: text.encode("utf-8") for name, text in EXCEL_PARTS.items()})
