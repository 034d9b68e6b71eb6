"""Actions that read, list, route and count requests, and those on letters,
referrals and satisfaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import (
    attachments,
    dictize,
    history,
    listing,
    matching,
    service,
    stats,
)
from ckanext.ecosphere.data_requests.decisions import letters, referral
from ckanext.ecosphere.data_requests.decisions.compose import addressed_to, digest
from ckanext.ecosphere.data_requests.domain import clock, fields, people, places, states, wording
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.model import (
    RECEIPT_DAY,
    SHOWN_SIGNAL,
    DatasetLink,
    Delivery,
    Letter,
    Request,
    number_of,
)
from ckanext.ecosphere.shared.action_input import action


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return a request with its history, its conversation and the transitions that are possible
    now.

    What the user may not see is left out: names and e-mail addresses, internal notes, the reasons
    of a refusal. See `docs/requests.md` for the fields.

    Args:
        id (str): id or reference (DD-2026-00001).

    Returns:
        dict: the request; `events` (its history), `comments`, `datasets` that answer it,
        `not_enough` (the datasets that the requester knows: key, name and title where the user may
        read them), `suggestions` (for the service), `may` (for each transition that is possible
        now: transition, label, fields, required), `clock` (state: none, running, extended,
        due_soon, overdue, closed; due, days_left, extended).

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    return shown(context, data_dict["id"])


def shown(context: Context, key: str) -> DataDict:
    """Return the request with this id or reference, as the user may see it now.

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    request, reader = auth.readable(context, key)
    return dictize.request_show(request, reader)


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_delivery_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return a file or link that answers a request; used by the view that serves files.

    Args:
        id (str): id of the delivery.

    Returns:
        dict: `id`, `kind` (file or link), `url`, `name`, `size`, `reach`, `public_from`,
        `request_id`; also the `path` of a file on the server, except over the API.

    Raises:
        NotFound: there is no such delivery, or the user may not read it.
    """
    delivery = model.Session.get_one(Delivery, data_dict["id"])
    result = {**attachments.shown_answer(delivery), "request_id": delivery.request_id}
    if "api_version" not in context and delivery.kind == "file":
        result["path"] = str(attachments.path_of(delivery))
    return result


@tk.side_effect_free
@schema.flat
@action(schema.request_list)
def ecosphere_request_list(context: Context, data_dict: DataDict) -> DataDict:
    """Search for requests by words, state, service, territory, theme and use.

    Private requests are only in the lists of those concerned: `mine`, the `desk` of their service,
    `moderation`.

    Args:
        q (str): words in French, or a reference.
        state (list): accepted states.
        organization (str): name or id of a service.
        territory (str): id in the vocabulary; those below it are included.
        theme (str): id in the vocabulary; those below it are included.
        use (str): id in the vocabulary of uses.
        unanswered (bool): only open requests without a first response of the service.
        review (bool): only requests with a pending internal review.
        assigned (str): with the scope desk, mine (with those of absent colleagues whom the user
            replaces) or nobody.
        sort (str): relevance, created (newest first, the default), support, or due.
        scope (str): public (default), mine, desk (with `organization`), moderation (those
            submitted, unless `state`).
        start (int): number of requests to skip.
        rows (int): maximum number of requests, by default 20.
        facets (bool): whether to count by value (the default), which is slow for very many
            requests.

    Returns:
        dict: `count`, `results`, `facets` (state, organization, territory, theme, use: name, title,
        count; empty if not requested), `start`, `rows`.

    Raises:
        NotAuthorized: the scope is not for the user.
    """
    return listing.run(data_dict, people.reader_of_context(context))


@tk.side_effect_free
@schema.flat
@action(schema.place_and_theme)
def ecosphere_request_similar(context: Context, data_dict: DataDict) -> DataDict:
    """Return public datasets and open public requests similar to a request being written.

    Args:
        title (str): what the user typed.
        theme (str): id in the vocabulary.
        territory (str): id in the vocabulary.
        communes (list), bbox (list): as for `ecosphere_request_route`, when there is no territory.
        organization (str): name or id of the requested service.

    Returns:
        dict: `datasets` (name, title, notes, organization) and `requests`, five of each at most,
        best first. Datasets of another place than the requested one are left out; those of the
        whole country are included.
    """
    title = data_dict.get("title") or ""
    theme = data_dict.get("theme") or ""
    organization = data_dict.get("organization") or ""
    reader = people.reader_of_context(context)
    return {
        "datasets": matching.similar_datasets(title, theme, _territory(data_dict), organization),
        "requests": matching.similar_requests(
            title, theme, data_dict.get("territory") or "", reader
        ),
    }


@tk.side_effect_free
@schema.flat
@action(schema.place_and_theme)
def ecosphere_request_route(context: Context, data_dict: DataDict) -> DataDict:
    """Return the service that would be proposed for a request, and why.

    Args:
        theme (str): id in the vocabulary.
        territory (str): id in the vocabulary.
        communes (list): INSEE codes, when there is no territory.
        bbox (list): west, south, east, north in degrees, when there is neither.

    Returns:
        dict: `organization` (id, name, title) or None, `reason`, `alternatives`, and the resulting
            `territory`.
    """
    territory = _territory(data_dict)
    proposal = places.propose(data_dict.get("theme") or "", territory)
    groups = [proposal.organization, *proposal.alternatives]
    services = [people.service_dict(group) for group in groups if group]
    organization = services[0] if proposal.organization else None
    return {
        "organization": organization,
        "reason": wording.routing_reason(proposal.reason),
        "alternatives": services[1:],
        "territory": territory,
    }


def _territory(data_dict: DataDict) -> str:
    """Return the given territory, or that of the communes or the rectangle."""
    territory = data_dict.get("territory")
    return territory or places.territory_of(data_dict.get("communes") or [], data_dict.get("bbox"))


@tk.side_effect_free
@action(schema.desk)
def ecosphere_request_desk(context: Context, data_dict: DataDict) -> DataDict:
    """Return the desk of a service: its open requests by urgency.

    Args:
        organization (str): name or id of the service.
        requests (bool): whether to return requests and people (the default), or `counts` alone.

    Returns:
        dict: `review` (closed, with a pending internal review), `overdue`, `due_soon`, `new`,
        `waiting`, `in_progress` (requests, each under the first that applies, 50 of each at most),
        `counts`; `mine` and `nobody`, number of requests of the user and of those assigned to no
        one; `people` of the service (`user`, `name`, `count` of their requests, `late` among these,
        `away_until`, `substitute`).

    Raises:
        NotFound: there is no such service.
        NotAuthorized: the user is not an editor of it.
    """
    group = auth.organization(data_dict["organization"])
    if not data_dict["requests"]:
        return {"counts": listing.desk_counts(group.id, clock.today())}
    return listing.of_service(group.id, people.reader_of_context(context), clock.today())


@tk.side_effect_free
@action(schema.stats)
def ecosphere_request_stats(context: Context, data_dict: DataDict) -> DataDict:
    """Return public statistics; private requests are only counted above a threshold.

    Args:
        year (int): of the receipt; by default, all years.
        organization (str): name or id of a service; by default, all.

    Returns:
        dict: `received`; `waiting` and, of these, `overdue`; `answered`, `answered_within_month`
        (share, 0–1, of the requests whose first month is over or that are answered; transfers and
        "not held" are no answers), `outcomes` of those answered (state → number), `apart`
        (transferred, not_held, duplicate, rejected, withdrawn, expired: how many),
        `median_days_first_answer`, `threshold`, `private_included`, `years`; `satisfaction` (said:
        number of requesters who gave an opinion on the answer; yes: share of those satisfied; None
        below the threshold); without a service, `services` (public requests of each: name, title,
        received, waiting, overdue, answered, refused, within_month, median_days, satisfaction).

    Raises:
        NotFound: there is no such service.
    """
    key = data_dict.get("organization")
    organization_id = auth.organization(key).id if key else None
    return stats.show(data_dict.get("year"), organization_id, clock.today())


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_dataset_list(context: Context, data_dict: DataDict) -> DataDict:
    """Return the public requests that a dataset answered, and open ones that mention it or may be
    answered by it.

    Args:
        id (str): name or id of the dataset.

    Returns:
        dict: `satisfied` and `open`: requests, the latest first; `signals`: public reports, the
        open ones first, with `answer_html`, the closing answer of the service; `open_signals`: how
        many are open.

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
    """
    package: Any = model.Package.get(data_dict["id"])
    reader = people.reader_of_context(context)
    active = Request.state.in_(states.ACTIVE)
    closing_day = sa.cast(sa.func.timezone("Europe/Paris", Request.closed), sa.Date)
    mentions = [Request.known_datasets.contains([key]) for key in (package.name, package.id)]
    near = sa.or_(*mentions, _is_linked(package.id, "suggested", "mentioned"))
    about = (SHOWN_SIGNAL, Request.package_id == package.id)
    answered = (Request.listed, Request.state.in_(states.GIVEN), _is_linked(package.id, "answer"))
    satisfied = _first(*answered, order=[closing_day.desc().nulls_last()])
    asking = _first(Request.listed, active, near, order=[RECEIPT_DAY.desc()])
    reported = _first(*about, order=[sa.case((active, 0), else_=1), RECEIPT_DAY.desc()])
    answers = history.answers(reported)
    signals = [
        {**signal, "answer_html": answers.get(signal["id"], "")}
        for signal in dictize.request_list(reported, reader)
    ]
    return {
        "satisfied": dictize.request_list(satisfied, reader),
        "open": dictize.request_list(asking, reader),
        "signals": signals,
        "open_signals": number_of(Request, *about, active),
    }


def _is_linked(package_id: str, *kinds: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for requests that are linked to a dataset in one of these ways."""
    links = sa.select(DatasetLink.request_id).where(
        DatasetLink.package_id == package_id, DatasetLink.kind.in_(kinds)
    )
    return Request.id.in_(links)


def _first(*where: Any, order: Sequence[Any]) -> list[Request]:
    """Return the first requests of a list that a dataset's page shows."""
    query = sa.select(Request).where(*where).order_by(*order, Request.id)
    return list(model.Session.scalars(query.limit(matching.MOST)))


@tk.side_effect_free
@action(schema.of_organization)
def ecosphere_request_suggestions(context: Context, data_dict: DataDict) -> list[DataDict]:
    """Return the requests on a service's desk that a published dataset may answer.

    Args:
        organization (str): name or id of the service.

    Returns:
        list: for each: `request` and `datasets` (id, name, title).

    Raises:
        NotFound: there is no such service.
        NotAuthorized: the user is not an editor of it.
    """
    group = auth.organization(data_dict["organization"])
    return matching.suggestions(group.id, people.reader_of_context(context))


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_letter_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return a letter as it was sent, to its addressee, the service that sent it, and those who
    handle the request.

    Args:
        id (str): id of the letter.

    Returns:
        dict: `id`, `kind` (transition, receipt or silence), `subject`, `created`, `addressee`,
        `addressed_to` (lines above the letter), `html`, `plain`, `sha256`, `intact` (whether the
        text still has this digest), `request` (id, reference, title).

    Raises:
        NotFound: there is no such letter, or the user may not read it.
    """
    letter = model.Session.get(Letter, data_dict["id"])
    request = model.Session.get(Request, letter.request_id) if letter else None
    if letter is None or not letters.may_read(letter, request, people.reader_of_context(context)):
        raise tk.ObjectNotFound(_("Letter not found"))
    return {
        **dictize.letter_dict(letter),
        "addressee": letter.addressee,
        "addressed_to": letter.addressed_to,
        "html": letter.html,
        "plain": letter.plain,
        "intact": digest(letter.html, letter.plain) == letter.sha256,
        "request": history.brief(request),
    }


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_referral(context: Context, data_dict: DataDict) -> DataDict:
    """Return the referral of a refusal, or of silence, to the CADA, for the requester to send;
    nothing is stored.

    Args:
        id (str): id or reference of the request.

    Returns:
        dict: `why` (silence, refused, partial, not_held, rejected), `last_day` to refer the matter,
        `subject`, `html`, `plain`, `request` (id, reference, title).

    Raises:
        NotFound: there is no such request, or the user may not read it; or there is nothing to
            refer.
        NotAuthorized: the user is not the requester.
    """
    request, reader = auth.readable(context, data_dict["id"])
    user = model.User.get(reader.id)
    letter = referral.compose(request, user) if user else None
    if letter is None:
        raise tk.ObjectNotFound(_("There is no refusal and no late answer to refer."))
    return {
        **{name: getattr(letter, name) for name in ("why", "subject", "html", "plain")},
        "last_day": letter.last.isoformat(),
        "request": history.brief(request),
    }


@action(schema.satisfaction)
def ecosphere_request_satisfaction(context: Context, data_dict: DataDict) -> DataDict:
    """Record whether the answer to a request met the requester's need; can be changed later.

    Args:
        id (str): id or reference of the request.
        satisfied (str): yes or no.

    Returns:
        dict: `id`, `reference`, `satisfied`.

    Raises:
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the user is not the requester.
        ValidationError: the request has no answer.
    """
    request, _reader = auth.readable(context, data_dict["id"])
    changed = service.say_satisfied(request.id, data_dict["satisfied"])
    return {name: getattr(changed, name) for name in ("id", "reference", "satisfied")}


@tk.side_effect_free
@action(schema.letter_preview)
def ecosphere_request_letter_preview(context: Context, data_dict: DataDict) -> DataDict:
    """Return the letter that a transition would send now; nothing is stored.

    Args:
        id (str): id or reference of the request.
        transition (str): refuse, fulfil_partly, not_held, reject, extend or keep_decision.
        ground, law, facts, …: fields of the transition.
        first_name, last_name, quality (str): of the author, instead of the stored ones.

    Returns:
        dict: `subject`, `addressed_to` (lines above the letter), `html`, `plain`.

    Raises:
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the transition is for others.
        ValidationError: what is missing or wrong, by field; `first_name`, `last_name`, `quality` or
            `service` when the author or the service is not named in full.
    """
    request, reader = auth.readable(context, data_dict["id"])
    name = data_dict["transition"]
    if name not in states.LETTERS:
        raise tk.ValidationError({"transition": [_("This step sends no letter of decision.")]})
    files = attachments.checked_files(data_dict.get("files"))
    try:
        data = {**data_dict, "files": files}
        values = fields.parse(states.TRANSITIONS[name], data, request, clock.today(), reader.id)
    finally:
        attachments.discard(files)
    if name == "extend" and (last := fields.latest_due(request)):
        values.setdefault("due", last.isoformat())
    letter = letters.written(request, name, reader.id, values, data_dict)
    return {
        "subject": letter.subject,
        "addressed_to": addressed_to(letters.addressee(request)),
        "html": letter.html,
        "plain": letter.plain,
    }
