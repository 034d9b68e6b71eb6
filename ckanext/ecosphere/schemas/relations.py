"""Relations between datasets of the portal: series and members, services, editions, and what is
around a dataset.

A reference, as typed by users or found in records, is a name or id on this portal, or an identifier
of the record or of the data. References are looked up in the search index with the permissions of
the current user.

- Editions come from `replaces` and `replaced_by` of its record or of records of the same service.
  Without such statements, a dataset of the same title and territories with a later year is shown,
  but only as a more recent year.
- Related datasets are found in one query. The subject is the title without places and year:
  "Inventaire des zones humides d'Ille-et-Vilaine – 2023" and "… du Morbihan – 2021" have the same.
  Similar ones share theme and territory.
- Collections are CKAN groups of all types, and pages that cite it. Groups are read from the
  database, since the search index keeps groups that were deleted or renamed meanwhile.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields, geometry
from ckanext.ecosphere.dataset.view import Row, View, as_list
from ckanext.ecosphere.schemas import places, urls
from ckanext.ecosphere.shared import authorization, language, once
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.ecosphere.shared.template_helpers import ecosphere_page_of
from ckanext.ecosphere.vocabularies import languages, tables

SERIES_FIELD = "vocab_ecosphere_in_series"
SERVES_FIELD = "vocab_ecosphere_serves"
REPLACES_FIELD = "vocab_ecosphere_replaces"
REPLACED_BY_FIELD = "vocab_ecosphere_replaced_by"
INDEXED = {
    "in_series": SERIES_FIELD,
    "serves_dataset": SERVES_FIELD,
    "replaces": REPLACES_FIELD,
    "replaced_by": REPLACED_BY_FIELD,
}
_NAMES = fields.references()
MOST_SHOWN = 20
MOST_REFERENCES = 50
MOST_MEMBERS = 500
SERIES = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/series"
SERVICE = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/service"
CODE = "https://schema.org/SoftwareSourceCode"

Dataset = Row


def index(document: DataDict) -> None:
    """Add the references of a dataset to its index document, as multiple values."""
    for field, target in INDEXED.items():
        values = [str(value) for value in as_list(document.get(field)) if value]
        if values:
            document[target] = values


def own_references(dataset: Dataset) -> list[str]:
    """Return all references by which another dataset may refer to this one."""
    names = (dataset.get(key) for key in _NAMES)
    return [str(name) for name in names if name]


def permalink(dataset: Dataset) -> str:
    """Return the permanent URL of a dataset, by id, which does not change when it is renamed."""
    return tk.url_for("dataset.read", id=dataset["id"], qualified=True, locale="default")


def page_of(dataset: Dataset) -> str:
    """Return the URL of the page of a dataset, by name, as search engines list it."""
    return tk.url_for("dataset.read", id=dataset["name"], qualified=True, locale="default")


def find(references: Iterable[str]) -> list[DataDict]:
    """Return the datasets of the references in the same order, without unknown ones."""
    names = [str(reference) for reference in references if reference][:MOST_REFERENCES]
    if not names:
        return []
    places = {name: place for place, name in reversed(list(enumerate(names)))}

    def place(dataset: Dataset) -> int:
        own = (places.get(name, len(names)) for name in own_references(dataset))
        return min(own, default=len(names))

    return sorted(_search(_named(names), rows=MOST_REFERENCES)["results"], key=place)


def served(dataset: Dataset) -> list[DataDict]:
    """Return the datasets that a service serves."""
    return find(as_list(dataset.get("serves_dataset") or []))


def unknown_series(references: Iterable[str], context: Row) -> list[str]:
    """Return the references that name no series that the user of a context may see,
    of the first `MOST_REFERENCES`.
    """
    names = [str(reference) for reference in references][:MOST_REFERENCES]
    if not names:
        return []
    search = _parameters(_named(names), MOST_REFERENCES)
    datasets = tk.get_action("package_search")(authorization.same_caller(context), search)
    series: set[str] = set()
    for dataset in datasets["results"]:
        if dataset.get("dcat_type") == SERIES:
            series.update(own_references(dataset))
    return [name for name in names if name not in series]


def referring(dataset: Dataset, field: str, rows: int = MOST_SHOWN) -> DataDict:
    """Return the datasets that refer to this one in the index field ``field``:
    ``count`` and the first ``results``.
    """
    return _search(f"{field}:({_any(own_references(dataset))})", rows=rows)


def editions_beside(dataset: Dataset, references: Iterable[str]) -> list[DataDict]:
    """Return the editions directly before and after a dataset, in one query.

    Args:
        dataset: the dataset.
        references: references to other editions in its own record.
    """
    own = _any(own_references(dataset))
    parts = [f"{field}:({own})" for field in (REPLACES_FIELD, REPLACED_BY_FIELD)]
    names = sorted(references)[:MOST_REFERENCES]
    if names:
        parts.append(_named(names))
    return _search(" OR ".join(parts), rows=MOST_SHOWN)["results"]


def members(dataset: Dataset) -> list[str]:
    """Return the record identifiers of the members of a series, at most `MOST_MEMBERS`."""
    if dataset.get("dcat_type") != SERIES:
        return []
    datasets = referring(dataset, SERIES_FIELD, rows=MOST_MEMBERS)["results"]
    return [str(member.get("metadata_identifier") or member["id"]) for member in datasets]


def records(references: Iterable[str]) -> dict[str, str]:
    """Return the URLs of the ISO records of referenced datasets, by reference."""
    names = list(references)
    addresses = {}
    for dataset in find(names):
        address = tk.url_for(
            "ecosphere_schemas.iso", id=dataset["name"], _external=True, locale="default"
        )
        for name in own_references(dataset):
            if name in names:
                addresses[name] = address
    return addresses


def other_records(dataset: Dataset) -> list[dict[str, str]]:
    """Return the records of a dataset in other catalogues: ``title`` of the catalogue and
    ``record``, the URL.

    Empty unless the harvest is enabled.
    """
    try:
        show = tk.get_action("ecosphere_harvest_catalogues_show")
        also = show({"ignore_auth": True}, {"id": dataset["id"]})["also"]
    except (KeyError, tk.ObjectNotFound, tk.ValidationError):
        return []
    catalogues = [row for row in also if urls.is_web_address(row["record"] or "")]
    return [{"title": str(row["title"] or ""), "record": row["record"]} for row in catalogues]


def _search(query: str, rows: int) -> DataDict:
    """Search as the current user; results are cached per page, which needs them several times."""
    search = _parameters(query, rows)
    return once.for_page(
        "related datasets",
        (query, rows),
        lambda: tk.get_action("package_search")({}, search),
    )


def _parameters(query: str, rows: int) -> DataDict:
    return {
        "fq": f"+dataset_type:dataset +({query})",
        "rows": rows,
        "sort": "title_string asc",
        "facet": "false",
        "include_private": True,
    }


def _named(references: Iterable[str]) -> str:
    either = _any(references)
    return " OR ".join(f"{field}:({either})" for field in _NAMES)


def _any(values: Iterable[str]) -> str:
    return " OR ".join(map(quoted, values))


def quoted(value: str) -> str:
    """Return a value as a phrase of a query."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- what the page shows around a dataset: related datasets, editions, collections --------------

ROWS = 40
MOST_RELATED = 6
MOST_WORDS, SHORTEST_WORD = 8, 3
MOST_THEMES, MOST_TERRITORIES = 4, 4
THEME, TERRITORY = "vocab_ecosphere_theme", "vocab_ecosphere_territory"
EXACT = "vocab_ecosphere_territory_exact"
FIELDS = ("id", "name", "title", "extras_title_translated", EXACT, SERIES_FIELD)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
#: Words that link a subject and a place, also dropped by the French analysis of the index; and
#: "lot".
_NO_SUBJECT = voc.SMALL_WORDS | {"lot"}

Related = dict[str, list[DataDict]]


@dataclass(frozen=True)
class Subject:
    """Subject of a title, without places and year.

    Attributes:
        words: normalised words of the subject.
        year: year in the title, "" without one.
    """

    words: tuple[str, ...]
    year: str


def subject(title: str, territories: Iterable[str]) -> Subject:
    """Return the subject of a title.

    Args:
        title: title of a dataset.
        territories: ids of its territories, whose names are removed.

    >>> subject("Inventaire des zones humides de l'Ain – 2023", ["departement-01"])
    Subject(words=('inventaire', 'zones', 'humides'), year='2023')
    """
    text = voc.normalise(_YEAR.sub(" ", title))
    for place in territories:
        concept = voc.get("territories").get(place)
        if concept:
            text = f" {text} ".replace(f" {voc.normalise(concept.label_fr)} ", " ")
    words = (word for word in text.split() if len(word) >= SHORTEST_WORD)
    telling = dict.fromkeys(word for word in words if word not in _NO_SUBJECT)
    years = _YEAR.findall(title)
    return Subject(tuple(telling)[:MOST_WORDS], next(iter(years), ""))


# --- related datasets ---


def related(dataset: Dataset) -> Related:
    """Return the datasets around a dataset, as its reader may see them.

    Returns:
        ``years`` (the same subject and place in other years, or other parts of its series),
        ``nearby`` (the same subject elsewhere, neighbours first), ``similar`` (another subject of
        the same theme and place) and ``later`` (of ``years``, the one of the same title and place
        with the latest year after this one's); each a list of ``name``, ``title``,
        ``title_translated`` and ``language``, as datasets have them.
    """
    view = View(dataset)
    places, themes = _ids("territories", view.territories), _ids("themes", view.themes)
    own_subject = subject(view.title, places)
    query = _query(own_subject, themes, places, view.series)
    if not query:
        return nothing()
    search = {
        "q": query,
        "fq": f"+dataset_type:dataset -id:{quoted(str(dataset['id']))}",
        "fl": ",".join(FIELDS),
        "rows": ROWS,
        "facet": "false",
        "include_private": True,
    }
    others = tk.get_action("package_search")({}, search)["results"]
    years, nearby, similar = [], [], []
    for other in others:
        where, its_subject = _places(other), subject(str(other.get("title") or ""), _places(other))
        in_series = not set(view.series).isdisjoint(View(other).many(SERIES_FIELD))
        same_subject = its_subject.words == own_subject.words
        if in_series or (same_subject and set(where) == set(places)):
            years.append((its_subject.year, other))
        elif same_subject:
            nearby.append((distance(places, where), other))
        else:
            similar.append(other)
    years.sort(key=lambda pair: pair[0], reverse=True)
    nearby.sort(key=lambda pair: pair[0])
    return {
        "years": _shown(other for _year, other in years),
        "nearby": _shown(other for _distance, other in nearby),
        "similar": _shown(similar),
        "later": _shown(_later(dataset, others, places)),
    }


def nothing() -> Related:
    """Return what is around a dataset of which nothing is known."""
    return {"years": [], "nearby": [], "similar": [], "later": []}


def _ids(vocabulary: str, values: Iterable[str]) -> list[str]:
    concepts = map(voc.get(vocabulary).get, values)
    return [concept.id for concept in concepts if concept]


def _query(own: Subject, themes: list[str], places: list[str], series: tuple[str, ...]) -> str:
    parts = []
    if series:
        parts.append(f"{SERIES_FIELD}:({_any(series[:MOST_TERRITORIES])})^8")
    if own.words:
        parts.append(f"title:({' AND '.join(map(quoted, own.words))})^4")
    if themes and places:
        theme, territory = _any(themes[:MOST_THEMES]), _any(places[:MOST_TERRITORIES])
        parts.append(f"({THEME}:({theme}) AND {TERRITORY}:({territory}))")
    return " OR ".join(parts)


def _places(other: Dataset) -> tuple[str, ...]:
    """Return the ids of the territories of a dataset that was found."""
    return View(other).many(EXACT)


def _later(dataset: Dataset, others: Iterable[Dataset], places: list[str]) -> list[Dataset]:
    """Return the dataset of the same title but for a later year.

    A year to come is a horizon, no edition.
    """
    title, year = _dated(dataset)
    latest, this_year = year, str(date.today().year)
    later: list[Dataset] = []
    for other in others:
        other_title, other_year = _dated(other)
        if other_title != title or set(_places(other)) != set(places):
            continue
        if year and year < other_year <= this_year and latest <= other_year:
            latest, later = other_year, [other]
    return later


def _dated(dataset: Dataset) -> tuple[str, str]:
    """Return the normalised title without its last year, and that year.

    The title and "" without a year.
    """
    title = str(dataset.get("title") or "")
    years = list(_YEAR.finditer(title))
    if not years:
        return title, ""
    last = years[-1]
    return voc.normalise(f"{title[: last.start()]} {title[last.end() :]}"), last.group()


def distance(own: Iterable[str], others: Iterable[str]) -> float:
    """Return the smallest distance between two sets of territories in degrees.

    0 when boxes intersect.
    """
    boxes = filter(None, map(places.territory_box, own))
    other_boxes = filter(None, map(places.territory_box, others))
    return min(itertools.starmap(_gap, itertools.product(boxes, other_boxes)), default=360.0)


def _gap(one: places.Box, other: places.Box) -> float:
    if geometry.meet(one, other):
        return 0.0
    return max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3], 0.0)


def _shown(datasets: Iterable[Dataset]) -> list[DataDict]:
    """Return what a list shows of datasets; the index does not keep languages and types of
    resource.

    Of the translations it keeps the English one, where it is another.
    """
    first = list(itertools.islice(datasets, MOST_RELATED))
    extras: DataDict = {}
    if first:
        ids = [str(dataset["id"]) for dataset in first]
        query = sa.select(model.Package.id, model.Package.extras).where(model.Package.id.in_(ids))
        extras = dict(model.Session.execute(query).tuples().all())
    rows = []
    for dataset in first:
        stored = View(extras.get(str(dataset["id"])) or {})
        english = {}
        if dataset.get("title_translated"):
            english = {languages.ENGLISH: dataset["title_translated"]}
        rows.append(
            {
                "name": str(dataset["name"]),
                "title": str(dataset.get("title") or dataset["name"]),
                "title_translated": english,
                "language": list(stored.many("language")),
                "dcat_type": stored.values.get("dcat_type"),
            }
        )
    return rows


# --- editions ---

MOST_EDITIONS = 10
#: Maximum number of steps followed towards the newest or oldest edition.
MOST_STEPS = 10


def editions(dataset: Dataset) -> DataDict:
    """Return the other editions of a dataset that the current user may see.

    Args:
        dataset: the dataset, from `package_show`.

    Returns:
        ``older`` and ``newer`` (lists of datasets, nearest first) and ``newest`` (the last newer
        one, or None).
    """
    newer, older = _line(dataset, "newer"), _line(dataset, "older")
    newest = newer[-1] if newer else None
    return {"older": older[:MOST_EDITIONS], "newer": newer[:MOST_EDITIONS], "newest": newest}


def _line(dataset: Dataset, direction: str) -> list[Dataset]:
    """Follow the editions of a dataset in one direction; cycles are cut.

    An edition that several others refer to is placed after the last of them, so that the final one
    has no successor.
    """
    line: dict[str, Dataset] = {}
    followed = {dataset["id"]}
    step = dataset
    for _number in range(MOST_STEPS):
        beside = [edition for edition in _beside(step)[direction] if edition["id"] not in followed]
        if not beside:
            break
        for edition in beside:
            line.pop(edition["id"], None)
            line[edition["id"]] = edition
        step = beside[-1]
        followed.add(step["id"])
    return list(line.values())


def _beside(dataset: Dataset) -> dict[str, list[Dataset]]:
    """Return the editions directly before and after a dataset, from its own record or those that
    refer to it.

    A dataset is replaced only if its own record or one of the same service says so: another service
    cannot declare it outdated and redirect its readers.
    """
    own = set(own_references(dataset))
    before, after = (set(View(dataset).many(name)) for name in ("replaces", "replaced_by"))
    older: list[Dataset] = []
    newer: list[Dataset] = []
    for other in editions_beside(dataset, before | after):
        names, view = set(own_references(other)), View(other)
        same_service = other.get("owner_org") == dataset.get("owner_org")
        if names & after or (same_service and own.intersection(view.many("replaces"))):
            newer.append(other)
        elif names & before or own.intersection(view.many("replaced_by")):
            older.append(other)
    return {"older": older, "newer": newer}


# --- collections ---

MOST_COLLECTIONS, MOST_COUNTED = 8, 200


def collections(dataset: Dataset) -> DataDict:
    """Return the collections and the pages that use a dataset.

    Args:
        dataset: the dataset, from `package_show`.

    Returns:
        ``groups`` (the first ones, with ``title`` and ``href``, which is "" for a type without
        pages), ``more`` (number of other groups) and ``pages`` (``title`` and ``href`` of the first
        pages that cite it).
    """
    rows = _groups(str(dataset["id"]))
    groups = [
        {"title": title or name, "href": ecosphere_page_of(kind, name)}
        for title, kind, name in rows
    ]
    addresses = View(dataset).many("is_referenced_by")[:MOST_COLLECTIONS]
    pages = []
    for address in addresses:
        if urls.is_web_address(address):
            pages.append({"title": ecosphere_address_text(address, dataset), "href": address})
    more = max(len(groups) - MOST_COLLECTIONS, 0)
    return {"groups": groups[:MOST_COLLECTIONS], "more": more, "pages": pages}


def _groups(dataset: str) -> list[tuple[str, str, str]]:
    """Return title, type and name of the active groups that contain a dataset."""
    group, member = model.Group, model.Member
    query = (
        sa.select(group.title, group.type, group.name)
        .join(member, member.group_id == group.id)
        .where(member.table_id == dataset, member.table_name == "package", member.state == "active")
        .where(group.state == "active", ~group.is_organization)
        .distinct()
        .order_by(group.title, group.name)
        .limit(MOST_COUNTED)
    )
    return [tuple(row) for row in model.Session.execute(query)]


# --- texts of links ---

SPECIFICATIONS = Path(__file__).with_name("specifications.csv")
LONGEST_ADDRESS = 70
LONGEST_TITLE = 160


def ecosphere_address_text(address: str, dataset: Dataset | None = None) -> str:
    """Return the link text of a URL: the name of the law or specification, else the URL itself or
    its host.

    Args:
        address: a web address.
        dataset: a dataset whose conformity reports may name the specification at this address.
    """
    specification = _specifications().get(address.rstrip("/"))
    if specification:
        return specification[language.of_tables()]
    for report in View(dataset or {}).rows("conformity"):
        title = str(report.get("specification") or "")
        if title and report.get("uri") == address:
            return _shortened(title)
    if len(address) <= LONGEST_ADDRESS:
        return address
    return f"{taken_apart(address).hostname or address[:LONGEST_ADDRESS]}/…"


def _shortened(title: str) -> str:
    if len(title) <= LONGEST_TITLE:
        return title
    return f"{title[:LONGEST_TITLE].rstrip()}…"


@cache
def _specifications() -> dict[str, dict[str, str]]:
    return {row["uri"]: row for row in tables.rows(SPECIFICATIONS)}
