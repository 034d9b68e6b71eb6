# pyright: reportMissingImports=false
"""Load a folder of XML files into a pycsw catalogue; run in pycsw's own virtual environment.

    python load.py FOLDER CATALOGUE.db

Every ISO record is loaded unchanged, quirks included, wherever it is in a file: pycsw's own loader
would refuse many, drop those that share an identifier, and not split pages of CSW answers.

Prints, as JSON, the number of records and the files that were left out, since they are not
well-formed XML.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import yaml
from lxml import etree

#: Bytes that identify a metadata record, in UTF-8 and UTF-16.
CUES = (b"MD_Metadata", "MD_Metadata".encode("utf-16-le"), "MD_Metadata".encode("utf-16-be"))
COLUMNS = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))
DATES, NAMESPACES = COLUMNS["dates"], COLUMNS["namespaces"]
CITED = ".//gmd:identificationInfo/*/gmd:citation//gmd:CI_Date"
SIDES = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
OUTERMOST = etree.XPath("//*[local-name() = 'MD_Metadata'][not(ancestor::*[local-name() = 'MD_Metadata'])]")


def records(path: Path) -> list[etree._Element]:
    """Return the ISO records of a file, which may be a single record or a page of them.

    Raises:
        etree.XMLSyntaxError: the file is not well-formed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    # Parse bytes: given a file, lxml reports a wrong encoding as an I/O error.
    return OUTERMOST(etree.fromstring(path.read_bytes(), parser))


def row(record: etree._Element, used: set[str]) -> dict[str, str | None]:
    """Return a record as a row of pycsw's table.

    The key is made unique, the record itself is unchanged.
    """
    own = _text(record, "gmd:fileIdentifier/gco:CharacterString") or "sans-identifiant"
    key, number = own, 1
    while key in used:
        number += 1
        key = f"{own}#{number}"
    used.add(key)
    level = record.find("gmd:hierarchyLevel/*", NAMESPACES)
    return {
        "identifier": key,
        "typename": "gmd:MD_Metadata",
        "schema": NAMESPACES["gmd"],
        "mdsource": "local",
        "insert_date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "xml": etree.tostring(record, encoding="unicode", with_tail=False),
        "anytext": " ".join(" ".join(record.itertext()).split()),
        "type": "dataset" if level is None else level.get("codeListValue", "dataset"),
        "wkt_geometry": box(record),
        **{column: _text(record, path) for column, path in COLUMNS["texts"].items()},
        **{column: ",".join(_texts(record, path)) for column, path in COLUMNS["lists"].items()},
        **{column: _code(record.find(path, NAMESPACES)) for column, path in COLUMNS["codes"].items()},
        **dates(record),
    }


def box(record: etree._Element) -> str | None:
    """Return the first valid bounding box of a record as WKT, used by spatial filters.

    None without one.
    """
    for found in record.iterfind(".//gmd:EX_GeographicBoundingBox", NAMESPACES):
        try:
            west, south, east, north = (float(_text(found, f"gmd:{side}/*")) for side in SIDES)
        except ValueError:
            continue
        corners = ((west, south), (west, north), (east, north), (east, south), (west, south))
        return f"POLYGON(({', '.join(f'{x:.5f} {y:.5f}' for x, y in corners)}))"
    return None


def dates(record: etree._Element) -> dict[str, str]:
    """Return the dates of the data by column, according to their type."""
    found = dict.fromkeys(DATES.values(), "")
    for each in record.iterfind(CITED, NAMESPACES):
        column = DATES.get(_code(each.find("gmd:dateType/*", NAMESPACES)))
        if column:
            found[column] = _text(each, "gmd:date/*")
    return found


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path, "", NAMESPACES) or "").strip()


def _texts(record: etree._Element, path: str) -> list[str]:
    texts = [" ".join((element.text or "").split()) for element in record.iterfind(path, NAMESPACES)]
    return list(filter(None, texts))


def _code(element: etree._Element | None) -> str:
    return "" if element is None else (element.get("codeListValue") or element.text or "").strip()


def load(folder: Path, database: Path) -> dict[str, object]:
    """Replace the records of a catalogue with those of a folder,
    in one transaction since pycsw may be serving it.
    """
    refused: list[Path] = []
    if not database.exists():
        shutil.copyfile(_empty(database.parent), database)
    with sqlite3.connect(database, timeout=30) as connection:
        # Faster, since every column is indexed; safe, since a catalogue can be written again at any
        # time.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        connection.execute("DELETE FROM records")
        number = 0
        for values in _rows(folder, refused):
            places = ", ".join(f":{name}" for name in values)
            connection.execute(f"INSERT INTO records ({', '.join(values)}) VALUES ({places})", values)
            number += 1
    return {"records": number, "broken": [str(path.relative_to(folder)) for path in refused]}


def _empty(home: Path) -> Path:
    """Return a database without records, created once,
    since importing pycsw alone takes two seconds.
    """
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
    print(json.dumps(load(*(Path(argument) for argument in sys.argv[1:3]))))
