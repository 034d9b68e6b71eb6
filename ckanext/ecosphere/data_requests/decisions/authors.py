"""Who decides: first name, name and quality of the agent, kept once, and the service spelled out."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.decisions.compose import Author, Sender
from ckanext.ecosphere.data_requests.decisions.tables import AuthorName
from ckanext.ecosphere.data_requests.model import Request

_ = tk._

NAMES = ("first_name", "last_name", "quality")


def of(user_id: str | None) -> Author:
    """Return the name that decisions of an account bear; empty until it is given."""
    row = model.Session.get(AuthorName, user_id) if user_id else None
    return Author(row.first_name, row.last_name, row.quality) if row else Author()


def keep(user_id: str, names: dict[str, str]) -> None:
    """Keep what of `first_name`, `last_name` and `quality` is given; nothing is committed."""
    row = model.Session.get(AuthorName, user_id) or AuthorName(user_id=user_id, first_name="", last_name="", quality="")
    for name in NAMES:
        if name in names:
            setattr(row, name, names[name])
    model.Session.add(row)


def service_of(request: Request, kind: str) -> model.Group | None:
    """Return the service whose decision it is: that of the request, or that of the moderators."""
    if kind == "reject":
        return model.Group.get(config.moderators())
    return model.Session.get(model.Group, request.organization_id) if request.organization_id else None


def sender(group: model.Group | None) -> Sender:
    """Return the service as letters name it."""
    if group is None:
        return Sender()
    sheet = sheets.of(group)
    lines = [line.strip() for line in sheet.address.splitlines() if line.strip()]
    lines += [each for each in (sheet.telephone, sheet.email, sheet.web) if each]
    return Sender(sheet.full_name, tuple(lines), sheet.court or court(group))


def court(group: model.Group) -> str:
    """Return the administrative court of a service's seat, "" when the table does not say."""
    known, registry = law.courts(), voc.get("organisations")
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    territory = extras.get("ecosphere_territory") or (
        str(registry[group.name].data.get("territory") or "") if group.name in registry else ""
    )
    place = voc.get("territories").get(territory) if territory else None
    return known.get(group.name) or (known.get(place.id, "") if place else "")


def check(author: Author, service: Sender) -> None:
    """Make sure that a decision names its author and the service in full.

    Raises:
        ValidationError: it does not yet.
    """
    errors: Any = {}
    if not author.complete:
        errors["author"] = [
            _(
                "A decision bears the first name, name and quality of its author (CRPA, article L. 212-1): give yours "
                "in your preferences of the data requests."
            )
        ]
    if not sheets.is_spelled_out(service.name):
        errors["service"] = [
            _(
                "A decision bears the name of its service without abbreviations: spell “{name}” out on the contact "
                "sheet of the service."
            ).format(name=service.name or "?")
        ]
    if errors:
        raise tk.ValidationError(errors)
