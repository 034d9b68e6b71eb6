"""Existing data and requests similar to a new request: datasets by the portal's search, requests by full text."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import SearchError, SearchQueryError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import routing, states, text
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import RECEIPT_DAY, Request
from ckanext.ecosphere.data_requests.search import listing

log = logging.getLogger(__name__)

MOST = 5

THEME, TERRITORY = "vocab_ecosphere_theme", "vocab_ecosphere_territory"
#: The dataset's own territory, without broader ones.
EXACT_TERRITORY = "vocab_ecosphere_territory_exact"
#: The whole country, and metropolitan France: their datasets are relevant to all territories.
COUNTRY = (routing.WHOLE_COUNTRY, "pays-fxx")

_ = tk._
LONGEST_NOTES = 200
WORDS = 12
SHORTEST_WORD = 3
#: Solr `mm`: words of the title that must match, up to two all, of more half; titles are descriptions, not queries.
FEWEST = "2<50%"
#: Maximum number of requests compared, among those that share a word; the newest first.
CANDIDATES = 500


class NotSeen(tk.ValidationError):
    """A request cannot be sent before its author has seen similar ones; CKAN's API answers 409.

    Attributes:
        similar: datasets and requests, as returned by `ecosphere_request_similar`.
    """

    def __init__(self, similar: dict[str, Any]) -> None:
        message = _(
            "Look at what is already here; if none of it is what you need, say so and send again."
        )
        errors: Any = {"similar_seen": [message], "similar": similar}
        super().__init__(errors)
        self.similar = similar


def must_be_seen(request: Request, reader: Reader) -> None:
    """Require that the requester has seen similar datasets and requests.

    Raises:
        NotSeen: there are similar datasets or open requests.
    """
    alike = datasets(request.title, request.theme, place_of(request), request.organization_id or "")
    similar = {
        # A request for access to a dataset need not show that dataset.
        "datasets": [dataset for dataset in alike if dataset["id"] != request.package_id],
        "requests": requests(request.title, request.theme, request.territory, reader),
    }
    if any(similar.values()):
        raise NotSeen(similar)


def place_of(request: Request) -> str:
    """Return the territory of a request or, for a draft, that of its communes or rectangle."""
    return request.territory or routing.territory_of(request.communes, request.bbox)


def datasets(
    title: str, theme: str, territory: str, organization: str = ""
) -> list[dict[str, Any]]:
    """Return public datasets with a similar title, best first; none of another place than the requested one.

    Args:
        title: title of the request.
        theme: id in the vocabulary, may be empty.
        territory: id in the vocabulary, may be empty.
        organization: id of the requested service, may be empty.
    """
    if not _plain(title):
        return []
    by_id: dict[str, dict[str, Any]] = {}
    for query in dict.fromkeys(_circles(theme, territory, organization)):
        for dataset in _search(title, query):
            by_id.setdefault(dataset["id"], dataset)
        if len(by_id) >= MOST:
            break
    return [_dataset(dataset) for dataset in list(by_id.values())[:MOST]]


def _circles(theme: str, territory: str, organization: str) -> Iterator[str]:
    """Yield filters for the search of datasets, each wider than the one before."""
    of_theme = f'+{THEME}:"{theme}"' if theme else ""
    here = f'+{TERRITORY}:"{territory}"' if territory else ""  # includes narrower territories
    yield f"{of_theme} {here}".strip()
    if here:
        yield here
    own = f'+owner_org:"{organization}"' if organization else ""
    if here and territory not in COUNTRY:
        either = " OR ".join(f'"{id_}"' for id_ in (*_above(territory), *COUNTRY))
        above, nowhere = f"{EXACT_TERRITORY}:({either})", f"{TERRITORY}:[* TO *]"
        if own:
            yield f"{own} +({above} OR (*:* -{nowhere}))"
        yield f"+{above}"
        yield f"-{nowhere}"
        return
    if own:
        yield own
    yield of_theme
    yield ""


def _search(title: str, narrow: str) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"q": _plain(title), "mm": FEWEST, "rows": MOST}
    query["fq"] = f"+dataset_type:dataset {narrow}".strip()
    try:
        return tk.get_action("package_search")({"user": ""}, query)["results"]
    except (SearchError, SearchQueryError, tk.ValidationError):
        log.info("No similar datasets: the search failed", exc_info=True)
        return []


def _plain(title: str) -> str:
    """Return the longer words of a title, without operators of the search."""
    words = re.findall(r"(?:[^\W_]|-)+", title)
    return " ".join([word for word in words if len(word) >= SHORTEST_WORD][:WORDS])


def _dataset(dataset: dict[str, Any]) -> dict[str, Any]:
    group = dataset.get("organization") or {}
    notes = " ".join((dataset.get("notes") or "").split())
    if len(notes) <= LONGEST_NOTES:
        short = notes
    else:
        short = notes[:LONGEST_NOTES].rsplit(" ", 1)[0] + "…"
    return {
        "id": dataset["id"],
        "name": dataset["name"],
        "title": dataset["title"] or dataset["name"],
        "notes": short,
        "organization": {key: group.get(key, "") for key in ("id", "name", "title")},
    }


def requests(title: str, theme: str, territory: str, reader: Reader) -> list[dict[str, Any]]:
    """Return open public requests with a similar title, best first; the same theme or territory raises the score."""
    rank = rank_of(title, theme, territory)
    if rank is None:
        return []
    condition, score = rank
    candidates = (
        sa.select(
            Request.id, score.label("score"), _enough_in_common(title, territory).label("enough")
        )
        .where(Request.listed, Request.state.in_(states.ACTIVE), condition)
        .order_by(RECEIPT_DAY.desc(), Request.id)
        .limit(CANDIDATES)
        .subquery()
    )
    query = (
        sa.select(candidates.c.id)
        .where(candidates.c.enough)
        .order_by(candidates.c.score.desc(), candidates.c.id)
        .limit(MOST)
    )
    with listing.through_indexes():
        ids = list(model.Session.scalars(query))
    by_id = {
        request.id: request
        for request in model.Session.scalars(sa.select(Request).where(Request.id.in_(ids)))
    }
    return dictize.request_list([by_id[id_] for id_ in ids], reader)


def _enough_in_common(title: str, territory: str) -> Any:
    """Return the SQL condition for both of two words of a title, or half of more; the name of the place is ignored."""
    place = voc.get("territories").get(territory) if territory else None
    place_words = set(_words(place.label_fr)) if place else set()
    queries = [
        sa.func.to_tsquery("french", word) for word in _words(title) if word not in place_words
    ]
    if not queries:
        return sa.true()
    yes = sa.literal(1)
    counted = sum(
        (sa.case((sa.func.numnode(query) > 0, yes), else_=0) for query in queries), sa.literal(0)
    )
    shared = sum(
        (sa.case((Request.search.op("@@")(query), yes), else_=0) for query in queries),
        sa.literal(0),
    )
    return shared >= sa.case((counted <= 2, counted), else_=(counted + 1) / 2)  # noqa: PLR2004


def _words(title: str) -> list[str]:
    words = ["".join(filter(str.isalnum, word)) for word in text.fold(title).split()]
    return list(dict.fromkeys(word for word in words if len(word) >= SHORTEST_WORD))[:WORDS]


def rank_of(title: str, theme: str, territory: str) -> tuple[Any, Any] | None:
    """Return the SQL condition and score of requests that share a word with a title; None for a title without words."""
    words = _words(title)
    if not words:
        return None
    # French stop words are dropped here; a query of stop words alone matches nothing.
    query = sa.func.to_tsquery("french", " | ".join(words))
    score: Any = sa.func.ts_rank(Request.search, query)
    if theme:
        score = score + sa.case((Request.theme == theme, 0.2), else_=0.0)
    if territory:
        near = [territory, *_above(territory)]
        score = score + sa.case(
            (Request.territory == territory, 0.3), (Request.territory.in_(near), 0.1), else_=0.0
        )
    return Request.search.op("@@")(query), score


def _above(territory: str) -> list[str]:
    territories = voc.get("territories")
    concept = territories.get(territory)
    if concept:
        return [above.id for above in territories.ancestors(concept.uri)]
    return []
