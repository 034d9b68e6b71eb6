"""Administration pages of the services (organisations): name, kind, territory and contact sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import services, sheets
from ckanext.ecosphere.core import console, journal
from ckanext.ecosphere.core.pages import INVALID
from ckanext.ecosphere.shared import authorization, language, organisations

LONGEST_TITLE = 200
AREA = "service"
"""Area of the journal."""
EXTRAS = {"kind": organisations.KIND, "territory": organisations.TERRITORY}
"""Form field → extra of the organisation. The title is CKAN's; the rest is the contact sheet."""

blueprint = Blueprint("ecosphere_services", __name__, url_prefix="/ecosphere/admin/services")
blueprint.before_request(console.administrators_only)


@blueprint.route("/")
def overview() -> str:
    """List the services with their details and what is missing from their sheets."""
    words, number = console.search_and_page()
    without_mailbox = request.args.get("lacking") == "1"
    count, services_of_page = _found(words, number, without_mailbox=without_mailbox)
    variables = {
        "services": services_of_page,
        "lacking": without_mailbox,
        **console.paging(words, number, count),
    }
    return tk.render("ecosphere_console/services.html", variables)


@blueprint.route("/<id>", methods=["GET", "POST"])
def edit(id: str) -> Response:
    """Show and save the sheet of a service."""
    group = model.Group.get(id)
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        tk.abort(404, _("Organization not found"))
    values = {**_basics(group), **asdict(sheets.written(group))}
    errors, refused, status = {}, {}, 200
    if request.method == "POST":
        values = {name: request.form.get(name, "").strip() for name in values}
        try:
            _save(group.id, values)
        except tk.ValidationError as error:
            model.Session.rollback()
            errors, status = error.error_dict, INVALID
            # The form has no place for errors of fields that it does not have.
            if not errors.keys() <= values.keys():
                refused = error.error_summary
        else:
            tk.h.flash_success(_("The sheet of the service is saved."))
            return tk.redirect_to("ecosphere_services.overview", q=values["title"])
    variables = {
        "service": {"name": group.name, "title": group.display_name},
        "values": values,
        "errors": errors,
        "refused": refused,
        "proposed_name": sheets.name_of(group),
        "kinds": _kinds(values["kind"]),
        "territories": _territories(),
    }
    return make_response(tk.render("ecosphere_console/service.html", variables), status)


def _found(words: str, number: int, *, without_mailbox: bool) -> tuple[int, list[DataDict]]:
    """Find services, in alphabetical order.

    Args:
        words: part of the title or name; empty for all.
        number: page number, from 1.
        without_mailbox: whether to list only services whose sheet has no e-mail address.

    Returns:
        the total number, and the services of the page: `name`, `title`, `kind`, `territory` (labels), `email`,
        `chief`.
    """
    group = model.Group
    query = sa.select(group).where(
        group.is_organization.is_(True), group.state == model.State.ACTIVE
    )
    if without_mailbox:
        mailbox: Any = group.extras[sheets.PREFIX + "email"].astext  # pyright: ignore
        query = query.where(sa.func.coalesce(mailbox, "") == "")
    columns = (group.title, group.name)
    count, rows = console.one_page(query.order_by(*columns), columns, words, number)
    return count, [_line(row) for row in rows.scalars()]


def _line(group: model.Group) -> DataDict:
    basics, sheet = _basics(group), sheets.written(group)
    return {
        "name": group.name,
        "title": basics["title"] or group.name,
        "kind": services.kinds().get(basics["kind"], basics["kind"]),
        "territory": voc.get("territories").label(basics["territory"], language.current()),
        "email": sheet.email,
        "chief": sheet.chief,
    }


def _save(group_id: str, values: Mapping[str, str]) -> None:
    """Save the sheet of a service and record the changes in the journal.

    Raises:
        ValidationError: errors by field; nothing is changed.
    """
    before = _basics(_group(group_id))
    after = _checked(values, before["kind"])
    changed = {name: value for name, value in after.items() if value != before[name]}
    context = authorization.of_page()
    # The sheet first: its validation runs before anything is written. CKAN's save is in the same transaction.
    context["defer_commit"] = bool(changed)
    sheet = {name: values[name] for name in sheets.FIELDS}
    tk.get_action(sheets.UPDATE)(context, {"id": group_id, **sheet})
    if not changed:
        return
    extras = dict(_group(group_id).extras)
    extras |= {EXTRAS[name]: value for name, value in changed.items() if name in EXTRAS}
    patch: DataDict = {
        "id": group_id,
        "extras": [{"key": key, "value": value} for key, value in extras.items() if value],
    }
    if "title" in changed:
        patch["title"] = changed["title"]
    replaced = {name: before[name] for name in changed}
    journal.note(AREA, group_id, replaced, changed, tk.current_user.id)
    tk.get_action("organization_patch")(authorization.of_page(), patch)


def _group(group_id: str) -> Any:
    return model.Session.get_one(model.Group, group_id)


def _basics(group: model.Group) -> dict[str, str]:
    """Return the fields that are not of the contact sheet: title, kind and territory."""
    stored: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    of_extras = {name: stored.get(extra) or "" for name, extra in EXTRAS.items()}
    return {"title": group.title or "", **of_extras}


def _checked(values: Mapping[str, str], current_kind: str) -> dict[str, str]:
    """Validate title, kind and territory; the sheet is validated by its action.

    Raises:
        ValidationError: errors by field.
    """
    errors: dict[str, list[str]] = {}
    title = " ".join(values["title"].split())
    if not title:
        errors["title"] = [_("Give the service a name.")]
    elif len(title) > LONGEST_TITLE:
        errors["title"] = [_("Too long: {number} characters at most.").format(number=LONGEST_TITLE)]
    if values["kind"] not in dict(_kinds(current_kind)):
        errors["kind"] = [_("Choose a kind of the list.")]
    territories = {"", *(territory.uri for territory in voc.get("territories"))}
    if values["territory"] not in territories:
        errors["territory"] = [_("Choose a territory of the list.")]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return {"title": title, "kind": values["kind"], "territory": values["territory"]}


def _kinds(current: str) -> list[tuple[str, str]]:
    """Return the kinds to choose from, including the current one even if the list does not have it."""
    kinds = [("", services.kinds()[services.OTHER])]
    kinds += [(kind, label) for kind, label in services.kinds().items() if kind != services.OTHER]
    if not current or current in dict(kinds):
        return kinds
    return [*kinds, (current, current)]


def _territories() -> list[tuple[str, str]]:
    lang = language.current()
    return [(territory.uri, territory.label(lang)) for territory in voc.get("territories")]
