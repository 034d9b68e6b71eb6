"""What each room shows on a person's dashboard (`/tableau-de-bord`): what waits for the person, one click away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.plugins.interfaces import Interface

MOST_LINES = 5
"""Lines of a card; its links lead to the rest."""
MOST_SERVICES = 10
"""Services of one person that are looked at, so that a dashboard costs the same on every portal."""
EDITING = ("admin", "editor")


@dataclass(frozen=True)
class Service:
    """An organisation that a person describes data for."""

    id: str
    name: str
    title: str


@dataclass(frozen=True)
class Person:
    """Whose dashboard it is.

    Attributes:
        id: of the account.
        name: of the account.
        sysadmin: whether the person administers the portal.
        services: organisations of which the person is editor or administrator, by title.
    """

    id: str
    name: str
    sysadmin: bool
    services: Sequence[Service]

    def ask(self, action: str, data: dict[str, Any] | None = None) -> Any:
        """Call an action with the person's own rights."""
        return tk.get_action(action)({"user": self.name, "auth_user_obj": model.User.get(self.id)}, data or {})


@dataclass(frozen=True)
class Link:
    """A way on.

    Attributes:
        label: what a person reads.
        url: where it leads, on this portal.
        icon: name of a symbol of the icon font.
        rank: place among others, the smallest first.
    """

    label: str
    url: str
    icon: str = "arrow-right"
    rank: int = 50


@dataclass(frozen=True)
class Line:
    """One thing that waits.

    Attributes:
        label: its title.
        url: where it is done.
        note: what is to be known of it, in a few words.
        urgent: whether it is late or broken.
    """

    label: str
    url: str
    note: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class Card:
    """Things of one kind.

    Attributes:
        key: identifies the card on the page.
        title: what they are.
        icon: name of a symbol of the icon font.
        count: how many there are, also those that are not among the lines.
        lines: the first of them, `MOST_LINES` at most.
        links: ways to the rest.
        rank: place on the page, the smallest first.
    """

    key: str
    title: str
    icon: str
    count: int
    lines: Sequence[Line]
    links: Sequence[Link] = ()
    rank: int = 50

    @property
    def urgent(self) -> bool:
        """Whether something in it is late or broken."""
        return any(line.urgent for line in self.lines)


class IEcosphereDashboard(Interface):
    """Take part in people's dashboards; implement with `inherit=True`."""

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Tell what waits for a person, with the person's rights; nothing that waits gives no card."""
        return []

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Name what the person can begin from there."""
        return []


def person_of(user: model.User) -> Person:
    """Say whose dashboard it is, with the services that the person describes data for."""
    group, member = model.Group, model.Member
    query = (
        sa.select(group.id, group.name, group.title)
        .join(member, member.group_id == group.id)
        .where(member.table_name == "user", member.table_id == user.id, member.state == "active")
        .where(member.capacity.in_(EDITING), group.state == "active", group.is_organization.is_(True))
        .order_by(group.title, group.name)
        .limit(MOST_SERVICES)
    )
    services = [Service(id_, name, title or name) for id_, name, title in model.Session.execute(query)]
    return Person(user.id, user.name, bool(user.sysadmin), services)
