"""Actions on letters to requesters, referrals and satisfaction."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import attachments, deliveries, dictize, service
from ckanext.ecosphere.data_requests.decisions import referral, store
from ckanext.ecosphere.data_requests.decisions.compose import addressed_to, digest
from ckanext.ecosphere.data_requests.domain import clock, fields, people, states
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.model import Letter, Request


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_letter_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a letter as it was sent, to its addressee, the service that sent it, and those who handle the request.

    Args:
        id (str): id of the letter.

    Returns:
        dict: `id`, `kind` (transition, receipt or silence), `subject`, `created`, `addressee`, `addressed_to` (lines
        above the letter), `html`, `plain`, `sha256`, `intact` (whether the text still has this digest), `request` (id,
        reference, title).

    Raises:
        NotFound: there is no such letter, or the user may not read it.
    """
    tk.check_access("ecosphere_request_letter_show", context, data_dict)
    letter = model.Session.get(Letter, data_dict["id"])
    request = model.Session.get(Request, letter.request_id) if letter else None
    if letter is None or not store.may_read(letter, request, people.reader_of_context(context)):
        raise tk.ObjectNotFound(tk._("Letter not found"))
    return {
        **dictize.letter_dict(letter),
        "addressee": letter.addressee,
        "addressed_to": letter.addressed_to,
        "html": letter.html,
        "plain": letter.plain,
        "intact": digest(letter.html, letter.plain) == letter.sha256,
        "request": {name: getattr(request, name) for name in ("id", "reference", "title")},
    }


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_referral(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the referral of a refusal, or of silence, to the CADA, for the requester to send; nothing is stored.

    Args:
        id (str): id or reference of the request.

    Returns:
        dict: `why` (silence, refused, partial, not_held, rejected), `last_day` to refer the matter, `subject`, `html`,
        `plain`, `request` (id, reference, title).

    Raises:
        NotFound: there is no such request, or the user may not read it; or there is nothing to refer.
        NotAuthorized: the user is not the requester.
    """
    tk.check_access("ecosphere_request_referral", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    user = model.User.get(reader.id)
    letter = referral.compose(request, user) if user else None
    if letter is None:
        raise tk.ObjectNotFound(tk._("There is no refusal and no late answer to refer."))
    return {
        **{name: getattr(letter, name) for name in ("why", "subject", "html", "plain")},
        "last_day": letter.last.isoformat(),
        "request": {name: getattr(request, name) for name in ("id", "reference", "title")},
    }


@tk.validate_action_data(schema.satisfaction)
def ecosphere_request_satisfaction(context: Context, data_dict: DataDict) -> dict[str, Any]:
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
    tk.check_access("ecosphere_request_satisfaction", context, data_dict)
    request, _reader = auth.readable(context, data_dict["id"])
    changed = service.say_satisfied(request.id, data_dict["satisfied"])
    return {name: getattr(changed, name) for name in ("id", "reference", "satisfied")}


@tk.side_effect_free
@tk.validate_action_data(schema.letter_preview)
def ecosphere_request_letter_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
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
        ValidationError: what is missing or wrong, by field; `first_name`, `last_name`, `quality` or `service` when the
            author or the service is not named in full.
    """
    tk.check_access("ecosphere_request_letter_preview", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    name = data_dict["transition"]
    if name not in states.LETTERS:
        raise tk.ValidationError({"transition": [tk._("This step sends no letter of decision.")]})
    files = deliveries.checked_files(data_dict.get("files"))
    try:
        data = {**data_dict, "files": files}
        values = fields.parse(states.TRANSITIONS[name], data, request, clock.today(), reader.id)
    finally:
        attachments.discard(files)
    if name == "extend" and (last := fields.latest_due(request)):
        values.setdefault("due", last.isoformat())
    letter = store.written(request, name, reader.id, values, data_dict)
    return {
        "subject": letter.subject,
        "addressed_to": addressed_to(store.addressee(request)),
        "html": letter.html,
        "plain": letter.plain,
    }
