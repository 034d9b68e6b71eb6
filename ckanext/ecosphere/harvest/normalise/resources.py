"""Rules that convert links to resources, in a stable order, and describe a service.

Protocol, role, format, network and name of a link are those of `dataset.links`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links as dataset_links
from ckanext.ecosphere.dataset import services
from ckanext.ecosphere.harvest.normalise.addresses import (
    MAX_LINKS,
    Address,
    clean_url,
    is_intranet,
    record_named,
    stated,
)
from ckanext.ecosphere.harvest.normalise.codes import concept_of
from ckanext.ecosphere.harvest.normalise.constraint_texts import licence_of_text, licence_of_url
from ckanext.ecosphere.harvest.normalise.dates import parsed
from ckanext.ecosphere.harvest.normalise.draft import Draft, reason
from ckanext.ecosphere.harvest.normalise.formats import (
    ARCHIVES,
    MAX_DESCRIPTION,
    Formats,
    Resource,
    formats_for,
    formats_of,
    note_unplaced,
    set_format,
    take_maps_for_data,
)
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain, words
from ckanext.ecosphere.harvest.normalise.texts import (
    cut,
    in_languages,
    note_translations,
    one_line,
    plain_text,
)
from ckanext.ecosphere.harvest.record import Graphic, Link
from ckanext.ecosphere.harvest.record import Service as ServiceOfRecord
from ckanext.ecosphere.vocabularies import languages

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
    all_links = _all_links(draft)
    if len(all_links) > MAX_LINKS:
        draft.too_many("onLine", len(all_links), MAX_LINKS)
    formats = formats_of(draft)
    by_request: dict[tuple[str, str, str], Resource] = {}
    for link in all_links[:MAX_LINKS]:
        for resource in of_link(draft, link, formats):
            first = by_request.setdefault(_request(resource), resource)
            if first is not resource:
                _merge(first, resource)
    take_maps_for_data(list(by_request.values()), formats)
    resources = sorted(by_request.values(), key=_rank)
    if len(resources) > MAX_RESOURCES:
        draft.too_many("onLine", len(resources), MAX_RESOURCES)
        draft.lost("onLine", [resource["url"] for resource in resources[MAX_RESOURCES:]])
    draft.set("resources", resources[:MAX_RESOURCES])
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


def resource_key(resource: Resource) -> tuple[str, str, str]:
    """Return the key that identifies a resource of a dataset across harvests."""
    return resource.get("url", ""), resource.get("protocol", ""), _joined_layers(resource)


def _request(resource: Resource) -> tuple[str, str, str]:
    """Return the key for merging resources of one record.

    It ignores the case of OGC parameters.
    """
    url, protocol, layers = resource_key(resource)
    if protocol in dataset_links.OGC_WITH_CAPABILITIES:
        url = services.folded(url)
    return url, protocol, layers


def _joined_layers(resource: Resource) -> str:
    layers = resource.get("layer_name") or []
    if isinstance(layers, str):
        return layers
    return ",".join(layers)


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


def of_link(draft: Draft, link: Link, formats: Formats | None = None) -> list[Resource]:
    """Return the resources of a link: none, one, or two for a base URL of WMS and WFS."""
    address = clean_url(link.url)
    if address.url is None:
        _refuse(draft, link, address)
        return []
    if address.url != (link.url or "").strip():
        draft.change("resources", link.url, address.url)
    if address.credentials:
        draft.problem("link-credentials", host=address.host)
    written = stated(link, address)
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
        resource = _resource(draft, link, address, (protocol, use), formats or Formats())
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
    written = stated(link, address)
    role = link.role
    if role not in _ROLES:
        role = dataset_links.role_of(written, protocol, use)
    url = address.url or ""
    resource: Resource = {"url": url, "resource_role": role, "protocol": protocol}
    layers: list[str] = []
    if role == "service" or "typename" in url.lower():
        layers = _layers(link, address, protocol)
    if layers:
        resource["layer_name"] = layers[:MAX_LAYERS]
    if len(layers) > MAX_LAYERS:
        draft.lost("links.layers", layers[MAX_LAYERS:])
    resource["name"] = _name(link, address, protocol, ", ".join(layers[:MAX_LAYERS]))
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
    codes = list(dict.fromkeys(draft.record.encodings))
    if len(codes) == 1:
        encoding = voc.get("encoding").find(codes[0])
        if encoding:
            resource["encoding"] = encoding.id


def _complete_declared(resource: Resource, link: Link) -> None:
    """Copy the character set and the reference systems that the link states."""
    encoding = concept_of("encoding", link.encoding or "")
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
    are_words = all(_LAYER.fullmatch(n) and not n.lower().startswith("http") for n in names)
    if names and are_words:
        is_ogc = protocol in dataset_links.OGC_WITH_CAPABILITIES
        if is_ogc or re.search("[:_]", names[0]):
            return names
    parameters = filter(None, map(address.query.get, _LAYER_KEYS))
    return split_layers(next(parameters, ""))


def _is_no_layer(name: str) -> bool:
    """Tell whether the name of a link is that of a file, a format or a protocol, or of the link."""
    if dataset_links.format_that_is(name) or voc.get("protocol").find(name):
        return True
    return dataset_links.format_of_file(name) is not None or plain(name) in words("link-words")


def split_layers(text: str) -> list[str]:
    """Split comma-separated layer names (WMS 1.3.0, LAYERS; WFS 2.0.0, TYPENAMES; table 8)."""
    names = (name.strip()[:MAX_NAME] for name in text.split(","))
    return list(dict.fromkeys(filter(None, names)))


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
        draft.lost("containsOperations", list(dict.fromkeys(names)))
    if draft.record.fields.get("endpoint_url"):
        return  # set by the ckanext-dcat profiles
    endpoints: list[str] = []
    descriptions: list[str] = []
    for resource in draft.dataset.get("resources", ()):
        if resource["resource_role"] == "service":
            endpoints.append(services.endpoint(resource["url"]))
            for access in resource.get("access_services", ()):
                descriptions.append(access.get("endpoint_description"))
    draft.set("endpoint_url", list(dict.fromkeys(endpoints)))
    draft.set("endpoint_description", next(filter(None, descriptions), ""))


def _set_kind(draft: Draft, service: ServiceOfRecord) -> None:
    name = service.type or ""
    kind = voc.get("service-type").get(name)
    protocol = concept_of("protocol", name)
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
