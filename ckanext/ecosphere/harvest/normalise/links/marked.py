"""Rule for the links of marked records, whose elements state their meaning (see `normalise.marked`)."""

from __future__ import annotations

import re
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.dates import parse_date
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links import protocols
from ckanext.ecosphere.harvest.normalise.links import resources as guessed
from ckanext.ecosphere.harvest.normalise.links.addresses import MAX_LINKS, clean_url, is_intranet, marked_url
from ckanext.ecosphere.harvest.normalise.links.services import service
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line, plain_text
from ckanext.ecosphere.harvest.record import Format, Link
from ckanext.ecosphere.shared import xlink_roles

Resource = dict[str, Any]

_ONE = {xlink_roles.LANDING_PAGE: "url", xlink_roles.REPOSITORY: "code_repository", xlink_roles.SOURCE: "source_record"}
_MANY = {xlink_roles.PAGE: "documentation", xlink_roles.REFERENCED_BY: "is_referenced_by"}
_OF_RESOURCE = {xlink_roles.ACCESS_URL: "access_url", xlink_roles.DOWNLOAD_URL: "download_url"}
_MEDIA_TYPE = re.compile(r"https?://www\.iana\.org/assignments/media-types/(.+)")


def links(draft: Draft) -> None:
    """Create the resources in order, each with its transfer options, and set the fields of the pages."""
    record = draft.record
    formats = {name.removeprefix("#"): each for each in record.formats for name in each.transfers}
    resources: dict[str, Resource] = {}
    for link in record.links[:MAX_LINKS]:
        url = marked_url(link.url)
        if url is None:
            draft.lost("onLine", link.url)
            continue
        _sort(draft, link, url, resources, formats)
    if len(record.links) > MAX_LINKS or len(resources) > guessed.MAX_RESOURCES:
        draft.too_many("onLine", len(record.links), guessed.MAX_RESOURCES)
    draft.set("resources", list(resources.values())[: guessed.MAX_RESOURCES])
    service(draft)


def _sort(draft: Draft, link: Link, url: str, resources: dict[str, Resource], formats: dict[str, Format]) -> None:
    arc, transfer = link.mark.arc, link.transfer or ""
    owner = resources.get(transfer)
    if owner is not None:
        if arc in _OF_RESOURCE:
            owner[_OF_RESOURCE[arc]] = url
        elif arc == xlink_roles.PAGE:
            owner.setdefault("documentation", []).append(url)
    elif arc in (xlink_roles.DISTRIBUTION, xlink_roles.DOWNLOAD_URL):
        resources[transfer or f"{len(resources)}"] = _resource(draft, link, url, formats.get(transfer))
    elif arc in _ONE:
        draft.set(_ONE[arc], url)
        if arc == xlink_roles.SOURCE:
            _original(draft, link)
    elif arc in _MANY:
        _add(draft, _MANY[arc], url)
    else:
        for number, each in enumerate(guessed.of_link(draft, link)):
            resources[f"unmarked-{len(resources)}-{number}"] = each


def _original(draft: Draft, link: Link) -> None:
    """Read the catalogue and the date of the original record from the link to it."""
    if link.name:
        draft.set("source_catalogue", link.name)
    day = parse_date((link.description or "").rpartition(" ")[2])
    if day:
        draft.set("metadata_date", day)


def _add(draft: Draft, field: str, url: str) -> None:
    known = draft.dataset.setdefault(field, [])
    if url not in known:
        known.append(url)


def _resource(draft: Draft, link: Link, url: str, form: Format | None) -> Resource:
    role = voc.get("resource-role").get(link.mark.role)
    resource: Resource = {"url": url, "protocol": link.protocol or "", "resource_role": role.id if role else ""}
    resource["network"] = "intranet" if is_intranet(clean_url(url).host) else "internet"
    title, name = link.mark.title, one_line(link.name)
    description = plain_text(link.description)
    if title is not None:  # the name element contains the layers, and the description element may contain the name
        resource["layer_name"] = guessed.split_layers(name)[: guessed.MAX_LAYERS]
        name, description = "" if title == name else title, "" if description == title else description
    resource["name"] = cut(name, guessed.MAX_NAME)
    resource["description"] = cut(description, guessed.MAX_DESCRIPTION)
    guessed.translate(draft, resource, link)
    if link.mark.arc == xlink_roles.DOWNLOAD_URL:
        resource["download_url"] = url
    if form is not None:
        _complete_format(resource, form)
    guessed.complete_file(draft, resource, link)
    if resource["resource_role"] == "service":
        _describe(resource)
    return resource


def _complete_format(resource: Resource, form: Format) -> None:
    media = _MEDIA_TYPE.fullmatch(form.href or "")
    if media:
        resource["mimetype"] = media.group(1)
    if form.name and form.name != form.href:
        resource["format"] = form.name
    resource["package_format"] = form.compression_href or ""
    if form.compression != form.compression_href:
        resource["compress_format"] = form.compression or ""


def _describe(resource: Resource) -> None:
    """Describe a service by its URL, as for every record."""
    name, url = resource["name"], resource["url"]
    if resource["protocol"] in protocols.OGC_WITH_CAPABILITIES:
        described = protocols.capabilities(url, resource["protocol"])
        endpoint = protocols.endpoint(url)
        resource["access_services"] = [{"title": name, "endpoint_url": [endpoint], "endpoint_description": described}]
    elif resource["protocol"] not in ("", "HTTP", "HTTP:DOWNLOAD"):
        resource["access_services"] = [{"title": name, "endpoint_url": [url]}]
