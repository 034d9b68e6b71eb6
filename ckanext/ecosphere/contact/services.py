"""Services of the ministry: their public list by kind, and the search for them by words of names.

CKAN 2.12.0 looks for the whole text in the name, title or description of an organisation; here its
words are looked for one by one, whatever separates them ("DDT de l’Ain", "ddt01").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.shared import action_input, language

_ = tk._

#: Characters of a text, and its words, that are looked for.
LONGEST_QUERY, MOST_WORDS = 200, 12
#: Words that are not looked for, in French and English, without accents.
_STOP_WORDS = voc.SMALL_WORDS.union(("of", "the", "for", "and"))
#: Empty matches between a letter and an adjacent figure.
_LETTER_TO_FIGURE = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")
#: Kind of the organisations that are not in the registry of services.
OTHER = "other"


@tk.side_effect_free
@tk.chained_action
def organization_list(original: Any, context: Context, data_dict: DataDict) -> Any:
    """List services, or those matching a text by its words.

    A text that matches none, or comes with the names to choose from, is left to CKAN.
    """
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip() or data_dict.get("organizations"):
        return original(context, data_dict)
    names = names_matching(text)
    if names:
        data_dict = {**data_dict, "q": "", "organizations": names}
    return original(context, data_dict)


def names_matching(text: str) -> list[str]:
    """Return the names of the organisations that match each word of a text; all if it has none."""
    query = [word for word in _words([text[:LONGEST_QUERY]]) if word not in _STOP_WORDS]
    names = []
    for name, words in _words_of_services():
        if all(_begins_one_of(words, word) for word in query[:MOST_WORDS]):
            names.append(name)
    return names


def _words_of_services() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield (name, words) of each organisation: those of its titles, here and in the registry, and
    of its place.
    """
    group: Any = model.Group
    services = sa.select(group.name, group.title, group.description, group.extras).where(
        group.is_organization.is_(True), group.state == "active"
    )
    registry, places = voc.get("organisations"), voc.get("territories")
    for name, title, description, extras in model.Session.execute(services):
        texts = [name, title or "", (description or "")[:LONGEST_QUERY]]
        if registered := registry.get(name):
            texts += [
                registered.label_fr,
                registered.label_en,
                *registered.alt_labels,
                str(registered.data.get("long_label_en") or ""),
            ]
        if place := places.get((extras or {}).get(organisations.TERRITORY) or ""):
            texts += [place.label_fr, str(place.data.get("code") or "")]
        yield name, frozenset(_words(texts))


def _words(texts: Iterable[str]) -> list[str]:
    """Split texts into words without accents; letters and adjacent figures are separate words."""
    words = []
    for text in texts:
        words += _LETTER_TO_FIGURE.sub(" ", voc.normalise(text)).split()
    return words


def _begins_one_of(words: frozenset[str], beginning: str) -> bool:
    """Return whether a word of a set begins with a text; numbers have to match exactly."""
    if beginning.isdigit():
        return beginning in words
    return any(word.startswith(beginning) for word in words)


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return action_input.checked({"organization_list": organization_list})


@dataclass(frozen=True)
class Service:
    """An organisation as shown in the list.

    Attributes:
        name: name of the organisation, last part of its URL.
        title: short name ("DDT 01").
        description: full name.
        kind: kind of service, a key of `kinds`.
        territory: label of its territory, may be empty.
        count: number of public datasets.
    """

    name: str
    title: str
    description: str
    kind: str
    territory: str
    count: int

    @property
    def place(self) -> str:
        """Territory or full name that tells it from others of its kind; "" if the title has it."""
        if self.kind == "central":
            return self.description
        if voc.normalise(self.territory) in voc.normalise(self.title):
            return ""
        return self.territory


def kinds() -> dict[str, str]:
    """Return the kinds of services and their headings, in the order of the page."""
    return {
        "central": _("Central administration"),
        "dreal": _("Regional directorates for environment, planning and housing (DREAL)"),
        "drieat": _("Île-de-France: environment, planning and transport (DRIEAT)"),
        "drihl": _("Île-de-France: housing (DRIHL)"),
        "ud": _("Île-de-France: departmental units"),
        "deal": _("Overseas: environment, planning and housing (DEAL)"),
        "dtam": _("Saint-Pierre-et-Miquelon: territories, food and sea (DTAM)"),
        "ddt": _("Departmental directorates for territories (DDT)"),
        "ddtm": _("Departmental directorates for territories and the sea (DDTM)"),
        "dirm": _("Interregional directorates for the sea (DIRM)"),
        "dir": _("Interdepartmental directorates for roads (DIR)"),
        "dirif": _("Île-de-France: roads (DIRIF)"),
        OTHER: _("Other organisations"),
    }


def by_kind(query: str = "") -> list[tuple[str, list[Service]]]:
    """List the services that match a query, by kind.

    Args:
        query: words of the name, full name or territory (`names_matching`); empty for all services.

    Returns:
        (heading, services in alphabetical order) for each kind that has any.
    """
    names = set(names_matching(query))
    services_of_kind: dict[str, list[Service]] = {}
    for service in _all_services():
        if service.name in names:
            services_of_kind.setdefault(service.kind, []).append(service)
    return [
        (heading, sorted(services_of_kind[kind], key=lambda service: voc.normalise(service.title)))
        for kind, heading in kinds().items()
        if kind in services_of_kind
    ]


def _all_services() -> list[Service]:
    counts = _counts()
    known_kinds = kinds()
    territories = voc.get("territories")
    services = []
    groups: Any = model.Session.query(model.Group).filter_by(
        is_organization=True, state=model.State.ACTIVE
    )
    for group in groups:
        kind = group.extras.get(organisations.KIND)
        if kind not in known_kinds:
            kind = OTHER
        territory = group.extras.get(organisations.TERRITORY)
        services.append(
            Service(
                name=group.name,
                title=group.title or group.name,
                description=group.description or "",
                kind=kind,
                territory=territories.label(territory, language.current()),
                count=counts.get(group.name, 0),
            )
        )
    return services


def _counts() -> dict[str, int]:
    """Return the number of public datasets of each organisation, asked of the search index once."""
    search: dict[str, Any] = {"rows": 0, "facet.field": ["organization"], "facet.limit": -1}
    return tk.get_action("package_search")({}, search)["facets"].get("organization", {})
