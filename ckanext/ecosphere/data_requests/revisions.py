"""Edits of a request that was sent: each is a version; those of new people wait for a moderator."""

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
#: Words of a text beyond which it is compared line by line.
MOST_WORDS = 1500
MOST_LINES = 500
TEXTS = ("description",)


def keep(
    request: Request, author_id: str, before: Mapping[str, Any], after: Mapping[str, Any], moment: datetime
) -> Revision:
    """Write the version that an edit makes, or proposes.

    Args:
        request: as it was, locked.
        author_id: who edits.
        before, after: field → value, for the fields that change.
        moment: of the edit.

    Returns:
        the version; held when a moderator has to read it first. Before a request is accepted its moderator reads all
        of it anyway.
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
    """Tell the service of an edit, or the moderators of one that waits for them."""
    if revision.moderation == trust.HELD:
        outbox.of_held(request, "edit", revision.id, revision.author_id)
    elif request.opened:
        outbox.of_revision(request, revision)


def values(revision: Revision) -> dict[str, Any]:
    """Return what an edit makes of the fields, as the request keeps them."""
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
    """Return what changed between two texts, word by word: [("=", kept), ("-", taken out), ("+", put in)].

    Long texts are compared line by line, very long ones are replaced as a whole, so that no text takes long.
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
