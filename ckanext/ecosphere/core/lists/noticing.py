"""SQLAlchemy listeners that record changes of roles and portal settings in the journal.

They watch the tables of members, accounts and settings, so that no way of changing them is missed.
"""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.model.system_info import SystemInfo
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import attributes

from ckanext.ecosphere.core.lists import journal

log = logging.getLogger(__name__)

_KEPT = ("ckan.config_update", "ecosphere.")
"""Keys of the same table that are not settings: the time of the last change, and internal data of the portal."""


def listen() -> None:
    """Register the listeners."""
    written = ("after_insert", "after_update")
    for mapped, moment, seen in (
        *((model.Member, moment, _member) for moment in written),
        (model.Member, "after_delete", _member_gone),
        *((model.User, moment, _account) for moment in written),
        *((SystemInfo, moment, _setting) for moment in written),
        (SystemInfo, "after_delete", _setting_gone),
    ):
        if not event.contains(mapped, moment, seen):
            event.listen(mapped, moment, seen)


def _member(_mapper: Any, connection: Any, member: Any) -> None:
    before = _role(_before(member, "capacity"), _before(member, "state"))
    _noted(connection, member, before, _role(member.capacity, member.state))


def _member_gone(_mapper: Any, connection: Any, member: Any) -> None:
    _noted(connection, member, _role(member.capacity, member.state), None)


def _noted(connection: Any, member: Any, before: Any, after: Any) -> None:
    if member.table_name == "user" and before != after:
        kind = connection.scalar(sa.select(model.Group.is_organization).where(model.Group.id == member.group_id))
        area = "role:organization" if kind else "role:group"
        _insert(connection, area, f"{member.group_id}/{member.table_id}", before, after)


def _account(_mapper: Any, connection: Any, user: Any) -> None:
    before, after = bool(_before(user, "sysadmin")), bool(user.sysadmin)
    if before != after:
        role = {"role": "sysadmin"}
        _insert(connection, "sysadmin", user.id, role if before else None, role if after else None)


def _setting(_mapper: Any, connection: Any, setting: Any) -> None:
    _set(connection, setting.key, _before(setting, "value"), setting.value)


def _setting_gone(_mapper: Any, connection: Any, setting: Any) -> None:
    _set(connection, setting.key, setting.value, None)


def _set(connection: Any, key: str, before: Any, after: Any) -> None:
    if not str(key).startswith(_KEPT) and (before or "") != (after or ""):
        old, new = ({"value": journal.shortened(value)} for value in (before, after))
        _insert(connection, "setting", str(key), old, new)


def _before(thing: Any, name: str) -> Any:
    """Return the replaced value; the current one if unchanged, None for a new row."""
    history = attributes.get_history(thing, name)
    if history.deleted:
        return history.deleted[0]
    return history.unchanged[0] if history.unchanged else None


def _role(capacity: Any, state: Any) -> dict[str, str] | None:
    return {"role": str(capacity)} if capacity and state == "active" else None


def _insert(connection: Any, area: str, key: str, before: Any, after: Any) -> None:
    if not p.plugin_loaded("ecosphere"):
        return
    try:
        with connection.begin_nested():
            journal.insert(connection, area, key, before=before, after=after, person=_person())
    except SQLAlchemyError as error:  # the journal's table may not exist yet; this must not block the change
        log.warning("A role is not in the journal: %s", error)


def _person() -> str | None:
    """Return the id of the account that makes the change, None for a command."""
    try:
        return tk.current_user.id if tk.current_user.is_authenticated else None
    except (RuntimeError, AttributeError):
        return None
