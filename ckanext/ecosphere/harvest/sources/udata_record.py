"""Convert a dataset of the udata API to the neutral record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import places
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
from ckanext.ecosphere.harvest.sources.json_values import megabytes
from ckanext.ecosphere.harvest.sources.json_values import object_ as _object
from ckanext.ecosphere.harvest.sources.json_values import text as _text

LICENCES = {
    "lov2": "Licence Ouverte 2.0",
    "fr-lo": "Licence Ouverte 1.0",
    "odc-odbl": "Open Data Commons Open Database License (ODbL)",
    "cc-by": "Creative Commons Attribution",
    "cc-by-sa": "Creative Commons Attribution Share-Alike",
    "cc-zero": "CC0",
    "odc-by": "Open Data Commons Attribution License",
}
"""udata licence id → a name that the rule for licences recognises."""
MAX_TITLE, MAX_NOTE = 200, 2_000
"""Maximum characters of a resource name, and of a value without a place, in notes."""
_ACCESS_RIGHTS = {
    "open": "PUBLIC",
    "open_with_account": "PUBLIC",  # registration is permitted by the definition of PUBLIC
    "restricted": "RESTRICTED",
}
"""udata access type → EU access right. PUBLIC for "open" adds nothing to an open licence, and is not stated."""
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
"""udata reason category → letter of article 13(1) of the INSPIRE directive (udata.core.access_type)."""
_LIMITS = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/INSPIRE_Directive_Article13_1"
_ROLES = {"contact": "pointOfContact", "creator": "author", "rightsHolder": "owner"}
"""udata contact role → ISO 19115 code; other roles are ISO codes already (udata.core.contact_point)."""
_ORIGIN_IDS = ("remote_id", "dct_identifier")
_ORIGIN = (*_ORIGIN_IDS, "remote_url")
_SCHEMAS = "https://schema.data.gouv.fr/"
_SCHEMA_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_SEEN_AT = re.compile(r"https?://(?:[a-z0-9-]{1,60}\.)?data\.gouv\.fr/")
_ZONES = {
    "fr:departement:": "departement",
    "fr:region:": "region",
    "fr:commune:": "commune",
    "fr:arrondissement:": "arrondissement",
    "fr:canton:": "canton",
    "fr:iris:": "iris",
    "fr:epci:": "intercommunalite",
}
"""Prefix of zone codes (Etalab geozones) → type of territory in INSEE URIs."""
_KNOWN = {
    "acronym", "archived", "created_at", "contact_point", "contact_points", "deleted", "description", "frequency",
    "frequency_date", "id", "last_modified", "license", "organization", "owner", "page", "private", "resources", "slug",
    "spatial", "tags", "temporal_coverage", "title", "uri", "description_short", "featured", "community_resources",
    "access_type", "access_type_reason", "access_type_reason_category", "authorization_request_url",
    "harvest", "is_restricted",
}  # fmt: skip


def record_of(dataset: dict[str, Any]) -> Record:
    """Read a dataset from `/api/1/datasets/`; values of another type than udata's are ignored."""
    organisation, origin = _object(dataset.get("organization")), origin_of(dataset)
    owner = _text(organisation.get("name")) or _person(_object(dataset.get("owner")))
    acronym, uri = _text(dataset.get("acronym")), _text(dataset.get("uri"))
    record = Record(
        standard="udata",
        file_identifier=_text(dataset.get("id")),
        origin=origin.get("remote_id") or origin.get("dct_identifier"),
        identifiers=[Identifier(code=code) for code in dict.fromkeys((uri, *map(origin.get, _ORIGIN_IDS))) if code],
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
            record.contacts.append(_contact_point(each))
    _licence(record, _text(dataset.get("license")))
    _access(record, dataset)
    _coverage(record, dataset)
    at_home = bool(_SEEN_AT.match(_text(dataset.get("page")) or _text(dataset.get("uri")) or ""))
    for each in _list(dataset.get("resources")):
        if isinstance(each, dict):
            link = _link(each, at_home)
            record.links.append(link)
            record.unread += _rest_of(each, link.standards)
    if page := _text(dataset.get("page")):
        record.links.append(Link(url=page, name="Fiche data.gouv.fr", function="information"))
    record.formats = [Format(name=link.format) for link in record.links if link.format]
    short = _text(dataset.get("description_short"))
    if short and " ".join(short.split()).rstrip(". …") not in " ".join((record.abstract or "").split()):
        record.unread.append(f"description_short: {short}")
    if page := origin.get("remote_url"):
        record.unread.append(f"harvest.remote_url: {page}")
    record.unread += [f"{key}: {value}" for key, value in sorted(dataset.items()) if key not in _KNOWN and value]
    return record


def origin_of(dataset: dict[str, Any]) -> dict[str, str]:
    """Return the origin of a dataset that udata itself harvested from another catalogue.

    Dates of its harvests are left out, since they change while the dataset does not.
    """
    told, extras = _object(dataset.get("harvest")), _object(dataset.get("extras"))  # extras: before udata 6
    found = {name: _text(told.get(name)) or _text(extras.get(f"harvest:{name}")) for name in _ORIGIN}
    return {name: value for name, value in found.items() if value}


def _person(owner: dict[str, Any]) -> str:
    return " ".join(filter(None, (_text(owner.get("first_name")), _text(owner.get("last_name")))))


def _contact_point(told: dict[str, Any]) -> Contact:
    role = _text(told.get("role")) or "contact"
    return Contact(
        organisation=_text(told.get("name")),
        email=_text(told.get("email")),
        url=_text(told.get("contact_form")),
        role=_ROLES.get(role, role),
    )


def _licence(record: Record, licence: str | None) -> None:
    if licence and licence != "notspecified":
        record.constraints.append(Constraint(kind="legal", use_limitations=[Term(LICENCES.get(licence, licence))]))


def _access(record: Record, dataset: dict[str, Any]) -> None:
    """Read the access type, the reason of a restriction, and where to request access."""
    kind, category = _text(dataset.get("access_type")), _text(dataset.get("access_type_reason_category"))
    right, reason = _ACCESS_RIGHTS.get(kind or ""), _REASONS.get(category or "")
    terms = [Term("", _ACCESS_RIGHT + right)] if right and kind != "open" else []
    terms += [Term("", _LIMITS + reason)] if reason else []
    texts = [_text(dataset.get(name)) for name in ("access_type_reason", "authorization_request_url")]
    terms += [Term(text) for text in (None if reason else category, *texts) if text]
    if terms:
        record.constraints.append(Constraint(kind="legal", access_codes=["otherRestrictions"], other=terms))
    if kind and kind not in ("open", "restricted"):  # not expressed by the access right
        record.unread.append(f"access_type: {kind}")


def _coverage(record: Record, dataset: dict[str, Any]) -> None:
    temporal = _object(dataset.get("temporal_coverage"))
    if temporal:
        record.periods.append(Period(_day(temporal.get("start")), _day(temporal.get("end"))))
    spatial = _object(dataset.get("spatial"))
    for code in filter(None, map(_text, _list(spatial.get("zones")))):
        addresses = _addresses_of(code)
        record.geographic_identifiers += [Identifier(code=address, href=address) for address in addresses]
        record.extent_descriptions += [] if addresses else [code]
    if granularity := _text(spatial.get("granularity")):
        record.unread.append(f"spatial.granularity: {granularity}")
    if (geometry := spatial.get("geom")) and not record.add_geometry(geometry):
        record.unread.append(f"spatial.geom: {json.dumps(geometry, ensure_ascii=False)[:MAX_NOTE]}")


def _addresses_of(zone: str) -> list[str]:
    """Return the territory URIs of a zone code, ignoring its version: "fr:departement:976:latest"."""
    now = zone.lower().partition("@")[0].removesuffix(":latest")
    if whole := places.zones().get(now):
        return [voc.get("territories")[each].uri for each in whole]
    beginning = next((each for each in _ZONES if zone.startswith(each)), None)
    if beginning is None:
        return []
    code = zone.removeprefix(beginning).partition("@")[0].partition(":")[0]
    return [f"http://id.insee.fr/geo/{_ZONES[beginning]}/{code}"]


def _link(resource: dict[str, Any], at_home: bool) -> Link:
    schema = _schema(resource, at_home)
    return Link(
        url=_text(resource.get("url")),
        name=_text(resource.get("title")),
        description=_text(resource.get("description")),
        format=_text(resource.get("format")),
        media_type=_text(resource.get("mime")),
        function="information" if resource.get("type") == "documentation" else "download",
        size_megabytes=megabytes(resource.get("filesize")),
        access_url=_text(resource.get("latest")),
        issued=_day(resource.get("created_at")) or _day(resource.get("published")) or None,
        modified=_day(resource.get("last_modified")) or None,
        standards=[schema] if schema else [],
    )


def _schema(resource: dict[str, Any], at_home: bool) -> str | None:
    """Return the URL of a file's schema; data.gouv.fr (`at_home`) has its own registry of schemas by name."""
    schema = _object(resource.get("schema"))
    url, name = _text(schema.get("url")), _text(schema.get("name")) or ""
    if url and url.startswith(("http://", "https://")):
        return url
    return f"{_SCHEMAS}{name}/" if at_home and _SCHEMA_NAME.fullmatch(name) else None


def _rest_of(resource: dict[str, Any], standards: list[str]) -> Iterator[str]:
    """Yield notes on what the link of a resource, with these standards, does not hold."""
    title = _text(resource.get("title")) or _text(resource.get("url")) or ""
    schema, checksum = _object(resource.get("schema")), _object(resource.get("checksum"))
    of_schema = [_text(schema.get(key)) for key in ("name", "version", "url")]
    for name, values in (
        ("schema", of_schema if any(text and text not in str(standards) for text in of_schema) else []),
        ("checksum", [checksum.get(key) for key in ("type", "value")]),
        ("preview_url", [resource.get("preview_url")]),
    ):
        if told := " ".join(text for value in values if (text := _text(value))):
            yield f"resources.{name}: {title[:MAX_TITLE]} – {told[:MAX_NOTE]}"
