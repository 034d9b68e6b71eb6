"""Columns as the tables of the room have them: never NULL where empty says the same."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column

from ckanext.ecosphere.shared import rich_text


def text(**options: Any) -> Any:
    """Text, empty at first."""
    return mapped_column(sa.Text, nullable=False, server_default="", default="", **options)


def number() -> Any:
    """A whole number, 0 at first."""
    return mapped_column(sa.Integer, nullable=False, server_default="0", default=0)


def flag() -> Any:
    """A flag, not set at first."""
    return mapped_column(sa.Boolean, nullable=False, server_default=sa.false(), default=False)


def many() -> Any:
    """A list as JSON, empty at first."""
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'[]'::jsonb"), default=list)


def mapping() -> Any:
    """An object as JSON, empty at first."""
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), default=dict)


def html() -> Any:
    """HTML of a text; None when it was not rendered since the text changed. A trigger sees to that."""
    return mapped_column(sa.Text)


def rendering() -> Any:
    """Version of the renderer that made the HTML of a row."""
    return mapped_column(sa.Integer, nullable=False, server_default="0", default=rich_text.VERSION)


def of_request(**options: Any) -> Any:
    """The request that a row belongs to and goes with."""
    return mapped_column(sa.ForeignKey("ecosphere_requests.id", ondelete="CASCADE"), nullable=False, **options)
