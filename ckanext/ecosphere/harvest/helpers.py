"""Template helpers of the harvest."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.harvest import config, decisions, job_progress, messages, objects
from ckanext.ecosphere.harvest.finish import reconciliation
from ckanext.ecosphere.harvest.finish.changes import UNDO_REASONS
from ckanext.ecosphere.harvest.overview import STATES
from ckanext.ecosphere.harvest.sources.csw_request import QUERYABLES
from ckanext.ecosphere.harvest.sources.source_type import enabled_types
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.shared import dates
from ckanext.harvest.model import UPDATE_FREQUENCIES

#: Template names of functions in other modules.
ecosphere_harvest_progress = job_progress.progress
ecosphere_harvest_outcome = messages.outcome_of_one
ecosphere_harvest_outcomes = messages.counted
ecosphere_harvest_reasons = messages.reasons
ecosphere_harvest_reason = messages.reason
ecosphere_harvest_change = decisions.labelled
ecosphere_harvest_form_errors = messages.form_errors
ecosphere_harvest_form_summary = messages.form_summary


def ecosphere_harvest_job(job_id: str) -> dict[str, Any] | None:
    """Return the state of a job of our source types; None for other jobs or without permission."""
    try:
        return tk.get_action("ecosphere_harvest_job_show")({}, {"id": job_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_catalogues(package_id: str) -> dict[str, Any] | None:
    """Return the catalogues that have a dataset (`ecosphere_harvest_catalogues_show`); None if it was not harvested.

    `object_id` is the harvest object of its record, for people allowed to see how it became the dataset.
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
    """Return what the territories of a harvested dataset were deduced from ("from the extent"); "" if stated."""
    told = objects.way_of(package_id, "territory") if package_id else None
    return decisions.deduced_territory(*told, uris) if told else ""


def ecosphere_harvest_local(package_id: str) -> dict[str, Any] | None:
    """Return which parts of a harvested dataset can be changed permanently on the portal; None if all of them can.

    Returns:
        `catalogue` that it comes from; `fields` (name, label) that a harvest leaves unchanged; `resources`, ids of
        those added on the portal; `edits`, as `ecosphere_harvest_edits`.
    """
    try:
        told = tk.get_action("ecosphere_harvest_local_show")({}, {"id": package_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None
    if not told["catalogue"]:
        return None
    definitions = {name: _definition(name, "dataset_fields") for name in told["fields"]}
    fields = [
        {"name": name, "label": tk.h.scheming_language_text(field["label"])}
        for name, field in definitions.items()
        if field
    ]
    return {**told, "fields": fields, "edits": _described(told["edits"])}


def ecosphere_harvest_edits(package_id: str) -> list[dict[str, Any]]:
    """Return the local edits of a dataset (`ecosphere_harvest_edits_list`), as pages show them.

    Returns:
        for each also its `key` ("resource/field"), `label`, `date` in words, and `display`, its field of the schema if
        a snippet of the schema shows its values.
    """
    try:
        return _described(tk.get_action("ecosphere_harvest_edits_list")({}, {"id": package_id}))
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return []


def _described(edits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for edit in edits:
        field = _definition(edit["field"], "resource_fields" if edit["resource"] else "dataset_fields")
        edit["label"] = tk.h.scheming_language_text(field["label"]) if field else edit["field"]
        edit["display"] = field if field.get("display_snippet") else None
        if edit["resource"]:
            resource: Any = model.Resource.get(edit["resource"])
            edit["label"] = f"{resource.name or resource.url} – {edit['label']}"
        if edit["field"] == local_edits.TAGS:
            edit["source"], edit["display"] = ", ".join(edit["source"] or []), None
        if edit["field"] == "owner_org":
            service = model.Group.get(edit["source"])
            edit["source"], edit["display"] = service.display_name if service else "", None
        edit["key"] = f"{edit['resource'] or ''}/{edit['field']}"
        edit["date"] = dates.day(edit["since"])
    return edits


def _definition(name: str, kind: str) -> dict[str, Any]:
    """Return a field of the dataset schema; an empty one if there is none."""
    schema = tk.h.scheming_get_dataset_schema("dataset") if "scheming_get_dataset_schema" in tk.h else None
    for field in (schema or {}).get(kind, ()):
        if field["field_name"] == name:
            return field
    return {}


def ecosphere_harvest_hold(source_id: str) -> dict[str, Any] | None:
    """Return the held withdrawals of a source; None without any or without permission."""
    try:
        return tk.get_action("ecosphere_harvest_withdrawals_show")({}, {"id": source_id})["hold"]
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_options() -> dict[str, list[str]]:
    """Return the names of the options of each of our source types, for the form of a source."""
    return {name: list(harvester.options) for name, harvester in enabled_types().items()}


def ecosphere_harvest_queryables() -> list[tuple[str, str]]:
    """Return the properties that a catalogue filter may use, with their labels."""
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
    """Return the title of a source type."""
    harvester = enabled_types().get(type_name)
    return tk._(harvester.title) if harvester else type_name


def ecosphere_harvest_letter_day() -> str:
    """Return the name of the weekday on which the letter is sent; empty for a daily one."""
    if config.letter_period() == "day":
        return ""
    monday = date(2024, 1, 1)
    return dates.day(monday + timedelta(days=config.letter_day() - 1), "EEEE")


def ecosphere_harvest_letter_hour() -> str:
    """Return the hour at which the letter is sent ("07:00")."""
    return f"{config.letter_hour():02}:00"


def ecosphere_harvest_states() -> list[tuple[str, str]]:
    """Return the states of a source with their labels."""
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
    """Return the problems of the records of a job: message and number of records."""
    return [(messages.reason(code), number) for code, number in (report.get("problems") or {}).items()]


def ecosphere_harvest_undone(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return what the undo of a job did: sentence and number of datasets."""
    return [(tk._(sentence), counts[code]) for code, sentence in UNDO_REASONS.items() if counts.get(code)]


def ecosphere_harvest_not_shown(reason: str) -> str:
    """Return why records of a source are not shown, as a sentence."""
    return tk._(reconciliation.REASONS[reason])


def ecosphere_harvest_facet_label(item: dict[str, Any]) -> str:
    """Return the label of a frequency or source type in the list of sources; other values as they are."""
    name = item["name"]
    known = enabled_types()
    if name in known:
        return tk._(known[name].title)
    return tk._(name.title()) if name in UPDATE_FREQUENCIES else item.get("display_name") or name
