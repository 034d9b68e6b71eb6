"""Dashboard card of saved searches."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.search.alerts import config
from ckanext.ecosphere.shared.mailing import sending


def cards(person: Person) -> list[Card]:
    """Return a card of the person's saved searches."""
    if not (config.alerts() and sending.is_configured()):
        return []
    found = person.ask("ecosphere_search_alert_list")
    lines = [Line(each["title"], each["url"]) for each in found[:MOST_LINES]]
    ways = [Link(tk._("My alerts"), tk.url_for("ecosphere_alerts.mine"))]
    return [Card("alerts", tk._("My alerts"), "bookmark", len(found), lines, ways, 60)] if found else []
