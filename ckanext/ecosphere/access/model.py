"""Database tables of services, previews, extracts and usage counts."""

from __future__ import annotations

from datetime import timedelta

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.shared.columns import (
    Count,
    Id,
    Key,
    Moment,
    Object,
    RowDay,
    RowKey,
    Stamp,
    Words,
)

#: States of a service; closed: it answers but requires authentication.
UNREAD, OK, CLOSED, FAILED = "unread", "ok", "closed", "failed"
#: States of a sample and of an extract.
WANTED, MADE, BROKEN = "wanted", "made", "broken"


def _waiting(table: str) -> sa.Index:
    return sa.Index(f"ix_{table}_wanted", "asker", postgresql_where=sa.text(f"state = '{WANTED}'"))


class Service(tk.BaseModel):
    """A service, read once for all datasets that refer to it.

    Attributes:
        key: SHA-256 of kind and URL.
        url: URL without the parameters of an operation (`dataset.services`).
        description: its capabilities (`services.parsers.Description`); kept while it does not
            answer.
        error: code of `services.presentation` if the last reading failed.
        failing_since: time of the first of the consecutive failed readings.
        read_at: time of the last successful reading.
        tried_at: time of the last reading.
    """

    __tablename__ = "ecosphere_access_service"
    __table_args__ = (sa.Index("ix_ecosphere_access_service_next", "next_read_at"),)

    key: Mapped[RowKey]
    kind: Mapped[Key]
    url: Mapped[Key]
    state: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default=UNREAD, default=UNREAD
    )
    description: Mapped[Object]
    error: Mapped[Words]
    failing_since: Mapped[Moment | None]
    read_at: Mapped[Moment | None]
    tried_at: Mapped[Moment | None]
    next_read_at: Mapped[Stamp]


class ServiceUse(tk.BaseModel):
    """Link from a resource to a service, optionally to one of its layers."""

    __tablename__ = "ecosphere_access_service_use"
    __table_args__ = (
        sa.Index("ix_ecosphere_access_service_use_package", "package_id"),
        sa.Index("ix_ecosphere_access_service_use_key", "key"),
    )

    resource_id: Mapped[RowKey]
    package_id: Mapped[Key]
    key: Mapped[Key]
    layer: Mapped[Words]


class Sample(tk.BaseModel):
    """Preview of a resource's data: a JSON file of limited size (`preview.files`), and facts about
    it.

    Attributes:
        url: version of the resource that it was made from (`preview.samples.stamp`); outdated if
            the resource differs.
        state: wanted, made or broken.
        error: code of `preview.messages` if broken.
        facts: `kind` (map, table, text), counts, columns and what was left out.
        asker: digest of who asked for it, while it waits (`turns`).
        host: name of the server that is read.
    """

    __tablename__ = "ecosphere_access_sample"
    __table_args__ = (_waiting("ecosphere_access_sample"),)

    resource_id: Mapped[RowKey]
    url: Mapped[Key]
    state: Mapped[Key]
    error: Mapped[Words]
    facts: Mapped[Object]
    tries: Mapped[Count]
    changed: Mapped[Stamp]
    asker: Mapped[Words]
    host: Mapped[Words]


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

    id: Mapped[Id]
    package_id: Mapped[Key]
    resource_id: Mapped[Key]
    asked: Mapped[Object]
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=WANTED)
    error: Mapped[Words]
    facts: Mapped[Object]
    tries: Mapped[Count]
    created: Mapped[Stamp]
    asker: Mapped[Words]
    host: Mapped[Words]


class Use(tk.BaseModel):
    """Daily count of uses of a resource; nothing about the users is stored."""

    __tablename__ = "ecosphere_access_use"

    package_id: Mapped[RowKey]
    resource_id: Mapped[RowKey]
    day: Mapped[RowDay]
    count: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)
