# pyright: reportMissingImports=false
"""Load a folder of XML files into a pycsw catalogue; run in pycsw's own virtual environment.

    python load.py FOLDER CATALOGUE.db BROKEN

Every ISO record is loaded unchanged, quirks included, wherever it is in a file: pycsw's own loader would refuse many,
drop those that share an identifier, and not split pages of CSW answers. pycsw cannot serve files that are not
well-formed XML: these are copied to the folder BROKEN, from which `app.py` serves them.

Prints, as JSON, the number of records and the broken files in the order in which they are served.
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
#: Bytes that identify a metadata record, in UTF-8 and UTF-16.
CUES = (b"MD_Metadata", "MD_Metadata".encode("utf-16-le"), "MD_Metadata".encode("utf-16-be"))
#: Column of pycsw's table → path of its value; columns that clients filter on.
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
#: Columns of codes, and columns of dates by their type.
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
    """Return the ISO records of a file, which may be a single record or a page of them.

    Raises:
        etree.XMLSyntaxError: the file is not well-formed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    # Parse bytes: given a file, lxml reports a wrong encoding as an I/O error.
    return OUTERMOST(etree.fromstring(path.read_bytes(), parser))


def row(record: etree._Element, used: set[str]) -> dict[str, str | None]:
    """Return a record as a row of pycsw's table; the key is made unique, the record itself is unchanged."""
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
    """Return the first valid bounding box of a record as WKT, used by spatial filters; None without one."""
    for found in record.iter(f"{{{GMD}}}EX_GeographicBoundingBox"):
        try:
            west, south, east, north = (float(found.findtext(f"{{{GMD}}}{side}/*") or "") for side in SIDES)
        except ValueError:
            continue
        corners = ((west, south), (west, north), (east, north), (east, south), (west, south))
        return f"POLYGON(({', '.join(f'{x:.5f} {y:.5f}' for x, y in corners)}))"
    return None


def dates(record: etree._Element) -> dict[str, str]:
    """Return the dates of the data by column, according to their type."""
    found = dict.fromkeys(DATES.values(), "")
    for each in record.iterfind(CITED):
        column = DATES.get(_code(each.find(f"{{{GMD}}}dateType/*")))
        if column:
            found[column] = (each.findtext(f"{{{GMD}}}date/*") or "").strip()
    return found


def _texts(record: etree._Element, path: str) -> list[str]:
    texts = [" ".join((element.text or "").split()) for element in record.iterfind(path)]
    return list(filter(None, texts))


def _code(element: etree._Element | None) -> str:
    return "" if element is None else (element.get("codeListValue") or element.text or "").strip()


def load(folder: Path, database: Path, broken: Path) -> dict[str, object]:
    """Replace the records of a catalogue with those of a folder, in one transaction since pycsw may be serving it."""
    refused: list[Path] = []
    shutil.rmtree(broken, ignore_errors=True)
    if not database.exists():
        shutil.copyfile(_empty(database.parent), database)
    names = ", ".join(FIELDS)
    values = ", ".join(f":{name}" for name in FIELDS)
    with sqlite3.connect(database, timeout=30) as connection:
        # Faster, since every column is indexed; safe, since a catalogue can be written again at any time.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        connection.execute("DELETE FROM records")
        added = connection.executemany(f"INSERT INTO records ({names}) VALUES ({values})", _rows(folder, refused))
    for number, path in enumerate(refused):
        broken.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, broken / f"{number:04}.xml")
    return {"records": max(added.rowcount, 0), "broken": [str(path.relative_to(folder)) for path in refused]}


def _empty(home: Path) -> Path:
    """Return a database without records, created once, since importing pycsw alone takes two seconds."""
    empty = home / "empty.sqlite"
    if not empty.exists():
        from pycsw.core import admin

        made = home / "new.sqlite"
        made.unlink(missing_ok=True)
        admin.setup_db(f"sqlite:///{made}", "records", "", create_plpythonu_functions=False)
        made.rename(empty)
    return empty


def _rows(folder: Path, refused: list[Path]) -> Iterator[dict[str, str | None]]:
    """Yield the rows of a folder's records; add files that are not well-formed to `refused`."""
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
