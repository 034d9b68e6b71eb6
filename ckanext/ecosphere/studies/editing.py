"""Frames that editors copy and change in the portal: content as YAML, versions, and who may change which.

A frame of the portal has the id of no file: whoever changes a frame that ships with the suite works on a copy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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


def parsed(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        ValueError: it is too long, or no YAML that is accepted; the message is in the language of the page.
    """
    if len(text) > LONGEST:
        raise ValueError(_too_long())
    try:
        # Neither nested parts nor references to them, which make a small text very large, are built before.
        depth = deepest = 0
        aliases = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            deepest = max(deepest, depth)
            aliases += isinstance(event, yaml.AliasEvent)
        if deepest > DEEPEST:
            message = tk._("This is nested too deeply.")
        elif aliases:
            message = tk._("Write a text again instead of referring to it (*).")
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
    if before is not None:
        row.version = before.version + 1
    elif len(in_force) >= MOST_FRAMES:
        message = tk._("The portal has as many frames as it may have.")
        raise tk.ValidationError({"content": [message]})
    else:
        row.frame_id = free_name(frames.in_language(frame.title, "fr"), in_force.__contains__)
    model.Session.add(row)
    return row


def free_name(title: str, is_taken: Callable[[str], Any]) -> str:
    """Return a name made of the words of a title, with a number if it is taken."""
    stem = "-".join(voc.normalise(title).split())[:LONGEST_ID].strip("-") or "sans-titre"
    name, number = stem, 1
    while is_taken(name):
        number += 1
        name = f"{stem}-{number}"
    return name


def forget_person(user_id: str) -> None:
    """Erase a person's name from the frames they made; the caller commits."""
    rows = sa.update(PortalFrame).where(PortalFrame.author_id == user_id)
    model.Session.execute(rows.values(author_id=""))
