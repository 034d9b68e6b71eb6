"""Schemas of the actions, each named after its action `ecosphere_request_…`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.navl.dictization_functions import StopOnError, missing
from ckan.types import Context, DataDict, Schema

from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.logic import validators as v
from ckanext.ecosphere.shared.action_input import get, required, unless_missing


def flat(action: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate an action to get lists of dicts as JSON strings,
    since CKAN's navl would flatten them beforehand.
    """

    @wraps(action)
    def wrapper(context: Context, data_dict: DataDict | None = None) -> Any:
        data = dict(data_dict or {})
        for key, value in data.items():
            if isinstance(value, list) and any(isinstance(item, dict) for item in value):
                data[key] = json.dumps(value)
        return action(context, data)

    return wrapper


def _only(**fields: Any) -> Schema:
    """Return the schema of an action that ignores all other parameters."""
    return {**fields, "__extras": [get("ignore")]}


def _id() -> list[Any]:
    return [get("not_empty"), get("unicode_safe")]


def _text() -> list[Any]:
    return unless_missing(get("unicode_safe"))


def _choice(choices: Iterable[str]) -> list[Any]:
    return [get("not_empty"), get("one_of")(list(choices))]


def _version() -> list[Any]:
    return [get("not_empty"), get("int_validator"), v.stored_number]


def _start() -> list[Any]:
    return [get("default")(0), get("int_validator"), v.not_negative, v.stored_number]


def _rows() -> list[Any]:
    return [get("default")(20), get("int_validator"), v.not_negative, v.rows]


#: Field → validator; all are optional until the request is sent.
FIELDS: DataDict = {
    "description": v.long_text,
    "use": v.use,
    "procedure_reference": v.one_line,
    "theme": v.concept_of("themes"),
    "territory": v.concept_of("territories"),
    "communes": v.communes,
    "bbox": v.box,
    "need_by": v.a_day,
    "formats": v.texts,
    "crs": v.one_line,
    "scale": v.one_line,
    "period_start": v.a_day,
    "period_end": v.a_day,
    "known_datasets": v.texts,
    "requester_organisation": v.one_line,
    "requester_siret": v.siret,
}


def _request_fields() -> Schema:
    # `ignore_missing` would also drop an empty value; `_ignore_not_given` keeps it, so that fields
    # can be cleared.
    fields: Any = {name: [_ignore_not_given, validator] for name, validator in FIELDS.items()}
    fields["visibility"] = [_ignore_not_given, get("one_of")(["public", "private"])]
    fields["show_name"] = [_ignore_not_given, v.yes_or_no]
    fields["show_procedure"] = [_ignore_not_given, v.yes_or_no]
    fields["files"] = [_ignore_not_given, v.some_files]
    fields["site_web"] = [_ignore_not_given, v.empty_trap]
    fields["__extras"] = [get("ignore")]
    return fields


def _ignore_not_given(key: Any, data: Any, errors: Any, context: Any) -> None:
    if data.get(key) is missing:
        data.pop(key)
        raise StopOnError


def request_create() -> Schema:
    return {
        **_request_fields(),
        "title": required(v.one_line),
        "kind": unless_missing(get("one_of")(list(states.DEMANDS))),
        "dataset": _text(),
        "organization": unless_missing(v.service),
    }


def signal_create() -> Schema:
    return _only(
        dataset=_id(),
        kind=_choice(states.SIGNALS),
        description=required(v.report),
        site_web=unless_missing(v.empty_trap),
    )


def request_update() -> Schema:
    return {
        **_request_fields(),
        "title": [_ignore_not_given, get("not_empty"), v.one_line, get("not_empty")],
        "id": _id(),
        "version": _version(),
    }


def by_id() -> Schema:
    """Schema of the actions on one request."""
    return _only(id=_id())


def batch_add() -> Schema:
    return _only(id=_id(), organizations=[get("not_empty"), v.texts])


def request_list() -> Schema:
    return _only(
        q=unless_missing(v.one_line),
        state=unless_missing(v.texts, v.states_of_requests),
        organization=_text(),
        territory=_text(),
        theme=_text(),
        use=_text(),
        unanswered=unless_missing(v.yes_or_no),
        review=unless_missing(v.yes_or_no),
        assigned=unless_missing(get("one_of")(["mine", "nobody"])),
        sort=[
            get("default")("created"),
            get("one_of")(["relevance", "created", "support", "due"]),
        ],
        scope=[
            get("default")("public"),
            get("one_of")(["public", "mine", "desk", "moderation"]),
        ],
        start=_start(),
        rows=_rows(),
        facets=[get("default")(True), v.yes_or_no],
    )


def request_transition() -> Schema:
    """Schema of `ecosphere_request_transition`.

    The fields of each transition are checked by `fields`.
    """
    names: set[str] = set()
    for transition in states.TRANSITIONS.values():
        names.update(transition.fields)
    names -= {"comment", "similar_seen", "spam"}
    return _only(
        id=_id(),
        transition=_id(),
        version=_version(),
        comment=unless_missing(v.service_text),
        note=unless_missing(v.service_text),
        **{name: unless_missing(v.one_line) for name in letters.NAMES},
        **{name: [get("ignore_missing")] for name in sorted(names)},
        **{name: unless_missing(v.yes_or_no) for name in ("similar_seen", "spam")},
    )


def letter_preview() -> Schema:
    """Schema of `ecosphere_request_letter_preview`.

    The fields of each transition are checked by `fields`.
    """
    return {**request_transition(), "version": [get("ignore")]}


def place_and_theme() -> Schema:
    """Schema of the actions that search for similar requests or propose a service."""
    return _only(
        title=unless_missing(v.one_line),
        theme=unless_missing(v.concept_of("themes")),
        territory=unless_missing(v.concept_of("territories")),
        communes=unless_missing(v.communes),
        bbox=unless_missing(v.box),
        organization=unless_missing(v.service),
    )


def comment() -> Schema:
    return {
        "id": _id(),
        "text": required(v.long_text),
        "internal": [get("default")(False), v.yes_or_no],
        "upload": unless_missing(v.a_file),
        "site_web": unless_missing(v.empty_trap),
    }


def comment_hide() -> Schema:
    return {"id": _id(), "reason": required(v.one_line)}


def moderate() -> Schema:
    return _only(
        id=_id(),
        kind=_choice(["comment", "edit", "step"]),
        decision=_choice(["release", "reject", "spam"]),
        reason=[get("default")(""), v.one_line],
    )


def hide() -> Schema:
    return {"id": _id(), "hidden": [get("default")(True), v.yes_or_no]}


def satisfaction() -> Schema:
    return _only(
        id=_id(),
        satisfied=_choice(["yes", "no"]),
    )


def assign() -> Schema:
    return {"ids": [get("not_empty"), v.json_list], "user": _text()}


def absence_create() -> Schema:
    return _only(
        first=[get("not_empty"), v.a_day],
        last=[get("not_empty"), v.a_day],
        substitute=_text(),
        user=_text(),
    )


def saved_answer_save() -> Schema:
    return _only(
        organization=_id(),
        id=_text(),
        title=required(v.one_line),
        ground=unless_missing(v.ground),
        law=unless_missing(v.service_text),
        facts=unless_missing(v.service_text),
    )


def saved_answer_delete() -> Schema:
    return _only(organization=_id(), id=_id())


def of_organization() -> Schema:
    """Schema of the actions on the requests of a service."""
    return _only(organization=_id())


def desk() -> Schema:
    return {**of_organization(), "requests": [get("default")(True), v.yes_or_no]}


def stats() -> Schema:
    return _only(
        year=unless_missing(get("int_validator"), v.year),
        organization=_text(),
    )


def settings_update() -> Schema:
    languages = ["", *(tk.config["ckan.locales_offered"] or ("fr", "en"))]
    return _only(
        digest=[_ignore_not_given, get("one_of")(["immediate", "daily", "weekly", "none"])],
        language=[_ignore_not_given, get("one_of")(languages)],
        **{name: [_ignore_not_given, v.one_line] for name in letters.NAMES},
        new_calendar=unless_missing(v.yes_or_no),
    )


def of_user() -> Schema:
    """Schema of the actions on the data stored about a user."""
    return _only(user=_text())


def notification_seen() -> Schema:
    return _only(request=_text())


def notification_list() -> Schema:
    return _only(
        start=_start(),
        rows=_rows(),
    )
