"""Rule for the organisation responsible for a dataset: found in the registry, or that of the source; never invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography import places
from ckanext.ecosphere.harvest.normalise.parties import role_code
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
"""Roles in the order in which they identify the service of a dataset; other roles (user, funder…) do not."""
_GLUED = re.compile(r"\b(ddtm?|ddea?|ddaf|deal|dreal|diren|drire|udea|utea|ud|ut)[\s_-]*n?o?(\d{2,3}|2[ab])\b")
_GLUED_NAME = re.compile(r"\bdreal(?=[a-z]{2})")
_IN_EMAIL = re.compile(r"(?:^|[@._-])(ddtm?|dreal|deal|dtam|drieat)[._-]?([a-z0-9-]*)")
_NUMBER_FIRST = re.compile(r"(?:no?)?(97\d|\d\d|2[ab])(?!\d)")
_ARTICLE = re.compile(r"(?:d(?:es|el?a?|u)?|l[ae]?)(?:l)?")
_ACRONYM = 8
"""Length below which the name of a kind is an acronym, and must start a word."""
_TELLING = 5
"""Minimum length of a place name that need not end a word."""
_LEVELS = {"departement": ("departement", "outre-mer"), "region": ("region", "outre-mer")}
_MAX_NAME = 400
_LINKS = {"n", "no", "numero", "du", "de", "departement", "dept"}


@dataclass(frozen=True)
class Kind:
    """A kind of service, and the type of territory that distinguishes services of this kind."""

    kind: str
    by: str
    former: bool


@cache
def _kinds() -> Phrases[Kind]:
    return Phrases(
        (name, Kind(row["kind"], row["by"], row["former"] == "yes"))
        for row in rows("organisation-kinds")
        for name in parts(row["names"])
    )


@cache
def _named() -> Phrases[Concept]:
    registry = voc.get("organisations")
    own = [(name, registry[row["organisation"]]) for row in rows("organisation-names") for name in parts(row["names"])]
    listed = [
        (label, concept)
        for concept in registry
        for label in (concept.label_fr, *concept.alt_labels)
        if concept.data["kind"] != "ud"
    ]
    return Phrases([*own, *listed])


@cache
def _of_kind() -> dict[tuple[str, str], Concept]:
    """Return services by kind and territory; a DDT is also found as DDTM and vice versa."""
    found: dict[tuple[str, str], Concept] = {}
    for concept in voc.get("organisations"):
        kind, territory = concept.data["kind"], concept.data["territory"]
        found.setdefault((kind, territory), concept)
        if kind in ("ddt", "ddtm"):
            found.setdefault(("ddtm" if kind == "ddt" else "ddt", territory), concept)
        if kind == "ud":
            # The inner suburbs of Paris have no DDT: the regional unit acts as one.
            found.setdefault(("ddt", territory), concept)
    return found


def match(name: str) -> Concept | None:
    """Return the service of the registry that a name stands for.

    Tried in this order: a name in the registry that is the whole text; a kind of service (acronym or in words, former
    ones too) with a département, by code or name, or a région; a name in the registry within the text; a kind and a
    place with missing spaces.
    """
    text = _spaced(name[:_MAX_NAME])
    exact = voc.get("organisations").find(text) or _named().exact(text)
    if exact:
        return exact
    kinds = list(_kinds().find(text))
    for _start, end, kind in kinds:
        found = _by_territory(kind, text, text.split()[end : end + 2])
        if found:
            return found
    starts = [start for start, _end, _kind in kinds]
    listed = (concept for start, _end, concept in _named().find(text) if not kinds or start in starts)
    return next(listed, None) or _match_glued(text.split())


@cache
def _glued_kinds() -> tuple[tuple[str, Kind], ...]:
    names = [
        (plain(name).replace(" ", ""), Kind(row["kind"], row["by"], row["former"] == "yes"))
        for row in rows("organisation-kinds")
        for name in parts(row["names"])
    ]
    return tuple(sorted(names, key=lambda item: -len(item[0])))


@cache
def _glued_places(by: str) -> dict[str, Concept]:
    levels = _LEVELS.get(by, ())
    found: dict[str, Concept] = {}
    for name, concept in places.names():
        glued = plain(name).replace(" ", "")
        if concept.data["type"] in levels and len(glued) > len("ra"):
            found.setdefault(glued, concept)
    return found


def _match_glued(words: list[str]) -> Concept | None:
    """Match a name with missing spaces, often where a line ended: ``amenagementet du logement dela guyane``."""
    ends = list(accumulate(map(len, words), initial=0))
    text = "".join(words)
    for name, kind in _glued_kinds():
        at = text.find(name)
        if at < 0 or (len(name) < _ACRONYM and at not in ends):
            continue
        rest = text[at + len(name) :]
        if kind.by == "departement" and (number := _NUMBER_FIRST.match(rest)):
            place = places.from_code(number.group(1))
        else:
            place = _glued_place(rest, kind.by, {end - at - len(name) for end in ends})
        found = _service(kind, place) if place else None
        if found:
            return found
    return None


def _glued_place(rest: str, by: str, ends: set[int]) -> Concept | None:
    """Return the place at the beginning of a text, after an optional article; a short name must end a word."""
    article = _ARTICLE.match(rest)
    begins = range(article.end() + 1 if article else 1)
    found = [
        (len(name), concept)
        for name, concept in _glued_places(by).items()
        for begin in begins
        if rest.startswith(name, begin) and (len(name) >= _TELLING or begin + len(name) in ends)
    ]
    return max(found, key=lambda item: item[0])[1] if found else None


def _spaced(name: str) -> str:
    """Insert a space after an acronym: ``DDTM80``, ``DDT-01``, ``DDT n°24``, ``DREALMP``."""
    return _GLUED_NAME.sub("dreal ", _GLUED.sub(r"\1 \2 ", plain(name)))


def _by_territory(kind: Kind, text: str, following: list[str]) -> Concept | None:
    for territory in _territories(kind, text, following):
        found = _service(kind, territory)
        if found is not None:
            return found
    if kind.kind in ("drieat", "drihl"):
        return _of_kind().get((kind.kind, voc.get("territories")["region-idf"].uri))
    return None


def _service(kind: Kind, territory: Concept) -> Concept | None:
    """Return the service of a kind in a territory, or the one that replaces it there."""
    instead: tuple[str, ...] = ()
    if territory.data["type"] == "outre-mer":
        instead = {"ddt": ("deal", "dtam"), "dreal": ("deal",)}.get(kind.kind, ())
    elif kind.kind == "dreal" and territory.id == "region-idf":
        instead = ("drieat",)
    found = (_of_kind().get((name, territory.uri)) for name in (kind.kind, *instead))
    return next(filter(None, found), None)


def _territories(kind: Kind, text: str, following: list[str]) -> Iterator[Concept]:
    """Yield the territories named in a text, of the type that distinguishes services of this kind.

    A number counts only directly after the kind: elsewhere it may be a house number.
    """
    numbers = [w for w in following[:1] if w[0].isdigit()] or [w for w in following if following[0] in _LINKS]
    for word in numbers:
        found = places.from_code(word) if word[0].isdigit() and len(word) <= 3 else None  # noqa: PLR2004
        if found and kind.by == "region":  # "DREAL 72 (… de la Sarthe)": a local unit
            named = found in places.in_text(text, common_words=True)
            found = voc.get("territories").get(found.broader or "") if named else None
        if found:
            yield found
    levels = _LEVELS["departement" if kind.by == "departement" else "region"]
    for territory in places.in_text(text, common_words=True):
        if territory.data["type"] in levels:
            yield territory


def match_email(email: str) -> Concept | None:
    """Return the service in an e-mail address (``sig.ddt-87@haute-vienne.gouv.fr``)."""
    local, _at, domain = email.lower().partition("@")
    if not domain.endswith(".gouv.fr"):
        return None
    found = _IN_EMAIL.search(local) or _IN_EMAIL.search(f"@{domain}")
    if not found:
        return None
    acronym, rest = found.groups()
    return match(f"{acronym} {rest.replace('-', ' ')} {domain.removesuffix('.gouv.fr').replace('-', ' ')}")


def candidates(draft: Draft) -> list[Contact]:
    """Return the parties of the record in the order in which they identify its service."""
    record = draft.record
    ranks = {role.lower(): rank for rank, role in enumerate(ROLES)}

    def rank(contact: Contact) -> int:
        return ranks.get(role_code(contact.role).lower(), len(ranks))

    known = [contact for contact in record.contacts if rank(contact) < len(ranks) or not contact.role]
    return [*sorted(known, key=rank), *record.metadata_contacts, *record.distributors]


def organisation(draft: Draft) -> None:
    """Find the service by the names of the parties, then by their e-mail addresses, else use that of the source."""
    parties = candidates(draft)
    names = list(dict.fromkeys(p.organisation for p in parties if not is_placeholder(p.organisation)))
    for how, texts, finder in (
        ("name", names, match),
        ("e-mail", [p.email for p in parties if p.email], match_email),
        ("name of a person", [p.individual for p in parties if p.individual], match),
    ):
        for text in texts[:50]:
            found = finder(text or "")
            if found and _exists(draft, found.id):
                if draft.context.only_organisation not in (None, found.id):
                    _keep_to_own(draft, text or "")
                    return
                draft.organisation_found = True
                draft.set("owner_org", found.id, before=f"{text} ({how})" if how != "name" else text)
                return
    _fall_back(draft, names)


def _keep_to_own(draft: Draft, named: str) -> None:
    """Assign a record that names another service to the only one its source publishes for, and report it."""
    own = draft.context.only_organisation or ""
    draft.problem("organisation-elsewhere", name=named)
    draft.set("owner_org", own, before=f"{named} (own service)")


def _exists(draft: Draft, identifier: str) -> bool:
    known = draft.context.organisations
    return known is None or identifier in known


def _fall_back(draft: Draft, names: list[str | None]) -> None:
    default = draft.context.default_organisation or draft.context.fallback_organisation
    if not names:  # parties whose roles, such as user, do not make them the service
        names = [p.organisation for p in draft.record.contacts if not is_placeholder(p.organisation)]
    if names:
        # In RDF, the contact point is often a person; the publisher is not.
        publishers = [party.organisation for party in candidates(draft) if party.role == "publisher"]
        told = [name for name in publishers if name in names] if draft.record.standard == "dcat" else []
        draft.problem("organisation-unknown", name=[*told, *names][0])
    else:
        draft.problem("organisation-missing")
    if default:
        draft.set("owner_org", default, before=f"{names[0] if names else ''} (default)")


def territory_of(identifier: str | None) -> str | None:
    """Return the URI of the area of a service; None when the registry states none."""
    concept = voc.get("organisations").get(identifier) if identifier else None
    return (concept.data["territory"] or None) if concept else None
