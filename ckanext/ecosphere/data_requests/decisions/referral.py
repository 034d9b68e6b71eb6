"""Referral of a refusal, or of silence, to the CADA, in French, ready for the requester to send.

Nothing is stored. Code des relations entre le public et l'administration, L. 342-1, R. 311-12, R.
311-13, R. 343-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.decisions.compose import rendered
from ckanext.ecosphere.data_requests.domain import clock, states, wording
from ckanext.ecosphere.data_requests.model import Event, Request
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates

SILENCE = "silence"
#: Transition → cause of the referral.
DECISIONS = {
    "refuse": "refused",
    "fulfil_partly": "partial",
    "not_held": "not_held",
    "reject": "rejected",
}
#: Closed states that are no decision of the service: an earlier implicit refusal remains one.
UNDECIDED = (states.EXPIRED, states.DUPLICATE)
REASONS = ("law", "facts", "reason", "missing")


@dataclass(frozen=True)
class Referral:
    """A referral to the commission.

    Attributes:
        why: silence, refused, partial, not_held or rejected.
        last: last day to refer the matter, counted from the decision or the end of the period.
        subject: one line; html: HTML fragment; plain: the same as plain text.
    """

    why: str
    last: date
    subject: str
    html: str
    plain: str


@cache
def texts() -> Row:
    """Read the texts of referrals (`data/referral.yaml`)."""
    return law.read("referral.yaml")


def cause(request: Request) -> tuple[str, date] | None:
    """Return the cause of a referral and its date; None when the requester has none (yet)."""
    if request.is_signal or request.submitted is None:
        return None
    if request.state in (*states.ACTIVE, *UNDECIDED):
        until = clock.day_of(request.closed or clock.now())
        if request.due and request.due < until:
            return (SILENCE, request.due)
        return None
    decision = _decision(request)
    if decision:
        return (DECISIONS[decision.transition], clock.day_of(decision.created))
    return None


def _decision(request: Request) -> Event | None:
    """Return the decision that closed a request, when it can be referred."""
    # An internal review changes neither the decision nor its date.
    query = sa.select(Event).where(
        Event.request_id == request.id, Event.transition.not_in(states.REVIEW)
    )
    last = model.Session.scalars(query.order_by(Event.id.desc()).limit(1)).one_or_none()
    contested = last is not None and last.transition in DECISIONS and not last.fields.get("spam")
    if contested:
        return last
    return None


def compose(request: Request, requester: model.User) -> Referral | None:
    """Compose the referral of a request; None when there is nothing to refer."""
    reason = cause(request)
    if reason is None:
        return None
    why, since = reason
    words = texts()
    values = {**_values(request), "decided": day(since)}
    last = law.last_day("refer", since)
    sections: list[tuple[str, list[str], bool]] = [
        ("", [words["opening"], *_said(why, values), words["request"]], False),
        (words["dates_heading"], _days(request, why, values, last), True),
        (words["description_heading"], request.description.split("\n\n"), False),
        (words["enclosed_heading"], words["enclosed"], True),
        ("", [words["enclosed_where"].format_map(values), words["closing"]], False),
    ]
    sender = [
        requester.display_name,
        request.requester_organisation,
        requester.email or "",
        words["identity"],
    ]
    subject = words["subject"].format_map(values)
    head = {
        "sender": [line for line in sender if line],
        "to": words["to"].format_map(values).split("\n"),
        "date": day(clock.today()),
        "title": words["title"],
        "subject": subject,
    }
    html = rendered("referral.html", head=head, sections=sections)
    plain = rendered("referral.txt", head=head, sections=sections)
    return Referral(why, last, subject, html, f"{plain}\n")


def _said(why: str, values: Row) -> list[str]:
    """Return what was asked and what became of it: a paragraph each."""
    words = texts()
    paragraphs = [words["asked"], words["object"], words[why]["text"]]
    if why != SILENCE:
        paragraphs += [words[name] for name in ("ground", *REASONS) if values.get(name)]
    return [paragraph.format_map(values) for paragraph in paragraphs]


def _days(request: Request, why: str, values: Row, last: date) -> list[str]:
    """Return the dates of the request, up to the last day to refer the matter."""
    days = [f"Demande reçue le {values['received']}"]
    if request.due:
        days.append(f"Réponse attendue au plus tard le {day(request.due)}")
    if why != SILENCE:
        days.append(f"Décision du {values['decided']}")
    code = texts()["code"]
    days.append(f"Délai de saisine : jusqu’au {day(last)} ({code}, article R. 343-1)")
    return days


def _values(request: Request) -> dict[str, str]:
    remedies = law.remedies()["commission"]
    outcome = request.outcome or {}
    group = letters.service_of(request, "")
    site = str(tk.config.get("ckan.site_url") or "").rstrip("/")
    ground = outcome.get("ground", "")
    received = day(clock.day_of(request.submitted)) if request.submitted else ""
    service = letters.sender_of(group).name if group else "service non désigné"
    return {
        **{name: str(outcome.get(name) or "") for name in REASONS},
        "reference": request.reference or "",
        "title": request.title,
        "received": received,
        "due": day(request.due),
        "service": service,
        "ground": _ground(ground, outcome.get("other_ground", "")),
        "portal": str(tk.config["ckan.site_title"]),
        "commission": remedies["name"]["fr"],
        "commission_address": remedies["address"],
        "url": f"{site}/demandes/{request.reference}",
    }


def _ground(key: str, other: str) -> str:
    ground = law.grounds().get(key)
    if ground:
        return f"{ground.label('fr')} ({ground.articles})"
    if other or not key:
        return other
    return wording.ground(key)


def day(value: date | None) -> str:
    """Return a date in French."""
    if value:
        return dates.in_language(value, "fr")
    return ""
