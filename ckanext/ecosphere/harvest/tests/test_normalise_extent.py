"""Rules for bounding boxes: swapped corners, metres, out of range, across the 180th meridian."""

import json

import pytest

from ckanext.ecosphere.dataset.geometry import LAMBERT_2_EXTENDED, LAMBERT_93
from ckanext.ecosphere.harvest.normalise.extent import repair
from ckanext.ecosphere.harvest.record import Box, Extent
from ckanext.ecosphere.harvest.tests.making import codes, dataset, result


def box(west, south, east, north) -> Box:
    return Box(west=str(west), east=str(east), south=str(south), north=str(north))


@pytest.mark.parametrize(
    ("written", "read", "repairs"),
    [
        (box(0.6, 45.4, 1.9, 46.4), (0.6, 45.4, 1.9, 46.4), []),
        (box(1.9, 45.4, 0.6, 46.4), (0.6, 45.4, 1.9, 46.4), ["box-west-east-swapped"]),
        (box(0.6, 46.4, 1.9, 45.4), (0.6, 45.4, 1.9, 46.4), ["box-south-north-swapped"]),
        (
            box(1.9, 46.4, 0.6, 45.4),
            (0.6, 45.4, 1.9, 46.4),
            ["box-south-north-swapped", "box-west-east-swapped"],
        ),
        (box("0,6", "45,4", "1,9", "46,4"), (0.6, 45.4, 1.9, 46.4), []),
        (box(179.5, -16, -174, -10), (179.5, -16.0, -174.0, -10.0), []),
        (box(-180.0005, -66, 180.0005, -35), (-180.0, -66.0, 180.0, -35.0), []),
        (box(48.0, 100.0, 49.0, 110.0), (100.0, 48.0, 110.0, 49.0), ["box-axes-swapped"]),
        (box(159, -25, 212, -11), (159.0, -25.0, -148.0, -11.0), ["box-beyond-180"]),
        (box(190, -25, 212, -11), (-170.0, -25.0, -148.0, -11.0), ["box-beyond-180"]),
        (box(0, -90, 360, 90), (-180.0, -90.0, 180.0, 90.0), ["box-beyond-180"]),
        (box(10, -25, 200, -11), None, ["box-outside-world"]),
        (box("NaN", 1, 2, 3), None, ["box-not-a-number"]),
        (box("inf", 1, 2, 3), None, ["box-not-a-number"]),
        (box("", 1, 2, 3), None, ["box-not-a-number"]),
        (Box(west="1", east="2", south="3"), None, ["box-not-a-number"]),
        (box("1e400", 1, 2, 3), None, ["box-not-a-number"]),
        (box(-400, 1, 400, 3), None, ["box-outside-world"]),
        (box(0, 0, 0, 0), None, ["box-zero"]),
    ],
)
def test_a_box_is_put_right_by_a_named_repair_or_dropped(written, read, repairs):
    assert repair(written) == (read, repairs)


def test_a_box_in_lambert_metres_becomes_degrees():
    found, repairs = repair(box(611000, 6955000, 740000, 7020000))
    assert repairs == ["box-metres"]
    assert found == pytest.approx((1.75, 49.68, 3.57, 50.28), abs=0.02)


def test_the_lambert_projections_agree_with_known_points():
    # Notre-Dame de Paris, Lambert-93 (IGN); the meridian of Paris, Lambert II étendu.
    assert LAMBERT_93.to_degrees(652381.0, 6862047.0) == pytest.approx((2.3510, 48.8566), abs=2e-3)
    assert LAMBERT_2_EXTENDED.to_degrees(600000.0, 2428000.0) == pytest.approx(
        (2.3372, 48.8504), abs=2e-3
    )


def test_a_description_belongs_to_the_box_of_its_own_extent():
    one, other = box(2.4, 50.2, 3.2, 50.6), box(1.5, 50.6, 1.9, 50.9)
    made = result(
        boxes=[one, other],
        extent_descriptions=["Bassin minier", "Boulonnais"],
        extents=[
            Extent(["Bassin minier"], []),
            Extent([], [one]),
            Extent(["Boulonnais"], [other]),
        ],
    )
    assert [each.get("text") for each in made.dataset["spatial_coverage"]] == [None, "Boulonnais"]
    assert "Bassin minier" in str(made.unread)


def test_descriptions_of_several_boxes_in_one_extent_go_in_their_order():
    two = [box(2.4, 50.2, 3.2, 50.6), box(1.5, 50.6, 1.9, 50.9)]
    for texts, kept in ((["Est", "Ouest"], ["Est", "Ouest"]), (["Nord"], [None, None])):
        made = result(boxes=two, extent_descriptions=texts, extents=[Extent(texts, two)])
        assert [each.get("text") for each in made.dataset["spatial_coverage"]] == kept


def test_every_box_is_kept_once_with_its_description():
    made = dataset(
        boxes=[box(1, 45, 2, 46), box(3, 47, 4, 48)], extent_descriptions=["Une zone", "Une autre"]
    )
    assert [extent["text"] for extent in made["spatial_coverage"]] == ["Une zone", "Une autre"]
    assert len(dataset(boxes=[box(1, 45, 2, 46)] * 3)["spatial_coverage"]) == 1


def test_a_box_across_the_meridian_is_two_polygons():
    shape = json.loads(dataset(boxes=[box(179.5, -16, -174, -10)])["spatial_coverage"][0]["bbox"])
    assert shape["type"] == "MultiPolygon"
    assert [polygon[0][0][0] for polygon in shape["coordinates"]] == [179.5, -180.0]


def test_a_dropped_box_is_told_and_boxes_are_bounded():
    made = result(boxes=[box("NaN", 1, 2, 3)])
    assert "EX_GeographicBoundingBox: NaN, 1, 2, 3" in made.unread
    assert codes(made) >= {"box-not-a-number"}
    made = result(boxes=[box(n / 10, 45, n / 10 + 1, 46) for n in range(200)])
    assert len(made.dataset["spatial_coverage"]) == 50
    assert "too-many" in codes(made)


def test_a_repaired_box_is_logged_with_before_and_after():
    made = result(boxes=[box(1.9, 45.4, 0.6, 46.4)])
    change = next(c for c in made.log if c.rule == "boxes")
    assert (change.before, change.after) == ("1.9, 45.4, 0.6, 46.4", "0.6, 45.4, 1.9, 46.4")
