"""Roles of a user for a request, and audiences of its notifications."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.desk import absences
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import SHOWN_SIGNAL, Follow, Request, Support
from ckanext.ecosphere.data_requests.notifications.mailboxes import Mailbox
from ckanext.ecosphere.shared import once

EDITING = ("editor", "admin")


@dataclass(frozen=True)
class Reader:
    """A user, or an anonymous visitor, who reads requests.

    Attributes:
        id, name: of the account, "" for an anonymous visitor.
        sysadmin: whether the user is a sysadmin.
        moderator: whether the user moderates requests.
        editor_of, admin_of: ids of the services of which the user is an editor (or more), an administrator.
    """

    id: str = ""
    name: str = ""
    sysadmin: bool = False
    moderator: bool = False
    editor_of: frozenset[str] = field(default_factory=frozenset)
    admin_of: frozenset[str] = field(default_factory=frozenset)

    def roles(self, request: Request) -> frozenset[str]:
        """Return the roles for a request: for a draft, the requester's only; for services, none before it is open."""
        found = set()
        if self.id and request.requester_id == self.id:
            found.add(states.REQUESTER)
        if request.submitted is not None and self.moderator:
            found.add(states.MODERATOR)
        if request.opened is not None:
            if self.sysadmin or request.organization_id in self.editor_of:
                found.add(states.EDITOR)
            if self.sysadmin or request.organization_id in self.admin_of:
                found.add(states.ADMIN)
        return frozenset(found)

    def may_read(self, request: Request) -> bool:
        """Return whether the request is visible to this user."""
        return request.listed or request.is_shown_signal or bool(self.roles(request))

    def condition(self) -> Any:
        """Return the SQL equivalent of `may_read`, a condition on rows of requests."""
        ways: list[sa.ColumnElement[bool]] = [Request.listed == sa.true(), SHOWN_SIGNAL]
        if self.id:
            ways.append(Request.requester_id == self.id)
        if self.moderator:
            ways.append(Request.submitted.is_not(None))
        if self.sysadmin:
            ways.append(Request.opened.is_not(None))
        elif self.editor_of:
            ways.append(sa.and_(Request.opened.is_not(None), Request.organization_id.in_(self.editor_of)))
        return sa.or_(*ways)

    def is_inside(self, request: Request) -> bool:
        """Return whether the user handles the request, as service or moderator, and so sees notes and the requester."""
        return bool(self.roles(request) - {states.REQUESTER})


NOBODY = Reader()


def reader_of(user: model.User | Mailbox | None) -> Reader:
    """Return a user with their roles, including those that cascade from parent organisations; read once per page."""
    if isinstance(user, Mailbox):
        return Reader(id=user.id, editor_of=frozenset({user.organization_id}))
    if user is None or user.state != model.State.ACTIVE:
        return NOBODY
    return once.for_page("reader", user.id, lambda: _read(user))


def _read(user: model.User) -> Reader:
    held: dict[str, set[str]] = {"editor": set(), "admin": set()}
    names: set[str] = set()
    cascading = authz.check_config_permission("roles_that_cascade_to_sub_groups") or ()
    for group, capacity in _memberships(user.id):
        if capacity not in held:
            continue
        reached = {group.id: group.name}
        if capacity in cascading:
            reached |= {row[0]: row[1] for row in group.get_children_group_hierarchy(type=group.type)}
        held[capacity].update(reached)
        names.update(reached.values())
    editor_of = held["editor"] | held["admin"]
    return Reader(
        id=user.id,
        name=user.name,
        sysadmin=bool(user.sysadmin),
        moderator=bool(user.sysadmin) or config.moderators() in names | editor_of,
        editor_of=frozenset(editor_of),
        admin_of=frozenset(held["admin"]),
    )


def reader_of_context(context: Any) -> Reader:
    """Return the reader for the context of an action."""
    user = context.get("auth_user_obj")
    if user is None or not isinstance(user, model.User):
        user = model.User.get(context["user"]) if context.get("user") else None
    return reader_of(user)


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
    if not organization_id:
        return set()
    of_service = (*_editing(capacities), model.Member.group_id == organization_id)
    return set(model.Session.scalars(sa.select(model.User.id).join(*_MEMBERSHIP).where(*of_service)))


def editing(organization_ids: Iterable[str | None]) -> set[tuple[str, str]]:
    """Return pairs (id of a service, id of an editor or administrator with an active account), in one query."""
    wanted = {each for each in organization_ids if each}
    if not wanted:
        return set()
    query = sa.select(model.Member.group_id, model.User.id).select_from(model.User).join(*_MEMBERSHIP)
    found = model.Session.execute(query.where(*_editing(EDITING), model.Member.group_id.in_(wanted)))
    return {(group, user) for group, user in found}


_MEMBERSHIP = (model.Member, model.Member.table_id == model.User.id)


def _editing(capacities: tuple[str, ...]) -> tuple[Any, ...]:
    """Return SQL conditions: an active membership in one of these roles, with an active account."""
    return (
        model.Member.table_name == "user",
        model.Member.state == model.State.ACTIVE,
        model.Member.capacity.in_(capacities),
        model.User.state == model.State.ACTIVE,
        # CKAN's site user is a member of every organisation that it created, but is not a person.
        model.User.name != str(tk.config["ckan.site_id"]),
    )


def colleagues_of(user_id: str) -> set[str]:
    """Return the ids of the editors and administrators of the services of a user, without that user."""
    services = [group.id for group, capacity in _memberships(user_id) if capacity in EDITING]
    return {each for group in services for each in editors_of(group)} - {user_id}


def with_editors() -> set[str]:
    """Return the ids of the services that have an editor or administrator with an active account."""
    query = sa.select(model.Member.group_id).select_from(model.User).join(*_MEMBERSHIP).where(*_editing(EDITING))
    return {each for each in model.Session.scalars(query.distinct()) if each}


def moderators() -> set[str]:
    """Return the ids of the moderators: editors of the moderating organisation, or else the sysadmins."""
    group = model.Group.get(config.moderators())
    found = editors_of(group.id if group else None)
    if found:
        return found
    site_user = str(tk.config["ckan.site_id"])
    query = sa.select(model.User.id).where(
        model.User.sysadmin.is_(True), model.User.state == model.State.ACTIVE, model.User.name != site_user
    )
    return set(model.Session.scalars(query))


def audience(name: str, request: Request, fields: dict[str, Any]) -> set[str]:
    """Return the ids of the users in an audience.

    Args:
        name: requester, service, former_service, moderators, followers, supporters, assignee, administrators or chief.
        request: as it is after the transition.
        fields: of the transition.
    """
    if name == states.REQUESTER:
        return {request.requester_id} if request.requester_id else set()
    if name == states.SERVICE:
        return editors_of(request.organization_id) if request.opened else set()
    if name == states.FORMER_SERVICE:
        return editors_of(fields.get("former_organization"))
    if name == states.MODERATORS:
        return moderators()
    if name in DESK:
        return DESK[name](request)
    table = Follow if name == states.FOLLOWERS else Support
    found = set(model.Session.scalars(sa.select(table.user_id).where(table.request_id == request.id)))
    return found if request.listed else {each for each in found if _still_reads(each, request)}


def _assignee(request: Request) -> set[str]:
    """Return the assignee or their stand-in; the whole service without an assignee, or when no one stands in."""
    colleagues = editors_of(request.organization_id)
    assigned = request.assigned_to
    if not assigned or assigned not in colleagues:
        return colleagues
    here = absences.stands_in(assigned, colleagues)
    return {here} if here not in absences.current([here]) else colleagues


def _administrators(request: Request) -> set[str]:
    """Return the administrators of a service (its editors when it has none), and those who stand in for absent ones."""
    colleagues = editors_of(request.organization_id)
    found = editors_of(request.organization_id, ("admin",)) or colleagues
    return found | {absences.stands_in(each, colleagues) for each in found}


def _chief(request: Request) -> set[str]:
    """Return no one when the contact sheet has a mailbox for late requests (`mailboxes`), else the moderators."""
    return set() if sheets.chief(request.organization_id) else moderators()


#: Audience within a service → function that returns the ids of its users.
DESK = {states.ASSIGNEE: _assignee, states.ADMINISTRATORS: _administrators, states.CHIEF: _chief}


def _still_reads(user_id: str, request: Request) -> bool:
    return reader_of(model.User.get(user_id)).may_read(request)


def active(user_ids: Iterable[str]) -> set[str]:
    """Return those of the users whose account is active."""
    query = sa.select(model.User.id).where(model.User.id.in_(list(user_ids)), model.User.state == model.State.ACTIVE)
    return set(model.Session.scalars(query))
