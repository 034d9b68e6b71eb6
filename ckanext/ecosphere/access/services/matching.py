"""Which layers of a service are those of a resource. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ckanext.ecosphere import vocabularies as voc

MOST_SHOWN = 8


def _plain(name: str) -> str:
    """Name without the workspace before it ("dreal:zones" → "zones"), case and accents."""
    return voc.normalise(name.rpartition(":")[2] or name)


def named(layers: Sequence[Mapping[str, Any]], asked: str) -> list[Mapping[str, Any]]:
    """Return the layers that an address asks for, in its order; the exact name first, then that without workspace."""
    found: list[Mapping[str, Any]] = []
    for name in filter(None, (each.strip() for each in asked.split(","))):
        exact = next((layer for layer in layers if layer["name"] == name), None)
        match = exact or next((layer for layer in layers if _plain(layer["name"]) == _plain(name)), None)
        if match is not None and match not in found:
            found.append(match)
    return found


def match(layers: Sequence[Mapping[str, Any]], asked: str, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the layers of a resource: those that its address names, else the one that is called like it.

    Args:
        layers: all layers of the service.
        asked: what the address asks for, "" for nothing.
        names: name of the resource, title of the dataset.
    """
    if asked:
        return named(layers, asked)
    if len(layers) == 1:
        return list(layers)
    for name in filter(None, names):
        words = voc.normalise(name)
        exact = [layer for layer in layers if words in (_plain(layer["name"]), voc.normalise(layer["title"] or ""))]
        # A title may hold the name of the layer: "l_zone_humide_s_044 (WMS)".
        written = exact or [layer for layer in layers if name.strip() and layer["name"] in name.split()]
        if written:
            return written[:1]
    return []


def is_dead(asked: str, layers: Sequence[Mapping[str, Any]], left_out: int) -> bool:
    """Whether an address asks for a layer that the service does not have."""
    return bool(asked) and not left_out and len(named(layers, asked)) == 0
