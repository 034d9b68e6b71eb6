"""Dashboard contributions: the card of unfinished descriptions, and links to the forms."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.common import _

from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.shared import dates


def cards(person: Person) -> list[Card]:
    """Return the card of the person's unfinished descriptions, if any."""
    try:
        unfinished = person.ask("ecosphere_dataset_unfinished")
    except tk.NotAuthorized:
        return []
    if not unfinished:
        return []
    lines = []
    for dataset in unfinished[:MOST_LINES]:
        note = _("begun on {date}").format(date=dates.day(dataset["begun"]))
        lines.append(Line(dataset["title"], tk.url_for("dataset.edit", id=dataset["id"]), note))
    ways = [Link(_("My datasets"), tk.url_for("dashboard.datasets"))]
    return [
        Card("unfinished", _("Unfinished descriptions"), "pen", len(unfinished), lines, ways, 25)
    ]


def links(person: Person) -> list[Link]:
    """Return the links to describe, import and bulk edit, for members of services and sysadmins."""
    if not (person.services or person.sysadmin):
        return []
    return [
        Link(_("Describe a dataset"), tk.url_for("dataset.new"), "plus"),
        Link(
            _("Start from an address"),
            tk.url_for("ecosphere_schemas.import_record"),
            "file-import",
        ),
        Link(_("Change many datasets at once"), tk.url_for("ecosphere_bulk.edit"), "layer-group"),
    ]
