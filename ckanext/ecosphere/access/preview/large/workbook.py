"""Copy the first rows of the first sheet of a large workbook to a new one: OOXML (ISO 29500), OpenDocument."""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from lxml import etree

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large import markup
from ckanext.ecosphere.access.preview.large.members import Content, beginning
from ckanext.ecosphere.access.preview.large.pieces import PartError, Pieces
from ckanext.ecosphere.access.preview.unzip import ODS, XLSX
from ckanext.ecosphere.access.services import xml
from ckanext.ecosphere.access.services.description import NoDescriptionError

#: Maximum number of bytes unpacked of a sheet, of the shared strings, and of small members.
MOST_SHEET, MOST_TEXTS, MOST_SMALL = 16 * 1024 * 1024, 32 * 1024 * 1024, 1024 * 1024
MOST_STRINGS, MOST_DIGITS = 1_000_000, 9
_RELATIONS, _TEXTS, _STYLES = "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml"
_SHEET = "xl/worksheets/sheet1.xml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AROUND = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/{XLSX}" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/{_TEXTS}" ContentType="{_TYPE}.sharedStrings+xml"/>'
    f'<Override PartName="/{_STYLES}" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="{XLSX}"/></Relationships>',
    _RELATIONS: f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="r3" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
}

Members = dict[str, zipfile.ZipInfo]


def take(file: Pieces, members: Members, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Copy the first rows of the first sheet of an OOXML workbook.

    Args:
        file: the workbook.
        members: members of its archive, by name.
        folder: folder to write to.
        rows: number of rows to copy, besides the header.

    Returns:
        the new file, and `part` if there are more rows.

    Raises:
        PreviewError: it cannot be read.
        PartError: not even one row is available, or not its shared strings.
    """
    title, is_of_1904, name = _first_sheet(file, members)
    sheet, texts = folder / "sheet.xml", folder / "texts.xml"
    found = markup.cut(Content(file, members[name]).read, sheet, _is_row, rows + 1, MOST_SHEET)
    if _TEXTS in members:
        needed = _texts_needed(sheet, found.items)
        known = _cut_texts(file, members[_TEXTS], texts, max(needed, default=0))
        with_texts = next((number for number, last in enumerate(needed) if last > known), found.items)
        if with_texts < found.items:
            markup.shorten(sheet, found, with_texts)
    target = folder / "sample.xlsx"
    about = f'<workbookPr date1904="{int(is_of_1904)}"/><sheets><sheet name={quoteattr(title)} sheetId="1" r:id="r1"/>'
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for each, body in _AROUND.items():
            made.writestr(each, body)
        made.writestr(XLSX, f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">{about}</sheets></workbook>')
        made.write(sheet, _SHEET)
        if texts.exists():
            made.write(texts, _TEXTS)
        if _STYLES in members and (styles := _small(file, members[_STYLES])):
            made.writestr(_STYLES, styles)
    return target, {} if found.is_whole else {"part": True}


def take_open(file: Pieces, members: Members, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Copy the first rows of an OpenDocument workbook; see `take`."""
    content = folder / "content.xml"
    found = markup.cut(Content(file, members[ODS]).read, content, _is_open_row, rows + 1, MOST_SHEET)
    target = folder / "sample.ods"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        made.write(content, ODS)
    return target, {} if found.is_whole else {"part": True}


def _is_row(path: list[str]) -> bool:
    return path[-1] == "row" and len(path) == 3 and path[1] == "sheetData"  # noqa: PLR2004


def _is_open_row(path: list[str]) -> bool:
    return path[-1] == "table-row"


def _is_text(path: list[str]) -> bool:
    return path[-1] == "si"


def _small(file: Pieces, member: zipfile.ZipInfo) -> bytes | None:
    """Return the content of a small member; None if it is large or not available."""
    try:
        body, is_whole = beginning(Content(file, member).read, MOST_SMALL)
    except PartError:
        return None
    return body if is_whole else None


def _parsed(file: Pieces, members: Members, name: str) -> etree._Element:
    body = _small(file, members[name]) if name in members else None
    if body is None:
        raise PartError
    try:
        return xml.parse(body)
    except NoDescriptionError as error:
        raise PreviewError("unreadable") from error


def _first_sheet(file: Pieces, members: Members) -> tuple[str, bool, str]:
    """Return the title of the first sheet, whether it uses the 1904 date system, and the member with its rows."""
    book = _parsed(file, members, XLSX)
    sheet = xml.child(book, "sheets", "sheet")
    if sheet is None:
        raise PreviewError("no-table")
    wanted = next((value for key, value in sheet.attrib.items() if str(key).endswith("}id")), "")
    for each in xml.children(_parsed(file, members, _RELATIONS), "Relationship"):
        if each.get("Id") == wanted:
            name = posixpath.normpath(posixpath.join("/xl", each.get("Target", ""))).lstrip("/")
            if name not in members:
                break
            about = xml.child(book, "workbookPr")
            is_of_1904 = about is not None and about.get("date1904") in ("1", "true")
            return sheet.get("name", "")[:31] or "1", is_of_1904, name
    raise PartError


def _texts_needed(sheet: Path, rows: int) -> list[int]:
    """Return, for each row of a sheet, the number of shared strings needed up to this row."""
    needed: list[int] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True
    most, is_shared, is_value = 0, False, False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal is_shared, is_value
        name = name.rpartition(":")[2]
        if name == "c":
            is_shared = attributes.get("t") == "s"
        is_value = name == "v" and is_shared

    def text(written: str) -> None:
        nonlocal most
        number = written.strip()
        if is_value and number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS:
            most = max(most, int(number) + 1)

    def end(name: str) -> None:
        nonlocal is_value
        is_value = False
        if name.rpartition(":")[2] == "row" and len(needed) < rows:
            needed.append(most)

    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, text, end
    with sheet.open("rb") as file:
        parser.ParseFile(file)
    return needed


def _cut_texts(file: Pieces, member: zipfile.ZipInfo, target: Path, number: int) -> int:
    """Write the first shared strings; return their number."""
    if not number:
        return 0
    try:
        found = markup.cut(Content(file, member).read, target, _is_text, min(number, MOST_STRINGS), MOST_TEXTS)
    except PartError:
        target.unlink(missing_ok=True)
        return 0
    return found.items
