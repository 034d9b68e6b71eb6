"""Actions that change requests, on batches, comments, attachments and moderation.

A batch is one question put to several services, each of which gets a request of its own, with its
own clock and answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import (
    attachments,
    conversation,
    dictize,
    history,
    matching,
    service,
    transitions,
)
from ckanext.ecosphere.data_requests.domain import clock, fields, people, states, trust
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.logic.actions.reading import shown
from ckanext.ecosphere.data_requests.model import Attachment, Request
from ckanext.ecosphere.shared.action_input import action

#: Maximum number of services for one question.
MOST_SERVICES = 10


def _shown_or_gone(context: Context, request: Request) -> DataDict:
    """Return the request, or its basic data when the transition made it unreadable for the user."""
    try:
        return shown(context, request.id)
    except tk.ObjectNotFound:
        columns = ("id", "reference", "state", "version")
        return {"readable": False, **{key: getattr(request, key) for key in columns}}


@schema.flat
@action(schema.request_create)
def ecosphere_request_create(context: Context, data_dict: DataDict) -> DataDict:
    """Create a draft of a request. The transition `submit` sends it, and reports what is missing.

    Args:
        title (str): the data in a few words; the only required field.
        description (str): in Markdown.
        use (str): intended use: id in the vocabulary `regulatory-use`, citizen or undisclosed;
            optional.
        procedure_reference (str): of the regulatory procedure; private unless `show_procedure`
            (bool).
        theme (str): id in the vocabulary.
        territory (str): id in the vocabulary.
        communes (list): INSEE codes, each with or without the name after it, or objects with code
            and name.
        bbox (list): west, south, east, north in degrees.
        visibility (str): public or private.
        show_name (bool): whether everyone may read the requester's name.
        need_by, period_start, period_end (str): days as YYYY-MM-DD.
        formats (list), crs (str), scale (str): of the data.
        known_datasets (list): names of datasets that fall short.
        requester_organisation (str), requester_siret (str): organisation for which the request is
            made.
        kind (str): data (default), or access to a restricted dataset.
        dataset (str): name or id of that dataset; the request goes to its service.
        organization (str): name or id of the service to ask; by default, the portal chooses it by
            theme and place.
        files (files of a form): sent with the request, as its first message; ten at most.

    Returns:
        dict: the draft, as returned by `ecosphere_request_show`.

    Raises:
        ValidationError: what is wrong, by field; or too many requests today.
    """
    reader = people.reader_of_context(context)
    trust.count_request(reader)
    if data_dict.get("dataset"):
        auth.signal(context, data_dict)  # raises NotFound if the user may not read the dataset
        package: Any = model.Package.get(data_dict["dataset"])
        data_dict = {**data_dict, "package_id": package.id}
    with _files_of(data_dict) as also:
        return shown(context, service.create(reader, data_dict, also=also).id)


@contextmanager
def _files_of(data_dict: DataDict) -> Iterator[transitions.Also]:
    """Check the files of a draft.

    Yield the function that stores them with it, and remove what it did not take.
    """
    if "files" not in data_dict:
        yield transitions.nothing_else
        return
    files = attachments.checked_files(data_dict["files"])
    try:
        yield lambda request: conversation.enclose(request, files)
    finally:
        attachments.discard(files)


@action(schema.signal_create)
def ecosphere_request_signal(context: Context, data_dict: DataDict) -> DataDict:
    """Report a problem with a dataset, or ask a question about it; no account is needed.

    The report goes to the service that publishes the dataset, after moderation if its author is not
    trusted, and is then public with its answers. It is no request in the sense of the law: no legal
    period runs.

    Args:
        dataset (str): name or id of the dataset.
        kind (str): link (does not work), outdated, error (in the data or their description),
            question.
        description (str): in Markdown.

    Returns:
        dict: `id`, `reference`, `state` (submitted, or open without moderation) and `readable`:
        whether the user may read it now.

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
        ValidationError: what is wrong, by field; too many signals within the hour; or too many wait
            for a moderator.
    """
    reader = people.reader_of_context(context)
    trust.count_signal(reader)
    package: Any = model.Package.get(data_dict["dataset"])
    report = service.signal(reader, package, data_dict["kind"], data_dict["description"])
    return {
        "id": report.id,
        "reference": report.reference,
        "state": report.state,
        "readable": reader.may_read(report),
    }


@schema.flat
@action(schema.request_update)
def ecosphere_request_update(context: Context, data_dict: DataDict) -> DataDict:
    """Change fields of a request: all of a draft; of a sent one those that make it clearer, until
    work has begun.

    Fields that are not given keep their values.

    Args:
        id (str): id or reference.
        version (int): version that the user saw.
        description (str): and the other fields of `ecosphere_request_create`.
        files (files of a form): replace those of a draft; none removes them.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the user is not the requester.
        ValidationError: what is wrong, by field; with `current_version` and `changes` after a
            concurrent change.
    """
    request, reader = auth.readable(context, data_dict["id"])
    with _files_of(data_dict) as also:
        changed = service.update(reader, request.id, data_dict["version"], data_dict, also=also)
    return shown(context, changed.id)


def _asks_unseen(request: Request, data_dict: DataDict) -> bool:
    """Return whether a complete draft is about to be sent by someone who has not
    seen similar data and requests.
    """
    if (
        data_dict["transition"] != "submit"
        or request.state != states.DRAFT
        or request.version != data_dict["version"]
    ):
        return False
    has_seen = tk.asbool(data_dict.get("similar_seen") or False)
    return not has_seen and not fields.missing_before_sending(request, clock.today())


@schema.flat
@action(schema.request_transition)
def ecosphere_request_transition(context: Context, data_dict: DataDict) -> DataDict:
    """Do a transition of a request; the table is in `docs/requests.md`.

    Args:
        id (str): id or reference.
        transition (str): submit, accept, reject, ask_details, answer_details, start, transfer,
            extend, fulfil, fulfil_partly, refuse, not_held, ask_review, take_up_again,
            keep_decision, resolve, dismiss, join, separate, mark_duplicate, reconsider, withdraw,
            reopen.
        version (int): version that the user saw.
        comment (str): for all readers of the request.
        note (str): for the service and the moderators.
        links (list), files (files of a form): for `fulfil` and `fulfil_partly`, answers besides, or
            instead of, datasets; reach (str): everyone, or requester; public_from (str): day on
            which what is for the requester alone becomes public.
        similar_seen (bool): for `submit`: the user has seen the similar datasets and requests.
        first_name, last_name, quality (str): of the author, for a transition that sends a letter of
            decision; kept for the next ones.
        organization, reason, question, answer_by, planned, due, environmental, datasets, missing,
            ground, law, facts, kind, emissions, balance, other_ground, completion, separable,
            ground_confirmed, unnamed, transmitted_to, transmitted_by, transmitted_on,
            transmitted_how, target, spam: fields of the transition, as given in the table;
            `environmental`, `emissions` and `unnamed` are answers to a question of fact, yes or no.

    Returns:
        dict: the request; only `id`, `reference`, `state`, `version` and `readable` (false) when
        the user may no longer read it, as after the transfer of a private request. `together`: the
        requests treated together with it for which the transition was `done`, too (references), and
        those `left_out` (reference, reason).

    Raises:
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the transition is for others.
        ValidationError: what is missing or wrong, by field; `transition` when it is not possible
            now; with `similar` (datasets, requests) when there are any and `similar_seen` is not
            given; with `current_version` and `changes` after a concurrent change (HTTP 409).
    """
    request, reader = auth.readable(context, data_dict["id"])
    trust.count_text(reader)
    if _asks_unseen(request, data_dict):
        matching.must_be_seen(request, reader)
    files = attachments.checked_files(data_dict.get("files"))
    try:
        data = {**data_dict, "files": files}
        changed, shared = transitions.transition(
            reader, request.id, data_dict["transition"], data_dict["version"], data
        )
    except Exception:
        attachments.discard(files)
        raise
    return {**_shown_or_gone(context, changed), "together": shared.shown(reader)}


@action(schema.by_id)
def ecosphere_request_spam(context: Context, data_dict: DataDict) -> DataDict:
    """Close a request as spam: it disappears from every list, without a notification to its author.

    Args:
        id (str): id or reference.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request.
        NotAuthorized: the user is not a moderator.
        ValidationError: its state no longer allows it to be rejected.
    """
    request, reader = auth.readable(context, data_dict["id"])
    data = {"reason": "spam", "spam": True}
    transitions.transition(reader, request.id, "reject", request.version, data)
    return shown(context, request.id)


def _bond(context: Context, data_dict: DataDict, change: Any, add: bool) -> DataDict:
    request, reader = auth.readable(context, data_dict["id"])
    change(reader, request.id, add)
    return shown(context, request.id)


@action(schema.by_id)
def ecosphere_request_support(context: Context, data_dict: DataDict) -> DataDict:
    """Support a public request, to express that one needs the same data. Each user counts once.

    Args:
        id (str): id or reference.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
        ValidationError: it is closed, or the user's own.
    """
    return _bond(context, data_dict, service.support, True)


@action(schema.by_id)
def ecosphere_request_unsupport(context: Context, data_dict: DataDict) -> DataDict:
    """Stop supporting a request.

    Args:
        id (str): id or reference.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    return _bond(context, data_dict, service.support, False)


@action(schema.by_id)
def ecosphere_request_follow(context: Context, data_dict: DataDict) -> DataDict:
    """Follow a request: get notifications of its transitions and comments.

    Args:
        id (str): id or reference.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    return _bond(context, data_dict, service.follow, True)


@action(schema.by_id)
def ecosphere_request_unfollow(context: Context, data_dict: DataDict) -> DataDict:
    """Stop following a request.

    Args:
        id (str): id or reference.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    return _bond(context, data_dict, service.follow, False)


def _batch(request: Request) -> list[Request]:
    """Return the requests of the same question, including the request itself, the oldest first."""
    if not request.batch_id:
        return [request]
    query = (
        sa.select(Request)
        .where(Request.batch_id == request.batch_id)
        .order_by(Request.submitted, Request.id)
    )
    return list(model.Session.scalars(query))


def _parts(request: Request, reader: Reader) -> list[DataDict]:
    """Return the requests of the batch that the reader may read, each with its answers."""
    parts = [part for part in _batch(request) if reader.may_read(part)]
    rows = dictize.request_list(parts, reader)
    for part, row in zip(parts, rows, strict=True):
        row |= {"datasets": [], "deliveries": []}
        if part.state in states.GIVEN:
            row["datasets"] = dictize.datasets(part, reader, "answer")
            row["deliveries"] = attachments.answers_of(part, reader)
    return rows


def _ask_more(reader: Reader, request_id: str, groups: Sequence[model.Group]) -> None:
    """Put the question to other services, all of them or none.

    Args:
        reader: the requester.
        request_id: id of the request with the question.
        groups: the services.

    Raises:
        ValidationError: no service is given, there are too many, one was already asked, or the
            request is over.
    """
    copies = []
    with transitions.changing(request_id) as request:
        if not dictize.may_ask_more(request, reader):
            raise tk.ValidationError(
                {"organizations": [_("This request can no longer be put to other services.")]}
            )
        _check_services(groups, {asked_part.organization_id for asked_part in _batch(request)})
        request.batch_id = request.batch_id or request.id
        for group in groups:
            part = _copy(request, group)
            model.Session.add(part)
            model.Session.flush()
            copies.append((part, transitions.sent(part, reader.id)))
    for part, events in copies:
        transitions.announce(part, events)


def _check_services(groups: Sequence[model.Group], asked_ids: set[str | None]) -> None:
    message = ""
    twice = [group.display_name for group in groups if group.id in asked_ids]
    if not groups:
        message = _("Choose at least one service.")
    elif twice:
        message = _("This service has your question already: {names}.")
        message = message.format(names=", ".join(twice))
    elif len(groups) + len(asked_ids) > MOST_SERVICES:
        message = _("One question goes to {number} services at most.").format(number=MOST_SERVICES)
    if message:
        raise tk.ValidationError({"organizations": [message]})


def _copy(request: Request, group: model.Group) -> Request:
    part = service.new_draft(request.requester_id)
    service.write(part, {name: getattr(request, name) for name in service.EDITABLE})
    part.kind, part.language = request.kind, request.language or part.language
    part.batch_id, part.organization_id = request.batch_id, group.id
    return part


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_batch_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the requests of one question put to several services that the user may read.

    Args:
        id (str): id or reference of one of them.

    Returns:
        dict: `title`; `parts`, each as returned by `ecosphere_request_list`, with the `datasets`
        and `deliveries` that answer it; `may_grow`: whether the user may put the question to other
        services; `most`: maximum number of services.

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    request, reader = auth.readable(context, data_dict["id"])
    return {
        "title": request.title,
        "parts": _parts(request, reader),
        "may_grow": dictize.may_ask_more(request, reader),
        "most": MOST_SERVICES,
    }


@action(schema.batch_add)
def ecosphere_request_batch_add(context: Context, data_dict: DataDict) -> DataDict:
    """Put the question of a request to other services: each gets a request of its own, and answers
    it independently.

    All of them are asked, or none.

    Args:
        id (str): id or reference of the request.
        organizations (list): names or ids of the services.

    Returns:
        dict: as `ecosphere_request_batch_show`.

    Raises:
        NotFound: there is no such request, or the user may not read it; or there is no such
            service.
        NotAuthorized: the user is not the requester.
        ValidationError: no service is given, there are too many, one was already asked; or too many
            requests today.
    """
    request, reader = auth.readable(context, data_dict["id"])
    groups = list(dict.fromkeys(map(auth.organization, data_dict["organizations"])))
    for _group in groups:
        trust.count_request(reader)
    _ask_more(reader, request.id, groups)
    return ecosphere_request_batch_show(context, {"id": request.id})


#: Maximum number of held texts in an answer.
MOST_HELD = 100


@action(schema.comment)
def ecosphere_request_comment(context: Context, data_dict: DataDict) -> DataDict:
    """Add a comment to a request, or an internal note.

    Args:
        id (str): id or reference.
        text (str): in Markdown.
        internal (bool): for the service and the moderators only.
        upload (file): a file of one of the configured types.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the request takes no comments from this user, or no internal notes.
        ValidationError: what is wrong, by field; or too many comments within the hour.
    """
    request, reader = auth.readable(context, data_dict["id"])
    trust.count_text(reader)
    conversation.comment(
        reader, request.id, data_dict["text"], data_dict["internal"], data_dict.get("upload")
    )
    return shown(context, request.id)


@action(schema.comment_hide)
def ecosphere_request_comment_hide(context: Context, data_dict: DataDict) -> DataDict:
    """Hide a comment; a notice with the reason remains visible.

    Args:
        id (str): id of the comment.
        reason (str): shown in its place.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such comment, or the user may not read it.
        NotAuthorized: the user is not a moderator.
    """
    return shown(context, conversation.hide_comment(data_dict["id"], data_dict["reason"]).id)


@tk.side_effect_free
@schema.flat
@action(schema.notification_list)
def ecosphere_request_held_list(context: Context, data_dict: DataDict) -> DataDict:
    """Return the texts of untrusted users that await moderation, the oldest first.

    Args:
        start (int): number of texts to skip.
        rows (int): maximum number of texts, by default 20.

    Returns:
        dict: `count` and `results`: `kind` (comment, edit, step), `id`, `created`, `author` (role),
        `author_name`, `user`, `html` (links as text), `changes` (of an edit: field, from, to,
        diff), `attachments`, `request` (id, reference, title).

    Raises:
        NotAuthorized: the user is not a moderator.
    """
    count, rows = conversation.moderation_queue(
        data_dict["start"], min(data_dict["rows"], MOST_HELD)
    )
    return {"count": count, "results": history.held(rows)}


@action(schema.moderate)
def ecosphere_request_moderate(context: Context, data_dict: DataDict) -> DataDict:
    """Decide on a text of an untrusted user: publish it, reject it, or reject it as spam.

    Args:
        id (str): of the text, as returned by `ecosphere_request_held_list`.
        kind (str): comment, edit or step.
        decision (str): release; reject, with a reason for the author; spam, which also rejects all
            pending texts of the author, without a notification.
        reason (str): what the author reads when the text is rejected.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such text, or the user may not read it.
        NotAuthorized: the user is not a moderator.
        ValidationError: it was already decided, or a reason is missing.
    """
    if data_dict["decision"] == "reject" and not data_dict["reason"]:
        raise tk.ValidationError(
            {"reason": [_("Give the reason: the author of the text reads it.")]}
        )
    request = conversation.moderate(
        data_dict["kind"], data_dict["id"], data_dict["decision"], data_dict["reason"]
    )
    return shown(context, request.id)


@action(schema.hide)
def ecosphere_request_hide(context: Context, data_dict: DataDict) -> DataDict:
    """Hide a request from the public, or show it again; its requester and service still see it.

    Args:
        id (str): id or reference.
        hidden (bool): by default, true.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the user is not a moderator.
    """
    request, _reader = auth.readable(context, data_dict["id"])
    return shown(context, conversation.hide_request(request.id, data_dict["hidden"]).id)


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_request_attachment_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the metadata of a file of the conversation; used by the view that serves it.

    Args:
        id (str): id of the file.

    Returns:
        dict: `id`, `name`, `type` (media type), `size`, `request_id`; also `path` on the server,
            except over the API.

    Raises:
        NotFound: there is no such file, or the user may not read it.
    """
    attachment = model.Session.get_one(Attachment, data_dict["id"])
    result = {key: getattr(attachment, key) for key in ("id", "name", "size", "request_id")}
    result["type"] = attachment.media_type
    if "api_version" not in context:
        result["path"] = str(attachments.path_of(attachment))
    return result
