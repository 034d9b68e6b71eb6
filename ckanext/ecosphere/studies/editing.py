"""Frames that editors copy and change in the portal: content as YAML, versions, and who may change which.

A frame of the portal has the id of no file: whoever changes a frame that ships with the suite works on a copy.
"""

from __future__ import annotations

import json
from itertools import accumulate
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
DEEPEST = 20
"""Nested lists and objects of a frame at most; it needs six."""
OPENING = (
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
)
CLOSING = (yaml.BlockEndToken, yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)


def parsed(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        ValueError: it is too long, or no YAML that is accepted; the message is in the language of the page.
    """
    if len(text) > LONGEST:
        raise ValueError(_too_long())
    try:
        tokens = list(yaml.scan(text, Loader=yaml.CSafeLoader))
        if _has_alias(tokens):
            message = tk._("Write a text again instead of referring to it (*).")
        elif _depth(tokens) > DEEPEST:
            message = tk._("This is nested too deeply.")
        else:
            return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        message = tk._("This is no YAML that can be read.")
        if error.problem_mark:
            line = error.problem_mark.line + 1
            message = tk._("This is no YAML: look at line {line}.").format(line=line)
    except (yaml.YAMLError, RecursionError, ValueError):
        message = tk._("This is no YAML that can be read.")
    raise ValueError(message)


def _too_long() -> str:
    return tk._("Too long: {number} characters at most.").format(number=LONGEST)


def _has_alias(tokens: list[yaml.Token]) -> bool:
    """Return whether a YAML text refers to parts of itself: nested ones make a small text very large."""
    return any(isinstance(token, yaml.AliasToken) for token in tokens)


def _depth(tokens: list[yaml.Token]) -> int:
    """Return how deeply the lists and objects of a YAML text are nested."""
    steps = (isinstance(token, OPENING) - isinstance(token, CLOSING) for token in tokens)
    return max(accumulate(steps), default=0)


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
    return next(iter(versions(frame_id)), None)


def versions(frame_id: str) -> list[PortalFrame]:
    """Return the versions of a frame of the portal, the last one first."""
    query = sa.select(PortalFrame).where(PortalFrame.frame_id == frame_id)
    return list(model.Session.scalars(query.order_by(PortalFrame.version.desc())))


def save(frame_id: str, content: Any, user_id: str) -> PortalFrame:
    """Store a version of a frame; the caller commits.

    Args:
        frame_id: of the frame that is changed, "" for a new one.
        content: as in a file of `data/frames`; a text is YAML.

    Raises:
        NotFound: the portal has no such frame.
        ValidationError: what is wrong with the content, and where; or the portal has as many frames as possible.
    """
    before = None
    if frame_id:
        before = latest(frame_id)
        if before is None:
            raise tk.ObjectNotFound(tk._("There is no such frame of the portal."))
    in_force = {frame.id: frame for frame in frames.frames()}
    parents = {id_: frame for id_, frame in in_force.items() if id_ != frame_id}
    try:
        if isinstance(content, str):
            content = parsed(content)
        text = json.dumps(content, default=str)
        if len(text) > LONGEST:
            raise ValueError(_too_long())
        content = json.loads(text)
        frame = frames.frame_of(content, frame_id or tk._("frame"), 1, parents)
    except ContentError as error:
        sentences = [problem.text(tk._) for problem in error.problems]
        raise tk.ValidationError({"content": sentences}) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise tk.ValidationError({"content": [str(error)]}) from None
    row = PortalFrame(frame_id=frame_id, version=1, content=content, author_id=user_id)
    if before is None:
        _require_room()
        row.frame_id = _new_id(frame, set(in_force))
    else:
        row.version = before.version + 1
    model.Session.add(row)
    return row


def _require_room() -> None:
    count = sa.select(sa.func.count(PortalFrame.frame_id.distinct()))
    if (model.Session.scalar(count) or 0) >= MOST_FRAMES:
        message = tk._("The portal has as many frames as it may have.")
        raise tk.ValidationError({"content": [message]})


def _new_id(frame: Frame, taken: set[str]) -> str:
    words = voc.normalise(frames.in_language(frame.title, "fr")).split()
    stem = "-".join(words)[:LONGEST_ID].strip("-") or "frame"
    id_, number = stem, 2
    while id_ in taken:
        id_, number = f"{stem}-{number}", number + 1
    return id_


def forget_person(user_id: str) -> None:
    """Erase a person's name from the frames they made; the caller commits."""
    rows = sa.update(PortalFrame).where(PortalFrame.author_id == user_id)
    model.Session.execute(rows.values(author_id=""))
