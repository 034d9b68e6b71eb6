"""Contact sheets of organisations: how a service can be reached, and its name spelled out in full.

Administrators of a service fill in its sheet, which is stored in extras of the organisation. What
they leave empty is completed:

- the full name, which a decision has to bear (CRPA, L. 212-2, 1°), from the registry of services;
- address, mailbox and telephone from the registry, else from a copy of the service-public
  directory. The copy is some years old and nobody has checked it: administrators are shown what is
  taken from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import AuthResult, Context, DataDict
from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import journal
from ckanext.ecosphere.dataset.view import filled
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.shared import (
    action_input,
    authorization,
    contact_details,
    web_guard,
)
from ckanext.ecosphere.vocabularies import tables

_ = tk._

#: The copy of the service-public directory, and what separates the lines of its addresses.
TABLE = Path(__file__).parents[1] / "data" / "service-contacts.csv"
LINE_END = "; "
#: The form of each territory used in names of services ("de la Somme").
NAMES = Path(__file__).parents[1] / "data" / "territory-names.csv"
#: Prefix of the keys of extras; the name of the field follows.
PREFIX = "ecosphere_contact_"
ABBREVIATION = re.compile(r"\b[A-ZÀ-Þ]{2,}\b")
#: An abbreviation after a name: " (DDT)".
SHORT_FORM = re.compile(r"\s?\([^()]{1,100}\)")
#: Kinds of services whose place follows without a preposition: "Direction interrégionale de la mer
#: Méditerranée".
PLACE_AS_NAME = ("dir", "dirif", "dirm")
LONGEST_NAME = 200


@dataclass(frozen=True)
class ContactSheet:
    """How a service can be reached.

    Attributes:
        full_name: its name without abbreviations.
        email: shared mailbox of the service.
        address: postal address, several lines.
        telephone: in international form.
        opening: opening hours, as text.
        web: URL of its site.
        court: administrative court of its seat, where the table of courts has none.
        chief: mailbox for notices of late requests; no page shows it, the API does.
    """

    full_name: str = ""
    email: str = ""
    address: str = ""
    telephone: str = ""
    opening: str = ""
    web: str = ""
    court: str = ""
    chief: str = ""


FIELDS = tuple(field.name for field in fields(ContactSheet))
#: Columns with contact details that a portal's own registry of services may have (`organisations`).
REGISTERED = ("address", "email", "telephone")


def written(group: model.Group) -> ContactSheet:
    """Return the sheet as the service filled it in, not completed."""
    extras = _extras(group)
    return ContactSheet(**{name: extras.get(PREFIX + name) or "" for name in FIELDS})


def _extras(group: model.Group) -> Any:
    """Return the extras of an organisation, an association that CKAN's types do not know."""
    return group.extras  # pyright: ignore[reportAttributeAccessIssue]


def of(group: model.Group) -> ContactSheet:
    """Return the sheet of a service, completed from the registry and the directory."""
    completion = {name: entry.value for name, entry in unconfirmed(group).items()}
    completion |= _in_registry(registered(group))
    sheet = asdict(written(group))
    completed = {name: sheet[name] or completion.get(name, "") for name in FIELDS}
    completed["full_name"] = completed["full_name"] or name_of(group)
    return ContactSheet(**completed)


@dataclass(frozen=True)
class Entry:
    """What the directory says in one field of a contact sheet.

    Attributes:
        value: the field, as on a contact sheet.
        year: of the copy of the directory.
    """

    value: str
    year: str


@cache
def directory() -> Mapping[str, Mapping[str, Entry]]:
    """Return the entries of each service, by its id in the registry and the field of the sheet."""
    return {row["service"]: _entries(row) for row in tables.rows(TABLE)}


def _entries(row: Mapping[str, str]) -> dict[str, Entry]:
    lines = [*row["address"].split(LINE_END), f"{row['postcode']} {row['town']}"]
    address = "\n".join(lines) if row["postcode"] else ""
    entries = {
        "address": Entry(address, row["address_year"]),
        "email": Entry(row["email"], row["year"]),
        "telephone": Entry(row["telephone"], row["year"]),
    }
    return {field: entry for field, entry in entries.items() if entry.value}


def unconfirmed(group: model.Group) -> dict[str, Entry]:
    """Return the entries of the directory in use: neither the service nor the registry has more."""
    service = registered(group)
    if service is None:
        return {}
    sheet = written(group)
    details = _in_registry(service)
    entries = directory().get(service.id, {})
    empty = [name for name in entries if name not in details and not getattr(sheet, name)]
    return {name: entries[name] for name in empty}


def _in_registry(service: voc.Concept | None) -> dict[str, str]:
    """Return the contact details that the portal's registry has of a service."""
    if service is None:
        return {}
    return {name: str(service.data[name]) for name in REGISTERED if service.data.get(name)}


def chief(organization_id: str | None) -> str:
    """Return the mailbox for notices of late requests, "" when the service has not given one."""
    return _written_of_id(organization_id).chief


def mailbox(organization_id: str | None) -> str:
    """Return the shared mailbox of a service, "" when it has not given one."""
    return _written_of_id(organization_id).email


def _written_of_id(organization_id: str | None) -> ContactSheet:
    group = model.Session.get(model.Group, organization_id or "")
    if group is None:
        return ContactSheet()
    return written(group)


def as_contact(organization_id: str | None) -> dict[str, str]:
    """Return a service as a row of the field `contact` of a dataset; empty when it has no mailbox.

    Only what the service has filled in: nothing unverified becomes metadata.

    Args:
        organization_id: name or id of the organisation.
    """
    group = model.Group.get(organization_id or "")
    if group is None or not group.is_organization:
        return {}
    sheet = written(group)
    if not sheet.email:
        return {}
    row = {
        "name": of(group).full_name,
        "email": sheet.email,
        "telephone": sheet.telephone,
        "url": sheet.web,
    }
    return filled(row)


def name_of(group: model.Group) -> str:
    """Return the name of a service spelled out: from the registry, else its description or title.

    The registry is ignored for a service whose kind was changed on the portal (a DDT that has
    become a DDTM).
    """
    service = registered(group)
    kind = _extras(group).get(organisations.KIND)
    if service is not None and (not kind or kind == service.data.get("kind")):
        return spelled_out(service)
    description = (group.description or "").strip()
    if "\n" not in description and len(description) <= LONGEST_NAME and is_spelled_out(description):
        return description
    return group.title or group.name


def is_spelled_out(name: str) -> bool:
    """Return whether a name has several words and no abbreviation."""
    return len(name.split()) > 1 and not ABBREVIATION.search(name)


def spelled_out(service: voc.Concept) -> str:
    """Return the name of a service of the registry without abbreviations.

    >>> spelled_out(voc.get("organisations")["ddt-01053-01"])
    'Direction départementale des territoires de l’Ain'
    """
    long_label = str(service.data.get("long_label_fr") or service.label_fr)
    label = SHORT_FORM.sub("", long_label).replace("'", "’")
    kind = service.data.get("kind")
    # The place of a DIRM may be two seas, with " - " between them.
    most_places = 1 if kind == "dirm" else -1
    name, *places = [part.strip() for part in label.split(" - ", most_places)]
    endings = [f", {place[:1].lower()}{place[1:]}" for place in places]
    if places and kind in PLACE_AS_NAME:
        endings[0] = f" {places[0]}"
    elif places and (of_place := _of_places().get(voc.normalise(places[0]))):
        endings[0] = f" {of_place}"
    return name + "".join(endings)


def registered(group: model.Group) -> voc.Concept | None:
    """Return the registry's entry of an organisation: by name, else by kind and territory.

    None if there is no such entry, or if several have this kind and territory.
    """
    registry = voc.get("organisations")
    if group.name in registry:
        return registry[group.name]
    extras = _extras(group)
    kind = extras.get(organisations.KIND)
    territory = extras.get(organisations.TERRITORY)
    if not kind or not territory:
        return None
    of_kind = [service for service in registry if service.data.get("kind") == kind]
    services = [service for service in of_kind if service.data.get("territory") == territory]
    if len(services) == 1:
        return services[0]
    return None


@cache
def of_territories() -> Mapping[str, str]:
    """Return the form of each territory used in names of services ("de la Somme"), by id."""
    return {row["territory"]: row["of"] for row in tables.rows(NAMES)}


@cache
def _of_places() -> dict[str, str]:
    """Return the same forms by the normalised label of the territory."""
    territories = voc.get("territories")
    names = {
        voc.normalise(territories[place].label_fr): of_place
        for place, of_place in of_territories().items()
    }
    # The registry says "Réunion".
    return names | {"reunion": names["la reunion"]}


# Actions, and the page.

#: Characters of a field; of the fields with several lines.
LONGEST_LINE, LONGEST_TEXT = 200, 1000
SEVERAL_LINES = ("address", "opening")
#: Control characters, but for tab, line feed and carriage return.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: ASCII only, before the @ as well: CKAN and many mail servers do not support RFC 6531.
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,185}\.[A-Za-z]{2,24}")
SHOW, UPDATE = "ecosphere_contact_sheet_show", "ecosphere_contact_sheet_update"


def _group(data_dict: DataDict) -> model.Group:
    group = model.Group.get(str(data_dict.get("id") or ""))
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.ObjectNotFound(_("Organization not found"))
    return group


@tk.side_effect_free
def ecosphere_contact_sheet_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the contact sheet of a service.

    Args:
        id (str): name or id of the organisation.

    Returns:
        dict: `full_name` (spelled out), `email`, `address`, `telephone`, `opening`, `web`, `court`,
        `chief` (mailbox for notices of late requests); "" for what is unknown. An address, mailbox
        or telephone that the service has not given is that of the service-public directory: not
        verified.

    Raises:
        NotFound: there is no such service.
    """
    tk.check_access(SHOW, context, data_dict)
    return asdict(of(_group(data_dict)))


def ecosphere_contact_sheet_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the contact sheet of a service; fields left out keep their value, empty ones are
    cleared.

    Args:
        id (str): name or id of the organisation.
        full_name, email, address, telephone, opening, web, court, chief (str): fields of the sheet.

    Returns:
        dict: the sheet.

    Raises:
        NotFound: there is no such service.
        NotAuthorized: the user is not an administrator of the service.
        ValidationError: what is wrong, by field; nothing is changed.
    """
    tk.check_access(UPDATE, context, data_dict)
    group = _group(data_dict)
    errors = {}
    changes = {}
    for name in FIELDS:
        if name in data_dict:
            try:
                changes[name] = _checked(name, data_dict[name])
            except tk.Invalid as error:
                errors[name] = [str(error.error)]
    if errors:
        raise tk.ValidationError(errors)
    extras = _extras(group)
    former = {name: extras.get(PREFIX + name) or "" for name in changes}
    for name, value in changes.items():
        if value:
            extras[PREFIX + name] = value
        else:
            extras.pop(PREFIX + name, None)
    if p.plugin_loaded("ecosphere") and former != changes:
        user = authorization.person(context)
        user_id = user.id if user else None
        journal.note("contact-sheet", group.id, former, changes, user_id)
    if not context.get("defer_commit"):
        model.Session.commit()
    return asdict(of(group))


def _checked(name: str, value: Any) -> str:
    """Return the value to store for a field of the sheet.

    Raises:
        Invalid: it is too long, or wrong for the field.
    """
    text = CONTROLS.sub("", str(value or "").replace("\r\n", "\n")).strip()
    longest = LONGEST_TEXT if name in SEVERAL_LINES else LONGEST_LINE
    if len(text) > longest:
        raise tk.Invalid(_("Too long: {number} characters at most.").format(number=longest))
    if not text:
        return ""
    if name not in SEVERAL_LINES:
        text = " ".join(text.split())
    if name in CHECKS:
        return CHECKS[name](text)
    return text


def _full_name(value: str) -> str:
    if not is_spelled_out(value):
        raise tk.Invalid(_("Spell the name out, without abbreviations: letters bear it."))
    return value


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value):
        raise tk.Invalid(_("This is not an e-mail address, such as service@example.gouv.fr."))
    return value


def _telephone(value: str) -> str:
    try:
        return contact_details.international(value)
    except ValueError:
        raise tk.Invalid(_("This is not a telephone number, such as 04 74 45 62 37.")) from None


def _web(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"]{1,190}", value):
        raise tk.Invalid(_("Give the whole address, with https://."))
    return value


#: Field → function that returns the value to store, or raises `Invalid`.
CHECKS = {
    "full_name": _full_name,
    "email": _email,
    "chief": _email,
    "telephone": _telephone,
    "web": _web,
}


@tk.auth_allow_anonymous_access
def show_allowed(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow everyone: contact sheets are public."""
    return {"success": True}


def update_allowed(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow the administrators of the organisation."""
    try:
        tk.check_access("organization_update", context, {"id": _group(data_dict or {}).id})
    except tk.NotAuthorized:
        return {
            "success": False,
            "msg": _("Only administrators of the service may change its contact sheet."),
        }
    return {"success": True}


_ACTIONS = action_input.checked(
    {SHOW: ecosphere_contact_sheet_show, UPDATE: ecosphere_contact_sheet_update}
)
_AUTH = authorization.deny_by_default({SHOW: show_allowed, UPDATE: update_allowed})


def get_actions() -> dict[str, Any]:
    """Return the actions, the same functions for every plugin that registers them."""
    return dict(_ACTIONS)


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions, the same ones for every plugin that registers them."""
    return dict(_AUTH)


def edit(id: str) -> Response:
    """Show and save the contact sheet of a service."""
    try:
        tk.check_access(UPDATE, authorization.of_page(), {"id": id})
        query = {"id": id, "include_datasets": False}
        group_dict = tk.get_action("organization_show")(authorization.of_page(), query)
    except tk.ObjectNotFound:
        tk.abort(404, _("Organization not found"))
    except tk.NotAuthorized:
        if not tk.current_user.is_authenticated:
            return tk.redirect_to(
                "user.login", came_from=tk.url_for("ecosphere_contacts.edit", id=id)
            )
        tk.abort(403, _("Only administrators of the service may change its contact sheet."))
    group = _group({"id": id})
    errors = {}
    values: Any = asdict(written(group))
    if request.method == "POST":
        values = {name: request.form.get(name, "") for name in FIELDS}
        try:
            tk.get_action(UPDATE)(authorization.of_page(), {"id": id, **values})
        except tk.ValidationError as error:
            errors = error.error_dict
        else:
            tk.h.flash_success(_("The contact sheet is saved."))
            return tk.redirect_to("organization.about", id=group.name)
    variables = {
        "group_dict": group_dict,
        "group_type": "organization",
        "values": values,
        "errors": errors,
        "proposed_name": name_of(group),
    }
    status = 400 if errors else 200
    return make_response(tk.render("organization/contact_sheet.html", variables), status)


def ecosphere_contact_sheet(organization: str | None) -> dict[str, str]:
    """Return the contact sheet of an organisation; empty when there is no such organisation."""
    group = model.Group.get(organization or "")
    if group is None:
        return {}
    return asdict(of(group))


def ecosphere_unconfirmed_contact(organization: str | None) -> dict[str, dict[str, str]]:
    """Return the fields of a contact sheet that the directory fills, with `value` and `year`."""
    group = model.Group.get(organization or "")
    if group is None:
        return {}
    return {name: asdict(entry) for name, entry in unconfirmed(group).items()}


def ecosphere_other_extras(extras: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the extras of an organisation that do not belong to this extension."""
    return [
        extra for extra in extras or [] if not str(extra.get("key", "")).startswith("ecosphere_")
    ]


_HELPERS = (ecosphere_contact_sheet, ecosphere_unconfirmed_contact, ecosphere_other_extras)
HELPERS = {helper.__name__: helper for helper in _HELPERS}
#: Folder of the templates of these pages, relative to the package.
TEMPLATES = "templates/contact_sheets"


def without_base(provided: Any) -> Any:
    """Return what a room registers for the contact sheets: nothing beside the base plugin.

    The base plugin registers it, too, and CKAN refuses to have an action twice.
    """
    if p.plugin_loaded("ecosphere"):
        return type(provided)()
    return provided


blueprint = Blueprint("ecosphere_contacts", __name__)
web_guard.protect(blueprint)
blueprint.add_url_rule("/organization/<id>/contact", "edit", edit, methods=["GET", "POST"])
