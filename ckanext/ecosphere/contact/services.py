"""Services of the ministry: the public list of them, by kind, and their search by words of their
names.

CKAN 2.12.0 only looks for the whole text within name, title or description of an organisation; here
the words of it are looked for, whatever separates them ("DDT de l’Ain", "ddt01").
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
from ckanext.ecosphere.setup.organisations import TERRITORY
from ckanext.ecosphere.shared import action_input, language

LONGEST_QUERY, MOST_WORDS = 200, 12
#: Stop words of names, in French and English, without accents.
_BETWEEN = voc.SMALL_WORDS.union(("of", "the", "for", "and"))
_FIGURES = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")


@tk.side_effect_free
@tk.chained_action
def organization_list(original: Any, context: Context, data_dict: DataDict) -> Any:
    """List services, or those matching a text by its words."""
    return original(context, by_words(data_dict))


def by_words(data_dict: DataDict) -> DataDict:
    """Replace the text of a search by the names of the matching organisations; keep the text when
    there are none.

    Args:
        data_dict: parameters of `organization_list`; `q` is the text, `organizations` the names to
            choose from, if any.
    """
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip() or data_dict.get("organizations"):
        return data_dict
    names = names_matching(text)
    if names:
        return {**data_dict, "q": "", "organizations": names}
    return data_dict


def names_matching(text: str) -> list[str]:
    """Return the names of the organisations that match all words of a text.

    All of them for a text without words.
    """
    looked_for = [word for word in _words([text[:LONGEST_QUERY]]) if word not in _BETWEEN]
    names = []
    for name, words in _services():
        if all(_begins(word, words) for word in looked_for[:MOST_WORDS]):
            names.append(name)
    return names


def _services() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the name of each organisation with the words of its titles, here and in the registry,
    and of its place.
    """
    group: Any = model.Group
    services = sa.select(group.name, group.title, group.description, group.extras).where(
        group.is_organization.is_(True), group.state == "active"
    )
    registry, places = voc.get("organisations"), voc.get("territories")
    for name, title, description, extras in model.Session.execute(services):
        called = [name, title or "", (description or "")[:LONGEST_QUERY]]
        if registered := registry.get(name):
            called += [
                registered.label_fr,
                registered.label_en,
                *registered.alt_labels,
                str(registered.data.get("long_label_en") or ""),
            ]
        if place := places.get((extras or {}).get(TERRITORY) or ""):
            called += [place.label_fr, str(place.data.get("code") or "")]
        yield name, frozenset(_words(called))


def _words(texts: Iterable[str]) -> list[str]:
    """Split texts into words without accents; letters and adjacent figures are separate words."""
    return [word for text in texts for word in _FIGURES.sub(" ", voc.normalise(text)).split()]


def _begins(word: str, words: frozenset[str]) -> bool:
    """Return whether a set contains a word or a longer word starting with it.

    Numbers have to match exactly.
    """
    return word in words or (not word.isdigit() and any(other.startswith(word) for other in words))


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return action_input.checked({"organization_list": organization_list})


_ = tk._

OTHER = "other"


@dataclass(frozen=True)
class Service:
    """An organisation as shown in the list.

    Attributes:
        name: name of the organisation, last part of its URL.
        title: short name ("DDT 01").
        description: full name.
        kind: kind of service ("ddt", "dreal"…), "other" for organisations that are not in the
            registry.
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
        """Territory or full name that distinguishes it from others of its kind,
        "" when the title already has it.
        """
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
        query: words of the name, full name or territory, see `service_names`; empty for all
            services.

    Returns:
        (heading, services in alphabetical order) for each kind that has any.
    """
    names = set(names_matching(query))
    services_of_kind: dict[str, list[Service]] = {}
    for service in _all():
        if service.name in names:
            services_of_kind.setdefault(service.kind, []).append(service)
    return [
        (heading, sorted(services_of_kind[kind], key=lambda service: voc.normalise(service.title)))
        for kind, heading in kinds().items()
        if kind in services_of_kind
    ]


def _all() -> list[Service]:
    counts = _counts()
    known_kinds = kinds()
    services = []
    groups: Any = model.Session.query(model.Group).filter_by(
        is_organization=True, state=model.State.ACTIVE
    )
    for group in groups:
        kind, territory = (
            group.extras.get(key) for key in (organisations.KIND, organisations.TERRITORY)
        )
        if kind not in known_kinds:
            kind = OTHER
        services.append(
            Service(
                name=group.name,
                title=group.title or group.name,
                description=group.description or "",
                kind=kind,
                territory=voc.get("territories").label(territory, language.current()),
                count=counts.get(group.name, 0),
            )
        )
    return services


def _counts() -> dict[str, int]:
    """Return the number of public datasets of each organisation,
    in one query to the search index.
    """
    search: dict[str, Any] = {"rows": 0, "facet.field": ["organization"], "facet.limit": -1}
    return tk.get_action("package_search")({}, search)["facets"].get("organization", {})
