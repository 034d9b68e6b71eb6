"""The public list of services: all organisations on one page, by kind, searchable by name, acronym or territory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import service_names
from ckanext.ecosphere.shared import language, organisations

_ = tk._

OTHER = "other"


@dataclass(frozen=True)
class Service:
    """An organisation as shown in the list.

    Attributes:
        name: name of the organisation, last part of its URL.
        title: short name ("DDT 01").
        description: full name.
        kind: kind of service ("ddt", "dreal"…), "other" for organisations that are not in the registry.
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
        """Territory or full name that distinguishes it from others of its kind, "" when the title already has it."""
        if self.kind == "central":
            return self.description
        return "" if voc.normalise(self.territory) in voc.normalise(self.title) else self.territory


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
        query: words of the name, full name or territory, see `service_names`; empty for all services.

    Returns:
        (heading, services in alphabetical order) for each kind that has any.
    """
    names = set(service_names.found(query))
    found: dict[str, list[Service]] = {}
    for service in _all():
        if service.name in names:
            found.setdefault(service.kind, []).append(service)
    return [
        (heading, sorted(found[kind], key=lambda service: voc.normalise(service.title)))
        for kind, heading in kinds().items()
        if kind in found
    ]


def _all() -> list[Service]:
    counts = _counts()
    known = kinds()
    services = []
    groups: Any = model.Session.query(model.Group).filter_by(is_organization=True, state=model.State.ACTIVE)
    for group in groups:
        kind, territory = (group.extras.get(key) for key in (organisations.KIND, organisations.TERRITORY))
        place = voc.get("territories").get(territory) if territory else None
        services.append(
            Service(
                name=group.name,
                title=group.title or group.name,
                description=group.description or "",
                kind=kind if kind in known else OTHER,
                territory=place.label(language.current()) if place else "",
                count=counts.get(group.name, 0),
            )
        )
    return services


def _counts() -> dict[str, int]:
    """Return the number of public datasets of each organisation, in one query to the search index."""
    search: dict[str, Any] = {"rows": 0, "facet.field": ["organization"], "facet.limit": -1}
    return tk.get_action("package_search")({}, search)["facets"].get("organization", {})
