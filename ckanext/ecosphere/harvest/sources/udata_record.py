"""From a dataset of udata's API to the neutral record."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.harvest.record import (
    Constraint,
    Contact,
    Dated,
    Format,
    Identifier,
    Keyword,
    Link,
    Period,
    Record,
    Term,
)
from ckanext.ecosphere.harvest.sources.json_values import day as _day
from ckanext.ecosphere.harvest.sources.json_values import list_ as _list
from ckanext.ecosphere.harvest.sources.json_values import object_ as _object
from ckanext.ecosphere.harvest.sources.json_values import text as _text

LICENCES = {
    "lov2": "Licence Ouverte 2.0",
    "fr-lo": "Licence Ouverte 2.0",
    "odc-odbl": "Open Data Commons Open Database License (ODbL)",
    "cc-by": "Creative Commons Attribution",
    "cc-by-sa": "Creative Commons Attribution Share-Alike",
    "cc-zero": "CC0",
    "odc-by": "Open Data Commons Attribution License",
}
"""udata's licence id → a name that the rule of licences knows."""
MAX_SIZE = 10**18
"""Bytes of a file; no figure that means anything is larger."""
DEPARTMENT, REGION = "fr:departement:", "fr:region:"
_KNOWN = {
    "acronym", "archived", "created_at", "contact_point", "contact_points", "deleted", "description", "frequency",
    "frequency_date", "id", "last_modified", "license", "organization", "owner", "page", "private", "resources", "slug",
    "spatial", "tags", "temporal_coverage", "title", "uri", "description_short", "featured", "community_resources",
    "access_type", "schema", "is_restricted",
}  # fmt: skip


def record_of(dataset: dict[str, Any]) -> Record:
    """Read a dataset as `/api/1/datasets/` gives it; a value of another kind than udata's is left out."""
    organisation = _object(dataset.get("organization"))
    owner = _text(organisation.get("name")) or _person(_object(dataset.get("owner")))
    acronym, uri = _text(dataset.get("acronym")), _text(dataset.get("uri"))
    record = Record(
        standard="udata",
        file_identifier=_text(dataset.get("id")),
        identifiers=[Identifier(code=uri)] if uri else [],
        title=_text(dataset.get("title")),
        alternate_titles=[acronym] if acronym else [],
        abstract=_text(dataset.get("description")),
        hierarchy_level="dataset",
        languages=["fre"],
        keywords=[Keyword(text=text.replace("-", " ")) for tag in _list(dataset.get("tags")) if (text := _text(tag))],
        frequency=_text(dataset.get("frequency")),
        next_update=_day(dataset.get("frequency_date")) or None,
        dates=[
            Dated(_day(dataset.get("created_at")), "publication"),
            Dated(_day(dataset.get("last_modified")), "revision"),
        ],
        metadata_date=_day(dataset.get("last_modified")) or None,
        contacts=[Contact(organisation=owner, role="owner", url=_text(organisation.get("page")))] if owner else [],
    )
    for each in _list(dataset.get("contact_points")) or [dataset.get("contact_point")]:
        if isinstance(each, dict):
            name, email = _text(each.get("name")), _text(each.get("email"))
            record.contacts.append(Contact(organisation=name, email=email, role="pointOfContact"))
    _licence(record, _text(dataset.get("license")))
    _coverage(record, dataset)
    record.links = [_link(each) for each in _list(dataset.get("resources")) if isinstance(each, dict)]
    if page := _text(dataset.get("page")):
        record.links.append(Link(url=page, name="Fiche data.gouv.fr", function="information"))
    record.formats = [Format(name=link.format) for link in record.links if link.format]
    record.unread = [f"{key}: {value}" for key, value in sorted(dataset.items()) if key not in _KNOWN and value]
    return record


def _person(owner: dict[str, Any]) -> str:
    return " ".join(filter(None, (_text(owner.get("first_name")), _text(owner.get("last_name")))))


def _licence(record: Record, licence: str | None) -> None:
    if licence and licence != "notspecified":
        record.constraints.append(Constraint(kind="legal", use_limitations=[Term(LICENCES.get(licence, licence))]))


def _coverage(record: Record, dataset: dict[str, Any]) -> None:
    temporal = _object(dataset.get("temporal_coverage"))
    if temporal:
        record.periods.append(Period(_day(temporal.get("start")), _day(temporal.get("end"))))
    for code in filter(None, map(_text, _list(_object(dataset.get("spatial")).get("zones")))):
        if code.startswith(DEPARTMENT):
            record.geographic_identifiers.append(_territory("departement", code.removeprefix(DEPARTMENT)))
        elif code.startswith(REGION):
            record.geographic_identifiers.append(_territory("region", code.removeprefix(REGION)))
        elif code != "country:fr":
            record.extent_descriptions.append(code)


def _territory(kind: str, code: str) -> Identifier:
    uri = f"http://id.insee.fr/geo/{kind}/{code.partition('@')[0]}"
    return Identifier(code=uri, href=uri)


def _link(resource: dict[str, Any]) -> Link:
    size = resource.get("filesize")
    megabytes = size / 1_000_000 if type(size) is int and 0 <= size < MAX_SIZE else None
    return Link(
        url=_text(resource.get("url")),
        name=_text(resource.get("title")),
        description=_text(resource.get("description")),
        format=_text(resource.get("format")),
        media_type=_text(resource.get("mime")),
        function="information" if resource.get("type") == "documentation" else "download",
        size_megabytes=None if megabytes is None else str(megabytes),
    )
