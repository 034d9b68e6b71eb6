"""Rules for licence, limitations on public access and conditions of use, from codes, anchors and free text.

INSPIRE technical guidance 2.x, requirements C.17 and C.18: limitations on public access and conditions of use are two
blocks of legal constraints; French records mix them, mostly in ``useLimitation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.access import (
    DOUBT,
    MAX_SEARCHED,
    NO_LIMIT,
    STRICTNESS,
    is_partial,
    limits_of_text,
    reserved_in,
    without_no_limit,
)
from ckanext.ecosphere.harvest.normalise.denials import Clauses, may_deny
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links.addresses import MAX_LINKS
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain, rows, written_out
from ckanext.ecosphere.harvest.normalise.texts import bounded, plain_text
from ckanext.ecosphere.harvest.record import Constraint, Term

_NOT_PUBLIC = "L311-5"
_SAYS_NOTHING = {"", "otherrestrictions", "license", "licence"}
_NO_CONDITION = re.compile(
    r"(aucune|pas de|no) conditions?( d acces)?( et d utilisation)?( ne)?( s)? ?appl|^aucune contrainte$|"
    r"^no conditions? appl|^aucune$"
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
_MAY_NAME_A_LICENCE = re.compile(r"licen|etalab|odbl|\bcc|odc|pddl|creative|open data|reserv|\blo|^lo|source")
_COMPATIBLE = re.compile(
    r"\bcompatibles? (?:(?:avec|with|a|to|la|les|l|une?|the|toute?s?|any|all|autres?|other) ){0,4}"
    r"(?:licen[cs]es?|cc|odc|odbl|creative|open|etalab|data)\b"
)
"""Introduces a compatible licence, which is not that of the data: "Licence Ouverte (compatible CC-BY 2.0)"."""
_OTHER = "other-"
"""Prefix of the licences that stand for all those not in the vocabulary."""
_URL = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_ONLY_A_LICENCE = 220
"""Maximum length, in characters, of a text that may be only the name of a licence."""
MIN_REST = 2
"""Minimum number of significant words for which the rest of a recognised text is kept."""
_SAYS_NOTHING_MORE = {"public", "restricted", "non public", "confidential", "sensitive"}
MAX_TERMS = 200


@dataclass(slots=True)
class Reading:
    """What one text of a constraint means."""

    licence: str | None = None
    certain: bool = False
    limits: list[str] = field(default_factory=list)
    contradiction: str | None = None
    reserved: str | None = None
    partial: bool = False


# --- licences -------------------------------------------------------------------------------


@cache
def _licence_patterns() -> tuple[tuple[re.Pattern[str], str, bool], ...]:
    return tuple(
        (re.compile(written_out(row["pattern"])), row["licence"], row["version"] == "yes")
        for row in rows("licence-texts")
    )


def licence_of_url(url: str) -> str | None:
    """Return the id of the licence that a URL identifies."""
    url = url.strip().rstrip(".,;)")
    known = voc.get("licences").get(url)
    if known:
        return known.id
    bare = url.lower().partition("://")[2].removeprefix("www.")
    return next((licence for pattern, licence in _licence_addresses() if pattern.search(bare)), None)


@cache
def _licence_addresses() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(row["pattern"]), row["licence"]) for row in rows("licence-urls"))


def licence_of_text(text: str) -> tuple[str | None, bool]:
    """Return the id of the licence that a text names without negation, and whether it names the version too."""
    searched = text[:MAX_SEARCHED]
    bare = _COMPATIBLE.split(plain(searched), maxsplit=1)[0].rstrip()
    if _MAY_NAME_A_LICENCE.search(bare):
        clauses = Clauses(searched) if may_deny(bare.split()) else None
        for pattern, licence, certain in _licence_patterns():
            for found in pattern.finditer(bare):
                if clauses is None or not clauses.deny(*_as_words(bare, found)):
                    return licence, certain
    known = voc.get("licences").find(text) if len(text) <= _ONLY_A_LICENCE else None
    return (known.id, True) if known and known.id != "notspecified" else (None, False)


def _as_words(bare: str, found: re.Match[str]) -> tuple[int, int]:
    """Return start and end of a match, counted in words."""
    return bare.count(" ", 0, found.start()), bare.count(" ", 0, found.end()) + 1


def _denies_a_licence(text: str) -> bool:
    """Tell whether a text names licences and negates all of them."""
    searched = _URL.sub(" ", text[:MAX_SEARCHED])
    bare = plain(searched)
    if not may_deny(bare.split()) or not _MAY_NAME_A_LICENCE.search(bare) or licence_of_text(searched)[0]:
        return False
    clauses = Clauses(searched)
    found = (match for pattern, _licence, _certain in _licence_patterns() for match in pattern.finditer(bare))
    return any(clauses.deny(*_as_words(bare, match)) for match in found)


def _read_licence(term: Term, reading: Reading) -> None:
    if _denies_a_licence(term.text):
        return
    by_href = licence_of_url(term.href) if term.href else None
    by_text, certain = licence_of_text(term.text)
    if by_href and by_text and certain and by_href != by_text:
        reading.contradiction = f"{term.text} / {term.href}"
    if by_href:
        reading.licence, reading.certain = by_href, True
        return
    if not certain:
        in_text = next(filter(None, map(licence_of_url, _URL.findall(term.text))), None)
        if in_text:
            reading.licence, reading.certain = in_text, True
            return
    reading.licence, reading.certain = by_text, certain


# --- limits on access -------------------------------------------------------------------------


def _read_limits(term: Term, reading: Reading) -> None:
    by_text = limits_of_text(term.text)
    coded = voc.get("access-limitation").get(term.href.strip()) if term.href else None
    if coded and by_text and coded.id not in by_text:
        reading.contradiction = f"{term.text} / {term.href}"
        # If in doubt, keep the limitation: data can be opened later, but not closed again.
        reading.limits = [limit for limit in (coded.id, *by_text) if limit != NO_LIMIT]
    else:
        reading.limits = [coded.id] if coded else by_text


def read_term(term: Term) -> Reading:
    """Interpret one text of a constraint."""
    reading = Reading()
    _read_licence(term, reading)
    _read_limits(term, reading)
    reading.reserved = reserved_in(term.text)
    reading.partial = is_partial(term.text)
    return reading


# --- the rule -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Collected:
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
    budget = MAX_TERMS
    for block in draft.record.constraints:
        for term in (*block.use_limitations, *block.other):
            budget -= 1
            if budget >= 0:
                _collect(draft, block, term, term in block.other, collected)
    if budget < 0:
        draft.too_many("resourceConstraints", MAX_TERMS - budget, MAX_TERMS)
    if not collected.licences:
        collected.licences += _of_links(draft)
    _licence(draft, collected)
    _access(draft, collected)
    for name, texts in (("access_conditions", collected.access), ("use_conditions", collected.use)):
        text = "\n\n".join(dict.fromkeys(texts))
        if text:
            draft.set(name, bounded(draft, name, text))


def _of_links(draft: Draft) -> list[tuple[str, bool, str]]:
    """Return the licences that links name and lead to: some catalogues state them in no other way."""
    found = []
    for link in draft.record.links[:MAX_LINKS]:
        licence = licence_of_url(link.url or "")
        if licence and "licen" in plain(f"{link.name or ''} {link.description or ''}"):
            found.append((licence, True, f"{link.name or link.description} ({link.url})"))
    return found


def _collect(draft: Draft, block: Constraint, term: Term, is_other: bool, collected: _Collected) -> None:
    term = Term(plain_text(term.text), term.href)
    if is_placeholder(term.text) and not term.href:
        return
    right = voc.get("access-right").get(term.href or "")
    if right:
        collected.rights.append(right.id)
        named = voc.get("access-right").find(term.text)
        if term.text and named is None and plain(term.text) not in _SAYS_NOTHING_MORE:
            collected.access.append(term.text)
        return
    reading = read_term(term)
    if reading.contradiction:
        draft.problem("anchor-contradiction", value=reading.contradiction)
    if reading.licence:
        collected.licences.append((reading.licence, reading.certain, term.text or term.href or ""))
    collected.limits += reading.limits
    if NO_LIMIT in reading.limits and term.text:
        collected.no_limit.append(term.text)
    if reading.reserved:
        collected.reserved.append((reading.reserved, term.text))
    if reading.partial:
        collected.partial.append(term.text)
    other = bool(reading.licence) and str(reading.licence).startswith(_OTHER)
    named = bool(reading.licence) and not other and not _more_than_a_licence(term.text)
    if not term.text and term.href and other:
        collected.use.append(term.href)
    elif not named and not reading.limits and term.text:
        about_access = is_other and block.access_codes and not block.use_codes
        bare = plain(term.text[:400])
        of_use = _NO_CONDITION.search(bare) or (reading.reserved is None and _OF_USE.search(bare))
        target = collected.access if reading.partial or (about_access and not of_use) else collected.use
        target.append(term.text if not term.href or term.href in term.text else f"{term.text} ({term.href})")
    elif (
        reading.limits
        and not _is_label_of_a_limit(term.text)
        and (NO_LIMIT not in reading.limits or _more_than_no_limit(term.text))
    ):
        collected.access.append(term.text)


def _is_label_of_a_limit(text: str) -> bool:
    """Tell whether a text is empty or only the label of a limitation."""
    return not text or voc.get("access-limitation").find(text) is not None


def _more_than_a_licence(text: str) -> bool:
    """Tell whether a text that names a licence contains more, and must be kept among the conditions of use."""
    if len(text) > _ONLY_A_LICENCE:
        return True
    rest = plain(_URL.sub(" ", text))
    for pattern, licence, _certain in _licence_patterns():
        if not licence.startswith(_OTHER):  # patterns of other licences are sentences with conditions
            rest = pattern.sub(" ", rest, count=1)
    return _is_worth_keeping(rest)


def _more_than_no_limit(text: str) -> bool:
    """Tell whether a text about unlimited access contains more ("… hors zones militaires")."""
    return _is_worth_keeping(without_no_limit(plain(text))[0])


def _is_worth_keeping(rest: str) -> bool:
    """Tell whether the rest of a recognised text contains more than filler words."""
    return sum(word not in _fillers() and not word.isdigit() for word in rest.split()) >= MIN_REST


@cache
def _fillers() -> frozenset[str]:
    return frozenset(row["word"] for row in rows("constraint-fillers"))


def _licence(draft: Draft, collected: _Collected) -> None:
    if not collected.licences:
        codes = {code.lower() for block in draft.record.constraints for code in block.use_codes}
        if codes & {"license", "licence"}:
            draft.problem("licence-without-text")
        return
    certain = [item for item in collected.licences if item[1]] or collected.licences
    certain = [item for item in certain if not item[0].startswith(_OTHER)] or certain
    licence, _certain, text = certain[0]
    different = dict.fromkeys(item[0] for item in certain)
    if len(different) > 1:
        draft.problem("licences-differ", values=list(different), chosen=licence)
    if licence.startswith(_OTHER) == _certain:  # another version, or none; a bare sentence names no licence
        draft.problem("licence-version", value=text, chosen=licence)
    draft.set("license_id", licence, before=text)


def _access(draft: Draft, collected: _Collected) -> None:
    vocabulary = voc.get("access-limitation")
    grounds = list(dict.fromkeys(limit for limit in collected.limits if limit != NO_LIMIT))
    if grounds and NO_LIMIT in collected.limits:
        draft.problem("access-contradiction", values=grounds)
        draft.lost("resourceConstraints/otherConstraints", collected.no_limit)
    reserved = [item for item in collected.reserved if item[0] != DOUBT]
    against = [text for _right, text in reserved] + collected.partial
    nothing_limits = NO_LIMIT in collected.limits and not against
    if NO_LIMIT in collected.limits and against and not grounds:
        draft.problem("access-contradiction", values=list(dict.fromkeys(against)))
        draft.lost("resourceConstraints/otherConstraints", collected.no_limit or [NO_LIMIT])
    limits = grounds or ([NO_LIMIT] if nothing_limits else [])
    if limits:
        said = [text for text in collected.no_limit if not grounds and not _is_label_of_a_limit(text)]
        draft.set("access_limitation", [vocabulary[limit].uri for limit in limits], before="; ".join(said) or None)
    told = next((right for right in collected.rights if right != "PUBLIC" or not grounds), "")
    right, because = (told, "access right") if told else _right(draft, grounds, nothing_limits, collected)
    if right:
        draft.set("access_rights", voc.get("access-right")[right].uri)
        draft.change("access_rights", because, right)


def _right(draft: Draft, grounds: list[str], nothing_limits: bool, collected: _Collected) -> tuple[str, str]:
    """Return the access right and its origin: grounds, codes and words, absence of limitations, or licence."""
    if grounds:
        closed = any(ground.startswith(_NOT_PUBLIC) for ground in grounds)
        return "NON_PUBLIC" if closed else "RESTRICTED", ", ".join(grounds)
    codes: list[str] = []
    for block in draft.record.constraints:
        codes += [*block.access_codes, block.classification or ""]
    told = [(_CODE_RIGHTS[code.lower()], code) for code in codes if code.lower() in _CODE_RIGHTS]
    told += [item for item in collected.reserved if item[0] != DOUBT]
    right, because = max(told, key=lambda item: STRICTNESS.index(item[0]), default=("", ""))
    if right not in ("", "PUBLIC"):
        return right, because
    if nothing_limits:
        return "PUBLIC", NO_LIMIT
    licence = voc.get("licences").get(draft.dataset.get("license_id", ""))
    if not right and licence and licence.data["open"] and not collected.reserved:
        right, because = "PUBLIC", licence.id
    return ("", "") if collected.partial else (right, because)


def reserves_access(texts: Iterable[str]) -> bool:
    """Tell whether one of some texts restricts access, without having produced an access right."""
    return any(reserved_in(text) or is_partial(text) for text in texts)


def restriction_codes(draft: Draft) -> None:
    """Note the codes that have no field: copyright, intellectual property, patent…"""
    codes = [
        code
        for block in draft.record.constraints
        for code in (*block.access_codes, *block.use_codes)
        if code.lower() not in _SAYS_NOTHING and code.lower() not in _CODE_RIGHTS
    ]
    if codes:
        draft.lost("MD_RestrictionCode", list(dict.fromkeys(codes)))
