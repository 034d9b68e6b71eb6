"""Descriptions on a person's dashboard: those that were begun, and what can be begun."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.shared import dates


def cards(person: Person) -> list[Card]:
    """Descriptions that were begun and left."""
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
    """Describe, import, change many at once; for those who may."""
    if not (person.services or person.sysadmin):
        return []
    return [
        Link(tk._("Describe a dataset"), tk.url_for("dataset.new"), "plus"),
        Link(tk._("Start from an address"), tk.url_for("ecosphere_schemas.import_record"), "file-import"),
        Link(tk._("Change many datasets at once"), tk.url_for("ecosphere_bulk.edit"), "layer-group"),
    ]
