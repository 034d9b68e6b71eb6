"""Match the layers of a service with a resource. No CKAN imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ckanext.ecosphere import vocabularies as voc

MOST_SHOWN = 8


def _plain(name: str) -> str:
    """Return a name without its workspace ("dreal:zones" → "zones"), normalised."""
    return voc.normalise(name.rpartition(":")[2] or name)


def named(layers: Sequence[Mapping[str, Any]], asked: str) -> list[Mapping[str, Any]]:
    """Return the requested layers in the requested order, matched by exact name, else without workspace."""
    found: list[Mapping[str, Any]] = []
    for name in filter(None, (each.strip() for each in asked.split(","))):
        exact = next((layer for layer in layers if layer["name"] == name), None)
        match = exact or next((layer for layer in layers if _plain(layer["name"]) == _plain(name)), None)
        if match is not None and match not in found:
            found.append(match)
    return found


def match(layers: Sequence[Mapping[str, Any]], asked: str, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the layers of a resource: the requested ones, else the only one, else one with a matching name or title.

    Args:
        layers: all layers of the service.
        asked: comma-separated names of the requested layers, "" for none.
        names: name of the resource, title of the dataset.
    """
    if asked:
        return named(layers, asked)
    if len(layers) == 1:
        return list(layers)
    for name in filter(None, names):
        words = voc.normalise(name)
        exact = [layer for layer in layers if words in (_plain(layer["name"]), voc.normalise(layer["title"] or ""))]
        # A name may contain that of the layer: "l_zone_humide_s_044 (WMS)".
        written = exact or [layer for layer in layers if name.strip() and layer["name"] in name.split()]
        if written:
            return written[:1]
    return []


def is_dead(asked: str, layers: Sequence[Mapping[str, Any]], left_out: int) -> bool:
    """Return whether the requested layer does not exist in the service."""
    return bool(asked) and not left_out and len(named(layers, asked)) == 0
