"""Card on the user's dashboard: harvest sources that need attention."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.harvest import helpers, letter
from ckanext.ecosphere.harvest.letter import KINDS, STALLED, stalled_sources
from ckanext.ecosphere.harvest.overview import INACTIVE, Row
from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person


def cards(person: Person) -> list[Card]:
    """Return the card with the user's sources that are stalled, incomplete, in error or held."""
    try:
        sources = person.ask("ecosphere_harvest_overview", {"counted": False})
    except tk.NotAuthorized:
        return []
    active = [source for source in sources if source["state"] != INACTIVE]
    stalled = stalled_sources(active, datetime.now(timezone.utc))
    stalled_ids = {source["id"] for source in stalled}
    rows = [(STALLED, source) for source in stalled]
    for source in active:
        if source["id"] not in stalled_ids and source["state"] in KINDS:
            rows.append((source["state"], source))
    if not rows:
        return []
    rows.sort(key=lambda row: (KINDS.index(row[0]), row[1]["title"]))
    lines = [_line(kind, source) for kind, source in rows[:MOST_LINES]]
    ways = [Link(tk._("All sources"), tk.url_for("ecosphere_harvest.sources"), "table")]
    return [
        Card(
            "sources",
            tk._("Sources that need somebody"),
            "triangle-exclamation",
            len(rows),
            lines,
            ways,
            20,
        )
    ]


def _line(kind: str, source: Row) -> Line:
    """Describe a source, linked to the page that explains its state."""
    if kind == STALLED:
        note = letter.sentence_about(kind, source)
    else:
        note = _note(kind, source)
    return Line(source["title"], letter.page_about(kind, source), note, True)


def _note(state: str, source: Row) -> str:
    label = dict(helpers.ecosphere_harvest_states())[state]
    errors = int(source["errors"] or 0)
    if not errors:
        return label
    counted = tk.ungettext("{number} error", "{number} errors", errors).format(
        number=tk.h.localised_number(errors)
    )
    return f"{label}, {counted}"


def links(person: Person) -> list[Link]:
    """Return the link to add a source, for those who may."""
    who: Any = {"user": person.name, "auth_user_obj": model.Session.get(model.User, person.id)}
    try:
        tk.check_access("harvest_source_create", who, {})
    except tk.NotAuthorized:
        return []
    return [Link(tk._("Add a source"), tk.url_for("harvest.new"), "cloud-arrow-down", 60)]
