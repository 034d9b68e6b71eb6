"""Rules for contacts by role: points of contact, publisher, producers, others.

People are public agents doing their work: an organisation with its address comes before a person's
name, which is used only when there is no other way to reach the service. Records also name persons
in the element of the organisation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.dataset.view import distinct_rows
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    Reason,
    is_placeholder,
    parts,
    plain,
    reason,
    rows,
)
from ckanext.ecosphere.harvest.normalise.texts import clean_url, cut, one_line
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.shared import contact_details
from ckanext.ecosphere.vocabularies import Concept
from ckanext.ecosphere.vocabularies.phrases import Phrases

Party = dict[str, Any]

MAX_CONTACTS = 20
_AUTHORS = {"author", "coauthor", "originator", "principalinvestigator"}
_OWNERS = {"owner"}
_CONTACTS = {"pointofcontact", ""}
_PUBLISHERS = {"publisher"}
_OTHER_MAKERS = (
    {"custodian"},
    _PUBLISHERS,
    _CONTACTS,
    {"resourceprovider", "processor"},
    {"distributor"},
)
"""Roles of those who probably made the data if nobody is said to, the first ones first."""
_MAX_NAME = 300
_LATER_ROLE = re.compile(r"[A-Za-z]{1,40}")
"""Code of a role of a later standard (sponsor, funder, user…)."""

_MOST_WORDS = 4
"""Words in the name of a person."""
_TITLES = {"m", "mr", "mme", "mlle", "monsieur", "madame", "dr"}
_PARTICLES = {"de", "du", "des", "la", "le", "d", "l"}
_LEAST = 3
"""Length below which a word of a name is not looked for in an e-mail address."""


# --- parties ---------------------------------------------------------------------------------


def role_code(role: str | None) -> str:
    """Return the code of a role, given as a code or a label; unknown ones are unchanged."""
    text = (role or "").strip()
    concept = voc.get("agent-role").lookup(text)
    if text and concept:
        return concept.id
    return text


def _role(contact: Contact) -> str:
    return plain(role_code(contact.role)).replace(" ", "")


@cache
def _first_names() -> frozenset[str]:
    names: list[str] = []
    for row in rows("first-names"):
        names += parts(row["names"])
    return frozenset(names)


def is_person(name: str, contact: Contact) -> bool:
    """Tell whether the name of an organisation is that of a person.

    It is if it begins with a title ("Mme"), consists of a first name and a surname in either order,
    or if its words are in an e-mail address that begins with a first name ("Cordier" of
    remy.cordier@…).
    """
    words = plain(name).split()
    if not words or len(words) > _MOST_WORDS or any(word.isdigit() for word in words):
        return False
    names = [word for word in words if word not in _PARTICLES]
    if len(names) > 1 and names[0] in _TITLES:
        return True
    if len(names) > 1 and not _first_names().isdisjoint((names[0], names[-1])):
        return True
    local = plain((contact.email or "").partition("@")[0]).split()
    surnames = {word for word in names if len(word) >= _LEAST}
    begins_with_first_name = bool(local) and local[0] in _first_names()
    return bool(surnames) and begins_with_first_name and surnames <= set(local)


def maker_name(contact: Contact) -> str | None:
    """Return the organisation of a party; None for a person, or if there is none."""
    name = contact.organisation
    if not name or is_placeholder(name) or is_person(name, contact):
        return None
    return name


def first_email(text: str | None) -> str | None:
    """Return the first e-mail address in a text ("mailto:a@b.fr ; c@d.fr"), None without any."""
    return contact_details.first_address((text or "")[:500])


def agent(draft: Draft, contact: Contact) -> Party:
    """Return name, e-mail and page of a party; the e-mail replaces a missing name.

    Empty without either.
    """
    names = (contact.organisation, contact.individual, contact.position)
    name = next((text for text in names if not is_placeholder(text)), "")
    email = first_email(contact.email)
    if not email and not is_placeholder(contact.email):
        draft.problem("email", value=contact.email)
    party: Party = {"name": cut(one_line(name), _MAX_NAME) or email or ""}
    if not party["name"]:
        return {}
    if email:
        party["email"] = email
    url = clean_url(contact.url).url or ""
    if url.startswith("http"):
        party["url"] = url
    href = contact.organisation_href or ""
    if href.startswith(("http://", "https://", "urn:")):
        party["uri"] = href
    if contact.identifier:
        party["identifier"] = cut(one_line(contact.identifier), _MAX_NAME)
    return party


def _point_of_contact(draft: Draft, contact: Contact, party: Party) -> Party:
    """Return a party with its position within the organisation and its telephone."""
    party = dict(party)
    has_position = contact.organisation and not is_placeholder(contact.position)
    if has_position and contact.position != party["name"]:
        party["unit"] = cut(one_line(contact.position), _MAX_NAME)
    number = _telephone(draft, contact.phone)
    if number:
        party["telephone"] = number
    return party


def _telephone(draft: Draft, text: str | None) -> str:
    """Return a telephone number, the first one if there is more in the text, which is logged."""
    if not text or is_placeholder(text):
        return ""
    try:
        return contact_details.international(text)
    except ValueError:
        number = contact_details.first_number(text)
        draft.change("contact", text, number or reason("no-telephone"))
        return number


# --- the rule --------------------------------------------------------------------------------


def contacts(draft: Draft) -> None:
    """Sort the parties by role; without a point of contact, use another that can be reached."""
    record = draft.record
    points, publishers = [], []
    authors, owners, others = [], [], []
    for contact in draft.first("pointOfContact", record.contacts, MAX_CONTACTS):
        party = agent(draft, contact)
        role = _role(contact)
        if not party:
            continue
        attributed = {"agent": [party], "role": _role_uri(contact.role or "")}
        if role in _CONTACTS:
            points.append(_point_of_contact(draft, contact, party))
        elif party["name"] == party.get("email"):
            continue  # an e-mail address without a name is no producer
        elif role in _PUBLISHERS and not publishers:
            publishers.append(party)
        elif role in _AUTHORS and maker_name(contact):
            authors.append(attributed)
        elif role in _OWNERS and maker_name(contact):
            owners.append(attributed)
        else:
            others.append(attributed)
    for contact in draft.first("distributor", record.distributors, MAX_CONTACTS):
        party = agent(draft, contact)
        if party:
            role = _role_uri(contact.role or "distributor")
            others.append({"agent": [party], "role": role})
    draft.first("contact", record.metadata_contacts, MAX_CONTACTS)
    if authors:
        others = [*owners, *others]
    makers = [row["agent"][0] for row in authors or owners]
    draft.set("contact", _merged(draft, points) or _reachable(draft))
    draft.set("publisher", publishers)
    draft.set("creator", _merged(draft, makers) or _maker(draft))
    draft.set("qualified_attribution", distinct_rows(others))


def _maker(draft: Draft) -> list[Party]:
    """Return who made the data if no party has the role of an author or owner: by other roles.

    A record of which only the service was recognised, by an e-mail address, was made by that
    service. Parties that are already shown as publishers are not repeated.
    """
    record = draft.record
    parties = [*record.contacts[:MAX_CONTACTS], *record.distributors[:MAX_CONTACTS]]
    parties = [contact for contact in parties if maker_name(contact)]
    for roles in _OTHER_MAKERS:
        of_roles = [contact for contact in parties if _role(contact) in roles]
        if of_roles and roles == _PUBLISHERS:
            return []
        if of_roles:
            names = [{"name": agent(draft, contact)["name"]} for contact in of_roles]
            makers = _merged(draft, names)
            role = reason("maker-by-role", role=of_roles[0].role or "pointOfContact")
            draft.change("creator", role, makers[0]["name"])
            return makers
    service = voc.get("organisations").get(draft.dataset.get("owner_org") or "")
    if draft.organisation_found and service:
        return [{"name": service.label_fr}]
    return []


def _reachable(draft: Draft) -> list[Party]:
    """Return a substitute for a missing point of contact, preferably with an e-mail address."""
    record = draft.record
    candidates = []
    for contact in (*record.contacts, *record.metadata_contacts, *record.distributors):
        party = agent(draft, contact)
        if party:
            candidates.append((contact, party))
    if not any(party.get("email") for _contact, party in candidates):
        draft.problem("no-contact")
    candidates.sort(key=_reachability)
    if not candidates:
        return []
    contact, party = candidates[0]
    why = reason("contact-of-record")
    if contact.role:
        why = reason("contact-of-role", value=contact.role)
    draft.change("contact", why, party["name"])
    return [_point_of_contact(draft, contact, party)]


def _reachability(candidate: tuple[Contact, Party]) -> tuple[bool, bool]:
    """Return the order of a substitute: those with an e-mail address first, organisations first."""
    contact, party = candidate
    has_email = bool(party.get("email"))
    return not has_email, has_email and is_placeholder(contact.organisation)


def _role_uri(role: str) -> str:
    concept = voc.get("agent-role").lookup(role)
    if concept:
        return concept.uri
    if _LATER_ROLE.fullmatch(role):
        return role
    return voc.get("agent-role")["custodian"].uri


def _merged(draft: Draft, items: Iterable[Party]) -> list[Party]:
    """Return each party once.

    Rows that differ in nothing but the telephone, or of which one says less, are one.
    """
    parties: list[Party] = []
    for item in items:
        same = next((party for party in parties if _is_same(party, item)), None)
        if same is None:
            parties.append(dict(item))
            continue
        number = item.get("telephone")
        if number and same.get("telephone", number) != number:
            draft.lost("contactInfo/phone", number)
        same.update({name: value for name, value in item.items() if name not in same})
    return parties


def _is_same(one: Party, other: Party) -> bool:
    both = (one.keys() & other.keys()) - {"telephone"}
    return all(one[name] == other[name] for name in both)


# --- the service responsible ---
#
# Rule for the organisation responsible for a dataset: one of the registry, never invented.

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
_MAX_SERVICE = 400
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
    text = _spaced(name[:_MAX_SERVICE])
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
