"""Actions that read requests."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import dictize, history
from ckanext.ecosphere.data_requests.answers import deliveries
from ckanext.ecosphere.data_requests.domain import people, routing, states, wording
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.model import RECEIPT_DAY, SHOWN_SIGNAL, DatasetLink, Request
from ckanext.ecosphere.data_requests.search import desk, listing, matching, similar, stats


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a request with its history, its conversation and what the reader may do now.

    What a reader may not see of it is not there: names and e-mails of people, internal notes, the reasons of a
    refusal. See `docs/requests.md` for the fields.

    Args:
        id (str): id or reference (DD-2026-00001).

    Returns:
        dict: the request; `events` (its history), `comments`, `datasets` that answer it, `not_enough` (the
        datasets that the requester knows: key, name and title where the reader may read them), `suggestions` (for the
        service), `may` (for each transition that is possible now: transition, label, fields, required), `clock`
        (state: none, running, extended, due_soon, overdue, closed; due, days_left, extended).

    Raises:
        NotFound: there is no such request, or not for this reader.
    """
    tk.check_access("ecosphere_request_show", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    return dictize.request_show(request, reader)


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_delivery_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a file or link that answers a request; for the view that hands files out.

    Args:
        id (str): id of the delivery.

    Returns:
        dict: `id`, `kind` (file or link), `url`, `name`, `size`, `reach`, `public_from`, `request_id`; within the
        portal, not over the API, `path` as well, where a file is on the server.

    Raises:
        NotFound: there is no such delivery, or not for this person.
    """
    tk.check_access("ecosphere_request_delivery_show", context, data_dict)
    found = deliveries.get(data_dict["id"])
    if found is None:
        raise tk.ObjectNotFound(tk._("File not found"))
    shown = {**deliveries.shown(found), "request_id": found.request_id}
    if "api_version" not in context and found.kind == "file":
        shown["path"] = str(deliveries.path_of(found))
    return shown


@tk.side_effect_free
@schema.flat
@tk.validate_action_data(schema.request_list)
def ecosphere_request_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Find requests by words, state, service, territory, theme and use.

    Private requests are in none but the reader's own lists: `mine`, the `desk` of their service, `moderation`.

    Args:
        q (str): words in French, or a reference.
        state (list): states, one of which a request must have.
        organization (str): name or id of a service.
        territory (str): id in the vocabulary; those below it are included.
        theme (str): id in the vocabulary; those below it are included.
        use (str): id in the vocabulary of uses.
        unanswered (bool): only requests that wait for the first sign of the service.
        review (bool): only requests of which an internal review is asked and not answered yet.
        assigned (str): with the scope desk, mine (with those of colleagues for whom the reader stands in) or nobody.
        sort (str): relevance, created (newest first, the default), support, or due.
        scope (str): public (default), mine, desk (with `organization`), moderation (those submitted, unless `state`).
        start (int): number of requests to pass over.
        rows (int): how many to return; 20 if not given.
        facets (bool): whether to count by value (the default), which takes the longer the more requests there are.

    Returns:
        dict: `count`, `results`, `facets` (state, organization, territory, theme, use: name, title, count; empty when
        they are not asked for), `start`, `rows`.

    Raises:
        NotAuthorized: the scope is not for the reader.
    """
    tk.check_access("ecosphere_request_list", context, data_dict)
    return listing.run(data_dict, people.reader_of_context(context))


@tk.side_effect_free
@schema.flat
@tk.validate_action_data(schema.place_and_theme)
def ecosphere_request_similar(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return public datasets and open public requests that are like what a person is about to ask.

    Args:
        title (str): what the person typed.
        theme (str): id in the vocabulary.
        territory (str): id in the vocabulary.
        communes (list), bbox (list): as `ecosphere_request_route` takes them, when there is no territory.
        organization (str): name or id of the service that is asked.

    Returns:
        dict: `datasets` (name, title, notes, organization) and `requests`, five of each at most, best first. Datasets
        of another place than the one that is asked for are not among them; those of the whole country are.
    """
    tk.check_access("ecosphere_request_similar", context, data_dict)
    title, theme, territory = (data_dict.get(key) or "" for key in ("title", "theme", "territory"))
    reader = people.reader_of_context(context)
    return {
        "datasets": similar.datasets(title, theme, _territory(data_dict), data_dict.get("organization") or ""),
        "requests": similar.requests(title, theme, territory, reader),
    }


@tk.side_effect_free
@schema.flat
@tk.validate_action_data(schema.place_and_theme)
def ecosphere_request_route(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the service that a request would be proposed to, and why.

    Args:
        theme (str): id in the vocabulary.
        territory (str): id in the vocabulary.
        communes (list): INSEE codes, when there is no territory.
        bbox (list): west, south, east, north in degrees, when there is neither.

    Returns:
        dict: `organization` (id, name, title) or None, `reason`, `alternatives`, `territory` that was understood.
    """
    tk.check_access("ecosphere_request_route", context, data_dict)
    territory = _territory(data_dict)
    found = routing.propose(data_dict.get("theme") or "", territory)
    groups = [found.organization, *found.alternatives]
    shown = [{"id": g.id, "name": g.name, "title": g.title or g.name} for g in groups if g]
    return {
        "organization": shown[0] if found.organization else None,
        "reason": wording.routing_reason(found.reason),
        "alternatives": shown[1:],
        "territory": territory,
    }


def _territory(data_dict: DataDict) -> str:
    """The territory that is asked for, or that of the communes or the rectangle."""
    given = data_dict.get("territory")
    return given or routing.territory_of(data_dict.get("communes") or [], data_dict.get("bbox"))


@tk.side_effect_free
@tk.validate_action_data(schema.desk)
def ecosphere_request_desk(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the desk of a service: what is to be done first, on top.

    Args:
        organization (str): name or id of the service.
        requests (bool): whether the requests and the people are wanted (the default), or `counts` alone.

    Returns:
        dict: `review` (closed, and an internal review is asked for), `overdue`, `due_soon`, `new`, `waiting`,
        `in_progress` (requests, each in the first that fits, 50 of each at most), `counts`; `mine` and `nobody`, how
        many the reader and nobody in particular has; `people` of the service (`user`, `name`, `count` of what they
        have, `late` among these, `away_until`, `substitute`).

    Raises:
        NotFound: there is no such service.
        NotAuthorized: the reader is no editor of it.
    """
    tk.check_access("ecosphere_request_desk", context, data_dict)
    group = auth.organization(data_dict["organization"])
    if not data_dict["requests"]:
        return {"counts": desk.counts(group.id, dictize.today())}
    return desk.of_service(group.id, people.reader_of_context(context), dictize.today())


@tk.side_effect_free
@tk.validate_action_data(schema.stats)
def ecosphere_request_stats(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the public figures; private requests count in a figure only from a threshold on.

    Args:
        year (int): of the receipt; all years if not given.
        organization (str): name or id of a service; all if not given.

    Returns:
        dict: `received`, `answered`, `answered_within_month` (share, 0–1, of the requests whose first month is over
        or that are answered; transmissions and "not held" are no answers), `apart` (transferred, not_held, rejected,
        withdrawn: how many), `median_days_first_answer`, `outcomes` (state → number), `backlog` (age in days,
        count), `unmet` (theme, departements, support, count, wide: how many of these requests are about several
        départements and count in each), `by_month` (month, received, answered), `threshold`, `private_included`,
        `years`; `grounds` (of refusals, whole or partial: ground, label, count; "" for those that are given less often
        than the threshold); `satisfaction` (said: how many requesters said whether the answer helped; yes: share of
        those whom it did; None below the threshold); without a service, `services` (public requests of each: name,
        title, received, waiting, overdue, answered, refused, within_month, median_days, satisfaction).

    Raises:
        NotFound: there is no such service.
        ValidationError: the figures of many requests are being counted: ask again in some seconds.
    """
    tk.check_access("ecosphere_request_stats", context, data_dict)
    group = auth.organization(data_dict["organization"]) if data_dict.get("organization") else None
    return stats.show(data_dict.get("year"), group.id if group else None, dictize.today())


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_dataset_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the public requests that a dataset answered, and open ones that talk of it or may be answered by it.

    Args:
        id (str): name or id of the dataset.

    Returns:
        dict: `satisfied` and `open`: requests, the latest first; `signals`: what was reported and is public, the open
        ones first, with `answer_html`, what the service said when it ended them; `open_signals`: how many are open.

    Raises:
        NotFound: there is no such dataset, or not for this reader.
    """
    tk.check_access("ecosphere_request_dataset_list", context, data_dict)
    package = model.Package.get(data_dict["id"])
    if package is None:
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    reader = people.reader_of_context(context)
    tied = sa.select(Request).join(DatasetLink).where(DatasetLink.package_id == package.id, Request.listed)
    answers = (DatasetLink.kind == "answer", Request.state.in_((states.FULFILLED, states.PARTIAL)))
    closing_day = sa.cast(sa.func.timezone("Europe/Paris", Request.closed), sa.Date)
    answered = tied.where(*answers).order_by(closing_day.desc().nulls_last(), Request.id).limit(matching.MOST)
    names = sa.or_(Request.known_datasets.contains([package.name]), Request.known_datasets.contains([package.id]))
    named = sa.select(Request.id).where(Request.listed, names)
    near = sa.select(DatasetLink.request_id).where(
        DatasetLink.package_id == package.id, DatasetLink.kind.in_(("suggested", "mentioned"))
    )
    asked = (
        sa.select(Request)
        .where(Request.listed, Request.state.in_(states.ACTIVE), Request.id.in_(sa.union(named, near)))
        .order_by(RECEIPT_DAY.desc(), Request.id)
        .limit(matching.MOST)
    )
    about = (SHOWN_SIGNAL, Request.package_id == package.id)
    over = sa.case((Request.state.in_(states.ACTIVE), 0), else_=1)
    reported = sa.select(Request).where(*about).order_by(over, RECEIPT_DAY.desc(), Request.id).limit(matching.MOST)
    found = [list(model.Session.scalars(query)) for query in (answered, asked, reported)]
    satisfied, asking, signals = (dictize.request_list(each, reader) for each in found)
    said = history.answers(found[2])
    count = sa.select(sa.func.count()).select_from(Request).where(*about, Request.state.in_(states.ACTIVE))
    return {
        "satisfied": satisfied,
        "open": asking,
        "signals": [{**each, "answer_html": said.get(each["id"], "")} for each in signals],
        "open_signals": model.Session.scalar(count) or 0,
    }


@tk.side_effect_free
@tk.validate_action_data(schema.of_organization)
def ecosphere_request_suggestions(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Return the requests on a service's desk that a published dataset may answer.

    Args:
        organization (str): name or id of the service.

    Returns:
        list: for each: `request` and `datasets` (id, name, title).

    Raises:
        NotFound: there is no such service.
        NotAuthorized: the reader is no editor of it.
    """
    tk.check_access("ecosphere_request_suggestions", context, data_dict)
    group = auth.organization(data_dict["organization"])
    return matching.suggestions(group.id, people.reader_of_context(context))
