"""Tables of the link checks: URLs, the datasets that use them, and latest checks."""

from __future__ import annotations

from datetime import datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class Link(tk.BaseModel):
    """A URL, checked once for all datasets that use it.

    Attributes:
        key: SHA-256 of the URL, which may be too long for an index.
        url: the URL.
        kind: file, or the protocol of a service (wms, wfs, wmts, wcs, atom).
        state: unchecked, ok or broken.
        status: last HTTP status, None without an answer.
        reason: why the last check failed, as a code (see `probe.REASONS`).
        answered: type of a file in its last successful answer (see `probe.Verdict`).
        checked_at: time of the last check.
        misses: number of consecutive failed checks.
        first_miss_at: time of the first of them.
        next_check_at: time of the next check.
    """

    __tablename__ = "ecosphere_quality_link"
    __table_args__ = (sa.Index("ix_ecosphere_quality_link_next", "next_check_at"),)

    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    url: Mapped[str] = mapped_column(sa.Text, nullable=False)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False)
    status: Mapped[int | None] = mapped_column(sa.Integer)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    answered: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    checked_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    misses: Mapped[int] = mapped_column(sa.Integer, nullable=False, server_default="0", default=0)
    first_miss_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    next_check_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False)


class LinkUse(tk.BaseModel):
    """Use of a URL by a dataset."""

    __tablename__ = "ecosphere_quality_link_use"
    __table_args__ = (sa.Index("ix_ecosphere_quality_link_use_key", "key"),)

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)


class LinkCheck(tk.BaseModel):
    """A check of a URL; only the latest ones are kept."""

    __tablename__ = "ecosphere_quality_link_check"
    __table_args__ = (sa.Index("ix_ecosphere_quality_link_check_key", "key", "checked_at"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    checked_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False)
    ok: Mapped[bool | None] = mapped_column(sa.Boolean)
    status: Mapped[int | None] = mapped_column(sa.Integer)
    reason: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
