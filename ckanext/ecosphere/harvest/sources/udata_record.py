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
DEPARTMENT, REGION = "fr:departement:", "fr:region:"
_KNOWN = {
    "acronym", "archived", "created_at", "contact_point", "contact_points", "deleted", "description", "frequency",
    "frequency_date", "id", "last_modified", "license", "organization", "owner", "page", "private", "resources", "slug",
    "spatial", "tags", "temporal_coverage", "title", "uri", "description_short", "featured", "community_resources",
    "access_type", "schema", "is_restricted",
}  # fmt: skip


def record_of(dataset: dict[str, Any]) -> Record:
    """Read a dataset as `/api/1/datasets/` gives it."""
    organisation = dataset.get("organization") or {}
    owner = organisation.get("name") or _person(dataset.get("owner") or {})
    record = Record(
        standard="udata",
        file_identifier=str(dataset.get("id") or "") or None,
        identifiers=[Identifier(code=dataset["uri"])] if dataset.get("uri") else [],
        title=dataset.get("title"),
        alternate_titles=[dataset["acronym"]] if dataset.get("acronym") else [],
        abstract=dataset.get("description"),
        hierarchy_level="dataset",
        languages=["fre"],
        keywords=[Keyword(text=str(tag).replace("-", " ")) for tag in dataset.get("tags") or []],
        frequency=dataset.get("frequency"),
        next_update=(dataset.get("frequency_date") or "")[:10] or None,
        dates=[
            Dated((dataset.get("created_at") or "")[:10], "publication"),
            Dated((dataset.get("last_modified") or "")[:10], "revision"),
        ],
        metadata_date=(dataset.get("last_modified") or "")[:10] or None,
        contacts=[Contact(organisation=owner, role="owner", url=organisation.get("page"))] if owner else [],
    )
    for each in dataset.get("contact_points") or [dataset.get("contact_point")]:
        if isinstance(each, dict):
            name = each.get("name")
            record.contacts.append(Contact(organisation=name, email=each.get("email"), role="pointOfContact"))
    _licence(record, dataset.get("license"))
    _coverage(record, dataset)
    record.links = [_link(each) for each in dataset.get("resources") or [] if isinstance(each, dict)]
    if dataset.get("page"):
        record.links.append(Link(url=dataset["page"], name="Fiche data.gouv.fr", function="information"))
    record.formats = [Format(name=link.format) for link in record.links if link.format]
    record.unread = [f"{key}: {value}" for key, value in sorted(dataset.items()) if key not in _KNOWN and value]
    return record


def _person(owner: dict[str, Any]) -> str:
    return " ".join(filter(None, (owner.get("first_name"), owner.get("last_name"))))


def _licence(record: Record, licence: Any) -> None:
    if licence and licence != "notspecified":
        text = LICENCES.get(str(licence), str(licence))
        record.constraints.append(Constraint(kind="legal", use_limitations=[Term(text)]))


def _coverage(record: Record, dataset: dict[str, Any]) -> None:
    temporal = dataset.get("temporal_coverage") or {}
    if temporal:
        record.periods.append(Period((temporal.get("start") or "")[:10], (temporal.get("end") or "")[:10]))
    for zone in (dataset.get("spatial") or {}).get("zones") or []:
        code = str(zone)
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
    return Link(
        url=resource.get("url"),
        name=resource.get("title"),
        description=resource.get("description"),
        format=resource.get("format"),
        media_type=resource.get("mime"),
        function="information" if resource.get("type") == "documentation" else "download",
        size_megabytes=str(size / 1_000_000) if isinstance(size, int) else None,
    )
