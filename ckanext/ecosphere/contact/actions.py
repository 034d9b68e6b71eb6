"""Actions, auth functions, form and template helpers of the contact sheets of organisations."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import AuthResult, Context, DataDict
from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.core import journal
from ckanext.ecosphere.shared import action_input, authorization, contact_details, web_guard

_ = tk._

LONGEST_LINE, LONGEST_TEXT = 200, 1000
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
        dict: `full_name` (spelled out), `email`, `address`, `telephone`, `opening`, `web`, `court`, `chief`
        (mailbox for notices of late requests); "" for what is unknown. An address, mailbox or telephone
        that the service has not given is that of the service-public directory: not verified.

    Raises:
        NotFound: there is no such service.
    """
    tk.check_access(SHOW, context, data_dict)
    return asdict(sheets.of(_group(data_dict)))


def ecosphere_contact_sheet_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the contact sheet of a service; fields left out keep their value, empty ones are cleared.

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
    group, errors, changes = _group(data_dict), {}, {}
    for name in sheets.FIELDS:
        if name in data_dict:
            try:
                changes[name] = _checked(name, data_dict[name])
            except tk.Invalid as error:
                errors[name] = [str(error.error)]
    if errors:
        raise tk.ValidationError(errors)
    extras: Any = getattr(group, "extras")  # noqa: B009
    former = {name: extras.get(sheets.PREFIX + name) or "" for name in changes}
    for name, value in changes.items():
        if value:
            extras[sheets.PREFIX + name] = value
        else:
            extras.pop(sheets.PREFIX + name, None)
    if p.plugin_loaded("ecosphere") and former != changes:
        user = authorization.person(context)
        journal.note("contact-sheet", group.id, former, changes, user.id if user else None)
    if not context.get("defer_commit"):
        model.Session.commit()
    return asdict(sheets.of(group))


def _checked(name: str, value: Any) -> str:
    written = re.sub(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", str(value or "").replace("\r\n", "\n")
    ).strip()
    longest = LONGEST_TEXT if name in ("address", "opening") else LONGEST_LINE
    if len(written) > longest:
        raise tk.Invalid(_("Too long: {number} characters at most.").format(number=longest))
    if not written:
        return ""
    if name not in ("address", "opening"):
        written = " ".join(written.split())
    if name in CHECKS:
        return CHECKS[name](written)
    return written


def _full_name(value: str) -> str:
    if not sheets.is_spelled_out(value):
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
    """Return the actions to register, the same ones for each plugin that can run without the base plugin."""
    return dict(_ACTIONS)


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions to register, the same ones for each plugin that can run without the base plugin."""
    return dict(_AUTH)


def _context() -> Any:
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user}


def edit(id: str) -> Response:
    """Show and save the contact sheet of a service."""
    try:
        tk.check_access(UPDATE, _context(), {"id": id})
        group_dict = tk.get_action("organization_show")(
            _context(), {"id": id, "include_datasets": False}
        )
    except tk.ObjectNotFound:
        tk.abort(404, _("Organization not found"))
    except tk.NotAuthorized:
        if not tk.current_user.is_authenticated:
            return tk.redirect_to(
                "user.login", came_from=tk.url_for("ecosphere_contacts.edit", id=id)
            )
        tk.abort(403, _("Only administrators of the service may change its contact sheet."))
    group, errors = _group({"id": id}), {}
    values: Any = asdict(sheets.written(group))
    if request.method == "POST":
        values = {name: request.form.get(name, "") for name in sheets.FIELDS}
        try:
            tk.get_action(UPDATE)(_context(), {"id": id, **values})
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
        "proposed_name": sheets.name_of(group),
    }
    return make_response(
        tk.render("organization/contact_sheet.html", variables), 400 if errors else 200
    )


def ecosphere_contact_sheet(organization: str | None) -> dict[str, str]:
    """Return the contact sheet of an organisation (`sheets`), empty when there is no such organisation."""
    group = model.Group.get(organization or "")
    if group is None:
        return {}
    return asdict(sheets.of(group))


def ecosphere_unconfirmed_contact(organization: str | None) -> dict[str, dict[str, str]]:
    """Return the fields of a contact sheet that the directory fills, with `value` and `year`."""
    group = model.Group.get(organization or "")
    if group is None:
        return {}
    return {name: asdict(entry) for name, entry in sheets.unconfirmed(group).items()}


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
    """Return what a room registers for the contact sheets; empty if the base plugin is on, which registers it too."""
    if p.plugin_loaded("ecosphere"):
        return type(provided)()
    return provided


blueprint = Blueprint("ecosphere_contacts", __name__)
web_guard.protect(blueprint)
blueprint.add_url_rule("/organization/<id>/contact", "edit", edit, methods=["GET", "POST"])
