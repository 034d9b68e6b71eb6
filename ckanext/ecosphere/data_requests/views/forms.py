"""What all pages of requests share: actions as the current user, log-in, error pages; steps, fields and input of forms.

What a form cannot read (an unknown commune, an incomplete rectangle) is reported here, all else by the action. Both use
the same names of fields.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from flask import Response, current_app, make_response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import INVALID, Errors, View
from ckanext.ecosphere.data_requests.domain import places, states
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.ecosphere.shared.queue import StillCounted
from ckanext.ecosphere.shared.web_guard.incoming import is_own_address

#: Keys of validation errors that hold data instead of messages about fields.
ASIDE = ("current_version", "changes", "similar")
CONFLICT = 409


def as_public(action: str, **data: Any) -> Any:
    """Call an action as an anonymous visitor, for content that is the same for all (feeds, public statistics)."""
    return tk.get_action(action)({"user": "", "auth_user_obj": None}, data)


def is_known() -> bool:
    """Return whether the current user is logged in."""
    return bool(tk.current_user.is_authenticated)


def page(view: View) -> View:
    """Turn errors of a view into pages: 404 for what the user may not read; log-in for anonymous users, else 403."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except tk.ObjectNotFound:
            service = (request.view_args or {}).get("organization")
            if service is not None and model.Group.get(service) is None:
                tk.abort(404, _("Organization not found"))
            tk.abort(404, _("This request does not exist, or you may not read it."))
        except tk.NotAuthorized:
            if not is_known():
                return log_in()
            tk.abort(403, _("You may not do this."))
        except StillCounted:
            raise  # has its own error page
        except tk.ValidationError as error:
            # Forms show errors next to their fields; those that come here are due to a made-up URL.
            tk.abort(
                INVALID, " ".join(text for texts in messages(error).values() for text in texts)
            )

    return answered


def known(view: View) -> View:
    """Require log-in for a view."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        if is_known():
            return view(*args, **kwargs)
        return log_in()

    return answered


def log_in(back: str | None = None) -> AnyResponse:
    """Redirect to the log-in page, which leads back here."""
    if request.method == "GET":
        here = request.full_path.rstrip("?")
    else:
        here = _page_before()
    return tk.redirect_to("user.login", came_from=back or here)


def _page_before() -> str:
    """Return the page of the form that was sent, since a URL that only accepts POST cannot be returned to."""
    before = taken_apart(request.referrer or "")
    if before.netloc in (
        "",
        request.host,
        urlsplit(tk.config["ckan.site_url"]).netloc,
    ) and _is_page(before.path):
        address = f"{before.path}?{before.query}" if before.query else before.path
        if is_own_address(address):
            return address
    if _is_page(request.path, like=request.url_rule):
        return request.path
    key = (request.view_args or {}).get("id")
    if key:
        return tk.url_for("ecosphere_requests.read", id=key)
    return tk.url_for("ecosphere_requests.index")


def _is_page(path: str, like: Rule | None = None) -> bool:
    """Return whether a path of the portal can be opened, and matches the given rule, if any."""
    first, _slash, rest = path.removeprefix("/").partition("/")
    if first in {locale.short_name for locale in tk.h.get_available_locales()}:
        path = f"/{rest}"
    try:
        rule, parts = current_app.url_map.bind("").match(path, method="GET", return_rule=True)
    except HTTPException:
        return False
    if (
        rule.endpoint == "ecosphere_requests.transition_form"
    ):  # matches anything after the reference
        return parts["transition"] in states.TRANSITIONS
    # The rule of static files matches every path.
    return rule.endpoint != "static" and (like is None or rule.rule == like.rule)


def rendered(template: str, variables: Row, status: int = 200) -> Response:
    """Render a page; for logged-in users, forbid caches to store it."""
    response = make_response(tk.render(template, dict(variables)), status)
    if is_known():
        response.cache_control.no_store = True
    return response


def status_of(errors: Errors | None) -> int:
    """Return the status of a form that is shown, with or without errors."""
    if errors:
        return INVALID
    return 200


def messages(error: tk.ValidationError) -> Errors:
    """Return the messages of a validation error, by field."""
    by_field: Errors = {}
    for field, value in error.error_dict.items():
        texts = _texts(value) if field not in ASIDE else []
        if texts:
            by_field[str(field)] = texts
    return by_field or {"": [_("The form could not be saved.")]}


def flash(error: tk.ValidationError) -> None:
    """Show the messages of a validation error on the next page, for actions without a form."""
    for texts in messages(error).values():
        tk.h.flash_error(" ".join(texts))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return []


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


def step_of(field: str) -> Step | None:
    """Return the step that has a field."""
    return next((candidate for candidate in steps() if field in candidate.fields), None)


def neighbours(current: Step) -> tuple[Step | None, Step | None]:
    """Return the previous and the next step."""
    every = (None, *steps(), None)
    place = every.index(current)
    return every[place - 1], every[place + 1]


def labels() -> dict[str, str]:
    """Return the label of each field, for the forms and the summary of errors."""
    return {
        "title": _("Your request in one sentence"),
        "description": _("Description of the data you need"),
        "theme": _("Theme"),
        "use": _("What will you use these data for? (optional)"),
        "procedure_reference": _("Reference of the procedure"),
        "territory": _("Région, département or sea area"),
        "communes": _("Communes"),
        "bbox": _("Rectangle"),
        "where": _("Place"),
        "need_by": _("Date for which you need the data"),
        "formats": _("Formats"),
        "crs": _("Coordinate reference system"),
        "scale": _("Scale or precision"),
        "period_start": _("First date of the period"),
        "period_end": _("Last date of the period"),
        "known_datasets": _("Datasets you know that are not enough"),
        "visibility": _("Who may read the request"),
        "show_name": _("Name on the public page"),
        "requester_organisation": _("Your organisation"),
        "requester_siret": _("SIRET number of your organisation"),
        "similar_seen": _("What is already here"),
        "organization": _("Service"),
        "reason": _("Reason"),
        "question": _("Question"),
        "answer_by": _("The requester’s answer is expected by"),
        "planned": _("Planned date"),
        "due": _("New date"),
        "datasets": _("Datasets that answer the request"),
        "links": _("Links"),
        "files": _("Files"),
        "reach": _("Who reads the links and files"),
        "public_from": _("Public from"),
        "missing": _("What is missing"),
        "ground": _("Ground of the refusal"),
        "kind": _("What is refused"),
        "law": _("Reasons in law"),
        "facts": _("Reasons in fact"),
        "other_ground": _("The other ground, with its article"),
        "emissions": _("Is the information about emissions of substances into the environment?"),
        "balance": _("Weighing of the interests"),
        "ground_confirmed": _("Ground and reasons"),
        "unnamed": _(
            "Do the reasons concern the prevention of terrorism, drug trafficking or foreign "
            "interference?"
        ),
        "environmental": _("Is the request about information on the environment?"),
        "completion": _("When the document will be finished, and by which authority"),
        "separable": _("Part that can be communicated all the same"),
        "transmitted_to": _("Authority to which the request was passed on"),
        "transmitted_by": _("Passed on by"),
        "transmitted_on": _("Day on which it was passed on"),
        "transmitted_how": _("How it was passed on"),
        "author": _("Author of the decision"),
        "service": _("Name of the service"),
        "show_procedure": _("Reference on the public page"),
        "first_name": _("First name"),
        "last_name": _("Name"),
        "quality": _("Quality"),
        "target": _("The other request"),
        "comment": _("Message"),
        "note": _("Internal note"),
        "upload": _("Attached file"),
        "user": _("Person"),
    }


def signal_labels() -> dict[str, str]:
    """Return the labels of the fields of a report about a dataset."""
    return {
        "kind": _("What is it about?"),
        "description": _("What is wrong, or what do you want to know?"),
    }


def label(field: str) -> str:
    """Return the label of a field, or its name when it has none."""
    return labels().get(field, field)


def read_step(current: Step, form: Mapping[str, str]) -> tuple[DataDict, Errors]:
    """Read the input of one step.

    Args:
        current: the step.
        form: the fields of the HTML form.

    Returns:
        values for the action (None for empty fields, so that they can be cleared), and errors by field. Values that
        could not be read are left out.
    """
    data: DataDict = {name: _text(form, name) for name in current.fields if name not in READERS}
    errors: Errors = {}
    if current.id == "territoire":
        return _where(form)
    for name in current.fields:
        if name in READERS:
            data[name] = READERS[name](form)
    return data, errors


def read_transition(fields: list[str], form: Mapping[str, str]) -> DataDict:
    """Read the fields of a transition, without empty ones."""
    data = {name: _read(name, form) for name in (*fields, "comment", "note")}
    return {name: value for name, value in data.items() if value not in (None, [], False)}


def _read(name: str, form: Mapping[str, str]) -> Any:
    if name in READERS:
        return READERS[name](form)
    return _text(form, name)


def in_order(errors: Errors, fields: Iterable[str]) -> Errors:
    """Sort errors by the order of the fields of a form; those of no field come last."""
    ranks = {name: rank for rank, name in enumerate(fields)}
    return dict(sorted(errors.items(), key=lambda error: ranks.get(error[0], len(ranks))))


def with_files(errors: Errors, field: str, uploads: list[Any]) -> Errors:
    """Add the message that files have to be chosen again, since a refused form does not keep them."""
    if not uploads:
        return errors
    again = [_("Choose your files again: as long as the form is not sent, none is kept.")]
    return {field: again, **errors}


def version(form: Mapping[str, str]) -> int:
    """Return the version of the request for which the form was rendered, 0 if it is missing or invalid."""
    try:
        return int(form.get("version", ""))
    except ValueError:
        return 0


def trapped(form: Mapping[str, str]) -> bool:
    """Return whether the honeypot was filled in."""
    return bool(form.get(TRAP))


def refuse_machines(form: Mapping[str, str]) -> None:
    """Answer 400 when the honeypot was filled in."""
    if trapped(form):
        tk.abort(400, _("The form was filled in by a program. Leave the hidden field empty."))


def dataset_names(text: str) -> list[str]:
    """Read datasets typed or pasted by a user: names, ids or URLs of pages, on one or more lines.

    Words without a URL are kept together, as a title to search for.

    >>> dataset_names("https://portail.example/fr/dataset/zones-humides?x=1\\nppri-loire")
    ['zones-humides', 'ppri-loire']
    """
    entries = [part for entry in SEPARATORS.split(text) for part in _taken_apart(entry.strip())]
    names = dict.fromkeys(_dataset_name(entry) for entry in entries)
    return [name for name in names if name]


def _taken_apart(entry: str) -> list[str]:
    """Split an entry that contains a URL at spaces; keep any other, such as a title, whole."""
    if "/" in entry:
        return entry.split()
    return [entry]


def _dataset_name(entry: str) -> str:
    if "/" not in entry:
        return entry
    parts = [unquote(part) for part in taken_apart(entry).path.split("/") if part]
    if "dataset" in parts[:-1]:
        return parts[parts.index("dataset") + 1]
    return ""


def _text(form: Mapping[str, str], name: str) -> str | None:
    # Browsers send line ends as CR LF.
    return form.get(name, "").replace("\r\n", "\n").strip() or None


def _where(form: Mapping[str, str]) -> tuple[DataDict, Errors]:
    """Read the place: territory, communes or rectangle, as selected."""
    data: DataDict = {"territory": None, "communes": None, "bbox": None}
    way = form.get("where") or "territory"
    if way == "communes":
        codes, doubtful = places.read_communes(form.get("communes", ""))
        communes = [commune for commune in map(places.commune_of, codes) if commune]
        data["communes"] = [f"{commune.code} {commune.name}" for commune in communes]
        if doubtful:
            return {}, {"communes": [_doubt(entry, candidates) for entry, candidates in doubtful]}
        if not data["communes"]:
            return {}, {"communes": [_("Name at least one commune.")]}
    elif way == "bbox":
        data["bbox"], problem = _box(form)
        if problem:
            return {}, {"bbox": [problem]}
    else:
        data["territory"] = _text(form, "territory")
        if not data["territory"]:
            return {}, {"territory": [_("Choose a territory, or another way to tell the place.")]}
    return data, {}


def _doubt(entry: str, candidates: list[places.Commune]) -> str:
    if not candidates:
        return _(
            "No commune is called “{name}”. Check the spelling or give its INSEE code."
        ).format(name=entry)
    choices = ", ".join(places.label_of_commune(commune) for commune in candidates[:6])
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


READERS: DataDict = {
    "known_datasets": lambda form: dataset_names(form.get("known_datasets", "")),
    "datasets": _datasets,
    "links": lambda form: [
        each.strip() for each in form.get("links", "").split("\n") if each.strip()
    ],
    "files": lambda form: None,  # not in the form data: read by `act.transition`
    "show_name": lambda form: bool(form.get("show_name")),
    "show_procedure": lambda form: bool(form.get("show_procedure")),
    "ground_confirmed": lambda form: bool(form.get("ground_confirmed")),
    "similar_seen": lambda form: bool(form.get("similar_seen")),
}
