"""Administration pages of the suite: health and background queues, members of services,
and sheets of services.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
from ckan import authz, model
from ckan.common import _
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from flask import Blueprint, make_response, request
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import services, sheets
from ckanext.ecosphere.core import invitations, journal
from ckanext.ecosphere.core.pages import INVALID
from ckanext.ecosphere.interfaces import MOST_LINES, Card, CheckStatus, Line, Link, each_setup
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.setup.health import ask_worker, last_results
from ckanext.ecosphere.shared import authorization, dates, language
from ckanext.ecosphere.shared.language import N_

RECENT = timedelta(minutes=5)
"""Age up to which a worker's check is shown without asking for a new one."""
PAGE = 50
"""Rows of a list on one page."""
LAST_PAGE = 1_000
LONGEST_TITLE = 200
AREA = "service"
"""Area of the journal for the sheets of services."""
EXTRAS = {"kind": organisations.KIND, "territory": organisations.TERRITORY}
"""Form field → extra of the organisation. The title is CKAN's; the rest is the contact sheet."""

#: Queue → what its jobs do.
QUEUES = {
    jobs.DEFAULT_QUEUE_NAME: N_("Work of CKAN itself"),
    "ecosphere:access": N_("Previews, services and extracts"),
    "ecosphere:harvest": N_("Harvests"),
    "ecosphere:quality": N_("Scores and checks of links"),
    "ecosphere:requests": N_("E-mails and comparisons of data requests"),
    "ecosphere:schemas": N_("Bulk edits and catalogue files"),
    "ecosphere:search": N_("Search alerts"),
    "ecosphere:studies": N_("Counts on the sites of studies, and e-mails about them"),
}

blueprint = Blueprint("ecosphere_console", __name__, url_prefix="/ecosphere/admin")
of_services = Blueprint("ecosphere_services", __name__, url_prefix="/ecosphere/admin/services")


@blueprint.before_request
@of_services.before_request
def administrators_only() -> Response | None:
    """Refuse everyone but sysadmins; anonymous visitors are sent to the log-in page."""
    if not tk.current_user.is_authenticated:
        back = tk.url_for("ecosphere_console.health")
        if request.method == "GET":
            back = request.path
        return tk.redirect_to("user.login", came_from=back)
    if not authz.is_sysadmin(tk.current_user.name):
        tk.abort(403, _("Only administrators of the portal may see this."))
    return None


@blueprint.route("/", strict_slashes=False)
def health() -> str:
    """Show the results of the last check and the state of the queues."""
    spoken = language.current()
    try:
        at, checks = last_results(spoken)
        is_asked = at is None or datetime.now(timezone.utc) - at > RECENT
        if is_asked:
            ask_worker(spoken)
    except RedisError:
        at, checks, is_asked = None, [], False
    variables = {
        "at": dates.moment(at),
        "checks": checks,
        "asked": is_asked,
        "queues": queues(),
    }
    return tk.render("ecosphere_console/health.html", variables)


@blueprint.route("/verifier", methods=["POST"])
def look_again() -> Response:
    """Ask a worker for a new check."""
    if ask_worker(language.current()):
        tk.h.flash_success(_("The check was asked for: load this page again in some seconds."))
    else:
        tk.h.flash_error(_("Redis does not answer: nothing can be checked in the background."))
    return tk.redirect_to("ecosphere_console.health")


@blueprint.route("/personnes")
def people() -> str:
    """List the members of services and pending invitations."""
    words, page = search_and_page()
    invited = request.args.get("invited") == "1"
    count, people_of_page = members(words, page, invited=invited)
    variables = {"people": people_of_page, "invited": invited, **paging(words, page, count)}
    return tk.render("ecosphere_console/people.html", variables)


@blueprint.route("/personnes/ajouter")
def add_person() -> Response:
    """Lead to the form for a new member of the chosen service."""
    service = model.Group.get(request.args.get("service", ""))
    if service is None or not service.is_organization:
        tk.h.flash_error(_("Choose the service of the person."))
        return tk.redirect_to("ecosphere_console.people")
    return tk.redirect_to("organization.member_new", id=service.name)


def queues() -> list[DataDict] | None:
    """Return each queue with its waiting jobs, failed jobs and workers.

    None while Redis is down.
    """
    names = {jobs.DEFAULT_QUEUE_NAME}
    for plugin in each_setup():
        names.update(plugin.ecosphere_queues())
    try:
        connection = connect_to_redis()
        workers_of_queue: Counter[str] = Counter()
        for worker in rq.Worker.all(connection=connection):
            workers_of_queue.update(worker.queue_names())
        rows = []
        for name in sorted(names):
            full_name = jobs.add_queue_name_prefix(name)
            queue = rq.Queue(full_name, connection=connection)
            title = ""
            if name in QUEUES:
                title = _(QUEUES[name])
            rows.append(
                {
                    "name": name,
                    "title": title,
                    "workers": workers_of_queue[full_name],
                    "waiting": queue.count,
                    "failed": queue.failed_job_registry.count,
                }
            )
    except RedisError:
        return None
    return rows


def members(words: str, page: int, *, invited: bool = False) -> tuple[int, list[DataDict]]:
    """Find members of services.

    Args:
        words: part of a service's or a person's name; empty for all.
        page: page number, from 1.
        invited: whether to list only people with a pending invitation.

    Returns:
        the total number, and the members of the page, sorted by service: `service`, `service_name`,
        `person`, `name`, `role`, `invited` (whether the invitation is pending), `since` (day the
        account was created, in words), `until` (last day of the invitation, in words; empty for
        none), `is_over` (whether that day has passed), `last_seen` (day in words; empty for never).
    """
    group, member = model.Group, model.Member
    user: Any = model.User
    states = ("active", "pending")
    if invited:
        states = ("pending",)
    of_user = (user.state, user.last_active, user.created, user.plugin_extras)
    query = (
        sa.select(group.title, group.name, user.fullname, user.name, member.capacity, *of_user)
        .select_from(member)
        .join(group, group.id == member.group_id)
        .join(user, user.id == member.table_id)
        .where(
            member.table_name == "user", member.state == "active", group.is_organization.is_(True)
        )
        .where(group.state == "active", user.state.in_(states))
        # The site user is a member of each organisation that it created, but is not a person.
        .where(user.name != tk.config["ckan.site_id"])
    )
    columns = (group.title, group.name, user.fullname, user.name)
    count, rows = one_page(query.order_by(group.title, user.name), columns, words, page)
    people_of_page = []
    for title, service, fullname, name, capacity, state, last_active, created, notes in rows:
        last_day = invitations.until(notes)
        people_of_page.append(
            {
                "service": title or service,
                "service_name": service,
                "person": fullname or name,
                "name": name,
                "role": capacity,
                "invited": state == "pending",
                "since": dates.day(created),
                "until": dates.day(last_day),
                "is_over": last_day is not None and last_day < dates.today(),
                "last_seen": dates.day(last_active),
            }
        )
    return count, people_of_page


def health_cards() -> list[Card]:
    """Return the errors of the last check, for an administrator's dashboard."""
    at, checks = last_results(language.current())
    url = tk.url_for("ecosphere_console.health")
    wrong = [check for check in checks if check.status is CheckStatus.ERROR]
    if at is None or not wrong:
        return []
    lines = [Line(check.name, url, check.message, urgent=True) for check in wrong[:MOST_LINES]]
    title, links = _("The portal itself"), [Link(_("Health"), url)]
    return [Card("health", title, "heart-pulse", len(wrong), lines, links, 5)]


# --- sheets of services ---


@of_services.route("/", strict_slashes=False)
def overview() -> str:
    """List the services with their details and what is missing from their sheets."""
    words, number = search_and_page()
    without_mailbox = request.args.get("lacking") == "1"
    count, services_of_page = _services(words, number, without_mailbox=without_mailbox)
    variables = {
        "services": services_of_page,
        "lacking": without_mailbox,
        **paging(words, number, count),
    }
    return tk.render("ecosphere_console/services.html", variables)


@of_services.route("/<id>", methods=["GET", "POST"])
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


def _services(words: str, number: int, *, without_mailbox: bool) -> tuple[int, list[DataDict]]:
    """Find services, in alphabetical order.

    Args:
        words: part of the title or name; empty for all.
        number: page number, from 1.
        without_mailbox: whether to list only services whose sheet has no e-mail address.

    Returns:
        the total number, and the services of the page: `name`, `title`, `kind`, `territory`
        (labels), `email`, `chief`.
    """
    group = model.Group
    query = sa.select(group).where(
        group.is_organization.is_(True), group.state == model.State.ACTIVE
    )
    if without_mailbox:
        mailbox: Any = group.extras[sheets.PREFIX + "email"].astext  # pyright: ignore
        query = query.where(sa.func.coalesce(mailbox, "") == "")
    columns = (group.title, group.name)
    count, rows = one_page(query.order_by(*columns), columns, words, number)
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
    # The sheet first: its validation runs before anything is written. CKAN's save is in the same
    # transaction.
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
    """Return the kinds to choose from, including the current one
    even if the list does not have it.
    """
    kinds = [("", services.kinds()[services.OTHER])]
    kinds += [(kind, label) for kind, label in services.kinds().items() if kind != services.OTHER]
    if not current or current in dict(kinds):
        return kinds
    return [*kinds, (current, current)]


def _territories() -> list[tuple[str, str]]:
    lang = language.current()
    return [(territory.uri, territory.label(lang)) for territory in voc.get("territories")]


# What the administration pages with a list share: a search for words, and pages.


def search_and_page() -> tuple[str, int]:
    """Return the words and the number of the page that the URL of a list asks for."""
    return request.args.get("q", "")[:100].strip(), page_number()


def paging(words: str, number: int, count: int) -> DataDict:
    """Return what the template of a list says of its search and its pages."""
    pages = max(1, -(-count // PAGE))
    return {"words": words, "number": number, "count": count, "pages": pages}


def one_page(query: Any, columns: Iterable[Any], words: str, number: int) -> tuple[int, Any]:
    """Return how many rows of a query have the words in one of the columns, and those of a page.

    Args:
        query: in the order of the list.
        columns: in which the words are looked for; all rows without words.
        words: part of a name.
        number: page number, from 1.
    """
    if words:
        conditions = [column.icontains(words, autoescape=True) for column in columns]
        query = query.where(sa.or_(*conditions))
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    return count, model.Session.execute(query.offset((number - 1) * PAGE).limit(PAGE))


def page_number() -> int:
    """Return the number of the page that the URL of a list asks for; 1 if it is invalid."""
    return min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
