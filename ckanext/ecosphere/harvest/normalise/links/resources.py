"""Rule that converts links to resources, with protocol, role, format, network and name, in a stable order."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links as dataset_links
from ckanext.ecosphere.dataset import services
from ckanext.ecosphere.harvest.normalise.constraints import licence_of_text, licence_of_url
from ckanext.ecosphere.harvest.normalise.dates import parsed
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links.addresses import MAX_LINKS, Address, clean_url, is_intranet, stated
from ckanext.ecosphere.harvest.normalise.links.formats import (
    ARCHIVES,
    MAX_DESCRIPTION,
    Formats,
    Resource,
    formats_for,
    formats_of,
    report_unplaced,
    set_format,
    take_maps_for_data,
)
from ckanext.ecosphere.harvest.normalise.links.services import record_named, service
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain, rows
from ckanext.ecosphere.harvest.normalise.texts import cut, in_languages, one_line, plain_text, tell_translations
from ckanext.ecosphere.harvest.record import Link
from ckanext.ecosphere.vocabularies import languages

MAX_RESOURCES = 500
"""Maximum number of resources kept; with more, CKAN's pages and saves become unusable."""
MAX_NAME, MAX_LAYERS = 200, 100
_ROLES = ("data", "service", "documentation", "sample", "metadata")
_LAYER = re.compile(r"[\w.-]+(?::[\w.-]+)*")
_LAYER_KEYS = ("layers", "layer", "typenames", "typename")
_DIRECT = re.compile(r"request=getfeature|/download\b|/exports?/", re.IGNORECASE)
_RECORD = "completemetadata"
"""Function code of a link to the record itself (ISO 19115-3)."""
_MEGABYTE = 1_000_000
_MOST_MEGABYTES = 10**9
"""A petabyte; larger sizes are errors in the record."""


def resource_key(resource: Resource) -> tuple[str, str, str]:
    """Return the key that identifies a resource of a dataset across harvests: URL, protocol, layers."""
    return resource.get("url", ""), resource.get("protocol", ""), _joined(resource)


def _same_request(resource: Resource) -> tuple[str, str, str]:
    """Return the key for merging resources of one record, which ignores the case of OGC parameters."""
    url, protocol, layers = resource_key(resource)
    if protocol in dataset_links.OGC_WITH_CAPABILITIES:
        url = services.folded(url)
    return url, protocol, layers


def _joined(resource: Resource) -> str:
    layers = resource.get("layer_name") or []
    return layers if isinstance(layers, str) else ",".join(layers)


def links(draft: Draft) -> None:
    """Create the resources, in an order independent of the record's."""
    given = all_links(draft)
    if len(given) > MAX_LINKS:
        draft.too_many("onLine", len(given), MAX_LINKS)
    formats = formats_of(draft)
    kept: dict[tuple[str, str, str], Resource] = {}
    for link in given[:MAX_LINKS]:
        for resource in of_link(draft, link, formats):
            key = _same_request(resource)
            if key in kept:
                _merge(kept[key], resource)
            else:
                kept[key] = resource
    take_maps_for_data(list(kept.values()), formats)
    ordered = sorted(kept.values(), key=_rank)
    if len(ordered) > MAX_RESOURCES:
        draft.too_many("onLine", len(ordered), MAX_RESOURCES)
        draft.lost("onLine", [resource["url"] for resource in ordered[MAX_RESOURCES:]])
    draft.set("resources", ordered[:MAX_RESOURCES])
    report_unplaced(draft, formats, ordered)
    service(draft)


def all_links(draft: Draft) -> list[Link]:
    """Return the online resources, and the connection points of a service's operations."""
    found = list(draft.record.links)
    if (described := draft.record.service) is None:
        return found
    operations = [operation.name or "" for operation in described.operations]
    spoken = dataset_links.protocol_of_service(described.type or "", operations, described.versions)
    for link in (link for operation in described.operations for link in operation.links):
        address = clean_url(link.url)
        own = dataset_links.protocol_of(link.protocol or "", address.url or "")
        is_plain = not link.protocol or own in dataset_links.GENERIC
        # The connection point of an operation is the service, unless it is a document.
        is_document = address.url is None or dataset_links.is_document(address.url)
        protocol = spoken if is_plain and spoken and not is_document else link.protocol
        role = None if is_document else "service"
        name = link.name or draft.record.title
        found.append(Link(link.url, protocol, name, link.description, link.function, role=role))
    return found


def _rank(resource: Resource) -> tuple[Any, ...]:
    return (
        resource["network"] != "internet",
        _ROLES.index(resource["resource_role"]),
        resource["protocol"],
        _joined(resource),
        plain(resource["name"]),
        resource["url"],
    )


def _merge(first: Resource, second: Resource) -> None:
    for key, value in second.items():
        main = key.removesuffix(languages.SUFFIX)
        if value and not first.get(key) and (main == key or first[main] == second[main]):
            first[key] = value


# --- one link -------------------------------------------------------------------------------------


def of_link(draft: Draft, link: Link, formats: Formats | None = None) -> list[Resource]:
    """Return the resources that a link stands for: none, one, or two for a base URL of WMS and WFS."""
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
    intranet = is_intranet(address.host) or "intranet" in plain(link.name or "").split()
    if use.startswith("record"):
        _record_view(draft, link, address, use, intranet)
        return []
    if "landing" in (link.protocol or "").lower() and not intranet:
        draft.set("url", address.url)
    spoken = dataset_links.protocol_spoken(written, sign)
    both = dataset_links.serves_wms_and_wfs(written)
    names = ("OGC:WMS", "OGC:WFS") if both else (spoken,)
    if (link.protocol or "") != spoken or both:
        draft.change("resources", f"protocol {link.protocol or ''}".strip(), ", ".join(names))
    made = [_resource(draft, link, address, (name, use), formats or Formats()) for name in names]
    for resource in made:
        resource["network"] = "intranet" if intranet else "internet"
    _tell_size(draft, link, made)
    return made


def _tell_size(draft: Draft, link: Link, made: list[Resource]) -> None:
    """Note a size that applies to no file."""
    if _positive(link.size_megabytes) and not any("size" in resource for resource in made):
        draft.lost("transferOptions/transferSize", f"{link.size_megabytes} Mo")


def _refuse(draft: Draft, link: Link, address: Address) -> None:
    shown = link.url or link.name or ""
    if address.reason == "empty":
        if texts := [text for text in (link.name, link.description, link.protocol) if text]:
            draft.lost("onLine without an address", texts)
        return
    draft.lost("onLine", f"{link.protocol or ''} {shown}".strip())
    draft.problem(f"link-{address.reason}", url=shown)


def _record_view(draft: Draft, link: Link, address: Address, use: str, intranet: bool) -> None:
    """Use a view of the record as the link to the original, if it is on the internet; it becomes no resource."""
    if intranet:
        draft.change("resources", address.url, "view of the record on the intranet, left out")
        draft.lost("metadataLinkage", f"{link.protocol or ''} {address.url}".strip())
        return
    shown = draft.dataset.get("source_record")
    if shown and _is_of_another(draft, address.url or "") and not _is_of_another(draft, shown):
        draft.lost("metadataLinkage", f"{link.protocol or ''} {address.url}".strip())
        return
    is_page = use == "record-html"
    if is_page and (not draft.dataset.get("url") or _is_of_another(draft, draft.dataset["url"])):
        draft.set("url", address.url)
    if is_page or not draft.dataset.get("source_record"):
        if (before := draft.dataset.get("source_record")) and before != address.url:
            draft.lost("metadataLinkage", before)
        draft.set("source_record", address.url, before="view of the record")
    elif address.url not in (draft.dataset["source_record"], draft.dataset.get("url")):
        draft.change("resources", address.url, "view of the record, left out")
        draft.lost("metadataLinkage", f"{link.protocol or ''} {address.url}".strip())


def _is_of_another(draft: Draft, url: str) -> bool:
    """Tell whether a URL shows a record with another identifier than this one's."""
    named, own = record_named(url).lower(), str(draft.dataset.get("metadata_identifier") or "").lower()
    return bool(named and own) and named not in own and own not in named


def _resource(draft: Draft, link: Link, address: Address, signs: tuple[str, str], formats: Formats) -> Resource:
    """Create a resource from a link; `signs` are its protocol and use."""
    protocol, use = signs
    written = stated(link, address)
    role = link.role if link.role in _ROLES else dataset_links.role_of(written, protocol, use)
    concept = dataset_links.format_of(written, protocol, role)
    url = address.url or ""
    resource: Resource = {"url": url, "resource_role": role, "protocol": protocol}
    layers = _layers(link, address, protocol) if role == "service" or "typename" in url.lower() else []
    if layers:
        resource["layer_name"] = layers[:MAX_LAYERS]
    if len(layers) > MAX_LAYERS:
        draft.lost("links.layers", layers[MAX_LAYERS:])
    resource["name"] = _name(link, address, protocol, ", ".join(layers[:MAX_LAYERS]))
    description = plain_text(link.description)
    if plain(description) != plain(resource["name"]):
        resource["description"] = cut(description, MAX_DESCRIPTION)
    if link.translations:
        translate(draft, resource, link)
    set_format(draft, resource, concept, formats_for(link, formats), address)
    if role == "service" and protocol in dataset_links.OGC_WITH_CAPABILITIES:
        _complete_service(draft, resource, address)
    elif role == "service" and protocol not in ("HTTP", "HTTP:DOWNLOAD"):
        resource["access_services"] = [{"title": resource["name"], "endpoint_url": [url]}]
    if role == "data":
        _complete_data(draft, resource, link, address)
    _complete_declared(resource, link)
    _complete_distribution(draft, resource, link)
    return resource


def translate(draft: Draft, resource: Resource, link: Link) -> None:
    """Set name and description of a resource in all languages of its link; note translations without a place."""
    for attribute, texts in link.translations.items():
        said = getattr(link, attribute, None)
        bare = plain(one_line(said))
        field = next((name for name in ("name", "description") if bare and plain(resource.get(name) or "") == bare), "")
        if attribute not in ("name", "description") or not field or f"{field}{languages.SUFFIX}" in resource:
            tell_translations(draft, f"onLine/{attribute}", said, texts)
        else:
            resource[f"{field}{languages.SUFFIX}"] = in_languages(draft, field, resource[field], said, texts)


def _complete_service(draft: Draft, resource: Resource, address: Address) -> None:
    """Give an OGC service its GetCapabilities URL, unless it has a request, and describe it as an access service."""
    described = services.capabilities(resource["url"], resource["protocol"])
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


def _complete_data(draft: Draft, resource: Resource, link: Link, address: Address) -> None:
    url = resource["url"]
    ending = dataset_links.format_of_file(url)
    is_page = ending is not None and ending.id in dataset_links.NOT_A_DATA_FORMAT
    searched = dataset_links.examined(url)
    if (ending and not is_page) or _DIRECT.search(searched) or ARCHIVES.search(searched):
        resource["download_url"] = url
        if resource["protocol"] == "HTTP":
            resource["protocol"] = "HTTP:DOWNLOAD"
    complete_file(draft, resource, link)


def complete_file(draft: Draft, resource: Resource, link: Link) -> None:
    """Set the size of a file, and the character set of data if the record states exactly one."""
    megabytes = _positive(link.size_megabytes)
    if megabytes:
        resource["size"] = round(megabytes * _MEGABYTE)
    encodings = [voc.get("encoding").find(code) for code in dict.fromkeys(draft.record.encodings)]
    if len(encodings) == 1 and encodings[0] and resource["resource_role"] == "data":
        resource["encoding"] = encodings[0].id


def _complete_declared(resource: Resource, link: Link) -> None:
    """Copy the character set and the reference systems that the link states."""
    encoding = voc.get("encoding").get(link.encoding or "") or voc.get("encoding").find(link.encoding or "")
    if encoding:
        resource["encoding"] = encoding.id
    systems = [system.uri for uri in link.systems if (system := voc.get("epsg").get(uri))]
    if systems:
        resource["reference_system"] = systems


def _complete_distribution(draft: Draft, resource: Resource, link: Link) -> None:
    """Copy the properties of an RDF distribution: access page, dates, documentation, standards, its own licence."""
    if link.licence:
        known = licence_of_url(link.licence) or licence_of_text(link.licence)[0] or ""
        if known != draft.dataset.get("license_id"):
            listed = voc.get("licences").get(known)
            licence = listed.uri if listed and not known.startswith("other-") else link.licence
            # In DCAT-AP, a licence without a URI is a rights statement.
            resource["license" if licence.startswith(("http://", "https://")) else "rights"] = licence
    page = clean_url(link.access_url).url if link.access_url else None
    if page and page != resource["url"] and resource.get("download_url"):
        resource["access_url"] = page
    for name, value in (("issued", link.issued), ("modified", link.modified)):
        day = parsed(draft, name, value)
        if day:
            resource[name] = day
    for name, values in (("documentation", link.documentation), ("conforms_to", link.standards)):
        kept = [each for each in values if each.startswith(("http://", "https://"))]
        if kept:
            resource[name] = kept


def _positive(text: str | None) -> float | None:
    try:
        number = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return number if 0 < number <= _MOST_MEGABYTES else None


# --- names -------------------------------------------------------------------------------------------


def _layers(link: Link, address: Address, protocol: str) -> list[str]:
    """Return the layer names: GeoNetwork writes them as the name of a link to an OGC service, each a single word."""
    asked = split_layers(next((address.query[key] for key in _LAYER_KEYS if address.query.get(key)), ""))
    names = [] if _is_no_layer(link.name or "") else split_layers(link.name or "")
    words = all(_LAYER.fullmatch(name) and not name.lower().startswith("http") for name in names)
    if names and words and (protocol in dataset_links.OGC_WITH_CAPABILITIES or re.search("[:_]", names[0])):
        return names
    return asked


def _is_no_layer(name: str) -> bool:
    """Tell whether the name of a link is that of a file, a format or a protocol, or describes the link itself."""
    is_listed = dataset_links.format_that_is(name) is not None or voc.get("protocol").find(name) is not None
    return is_listed or dataset_links.format_of_file(name) is not None or plain(name) in _link_words()


@cache
def _link_words() -> frozenset[str]:
    return frozenset(row["word"] for row in rows("link-words"))


def split_layers(text: str) -> list[str]:
    """Split comma-separated layer names (WMS 1.3.0, table 8, LAYERS; WFS 2.0.0, table 8, TYPENAMES)."""
    return list(dict.fromkeys(name.strip()[:MAX_NAME] for name in text.split(",") if name.strip()))


def _name(link: Link, address: Address, protocol: str, layer: str) -> str:
    """Return a readable name: that of the link, its short description, or the name of the file or protocol."""
    name, description = one_line(link.name), one_line(link.description)
    if (
        name
        and not is_placeholder(name)
        and name.replace(" ", "") != layer.replace(" ", "")
        and not name.lower().startswith("http")
    ):
        return cut(name, MAX_NAME)
    if description and len(description) <= MAX_NAME:
        return description
    concept = voc.get("protocol").get(protocol)
    if layer and concept:
        return cut(f"{concept.label_fr} : {layer}", MAX_NAME)
    file_name = unquote(address.path.rstrip("/").rpartition("/")[2])
    if "." in file_name and protocol in ("HTTP", "HTTP:DOWNLOAD", "FTP"):
        return cut(one_line(file_name) or address.host, MAX_NAME)
    if description:
        return cut(description, MAX_NAME)
    return concept.label_fr if concept and protocol != "HTTP" else address.host


def preview(draft: Draft) -> None:
    """Set the preview image to the largest one with an internet URL."""
    graphics = sorted(draft.record.graphics, key=lambda graphic: "large" not in (graphic.description or "").lower())
    for graphic in graphics:
        address = clean_url(graphic.url)
        usable = address.url and address.url.startswith("http") and not is_intranet(address.host)
        if usable and not draft.dataset.get("preview_image"):
            draft.set("preview_image", address.url)
        elif graphic.url and address.url != draft.dataset.get("preview_image"):
            draft.lost("graphicOverview/fileName" if usable else "graphicOverview", graphic.url)
