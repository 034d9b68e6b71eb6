"""What the pages of requests share: ways on, errors, the steps and fields of forms, and what was
typed in them.

What a form cannot read (an unknown commune, an incomplete rectangle) is reported here, all else by
the action. Both use the same names of fields.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import ckan.plugins.toolkit as tk
import redis
from ckan.common import _, session
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import INVALID, Errors, anybody
from ckanext.ecosphere.data_requests.domain import places, trust
from ckanext.ecosphere.shared.http_guard import taken_apart

CONFLICT = 409


def as_public(action: str, **data: Any) -> Any:
    """Call an action as an anonymous visitor, for content that is the same for
    all (feeds, public statistics).
    """
    return tk.get_action(action)(anybody(), data)


def is_known() -> bool:
    """Return whether the current user is logged in."""
    return bool(tk.current_user.is_authenticated)


def go_on(message: str, endpoint: str, **at: Any) -> AnyResponse:
    """Show a message of success on another page of requests, and lead there."""
    tk.h.flash_success(message)
    return tk.redirect_to(f"ecosphere_requests.{endpoint}", **at)


def status_of(errors: Errors | None) -> int:
    """Return the status of a form that is shown, with or without errors."""
    if errors:
        return INVALID
    return 200


# Forms.

SIDES = ("west", "south", "east", "north")
LONGITUDE, LATITUDE = 180, 90  # maximum absolute values, in degrees
#: Honeypot: a hidden field that only robots fill in.
TRAP = "site_web"
SEPARATORS = re.compile(r"[\n,;]+")


@dataclass(frozen=True)
class Step:
    """A page of the form.

    Attributes:
        id: its part of the URL.
        title: in the reader's language.
        fields: names of the fields of the request that it sets.
    """

    id: str
    title: str
    fields: tuple[str, ...]


def steps() -> tuple[Step, ...]:
    """Return the steps of the form, in order."""
    return (
        Step("quoi", _("What"), ("title", "description", "theme")),
        Step("usage", _("What for"), ("use", "procedure_reference", "show_procedure")),
        Step("territoire", _("Where"), ("territory", "communes", "bbox")),
        Step(
            "delais",
            _("When and how"),
            ("need_by", "formats", "crs", "scale", "period_start", "period_end", "known_datasets"),
        ),
        Step(
            "envoi",
            _("Visibility and sending"),
            ("visibility", "show_name", "requester_organisation", "requester_siret"),
        ),
    )


def step(id: str) -> Step | None:
    """Return the step with this id."""
    return next((candidate for candidate in steps() if candidate.id == id), None)


def neighbours(current: Step) -> tuple[Step | None, Step | None]:
    """Return the previous and the next step."""
    every = (None, *steps(), None)
    place = every.index(current)
    return every[place - 1], every[place + 1]


def read_step(current: Step, form: Mapping[str, str]) -> tuple[DataDict, Errors]:
    """Read the input of one step.

    Args:
        current: the step.
        form: the fields of the HTML form.

    Returns:
        values for the action (None for empty fields, so that they can be cleared), and errors by
        field. Values that could not be read are left out.
    """
    if current.id == "territoire":
        return _where(form)
    return {name: _read(name, form) for name in current.fields}, {}


def read_transition(fields: list[str], form: Mapping[str, str]) -> DataDict:
    """Read the fields of a transition, without empty ones."""
    data = {name: _read(name, form) for name in (*fields, "comment", "note")}
    return {name: value for name, value in data.items() if value not in (None, [], False)}


def _read(name: str, form: Mapping[str, str]) -> Any:
    if name in READERS:
        return READERS[name](form)
    return text(form, name) or None


def text(form: Mapping[str, str], name: str) -> str:
    """Return what was typed in a field; browsers send line ends as CR LF."""
    return form.get(name, "").replace("\r\n", "\n").strip()


def uploads(field: str) -> list[Any]:
    """Return the files of a field of the form that was sent."""
    return [file for file in request.files.getlist(field) if file.filename]


def in_order(errors: Errors, fields: Iterable[str]) -> Errors:
    """Sort errors by the order of the fields of a form; those of no field come last."""
    ranks = {name: rank for rank, name in enumerate(fields)}
    return dict(sorted(errors.items(), key=lambda error: ranks.get(error[0], len(ranks))))


def with_files(errors: Errors, field: str, uploads: list[Any]) -> Errors:
    """Add the message that files have to be chosen again,
    since a refused form does not keep them.
    """
    if not uploads:
        return errors
    again = [_("Choose your files again: as long as the form is not sent, none is kept.")]
    return {field: again, **errors}


def version(form: Mapping[str, str]) -> int:
    """Return the version of the request for which the form was rendered,
    0 if it is missing or invalid.
    """
    try:
        return int(form.get("version", ""))
    except ValueError:
        return 0


def refuse_machines(form: Mapping[str, str]) -> None:
    """Answer 400 when the honeypot was filled in."""
    if form.get(TRAP):
        tk.abort(400, _("The form was filled in by a program. Leave the hidden field empty."))


def dataset_names(typed: str) -> list[str]:
    """Read datasets typed or pasted by a user: names, ids or URLs of pages, on one or more lines.

    Words without a URL are kept together, as a title to search for.

    >>> dataset_names("https://portail.example/fr/dataset/zones-humides?x=1\\nppri-loire")
    ['zones-humides', 'ppri-loire']
    """
    entries = []
    for part in SEPARATORS.split(typed):
        if "/" in part:
            entries += part.split()
        else:
            entries.append(part.strip())
    names = dict.fromkeys(map(_dataset_name, entries))
    return [name for name in names if name]


def _dataset_name(entry: str) -> str:
    if "/" not in entry:
        return entry
    parts = [unquote(part) for part in taken_apart(entry).path.split("/") if part]
    if "dataset" in parts[:-1]:
        return parts[parts.index("dataset") + 1]
    return ""


def _where(form: Mapping[str, str]) -> tuple[DataDict, Errors]:
    """Read the place: territory, communes or rectangle, as selected."""
    data: DataDict = {"territory": None, "communes": None, "bbox": None}
    way = form.get("where") or "territory"
    if way == "communes":
        data["communes"], doubtful = places.read_communes(form.get("communes", ""))
        if doubtful:
            return {}, {"communes": [_doubt(entry, candidates) for entry, candidates in doubtful]}
        if not data["communes"]:
            return {}, {"communes": [_("Name at least one commune.")]}
    elif way == "bbox":
        data["bbox"], problem = _box(form)
        if problem:
            return {}, {"bbox": [problem]}
    else:
        data["territory"] = text(form, "territory")
        if not data["territory"]:
            return {}, {"territory": [_("Choose a territory, or another way to tell the place.")]}
    return data, {}


def _doubt(entry: str, candidates: list[places.Commune]) -> str:
    if not candidates:
        return _(
            "No commune is called “{name}”. Check the spelling or give its INSEE code."
        ).format(name=entry)
    choices = ", ".join(places.commune_label(commune.code) for commune in candidates[:6])
    return _("Several communes are called “{name}”: give the code of yours ({choices}).").format(
        name=entry, choices=choices
    )


def _box(form: Mapping[str, str]) -> tuple[list[float] | None, str]:
    """Read west, south, east and north in degrees; return the box, or what is wrong with it."""
    try:
        west, south, east, north = (float(form.get(side, "").replace(",", ".")) for side in SIDES)
    except ValueError:
        return None, _("Give the four sides of the rectangle in decimal degrees, for example 4.85.")
    if max(abs(west), abs(east)) > LONGITUDE or max(abs(south), abs(north)) > LATITUDE:
        return None, _("Longitudes go from -180 to 180 and latitudes from -90 to 90 degrees.")
    if not (west < east and south < north):  # also refuses NaN
        return None, _(
            "The west side must be smaller than the east side, and the south side than the north "
            "side."
        )
    return [west, south, east, north], ""


def _datasets(form: Mapping[str, str]) -> list[str]:
    """Read the datasets of an answer: those ticked, then those named."""
    ticked = form.getlist("dataset") if isinstance(form, MultiDict) else []
    return list(dict.fromkeys([*ticked, *dataset_names(form.get("datasets", ""))]))


def _links(form: Mapping[str, str]) -> list[str]:
    """Read the links of an answer, one a line."""
    lines = [line.strip() for line in form.get("links", "").split("\n")]
    return [line for line in lines if line]


def _ticked(name: str) -> Callable[[Mapping[str, str]], bool]:
    """Return the reader of a box."""
    return lambda form: bool(form.get(name))


#: Field → function that reads it from the form; other fields are texts.
READERS: dict[str, Callable[[Mapping[str, str]], Any]] = {
    "known_datasets": lambda form: dataset_names(form.get("known_datasets", "")),
    "datasets": _datasets,
    "links": _links,
    "files": lambda form: None,  # not in the form data: read by `act.transition`
    "show_name": _ticked("show_name"),
    "show_procedure": _ticked("show_procedure"),
    "ground_confirmed": _ticked("ground_confirmed"),
    "similar_seen": _ticked("similar_seen"),
}


# --- what anonymous people typed in the form of a new request, until they log in -----------------
#
# It is in Redis, since cookies are small and can be read. Redis also holds jobs and sessions, so
# the number of forms is limited by IP address and in total, as is their lifetime.

KEPT_TOKEN = "ecosphere_request_kept"  # noqa: S105 - key in the session
KEPT_SECONDS = 2 * 3600
#: Size and number of stored forms: 30 MB of Redis at most.
MOST_BYTES = 60_000
MOST_FORMS = 500


def keep_typed(values: Mapping[str, str]) -> None:
    """Store the fields of a form for the user's session, replacing an earlier one.

    Raises:
        ValidationError: nothing is stored: too many forms from this IP address or in total, a form
            too long, or Redis not available.
    """
    trust.count_form()
    written = json.dumps(dict(values))
    if len(written) > MOST_BYTES:
        message = _("The text is too long to be kept: log in first, then ask.")
        raise tk.ValidationError({"message": [message]})
    token = session.get(KEPT_TOKEN) or secrets.token_urlsafe(24)
    all_forms = _all_kept()
    try:
        connection = connect_to_redis()
        connection.zremrangebyscore(all_forms, 0, time.time())
        is_new = connection.zscore(all_forms, token) is None
        if is_new and connection.zcard(all_forms) >= MOST_FORMS:
            raise tk.ValidationError({"message": [_not_now()]})
        pipeline = connection.pipeline()
        pipeline.zadd(all_forms, {token: time.time() + KEPT_SECONDS})
        pipeline.expire(all_forms, KEPT_SECONDS)
        pipeline.set(_key_of_kept(token), written, ex=KEPT_SECONDS)
        pipeline.execute()
    except redis.RedisError:
        raise tk.ValidationError({"message": [_not_now()]}) from None
    session[KEPT_TOKEN] = token


def kept() -> dict[str, str]:
    """Return the form stored for the user, empty without one."""
    token = session.get(KEPT_TOKEN)
    written = connect_to_redis().get(_key_of_kept(token)) if token else None
    if not written:
        return {}
    return json.loads(written)  # pyright: ignore[reportArgumentType]


def forget_typed() -> None:
    """Delete the form stored for the user."""
    token = session.pop(KEPT_TOKEN, None)
    if token:
        connect_to_redis().delete(_key_of_kept(token))
        connect_to_redis().zrem(_all_kept(), token)


def _not_now() -> str:
    return _("What you typed cannot be kept at the moment: log in first, then send the form again.")


def _key_of_kept(token: str) -> str:
    return f"ecosphere:requests:kept:{tk.config['ckan.site_id']}:{token}"


def _all_kept() -> str:
    """Return the key of a sorted set: token → time of expiry, in seconds since 1970."""
    return f"ecosphere:requests:{tk.config['ckan.site_id']}:kept"
