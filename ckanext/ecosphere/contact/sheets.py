"""How each service is reached and what it is called in full: the contact sheet of an organisation.

Administrators of a service fill in its sheet; it is kept in extras of the organisation. The name spelled out, which a
decision has to bear (CRPA, L. 212-2, 1°), comes from the registry where they leave it empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import organisations
from ckanext.ecosphere.vocabularies import tables

NAMES = Path(__file__).parents[1] / "data" / "territory-names.csv"
#: Extra of the organisation = this + field of the sheet.
PREFIX = "ecosphere_contact_"
ABBREVIATION = re.compile(r"\b[A-ZÀ-Þ]{2,}\b")
SHORT_FORM = re.compile(r"\s?\([^()]{1,100}\)")
#: Services that are named after a place without a preposition: "Direction interrégionale de la mer Méditerranée".
PLACE_AS_NAME = ("dir", "dirif", "dirm")
LONGEST_NAME = 200


@dataclass(frozen=True)
class ContactSheet:
    """How a service is reached.

    Attributes:
        full_name: its name without abbreviations.
        email: functional mailbox, read by whoever is on duty.
        address: postal address, several lines.
        telephone: in international form.
        opening: hours, in words.
        web: address of its site.
        court: administrative court of its seat, where the table of courts does not say so.
        chief: mailbox that is told of requests that are late; no page shows it, the API does.
    """

    full_name: str = ""
    email: str = ""
    address: str = ""
    telephone: str = ""
    opening: str = ""
    web: str = ""
    court: str = ""
    chief: str = ""


FIELDS = tuple(field.name for field in fields(ContactSheet))


def written(group: model.Group) -> ContactSheet:
    """Return what people wrote on the sheet of a service, and nothing else."""
    return from_extras(group.extras)  # pyright: ignore[reportAttributeAccessIssue]


def from_extras(extras: Mapping[str, Any]) -> ContactSheet:
    """Return the sheet that extras of an organisation hold."""
    return ContactSheet(**{name: extras.get(PREFIX + name) or "" for name in FIELDS})


def of(group: model.Group) -> ContactSheet:
    """Return the sheet of a service, its name completed from the registry."""
    sheet = written(group)
    return ContactSheet(**{**asdict(sheet), "full_name": sheet.full_name or name_of(group)})


def chief(organization_id: str | None) -> str:
    """Return the mailbox that is told of requests that are late, "" when the service named none."""
    group = model.Session.get(model.Group, organization_id) if organization_id else None
    return written(group).chief if group else ""


def mailbox(organization_id: str | None) -> str:
    """Return the functional mailbox of a service, "" when it has none."""
    group = model.Session.get(model.Group, organization_id) if organization_id else None
    return written(group).email if group else ""


def as_contact(organization_id: str | None) -> dict[str, str]:
    """Return the sheet of a service as a row of the field `contact` of a dataset; empty when it has no mailbox.

    Args:
        organization_id: name or id of the organisation.
    """
    group = model.Group.get(organization_id) if organization_id else None
    if group is None or not group.is_organization or not written(group).email:
        return {}
    sheet = of(group)
    row = {"name": sheet.full_name, "email": sheet.email, "telephone": sheet.telephone, "url": sheet.web}
    return {name: value for name, value in row.items() if value}


def name_of(group: model.Group) -> str:
    """Return the name of a service spelled out: from the registry, else its description or title.

    A service that has become one of another kind (a DDT that is a DDTM by now) no longer bears the registry's name.
    """
    service = registered(group)
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    if service is not None and extras.get(organisations.KIND) in (None, "", service.data.get("kind")):
        return spelled_out(service)
    description = (group.description or "").strip()
    if "\n" not in description and len(description) <= LONGEST_NAME and is_spelled_out(description):
        return description
    return group.title or group.name


def is_spelled_out(name: str) -> bool:
    """Whether a name has several words and no abbreviation."""
    return len(name.split()) > 1 and not ABBREVIATION.search(name)


def spelled_out(service: voc.Concept) -> str:
    """Return the name of a service of the registry without abbreviations.

    >>> spelled_out(voc.get("organisations")["ddt-01053-01"])
    'Direction départementale des territoires de l’Ain'
    """
    label = SHORT_FORM.sub("", str(service.data.get("long_label_fr") or service.label_fr)).replace("'", "’")
    head, *places = [part.strip() for part in label.split(" - ", 1 if service.data.get("kind") == "dirm" else -1)]
    for place in places:
        if place == places[0] and service.data.get("kind") in PLACE_AS_NAME:
            head += f" {place}"
        elif place == places[0] and (of_place := _of_places().get(voc.normalise(place))):
            head += f" {of_place}"
        else:
            head += f", {place[:1].lower()}{place[1:]}"
    return head


def registered(group: model.Group) -> voc.Concept | None:
    """Return the service of the registry that an organisation is: by its name, else by kind and territory."""
    registry = voc.get("organisations")
    if group.name in registry:
        return registry[group.name]
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    kind, territory = extras.get(organisations.KIND), extras.get(organisations.TERRITORY)
    if not kind or not territory:
        return None
    same = [each for each in registry if (each.data.get("kind"), each.data.get("territory")) == (kind, territory)]
    return same[0] if len(same) == 1 else None


@cache
def _of_places() -> dict[str, str]:
    """Return label of a territory → what follows the name of its service ("de la Somme")."""
    territories = voc.get("territories")
    named = {voc.normalise(territories[row["territory"]].label_fr): row["of"] for row in tables.rows(NAMES)}
    # The registry says "Réunion".
    return named | {"reunion": named["la reunion"]}
