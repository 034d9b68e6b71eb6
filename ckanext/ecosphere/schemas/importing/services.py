"""Convert layers of web services (from their capabilities) to a dataset and its resources.

A service is a mapping as returned by the action `ecosphere_access_service_read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.geometry import area, box_to_geometry, hull
from ckanext.ecosphere.dataset.view import Row, Values, filled
from ckanext.ecosphere.schemas import places
from ckanext.ecosphere.vocabularies import tables

#: Used instead of names of layers: the service as a whole.
WHOLE = "*"
#: Layers, and files of Atom feeds, that become resources of one dataset at most.
MOST_LAYERS, MOST_FILES = 50, 20
#: Least share of its territory that an extent must cover for the territory to be proposed.
LEAST_SHARE = 0.02
#: Share by which an extent may exceed its territory on each side.
SLACK = 0.05
#: West, south, east, north in degrees; an extent that reaches all of them tells nothing of the
#: layer.
WORLD = (-179.0, -85.0, 179.0, 85.0)
#: Default titles of map servers.
_STOCK = re.compile(
    r"^(?:geoserver .{0,60}|qgis (?:map )?server.{0,60}|mapserver.{0,60}|wms|wfs|layers)$",
    re.IGNORECASE,
)
_FILE = Path(__file__).with_name("services.csv")

Service = Row
Layer = Row
Dataset = Values


@cache
def kinds() -> dict[str, dict[str, str]]:
    """Return the rows of `services.csv` by kind of service: format and protocol of resources,
    and `resource_of`.
    """
    return {row["kind"]: row for row in tables.rows(_FILE)}


def is_catalogue(service: Service) -> bool:
    """Return whether a service is a catalogue (CSW), which has records instead of layers."""
    return not kinds().get(service["kind"], {}).get("resource_of")


def selected_layers(service: Service, names: Sequence[str] | None) -> list[Layer] | None:
    """Return the layers that the user or the URL of the service selects; None if the user still has
    to choose.

    Args:
        service: the service; `asked`: the names of layers in its URL, separated by commas.
        names: names of the layers; `WHOLE` for the service as a whole; None before the user was
            asked.
    """
    layers = list(service["layers"])
    if names is not None:
        if WHOLE in names:
            return []
        layers = [layer for layer in layers if layer["name"] in names]
    elif service["asked"]:
        names = [_plain(name) for name in service["asked"].split(",")]
        layers = [layer for layer in layers if _plain(layer["name"]) in names]
    elif len(layers) > 1:
        return None
    return layers[:MOST_LAYERS]


def counterparts(service: Service, layers: Iterable[Layer]) -> list[Layer]:
    """Return the layers of a service that match those of another one (the WMS layers of WFS feature
    types).

    They match by name or title; the only layer of a service matches always.
    """
    names_and_titles = set().union(*map(_name_and_title, layers))
    matching = [layer for layer in service["layers"] if _name_and_title(layer) & names_and_titles]
    if not matching and len(service["layers"]) == 1:
        return list(service["layers"])
    return matching


def _name_and_title(layer: Layer) -> set[str]:
    return {_plain(layer["name"]), voc.normalise(layer["title"])} - {""}


def dataset(service: Service, layers: Sequence[Layer], lang: str) -> Dataset:
    """Return the fields of a dataset from a service: title, description, extent, territory,
    reference system.

    Args:
        service: the first service.
        layers: the chosen layers; empty for the service as a whole.
        lang: language of the page, for labels.
    """
    described = layers or service["layers"]
    title, notes = _own_text(service["title"]), service["abstract"]
    if len(layers) == 1:
        title, notes = _title(layers[0]), layers[0].get("abstract") or notes
    elif layers:
        title = title or _title(layers[0])
    values: Dataset = {
        "title": title,
        "notes": _own_text(notes),
        "reference_system": _crs(described),
        "spatial_representation": _representation(service),
    }
    box = _box(described)
    if box:
        values["spatial_coverage"] = [{"bbox": box_to_geometry(box)}]
        values["territory"] = _territories(box, lang)
    return filled(values)


def _own_text(text: str) -> str:
    """Return a text of a service, "" for the default of a map server."""
    if _STOCK.match(text):
        return ""
    return text


def resources(service: Service, layers: Sequence[Layer]) -> list[Dataset]:
    """Return the resources of a service for some layers."""
    row = kinds()[service["kind"]]
    files: list[Dataset] = []
    if row["resource_of"] == "file":
        for layer in layers:
            links = layer["details"].get("links", ())
            files += [_file(link, layer) for link in links if link.get("url")]
    if files:
        return files[:MOST_FILES]
    kind = service["label"]
    shared = {"url": service["url"], "format": row["format"], "protocol": row["protocol"]}
    if not layers or row["resource_of"] != "layer":
        return [{**shared, "name": _with_kind(service["title"] or kind, kind)}]
    of_layers = []
    for layer in layers:
        name, systems = _with_kind(_title(layer), kind), _crs([layer])
        of_layers.append(
            {**shared, "name": name, "layer_name": [layer["name"]], "reference_system": systems}
        )
    return of_layers


def _with_kind(title: str, kind: str) -> str:
    """Return a title followed by the kind of service ("Zones humides (WMS)"),
    unless it has it already.
    """
    if kind.lower() in title.lower().split():
        return title
    return f"{title} ({kind})"


def _file(link: Mapping[str, str], layer: Layer) -> Dataset:
    file = {"url": link["url"], "name": _title(layer), "format": ""}
    format_ = link.get("format", "")
    if "atom" in format_:
        return {**file, "format": "Atom Feed", "protocol": "ATOM"}
    concept = voc.get("format").find(format_)
    if concept:
        file["format"] = concept.id
    size = link.get("size", "")
    if size.isdigit():
        file["size"] = size
    return file


def _title(layer: Layer) -> str:
    title = str(layer["title"] or "")
    if title and title != layer["name"]:
        return title
    return readable(layer["name"].rpartition(":")[2] or layer["name"])


def readable(name: str) -> str:
    """Return the name of a table or file as a readable title: "l_zone_humide" → "L zone humide"."""
    words = " ".join(re.split(r"[\s_.]+", name.strip("_. ")))
    return words[:1].upper() + words[1:]


def _plain(name: str) -> str:
    """Return the name of a layer without its namespace, case and accents."""
    return voc.normalise(name.strip().rpartition(":")[2] or name)


def _box(layers: Iterable[Layer]) -> places.Box | None:
    boxes = [tuple(layer["extent"]) for layer in layers if layer.get("extent")]
    if not boxes:
        return None
    west, south, east, north = hull(boxes)
    whole = west <= WORLD[0] and south <= WORLD[1] and east >= WORLD[2] and north >= WORLD[3]
    if whole or west >= east or south >= north:
        return None
    return west, south, east, north


def _territories(box: places.Box, lang: str) -> list[str]:
    """Return the smallest territory that contains a box.

    None if the box covers too little of it (`LEAST_SHARE`).
    """
    slack_x, slack_y = (box[2] - box[0]) * SLACK, (box[3] - box[1]) * SLACK
    inner = (box[0] + slack_x, box[1] + slack_y, box[2] - slack_x, box[3] - slack_y)
    uris = [place["uri"] for place in places.territories_of(inner, lang)[:1]]
    around = places.territory_box(uris[0]) if uris else None
    if around is None or around[0] > around[2] or area(box) < LEAST_SHARE * area(around):
        return []
    return uris


def _crs(layers: Iterable[Layer]) -> list[str]:
    """Return the URIs of the first EPSG code of each layer, if in the vocabulary."""
    uris: dict[str, None] = {}
    for layer in layers:
        codes = [code for code in layer["crs"] if code.startswith("EPSG:")]
        concept = voc.get("epsg").find(codes[0]) if codes else None
        if concept:
            uris[concept.uri] = None
    return list(uris)[:10]


def _representation(service: Service) -> str:
    name = {"wfs": "vector", "ogcapi": "vector", "wcs": "grid"}.get(service["kind"])
    if name is None:
        return ""
    return voc.get("spatial-representation")[name].uri
