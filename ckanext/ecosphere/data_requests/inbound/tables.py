"""Table of the e-mails that came in: each is taken once."""

from __future__ import annotations

from datetime import datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.model import MOMENT


class Inbound(tk.BaseModel):
    """An e-mail that came in with a reply address of ours.

    Attributes:
        id: digest of its Message-ID and reply address.
        outcome: "" while it is looked at, taken, or the code of why it was not (`receive.REFUSALS`).
        answered: whether the person was told that it was not taken.
    """

    __tablename__ = "ecosphere_requests_inbound"
    __table_args__ = (sa.Index("ix_ecosphere_requests_inbound_person", "user_id", "received"),)

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    received: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    request_id: Mapped[str | None] = mapped_column(sa.Text)
    outcome: Mapped[str] = columns.text()
    answered: Mapped[bool] = columns.flag()
