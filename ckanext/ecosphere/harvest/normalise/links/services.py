"""Rule for the fields of a service: its type, endpoint, and the datasets that it serves."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.services import endpoint
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links.addresses import clean_url
from ckanext.ecosphere.harvest.record import Term

_KINDS = {"view": "view", "download": "download", "catalogue": "discovery"}
"""Purpose of a protocol → service type."""


_RECORD_PAGE = re.compile(
    r"(?:/api/records/|#/metadata/|/metadata\.show\?(?:uuid|id)=|[?&]uuid=)(?!\d{1,9}(?![^/?#&]))([^/?#&]{2,200})"
)
"""The identifier in the URL of any view of a GeoNetwork record, but not its internal number."""


def record_named(address: str) -> str:
    """Return the identifier of the record that a catalogue URL shows; empty for any other URL."""
    asked = clean_url(address).query
    if asked.get("request", "").lower() == "getrecordbyid":
        return asked.get("id", "")
    match = _RECORD_PAGE.search(address[:2_000])
    return unquote(match.group(1)) if match else ""


def served(term: Term) -> str:
    """Return the dataset in ``operatesOn``: by identifier, by that in the URL of its record, or by URL."""
    if term.text or not term.href:
        return term.text
    return record_named(term.href) or term.href


def service(draft: Draft) -> None:
    """Set the type of a service, and its endpoints: those of its resources."""
    found = draft.record.service
    if found is None:
        return
    kinds = voc.get("service-type")
    kind = kinds.get(found.type or "") or kinds.get(_kind_of_protocol(found.type or ""))
    draft.set("service_type", kind.uri if kind else "")
    if found.type and kind is None:
        draft.lost("serviceType", found.type)
    if names := list(dict.fromkeys(operation.name for operation in found.operations if operation.name)):
        draft.lost("containsOperations", names)
    if draft.record.fields.get("endpoint_url"):
        return  # set by the ckanext-dcat profiles
    addresses, described = _of_resources(draft)
    draft.set("endpoint_url", list(dict.fromkeys(addresses)))
    draft.set("endpoint_description", next(iter(described), ""))


def _kind_of_protocol(name: str) -> str:
    protocol = voc.get("protocol").get(name) or voc.get("protocol").find(name)
    return _KINDS.get(protocol.data["kind"], "") if protocol else ""


def _of_resources(draft: Draft) -> tuple[list[str], list[str]]:
    rows = [row for row in draft.dataset.get("resources", ()) if row["resource_role"] == "service"]
    described = [each.get("endpoint_description") for row in rows for each in row.get("access_services", ())]
    return [endpoint(row["url"]) for row in rows], [address for address in described if address]
