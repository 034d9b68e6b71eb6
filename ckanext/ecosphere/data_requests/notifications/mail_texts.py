"""What e-mails repeat of the words of people: who speaks, that it is not the portal, and no link of a new person."""

from __future__ import annotations

from typing import TypeGuard

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.core.addresses import confirmed
from ckanext.ecosphere.data_requests import history
from ckanext.ecosphere.data_requests.domain import states, text, trust
from ckanext.ecosphere.data_requests.domain.names import Names
from ckanext.ecosphere.data_requests.model import Comment, Event, Request
from ckanext.ecosphere.data_requests.notifications import links
from ckanext.ecosphere.data_requests.notifications.mailboxes import Mailbox
from ckanext.ecosphere.shared.mailing.texts import harmless

_ = tk._

OFFICIAL = (states.EDITOR, states.ADMIN, states.MODERATOR, states.SYSTEM)


def is_told(row: Comment | Event | None) -> bool:
    """Whether an e-mail may repeat a text: not one that is hidden, or that no moderator has released."""
    if row is None:
        return True
    return row.moderation in trust.SHOWN and not (isinstance(row, Comment) and row.hidden)


def of_comment(comment: Comment, request: Request) -> tuple[str, str]:
    """Return who speaks, and the words, for a comment."""
    names = Names.of([], [comment.organization_id, request.organization_id])
    author = history.author(comment, request, names)
    if comment.internal:
        return _("Internal note – {author}").format(author=author), comment.text
    return _detail(author, comment.author_role, comment.text, comment.moderation)


def of_step(event: Event) -> tuple[str, str]:
    """Return who speaks, and the words, for the comment of a step."""
    if event.actor_role in OFFICIAL:
        return _("Message"), event.comment
    return _detail(_("Requester"), event.actor_role, event.comment, event.moderation)


def _detail(author: str, role: str, words: str, moderation: str) -> tuple[str, str]:
    if role in OFFICIAL:
        return author, words
    label = _("{author} – this text comes from a user of the portal “{title}”, not from the administration")
    safe = links.defanged(words) if trust.has_plain_links(moderation) else words
    return label.format(author=author, title=tk.config["ckan.site_title"]), safe


def title(request: Request) -> str:
    """Return the title of a request; mail programs find no link in that of a new person."""
    return harmless(request.title) if request.plain_links else request.title


def name(user: model.User | Mailbox) -> str:
    """Return the name of the person who is written to, on one line and without a link: they may not have chosen it.

    Of new people whose address may be somebody else's it is the name of the account, in which nobody writes a message.
    """
    return harmless(text.line(user.name if _may_be_somebody_else(user) else user.display_name))


def is_kept_back(request: Request, user_id: str) -> bool:
    """Whether an e-mail leaves out what its reader wrote: no moderator has let it through, and whoever wrote it may
    have given the address of somebody else."""
    own = request.opened is None and request.requester_id == user_id
    return own and _may_be_somebody_else(model.User.get(user_id))


def _may_be_somebody_else(user: model.User | Mailbox | None) -> TypeGuard[model.User]:
    new = isinstance(user, model.User) and not trust.is_trusted(user.id)
    return new and confirmed.may_be_somebody_elses(user)
