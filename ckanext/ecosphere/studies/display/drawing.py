"""The map of a study: its site and the boxes of its datasets, in pixels of an outline of France. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import shapely
import sqlalchemy as sa
from ckan import model
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

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


def draw(site: Site, shown: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Draw a site and the datasets of a study.

    Args:
        shown: datasets as `shown.dataset` returns them; those that the reader may not read are left out.

    Returns:
        `frame`: outline of France on which it is drawn; `site`: `d` of the SVG path of the site, and `area` of the site
        with its buffer, "" without one; `extents` of the datasets (name, title, place), largest first, so that small
        ones lie on top; `elsewhere`: number of datasets without a box, or with one in another part of France. None if
        the site is on no outline.
    """
    frame = outlines.frame_of(site.box)
    if frame is None:
        return None
    readable = {row["package_id"]: row for row in shown if row["readable"]}
    extents = []
    for id_, box in _boxes(list(readable)[:MOST_BOXES]).items():
        if outlines.frame_of(box) == frame:
            row, place = readable[id_], outlines.rectangle(frame, box, SMALLEST)
            extents.append({"name": row["name"], "title": row["title"], "place": place})
    extents.sort(key=lambda extent: -extent["place"].width * extent["place"].height)
    area = ""
    if site.buffer:
        area = path_of(site.area, frame)
    return {
        "frame": frame,
        "site": path_of(site.geometry, frame),
        "area": area,
        "extents": extents,
        "elsewhere": len(readable) - len(extents),
    }


def path_of(shape: BaseGeometry, frame: outlines.Frame) -> str:
    """Return the `d` of the SVG path of a geometry in degrees, in pixels of an outline."""
    if shape.area == 0:
        shape = shape.buffer(LINE)
    west, north = frame.box[0] * frame.scale_x, frame.box[3] * frame.scale_y
    simple = shape.simplify(FINEST / frame.scale_x)
    pixels = affine_transform(simple, [frame.scale_x, 0, 0, -frame.scale_y, -west, north])
    commands = []
    for ring in shapely.get_rings(shapely.get_parts(pixels)):
        points = [f"{x:.2f} {y:.2f}" for x, y in shapely.get_coordinates(ring)]
        commands.append(f"M{'L'.join(points)}Z")
    return "".join(commands)


def _boxes(ids: list[str]) -> dict[str, Box]:
    """Return the boxes of datasets by id, with one query."""
    package: Any = model.Package
    spatial = package.extras["spatial"].astext
    is_short = sa.func.length(spatial) < LONGEST
    query = sa.select(package.id, spatial).where(package.id.in_(ids), is_short)
    rows = model.Session.execute(query).all()
    shapes = shapely.from_geojson([text for _id, text in rows], on_invalid="ignore")
    drawn = zip(rows, shapes, strict=True)
    return {
        row[0]: shape.bounds for row, shape in drawn if shape is not None and not shape.is_empty
    }
