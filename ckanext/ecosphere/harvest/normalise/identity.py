"""Rules for identifiers of the resource, its record and its series, and the original record."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from ckanext.ecosphere.harvest.normalise.draft import Draft, distinct, is_placeholder
from ckanext.ecosphere.harvest.normalise.texts import clean_url, record_named
from ckanext.ecosphere.harvest.record import UUID, Identifier, Member, Record, Term

MAX_IDENTIFIERS, MAX_SERVED = 20, 1_000
MAX_LENGTH = 500
MAX_CATALOGUES = 20
_PART_OF = {"largerworkcitation", "series", "collectivetitle"}
_CITED_BY = "crossreference"
_EDITIONS = {"revisionof": "replaces", "replacedby": "replaced_by"}
"""Association between editions (ISO 19115-1, and one from DCAT) → dataset field."""
MEMBER = {"partofseamlessdatabase", "iscomposedof"}
_ADDRESS = ("http://", "https://", "urn:")
_CITATION = re.compile(r"featureCatalogueCitation\b([^>]{1,2000})>")
_UUIDREF = re.compile(r"uuidref=[\"']([^\"']{1,400})[\"']")
_ID = re.compile(r"[?&;]id=([^\"'&]{1,400})", re.IGNORECASE)
_SAMPLES = re.compile(r"x{3,}|0{8}-0{4}-0{4}-0{4}-0{12}|\{?uuid\}?|identifiant.*", re.IGNORECASE)


def clean_identifier(text: str | None) -> str | None:
    """Return an identifier without surrounding spaces, None for an unfilled form ("A REMPLIR")."""
    bare = " ".join((text or "").split())
    if is_placeholder(bare) or _SAMPLES.fullmatch(bare):
        return None
    return bare[:MAX_LENGTH]


def full_identifier(identifier: Identifier) -> str | None:
    """Return an identifier as one text: its URI, or its code after its namespace."""
    if identifier.href and identifier.href.startswith(_ADDRESS):
        return clean_identifier(identifier.href)
    code = clean_identifier(identifier.code)
    space = clean_identifier(identifier.codespace)
    if not code or not space or code.startswith((*_ADDRESS, space)):
        return code
    if space.startswith(("http://", "https://")):
        return f"{space.rstrip('/')}/{code}"
    return code


def _related(code: str | None, codespace: str | None, href: str | None) -> str | None:
    """Return the identifier of a related resource as in its own record.

    A UUID alone, which identifies the record.
    """
    if code and UUID.search(code[:MAX_LENGTH]):
        return clean_identifier(code)
    if not code and href and record_named(href):
        return clean_identifier(record_named(href))
    return full_identifier(Identifier(code or "", codespace, href))


def identifiers(draft: Draft) -> None:
    """Set the resource identifier, the alternative ones, and the identifier of the record."""
    record = draft.record
    draft.dataset.pop("metadata_identifier", None)
    own = clean_identifier(record.file_identifier)
    if own:
        draft.set("metadata_identifier", own)
    elif record.file_identifier:
        draft.problem("identifier-placeholder", value=record.file_identifier)
    else:
        draft.problem("no-file-identifier")
    candidates = list(record.identifiers)
    if record.uri:
        candidates.insert(0, Identifier(record.uri))
    usable: list[str] = []
    for identifier in candidates:
        full = full_identifier(identifier)
        if full:
            usable.append(full)
        elif identifier.code:
            draft.problem("identifier-placeholder", value=identifier.code)
    usable = draft.with_room("identifier", distinct(usable), MAX_IDENTIFIERS)
    if usable:
        draft.set("identifier", usable[0])
        draft.set("alternate_identifier", usable[1:])


# --- relations -------------------------------------------------------------------------------


def members_of(record: Record) -> list[str]:
    """Return identifiers of the datasets that the record of a series (*lot*) names as members."""
    names = [clean_identifier(member.identifier) or member.title for member in _members(record)]
    return distinct(filter(None, names))


def named_catalogues(content: str) -> list[str]:
    """Return the identifiers of the feature catalogues that a stored record names.

    They stand in ``uuidref``, or in the URL of a request.
    """
    identifiers = []
    for citation in _CITATION.findall(content):
        match = _UUIDREF.search(citation) or _ID.search(citation)
        if match:
            identifiers.append(unquote(match.group(1)).strip())
    return distinct(filter(None, identifiers))[:MAX_CATALOGUES]


def _members(record: Record) -> list[Member]:
    return [member for member in record.members if _association(member) in MEMBER]


def _association(member: Member) -> str:
    return (member.association or "").lower()


def relations(draft: Draft) -> None:
    """Set the series and the other editions of the dataset; note members and other relations."""
    record = draft.record
    # The parent is identified by its record, which has no code space here.
    parent = _related(record.parent_identifier, None, record.parent_href)
    related: dict[str, list[str | None]] = {
        "replaces": [],
        "replaced_by": [],
        "in_series": [parent, *map(clean_identifier, record.series)],
    }
    others: list[str] = []
    cited: list[str | None] = []
    for member in record.members:
        name = _related(member.identifier, member.codespace, member.href) or member.title
        kind = _association(member)
        if not name or kind in MEMBER:
            continue
        if kind in _PART_OF:
            related["in_series"].append(name)
        elif kind in _EDITIONS and name not in (record.file_identifier, record.uri):
            related[_EDITIONS[kind]].append(name)
        elif kind == _CITED_BY and clean_url(name).url:
            cited.append(clean_url(name).url)
        else:
            others.append(f"{member.association or 'related'} {name}")
    _set_served(draft)
    draft.set("is_referenced_by", cited)
    for field, names in related.items():
        present = distinct(name for name in names if name and name != record.file_identifier)
        draft.set(field, draft.with_room(field, present, MAX_IDENTIFIERS))
    draft.members = members_of(record)
    if draft.members:
        kinds = distinct(member.association or "" for member in _members(record))
        members = f"{', '.join(kinds)}: {'; '.join(draft.members)}"
        draft.lost("aggregationInfo/members", members)
    if others:
        draft.lost("aggregationInfo", distinct(others))


def _set_served(draft: Draft) -> None:
    """Set the datasets that a service serves."""
    coupled: list[Term] = []
    if draft.record.service:
        coupled = draft.record.service.coupled
    names = [clean_identifier(served(term)) for term in coupled]
    present = distinct(filter(None, names))
    draft.set("serves_dataset", draft.first("operatesOn", present, MAX_SERVED))


def served(term: Term) -> str:
    """Return the dataset in ``operatesOn``: identifier, that in the URL of its record, or URL."""
    if term.text or not term.href:
        return term.text
    return record_named(term.href) or term.href


def provenance_of_record(draft: Draft) -> None:
    """Set the catalogue and, unless a link states it, the URL of the original record."""
    context = draft.context
    if context.catalogue_title:
        draft.set("source_catalogue", context.catalogue_title)
    identifier = clean_identifier(draft.record.file_identifier)
    if not draft.dataset.get("source_record") and context.record_url and identifier:
        address = context.record_url.replace("{id}", quote(identifier, safe=""))
        draft.set("source_record", address)
