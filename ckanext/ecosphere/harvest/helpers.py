"""Template helpers of the harvest, and the progress of jobs as numbers and as a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.harvest import config, messages, objects
from ckanext.ecosphere.harvest.finish import reports
from ckanext.ecosphere.harvest.finish.reports import UNDO_REASONS
from ckanext.ecosphere.harvest.model import now
from ckanext.ecosphere.harvest.overview import STATES
from ckanext.ecosphere.harvest.problems import SENTENCES
from ckanext.ecosphere.harvest.sources.base import enabled_types
from ckanext.ecosphere.harvest.sources.csw import QUERYABLES
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.shared import dates
from ckanext.harvest.model import UPDATE_FREQUENCIES

_LEAST_SECONDS = 1.0


def progress(state: DataDict) -> DataDict:
    """Return the progress of a job.

    Args:
        state: as returned by `ecosphere_harvest_job_show`.

    Returns:
        `done` and `total` (None while the source has not announced it), `rate` in records per
        second (None at the beginning), and `text`, a sentence with all of it and the number of held
        withdrawals.
    """
    if state["stage"] == "gather":
        done, total = state["received"], state["announced"]
        sentence = tk._("{done} of {total} records read")
    else:
        done, total = state["waiting"] - state["left"], state["waiting"]
        sentence = tk._("{done} of {total} changed records imported")
    rate = _rate(done, state.get("started"))
    parts = [sentence.format(done=done, total="?" if total is None else total)]
    if rate:
        parts.append(tk._("{rate} records/s").format(rate=f"{rate:.1f}"))
    if state.get("held"):
        parts.append(tk._("{number} withdrawals held").format(number=state["held"]))
    return {"done": done, "total": total, "rate": rate, "text": ", ".join(parts)}


def of_undo(undo: DataDict | None) -> DataDict:
    """Return the progress of the undo of a job, as its page asks for it.

    Args:
        undo: as returned by `ecosphere_harvest_changes_list`.

    Returns:
        `stage` ("done" once it is over), `done`, `total`, and `text`, a sentence.
    """
    if undo is None or undo["finished"]:
        return {"stage": "done"}
    numbers = {name: undo[name] for name in ("done", "total")}
    return {
        "stage": "undo",
        "text": tk._("{done} of {total} datasets looked at").format(**numbers),
        **numbers,
    }


def _rate(done: int, started: str | None) -> float | None:
    if not started or not done:
        return None
    seconds = (now() - datetime.fromisoformat(started)).total_seconds()
    return done / max(seconds, _LEAST_SECONDS)


#: Template names of functions in other modules.
ecosphere_harvest_progress = progress
ecosphere_harvest_outcome = messages.outcome_of_one
ecosphere_harvest_outcomes = messages.counted
ecosphere_harvest_reasons = messages.reasons
ecosphere_harvest_reason = messages.reason
ecosphere_harvest_change = messages.labelled
ecosphere_harvest_form_errors = messages.form_errors
ecosphere_harvest_form_summary = messages.form_summary


def _answer(action: str, id_: str) -> Any:
    """Return what an action answers to the current user.

    None if it finds nothing or is not allowed.
    """
    try:
        return tk.get_action(action)({}, {"id": id_})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def ecosphere_harvest_job(job_id: str) -> DataDict | None:
    """Return the state of a job of our source types; None for other jobs or without permission."""
    return _answer("ecosphere_harvest_job_show", job_id)


def ecosphere_harvest_catalogues(package_id: str) -> DataDict | None:
    """Return the catalogues that have a dataset (`ecosphere_harvest_catalogues_show`); None if it
    was not harvested.

    `object_id` is the harvest object of its record, for people allowed to see how it became the
    dataset.
    """
    catalogues = _answer("ecosphere_harvest_catalogues_show", package_id)
    if not catalogues or not catalogues["published_from"]:
        return None
    object_id = objects.current(package_id)
    if object_id and not tk.h.check_access("ecosphere_harvest_record_show", {"id": object_id}):
        object_id = None
    return {**catalogues, "object_id": object_id}


def ecosphere_harvest_territory_from(package_id: str | None, uris: list[str]) -> str:
    """Return what the territories of a harvested dataset were deduced from ("from the extent");
    "" if stated.
    """
    decision = objects.last_decision(package_id, "territory") if package_id else None
    return messages.deduced_territory(*decision, uris) if decision else ""


def ecosphere_harvest_local(package_id: str) -> DataDict | None:
    """Return which parts of a harvested dataset can be changed permanently on the portal; None if
    all of them can.

    Returns:
        `catalogue` that it comes from; `fields` (name, label) that a harvest leaves unchanged;
        `resources`, ids of those added on the portal; `edits`, as `ecosphere_harvest_edits`.
    """
    local = _answer("ecosphere_harvest_local_show", package_id)
    if not local or not local["catalogue"]:
        return None
    fields = []
    for name in local["fields"]:
        field = messages.definition(name)
        if field:
            fields.append({"name": name, "label": tk.h.scheming_language_text(field["label"])})
    return {**local, "fields": fields, "edits": _described(local["edits"])}


def ecosphere_harvest_edits(package_id: str) -> list[DataDict]:
    """Return the local edits of a dataset (`ecosphere_harvest_edits_list`), as pages show them.

    Returns:
        for each also its `key` ("resource/field"), `label`, `date` in words, and `display`, its
        field of the schema if a snippet of the schema shows its values.
    """
    return _described(_answer("ecosphere_harvest_edits_list", package_id) or [])


def _described(edits: list[DataDict]) -> list[DataDict]:
    for edit in edits:
        name, kind = edit["field"], "resource_fields" if edit["resource"] else "dataset_fields"
        field = messages.definition(name, kind)
        edit["label"] = tk.h.scheming_language_text(field["label"]) if field else name
        edit["display"] = field if field.get("display_snippet") else None
        if edit["resource"]:
            resource: Any = model.Resource.get(edit["resource"])
            edit["label"] = f"{resource.name or resource.url} – {edit['label']}"
        if name == local_edits.TAGS:
            edit["source"] = ", ".join(edit["source"] or [])
            edit["display"] = None
        if name == "owner_org":
            service = model.Group.get(edit["source"])
            edit["source"] = service.display_name if service else ""
            edit["display"] = None
        edit["key"] = f"{edit['resource'] or ''}/{name}"
        edit["date"] = dates.day(edit["since"])
    return edits


def ecosphere_harvest_hold(source_id: str) -> DataDict | None:
    """Return the held withdrawals of a source; None without any or without permission."""
    withdrawals = _answer("ecosphere_harvest_withdrawals_show", source_id)
    return withdrawals["hold"] if withdrawals else None


def ecosphere_harvest_options() -> dict[str, list[str]]:
    """Return the names of the options of each of our source types, for the form of a source."""
    return {name: list(harvester.options) for name, harvester in enabled_types().items()}


def _labels(section: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    labels = SENTENCES[section]
    return [(code, tk._(labels[code])) for code in codes]


def ecosphere_harvest_queryables() -> list[tuple[str, str]]:
    """Return the properties that a catalogue filter may use, with their labels."""
    return _labels("queryables", QUERYABLES)


def ecosphere_harvest_type_title(type_name: str) -> str:
    """Return the title of a source type."""
    harvester = enabled_types().get(type_name)
    return tk._(harvester.title) if harvester else type_name


def ecosphere_harvest_letter_day() -> str:
    """Return the name of the weekday on which the letter is sent; empty for a daily one."""
    if config.letter_period() == "day":
        return ""
    monday = date(2024, 1, 1)
    return dates.day(monday, "EEEE")


def ecosphere_harvest_states() -> list[tuple[str, str]]:
    """Return the states of a source with their labels."""
    return _labels("states", STATES)


def ecosphere_harvest_problems(report: DataDict) -> list[tuple[str, int]]:
    """Return the problems of the records of a job: message and number of records."""
    numbers = report.get("problems") or {}
    return [(messages.reason(code), number) for code, number in numbers.items()]


def ecosphere_harvest_undone(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return what the undo of a job did: sentence and number of datasets."""
    return [
        (tk._(sentence), counts[code])
        for code, sentence in UNDO_REASONS.items()
        if counts.get(code)
    ]


def ecosphere_harvest_not_shown(reason: str) -> str:
    """Return why records of a source are not shown, as a sentence."""
    return tk._(reports.UNSHOWN[reason])


def ecosphere_harvest_facet_label(item: DataDict) -> str:
    """Return the label of a frequency or source type in the list of sources.

    Other values as they are.
    """
    name = item["name"]
    if name in UPDATE_FREQUENCIES:
        return tk._(name.title())
    if name in enabled_types():
        return ecosphere_harvest_type_title(name)
    return item.get("display_name") or name
