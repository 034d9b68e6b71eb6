"""Administration pages of the suite: health checks, background queues, members of services."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
from ckan import authz, model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from flask import Blueprint, request
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from ckanext.ecosphere.core import invitations
from ckanext.ecosphere.interfaces import MOST_LINES, Card, CheckStatus, Line, Link, each_setup
from ckanext.ecosphere.setup.health import ask_worker, last_results
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.language import N_

RECENT = timedelta(minutes=5)
"""Age up to which a worker's check is shown without asking for a new one."""
PAGE = 50
LAST_PAGE = 1_000
LONGEST_NUMBER = 9

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


@blueprint.before_request
def administrators_only() -> Response | None:
    """Refuse everyone but sysadmins; anonymous visitors are sent to the log-in page."""
    if not tk.current_user.is_authenticated:
        back = request.path if request.method == "GET" else tk.url_for("ecosphere_console.health")
        return tk.redirect_to("user.login", came_from=back)
    if not authz.is_sysadmin(tk.current_user.name):
        tk.abort(403, tk._("Only administrators of the portal may see this."))
    return None


@blueprint.route("/")
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
        tk.h.flash_success(tk._("The check was asked for: load this page again in some seconds."))
    else:
        tk.h.flash_error(tk._("Redis does not answer: nothing can be checked in the background."))
    return tk.redirect_to("ecosphere_console.health")


@blueprint.route("/personnes")
def people() -> str:
    """List the members of services and pending invitations."""
    words, page = request.args.get("q", "")[:100].strip(), page_number(request.args.get("page"))
    invited = request.args.get("invited") == "1"
    count, people_of_page = members(words, page, invited=invited)
    pages = max(1, -(-count // PAGE))
    return tk.render(
        "ecosphere_console/people.html",
        {
            "people": people_of_page,
            "count": count,
            "words": words,
            "invited": invited,
            "number": page,
            "pages": pages,
        },
    )


@blueprint.route("/personnes/ajouter")
def add_person() -> Response:
    """Lead to the form for a new member of the chosen service."""
    service = model.Group.get(request.args.get("service", ""))
    if service is None or not service.is_organization:
        tk.h.flash_error(tk._("Choose the service of the person."))
        return tk.redirect_to("ecosphere_console.people")
    return tk.redirect_to("organization.member_new", id=service.name)


def queues() -> list[dict[str, Any]] | None:
    """Return each queue with its waiting jobs, failed jobs and workers; None while Redis is down."""
    try:
        connection = connect_to_redis()
        heard = [
            name for worker in rq.Worker.all(connection=connection) for name in worker.queue_names()
        ]
        names = {jobs.DEFAULT_QUEUE_NAME}.union(
            *(plugin.ecosphere_queues() for plugin in each_setup())
        )
        rows = []
        for name in sorted(names):
            full = jobs.add_queue_name_prefix(name)
            queue = rq.Queue(full, connection=connection)
            numbers = {"waiting": queue.count, "failed": queue.failed_job_registry.count}
            title = tk._(QUEUES[name]) if name in QUEUES else ""
            rows.append({"name": name, "title": title, "workers": heard.count(full), **numbers})
    except RedisError:
        return None
    return rows


def members(words: str, page: int, *, invited: bool = False) -> tuple[int, list[dict[str, Any]]]:
    """Find members of services.

    Args:
        words: part of a service's or a person's name; empty for all.
        page: page number, from 1.
        invited: whether to list only people with a pending invitation.

    Returns:
        the total number, and the members of the page, sorted by service: `service`, `service_name`, `person`, `name`,
        `role`, `invited` (whether the invitation is pending), `since` (day the account was created, in words), `until`
        (last day of the invitation, in words; empty for none), `is_over` (whether that day has passed), `last_seen`
        (day in words; empty for never).
    """
    group, member = model.Group, model.Member
    user: Any = model.User
    of_user = (user.state, user.last_active, user.created, user.plugin_extras)
    query = (
        sa.select(group.title, group.name, user.fullname, user.name, member.capacity, *of_user)
        .select_from(member)
        .join(group, group.id == member.group_id)
        .join(user, user.id == member.table_id)
        .where(
            member.table_name == "user", member.state == "active", group.is_organization.is_(True)
        )
        .where(
            group.state == "active",
            user.state.in_(("pending",) if invited else ("active", "pending")),
        )
        # The site user is a member of each organisation that it created, but is not a person.
        .where(user.name != tk.config["ckan.site_id"])
    )
    if words:
        columns = (group.title, group.name, user.fullname, user.name)
        query = query.where(
            sa.or_(*(column.icontains(words, autoescape=True) for column in columns))
        )
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = model.Session.execute(
        query.order_by(group.title, user.name).offset((page - 1) * PAGE).limit(PAGE)
    )
    return count, [
        {
            "service": title or service,
            "service_name": service,
            "person": fullname or name,
            "name": name,
            "role": capacity,
            "invited": state == "pending",
            "since": dates.day(created),
            "until": dates.day(last := invitations.until(notes)),
            "is_over": last is not None and last < dates.today(),
            "last_seen": dates.day(last_active),
        }
        for title, service, fullname, name, capacity, state, last_active, created, notes in rows
    ]


def health_cards() -> list[Card]:
    """Return the errors of the last check, for an administrator's dashboard."""
    at, checks = last_results(language.current())
    url = tk.url_for("ecosphere_console.health")
    wrong = [check for check in checks if check.status is CheckStatus.ERROR]
    if at is None or not wrong:
        return []
    lines = [Line(check.name, url, check.message, urgent=True) for check in wrong[:MOST_LINES]]
    return [
        Card(
            "health",
            tk._("The portal itself"),
            "heart-pulse",
            len(wrong),
            lines,
            [Link(tk._("Health"), url)],
            5,
        )
    ]


def page_number(text: str | None) -> int:
    """Parse a page number of a URL; 1 if it is invalid."""
    if not text or not text.isdecimal() or len(text) > LONGEST_NUMBER:
        return 1
    return min(max(int(text), 1), LAST_PAGE)
