"""Column types of the tables of data requests: NOT NULL wherever an empty value will do."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column

from ckanext.ecosphere.shared import rich_text


def text(**options: Any) -> Any:
    """Return a text column, empty by default."""
    return mapped_column(sa.Text, nullable=False, server_default="", default="", **options)


def number() -> Any:
    """Return an integer column, 0 by default."""
    return mapped_column(sa.Integer, nullable=False, server_default="0", default=0)


def flag() -> Any:
    """Return a boolean column, false by default."""
    return mapped_column(sa.Boolean, nullable=False, server_default=sa.false(), default=False)


def many() -> Any:
    """Return a JSONB column with a list, empty by default."""
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'[]'::jsonb"), default=list)


def mapping() -> Any:
    """Return a JSONB column with an object, empty by default."""
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), default=dict)


def html() -> Any:
    """Return a column with the HTML of a text; a trigger sets it to NULL when the text changes without rendering."""
    return mapped_column(sa.Text)


def rendering() -> Any:
    """Return a column with the version of the renderer that made the HTML of a row."""
    return mapped_column(sa.Integer, nullable=False, server_default="0", default=rich_text.VERSION)


def of_request(**options: Any) -> Any:
    """Return a foreign key to the request, with which the row is deleted."""
    return mapped_column(sa.ForeignKey("ecosphere_requests.id", ondelete="CASCADE"), nullable=False, **options)
