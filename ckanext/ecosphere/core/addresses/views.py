"""Pages that confirm the address of an account, and hooks that send the e-mail when an address is given."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Blueprint, Response, g, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.addresses import confirmed, mails
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)

DASHBOARD = "ecosphere_dashboard.home"
#: Pages of CKAN whose form takes an address.
GIVEN = ("user.register", "user.edit")

blueprint = Blueprint("ecosphere_addresses", __name__)


@blueprint.before_app_request
def remember_address() -> None:
    """Store a person's current address before they change it."""
    if request.method == "POST" and request.endpoint == "user.edit" and tk.current_user.is_authenticated:
        g.ecosphere_address_before = (tk.current_user.email or "").lower()  # pyright: ignore[reportAttributeAccessIssue]


@blueprint.after_app_request
def ask_for_new_address(response: AnyResponse) -> AnyResponse:
    """Send the e-mail after a registration or change of address; CKAN redirects when the form is valid."""
    if request.method != "POST" or request.endpoint not in GIVEN or not response.location:
        return response
    try:
        _ask_if_new()
    except rate_limits.TooMany:
        log.info("Too many e-mails were asked for to confirm an address")
    except rate_limits.CountingUnavailable:
        log.warning("No e-mail asks to confirm an address: nothing can be counted now")
    return response


def _ask_if_new() -> None:
    """Send the e-mail to the current user, if the form was about their own account and gave another address.

    For accounts that an administrator creates or changes, the reminder on the dashboard is enough.
    """
    user = unconfirmed()
    address = (user.email or "").lower() if user else ""
    given = request.form.get("email", "").strip().lower()
    if user is not None and address == given and address != g.get("ecosphere_address_before"):
        mails.ask(user)
        if request.endpoint == "user.edit":
            sentence = tk._("An e-mail is on its way to {email}: follow its link to confirm the address.")
            tk.h.flash_notice(sentence.format(email=user.email))


def unconfirmed() -> model.User | None:
    """Return the current user, if their address is unconfirmed and e-mail is configured."""
    if not (tk.current_user.is_authenticated and sending.is_configured()):
        return None
    user = model.User.get(tk.current_user.id)  # pyright: ignore[reportArgumentType]
    return user if user is not None and user.email and not confirmed.is_confirmed(user) else None


@blueprint.route("/compte/adresse/renvoyer", methods=["POST"])
def again() -> AnyResponse:
    """Send the e-mail again to the current user."""
    if not tk.current_user.is_authenticated:
        return tk.redirect_to("user.login", came_from=tk.url_for(DASHBOARD))  # pyright: ignore[reportReturnType]
    user = unconfirmed()
    if user is None:
        return tk.redirect_to(DASHBOARD)  # pyright: ignore[reportReturnType]
    try:
        mails.ask(user)
    except rate_limits.TooMany as error:
        many = tk._("Several e-mails were sent to you already: look among unwanted messages, too.")
        tk.h.flash_error(f"{many} {rate_limits.try_again(error.seconds)}")
    except rate_limits.CountingUnavailable:
        tk.h.flash_error(rate_limits.unavailable())
    else:
        tk.h.flash_success(tk._("An e-mail is on its way to you. Follow its link to confirm your address."))
    return tk.redirect_to(DASHBOARD)  # pyright: ignore[reportReturnType]


@blueprint.route("/compte/adresse/confirmer/<token>", methods=["GET", "POST"])
def confirm(token: str) -> AnyResponse:
    """Show what is to be confirmed (some programs follow links of e-mails); on POST, confirm it.

    The token is the authorisation: whoever has it reads the mailbox of the address.
    """
    user = confirmed.account_of(token)
    if user is None:
        sentence = tk._("This link is too old or not complete. Log in and ask for a new e-mail on your dashboard.")
        tk.abort(404, sentence)
    variables = {"token": token, "account": user.name, "email": user.email, "done": request.method == "POST"}
    if request.method == "POST":
        confirmed.confirm(user)
    return _unkept("ecosphere_addresses/confirm.html", variables)


def _unkept(template: str, variables: dict[str, object]) -> Response:
    """Render a page that must not be cached: its URL grants a right."""
    response = make_response(tk.render(template, variables))
    response.cache_control.no_store = True
    return response
