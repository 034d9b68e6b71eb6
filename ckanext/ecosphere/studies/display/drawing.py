"""The map of a study: its site and the boxes of its datasets, in pixels of an outline of France. Nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.shared import outlines
from ckanext.ecosphere.studies.site import Site

FINEST = 0.05
"""Pixels below which the outline of a site is simplified: less is not seen, even zoomed."""
MOST_BOXES = 60
LONGEST = 200_000
"""Characters of a geometry that is read for its box."""
SMALLEST = 0.5
LINE = 0.0005
"""Degrees around a line or a point, which have no area to draw."""


@dataclass(frozen=True)
class Extent:
    """The box of a dataset."""

    name: str
    title: str
    place: outlines.Rectangle


@dataclass(frozen=True)
class Drawing:
    """A map.

    Attributes:
        frame: outline of France on which it is drawn.
        site: `d` of the SVG path of the site, and `area` of the site with its buffer, "" without one.
        extents: of the datasets, largest first, so that small ones lie on top.
        elsewhere: number of datasets without a box, or with one in another part of France.
    """

    frame: outlines.Frame
    site: str
    area: str
    extents: tuple[Extent, ...]
    elsewhere: int


def draw(site: Site, shown: Iterable[Mapping[str, Any]]) -> Drawing | None:
    """Draw a site and the datasets of a study.

    Args:
        shown: datasets as `shown.dataset` returns them; those that the reader may not read are left out.

    Returns:
        None if the site is on no outline.
    """
    frame = outlines.frame_of(site.box)
    if frame is None:
        return None
    readable = {each["package_id"]: each for each in shown if each["readable"]}
    boxes = _boxes(list(readable)[:MOST_BOXES])
    extents = []
    for id_, box in boxes.items():
        if outlines.frame_of(box) == frame:
            place = outlines.rectangle(frame, box, SMALLEST)
            extents.append(Extent(readable[id_]["name"], readable[id_]["title"], place))
    extents.sort(key=lambda extent: -extent.place.width * extent.place.height)
    area = ""
    if site.buffer:
        area = path_of(site.area, frame)
    elsewhere = len(readable) - len(extents)
    return Drawing(frame, path_of(site.geometry, frame), area, tuple(extents), elsewhere)


def path_of(shape: BaseGeometry, frame: outlines.Frame) -> str:
    """Return the `d` of the SVG path of a geometry in degrees, in pixels of an outline."""
    if shape.area == 0:
        shape = shape.buffer(LINE)
    simple = shape.simplify(FINEST / frame.scale_x)
    commands = []
    for ring in _rings(simple):
        points = [_point(frame, *position[:2]) for position in ring.coords]
        commands.append(f"M{'L'.join(points)}Z")
    return "".join(commands)


def _rings(shape: Any) -> Iterator[Any]:
    if isinstance(shape, Polygon):
        yield shape.exterior
        yield from shape.interiors
    elif isinstance(shape, MultiPolygon) or hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _rings(part)


def _point(frame: outlines.Frame, longitude: float, latitude: float) -> str:
    x = (longitude - frame.box[0]) * frame.scale_x
    y = (frame.box[3] - latitude) * frame.scale_y
    return f"{x:.2f} {y:.2f}"


def _boxes(ids: list[str]) -> dict[str, Box]:
    """Return the boxes of datasets by id, with one query."""
    package: Any = model.Package
    spatial = package.extras["spatial"].astext
    is_short = sa.func.length(spatial) < LONGEST
    query = sa.select(package.id, spatial).where(package.id.in_(ids), is_short)
    boxes = {}
    for package_id, value in model.Session.execute(query):
        box = _box(value)
        if box:
            boxes[package_id] = box
    return boxes


def _box(text: str) -> Box | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    positions = []
    for found in geometry.geometries_in(content):
        positions += geometry.positions_in(found["coordinates"])
    if positions:
        return geometry.bounds(positions)
    return None
