"""Rules for licence, limitations on public access and conditions of use.

INSPIRE technical guidance 2.x, requirements C.17 and C.18: limitations on public access and
conditions of use are two blocks of legal constraints; French records mix them, mostly in
``useLimitation``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.addresses import MAX_LINKS
from ckanext.ecosphere.harvest.normalise.constraint_texts import (
    DOUBT,
    NO_LIMIT,
    OTHER,
    STRICTNESS,
    Reading,
    is_label_of_a_limit,
    licence_of_url,
    more_than_a_licence,
    more_than_no_limit,
    read_term,
)
from ckanext.ecosphere.harvest.normalise.draft import Draft, Reason, reason
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.texts import bounded, plain_text
from ckanext.ecosphere.harvest.record import Constraint, Term

MAX_TERMS = 200
_NOT_PUBLIC = "L311-5"
_NO_MEANING = {"", "otherrestrictions", "license", "licence"}
"""Codes that only refer to a text."""
_NO_CONDITION = re.compile(
    r"(aucune|pas de|no) conditions?( d acces)?( et d utilisation)?( ne)?( s)? ?appl"
    r"|^aucune contrainte$|^no conditions? appl|^aucune$"
)
_CODE_RIGHTS = {
    "unrestricted": "PUBLIC",
    "restricted": "RESTRICTED",
    "private": "NON_PUBLIC",
    "statutory": "RESTRICTED",
    "confidential": "CONFIDENTIAL",
    "secret": "NON_PUBLIC",
    "topsecret": "NON_PUBLIC",
    "sensitivebutunclassified": "SENSITIVE",
    "in-confidence": "CONFIDENTIAL",
    "forofficialuseonly": "RESTRICTED",
    "limiteddistribution": "RESTRICTED",
    "protected": "RESTRICTED",
}
"""ISO restriction and classification codes (lower case) → EU access right."""
_OF_USE = re.compile(r"\bechelles?\b|\b1 \d{1,3} ?000\b")
"""A scale: such a text is a condition of use, whatever its block."""
_LABELS_OF_RIGHTS = {"public", "restricted", "non public", "confidential", "sensitive"}


@dataclass(slots=True)
class _Collected:
    """What all texts of the constraints say.

    Attributes:
        licences: id, whether it is certain, and the text.
        limits: ids of limitations, or `NO_LIMIT`.
        access: texts on access to keep.
        use: texts on use to keep.
        rights: ids of access rights given by URI.
        no_limit: texts that state unlimited access.
        reserved: access right and the text that reserves it.
        partial: texts that make an exception from unlimited access.
    """

    licences: list[tuple[str, bool, str]] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    access: list[str] = field(default_factory=list)
    use: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    no_limit: list[str] = field(default_factory=list)
    reserved: list[tuple[str, str]] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)


def constraints(draft: Draft) -> None:
    """Read every block of constraints, then decide on licence, access and conditions."""
    collected = _Collected()
    number = 0
    for block in draft.record.constraints:
        for term in (*block.use_limitations, *block.other):
            number += 1
            if number <= MAX_TERMS:
                _collect(draft, block, term, collected)
    if number > MAX_TERMS:
        draft.too_many("resourceConstraints", number, MAX_TERMS)
    if not collected.licences:
        collected.licences += _of_links(draft)
    _set_licence(draft, collected)
    _set_access(draft, collected)
    for name, texts in (
        ("access_conditions", collected.access),
        ("use_conditions", collected.use),
    ):
        text = "\n\n".join(dict.fromkeys(texts))
        if text:
            draft.set(name, bounded(draft, name, text))


def _of_links(draft: Draft) -> list[tuple[str, bool, str]]:
    """Return the licences that links name and lead to: some catalogues state them so only."""
    licences = []
    for link in draft.record.links[:MAX_LINKS]:
        licence = licence_of_url(link.url or "")
        if licence and "licen" in plain(f"{link.name or ''} {link.description or ''}"):
            licences.append((licence, True, f"{link.name or link.description} ({link.url})"))
    return licences


# --- one text --------------------------------------------------------------------------------


def _collect(draft: Draft, block: Constraint, written: Term, collected: _Collected) -> None:
    term = Term(plain_text(written.text), written.href)
    if is_placeholder(term.text) and not term.href:
        return
    rights = voc.get("access-right")
    right = rights.get(term.href or "")
    if right:
        collected.rights.append(right.id)
        is_label = rights.find(term.text) or plain(term.text) in _LABELS_OF_RIGHTS
        if term.text and not is_label:
            collected.access.append(term.text)
        return
    reading = read_term(term)
    if reading.contradiction:
        draft.problem("anchor-contradiction", value=reading.contradiction)
    if reading.licence:
        text = term.text or term.href or ""
        collected.licences.append((reading.licence, reading.certain, text))
    collected.limits += reading.limits
    if NO_LIMIT in reading.limits and term.text:
        collected.no_limit.append(term.text)
    if reading.reserved:
        collected.reserved.append((reading.reserved, term.text))
    if reading.partial:
        collected.partial.append(term.text)
    about_access = written in block.other and block.access_codes and not block.use_codes
    _keep_text(term, reading, bool(about_access), collected)


def _keep_text(term: Term, reading: Reading, about_access: bool, collected: _Collected) -> None:
    """Keep a text among the conditions if it says more than what was understood."""
    is_other = (reading.licence or "").startswith(OTHER)
    if not term.text:
        if term.href and is_other:
            collected.use.append(term.href)
        return
    is_licence = reading.licence and not is_other and not more_than_a_licence(term.text)
    if not is_licence and not reading.limits:
        text = term.text
        if term.href and term.href not in text:
            text = f"{text} ({term.href})"
        if reading.partial or (about_access and not _is_of_use(term.text, reading)):
            collected.access.append(text)
        else:
            collected.use.append(text)
    elif reading.limits and _says_more_than_its_limits(term.text, reading):
        collected.access.append(term.text)


def _says_more_than_its_limits(text: str, reading: Reading) -> bool:
    if is_label_of_a_limit(text):
        return False
    return NO_LIMIT not in reading.limits or more_than_no_limit(text)


def _is_of_use(text: str, reading: Reading) -> bool:
    bare = plain(text[:400])
    if reading.reserved is None and _OF_USE.search(bare):
        return True
    return bool(_NO_CONDITION.search(bare))


# --- decisions -------------------------------------------------------------------------------


def _set_licence(draft: Draft, collected: _Collected) -> None:
    if not collected.licences:
        codes = {code.lower() for block in draft.record.constraints for code in block.use_codes}
        if codes & {"license", "licence"}:
            draft.problem("licence-without-text")
        return
    best = [item for item in collected.licences if item[1]] or collected.licences
    best = [item for item in best if not item[0].startswith(OTHER)] or best
    licence, certain, text = best[0]
    different = dict.fromkeys(item[0] for item in best)
    if len(different) > 1:
        draft.problem("licences-differ", values=list(different), chosen=licence)
    # Another version, or none; a bare sentence names no licence.
    if licence.startswith(OTHER) == certain:
        draft.problem("licence-version", value=text, chosen=licence)
    draft.set("license_id", licence, before=text)


def _set_access(draft: Draft, collected: _Collected) -> None:
    vocabulary = voc.get("access-limitation")
    grounds = [limit for limit in dict.fromkeys(collected.limits) if limit != NO_LIMIT]
    says_no_limit = NO_LIMIT in collected.limits
    against = [text for right, text in collected.reserved if right != DOUBT]
    against += collected.partial
    contradicting = grounds or list(dict.fromkeys(against))
    if says_no_limit and contradicting:
        draft.problem("access-contradiction", values=contradicting)
        texts = collected.no_limit
        if not grounds:
            texts = texts or [NO_LIMIT]
        draft.lost("resourceConstraints/otherConstraints", texts)
    nothing_limits = says_no_limit and not against
    limits = grounds
    before = None
    if not grounds and nothing_limits:
        limits = [NO_LIMIT]
        texts = [text for text in collected.no_limit if not is_label_of_a_limit(text)]
        before = "; ".join(texts) or None
    if limits:
        uris = [vocabulary[limit].uri for limit in limits]
        draft.set("access_limitation", uris, before)
    right, because = _right(draft, grounds, nothing_limits, collected)
    if right:
        draft.set("access_rights", voc.get("access-right")[right].uri)
        draft.change("access_rights", because, right)


def _right(
    draft: Draft, grounds: list[str], nothing_limits: bool, collected: _Collected
) -> tuple[str, str | Reason]:
    """Return the access right and its origin.

    The right given by URI, else by grounds, codes and words, absence of limitations, or licence.
    """
    for right in collected.rights:
        if right != "PUBLIC" or not grounds:
            return right, reason("access right")
    if grounds:
        right = "RESTRICTED"
        if any(ground.startswith(_NOT_PUBLIC) for ground in grounds):
            right = "NON_PUBLIC"
        return right, ", ".join(grounds)
    candidates = [*_coded_rights(draft)]
    candidates += [item for item in collected.reserved if item[0] != DOUBT]
    right, because = "", ""
    if candidates:
        right, because = max(candidates, key=lambda item: STRICTNESS.index(item[0]))
    if right not in ("", "PUBLIC"):
        return right, because
    if nothing_limits:
        return "PUBLIC", reason(NO_LIMIT)
    licence = voc.get("licences").get(draft.dataset.get("license_id", ""))
    if not right and licence and licence.data["open"] and not collected.reserved:
        right, because = "PUBLIC", licence.id
    if collected.partial:
        return "", ""
    return right, because


def _coded_rights(draft: Draft) -> list[tuple[str, str]]:
    """Return access right and code of each code that has one."""
    codes: list[str] = []
    for block in draft.record.constraints:
        codes += [*block.access_codes, block.classification or ""]
    return [(_CODE_RIGHTS[c.lower()], c) for c in codes if c.lower() in _CODE_RIGHTS]


def restriction_codes(draft: Draft) -> None:
    """Note the codes that have no field: copyright, intellectual property, patent…"""
    codes: dict[str, None] = {}
    for block in draft.record.constraints:
        for code in (*block.access_codes, *block.use_codes):
            if code.lower() not in _NO_MEANING and code.lower() not in _CODE_RIGHTS:
                codes[code] = None
    if codes:
        draft.lost("MD_RestrictionCode", list(codes))
