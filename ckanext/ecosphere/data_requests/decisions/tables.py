"""Tables of letters and of the authors of decisions."""

from __future__ import annotations

from datetime import datetime

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.data_requests import columns
from ckanext.ecosphere.data_requests.decisions import compose
from ckanext.ecosphere.data_requests.model import MOMENT, new_id


class Letter(tk.BaseModel):
    """A letter as it was sent. Append-only: a trigger refuses every change except erasing the addressee.

    Attributes:
        event_id: event of the transition, None for a notice of implicit refusal.
        kind: name of a transition, receipt or silence.
        organization_id: service that sent it, which may always read it.
        requester_id: account of the addressee, who may read it for as long as the account exists.
        addressee: lines with the name of the addressee, "" once erased; not part of the digest.
        html, plain: the letter; sha256: digest of both.
    """

    __tablename__ = "ecosphere_requests_letter"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=new_id)
    request_id: Mapped[str] = columns.of_request(index=True)
    event_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False)
    created: Mapped[datetime] = mapped_column(MOMENT, nullable=False)
    organization_id: Mapped[str | None] = mapped_column(sa.Text)
    requester_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    addressee: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    subject: Mapped[str] = mapped_column(sa.Text, nullable=False)
    html: Mapped[str] = mapped_column(sa.Text, nullable=False)
    plain: Mapped[str] = mapped_column(sa.Text, nullable=False)
    sha256: Mapped[str] = mapped_column(sa.Text, nullable=False)

    @property
    def addressed_to(self) -> list[str]:
        """Lines that address the letter, above its text; empty once the addressee is erased."""
        return compose.addressed_to(self.addressee)


class AuthorName(tk.BaseModel):
    """First name, last name and job title (`quality`) of an agent, as stated in decisions (CRPA, L. 212-1)."""

    __tablename__ = "ecosphere_requests_author"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    first_name: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    last_name: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
    quality: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="", default="")
