"""Database tables of services, previews, extracts and usage counts."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

MOMENT = sa.DateTime(timezone=True)

#: States of a service; closed: it answers but requires authentication.
UNREAD, OK, CLOSED, FAILED = "unread", "ok", "closed", "failed"
#: States of a sample and of an extract.
WANTED, MADE, BROKEN = "wanted", "made", "broken"


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)


def _words() -> Any:
    return mapped_column(sa.Text, nullable=False, server_default="", default="")


def _json() -> Any:
    return mapped_column(JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), default=dict)


def _waiting(table: str) -> sa.Index:
    return sa.Index(f"ix_{table}_wanted", "asker", postgresql_where=sa.text(f"state = '{WANTED}'"))


class Service(tk.BaseModel):
    """A service, read once for all datasets that refer to it.

    Attributes:
        key: SHA-256 of kind and URL.
        url: URL without the parameters of an operation (`dataset.services`).
        description: its capabilities (`services.parsers.Description`); kept while it does not answer.
        error: code of `services.presentation` if the last reading failed.
        failing_since: time of the first of the consecutive failed readings.
        read_at: time of the last successful reading.
        tried_at: time of the last reading.
    """

    __tablename__ = "ecosphere_access_service"
    __table_args__ = (sa.Index("ix_ecosphere_access_service_next", "next_read_at"),)

    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    url: Mapped[str] = mapped_column(sa.Text, nullable=False)
    state: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default=UNREAD, default=UNREAD
    )
    description: Mapped[dict[str, Any]] = _json()
    error: Mapped[str] = _words()
    failing_since: Mapped[datetime | None] = mapped_column(MOMENT)
    read_at: Mapped[datetime | None] = mapped_column(MOMENT)
    tried_at: Mapped[datetime | None] = mapped_column(MOMENT)
    next_read_at: Mapped[datetime] = mapped_column(MOMENT, nullable=False, default=now)


class ServiceUse(tk.BaseModel):
    """Link from a resource to a service, optionally to one of its layers."""

    __tablename__ = "ecosphere_access_service_use"
    __table_args__ = (
        sa.Index("ix_ecosphere_access_service_use_package", "package_id"),
        sa.Index("ix_ecosphere_access_service_use_key", "key"),
    )

    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    package_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    layer: Mapped[str] = _words()


class Sample(tk.BaseModel):
    """Preview of a resource's data: a JSON file of limited size (`preview.files`), and facts about it.

    Attributes:
        url: version of the resource that it was made from (`preview.samples.stamp`); outdated if the resource differs.
        state: wanted, made or broken.
        error: code of `preview.messages` if broken.
        facts: `kind` (map, table, text), counts, columns and what was left out.
        asker: digest of who asked for it, while it waits (`turns`).
        host: name of the server that is read.
    """

    __tablename__ = "ecosphere_access_sample"
    __table_args__ = (_waiting("ecosphere_access_sample"),)

    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    url: Mapped[str] = mapped_column(sa.Text, nullable=False)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False)
    error: Mapped[str] = _words()
    facts: Mapped[dict[str, Any]] = _json()
    tries: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="0", default=0)
    changed: Mapped[datetime] = mapped_column(MOMENT, nullable=False, default=now)
    asker: Mapped[str] = _words()
    host: Mapped[str] = _words()


EXTRACTS_KEPT = timedelta(days=1)


class Extract(tk.BaseModel):
    """A part of a service exported to a file; deleted after a day.

    Attributes:
        id: random id; users who know it and may read the dataset can see the extract.
        asked: area, attributes, format and CRS (`take.areas`).
        facts: number of features, size of the file, whether it was truncated.
        asker: digest of who asked for it, while it waits (`turns`).
        host: name of the server that is read.
    """

    __tablename__ = "ecosphere_access_extract"
    __table_args__ = (
        sa.Index("ix_ecosphere_access_extract_created", "created"),
        _waiting("ecosphere_access_extract"),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=lambda: str(uuid.uuid4()))
    package_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    resource_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    asked: Mapped[dict[str, Any]] = _json()
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=WANTED)
    error: Mapped[str] = _words()
    facts: Mapped[dict[str, Any]] = _json()
    tries: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="0", default=0)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False, default=now)
    asker: Mapped[str] = _words()
    host: Mapped[str] = _words()


class Use(tk.BaseModel):
    """Daily count of uses of a resource; nothing about the users is stored."""

    __tablename__ = "ecosphere_access_use"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    count: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)
