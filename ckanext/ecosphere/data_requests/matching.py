"""Existing data and requests similar to a new request, and datasets that may answer requests.

Datasets are found by the portal's search, requests by full text. The scheduled run compares the
datasets that were saved since the last one with the open requests; people apply what it suggests.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.lib.search import SearchError, SearchQueryError
from ckan.model.system_info import get_system_info, set_system_info
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import dictize, listing
from ckanext.ecosphere.data_requests.attachments import as_list
from ckanext.ecosphere.data_requests.domain import places, states, text
from ckanext.ecosphere.data_requests.domain.people import Reader, by_ids
from ckanext.ecosphere.data_requests.model import RECEIPT_DAY, DatasetLink, Request, is_any
from ckanext.ecosphere.dataset.places import COUNTRY, MAINLAND

log = logging.getLogger(__name__)

# Similar data and requests.

MOST_SIMILAR = 5

THEME, TERRITORY = "vocab_ecosphere_theme", "vocab_ecosphere_territory"
#: The dataset's own territory, without broader ones.
EXACT_TERRITORY = "vocab_ecosphere_territory_exact"
#: The whole country, and metropolitan France: their datasets are relevant to all territories.
EVERYWHERE = (COUNTRY, MAINLAND)

LONGEST_NOTES = 200
WORDS = 12
SHORTEST_WORD = 3
#: Solr `mm`: words of the title that must match, up to two all, of more half; titles are
#: descriptions, not queries.
FEWEST = "2<50%"
#: Maximum number of requests compared, among those that share a word; the newest first.
CANDIDATES = 500


def must_be_seen(request: Request, reader: Reader) -> None:
    """Require that the requester has seen similar datasets and requests.

    Raises:
        ValidationError: there are similar datasets or open requests, which it has as `similar`.
    """
    alike = similar_datasets(
        request.title, request.theme, places.of_request(request), request.organization_id or ""
    )
    similar = {
        # A request for access to a dataset need not show that dataset.
        "datasets": [dataset for dataset in alike if dataset["id"] != request.package_id],
        "requests": similar_requests(request.title, request.theme, request.territory, reader),
    }
    if any(similar.values()):
        message = _(
            "Look at what is already here; if none of it is what you need, say so and send again."
        )
        errors: Any = {"similar_seen": [message], "similar": similar}
        raise tk.ValidationError(errors)


def similar_datasets(title: str, theme: str, territory: str, organization: str) -> list[DataDict]:
    """Return public datasets with a similar title, best first; none of another place than the
    requested one.

    Args:
        title: title of the request.
        theme: id in the vocabulary, may be empty.
        territory: id in the vocabulary, may be empty.
        organization: id of the requested service, may be empty.
    """
    if not _search_words(title):
        return []
    by_id: dict[str, DataDict] = {}
    for query in dict.fromkeys(_circles(theme, territory, organization)):
        for dataset in _search(title, query):
            by_id.setdefault(dataset["id"], dataset)
        if len(by_id) >= MOST_SIMILAR:
            break
    return [_dataset(dataset) for dataset in list(by_id.values())[:MOST_SIMILAR]]


def _circles(theme: str, territory: str, organization: str) -> Iterator[str]:
    """Yield filters for the search of datasets, each wider than the one before."""
    of_theme = f'+{THEME}:"{theme}"' if theme else ""
    of_service = f'+owner_org:"{organization}"' if organization else ""
    here = f'+{TERRITORY}:"{territory}"' if territory else ""  # includes narrower territories
    yield f"{of_theme} {here}".strip()
    if here:
        yield here
    if not here or territory in EVERYWHERE:
        if of_service:
            yield of_service
        yield of_theme
        yield ""
        return
    above = sorted(_with_above(territory) - {territory})
    either = " OR ".join(f'"{id_}"' for id_ in (*above, *EVERYWHERE))
    wider = f"{EXACT_TERRITORY}:({either})"
    anywhere = f"{TERRITORY}:[* TO *]"
    if of_service:
        yield f"{of_service} +({wider} OR (*:* -{anywhere}))"
    yield f"+{wider}"
    yield f"-{anywhere}"


def _search(title: str, narrow: str) -> list[DataDict]:
    filters = f"+dataset_type:dataset {narrow}".strip()
    query = {"q": _search_words(title), "fq": filters, "mm": FEWEST, "rows": MOST_SIMILAR}
    try:
        return tk.get_action("package_search")({"user": ""}, query)["results"]
    except (SearchError, SearchQueryError, tk.ValidationError):
        log.info("No similar datasets: the search failed", exc_info=True)
        return []


def _search_words(title: str) -> str:
    """Return the longer words of a title, without operators of the search."""
    words = re.findall(r"(?:[^\W_]|-)+", title)
    return " ".join([word for word in words if len(word) >= SHORTEST_WORD][:WORDS])


def _dataset(dataset: DataDict) -> DataDict:
    group = dataset.get("organization") or {}
    notes = " ".join((dataset.get("notes") or "").split())
    if len(notes) > LONGEST_NOTES:
        notes = notes[:LONGEST_NOTES].rsplit(" ", 1)[0] + "…"
    return {
        "id": dataset["id"],
        "name": dataset["name"],
        "title": dataset["title"] or dataset["name"],
        "notes": notes,
        "organization": {key: group.get(key, "") for key in ("id", "name", "title")},
    }


def similar_requests(title: str, theme: str, territory: str, reader: Reader) -> list[DataDict]:
    """Return open public requests with a similar title, best first.

    The same theme or territory raises the score.
    """
    alike = _select_alike(title, {territory}, Request.listed, Request.state.in_(states.ACTIVE))
    if alike is None:
        return []
    around = _with_above(territory)
    for_theme = sa.case((alike.c.theme == theme, 0.2), else_=0.0)
    for_place = sa.case(
        (alike.c.territory == territory, 0.3), (alike.c.territory.in_(around), 0.1), else_=0.0
    )
    score = alike.c.score + for_theme + for_place
    query = sa.select(alike.c.id).order_by(score.desc(), alike.c.id).limit(MOST_SIMILAR)
    with listing.through_indexes(True):
        ids = model.Session.scalars(query).all()
    by_id = by_ids(Request, ids)
    return dictize.request_list([by_id[id_] for id_ in ids], reader)


def _select_alike(title: str, territories: set[str], *where: Any) -> Any:
    """Select requests with enough words of a title: `id`, `theme`, `territory`, `score`; None if it
    has no words.

    Args:
        title: of a request or a dataset.
        territories: ids of those whose names do not count among the words.
        where: SQL conditions for the requests.
    """
    words = _words(title)
    if not words:
        return None
    # French stop words are dropped here; a query of stop words alone matches nothing.
    query = sa.func.to_tsquery("french", " | ".join(words))
    score = sa.func.ts_rank(Request.search, query).label("score")
    enough = _enough_in_common(words, territories).label("enough")
    columns = (Request.id, Request.theme, Request.territory, score, enough)
    shares = sa.select(*columns).where(*where, Request.search.op("@@")(query))
    newest = shares.order_by(RECEIPT_DAY.desc(), Request.id).limit(CANDIDATES).subquery()
    return sa.select(newest).where(newest.c.enough).subquery()


def _enough_in_common(words: Iterable[str], territories: set[str]) -> Any:
    """Return the SQL condition for both of two words, or half of more.

    Names of places are ignored.
    """
    terms = voc.get("territories")
    place_words: set[str] = set()
    for key in territories:
        if key in terms:
            place_words.update(_words(terms[key].label_fr))
    queries = [sa.func.to_tsquery("french", word) for word in words if word not in place_words]
    if not queries:
        return sa.true()
    # Stop words do not count.
    counted = _count_true([sa.func.numnode(query) > 0 for query in queries])
    shared = _count_true([Request.search.op("@@")(query) for query in queries])
    return shared >= sa.case((counted <= 2, counted), else_=(counted + 1) / 2)  # noqa: PLR2004


def _count_true(conditions: list[Any]) -> Any:
    """Return the SQL number of conditions that hold."""
    return sum((sa.case((condition, 1), else_=0) for condition in conditions), sa.literal(0))


def _words(title: str) -> list[str]:
    words = ["".join(filter(str.isalnum, word)) for word in text.fold(title).split()]
    return list(dict.fromkeys(word for word in words if len(word) >= SHORTEST_WORD))[:WORDS]


# Datasets that may answer requests.

MOST = 20
DATASET_GONE = "dataset_gone"
#: Datasets compared in one transaction.
COMPARED_AT_ONCE = 100
#: Key in CKAN's `system_info` of the time of the last comparison.
LAST_COMPARISON = "ecosphere.requests.last_comparison"
#: Datasets saved so long before the last comparison are compared again: a save ends later than it
#: says.
MARGIN = timedelta(minutes=15)
#: SQL conditions for requests that a dataset may answer.
_ON_DESK = (Request.state.in_(states.ON_DESK), Request.kind.in_(states.DEMANDS))


def match_saved() -> int:
    """Compare the datasets saved since the last time with the requests on desks; return how many.
    Idempotent.

    Requests whose answer is no longer available are flagged, without reopening them.
    """
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    stored = get_system_info(LAST_COMPARISON)
    last = datetime.fromisoformat(stored) if stored else now - timedelta(days=1)
    ids: list[str] = []
    if is_any(*_ON_DESK):
        package = model.Package
        public = (package.type == "dataset", package.state == "active", ~package.private)
        query = sa.select(package.id).where(*public, package.metadata_modified >= last - MARGIN)
        ids = list(model.Session.scalars(query))
    for start in range(0, len(ids), COMPARED_AT_ONCE):
        _suggest(ids[start : start + COMPARED_AT_ONCE])
        model.Session.commit()
    _flag_missing_answers()
    model.Session.commit()
    set_system_info(LAST_COMPARISON, now.isoformat())
    return len(ids)


def _links(package: model.Package) -> list[DataDict]:
    """Return the requests that a dataset may answer, as rows of `DatasetLink`:
    of a near place and a related theme.
    """
    territories = concept_ids(package, "territory", "territories")
    near: set[str] = set()
    for territory in territories:
        near.update(listing.with_those_below("territories", territory), _with_above(territory))
    themes: set[str] = set()
    for theme in concept_ids(package, "theme", "themes"):
        themes.update(listing.with_those_below("themes", places.root(theme)))
    where = [*_ON_DESK]
    if near and not any(territory.startswith("pays-") for territory in territories):
        where.append(Request.territory.in_({"", *EVERYWHERE, *near}))
    if themes:
        where.append(Request.theme.in_({"", *themes}))
    alike = _select_alike(package.title or "", territories, *where)
    if alike is None:
        return []
    key = {"package_id": package.id, "kind": "suggested"}
    rows = model.Session.execute(sa.select(alike.c.id, alike.c.score))
    return [{"request_id": row.id, **key, "score": row.score} for row in rows]


def _suggest(package_ids: Sequence[str]) -> None:
    """Store which requests these datasets may answer."""
    keys = ["request_id", "package_id", "kind"]
    for package in by_ids(model.Package, package_ids).values():
        rows = _links(package)
        if rows:
            query = insert(DatasetLink).values(rows)
            update = {"score": query.excluded.score}
            model.Session.execute(query.on_conflict_do_update(index_elements=keys, set_=update))


def concept_ids(package: model.Package, field: str, vocabulary: str) -> set[str]:
    """Return the ids of the concepts in a field of a dataset."""
    written = package.extras.get(field) or "[]"
    try:
        values = json.loads(written)
    except ValueError:
        values = written
    terms = voc.get(vocabulary)
    concepts = [terms.get(str(value)) for value in as_list(values)]
    return {concept.id for concept in concepts if concept}


def _with_above(territory: str) -> set[str]:
    """Return the ids of a territory and of those around it; empty for an unknown one."""
    territories = voc.get("territories")
    concept = territories.get(territory) if territory else None
    if concept:
        return {concept.id, *(above.id for above in territories.ancestors(concept.uri))}
    return set()


def suggestions(organization_id: str, reader: Reader) -> list[DataDict]:
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


def _flag_missing_answers() -> None:
    """Flag the requests answered by datasets that are no longer available,
    and remove the flags of those that are.
    """
    package = model.Package
    query = (
        sa.select(DatasetLink.request_id, DatasetLink.package_id, package.title)
        .outerjoin(package, package.id == DatasetLink.package_id)
        .where(DatasetLink.kind == "answer", package.state.is_distinct_from("active"))
    )
    missing: dict[str, list[DataDict]] = defaultdict(list)
    for request_id, package_id, title in model.Session.execute(query):
        flag = {"code": DATASET_GONE, "package": package_id, "title": title or ""}
        missing[request_id].append(flag)
    flagged = Request.flags.contains([{"code": DATASET_GONE}])
    requests = sa.select(Request).where(sa.or_(Request.id.in_(missing), flagged)).with_for_update()
    for request in model.Session.scalars(requests):
        # The title of a purged dataset is in the former flag only.
        former = {flag.get("package"): flag for flag in request.flags}
        flags = [flag for flag in request.flags if flag["code"] != DATASET_GONE]
        flags += [former.get(flag["package"], flag) for flag in missing[request.id]]
        if request.flags != flags:
            request.flags = flags


#: Points of popularity of a dataset for each request that it answered.
POINTS_OF_AN_ANSWER = 10


def points() -> list[tuple[str, float]]:
    """Return (id, points of popularity) of the datasets that answered public requests."""
    answered = (
        sa.select(DatasetLink.package_id, sa.func.count())
        .join(Request, Request.id == DatasetLink.request_id)
        .where(DatasetLink.kind == "answer", Request.listed)
        .group_by(DatasetLink.package_id)
    )
    numbers = model.Session.execute(answered)
    return [(id_, float(POINTS_OF_AN_ANSWER * number)) for id_, number in numbers]
