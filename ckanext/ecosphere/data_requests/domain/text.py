"""Texts that people wrote: folded for the search, shown as harmless HTML, and counted for links."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.model import RENDERED
from ckanext.ecosphere.shared import characters, rich_text
from ckanext.ecosphere.shared.messages import N_

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "’": " ", "'": " "})
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
RENDERED_AT_ONCE = 500
#: Characters of what is reported about a dataset: fewer than these tell a service nothing.
SHORTEST_REPORT = 10
TOO_SHORT = N_("Say it in a few words, ten characters at least: the service has to understand what is meant.")

clean = characters.clean
line = characters.one_line
html = rich_text.to_html


def has_words(text: str) -> bool:
    """Whether a text has a letter or a figure: signs and pictographs alone tell a service nothing."""
    return any(char.isalnum() for char in text)


def is_too_short(report: str) -> bool:
    """Whether what is reported about a dataset tells a service nothing."""
    return len(report) < SHORTEST_REPORT or not has_words(report)


def fold(text: str) -> str:
    """Text without case and accents, an elided article apart from its word, as the index has it."""
    return characters.without_accents(text.casefold().translate(_LIGATURES))


def rendered(row: Any) -> str:
    """Return the text of a request, event or comment as HTML: as it was rendered when it was saved."""
    column = RENDERED[type(row)]
    stored = getattr(row, f"{column}_html")
    if stored is not None and row.rendering == rich_text.VERSION:
        return stored
    return rich_text.to_html(getattr(row, column))


def render_again() -> int:
    """Render the texts whose HTML is missing or of an older version; return how many. Idempotent."""
    done = 0
    for table, column in RENDERED.items():
        text, html_ = getattr(table, column), getattr(table, f"{column}_html")
        outdated = (table.rendering != rich_text.VERSION) | html_.is_(None)
        query = sa.select(table.id, text).where(outdated).order_by(table.id).limit(RENDERED_AT_ONCE)
        while rows := model.Session.execute(query).all():
            values = [
                {"id": key, f"{column}_html": rich_text.to_html(written), "rendering": rich_text.VERSION}
                for key, written in rows
            ]
            model.Session.execute(sa.update(table), values)
            model.Session.commit()
            done += len(rows)
    return done


def links(text: str) -> int:
    """Number of links in a text."""
    return len(_LINK.findall(text))
