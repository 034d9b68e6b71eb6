"""Rules for licence, limitations on public access and conditions of use.

INSPIRE technical guidance 2.x, requirements C.17 and C.18: limitations on public access and
conditions of use are two blocks of legal constraints; French records mix them, mostly in
``useLimitation``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    Reason,
    is_placeholder,
    parts,
    patterns,
    plain,
    reason,
    rows,
    words,
)
from ckanext.ecosphere.harvest.normalise.texts import MAX_LINKS, bounded, plain_text
from ckanext.ecosphere.harvest.record import Constraint, Term

MAX_TERMS = 200
_NOT_PUBLIC = "L311-5"
NO_MEANING = {"", "otherrestrictions", "license", "licence"}
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
    terms: list[tuple[Constraint, Term]] = []
    for block in draft.record.constraints:
        terms += [(block, term) for term in (*block.use_limitations, *block.other)]
    for block, term in draft.first("resourceConstraints", terms, MAX_TERMS):
        _collect(draft, block, term, collected)
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
            if code.lower() not in NO_MEANING and code.lower() not in _CODE_RIGHTS:
                codes[code] = None
    if codes:
        draft.lost("MD_RestrictionCode", list(codes))


# --- what a text means: a licence, a limit on public access, reserved access --------------------
#
# Negated words do not count ("ne relève pas de la licence ODbL", "Il n'y a pas d'accès restreint").
# A text means that nothing limits access only if it makes no exception ("… sauf les zones
# militaires", "… pour les services de l'État").

MAX_SEARCHED = 2_000
"""Maximum number of characters of a text that are searched."""
NO_LIMIT = "noLimitations"
DOUBT = "doubt"
"""In place of an access right: with such words, an open licence does not make the data public."""
_PARTLY = "partly"
STRICTNESS = ("PUBLIC", "SENSITIVE", "RESTRICTED", "CONFIDENTIAL", "NON_PUBLIC")
MIN_REST = 2
"""Minimum number of significant words for which the rest of a recognised text is kept."""
_LONGEST_LABEL = 400
URL = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
OTHER = "other-"
"""Prefix of the licences that stand for all those not in the vocabulary."""
_ONLY_A_LICENCE = 220
"""Maximum length, in characters, of a text that may be only the name of a licence."""


@dataclass(slots=True)
class Reading:
    """What one text of a constraint means.

    Attributes:
        certain: whether the licence is known with its version.
        contradiction: text and address, if they name different things.
        reserved: access right that words of the text reserve, or `DOUBT`.
        partial: whether unlimited access has exceptions.
    """

    licence: str | None = None
    certain: bool = False
    limits: list[str] = field(default_factory=list)
    contradiction: str | None = None
    reserved: str | None = None
    partial: bool = False


def read_term(term: Term) -> Reading:
    """Interpret one text of a constraint."""
    reading = Reading()
    _read_licence(term, reading)
    _read_limits(term, reading)
    reading.reserved = reserved_in(term.text)
    reading.partial = is_partial(term.text)
    return reading


# --- negation --------------------------------------------------------------------------------

_BREAK = re.compile(r"[.!?]\s|[\n;,:()/]|\s[-–—]\s")
"""Possible ends of clauses; commas, colons and brackets may also occur within one."""
_ENDS = ".!?;\n"
_FAR = 20
"""Number of words examined before a licence."""
_NEAR = 8
"""Number of words examined after a licence, and before words on access."""
_DENIED_AFTER = re.compile(
    r"(?:n|ne) (?:est|sont|peut etre|s applique|s appliquent) (?:pas|plus)(?! que\b)"
    r"(?: (?:autorisee?|applicable|applique|permise?|possible|accordee?|concedee?|valable|admise?)"
    r"s?\b|$| aux? )|"
    r"(?:is|are) not (?:applicable|allowed|permitted|granted|authori[sz]ed)\b"
    r"|(?:does|do) not apply\b|"
    r"(?:(?:est|sont|is|are) )?(?:interdite?|exclue?|prohibited|excluded)s?\b|"
    r"(?:non|pas|not) "
    r"(?:applicable|appliquee?|concernee?|accordee?|retenue?|autorisee?|allowed|granted)s?$"
)
"""Words after a licence that negate it."""
_ANSWER = re.compile(
    r"(?:non|no|aucune?s?|neant|sans objet|(?:non|pas) (?:applicable|concernee?s?))$|"
    r"(?:ont|sont|a|est) (?:ete )?"
    r"(?:retire|supprime|exclu|masque|anonymise|ote|enleve|floute|occulte)e?s?\b"
)
"""Words after a text on access that negate it, or that concern data already removed."""
_EXCLUDES = {
    "interdit", "interdite", "interdits", "interdites", "exclu", "exclue", "exclus", "exclues",
    "prohibited", "excluded",
}  # fmt: skip


@cache
def _words(place: str) -> frozenset[str]:
    listed: list[str] = []
    for row in rows("licence-denials"):
        if row["place"] == place:
            listed += parts(row["words"])
    return frozenset(listed)


def may_deny(bare: Collection[str]) -> bool:
    """Tell whether some words may negate: a quick test, since most texts have none."""
    denying = (_words("always"), _words("not"), _EXCLUDES)
    return not all(group.isdisjoint(bare) for group in denying)


@lru_cache(maxsize=4)
def _tokens(text: str) -> list[str]:
    """Return the words of a text without case and accents,
    "." and "," where a sentence or a clause may end.
    """
    tokens: list[str] = []
    position = 0
    for sign in _BREAK.finditer(text):
        tokens += plain(text[position : sign.start()]).split()
        tokens.append("." if sign.group()[0] in _ENDS else ",")
        position = sign.end()
    return tokens + plain(text[position:]).split()


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    """Return the words of a sentence before and after its words `start` to `end` (exclusive).

    A negation counts only if it governs them: in the same clause, with only words of the table
    `licence-denials.csv` in between. "N'engage pas la responsabilité du producteur. Licence
    Ouverte" does not deny the licence.
    """
    tokens = _tokens(text)
    places = [place for place, token in enumerate(tokens) if token not in (".", ",")]
    before = " ".join(tokens[: places[start]]).rpartition(".")[2]
    after = " ".join(tokens[places[end - 1] + 1 :]).partition(".")[0]
    return before, " ".join(after.replace(",", "").split())


def _last(words: str, count: int) -> str:
    return " ".join(words.split()[-count:])


@cache
def _any_of(*groups: str) -> str:
    """Return the expression for the words of some places of the table."""
    words: list[str] = []
    for place in groups:
        words += sorted(_words(place))
    return f"(?:{'|'.join(words)})"


def _denied(before: str, after: str) -> bool:
    """Tell whether the words before or after the name of a licence negate it."""
    near = f" {_last(before, _FAR)}"
    passed = _any_of("passed")
    match = re.search(rf" (?:ne|n)((?: [\w,]+){{0,3}}) {_any_of('not')}(?: (?:{passed}|,))*$", near)
    if match:
        return not _words("verb").isdisjoint(match.group(1).split())
    if re.search(rf" {_any_of('always')}(?: {passed})*$", near):
        return True
    rest = re.sub(rf"^(?:(?:{_any_of('name')}|\d+)(?: |$))*", "", after)
    return bool(_DENIED_AFTER.match(" ".join(rest.split()[:_NEAR])))


def _access_denied(before: str, after: str) -> bool:
    """Tell whether words about access are negated, before them or in an answer after them."""
    near = f" {_last(before, _NEAR)}"
    match = re.search(rf" ({_any_of('access')})(?: {_any_of('between')})*$", near)
    if match:
        return match.group(1) != "plus" or bool(re.search(r" (?:ne|n)(?: \w+){0,3} plus\b", near))
    return bool(_ANSWER.match(" ".join(after.split()[:_NEAR])))


# --- licences --------------------------------------------------------------------------------

_MAY_NAME_A_LICENCE = re.compile(
    r"licen|etalab|odbl|\bcc|odc|pddl|creative|open data|reserv|\blo|^lo|source"
)
_COMPATIBLE = re.compile(
    r"\bcompatibles? "
    r"(?:(?:avec|with|a|to|la|les|l|une?|the|toute?s?|any|all|autres?|other) ){0,4}"
    r"(?:licen[cs]es?|cc|odc|odbl|creative|open|etalab|data)\b"
)
"""Introduces a compatible licence, not that of the data: "Licence Ouverte (compatible CC-BY)"."""


def licence_of_url(url: str) -> str | None:
    """Return the id of the licence that a URL identifies."""
    url = url.strip().rstrip(".,;)")
    concept = voc.get("licences").get(url)
    if concept:
        return concept.id
    bare = url.lower().partition("://")[2].removeprefix("www.")
    for pattern, licence in patterns("licence-urls", "licence"):
        if pattern.search(bare):
            return licence
    return None


def licence_of_text(text: str) -> tuple[str | None, bool]:
    """Return the id of the licence that a text names without negation.

    Returns:
        the id, and whether the text names the version too.
    """
    searched = text[:MAX_SEARCHED]
    bare = _COMPATIBLE.split(plain(searched), maxsplit=1)[0].rstrip()
    if _MAY_NAME_A_LICENCE.search(bare):
        denies = may_deny(bare.split())
        for match, licence, certain in _licences_named(bare):
            if not (denies and _denied(*_around(searched, *_as_words(bare, match)))):
                return licence, certain
    if len(text) <= _ONLY_A_LICENCE:
        concept = voc.get("licences").find(text)
        if concept and concept.id != "notspecified":
            return concept.id, True
    return None, False


def _licences_named(bare: str) -> Iterator[tuple[re.Match[str], str, bool]]:
    """Yield where a text names a licence, its id, and whether the text names its version too."""
    for pattern, licence, version in patterns("licence-texts", "licence", "version"):
        for match in pattern.finditer(bare):
            yield match, licence, version == "yes"


def _as_words(bare: str, match: re.Match[str]) -> tuple[int, int]:
    """Return start and end of a match, counted in words."""
    return bare.count(" ", 0, match.start()), bare.count(" ", 0, match.end()) + 1


def _denies_a_licence(text: str) -> bool:
    """Tell whether a text names licences and negates all of them."""
    searched = URL.sub(" ", text[:MAX_SEARCHED])
    bare = plain(searched)
    if not may_deny(bare.split()) or not _MAY_NAME_A_LICENCE.search(bare):
        return False
    if licence_of_text(searched)[0]:
        return False
    spans = (_as_words(bare, match) for match, _licence, _certain in _licences_named(bare))
    return any(_denied(*_around(searched, *span)) for span in spans)


def _read_licence(term: Term, reading: Reading) -> None:
    if _denies_a_licence(term.text):
        return
    by_href = licence_of_url(term.href or "")
    by_text, certain = licence_of_text(term.text)
    if by_href and by_text and certain and by_href != by_text:
        reading.contradiction = f"{term.text} / {term.href}"
    if not by_href and not certain:
        in_text = map(licence_of_url, URL.findall(term.text))
        by_href = next(filter(None, in_text), None)
    if by_href:
        reading.licence, reading.certain = by_href, True
    else:
        reading.licence, reading.certain = by_text, certain


def more_than_a_licence(text: str) -> bool:
    """Tell whether a text that names a licence contains more: conditions of use."""
    if len(text) > _ONLY_A_LICENCE:
        return True
    rest = plain(URL.sub(" ", text))
    for pattern, licence in patterns("licence-texts", "licence"):
        # Patterns of other licences are sentences with conditions.
        if not licence.startswith(OTHER):
            rest = pattern.sub(" ", rest, count=1)
    return _is_worth_keeping(rest)


def _is_worth_keeping(rest: str) -> bool:
    """Tell whether the rest of a recognised text contains more than filler words."""
    fillers = words("constraint-fillers")
    significant = [word for word in rest.split() if word not in fillers and not word.isdigit()]
    return len(significant) >= MIN_REST


# --- limits on access ------------------------------------------------------------------------

_MAY_NAME_A_LIMIT = re.compile(
    r"restriction|limitation|contrainte|acces|\b13\b|311|\b(?:l ?)?124\b"
)
"""Quick test that saves matching the many patterns: most texts name no limitation."""
_MAY_NAME_AN_ARTICLE = re.compile(r"311|\b13\b|\b(?:l ?)?124\b")
_DENIES = re.compile(r"\b(?:aucune?|pas|non|sans|no|not)\b")
_END_OF_SENTENCE = re.compile(r"[.!?]\s|[\n;]")
_SHORT = 300
"""Length in characters up to which an exception counts in a whole text, not only in a sentence."""


def limits_of_text(text: str) -> list[str]:
    """Return the ids of the limitations named in a text, including "no limitation"."""
    limits = _limits_named(text)
    if NO_LIMIT in limits and is_partial(text):
        return [limit for limit in limits if limit != NO_LIMIT]
    return limits


def is_label_of_a_limit(text: str) -> bool:
    """Tell whether a text is the label of a limitation."""
    return voc.get("access-limitation").find(text[:_LONGEST_LABEL]) is not None


def _limits_named(text: str) -> list[str]:
    concept = None
    if len(text) < _LONGEST_LABEL:
        concept = voc.get("access-limitation").find(text)
    if concept:
        return [concept.id]
    bare = plain(text[:MAX_SEARCHED])
    if not _MAY_NAME_A_LIMIT.search(bare):
        return []
    names_an_article = _MAY_NAME_AN_ARTICLE.search(bare)
    limits: dict[str, bool] = {}
    for pattern, limit in patterns("access-texts", "limitation"):
        if limit == NO_LIMIT:
            limits[limit] = limits.get(limit, False) or _is_affirmed(text, bare, pattern)
        elif names_an_article and pattern.search(bare):
            limits[limit] = True
    return [limit for limit, is_named in limits.items() if is_named]


def _is_affirmed(text: str, bare: str, pattern: re.Pattern[str]) -> bool:
    """Tell whether a pattern matches without a negation, unless it begins with one itself."""
    for match in pattern.finditer(bare):
        if _DENIES.match(match.group()):
            return True
        start = bare.count(" ", 0, match.start())
        end = start + len(match.group().split())
        if not _access_denied(*_around(text[:MAX_SEARCHED], start, end)):
            return True
    return False


def is_partial(text: str) -> bool:
    """Tell whether a text about unlimited access makes an exception for some data or people."""
    if is_label_of_a_limit(text):
        return False
    whole = text[:MAX_SEARCHED]
    if not _MAY_NAME_A_LIMIT.search(plain(whole)):
        return False
    sentences = [whole]
    if len(whole) > _SHORT:
        sentences = _END_OF_SENTENCE.split(whole)
    for sentence in sentences:
        rest, count = without_no_limit(plain(sentence))
        if count and _names_an_exception(rest):
            return True
    return NO_LIMIT in _limits_named(text) and reserved_in(text) not in (None, DOUBT)


def _names_an_exception(rest: str) -> bool:
    exceptions = (
        pattern for pattern, right in patterns("access-reserved", "right") if right == _PARTLY
    )
    return any(pattern.search(rest) for pattern in exceptions)


def without_no_limit(bare: str) -> tuple[str, int]:
    """Return a text without the words for unlimited access, and how often they occurred."""
    count = 0
    for pattern, limit in patterns("access-texts", "limitation"):
        if limit == NO_LIMIT:
            bare, replaced = pattern.subn(" ", bare)
            count += replaced
    return bare, count


def more_than_no_limit(text: str) -> bool:
    """Tell whether a text about unlimited access contains more ("… hors zones militaires")."""
    return _is_worth_keeping(without_no_limit(plain(text))[0])


def reserved_in(text: str) -> str | None:
    """Return the strictest access right named in a text, `DOUBT`, or None without such words."""
    bare = plain(text[:MAX_SEARCHED])
    rights: set[str] = set()
    for pattern, right in patterns("access-reserved", "right"):
        if right == _PARTLY or right in rights or (right == DOUBT and _DENIES.search(bare)):
            continue
        if _is_affirmed(text, bare, pattern):
            rights.add(right)
    certain = rights - {DOUBT}
    if certain:
        return max(certain, key=STRICTNESS.index)
    return next(iter(rights), None)


def reserves_access(texts: Iterable[str]) -> bool:
    """Tell whether one of some texts restricts access, without having produced an access right."""
    return any(reserved_in(text) or is_partial(text) for text in texts)


def _read_limits(term: Term, reading: Reading) -> None:
    by_text = limits_of_text(term.text)
    coded = voc.get("access-limitation").get((term.href or "").strip())
    if coded and by_text and coded.id not in by_text:
        reading.contradiction = f"{term.text} / {term.href}"
        # If in doubt, keep the limitation: data can be opened later, but not closed again.
        reading.limits = [limit for limit in (coded.id, *by_text) if limit != NO_LIMIT]
    elif coded:
        reading.limits = [coded.id]
    else:
        reading.limits = by_text
