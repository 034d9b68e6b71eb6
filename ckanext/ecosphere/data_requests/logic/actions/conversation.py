"""Actions of the conversation, of moderators and of services."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import attachments, conversation, dictize, history, moderation, throttle
from ckanext.ecosphere.data_requests.desk import assignment
from ckanext.ecosphere.data_requests.domain import people
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.model import Attachment

#: Texts of the queue that are handed out at once.
MOST_HELD = 100


def _shown(context: Context, request_id: str) -> dict[str, Any]:
    request, reader = auth.readable(context, request_id)
    return dictize.request_show(request, reader)


@tk.validate_action_data(schema.comment)
def ecosphere_request_comment(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a comment to a request, or an internal note.

    Args:
        id (str): id or reference.
        text (str): in Markdown.
        internal (bool): for the service and the moderators only.
        upload (file): a file of one of the configured types.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or not for this person.
        NotAuthorized: notes are not for this person.
        ValidationError: by field, what is wrong; or too many comments within the hour.
    """
    tk.check_access("ecosphere_request_comment", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    throttle.written(reader)
    conversation.comment(reader, request.id, data_dict["text"], data_dict["internal"], data_dict.get("upload"))
    return _shown(context, request.id)


@tk.validate_action_data(schema.comment_hide)
def ecosphere_request_comment_hide(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Hide a comment; that there was one, and the reason, stay to be seen.

    Args:
        id (str): id of the comment.
        reason (str): shown in its place.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such comment, or not for this person.
        NotAuthorized: the person is no moderator.
    """
    tk.check_access("ecosphere_request_comment_hide", context, data_dict)
    return _shown(context, conversation.hide_comment(data_dict["id"], data_dict["reason"]).id)


@tk.side_effect_free
@schema.flat
@tk.validate_action_data(schema.notification_list)
def ecosphere_request_held_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the texts of new people that wait for a moderator, the oldest first.

    Args:
        start (int): number of texts to pass over.
        rows (int): how many to return; 20 if not given.

    Returns:
        dict: `count` and `results`: `kind` (comment, edit, step), `id`, `created`, `author` (role), `author_name`,
        `user`, `html` (links as text), `changes` (of an edit: field, from, to, diff), `attachments`, `request` (id,
        reference, title).

    Raises:
        NotAuthorized: the person is no moderator.
    """
    tk.check_access("ecosphere_request_held_list", context, data_dict)
    count, rows = moderation.queue(data_dict["start"], min(data_dict["rows"], MOST_HELD))
    return {"count": count, "results": history.held(rows)}


@tk.validate_action_data(schema.moderate)
def ecosphere_request_moderate(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Decide on a text of a new person: show it to everyone, turn it away, or call it spam.

    Args:
        id (str): of the text, as `ecosphere_request_held_list` gives it.
        kind (str): comment, edit or step.
        decision (str): release; reject, with a reason for the author; spam, of which the author is not told and with
            which all of their texts that wait are turned away.
        reason (str): what the author reads when the text is turned away.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such text, or not for this person.
        NotAuthorized: the person is no moderator.
        ValidationError: it was decided already, or a reason is missing.
    """
    tk.check_access("ecosphere_request_moderate", context, data_dict)
    if data_dict["decision"] == "reject" and not data_dict["reason"]:
        raise tk.ValidationError({"reason": [tk._("Give the reason: the author of the text reads it.")]})
    reader = people.reader_of_context(context)
    keys = ("kind", "id", "decision", "reason")
    return _shown(context, moderation.decide(reader, *(data_dict[key] for key in keys)).id)


@tk.validate_action_data(schema.hide)
def ecosphere_request_hide(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take a request out of what everyone sees, or put it back; for its requester and service nothing changes.

    Args:
        id (str): id or reference.
        hidden (bool): true, if not given.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such request, or not for this person.
        NotAuthorized: the person is no moderator.
    """
    tk.check_access("ecosphere_request_hide", context, data_dict)
    request, _reader = auth.readable(context, data_dict["id"])
    return _shown(context, conversation.hide_request(request.id, data_dict["hidden"]).id)


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_attachment_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return where a file of the conversation is kept; for the view that hands it out.

    Args:
        id (str): id of the file.

    Returns:
        dict: `id`, `name`, `type` (media type), `size`, `request_id`; within the portal, not over the API, `path` as
        well, where the file is on the server.

    Raises:
        NotFound: there is no such file, or not for this person.
    """
    tk.check_access("ecosphere_request_attachment_show", context, data_dict)
    found = model.Session.get(Attachment, data_dict["id"])
    if found is None:
        raise tk.ObjectNotFound(tk._("File not found"))
    shown = {key: getattr(found, key) for key in ("id", "name", "size", "request_id")}
    shown["type"] = found.media_type
    if "api_version" not in context:
        shown["path"] = str(attachments.path_of(found))
    return shown


@tk.validate_action_data(schema.assign)
def ecosphere_request_assign(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Assign requests on the desk to an editor of their service, or to nobody.

    Args:
        ids (list): ids or references.
        user (str): name or id of the colleague; nobody if not given.

    Returns:
        dict: `assigned` and `refused`: ids as given; refused are those that are not on a desk of the person's
        services, and those whose service the colleague does not belong to. `substitutes`: names of those who got some
        because the colleague is away.

    Raises:
        NotAuthorized: the person is no editor of a service.
        ValidationError: there is no such colleague.
    """
    tk.check_access("ecosphere_request_assign", context, data_dict)
    user = model.User.get(data_dict["user"]) if data_dict.get("user") else None
    if data_dict.get("user") and (user is None or user.state != model.State.ACTIVE):
        raise tk.ValidationError({"user": [tk._("There is no such colleague.")]})
    return assignment.assign(people.reader_of_context(context), data_dict["ids"], user)
