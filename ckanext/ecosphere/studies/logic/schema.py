"""Schemas of the actions, each named after its action, and how often a person may call them."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.action_input import (
    LINE,
    bounded,
    concept,
    flag,
    get,
    if_given,
    of,
    one_of,
    optional,
    required,
    texts,
    unless_missing,
    whole_number,
)
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import frames, store, suitability
from ckanext.ecosphere.studies.publications import reuses
from ckanext.ecosphere.studies.site import MOST_COMMUNES

LONGEST_TEXT, LONGEST_TITLE_OF_REQUEST, LONGEST_WHY = 5_000, 300, 1_000
#: Metres.
LARGEST_BUFFER = 20_000
MOST_ROWS, MOST_WORDS, MOST_THEMES = 100, 10, 5
LARGEST_NUMBER = 10**9
SIDES = 4


# --- validators ---


TEXT = bounded(LONGEST_TEXT, characters.clean)


def _use(value: Any) -> Any:
    return one_of(*suitability.uses())(value)


def frame(value: Any) -> frames.Frame:
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
    return value and frame(value).id


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


# --- parameters ---


NAME, OTHER_NAME = required(LINE), optional("", LINE)
WORDS, FLAG = optional("", TEXT), optional(False, flag)
NUMBER = whole_number(LARGEST_NUMBER)
CHANGED_TITLE = unless_missing(LINE, get("not_empty"))
TITLE_OF_REQUEST = bounded(LONGEST_TITLE_OF_REQUEST, characters.one_line)
STATE = one_of(store.ACTIVE, store.ARCHIVED)
PART = {"start": optional(0, NUMBER), "rows": optional(20, whole_number(MOST_ROWS))}
SITE = {
    "communes": if_given(texts(MOST_COMMUNES + 1)),
    "epci": if_given(LINE),
    "geojson": if_given(_geojson),
    "file": if_given(_upload),
    "label": OTHER_NAME,
    "buffer": optional(0, whole_number(LARGEST_BUFFER)),
}


# --- schemas ---

by_id = of(id=OTHER_NAME)
study_create = of(title=NAME, frame=if_given(frame), **SITE)
process = of(frame=required(frame), **SITE)
study_copy = of(id=OTHER_NAME, title=NAME, **SITE)
study_list = of(state=optional(store.ACTIVE, STATE), **PART)
study_update = of(id=OTHER_NAME, title=CHANGED_TITLE, state=if_given(STATE))
study_difference = of(id=OTHER_NAME, before=if_given(NUMBER), after=if_given(NUMBER))
study_need_create = of(
    id=OTHER_NAME,
    label=NAME,
    words=optional([], texts(MOST_WORDS)),
    themes=optional([], texts(MOST_THEMES)),
)
study_need_update = of(id=OTHER_NAME, need=NAME, relevant=optional(True, flag), why=WORDS)
study_dataset_update = of(
    id=OTHER_NAME,
    need=NAME,
    dataset=NAME,
    decision=if_given(one_of(*store.DECISIONS)),
    why=WORDS,
    replacement=OTHER_NAME,
)
study_member_add = of(id=OTHER_NAME, username=NAME, may_write=FLAG)
study_member_remove = of(id=OTHER_NAME, member=OTHER_NAME)
study_link_create = of(id=OTHER_NAME, may_write=FLAG)
study_link_open = of(token=OTHER_NAME)
#: What is not given is filled in from the need.
study_request = of(
    id=OTHER_NAME,
    need=NAME,
    title=unless_missing(TITLE_OF_REQUEST, get("not_empty")),
    description=unless_missing(TEXT, get("not_empty")),
    theme=unless_missing(concept("themes")),
    territory=unless_missing(concept("territories")),
    procedure=OTHER_NAME,
    visibility=if_given(one_of("public", "private")),
    dataset=OTHER_NAME,
    purpose=WORDS,
    until=if_given(get("isodate")),
    undertakes=FLAG,
    with_area=FLAG,
)
CHANGES = {
    "description": unless_missing(TEXT),
    "frame_id": unless_missing(_frame_id),
    "public": unless_missing(get("boolean_validator")),
}
#: All but its items, which may be many; what is not given stays as it is.
collection = of(title=CHANGED_TITLE, **CHANGES)
collection_create = of(title=NAME, organization=required(_service), **CHANGES)
collection_list = of(organization=if_given(_service), mine=FLAG, **PART)
reuse_list = of(
    scope=optional("public", one_of("public", "mine", "held")), package_id=if_given(LINE), **PART
)
reuse_create = of(
    kind=required(one_of(*reuses.KINDS)),
    title=NAME,
    url=required(_web_address),
    description=WORDS,
    packages=optional([], _public_ids),
)
reuse_moderate = of(
    id=OTHER_NAME, decision=required(one_of(reuses.PUBLISHED, reuses.REFUSED)), reason=WORDS
)
opinion_list = of(package_id=NAME)
opinion_save = of(
    package_id=NAME,
    use=required(_use),
    fits=[get("not_missing"), flag],
    why=optional("", bounded(LONGEST_WHY, characters.clean)),
)


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
        raise tk.ValidationError({"message": [rate_limits.too_often(error)]}) from None
