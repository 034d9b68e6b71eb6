"""Invitations to a service: expiry, e-mail, and sending again.

CKAN's own invitations never expire. Ours expire after two weeks; the e-mail gives the date, and a
late visitor gets a message that says what to do.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.common import _
from ckan.lib import mailer
from flask import Blueprint, has_request_context, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.core import accounts, journal
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates, language, mailing
from ckanext.ecosphere.shared.web_guard import rate_limits

KEY = "ecosphere_invitation"
"""Key in `plugin_extras` of the account."""
AREA = "invitation"
"""Area of the journal."""
GOOD_DAYS = 14
RATES = "1 per hour; 5 per day"
"""Limit of e-mails to one person."""
TOPIC = "user_invited"
PAGES = ("organization.member_new", "group.member_new")
"""Endpoints of CKAN's form of a new member."""

blueprint = Blueprint("ecosphere_invitations", __name__)


def notify_about_topic(already_notified: bool, topic: str, details: Row) -> bool:
    """Send our invitation in place of CKAN's, and say so on the page of the members.

    Raises:
        MailerException: the mail server refuses it.
    """
    if already_notified or topic != TOPIC:
        return already_notified
    address = details["user"].email
    last = send(details["user"], details["group"], details["role"])
    if has_request_context() and request.endpoint in PAGES:
        message = _(
            "{address} is invited, until {date}, and joins the list by choosing a password."
        )
        tk.h.flash_success(message.format(address=address, date=dates.day(last)))
    return True


def send(user: model.User, group: Row, role: str) -> date:
    """Send an invitation in the portal's language, and return its last day.

    It replaces the link of an earlier invitation, unless the mail server refuses the e-mail.

    Args:
        user: the pending account.
        group: `is_organization`, and `title` or `name`, of the organisation or group.
        role: `capacity` of the member.

    Raises:
        MailerException: the mail server refuses it.
    """
    user_id, key, last = user.id, mailer.make_key(), dates.today() + timedelta(days=GOOD_DAYS)
    title = tk.config["ckan.site_title"]
    with language.speaking(tk.config["ckan.locale_default"]):
        account = model.Session.get_one(model.User, user_id)
        variables = {
            "reset_link": tk.url_for("user.perform_reset", id=user_id, key=key, qualified=True),
            "site_title": title,
            "site_url": tk.config["ckan.site_url"],
            "user_name": account.name,
            "role_name": tk.h.roles_translated().get(role, role),
            "group_title": group.get("title") or group.get("name"),
            "until": dates.day(last),
        }
        subject = tk.render("emails/invite_user_subject.txt", {"site_title": title})
        mailer.mail_user(
            account, subject.strip().split("\n")[0], tk.render("emails/invite_user.txt", variables)
        )
    # `language.speaking` has closed the session, so the account must be loaded again.
    model.Session.get_one(model.User, user_id).reset_key = key
    model.Session.flush()
    accounts.keep_note(user_id, KEY, {"key": _digest(key), "until": last.isoformat()})
    return last


def invite_again(user_id: str, person: str) -> date:
    """Send the invitation of a pending account again, record it in the journal, and return its last
    day.

    Args:
        user_id: id or name of the invited account.
        person: id of the administrator.

    Raises:
        ObjectNotFound: there is no pending account of a service with this name.
        TooMany: the person has already received several.
        CountingUnavailable: Redis is down.
        MailerException: the mail server refuses it.
    """
    user, member, group = _waiting(user_id)
    id_, role = user.id, member.capacity
    rate_limits.hit("invitation", RATES, f"person:{id_}")
    service = {"is_organization": group.is_organization, "title": group.title, "name": group.name}
    try:
        last = send(user, service, role)
    except mailing.FAULTS:
        model.Session.rollback()
        rate_limits.clear("invitation", RATES, f"person:{id_}")
        raise
    journal.note(
        AREA,
        id_,
        None,
        {"service": service["title"] or service["name"], "until": last.isoformat()},
        person,
    )
    model.Session.commit()
    return last


def until(notes: Row | None) -> date | None:
    """Return the last day of an invitation from the notes of the account.

    None if it does not expire.
    """
    note = (notes or {}).get(KEY) or {}
    if note.get("until"):
        return date.fromisoformat(note["until"])
    return None


def is_over(user: model.User) -> bool:
    """Return whether the current reset link of an account belongs to an expired invitation."""
    note = (user.plugin_extras or {}).get(KEY) or {}
    last = until(user.plugin_extras)
    ours = bool(user.reset_key) and note.get("key") == _digest(user.reset_key or "")
    return user.state == model.State.PENDING and ours and last is not None and last < dates.today()


@blueprint.before_app_request
def check_invitation() -> Response | None:
    """Redirect from the password page to the log-in page if the invitation has expired."""
    if request.endpoint != "user.perform_reset":
        return None
    user = model.User.get((request.view_args or {}).get("id"))
    if (
        user is None
        or not is_over(user)
        or not mailer.verify_reset_link(user, request.args.get("key"))
    ):
        return None
    message = _(
        "This invitation was good until {date}. Administrators of the portal can send it again."
    )
    tk.h.flash_error(message.format(date=dates.day(until(user.plugin_extras))))
    return tk.redirect_to("user.login")


@blueprint.route("/ecosphere/admin/personnes/<id>/renvoyer", methods=["POST"])
def send_again(id: str) -> Response:
    """Send an invitation again; for sysadmins."""
    if not tk.current_user.is_authenticated:
        return tk.redirect_to("user.login", came_from=tk.url_for("ecosphere_console.people"))
    if not authz.is_sysadmin(tk.current_user.name):
        tk.abort(403, _("Only administrators of the portal may see this."))
    try:
        last = invite_again(id, tk.current_user.id)
    except tk.ObjectNotFound:
        tk.abort(404, _("Nobody who was invited and has not come has this name."))
    except rate_limits.TooMany as error:
        many = _("This invitation was sent a short time ago.")
        tk.h.flash_error(rate_limits.too_often(error, many))
    except rate_limits.CountingUnavailable:
        tk.h.flash_error(rate_limits.unavailable())
    except mailing.FAULTS:
        tk.h.flash_error(_("The mail server did not take the invitation. Try again later."))
    else:
        message = _("The invitation was sent again. It is good until {date}.")
        tk.h.flash_success(message.format(date=dates.day(last)))
    return tk.redirect_to("ecosphere_console.people", invited="1")


def _waiting(user_id: str) -> tuple[model.User, model.Member, model.Group]:
    user = model.User.get(user_id)
    if user is None or user.state != model.State.PENDING or not user.email:
        raise tk.ObjectNotFound()
    row = (
        model.Session.query(model.Member, model.Group)
        .join(model.Group, model.Group.id == model.Member.group_id)
        .filter(model.Member.table_name == "user", model.Member.table_id == user.id)
        .filter(model.Member.state == "active", model.Group.state == "active")
        .order_by(model.Group.is_organization.desc(), model.Group.title)
        .first()
    )
    if row is None:
        raise tk.ObjectNotFound()
    return user, *row


def _digest(key: str | None) -> str:
    return hashlib.sha256((key or "").encode()).hexdigest()
