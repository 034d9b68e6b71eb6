"""The dashboard after log-in: pending items from each room,
and links to what the person can start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.common import _
from flask import Blueprint, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.core import addresses as address_views
from ckanext.ecosphere.core import console
from ckanext.ecosphere.interfaces import (
    MOST_LINES,
    Card,
    IEcosphereDashboard,
    Line,
    Link,
    Person,
    Service,
)
from ckanext.ecosphere.shared.mailing import labelled

log = logging.getLogger(__name__)

LOGIN_OPTION = "ckan.auth.route_after_login"
CKAN_ROUTE = "dashboard.datasets"
ROUTE = "ecosphere_dashboard.home"

MOST_SERVICES = 10
"""Services taken into account per person, which bounds the cost of a dashboard."""
EDITING = ("admin", "editor")

blueprint = Blueprint("ecosphere_dashboard", __name__)
T = TypeVar("T")


def lead_there(config: Any) -> None:
    """Make the dashboard the page after log-in, unless the administrator chose another one."""
    if config.get(LOGIN_OPTION) in (None, "", CKAN_ROUTE):
        config[LOGIN_OPTION] = ROUTE


@blueprint.after_app_request
def lead_back_after_registration(response: Response) -> Response:
    """Redirect people to the page they came from after they registered.

    CKAN would show the page after log-in.
    """
    target = request.args.get("came_from") if request.endpoint == "user.register" else None
    if target and request.method == "POST" and response.location:
        response.location = target  # on this portal: the web guard refuses any other
    return response


@blueprint.route("/tableau-de-bord")
def home() -> str | Response:
    """Show the dashboard; anonymous visitors are sent to the log-in page."""
    if not tk.current_user.is_authenticated:
        here = tk.url_for(ROUTE)
        return tk.redirect_to("user.login", came_from=here)  # pyright: ignore[reportReturnType]
    person = person_of(model.User.get(tk.current_user.id))  # pyright: ignore[reportArgumentType]
    rooms = list(p.PluginImplementations(IEcosphereDashboard))
    card_parts = [_health, _followed, *(room.ecosphere_dashboard_cards for room in rooms)]
    link_parts = [_own_links, *(room.ecosphere_dashboard_links for room in rooms)]
    failed: list[str] = []
    cards = _collected(card_parts, person, failed)
    links = _collected(link_parts, person, failed)
    cards.sort(key=lambda card: (not card.urgent, card.rank))
    links.sort(key=lambda link: link.rank)
    waiting = address_views.unconfirmed()
    variables = {
        "person": person,
        "unconfirmed": waiting.email if waiting else "",
        "cards": cards,
        "links": links,
        "incomplete": bool(failed),
        "user_dict": {"name": person.name},
    }
    return tk.render("ecosphere_dashboard/home.html", variables)


def _collected(
    parts: Iterable[Callable[[Person], list[T]]], person: Person, failed: list[str]
) -> list[T]:
    """Return the contributions of all parts; the names of those that fail are added to `failed`."""
    contributions: list[T] = []
    for part in parts:
        try:
            contributions += part(person)
        except Exception:
            model.Session.rollback()
            log.exception("Dashboard: %s failed", part.__qualname__)
            failed.append(part.__qualname__)
    return contributions


def _own_links(person: Person) -> list[Link]:
    """Return the link to add a person, for administrators of the portal or of services."""
    label, icon, rank = _("Add a person"), "user-plus", 70
    if person.sysadmin:
        return [Link(label, tk.url_for("ecosphere_console.people"), icon, rank)]
    mine = [
        service
        for service in person.services
        if authz.has_user_permission_for_group_or_org(service.id, person.name, "membership")
    ]
    links = []
    for service in mine:
        text = label
        if len(mine) > 1:
            text = labelled(label, service.title)
        url = tk.url_for("organization.member_new", id=service.name)
        links.append(Link(text, url, icon, rank))
    return links


def _health(person: Person) -> list[Card]:
    if person.sysadmin:
        return console.health_cards()
    return []


def _followed(person: Person) -> list[Card]:
    """Return a card of the datasets that the person follows."""
    datasets = person.ask("dataset_followee_list", {"id": person.id})
    if not datasets:
        return []
    lines = [
        Line(dataset["title"] or dataset["name"], tk.url_for("dataset.read", id=dataset["name"]))
        for dataset in datasets[:MOST_LINES]
    ]
    more = []
    if len(datasets) > MOST_LINES:
        more = [Link(_("My profile"), tk.url_for("user.read", id=person.name))]
    return [Card("followed", _("Followed datasets"), "eye", len(datasets), lines, more, 80)]


def person_of(user: model.User) -> Person:
    """Return the owner of a dashboard, with the services for which they edit datasets."""
    group, member = model.Group, model.Member
    query = (
        sa.select(group.id, group.name, group.title)
        .join(member, member.group_id == group.id)
        .where(member.table_name == "user", member.table_id == user.id, member.state == "active")
        .where(
            member.capacity.in_(EDITING), group.state == "active", group.is_organization.is_(True)
        )
        .order_by(group.title, group.name)
        .limit(MOST_SERVICES)
    )
    services = [
        Service(id_, name, title or name) for id_, name, title in model.Session.execute(query)
    ]
    return Person(user.id, user.name, bool(user.sysadmin), services)
