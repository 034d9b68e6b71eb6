"""Set the formats of resources: their own, or those that the record names beside its links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.harvest.normalise.addresses import Address
from ckanext.ecosphere.harvest.normalise.draft import Draft, reason
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.texts import cut
from ckanext.ecosphere.harvest.record import Link
from ckanext.ecosphere.vocabularies import Concept

Resource = dict[str, Any]

MAX_DESCRIPTION = 4_000
ARCHIVES = re.compile(r"atomarchive/getresource|/telechargement/prepackage", re.IGNORECASE)
_PACKED = re.compile(
    r"[-_.](shp|shape|mif|tab|gpkg|geojson|gml|kml|csv|tsv|dxf|gdb)(?:\.zip|\.7z|\.gz)$",
    re.IGNORECASE,
)
"""End of a path, or of a file name in the query, that states the format within an archive."""
_NARROWER = {"TIFF": "GeoTIFF", "JSON": "GeoJSON", "XML": "GML"}
"""Format by extension or media type → more specific format, if the record names it."""
_ZIP = "http://www.iana.org/assignments/media-types/application/zip"
_FORMATS = "Formats : "


@dataclass(slots=True)
class Formats:
    """Formats that a record states beside its links.

    Attributes:
        data: data formats, in order.
        archive: format of the archive that contains the data.
        named: all of them by id, as written.
        of_links: whether they are those that the links themselves state; a link without one then
            has none of them.
    """

    data: list[Concept] = field(default_factory=list)
    archive: Concept | None = None
    named: dict[str, list[str]] = field(default_factory=dict)
    of_links: bool = False

    @classmethod
    def of(cls, concepts: Iterable[Concept]) -> Formats:
        """Return the data formats and the archive among some formats."""
        formats = cls()
        for concept in concepts:
            kind = concept.data["kind"]
            if kind == "archive":
                formats.archive = formats.archive or concept
            elif kind not in ("document", "service") and concept not in formats.data:
                formats.data.append(concept)
        return formats


def formats_of(draft: Draft) -> Formats:
    """Return the formats that the record states beside its links; note unrecognised ones."""
    record = draft.record
    named: dict[str, list[str]] = {}
    all_concepts: list[Concept] = []
    for item in record.formats:
        written = " ".join(filter(None, (item.name, item.version)))
        concepts = _named(item.name)
        if not concepts and not is_placeholder(item.name):
            draft.lost("distributionFormat", written)
        for concept in concepts:
            named.setdefault(concept.id, []).append(written)
        all_concepts += concepts
    formats = Formats.of(all_concepts)
    formats.named = named
    of_links = {link.format for link in record.links}
    formats.of_links = all(item.name in of_links for item in record.formats)
    return formats


def formats_for(link: Link, formats: Formats) -> Formats:
    """Return the possible formats of a link: its own, as RDF distributions state them, else all."""
    of_name = Formats()
    concept = links.format_that_is(link.name or "")
    if concept and concept.data["kind"] not in ("archive", "document", "image"):
        of_name = Formats.of([concept])
    if not link.format and (of_name.data or formats.of_links):
        return of_name
    if not link.format:
        return formats
    own = Formats.of(_named(link.format))
    if own.archive and not own.data:
        own.data = of_name.data  # "Shapefile" in a ZIP, named so by ArcGIS portals
    return own


def _named(text: str | None) -> list[Concept]:
    if text is None or is_placeholder(text):
        return []
    return links.formats_named(text)


# --- one resource ----------------------------------------------------------------------------


def set_format(
    draft: Draft, resource: Resource, concept: Concept | None, formats: Formats, address: Address
) -> None:
    """Set format and media type of a resource.

    Args:
        draft: the draft, which logs the decision.
        resource: with its URL and role.
        concept: the format that its link tells.
        formats: those that the record states, for archives and for data without a format.
        address: the URL.
    """
    if resource["resource_role"] == "data":
        _set_format_of_data(draft, resource, concept, formats, address)
    elif concept:
        _set(resource, concept)


def _set(resource: Resource, concept: Concept) -> None:
    resource["format"] = concept.id
    resource["mimetype"] = concept.data["media_type"]


def _set_format_of_data(
    draft: Draft, resource: Resource, concept: Concept | None, formats: Formats, address: Address
) -> None:
    """Set the format of data, and that of the archive that contains them.

    If the record states several, the first is set and the description lists all: the format of a
    file without a name is unknown.
    """
    concept = _corrected(concept, resource, formats)
    is_archive = concept is not None and concept.data["kind"] == "archive"
    inner = _within_an_archive(address) if is_archive else None
    if inner is None and len(formats.data) == 1 and (concept is None or is_archive):
        inner = formats.data[0]
    if inner:
        if concept and concept.id == "ZIP":
            resource["package_format"] = _ZIP
            resource["mimetype"] = concept.data["media_type"]
        resource["format"] = inner.id
        draft.change("resources", reason("format-of", value=resource["url"]), inner.id)
        return
    if len(formats.data) > 1 and (is_archive or concept is None):
        _describe_formats(resource, formats)
    if concept is None:
        concept = next(iter(formats.data), formats.archive)
        if concept:
            draft.change("resources", reason("format-of", value=resource["url"]), concept.id)
    if concept:
        _set(resource, concept)
        if not is_archive and address.path.lower().endswith(".zip"):
            resource["package_format"] = _ZIP


def _corrected(concept: Concept | None, resource: Resource, formats: Formats) -> Concept | None:
    """Return the format of data as the link tells it, corrected by what the record states."""
    states_formats = formats.data or formats.archive
    if concept and concept.id in links.NOT_A_DATA_FORMAT and states_formats:
        concept = None  # a download page: the data have the format that the record states
    is_archive = concept is not None and concept.data["kind"] == "archive"
    if not is_archive and ARCHIVES.search(links.examined(resource["url"])):
        return voc.get("format")["ZIP"]
    ids = {other.id for other in formats.data}
    if concept and concept.id not in ids and _NARROWER.get(concept.id) in ids:
        return voc.get("format")[_NARROWER[concept.id]]
    return concept


def _within_an_archive(address: Address) -> Concept | None:
    """Return the format that the name of an archive states for the data in it."""
    matches = map(_PACKED.search, (address.path, *address.query.values()))
    match = next(filter(None, matches), None)
    if not match:
        return None
    return links.format_named(match.group(1))


def _describe_formats(resource: Resource, formats: Formats) -> None:
    sentence = _FORMATS + ", ".join(concept.id for concept in formats.data)
    description = f"{resource.get('description', '')}\n\n{sentence}".strip()
    resource["description"] = cut(description, MAX_DESCRIPTION)


# --- all resources ---------------------------------------------------------------------------


def take_maps_for_data(resources: list[Resource], formats: Formats) -> None:
    """Treat documents and images in a stated format as the data, if there are no others."""
    if any(resource["resource_role"] in ("data", "service") for resource in resources):
        return
    for resource in resources:
        code = resource.get("format")
        is_document = resource["resource_role"] == "documentation"
        if is_document and code in formats.named and code not in links.NOT_A_DATA_FORMAT:
            resource["resource_role"] = "data"
            resource["download_url"] = resource["url"]


def note_unplaced(draft: Draft, formats: Formats, resources: list[Resource]) -> None:
    """Note the formats of the record that no resource has."""
    if formats.data and not any(row["resource_role"] == "data" for row in resources):
        for resource in resources:
            if resource["protocol"] == "ATOM":  # the entries of the feed have these formats
                _describe_formats(resource, formats)
    placed = {resource.get("format") for resource in resources}
    for resource in resources:
        if resource.get("package_format"):
            placed.add("ZIP")
        if _FORMATS in resource.get("description", ""):
            placed.update(concept.id for concept in formats.data)
    for name, texts in formats.named.items():
        # Versions and variants have no field; a bare name is noted only if no resource has it.
        distinct = list(dict.fromkeys(texts))
        unplaced = [text for text in distinct if name not in placed or plain(text) != plain(name)]
        if unplaced:
            draft.lost("distributionFormat", unplaced)
