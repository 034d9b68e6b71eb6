"""Where a request is about, and which service to propose for it.

Communes as people type them; the smallest territory around communes or a rectangle; and the service
for a territory and a theme, from the table `data/routing.csv`.
"""

from __future__ import annotations

import re
from collections import defaultdict
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
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.vocabularies import communes as registry
from ckanext.ecosphere.vocabularies import normalise, tables
from ckanext.ecosphere.vocabularies.communes import Commune

# Communes.

#: INSEE code of a commune.
CODE = re.compile(r"(?:\d{2}|2[AB])\d{3}", re.IGNORECASE)
#: Code within an entry: "Belley (01034)" and "01034 Belley" are unambiguous.
CODE_WITHIN = re.compile(rf"\b({CODE.pattern})\b", re.IGNORECASE)
SEPARATORS = re.compile(r"[;,\n]+")
MOST_SUGGESTED = 8
#: Maximum communes of the register among which the suggested ones are chosen.
MOST_COMPARED = 500


def commune_label(code: str) -> str:
    """Return "Belley – Ain (01034)", which distinguishes homonyms.

    The code itself for an unknown commune.
    """
    commune = registry.of_code(code)
    territory = departement(code)
    if commune and territory:
        return f"{commune.name} – {territory.label_fr} ({commune.code})"
    return code


def find_communes(text: str, near: str = "") -> list[Commune]:
    """Return communes with a word that starts with a text, or with this code.

    Args:
        text: what was typed.
        near: id of a territory whose communes come before all others; then those of exactly this
            name.
    """
    name = _comparable_name(text)
    territories = _territory_and_parts(near)
    matches = registry.suggest(name, MOST_COMPARED)
    # Sorting is stable: the second key comes before the first.
    matches.sort(key=lambda commune: _comparable_name(commune.name) != name)
    matches.sort(key=lambda commune: _departement_id(commune.code) not in territories)
    return matches[:MOST_SUGGESTED]


def _comparable_name(text: str) -> str:
    """Return a name without case, accents and punctuation, and with "saint" for "st"."""
    words = normalise(text).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words)


def _territory_and_parts(territory_id: str) -> set[str]:
    """Return the ids of a territory and of those directly within it; empty for an unknown one."""
    territories = voc.get("territories")
    territory = territories.get(territory_id)
    if territory is None:
        return set()
    return {territory.id, *(part.id for part in territories.children(territory.uri))}


def _departement_id(code: str) -> str:
    """Return the id, in the vocabulary, of the département or overseas territory of a commune;
    "" if it is unknown.
    """
    territory = departement(code)
    if territory:
        return territory.id
    return ""


def read_communes(text: str) -> tuple[list[str], list[tuple[str, list[Commune]]]]:
    """Read a list of communes typed by a person: codes or names, separated by commas, semicolons or
    line breaks.

    A code alone may be an INSEE or a postal code; a name may be followed by its département
    ("Villeurbanne, Rhône").

    Returns:
        the INSEE codes recognised, in order and without repetition; and the entries that were not,
        each with the communes of that name (none when it is unknown, several when it is ambiguous).
    """
    codes: dict[str, None] = {}
    doubtful: list[tuple[str, list[Commune]]] = []
    # Those of the entry before, of which this one may name the département.
    homonyms: list[Commune] = []
    for part in SEPARATORS.split(text):
        entry = part.strip()
        if not entry:
            continue
        candidates = _in_departement(homonyms, entry)
        if candidates:
            if len(homonyms) > 1:
                doubtful.pop()  # the entry before is not ambiguous after all
            homonyms = []
        else:
            candidates = homonyms = _named(entry)
        if len(candidates) == 1:
            codes[candidates[0].code] = None
        else:
            doubtful.append((entry, candidates))
    return list(codes), doubtful


def _in_departement(communes: list[Commune], entry: str) -> list[Commune]:
    """Return those of some communes that lie in the département named by an entry.

    Empty if it names none of theirs.
    """
    territory = voc.get("territories").find(entry)
    if territory is None:
        return []
    return [commune for commune in communes if _departement_id(commune.code) == territory.id]


def _named(entry: str) -> list[Commune]:
    """Return the communes with a code or name."""
    code = CODE_WITHIN.search(entry)
    if code is None:
        return registry.named(_comparable_name(entry))
    communes = [registry.of_code(code[1]), *registry.of_postal(entry)]
    return list(dict.fromkeys(commune for commune in communes if commune))


# Territories.


def of_request(request: Request) -> str:
    """Return the territory of a request or, for a draft,
    the smallest one around its communes or rectangle.
    """
    return request.territory or territory_of(request.communes, request.bbox)


def territory_of(communes: Iterable[dict[str, str]], bbox: Sequence[float] | None) -> str:
    """Return the smallest territory of the vocabulary that contains communes or else a rectangle;
    "" without either.
    """
    departements = {_departement_id(commune["code"]) for commune in communes or ()}
    if departements:
        return _smallest_with_all(departements)
    if bbox:
        return _smallest_around(bbox)
    return ""


def _smallest_with_all(departements: set[str]) -> str:
    """Return the id of the smallest territory that holds some départements.

    That of the country for unknown ones.
    """
    territories = voc.get("territories")
    chains = []
    for departement_id in sorted(departements):
        concept = territories.get(departement_id)
        if concept:
            above = territories.ancestors(concept.uri)
            chains.append([territory.id for territory in (concept, *above)])
    if not chains:
        return COUNTRY
    for territory_id in chains[0]:
        if all(territory_id in chain for chain in chains):
            return territory_id
    return COUNTRY


def _smallest_around(bbox: Sequence[float]) -> str:
    """Return the id of the territory with the smallest box around a rectangle."""
    west, south, east, north = bbox
    areas = []
    for place in of_type("departement", "region", "outre-mer", "pays"):
        box = place.data.get("bbox")
        if box and holds(box, (west, south, east, north), margin=0):
            areas.append((area(box), place.id))
    if areas:
        return min(areas)[1]
    return COUNTRY


# Services for a territory and a theme.

TABLE = Path(__file__).parents[1] / "data" / "routing.csv"
ANY = "*"


@dataclass(frozen=True)
class Rule:
    """A row of the table; its columns are described there."""

    place: str
    theme: str
    kinds: tuple[str, ...]
    where: str

    def applies_to(self, territory: voc.Concept | None, theme: str) -> bool:
        """Return whether the rule is for a territory, if there is one, and a top theme."""
        if self.theme not in (ANY, theme):
            return False
        if self.place == ANY:
            return True
        if territory is None:
            return False
        return self.place in (territory.id, territory.data.get("type"))

    @property
    def reason(self) -> str:
        """Code of why its service is proposed, for `wording.routing_reason`."""
        if self.where == "national":
            return "national"
        if self.theme != ANY:
            return "theme"
        if self.where == "own":
            return "territory"
        return "above"


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
    top_theme = root(theme)
    concept = voc.get("territories").get(territory)
    services_by_key = _services_by_key()
    # Each service with the first rule that proposes it.
    proposals: dict[str, tuple[model.Group, Rule]] = {}
    for rule in rules():
        if rule.applies_to(concept, top_theme):
            for group in _services_of_rule(rule, concept, services_by_key):
                proposals.setdefault(group.id, (group, rule))
    if not proposals:
        return Proposal(None, {"code": "none"})
    (best, rule), *others = proposals.values()
    reason = {
        "code": rule.reason,
        "service": best.display_name,
        "theme": top_theme,
        "territory": territory,
    }
    return Proposal(best, reason, [group for group, _rule in others])


def root(theme: str) -> str:
    """Return the id of the top theme of a theme, "" for an unknown one."""
    themes = voc.get("themes")
    if not theme or theme not in themes:
        return ""
    above = themes.ancestors(theme)
    if above:
        return above[-1].id
    return themes[theme].id


def _services_by_key() -> dict[Any, list[model.Group]]:
    """Return the active services by (kind, URI of their territory), and by name."""
    by_key: dict[Any, list[model.Group]] = defaultdict(list)
    groups: Any = services()
    for group in groups:
        by_key[group.name].append(group)
        kind = group.extras.get(organisations.KIND)
        territory = group.extras.get(organisations.TERRITORY)
        if kind and territory:
            by_key[kind, territory].append(group)
    return by_key


def services() -> list[model.Group]:
    """Return the active services, in alphabetical order."""
    query = sa.select(model.Group).where(
        model.Group.is_organization.is_(True), model.Group.state == model.State.ACTIVE
    )
    return sorted(model.Session.scalars(query), key=lambda group: voc.normalise(group.display_name))


def _services_of_rule(
    rule: Rule, territory: voc.Concept | None, services_by_key: dict[Any, list[model.Group]]
) -> Iterator[model.Group]:
    """Yield the services of a rule that applies to a territory, in the order of its kinds."""
    if rule.where == "national":
        keys: Iterable[Any] = rule.kinds
    else:
        uri = ""
        if rule.where not in ("own", "above"):
            uri = voc.get("territories")[rule.where].uri
        elif territory:
            uri = territory.uri
            if rule.where == "above":
                uri = territory.broader
        keys = [(kind, uri) for kind in rule.kinds]
    for key in keys:
        yield from services_by_key.get(key, ())


def publisher_of(package_id: str | None) -> Proposal | None:
    """Propose the service that publishes a dataset.

    None without a dataset or an active organisation.
    """
    package = model.Session.get(model.Package, package_id) if package_id else None
    group = None
    if package and package.owner_org:
        group = model.Session.get(model.Group, package.owner_org)
    if group is None or group.state != model.State.ACTIVE:
        return None
    return Proposal(group, {"code": "dataset", "service": group.display_name})


def is_reachable(organization_id: str | None) -> bool:
    """Return whether a service can receive requests: it has an editor,
    or a mailbox while e-mails are enabled.
    """
    if people.editors_of(organization_id):
        return True
    return config.mail_works() and bool(sheets.mailbox(organization_id))


def instead_of(group: model.Group | None, request: Request) -> model.Group | None:
    """Return the service to propose instead of an unreachable one: its parent, else the next one
    that fits the request.

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
    """Return the active services that have neither an editor nor a usable mailbox,
    in alphabetical order.
    """
    editing = people.with_editors()
    mail = config.mail_works()
    return [
        group
        for group in services()
        if group.id not in editing and not (mail and sheets.written(group).email)
    ]
