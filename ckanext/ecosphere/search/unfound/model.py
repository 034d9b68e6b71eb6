"""Table of searches without results."""

from __future__ import annotations

from datetime import date

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class Unfound(tk.BaseModel):
    """How often a search had no results in a month.

    Attributes:
        month: its first day, in the portal's time zone.
        words: normalised words, without personal data (`words.counted`).
    """

    __tablename__ = "ecosphere_search_unfound"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    words: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    count: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)
