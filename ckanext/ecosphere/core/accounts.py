"""Accounts: what the suite keeps with them, and their closing by the owner (GDPR, article 17) or a
sysadmin.

The row of a closed account is kept, without personal data, since datasets and activities refer to
it by id. Rooms erase their data through `IEcosphereAccounts` before the account is closed, so that
a failure leaves an account whose closing can be tried again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.lib import uploader
from ckan.plugins.interfaces import Interface
from flask import Blueprint, Response, request
from sqlalchemy.orm import aliased
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core import pages
from ckanext.ecosphere.shared import locks, web_guard
from ckanext.ecosphere.shared.web_guard import csrf


def keep_note(user_id: str, key: str, record: Any) -> None:
    """Write or remove a key under a row lock: other code keeps keys beside it.

    Args:
        user_id: id of the account.
        key: key in `plugin_extras`.
        record: a JSON value; an empty one removes the key.
    """
    user = _locked(user_id)
    notes = {**(user.plugin_extras or {}), key: record}
    if not record:
        del notes[key]
    user.plugin_extras = notes
    model.Session.commit()


def _locked(user_id: str) -> Any:
    """Return an account as it is stored, locked until the end of the transaction."""
    query = model.Session.query(model.User).filter_by(id=user_id).populate_existing()
    return query.with_for_update().one()


LOCK = "accounts-closing"
LONGEST_WAIT = 5.0
"""Seconds to wait for another closing: serialised, so that the last two administrators cannot both
leave."""
NAME = "compte-ferme-"
FOLLOWS = (model.UserFollowingUser, model.UserFollowingDataset, model.UserFollowingGroup)


@dataclass
class Notice:
    """Sentences that explain what is erased and what is kept.

    Attributes:
        lost: what is erased.
        kept: what stays, without their name.
    """

    lost: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


class IEcosphereAccounts(Interface):
    """Take part in the closing of an account; implement with `inherit=True`."""

    def ecosphere_account_notice(self) -> Notice:
        """Return what becomes of this room's data about a person, in the language of the page."""
        return Notice()

    def ecosphere_forget_account(self, user: model.User) -> None:
        """Erase this room's data about a person; must be idempotent."""

    def ecosphere_has_other_log_in(self, user: model.User) -> bool:
        """Return whether the person may log in without a password,
        so that they may not have one.
        """
        return False


class Refused(Exception):
    """The account cannot be closed now.

    Attributes:
        sentences: the reasons, in the reader's language.
    """

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def notice() -> Notice:
    """Return what becomes of all data about a person."""
    more_notices = Notice(
        lost=[
            _("Name, e-mail address, description, picture, password and API tokens."),
            _("Roles in services, and what the account follows."),
        ],
        kept=[
            _(
                "The datasets described: they stay with their services, as do the contacts they "
                "name."
            )
        ],
    )
    for room in p.PluginImplementations(IEcosphereAccounts):
        more = room.ecosphere_account_notice()
        more_notices.lost += more.lost
        more_notices.kept += more.kept
    return more_notices


def needs_password(user: model.User) -> bool:
    """Return whether only the password confirms the closing.

    Otherwise the name of the account does, too.
    """
    return not any(
        room.ecosphere_has_other_log_in(user)
        for room in p.PluginImplementations(IEcosphereAccounts)
    )


def obstacles(user: model.User) -> list[str]:
    """Return the reasons why people cannot close their own account; empty if they can."""
    if _is_of_the_portal(user):
        return [_of_the_portal()]
    obstacles = []
    if _is_last_administrator(user):
        obstacles.append(_("You are the only administrator of the portal: name another one first."))
    if services := _left_alone(user):
        sentence = _(
            "You are the only administrator of: {services}. Name another one there first, or ask "
            "the administrators of the portal to."
        )
        obstacles.append(sentence.format(services=", ".join(services)))
    return obstacles


def obstacles_to_deletion(user: model.User) -> list[str]:
    """Return the reasons why a sysadmin cannot delete an account; empty if they can."""
    if _is_of_the_portal(user):
        return [_of_the_portal()]
    if _is_last_administrator(user):
        return [_("This is the only administrator of the portal: name another one first.")]
    return []


def warnings_of_deletion(user: model.User) -> list[str]:
    """Return what a sysadmin has to do after deleting an account."""
    services = _left_alone(user)
    if not services:
        return []
    sentence = _("Nobody will be an administrator of: {services}. Name somebody there.")
    return [sentence.format(services=", ".join(services))]


def _is_of_the_portal(user: model.User) -> bool:
    return user.name == tk.config["ckan.site_id"]


def _of_the_portal() -> str:
    return _("This is the account of the portal itself: it cannot be closed.")


def _is_last_administrator(user: model.User) -> bool:
    is_one = bool(user.sysadmin) and user.state == model.State.ACTIVE
    return is_one and not _others(model.User.sysadmin.is_(True), but=user)


def _others(*conditions: Any, but: model.User) -> bool:
    """Return whether another active account, except the site user's, meets the conditions."""
    others: Any = (
        model.User.state == model.State.ACTIVE,
        model.User.id != but.id,
        model.User.name != tk.config["ckan.site_id"],
    )
    return bool(model.Session.scalar(sa.select(sa.exists().where(*others, *conditions))))


def _left_alone(user: model.User) -> list[str]:
    """Return the titles of active services of which the user is the only administrator."""
    group, member = model.Group, model.Member
    of_person = (
        member.table_name == "user",
        member.table_id == user.id,
        member.capacity == "admin",
    )
    query = (
        sa.select(group.id, group.title, group.name)
        .join(member, member.group_id == group.id)
        .where(*of_person, member.state == model.State.ACTIVE)
        .where(group.state == model.State.ACTIVE, group.is_organization.is_(True))
        .order_by(group.title, group.name)
    )
    return [
        title or name
        for id_, title, name in model.Session.execute(query).all()
        if not _is_led(id_, but=user)
    ]


def _is_led(group_id: str, but: model.User) -> bool:
    member = aliased(model.Member)
    leads: Any = sa.exists().where(
        member.table_id == model.User.id,
        member.table_name == "user",
        member.group_id == group_id,
        member.capacity == "admin",
        member.state == model.State.ACTIVE,
    )
    return _others(leads, but=but)


def close_account(user_id: str) -> None:
    """Close an account for good: personal data is erased and nobody can log in to it.

    Raises:
        Refused: it cannot be closed; nothing is changed.
    """
    _close(user_id, obstacles)


def delete_account(user_id: str) -> None:
    """Close an account on behalf of a sysadmin, even if it is pending or was deleted by CKAN.

    Raises:
        Refused: it cannot be deleted; nothing is changed.
    """
    _close(user_id, obstacles_to_deletion)


def _close(user_id: str, obstacles_to: Callable[[model.User], list[str]]) -> None:
    with locks.alone(LOCK, LONGEST_WAIT) as is_alone:
        if not is_alone:
            raise Refused([_("Another account is being closed at the moment. Try again.")])
        user = model.User.get(user_id)
        if user is None or is_closed(user):
            return
        if sentences := obstacles_to(user):
            raise Refused(sentences)
        for room in p.PluginImplementations(IEcosphereAccounts):
            room.ecosphere_forget_account(user)
        _empty(user_id)


def is_closed(user: model.User) -> bool:
    """Return whether an account was closed and holds no personal data any more."""
    return user.state == model.State.DELETED and user.name.startswith(NAME)


def _empty(user_id: str) -> None:
    user = _locked(user_id)
    picture = user.image_url or ""
    for table, column in (
        *((table, "follower_id") for table in FOLLOWS),
        (model.ApiToken, "user_id"),
    ):
        model.Session.execute(sa.delete(table).where(getattr(table, column) == user_id))
    model.Session.execute(
        sa.delete(model.UserFollowingUser).where(model.UserFollowingUser.object_id == user_id)
    )
    for table, column in ((model.Member, "table_id"), (model.PackageMember, "user_id")):
        for role in model.Session.query(table).filter(getattr(table, column) == user_id):
            role.delete()
    user.name = f"{NAME}{secrets.token_hex(6)}"
    user.fullname = user.about = user.image_url = ""
    user.email = user.reset_key = user.apikey = user.last_active = None
    user.sysadmin = user.activity_streams_email_notifications = False
    user.plugin_extras = None
    user.password = secrets.token_urlsafe(48)  # ends all sessions
    user.delete()
    _forget_in_activities(user)
    model.Session.commit()
    _remove_picture(picture)


def _forget_in_activities(user: Any) -> None:
    """Replace the name of the user in activities of datasets."""
    if not p.plugin_loaded("activity"):
        return
    # CKAN stores U+0000 as JSON escapes it, and PostgreSQL refuses that as jsonb.
    statement = r"""
        WITH readable AS (
            SELECT id,
                CAST(regexp_replace(data, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') AS jsonb) AS data
            FROM activity WHERE user_id = :id
        )
        UPDATE activity
        SET data = (readable.data || jsonb_build_object('actor', CAST(:name AS text)))::text
        FROM readable WHERE activity.id = readable.id AND readable.data ? 'actor'
    """
    model.Session.execute(sa.text(statement), {"name": user.name, "id": user.id})


def _remove_picture(picture: str) -> None:
    """Remove an uploaded picture, unless another account uses the same file."""
    if not picture or PurePath(picture).name != picture:
        return
    if model.Session.scalar(sa.select(sa.exists().where(model.User.image_url == picture))):
        return
    upload: Any = uploader.get_uploader("user", picture)
    upload.clear = True
    upload.upload()


log = logging.getLogger(__name__)

CONFLICT = 409

blueprint = Blueprint("ecosphere_closing", __name__)
web_guard.protect(blueprint)


@blueprint.route("/compte/fermer", endpoint="close", methods=["GET", "POST"])
def close_page() -> AnyResponse:
    """Explain what closing the account means.

    On POST, with the password, close it and end the session.
    """
    if not tk.current_user.is_authenticated:
        here = tk.url_for(".close")
        return tk.redirect_to("user.login", came_from=here)  # pyright: ignore[reportReturnType]
    user = model.User.get(tk.current_user.id)  # pyright: ignore[reportArgumentType]
    if user is None:
        tk.abort(404, _("User not found"))
    refused = obstacles(user)
    if request.method == "GET":
        return _page(user, 200, refused)
    if refused:
        return _page(user, CONFLICT, refused)
    if not _confirms(user):
        return _page(user, pages.INVALID, wrong=True)
    user_id = user.id
    farewell = _logged_out()
    try:
        close_account(user_id)
    except Refused as error:
        for sentence in error.sentences:
            tk.h.flash_error(sentence)
    else:
        log.info("An account was closed by its person")
        tk.h.flash_success(_("Your account is closed, and what was to be erased is erased."))
    return farewell or tk.redirect_to("user.logged_out_page")


def _confirms(user: model.User) -> bool:
    """Return whether the form holds the password or, for those who may have none, the account name.

    The name is accepted only in a browser session: a stolen API token cannot close an account.
    """
    password, typed = (
        request.form.get("old_password", ""),
        request.form.get("account", "").strip().lower(),
    )
    if password and user.validate_password(password):
        return True
    by_name = csrf.by_cookie() and not needs_password(user)
    return by_name and secrets.compare_digest(typed.encode(), user.name.encode())


def _logged_out() -> Any:
    """Log out, also from the identity provider; return its redirect, if there is one."""
    for plugin in p.PluginImplementations(p.IAuthenticator):
        if farewell := plugin.logout():
            return farewell
    tk.logout_user()
    return None


def _page(
    user: model.User, status: int, refused: Sequence[str] = (), wrong: bool = False
) -> Response:
    return pages.rendered(
        "ecosphere_accounts/close.html",
        status,
        account=user.name,
        refused=refused,
        wrong=wrong,
        notice=notice(),
        needs_password=needs_password(user),
    )
