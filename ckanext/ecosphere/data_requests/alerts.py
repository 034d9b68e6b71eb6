"""Saved searches for requests: a subject of the portal's alerts, and Atom feeds.

Only public requests are found, whoever searches, and only changes visible to everyone, their
transitions, are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from urllib.parse import parse_qsl, urlencode

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from werkzeug.datastructures import MultiDict

from ckanext.ecosphere.data_requests import listing
from ckanext.ecosphere.data_requests.domain import wording
from ckanext.ecosphere.data_requests.domain.people import by_ids
from ckanext.ecosphere.data_requests.model import Event, Request, number_of
from ckanext.ecosphere.data_requests.notifications import texts
from ckanext.ecosphere.interfaces import AlertSubject, News
from ckanext.ecosphere.shared import characters, dates, language

LONGEST = 2_000
"""Maximum length of a search, in characters of its query string."""
LONGEST_TITLE = 200


class Requests(AlertSubject):
    """Alerts about public requests, searched as in the list of requests."""

    key = "requests"
    page = "/demandes"

    def name(self) -> str:
        return _("Data requests")

    def explanation(self) -> str:
        return _(
            "You get an e-mail when public requests of this search are made, answered or moved on, "
            "and none when there is no news:"
        )

    def canonical(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return the words and filters of a search as a query string,
        without its order and page.
        """
        lines = [(name, characters.one_line(value)) for name, value in pairs]
        filters = listing.read_search(MultiDict(lines))
        filters.pop("assigned", None)
        words = {"q": filters.pop("q")} if "q" in filters else {}
        chosen_states = sorted(set(filters.pop("state", ())))
        if "unanswered" in filters:
            filters["unanswered"] = "1"
        arguments = {**words, **filters, "state": chosen_states}
        search = urlencode(arguments, doseq=True)
        if len(search) > LONGEST:
            raise tk.ValidationError({"search": [_("This search is too long to be saved.")]})
        return search

    def checked(self, search: str, reader: model.User | None) -> str:
        """Validate a search by running it once."""
        arguments = {**read_search(search), "rows": 0, "facets": False}
        try:
            tk.get_action("ecosphere_request_list")({"user": ""}, arguments)
        except tk.ValidationError as error:
            # The form shows all errors of the search in one place.
            errors: DataDict = error.error_dict
            messages = list(chain.from_iterable(errors.values()))
            raise tk.ValidationError({"search": messages}) from None
        return search

    def title(self, search: str) -> str:
        """Return a title made of the words and filters of a search."""
        chosen = parse_qsl(search)
        parts = [_("“{words}”").format(words=value) for name, value in chosen if name == "q"]
        parts += [_label(name, value) for name, value in chosen if name in listing.FACETS]
        if any(name == "unanswered" for name, _value in chosen):
            parts.append(_("Without an answer"))
        return characters.one_line(" – ".join(parts))[:LONGEST_TITLE] or _("All requests")

    def address(self, search: str) -> str:
        spoken = language.current()
        page = tk.h.url_for("ecosphere_requests.index", qualified=True, locale=spoken)
        return with_search(page, search)

    def feed(self, search: str) -> str:
        return with_search(tk.h.url_for("ecosphere_requests.feed"), search)

    def look(
        self, search: str, reader: model.User | None, since: datetime, until: datetime, rows: int
    ) -> tuple[int, list[str]]:
        """Return the number and ids of the public requests with a transition in the period,
        the latest first.
        """
        step = sa.select(Event.id).where(
            Event.request_id == Request.id, Event.created > since, Event.created <= until
        )
        arguments = read_search(search)
        where = [
            Request.listed,
            Request.modified > since,
            *listing.conditions(arguments).values(),
            step.exists(),
        ]
        latest = sa.select(Request.id).where(*where)
        latest = latest.order_by(Request.modified.desc(), Request.id).limit(rows)
        with listing.through_indexes("q" in arguments):
            count = number_of(Request, *where)
            if not count:
                return 0, []
            return count, list(model.Session.scalars(latest))

    def news(self, ids: Sequence[str], reader: model.User | None, since: datetime) -> list[News]:
        """Return the entries of requests that are still public, in the order of their ids."""
        requests = by_ids(Request, ids)
        groups = by_ids(model.Group, {request.organization_id for request in requests.values()})
        listed = [requests[id_] for id_ in ids if id_ in requests and requests[id_].listed]
        return [_news(request, groups, since) for request in listed]

    def sentence(self, count: int) -> str:
        return tk.ungettext(
            "{number} new or changed request", "{number} new or changed requests", count
        ).format(number=count)


def read_search(search: str) -> DataDict:
    """Return a search as arguments of the list of requests."""
    return listing.read_search(MultiDict(parse_qsl(search)))


def with_search(address: str, search: str) -> str:
    """Return the URL of a list with a search."""
    if search:
        return f"{address}?{search}"
    return address


def _label(name: str, value: str) -> str:
    if name == "state":
        return wording.state(value)
    return tk.h.ecosphere_request_facet_label(name, value)


def _news(request: Request, groups: dict[str, model.Group], since: datetime) -> News:
    """Return the entry of a request, with its state, place, service and date."""
    new = request.opened is not None and request.opened > since
    words = _("new on {date}") if new else _("changed on {date}")
    group = groups.get(request.organization_id or "")
    moment = request.opened if new else request.modified
    service = group.display_name if group else ""
    about = [
        wording.state(request.state),
        wording.territory(request, language.current()),
        service,
        words.format(date=dates.day(moment)),
    ]
    return News(
        title=characters.one_line(texts.title_of(request)),
        url=tk.h.url_for(
            "ecosphere_requests.read",
            id=request.reference,
            qualified=True,
            locale=language.current(),
        ),
        about=characters.one_line(" – ".join(part for part in about if part)),
    )
