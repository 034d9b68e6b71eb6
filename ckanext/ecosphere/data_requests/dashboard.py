"""Dashboard cards of requests: assigned, to answer, to review, to moderate, and the user's own."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.shared import dates

SHORT = {"rows": MOST_LINES, "facets": False}
"""Parameters of lists for a card, which shows the first lines and the total."""


def cards(person: Person) -> list[Card]:
    """Return the cards with requests that await action, without empty ones."""
    return [
        card
        for card in (
            _assigned(person),
            _to_answer(person),
            _to_review(person),
            _to_moderate(person),
            _own(person),
        )
        if card
    ]


def links(person: Person) -> list[Link]:
    """Return the link to a new request."""
    return [
        Link(tk._("Ask for data"), tk.url_for("ecosphere_requests.new"), "envelope-open-text", 90)
    ]


def _to_answer(person: Person) -> Card | None:
    requests: list[dict[str, Any]] = []
    count, ways = 0, []
    search = {"scope": "desk", "state": sorted(states.ON_DESK), "sort": "due", **SHORT}
    for service in person.services:
        answer = person.ask("ecosphere_request_list", {**search, "organization": service.id})
        if answer["count"]:
            count, requests = count + answer["count"], requests + answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name)
            ways.append(Link(tk._("Desk of {service}").format(service=service.title), url))
    requests.sort(key=lambda request: request["due"] or "9999")
    lines = [
        _line(request, _clock(request), urgent=request["clock"]["state"] == "overdue")
        for request in requests[:MOST_LINES]
    ]
    if count:
        return Card("to-answer", tk._("Requests to answer"), "inbox", count, lines, ways, 10)
    return None


def _to_review(person: Person) -> Card | None:
    """Return the card of decisions with a pending internal review."""
    requests: list[dict[str, Any]] = []
    count, ways = 0, []
    for service in person.services:
        search = {"scope": "desk", "review": True, **SHORT, "organization": service.id}
        answer = person.ask("ecosphere_request_list", search)
        if answer["count"]:
            count, requests = count + answer["count"], requests + answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name)
            ways.append(Link(tk._("Desk of {service}").format(service=service.title), url))
    requests.sort(key=lambda request: request["review_due"])
    today = dictize.today().isoformat()
    answer_by = tk._("answer due on {date}")
    lines = [
        _line(
            request,
            answer_by.format(date=dates.day(request["review_due"])),
            urgent=request["review_due"] < today,
        )
        for request in requests[:MOST_LINES]
    ]
    if count:
        return Card(
            "to-review", tk._("Internal reviews asked for"), "scale-balanced", count, lines, ways, 9
        )
    return None


def _assigned(person: Person) -> Card | None:
    """Return the card of requests assigned to the user, or to an absent colleague whom they replace."""
    requests: list[dict[str, Any]] = []
    count, ways = 0, []
    for service in person.services:
        search = {
            "scope": "desk",
            "assigned": "mine",
            "sort": "due",
            **SHORT,
            "organization": service.id,
        }
        answer = person.ask("ecosphere_request_list", search)
        if answer["count"]:
            count, requests = count + answer["count"], requests + answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name, assigned="mine")
            ways.append(
                Link(
                    tk._("My requests on the desk of {service}").format(service=service.title), url
                )
            )
    requests.sort(key=lambda request: request["due"] or "9999")
    lines = [
        _line(request, _clock(request), urgent=request["clock"]["state"] == "overdue")
        for request in requests[:MOST_LINES]
    ]
    if count:
        return Card(
            "assigned", tk._("Requests assigned to me"), "user-check", count, lines, ways, 8
        )
    return None


def _to_moderate(person: Person) -> Card | None:
    try:
        requests = person.ask("ecosphere_request_list", {"scope": "moderation", **SHORT})
        texts = person.ask("ecosphere_request_held_list")
    except tk.NotAuthorized:
        return None
    count = requests["count"] + texts["count"]
    lines = [_line(request, tk._("to be accepted or not")) for request in requests["results"]]
    ways = [Link(tk._("Moderation"), tk.url_for("ecosphere_requests.moderation"))]
    if texts["count"]:
        ways.append(Link(tk._("Messages that wait"), tk.url_for("ecosphere_requests.held")))
    if count:
        return Card("to-moderate", tk._("Requests to moderate"), "gavel", count, lines, ways, 15)
    return None


def _own(person: Person) -> Card | None:
    newest = person.ask("ecosphere_request_list", {"scope": "mine", **SHORT})
    if not newest["count"]:
        return None
    # First, requests that await an answer by the user.
    asked_back = person.ask(
        "ecosphere_request_list", {"scope": "mine", "state": [states.NEEDS_INFO], **SHORT}
    )
    waiting = [_line(request, _awaited(request), urgent=True) for request in asked_back["results"]]
    # Then overdue ones, for which there are remedies.
    open_states = [state for state in states.ACTIVE if state != states.NEEDS_INFO]
    active = {"scope": "mine", "state": open_states, "sort": "due", **SHORT}
    late = [
        request
        for request in person.ask("ecosphere_request_list", active)["results"]
        if _is_late(request)
    ]
    overdue = [_line(request, _unanswered(request), urgent=True) for request in late]
    # Then answers without the user's opinion.
    answer_search = {"scope": "mine", "state": list(states.GIVEN), **SHORT}
    answers = [
        request
        for request in person.ask("ecosphere_request_list", answer_search)["results"]
        if not request["satisfied"]
    ]
    answered = [_line(request, _answered(request)) for request in answers]
    listed_ids = {request["id"] for request in (*asked_back["results"], *late, *answers)}
    others = [
        _line(request, request["state_label"])
        for request in newest["results"]
        if request["id"] not in listed_ids
    ]
    lines = [*waiting, *overdue, *answered, *others][:MOST_LINES]
    ways = [Link(tk._("My requests"), tk.url_for("ecosphere_requests.mine"))]
    return Card(
        "own-requests", tk._("My requests"), "envelope-open-text", newest["count"], lines, ways, 30
    )


def _is_late(request: dict[str, Any]) -> bool:
    return request["clock"]["state"] == "overdue"


def _unanswered(request: dict[str, Any]) -> str:
    return tk._("an answer was due on {date}: see what you may do").format(
        date=dates.day(request["due"])
    )


def _answered(request: dict[str, Any]) -> str:
    return tk._("{state}: say whether it was answered").format(state=request["state_label"])


def _awaited(request: dict[str, Any]) -> str:
    if not request["answer_by"]:
        return tk._("the service awaits your details")
    return tk._("the service awaits your details until {date}").format(
        date=dates.day(request["answer_by"])
    )


def _line(request: dict[str, Any], note: str, *, urgent: bool = False) -> Line:
    id_ = request["reference"] or request["id"]
    return Line(
        request["title"] or tk._("(no title)"),
        tk.url_for("ecosphere_requests.read", id=id_),
        note,
        urgent,
    )


def _clock(request: dict[str, Any]) -> str:
    if not request["due"]:
        return str(request["state_label"])
    late = request["clock"]["state"] == "overdue"
    text = tk._("late: an answer was due on {date}") if late else tk._("answer due on {date}")
    return text.format(date=dates.day(request["due"]))
