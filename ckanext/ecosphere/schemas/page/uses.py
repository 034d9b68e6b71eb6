"""The main action (download, copy, open) of a resource and its button, after what its link is. No CKAN imports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.links import DATA, METADATA, SERVICE, VIEWER, Nature
from ckanext.ecosphere.dataset.services import endpoint
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.vocabularies import Concept

FOLDER = Path(__file__).parent
DOWNLOAD, COPY, OPEN = "download", "copy", "open"
_MAP = re.compile(r"\bcartes?\b|/map\b|\bmap|wms|lizmap|viewer|cartograph")


@dataclass(frozen=True)
class Use:
    """Use of a resource on the dataset page.

    Attributes:
        kind: data, service, viewer, documentation, sample or metadata.
        format: id in the vocabulary `format`, "" when unknown.
        name: name of the format or service on a button ("Shapefile", "WFS"), "" when unknown.
        zipped: whether the file is an archive that contains this format.
        action: download, copy or open; "" without an address.
        address: address to download, copy or open.
        button: key of the button's text in `uses.yaml`.
    """

    kind: str
    format: str
    name: str
    zipped: bool
    action: str
    address: str
    button: str


@cache
def texts() -> dict[str, Any]:
    """Return the labels of kinds and buttons."""
    return yaml.safe_load((FOLDER / "uses.yaml").read_text(encoding="utf-8"))


def of(resource: Mapping[str, Any]) -> Use:
    """Return the use of a resource.

    Args:
        resource: the resource, from `package_show`; any field may be missing.
    """
    url = str(resource.get("url") or resource.get("download_url") or "")
    nature = links.nature(resource)
    concept = nature.format
    if nature.kind == SERVICE:
        address, name = endpoint(url), _service_name(nature)
    else:
        address, name = str(resource.get("download_url") or url), _name(concept)
    zipped = (
        concept is not None and concept.data["kind"] != "archive" and _is_zip(resource, address)
    )
    action, button = "", ""
    if address:
        action, button = _button(nature, address, _is_file(nature.protocol, resource))
    if button == "copy" and not name:
        button = "copy_plain"
    words = f"{resource.get('name')} {address}"[: links.LONGEST_URL].lower()
    if button == "open_map" and not _MAP.search(words):
        button = "open_plain"
    format_id = concept.id if concept else ""
    return Use(nature.kind, format_id, name, zipped, action, address, button)


Entry = tuple[Mapping[str, Any], Use]
"""A resource with its use."""


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return the resources of a dataset with their uses, by kind in the order of `uses.yaml`."""
    kinds = list(texts()["kinds"])
    return sorted(entries, key=lambda entry: kinds.index(entry[1].kind))


def main(entries: Iterable[Entry]) -> Entry | None:
    """Return the main resource with its use: the first file, else service, else page; intranet resources come last."""
    usable = [entry for entry in entries if entry[1].kind in (DATA, SERVICE) and entry[1].action]
    actions = (DOWNLOAD, COPY, OPEN)
    return min(
        usable,
        key=lambda entry: (links.is_internal(entry[0]), actions.index(entry[1].action)),
        default=None,
    )


def _is_zip(resource: Mapping[str, Any], url: str) -> bool:
    formats = (resource.get(name) for name in ("package_format", "compress_format", "format"))
    packed = str(next(filter(None, formats), "")).lower()
    return packed.endswith("zip") or url.lower().partition("?")[0].endswith(".zip")


def _name(concept: Concept | None) -> str:
    if concept is None:
        return ""
    return str(texts()["short"].get(concept.id, concept.id))


def _service_name(nature: Nature) -> str:
    """Return the name of a service for a button: that of its interface rather than of its answers."""
    if "API" in nature.protocol:
        return "OGC API"
    if nature.format is None and links.is_service_protocol(nature.protocol):
        return nature.protocol.removeprefix("OGC:")
    return _name(nature.format)


#: Buttons of the kinds whose address is a page to open.
_PAGES = {VIEWER: "open_map", METADATA: "open_record"}


def _button(nature: Nature, address: str, is_file: bool) -> tuple[str, str]:
    """Return the action of the main button and the key of its text."""
    kind, concept = nature.kind, nature.format
    is_page = concept is not None and concept.id == "HTML"
    if kind == SERVICE:
        return COPY, "copy"
    if not urls.is_web_address(address):
        return COPY, "copy_plain"  # browsers open neither FTP URLs nor network paths
    if kind == DATA and (is_page or _is_folder(address) or not (concept or is_file)):
        return OPEN, "open_source"
    if kind in _PAGES or is_page:
        return OPEN, _PAGES.get(kind, "open_page")
    return _button_of_file(kind, concept)


def _button_of_file(kind: str, concept: Concept | None) -> tuple[str, str]:
    """Return the action and the text of a file: documents are opened, data are downloaded."""
    if concept is None and kind == DATA:
        return DOWNLOAD, "download_plain"
    if concept is None:
        return OPEN, "open_plain"
    if kind != DATA and concept.data["kind"] in links.DOCUMENT_KINDS:
        return OPEN, "open"
    return DOWNLOAD, "download"


def _is_folder(url: str) -> bool:
    """Return whether a URL is a directory listing rather than a file."""
    parts = links.split(url)
    return not parts.query and (parts.path.endswith("/") or not parts.path)


def _is_file(protocol: str, resource: Mapping[str, Any]) -> bool:
    """Return whether a resource of unknown format is a file rather than a page."""
    uploaded = resource.get("url_type") == "upload" or bool(resource.get("download_url"))
    return uploaded or protocol == "HTTP:DOWNLOAD"
