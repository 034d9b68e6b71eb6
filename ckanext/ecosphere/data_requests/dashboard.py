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
        each
        for each in (_assigned(person), _to_answer(person), _to_review(person), _to_moderate(person), _own(person))
        if each
    ]


def links(person: Person) -> list[Link]:
    """Return the link to a new request."""
    return [Link(tk._("Ask for data"), tk.url_for("ecosphere_requests.new"), "envelope-open-text", 90)]


def _to_answer(person: Person) -> Card | None:
    found: list[dict[str, Any]] = []
    count, ways = 0, []
    search = {"scope": "desk", "state": sorted(states.ON_DESK), "sort": "due", **SHORT}
    for service in person.services:
        answer = person.ask("ecosphere_request_list", {**search, "organization": service.id})
        if answer["count"]:
            count, found = count + answer["count"], found + answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name)
            ways.append(Link(tk._("Desk of {service}").format(service=service.title), url))
    found.sort(key=lambda each: each["due"] or "9999")
    lines = [_line(each, _clock(each), urgent=each["clock"]["state"] == "overdue") for each in found[:MOST_LINES]]
    return Card("to-answer", tk._("Requests to answer"), "inbox", count, lines, ways, 10) if count else None


def _to_review(person: Person) -> Card | None:
    """Return the card of decisions with a pending internal review."""
    found: list[dict[str, Any]] = []
    count, ways = 0, []
    for service in person.services:
        search = {"scope": "desk", "review": True, **SHORT, "organization": service.id}
        answer = person.ask("ecosphere_request_list", search)
        if answer["count"]:
            count, found = count + answer["count"], found + answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name)
            ways.append(Link(tk._("Desk of {service}").format(service=service.title), url))
    found.sort(key=lambda each: each["review_due"])
    today = dictize.today().isoformat()
    answer_by = tk._("answer due on {date}")
    lines = [
        _line(each, answer_by.format(date=dates.day(each["review_due"])), urgent=each["review_due"] < today)
        for each in found[:MOST_LINES]
    ]
    return (
        Card("to-review", tk._("Internal reviews asked for"), "scale-balanced", count, lines, ways, 9)
        if count
        else None
    )


def _assigned(person: Person) -> Card | None:
    """Return the card of requests assigned to the user, or to an absent colleague whom they replace."""
    found: list[dict[str, Any]] = []
    count, ways = 0, []
    for service in person.services:
        search = {"scope": "desk", "assigned": "mine", "sort": "due", **SHORT, "organization": service.id}
        answer = person.ask("ecosphere_request_list", search)
        if answer["count"]:
            count, found = count + answer["count"], found + answer["results"]
            url = tk.url_for("ecosphere_requests.desk", organization=service.name, assigned="mine")
            ways.append(Link(tk._("My requests on the desk of {service}").format(service=service.title), url))
    found.sort(key=lambda each: each["due"] or "9999")
    lines = [_line(each, _clock(each), urgent=each["clock"]["state"] == "overdue") for each in found[:MOST_LINES]]
    return Card("assigned", tk._("Requests assigned to me"), "user-check", count, lines, ways, 8) if count else None


def _to_moderate(person: Person) -> Card | None:
    try:
        found = person.ask("ecosphere_request_list", {"scope": "moderation", **SHORT})
        held = person.ask("ecosphere_request_held_list")
    except tk.NotAuthorized:
        return None
    count = found["count"] + held["count"]
    lines = [_line(each, tk._("to be accepted or not")) for each in found["results"]]
    ways = [Link(tk._("Moderation"), tk.url_for("ecosphere_requests.moderation"))]
    if held["count"]:
        ways.append(Link(tk._("Messages that wait"), tk.url_for("ecosphere_requests.held")))
    return Card("to-moderate", tk._("Requests to moderate"), "gavel", count, lines, ways, 15) if count else None


def _own(person: Person) -> Card | None:
    found = person.ask("ecosphere_request_list", {"scope": "mine", **SHORT})
    if not found["count"]:
        return None
    # First, requests that await an answer by the user.
    asked = person.ask("ecosphere_request_list", {"scope": "mine", "state": [states.NEEDS_INFO], **SHORT})
    waiting = [_line(each, _awaited(each), urgent=True) for each in asked["results"]]
    # Then overdue ones, for which there are remedies.
    open_states = [each for each in states.ACTIVE if each != states.NEEDS_INFO]
    active = {"scope": "mine", "state": open_states, "sort": "due", **SHORT}
    late = [each for each in person.ask("ecosphere_request_list", active)["results"] if _is_late(each)]
    overdue = [_line(each, _unanswered(each), urgent=True) for each in late]
    # Then answers without the user's opinion.
    given = {"scope": "mine", "state": list(states.GIVEN), **SHORT}
    answers = [each for each in person.ask("ecosphere_request_list", given)["results"] if not each["satisfied"]]
    answered = [_line(each, _answered(each)) for each in answers]
    shown = {each["id"] for each in (*asked["results"], *late, *answers)}
    others = [_line(each, each["state_label"]) for each in found["results"] if each["id"] not in shown]
    lines = [*waiting, *overdue, *answered, *others][:MOST_LINES]
    ways = [Link(tk._("My requests"), tk.url_for("ecosphere_requests.mine"))]
    return Card("own-requests", tk._("My requests"), "envelope-open-text", found["count"], lines, ways, 30)


def _is_late(request: dict[str, Any]) -> bool:
    return request["clock"]["state"] == "overdue"


def _unanswered(request: dict[str, Any]) -> str:
    return tk._("an answer was due on {date}: see what you may do").format(date=dates.day(request["due"]))


def _answered(request: dict[str, Any]) -> str:
    return tk._("{state}: say whether it was answered").format(state=request["state_label"])


def _awaited(request: dict[str, Any]) -> str:
    if not request["answer_by"]:
        return tk._("the service awaits your details")
    return tk._("the service awaits your details until {date}").format(date=dates.day(request["answer_by"]))


def _line(request: dict[str, Any], note: str, *, urgent: bool = False) -> Line:
    id_ = request["reference"] or request["id"]
    return Line(request["title"] or tk._("(no title)"), tk.url_for("ecosphere_requests.read", id=id_), note, urgent)


def _clock(request: dict[str, Any]) -> str:
    if not request["due"]:
        return str(request["state_label"])
    late = request["clock"]["state"] == "overdue"
    text = tk._("late: an answer was due on {date}") if late else tk._("answer due on {date}")
    return text.format(date=dates.day(request["due"]))
