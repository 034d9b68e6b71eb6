"""Tables of studies, collections, reuses, frames of the portal, and opinions on suitability.

There are no foreign keys to CKAN's tables: what a study says about a dataset outlives it. A study
is deleted with its owner's account; its site is in no other table, and in no log; the rectangle
around it is, for a day, in the extracts that its people ask for.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.shared.columns import MOMENT, Count, Flag, Id, List, Object, Stamp, Words

OfStudy = Annotated[
    str,
    mapped_column(sa.ForeignKey("ecosphere_study.id", ondelete="CASCADE"), nullable=False),
]


class Study(tk.BaseModel):
    """A study: a frame, or none, on a site.

    Attributes:
        title: as its owner calls it.
        owner_id: account of the owner.
        frame_id, frame_version: frame from which its needs were taken, "" and 0 without one.
        site: label, kind (communes, epci, drawn, file), codes, and geometry (GeoJSON, degrees).
        buffer: metres around the site.
        territories: ids of the départements and régions in which the site lies (vocabulary
            `territories`), for statistics, which never read the site.
        state: active or archived.
        run: number of its last run, 0 before the first; `run_at` is when it began.
        pending: datasets whose objects are still to be counted.
        extracts: data around the site that were asked for, see `publications.clipping`. The room
            `access` has the rectangle around the site with them, for a day.
        looked: when the portal last looked whether what nobody published has appeared.
    """

    __tablename__ = "ecosphere_study"

    id: Mapped[Id]
    title: Mapped[Words]
    owner_id: Mapped[str] = mapped_column(sa.Text, nullable=False, index=True)
    frame_id: Mapped[Words]
    frame_version: Mapped[Count]
    site: Mapped[Object]
    buffer: Mapped[Count]
    territories: Mapped[List]
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="active")
    run: Mapped[Count]
    run_at: Mapped[datetime | None] = mapped_column(MOMENT)
    pending: Mapped[Count]
    extracts: Mapped[List]
    looked: Mapped[datetime | None] = mapped_column(MOMENT)
    created: Mapped[Stamp]
    modified: Mapped[Stamp]


class Member(tk.BaseModel):
    """A person invited to a study, by account or by link.

    Attributes:
        user_id: account, None while the link was not opened.
        token: digest (SHA-256) of the secret of the link, "" for an invited account.
        may_write: whether the person may change the study.
    """

    __tablename__ = "ecosphere_study_member"

    id: Mapped[Id]
    study_id: Mapped[OfStudy]
    user_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    token: Mapped[Words]
    may_write: Mapped[Flag]
    created: Mapped[Stamp]


class StudyNeed(tk.BaseModel):
    """A need of a study, copied from its frame so that a later version of the frame changes
    nothing.

    Attributes:
        need: the need, as `frames.Need.as_dict`.
        group: title of its group, by language.
        relevant: whether it is relevant; if not, `why` says why and `who` is the account that said
            so.
        request_id: the data request made for it, None without one.
        finding: what is known of it on the site, as `states.Finding`.
    """

    __tablename__ = "ecosphere_study_need"
    __table_args__ = (sa.Index("ix_ecosphere_study_need_study", "study_id", "position"),)

    id: Mapped[Id]
    study_id: Mapped[OfStudy]
    position: Mapped[Count]
    group: Mapped[Object]
    need: Mapped[Object]
    relevant: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, server_default=sa.true())
    why: Mapped[Words]
    who: Mapped[Words]
    request_id: Mapped[str | None] = mapped_column(sa.Text, index=True)
    finding: Mapped[Object]


class StudyDataset(tk.BaseModel):
    """A dataset for a need of a study.

    Attributes:
        decision: proposed (by the portal), kept, aside (`why` says why) or added (by a person).
        title, organisation: as they were when it was found, should the dataset vanish.
        reasons: codes and parameters of why it was proposed.
        rank: position among the proposals, 1 first.
        finding: what is known of it on the site, as `states.Finding`.
    """

    __tablename__ = "ecosphere_study_dataset"
    __table_args__ = (sa.UniqueConstraint("study_need_id", "package_id"),)

    id: Mapped[Id]
    study_need_id: Mapped[str] = mapped_column(
        sa.ForeignKey("ecosphere_study_need.id", ondelete="CASCADE"), nullable=False
    )
    package_id: Mapped[str] = mapped_column(sa.Text, nullable=False, index=True)
    decision: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="proposed")
    why: Mapped[Words]
    title: Mapped[Words]
    organisation: Mapped[Words]
    reasons: Mapped[List]
    rank: Mapped[Count]
    finding: Mapped[Object]


class StudyRun(tk.BaseModel):
    """A run of a study, kept so that the next one can be compared with it.

    Attributes:
        number: 1 for the first run of the study.
        results: state, kept datasets and counts of each need, by the id of the need.
    """

    __tablename__ = "ecosphere_study_run"
    __table_args__ = (sa.UniqueConstraint("study_id", "number"),)

    id: Mapped[Id]
    study_id: Mapped[OfStudy]
    number: Mapped[Count]
    at: Mapped[Stamp]
    results: Mapped[Object]


class PortalFrame(tk.BaseModel):
    """A version of a frame that editors copied and changed in the portal; the highest one is in
    force.

    Attributes:
        frame_id: id of the frame; `version` counts from 1.
        content: as in a file of `data/frames`.
    """

    __tablename__ = "ecosphere_study_frame"
    __table_args__ = (sa.UniqueConstraint("frame_id", "version"),)

    id: Mapped[Id]
    frame_id: Mapped[Words]
    version: Mapped[Count]
    content: Mapped[Object]
    author_id: Mapped[Words]
    created: Mapped[Stamp]


class Collection(tk.BaseModel):
    """A collection ("bouquet"): needs met by chosen datasets, public, curated by editors.

    Attributes:
        name: last part of its address.
        items: ordered rows of group, label, note and package_id ("" for a need without data).
    """

    __tablename__ = "ecosphere_collection"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.Text, nullable=False, unique=True)
    title: Mapped[Words]
    description: Mapped[Words]
    frame_id: Mapped[Words]
    organization_id: Mapped[Words]
    public: Mapped[Flag]
    items: Mapped[List]
    created: Mapped[Stamp]
    modified: Mapped[Stamp]


class Reuse(tk.BaseModel):
    """Something made with datasets: a study, service, article, map or program.

    Attributes:
        kind: one of `reuses.KINDS`.
        state: held (until a moderator has read it), published or refused.
        packages: ids of the datasets.
    """

    __tablename__ = "ecosphere_reuse"

    id: Mapped[Id]
    kind: Mapped[Words]
    title: Mapped[Words]
    url: Mapped[Words]
    description: Mapped[Words]
    author_id: Mapped[str] = mapped_column(sa.Text, nullable=False, index=True)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, server_default="held", index=True)
    reason: Mapped[Words]
    packages: Mapped[List]
    created: Mapped[Stamp]


class Suitability(tk.BaseModel):
    """The opinion of a person who used a dataset for a kind of use.

    Attributes:
        use: kind of use, key of `data/suitability.yaml`.
        fits: whether it was suitable; `why` says why.
    """

    __tablename__ = "ecosphere_suitability"
    __table_args__ = (sa.UniqueConstraint("package_id", "use", "user_id"),)

    id: Mapped[Id]
    package_id: Mapped[str] = mapped_column(sa.Text, nullable=False, index=True)
    use: Mapped[Words]
    user_id: Mapped[Words]
    fits: Mapped[Flag]
    why: Mapped[Words]
    created: Mapped[Stamp]
