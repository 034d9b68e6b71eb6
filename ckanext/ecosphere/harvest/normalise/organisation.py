"""Rule for the organisation responsible for a dataset: one of the registry, never invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.harvest.normalise.contacts import role_code
from ckanext.ecosphere.harvest.normalise.draft import Draft, Reason, reason
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, parts, plain, rows
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.vocabularies import Concept
from ckanext.ecosphere.vocabularies.phrases import Phrases

ROLES = (
    "pointOfContact",
    "owner",
    "custodian",
    "publisher",
    "author",
    "originator",
    "principalInvestigator",
    "resourceProvider",
    "distributor",
    "processor",
)
"""Roles in the order in which they identify the service of a dataset; others (user…) do not."""
MAX_TRIED = 50
_GLUED = re.compile(
    r"\b(ddtm?|ddea?|ddaf|deal|dreal|diren|drire|udea|utea|ud|ut)[\s_-]*n?o?(\d{2,3}|2[ab])\b"
)
_GLUED_NAME = re.compile(r"\bdreal(?=[a-z]{2})")
_IN_EMAIL = re.compile(r"(?:^|[@._-])(ddtm?|dreal|deal|dtam|drieat)[._-]?([a-z0-9-]*)")
_NUMBER_FIRST = re.compile(r"(?:no?)?(97\d|\d\d|2[ab])(?!\d)")
_ARTICLE = re.compile(r"(?:d(?:es|el?a?|u)?|l[ae]?)(?:l)?")
_ACRONYM = 8
"""Length below which the name of a kind is an acronym, and must start a word."""
_DISTINCTIVE = 5
"""Minimum length of a place name that need not end a word."""
_SHORTEST_PLACE = 3
_LEVELS = {"departement": ("departement", "outre-mer"), "region": ("region", "outre-mer")}
"""What distinguishes services of a kind → types of their territories."""
_MAX_NAME = 400
_LONGEST_CODE = 3
_LINKS = {"n", "no", "numero", "du", "de", "departement", "dept"}
_REPLACED_OVERSEAS = {"ddt": ("deal", "dtam"), "dreal": ("deal",)}
_PARIS_REGION = "region-idf"


@dataclass(frozen=True)
class Kind:
    """A kind of service, and the type of territory that distinguishes services of this kind."""

    kind: str
    by: str


@cache
def _named_kinds() -> tuple[tuple[str, Kind], ...]:
    pairs = []
    for row in rows("organisation-kinds"):
        kind = Kind(row["kind"], row["by"])
        pairs += [(name, kind) for name in parts(row["names"])]
    return tuple(pairs)


@cache
def _kinds() -> Phrases[Kind]:
    return Phrases(_named_kinds())


@cache
def _named() -> Phrases[Concept]:
    registry = voc.get("organisations")
    pairs = []
    for row in rows("organisation-names"):
        pairs += [(name, registry[row["organisation"]]) for name in parts(row["names"])]
    for concept in registry:
        if concept.data["kind"] != "ud":
            pairs += [(label, concept) for label in (concept.label_fr, *concept.alt_labels)]
    return Phrases(pairs)


@cache
def _of_kind() -> dict[tuple[str, str], Concept]:
    """Return services by kind and territory; a DDT is also found as DDTM and vice versa."""
    services: dict[tuple[str, str], Concept] = {}
    # The inner suburbs of Paris have no DDT: the regional unit acts as one.
    also = {"ddt": "ddtm", "ddtm": "ddt", "ud": "ddt"}
    for concept in voc.get("organisations"):
        kind, territory = concept.data["kind"], concept.data["territory"]
        services.setdefault((kind, territory), concept)
        if kind in also:
            services.setdefault((also[kind], territory), concept)
    return services


# --- names -----------------------------------------------------------------------------------


def match(name: str) -> Concept | None:
    """Return the service of the registry that a name stands for.

    Tried in this order: a name in the registry that is the whole text; a kind of service (acronym
    or in words, former ones too) with a département, by code or name, or a région; a name in the
    registry within the text; a kind and a place with missing spaces.
    """
    text = _spaced(name[:_MAX_NAME])
    whole = voc.get("organisations").find(text) or _named().exact(text)
    if whole:
        return whole
    kinds = list(_kinds().find(text))
    for _start, end, kind in kinds:
        service = _by_territory(kind, text, text.split()[end : end + 2])
        if service:
            return service
    starts = {start for start, _end, _kind in kinds}
    for start, _end, concept in _named().find(text):
        if not kinds or start in starts:
            return concept
    return _match_glued(text.split())


def _spaced(name: str) -> str:
    """Insert a space after an acronym: ``DDTM80``, ``DDT-01``, ``DDT n°24``, ``DREALMP``."""
    return _GLUED_NAME.sub("dreal ", _GLUED.sub(r"\1 \2 ", plain(name)))


def _by_territory(kind: Kind, text: str, following: list[str]) -> Concept | None:
    for territory in _territories(kind, text, following):
        service = _service(kind, territory)
        if service:
            return service
    if kind.kind in ("drieat", "drihl"):
        return _of_kind().get((kind.kind, voc.get("territories")[_PARIS_REGION].uri))
    return None


def _service(kind: Kind, territory: Concept) -> Concept | None:
    """Return the service of a kind in a territory, or the one that replaces it there."""
    names = [kind.kind]
    if territory.data["type"] == "outre-mer":
        names += _REPLACED_OVERSEAS.get(kind.kind, ())
    elif kind.kind == "dreal" and territory.id == _PARIS_REGION:
        names.append("drieat")
    services = (_of_kind().get((name, territory.uri)) for name in names)
    return next(filter(None, services), None)


def _territories(kind: Kind, text: str, following: list[str]) -> Iterator[Concept]:
    """Yield the territories named in a text, of the type that distinguishes services of this kind.

    A number counts only directly after the kind: elsewhere it may be a house number.
    """
    named = places.in_text(text, common_words=True)
    numbers = following[:1]
    if following and following[0] in _LINKS:
        numbers = following
    for word in numbers:
        territory = None
        if word[0].isdigit() and len(word) <= _LONGEST_CODE:
            territory = places.from_code(word)
        if territory and kind.by != "region":
            yield territory
        elif territory and territory in named:  # "DREAL 72 (… de la Sarthe)": a local unit
            region = voc.get("territories").get(territory.broader or "")
            if region:
                yield region
    levels = _LEVELS.get(kind.by, _LEVELS["region"])
    for territory in named:
        if territory.data["type"] in levels:
            yield territory


@cache
def _glued_kinds() -> tuple[tuple[str, Kind], ...]:
    names = [(plain(name).replace(" ", ""), kind) for name, kind in _named_kinds()]
    return tuple(sorted(names, key=lambda pair: -len(pair[0])))


@cache
def _glued_places(by: str) -> dict[str, Concept]:
    glued_places: dict[str, Concept] = {}
    for name, concept in places.names():
        glued = plain(name).replace(" ", "")
        if concept.data["type"] in _LEVELS.get(by, ()) and len(glued) >= _SHORTEST_PLACE:
            glued_places.setdefault(glued, concept)
    return glued_places


def _match_glued(words: list[str]) -> Concept | None:
    """Match a name with missing spaces, often where a line ended: ``dela guyane``."""
    ends = list(accumulate(map(len, words), initial=0))
    text = "".join(words)
    for name, kind in _glued_kinds():
        at = text.find(name)
        if at < 0 or (len(name) < _ACRONYM and at not in ends):
            continue
        rest = text[at + len(name) :]
        number = _NUMBER_FIRST.match(rest)
        if kind.by == "departement" and number:
            place = places.from_code(number.group(1))
        else:
            place = _glued_place(rest, kind.by, {end - at - len(name) for end in ends})
        service = place and _service(kind, place)
        if service:
            return service
    return None


def _glued_place(rest: str, by: str, ends: set[int]) -> Concept | None:
    """Return the place at the beginning of a text, after an optional article.

    A short name must end a word.
    """
    article = _ARTICLE.match(rest)
    last = 0
    if article:
        last = article.end()
    longest, place = 0, None
    for name, concept in _glued_places(by).items():
        for begin in range(last + 1):
            is_whole = len(name) >= _DISTINCTIVE or begin + len(name) in ends
            if is_whole and len(name) > longest and rest.startswith(name, begin):
                longest, place = len(name), concept
    return place


def match_email(email: str) -> Concept | None:
    """Return the service in an e-mail address (``sig.ddt-87@haute-vienne.gouv.fr``)."""
    local, _at, domain = email.lower().partition("@")
    if not domain.endswith(".gouv.fr"):
        return None
    acronym = _IN_EMAIL.search(local) or _IN_EMAIL.search(f"@{domain}")
    if not acronym:
        return None
    place = f"{acronym.group(2)} {domain.removesuffix('.gouv.fr')}".replace("-", " ")
    return match(f"{acronym.group(1)} {place}")


# --- the rule --------------------------------------------------------------------------------


def candidates(draft: Draft) -> list[Contact]:
    """Return the parties of the record in the order in which they identify its service."""
    record = draft.record
    ranks = {role.lower(): rank for rank, role in enumerate(ROLES)}
    ranked = []
    for contact in record.contacts:
        rank = ranks.get(role_code(contact.role).lower(), len(ranks))
        if rank < len(ranks) or not contact.role:
            ranked.append((rank, contact))
    ranked.sort(key=lambda pair: pair[0])
    parties = [contact for _rank, contact in ranked]
    return [*parties, *record.metadata_contacts, *record.distributors]


def organisation(draft: Draft) -> None:
    """Find the service by the names of the parties, then by their e-mail addresses.

    Else it is that of the source.
    """
    parties = candidates(draft)
    names = [p.organisation for p in parties if not is_placeholder(p.organisation)]
    names = [name for name in dict.fromkeys(names) if name]
    for code, texts, finder in (
        ("", names, match),
        ("by-email", [party.email for party in parties], match_email),
        ("by-person", [party.individual for party in parties], match),
    ):
        for text in list(filter(None, texts))[:MAX_TRIED]:
            service = finder(text)
            if service and _exists(draft, service.id):
                _assign(draft, service.id, text, code)
                return
    _fall_back(draft, names)


def _assign(draft: Draft, identifier: str, text: str, code: str) -> None:
    """Assign a record to a service, or to the only one that its source publishes for."""
    own = draft.context.only_organisation
    if own not in (None, identifier):
        draft.problem("organisation-elsewhere", name=text)
        draft.set("owner_org", own or "", before=reason("own-service", value=text))
        return
    draft.organisation_found = True
    before: str | Reason = text
    if code:
        before = reason(code, value=text)
    draft.set("owner_org", identifier, before)


def _exists(draft: Draft, identifier: str) -> bool:
    existing = draft.context.organisations
    return existing is None or identifier in existing


def _fall_back(draft: Draft, names: list[str]) -> None:
    if not names:  # parties whose roles, such as user, do not make them the service
        parties = [p.organisation for p in draft.record.contacts]
        names = [name for name in parties if name and not is_placeholder(name)]
    before = reason("no-organisation")
    if names:
        draft.problem("organisation-unknown", name=_publisher_among(draft, names))
        before = reason("default-service", value=names[0])
    else:
        draft.problem("organisation-missing")
    default = draft.context.default_organisation or draft.context.fallback_organisation
    if default:
        draft.set("owner_org", default, before)


def _publisher_among(draft: Draft, names: list[str]) -> str:
    """Return the publisher of an RDF dataset, where the contact point is often a person.

    Else the first of the names.
    """
    if draft.record.standard == "dcat":
        for party in candidates(draft):
            if party.role == "publisher" and party.organisation in names:
                return party.organisation or ""
    return names[0]


def territory_of(identifier: str | None) -> Concept | None:
    """Return the area of a service; None when the registry states none."""
    service = voc.get("organisations").get(identifier or "")
    if not service or not service.data["territory"]:
        return None
    return voc.get("territories").get(service.data["territory"])
