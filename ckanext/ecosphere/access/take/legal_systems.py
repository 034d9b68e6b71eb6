"""Legal coordinate system of an area of France, the default of an extract."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pyproj import CRS

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access.take.request import DEGREES, Box
from ckanext.ecosphere.vocabularies import communes, epcis, tables

_TABLE = Path(__file__).parents[1] / "data" / "legal-systems.csv"
_DEPARTEMENT = "http://id.insee.fr/geo/departement/"


def of_area(asked: dict[str, Any], layer: dict[str, Any]) -> str:
    """Return the code of the legal system of an area, that of degrees (EPSG:4326) outside of France.

    Args:
        asked: the area, from `areas.parse`; if there is none, that of the layer counts.
        layer: a layer of a service.
    """
    box = asked.get("box") or _box_of_place(asked) or layer.get("extent")
    if not box:
        return DEGREES
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for code, (west, south, east, north) in _areas_of_use().items():
        if west <= x <= east and south <= y <= north:
            return code
    return DEGREES


def _box_of_place(asked: dict[str, Any]) -> Box | None:
    """Return the box of the département of a commune or an intercommunality."""
    commune = communes.of_code(asked.get("commune") or "")
    epci = epcis.epcis().get(asked.get("epci") or "")
    codes = [commune.departement] if commune else list(epci.departements) if epci else []
    known = voc.get("territories").get(_DEPARTEMENT + codes[0]) if codes else None
    return known.data["bbox"] if known else None


@cache
def _areas_of_use() -> dict[str, Box]:
    """Return the codes with west, south, east and north of their areas of use, in degrees."""
    found = {}
    for row in tables.rows(_TABLE):
        area = CRS.from_epsg(row["code"]).area_of_use
        if area:
            found[f"EPSG:{row['code']}"] = (area.west, area.south, area.east, area.north)
    return found
