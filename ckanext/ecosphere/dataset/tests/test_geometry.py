"""Boxes and geometries: overlaps, the 180th meridian, metres, GeoJSON and WKT."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.dataset.geometry import Box

PACIFIC: Box = (170.0, -20.0, -170.0, -10.0)
"""Crosses the 180th meridian."""


@pytest.mark.parametrize(
    ("one", "other", "common", "likeness"),
    [
        ((0, 0, 2, 2), (1, 1, 3, 3), 1, 1 / 7),
        ((0, 0, 2, 2), (2, 0, 3, 2), 0, 0),
        ((0, 0, 2, 2), (0, 0, 2, 2), 4, 1),
        ((1, 1, 1, 1), (1, 1, 1, 1), 0, 1),
        (PACIFIC, (-180, -20, -175, -10), 50, 0.25),
        (PACIFIC, (175, -20, 180, -10), 50, 0.25),
        (PACIFIC, (0, -20, 5, -10), 0, 0),
        (PACIFIC, PACIFIC, 200, 1),
    ],
)
def test_boxes_are_compared_also_across_the_180th_meridian(
    one: Box, other: Box, common: float, likeness: float
):
    assert geometry.common_area(one, other) == geometry.common_area(other, one) == common
    assert geometry.likeness(one, other) == pytest.approx(likeness)


@pytest.mark.parametrize(
    ("outer", "inner", "holds"),
    [
        ((0, 0, 2, 2), (0.5, 0.5, 1, 1), True),
        ((0, 0, 2, 2), (-0.04, 0, 2.04, 2), True),
        ((0, 0, 2, 2), (-0.1, 0, 2, 2), False),
        (PACIFIC, (172, -15, 175, -12), True),
        (PACIFIC, (175, -15, -175, -12), True),
        (PACIFIC, (160, -15, 175, -12), False),
        ((-180, -20, 0, -10), PACIFIC, False),
    ],
)
def test_a_box_holds_another_with_a_margin(outer: Box, inner: Box, holds: bool):
    assert geometry.holds(outer, inner) is holds


def test_a_box_across_the_180th_meridian_is_written_in_two_parts_that_are_read_as_one():
    written = geometry.box_to_geometry(PACIFIC)
    assert (written["type"], len(written["coordinates"])) == ("MultiPolygon", 2)
    boxes = geometry.boxes_around(geometry.parts_of(written))
    assert geometry.joined_at_180(boxes) == [PACIFIC]


def test_corners_in_metres_become_degrees_in_any_order_and_others_do_not():
    box = geometry.from_metres((740000, 6955000, 611000, 7020000))
    assert box == pytest.approx((1.75, 49.68, 3.57, 50.28), abs=0.02)
    assert geometry.from_metres((1.0, 45.0, 2.0, 46.0)) is None
    assert geometry.from_metres((9e9, 9e9, 9e9, 9e9)) is None


def test_a_geometry_without_end_is_read_to_a_limit():
    nested: list = [1.0, 2.0]
    for _depth in range(50_000):
        nested = [nested]
    assert list(geometry.positions_in(nested)) == [(1.0, 2.0)]
    many = [[float(n % 180), 0.0] for n in range(geometry.MAX_POSITIONS + 10)]
    assert geometry.parts_of({"type": "LineString", "coordinates": many}) == []
