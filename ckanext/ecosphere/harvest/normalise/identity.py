"""Rules for identifiers of the resource, its record and its series, and for the link to the original record."""

from __future__ import annotations

import re
from urllib.parse import quote

from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links import services
from ckanext.ecosphere.harvest.normalise.links.addresses import clean_url
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder
from ckanext.ecosphere.harvest.record import Identifier, Record

MAX_IDENTIFIERS, MAX_SERVED = 20, 1_000
MAX_LENGTH = 500
_PART_OF = {"largerworkcitation", "series", "collectivetitle"}
_CITED_BY = "crossreference"
#: Associations between editions of a dataset: that of ISO 19115-1, and one from DCAT → dataset field.
_EDITIONS = {"revisionof": "replaces", "replacedby": "replaced_by"}
MEMBER = {"partofseamlessdatabase", "iscomposedof"}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SAMPLES = re.compile(r"x{3,}|0{8}-0{4}-0{4}-0{4}-0{12}|\{?uuid\}?|identifiant.*", re.IGNORECASE)


def clean_identifier(text: str | None) -> str | None:
    """Return an identifier without surrounding spaces, None for an unfilled form ("A REMPLIR")."""
    bare = " ".join((text or "").split())
    if is_placeholder(bare) or _SAMPLES.fullmatch(bare):
        return None
    return bare[:MAX_LENGTH]


def full_identifier(identifier: Identifier) -> str | None:
    """Return an identifier as one text: its URI, or its code after its namespace."""
    if identifier.href and identifier.href.startswith(("http://", "https://", "urn:")):
        return clean_identifier(identifier.href)
    code = clean_identifier(identifier.code)
    space = clean_identifier(identifier.codespace)
    if not code or not space or code.startswith(("http://", "https://", "urn:")) or code.startswith(space):
        return code
    if space.startswith(("http://", "https://")):
        return f"{space.rstrip('/')}/{code}"
    return code


def _related(code: str | None, codespace: str | None, href: str | None) -> str | None:
    """Return the identifier of a related resource as in its own record; a UUID alone, which identifies the record."""
    if code and _UUID.search(code[:MAX_LENGTH]):
        return clean_identifier(code)
    if not code and href and (named := services.record_named(href)):
        return clean_identifier(named)
    return full_identifier(Identifier(code or "", codespace, href))


def identifiers(draft: Draft) -> None:
    """Set the first usable resource identifier, the alternative ones, and the identifier of the record."""
    record = draft.record
    draft.dataset.pop("metadata_identifier", None)
    own = clean_identifier(record.file_identifier)
    if own:
        draft.set("metadata_identifier", own)
    elif record.file_identifier:
        draft.problem("identifier-placeholder", value=record.file_identifier)
    else:
        draft.problem("no-file-identifier")
    given = [*([Identifier(record.uri)] if record.uri else []), *record.identifiers]
    found = [full_identifier(identifier) for identifier in given]
    for identifier, full in zip(given, found, strict=True):
        if full is None and identifier.code:
            draft.problem("identifier-placeholder", value=identifier.code)
    kept = list(dict.fromkeys(filter(None, found)))
    if kept:
        draft.set("identifier", kept[0])
        draft.set("alternate_identifier", kept[1:MAX_IDENTIFIERS])
    if len(kept) > MAX_IDENTIFIERS:
        draft.lost("identifier", kept[MAX_IDENTIFIERS:])


def members_of(record: Record) -> list[str]:
    """Return identifiers of the datasets that the record of a series (*lot*) names as its members."""
    held = [each for each in record.members if (each.association or "").lower() in MEMBER]
    return list(dict.fromkeys(filter(None, (clean_identifier(each.identifier) or each.title for each in held))))


def _kinds_of_members(record: Record) -> str:
    kinds = (each.association or "" for each in record.members if (each.association or "").lower() in MEMBER)
    return ", ".join(dict.fromkeys(kinds))


def relations(draft: Draft) -> None:
    """Set the series and the other editions of the dataset; note members and other relations."""
    record = draft.record
    # The parent is identified by its record, which has no code space here.
    parent = _related(record.parent_identifier, None, record.parent_href)
    parents = [parent, *map(clean_identifier, record.series)]
    others: list[str] = []
    cited: list[str] = []
    editions: dict[str, list[str]] = {"replaces": [], "replaced_by": []}
    for member in record.members:
        name = _related(member.identifier, member.codespace, member.href) or member.title
        kind = (member.association or "").lower()
        if not name:
            continue
        if kind in _PART_OF:
            parents.append(name)
        elif kind in _EDITIONS and name not in (record.file_identifier, record.uri):
            editions[_EDITIONS[kind]].append(name)
        elif kind == _CITED_BY and (address := clean_url(name).url):
            cited.append(address)
        elif kind not in MEMBER:
            others.append(f"{member.association or 'related'} {name}")
    coupled = record.service.coupled if record.service else []
    served = list(dict.fromkeys(filter(None, (clean_identifier(services.served(term)) for term in coupled))))
    if len(served) > MAX_SERVED:
        draft.too_many("operatesOn", len(served), MAX_SERVED)
    draft.set("serves_dataset", served[:MAX_SERVED])
    own = {record.file_identifier}
    editions["in_series"] = [name for name in parents if name and name not in own]
    draft.set("is_referenced_by", cited)
    for field, names in editions.items():
        distinct = list(dict.fromkeys(names))
        if len(distinct) > MAX_IDENTIFIERS:
            draft.lost(field, distinct[MAX_IDENTIFIERS:])
        draft.set(field, distinct[:MAX_IDENTIFIERS])
    draft.members = members_of(record)
    if draft.members:
        draft.lost("aggregationInfo/members", f"{_kinds_of_members(record)}: {'; '.join(draft.members)}")
    if others:
        draft.lost("aggregationInfo", list(dict.fromkeys(others)))


def provenance_of_record(draft: Draft) -> None:
    """Set the catalogue and, unless a link states it, the URL of the original record."""
    context = draft.context
    if context.catalogue_title:
        draft.set("source_catalogue", context.catalogue_title)
    identifier = clean_identifier(draft.record.file_identifier)
    if not draft.dataset.get("source_record") and context.record_url and identifier:
        draft.set("source_record", context.record_url.replace("{id}", quote(identifier, safe="")))
