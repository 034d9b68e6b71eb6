"""What studies tell the ministry and the services: numbers above a threshold, without any person,
title or site.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.studies import states, store
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
        rows of `need` (id), `label` (by language), `territory` (id of the vocabulary) and `studies`
        (their number).
    """
    territory = sa.func.jsonb_array_elements_text(Study.territories).table_valued("value")
    need_id = StudyNeed.need["id"].astext
    number = sa.func.count(Study.id.distinct())
    # The same id is the same need; frames may name it a little differently.
    label = sa.func.min(StudyNeed.need["label"].astext)
    columns = {"need": need_id, "territory": territory.c.value, "studies": number, "label": label}
    query = (
        sa.select(*(column.label(name) for name, column in columns.items()))
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
    rows = model.Session.execute(query).mappings()
    return [{**row, "label": json.loads(row["label"] or "{}")} for row in rows]


def served_by(organization_id: str) -> dict[str, Any]:
    """Return how many studies the public datasets of a service serve: they cover the site, and were
    not set aside.

    Returns:
        `studies`: their number, 0 below the threshold; `datasets`: number by dataset (id), those
            above it.
    """
    package: Any = model.Package
    number = sa.func.count(StudyNeed.study_id.distinct())
    serving = (
        StudyNeed.id == StudyDataset.study_need_id,
        StudyDataset.decision != store.ASIDE,
        StudyDataset.finding["state"].astext.in_(SERVING),
        package.id == StudyDataset.package_id,
        package.owner_org == organization_id,
        package.state == model.State.ACTIVE,
        package.private.is_(False),
    )
    total = model.Session.scalar(sa.select(number).where(*serving)) or 0
    if total < FEWEST:
        return {"studies": 0, "datasets": {}}
    by_dataset = sa.select(package.id, number).where(*serving).group_by(package.id)
    rows = model.Session.execute(by_dataset.having(number >= FEWEST)).all()
    return {"studies": total, "datasets": {row[0]: row[1] for row in rows}}
