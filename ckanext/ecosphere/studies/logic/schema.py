"""Schemas of the actions, each named after its action, and how often a person may call them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Schema

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import frames, store, suitability
from ckanext.ecosphere.studies.publications import reuses
from ckanext.ecosphere.studies.site import MOST_COMMUNES

LONGEST_LINE, LONGEST_TEXT, LONGEST_TITLE_OF_REQUEST, LONGEST_WHY = 200, 5_000, 300, 1_000
LARGEST_BUFFER = 20_000
"""Metres."""
MOST_ROWS, MOST_WORDS, MOST_THEMES = 100, 10, 5
LARGEST_NUMBER = 10**9
SIDES = 4


def get(name: str) -> Any:
    """Return a validator of CKAN, or a function that makes one."""
    return tk.get_validator(name)


# --- validators ---


def _bounded(most: int, clean: Callable[[str], str]) -> Callable[[Any], str]:
    """Return the validator of a text of so many characters at most, which it cleans."""

    def validator(value: Any) -> str:
        if not isinstance(value, str):
            raise tk.Invalid(tk._("Give one text here."))
        if len(value) > most:
            raise tk.Invalid(tk._("Too long: {number} characters at most.").format(number=most))
        return clean(value)

    return validator


LINE = _bounded(LONGEST_LINE, characters.one_line)
TEXT = _bounded(LONGEST_TEXT, characters.clean)


def _texts(most: int) -> Callable[[Any], list[str]]:
    """Return the validator of a list of texts, given as such or as one text with commas or on lines."""

    def validator(value: Any) -> list[str]:
        parts = value
        if isinstance(value, str):
            parts = re.split("[,;\n]", value[: most * LONGEST_LINE])
        if not isinstance(parts, list) or len(parts) > most:
            raise tk.Invalid(tk._("Give a list of {number} texts at most.").format(number=most))
        texts = [LINE(part) for part in parts]
        return [text for text in texts if text]

    return validator


def _number(most: int) -> Callable[[Any], int]:
    """Return the validator of a whole number from 0."""

    def validator(value: Any) -> int:
        text = str(value)[:20]
        if not text.isascii() or not text.isdecimal() or int(text) > most:
            raise tk.Invalid(tk._("Give a whole number from 0 to {most}.").format(most=most))
        return int(text)

    return validator


def _flag(value: Any) -> bool:
    try:
        return tk.asbool(value)
    except (TypeError, ValueError):
        raise tk.Invalid(tk._("Answer yes or no.")) from None


def _concept(vocabulary: str) -> Callable[[Any], str]:
    def validator(value: Any) -> str:
        if value and voc.get(vocabulary).get(LINE(value)) is None:
            raise tk.Invalid(tk._("This is not in the list: choose one of its entries."))
        return value

    return validator


def _frame(value: Any) -> frames.Frame:
    frame = frames.frame(LINE(value))
    if frame is None:
        raise tk.Invalid(tk._("There is no such frame."))
    return frame


def _geojson(value: Any) -> str:
    """Return GeoJSON as a text, that of a rectangle for its four sides in degrees."""
    if not isinstance(value, str):
        return json.dumps(value)
    if value.strip().startswith(("{", "[")):
        return value
    sides = geometry.read_coordinates(value)
    if len(sides) != SIDES or sides[0] >= sides[2] or sides[1] >= sides[3]:
        message = tk._("Draw a rectangle, give its four sides in degrees, or GeoJSON.")
        raise tk.Invalid(message)
    west, south, east, north = sides
    return json.dumps(geometry.box_to_geometry((west, south, east, north)))


def _frame_id(value: Any) -> str:
    return value and _frame(value).id


def _service(value: Any) -> str:
    """Return the id of a service."""
    group = model.Group.get(LINE(value))
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.Invalid(tk._("Choose the service that publishes it."))
    return group.id


def _web_address(value: Any) -> str:
    url = reuses.safe_address(str(value))
    if not url:
        raise tk.Invalid(tk._("Give the address of a public web page, with https://."))
    return url


def _public_ids(value: Any) -> list[str]:
    ids = reuses.public_ids(value)
    if not ids:
        raise tk.Invalid(tk._("Name the public datasets that it uses, fifty at most."))
    return ids


def _upload(value: Any) -> Any:
    if not hasattr(value, "stream"):
        raise tk.Invalid(tk._("Send a file here."))
    return value


# --- schemas ---


def _required(*validators: Any) -> list[Any]:
    """Return the validators of a value that must be given, and not be empty once it is cleaned."""
    return [get("not_empty"), *validators, get("not_empty")]


def _optional(default: Any, *validators: Any) -> list[Any]:
    return [get("default")(default), *validators]


def _if_given(*validators: Any) -> list[Any]:
    return [get("ignore_empty"), *validators]


def _unless_missing(*validators: Any) -> list[Any]:
    return [get("ignore_missing"), *validators]


def by_id() -> Schema:
    """Schema of what is asked of one study, member, frame…"""
    return {"__extras": [get("ignore")], "id": _optional("", LINE)}


def _part() -> Schema:
    """Schema of which part of a list is asked for."""
    return {
        "start": _optional(0, _number(LARGEST_NUMBER)),
        "rows": _optional(20, _number(MOST_ROWS)),
    }


def study_copy() -> Schema:
    return {
        **by_id(),
        "title": _required(LINE),
        "communes": _if_given(_texts(MOST_COMMUNES + 1)),
        "epci": _if_given(LINE),
        "geojson": _if_given(_geojson),
        "file": _if_given(_upload),
        "label": _optional("", LINE),
        "buffer": _optional(0, _number(LARGEST_BUFFER)),
    }


def study_create() -> Schema:
    return {**study_copy(), "frame": _if_given(_frame)}


def study_list() -> Schema:
    return {
        **by_id(),
        "state": _optional(store.ACTIVE, get("one_of")([store.ACTIVE, store.ARCHIVED])),
        **_part(),
    }


def study_update() -> Schema:
    return {
        **by_id(),
        "title": _unless_missing(LINE, get("not_empty")),
        "state": _if_given(get("one_of")([store.ACTIVE, store.ARCHIVED])),
    }


def study_difference() -> Schema:
    number = _number(LARGEST_NUMBER)
    return {**by_id(), "before": _if_given(number), "after": _if_given(number)}


def study_need_create() -> Schema:
    return {
        **by_id(),
        "label": _required(LINE),
        "words": _optional([], _texts(MOST_WORDS)),
        "themes": _optional([], _texts(MOST_THEMES)),
    }


def study_need_update() -> Schema:
    return {
        **by_id(),
        "need": _required(LINE),
        "relevant": _optional(True, _flag),
        "why": _optional("", TEXT),
    }


def study_dataset_update() -> Schema:
    return {
        **by_id(),
        "need": _required(LINE),
        "dataset": _required(LINE),
        "decision": _if_given(get("one_of")(store.DECISIONS)),
        "why": _optional("", TEXT),
        "replacement": _optional("", LINE),
    }


def study_member_add() -> Schema:
    return {**study_link_create(), "username": _required(LINE)}


def study_link_create() -> Schema:
    return {**by_id(), "may_write": _optional(False, _flag)}


def study_member_remove() -> Schema:
    return {**by_id(), "member": _optional("", LINE)}


def study_link_open() -> Schema:
    return {**by_id(), "token": _optional("", LINE)}


def study_request() -> Schema:
    """Schema of `ecosphere_study_request`; what is not given is filled in from the need."""
    title = _bounded(LONGEST_TITLE_OF_REQUEST, characters.one_line)
    return {
        **by_id(),
        "need": _required(LINE),
        "title": _unless_missing(title, get("not_empty")),
        "description": _unless_missing(TEXT, get("not_empty")),
        "theme": _unless_missing(_concept("themes")),
        "territory": _unless_missing(_concept("territories")),
        "procedure": _optional("", LINE),
        "visibility": _if_given(get("one_of")(["public", "private"])),
        "dataset": _optional("", LINE),
        "purpose": _optional("", TEXT),
        "until": _if_given(get("isodate")),
        "undertakes": _optional(False, _flag),
        "with_area": _optional(False, _flag),
    }


def collection() -> Schema:
    """Schema of a collection but for its items, which may be many; what is not given stays as it is."""
    return {
        "__extras": [get("ignore")],
        "title": _unless_missing(LINE, get("not_empty")),
        "description": _unless_missing(TEXT),
        "frame_id": _unless_missing(_frame_id),
        "public": _unless_missing(get("boolean_validator")),
    }


def collection_create() -> Schema:
    return {**collection(), "title": _required(LINE), "organization": _required(_service)}


def collection_list() -> Schema:
    return {**_part(), "organization": _if_given(_service), "mine": _optional(False, _flag)}


def reuse_list() -> Schema:
    return {
        **_part(),
        "scope": _optional("public", get("one_of")(["public", "mine", "held"])),
        "package_id": _if_given(LINE),
    }


def reuse_create() -> Schema:
    return {
        "__extras": [get("ignore")],
        "kind": _required(get("one_of")(list(reuses.KINDS))),
        "title": _required(LINE),
        "url": _required(_web_address),
        "description": _optional("", TEXT),
        "packages": _optional([], _public_ids),
    }


def reuse_moderate() -> Schema:
    decisions = [reuses.PUBLISHED, reuses.REFUSED]
    return {
        **by_id(),
        "decision": _required(get("one_of")(decisions)),
        "reason": _optional("", TEXT),
    }


def opinion_list() -> Schema:
    return {"package_id": _required(LINE)}


def opinion_save() -> Schema:
    return {
        **opinion_list(),
        "use": _required(get("one_of")(list(suitability.uses()))),
        "fits": [get("not_missing"), _flag],
        "why": _optional("", _bounded(LONGEST_WHY, characters.clean)),
    }


# --- how often ---


def count(name: str, rate: str, person_id: str) -> None:
    """Count something that a person does.

    Args:
        rate: how often they may, as `rate_limits.hit` reads it.

    Raises:
        ValidationError: too often.
    """
    try:
        rate_limits.hit(name, rate, person_id, fallback=True)
    except rate_limits.TooMany as error:
        sentence = tk._("This was done too often in a short time.")
        again = rate_limits.try_again(error.seconds)
        raise tk.ValidationError({"message": [f"{sentence} {again}"]}) from None
