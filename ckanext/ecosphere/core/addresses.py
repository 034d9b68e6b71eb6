"""Confirmation of the e-mail addresses of accounts.

A person who registers or changes their address gets an e-mail with a link that confirms it. The
account then keeps a digest of the address, so that an address changed later is unconfirmed. An
unconfirmed address blocks nothing: the dashboard shows a reminder.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib import jobs
from ckan.types import DataDict
from flask import Blueprint, g, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.shared import language, mailing
from ckanext.ecosphere.shared.mailing import labelled, subject
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)


# --- confirmed addresses --------------------------------------------------------------------------

#: Key of the digest in `plugin_extras`.
KEY = "ecosphere_confirmed_address"
#: Purpose for which tokens are signed: those signed for another one are not accepted.
PURPOSE = "ecosphere-confirm-address"
#: Seconds for which links are valid: a week, as the e-mail says.
GOOD_SECONDS = 7 * 24 * 3600


def digest(email: str) -> str:
    """Return the digest of an address, for places where the address itself must not be stored."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def note(email: str) -> dict[str, str]:
    """Return the entry for `plugin_extras` that marks an address as confirmed."""
    return {KEY: digest(email)}


def is_confirmed(user: Any) -> bool:
    """Return whether the current address of an account is confirmed."""
    return bool(user.email) and (user.plugin_extras or {}).get(KEY) == digest(user.email)


def may_be_somebody_elses(user: Any) -> bool:
    """Return whether the address of an account is unconfirmed, so may belong to somebody else.

    E-mails to such an address contain no text written by the owner of the account. Without the base
    plugin, which sends the confirmations, the result is always False.
    """
    return p.plugin_loaded("ecosphere") and not is_confirmed(user)


def mark_confirmed(user: model.User) -> None:
    """Mark the current address of an account as confirmed."""
    accounts.keep_note(user.id, KEY, digest(user.email or ""))


def token_of(user: model.User) -> str:
    """Return the token of a link that confirms the current address of an account, and no other."""
    return mailing.sign(PURPOSE, [user.id, digest(user.email or "")])


def account_of(token: str) -> model.User | None:
    """Return the account of a token; None if it is invalid, expired, or of an earlier address."""
    signed = mailing.read(PURPOSE, token, GOOD_SECONDS)
    if not (isinstance(signed, list) and len(signed) == 2):  # noqa: PLR2004
        return None
    user_id, signed_digest = signed
    user = model.User.get(str(user_id))
    if user is None or user.state != model.State.ACTIVE or not user.email:
        return None
    if digest(user.email) == signed_digest:
        return user
    return None


# --- the e-mail -----------------------------------------------------------------------------------

#: Name of the counter of e-mails.
COUNTER = "confirm-address"
#: Limits per account and per e-mail address.
RATES = "3 per hour; 10 per day"
#: Limits per network address, which a whole office may share.
NETWORK_RATES = "30 per hour; 100 per day"


@dataclass(frozen=True)
class Letter:
    """The contents of an e-mail before formatting.

    Attributes:
        lines: paragraphs.
        button: label and URL of the call to action.
    """

    subject: str
    greeting: str
    lines: list[str]
    button: tuple[str, str]
    closing: str


def ask(user: model.User) -> None:
    """Queue the e-mail with a confirmation link to the current address of an account.

    Raises:
        TooMany: a rate limit is exceeded.
        CountingUnavailable: Redis is down.
    """
    network = rate_limits.network(request.remote_addr)
    rate_limits.hit(COUNTER, NETWORK_RATES, f"address:{network}")
    rate_limits.hit(COUNTER, RATES, f"person:{user.id}")
    rate_limits.hit(COUNTER, RATES, f"email:{digest(user.email or '')}")
    enqueue_once(
        send,
        [user.id, language.current()],
        job_id=f"ecosphere-confirm-address-{user.id}",
        title="Accounts: confirm an address",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )


def send(user_id: str, lang: str) -> bool:
    """Send the e-mail, unless it has become needless; return whether it was sent. A job.

    It is not retried if the mail server refuses it: the dashboard offers to send another one.
    """
    with language.speaking(lang):
        user = model.User.get(user_id)
        if user is None or user.state != model.State.ACTIVE or not user.email or is_confirmed(user):
            return False
        mail = _mail(user)
        try:
            mailing.hand_over(**mail)
        except mailing.FAULTS as error:
            log.warning("The e-mail that confirms an address could not be sent: %s", error)
            return False
    return True


def _mail(user: model.User) -> DataDict:
    """Return the e-mail: recipient, subject, headers, and both forms of its body."""
    letter = _letter(user)
    _label, url = letter.button
    # Each link has a Message-ID of its own: mail programs that hide duplicates must show a new one.
    message_id = mailing.message_id("address", url)
    return {
        "headers": {**mailing.AUTOMATIC, "Message-ID": message_id},
        "recipient_name": user.name,  # unlike a full name, it cannot carry a message
        "recipient_email": user.email,
        "subject": letter.subject,
        "body": tk.render("emails/ecosphere_address.txt", {"letter": letter, "labelled": labelled}),
        "body_html": tk.render("emails/ecosphere_address.html", {"letter": letter}),
    }


def _letter(user: model.User) -> Letter:
    """Return the contents of the e-mail.

    The name of the account is the only text in it that comes from the person who registered.
    """
    url = tk.h.url_for(
        "ecosphere_addresses.confirm",
        token=token_of(user),
        qualified=True,
        locale=language.current(),
    )
    title = tk.config["ckan.site_title"]
    return Letter(
        subject=subject(_("Confirm your e-mail address")),
        greeting=_("Hello,"),
        lines=[
            _(
                "Somebody, probably you, gave this address for the account “{account}” on the "
                "portal “{title}”."
            ).format(account=user.name, title=title),
            _(
                "Confirm that the address is yours on the following page. The link is good for a "
                "week."
            ),
        ],
        button=(_("Confirm my address"), url),
        closing=_("If it was not you, do nothing: the address stays unconfirmed."),
    )


# --- pages ----------------------------------------------------------------------------------------

DASHBOARD = "ecosphere_dashboard.home"
#: Endpoints of CKAN whose form takes an address.
FORMS = ("user.register", "user.edit")

blueprint = Blueprint("ecosphere_addresses", __name__)


@blueprint.before_app_request
def remember_address() -> None:
    """Remember the current address of a person who may be about to change it."""
    is_edited = request.method == "POST" and request.endpoint == "user.edit"
    if is_edited and tk.current_user.is_authenticated:
        account: Any = tk.current_user
        g.ecosphere_address_before = (account.email or "").lower()


@blueprint.after_app_request
def ask_for_new_address(response: AnyResponse) -> AnyResponse:
    """Send the e-mail after a registration or a change of address."""
    if request.method != "POST" or request.endpoint not in FORMS:
        return response
    if not response.location:
        return response  # CKAN redirects once a form is valid
    try:
        _ask_if_new()
    except rate_limits.TooMany:
        log.info("Too many e-mails were asked for to confirm an address")
    except rate_limits.CountingUnavailable:
        log.warning("No e-mail asks to confirm an address: nothing can be counted now")
    return response


def _ask_if_new() -> None:
    """Send the e-mail to the current user, if the form gave their own account another address.

    For accounts that an administrator creates or changes, the reminder on the dashboard is enough.
    """
    user = unconfirmed()
    if user is None:
        return
    address = (user.email or "").lower()
    typed = request.form.get("email", "").strip().lower()
    # The form of another account types an address that is not the user's own.
    if address != typed or address == g.get("ecosphere_address_before"):
        return
    ask(user)
    if request.endpoint == "user.edit":
        sentence = _("An e-mail is on its way to {email}: follow its link to confirm the address.")
        tk.h.flash_notice(sentence.format(email=user.email))


def unconfirmed() -> model.User | None:
    """Return the current user, if their address is unconfirmed and e-mail is configured."""
    if not (tk.current_user.is_authenticated and mailing.is_configured()):
        return None
    user = model.User.get(tk.current_user.id)  # pyright: ignore[reportArgumentType]
    if user is not None and user.email and not is_confirmed(user):
        return user
    return None


@blueprint.route("/compte/adresse/renvoyer", methods=["POST"])
def again() -> AnyResponse:
    """Send the e-mail again to the current user."""
    if not tk.current_user.is_authenticated:
        dashboard = tk.url_for(DASHBOARD)
        return tk.redirect_to("user.login", came_from=dashboard)  # pyright: ignore
    user = unconfirmed()
    if user is None:
        return tk.redirect_to(DASHBOARD)  # pyright: ignore[reportReturnType]
    try:
        ask(user)
    except rate_limits.TooMany as error:
        advice = _("Several e-mails were sent to you already: look among unwanted messages, too.")
        tk.h.flash_error(rate_limits.too_often(error, advice))
    except rate_limits.CountingUnavailable:
        tk.h.flash_error(rate_limits.unavailable())
    else:
        tk.h.flash_success(
            _("An e-mail is on its way to you. Follow its link to confirm your address.")
        )
    return tk.redirect_to(DASHBOARD)  # pyright: ignore[reportReturnType]


@blueprint.route("/compte/adresse/confirmer/<token>", methods=["GET", "POST"])
def confirm(token: str) -> AnyResponse:
    """Show what is to be confirmed; on POST, confirm it.

    Opening the link is not enough, since some programs follow the links of e-mails. The token is
    the authorisation: whoever has it reads the mailbox of the address.
    """
    user = account_of(token)
    if user is None:
        sentence = _(
            "This link is too old or not complete. Log in and ask for a new e-mail on your "
            "dashboard."
        )
        tk.abort(404, sentence)
    variables = {
        "token": token,
        "account": user.name,
        "email": user.email,
        "done": request.method == "POST",
    }
    if request.method == "POST":
        mark_confirmed(user)
    response = make_response(tk.render("ecosphere_addresses/confirm.html", variables))
    response.cache_control.no_store = True  # its URL grants a right
    return response
