"""Popularity of datasets (followers, downloads, answered requests) as a number in the index.

It is computed once a day from what the rooms report (`IEcospherePopularity`) and stored in a table,
so that a dataset keeps its number when it is saved. Only numbers are stored, not who followed,
downloaded or requested.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from functools import cache

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.model.system_info import get_system_info, set_system_info
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import IEcospherePopularity
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.locks import Locks

MOST = 100
"""Maximum popularity, reached at about a thousand points."""
POINTS_OF_A_FOLLOWER = 5
AT_ONCE = 500
"""Datasets indexed per run; the next run continues."""
_DAY = "ecosphere.search.popularity_day"
_COUNTING = "search:popularity"
_KNOWN_SECONDS = 60


class Popularity(tk.BaseModel):
    """Popularity of a dataset, if not 0.

    Attributes:
        score: 1 to `MOST`.
    """

    __tablename__ = "ecosphere_search_popularity"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    score: Mapped[int] = mapped_column(sa.Integer, nullable=False)


def score(points: float) -> int:
    """Return the popularity for a number of points: 10 × log2(1 + points), at most `MOST`."""
    return max(0, min(MOST, round(10 * math.log2(1 + max(points, 0)))))


def of(package_id: str) -> int:
    """Return the popularity of a dataset, 0 to `MOST`, cached for a minute."""
    numbers = _cache()
    if not numbers or time.monotonic() - numbers[0][0] > _KNOWN_SECONDS:
        numbers[:] = [(time.monotonic(), _stored())]
    return numbers[0][1].get(package_id, 0)


@cache
def _cache() -> list[tuple[float, dict[str, int]]]:
    """Return the cache: time at which the table was read, and its contents.

    Empty before the first read.
    """
    return []


def is_due() -> bool:
    """Return whether today's popularity has not been computed, or not completely indexed yet."""
    return get_system_info(_DAY) != dates.today().isoformat()


def count() -> int:
    """Compute the popularity if due, and index datasets whose popularity changed; return how many.

    Raises:
        SolrAwayError: Solr is down; the next run continues.
    """
    if not is_due():
        return 0
    with Locks() as locks:
        if not locks.take(_COUNTING):
            return 0
        scores, stored = _scores(), _stored()
        changed = sorted({id_ for id_, _score in scores.items() ^ stored.items()})
        some = {id_: scores.get(id_, 0) for id_ in changed[:AT_ONCE]}
        # Index before storing: if Solr is down, the changes remain pending for the next run.
        _cache()[:] = [(time.monotonic(), stored | some)]
        documents.index(list(some))
        _keep(some)
        if len(some) == len(changed):
            set_system_info(_DAY, dates.today().isoformat())
        return len(some)


def _stored() -> dict[str, int]:
    query = sa.select(Popularity.package_id, Popularity.score)
    return dict(model.Session.execute(query).tuples().all())


def _scores() -> dict[str, int]:
    """Return the popularity of all datasets for which it is not 0."""
    points: defaultdict[str, float] = defaultdict(float)
    followed = sa.select(model.UserFollowingDataset.object_id, sa.func.count()).group_by(
        model.UserFollowingDataset.object_id
    )
    for package_id, number in model.Session.execute(followed):
        points[package_id] += POINTS_OF_A_FOLLOWER * number
    for plugin in p.PluginImplementations(IEcospherePopularity):
        for package_id, number in plugin.ecosphere_popularity():
            points[package_id] += number
    there = sa.select(model.Package.id).where(
        model.Package.state == model.State.ACTIVE, model.Package.id.in_(points)
    )
    scores = {id_: score(points[id_]) for id_ in model.Session.scalars(there)}
    return {id_: number for id_, number in scores.items() if number}


def _keep(scores: dict[str, int]) -> None:
    removed = [id_ for id_, number in scores.items() if not number]
    rows = [{"package_id": id_, "score": number} for id_, number in scores.items() if number]
    if removed:
        model.Session.execute(sa.delete(Popularity).where(Popularity.package_id.in_(removed)))
    if rows:
        new = insert(Popularity).values(rows)
        model.Session.execute(
            new.on_conflict_do_update(
                index_elements=[Popularity.package_id], set_={"score": new.excluded.score}
            )
        )
    model.Session.commit()
