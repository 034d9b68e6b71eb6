"""Accounts: the notes that the suite keeps with them, and how one is closed for good.

Owners close their own account (GDPR, article 17), sysadmins delete those of others. The row of a
closed account is kept, without personal data, since datasets and activities refer to it by id.
Rooms erase their data through `IEcosphereAccounts` before the account is closed: if one fails, the
account still exists, and the closing can be tried again.
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

log = logging.getLogger(__name__)


# --- notes ----------------------------------------------------------------------------------------


def keep_note(user_id: str, key: str, record: Any) -> None:
    """Write or remove a key of `plugin_extras`, under a row lock for the sake of its other keys.

    Args:
        user_id: id of the account.
        key: the key.
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


# --- what rooms contribute ------------------------------------------------------------------------


@dataclass
class Notice:
    """Sentences that explain to a person what becomes of their data.

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
        """Return whether the person can log in without a password, and so may have none."""
        return False


def notice() -> Notice:
    """Return what becomes of all data about a person."""
    result = Notice(
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
        of_room = room.ecosphere_account_notice()
        result.lost += of_room.lost
        result.kept += of_room.kept
    return result


def needs_password(user: model.User) -> bool:
    """Return whether the closing is confirmed by the password only.

    Otherwise the name of the account confirms it as well.
    """
    return not any(
        room.ecosphere_has_other_log_in(user)
        for room in p.PluginImplementations(IEcosphereAccounts)
    )


# --- who cannot leave -----------------------------------------------------------------------------


def obstacles(user: model.User) -> list[str]:
    """Return the reasons why people cannot close their own account; empty if they can."""
    if _is_site_user(user):
        return [_why_not_site_user()]
    sentences = []
    if _is_last_sysadmin(user):
        sentences.append(_("You are the only administrator of the portal: name another one first."))
    if services := _services_led_alone(user):
        sentence = _(
            "You are the only administrator of: {services}. Name another one there first, or ask "
            "the administrators of the portal to."
        )
        sentences.append(sentence.format(services=", ".join(services)))
    return sentences


def obstacles_to_deletion(user: model.User) -> list[str]:
    """Return the reasons why a sysadmin cannot delete an account; empty if they can."""
    if _is_site_user(user):
        return [_why_not_site_user()]
    if _is_last_sysadmin(user):
        return [_("This is the only administrator of the portal: name another one first.")]
    return []


def warnings_of_deletion(user: model.User) -> list[str]:
    """Return what a sysadmin has to do after deleting an account; empty for nothing."""
    services = _services_led_alone(user)
    if not services:
        return []
    sentence = _("Nobody will be an administrator of: {services}. Name somebody there.")
    return [sentence.format(services=", ".join(services))]


def _is_site_user(user: model.User) -> bool:
    return user.name == tk.config["ckan.site_id"]


def _why_not_site_user() -> str:
    return _("This is the account of the portal itself: it cannot be closed.")


def _is_last_sysadmin(user: model.User) -> bool:
    is_sysadmin = bool(user.sysadmin) and user.state == model.State.ACTIVE
    return is_sysadmin and not _others_exist(model.User.sysadmin.is_(True), but=user)


def _others_exist(*conditions: Any, but: model.User) -> bool:
    """Return whether an active account other than a user's and the site user's meets conditions."""
    others: Any = (
        model.User.state == model.State.ACTIVE,
        model.User.id != but.id,
        model.User.name != tk.config["ckan.site_id"],
    )
    return bool(model.Session.scalar(sa.select(sa.exists().where(*others, *conditions))))


def _services_led_alone(user: model.User) -> list[str]:
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
        if not _has_other_administrator(id_, but=user)
    ]


def _has_other_administrator(group_id: str, but: model.User) -> bool:
    member = aliased(model.Member)
    is_administrator: Any = sa.exists().where(
        member.table_id == model.User.id,
        member.table_name == "user",
        member.group_id == group_id,
        member.capacity == "admin",
        member.state == model.State.ACTIVE,
    )
    return _others_exist(is_administrator, but=but)


# --- closing --------------------------------------------------------------------------------------

LOCK = "accounts-closing"
"""One account is closed at a time, so that the last two administrators cannot both leave."""
LONGEST_WAIT = 5.0
"""Seconds to wait while another account is closed."""
NAME = "compte-ferme-"
"""Beginning of the name of a closed account."""
FOLLOWS = (model.UserFollowingUser, model.UserFollowingDataset, model.UserFollowingGroup)
"""Tables of what accounts follow."""


class Refused(Exception):
    """The account cannot be closed now.

    Attributes:
        sentences: the reasons, in the reader's language.
    """

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def close_account(user_id: str) -> None:
    """Close an account for good: erase its personal data, and let nobody log in to it.

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


def _close(user_id: str, obstacles_of: Callable[[model.User], list[str]]) -> None:
    """Close an account unless it has obstacles; a closed one is left as it is."""
    with locks.alone(LOCK, LONGEST_WAIT) as is_alone:
        if not is_alone:
            raise Refused([_("Another account is being closed at the moment. Try again.")])
        user = model.User.get(user_id)
        if user is None or is_closed(user):
            return
        if sentences := obstacles_of(user):
            raise Refused(sentences)
        for room in p.PluginImplementations(IEcosphereAccounts):
            room.ecosphere_forget_account(user)
        _erase(user_id)


def is_closed(user: model.User) -> bool:
    """Return whether an account was closed and holds no personal data any more."""
    return user.state == model.State.DELETED and user.name.startswith(NAME)


def _erase(user_id: str) -> None:
    """Delete an account with its roles and tokens, and erase the personal data that CKAN stores."""
    user = _locked(user_id)
    picture = user.image_url or ""
    columns: list[Any] = [table.follower_id for table in FOLLOWS]
    columns += [model.UserFollowingUser.object_id, model.ApiToken.user_id]
    for column in columns:
        model.Session.execute(sa.delete(column.class_).where(column == user_id))
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
    """Replace the name of the user in their activities (`actor`) by that of the closed account."""
    if not p.plugin_loaded("activity"):
        return
    # Without U+0000, which CKAN stores as JSON escapes it, and PostgreSQL refuses in jsonb.
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
        return  # none, or the URL of one elsewhere
    if model.Session.scalar(sa.select(sa.exists().where(model.User.image_url == picture))):
        return
    upload: Any = uploader.get_uploader("user", picture)
    upload.clear = True
    upload.upload()


# --- the page -------------------------------------------------------------------------------------

#: Status of the page if the account cannot be closed now.
CONFLICT = 409

blueprint = Blueprint("ecosphere_closing", __name__)
web_guard.protect(blueprint)


@blueprint.route("/compte/fermer", endpoint="close", methods=["GET", "POST"])
def close_page() -> AnyResponse:
    """Explain what closing the account means; on POST, with the password, close it and log out."""
    if not tk.current_user.is_authenticated:
        here = tk.url_for(".close")
        return tk.redirect_to("user.login", came_from=here)  # pyright: ignore[reportReturnType]
    user = model.User.get(tk.current_user.id)  # pyright: ignore[reportArgumentType]
    if user is None:
        tk.abort(404, _("User not found"))
    reasons = obstacles(user)
    if request.method == "GET":
        return _page(user, 200, reasons)
    if reasons:
        return _page(user, CONFLICT, reasons)
    if not _is_confirmed(user):
        return _page(user, pages.INVALID, wrong=True)
    user_id = user.id
    farewell = _log_out()
    try:
        close_account(user_id)
    except Refused as error:
        for sentence in error.sentences:
            tk.h.flash_error(sentence)
    else:
        log.info("An account was closed by its person")
        tk.h.flash_success(_("Your account is closed, and what was to be erased is erased."))
    return farewell or tk.redirect_to("user.logged_out_page")


def _is_confirmed(user: model.User) -> bool:
    """Return whether the form has the password or, for those who may have none, the account name.

    The name is accepted only in a browser session: a stolen API token cannot close an account.
    """
    password = request.form.get("old_password", "")
    if password and user.validate_password(password):
        return True
    name = request.form.get("account", "").strip().lower()
    is_name_enough = csrf.by_cookie() and not needs_password(user)
    return is_name_enough and secrets.compare_digest(name.encode(), user.name.encode())


def _log_out() -> Any:
    """Log out, also from the identity provider; return the redirect to it, if there is one."""
    for plugin in p.PluginImplementations(p.IAuthenticator):
        if farewell := plugin.logout():
            return farewell
    tk.logout_user()
    return None


def _page(
    user: model.User, status: int, reasons: Sequence[str] = (), wrong: bool = False
) -> Response:
    """Return the page.

    Args:
        reasons: why the account cannot be closed.
        wrong: whether what confirms the closing was wrong.
    """
    return pages.rendered(
        "ecosphere_accounts/close.html",
        status,
        account=user.name,
        refused=reasons,
        wrong=wrong,
        notice=notice(),
        needs_password=needs_password(user),
    )
