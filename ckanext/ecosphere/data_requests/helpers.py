"""Template helpers of the room; all begin with `ecosphere_request_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from ckan import model
from markupsafe import Markup

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import people, routing, uses, wording
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.data_requests.views import charts, forms, picking
from ckanext.ecosphere.shared import dates, language, once, organisations, rich_text

#: State → symbol of the icon font that CKAN ships, and the family of its colour. Every family has shapes of its own.
LOOKS = {
    "draft": ("pen", "waiting"),
    "submitted": ("paper-plane", "waiting"),
    "open": ("envelope-open", "active"),
    "needs_info": ("circle-question", "asking"),
    "in_progress": ("gears", "active"),
    "fulfilled": ("circle-check", "good"),
    "partial": ("circle-half-stroke", "good"),
    "refused": ("circle-xmark", "bad"),
    "not_held": ("box-open", "bad"),
    "duplicate": ("clone", "closed"),
    "rejected": ("ban", "bad"),
    "withdrawn": ("rotate-left", "closed"),
    "expired": ("hourglass-end", "closed"),
    "resolved": ("wrench", "good"),
    "dismissed": ("comment-dots", "closed"),
}
#: Transition → symbol of its line in the history, where it is not that of the state to which it leads.
EVENT_ICONS = {
    "transfer": "share",
    "extend": "calendar-plus",
    "answer_details": "reply",
    "reopen": "rotate-right",
    "reconsider": "rotate-right",
    "ask_review": "scale-balanced",
    "take_up_again": "rotate-right",
    "keep_decision": "gavel",
    "edit": "pen",
    "assigned": "user-check",
    "escalated": "arrow-up-right-dots",
}
VOCABULARIES = {"territory": "territories", "theme": "themes"}
#: Field of the form → facet of the dataset search that fills it.
SEARCH_FILTERS = {
    "territory": "vocab_ecosphere_territory",
    "theme": "vocab_ecosphere_theme",
    "organization": "organization",
}

SUMMARY = 280
NEWS = 5


#: Functions that templates call under these names.
ecosphere_request_date = dates.day
ecosphere_request_time = dates.moment
ecosphere_request_month = dates.month
ecosphere_request_commission = law.commission
ecosphere_request_months_chart = charts.months
ecosphere_request_bars_chart = charts.bars


def ecosphere_request_look(state: str) -> dict[str, str]:
    """Return the `icon` and the `family` (of colours) of a state."""
    icon, family = LOOKS.get(state, ("circle", "closed"))
    return {"icon": icon, "family": family}


def ecosphere_request_event_icon(event: Mapping[str, Any]) -> str:
    """Return the symbol of a line of the history."""
    return EVENT_ICONS.get(event["transition"]) or ecosphere_request_look(event["to"])["icon"]


def ecosphere_request_today() -> str:
    """Return today's day in Paris, in ISO 8601, as the lower limit of inputs."""
    return dates.today().isoformat()


def ecosphere_request_number(value: float | None) -> str:
    """Return a number in the reader's way of writing, a dash for None."""
    return "–" if value is None else format_decimal(value, "#,##0.#", locale=language.current())


def ecosphere_request_share(value: float | None) -> str:
    """Return a share (0 to 1) in per cent, a dash for None."""
    return "–" if value is None else f"{format_decimal(value * 100, '#,##0', locale=language.current())}\u202f%"


def ecosphere_request_clock(request: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what a page says of the time left: `state`, `icon`, `text`; None when there is no date to tell.

    Whether a request of the portal is one in the sense of the law is for the ministry to say: the words promise
    nothing.
    """
    clock = request.get("clock") or {}
    if not clock.get("due") or clock.get("state") in (None, "none", "closed"):
        return None
    day, left = ecosphere_request_date(clock["due"]), clock.get("days_left")
    if clock["state"] == "overdue":
        words = tk._("An answer was expected by {date}.").format(date=day)
        return {"state": "overdue", "icon": "triangle-exclamation", "text": words}
    words = tk._("An answer is expected by {date}").format(date=day)
    if left == 0:
        words += tk._(" (today).")
    elif left is None:
        words += "."
    else:
        words += tk.ungettext(" ({number} day left).", " ({number} days left).", left).format(number=left)
    if clock.get("extended"):
        words += " " + tk._("The period was extended.")
    soon = clock["state"] == "due_soon"
    return {"state": clock["state"], "icon": "hourglass-half" if soon else "clock", "text": words}


def ecosphere_request_short_clock(request: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the same in few words, for lists."""
    found = ecosphere_request_clock(request)
    if not found:
        return None
    left = request["clock"].get("days_left") or 0
    if found["state"] == "overdue":
        words = tk.ungettext("{number} day late", "{number} days late", -left).format(number=-left)
    elif left == 0:
        words = tk._("Due today")
    else:
        words = tk.ungettext("{number} day left", "{number} days left", left).format(number=left)
    return {**found, "text": words}


def ecosphere_request_facet_label(name: str, value: str) -> str:
    """Return the label of a chosen filter, the value itself when nothing knows it."""
    if name in VOCABULARIES:
        return (tk.h.ecosphere_labels(VOCABULARIES[name], value) or [value])[0]
    if name == "use":
        return wording.use(value) or value
    if name == "organization":
        group = model.Group.get(value)
        return str(group.title or group.name) if group else value
    return value


def ecosphere_request_themes() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the themes to choose from: (theme, (id, label) of the theme itself and of those below it)."""
    lang, known = language.current(), voc.get("themes")
    return [
        (theme.label(lang), [(each.id, each.label(lang)) for each in (theme, *known.children(theme.uri))])
        for theme in known.roots()
    ]


def ecosphere_request_uses() -> list[tuple[str, str]]:
    """Return the uses to choose from: (id, label)."""
    return uses.choices(language.current())


def ecosphere_request_systems() -> list[tuple[str, str]]:
    """Return the coordinate reference systems to choose from: (id, label), in the order of the vocabulary."""
    return [(each.id, each.label(language.current())) for each in voc.get("epsg")]


def ecosphere_request_grounds(partial: bool = False) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the grounds for a refusal: (heading, (id, label with its articles) of each)."""
    lang = language.current()
    headings = {law.DATA_KIND: tk._("Information on the environment"), law.SERVICE_KIND: tk._("Spatial data services")}
    groups = [
        (heading, [(each.id, f"{each.label(lang)} ({each.articles})") for each in law.usable(kind)])
        for kind, heading in headings.items()
    ]
    last = [(law.OTHER, tk._("Another ground"))]
    if partial:
        last.insert(0, (law.PART_NOT_HELD, tk._("The service does not hold this part")))
    return [*groups, (tk._("Other"), last)]


def ecosphere_request_privacy() -> dict[str, Any]:
    """Return what the privacy notice says: `ground`, `authority`, `website`, `months` of retention, `article`."""
    remedies, lang = law.remedies(), "en" if language.current().startswith("en") else "fr"
    privacy = remedies["privacy"]
    return {
        "ground": privacy["ground"][lang],
        "authority": privacy["authority"][lang],
        "website": privacy["website"],
        "months": config.anonymise_months(),
        "article": remedies["no_interest"]["article"][lang],
    }


def ecosphere_request_services() -> list[dict[str, str]]:
    """Return the services to which a request can be handed: `id`, `name`, `title`, in alphabetical order."""
    query = model.Session.query(model.Group.id, model.Group.name, model.Group.title).filter(
        model.Group.is_organization.is_(True), model.Group.state == model.State.ACTIVE
    )
    found = [{"id": id, "name": name, "title": title or name} for id, name, title in query]
    return sorted(found, key=lambda each: voc.normalise(each["title"]))


def ecosphere_request_titles(typed: Any) -> dict[str, str]:
    """Return the titles of the datasets that a field of a form names: name → title."""
    return picking.titles(typed)


def ecosphere_request_unreachable() -> list[str]:
    """Return the ids of the services that can receive no request, as nobody would read it."""
    return [group.id for group in routing.unreachable()]


def ecosphere_request_new_url(query: str | None, filters: Mapping[str, Sequence[str]] | None) -> str:
    """Return the address of a new request filled with a search of datasets.

    Args:
        query: the words searched.
        filters: facet field → chosen values, as CKAN's search page has them.
    """
    filled = {"title": query or ""}
    for name, facet in SEARCH_FILTERS.items():
        values = (filters or {}).get(facet)
        if values:
            filled[name] = values[-1]
    filled.update((name, value) for name, value in organisations.filter_of_page().items() if name in SEARCH_FILTERS)
    return tk.h.url_for("ecosphere_requests.new", **{name: value for name, value in filled.items() if value})


def ecosphere_request_done(transition: str, *, private: bool = False, signal: bool = False, held: bool = False) -> str:
    """Return what is said after a transition.

    Args:
        transition: its name.
        private: whether its answer is for the requester alone.
        signal: whether it is one of a report.
        held: whether its words wait for a moderator.
    """
    _ = tk._
    if held and transition == "answer_details":
        return _("Your answer is sent to the service; the others read it once a moderator has read it.")
    if private:
        return _("The answer is sent to the requester, who alone reads its files and links.")
    of_signals = {
        "accept": _("The report is handed over to the service."),
        "reject": _("The report is not accepted."),
        "answer_details": _("Your answer is sent to the service."),
        "start": _("The author of the report is told that you look into it."),
        "transfer": _("The report is transferred; both services and its author are told."),
        "mark_duplicate": _("The reports are merged."),
        "reconsider": _("The report waits for a moderator again."),
        "withdraw": _("Your report is withdrawn."),
        "reopen": _("The report is open again."),
    }
    if signal and transition in of_signals:
        return of_signals[transition]
    sentences = {
        "accept": _("The request is accepted and its service is told."),
        "reject": _("The request is not accepted."),
        "ask_details": _("Your question is sent to the requester."),
        "answer_details": _("Your answer is sent to the service."),
        "start": _("The requester is told that you have started."),
        "transfer": _("The request is transferred; both services and the requester are told."),
        "extend": _("The period is extended; the requester is told."),
        "fulfil": _("The answer is published; the requester and those who support the request are told."),
        "fulfil_partly": _("The answer is published; the requester and those who support the request are told."),
        "refuse": _("The decision is sent to the requester."),
        "not_held": _("The requester is told that the data are not held."),
        "mark_duplicate": _("The requests are merged, with those who support them."),
        "reconsider": _("The request waits for a moderator again; its author is told."),
        "resolve": _("Your answer is published."),
        "dismiss": _("Your answer is published."),
        "withdraw": _("Your request is withdrawn."),
        "reopen": _("The request is open again."),
        "ask_review": _("Your request for a review is sent to the head of the service."),
        "take_up_again": _("The request is taken up again; the requester is told."),
        "keep_decision": _("The decision is upheld; the requester gets the letter."),
    }
    return sentences.get(transition, _("It is done."))


def ecosphere_request_event(event: Mapping[str, Any], signal: bool = False) -> str:
    """Return what happened in a line of the history of a request or a signal; `transition_label` says what one does."""
    if event.get("internal"):
        return _on_the_desk(event)
    return wording.event(event["transition"], signal) or str(event["transition_label"])


def _on_the_desk(event: Mapping[str, Any]) -> str:
    """What happened where only the service and the moderators see it."""
    _, fields = tk._, event["fields"]
    if event["transition"] == "escalated":
        told = {
            "administrators": _("The administrators of the service were told: no answer yet"),
            "chief": _("The mailbox for late requests was told: no answer yet"),
            "moderators": _("The moderators were told: no answer yet"),
        }
        return told.get(fields["told"], "")
    if fields["instead_of"]:
        words = _("Assigned to {person}, who stands in for {absent}")
        return words.format(person=fields["assigned_to"], absent=fields["instead_of"])
    if fields["assigned_to"]:
        return _("Assigned to {person}").format(person=fields["assigned_to"])
    return _("Assigned to nobody in particular")


def ecosphere_request_field(name: str) -> str:
    """Return the label of a field of a request."""
    return forms.labels().get(name, name)


def ecosphere_request_plain(html: str | None) -> str:
    """Return a text without its tags, shortened, for lists and feeds."""
    found = rich_text.plain(html or "")
    return found if len(found) <= SUMMARY else found[:SUMMARY].rsplit(" ", 1)[0] + "…"


def ecosphere_request_summary(written: str | None) -> str:
    """Return the beginning of a text in Markdown, without its signs."""
    return rich_text.excerpt(written, SUMMARY)


def ecosphere_request_html(written: str | None) -> Markup:
    """Return a text in Markdown as harmless HTML."""
    return Markup(rich_text.to_html(written))  # noqa: S704 - cleaned by nh3


def ecosphere_request_of_dataset(package: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the requests about a dataset: `satisfied` and `open`."""
    context: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        return tk.get_action("ecosphere_request_dataset_list")(context, {"id": package["id"]})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return {"satisfied": [], "open": []}


def ecosphere_request_may_moderate() -> bool:
    """Tell whether the reader moderates requests."""
    return bool(tk.h.check_access("ecosphere_request_list", {"scope": "moderation"}))


def ecosphere_request_may_desk(organization: Mapping[str, Any]) -> bool:
    """Tell whether the reader works at the desk of a service."""
    return bool(tk.h.check_access("ecosphere_request_desk", {"organization": organization["id"]}))


def ecosphere_request_desks() -> list[dict[str, str]]:
    """Return the services at whose desk the reader works: `name`, `title`."""
    reader: Any = tk.current_user
    if not reader.is_authenticated or reader.sysadmin:
        return []
    found = tk.h.organizations_available("update_dataset")
    return [{"name": each["name"], "title": each.get("display_name") or each["name"]} for each in found]


def ecosphere_request_outcome_rows(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return how requests ended as (label, number), the most frequent first."""
    rows = [(wording.state(state), number) for state, number in outcomes.items()]
    return sorted(rows, key=lambda row: -row[1])


def ecosphere_request_backlog_rows(backlog: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return what waits for an answer as (age in words, number), the youngest first."""
    rows = []
    for each in backlog:
        first, _dash, last = each["age"].partition("-")
        words = tk._("{first} to {last} days") if last else tk._("more than {first} days")
        rows.append((words.format(first=first if last else int(first) - 1, last=last), each["count"]))
    return rows


def ecosphere_request_unseen() -> int:
    """Return how many notifications the reader has not seen, up to a thousand."""
    if not tk.current_user.is_authenticated:
        return 0
    reader = people.reader_of(model.Session.get(model.User, tk.current_user.id))
    return once.for_page("unseen requests", reader.id, lambda: outbox.unseen(reader))


def ecosphere_request_files() -> dict[str, Any]:
    """Return which files a message takes: `types`, `accept` (for the input), `megabytes`; no types when none."""
    types = list(config.attachment_types()) if config.folder() else []
    accept = ",".join(f".{each}" for each in types)
    return {"types": types, "accept": accept, "megabytes": config.attachment_bytes() // 1024**2}


def ecosphere_request_news() -> dict[str, Any]:
    """Return the reader's latest unread notifications as `results`, and `unseen`, how many there are."""
    context: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    found = tk.get_action("ecosphere_request_notification_list")(context, {"rows": NEWS})
    return {"unseen": found["unseen"], "results": [each for each in found["results"] if not each["seen"]]}
