"""Figures of a service's dashboard and of the comparison of services, as plain data; CSV and order
of their tables.

The figures of the whole portal take time in proportion to the catalogue and are cached in Redis
(`show`). Pages never wait for them: outdated figures, and missing ones of a large catalogue, are
computed in the background. The cache is dropped at once when a dataset becomes private; one that
was already private when they were computed is not included, and can be saved without dropping it.
"""

from __future__ import annotations

import json
import operator
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from redis.exceptions import RedisError

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality import config, figures, helpers, store
from ckanext.ecosphere.quality.core.criteria import BY_ID
from ckanext.ecosphere.quality.figures import Group, Scope
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.csv_table import write
from ckanext.ecosphere.shared.queue import enqueue_once, have_come, wait_for_many

TREND_DAYS = 730
PLACES = ("region", "departement")
#: Maximum number of datasets listed for a criterion, all of which can be passed to a bulk edit.
MOST_FAILING = 200


def dashboard(organization: model.Group, limit: int) -> DataDict:
    """Return the figures of a service, including private datasets: only for those who may see them.

    Args:
        organization: the service.
        limit: number of lowest-scored datasets to list.
    """
    scope = Scope(organization=organization.id, private=True)
    summary, wins = figures.of(scope)
    return {
        "organization": {
            "id": organization.id,
            "name": organization.name,
            "title": organization.title,
        },
        "summary": summary,
        "target": config.target() or None,
        "trend": _trend(scope),
        "wins": wins,
        "worst": [_dataset_dict(package, row) for package, row in figures.worst(scope, limit)],
    }


def failing(organization: model.Group, criterion: str) -> DataDict:
    """Return the datasets of a service that fail a criterion: their number,
    and the first of them.
    """
    scope = Scope(organization=organization.id, private=True)
    _summary, wins = figures.of(scope)
    pairs = figures.failing(scope, criterion, MOST_FAILING)
    return {
        "criterion": criterion,
        "label": _(BY_ID[criterion].label),
        "advice": _(BY_ID[criterion].advice),
        "count": sum(win["datasets"] for win in wins if win["criterion"] == criterion),
        "datasets": [_dataset_dict(package, row) for package, row in pairs],
    }


def _dataset_dict(package: model.Package, row: QualityRow) -> DataDict:
    return {
        "id": package.id,
        "name": package.name,
        "title": package.title or package.name,
        "type": package.type,
        "private": package.private,
        "score": row.score,
        "level": row.level,
        "level_label": helpers.level_label(row.level),
        "failed": list(row.results.values()).count("fail"),
    }


def compute() -> DataDict:
    """Return the figures of the public datasets: total, by service, theme and territory,
    and over time.
    """
    scope, least = Scope(), config.minimum_size()
    summary, wins = figures.of(scope)
    groups = {
        "services": _services(figures.by_organization(scope)),
        "themes": _concepts(figures.by_place_or_theme(scope, "themes"), "themes"),
        "territories": _places(figures.by_place_or_theme(scope, "territories")),
    }
    parts: DataDict = {}
    for name, rows in groups.items():
        parts[name] = [row for row in rows if row["datasets"] >= least]
        parts[f"small_{name}"] = [row for row in rows if row["datasets"] < least]
    return {
        "summary": summary,
        "minimum_size": least,
        "target": _target(parts["services"]),
        "first_win": next(iter(wins), None),
        "mean_over_services": figures.mean_over(parts["services"]),
        **parts,
        "trend": _trend(scope),
    }


def _target(compared: list[DataDict]) -> DataDict | None:
    """Return how many of the compared services reach the target; None without one."""
    target = config.target()
    if not (target and compared):
        return None
    reached = sum((service["mean"] or 0) >= target for service in compared)
    return {"score": target, "reached": reached}


def _trend(scope: Scope) -> list[DataDict]:
    """Return mean and number of datasets on each day of change in the last two years."""
    return figures.trend(scope, store.today() - timedelta(days=TREND_DAYS))


def _services(groups: list[Group]) -> list[DataDict]:
    """Return the figures of services by name; those that do not exist any more are left out."""
    query = sa.select(model.Group.id, model.Group.name, model.Group.title).where(
        model.Group.id.in_([key for key, _figures in groups]),
        model.Group.state == model.State.ACTIVE,
    )
    services = {row.id: row for row in model.Session.execute(query)}
    figures_of_services = []
    for key, of_service in groups:
        service = services.get(key)
        if service:
            title = service.title or service.name
            figures_of_services.append({"name": service.name, "title": title, **of_service})
    return figures_of_services


def _concepts(groups: list[Group], vocabulary: str) -> list[DataDict]:
    """Return the figures of groups by concepts of a vocabulary; unknown concepts are left out."""
    concepts = vocabularies.get(vocabulary)
    spoken = language.current()
    rows = []
    for key, of_concept in groups:
        concept = concepts.get(key)
        if concept:
            rows.append({"id": concept.id, "label": concept.label(spoken), **of_concept})
    return rows


def _places(groups: list[Group]) -> list[DataDict]:
    """Return the figures of régions and départements, with their kind."""
    territories = vocabularies.get("territories")
    rows = []
    for row in _concepts(groups, "territories"):
        kind = territories[row["id"]].data.get("type")
        if kind in PLACES:
            rows.append({**row, "kind": kind})
    return rows


# --- cache of the portal's figures ---

KEPT_SECONDS = 24 * 3600
"""Expiry of cached figures, unless a worker refreshes them."""
_MINUTE = 60
_PRIVATE = "private"
"""Key suffix: ids of the datasets that were private at the last computation."""
_ASKED = "asked"
"""Key suffix: time at which a worker was first asked for missing figures."""


def show() -> DataDict:
    """Return the figures (see `compute`) in the reader's language.

    If a worker is running, they are at most `config.overview_minutes` old.

    Raises:
        StillCounted: there are none yet, and there are many datasets.
    """
    minutes = config.overview_minutes()
    if not minutes:
        return compute()
    spoken = language.current()
    cached = _cached(spoken)
    if cached is None:
        wait_for_many(_key(_ASKED), sa.select(QualityRow.package_id), lambda: _enqueue(spoken))
        return count(spoken)
    if time.time() - cached["counted"] > minutes * _MINUTE:
        _enqueue(spoken)
    return cached["overview"]


def _enqueue(spoken: str) -> bool:
    return enqueue_once(
        recount,
        [spoken],
        job_id=f"ecosphere-quality-overview-{spoken}",
        title="Quality: figures of the portal",
        queue=config.QUEUE,
    )


def count(spoken: str) -> DataDict:
    """Compute the figures and cache them for readers of a language."""
    # Do not cache the result if a dataset becomes private during the computation.
    before = _generation()
    private = model.Session.scalars(
        sa.select(model.Package.id).where(model.Package.private.is_(True))
    ).all()
    result = compute()
    if before is not None and before == _generation():
        pipeline = connect_to_redis().pipeline()
        pipeline.set(
            _key(spoken), json.dumps({"counted": time.time(), "overview": result}), ex=KEPT_SECONDS
        )
        pipeline.delete(_key(_PRIVATE))
        if private:
            pipeline.sadd(_key(_PRIVATE), *private)
            pipeline.expire(_key(_PRIVATE), KEPT_SECONDS)
        pipeline.execute()
        have_come(_key(_ASKED))
    return result


def recount(spoken: str) -> None:
    """Compute the figures in the background."""
    with language.speaking(spoken):
        count(spoken)


def forget(private: str = "") -> None:
    """Drop the cached figures, since something in them is no longer public.

    Args:
        private: id of the dataset that is now private; the figures are kept if it already was when
            they were computed.
    """
    try:
        redis = connect_to_redis()
        if not (private and redis.sismember(_key(_PRIVATE), private)):
            redis.incr(_key_of_site("generation"))
    except RedisError:
        return  # nothing is cached either


def _cached(spoken: str) -> DataDict | None:
    try:
        text: Any = connect_to_redis().get(_key(spoken))
    except RedisError:
        return None
    if not text:
        return None
    return json.loads(text)


def _generation() -> int | None:
    """Return the number of times that the figures were dropped, None without Redis."""
    try:
        number: Any = connect_to_redis().get(_key_of_site("generation"))
    except RedisError:
        return None
    return int(number or 0)


def _key(name: str) -> str:
    return _key_of_site(f"{_generation()}:{name}")


def _key_of_site(name: str) -> str:
    return f"ecosphere:quality:overview:{tk.config['ckan.site_id']}:{name}"


# --- figures as CSV ---

MEASURES = ("datasets", *figures.MEANS)


def services(overview: Row) -> str:
    """Return all services of the overview as CSV, including those too small to compare,
    which are marked.
    """
    return _groups(overview, "services", {"service": "name", "title": "title"})


def themes(overview: Row) -> str:
    """Return all themes of the overview as CSV, including those too small to compare,
    which are marked.
    """
    return _groups(overview, "themes", {"theme": "id", "title": "label"})


def territories(overview: Row) -> str:
    """Return all territories of the overview as CSV, including those too small to compare,
    which are marked.
    """
    kinds = {"region": _("Région"), "departement": _("Département")}
    names = {"territory": "id", "title": "label", "kind": "kind"}
    return _groups(overview, "territories", names, kinds)


def evolution(overview: Row) -> str:
    """Return the mean score over time of the overview as CSV, one row per day of change."""
    columns = ("day", "datasets", "mean")
    return write(columns, map(operator.itemgetter(*columns), overview["trend"]))


#: Name of a table → function that returns it as CSV.
CSV_TABLES: dict[str, Callable[[Row], str]] = {
    "services": services,
    "themes": themes,
    "territories": territories,
    "evolution": evolution,
}


def _groups(
    overview: Row,
    name: str,
    names: Mapping[str, str],
    kinds: Mapping[str, str] | None = None,
) -> str:
    """Return groups as CSV.

    Args:
        overview: the figures.
        name: name of the groups in them.
        names: columns → keys of what names a group.
        kinds: labels of the kinds of groups, for a last column.
    """
    columns = [*names, *MEASURES, *config.model().level_codes, "compared", "compared_label"]
    if kinds:
        columns.append("kind_label")
    rows = []
    for part, compared in ((name, "yes"), (f"small_{name}", "no")):
        for group in overview[part]:
            row = [group[key] for key in (*names.values(), *MEASURES)]
            row += [level["datasets"] for level in group["levels"]]
            row += [compared, _yes_or_no(compared == "yes")]
            if kinds:
                row.append(kinds.get(group["kind"], ""))
            rows.append(row)
    return write(columns, rows)


def datasets(rows: Iterable[Row]) -> str:
    """Return the datasets of a service as CSV, one row each.

    Each criterion has two columns: its result in words, and as a code.
    """
    criteria = [criterion.id for criterion in config.model().criteria]
    states = helpers.ecosphere_quality_state_labels()
    columns = [
        "dataset",
        "title",
        "private",
        "private_label",
        "score",
        "level",
        "level_label",
        "mqa",
        "inspire",
    ]
    columns += [f"{criterion}_label" for criterion in criteria] + criteria
    lines = []
    for row in rows:
        results = [row["results"].get(criterion, "") for criterion in criteria]
        private = "yes" if row["private"] else "no"
        lines.append(
            [
                row["name"],
                row["title"],
                private,
                _yes_or_no(row["private"]),
                row["score"],
                row["level"],
                helpers.level_label(row["level"]),
                row["mqa"],
                row["inspire"],
                *(states.get(result, "") for result in results),
                *results,
            ]
        )
    return write(columns, lines)


def _yes_or_no(value: bool) -> str:
    if value:
        return _("Yes")
    return _("No")


# --- order of the tables of the page ---

TABLES = (
    "services",
    "small_services",
    "themes",
    "small_themes",
    "territories",
    "small_territories",
)
NAME = "name"
#: Columns of a table, besides the number of datasets at each level.
COLUMNS = (NAME, *MEASURES)


@dataclass(frozen=True)
class Order:
    """Requested order of a table.

    Attributes:
        table: one of `TABLES`, empty for the default order of all tables.
        column: one of `COLUMNS`, or the code of a level.
        down: whether the order is descending.
    """

    table: str = ""
    column: str = ""
    down: bool = False


def order_of(parameters: Mapping[str, str], levels: tuple[str, ...]) -> Order:
    """Parse the requested order; the default order if table or column is unknown.

    Args:
        parameters: `table` and `sort`, a column, preceded by "-" for descending order.
        levels: codes of the levels, which are columns, too.
    """
    table, sort = parameters.get("table", ""), parameters.get("sort", "")
    column = sort.removeprefix("-")
    if table not in TABLES or column not in COLUMNS + levels:
        return Order()
    return Order(table, column, sort.startswith("-"))


def in_order(overview: Row, order: Order) -> dict[str, list[DataDict]]:
    """Return the rows of each table in the requested order.

    Rows without a value always come last.
    """
    tables = {name: list(overview[name]) for name in TABLES}
    if order.table:
        rows = sorted(tables[order.table], key=_name)
        full = [row for row in rows if _figure(row, order.column) is not None]
        full.sort(key=lambda row: _figure(row, order.column), reverse=order.down)
        empty = [row for row in rows if _figure(row, order.column) is None]
        tables[order.table] = full + empty
    return tables


def _name(row: Row) -> str:
    return str(row.get("title") or row.get("label") or "").casefold()


def _figure(row: Row, column: str) -> Any:
    """Return the value of a row in a column; for a level, its number of datasets."""
    if column == NAME:
        return _name(row)
    if column in COLUMNS:
        return row[column]
    return next((level["datasets"] for level in row["levels"] if level["level"] == column), None)
