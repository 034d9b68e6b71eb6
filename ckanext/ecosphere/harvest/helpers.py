"""Helpers of the room's templates."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest.overview import STATES
from ckanext.ecosphere.harvest.sources.csw_request import QUERYABLES
from ckanext.ecosphere.harvest.sources.harvester import harvesters


def ecosphere_harvest_job(job_id: str) -> dict[str, Any] | None:
    """What is known of a job of our source types; None for other jobs, and for people who may not see it."""
    try:
        return tk.get_action("ecosphere_harvest_job_show")({}, {"id": job_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_hold(source_id: str) -> dict[str, Any] | None:
    """Withdrawals of a source that wait for a person; None when there are none, or for people who may not see them."""
    try:
        return tk.get_action("ecosphere_harvest_withdrawals_show")({}, {"id": source_id})["hold"]
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_options() -> dict[str, list[str]]:
    """Names of the options of each of our source types, for the form of a source."""
    return {name: list(harvester.options) for name, harvester in harvesters().items()}


def ecosphere_harvest_queryables() -> list[tuple[str, str]]:
    """Properties that a filter of a catalogue may name, with their labels."""
    labels = {
        "identifier": tk._("Identifier"),
        "title": tk._("Title"),
        "abstract": tk._("Description"),
        "subject": tk._("Keyword"),
        "type": tk._("Type"),
        "organisation": tk._("Service"),
        "modified": tk._("Date of the record"),
        "any": tk._("Any text"),
    }
    return [(name, labels[name]) for name in QUERYABLES]


def ecosphere_harvest_type_title(type_name: str) -> str:
    """What a type of source is called."""
    harvester = harvesters().get(type_name)
    return tk._(harvester.title) if harvester else type_name


def ecosphere_harvest_states() -> list[tuple[str, str]]:
    """States of a source with their labels."""
    labels = {
        "held": tk._("Withdrawals to confirm"),
        "incomplete": tk._("Read incompletely"),
        "errors": tk._("With errors"),
        "running": tk._("Running"),
        "never": tk._("Never harvested"),
        "good": tk._("In order"),
        "inactive": tk._("Not active"),
    }
    return [(state, labels[state]) for state in STATES]
