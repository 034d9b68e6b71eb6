"""Pages of alerts, with or without an account: save a search, confirm an address, manage alerts,
unsubscribe.

The URL of the page that saves a search has the parameters of the search itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.config.middleware.flask_app import csrf
from ckan.types import DataDict
from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core import pages
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.interfaces import AlertSubject
from ckanext.ecosphere.search import config, unfound
from ckanext.ecosphere.search.alerts import actions, feeds, mails, searches
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import Alert, Subscriber
from ckanext.ecosphere.shared import contact_details, language, mailing, web_guard
from ckanext.ecosphere.shared.web_guard import rate_limits

INVALID = 400
#: Honeypot field, hidden from people.
TRAP = "site_web"

#: Factor of the limit per network address, which a whole office may share.
NETWORK_FACTOR = 10
_WHAT = "search-alert-link"

ecosphere_alerts = Blueprint("ecosphere_alerts", __name__)
web_guard.protect(ecosphere_alerts)
ecosphere_alerts.after_app_request(unfound.after_page)


def new(about: str = searches.DATASETS) -> AnyResponse:
    """Show the form that saves a search, or save it."""
    _require_alerts()
    subject = searches.of(about)
    if subject is None:
        tk.abort(404, _("No search of this can be saved: {name}").format(name=about))
    try:
        search = subject.canonical(request.args.items(multi=True))
    except tk.ValidationError as error:
        tk.abort(INVALID, pages.sentences(error))
    if request.method == "GET":
        return _form(subject, search, {})
    typed = {name: request.form.get(name, "").strip() for name in ("frequency", "email")}
    typed["frequency"] = typed["frequency"] or "weekly"
    try:
        _refuse_machines()
        if _is_known():
            pages.act(
                "ecosphere_search_alert_create",
                about=about,
                search=search,
                frequency=typed["frequency"],
            )
            tk.h.flash_success(_("Your alert is saved."))
            return tk.redirect_to("ecosphere_alerts.mine")
        _ask_address(subject, search, typed)
    except tk.ValidationError as error:
        return _form(subject, search, typed, error.error_dict)
    return _rendered("sent.html", email=typed["email"])


def _refuse_machines() -> None:
    """Answer 400 when the honeypot was filled in."""
    if request.form.get(TRAP):
        tk.abort(INVALID, _("The form was filled in by a program. Leave the hidden field empty."))


def _ask_address(subject: AlertSubject, search: str, typed: Mapping[str, str]) -> None:
    """Send a confirmation e-mail to an address; the response does not depend on whether it has
    alerts.

    Raises:
        ValidationError: the form is invalid, or a rate limit is exceeded.
    """
    email = typed["email"]
    _check_address(email)
    if typed["frequency"] not in storage.PERIODS:
        raise tk.ValidationError({"frequency": [_("Choose how often.")]})
    _count_link(email)
    search = subject.checked(search, None)
    try:
        storage.save(
            search=search,
            frequency=typed["frequency"],
            language=language.current(),
            about=subject.key,
            email=email,
        )
    except tk.ValidationError:
        storage.ask_link(email, language.current(), no_room=True)  # which only the owner learns
    storage.OUTBOX.enqueue()


def _check_address(email: str) -> None:
    if not (email.isascii() and contact_details.is_address(email)):
        message = _("Write an e-mail address such as name@example.org.")
        raise tk.ValidationError({"email": [message]})


def mine() -> Response:
    """Show the user's alerts; anonymous visitors can request a link to theirs."""
    _require_alerts()
    if not _is_known():
        return _rendered("ask_link.html", errors={}, email="", trap=TRAP)
    return _list(pages.act("ecosphere_search_alert_list"), "")


def ask_link() -> AnyResponse:
    """Send the link to the alerts of an address; the response is the same if it has none."""
    _require_alerts()
    if _is_known():
        return tk.redirect_to("ecosphere_alerts.mine")
    _refuse_machines()
    email = request.form.get("email", "").strip()
    try:
        _check_address(email)
        _count_link(email)
    except tk.ValidationError as error:
        return _rendered("ask_link.html", INVALID, errors=error.error_dict, email=email, trap=TRAP)
    storage.ask_link(email, language.current())
    storage.OUTBOX.enqueue()
    return _rendered("link_sent.html", email=email)


def confirm(token: str) -> AnyResponse:
    """Show what is to be confirmed (some programs follow links of e-mails); on POST, confirm it."""
    alert_id, frequency = mails.read_confirm(token) or ("", "")
    alert = model.Session.get(Alert, alert_id)
    subject = searches.of(alert.about) if alert else None
    if alert is None or subject is None or frequency not in storage.PERIODS:
        tk.abort(
            404,
            _("This link is too old or not complete. Save the search again to get a new one."),
        )
    if request.method == "POST":
        subscriber_id = alert.subscriber_id
        try:
            storage.confirm(alert.id, frequency, language.current())
        except tk.ValidationError as error:
            tk.abort(INVALID, pages.sentences(error))
        tk.h.flash_success(_("Your alert is confirmed."))
        return tk.redirect_to(mails.manage_url(subscriber_id))
    title, url = subject.title(alert.search), subject.address(alert.search)
    return _rendered("confirm.html", token=token, frequency=frequency, title=title, url=url)


def manage(token: str) -> AnyResponse:
    """Show and change the alerts of a subscriber without an account."""
    subscriber_id = mails.read_manage(token)
    if subscriber_id is None:
        tk.abort(
            404,
            _("This link is too old or not complete. Ask for a new one on the page “My alerts”."),
        )
    if request.method == "POST":
        _change(subscriber_id)
        return tk.redirect_to("ecosphere_alerts.manage", token=token)
    alerts = storage.alerts(model.Session.get(Subscriber, subscriber_id))
    return _list(actions.listed(alerts), token)


def change() -> AnyResponse:
    """Change or delete one of the user's alerts."""
    if not _is_known():
        return tk.redirect_to("user.login", came_from=tk.url_for("ecosphere_alerts.mine"))
    _require_alerts()
    subscriber = storage.of_user(tk.current_user.id)
    if subscriber is None:
        tk.abort(404, _("You have no such alert."))
    _change(subscriber.id)
    return tk.redirect_to("ecosphere_alerts.mine")


def _change(subscriber_id: str) -> None:
    """Change or delete the alert of the submitted form, if it is one of the subscriber,
    and show a message.
    """
    alert, frequency = request.form.get("id", ""), request.form.get("frequency", "")
    if request.form.get("go") == "delete":
        exists, message = storage.delete(subscriber_id, alert), _("The alert is deleted.")
    elif frequency in storage.FREQUENCIES:
        exists, message = storage.change(subscriber_id, alert, frequency), _("Your alert is saved.")
    else:
        tk.abort(INVALID, _("Choose how often."))
    if not exists:
        tk.abort(404, _("You have no such alert."))
    tk.h.flash_success(message)


def leave(token: str) -> Response:
    """Ask for confirmation (some programs follow links of e-mails); on POST, stop all e-mails about
    alerts.

    The token is the authorisation: mail programs send this POST without cookies, so there is no
    session to protect.
    """
    subscriber_id = mails.read_leave(token)
    if subscriber_id is None:
        tk.abort(404, _("This address is not complete."))
    if request.method == "POST":
        storage.leave(subscriber_id)
    return _rendered("leave.html", done=request.method == "POST", token=token)


csrf.exempt(leave)


def unfound_page() -> Response:
    """Show the searches without results, to the ministry."""
    try:
        searches_in_vain = pages.act("ecosphere_search_unfound_list")
    except tk.NotAuthorized:
        tk.abort(403, _("Only the ministry sees which searches found nothing."))
    return _rendered("unfound.html", found=searches_in_vain)


def _list(alerts: list[DataDict], token: str) -> Response:
    rows = []
    for alert in alerts:
        subject = searches.required(alert["about"])
        rows.append({**alert, "of": subject.name(), "feed": subject.feed(alert["search"])})
    choices = frequencies(none=not token)
    return _rendered("list.html", alerts=rows, token=token, frequencies=choices)


def frequencies(*, none: bool) -> list[tuple[str, str]]:
    """Return the choices of frequency, with labels.

    Args:
        none: whether to include the choice without e-mails.
    """
    choices = [("daily", _("Every day")), ("weekly", _("Every week"))]
    if none:
        choices.append((storage.NONE, _("No e-mails")))
    return choices


def _form(
    subject: AlertSubject,
    search: str,
    typed: Mapping[str, str],
    errors: Row | None = None,
) -> Response:
    about = {}
    if subject.key != searches.DATASETS:
        about["about"] = subject.key
    status = 200
    if errors:
        status = INVALID
    return _rendered(
        "new.html",
        status,
        action=tk.url_for("ecosphere_alerts.new", **about),
        explanation=subject.explanation(),
        search=search,
        title=subject.title(search),
        url=subject.address(search),
        typed=typed,
        errors=errors or {},
        trap=TRAP,
        frequencies=frequencies(none=_is_known()),
    )


def _rendered(template: str, status: int = 200, **variables: Any) -> Response:
    """Render a page, whose URL may grant rights: no cache may store it."""
    response = pages.rendered(f"ecosphere_search/alerts/{template}", status, **variables)
    response.cache_control.no_store = True
    return response


def _require_alerts() -> None:
    if not (config.alerts() and mailing.is_configured()):
        tk.abort(404, _("This portal sends no alerts."))


def _is_known() -> bool:
    return bool(tk.current_user.is_authenticated)


_RULES = (
    ("/recherche/alertes", "mine", mine, ("GET",)),
    ("/recherche/alertes", "change", change, ("POST",)),
    ("/recherche/alertes/nouvelle", "new", new, ("GET", "POST")),
    ("/recherche/alertes/nouvelle/<about>", "new", new, ("GET", "POST")),
    ("/recherche/alertes/lien", "ask_link", ask_link, ("POST",)),
    ("/recherche/alertes/confirmer/<token>", "confirm", confirm, ("GET", "POST")),
    ("/recherche/alertes/gerer/<token>", "manage", manage, ("GET", "POST")),
    ("/recherche/alertes/quitter/<token>", "leave", leave, ("GET", "POST")),
    ("/recherche/sans-resultat", "unfound", unfound_page, ("GET",)),
    ("/recherche.atom", "feed", feeds.feed, ("GET",)),
)
for _path, _name, _view, _methods in _RULES:
    ecosphere_alerts.add_url_rule(_path, endpoint=_name, view_func=_view, methods=list(_methods))


def _count_link(email: str) -> None:
    """Count an e-mail with a link.

    Args:
        email: recipient; counted by a digest of the mailbox, so that Redis does not store the
            address.

    Raises:
        ValidationError: the limit of the recipient or of the network is exceeded, or nothing can be
            counted.
    """
    most = config.alert_links_per_day()
    person = f"email:{hashlib.sha256(contact_details.mailbox(email).encode()).hexdigest()}"
    network = f"address:{rate_limits.network(request.remote_addr)}"
    try:
        rate_limits.probe(_WHAT, f"{most} per day", person)
        rate_limits.hit(_WHAT, f"{most * NETWORK_FACTOR} per day", network)
        rate_limits.hit(_WHAT, f"{most} per day", person)
    except rate_limits.TooMany as error:
        message = rate_limits.too_often(error, _("You have sent too much in a short time."))
        raise tk.ValidationError({"email": [message]}) from None
    except rate_limits.CountingUnavailable:
        raise tk.ValidationError({"email": [rate_limits.unavailable()]}) from None
