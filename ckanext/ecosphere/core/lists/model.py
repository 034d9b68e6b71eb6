"""Tables of what administrators changed, and of the journal of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column


class JournalEntry(tk.BaseModel):
    """A change; a trigger refuses to rewrite it.

    Attributes:
        at: when.
        person: id of the account, None for a command.
        area: what kind of thing was changed ("vocabulary:themes", "role", "contact-sheet", "setting").
        key: which one.
        before: what it was, None when there was nothing.
        after: what it is, None when it was taken away.
    """

    __tablename__ = "ecosphere_journal"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    person: Mapped[str | None] = mapped_column(sa.Text)
    area: Mapped[str] = mapped_column(sa.Text, nullable=False)
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (sa.Index("ix_ecosphere_journal_area", "area", "id"),)


class LocalValue(tk.BaseModel):
    """What is in force of the administrators' changes.

    Attributes:
        area: list that is changed, see `vocabularies/local.py`.
        key: what of it.
        value: as it is now; None for what was taken back.
        made: number of the entry of the journal that made it.
        number: number of the entry of its last change.
        indexed: number of the change up to which the datasets were indexed again.
    """

    __tablename__ = "ecosphere_local"

    area: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    made: Mapped[int] = mapped_column(sa.BigInteger, nullable=False)
    number: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, index=True)
    indexed: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, default=0, server_default="0")
