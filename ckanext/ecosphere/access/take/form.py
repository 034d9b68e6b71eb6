"""Parameters of an extract: what is offered, what was chosen,
and the text that goes with the file.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access.auth import ReadableResource
from ckanext.ecosphere.access.model import BROKEN, MADE, Extract
from ckanext.ecosphere.access.preview import messages, samples
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take import areas
from ckanext.ecosphere.access.take.areas import DEGREES, Part, address, formats, offers_features
from ckanext.ecosphere.shared import contact_details, dates, language

Layer = DataDict

MOST_ATTRIBUTES, LONGEST_ATTRIBUTE = 200, 100
#: Coordinate systems in common use in France, offered in addition to those of the layer.
USUAL_CRS = (
    DEGREES,
    "EPSG:2154",
    "EPSG:3857",
    "EPSG:5490",
    "EPSG:2972",
    "EPSG:2975",
    "EPSG:4471",
    "EPSG:4467",
)
LONGEST_LINE = 300
"""Characters of a line of the notice."""
_FACTS = ("features", "cut", "size", "measures")


def layers(readable: ReadableResource) -> tuple[DataDict | None, list[Layer]]:
    """Return the service of a resource, and the layers that extracts can be made from.

    Layers are those of the resource, or all layers of the service if they cannot be matched.
    """
    resource_id = readable.resource.id
    service, asked = storage.of_resources([resource_id]).get(resource_id, (None, ""))
    if service is None:
        return None, []
    shown_ = presentation.shown(service, asked, readable.names)
    if not shown_["layers"] and not asked:
        shown_ = presentation.shown(service, asked, readable.names, every=True)
    return shown_, [layer for layer in shown_["layers"] if offers_features(shown_, layer)]


def crs_of(layer: Layer) -> list[tuple[str, str]]:
    """Return the codes and names of the available coordinate systems."""
    own = [code for code in layer["crs"] if code.startswith("EPSG:")]
    names = _crs_names()
    return [(code, names.get(code, code)) for code in dict.fromkeys([*USUAL_CRS, *own])]


def crs_name(code: str) -> str:
    """Return the name of a coordinate system, or its code."""
    return _crs_names().get(code, code)


def _crs_names() -> dict[str, str]:
    spoken = language.current()
    return {f"EPSG:{concept.data['code']}": concept.label(spoken) for concept in voc.get("epsg")}


def attributes_of(readable: ReadableResource) -> dict[str, str]:
    """Return the attributes in the preview, if any, with their meaning according to a standard.

    The meaning is "" for attributes that no standard explains.
    """
    spoken = "en"
    if language.current().startswith("fr"):
        spoken = "fr"
    meanings = {}
    for column in _facts_of_sample(readable).get("columns", ()):
        meanings[column["name"]] = column.get("meaning", {}).get(spoken, "")
    return meanings


def geometry_of(readable: ReadableResource) -> str:
    """Return the name of the geometry attribute in the preview, "" if unknown."""
    return _facts_of_sample(readable).get("geometry_name", "")


def _facts_of_sample(readable: ReadableResource) -> DataDict:
    sample = samples.of(readable.resource)
    if sample is None or sample.state != MADE:
        return {}
    return sample.facts


def checked(readable: ReadableResource, data: DataDict) -> DataDict:
    """Validate the parameters of an extract.

    Raises:
        ValidationError: a parameter is invalid.
    """
    _service, offered = layers(readable)
    if not offered:
        raise tk.ValidationError({"resource_id": [messages.sentence("no-geojson")]})
    layer = layer_named(offered, data["layer"])
    if layer is None:
        raise tk.ValidationError({"layer": [_("The service has no such layer.")]})
    if data["format"] not in formats():
        sentence = _("Choose one of these: {names}").format(names=", ".join(formats()))
        raise tk.ValidationError({"format": [sentence]})
    area = areas.area_of({field: str(data.get(field) or "") for field in areas.FIELDS})
    crs = data["crs"]
    if not crs and data["format"] == "geojson":
        crs = DEGREES  # RFC 7946, unless another system is chosen
    elif not crs:
        crs = areas.legal_system(area, layer)
    if crs not in dict(crs_of(layer)):
        raise tk.ValidationError({"crs": [_("This coordinate system is not offered.")]})
    return {
        **area,
        "layer": layer["name"],
        "layer_title": layer["title"] or layer["name"],
        "format": data["format"],
        "crs": crs,
        "attributes": _attributes(data.get("attributes")),
    }


def layer_named(offered: list[Layer], name: str) -> Layer | None:
    """Return the layer of this name, the first one for ""; None if there is none."""
    return next((layer for layer in offered if name in ("", layer["name"])), None)


def _attributes(names: Any) -> list[str]:
    if isinstance(names, str):
        names = names.split(",")
    names = names or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise tk.ValidationError({"attributes": [_("Give a list of names.")]})
    plain = list(dict.fromkeys(filter(None, map(str.strip, names))))
    if len(plain) > MOST_ATTRIBUTES or any(len(name) > LONGEST_ATTRIBUTE for name in plain):
        raise tk.ValidationError({"attributes": [_("These are too many or too long names.")]})
    return plain


def shown(row: Extract) -> DataDict:
    """Return an extract as a dict, as returned by the actions."""
    url = None
    if row.state == MADE:
        url = tk.h.url_for("ecosphere_access.extract_file", extract=row.id, qualified=True)
    message = ""
    if row.state == BROKEN:
        message = messages.sentence(row.error)
    return {
        "id": row.id,
        "resource_id": row.resource_id,
        "state": row.state,
        "message": message,
        "asked": row.asked,
        "facts": {name: row.facts[name] for name in _FACTS if name in row.facts},
        "created": row.created.isoformat(),
        "url": url,
    }


def address_to_copy(service: DataDict, layer: Layer, asked: DataDict, geometry: str) -> str:
    """Return the request URL of an extract for users to copy; outlines are replaced by their box.

    Args:
        service: the service, from `services.presentation.shown`.
        layer: one of its layers.
        asked: result of `checked`.
        geometry: name of the geometry attribute, "" if unknown.

    Raises:
        PreviewError: features are not available in a supported format.
    """
    crs = DEGREES
    if service["kind"] == "wfs" or "features" in service["parts"]:
        crs = asked["crs"]
    box, _name = areas.around(asked)
    return address(service, layer, Part(box, tuple(asked["attributes"]), crs, geometry))


def notice(dataset: DataDict, asked: DataDict) -> str:
    """Return the text that goes with an extract in the language of the page, one fact a line.

    Args:
        dataset: the dataset, from `package_show`.
        asked: result of `checked`.
    """
    updated = dataset.get("modified") or dataset.get("issued") or dataset.get("created")
    facts = {
        _("Dataset"): dataset.get("title") or dataset["name"],
        _("Producer"): ", ".join(contact_details.makers_of(dataset).names),
        _("Address"): tk.url_for("dataset.read", id=dataset["name"], qualified=True),
        _("Licence"): _licence(dataset) or _("not stated"),
        _("Data updated"): dates.day(updated) or _("on an unknown day"),
        _("Layer"): asked["layer_title"],
        _("Area"): asked["label"],
        _("Coordinate system"): crs_name(asked["crs"]),
        _("Extract made on"): dates.day(dates.today()),
    }
    colon = _(": ")
    lines = [f"{name}{colon}{str(fact)[:LONGEST_LINE]}" for name, fact in facts.items() if fact]
    return "\n".join(lines)


def warning() -> str:
    """Return the sentence about measures, with the placeholder `{names}`."""
    return _(
        "Objects were cut at the border of the area: {names} still tell the area or length of the"
        " whole object, not of"
        " the part in this file."
    )


def _licence(dataset: DataDict) -> str:
    identifier = str(dataset.get("license_id") or "")
    concept = voc.get("licences").get(identifier)
    if concept is None:
        return identifier
    return f"{concept.label(language.current())} {concept.uri}"
