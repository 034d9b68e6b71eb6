"""Authors of decisions, and the service in whose name a letter is sent.

An author is named by first name, last name and job title, stored once; the service is spelled out. A request is
acknowledged by its service if that can be reached, else by the desk of the ministry: a receipt gives the postal
address, the e-mail address and the telephone of the service in charge (CRPA, R. 112-5, 2°); one without them does not
make time limits run (L. 112-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.decisions.compose import Author, Sender
from ckanext.ecosphere.data_requests.domain import routing, states
from ckanext.ecosphere.data_requests.model import AuthorName, Request
from ckanext.ecosphere.shared import organisations
from ckanext.ecosphere.shared.messages import N_

_ = tk._

NAMES = ("first_name", "last_name", "quality")
MISSING = {
    "first_name": N_("Give your first name: a decision bears it (CRPA, article L. 212-1)."),
    "last_name": N_("Give your name: a decision bears it (CRPA, article L. 212-1)."),
    "quality": N_(
        "Give your quality, that is your function: a decision bears it (CRPA, article L. 212-1)."
    ),
}


def of(user_id: str | None, names: Mapping[str, Any] | None = None) -> Author:
    """Return the author named on decisions of an account; fields not given yet are empty.

    Args:
        user_id: id of the account.
        names: `first_name`, `last_name` and `quality` (job title) sent with a decision, which replace the stored ones.
    """
    row = model.Session.get(AuthorName, user_id) if user_id else None
    stored = Author(row.first_name, row.last_name, row.quality) if row else Author()
    return Author(*(str((names or {}).get(name) or getattr(stored, name)) for name in NAMES))


def keep(user_id: str, names: dict[str, str]) -> None:
    """Store those of `first_name`, `last_name` and `quality` that are given, without committing."""
    row = model.Session.get(AuthorName, user_id) or AuthorName(
        user_id=user_id, first_name="", last_name="", quality=""
    )
    for name in NAMES:
        if name in names:
            setattr(row, name, names[name])
    model.Session.add(row)


def keep_given(user_id: str, transition: str, data: Mapping[str, Any]) -> None:
    """Store the author's name sent with a decision, for this one and the next, without committing."""
    names = {name: str(data[name]) for name in NAMES if data.get(name)}
    if names and transition in states.LETTERS:
        keep(user_id, names)
        model.Session.flush()


def service_of(request: Request, kind: str) -> model.Group | None:
    """Return the service in whose name a letter is sent: that of the request, or the moderators' for a rejection."""
    if kind == "reject":
        return model.Group.get(config.moderators())
    if request.organization_id:
        return model.Session.get(model.Group, request.organization_id)
    return None


def sender(group: model.Group | None) -> Sender:
    """Return a service as letters name it."""
    if group is None:
        return Sender()
    sheet = sheets.of(group)
    place = _place(group)
    return Sender(
        sheet.full_name,
        contact_lines(sheet),
        sheet.court or court(group),
        on_behalf(_kind(group), place),
        complete=not missing_contact(sheet),
    )


def court(group: model.Group) -> str:
    """Return the administrative court of the seat of a service, "" when the table has none."""
    courts, place = law.courts(), _place(group)
    if group.name in courts or place is None:
        return courts.get(group.name, "")
    return courts.get(place.id, "")


def on_behalf(kind: str, place: voc.Concept | None) -> dict[str, str]:
    """Return in whose name agents of a kind of service sign, by language, its `source` and `basis`; else empty."""
    row = law.delegations().get(kind)
    if row is None:
        return {}
    of_place = sheets.of_territories().get(place.id, "") if place else ""
    if "{of}" in row["fr"] and not of_place:
        return {}
    english = f"of {place.label_en}" if place else ""
    label = place.label_fr if place else ""
    texts = {
        "fr": row["fr"].format(of=of_place, place=label),
        "en": row["en"].format(of=english, place=label),
    }
    return {**texts, "source": row["source"], "basis": row["basis"]}


def _kind(group: model.Group) -> str:
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    registry = voc.get("organisations")
    own = str(extras.get(organisations.KIND) or "")
    if own or group.name not in registry:
        return own
    return str(registry[group.name].data.get("kind") or "")


def _place(group: model.Group) -> voc.Concept | None:
    """Return the territory of a service, from its own data or else the registry."""
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    registry = voc.get("organisations")
    territory = extras.get(organisations.TERRITORY)
    if not territory and group.name in registry:
        territory = registry[group.name].data.get("territory")
    if territory:
        return voc.get("territories").get(str(territory))
    return None


def faults(author: Author, service: Sender) -> dict[str, list[str]]:
    """Return what a decision lacks to name its author and service in full: field → messages."""
    errors = {name: [_(message)] for name, message in MISSING.items() if not getattr(author, name)}
    if not sheets.is_spelled_out(service.name):
        message = _(
            "A decision bears the name of its service without abbreviations: spell “{name}” out on "
            "the contact sheet of the service."
        )
        errors["service"] = [message.format(name=service.name or "?")]
    return errors


def faults_of(
    request: Request, transition: str, user_id: str | None, fields: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the same for a transition that is about to be done; empty when it sends no letter of decision."""
    if (
        request.is_signal
        or transition not in states.LETTERS
        or tk.asbool(fields.get("spam") or False)
    ):
        return {}
    return faults(of(user_id, fields), sender(service_of(request, transition)))


@dataclass(frozen=True)
class Unready:
    """A service in whose name no receipt can be sent.

    Attributes:
        group: the service.
        silent: whether nobody reads for it.
        lacking: fields missing on its contact sheet.
    """

    group: model.Group
    silent: bool
    lacking: tuple[str, ...]


def missing_contact(sheet: sheets.ContactSheet) -> tuple[str, ...]:
    """Return the fields of a contact sheet that a receipt needs and that are empty."""
    return tuple(name for name in law.remedies()["receipt"]["needs"] if not getattr(sheet, name))


def contact_lines(sheet: sheets.ContactSheet) -> tuple[str, ...]:
    """Return the lines by which a letter says how to reach its sender."""
    lines = [line.strip() for line in sheet.address.splitlines()]
    return tuple(line for line in (*lines, sheet.telephone, sheet.email, sheet.web) if line)


def acknowledges(group: model.Group | None) -> bool:
    """Return whether a receipt can be sent in the name of a service: it can be reached, and somebody reads for it."""
    return (
        group is not None
        and not missing_contact(sheets.of(group))
        and routing.is_reachable(group.id)
    )


def ministry_desk() -> Sender:
    """Return the desk of the ministry, which acknowledges requests for services that cannot be reached."""
    sheet = config.desk()
    return Sender(sheet.full_name, contact_lines(sheet), complete=not desk_lacks())


def desk_lacks() -> list[str]:
    """Return the options that the desk of the ministry needs and that are empty."""
    sheet = config.desk()
    fields = ("full_name", *law.remedies()["receipt"]["needs"])
    return [
        config.DESK.format(field=config.DESK_FIELDS[name])
        for name in fields
        if not getattr(sheet, name)
    ]


def unready() -> list[Unready]:
    """Return the services in whose name no receipt can be sent, in alphabetical order."""
    silent = {group.id for group in routing.unreachable()}
    services = [
        Unready(group, group.id in silent, missing_contact(sheets.of(group)))
        for group in routing.services()
    ]
    return [service for service in services if service.silent or service.lacking]


def unconfirmed() -> list[tuple[model.Group, dict[str, sheets.Entry]]]:
    """Return the services for which the directory stands in, in alphabetical order, and its entries."""
    services = [(group, sheets.unconfirmed(group)) for group in routing.services()]
    return [(group, entries) for group, entries in services if entries]
