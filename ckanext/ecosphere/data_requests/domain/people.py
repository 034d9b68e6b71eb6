"""Users and services: display names, absences, roles for a request, and audiences of its
notifications.

Substitutes get what would reach an absent agent. Shared mailboxes of services get the same
notifications by e-mail as the people of the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import DataDict

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import SHOWN_SIGNAL, Absence, Follow, Request, Support
from ckanext.ecosphere.shared import authorization, once

EMAIL = re.compile(r"\S@\S")


# Display names.


@dataclass
class Names:
    """Users and services by id, each read in one query, for their display names."""

    users: dict[str, model.User] = field(default_factory=dict)
    groups: dict[str, model.Group] = field(default_factory=dict)

    @classmethod
    def of(cls, users: Iterable[str | None], groups: Iterable[str | None]) -> Names:
        """Read these users and services."""
        return cls(by_ids(model.User, users), by_ids(model.Group, groups))

    def group(self, group_id: str | None) -> dict[str, str] | None:
        """Return a service as {id, name, title}."""
        group = self.groups.get(group_id or "")
        return service_dict(group) if group else None

    def person(self, user_id: str | None) -> str:
        """Return the display name of a user, "" when the account no longer exists."""
        user = self.users.get(user_id or "")
        if user:
            return person_name(user)
        return ""


def person_name(user: model.User) -> str:
    """Return the full name of a user, or the account name where the full
    name contains an e-mail address.
    """
    if EMAIL.search(user.display_name):
        return user.name
    return user.display_name


def by_ids(table: Any, ids: Iterable[Any]) -> dict[Any, Any]:
    """Return the rows with these ids, by id."""
    keys = {key for key in ids if key}
    if not keys:
        return {}
    rows = model.Session.scalars(sa.select(table).where(table.id.in_(keys)))
    return {row.id: row for row in rows}


def service_dict(group: model.Group) -> dict[str, str]:
    """Return a service as {id, name, title}."""
    return {"id": group.id, "name": group.name, "title": group.display_name}


def active_service(key: Any) -> model.Group | None:
    """Return the active organisation with this name or id."""
    group = model.Group.get(str(key)) if key else None
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        return None
    return group


# Absences of agents, and who stands in for them.

#: Maximum number of successive substitutes, where a substitute is also absent.
LONGEST_CHAIN = 5
LONGEST_ABSENCE = timedelta(days=366)
#: Maximum time between today and the first day of an absence.
LONGEST_AHEAD = timedelta(days=731)
#: Maximum number of current and future absences of an agent.
MOST_ABSENCES = 20


def absences(user_ids: Iterable[str | None]) -> dict[str, Absence]:
    """Return the absences of users today, by id of the user."""
    ids = {user_id for user_id in user_ids if user_id}
    if not ids:
        return {}
    today = clock.today()
    query = sa.select(Absence).where(
        Absence.user_id.in_(ids), Absence.first <= today, Absence.last >= today
    )
    # If absences overlap, the one that ends last is kept.
    rows = model.Session.scalars(query.order_by(Absence.last))
    return {absence.user_id: absence for absence in rows}


def absences_of(user_ids: Iterable[str]) -> list[Absence]:
    """Return the current and future absences of users, by first day."""
    today = clock.today()
    query = sa.select(Absence).where(Absence.user_id.in_(list(user_ids)), Absence.last >= today)
    return list(model.Session.scalars(query.order_by(Absence.first, Absence.id)))


def stands_in(user_id: str, colleagues: set[str]) -> str:
    """Return who replaces a user today: the first substitute who is present, or the user
    themselves.

    Args:
        user_id: the user.
        colleagues: editors of the service; a substitute who has left it does not count.
    """
    tried = {user_id}
    agent = user_id
    for _step in range(LONGEST_CHAIN + 1):  # the user, then each substitute
        absence = absences([agent]).get(agent)
        if absence is None:
            return agent
        substitute = absence.substitute_id
        if not substitute or substitute in tried or substitute not in colleagues:
            break
        tried.add(substitute)
        agent = substitute
    return user_id


def forget_absences(user_id: str) -> None:
    """Delete the absences of a user, and the user as substitute in others, without committing."""
    model.Session.execute(
        sa.update(Absence).where(Absence.substitute_id == user_id).values(substitute_id=None)
    )
    model.Session.execute(sa.delete(Absence).where(Absence.user_id == user_id))


# Mailboxes of services.

#: Followed by the id of the service, replaces the id of a user in notifications to its mailbox.
MAILBOX_PREFIX = "service:"
#: The same for the mailbox to which late requests are escalated last.
CHIEF_PREFIX = "chief:"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox that replaces a user as recipient.

    Attributes:
        id: key in notifications; organization_id: the service.
        email, display_name: of the recipient.
    """

    id: str
    organization_id: str
    email: str
    display_name: str
    state: str = model.State.ACTIVE


def mailbox_of(key: str) -> Mailbox | None:
    """Return the mailbox of a notification, None for the id of a user or a
    mailbox that no longer exists.
    """
    if not is_mailbox(key):
        return None
    group = model.Session.get(model.Group, key.split(":", 1)[1])
    if group is None or group.state != model.State.ACTIVE:
        return None
    sheet = sheets.written(group)
    email = sheet.chief if key.startswith(CHIEF_PREFIX) else sheet.email
    if email:
        return Mailbox(key, group.id, email, group.display_name)
    return None


def is_mailbox(key: str) -> bool:
    """Return whether the recipient of a notification is a mailbox rather than a user."""
    return key.startswith((MAILBOX_PREFIX, CHIEF_PREFIX))


def mailbox_keys(audience: str, request: Request, fields: DataDict) -> list[str]:
    """Return the keys of the mailboxes of an audience."""
    if audience == states.CHIEF and sheets.chief(request.organization_id):
        return [f"{CHIEF_PREFIX}{request.organization_id}"]
    service = None
    if audience == states.FORMER_SERVICE:
        service = fields.get("former_organization")
    elif audience in (states.SERVICE, states.ASSIGNEE) and request.opened:
        service = request.organization_id
    if sheets.mailbox(service):
        return [f"{MAILBOX_PREFIX}{service}"]
    return []


# Roles of a user.

EDITING = ("editor", "admin")


@dataclass(frozen=True)
class Reader:
    """A user, or an anonymous visitor, who reads requests.

    Attributes:
        id, name: of the account, "" for an anonymous visitor.
        sysadmin: whether the user is a sysadmin.
        moderator: whether the user moderates requests.
        editor_of, admin_of: ids of the services of which the user is an editor (or more), an
            administrator.
    """

    id: str = ""
    name: str = ""
    sysadmin: bool = False
    moderator: bool = False
    editor_of: frozenset[str] = field(default_factory=frozenset)
    admin_of: frozenset[str] = field(default_factory=frozenset)

    def roles(self, request: Request) -> frozenset[str]:
        """Return the roles for a request: for a draft, the requester's only.

        For services, none before it is open.
        """
        roles = set()
        if self.id and request.requester_id == self.id:
            roles.add(states.REQUESTER)
        if request.submitted is not None and self.moderator:
            roles.add(states.MODERATOR)
        if request.opened is not None:
            if self.sysadmin or request.organization_id in self.editor_of:
                roles.add(states.EDITOR)
            if self.sysadmin or request.organization_id in self.admin_of:
                roles.add(states.ADMIN)
        return frozenset(roles)

    def may_read(self, request: Request) -> bool:
        """Return whether the request is visible to this user."""
        return request.listed or request.is_shown_signal or bool(self.roles(request))

    def condition(self) -> Any:
        """Return the SQL equivalent of `may_read`, a condition on rows of requests."""
        opened = Request.opened.is_not(None)
        ways: list[sa.ColumnElement[bool]] = [Request.listed == sa.true(), SHOWN_SIGNAL]
        if self.id:
            ways.append(Request.requester_id == self.id)
        if self.moderator:
            ways.append(Request.submitted.is_not(None))
        if self.sysadmin:
            ways.append(opened)
        elif self.editor_of:
            ways.append(sa.and_(opened, Request.organization_id.in_(self.editor_of)))
        return sa.or_(*ways)

    def is_inside(self, request: Request) -> bool:
        """Return whether the user handles the request, as service or moderator,
        and so sees notes and the requester.
        """
        return bool(self.roles(request) - {states.REQUESTER})


NOBODY = Reader()


def reader_of(user: model.User | Mailbox | None) -> Reader:
    """Return a user with their roles, including those that cascade from parent organisations.

    Read once per page.
    """
    if isinstance(user, Mailbox):
        return Reader(id=user.id, editor_of=frozenset({user.organization_id}))
    if user is None or user.state != model.State.ACTIVE:
        return NOBODY
    return once.for_page("reader", user.id, lambda: _read(user))


def _read(user: model.User) -> Reader:
    editor_of: dict[str, str] = {}
    admin_of: dict[str, str] = {}
    cascading = authz.check_config_permission("roles_that_cascade_to_sub_groups") or ()
    for group, capacity in _memberships(user.id):
        reached = {group.id: group.name}
        if capacity in cascading:
            below = group.get_children_group_hierarchy(type=group.type)
            reached |= {row[0]: row[1] for row in below}
        if capacity in EDITING:
            editor_of |= reached
        if capacity == "admin":
            admin_of |= reached
    moderating = {*editor_of.keys(), *editor_of.values()}
    return Reader(
        id=user.id,
        name=user.name,
        sysadmin=bool(user.sysadmin),
        moderator=bool(user.sysadmin) or config.moderators() in moderating,
        editor_of=frozenset(editor_of),
        admin_of=frozenset(admin_of),
    )


def reader_of_id(user_id: str | None) -> Reader:
    """Return the user with this id, an anonymous visitor without one."""
    if not user_id:
        return NOBODY
    return reader_of(model.User.get(user_id))


def reader_of_context(context: Any) -> Reader:
    """Return the reader for the context of an action."""
    return reader_of(authorization.person(context))


def may_read_dataset(package: model.Package, reader: Reader) -> bool:
    """Return whether a user may read a dataset."""
    if package.state != model.State.ACTIVE:
        return False
    if not package.private or reader.sysadmin:
        return True
    user = model.User.get(reader.id) if reader.id else None
    context: Any = {"user": reader.name, "auth_user_obj": user}
    return authz.is_authorized_boolean("package_show", context, {"id": package.id})


def _memberships(user_id: str) -> Iterable[Any]:
    query = (
        sa.select(model.Group, model.Member.capacity)
        .join(model.Member, model.Member.group_id == model.Group.id)
        .where(
            model.Member.table_name == "user",
            model.Member.table_id == user_id,
            model.Member.state == model.State.ACTIVE,
            model.Group.state == model.State.ACTIVE,
            model.Group.is_organization.is_(True),
        )
    )
    return model.Session.execute(query).all()


def is_member_of_a_service(user_id: str) -> bool:
    """Return whether a user is an editor or administrator of a service."""
    return any(capacity in EDITING for _group, capacity in _memberships(user_id))


def editors_of(organization_id: str | None, capacities: tuple[str, ...] = EDITING) -> set[str]:
    """Return the ids of the editors and administrators of a service with an active account."""
    return {user_id for _service, user_id in editing([organization_id], capacities)}


def editing(
    organization_ids: Iterable[str | None], capacities: tuple[str, ...] = EDITING
) -> set[tuple[str, str]]:
    """Return pairs (id of a service, id of an editor or administrator with an active account),
    in one query.
    """
    ids = {organization_id for organization_id in organization_ids if organization_id}
    if not ids:
        return set()
    query = _editing(capacities).where(model.Member.group_id.in_(ids))
    return set(model.Session.execute(query).tuples())


def _editing(capacities: tuple[str, ...]) -> Any:
    """Return the query of services and users: an active membership in one of these roles,
    with an active account.
    """
    member = model.Member
    query = sa.select(member.group_id, model.User.id)
    return query.join_from(member, model.User, member.table_id == model.User.id).where(
        member.table_name == "user",
        member.state == model.State.ACTIVE,
        member.capacity.in_(capacities),
        model.User.state == model.State.ACTIVE,
        # CKAN's site user is a member of every organisation that it created, but is not a person.
        model.User.name != str(tk.config["ckan.site_id"]),
    )


def colleagues_of(user_id: str) -> set[str]:
    """Return the ids of the editors and administrators of the services of a user,
    without that user.
    """
    services = [group.id for group, capacity in _memberships(user_id) if capacity in EDITING]
    return {colleague for _service, colleague in editing(services)} - {user_id}


def with_editors() -> set[str]:
    """Return the ids of the services that have an editor or
    administrator with an active account.
    """
    return {group_id for group_id, _user in model.Session.execute(_editing(EDITING)) if group_id}


def moderators() -> set[str]:
    """Return the ids of the moderators: editors of the moderating organisation,
    or else the sysadmins.
    """
    group = model.Group.get(config.moderators())
    editors = editors_of(group.id) if group else set()
    if editors:
        return editors
    query = sa.select(model.User.id).where(
        model.User.sysadmin.is_(True),
        model.User.state == model.State.ACTIVE,
        model.User.name != str(tk.config["ckan.site_id"]),
    )
    return set(model.Session.scalars(query))


# Audiences of notifications.


def audience(name: str, request: Request, fields: DataDict) -> set[str]:
    """Return the ids of the users in an audience.

    Args:
        name: requester, service, former_service, moderators, followers, supporters, assignee,
            administrators or chief.
        request: as it is after the transition.
        fields: of the transition.
    """
    if name in OF_REQUEST:
        return OF_REQUEST[name](request)
    if name == states.FORMER_SERVICE:
        return editors_of(fields.get("former_organization"))
    table = Follow if name == states.FOLLOWERS else Support
    query = sa.select(table.user_id).where(table.request_id == request.id)
    watchers = set(model.Session.scalars(query))
    if request.listed:
        return watchers
    return {user_id for user_id in watchers if reader_of_id(user_id).may_read(request)}


def _requester(request: Request) -> set[str]:
    if request.requester_id:
        return {request.requester_id}
    return set()


def _service(request: Request) -> set[str]:
    if request.opened:
        return editors_of(request.organization_id)
    return set()


def _assignee(request: Request) -> set[str]:
    """Return the assignee or their stand-in.

    The whole service without an assignee, or when no one stands in.
    """
    colleagues = editors_of(request.organization_id)
    assigned = request.assigned_to
    if not assigned or assigned not in colleagues:
        return colleagues
    agent = stands_in(assigned, colleagues)
    if agent in absences([agent]):
        return colleagues
    return {agent}


def _administrators(request: Request) -> set[str]:
    """Return the administrators of a service (its editors when it has none),
    and those who stand in for absent ones.
    """
    colleagues = editors_of(request.organization_id)
    heads = editors_of(request.organization_id, ("admin",)) or colleagues
    return heads | {stands_in(user_id, colleagues) for user_id in heads}


def _chief(request: Request) -> set[str]:
    """Return no one when the contact sheet has a mailbox for late requests (`mailbox_keys`),
    else the moderators.
    """
    if sheets.chief(request.organization_id):
        return set()
    return moderators()


#: Audience → function of the request that returns the ids of its users.
OF_REQUEST = {
    states.REQUESTER: _requester,
    states.SERVICE: _service,
    states.MODERATORS: lambda request: moderators(),
    states.ASSIGNEE: _assignee,
    states.ADMINISTRATORS: _administrators,
    states.CHIEF: _chief,
}


def active(user_ids: Iterable[str]) -> set[str]:
    """Return those of the users whose account is active."""
    query = sa.select(model.User.id).where(
        model.User.id.in_(list(user_ids)), model.User.state == model.State.ACTIVE
    )
    return set(model.Session.scalars(query))
