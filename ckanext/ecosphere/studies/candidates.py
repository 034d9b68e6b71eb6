"""Datasets for a need on a site: the best of the catalogue, and why; what is known of their extent.

Solr finds the datasets that have one of the phrases of a need, among those made for the places in which the site lies.
If there are none, it looks everywhere: the need is then known, and mapped elsewhere. They are ranked here, so that each
rank has its reasons: what the title says outweighs everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry, places
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import reach
from ckanext.ecosphere.studies import presence
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import COVERS, COVERS_PART, NOT_MAPPED, RESTRICTED, Finding
from ckanext.ecosphere.vocabularies import communes, gazetteer

#: Datasets proposed for a need, and those that are read as a whole to choose them.
MOST, MOST_READ = 5, 7
#: Datasets that Solr gives for a need; more where it cannot select by place.
ROWS, ROWS_ANYWHERE = 40, 150
#: Ids in one question.
BATCH = 150
LONGEST_QUERY = 1_900
#: Index fields of the search room: places of a dataset, and themes with those above them.
PLACE_FIELD, THEME_FIELD = "vocab_ecosphere_place", "vocab_ecosphere_theme"
QUALITY_FIELD = "ecosphere_quality_score"
#: Fields in which a phrase is looked for, with the weight of each. Without the French schema, keywords are whole terms.
QUERY_FIELDS = "title^8 ecosphere_tags^3 tags^3 notes^1"
#: Words between those of a phrase: articles, and further names that the index has for a word.
SLOP = 4

# The weights of a rank. A title that says the first phrase has about 100.
IN_TITLE, IN_KEYWORDS, IN_TEXT = 100.0, 45.0, 18.0
#: What each later phrase of a need is worth less, as a share, down to the least.
LATER, LEAST = 0.06, 0.5
#: Share of a phrase of one word, which is vague, and of words that are not together.
SINGLE, APART = 0.9, 0.5
TO_THE_POINT, THEME, PRODUCER, RESERVED = 20.0, 12.0, 5.0, -8.0
SCALE, AGE, QUALITY = 5.0, 5.0, 6.0
EXACTNESS = {
    "commune": 24.0,
    "epci": 22.0,
    "departement": 20.0,
    "outre-mer": 20.0,
    "zone-maritime": 18.0,
    "region": 14.0,
    "pays": 8.0,
}
#: How far below the best dataset of a need another may be, as a share of what its words are worth.
TOO_WEAK = 0.3
_METROPOLIS = "pays-fxx"
_YEAR = re.compile(r"(?:1[6-9]|20)\d\d(?=\D|$)")
_STOP_WORDS = frozenset(
    [
        "a",
        "au",
        "aux",
        "avec",
        "d",
        "dans",
        "de",
        "des",
        "du",
        "en",
        "et",
        "l",
        "la",
        "le",
        "les",
        "n",
        "ou",
    ]
    + ["par", "pour", "s", "sur", "un", "une"]
)


@dataclass(frozen=True)
class Candidate:
    """A dataset for a need.

    Attributes:
        package_id, title, organisation: of the dataset; `name` is the last part of its address.
        reasons: codes and parameters (`wording.REASONS`): words, theme, producer, scale, age, suitability…
        finding: what is known without asking a service: extent, share of the site, restriction.
        countable: whether a service can be asked for a count (`presence.count`).
    """

    package_id: str
    name: str
    title: str
    organisation: str
    reasons: tuple[tuple[str, dict[str, Any]], ...]
    finding: Finding
    countable: bool


@dataclass(frozen=True)
class Match:
    """How the words of a need are in a dataset.

    Attributes:
        worth: 0 to about 120.
        code: where they are: title, keywords or text; "" if only the index knows, by another name.
        words: the phrase.
    """

    worth: float
    code: str = ""
    words: str = ""


def look(needs: list[Need], site: Site, context: dict[str, Any]) -> dict[str, list[Candidate]]:
    """Return the best datasets of each need, best first, at most five, by id of the need.

    Only what the user of the context may read. One question to Solr a need, in at most 3 seconds for 60 needs.

    Raises:
        ckan.lib.search.SearchError: the search does not answer.
    """
    rows_of = {need.id: _rows(need, site, context) for need in needs}
    ids = [row["id"] for rows in rows_of.values() for row in rows]
    datasets = _datasets(dict.fromkeys(ids), context)
    extents: dict[str, Finding] = {}
    offered: dict[str, list[Candidate]] = {}
    for need in needs:
        rated = []
        for row in rows_of[need.id]:
            dataset = datasets.get(row["id"])
            if dataset is None:
                continue
            if row["id"] not in extents:
                extents[row["id"]] = finding_of(dataset, site)
            rated.append(_rated(need, row, dataset, extents[row["id"]], site))
        rated.sort(key=lambda pair: -pair[0])
        offered[need.id] = [candidate for _worth, candidate in rated[:MOST]]
    return offered


# --- questions -------------------------------------------------------------------------------


def _has_places() -> bool:
    """Return whether the index knows the places of datasets (plugin ecosphere_search)."""
    return p.plugin_loaded("ecosphere_search")


def _rows(need: Need, site: Site, context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the index documents of the datasets of a need that are worth reading, with their `match`, best first."""
    query = _query(need.words)
    if not query:
        return []
    if not _has_places():
        return _best(need, site, _search(query, "", ROWS_ANYWHERE, context))
    rows = _best(need, site, _search(query, _here(site), ROWS, context))
    if rows:
        return rows
    return _best(need, site, _search(query, "", ROWS, context))


def _search(query: str, where: str, rows: int, context: dict[str, Any]) -> list[dict[str, Any]]:
    filters = ["+dataset_type:dataset"]
    if where:
        filters.append(where)
    question = {
        "q": query,
        "defType": "edismax",
        "qf": QUERY_FIELDS,
        "mm": "1",
        "tie": "0.1",
        "fq_list": filters,
        "rows": rows,
        "facet": "false",
        "include_private": True,
        "fl": ["id", "score", "title", "notes", "tags", PLACE_FIELD, THEME_FIELD, QUALITY_FIELD],
    }
    answer = tk.get_action("package_search")(_context(context), question)
    return list(answer["results"])


def _context(context: Mapping[str, Any]) -> Any:
    """Return a context for one question, since actions change theirs."""
    kept = ("user", "auth_user_obj", "ignore_auth")
    return {key: context[key] for key in kept if key in context}


def _datasets(ids: Iterable[str], context: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return datasets by id."""
    datasets: dict[str, dict[str, Any]] = {}
    waiting = list(ids)
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        wanted = " OR ".join(f'"{id_}"' for id_ in batch)
        question = {
            "q": "*:*",
            "fq_list": [f"id:({wanted})"],
            "rows": BATCH,
            "facet": "false",
            "include_private": True,
        }
        answer = tk.get_action("package_search")(_context(context), question)
        datasets.update({dataset["id"]: dataset for dataset in answer["results"]})
    return datasets


def _query(phrases: Sequence[str]) -> str:
    """Return a query for Solr's edismax parser that any of the phrases satisfies, the first best."""
    clauses: list[str] = []
    for rank, phrase in enumerate(phrases):
        clause = f"{_clause(_words(phrase))}^{_weight(rank):.2f}"
        if len(" OR ".join([*clauses, clause])) > LONGEST_QUERY:
            break
        if _words(phrase):
            clauses.append(clause)
    return " OR ".join(clauses)


def _clause(words: Sequence[str]) -> str:
    if len(words) == 1:
        return f'"{words[0]}"'
    return f'"{" ".join(words)}"~{SLOP}'


def _weight(rank: int) -> float:
    return max(LEAST, 1 - LATER * rank)


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text that say something, without case and accents."""
    return tuple(word for word in voc.normalise(text).split() if word not in _STOP_WORDS)


def _here(site: Site) -> str:
    """Return the filter of the datasets made for the places in which a site lies, and of those without a place."""
    values = " OR ".join(f'"{value}"' for value in _holding(site))
    return f"{PLACE_FIELD}:({values}) OR (*:* -{PLACE_FIELD}:[* TO *])"


def _holding(site: Site) -> tuple[str, ...]:
    """Return the index values of the places in which a site lies; overseas, not the metropolis."""
    values = site.territories
    if any(value.startswith("outre-mer") for value in values):
        return tuple(value for value in values if value != _METROPOLIS)
    return values


# --- ranking ---------------------------------------------------------------------------------


def _best(need: Need, site: Site, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the index documents that are worth reading, by words, theme and place, best first."""
    best_score = max((float(row.get("score") or 0) for row in rows), default=0)
    rated: list[tuple[float, dict[str, Any]]] = []
    for row in rows:
        share = 0.0
        if best_score:
            share = float(row.get("score") or 0) / best_score
        row["match"] = _match(need, row, share)
        if not _is_about(need, row):
            continue
        worth = row["match"].worth + _of_theme(need, row.get(THEME_FIELD))
        values = row.get(PLACE_FIELD) or ()
        if site.share_in(values):
            worth += _exactness(values, need, site)
        rated.append((worth, row))
    rated.sort(key=lambda pair: -pair[0])
    least = max((row["match"].worth for _worth, row in rated), default=0) * TOO_WEAK
    return [row for _worth, row in rated if row["match"].worth >= least][:MOST_READ]


def _is_about(need: Need, row: Mapping[str, Any]) -> bool:
    """Return whether a dataset is about a need: a description also mentions other things."""
    match: Match = row["match"]
    if match.code in ("title", "keywords"):
        return True
    is_of_theme = bool(_of_theme(need, row.get(THEME_FIELD)))
    return is_of_theme and (len(_words(match.words)) > 1 or not match.code)


def _match(need: Need, row: Mapping[str, Any], share: float) -> Match:
    """Return how the words of a need are in a dataset.

    Args:
        share: of the best score that Solr gave for the need, which knows synonyms.
    """
    title = _stems(str(row.get("title") or ""))
    keywords = [_stems(str(tag)) for tag in row.get("tags") or ()]
    notes = _stems(str(row.get("notes") or ""))
    best = Match(IN_KEYWORDS * share)
    for rank, phrase in enumerate(need.words):
        stems = _stems(phrase)
        if not stems:
            continue
        weight = _weight(rank)
        if len(stems) == 1:
            weight *= SINGLE
        in_keywords = max((_nearness(stems, tag) for tag in keywords), default=0.0)
        matches = [
            Match(weight * _title_worth(stems, title), "title", phrase),
            Match(weight * IN_KEYWORDS * in_keywords, "keywords", phrase),
            Match(weight * IN_TEXT * _nearness(stems, notes), "text", phrase),
        ]
        best = max([best, *matches], key=lambda match: (match.worth, match.code != ""))
    return best


def _title_worth(stems: tuple[str, ...], title: tuple[str, ...]) -> float:
    nearness = _nearness(stems, title)
    if not nearness and len(stems) > 1 and set(stems) <= set(title):
        nearness = APART
    if not nearness:
        return 0.0
    before = next(place for place, stem in enumerate(title) if stem in stems)
    to_the_point = 1 / (1 + before)
    return IN_TITLE * nearness + TO_THE_POINT * to_the_point


def _nearness(stems: tuple[str, ...], text: tuple[str, ...]) -> float:
    """Return 1 if the words are in the text in their order, with at most two others between them, else 0."""
    first = stems[0]
    for place, stem in enumerate(text):
        if stem == first and _goes_on(stems, text[place : place + len(stems) + 2]):
            return 1.0
    return 0.0


def _goes_on(stems: tuple[str, ...], text: tuple[str, ...]) -> bool:
    left = iter(text)
    return all(stem in left for stem in stems)


@lru_cache(maxsize=20_000)
def _stems(text: str) -> tuple[str, ...]:
    """Return the words of a text without their endings of number and gender, as the index has them, more or less."""
    return tuple(map(_stem, _words(text[:5_000])))


def _stem(word: str) -> str:
    if word.isdigit() or len(word) < 4:  # noqa: PLR2004
        return word
    if word.endswith("aux"):
        return word[:-3] + "al"
    return word.rstrip("sx").rstrip("e")


def _of_theme(need: Need, values: Any) -> float:
    if set(need.themes).intersection(values or ()):
        return THEME
    return 0.0


def _exactness(values: Iterable[str], need: Need, site: Site) -> float:
    """Return what the places of a dataset are worth: the closer around the site, the more, if they hold all of it."""
    worth = 0.0
    for value in values:
        share = site.share_in([value])
        if value not in _holding(site) or not share:
            continue
        level = value.partition("-")[0]
        if value.startswith(("outre-mer", "zone-maritime")):
            level = "-".join(value.split("-")[:2])
        exactness = EXACTNESS.get(level, 0.0)
        if need.place == "national" and level == "pays":
            exactness = EXACTNESS["departement"]
        worth = max(worth, exactness * (0.5 + share / 2))
    return worth


def _rated(
    need: Need, row: Mapping[str, Any], dataset: dict[str, Any], finding: Finding, site: Site
) -> tuple[float, Candidate]:
    """Return a dataset as a candidate, and its worth."""
    match: Match = row["match"]
    view = View(dataset)
    worth = match.worth
    reasons: list[tuple[str, dict[str, Any]]] = []
    if match.code:
        reasons.append((match.code, {"words": match.words}))
    themes = _themes(view)
    of_need = [theme for theme in need.themes if theme in themes]
    if of_need:
        worth += THEME
        reasons.append(("theme", {"theme": of_need[0]}))
    place = str(finding.params.get("place") or "")
    if finding.share:
        values = _values(finding) or row.get(PLACE_FIELD) or ()
        worth += _exactness(values, need, site)
        if place:
            reasons.append(("place", {"place": place}))
    else:
        worth -= EXACTNESS["commune"]
    for points, reason in _qualities(need, row, dataset, view, site):
        worth += points
        reasons.append(reason)
    organization = dataset.get("organization") or {}
    candidate = Candidate(
        package_id=str(dataset["id"]),
        name=str(dataset.get("name") or ""),
        title=str(dataset.get("title") or dataset.get("name") or ""),
        organisation=str(organization.get("title") or ""),
        reasons=tuple(reasons),
        finding=finding,
        countable=presence.is_countable(dataset),
    )
    return worth, candidate


def _values(finding: Finding) -> list[str]:
    place = str(finding.params.get("place") or "")
    if place:
        return [place]
    return []


Rated = tuple[float, tuple[str, dict[str, Any]]]


def _qualities(
    need: Need, row: Mapping[str, Any], dataset: dict[str, Any], view: View, site: Site
) -> list[Rated]:
    """Return points and reasons: competence of the producer, scale, age, quality, access."""
    rated: list[Rated] = []
    if _is_competent(dataset, site):
        rated.append((PRODUCER, ("producer", {})))
    scale = view.text("scale_denominator")
    if need.scale and scale.isdigit():
        params = {"scale": int(scale)}
        if int(scale) <= need.scale:
            rated.append((SCALE, ("scale", params)))
        else:
            rated.append((-SCALE, ("coarse", params)))
    year = _year(view)
    if need.age and year:
        if datetime.now(timezone.utc).year - year <= need.age:
            rated.append((AGE, ("recent", {"year": year})))
        else:
            rated.append((-AGE, ("old", {"year": year})))
    quality = row.get(QUALITY_FIELD)
    if quality is None:
        quality = dataset.get(QUALITY_FIELD)
    if isinstance(quality, (int, float)):
        rated.append((QUALITY * quality / 100, ("quality", {"score": round(quality)})))
    if reach.ways(dataset) == [reach.RESERVED]:
        rated.append((RESERVED, ("restricted", {})))
    return rated


def _themes(view: View) -> set[str]:
    """Return the ids of the themes of a dataset, and of those above them."""
    vocabulary = voc.get("themes")
    ids: set[str] = set()
    for concept in filter(None, map(vocabulary.get, view.themes)):
        ids.add(concept.id)
        ids.update(above.id for above in vocabulary.ancestors(concept.uri))
    return ids


def _is_competent(dataset: Mapping[str, Any], site: Site) -> bool:
    """Return whether a dataset is of a service whose territory holds the site, or a part of it."""
    organization = dataset.get("organization") or {}
    service = voc.get("organisations").get(str(organization.get("name") or ""))
    if service is None:
        return False
    territory = voc.get("territories").get(str(service.data.get("territory") or ""))
    return territory is not None and territory.id in _holding(site)


def _year(view: View) -> int:
    """Return the year of the data, 0 if not known."""
    ends = [str(period.get("end") or "") for period in view.rows("temporal_coverage")]
    for text in (
        view.text("modified"),
        max(ends, default=""),
        view.text("issued"),
        view.text("created"),
    ):
        match = _YEAR.match(text)
        if match:
            return int(match[0])
    return 0


# --- extents ---------------------------------------------------------------------------------


def finding_of(dataset: dict[str, Any], site: Site) -> Finding:
    """Return what the record of a dataset says of a site: by territory, geometry, box or title; nothing is asked.

    Args:
        dataset: as `package_show` gives it.
    """
    view = View(dataset)
    extent, place, share = _extent(view, site)
    code, state = extent, COVERS
    params: dict[str, Any] = {}
    if place:
        params["place"] = place
    if extent == "unknown":
        state = NOT_MAPPED
    elif not share:
        code, state = f"{extent}-elsewhere", NOT_MAPPED
    elif share < presence.WHOLE:
        code, state = f"{extent}-part", COVERS_PART
    if share and reach.ways(dataset) == [reach.RESERVED]:
        code, state = "restricted", RESTRICTED
    return Finding(state, code, params, extent, share, at=presence.moment())


def _extent(view: View, site: Site) -> tuple[str, str, float]:
    """Return how the extent of a dataset is known, its place that fits the site best, and its share of the site."""
    declared = [value for value in map(_index_value, view.territories) if value]
    of_title = _title_places(view.title, declared)
    if of_title:
        return "title", _fitting(of_title, site), _share(of_title, site)
    geometry_, is_box = _geometry(view.values.get("spatial"))
    share = _share(declared, site)
    # "France" is often declared of data that are of a part of it.
    is_elsewhere = geometry_ is not None and not site.share_of(geometry_)
    if declared and not (is_elsewhere and set(declared) <= set(gazetteer.COUNTRIES)):
        return "territory", _fitting(declared, site), share
    if geometry_ is None:
        return "unknown", "", 0.0
    name = "geometry"
    if is_box:
        name = "box"
    return name, "", site.share_of(geometry_)


def _share(values: Iterable[str], site: Site) -> float:
    return site.share_in(set(values).intersection(_holding(site)))


def _fitting(values: Sequence[str], site: Site) -> str:
    """Return the place that holds most of the site, the smallest of several; the first if none does."""
    order = {value: rank for rank, value in enumerate(_holding(site))}
    inside = [value for value in values if value in order]
    if not inside:
        return values[0]
    return max(inside, key=lambda value: (site.share_in([value]), -order[value]))


def _index_value(key: str) -> str:
    """Return the index value of a territory or commune, given as URI or id; "" if it is not known."""
    commune = communes.get(key)
    if commune:
        return f"commune-{commune.code}"
    concept = voc.get("territories").get(key)
    if concept:
        return concept.id
    return ""


def _title_places(title: str, declared: Sequence[str]) -> list[str]:
    """Return the places that a title names and that say more than what is declared.

    These are communes and EPCI of the declared départements, or without any declared territory, what the title names.
    """
    if any(value.startswith("commune-") for value in declared):
        return []
    codes = [code for code, concept in gazetteer.departements().items() if concept.id in declared]
    if codes and len(codes) <= 3:  # noqa: PLR2004
        epcis = [
            epci for epci in places.epcis_in(title) if set(epci.departements).intersection(codes)
        ]
        if epcis:
            return [f"epci-{epci.code}" for epci in epcis]
        return [f"commune-{commune.code}" for commune in gazetteer.communes_in(title, tuple(codes))]
    if declared:
        return []
    named = [concept.id for concept in (*places.coded_in(title), *places.in_text(title))]
    return list(dict.fromkeys(named))


def _geometry(value: Any) -> tuple[BaseGeometry | None, bool]:
    """Return the geometry of a dataset in degrees, None without a valid one, and whether it is only a rectangle."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None, False
    shapes = []
    parts: list[list[Any]] = []
    for item in geometry.geometries_in(value):
        try:
            geometry_ = shape(item)
        except (ShapelyError, ValueError, TypeError, LookupError, AttributeError):
            return None, False
        if geometry_.is_empty:
            continue
        if not geometry_.is_valid:
            geometry_ = shapely.make_valid(geometry_)
        shapes.append(geometry_)
        parts += geometry.parts_of(item)
    if not shapes:
        return None, False
    whole: BaseGeometry = shapely.union_all(shapes)
    return whole, geometry.is_box(parts)
