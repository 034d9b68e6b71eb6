"""Share of a box in each mainland département, from a raster of the départements (`data/land.csv`)."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from ckanext.ecosphere.harvest.normalise.geography import places
from ckanext.ecosphere.harvest.normalise.geography.extent import Degrees
from ckanext.ecosphere.harvest.normalise.tables import rows
from ckanext.ecosphere.vocabularies import Concept

WEST, SOUTH, EAST, NORTH = -5.2, 41.3, 9.6, 51.1
STEP = 0.02
"""Cell size in degrees: about 2 km by 1.5 km."""
MOST_ROWS = 60
"""Approximate maximum number of grid rows sampled for one box."""

_Row = tuple[tuple[float, ...], tuple[str, ...]]
"""Run-length encoded grid row: end of each run in cells from the west, and its département code ("" if not French)."""


@dataclass(frozen=True, slots=True)
class Share:
    """Overlap of a box and a département, from 0 to 1.

    Attributes:
        of_land: share of the box's land that lies in the département.
        of_departement: share of the département that lies in the box.
    """

    departement: Concept
    of_land: float
    of_departement: float


@cache
def _grid() -> tuple[_Row, ...]:
    return tuple(_row(row["cells"]) for row in rows("land"))


def _row(cells: str) -> _Row:
    ends: list[float] = []
    codes: list[str] = []
    for run in cells.split():
        code, _, length = run.partition("*")
        ends.append((ends[-1] if ends else 0.0) + int(length))
        codes.append(code)
    return tuple(ends), tuple(codes)


@cache
def _sizes() -> dict[str, float]:
    """Return the number of cells of each département."""
    return _counted(range(len(_grid())), 0.0, (EAST - WEST) / STEP)


def size(departement: Concept) -> float:
    """Return the size of a mainland département, in cells."""
    return _sizes()[departement.data["departement_code"]]


def _counted(numbers: range, first: float, last: float) -> dict[str, float]:
    """Count cells per département, including fractions, between two columns of some rows."""
    found: dict[str, float] = defaultdict(float)
    for number in numbers:
        ends, codes = _grid()[number]
        start = first
        for at in range(bisect_left(ends, first), len(ends)):
            end = min(ends[at], last)
            if end > start:
                found[codes[at]] += end - start
                start = end
            if end >= last:
                break
    return found


def shares(box: Degrees) -> tuple[list[Share], float]:
    """Return the mainland départements in a box, largest share of its land first, and the share of land in the box.

    A box smaller than a cell takes the département of the cell at its centre.
    """
    west, south, east, north = box
    if west > east or west >= EAST or east <= WEST or south >= NORTH or north <= SOUTH:
        return [], 0.0
    above, below = round((NORTH - north) / STEP), round((NORTH - south) / STEP)
    top, end = max(above, 0), min(below, len(_grid()))
    if end <= top:
        top = min(max(int((NORTH - (south + north) / 2) / STEP), 0), len(_grid()) - 1)
        end = top + 1
    stride = 1 + (end - top) // MOST_ROWS
    first, last = max((west - WEST) / STEP, 0.0), min((east - WEST) / STEP, (EAST - WEST) / STEP)
    if last - first < 1e-6:  # noqa: PLR2004 - a point
        last = first + 1e-6
    found = _counted(range(top, end, stride), first, last)
    found.pop("", None)
    whole = sum(found.values())
    if not whole:
        return [], 0.0
    area = max((east - west) / STEP, 1e-6) * len(range(top, end, stride)) * max(1.0, (below - above) / (end - top))
    kept = [
        Share(concept, count / whole, min(1.0, count * stride / _sizes()[code]))
        for code, count in sorted(found.items(), key=lambda each: -each[1])
        if (concept := places.departement(code))
    ]
    return kept, min(1.0, whole / area)
