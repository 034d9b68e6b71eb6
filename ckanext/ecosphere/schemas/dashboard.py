"""Dashboard contributions: the card of unfinished descriptions, and links to the forms."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.shared import dates


def cards(person: Person) -> list[Card]:
    """Return the card of the person's unfinished descriptions, if any."""
    try:
        found = person.ask("ecosphere_dataset_unfinished")
    except tk.NotAuthorized:
        return []
    if not found:
        return []
    lines = [
        Line(
            each["title"],
            tk.url_for("dataset.edit", id=each["id"]),
            tk._("begun on {date}").format(date=dates.day(each["begun"])),
        )
        for each in found[:MOST_LINES]
    ]
    ways = [Link(tk._("My datasets"), tk.url_for("dashboard.datasets"))]
    return [Card("unfinished", tk._("Unfinished descriptions"), "pen", len(found), lines, ways, 25)]


def links(person: Person) -> list[Link]:
    """Return the links to describe, import and bulk edit, for members of services and sysadmins."""
    if not (person.services or person.sysadmin):
        return []
    return [
        Link(tk._("Describe a dataset"), tk.url_for("dataset.new"), "plus"),
        Link(tk._("Start from an address"), tk.url_for("ecosphere_schemas.import_record"), "file-import"),
        Link(tk._("Change many datasets at once"), tk.url_for("ecosphere_bulk.edit"), "layer-group"),
    ]
