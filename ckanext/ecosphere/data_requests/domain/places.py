"""Places of requests: communes, the territory that holds them, and the service to propose for it.

Services are proposed by territory, theme and kind of service (`data/routing.csv`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import people
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.dataset.geometry import area, holds
from ckanext.ecosphere.dataset.places import COUNTRY, departement, of_type
from ckanext.ecosphere.shared import organisations
from ckanext.ecosphere.vocabularies import communes as registry
from ckanext.ecosphere.vocabularies import normalise, tables
from ckanext.ecosphere.vocabularies.communes import Commune

CODE = re.compile(r"(?:\d{2}|2[AB])\d{3}", re.IGNORECASE)
#: Code within an entry: "Belley (01034)" and "01034 Belley" are unambiguous.
CODE_WITHIN = re.compile(rf"\b({CODE.pattern})\b", re.IGNORECASE)
SEPARATORS = re.compile(r"[;,\n]+")
#: Communes suggested for a text, and those among which they are chosen.
MOST_SUGGESTED, MOST_LOOKED_AT = 8, 500


def _fold(text: str) -> str:
    """Normalise a name for comparison: no case, accents or punctuation, "st" as "saint"."""
    words = normalise(text).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words)


def _departement_id(code: str) -> str:
    """Return the id, in the vocabulary, of the département or overseas territory of a commune; "" if it is unknown."""
    territory = departement(code)
    if territory:
        return territory.id
    return ""


def commune_label(code: str) -> str:
    """Return "Belley – Ain (01034)", which distinguishes homonyms; the code itself for an unknown commune."""
    commune, territory = registry.of_code(code), departement(code)
    if commune and territory:
        return f"{commune.name} – {territory.label_fr} ({commune.code})"
    return code


def find_communes(text: str, near: str = "") -> list[Commune]:
    """Return communes with a word that starts with a text, or with this code.

    Args:
        text: what was typed.
        near: id of a territory whose communes come before all others; then those of exactly this name.
    """
    folded, places = _fold(text), _within(near)
    matches = registry.suggest(folded, MOST_LOOKED_AT)
    order = sorted(matches, key=lambda commune: _fold(commune.name) != folded)
    order.sort(key=lambda commune: _departement_id(commune.code) not in places)
    return order[:MOST_SUGGESTED]


def _within(territory: str) -> set[str]:
    """Return the ids of a territory and of those directly within it."""
    territories = voc.get("territories")
    concept = territories.get(territory) if territory else None
    if concept:
        return {concept.id, *(child.id for child in territories.children(concept.uri))}
    return set()


def read_communes(text: str) -> tuple[list[str], list[tuple[str, list[Commune]]]]:
    """Read a list of communes typed by a person: codes or names, separated by commas, semicolons or line breaks.

    A code alone may be an INSEE or a postal code; a name may be followed by its département ("Villeurbanne, Rhône").

    Returns:
        the INSEE codes recognised, in order and without repetition; and the entries that were not, each with the
        communes of that name (none when it is unknown, several when it is ambiguous).
    """
    codes: dict[str, None] = {}
    doubtful: list[tuple[str, list[Commune]]] = []
    last: list[Commune] = []
    for entry in filter(None, map(str.strip, SEPARATORS.split(text))):
        within = _in_departement(last, entry)
        candidates = within or _named(entry)
        if within and len(last) > 1:
            doubtful.pop()
        if len(candidates) == 1:
            codes[candidates[0].code] = None
        else:
            doubtful.append((entry, candidates))
        last = [] if within else candidates
    return list(codes), doubtful


def _named(entry: str) -> list[Commune]:
    """Return the communes with a code or name."""
    coded = CODE_WITHIN.search(entry)
    if coded is None:
        return registry.named(_fold(entry))
    communes = [registry.of_code(coded[1]), *registry.of_postal(entry)]
    return list(dict.fromkeys(commune for commune in communes if commune))


def _in_departement(candidates: list[Commune], entry: str) -> list[Commune]:
    """Return those of some communes that lie in the département named; empty if it names none of theirs."""
    territory = voc.get("territories").find(entry)
    return [
        commune
        for commune in candidates
        if territory and _departement_id(commune.code) == territory.id
    ]


# Services.

TABLE = Path(__file__).parents[1] / "data" / "routing.csv"
ANY = "*"


@dataclass(frozen=True)
class Rule:
    """A row of the table."""

    place: str
    theme: str
    kinds: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class Proposal:
    """A service proposed for a request.

    Attributes:
        organization: the service, None when no service of the portal fits.
        reason: code and names for `wording.routing_reason`.
        alternatives: other possible services, the likeliest first.
    """

    organization: model.Group | None
    reason: DataDict
    alternatives: list[model.Group] = field(default_factory=list)


@cache
def rules() -> tuple[Rule, ...]:
    """Read the table."""
    rows = tables.rows(TABLE)
    return tuple(
        Rule(row["place"], row["theme"], tuple(row["kinds"].split()), row["where"]) for row in rows
    )


def propose(theme: str, territory: str) -> Proposal:
    """Propose a service for a theme and a territory.

    Args:
        theme: id in the vocabulary of themes, may be empty.
        territory: id in the vocabulary of territories, may be empty.
    """
    top = root(theme)
    place = voc.get("territories").get(territory) if territory else None
    services = _services()
    fitting: list[tuple[model.Group, Rule]] = []
    for rule in rules():
        if not _fits(rule, place, top):
            continue
        for group in _of_rule(rule, place, services):
            if all(group.id != other.id for other, _rule in fitting):
                fitting.append((group, rule))
    if not fitting:
        return Proposal(None, {"code": "none"})
    best, rule = fitting[0]
    reason = {
        "code": _code(rule),
        "service": best.display_name,
        "theme": top,
        "territory": territory,
    }
    return Proposal(best, reason, [group for group, _rule in fitting[1:]])


def publisher_of(package_id: str | None) -> Proposal | None:
    """Propose the service that publishes a dataset; None without a dataset or an active organisation."""
    package = model.Session.get(model.Package, package_id) if package_id else None
    group = None
    if package and package.owner_org:
        group = model.Session.get(model.Group, package.owner_org)
    if group is None or group.state != model.State.ACTIVE:
        return None
    return Proposal(group, {"code": "dataset", "service": group.display_name})


def _fits(rule: Rule, place: voc.Concept | None, top: str) -> bool:
    if rule.theme not in (ANY, top):
        return False
    return rule.place == ANY or (
        place is not None and rule.place in (place.id, place.data.get("type"))
    )


def _code(rule: Rule) -> str:
    if rule.where == "national":
        return "national"
    if rule.theme != ANY:
        return "theme"
    if rule.where == "own":
        return "territory"
    return "above"


def _of_rule(
    rule: Rule, place: voc.Concept | None, services: dict[Any, list[model.Group]]
) -> Iterator[model.Group]:
    territories = voc.get("territories")
    if rule.where == "national":
        for name in rule.kinds:
            yield from services.get(name, ())
        return
    if rule.where == "own":
        uri = place.uri if place else ""
    elif rule.where == "above":
        uri = place.broader if place else ""
    else:
        uri = territories[rule.where].uri
    for kind in rule.kinds:
        yield from services.get((kind, uri), ())


def _services() -> dict[Any, list[model.Group]]:
    """Return the active services of the portal by (kind, territory) and by name."""
    by_key: dict[Any, list[model.Group]] = {}
    active: Any = services()
    for group in active:
        by_key.setdefault(group.name, []).append(group)
        kind, territory = (
            group.extras.get(key) for key in (organisations.KIND, organisations.TERRITORY)
        )
        if kind and territory:
            by_key.setdefault((kind, territory), []).append(group)
    return by_key


def is_reachable(organization_id: str | None) -> bool:
    """Return whether a service can receive requests: it has an editor, or a mailbox while e-mails are enabled."""
    if people.editors_of(organization_id):
        return True
    return config.mail_works() and bool(sheets.mailbox(organization_id))


def instead_of(group: model.Group | None, request: Request) -> model.Group | None:
    """Return the service to propose instead of an unreachable one: its parent, else the next one that fits the request.

    The service that already has the request is never proposed.
    """
    excluded = {request.organization_id} if request.opened else set()
    candidates: list[model.Group | None] = []
    if group:
        excluded.add(group.id)
        candidates += group.get_parent_groups(type="organization")
    proposal = propose(request.theme, request.territory)
    candidates += [proposal.organization, *proposal.alternatives]
    for service in candidates:
        if service and service.id not in excluded and is_reachable(service.id):
            return service
    return None


def unreachable() -> list[model.Group]:
    """Return the active services that have neither an editor nor a usable mailbox, in alphabetical order."""
    editing = people.with_editors()
    mail = config.mail_works()
    return [
        group
        for group in services()
        if group.id not in editing and not (mail and sheets.written(group).email)
    ]


def services() -> list[model.Group]:
    """Return the active services, in alphabetical order."""
    query = sa.select(model.Group).where(
        model.Group.is_organization.is_(True), model.Group.state == model.State.ACTIVE
    )
    return sorted(model.Session.scalars(query), key=lambda group: voc.normalise(group.display_name))


def root(theme: str) -> str:
    """Return the id of the top theme of a theme, "" for an unknown one."""
    themes = voc.get("themes")
    if not theme or theme not in themes:
        return ""
    above = themes.ancestors(theme)
    if above:
        return above[-1].id
    return themes[theme].id


def territory_of(communes: Iterable[dict[str, str]], bbox: Sequence[float] | None) -> str:
    """Return the smallest territory of the vocabulary that contains communes or else a rectangle; "" without either."""
    places = {_departement_id(commune["code"]) for commune in communes or ()}
    if places:
        return _common(places)
    if bbox:
        return _around(bbox)
    return ""


def _common(places: set[str]) -> str:
    territories = voc.get("territories")
    concepts = [territories[place_id] for place_id in sorted(places) if place_id in territories]
    if not concepts:
        return COUNTRY
    chains = []
    for place in concepts:
        above = territories.ancestors(place.uri)
        chains.append([concept.id for concept in (place, *above)])
    for territory in chains[0]:
        if all(territory in chain for chain in chains):
            return territory
    return COUNTRY


def _around(bbox: Sequence[float]) -> str:
    """Return the territory with the smallest box around a rectangle."""
    west, south, east, north = bbox
    holding = []
    for place in of_type("departement", "region", "outre-mer", "pays"):
        box = place.data.get("bbox")
        if box and holds(box, (west, south, east, north), margin=0):
            holding.append((area(box), place.id))
    if holding:
        return min(holding)[1]
    return COUNTRY
