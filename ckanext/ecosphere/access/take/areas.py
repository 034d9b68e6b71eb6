"""Area of an extract: a territory, a commune, an intercommunality, or a rectangle; its legal system."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from pyproj import CRS
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.take.request import DEGREES, Box
from ckanext.ecosphere.shared import language, strict_json
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.vocabularies import communes, coordinates, epcis, tables

OUTLINE_MEGABYTES = 4
MOST_PROPOSED = 5
LONGEST_NAME = 100
MARGIN = 0.1
"""Degrees by which the box of an intercommunality is enlarged: its outline is accurate to kilometres."""
FIELDS = ("commune", "epci", "territory", "box")
"""Form fields of the area; the first that is filled in counts."""
_OVERSEAS = "97"
_LEGAL_SYSTEMS = Path(__file__).parents[1] / "data" / "legal-systems.csv"
_DEPARTEMENT = "http://id.insee.fr/geo/departement/"


def parse(fields: dict[str, str]) -> dict[str, Any]:
    """Parse the area of a form.

    Args:
        fields: `commune` (INSEE code or name), `epci` (SIREN code or name), `territory` (id in the
            vocabulary), `box` (west,south,east,north); none means no limit.

    Returns:
        `label` and `box`; for a commune or intercommunality, `box` is None and its code is in
        `commune` or `epci`.

    Raises:
        ValidationError: a field is invalid.
    """
    readers = {"commune": _commune, "epci": _epci, "territory": _territory, "box": _rectangle}
    for name in FIELDS:
        text = fields.get(name, "").strip()
        if text:
            return readers[name](text)
    return {"label": "", "box": None}


def _wrong(field: str, sentence: str) -> tk.ValidationError:
    return tk.ValidationError({field: [sentence]})


def _commune(text: str) -> dict[str, Any]:
    if not config.communes_url():
        raise _wrong("commune", tk._("This portal does not clip to communes: draw a rectangle."))
    matches = communes.named(text[:LONGEST_NAME])
    if not matches:
        raise _wrong("commune", tk._("No commune has this name or code."))
    if len(matches) > 1:
        labels = "; ".join(f"{match.label}, {match.code}" for match in matches[:MOST_PROPOSED])
        sentence = tk._("Several communes are meant: {names}").format(names=labels)
        raise _wrong("commune", sentence)
    return {"label": matches[0].label, "commune": matches[0].code, "box": None}


def _epci(text: str) -> dict[str, Any]:
    if not config.epci_url():
        sentence = tk._("This portal does not clip to intercommunalities: draw a rectangle.")
        raise _wrong("epci", sentence)
    matches = epcis.epcis_like(text[:LONGEST_NAME])
    if not matches:
        raise _wrong("epci", tk._("No intercommunality has this name or code."))
    if len(matches) > 1:
        names = "; ".join(f"{match.name} ({match.code})" for match in matches[:MOST_PROPOSED])
        sentence = tk._("Several intercommunalities are meant: {names}").format(names=names)
        raise _wrong("epci", sentence)
    return {"label": matches[0].name, "epci": matches[0].code, "box": None}


def _territory(text: str) -> dict[str, Any]:
    concept = voc.get("territories").get(text)
    if concept is None or not concept.data.get("bbox"):
        raise _wrong("territory", tk._("This territory is not known."))
    west, south, east, north = concept.data["bbox"]
    box = [west, south, max(west, east), north]
    return {"label": concept.label(language.current()), "box": box}


def _rectangle(text: str) -> dict[str, Any]:
    sides = list(coordinates.read(text[:200]))
    if len(sides) != 4:  # noqa: PLR2004 - of a rectangle
        sentence = tk._(
            "Give a rectangle (west,south,east,north) or a point in degrees, or in metres (Lambert-93)."
        )
        raise _wrong("box", sentence)
    west, south, east, north = sides
    in_degrees = {
        "west": f"{west:g}",
        "south": f"{south:g}",
        "east": f"{east:g}",
        "north": f"{north:g}",
    }
    is_point = (west, south) == (east, north)
    if is_point and max(abs(west), abs(south)) <= 90:  # noqa: PLR2004
        sides = list(coordinates.enlarged((west, south, east, north)))
    elif max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:  # noqa: PLR2004
        sentence = tk._(
            "A side of the rectangle is no place on Earth: west,south,east,north in degrees."
        )
        raise _wrong("box", sentence)
    elif west >= east:
        sentence = tk._(
            "The west side of the rectangle must lie west of its east side: {west} is not less than"
            " {east}."
        )
        raise _wrong("box", sentence.format(**in_degrees))
    elif south >= north:
        sentence = tk._(
            "The south side of the rectangle must lie south of its north side: {south} is not less"
            " than {north}."
        )
        raise _wrong("box", sentence.format(**in_degrees))
    return {"label": text[:100], "box": sides}


def around(area: dict[str, Any]) -> tuple[Box | None, str]:
    """Return the box around the area of an extract, for services, which cannot filter by outlines.

    For a commune it is that of its intercommunality, since boxes of communes are not available.
    Overseas, where outlines are too rough, there is none.

    Args:
        area: the area, from `parse`.

    Returns:
        the box, None if there is none, and the name of the intercommunality that it surrounds, ""
        for a given box.
    """
    if area.get("box"):
        west, south, east, north = area["box"]
        return (west, south, east, north), ""
    code = area.get("epci") or ""
    commune = communes.of_code(area.get("commune") or "")
    if commune:
        code = commune.epci
    epci = epcis.epcis().get(code)
    if epci is None or any(number.startswith(_OVERSEAS) for number in epci.departements):
        return None, ""
    outline_ = epcis.outlines().get(epci.code)
    if outline_ is None:
        return None, ""
    west, south, east, north = outline_.box
    return (west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN), epci.name


def outline(address: str, code: str, session: GuardedSession) -> tuple[dict[str, Any], Box]:
    """Fetch an outline from the URL configured by the administrator.

    Args:
        address: the URL, with the placeholder `{code}`.
        code: code of the commune or intercommunality.
        session: session for the request.

    Returns:
        the outline as GeoJSON geometry, and its box.

    Raises:
        PreviewError: the outline could not be fetched.
    """
    url = address.replace("{code}", code)
    try:
        answer = session.get(url, max_bytes=OUTLINE_MEGABYTES * config.MEGABYTE)
        document = strict_json.loads(answer.body)
        geometry = shape(document.get("geometry") or document)
        is_area = geometry.geom_type in ("Polygon", "MultiPolygon") and not geometry.is_empty
        if answer.status != 200 or not is_area:  # noqa: PLR2004
            raise PreviewError("no-outline")
        west, south, east, north = geometry.bounds
        return json.loads(json.dumps(mapping(geometry))), (west, south, east, north)
    except (FetchError, ShapelyError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise PreviewError("no-outline") from error


# --- the legal coordinate system ------------------------------------------------------------------


def legal_system(area: dict[str, Any], layer: dict[str, Any]) -> str:
    """Return the code of the legal system of an area, that of degrees outside of France.

    Args:
        area: the area, from `parse`; if there is none, that of the layer counts.
        layer: a layer of a service.
    """
    box = area.get("box") or _box_of_place(area) or layer.get("extent")
    if not box:
        return DEGREES
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for code, (west, south, east, north) in _areas_of_use().items():
        if west <= x <= east and south <= y <= north:
            return code
    return DEGREES


def _box_of_place(area: dict[str, Any]) -> Box | None:
    """Return the box of the département of a commune or an intercommunality."""
    departements: list[str] = []
    commune = communes.of_code(area.get("commune") or "")
    epci = epcis.epcis().get(area.get("epci") or "")
    if commune:
        departements = [commune.departement]
    elif epci:
        departements = list(epci.departements)
    for code in departements[:1]:
        concept = voc.get("territories").get(_DEPARTEMENT + code)
        if concept:
            return concept.data["bbox"]
    return None


@cache
def _areas_of_use() -> dict[str, Box]:
    """Return the codes with west, south, east and north of their areas of use, in degrees."""
    boxes = {}
    for row in tables.rows(_LEGAL_SYSTEMS):
        area = CRS.from_epsg(row["code"]).area_of_use
        if area:
            boxes[f"EPSG:{row['code']}"] = (area.west, area.south, area.east, area.north)
    return boxes
