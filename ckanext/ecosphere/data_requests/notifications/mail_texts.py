"""What e-mails repeat of the words of people: who speaks, that it is not the portal, and no link of a new person."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model

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
    """Return the name of the person who is written to, on one line and without a link: they may not have chosen it."""
    return harmless(text.line(user.display_name))
