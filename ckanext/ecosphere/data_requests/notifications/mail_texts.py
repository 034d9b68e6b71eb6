"""User texts quoted in e-mails: their author, a notice that they are not official, and neutralised links."""

from __future__ import annotations

from typing import TypeGuard

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.data_requests import history
from ckanext.ecosphere.data_requests.domain import states, text, trust
from ckanext.ecosphere.data_requests.domain.people import Mailbox, Names
from ckanext.ecosphere.data_requests.model import Comment, Event, Request
from ckanext.ecosphere.shared.mailing.texts import harmless

_ = tk._

OFFICIAL = (states.EDITOR, states.ADMIN, states.MODERATOR, states.SYSTEM)


def is_told(row: Comment | Event | None) -> bool:
    """Return whether an e-mail may quote a text: it is neither hidden nor held for moderation nor rejected."""
    if row is None:
        return True
    return row.moderation in trust.SHOWN and not (isinstance(row, Comment) and row.hidden)


def of_comment(comment: Comment, request: Request) -> tuple[str, str]:
    """Return author and text of a comment."""
    names = Names.of([], [comment.organization_id, request.organization_id])
    author = history.author(comment, request, names)
    if comment.internal:
        return _("Internal note – {author}").format(author=author), comment.text
    return _detail(author, comment.author_role, comment.text, comment.moderation)


def of_step(event: Event) -> tuple[str, str]:
    """Return author and text of the comment of a transition."""
    if event.actor_role in OFFICIAL:
        return _("Message"), event.comment
    return _detail(_("Requester"), event.actor_role, event.comment, event.moderation)


def _detail(author: str, role: str, words: str, moderation: str) -> tuple[str, str]:
    if role in OFFICIAL:
        return author, words
    label = _("{author} – this text comes from a user of the portal “{title}”, not from the administration")
    safe = text.defanged(words) if trust.has_plain_links(moderation) else words
    return label.format(author=author, title=tk.config["ckan.site_title"]), safe


def title(request: Request) -> str:
    """Return the title of a request, with links neutralised if its requester was not trusted."""
    if request.plain_links:
        return harmless(request.title)
    return request.title


def name(user: model.User | Mailbox) -> str:
    """Return the recipient's name on one line and with links neutralised: they may not have chosen it.

    For untrusted users whose address may belong to someone else, it is the account name, which cannot hold a message.
    """
    return harmless(text.line(user.name if _may_be_somebody_else(user) else user.display_name))


def is_kept_back(request: Request, user_id: str) -> bool:
    """Return whether an e-mail omits what its recipient wrote, because it is not moderated yet and the recipient may be
    a third party whose address an untrusted author gave.
    """
    own = request.opened is None and request.requester_id == user_id
    return own and _may_be_somebody_else(model.User.get(user_id))


def _may_be_somebody_else(user: model.User | Mailbox | None) -> TypeGuard[model.User]:
    new = isinstance(user, model.User) and not trust.is_trusted(user.id)
    return new and addresses.may_be_somebody_elses(user)
