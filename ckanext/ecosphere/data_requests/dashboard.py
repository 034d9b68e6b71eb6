"""Dashboard cards of requests: assigned, to answer, to review, to moderate, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.shared import dates

SHORT = {"rows": MOST_LINES, "facets": False}
"""Parameters of lists for a card, which shows the first lines and the total."""


def cards(person: Person) -> list[Card]:
    """Return the cards with requests that await action, without empty ones."""
    makers = (_assigned, _to_answer, _to_review, _to_moderate, _own)
    all_cards = [make(person) for make in makers]
    return [card for card in all_cards if card]


def links(person: Person) -> list[Link]:
    """Return the link to a new request."""
    return [Link(_("Ask for data"), tk.url_for("ecosphere_requests.new"), "envelope-open-text", 90)]


def _to_answer(person: Person) -> Card | None:
    search = {"state": sorted(states.ON_DESK), "sort": "due"}
    desks = _of_desks(person, search, _("Desk of {service}"))
    lines = [_due_line(request) for request in desks.soonest("due")]
    return desks.card("to-answer", _("Requests to answer"), "inbox", lines, 10)


def _to_review(person: Person) -> Card | None:
    """Return the card of decisions with a pending internal review."""
    desks = _of_desks(person, {"review": True}, _("Desk of {service}"))
    today = clock.today().isoformat()
    lines = []
    for request in desks.soonest("review_due"):
        day = request["review_due"]
        note = _("answer due on {date}").format(date=dates.day(day))
        lines.append(_line(request, note, urgent=day < today))
    name = _("Internal reviews asked for")
    return desks.card("to-review", name, "scale-balanced", lines, 9)


def _assigned(person: Person) -> Card | None:
    """Return the card of requests assigned to the user,
    or to an absent colleague whom they replace.
    """
    search = {"assigned": "mine", "sort": "due"}
    desks = _of_desks(person, search, _("My requests on the desk of {service}"), assigned="mine")
    lines = [_due_line(request) for request in desks.soonest("due")]
    return desks.card("assigned", _("Requests assigned to me"), "user-check", lines, 8)


@dataclass
class _Desks:
    """Requests on the desks of all services of a user, and links to these desks."""

    count: int = 0
    requests: list[DataDict] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def soonest(self, day: str) -> list[DataDict]:
        """Return the requests to show, the earliest `day` first, those without one last."""
        return sorted(self.requests, key=lambda request: request[day] or "9999")[:MOST_LINES]

    def card(self, key: str, title: str, icon: str, lines: list[Line], order: int) -> Card | None:
        """Return the card, None when no request is on it."""
        if not self.count:
            return None
        return Card(key, title, icon, self.count, lines, self.links, order)


def _of_desks(person: Person, search: DataDict, label: str, **page: str) -> _Desks:
    """Search the desk of each service of a user.

    Args:
        person: the user.
        search: arguments of the list of requests.
        label: of the link to a desk, with the placeholder `service`.
        page: parameters of that link.
    """
    desks = _Desks()
    for service in person.services:
        arguments = {**search, **SHORT, "scope": "desk", "organization": service.id}
        answer = person.ask("ecosphere_request_list", arguments)
        if answer["count"]:
            desks.count += answer["count"]
            desks.requests += answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name, **page)
            desks.links.append(Link(label.format(service=service.title), url))
    return desks


def _to_moderate(person: Person) -> Card | None:
    try:
        requests = person.ask("ecosphere_request_list", {"scope": "moderation", **SHORT})
        texts = person.ask("ecosphere_request_held_list")
    except tk.NotAuthorized:
        return None
    count = requests["count"] + texts["count"]
    lines = [_line(request, _("to be accepted or not")) for request in requests["results"]]
    ways = [Link(_("Moderation"), tk.url_for("ecosphere_requests.moderation"))]
    if texts["count"]:
        ways.append(Link(_("Messages that wait"), tk.url_for("ecosphere_requests.held")))
    if count:
        return Card("to-moderate", _("Requests to moderate"), "gavel", count, lines, ways, 15)
    return None


def _own(person: Person) -> Card | None:
    latest = _mine(person)
    count = latest["count"]
    if not count:
        return None
    awaited = _mine(person, state=[states.NEEDS_INFO])["results"]
    waiting = [state for state in states.ACTIVE if state != states.NEEDS_INFO]
    unanswered = _mine(person, state=waiting, sort="due")["results"]
    answered = _mine(person, state=list(states.GIVEN))["results"]
    # First those that await an answer by the user, then late ones, for which there are remedies.
    lines: dict[str, Line] = {}
    _add_lines(lines, awaited, _awaited, urgent=True)
    _add_lines(lines, unanswered, _unanswered, urgent=True)
    _add_lines(lines, answered, _answered, urgent=False)
    _add_lines(lines, latest["results"], itemgetter("state_label"), urgent=False)
    ways = [Link(_("My requests"), tk.url_for("ecosphere_requests.mine"))]
    first = list(lines.values())[:MOST_LINES]
    return Card("own-requests", _("My requests"), "envelope-open-text", count, first, ways, 30)


def _mine(person: Person, **search: Any) -> DataDict:
    """Return the first requests of a user, and their number."""
    return person.ask("ecosphere_request_list", {"scope": "mine", **SHORT, **search})


def _add_lines(
    lines: dict[str, Line],
    requests: list[DataDict],
    note_of: Callable[[DataDict], str],
    *,
    urgent: bool,
) -> None:
    """Add the requests of which there is something to note, unless they have a line already.

    Args:
        lines: by id of the request.
    """
    for request in requests:
        note = note_of(request)
        if note:
            lines.setdefault(request["id"], _line(request, note, urgent=urgent))


def _is_late(request: DataDict) -> bool:
    return request["clock"]["state"] == "overdue"


def _unanswered(request: DataDict) -> str:
    """Return what a requester may do about a late answer, "" where none is late."""
    if not _is_late(request):
        return ""
    words = _("an answer was due on {date}: see what you may do")
    return words.format(date=dates.day(request["due"]))


def _answered(request: DataDict) -> str:
    """Return what to say of an answer, "" once that was said."""
    if request["satisfied"]:
        return ""
    return _("{state}: say whether it was answered").format(state=request["state_label"])


def _awaited(request: DataDict) -> str:
    words = _("the service awaits your details until {date}")
    return words.format(date=dates.day(request["answer_by"]))


def _line(request: DataDict, note: str, *, urgent: bool = False) -> Line:
    id_ = request["reference"] or request["id"]
    return Line(
        request["title"] or _("(no title)"),
        tk.url_for("ecosphere_requests.read", id=id_),
        note,
        urgent,
    )


def _due_line(request: DataDict) -> Line:
    if not request["due"]:
        return _line(request, str(request["state_label"]))
    day = dates.day(request["due"])
    if _is_late(request):
        note = _("late: an answer was due on {date}").format(date=day)
        return _line(request, note, urgent=True)
    return _line(request, _("answer due on {date}").format(date=day))
