"""Table of deliveries: files and links that answer requests."""

from __future__ import annotations

from datetime import date, datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.model import MOMENT, new_id

FILE, LINK = "file", "link"
#: Readers: all readers of the request, or its requester alone (besides the service and the moderators).
EVERYONE, REQUESTER = "everyone", "requester"


class Delivery(tk.BaseModel):
    """A file or a link that answers a request.

    Attributes:
        kind: file or link.
        url: of a link; name, media_type, size (in bytes): of a file.
        reach: everyone (all readers of the request) or requester.
        public_from: day on which a private delivery becomes public, None for never.
    """

    __tablename__ = "ecosphere_requests_delivery"
    __table_args__ = (
        sa.Index("ix_ecosphere_requests_delivery_request", "request_id"),
        sa.Index(
            "ix_ecosphere_requests_delivery_embargo",
            "public_from",
            postgresql_where=sa.text("public_from IS NOT NULL AND reach = 'requester'"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = columns.of_request()
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    url: Mapped[str] = columns.text()
    name: Mapped[str] = columns.text()
    media_type: Mapped[str] = columns.text()
    size: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, server_default="0", default=0)
    reach: Mapped[str] = mapped_column(sa.Text, nullable=False)
    public_from: Mapped[date | None] = mapped_column(sa.Date)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
