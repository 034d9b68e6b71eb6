"""Sources that call for a person, on a person's dashboard."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest import helpers
from ckanext.ecosphere.harvest.overview import ERRORS, HELD, INCOMPLETE
from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person

CALLING = (HELD, INCOMPLETE, ERRORS)


def cards(person: Person) -> list[Card]:
    """The sources that the person looks after and that are held, incomplete, or had errors."""
    try:
        sources = person.ask("ecosphere_harvest_overview")
    except tk.NotAuthorized:
        return []
    found = [each for each in sources if each["state"] in CALLING]
    if not found:
        return []
    found.sort(key=lambda each: (CALLING.index(each["state"]), each["title"]))
    labels = dict(helpers.ecosphere_harvest_states())
    lines = [
        Line(
            each["title"],
            tk.url_for("harvest.about", id=each["name"] or each["id"]),
            _note(each, labels[each["state"]]),
            True,
        )
        for each in found[:MOST_LINES]
    ]
    ways = [Link(tk._("All sources"), tk.url_for("ecosphere_harvest.sources"), "table")]
    return [Card("sources", tk._("Sources that need somebody"), "triangle-exclamation", len(found), lines, ways, 20)]


def _note(source: dict[str, object], label: str) -> str:
    errors = int(str(source["errors"] or 0))
    if not errors:
        return label
    counted = tk.ungettext("{number} error", "{number} errors", errors).format(number=tk.h.localised_number(errors))
    return f"{label}, {counted}"
