"""In whose name a request is acknowledged: its service if it can be reached, else the desk of the ministry.

A receipt gives the postal address, the e-mail address and the telephone of the service in charge (CRPA, R. 112-5, 2°);
one without them does not make time limits run (L. 112-6).
"""

from __future__ import annotations

from dataclasses import dataclass

from ckan import model

from ckanext.ecosphere.contact import directory, sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.decisions.compose import Sender
from ckanext.ecosphere.data_requests.domain import routing


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


def lacking(sheet: sheets.ContactSheet) -> tuple[str, ...]:
    """Return the fields of a contact sheet that a receipt needs and that are empty."""
    return tuple(name for name in law.remedies()["receipt"]["needs"] if not getattr(sheet, name))


def contact_lines(sheet: sheets.ContactSheet) -> tuple[str, ...]:
    """Return the lines by which a letter says how to reach its sender."""
    lines = [line.strip() for line in sheet.address.splitlines()]
    return tuple(line for line in (*lines, sheet.telephone, sheet.email, sheet.web) if line)


def acknowledges(group: model.Group | None) -> bool:
    """Return whether a receipt can be sent in the name of a service: it can be reached, and somebody reads for it."""
    return group is not None and not lacking(sheets.of(group)) and routing.is_reachable(group.id)


def desk() -> Sender:
    """Return the desk of the ministry, which acknowledges requests for services that cannot be reached."""
    sheet = config.desk()
    return Sender(sheet.full_name, contact_lines(sheet), complete=not desk_lacks())


def desk_lacks() -> list[str]:
    """Return the options that the desk of the ministry needs and that are empty."""
    sheet = config.desk()
    fields = ("full_name", *law.remedies()["receipt"]["needs"])
    return [config.DESK.format(field=config.DESK_FIELDS[name]) for name in fields if not getattr(sheet, name)]


def unready() -> list[Unready]:
    """Return the services in whose name no receipt can be sent, in alphabetical order."""
    silent = {group.id for group in routing.unreachable()}
    found = [Unready(group, group.id in silent, lacking(sheets.of(group))) for group in routing.services()]
    return [each for each in found if each.silent or each.lacking]


def unconfirmed() -> list[tuple[model.Group, dict[str, directory.Entry]]]:
    """Return the services for which the directory stands in, in alphabetical order, and its entries."""
    found = [(group, sheets.unconfirmed(group)) for group in routing.services()]
    return [(group, entries) for group, entries in found if entries]
