"""Suggestion of datasets that may answer requests, computed when a public dataset is saved; applied by people only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import states, text
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import DatasetLink, Request
from ckanext.ecosphere.data_requests.search import similar

MOST = 20
#: Minimum score: half of the words of the shorter title are shared.
ENOUGH = 0.5
AT_ONCE = 500
#: Datasets compared in one transaction.
COMPARED_AT_ONCE = 100
#: Maximum number of requests compared with a dataset, among those that share a word; the earliest first.
MOST_COMPARED = 2000


def _key() -> str:
    return f"ecosphere:requests:{tk.config['ckan.site_id']}:saved"


def _taken_key() -> str:
    return f"{_key()}:taken"


def note_saved(package_ids: Sequence[str]) -> None:
    """Queue saved datasets for the background job."""
    connect_to_redis().sadd(_key(), *package_ids)


def wait() -> bool:
    """Return whether datasets are queued for comparison, including those whose comparison was interrupted."""
    return bool(connect_to_redis().exists(_key(), _taken_key()))


def saved() -> Iterator[list[str]]:
    """Yield the queued datasets in batches; a batch leaves the queue when the next one is requested.

    There must be only one caller at a time: batches that an earlier one took and did not finish are yielded again.
    """
    connection: Any = connect_to_redis()
    for cut_off in connection.smembers(_taken_key()):
        connection.smove(_taken_key(), _key(), cut_off)
    while members := connection.srandmember(_key(), COMPARED_AT_ONCE):
        ids = [text.of_redis(member) for member in members]
        moving = connection.pipeline()
        for id_ in ids:
            moving.smove(_key(), _taken_key(), id_)
        moving.execute()
        yield ids
        connection.srem(_taken_key(), *ids)


def remember() -> int:
    """Queue again the datasets saved since Redis was last seen intact, if it was emptied or restored from an old copy.

    A timestamp in Redis records when it was last seen; without it, the last day is taken. Comparing a dataset twice is
    harmless.

    Returns:
        the number of datasets queued.
    """
    connection, key, moment = (
        connect_to_redis(),
        f"{_key()}:seen",
        datetime.now(timezone.utc).replace(tzinfo=None),
    )
    stored: Any = connection.get(key)
    last_seen = datetime.fromisoformat(text.of_redis(stored)) if stored else None
    lost, _memory["seen"] = last_seen is None or last_seen != _memory.get("seen", last_seen), moment
    connection.set(key, moment.isoformat())
    if not lost:
        return 0
    since = (last_seen or moment - timedelta(days=1)) - timedelta(minutes=1)
    package = model.Package
    query = sa.select(package.id).where(
        package.type == "dataset", package.metadata_modified >= since
    )
    ids = list(model.Session.scalars(query))
    model.Session.rollback()
    for start in range(0, len(ids), AT_ONCE):
        connection.sadd(_key(), *ids[start : start + AT_ONCE])
    return len(ids)


#: Last timestamp written by this process; a different one in Redis means that it was restored from an older copy.
_memory: dict[str, datetime] = {}


def compare(package_ids: Sequence[str]) -> None:
    """Compare saved datasets with the open requests; flag requests whose answer is no longer available."""
    package = model.Package
    query = sa.select(package).where(package.id.in_(package_ids))
    packages = {dataset.id: dataset for dataset in model.Session.scalars(query)}
    there = [dataset for dataset in packages.values() if dataset.state == model.State.ACTIVE]
    missing = set(package_ids) - {dataset.id for dataset in there}
    titles = {id_: package.title or "" for id_, package in packages.items()}
    if missing:
        _flag({id_: titles.get(id_, "") for id_ in missing})
    _unflag({dataset.id for dataset in there})
    if model.Session.scalar(sa.select(sa.exists().where(*_ON_DESK))):
        _suggest([row for dataset in there for row in _fitting(dataset)])


#: Requests that a dataset may answer.
_ON_DESK = (Request.state.in_(states.ON_DESK), Request.kind.in_(states.DEMANDS))


def _fitting(package: model.Package) -> Iterator[dict[str, Any]]:
    """Yield the requests that a dataset may answer, as rows of `DatasetLink`."""
    if package.private or package.type != "dataset":
        return
    rank = similar.rank_of(package.title or "", "", "")
    if rank is None:
        return
    condition, _score = rank
    themes, territories = (
        subject(package, "theme", "themes"),
        subject(package, "territory", "territories"),
    )
    requests = sa.select(Request.id, Request.title, Request.theme, Request.territory).where(
        *_ON_DESK, condition
    )
    for request in model.Session.execute(requests.order_by(Request.submitted).limit(MOST_COMPARED)):
        score = _score_of(request, package.title or "", themes, territories)
        if score >= ENOUGH:
            yield {
                "request_id": request.id,
                "package_id": package.id,
                "kind": "suggested",
                "score": score,
            }


def _suggest(rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), AT_ONCE):
        query = insert(DatasetLink).values(rows[start : start + AT_ONCE])
        update = {"score": query.excluded.score}
        keys = ["request_id", "package_id", "kind"]
        model.Session.execute(query.on_conflict_do_update(index_elements=keys, set_=update))


def subject(package: model.Package, field: str, vocabulary: str) -> set[str]:
    """Return the ids of the concepts in a field of a dataset."""
    terms, written = voc.get(vocabulary), package.extras.get(field) or "[]"
    try:
        values = json.loads(written)
    except ValueError:
        values = [written]
    if not isinstance(values, list):
        values = [values]
    concepts = (terms.get(str(value)) for value in values)
    return {concept.id for concept in concepts if concept}


def _score_of(request: Any, title: str, themes: set[str], territories: set[str]) -> float:
    """Return how well a dataset fits, 0–1: share of common words in the titles; 0 for another place or theme."""
    if request.territory and territories and not _near(request.territory, territories):
        return 0.0
    given_themes = set[str]().union(*(_with_above("themes", theme) for theme in themes))
    if themes and request.theme and not _with_above("themes", request.theme) & given_themes:
        return 0.0
    words_asked, words_offered = _words(request.title), _words(title)
    if not words_asked or not words_offered:
        return 0.0
    return len(words_asked & words_offered) / min(len(words_asked), len(words_offered))


def _near(territory: str, territories: set[str]) -> bool:
    """Return whether a territory lies within one of the others, or contains one."""
    if any(other.startswith("pays-") for other in {territory, *territories}):
        return True
    inside = any(territory in _with_above("territories", other) for other in territories)
    return inside or bool(_with_above("territories", territory) & territories)


def _with_above(vocabulary: str, key: str) -> set[str]:
    terms = voc.get(vocabulary)
    concept = terms.get(key) if key else None
    if concept:
        return {concept.id, *(above.id for above in terms.ancestors(concept.uri))}
    return set()


#: Words without information on the subject.
_EMPTY = set(
    voc.normalise(
        "a au aux carte d dans de des données du en et jeu l la le les par pour région sur un une"
    ).split()
)


def _words(title: str) -> set[str]:
    """Return the words of a title without plural endings."""
    return {
        word.rstrip("sx")
        for word in voc.normalise(title).split()
        if word not in _EMPTY and len(word) > 1
    }


def suggestions(organization_id: str, reader: Reader) -> list[dict[str, Any]]:
    """Return the requests on a service's desk with the datasets that may answer them."""
    best = sa.func.max(DatasetLink.score)
    query = (
        sa.select(Request)
        .join(DatasetLink)
        .where(
            Request.organization_id == organization_id,
            Request.state.in_(states.ON_DESK),
            DatasetLink.kind == "suggested",
        )
        .group_by(Request.id)
        .order_by(best.desc(), Request.due)
        .limit(MOST)
    )
    requests = list(model.Session.scalars(query))
    dicts = dictize.request_list(requests, reader)
    rows = [
        {"request": row, "datasets": dictize.datasets(request, reader, "suggested")}
        for request, row in zip(requests, dicts, strict=True)
    ]
    return [row for row in rows if row["datasets"]]


def _flag(titles: Mapping[str, str]) -> None:
    """Flag the requests answered by datasets (id → title) that are no longer available, without reopening them."""
    tied = sa.select(DatasetLink.request_id, DatasetLink.package_id).where(
        DatasetLink.package_id.in_(titles), DatasetLink.kind == "answer"
    )
    answers: dict[str, list[str]] = {}
    for request_id, package_id in model.Session.execute(tied):
        answers.setdefault(request_id, []).append(package_id)
    if not answers:
        return
    for request in model.Session.scalars(
        sa.select(Request).where(Request.id.in_(answers)).with_for_update()
    ):
        flagged = {flag.get("package") for flag in request.flags}
        new = [
            {"code": "dataset_gone", "package": package_id, "title": titles[package_id]}
            for package_id in answers[request.id]
            if package_id not in flagged
        ]
        if new:
            request.flags = [*request.flags, *new]


def _unflag(package_ids: set[str]) -> None:
    """Remove the flags for datasets that are available again."""
    flagged = sa.select(Request.id, Request.flags).where(
        sa.func.jsonb_array_length(Request.flags) > 0
    )
    back = []
    for id_, flags in model.Session.execute(flagged):
        if any(flag.get("package") in package_ids for flag in flags):
            back.append(id_)
    if not back:
        return
    for request in model.Session.scalars(
        sa.select(Request).where(Request.id.in_(back)).with_for_update()
    ):
        request.flags = [flag for flag in request.flags if flag.get("package") not in package_ids]


POINTS_OF_AN_ANSWER = 10


def points() -> list[tuple[str, float]]:
    """Return (id, points of popularity) of the datasets that answered public requests."""
    answered = (
        sa.select(DatasetLink.package_id, sa.func.count())
        .join(Request, Request.id == DatasetLink.request_id)
        .where(DatasetLink.kind == "answer", Request.listed)
        .group_by(DatasetLink.package_id)
    )
    return [
        (id_, float(POINTS_OF_AN_ANSWER * number))
        for id_, number in model.Session.execute(answered)
    ]
