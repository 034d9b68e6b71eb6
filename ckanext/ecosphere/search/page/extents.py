"""Draw the extents of results on an outline of France, as SVG without scripts or tiles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes, facet_values
from ckanext.ecosphere.search.page.results import RANK
from ckanext.ecosphere.shared import outlines
from ckanext.ecosphere.shared.outlines import Box


@dataclass(frozen=True)
class Rectangle:
    """The extent of a result or of the searched area, in pixels of the drawing."""

    rank: int
    dataset: dict[str, Any] | None
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Map:
    """A map of extents.

    Attributes:
        frame: outline on which the extents are drawn.
        rectangles: extents, largest first, so that small ones lie on top.
        area: the searched area.
        elsewhere: number of results without an extent or outside the frame.
    """

    frame: outlines.Frame
    rectangles: tuple[Rectangle, ...]
    area: Rectangle | None
    elsewhere: int


def of_results(datasets: list[dict[str, Any]], searched: str) -> Map:
    """Draw the results of a page on the outline that contains most of them.

    Args:
        datasets: results as returned by `results.grouped`.
        searched: `ext_bbox` of the page, "" for none.
    """
    extents = {index: box for index, dataset in enumerate(datasets) if (box := box_of(dataset))}
    area = _read_box(searched)
    drawn = Counter(
        frame.id
        for box in [*extents.values(), *([area] if area else [])]
        if (frame := outlines.frame_of(box))
    )
    frames = {frame.id: frame for frame in outlines.frames()}
    frame = frames[drawn.most_common(1)[0][0]] if drawn else outlines.frames()[0]
    drawn = [
        _rectangle(frame, box, index + 1, datasets[index])
        for index, box in extents.items()
        if outlines.frame_of(box) == frame
    ]
    return Map(
        frame,
        tuple(sorted(drawn, key=lambda each: -each.width * each.height)),
        _rectangle(frame, area, 0, None) if area else None,
        len(datasets) - len(drawn),
    )


def box_of(dataset: dict[str, Any]) -> Box | None:
    """Return the bounding box of a dataset in degrees: of its geometry, else of its first territory, else None."""
    geometry = dataset.get("spatial") or next(
        (extra["value"] for extra in dataset.get("extras") or [] if extra.get("key") == "spatial"),
        None,
    )
    if box := boxes.of_geometry(geometry):
        return box
    territories = voc.get("territories")
    for key in facet_values.values(dataset.get("territory")):
        if (concept := territories.get(key)) and concept.data["bbox"][0] <= concept.data["bbox"][2]:
            return concept.data["bbox"]
    return None


def _rectangle(
    frame: outlines.Frame, box: Box, rank: int, dataset: dict[str, Any] | None
) -> Rectangle:
    at = outlines.rectangle(frame, box)
    number = int(dataset.get(RANK) or rank) if dataset else rank
    return Rectangle(number, dataset, at.x, at.y, at.width, at.height)


def _read_box(text: str) -> Box | None:
    try:
        west, south, east, north = (float(side) for side in text.split(","))
    except ValueError:
        return None
    return west, south, east, north
