"""Tables of the room: the quality of each dataset, and one line per day on which its score changed.

No foreign key leads to CKAN's tables: a row whose dataset is gone is ignored by every query (they join `package`) and
removed by the nightly re-score.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column


class QualityRow(tk.BaseModel):
    """Quality of one dataset, as of `computed_at`.

    Attributes:
        package_id: id of the dataset.
        score, level, won, out_of: see `score.Evaluation`.
        facts: what was read in the dataset (`facts.Facts.as_dict`).
        results: criterion → state.
        checks: results of background jobs, kept when the dataset is saved again (`store.checks_of`).
        model_version: version of the weights.
        computed_at: moment of the scoring (UTC).
        due: last day on which the score holds if nobody touches the dataset; None when it does not depend on time.
        mqa: points of the European assessment, out of 405.
        inspire: share of the INSPIRE requirements met, out of 100.
        themes, territories: ids in the vocabularies, those above them included, for reports.
        series: the series that a member names. known_as: how members may name a series.
    """

    __tablename__ = "ecosphere_quality"
    __table_args__ = (
        sa.Index("ix_ecosphere_quality_due", "due"),
        sa.Index("ix_ecosphere_quality_series", "series", postgresql_using="gin"),
        sa.Index("ix_ecosphere_quality_known_as", "known_as", postgresql_using="gin"),
    )

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    score: Mapped[int] = mapped_column(sa.SmallInteger, nullable=False)
    level: Mapped[str] = mapped_column(sa.Text, nullable=False)
    won: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    out_of: Mapped[int] = mapped_column(sa.Integer, nullable=False)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    results: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False)
    checks: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))
    model_version: Mapped[str] = mapped_column(sa.Text, nullable=False)
    computed_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False)
    due: Mapped[date | None] = mapped_column(sa.Date)
    mqa: Mapped[int | None] = mapped_column(sa.SmallInteger)
    inspire: Mapped[int | None] = mapped_column(sa.SmallInteger)
    themes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False, server_default="{}")
    territories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False, server_default="{}")
    series: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False, server_default="{}")
    known_as: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False, server_default="{}")


class QualityHistory(tk.BaseModel):
    """Score at the end of a day on which it changed."""

    __tablename__ = "ecosphere_quality_history"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    score: Mapped[int] = mapped_column(sa.SmallInteger, nullable=False)
    level: Mapped[str] = mapped_column(sa.Text, nullable=False)
    model_version: Mapped[str] = mapped_column(sa.Text, nullable=False)
