"""Tables of the administrators' changes and of the journal of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column


class JournalEntry(tk.BaseModel):
    """A change; a database trigger refuses updates.

    Attributes:
        at: time of the change.
        person: id of the account, None for a command.
        area: kind of object ("vocabulary:themes", "role:organization", "contact-sheet", "setting"…).
        key: the object within the area.
        before: the previous value, None if there was none.
        after: the new value, None if it was removed.
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
    """A value changed by administrators, as it is in force.

    Attributes:
        area: the changed list, see `vocabularies/local.py`.
        key: its entry.
        value: the current value; None if the change was undone.
        made: id of the journal entry that created it.
        number: id of the journal entry of its last change.
        indexed: id of the journal entry up to which datasets were reindexed.
    """

    __tablename__ = "ecosphere_local"

    area: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    made: Mapped[int] = mapped_column(sa.BigInteger, nullable=False)
    number: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, index=True)
    indexed: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, default=0, server_default="0")
