"""Validate the parameters of an extract, and represent extracts as dicts."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access.logic.resources import Found
from ckanext.ecosphere.access.model import BROKEN, MADE, Extract
from ckanext.ecosphere.access.preview import messages, samples
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take import areas, legal_systems
from ckanext.ecosphere.access.take.request import DEGREES, formats, offers_features
from ckanext.ecosphere.shared import language

MOST_ATTRIBUTES, LONGEST_ATTRIBUTE = 200, 100
#: Coordinate systems in common use in France, offered in addition to those of the layer.
USUAL_CRS = (DEGREES, "EPSG:2154", "EPSG:3857", "EPSG:5490", "EPSG:2972", "EPSG:2975", "EPSG:4471", "EPSG:4467")


def layers(found: Found) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return the service of a resource, and the layers that extracts can be made from.

    Layers are those of the resource, or all layers of the service if they cannot be matched.
    """
    service, asked = storage.of_resources([found.resource.id]).get(found.resource.id, (None, ""))
    if service is None:
        return None, []
    shown = presentation.shown(service, asked, found.names)
    if not shown["layers"] and not asked:
        shown = presentation.shown(service, asked, found.names, every=True)
    return shown, [layer for layer in shown["layers"] if offers_features(shown, layer)]


def crs_of(layer: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the codes and names of the available coordinate systems."""
    codes = dict.fromkeys([*USUAL_CRS, *(code for code in layer["crs"] if code.startswith("EPSG:"))])
    names = _crs_names()
    return [(code, names.get(code, code)) for code in codes]


def crs_name(code: str) -> str:
    """Return the name of a coordinate system, or its code."""
    return _crs_names().get(code, code)


def _crs_names() -> dict[str, str]:
    return {f"EPSG:{concept.data['code']}": concept.label(language.current()) for concept in voc.get("epsg")}


def attributes_of(found: Found) -> dict[str, str]:
    """Return the attributes found in the preview, if any, with their meaning according to a standard.

    The meaning is "" for attributes that no standard explains.
    """
    row = samples.of(found.resource)
    columns = (row.facts.get("columns") or []) if row and row.state == MADE else []
    spoken = "fr" if language.current().startswith("fr") else "en"
    return {str(column["name"]): (column.get("meaning") or {}).get(spoken, "") for column in columns}


def geometry_of(found: Found) -> str:
    """Return the name of the geometry attribute found in the preview, "" if unknown."""
    row = samples.of(found.resource)
    return str(row.facts.get("geometry_name") or "") if row and row.state == MADE else ""


def checked(found: Found, data: dict[str, Any]) -> dict[str, Any]:
    """Validate the parameters of an extract.

    Raises:
        ValidationError: a parameter is invalid.
    """
    _service, known = layers(found)
    if not known:
        raise tk.ValidationError({"resource_id": [messages.sentence("no-geojson")]})
    name = data["layer"]
    layer = next((each for each in known if each["name"] == name or not name), None)
    if layer is None:
        raise tk.ValidationError({"layer": [tk._("The service has no such layer.")]})
    if data["format"] not in formats():
        raise tk.ValidationError({"format": [tk._("Choose one of these: {names}").format(names=", ".join(formats()))]})
    area = areas.parse({field: str(data.get(field) or "") for field in areas.FIELDS})
    # GeoJSON has degrees (RFC 7946) unless another system is chosen.
    crs = data["crs"] or (DEGREES if data["format"] == "geojson" else legal_systems.of_area(area, layer))
    if crs not in dict(crs_of(layer)):
        raise tk.ValidationError({"crs": [tk._("This coordinate system is not offered.")]})
    return {
        **area,
        "layer": layer["name"],
        "layer_title": layer["title"] or layer["name"],
        "format": data["format"],
        "crs": crs,
        "attributes": _attributes(data.get("attributes")),
    }


def _attributes(given: Any) -> list[str]:
    names = given.split(",") if isinstance(given, str) else given or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise tk.ValidationError({"attributes": [tk._("Give a list of names.")]})
    names = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(names) > MOST_ATTRIBUTES or any(len(name) > LONGEST_ATTRIBUTE for name in names):
        raise tk.ValidationError({"attributes": [tk._("These are too many or too long names.")]})
    return names


def shown(row: Extract) -> dict[str, Any]:
    """Return an extract as a dict, as returned by the actions."""
    url = tk.h.url_for("ecosphere_access.extract_file", extract=row.id, qualified=True) if row.state == MADE else None
    return {
        "id": row.id,
        "resource_id": row.resource_id,
        "state": row.state,
        "message": messages.sentence(row.error) if row.state == BROKEN else "",
        "asked": row.asked,
        "facts": {name: row.facts[name] for name in ("features", "cut", "size", "measures") if name in row.facts},
        "created": row.created.isoformat(),
        "url": url,
    }
