"""E-mails about saved searches, sent through the common outbox (`work.outbox`),
and the signed links in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.interfaces import AlertSubject, News
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.search.alerts.model import Alert, Subscriber
from ckanext.ecosphere.shared import characters, language, mailing
from ckanext.ecosphere.shared.mailing import harmless, labelled, subject
from ckanext.ecosphere.work.model import Work
from ckanext.ecosphere.work.outbox import Unwanted


@dataclass(frozen=True)
class Reader:
    """The recipient of an e-mail.

    Attributes:
        user: the account, None for subscribers without one.
        email: e-mail address, "" if there is none.
        name: name in the greeting, "" without an account.
        gone: whether the account no longer exists or is inactive.
        strange: whether the address is unconfirmed, so that it may belong to someone else.
    """

    user: model.User | None
    email: str
    name: str = ""
    gone: bool = False
    strange: bool = False


@dataclass(frozen=True)
class Item:
    """The part of an e-mail about one search.

    Attributes:
        title: title of the search.
        url: URL of its page.
        sentence: how many results are new or changed.
        news: the latest ones.
        more: how many are not listed, in words.
    """

    title: str
    url: str
    sentence: str
    news: list[News]
    more: str


@dataclass
class Letter:
    """The contents of an e-mail before formatting.

    Attributes:
        lines: paragraphs.
        button: label and URL of the call to action.
        links: labels and URLs at the end.
    """

    subject: str
    closing: str
    greeting: str = ""
    lines: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    button: tuple[str, str] | None = None
    links: list[tuple[str, str]] = field(default_factory=list)


def reader_of(subscriber: Subscriber) -> Reader:
    """Return the recipient, whose permissions apply to the search."""
    if subscriber.user_id is None:
        return Reader(None, subscriber.email or "")
    user = model.User.get(subscriber.user_id)
    if user is None or user.state != model.State.ACTIVE:
        return Reader(None, "", gone=True)
    strange = addresses.may_be_somebody_elses(user)
    name = user.name if strange else user.display_name
    return Reader(user, user.email or "", harmless(characters.one_line(name)), strange=strange)


def deliver() -> int:
    """Send the due e-mails; return how many were sent. Several workers may run at once."""
    sent = storage.OUTBOX.deliver(_write)
    storage.forget_unknown()
    return sent


def _write(mail: Work) -> DataDict:
    """Return the parameters of an e-mail.

    Raises:
        Unwanted: there is nobody to write to, or nothing to report.
        IndexAwayError: the index is down.
    """
    subscriber = model.Session.get(Subscriber, mail.recipient)
    if subscriber is None or not reader_of(subscriber).email:
        raise Unwanted("no address")
    # CKAN closes its session while the results are read: nothing of it is usable afterwards.
    key, kind, content = str(mail.id), mail.kind, mail.content
    subscriber_id, lang = subscriber.id, subscriber.language
    items = []
    if kind == storage.DIGEST:
        items = _items(content, subscriber_id, lang)
    with language.speaking(lang):
        return _render(subscriber_id, key, kind, content, items)


def _render(
    subscriber_id: str, key: str, kind: str, content: DataDict, items: list[Item]
) -> DataDict:
    """Return the recipient, subject, headers and both bodies of an e-mail.

    Raises:
        Unwanted: the subscriber was erased meanwhile, or there is nothing left to report.
    """
    subscriber = model.Session.get(Subscriber, subscriber_id)
    letter = WRITERS[kind](subscriber, content, items) if subscriber else None
    if subscriber is None or letter is None:
        raise Unwanted("nothing to tell")
    reader = reader_of(subscriber)
    letter.greeting = _("Hello,")
    if reader.name:
        letter.greeting = _("Hello {name},").format(name=reader.name)
    variables = {"letter": letter}
    # Other kinds have nothing to unsubscribe from: the alert may not even be confirmed.
    way_out = {}
    if kind == storage.DIGEST:
        way_out = mailing.way_out(leave_url(subscriber.id))
    return {
        "headers": {
            **mailing.AUTOMATIC,
            "Message-ID": mailing.message_id("search", key, subscriber.id),
            **way_out,
        },
        "recipient_name": reader.name or reader.email,
        "recipient_email": reader.email,
        "subject": letter.subject,
        "body": tk.render(
            "emails/ecosphere_search_alerts.txt", {**variables, "labelled": labelled}
        ),
        "body_html": tk.render("emails/ecosphere_search_alerts.html", variables),
    }


def _confirmation(subscriber: Subscriber, content: DataDict, _items: list[Item]) -> Letter | None:
    """Ask the owner of an address to confirm an alert.

    The search itself, possibly entered by a stranger, is shown only on the page.
    """
    alert = model.Session.get(Alert, content["alert"])
    if alert is None:
        return None
    return Letter(
        subject=subject(_("Confirm your alert")),
        lines=[
            _(
                "Somebody, probably you, asked on the portal “{title}” to be told at this address"
                " of"
                " what is new."
            ).format(title=tk.config["ckan.site_title"]),
            _(
                "Confirm it on the following page, which shows the search. The link is good for a"
                " week."
            ),
        ],
        button=(
            _("See the search and confirm"),
            confirm_url(alert.id, content["frequency"]),
        ),
        closing=_("If it was not you, do nothing: your address is erased in a week."),
    )


def _link(subscriber: Subscriber, content: DataDict, _items: list[Item]) -> Letter | None:
    """Return the e-mail with a link to the alerts of a subscriber without an account.

    None without alerts.
    """
    reason = [storage.no_room()] if content.get("no_room") else []
    if not reason and not storage.alerts(subscriber):
        return None
    return Letter(
        subject=subject(_("Your alerts")),
        lines=[
            *reason,
            _("Whoever has this link can see, change and delete your alerts: keep it to yourself."),
        ],
        button=(_("See my alerts"), manage_url(subscriber.id)),
        closing=_("If you did not ask for it, do nothing."),
    )


def _digest(subscriber: Subscriber, _content: DataDict, items: list[Item]) -> Letter | None:
    """Return the e-mail about new and changed results of a subscriber's searches."""
    if not items:
        return None
    if len(items) == 1:
        words = f"{items[0].sentence} – {items[0].title}"
    else:
        words = _("What is new in {number} of your searches").format(number=len(items))
    own_page = _own_alerts()
    if subscriber.user_id is None:
        own_page = manage_url(subscriber.id)
    return Letter(
        subject=subject(words),
        items=items,
        closing=_(
            "You receive this message from the portal “{title}” about searches that you saved."
        ).format(title=tk.config["ckan.site_title"]),
        links=[
            (_("Manage my alerts"), own_page),
            (_("Stop these e-mails"), leave_url(subscriber.id)),
        ],
    )


def _own_alerts() -> str:
    return tk.h.url_for("ecosphere_alerts.mine", qualified=True, locale=language.current())


WRITERS = {storage.CONFIRM: _confirmation, storage.MANAGE: _link, storage.DIGEST: _digest}


def _items(content: DataDict, subscriber_id: str, lang: str) -> list[Item]:
    """Describe the results, read again with the recipient's current permissions; results that are
    gone are left out.

    Raises:
        IndexAwayError: the index is down; the e-mail is retried.
    """
    items = []
    for results in content["alerts"]:
        subject = searches.of(results.get("about", searches.DATASETS))
        if subject is None:
            continue
        with searches.asked(subject, results["search"], lang):
            subscriber = model.Session.get(Subscriber, subscriber_id)
            if subscriber is None:
                return []
            reader = reader_of(subscriber)
            news = subject.news(
                results["ids"], reader.user, datetime.fromisoformat(results["since"])
            )
            if news:
                items.append(_item(subject, results, news, with_words=not reader.strange))
    return items


def _item(subject: AlertSubject, results: DataDict, news: list[News], *, with_words: bool) -> Item:
    """Return the part of an e-mail about one search, perhaps without its words,
    which may carry a message.
    """
    count = results["count"] - (len(results["ids"]) - len(news))
    number = count - len(news)
    more = ""
    if number > 0:
        more = tk.ungettext("and {number} more", "and {number} more", number).format(number=number)
    title, url = _("A search that you saved"), _own_alerts()
    if with_words:
        search = results["search"]
        title, url = harmless(subject.title(search)), subject.address(search)
    return Item(
        title=title,
        url=url,
        sentence=subject.sentence(count),
        news=news,
        more=more,
    )


# --- signed links ---

FOR_CONFIRMING, FOR_MANAGING, FOR_LEAVING = (
    "ecosphere-alert-confirm",
    "ecosphere-alerts-manage",
    "ecosphere-alerts-leave",
)
CONFIRM_SECONDS = int(storage.KEPT.total_seconds())
MANAGE_SECONDS = 60 * 24 * 3600
"""Links to manage alerts are valid for 60 days; each e-mail has a new one."""


def confirm_url(alert_id: str, frequency: str) -> str:
    """Return the absolute URL of the page that confirms an alert."""
    return _url("confirm", mailing.sign(FOR_CONFIRMING, [alert_id, frequency]))


def manage_url(subscriber_id: str) -> str:
    """Return the absolute URL of the page with the alerts of a subscriber without an account."""
    return _url("manage", mailing.sign(FOR_MANAGING, subscriber_id))


def leave_url(subscriber_id: str) -> str:
    """Return the absolute URL that stops all e-mails about alerts; it does not expire."""
    return _url("leave", mailing.sign_lasting(FOR_LEAVING, subscriber_id))


def read_confirm(token: str) -> tuple[str, str] | None:
    """Return the alert id and frequency of a token, None if it is invalid or expired."""
    return mailing.read(FOR_CONFIRMING, token, CONFIRM_SECONDS)


def read_manage(token: str) -> str | None:
    """Return the subscriber id of a token, None if it is invalid or expired."""
    return mailing.read(FOR_MANAGING, token, MANAGE_SECONDS)


def read_leave(token: str) -> str | None:
    """Return the subscriber id of a token, None if it is invalid."""
    return mailing.read_lasting(FOR_LEAVING, token)


def _url(endpoint: str, token: str) -> str:
    return tk.h.url_for(
        f"ecosphere_alerts.{endpoint}", token=token, qualified=True, locale=language.current()
    )
