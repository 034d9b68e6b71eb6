"""Tables of dataset quality, of its history (one entry per day on which the score changed) and of
links.

There are no foreign keys to CKAN's tables: rows of deleted datasets are ignored by all queries
(which join `package`) and removed by the nightly rescore.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.shared.columns import (
    Count,
    Day,
    Key,
    Moment,
    Object,
    RowDay,
    RowKey,
    Small,
    Texts,
    Words,
)


class QualityRow(tk.BaseModel):
    """Quality of a dataset, as of `computed_at`.

    Attributes:
        package_id: id of the dataset.
        score, level, won, out_of: see `score.Evaluation`.
        facts: facts about the dataset (`facts.Facts.as_dict`).
        results: criterion → state.
        checks: results of background jobs: `links`, URL → whether it answers (`store.checks_of`).
        model_version: version of the weights.
        computed_at: time of scoring (UTC).
        due: last day on which the score is valid if the dataset is not changed; None if it does not
            depend on time.
        mqa: MQA points, out of 405.
        inspire: share of the INSPIRE requirements met, in percent.
        themes, territories: ids in the vocabularies, including ancestors, for reports.
        series: the series of a member.
        known_as: identifiers by which members may refer to a series.
    """

    __tablename__ = "ecosphere_quality"
    __table_args__ = (
        sa.Index("ix_ecosphere_quality_due", "due"),
        sa.Index("ix_ecosphere_quality_series", "series", postgresql_using="gin"),
        sa.Index("ix_ecosphere_quality_known_as", "known_as", postgresql_using="gin"),
    )

    package_id: Mapped[RowKey]
    score: Mapped[Small]
    level: Mapped[Key]
    won: Mapped[int]
    out_of: Mapped[int]
    facts: Mapped[DataDict] = mapped_column(JSONB, nullable=False)
    results: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False)
    checks: Mapped[Object]
    model_version: Mapped[Key]
    computed_at: Mapped[Moment]
    due: Mapped[Day | None]
    mqa: Mapped[Small | None]
    inspire: Mapped[Small | None]
    themes: Mapped[Texts]
    territories: Mapped[Texts]
    series: Mapped[Texts]
    known_as: Mapped[Texts]


class QualityHistory(tk.BaseModel):
    """Score at the end of a day on which it changed."""

    __tablename__ = "ecosphere_quality_history"

    package_id: Mapped[RowKey]
    day: Mapped[RowDay]
    score: Mapped[Small]
    level: Mapped[Key]
    model_version: Mapped[Key]


class Link(tk.BaseModel):
    """A URL, checked once for all datasets that use it.

    Attributes:
        key: SHA-256 of the URL, which may be too long for an index.
        url: the URL.
        kind: file, or the protocol of a service (wms, wfs, wmts, wcs, atom).
        state: unchecked, ok or broken.
        status: last HTTP status, None without an answer.
        reason: why the last check failed, as a code (see `links.REASONS`).
        answered: type of a file in its last successful answer (see `links.Verdict`).
        checked_at: time of the last check.
        misses: number of consecutive failed checks.
        first_miss_at: time of the first of them.
        next_check_at: time of the next check.
    """

    __tablename__ = "ecosphere_quality_link"
    __table_args__ = (sa.Index("ix_ecosphere_quality_link_next", "next_check_at"),)

    key: Mapped[RowKey]
    url: Mapped[Key]
    kind: Mapped[Key]
    state: Mapped[Key]
    status: Mapped[int | None]
    reason: Mapped[Words]
    answered: Mapped[Words]
    checked_at: Mapped[Moment | None]
    misses: Mapped[Count]
    first_miss_at: Mapped[Moment | None]
    next_check_at: Mapped[Moment]


class LinkUse(tk.BaseModel):
    """Use of a URL by a dataset."""

    __tablename__ = "ecosphere_quality_link_use"
    __table_args__ = (sa.Index("ix_ecosphere_quality_link_use_key", "key"),)

    package_id: Mapped[RowKey]
    key: Mapped[RowKey]
