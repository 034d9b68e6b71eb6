"""Frames that editors copy and change in the portal: content as YAML, versions, and who may change which.

A frame of the portal has the id of no file: whoever changes a frame that ships with the suite works on a copy.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
import yaml
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.studies import frames
from ckanext.ecosphere.studies.content import ContentError
from ckanext.ecosphere.studies.frames import Frame
from ckanext.ecosphere.studies.model import PortalFrame

LONGEST = 200_000
"""Maximum characters of a content."""
MOST_FRAMES = 500
LONGEST_ID = 60


class NotContent(ValueError):
    """A text is no YAML, or YAML that is not accepted; the message is in the language of the page."""


def parsed(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        NotContent: it is too long, or no YAML.
    """
    if len(text) > LONGEST:
        message = tk._("Too long: {number} characters at most.").format(number=LONGEST)
        raise NotContent(message)
    try:
        if _has_alias(text):
            raise NotContent(tk._("Write a text again instead of referring to it (*)."))
        return yaml.safe_load(text)
    except NotContent:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        if mark is None:
            raise NotContent(tk._("This is no YAML that can be read.")) from None
        message = tk._("This is no YAML: look at line {line}.").format(line=mark.line + 1)
        raise NotContent(message) from None


def _has_alias(text: str) -> bool:
    """Return whether a YAML text refers to parts of itself: nested ones make a small text very large."""
    tokens = yaml.scan(text, Loader=yaml.SafeLoader)
    return any(isinstance(token, yaml.AliasToken) for token in tokens)


def written(content: Any) -> str:
    """Return a content as YAML."""
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)


def derived(parent: Frame) -> dict[str, Any]:
    """Return the content of a frame that inherits from another one, to be changed by an editor."""
    return {
        "title": dict(parent.title),
        "description": dict(parent.description),
        "territory": parent.territory,
        "inherits": parent.id,
        "checked": "",
        "sources": [],
        "remove": [],
        "groups": [],
    }


def latest(frame_id: str) -> PortalFrame | None:
    """Return the last version of a frame of the portal, None for any other."""
    query = sa.select(PortalFrame).where(PortalFrame.frame_id == frame_id)
    return model.Session.scalars(query.order_by(PortalFrame.version.desc()).limit(1)).one_or_none()


def versions(frame_id: str) -> list[PortalFrame]:
    """Return the versions of a frame of the portal, the last one first."""
    query = sa.select(PortalFrame).where(PortalFrame.frame_id == frame_id)
    return list(model.Session.scalars(query.order_by(PortalFrame.version.desc())))


def may_change(frame_id: str, user: model.User | None) -> bool:
    """Return whether a person may change a frame of the portal: who made it first, and sysadmins."""
    rows = versions(frame_id)
    if user is None or not rows:
        return False
    return bool(user.sysadmin) or rows[-1].author_id == user.id


def save(frame_id: str, content: Any, user_id: str) -> PortalFrame:
    """Store a version of a frame; the caller commits.

    Args:
        frame_id: of the frame that is changed, "" for a new one.

    Raises:
        ContentError: what is wrong with the content, and where.
        NotContent: the portal has as many frames as possible.
    """
    in_force = {frame.id: frame for frame in frames.frames()}
    before = None
    if frame_id:
        before = latest(frame_id)
    if before is None:
        count = sa.select(sa.func.count(PortalFrame.frame_id.distinct()))
        if (model.Session.scalar(count) or 0) >= MOST_FRAMES:
            raise NotContent(tk._("The portal has as many frames as it may have."))
    parents = {id_: frame for id_, frame in in_force.items() if id_ != frame_id}
    checked = frames.frame_of(content, frame_id or "frame", 1, parents)
    row = PortalFrame(frame_id=frame_id, version=1, content=content, author_id=user_id)
    if before is None:
        row.frame_id = _new_id(checked, set(in_force))
    else:
        row.version = before.version + 1
    model.Session.add(row)
    return row


def _new_id(frame: Frame, taken: set[str]) -> str:
    words = voc.normalise(frames.in_language(frame.title, "fr")).split()
    stem = "-".join(words)[:LONGEST_ID].strip("-") or "frame"
    id_, number = stem, 2
    while id_ in taken:
        id_, number = f"{stem}-{number}", number + 1
    return id_


def sentences(error: ContentError) -> list[str]:
    """Return what is wrong with a content, in the language of the page."""
    return [problem.text(tk._) for problem in error.problems]


def forget_person(user_id: str) -> None:
    """Erase a person's name from the frames they made; the caller commits."""
    rows = sa.update(PortalFrame).where(PortalFrame.author_id == user_id)
    model.Session.execute(rows.values(author_id=""))
