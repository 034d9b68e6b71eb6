"""Tables of the desk: absences, internal history of requests, saved answers."""

from __future__ import annotations

from datetime import date, datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.model import MOMENT, new_id

ASSIGNED, ESCALATED = "assigned", "escalated"


class Absence(tk.BaseModel):
    """First and last day of an agent's absence, and their substitute, if any."""

    __tablename__ = "ecosphere_requests_absence"
    __table_args__ = (sa.Index("ix_ecosphere_requests_absence_person", "user_id", "last"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    first: Mapped[date] = mapped_column(sa.Date, nullable=False)
    last: Mapped[date] = mapped_column(sa.Date, nullable=False)
    substitute_id: Mapped[str | None] = mapped_column(sa.Text)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class Trace(tk.BaseModel):
    """Internal event of a request, shown in its history only to those who handle it.

    Attributes:
        kind: assigned or escalated.
        key: of what is done only once ("escalated:chief:2026-04-28"), None otherwise.
        actor_id: who did it, None for an automatic act.
        user_id: to whom the request was assigned, None for no one.
        instead_of_id: whom that person replaces.
        told: who was notified of a late request: administrators, chief or moderators.
    """

    __tablename__ = "ecosphere_requests_trace"
    __table_args__ = (sa.UniqueConstraint("request_id", "key", name="uq_ecosphere_requests_trace"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = columns.of_request()
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    key: Mapped[str | None] = mapped_column(sa.Text)
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    instead_of_id: Mapped[str | None] = mapped_column(sa.Text)
    told: Mapped[str] = columns.text()
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)


class SavedAnswer(tk.BaseModel):
    """Reasons that a service saves for reuse in refusals.

    Attributes:
        ground: for which they were written, "" for any.
        law, facts: reasons in law and in fact.
    """

    __tablename__ = "ecosphere_requests_saved_answer"
    __table_args__ = (sa.Index("ix_ecosphere_requests_saved_answer_service", "organization_id"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(sa.Text, nullable=False)
    ground: Mapped[str] = columns.text()
    title: Mapped[str] = mapped_column(sa.Text, nullable=False)
    law: Mapped[str] = columns.text()
    facts: Mapped[str] = columns.text()
    author_id: Mapped[str | None] = mapped_column(sa.Text)
    modified: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
