"""Table of incoming e-mails, each of which is processed once."""

from __future__ import annotations

from datetime import datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.model import MOMENT


class Inbound(tk.BaseModel):
    """An incoming e-mail with a valid reply address.

    Attributes:
        id: digest of its Message-ID and reply address.
        outcome: "" while it is being processed; taken, flood, or the code of its refusal (`answers.SENTENCES`).
        answered: whether an explanation of its refusal was sent.
    """

    __tablename__ = "ecosphere_requests_inbound"
    __table_args__ = (sa.Index("ix_ecosphere_requests_inbound_person", "user_id", "received"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    received: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    request_id: Mapped[str | None] = mapped_column(sa.Text)
    outcome: Mapped[str] = columns.text()
    answered: Mapped[bool] = columns.flag()
