"""Rules that convert links to resources, in a stable order, and describe a service.

Protocol, role, format, network and name of a link are those of `dataset.links`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links as dataset_links
from ckanext.ecosphere.dataset import services
from ckanext.ecosphere.harvest.normalise.constraints import licence_of_text, licence_of_url
from ckanext.ecosphere.harvest.normalise.dates import parsed
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    distinct,
    is_placeholder,
    plain,
    reason,
    words,
)
from ckanext.ecosphere.harvest.normalise.texts import (
    MAX_LINKS,
    Address,
    clean_url,
    cut,
    in_languages,
    is_intranet,
    link_stated,
    note_translations,
    one_line,
    plain_text,
    record_named,
)
from ckanext.ecosphere.harvest.record import Graphic, Link
from ckanext.ecosphere.harvest.record import Service as ServiceOfRecord
from ckanext.ecosphere.vocabularies import Concept, languages

Resource = dict[str, Any]
"""A resource of the dataset."""

MAX_RESOURCES = 500
"""Maximum number of resources kept; with more, CKAN's pages and saves become unusable."""
MAX_NAME, MAX_LAYERS = 200, 100
_ROLES = ("data", "service", "documentation", "sample", "metadata")
_WEB = ("http://", "https://")
_LAYER = re.compile(r"[\w.-]+(?::[\w.-]+)*")
_LAYER_KEYS = ("layers", "layer", "typenames", "typename")
_DIRECT = re.compile(r"request=getfeature|/download\b|/exports?/", re.IGNORECASE)
_RECORD = "completemetadata"
"""Function code of a link to the record itself (ISO 19115-3)."""
_MEGABYTE = 1_000_000
_MOST_MEGABYTES = 10**9
"""A petabyte; larger sizes are errors in the record."""
_PLAIN_FILES = ("HTTP", "HTTP:DOWNLOAD", "FTP")


# --- the rule --------------------------------------------------------------------------------


def links(draft: Draft) -> None:
    """Create the resources, in an order independent of the record's."""
    formats = formats_of(draft)
    by_request: dict[tuple[str, str, str], Resource] = {}
    for link in draft.first("onLine", _all_links(draft), MAX_LINKS):
        for resource in of_link(draft, link, formats):
            first = by_request.setdefault(_request(resource), resource)
            if first is not resource:
                _merge(first, resource)
    take_maps_for_data(list(by_request.values()), formats)
    resources = sorted(by_request.values(), key=_rank)
    draft.set("resources", draft.first("onLine", resources, MAX_RESOURCES))
    draft.with_room("onLine", [resource["url"] for resource in resources], MAX_RESOURCES)
    note_unplaced(draft, formats, resources)
    _describe_service(draft)


def _all_links(draft: Draft) -> list[Link]:
    """Return the online resources, and the connection points of a service's operations."""
    service = draft.record.service
    if service is None:
        return draft.record.links
    operations = [operation.name or "" for operation in service.operations]
    spoken = dataset_links.protocol_of_service(service.type or "", operations, service.versions)
    points = list(draft.record.links)
    for operation in service.operations:
        points += [_of_operation(draft, link, spoken) for link in operation.links]
    return points


def _of_operation(draft: Draft, link: Link, spoken: str) -> Link:
    """Return the link of an operation: its point is the service, unless it is a document."""
    url = clean_url(link.url).url
    protocol, role = link.protocol, None
    if url and not dataset_links.is_document(url):
        role = "service"
        own = dataset_links.protocol_of(protocol or "", url)
        if spoken and (not protocol or own in dataset_links.GENERIC):
            protocol = spoken
    name = link.name or draft.record.title
    return Link(link.url, protocol, name, link.description, link.function, role=role)


def _request(resource: Resource) -> tuple[str, str, str]:
    """Return the key for merging resources of one record.

    It ignores the case of OGC parameters.
    """
    url, protocol = resource["url"], resource["protocol"]
    if protocol in dataset_links.OGC_WITH_CAPABILITIES:
        url = services.folded(url)
    return url, protocol, _joined_layers(resource)


def _joined_layers(resource: Resource) -> str:
    return ",".join(resource.get("layer_name", ()))


def _rank(resource: Resource) -> tuple[Any, ...]:
    return (
        resource["network"] != "internet",
        _ROLES.index(resource["resource_role"]),
        resource["protocol"],
        _joined_layers(resource),
        plain(resource["name"]),
        resource["url"],
    )


def _merge(first: Resource, second: Resource) -> None:
    for key, value in second.items():
        main = key.removesuffix(languages.SUFFIX)
        is_translation = main != key
        if is_translation and first[main] != second[main]:
            continue
        if value and not first.get(key):
            first[key] = value


# --- one link --------------------------------------------------------------------------------


def of_link(draft: Draft, link: Link, formats: Formats) -> list[Resource]:
    """Return the resources of a link: none, one, or two for a base URL of WMS and WFS."""
    address = clean_url(link.url)
    if address.url is None:
        _refuse(draft, link, address)
        return []
    if address.url != (link.url or "").strip():
        draft.change("resources", link.url, address.url)
    if address.credentials:
        draft.problem("link-credentials", host=address.host)
    written = link_stated(link, address)
    sign = dataset_links.sign_of(written)
    use = sign.use
    if (link.function or "").lower() == _RECORD and not sign.certain:
        use = "record-html"
    is_internal = is_intranet(address.host) or "intranet" in plain(link.name or "").split()
    if use.startswith("record"):
        _use_record_view(draft, link, address.url, use == "record-html", is_internal)
        return []
    if "landing" in (link.protocol or "").lower() and not is_internal:
        draft.set("url", address.url)
    protocols = [dataset_links.protocol_spoken(written, sign)]
    if dataset_links.serves_wms_and_wfs(written):
        protocols = ["OGC:WMS", "OGC:WFS"]
    if protocols != [link.protocol or ""]:
        before = reason("protocol")
        if link.protocol:
            before = reason("protocol-named", value=link.protocol)
        draft.change("resources", before, ", ".join(protocols))
    network = "internet"
    if is_internal:
        network = "intranet"
    resources = []
    for protocol in protocols:
        resource = _resource(draft, link, address, (protocol, use), formats)
        resources.append({**resource, "network": network})
    _note_size(draft, link, resources)
    return resources


def _note_size(draft: Draft, link: Link, resources: list[Resource]) -> None:
    """Note a size that applies to no file."""
    if _positive(link.size_megabytes) and not any("size" in row for row in resources):
        draft.lost("transferOptions/transferSize", f"{link.size_megabytes} Mo")


def _refuse(draft: Draft, link: Link, address: Address) -> None:
    if address.reason == "empty":
        texts = [text for text in (link.name, link.description, link.protocol) if text]
        if texts:
            draft.lost("onLine without an address", texts)
        return
    url = link.url or link.name or ""
    draft.lost("onLine", f"{link.protocol or ''} {url}".strip())
    draft.problem(f"link-{address.reason}", url=url)


def _use_record_view(draft: Draft, link: Link, url: str, is_page: bool, is_internal: bool) -> None:
    """Use a view of the record as the link to the original; it becomes no resource."""
    dataset = draft.dataset
    as_written = f"{link.protocol or ''} {url}".strip()
    if is_internal:
        reached = reason("view of the record on the intranet, left out")
        draft.change("resources", url, reached)
        draft.lost("metadataLinkage", as_written)
        return
    present = dataset.get("source_record")
    if present and _is_of_another(draft, url) and not _is_of_another(draft, present):
        draft.lost("metadataLinkage", as_written)
        return
    if is_page and (not dataset.get("url") or _is_of_another(draft, dataset["url"])):
        draft.set("url", url)
    if is_page or not present:
        if present and present != url:
            draft.lost("metadataLinkage", present)
        draft.set("source_record", url, before=reason("view of the record"))
    elif url not in (present, dataset.get("url")):
        draft.change("resources", url, reason("view of the record, left out"))
        draft.lost("metadataLinkage", as_written)


def _is_of_another(draft: Draft, url: str) -> bool:
    """Tell whether a URL shows a record with another identifier than this one's."""
    named = record_named(url).lower()
    own = str(draft.dataset.get("metadata_identifier") or "").lower()
    return bool(named and own) and named not in own and own not in named


def _resource(
    draft: Draft, link: Link, address: Address, signs: tuple[str, str], formats: Formats
) -> Resource:
    """Create a resource from a link; `signs` are its protocol and use."""
    protocol, use = signs
    written = link_stated(link, address)
    role = link.role
    if role not in _ROLES:
        role = dataset_links.role_of(written, protocol, use)
    url = address.url or ""
    resource: Resource = {"url": url, "resource_role": role, "protocol": protocol}
    layers: list[str] = []
    if role == "service" or "typename" in url.lower():
        layers = _layers(link, address, protocol)
    layers = draft.with_room("links.layers", layers, MAX_LAYERS)
    if layers:
        resource["layer_name"] = layers
    resource["name"] = _name(link, address, protocol, ", ".join(layers))
    description = plain_text(link.description)
    if plain(description) != plain(resource["name"]):
        resource["description"] = cut(description, MAX_DESCRIPTION)
    _translate(draft, resource, link)
    concept = dataset_links.format_of(written, protocol, role)
    set_format(draft, resource, concept, formats_for(link, formats), address)
    if role == "service":
        _complete_service(draft, resource, address)
    if role == "data":
        _complete_data(draft, resource, link)
    _complete_declared(resource, link)
    _complete_distribution(draft, resource, link)
    return resource


def _translate(draft: Draft, resource: Resource, link: Link) -> None:
    """Set name and description in all languages of a link; note translations without a place."""
    for attribute, texts in link.translations.items():
        written = getattr(link, attribute, None)
        field = ""
        if attribute in ("name", "description"):
            field = _field_with(resource, plain(one_line(written)))
        if field and f"{field}{languages.SUFFIX}" not in resource:
            translated = in_languages(draft, field, resource[field], written, texts)
            resource[f"{field}{languages.SUFFIX}"] = translated
        else:
            note_translations(draft, f"onLine/{attribute}", written, texts)


def _field_with(resource: Resource, bare: str) -> str:
    """Return which field of a resource has a text, if any."""
    for name in ("name", "description"):
        if bare and plain(resource.get(name) or "") == bare:
            return name
    return ""


def _complete_service(draft: Draft, resource: Resource, address: Address) -> None:
    """Describe a service as an access service.

    An OGC service gets its GetCapabilities URL, unless its URL has a request.
    """
    protocol = resource["protocol"]
    if protocol not in dataset_links.OGC_WITH_CAPABILITIES:
        if protocol not in ("HTTP", "HTTP:DOWNLOAD"):
            access = {"title": resource["name"], "endpoint_url": [resource["url"]]}
            resource["access_services"] = [access]
        return
    described = services.capabilities(resource["url"], protocol)
    if "request" not in address.query:
        draft.change("resources", resource["url"], described)
        resource["url"] = described
    resource["access_services"] = [
        {
            "title": resource["name"],
            "endpoint_url": [services.endpoint(resource["url"])],
            "endpoint_description": described,
        }
    ]


def _complete_data(draft: Draft, resource: Resource, link: Link) -> None:
    """Set download URL, size, and the character set if the record states exactly one."""
    url = resource["url"]
    ending = dataset_links.format_of_file(url)
    is_file = ending is not None and ending.id not in dataset_links.NOT_A_DATA_FORMAT
    searched = dataset_links.examined(url)
    if is_file or _DIRECT.search(searched) or ARCHIVES.search(searched):
        resource["download_url"] = url
        if resource["protocol"] == "HTTP":
            resource["protocol"] = "HTTP:DOWNLOAD"
    megabytes = _positive(link.size_megabytes)
    if megabytes:
        resource["size"] = round(megabytes * _MEGABYTE)
    codes = set(draft.record.encodings)
    if len(codes) == 1:
        encoding = voc.get("encoding").find(codes.pop())
        if encoding:
            resource["encoding"] = encoding.id


def _complete_declared(resource: Resource, link: Link) -> None:
    """Copy the character set and the reference systems that the link states."""
    encoding = voc.get("encoding").lookup(link.encoding or "")
    if encoding:
        resource["encoding"] = encoding.id
    systems = filter(None, map(voc.get("epsg").get, link.systems))
    uris = [system.uri for system in systems]
    if uris:
        resource["reference_system"] = uris


def _complete_distribution(draft: Draft, resource: Resource, link: Link) -> None:
    """Copy the properties of an RDF distribution.

    Access page, dates, documentation, standards, its own licence.
    """
    if link.licence:
        _set_own_licence(draft, resource, link.licence)
    page = clean_url(link.access_url).url
    if page and page != resource["url"] and resource.get("download_url"):
        resource["access_url"] = page
    for name, value in (("issued", link.issued), ("modified", link.modified)):
        day = parsed(draft, name, value)
        if day:
            resource[name] = day
    for name, values in (
        ("documentation", link.documentation),
        ("conforms_to", link.standards),
    ):
        addresses = [value for value in values if value.startswith(_WEB)]
        if addresses:
            resource[name] = addresses


def _set_own_licence(draft: Draft, resource: Resource, licence: str) -> None:
    """Set the licence of a resource, if it is not that of the dataset."""
    code = licence_of_url(licence) or licence_of_text(licence)[0] or ""
    if code == draft.dataset.get("license_id"):
        return
    concept = voc.get("licences").get(code)
    if concept and not code.startswith("other-"):
        licence = concept.uri
    if licence.startswith(_WEB):
        resource["license"] = licence
    else:
        resource["rights"] = licence  # in DCAT-AP, a licence without a URI is a rights statement


def _positive(text: str | None) -> float | None:
    try:
        number = float((text or "").replace(",", "."))
    except ValueError:
        return None
    if 0 < number <= _MOST_MEGABYTES:
        return number
    return None


# --- names -----------------------------------------------------------------------------------


def _layers(link: Link, address: Address, protocol: str) -> list[str]:
    """Return the layer names of a link.

    GeoNetwork writes them as the name of a link to an OGC service, each a single word.
    """
    name = link.name or ""
    names = []
    if not _is_no_layer(name):
        names = split_layers(name)
    if names and all(map(_is_layer, names)):
        is_ogc = protocol in dataset_links.OGC_WITH_CAPABILITIES
        if is_ogc or re.search("[:_]", names[0]):
            return names
    parameters = filter(None, map(address.query.get, _LAYER_KEYS))
    return split_layers(next(parameters, ""))


def _is_layer(name: str) -> bool:
    return bool(_LAYER.fullmatch(name)) and not name.lower().startswith("http")


def _is_no_layer(name: str) -> bool:
    """Tell whether the name of a link is that of a file, a format or a protocol, or of the link."""
    if dataset_links.format_that_is(name) or voc.get("protocol").find(name):
        return True
    return dataset_links.format_of_file(name) is not None or plain(name) in words("link-words")


def split_layers(text: str) -> list[str]:
    """Split comma-separated layer names (WMS 1.3.0, LAYERS; WFS 2.0.0, TYPENAMES; table 8)."""
    names = (name.strip()[:MAX_NAME] for name in text.split(","))
    return distinct(filter(None, names))


def _name(link: Link, address: Address, protocol: str, layer: str) -> str:
    """Return a readable name: that of the link, its short description, or of file or protocol."""
    name, description = one_line(link.name), one_line(link.description)
    is_layer = name.replace(" ", "") == layer.replace(" ", "")
    if name and not (is_layer or is_placeholder(name) or name.lower().startswith("http")):
        return cut(name, MAX_NAME)
    if description and len(description) <= MAX_NAME:
        return description
    return cut(_name_of_address(address, protocol, layer, description), MAX_NAME)


def _name_of_address(address: Address, protocol: str, layer: str, description: str) -> str:
    concept = voc.get("protocol").get(protocol)
    if layer and concept:
        return f"{concept.label_fr} : {layer}"
    file_name = unquote(address.path.rstrip("/").rpartition("/")[2])
    if "." in file_name and protocol in _PLAIN_FILES:
        return one_line(file_name) or address.host
    if not description and concept and protocol != "HTTP":
        return concept.label_fr
    return description or address.host


# --- the service -----------------------------------------------------------------------------

_KINDS = {"view": "view", "download": "download", "catalogue": "discovery"}
"""Purpose of a protocol → service type."""


def _describe_service(draft: Draft) -> None:
    """Set the type of a service, and its endpoints: those of its resources."""
    service = draft.record.service
    if service is None:
        return
    _set_kind(draft, service)
    names = [operation.name for operation in service.operations if operation.name]
    if names:
        draft.lost("containsOperations", distinct(names))
    if draft.record.fields.get("endpoint_url"):
        return  # set by the ckanext-dcat profiles
    endpoints: list[str] = []
    descriptions: list[str] = []
    for resource in draft.dataset.get("resources", ()):
        if resource["resource_role"] == "service":
            endpoints.append(services.endpoint(resource["url"]))
            for access in resource.get("access_services", ()):
                descriptions.append(access.get("endpoint_description"))
    draft.set("endpoint_url", distinct(endpoints))
    draft.set("endpoint_description", next(filter(None, descriptions), ""))


def _set_kind(draft: Draft, service: ServiceOfRecord) -> None:
    name = service.type or ""
    kind = voc.get("service-type").get(name)
    protocol = voc.get("protocol").lookup(name)
    if not kind and protocol:
        kind = voc.get("service-type").get(_KINDS.get(protocol.data["kind"], ""))
    if kind:
        draft.set("service_type", kind.uri)
    elif name:
        draft.lost("serviceType", name)


# --- preview ---------------------------------------------------------------------------------


def preview(draft: Draft) -> None:
    """Set the preview image to the largest one with an internet URL."""
    for graphic in sorted(draft.record.graphics, key=_is_small):
        address = clean_url(graphic.url)
        is_usable = (address.url or "").startswith("http") and not is_intranet(address.host)
        if is_usable and not draft.dataset.get("preview_image"):
            draft.set("preview_image", address.url)
        elif graphic.url and address.url != draft.dataset.get("preview_image"):
            path = "graphicOverview"
            if is_usable:
                path = "graphicOverview/fileName"
            draft.lost(path, graphic.url)


def _is_small(graphic: Graphic) -> bool:
    return "large" not in (graphic.description or "").lower()


# --- formats: those of the resources, or that the record names beside its links -----------------

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
    concept = dataset_links.format_that_is(link.name or "")
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
    return dataset_links.formats_named(text)


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
        _set_concept(resource, concept)


def _set_concept(resource: Resource, concept: Concept) -> None:
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
        _set_concept(resource, concept)
        if not is_archive and address.path.lower().endswith(".zip"):
            resource["package_format"] = _ZIP


def _corrected(concept: Concept | None, resource: Resource, formats: Formats) -> Concept | None:
    """Return the format of data as the link tells it, corrected by what the record states."""
    states_formats = formats.data or formats.archive
    if concept and concept.id in dataset_links.NOT_A_DATA_FORMAT and states_formats:
        concept = None  # a download page: the data have the format that the record states
    is_archive = concept is not None and concept.data["kind"] == "archive"
    if not is_archive and ARCHIVES.search(dataset_links.examined(resource["url"])):
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
    return dataset_links.format_named(match.group(1))


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
        if is_document and code in formats.named and code not in dataset_links.NOT_A_DATA_FORMAT:
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
        unplaced = distinct(texts)
        if name in placed:
            unplaced = [text for text in unplaced if plain(text) != plain(name)]
        if unplaced:
            draft.lost("distributionFormat", unplaced)
