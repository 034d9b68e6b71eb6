"""What studies tell the ministry and the services: numbers above a threshold, without any person, title or site."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.studies import states
from ckanext.ecosphere.studies.model import Study, StudyDataset, StudyNeed

#: Fewest distinct studies of a number that is told.
FEWEST = 5
MOST_ROWS = 500
#: States in which the data of a need were not to be had.
LACKING = (states.NOBODY, states.NOT_MAPPED, states.REQUESTED)
SERVING = (states.COVERS, states.COVERS_PART)


def missing() -> list[dict[str, Any]]:
    """Return the needs that studies lack most, by territory, the most lacking first.

    Needs that people added themselves are left out: their names are their own words.

    Returns:
        rows of `need` (id), `label` (by language), `territory` (id of the vocabulary) and `studies` (their number).
    """
    territory = sa.func.jsonb_array_elements_text(Study.territories).table_valued("value")
    need_id = StudyNeed.need["id"].astext
    number = sa.func.count(Study.id.distinct())
    query = (
        sa.select(
            need_id,
            territory.c.value,
            number,
            # The same id is the same need; frames may name it a little differently.
            sa.func.min(StudyNeed.need["label"].astext),
        )
        .select_from(StudyNeed)
        .join(Study, Study.id == StudyNeed.study_id)
        .join(territory, sa.true())
        .where(
            StudyNeed.relevant,
            StudyNeed.finding["state"].astext.in_(LACKING),
            need_id.not_like("own-%"),
        )
        .group_by(need_id, territory.c.value)
        .having(number >= FEWEST)
        .order_by(number.desc(), need_id, territory.c.value)
        .limit(MOST_ROWS)
    )
    columns = ("need", "territory", "studies", "label")
    rows = [dict(zip(columns, row, strict=True)) for row in model.Session.execute(query)]
    return [{**row, "label": json.loads(row["label"] or "{}")} for row in rows]


def served(package_ids: Iterable[str]) -> dict[str, int]:
    """Return how many studies datasets serve, by id: they cover its site, and were not set aside.

    Numbers below the threshold are left out.
    """
    ids = list(package_ids)
    number = sa.func.count(StudyNeed.study_id.distinct())
    query = _serving(StudyDataset.package_id, number).where(StudyDataset.package_id.in_(ids))
    above_threshold = query.group_by(StudyDataset.package_id).having(number >= FEWEST)
    return {row[0]: row[1] for row in model.Session.execute(above_threshold)}


def served_by(organization_id: str) -> dict[str, Any]:
    """Return how many studies the public datasets of a service serve.

    Returns:
        `studies`: their number, 0 below the threshold; `datasets`: number by dataset (id), those above it.
    """
    package: Any = model.Package
    ids = sa.select(package.id).where(
        package.owner_org == organization_id,
        package.state == model.State.ACTIVE,
        package.private.is_(False),
    )
    number = sa.func.count(StudyNeed.study_id.distinct())
    query = _serving(number).where(StudyDataset.package_id.in_(ids))
    total = model.Session.scalar(query) or 0
    if total < FEWEST:
        return {"studies": 0, "datasets": {}}
    return {"studies": total, "datasets": served(model.Session.scalars(ids))}


def _serving(*columns: Any) -> sa.Select[Any]:
    query = sa.select(*columns).select_from(StudyDataset)
    return query.join(StudyNeed, StudyNeed.id == StudyDataset.study_need_id).where(
        StudyDataset.decision != "aside", StudyDataset.finding["state"].astext.in_(SERVING)
    )
