# pyright: reportMissingImports=false
"""Put a folder of XML files into a pycsw catalogue; run by pycsw's own virtual environment.

    python load.py FOLDER CATALOGUE.db BROKEN

Every ISO record is taken as it is, quirks included, wherever it lies in a file: pycsw's own loader would refuse many,
drop those that share an identifier, and split no page of a CSW answer. What is no well-formed XML cannot be served by
pycsw at all: those files are copied to the folder BROKEN, from which `app.py` serves them.

Prints, as JSON: how many records, and the broken files in the order in which they are served.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from lxml import etree

GMD = "http://www.isotc211.org/2005/gmd"
TEXT = "{http://www.isotc211.org/2005/gco}CharacterString"
#: Bytes that tell a metadata record, in UTF-8 and in UTF-16.
CUES = (b"MD_Metadata", "MD_Metadata".encode("utf-16-le"), "MD_Metadata".encode("utf-16-be"))
#: Column of pycsw's table → path of its value; the columns that clients filter on.
COLUMNS = {
    "title": f".//{{{GMD}}}identificationInfo//{{{GMD}}}citation//{{{GMD}}}title/{TEXT}",
    "abstract": f".//{{{GMD}}}abstract/{TEXT}",
    "organization": f".//{{{GMD}}}identificationInfo//{{{GMD}}}organisationName/{TEXT}",
    "date_modified": f"{{{GMD}}}dateStamp/*",
    "parentidentifier": f"{{{GMD}}}parentIdentifier/{TEXT}",
}
#: Columns that hold several values, separated by commas.
LISTS = {
    "keywords": f".//{{{GMD}}}MD_Keywords/{{{GMD}}}keyword/*",
    "topicategory": f".//{{{GMD}}}topicCategory/*",
    "format": f".//{{{GMD}}}MD_Format/{{{GMD}}}name/{TEXT}",
    "crs": f".//{{{GMD}}}RS_Identifier/{{{GMD}}}code/*",
    "lineage": f".//{{{GMD}}}LI_Lineage/{{{GMD}}}statement/{TEXT}",
    "denominator": f".//{{{GMD}}}denominator/*",
    "servicetype": ".//{http://www.isotc211.org/2005/srv}serviceType/*",
}
#: Columns of codes, and of the dates of the data by their type.
CODES = {
    "language": f"{{{GMD}}}language/*",
    "resourcelanguage": f".//{{{GMD}}}MD_DataIdentification/{{{GMD}}}language/*",
}
DATES = {"revision": "date_revision", "creation": "date_creation", "publication": "date_publication"}
CITED = f".//{{{GMD}}}identificationInfo/*/{{{GMD}}}citation//{{{GMD}}}CI_Date"
SIDES = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
OUTERMOST = etree.XPath("//*[local-name() = 'MD_Metadata'][not(ancestor::*[local-name() = 'MD_Metadata'])]")
FIELDS = (
    *("identifier", "typename", "schema", "mdsource", "insert_date", "xml", "anytext", "type", "wkt_geometry"),
    *(*COLUMNS, *LISTS, *CODES, *DATES.values()),
)


def records(path: Path) -> list[etree._Element]:
    """The ISO records of a file, be it one record or a page of them.

    Raises:
        etree.XMLSyntaxError: the file is not well-formed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    # From bytes: reading the file itself, lxml takes a wrong encoding for a fault of the disk.
    return OUTERMOST(etree.fromstring(path.read_bytes(), parser))


def row(record: etree._Element, used: set[str]) -> dict[str, str | None]:
    """A record as a row of pycsw's table; its key is made unique, the record itself is left alone."""
    own = (record.findtext(f"{{{GMD}}}fileIdentifier/{TEXT}") or "sans-identifiant").strip()
    key, number = own, 1
    while key in used:
        number += 1
        key = f"{own}#{number}"
    used.add(key)
    level = record.find(f"{{{GMD}}}hierarchyLevel/*")
    return {
        "identifier": key,
        "typename": "gmd:MD_Metadata",
        "schema": GMD,
        "mdsource": "local",
        "insert_date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "xml": etree.tostring(record, encoding="unicode", with_tail=False),
        "anytext": " ".join(" ".join(record.itertext()).split()),
        "type": "dataset" if level is None else level.get("codeListValue", "dataset"),
        "wkt_geometry": box(record),
        **{column: (record.findtext(path) or "").strip() for column, path in COLUMNS.items()},
        **{column: ",".join(_texts(record, path)) for column, path in LISTS.items()},
        **{column: _code(record.find(path)) for column, path in CODES.items()},
        **dates(record),
    }


def box(record: etree._Element) -> str | None:
    """The first box of a record as WKT, which a filter by place looks at; None without a sound one."""
    for found in record.iter(f"{{{GMD}}}EX_GeographicBoundingBox"):
        try:
            west, south, east, north = (float(found.findtext(f"{{{GMD}}}{side}/*") or "") for side in SIDES)
        except ValueError:
            continue
        corners = ((west, south), (west, north), (east, north), (east, south), (west, south))
        return f"POLYGON(({', '.join(f'{x:.5f} {y:.5f}' for x, y in corners)}))"
    return None


def dates(record: etree._Element) -> dict[str, str]:
    """The dates of the data, by the column that holds their type."""
    found = dict.fromkeys(DATES.values(), "")
    for each in record.iterfind(CITED):
        column = DATES.get(_code(each.find(f"{{{GMD}}}dateType/*")))
        if column:
            found[column] = (each.findtext(f"{{{GMD}}}date/*") or "").strip()
    return found


def _texts(record: etree._Element, path: str) -> list[str]:
    return [text for each in record.iterfind(path) if (text := " ".join((each.text or "").split()))]


def _code(element: etree._Element | None) -> str:
    return "" if element is None else (element.get("codeListValue") or element.text or "").strip()


def load(folder: Path, database: Path, broken: Path) -> dict[str, object]:
    """Make a catalogue hold what a folder holds, in one transaction: pycsw may be serving it."""
    refused: list[Path] = []
    shutil.rmtree(broken, ignore_errors=True)
    if not database.exists():
        shutil.copyfile(_empty(database.parent), database)
    names = ", ".join(FIELDS)
    values = ", ".join(f":{name}" for name in FIELDS)
    with sqlite3.connect(database, timeout=30) as connection:
        # A catalogue can be written again at any time, and has an index on each column.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        connection.execute("DELETE FROM records")
        added = connection.executemany(f"INSERT INTO records ({names}) VALUES ({values})", _rows(folder, refused))
    for number, path in enumerate(refused):
        broken.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, broken / f"{number:04}.xml")
    return {"records": max(added.rowcount, 0), "broken": [str(path.relative_to(folder)) for path in refused]}


def _empty(home: Path) -> Path:
    """A database without records, made once: importing pycsw alone takes two seconds."""
    empty = home / "empty.sqlite"
    if not empty.exists():
        from pycsw.core import admin

        made = home / "new.sqlite"
        made.unlink(missing_ok=True)
        admin.setup_db(f"sqlite:///{made}", "records", "", create_plpythonu_functions=False)
        made.rename(empty)
    return empty


def _rows(folder: Path, refused: list[Path]) -> Iterator[dict[str, str | None]]:
    """The rows of a folder's records; the files that are no XML are added to `refused`."""
    used: set[str] = set()
    for path in sorted(folder.rglob("*.xml")):
        if not any(cue in path.read_bytes() for cue in CUES):
            continue
        try:
            found = records(path)
        except etree.XMLSyntaxError:
            refused.append(path)
            continue
        yield from (row(record, used) for record in found)


if __name__ == "__main__":
    print(json.dumps(load(*(Path(argument) for argument in sys.argv[1:4]))))
