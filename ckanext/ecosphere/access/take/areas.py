"""The part of a layer that is asked for: its area and legal system,
and the requests and code that fetch it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import ckan.plugins.toolkit as tk
import yaml
from ckan.common import _
from ckan.types import DataDict
from pyproj import CRS, Transformer
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.dataset import geometry, services
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language, parsing
from ckanext.ecosphere.shared.config import MEGABYTE
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.vocabularies import communes, epcis, tables

DEGREES = "EPSG:4326"
FEATURE_SERVICES = ("wfs", "ogcapi")
_CRS_OF_OGC = "http://www.opengis.net/def/crs/EPSG/0/"
_DATA = Path(__file__).parents[1] / "data"
#: Parameters of a request that select attributes, of WFS and of OGC API.
_OF_ATTRIBUTES = ("propertyname", "properties")


@dataclass(frozen=True)
class Format:
    """A format of extracts: id, label, file suffix, media type, GDAL driver."""

    id: str
    label: str
    suffix: str
    media_type: str
    driver: str


@cache
def formats() -> dict[str, Format]:
    """Return the formats of extracts by id."""
    return {row["id"]: Format(**row) for row in tables.rows(_DATA / "extract-formats.csv")}


@dataclass(frozen=True)
class Part:
    """A part of a layer.

    Attributes:
        box: west, south, east, north in degrees; None for the whole layer.
        attributes: names of the attributes; empty for all.
        crs: code of the CRS of the response.
        geometry: name of the geometry attribute, which a WFS omits unless requested with the
            others; if unknown, all attributes are requested from a WFS.
    """

    box: Box | None = None
    attributes: tuple[str, ...] = ()
    crs: str = DEGREES
    geometry: str = ""


def offers_features(service: Row, layer: Row) -> bool:
    """Return whether features of a layer are available: as GeoJSON, or as GML from a WFS."""
    if service["kind"] == "ogcapi":
        return "features" in (service.get("parts") or ["features"])
    if service["kind"] != "wfs":
        return False
    return bool(json_format(service, layer)) or gml_format(service, layer) is not None


def _formats_of(service: Row, layer: Row) -> list[str]:
    return [*layer.get("formats", []), *service.get("formats", [])]


def json_format(service: Row, layer: Row) -> str:
    """Return the WFS output format for GeoJSON, "" if it is not offered."""
    return services.json_format(_formats_of(service, layer))


def gml_format(service: Row, layer: Row) -> str | None:
    """Return the WFS output format for GML.

    Returns:
        "" for its default if no formats are listed, None if it is not offered.
    """
    names = _formats_of(service, layer)
    if not names:
        return ""
    for name in names:
        if "gml" in name.lower() and "zip" not in name.lower():
            return name
    return None


def is_gml(service: Row, layer: Row) -> bool:
    """Return whether features are requested as GML, since the WFS does not offer GeoJSON."""
    return service["kind"] == "wfs" and not json_format(service, layer)


def address(service: Row, layer: Row, part: Part, count: int | None = None, start: int = 0) -> str:
    """Return the request URL of a part of a layer, in GeoJSON if available.

    Args:
        service: the service, from `services.presentation.shown`.
        layer: one of its layers.
        part: the part to request.
        count: maximum number of features per response; None for the default of the service.
        start: index of the first feature, for a WFS; an OGC API links to the next page itself.

    Raises:
        PreviewError: features are not available in a supported format.
    """
    if not offers_features(service, layer):
        raise PreviewError("no-geojson")
    if service["kind"] == "ogcapi":
        return _items(service, layer, part, count)
    return _get_feature(service, layer, part, count, start)


def _items(service: Row, layer: Row, part: Part, count: int | None) -> str:
    parameters: dict[str, str | int] = {}
    if part.box:
        parameters["bbox"] = ",".join(map(_degrees, part.box))
    if part.attributes:
        parameters["properties"] = ",".join(part.attributes)
    if part.crs != DEGREES:
        parameters["crs"] = _CRS_OF_OGC + part.crs.rpartition(":")[2]
    if count:
        parameters["limit"] = count
    items = layer.get("details", {}).get("items") or ""
    return services.items_request(service["url"], layer["name"], items, **parameters)


def _get_feature(service: Row, layer: Row, part: Part, count: int | None, start: int) -> str:
    parameters: dict[str, str | int] = {}
    json_name, gml_name = json_format(service, layer), gml_format(service, layer)
    if json_name:
        parameters.update(OUTPUTFORMAT=json_name, SRSNAME=part.crs)
    elif gml_name:
        parameters["OUTPUTFORMAT"] = gml_name  # in the CRS of the layer; it declares its axes
    version = service["version"] or ""
    if part.box:
        parameters["BBOX"] = _wfs_box(part.box, layer, version)
    if part.attributes and part.geometry:
        parameters["PROPERTYNAME"] = ",".join([*part.attributes, part.geometry])
    if start:
        parameters["STARTINDEX"] = start
    return services.feature_request(service["url"], version, layer["name"], count, **parameters)


def _wfs_box(box: Box, layer: Row, version: str) -> str:
    """Return a BBOX parameter with unambiguous axis order.

    In a projected CRS of the layer, easting always comes first. In degrees, a "urn" name implies
    latitude first (OGC 09-025r2, 7.9.2.4), except in WFS 1.0.0, where longitude is always first.
    """
    code = next(iter(layer.get("crs", [])), "")
    if _is_projected(code):
        transformer = Transformer.from_crs("OGC:CRS84", code, always_xy=True)
        sides = [f"{side:.2f}" for side in transformer.transform_bounds(*box)]
        return ",".join([*sides, code])
    west, south, east, north = map(_degrees, box)
    if version.startswith("1.0"):
        return f"{west},{south},{east},{north}"
    return f"{south},{west},{north},{east},urn:ogc:def:crs:EPSG::4326"


@cache
def _is_projected(code: str) -> bool:
    if not code.startswith("EPSG:"):
        return False
    try:
        return CRS.from_user_input(code).is_projected
    except Exception:  # an unknown code
        return False


def _degrees(side: float) -> str:
    return f"{side:.6f}".rstrip("0").rstrip(".")


def names_attributes(url: str) -> bool:
    """Return whether a request URL selects attributes."""
    parameters = parse_qsl(urlsplit(url).query)
    return any(name.lower() in _OF_ATTRIBUTES for name, _value in parameters)


def snippets(url: str) -> list[dict[str, str]]:
    """Return code that loads a URL in several languages, as `id`, `label` and `text`.

    The URL is encoded so that it cannot break out of the code.
    """
    safe = quote(url, safe=":/?&=%,+;@~.-_#")
    codes = yaml.safe_load((_DATA / "snippets.yaml").read_text(encoding="utf-8"))
    return [{**code, "text": code["text"].replace("{url}", safe)} for code in codes]


# --- the area ---


OUTLINE_MEGABYTES = 4
MOST_PROPOSED = 5
LONGEST_NAME = 100
MARGIN = 0.1
"""Degrees by which the box of an intercommunality is enlarged: its outline is accurate to
kilometres."""
FIELDS = ("commune", "epci", "territory", "box")
"""Form fields of the area; the first that is filled in counts."""
_OVERSEAS = "97"
_DEPARTEMENT = "http://id.insee.fr/geo/departement/"


def area_of(fields: dict[str, str]) -> DataDict:
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


def _commune(text: str) -> DataDict:
    if not config.communes_url():
        raise _wrong("commune", _("This portal does not clip to communes: draw a rectangle."))
    matches = communes.named(text[:LONGEST_NAME])
    if not matches:
        raise _wrong("commune", _("No commune has this name or code."))
    if len(matches) > 1:
        names = "; ".join(f"{match.label}, {match.code}" for match in matches[:MOST_PROPOSED])
        raise _wrong("commune", _("Several communes are meant: {names}").format(names=names))
    return {"label": matches[0].label, "commune": matches[0].code, "box": None}


def _epci(text: str) -> DataDict:
    if not config.epci_url():
        sentence = _("This portal does not clip to intercommunalities: draw a rectangle.")
        raise _wrong("epci", sentence)
    matches = epcis.epcis_like(text[:LONGEST_NAME])
    if not matches:
        raise _wrong("epci", _("No intercommunality has this name or code."))
    if len(matches) > 1:
        names = "; ".join(f"{match.name} ({match.code})" for match in matches[:MOST_PROPOSED])
        sentence = _("Several intercommunalities are meant: {names}")
        raise _wrong("epci", sentence.format(names=names))
    return {"label": matches[0].name, "epci": matches[0].code, "box": None}


def _territory(text: str) -> DataDict:
    concept = voc.get("territories").get(text)
    if concept is None or not concept.data.get("bbox"):
        raise _wrong("territory", _("This territory is not known."))
    west, south, east, north = concept.data["bbox"]
    box = [west, south, max(west, east), north]
    return {"label": concept.label(language.current()), "box": box}


def _rectangle(text: str) -> DataDict:
    sides = list(geometry.read_coordinates(text[:200]))
    if len(sides) != 4:  # noqa: PLR2004 - of a rectangle
        sentence = _(
            "Give a rectangle (west,south,east,north) or a point in degrees, or in metres"
            " (Lambert-93)."
        )
        raise _wrong("box", sentence)
    west, south, east, north = sides
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:  # noqa: PLR2004
        sentence = _(
            "A side of the rectangle is no place on Earth: west,south,east,north in degrees."
        )
        raise _wrong("box", sentence)
    if (west, south) == (east, north):
        return {"label": text[:100], "box": list(geometry.enlarged((west, south, east, north)))}
    if west >= east:
        sentence = _(
            "The west side of the rectangle must lie west of its east side: {west} is not less than"
            " {east}."
        )
        raise _wrong("box", sentence.format(west=f"{west:g}", east=f"{east:g}"))
    if south >= north:
        sentence = _(
            "The south side of the rectangle must lie south of its north side: {south} is not less"
            " than {north}."
        )
        raise _wrong("box", sentence.format(south=f"{south:g}", north=f"{north:g}"))
    return {"label": text[:100], "box": sides}


def around(area: DataDict) -> tuple[Box | None, str]:
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
        return tuple(area["box"]), ""
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


def outline(address: str, code: str, session: GuardedSession) -> tuple[DataDict, Box]:
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
        answer = session.get(url, max_bytes=OUTLINE_MEGABYTES * MEGABYTE)
        document = parsing.load_json(answer.body)
        geometry = shape(document.get("geometry") or document)
        is_area = geometry.geom_type in ("Polygon", "MultiPolygon") and not geometry.is_empty
        if answer.status != 200 or not is_area:  # noqa: PLR2004
            raise PreviewError("no-outline")
        return mapping(geometry), geometry.bounds
    except (FetchError, ShapelyError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise PreviewError("no-outline") from error


# --- the legal coordinate system ------------------------------------------------------------------


def legal_system(area: DataDict, layer: DataDict) -> str:
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


def _box_of_place(area: DataDict) -> Box | None:
    """Return the box of the département of a commune or an intercommunality."""
    commune = communes.of_code(area.get("commune") or "")
    epci = epcis.epcis().get(area.get("epci") or "")
    code = ""
    if commune:
        code = commune.departement
    elif epci:
        code = epci.departements[0]
    concept = voc.get("territories").get(_DEPARTEMENT + code)
    if concept:
        return concept.data["bbox"]
    return None


@cache
def _areas_of_use() -> dict[str, Box]:
    """Return the codes with west, south, east and north of their areas of use, in degrees."""
    boxes = {}
    for row in tables.rows(_DATA / "legal-systems.csv"):
        area = CRS.from_epsg(row["code"]).area_of_use
        if area:
            boxes[f"EPSG:{row['code']}"] = (area.west, area.south, area.east, area.north)
    return boxes
