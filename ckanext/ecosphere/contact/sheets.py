"""Contact sheets of organisations: how a service can be reached, and its name spelled out in full.

Administrators of a service fill in its sheet, which is stored in extras of the organisation. Where they leave the full
name empty, which a decision has to bear (CRPA, L. 212-2, 1°), it comes from the registry of organisations.
In letters, an address, mailbox or telephone left empty comes from the registry, else from a copy of the service-public
directory, some years old, which nobody has checked: administrators are shown which ones are in use.
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

TABLE = Path(__file__).parents[1] / "data" / "service-contacts.csv"
LINE_END = "; "


@dataclass(frozen=True)
class Entry:
    """What the directory says in one field of a contact sheet.

    Attributes:
        value: the field, as on a contact sheet.
        year: of the copy of the directory.
    """

    value: str
    year: str


@cache
def directory() -> Mapping[str, Mapping[str, Entry]]:
    """Return what is known of each service, by its id in the registry and the field of the sheet."""
    return {row["service"]: _by_field(row) for row in tables.rows(TABLE)}


def _by_field(row: Mapping[str, str]) -> dict[str, Entry]:
    lines = [*row["address"].split(LINE_END), f"{row['postcode']} {row['town']}"]
    entries_of_row = {
        "address": Entry("\n".join(lines) if row["postcode"] else "", row["address_year"]),
        "email": Entry(row["email"], row["year"]),
        "telephone": Entry(row["telephone"], row["year"]),
    }
    return {field: entry for field, entry in entries_of_row.items() if entry.value}


NAMES = Path(__file__).parents[1] / "data" / "territory-names.csv"
#: Prefix of the keys of extras; the name of the field follows.
PREFIX = "ecosphere_contact_"
ABBREVIATION = re.compile(r"\b[A-ZÀ-Þ]{2,}\b")
SHORT_FORM = re.compile(r"\s?\([^()]{1,100}\)")
#: Kinds of services whose place follows without a preposition: "Direction interrégionale de la mer Méditerranée".
PLACE_AS_NAME = ("dir", "dirif", "dirm")
LONGEST_NAME = 200


@dataclass(frozen=True)
class ContactSheet:
    """How a service can be reached.

    Attributes:
        full_name: its name without abbreviations.
        email: shared mailbox of the service.
        address: postal address, several lines.
        telephone: in international form.
        opening: opening hours, as text.
        web: URL of its site.
        court: administrative court of its seat, where the table of courts has none.
        chief: mailbox for notices of late requests; no page shows it, the API does.
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
#: Columns with contact details that a portal's own registry of services may have (`organisations`).
REGISTERED = ("address", "email", "telephone")


def written(group: model.Group) -> ContactSheet:
    """Return the sheet as it was filled in, without completing it from the registry."""
    return from_extras(group.extras)  # pyright: ignore[reportAttributeAccessIssue]


def from_extras(extras: Mapping[str, Any]) -> ContactSheet:
    """Return the sheet stored in the extras of an organisation."""
    return ContactSheet(**{name: extras.get(PREFIX + name) or "" for name in FIELDS})


def of(group: model.Group) -> ContactSheet:
    """Return the sheet of a service, completed from the registry and the directory."""
    sheet, service = asdict(written(group)), registered(group)
    completing = {name: entry.value for name, entry in unconfirmed(group).items()}
    completing |= _in_registry(service)
    completed = {name: sheet[name] or completing.get(name, "") for name in FIELDS}
    return ContactSheet(**{**completed, "full_name": sheet["full_name"] or name_of(group)})


def unconfirmed(group: model.Group) -> dict[str, Entry]:
    """Return the fields that nobody has filled in for a service, with what the directory says."""
    sheet, service = written(group), registered(group)
    if service is None:
        return {}
    own = _in_registry(service)
    listed = directory().get(service.id, {})
    empty = [name for name in listed if name not in own and not getattr(sheet, name)]
    return {name: listed[name] for name in empty}


def _in_registry(service: voc.Concept | None) -> dict[str, str]:
    """Return the contact details that the portal's registry has of a service."""
    if service is None:
        return {}
    return {name: str(service.data[name]) for name in REGISTERED if service.data.get(name)}


def chief(organization_id: str | None) -> str:
    """Return the mailbox for notices of late requests, "" when the service has not given one."""
    return _of_id(organization_id).chief


def mailbox(organization_id: str | None) -> str:
    """Return the shared mailbox of a service, "" when it has none."""
    return _of_id(organization_id).email


def _of_id(organization_id: str | None) -> ContactSheet:
    group = model.Session.get(model.Group, organization_id or "")
    if group is None:
        return ContactSheet()
    return written(group)


def as_contact(organization_id: str | None) -> dict[str, str]:
    """Return the sheet of a service as a row of the field `contact` of a dataset; empty when it has no mailbox.

    Only what the service has filled in: nothing unverified becomes metadata.

    Args:
        organization_id: name or id of the organisation.
    """
    group = model.Group.get(organization_id or "")
    if group is None or not group.is_organization or not written(group).email:
        return {}
    sheet = written(group)
    row = {
        "name": of(group).full_name,
        "email": sheet.email,
        "telephone": sheet.telephone,
        "url": sheet.web,
    }
    return {name: value for name, value in row.items() if value}


def name_of(group: model.Group) -> str:
    """Return the name of a service spelled out: from the registry, else its description or title.

    The registry is ignored for a service whose kind has changed since (a DDT that has become a DDTM).
    """
    service = registered(group)
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    if service is not None and extras.get(organisations.KIND) in (
        None,
        "",
        service.data.get("kind"),
    ):
        return spelled_out(service)
    description = (group.description or "").strip()
    if "\n" not in description and len(description) <= LONGEST_NAME and is_spelled_out(description):
        return description
    return group.title or group.name


def is_spelled_out(name: str) -> bool:
    """Return whether a name has several words and no abbreviation."""
    return len(name.split()) > 1 and not ABBREVIATION.search(name)


def spelled_out(service: voc.Concept) -> str:
    """Return the name of a service of the registry without abbreviations.

    >>> spelled_out(voc.get("organisations")["ddt-01053-01"])
    'Direction départementale des territoires de l’Ain'
    """
    label = SHORT_FORM.sub("", str(service.data.get("long_label_fr") or service.label_fr)).replace(
        "'", "’"
    )
    head, *places = [
        part.strip() for part in label.split(" - ", 1 if service.data.get("kind") == "dirm" else -1)
    ]
    for place in places:
        if place == places[0] and service.data.get("kind") in PLACE_AS_NAME:
            head += f" {place}"
        elif place == places[0] and (of_place := _of_places().get(voc.normalise(place))):
            head += f" {of_place}"
        else:
            head += f", {place[:1].lower()}{place[1:]}"
    return head


def registered(group: model.Group) -> voc.Concept | None:
    """Return the registry's entry of an organisation: by name, else by kind and territory; None unless there is one."""
    registry = voc.get("organisations")
    if group.name in registry:
        return registry[group.name]
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    kind, territory = extras.get(organisations.KIND), extras.get(organisations.TERRITORY)
    if not kind or not territory:
        return None
    same = [
        service
        for service in registry
        if (service.data.get("kind"), service.data.get("territory")) == (kind, territory)
    ]
    if len(same) == 1:
        return same[0]
    return None


@cache
def of_territories() -> Mapping[str, str]:
    """Return the form of each territory used in names of services ("de la Somme"), by id."""
    return {row["territory"]: row["of"] for row in tables.rows(NAMES)}


@cache
def _of_places() -> dict[str, str]:
    """Map the label of each territory to the form used in names of services ("de la Somme")."""
    territories = voc.get("territories")
    names = {
        voc.normalise(territories[place].label_fr): of_place
        for place, of_place in of_territories().items()
    }
    # The registry says "Réunion".
    return names | {"reunion": names["la reunion"]}
