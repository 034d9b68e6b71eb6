"""Set the formats of resources: their own, or those that the record names beside its links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links.addresses import Address
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.texts import cut
from ckanext.ecosphere.harvest.record import Link
from ckanext.ecosphere.vocabularies import Concept

Resource = dict[str, Any]

MAX_DESCRIPTION = 4_000
ARCHIVES = re.compile(r"atomarchive/getresource|/telechargement/prepackage", re.IGNORECASE)
_PACKED = re.compile(
    r"[-_.](shp|shape|mif|tab|gpkg|geojson|gml|kml|csv|tsv|dxf|gdb)(?:\.zip|\.7z|\.gz)$", re.IGNORECASE
)
"""End of a path, or of a file name in the query, that states the format within an archive."""
_NARROWER = {"TIFF": "GeoTIFF", "JSON": "GeoJSON", "XML": "GML"}
"""Format by extension or media type → more specific format, if the record names it."""
_ZIP = "http://www.iana.org/assignments/media-types/application/zip"


@dataclass(slots=True)
class Formats:
    """Formats that a record states beside its links.

    Attributes:
        data: data formats, in order.
        archive: format of the archive that contains the data.
        named: all of them by id, as written.
        of_links: whether they are those that the links themselves state; a link without one then has none of them.
    """

    data: list[Concept] = field(default_factory=list)
    archive: Concept | None = None
    named: dict[str, list[str]] = field(default_factory=dict)
    of_links: bool = False


def formats_of(draft: Draft) -> Formats:
    """Return the formats that the record states beside its links, and note unrecognised ones."""
    named: dict[str, list[str]] = {}
    every: list[Concept] = []
    for item in draft.record.formats:
        concepts = _named(item.name)
        if not concepts and not is_placeholder(item.name):
            draft.lost("distributionFormat", " ".join(filter(None, (item.name, item.version))))
        for concept in concepts:
            named.setdefault(concept.id, []).append(" ".join(filter(None, (item.name, item.version))))
        every += concepts
    found = _sorted_out(every)
    found.named = named
    found.of_links = {item.name for item in draft.record.formats} <= {link.format for link in draft.record.links}
    return found


def formats_for(link: Link, formats: Formats) -> Formats:
    """Return the possible formats of a link: its own if it states some, as RDF distributions do, else all."""
    named = links.format_that_is(link.name or "")
    of_name = _sorted_out([named] if named and named.data["kind"] not in ("archive", "document", "image") else [])
    if not link.format:
        return of_name if of_name.data or formats.of_links else formats
    own = _sorted_out(_named(link.format))
    if own.archive and not own.data:
        own.data = of_name.data  # "Shapefile" in a ZIP, named so by ArcGIS portals
    return own


def _named(text: str | None) -> list[Concept]:
    return [] if text is None or is_placeholder(text) else links.formats_named(text)


def _sorted_out(concepts: Iterable[Concept]) -> Formats:
    found = Formats()
    for concept in concepts:
        if concept.data["kind"] == "archive":
            found.archive = found.archive or concept
        elif concept.data["kind"] not in ("document", "service") and concept not in found.data:
            found.data.append(concept)
    return found


def set_format(draft: Draft, resource: Resource, found: Concept | None, formats: Formats, address: Address) -> None:
    """Set format and media type; archives, and data without a format of their own, take those that the record states.

    If there are several, the first is set and the description lists all: the format of a file without a name is
    unknown.
    """
    is_data = resource["resource_role"] == "data"
    if is_data and found and found.id in links.NOT_A_DATA_FORMAT and (formats.data or formats.archive):
        found = None  # a download page: the data have the format that the record states
    is_archive = found is not None and found.data["kind"] == "archive"
    if is_data and not is_archive and ARCHIVES.search(links.examined(resource["url"])):
        found, is_archive = voc.get("format")["ZIP"], True
    ids = {concept.id for concept in formats.data}
    if is_data and found and found.id not in ids and (narrower := _NARROWER.get(found.id)) in ids:
        found = voc.get("format").get(narrower or "")
    is_known = found is not None
    within = next(filter(None, map(_PACKED.search, (address.path, *address.query.values()))), None)
    inner = links.format_named(within.group(1)) if within and is_archive else None
    if inner is None and len(formats.data) == 1 and (found is None or is_archive):
        inner = formats.data[0]
    if is_data and inner:
        if is_archive and found and found.id == "ZIP":
            resource["package_format"] = _ZIP
            resource["mimetype"] = found.data["media_type"]
        resource["format"] = inner.id
        draft.change("resources", f"format of {resource['url']}", inner.id)
        return
    if is_data and found is None and (formats.data or formats.archive):
        found = (formats.data or [formats.archive])[0]
        draft.change("resources", f"format of {resource['url']}", found.id if found else "")
    if is_data and len(formats.data) > 1 and (is_archive or not is_known):
        _describe_formats(resource, formats)
    if found:
        resource["format"] = found.id
        resource["mimetype"] = found.data["media_type"]
        if is_data and not is_archive and address.path.lower().endswith(".zip"):
            resource["package_format"] = _ZIP


def _describe_formats(resource: Resource, formats: Formats) -> None:
    sentence = f"Formats : {', '.join(concept.id for concept in formats.data)}"
    resource["description"] = cut(f"{resource.get('description', '')}\n\n{sentence}".strip(), MAX_DESCRIPTION)


def take_maps_for_data(resources: list[Resource], formats: Formats) -> None:
    """Treat documents and images in a format that the record states as its data, if there are no other data."""
    if any(resource["resource_role"] in ("data", "service") for resource in resources):
        return
    for resource in resources:
        named = resource.get("format") in formats.named and resource["resource_role"] == "documentation"
        if named and resource["format"] not in links.NOT_A_DATA_FORMAT:
            resource["resource_role"] = "data"
            resource["download_url"] = resource["url"]


def report_unplaced(draft: Draft, formats: Formats, resources: list[Resource]) -> None:
    """Note the formats of the record that no resource has."""
    if formats.data and not any(resource["resource_role"] == "data" for resource in resources):
        for feed in [resource for resource in resources if resource["protocol"] == "ATOM"]:
            _describe_formats(feed, formats)  # the entries of the feed have these formats
    had = {resource.get("format") for resource in resources}
    had |= {"ZIP"} if any(resource.get("package_format") for resource in resources) else set()
    described = any(resource.get("description", "").rpartition("Formats : ")[1] for resource in resources)
    if described:
        had |= {concept.id for concept in formats.data}
    for name, written in formats.named.items():
        # Versions and variants have no field; a bare format name is noted only if no resource has the format.
        more = [text for text in dict.fromkeys(written) if name not in had or plain(text) != plain(name)]
        if more:
            draft.lost("distributionFormat", more)
