"""Services as dicts, for pages and actions: the layers that belong to a resource, and troubles."""

from __future__ import annotations

from collections.abc import Sequence

from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access.model import FAILED, UNREAD, Service
from ckanext.ecosphere.dataset.services import service_kinds
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.language import N_

Layer = Row
"""A layer of a description, see `parsers.Description`."""

MESSAGES = {
    "closed": N_("The service asks who calls."),
    "status": N_("The server answers with an error."),
    "exception": N_("The service answers with an exception instead of its description."),
    "html": N_("The server answers with a web page instead of a description of the service."),
    "other-xml": N_("The answer is XML, but no description of such a service."),
    "other-json": N_("The answer is JSON, but no description of such a service."),
    "not-xml": N_("The answer is not well-formed XML."),
    "not-json": N_("The answer is not JSON."),
    "entities": N_("The answer declares entities, which is refused."),
    "too-large": N_("The answer is too large."),
    "unknown-host": N_("The host is unknown."),
    "timeout": N_("The server does not answer in time."),
    "tls": N_("The certificate of the server cannot be verified."),
    "connection": N_("The connection fails."),
    "refused": N_("The address cannot be reached from the internet, or is not valid."),
    "unreadable": N_("The description of the service could not be read."),
}
#: Errors without any response of the server.
SILENT = frozenset({"unknown-host", "timeout", "tls", "connection"})


def shown(service: Service, requested: str, names: Sequence[str], every: bool = False) -> DataDict:
    """Return a service as a dict, as returned by the actions.

    Args:
        service: the database row.
        requested: names of the layers that the URL of the resource requests, or that the resource
            names (`ServiceUse.layer`).
        names: name of the resource and title of the dataset, to match its layers.
        every: whether to return all layers, not only those of the resource.
    """
    description = service.description or {}
    layers: list[Layer] = description.get("layers", [])
    left_out = description.get("layers_left_out", 0)
    layers_to_show = layers
    if not every:
        layers_to_show = layers_of(layers, requested, names)
    is_read = service.state != UNREAD and bool(description)
    # A layer that is missing from a shortened list may exist.
    is_listed = bool(left_out or layers_named(layers, requested))
    return {
        "kind": service.kind,
        "label": service_kinds()[service.kind].label,
        "url": service.url,
        "state": service.state,
        "trouble": trouble(service),
        "failing_since": service.failing_since and service.failing_since.isoformat(),
        "read_at": service.read_at and service.read_at.isoformat(),
        "version": description.get("version", ""),
        "title": description.get("title", ""),
        "abstract": description.get("abstract", ""),
        "formats": description.get("formats", []),
        "limits": description.get("limits", {}),
        "parts": description.get("details", {}).get("parts", []),
        "layer_count": len(layers) + left_out,
        "layers": [dict(layer) for layer in layers_to_show],
        "asked": requested,
        "dead_layer": is_read and bool(requested) and not is_listed,
    }


def sentence(code: str) -> str:
    """Return the message of an error code."""
    return _(MESSAGES.get(code, MESSAGES["unreadable"]))


def trouble(service: Service) -> str:
    """Return what is wrong with a service, and since when; "" if nothing."""
    if service.state == FAILED:
        day = dates.day(service.failing_since)
        if service.error in SILENT:
            return _("The server has not answered since {day}.").format(day=day)
        message = _("Since {day} the service cannot be used: {reason}")
        return message.format(day=day, reason=sentence(service.error))
    if service.error == "closed":
        return sentence("closed")
    return ""


def layers_of(layers: Sequence[Layer], requested: str, names: Sequence[str]) -> list[Layer]:
    """Return the layers of a resource.

    These are the requested ones, else the only one, else one with a matching name or title.

    Args:
        layers: all layers of the service.
        requested: comma-separated names of the requested layers, "" for none.
        names: name of the resource, title of the dataset.
    """
    if requested:
        return layers_named(layers, requested)
    if len(layers) == 1:
        return list(layers)
    for name in filter(None, names):
        words = voc.normalise(name)
        for layer in layers:
            if words in (_local_name(layer["name"]), voc.normalise(layer["title"] or "")):
                return [layer]
        # A name may contain that of the layer: "l_zone_humide_s_044 (WMS)".
        for layer in layers:
            if layer["name"] in name.split():
                return [layer]
    return []


def layers_named(layers: Sequence[Layer], requested: str) -> list[Layer]:
    """Return the requested layers in the requested order, by exact name, else without workspace."""
    chosen: list[Layer] = []
    for name in filter(None, map(str.strip, requested.split(","))):
        exact = [layer for layer in layers if layer["name"] == name]
        similar = [layer for layer in layers if _local_name(layer["name"]) == _local_name(name)]
        candidates = exact or similar
        if candidates and candidates[0] not in chosen:
            chosen.append(candidates[0])
    return chosen


def _local_name(name: str) -> str:
    """Return a name without its workspace ("dreal:zones" → "zones"), normalised."""
    return voc.normalise(name.rpartition(":")[2] or name)
