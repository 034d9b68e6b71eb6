"""Datasets for a need on a site: the best of the catalogue, and why; what is known of their extent.

Solr finds the datasets that have one of the phrases of a need, among those made for the places in which the site lies.
If there are none, it looks everywhere: the need is then known, and mapped elsewhere. They are ranked here, so that each
rank has its reasons: what the title says outweighs everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache, lru_cache
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import reach
from ckanext.ecosphere.studies import frames, presence
from ckanext.ecosphere.studies.extents import Ground, finding_of, territory_of_service
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding

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
SUBJECT = "title^8 ecosphere_tags^3 tags^3"
DESCRIPTION = "notes"
#: Words between those of a phrase: articles, and further names that the index has for a word.
SLOP = 4

# The weights of a rank. A title that says the first phrase has about 100.
IN_TITLE, IN_KEYWORDS, IN_TEXT = 100.0, 45.0, 18.0
#: What each later phrase of a need is worth less, as a share, down to the least.
LATER, LEAST = 0.06, 0.5
#: Share of a phrase of one word, which is vague, and of words that are not together.
SINGLE, APART = 0.9, 0.5
TO_THE_POINT, THEME, PRODUCER, RESERVED = 40.0, 12.0, 5.0, -8.0
#: A place that holds a tenth of the site is worth half of one that holds all of it.
SHARE_POWER = 0.3
#: Points of the dataset of a need that holds most of the site, and less for others.
HOLDS = 20.0
#: Points that a title loses which is the name of a table.
TECHNICAL = 15.0
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
TOO_WEAK = 0.5
#: Phrases of a need that are good enough as mere keywords.
BEST_PHRASES = 2
#: Declared départements of which the title may name a commune.
MOST_DEPARTEMENTS = 3
#: Points that data lose a year, whatever the need says, and the most that they lose.
YEARLY, OLDEST = 0.4, 6.0
#: Kilometres from the sea within which data of the sea are of use on land.
COAST = 2
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
).union(["par", "pour", "s", "sur", "un", "une"])


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
        code: where they are: title, keywords or text.
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
    ground = Ground(site)
    rows_of = {need.id: _rows(need, ground, context) for need in needs}
    ids = [row["id"] for rows in rows_of.values() for row in rows]
    datasets = _datasets(dict.fromkeys(ids), context)
    findings = {id_: finding_of(dataset, ground) for id_, dataset in datasets.items()}
    offered: dict[str, list[Candidate]] = {}
    for need in needs:
        rows = [row for row in rows_of[need.id] if row["id"] in datasets]
        if any(findings[row["id"]].share for row in rows):
            rows = [row for row in rows if findings[row["id"]].share]
        rated = [
            _rated(need, row, datasets[row["id"]], findings[row["id"]], ground) for row in rows
        ]
        rated = _by_share(rated)
        offered[need.id] = [candidate for _worth, candidate in rated[:MOST]]
    return offered


def _by_share(rated: list[tuple[float, Candidate]]) -> list[tuple[float, Candidate]]:
    """Return datasets, best first: those that hold more of the site than others are worth more."""
    largest = max((candidate.finding.share for _worth, candidate in rated), default=0)
    if largest:
        rated = [
            (worth + HOLDS * candidate.finding.share / largest, candidate)
            for worth, candidate in rated
        ]
    return sorted(rated, key=lambda pair: -pair[0])


# --- questions -------------------------------------------------------------------------------


def _has_places() -> bool:
    """Return whether the index knows the places of datasets (plugin ecosphere_search)."""
    return p.plugin_loaded("ecosphere_search")


def _rows(need: Need, ground: Ground, context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the index documents of the datasets of a need that are worth reading, with their `match`, best first."""
    query = _query(need.words)
    if not query:
        return []
    looks = [(SUBJECT, "", ROWS_ANYWHERE), (DESCRIPTION, "", ROWS_ANYWHERE)]
    if _has_places():
        here = _here(ground)
        looks = [(SUBJECT, here, ROWS), (DESCRIPTION, here, ROWS), (SUBJECT, "", ROWS)]
    for fields, where, number in looks:
        rows = _best(need, ground, _search(query, fields, where, number, context))
        if rows:
            return rows
    return []


def _search(
    query: str, fields: str, where: str, rows: int, context: dict[str, Any]
) -> list[dict[str, Any]]:
    filters = ["+dataset_type:dataset"]
    if where:
        filters.append(where)
    question = {
        "q": query,
        "defType": "edismax",
        "qf": fields,
        "mm": "1",
        "tie": "0.1",
        "fq_list": filters,
        "rows": rows,
        "facet": "false",
        "include_private": True,
        "fl": ["id", "title", "notes", "tags", PLACE_FIELD, THEME_FIELD, QUALITY_FIELD],
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


def _here(ground: Ground) -> str:
    """Return the filter of the datasets made for the places in which a site lies, and of those without a place."""
    values = " OR ".join(f'"{value}"' for value in ground.values)
    return f"{PLACE_FIELD}:({values}) OR (*:* -{PLACE_FIELD}:[* TO *])"


# --- ranking ---------------------------------------------------------------------------------


def _best(need: Need, ground: Ground, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the index documents that are worth reading, by words, theme and place, best first."""
    rated: list[tuple[float, dict[str, Any]]] = []
    for row in rows:
        theme = _of_theme(need, row.get(THEME_FIELD))
        row["match"] = _match(need, row, is_of_theme=bool(theme))
        if row["match"].worth:
            worth = (
                row["match"].worth + theme + _exactness(row.get(PLACE_FIELD) or (), need, ground)
            )
            if _is_table_name(str(row.get("title") or "")):
                worth -= TECHNICAL
            rated.append((worth, row))
    rated.sort(key=lambda pair: -pair[0])
    least = max((row["match"].worth for _worth, row in rated), default=0) * TOO_WEAK
    return [row for _worth, row in rated if row["match"].worth >= least][:MOST_READ]


NO_MATCH = Match(0.0)


def _match(need: Need, row: Mapping[str, Any], *, is_of_theme: bool) -> Match:
    """Return how a dataset says that it is about a need; `NO_MATCH` if it only mentions one of its words.

    A keyword counts if it is one of the best phrases and the theme is right; a description, if the title is the name of
    a table, which says nothing.

    Args:
        is_of_theme: whether the dataset has a theme of the need.
    """
    text = str(row.get("title") or "")
    title = _stems(text)
    keywords = {_stems(str(tag)) for tag in row.get("tags") or ()}
    notes: tuple[str, ...] = ()
    if _is_table_name(text):
        notes = _stems(str(row.get("notes") or ""))
    best = NO_MATCH
    for rank, phrase in enumerate(need.words):
        stems = _stems(phrase)
        if not stems:
            continue
        is_specific = len(stems) > 1 or phrase.isupper() or not rank
        weight = _weight(rank)
        if len(stems) == 1:
            weight *= SINGLE
        matches = []
        if is_specific or is_of_theme or title[:1] == stems:
            matches.append(Match(weight * _title_worth(stems, title), "title", phrase))
        if is_of_theme and rank < BEST_PHRASES and stems in keywords:
            matches.append(Match(weight * IN_KEYWORDS, "keywords", phrase))
        if is_of_theme and len(stems) > 1:
            matches.append(Match(weight * IN_TEXT * _nearness(stems, notes), "text", phrase))
        best = max([best, *matches], key=lambda match: match.worth)
    if best.worth and _is_of_another(need, title):
        return NO_MATCH
    return best


@cache
def _needs_by_word() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """Return the phrases of all needs by their first word, each with the id of its need."""
    phrases: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for need in frames.needs().values():
        for stems in filter(None, map(_stems, need.words)):
            phrases.setdefault(stems[0], []).append((need.id, stems))
    return phrases


@lru_cache(maxsize=10_000)
def _subjects(title: tuple[str, ...]) -> tuple[tuple[str, int, int], ...]:
    """Return what a title says: id of the need, place and length of each phrase; a word alone counts at the start.

    "Trafic du réseau routier" is about traffic, not about the network.
    """
    said: list[tuple[str, int, int]] = []
    phrases = _needs_by_word()
    for place, word in enumerate(title):
        for need_id, stems in phrases.get(word, ()):
            is_first = not place or len(stems) > 1
            if is_first and _goes_on(stems, title[place : place + len(stems) + 2]):
                said.append((need_id, place, len(stems)))
    return tuple(said)


@lru_cache(maxsize=2_000)
def _akin(words: tuple[str, ...]) -> frozenset[str]:
    """Return the ids of the needs that have one of the phrases: copies of a need, and those of the same subject."""
    phrases = _needs_by_word()
    akin: set[str] = set()
    for stems in filter(None, map(_stems, words)):
        akin.update(need_id for need_id, other in phrases.get(stems[0], ()) if other == stems)
    return frozenset(akin)


def _is_of_another(need: Need, title: tuple[str, ...]) -> bool:
    """Return whether a title says a phrase of another need, before those of this one, and as long."""
    own = _akin(need.words) | {need.id}
    first, longest = len(title), 0
    for stems in map(_stems, need.words):
        if stems and set(stems) <= set(title):
            place = min(map(title.index, stems))
            first, longest = min(first, place), max(longest, len(stems))
    return any(
        need_id not in own and place < first and length >= longest
        for need_id, place, length in _subjects(title)
    )


def _place_of(stems: tuple[str, ...], text: tuple[str, ...]) -> int | None:
    """Return where the words are in the text in their order, with at most two others between them; None if nowhere."""
    for place, stem in enumerate(text):
        if stem in stems[:1] and _goes_on(stems, text[place : place + len(stems) + 2]):
            return place
    return None


def _title_worth(stems: tuple[str, ...], title: tuple[str, ...]) -> float:
    nearness = _nearness(stems, title)
    if not nearness and len(stems) > 1 and set(stems) <= set(title):
        nearness = APART
    if not nearness:
        return 0.0
    before = next(place for place, stem in enumerate(title) if stem in stems)
    return IN_TITLE * nearness + TO_THE_POINT / (1 + before)


def _nearness(stems: tuple[str, ...], text: tuple[str, ...]) -> float:
    """Return 1 if the words are together in the text, else 0."""
    return float(_place_of(stems, text) is not None)


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


def _exactness(values: Iterable[str], need: Need, ground: Ground) -> float:
    """Return what the places of a dataset are worth: the closer around the site, the more, if they hold all of it."""
    worth = 0.0
    for value in values:
        if value not in ground.order:
            continue
        level = next((kind for kind in EXACTNESS if value.startswith(kind)), "")
        exactness = EXACTNESS.get(level, 0.0)
        if need.place == "national" and level == "pays":
            exactness = EXACTNESS["departement"]
        worth = max(worth, exactness * ground.share(value) ** SHARE_POWER)
    return worth


def _rated(
    need: Need, row: Mapping[str, Any], dataset: dict[str, Any], finding: Finding, ground: Ground
) -> tuple[float, Candidate]:
    """Return a dataset as a candidate, and its worth."""
    match: Match = row["match"]
    view = View(dataset)
    worth = match.worth - _loss(view)
    if _is_table_name(view.title):
        worth -= TECHNICAL
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
        worth += _exactness(values, need, ground)
        if place:
            reasons.append(("place", {"place": place}))
    else:
        worth -= EXACTNESS["commune"]
    for points, reason in _qualities(need, row, dataset, view, ground):
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
    need: Need, row: Mapping[str, Any], dataset: dict[str, Any], view: View, ground: Ground
) -> list[Rated]:
    """Return points and reasons: competence of the producer, scale, age, quality, access."""
    rated: list[Rated] = []
    if _is_competent(dataset, ground):
        rated.append((PRODUCER, ("producer", {})))
    scale = view.scale
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


def _is_competent(dataset: Mapping[str, Any], ground: Ground) -> bool:
    """Return whether a dataset is of a service whose territory holds the site, or a part of it."""
    return territory_of_service(dataset) in ground.order


def _is_table_name(title: str) -> bool:
    return " " not in title.strip()


def _loss(view: View) -> float:
    """Return the points that a dataset loses by its age."""
    year = _year(view)
    if not year:
        return OLDEST / 2
    return min(OLDEST, YEARLY * max(0, datetime.now(timezone.utc).year - year))


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
