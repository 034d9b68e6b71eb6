"""Actions on comments, attachments and moderation."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import attachments, conversation, history, throttle
from ckanext.ecosphere.data_requests.domain import people
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.logic.actions.reading import shown
from ckanext.ecosphere.data_requests.model import Attachment

#: Maximum number of held texts in an answer.
MOST_HELD = 100


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
        NotFound: there is no such request, or the user may not read it.
        NotAuthorized: the request takes no comments from this user, or no internal notes.
        ValidationError: what is wrong, by field; or too many comments within the hour.
    """
    tk.check_access("ecosphere_request_comment", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    throttle.written(reader)
    conversation.comment(
        reader, request.id, data_dict["text"], data_dict["internal"], data_dict.get("upload")
    )
    return shown(context, request.id)


@tk.validate_action_data(schema.comment_hide)
def ecosphere_request_comment_hide(context: Context, data_dict: DataDict) -> dict[str, Any]:
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
    tk.check_access("ecosphere_request_comment_hide", context, data_dict)
    return shown(context, conversation.hide_comment(data_dict["id"], data_dict["reason"]).id)


@tk.side_effect_free
@schema.flat
@tk.validate_action_data(schema.notification_list)
def ecosphere_request_held_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the texts of untrusted users that await moderation, the oldest first.

    Args:
        start (int): number of texts to skip.
        rows (int): maximum number of texts, by default 20.

    Returns:
        dict: `count` and `results`: `kind` (comment, edit, step), `id`, `created`, `author` (role), `author_name`,
        `user`, `html` (links as text), `changes` (of an edit: field, from, to, diff), `attachments`, `request` (id,
        reference, title).

    Raises:
        NotAuthorized: the user is not a moderator.
    """
    tk.check_access("ecosphere_request_held_list", context, data_dict)
    count, rows = conversation.moderation_queue(
        data_dict["start"], min(data_dict["rows"], MOST_HELD)
    )
    return {"count": count, "results": history.held(rows)}


@tk.validate_action_data(schema.moderate)
def ecosphere_request_moderate(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Decide on a text of an untrusted user: publish it, reject it, or reject it as spam.

    Args:
        id (str): of the text, as returned by `ecosphere_request_held_list`.
        kind (str): comment, edit or step.
        decision (str): release; reject, with a reason for the author; spam, which also rejects all pending texts of the
            author, without a notification.
        reason (str): what the author reads when the text is rejected.

    Returns:
        dict: the request.

    Raises:
        NotFound: there is no such text, or the user may not read it.
        NotAuthorized: the user is not a moderator.
        ValidationError: it was already decided, or a reason is missing.
    """
    tk.check_access("ecosphere_request_moderate", context, data_dict)
    if data_dict["decision"] == "reject" and not data_dict["reason"]:
        raise tk.ValidationError(
            {"reason": [tk._("Give the reason: the author of the text reads it.")]}
        )
    reader = people.reader_of_context(context)
    keys = ("kind", "id", "decision", "reason")
    return shown(context, conversation.moderate(reader, *(data_dict[key] for key in keys)).id)


@tk.validate_action_data(schema.hide)
def ecosphere_request_hide(context: Context, data_dict: DataDict) -> dict[str, Any]:
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
    tk.check_access("ecosphere_request_hide", context, data_dict)
    request, _reader = auth.readable(context, data_dict["id"])
    return shown(context, conversation.hide_request(request.id, data_dict["hidden"]).id)


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_attachment_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the metadata of a file of the conversation; used by the view that serves it.

    Args:
        id (str): id of the file.

    Returns:
        dict: `id`, `name`, `type` (media type), `size`, `request_id`; also `path` on the server, except over the API.

    Raises:
        NotFound: there is no such file, or the user may not read it.
    """
    tk.check_access("ecosphere_request_attachment_show", context, data_dict)
    attachment = model.Session.get(Attachment, data_dict["id"])
    if attachment is None:
        raise tk.ObjectNotFound(tk._("File not found"))
    result = {key: getattr(attachment, key) for key in ("id", "name", "size", "request_id")}
    result["type"] = attachment.media_type
    if "api_version" not in context:
        result["path"] = str(attachments.path_of(attachment))
    return result
