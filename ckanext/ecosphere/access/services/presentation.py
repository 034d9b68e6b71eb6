"""Represent services as dicts, for pages and actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ckanext.ecosphere.access.model import UNREAD, Service
from ckanext.ecosphere.access.services import matching
from ckanext.ecosphere.access.services.messages import trouble
from ckanext.ecosphere.dataset.services import service_kinds


def shown(service: Service, asked: str, names: Sequence[str], every: bool = False) -> dict[str, Any]:
    """Return a service as a dict, as returned by the actions.

    Args:
        service: the database row.
        asked: layer requested by the URL or named in the resource.
        names: name of the resource and title of the dataset, to match its layers.
        every: whether to return all layers, not only those of the resource.
    """
    known = service.description or {}
    layers: list[Mapping[str, Any]] = known.get("layers", [])
    left_out = known.get("layers_left_out", 0)
    own = layers if every else matching.match(layers, asked, names)
    return {
        "kind": service.kind,
        "label": service_kinds()[service.kind].label,
        "url": service.url,
        "state": service.state,
        "trouble": trouble(service),
        "failing_since": service.failing_since.isoformat() if service.failing_since else None,
        "read_at": service.read_at.isoformat() if service.read_at else None,
        "version": known.get("version", ""),
        "title": known.get("title", ""),
        "abstract": known.get("abstract", ""),
        "formats": known.get("formats", []),
        "limits": known.get("limits", {}),
        "parts": known.get("details", {}).get("parts", []),
        "layer_count": len(layers) + left_out,
        "layers": [dict(layer) for layer in own],
        "asked": asked,
        "dead_layer": service.state != UNREAD and bool(known) and matching.is_dead(asked, layers, left_out),
    }
