"""The quality of datasets: scored in the transaction of the save, and read as of today.

`package_create` and `package_update` call the hooks before they index and before they commit, with
the validated dict: fields of the schema are extras. Resources are missing if an update does not
change them; they are then taken from the session, where CKAN needs them anyway to index the
dataset. Nothing here commits: the caller's transaction decides, so that a dataset and its score are
saved or rolled back together.

A member inherits values from its series, a series counts its members: rows store the identifiers of
a series (`known_as`) and the series of a member (`series`), so that both directions are index
look-ups. Only public series lend values: otherwise the score of a public member would reveal the
contents of a draft. When a series or a member is saved, its relatives are rescored in the
background, and again every night.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cache
from typing import Any, cast

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.lib.redis import connect_to_redis
from ckan.types import Context, DataDict
from redis.exceptions import RedisError
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm.util import identity_key

from ckanext.ecosphere.dataset.view import Row, parse_json
from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core import inspire
from ckanext.ecosphere.quality.core.distributions import Record
from ckanext.ecosphere.quality.core.facts import Checks, Facts, Kind, gather, kind_of, references
from ckanext.ecosphere.quality.core.score import Evaluation, changes_after, evaluate
from ckanext.ecosphere.quality.model import LinkUse, QualityHistory, QualityRow
from ckanext.ecosphere.shared import once
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger(__name__)

#: Columns of a dataset that are scored; all other fields of the schema are extras.
COLUMNS = (
    "name",
    "title",
    "notes",
    "url",
    "license_id",
    "owner_org",
    "maintainer",
    "maintainer_email",
    "author",
    "author_email",
)
#: Columns of a resource that are scored; its other fields are extras.
RESOURCE_COLUMNS = ("id", "url", "url_type", "name", "description", "format", "mimetype", "size")
CHUNK = 500


def after_save(context: Context, data: Row, *, new: bool) -> None:
    """Score the dataset that was just saved."""
    package = context.get("package") or model.Package.get(data["id"])
    if package is None or not is_scored(package.type):
        return
    data = {"owner_org": package.owner_org, **data, "id": package.id, "name": package.name}
    if "resources" not in data:
        data["resources"] = [stored_resource(resource) for resource in package.resources]
    save(package.id, data, new=new)


#: Field of the index and key of the datasets found, for the level and for the score. Plain string
#: fields, not `vocab_…`, which CKAN copies into the full text: "bronze" is also a term of
#: archaeology.
LEVEL_FIELD = "ecosphere_quality_level"
SCORE_FIELD = "ecosphere_quality_score"
_JUST_SCORED = "ecosphere_quality_fresh"
"""Key, in the session, of the badge written last, for indexing in the same transaction."""


@dataclass(frozen=True)
class Badge:
    """Score out of 100, and code of the level."""

    score: int
    level: str


@dataclass(frozen=True)
class Quality:
    """Quality of a dataset as of today; `computed_at` is None if it is not stored."""

    facts: Facts
    evaluation: Evaluation
    computed_at: datetime | None

    @property
    def badge(self) -> Badge:
        """Return score and level."""
        return Badge(self.evaluation.score, self.evaluation.level)


def today() -> date:
    """Return the date of evaluation (UTC)."""
    return datetime.now(timezone.utc).date()


def is_scored(package_type: str | None) -> bool:
    """Return whether packages of this type are scored."""
    return (package_type or "dataset") in config.dataset_types()


def row_of(package_id: str) -> QualityRow | None:
    """Return the stored row; without a query if the session holds it."""
    return model.Session.get(QualityRow, package_id)


def checks_of(row: QualityRow | None) -> Checks:
    """Return the results of background jobs stored in `row`."""
    if row is None or not row.checks:
        return Checks()
    return Checks(row.checks.get("links", {}))


# --- writing ---


def save(package_id: str, data: Row, *, new: bool = False) -> None:
    """Score the dataset `data` and store the result, with one statement (and one query before it
    unless `new`).

    Args:
        package_id: id of the dataset.
        data: the dataset in any shape (see `dataset.view`), with its resources.
        new: whether the dataset was just created, so that there is no row.
    """
    row = None
    if not new:
        row = model.Session.execute(_BEFORE, {"id": package_id}).first()
    checks, lenders, names = row or ({}, [], [])
    facts = facts_of(data, Checks((checks or {}).get("links", {})))
    mark_relatives({*lenders, *facts.series}, {*names, *facts.known_as})
    write(package_id, facts)


def columns_of(facts: Facts) -> tuple[Evaluation, DataDict]:
    """Return the evaluation of `facts` as of today, and the columns of their row."""
    day, weights = today(), config.model()
    evaluation = evaluate(facts, weights, day)
    return evaluation, {
        "score": evaluation.score,
        "level": evaluation.level,
        "won": evaluation.won,
        "out_of": evaluation.out_of,
        "facts": facts.as_dict(),
        "results": evaluation.states,
        "model_version": weights.version,
        "computed_at": datetime.now(timezone.utc),
        "due": changes_after(facts, day),
        "mqa": inspire.assess(facts).points(),
        "inspire": inspire.check(facts).share,
        "themes": list(facts.theme_ids),
        "territories": list(facts.territory_ids),
        "series": list(facts.series),
        "known_as": list(facts.known_as),
    }


def write(package_id: str, facts: Facts) -> None:
    """Score `facts` and store the result, with a history entry if score or level changed."""
    evaluation, columns = columns_of(facts)
    texts = {name: json.dumps(columns[name]) for name in ("facts", "results")}
    model.Session.execute(_WRITE, {**columns, **texts, "id": package_id, "day": evaluation.today})
    session = model.Session()
    row = session.identity_map.get(identity_key(QualityRow, package_id))
    if row is not None:
        session.expire(row)  # the statement bypassed the ORM
    badge = Badge(evaluation.score, evaluation.level)
    session.info[_JUST_SCORED] = (_transaction(), package_id, badge)


_BEFORE = sa.text("SELECT checks, series, known_as FROM ecosphere_quality WHERE package_id = :id")

_BADGE = sa.text(
    "SELECT score, level, model_version, due FROM ecosphere_quality WHERE package_id = :id"
)

#: Row and history in one statement; the first part reads the score as it was before the statement.
_WRITE = sa.text(
    """
    WITH before AS (
        SELECT score, level FROM ecosphere_quality WHERE package_id = :id
    ), row AS (
        INSERT INTO ecosphere_quality
            (package_id, score, level, won, out_of, facts, results, model_version, computed_at,
             due, mqa, inspire, themes, territories, series, known_as)
        VALUES
            (:id, :score, :level, :won, :out_of, CAST(:facts AS jsonb), CAST(:results AS jsonb),
             :model_version, :computed_at, :due, :mqa, :inspire, CAST(:themes AS text[]),
             CAST(:territories AS text[]), CAST(:series AS text[]), CAST(:known_as AS text[]))
        ON CONFLICT (package_id) DO UPDATE SET
            score = excluded.score, level = excluded.level, won = excluded.won,
            out_of = excluded.out_of, facts = excluded.facts, results = excluded.results,
            model_version = excluded.model_version, computed_at = excluded.computed_at,
            due = excluded.due, mqa = excluded.mqa, inspire = excluded.inspire,
            themes = excluded.themes, territories = excluded.territories,
            series = excluded.series, known_as = excluded.known_as
    )
    INSERT INTO ecosphere_quality_history (package_id, day, score, level, model_version)
    SELECT :id, :day, :score, :level, :model_version
    WHERE NOT EXISTS (SELECT FROM before WHERE score = :score AND level = :level)
    ON CONFLICT (package_id, day) DO UPDATE SET
        score = excluded.score, level = excluded.level, model_version = excluded.model_version
    """
)


def forget(package_id: str) -> None:
    """Delete all data about a dataset's quality.

    Unused links are removed by the next link check.
    """
    note_relatives(package_id)
    for table in (QualityRow, QualityHistory, LinkUse):
        model.Session.execute(sa.delete(table).where(table.package_id == package_id))


def note_relatives(package_id: str) -> None:
    """Mark the series and members of a dataset that is added or removed for rescoring."""
    row = model.Session.execute(_BEFORE, {"id": package_id}).first()
    if row:
        mark_relatives(row.series, row.known_as)


# --- reading ---


def is_current(row: Any) -> bool:
    """Return whether the stored score is still valid: same weights, and no due date has passed."""
    return row.model_version == config.model().version and (row.due is None or row.due >= today())


def quality_of(row: QualityRow) -> Quality:
    """Return the quality stored in `row`, evaluated as of today."""
    facts = Facts.from_dict(row.facts)
    return Quality(facts, evaluate(facts, config.model(), today()), row.computed_at)


def quality_of_dict(data: Row, checks: Checks | None = None) -> Quality:
    """Return the quality of a dataset without a row, without storing it."""
    facts = facts_of(data, checks)
    return Quality(facts, evaluate(facts, config.model(), today()), None)


def badge_of(row: QualityRow) -> Badge:
    """Return the badge stored in `row`, evaluated as of today."""
    if not is_current(row):
        return quality_of(row).badge
    return Badge(row.score, row.level)


def badges(datasets: Collection[Row]) -> dict[str, Badge]:
    """Return the badges of `datasets` by id, with one query; those without a row are scored
    immediately.

    Whole rows are read only for datasets whose stored score is no longer valid.
    """
    scored = {d["id"]: d for d in datasets if d.get("id") and is_scored(d.get("type"))}
    if not scored:
        return {}
    names = ("package_id", "score", "level", "model_version", "due")
    columns = [getattr(QualityRow, name) for name in names]
    rows = model.Session.execute(sa.select(*columns).where(QualityRow.package_id.in_(scored))).all()
    by_id = {row.package_id: Badge(row.score, row.level) for row in rows if is_current(row)}
    late = [row.package_id for row in rows if row.package_id not in by_id]
    if late:
        whole = model.Session.scalars(sa.select(QualityRow).where(QualityRow.package_id.in_(late)))
        by_id |= {row.package_id: badge_of(row) for row in whole}
    for package_id, data in scored.items():
        if package_id not in by_id:
            by_id[package_id] = quality_of_dict(data).badge
    return by_id


# --- index ---


def complete_document(document: DataDict, dataset: Callable[[], Row]) -> DataDict:
    """Add level and score to an index document.

    Args:
        document: index document, changed in place.
        dataset: returns the dataset dict; only called if no row is stored.
    """
    if not is_scored(document.get("dataset_type")):
        return document
    badge = _badge_to_index(document["id"]) or quality_of_dict(dataset()).badge
    document[LEVEL_FIELD] = badge.level
    # Zero-padded, so that it sorts correctly as text and as a number.
    document[SCORE_FIELD] = f"{badge.score:03d}"
    return document


def _badge_to_index(package_id: str) -> Badge | None:
    """Return the badge of a dataset, None without a row.

    Without a query if the current transaction just scored it.
    """
    transaction, scored_id, badge = model.Session().info.get(_JUST_SCORED, (None, None, None))
    if scored_id == package_id and transaction is not None and transaction is _transaction():
        return badge
    row: Any = model.Session.execute(_BADGE, {"id": package_id}).first()
    if row is not None and not is_current(row):
        row = row_of(package_id)  # evaluating again requires the whole row
    if row is None:
        return None
    return badge_of(row)


def forget_just_scored() -> None:
    """Forget the badge written last, after rows were written in another way."""
    model.Session().info.pop(_JUST_SCORED, None)


def _transaction() -> Any:
    session = model.Session()
    return session.get_nested_transaction() or session.get_transaction()


# --- series and members --------------------------------------------------------------------------

MARKS_AT_ONCE = 500
SERIES_COLUMNS = ("id", "name", "title", "license_id", "url")
RELATIVES_JOB = "ckanext.ecosphere.quality.jobs.rescore_relatives"
_MARKED = __name__
"""Key, in the session, of the relatives to score after the commit."""


def facts_of(data: Row, checks: Checks | None = None) -> Facts:
    """Return the facts of a dataset as `facts.gather` does, taking its series and members in this
    portal into account.

    It needs two queries for a series or a member of one, none for other datasets.
    """
    record = Record(data)
    if record.series:
        series = _lenders(record.series, record.text("id"))
        data = {**record.values, **_inherited(record, series)}
    members = 0
    if kind_of(record) is Kind.SERIES:
        members = _members(references(record))
    return gather(data, checks, members)


def _lenders(names: Collection[str], own_id: str) -> list[DataDict]:
    """Return the public series with these identifiers, in the order of `names`."""
    order = list(names)
    known_as = dict(model.Session.execute(_known_as_query(), {"names": order}).tuples().all())
    known_as.pop(own_id, None)
    if not known_as:
        return []

    def place(row: Any) -> int:
        return min(order.index(name) for name in known_as[row["id"]] if name in order)

    rows = model.Session.execute(_series_query(), {"ids": list(known_as)}).mappings()
    public = [row for row in rows if row["state"] == model.State.ACTIVE and not row["private"]]
    lenders = []
    for row in sorted(public, key=place):
        columns = {name: row[name] for name in SERIES_COLUMNS}
        lenders.append(_decoded({**(row["extras"] or {}), **columns}))
    return lenders


# Both are built once, since a harvest runs them for each member of a series. They are not joined:
# without statistics, as during a first harvest, PostgreSQL would read all active datasets for each
# member.


@cache
def _known_as_query() -> Any:
    names = sa.bindparam("names", type_=ARRAY(sa.Text))
    overlap = QualityRow.known_as.overlap(names)  # type: ignore[attr-defined]
    return sa.select(QualityRow.package_id, QualityRow.known_as).where(overlap)


@cache
def _series_query() -> Any:
    columns = (
        getattr(model.Package, name) for name in (*SERIES_COLUMNS, "extras", "state", "private")
    )
    return sa.select(*columns).where(model.Package.id.in_(sa.bindparam("ids", expanding=True)))


def _inherited(record: Record, series: list[DataDict]) -> DataDict:
    """Return the values inherited by a member, as shown on its page.

    Empty without the schemas room.
    """
    if not series or not p.plugin_loaded("ecosphere_schemas"):
        return {}
    values = tk.h.ecosphere_taken_from_series(_decoded(record.values), series)
    return {name: value for name, value in values.items() if not record.rows(name)}


def _decoded(values: Row) -> DataDict:
    decoded = dict(values)
    for name, value in values.items():
        parsed = parse_json(value)
        if parsed is not None:
            decoded[name] = parsed
    return decoded


def _members(names: Collection[str]) -> int:
    overlap = QualityRow.series.overlap(_texts(names))  # type: ignore[attr-defined]
    members = model.Session.scalars(sa.select(QualityRow.package_id).where(overlap)).all()
    is_public = sa.and_(model.Package.state == model.State.ACTIVE, model.Package.private.is_(False))
    # Not a condition, by the index of which PostgreSQL would read all active datasets.
    count = sa.select(sa.func.count().filter(is_public))
    query = count.where(model.Package.id == sa.any_(_texts(members)))
    return model.Session.scalar(query) or 0


def related_ids() -> list[str]:
    """Return the ids of all series and members."""
    any_name = sa.func.cardinality(QualityRow.series) + sa.func.cardinality(QualityRow.known_as) > 0
    query = sa.select(QualityRow.package_id).where(any_name).order_by(QualityRow.package_id)
    return list(model.Session.scalars(query))


def mark_relatives(series: Iterable[str], known_as: Iterable[str]) -> None:
    """Mark the relatives of a dataset for rescoring after the current transaction commits.

    Args:
        series: current and former series of the dataset.
        known_as: current and former identifiers of the dataset, if it is a series.
    """
    marks = {f"series:{name}" for name in series} | {f"member:{name}" for name in known_as}
    if marks:
        session: Any = model.Session()
        session.info.setdefault(_MARKED, set()).update(marks)


def listen() -> None:
    """Register the listeners of commits and rollbacks, once per process."""
    once.listen(model.Session, after_commit=_committed, after_rollback=_rolled_back)


def _committed(session: Any) -> None:
    marks = session.info.pop(_MARKED, None)
    if not marks:
        return
    try:
        connect_to_redis().sadd(_key(), *marks)
        enqueue_relatives()
    except RedisError:
        log.warning("Quality: relatives of a series are scored tonight only, Redis does not answer")


def _rolled_back(session: Any) -> None:
    session.info.pop(_MARKED, None)


def enqueue_relatives() -> None:
    """Queue the rescoring of the marked relatives."""
    work: Any = RELATIVES_JOB
    enqueue_once(
        work,
        job_id="ecosphere-quality-relatives",
        title="Quality: series and members",
        queue=config.QUEUE,
    )


def take_relatives() -> list[str]:
    """Return the ids of the marked relatives, and clear the marks."""
    redis, ids = connect_to_redis(), set()
    while True:
        marks = redis.spop(_key(), MARKS_AT_ONCE)
        if not marks:
            return sorted(ids)
        names: dict[str, list[str]] = {"series": [], "member": []}
        for mark in marks:
            text = mark.decode() if isinstance(mark, bytes) else str(mark)
            kind, _colon, name = text.partition(":")
            names[kind].append(name)
        row: Any = QualityRow
        is_series = row.known_as.overlap(_texts(names["series"]))
        is_member = row.series.overlap(_texts(names["member"]))
        ids.update(
            model.Session.scalars(sa.select(QualityRow.package_id).where(is_series | is_member))
        )


def _key() -> str:
    return f"ecosphere:quality:relatives:{tk.config['ckan.site_id']}"


def _texts(names: Collection[str]) -> Any:
    return sa.cast(list(names), ARRAY(sa.Text))


# --- datasets as dicts that can be scored, from a form and from the database ---------------------


def validated(context: Context, package: model.Package | None, data: Row) -> DataDict:
    """Return the fields `data` as a save would keep them, without saving: a French date becomes an
    ISO date.

    A value with an error stays as it was given. Resources stay too: they are not in the form, and
    there may be many.

    Args:
        context: of the action.
        package: the dataset to change, None for a new one.
        data: fields of the dataset, as for `package_update` or as posted by the form.
    """
    kind = str(data.get("type") or "dataset")
    action = "package_create"
    fields = {name: value for name, value in data.items() if name != "resources"}
    if package:
        kind = package.type
        action = "package_update"
        fields |= {"id": package.id, "name": package.name}
    plugin = lib_plugins.lookup_package_plugin(kind)
    schema = plugin.update_package_schema() if package else plugin.create_package_schema()
    about = cast(Context, {**context, "session": model.Session, "package": package})
    checked, errors = lib_plugins.plugin_validate(
        plugin, about, {**fields, "type": kind}, schema, action
    )
    unchecked = {name: data[name] for name in (*errors, "resources") if name in data}
    return {**checked, **unchecked}


def stored_resource(resource: model.Resource) -> DataDict:
    """Return a stored resource as a dict, with its extras at the top level."""
    columns = {
        name: getattr(resource, name) for name in ("id", "state", *model.Resource.get_columns())
    }
    return {**(resource.extras or {}), **columns}


def stored_dataset(package: model.Package) -> DataDict:
    """Return a dataset as a dict that can be scored, with what this transaction has changed."""
    model.Session.flush()
    return load([package.id])[package.id]


def each_chunk(size: int = CHUNK) -> Iterator[list[str]]:
    """Yield chunks of ids of all datasets of scored types; each chunk is queried when the previous
    one is done.

    Deleted datasets are included, since they may be restored.
    """
    package = model.Package
    scored = sa.select(package.id).where(package.type.in_(config.dataset_types()))
    first = scored.order_by(package.id).limit(size)
    ids = list(model.Session.scalars(first))
    while ids:
        yield ids
        ids = list(model.Session.scalars(first.where(package.id > ids[-1])))


def load(ids: Sequence[str]) -> dict[str, DataDict]:
    """Return the datasets `ids` as dicts, with three queries."""
    package, tag, link, resource = (
        model.package_table,
        model.tag_table,
        model.package_tag_table,
        model.resource_table,
    )
    columns = [package.c.id, package.c.extras, *(package.c[name] for name in COLUMNS)]
    by_id: dict[str, DataDict] = {}
    for row in model.Session.execute(sa.select(*columns).where(package.c.id.in_(ids))).mappings():
        by_id[row["id"]] = {**row, "tags": [], "resources": []}
    tags = (
        sa.select(link.c.package_id, tag.c.name)
        .join(tag, tag.c.id == link.c.tag_id)
        .where(
            link.c.package_id.in_(ids),
            link.c.state == model.State.ACTIVE,
            tag.c.vocabulary_id.is_(None),
        )
    )
    for package_id, name in model.Session.execute(tags):
        by_id[package_id]["tags"].append({"name": name})
    columns = [
        resource.c.package_id,
        resource.c.extras,
        *(resource.c[name] for name in RESOURCE_COLUMNS),
    ]
    resources = (
        sa.select(*columns)
        .where(resource.c.package_id.in_(ids), resource.c.state == model.State.ACTIVE)
        .order_by(resource.c.package_id, resource.c.position)
    )
    for row in model.Session.execute(resources).mappings():
        values = {**(row["extras"] or {}), **row, "extras": None}
        by_id[row["package_id"]]["resources"].append(values)
    return by_id
