"""Template helpers of the harvest."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest import config, job_progress, objects
from ckanext.ecosphere.harvest.messages import form_errors, labels, translation
from ckanext.ecosphere.harvest.overview import STATES
from ckanext.ecosphere.harvest.sources.csw_request import QUERYABLES
from ckanext.ecosphere.harvest.sources.source_type import enabled_types
from ckanext.ecosphere.shared import dates
from ckanext.harvest.model import UPDATE_FREQUENCIES

#: Functions that templates call under these names.
ecosphere_harvest_progress = job_progress.progress
ecosphere_harvest_outcome = labels.of_one
ecosphere_harvest_outcomes = labels.counted
ecosphere_harvest_reasons = labels.reasons
ecosphere_harvest_reason = labels.of_code
ecosphere_harvest_change = translation.change
ecosphere_harvest_form_errors = form_errors.by_field
ecosphere_harvest_form_summary = form_errors.summary


def ecosphere_harvest_job(job_id: str) -> dict[str, Any] | None:
    """What is known of a job of our source types; None for other jobs, and for people who may not see it."""
    try:
        return tk.get_action("ecosphere_harvest_job_show")({}, {"id": job_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_catalogues(package_id: str) -> dict[str, Any] | None:
    """The catalogues that have a dataset, as `ecosphere_harvest_catalogues_show` tells; None when it was not harvested.

    With `object_id`, the harvest object of its record, for people who may see how it became the dataset.
    """
    try:
        told = tk.get_action("ecosphere_harvest_catalogues_show")({}, {"id": package_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None
    if not told["published_from"]:
        return None
    object_id = objects.current(package_id)
    may_see = object_id and tk.h.check_access("ecosphere_harvest_record_show", {"id": object_id})
    return {**told, "object_id": object_id if may_see else None}


def ecosphere_harvest_territory_from(package_id: str | None, uris: list[str]) -> str:
    """What the territories of a harvested dataset were deduced from ("from the extent"); empty when they are stated."""
    told = objects.way_of(package_id, "territory") if package_id else None
    return translation.deduced_territory(*told, uris) if told else ""


def ecosphere_harvest_local(package_id: str) -> dict[str, Any] | None:
    """What of a harvested dataset may be changed on the portal for good; None when that is all of it.

    Returns:
        `catalogue` that it comes from; `fields` (name, label) that a harvest leaves as they are; `resources`, ids of
        those that were added on the portal.
    """
    try:
        told = tk.get_action("ecosphere_harvest_local_show")({}, {"id": package_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None
    if not told["catalogue"]:
        return None
    schema = tk.h.scheming_get_dataset_schema("dataset") if "scheming_get_dataset_schema" in tk.h else None
    fields = [
        {"name": field["field_name"], "label": tk.h.scheming_language_text(field["label"])}
        for field in (schema or {}).get("dataset_fields", ())
        if field["field_name"] in told["fields"]
    ]
    return {**told, "fields": fields}


def ecosphere_harvest_hold(source_id: str) -> dict[str, Any] | None:
    """Withdrawals of a source that wait for a person; None when there are none, or for people who may not see them."""
    try:
        return tk.get_action("ecosphere_harvest_withdrawals_show")({}, {"id": source_id})["hold"]
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_options() -> dict[str, list[str]]:
    """Names of the options of each of our source types, for the form of a source."""
    return {name: list(harvester.options) for name, harvester in enabled_types().items()}


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
    harvester = enabled_types().get(type_name)
    return tk._(harvester.title) if harvester else type_name


def ecosphere_harvest_letter_day() -> str:
    """Name of the day of the week on which the letter about the sources leaves."""
    monday = date(2024, 1, 1)
    return dates.day(monday + timedelta(days=config.letter_day() - 1), "EEEE")


def ecosphere_harvest_letter_hour() -> str:
    """Hour at which it leaves ("07:00")."""
    return f"{config.letter_hour():02}:00"


def ecosphere_harvest_states() -> list[tuple[str, str]]:
    """States of a source with their labels."""
    labels = {
        "held": tk._("Withdrawals to confirm"),
        "incomplete": tk._("Read incompletely"),
        "errors": tk._("With errors"),
        "running": tk._("Running"),
        "waiting": tk._("Waiting for a worker"),
        "never": tk._("Never harvested"),
        "good": tk._("In order"),
        "inactive": tk._("Not active"),
    }
    return [(state, labels[state]) for state in STATES]


def ecosphere_harvest_problems(report: dict[str, Any]) -> list[tuple[str, int]]:
    """Faults of the records of a job: sentence and number of records."""
    return [(labels.of_code(code), number) for code, number in (report.get("problems") or {}).items()]


def ecosphere_harvest_facet_label(item: dict[str, Any]) -> str:
    """The words for a frequency or a type of source in the list of sources; other values as they are."""
    name = item["name"]
    known = enabled_types()
    if name in known:
        return tk._(known[name].title)
    return tk._(name.title()) if name in UPDATE_FREQUENCIES else item.get("display_name") or name
