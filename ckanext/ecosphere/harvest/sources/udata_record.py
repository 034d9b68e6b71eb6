"""From a dataset of udata's API to the neutral record."""

from __future__ import annotations

import json
from typing import Any

from ckanext.ecosphere.harvest.geometries import add_geometry
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
MAX_NOTE = 2_000
"""Characters of a value without a place that are noted."""
_ACCESS_RIGHTS = {
    "open": "PUBLIC",
    "open_with_account": "PUBLIC",  # to register is a permissible obstacle, by the definition of the list
    "restricted": "RESTRICTED",
}
"""udata's type of access → access right of the EU, whose PUBLIC only says what an open licence says too."""
_ACCESS_RIGHT = "http://publications.europa.eu/resource/authority/access-right/"
_REASONS = {
    "confidentiality_of_proceedings_of_public_authorities": "a",
    "international_relations_public_security_or_national_defence": "b",
    "course_of_justice_or_fair_trial": "c",
    "confidentiality_of_commercial_or_industrial_information": "d",
    "intellectual_property_rights": "e",
    "confidentiality_of_personal_data": "f",
    "protection_of_voluntary_information_suppliers": "g",
    "protection_of_environment": "h",
}
"""udata's category of the reason → letter of article 13(1) of the INSPIRE directive (udata.core.access_type)."""
_LIMITS = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/INSPIRE_Directive_Article13_1"
_FRANCE = "http://publications.europa.eu/resource/authority/country/FRA"
_ZONES = {
    "fr:departement:": "departement",
    "fr:region:": "region",
    "fr:commune:": "commune",
    "fr:arrondissement:": "arrondissement",
    "fr:canton:": "canton",
    "fr:iris:": "iris",
    "fr:epci:": "intercommunalite",
}
"""Beginning of the code of a zone (geozones of Etalab) → kind of territory in addresses of INSEE."""
_KNOWN = {
    "acronym", "archived", "created_at", "contact_point", "contact_points", "deleted", "description", "frequency",
    "frequency_date", "id", "last_modified", "license", "organization", "owner", "page", "private", "resources", "slug",
    "spatial", "tags", "temporal_coverage", "title", "uri", "description_short", "featured", "community_resources",
    "access_type", "access_type_reason", "access_type_reason_category", "authorization_request_url", "schema",
    "is_restricted",
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
    _access(record, dataset)
    _coverage(record, dataset)
    record.links = [_link(each) for each in _list(dataset.get("resources")) if isinstance(each, dict)]
    if page := _text(dataset.get("page")):
        record.links.append(Link(url=page, name="Fiche data.gouv.fr", function="information"))
    record.formats = [Format(name=link.format) for link in record.links if link.format]
    record.unread += [f"{key}: {value}" for key, value in sorted(dataset.items()) if key not in _KNOWN and value]
    return record


def _person(owner: dict[str, Any]) -> str:
    return " ".join(filter(None, (_text(owner.get("first_name")), _text(owner.get("last_name")))))


def _licence(record: Record, licence: str | None) -> None:
    if licence and licence != "notspecified":
        record.constraints.append(Constraint(kind="legal", use_limitations=[Term(LICENCES.get(licence, licence))]))


def _access(record: Record, dataset: dict[str, Any]) -> None:
    """Who has access, why not everybody, and where to ask for it."""
    kind, category = _text(dataset.get("access_type")), _text(dataset.get("access_type_reason_category"))
    right, reason = _ACCESS_RIGHTS.get(kind or ""), _REASONS.get(category or "")
    terms = [Term("", _ACCESS_RIGHT + right)] if right and kind != "open" else []
    terms += [Term("", _LIMITS + reason)] if reason else []
    texts = [_text(dataset.get(name)) for name in ("access_type_reason", "authorization_request_url")]
    terms += [Term(text) for text in (None if reason else category, *texts) if text]
    if terms:
        record.constraints.append(Constraint(kind="legal", access_codes=["otherRestrictions"], other=terms))
    if kind and kind not in ("open", "restricted"):  # what the access right does not say
        record.unread.append(f"access_type: {kind}")


def _coverage(record: Record, dataset: dict[str, Any]) -> None:
    temporal = _object(dataset.get("temporal_coverage"))
    if temporal:
        record.periods.append(Period(_day(temporal.get("start")), _day(temporal.get("end"))))
    spatial = _object(dataset.get("spatial"))
    for code in filter(None, map(_text, _list(spatial.get("zones")))):
        if address := _address_of(code):
            record.geographic_identifiers.append(Identifier(code=address, href=address))
        else:
            record.extent_descriptions.append(code)
    if (geometry := spatial.get("geom")) and not add_geometry(record, geometry):
        record.unread.append(f"spatial.geom: {json.dumps(geometry, ensure_ascii=False)[:MAX_NOTE]}")


def _address_of(zone: str) -> str | None:
    """The address of a territory, without the time of which the code of a zone is: "fr:departement:976:latest"."""
    if zone.lower() == "country:fr":
        return _FRANCE
    beginning = next((each for each in _ZONES if zone.startswith(each)), None)
    if beginning is None:
        return None
    code = zone.removeprefix(beginning).partition("@")[0].partition(":")[0]
    return f"http://id.insee.fr/geo/{_ZONES[beginning]}/{code}"


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
