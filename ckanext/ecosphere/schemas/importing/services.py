"""Convert layers of web services (from their capabilities) to a dataset and its resources.

A service is a mapping as returned by the action `ecosphere_access_service_read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import places, spatial
from ckanext.ecosphere.schemas.importing.text import sentence_case
from ckanext.ecosphere.vocabularies import tables

#: Used instead of names of layers: the service as a whole.
WHOLE = "*"
MOST_LAYERS, MOST_FILES = 50, 20
#: Least share of its territory that an extent must cover for the territory to be proposed.
LEAST_SHARE = 0.02
#: Share by which an extent may exceed its territory on each side.
SLACK = 0.05
WORLD = (-179.0, -85.0, 179.0, 85.0)
#: Default titles of map servers.
_STOCK = re.compile(
    r"^(?:geoserver .{0,60}|qgis (?:map )?server.{0,60}|mapserver.{0,60}|wms|wfs|layers)$", re.IGNORECASE
)
_FILE = Path(__file__).with_name("services.csv")

Service = Mapping[str, Any]
Layer = Mapping[str, Any]
Dataset = dict[str, Any]


@cache
def kinds() -> dict[str, dict[str, str]]:
    """Return how services are described, by their kind."""
    return {row["kind"]: row for row in tables.rows(_FILE)}


def is_catalogue(service: Service) -> bool:
    """Return whether a service is a catalogue (CSW), which has records instead of layers."""
    return not kinds().get(service["kind"], {}).get("carries")


def chosen(service: Service, names: Sequence[str] | None) -> list[Layer] | None:
    """Return the chosen layers; None if the user still has to choose.

    Args:
        service: the service.
        names: names of the layers; `WHOLE` for the service as a whole; None before the user was asked.
    """
    layers = service["layers"]
    if names is not None:
        return [layer for layer in layers if layer["name"] in names and WHOLE not in names][:MOST_LAYERS]
    if service["asked"]:
        asked = [_plain(name) for name in service["asked"].split(",")]
        return [layer for layer in layers if _plain(layer["name"]) in asked][:MOST_LAYERS]
    return None if len(layers) > 1 else list(layers)


def same(service: Service, layers: Iterable[Layer]) -> list[Layer]:
    """Return the layers of a service with the same name or title as given ones (WMS layers of WFS types)."""
    names = {_plain(layer["name"]) for layer in layers} | {voc.normalise(layer["title"]) for layer in layers}
    found = [
        each for each in service["layers"] if {_plain(each["name"]), voc.normalise(each["title"])} & (names - {""})
    ]
    return found or (list(service["layers"]) if len(service["layers"]) == 1 else [])


def dataset(service: Service, layers: Sequence[Layer], lang: str) -> Dataset:
    """Return the fields of a dataset from a service: title, description, extent, territory, reference system.

    Args:
        service: the first service.
        layers: the chosen layers; empty for the service as a whole.
        lang: language of the page, for labels.
    """
    told = layers or service["layers"]
    one = layers[0] if len(layers) == 1 else None
    service_title = "" if _STOCK.match(service["title"]) else service["title"]
    title = _title(one) if one else service_title or (_title(layers[0]) if layers else "")
    notes = (one or {}).get("abstract") or service["abstract"]
    found: Dataset = {"title": title, "notes": "" if _STOCK.match(notes) else notes}
    if box := _box(told):
        found["spatial_coverage"] = [{"bbox": spatial.box_to_geometry(box)}]
        if territory := _territory(box, lang):
            found["territory"] = [territory]
    if codes := _crs(told):
        found["reference_system"] = codes
    found["spatial_representation"] = _representation(service)
    return {name: value for name, value in found.items() if value}


def resources(service: Service, layers: Sequence[Layer]) -> list[Dataset]:
    """Return the resources of a service for some layers."""
    row = kinds()[service["kind"]]
    if row["carries"] == "links" and layers:
        files = [_file(link, layer) for layer in layers for link in layer["details"].get("links", ())]
        if files := [file for file in files if file["url"]][:MOST_FILES]:
            return files
    label = service["label"]
    shared = {"url": service["url"], "format": row["format"], "protocol": row["protocol"]}
    if not layers or row["carries"] != "name":
        return [{**shared, "name": _named(service["title"] or label, label)}]
    return [
        {
            **shared,
            "name": _named(_title(layer), label),
            "layer_name": [layer["name"]],
            "reference_system": _crs([layer]),
        }
        for layer in layers
    ]


def _named(title: str, label: str) -> str:
    return title if label.lower() in title.lower().split() else f"{title} ({label})"


def _file(link: Mapping[str, str], layer: Layer) -> Dataset:
    feed = "atom" in link.get("format", "")
    known = voc.get("format").find(link.get("format", ""))
    file = {"url": link.get("url", ""), "name": _title(layer)}
    if feed:
        return {**file, "format": "Atom Feed", "protocol": "ATOM"}
    size = link.get("size", "")
    return {**file, "format": known.id if known else "", **({"size": size} if size.isdigit() else {})}


def _title(layer: Layer) -> str:
    title = str(layer["title"] or "")
    if title and title != layer["name"]:
        return title
    return readable(layer["name"].rpartition(":")[2] or layer["name"])


def readable(name: str) -> str:
    """Return the name of a table or file as a readable title: "l_zone_humide" → "L zone humide"."""
    return sentence_case(" ".join(re.split(r"[\s_.]+", name.strip("_. "))))


def _plain(name: str) -> str:
    return voc.normalise(name.strip().rpartition(":")[2] or name)


def _box(layers: Iterable[Layer]) -> spatial.Box | None:
    boxes = [tuple(layer["extent"]) for layer in layers if layer.get("extent")]
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    west, south, east, north = min(wests), min(souths), max(easts), max(norths)
    whole = west <= WORLD[0] and south <= WORLD[1] and east >= WORLD[2] and north >= WORLD[3]
    return None if whole or west >= east or south >= north else (west, south, east, north)


def _territory(box: spatial.Box, lang: str) -> str:
    """Return the smallest territory that contains a box; "" if the box covers too little of it (`LEAST_SHARE`)."""
    slack_x, slack_y = (box[2] - box[0]) * SLACK, (box[3] - box[1]) * SLACK
    inner = (box[0] + slack_x, box[1] + slack_y, box[2] - slack_x, box[3] - slack_y)
    found = places.territories_of(inner, lang)
    around = spatial.territory_box(found[0]["uri"]) if found else None
    if around is None or around[0] > around[2]:
        return ""
    share = (box[2] - box[0]) * (box[3] - box[1]) / ((around[2] - around[0]) * (around[3] - around[1]))
    return found[0]["uri"] if share >= LEAST_SHARE else ""


def _crs(layers: Iterable[Layer]) -> list[str]:
    """Return the URIs of the first EPSG code of each layer, if in the vocabulary."""
    first = (next((code for code in layer["crs"] if code.startswith("EPSG:")), "") for layer in layers)
    known = voc.get("epsg")
    codes = (known.find(code) for code in first if code)
    return list(dict.fromkeys(concept.uri for concept in codes if concept))[:10]


def _representation(service: Service) -> str:
    name = {"wfs": "vector", "ogcapi": "vector", "wcs": "grid"}.get(service["kind"], "")
    concept = voc.get("spatial-representation").get(name) if name else None
    return concept.uri if concept else ""
