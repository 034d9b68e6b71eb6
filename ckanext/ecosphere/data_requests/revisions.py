"""Edits of requests after they were sent: each is a revision, held for moderation if its author is not trusted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ckan import model

from ckanext.ecosphere.data_requests.domain import trust
from ckanext.ecosphere.data_requests.model import Request, Revision, new_id
from ckanext.ecosphere.data_requests.notifications import outbox

WORD = re.compile(r"\S+\s*|\s+")
#: Number of words above which a text is compared line by line.
MOST_WORDS = 1500
MOST_LINES = 500
TEXTS = ("description",)


def keep(
    request: Request, author_id: str, before: Mapping[str, Any], after: Mapping[str, Any], moment: datetime
) -> Revision:
    """Create the revision of an edit.

    Args:
        request: as it was, locked.
        author_id: who edits.
        before, after: field → value, for the fields that change.
        moment: of the edit.

    Returns:
        the revision; held if it needs moderation, which it does not before the request is accepted, as the moderator
        then reads all of it anyway.
    """
    revision = Revision(
        id=new_id(),
        request_id=request.id,
        author_id=author_id,
        created=moment,
        version=request.version,
        changes={name: _change(name, before[name], after[name]) for name in after},
        moderation=trust.status_of_new(author_id) if request.opened else "",
        reason="",
    )
    model.Session.add(revision)
    return revision


def tell(request: Request, revision: Revision) -> None:
    """Notify the service of an edit, or the moderators of a held one."""
    if revision.moderation == trust.HELD:
        outbox.of_held(request, "edit", revision.id, revision.author_id)
    elif request.opened:
        outbox.of_revision(request, revision)


def values(revision: Revision) -> dict[str, Any]:
    """Return the new values of the fields of an edit, converted to the types of the request's columns."""
    return {name: _read(name, change["to"]) for name, change in revision.changes.items() if "to" in change}


def _read(name: str, value: Any) -> Any:
    column = Request.__table__.columns[name]
    return date.fromisoformat(value) if value and column.type.python_type is date else value


def _change(name: str, before: Any, after: Any) -> dict[str, Any]:
    change: dict[str, Any] = {"from": _written(before), "to": _written(after)}
    if name in TEXTS:
        change["diff"] = difference(before or "", after or "")
    return change


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """Return the differences between two texts, word by word: [("=", kept), ("-", removed), ("+", added)].

    To limit the time, long texts are compared line by line, and very long ones replaced as a whole.
    """
    old, new = WORD.findall(before), WORD.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if max(len(old), len(new)) > MOST_LINES and max(len(old), len(new)) > MOST_WORDS:
        old, new = [before], [after]
    found: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=True)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            found.append(("=", "".join(old[start:end])))
            continue
        if start < end:
            found.append(("-", "".join(old[start:end])))
        if new_start < new_end:
            found.append(("+", "".join(new[new_start:new_end])))
    return found
