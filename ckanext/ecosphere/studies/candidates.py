"""Datasets for a need on a site: the best of the catalogue, and why.

Solr finds the datasets that have one of the phrases of a need, among those made for the places in
which the site lies. A need that reaches further (`distance`) is also met by the datasets of the
neighbours, which come after those of the site. If there are none, it looks everywhere: the need is
then known, and mapped elsewhere. They are ranked here, so that each rank has its reasons: what the
title says outweighs everything else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache, lru_cache
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import authorization, reach
from ckanext.ecosphere.studies import frames, presence, states
from ckanext.ecosphere.studies.content import DATA, load
from ckanext.ecosphere.studies.extents import Ground, finding_of, territory_of_service
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding

#: Datasets proposed for a need, and those that are read as a whole to choose them.
MOST, MOST_READ = 5, 7
#: Datasets that Solr gives for a need; more where it cannot select by place.
ROWS, ROWS_ANYWHERE = 40, 150
#: Ids in one question, and what is no part of one.
BATCH, NOT_IN_IDS = 150, re.compile(r"[^\w-]")
LONGEST_QUERY = 1_900
#: Index fields of the search room: places of a dataset, and themes with those above them.
PLACE_FIELD, THEME_FIELD = "vocab_ecosphere_place", "vocab_ecosphere_theme"
QUALITY_FIELD = "ecosphere_quality_score"
#: Fields in which a phrase is looked for, with the weight of each. Without the French schema,
#: keywords are whole terms.
SUBJECT = "title^8 ecosphere_tags^3 tags^3"
DESCRIPTION = "notes"
#: Words between those of a phrase: articles, and further names that the index has for a word.
SLOP = 4

POINTS: dict[str, Any] = load(DATA / "ranking.yaml")
#: How far below the best dataset of a need another may be, as a share of what its words are worth.
TOO_WEAK = 0.5
#: Phrases of a need that are good enough as mere keywords.
BEST_PHRASES = 2
_WORD = re.compile(r"\w+")
_AND = re.compile(r", | et ", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[6-9]|20)\d\d(?=\D|$)")

Words = tuple[str, ...]
Row = dict[str, Any]
Reason = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Candidate:
    """A dataset for a need.

    Attributes:
        package_id, title, organisation: of the dataset; `name` is the last part of its address.
        reasons: codes and parameters (`wording.REASONS`): words, theme, producer, scale, age,
            suitability…
        finding: what is known without asking a service: extent, share of the site, restriction.
        server: which can be asked for a count (`presence.count`), "" for none.
    """

    package_id: str
    name: str
    title: str
    organisation: str
    reasons: tuple[Reason, ...]
    finding: Finding
    server: str = ""


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


NO_MATCH = Match(0.0)


def look(needs: list[Need], site: Site, context: dict[str, Any]) -> dict[str, list[Candidate]]:
    """Return the best datasets of each need, best first, at most five, by id of the need.

    Only what the user of the context may read. One or two questions to Solr a need, in at most 3
    seconds for 60 needs.

    Raises:
        ckan.lib.search.SearchError: the search does not answer.
    """
    distances = {0.0, *map(_reach, needs)}
    grounds = {kilometres: Ground(site.widened_by(kilometres)) for kilometres in distances}
    ground = grounds[0.0]
    rows_of = {need.id: _rows(need, ground, grounds[_reach(need)], context) for need in needs}
    ids = (row["id"] for rows in rows_of.values() for row in rows)
    datasets = readable(ids, context)
    findings = {id_: finding_of(dataset, ground) for id_, dataset in datasets.items()}
    offered: dict[str, list[Candidate]] = {}
    for need in needs:
        rows = [row for row in rows_of[need.id] if row["id"] in datasets]
        largest = max((findings[row["id"]].share for row in rows), default=0.0)
        rated: list[tuple[float, Candidate]] = []
        for row in rows:
            dataset, finding = datasets[row["id"]], findings[row["id"]]
            is_near = not finding.share and finding_of(dataset, grounds[_reach(need)]).share > 0
            if largest and not (finding.share or is_near):
                continue
            worth, candidate = _rated(need, row, dataset, finding, ground)
            if is_near:
                near = ("near", {"distance": need.distance})
                candidate = replace(candidate, reasons=(*candidate.reasons, near))
            if largest:
                worth += POINTS["holds"] * finding.share / largest
            rated.append((worth, candidate))
        rated.sort(key=lambda pair: -pair[0])
        offered[need.id] = [candidate for _worth, candidate in rated[:MOST]]
    return offered


def _reach(need: Need) -> float:
    """Return the kilometres around a site in which the data of a need are looked for."""
    if need.place == "within":
        return need.distance
    return 0.0


# --- questions -------------------------------------------------------------------------------


def _has_places() -> bool:
    """Return whether the index knows the places of datasets (plugin ecosphere_search)."""
    return p.plugin_loaded("ecosphere_search")


def _rows(need: Need, ground: Ground, around: Ground, context: Mapping[str, Any]) -> list[Row]:
    """Return the index documents of the datasets of a need that are worth reading, best first.

    Args:
        need: the need.
        ground: the places of the site; the datasets of its neighbours are asked for apart, lest
            they take its rows.
        around: the places of all that the need reaches.
        context: that of the user.
    """
    question = {
        "q": _query(need.words),
        "defType": "edismax",
        "mm": "1",
        "tie": "0.1",
        "fl": ["id", "title", "notes", "tags", PLACE_FIELD, THEME_FIELD, QUALITY_FIELD],
    }
    if not question["q"]:
        return []
    number, looks = ROWS_ANYWHERE, [(SUBJECT, [""]), (DESCRIPTION, [""])]
    if _has_places():
        number = ROWS
        own = f"{PLACE_FIELD}:({_any_of(ground.values)})"
        wheres = [f"{own} OR (*:* -{PLACE_FIELD}:[* TO *])"]
        neighbours = [value for value in around.values if value not in ground.order]
        if neighbours:
            wheres.append(f"+{PLACE_FIELD}:({_any_of(neighbours)}) -{own}")
        looks = [(SUBJECT, wheres), (DESCRIPTION, wheres), (SUBJECT, [""])]
    for fields, wheres in looks:
        rows: list[Row] = []
        for where in wheres:
            filters = list(filter(None, ["+dataset_type:dataset", where]))
            asked = {**question, "qf": fields, "fq_list": filters, "rows": number}
            rows += _search(asked, context)
        best = _best(need, around, rows)
        if best:
            return best
    return []


def _any_of(values: Iterable[str]) -> str:
    return " OR ".join(f'"{value}"' for value in values)


def _search(question: Mapping[str, Any], context: Mapping[str, Any]) -> list[Row]:
    asked = {**question, "facet": "false", "include_private": True}
    # Actions change their context.
    return tk.get_action("package_search")(authorization.same_person(context), asked)["results"]


def readable(ids: Iterable[str], context: Mapping[str, Any]) -> dict[str, Row]:
    """Return those datasets that the user of a context may read, by id."""
    datasets: dict[str, Row] = {}
    unique = list(dict.fromkeys(filter(None, ids)))
    for start in range(0, len(unique), BATCH):
        wanted = _any_of(NOT_IN_IDS.sub("", id_) for id_ in unique[start : start + BATCH])
        question = {"q": "*:*", "fq_list": [f"id:({wanted})"], "rows": BATCH}
        datasets.update({dataset["id"]: dataset for dataset in _search(question, context)})
    return datasets


def _query(phrases: Sequence[str]) -> str:
    """Return a query for Solr's edismax parser that any of the phrases satisfies,
    the first best.
    """
    query = ""
    for rank, phrase in enumerate(phrases):
        # The index takes the endings off before the accents: "classés" and "classes" are two words
        # for it.
        spelt = [word for word in _WORD.findall(phrase.lower()) if _words(word)]
        if not spelt:
            continue
        clause = f'"{" ".join(spelt)}"'
        if len(spelt) > 1:
            clause = f"{clause}~{SLOP}"
        longer = f"{query} OR {clause}^{_weight(rank):.2f}".removeprefix(" OR ")
        if len(longer) > LONGEST_QUERY:
            break
        query = longer
    return query


def _weight(rank: int) -> float:
    return max(POINTS["least"], 1 - POINTS["later"] * rank)


# --- words -----------------------------------------------------------------------------------


def _words(text: str) -> Words:
    """Return the words of a text that say something, without case and accents."""
    return tuple(word for word in voc.normalise(text).split() if word not in voc.SMALL_WORDS)


@lru_cache(maxsize=20_000)
def _stems(text: str) -> Words:
    """Return the words of a text without their endings of number and gender, as the index has them,
    more or less.
    """
    return tuple(map(_stem, _words(text[:5_000])))


def _stem(word: str) -> str:
    if word.isdigit() or len(word) < 4:  # noqa: PLR2004
        return word
    if word.endswith("aux"):
        return word[:-3] + "al"
    return word.rstrip("sx").rstrip("e")


def _begins(stems: Words, text: Words) -> bool:
    """Return whether a text begins with a phrase, in its order,
    with at most two other words between.
    """
    rest = iter(text[: len(stems) + 2])
    return text[:1] == stems[:1] and all(stem in rest for stem in stems)


def _place_of(stems: Words, text: Words) -> int | None:
    """Return the place of a phrase in a text, None if it is nowhere."""
    places = range(len(text))
    return next((place for place in places if _begins(stems, text[place:])), None)


# --- ranking ---------------------------------------------------------------------------------


def _best(need: Need, ground: Ground, rows: list[Row]) -> list[Row]:
    """Return the index documents that are worth reading, by words, theme and place,
    each with `match` and `worth`.
    """
    matching: list[Row] = []
    for row in rows:
        theme = 0.0
        if set(need.themes).intersection(row.get(THEME_FIELD) or ()):
            theme = POINTS["theme"]
        match = _match(need, row, is_of_theme=bool(theme))
        worth = match.worth + theme + _exactness(row.get(PLACE_FIELD) or (), need, ground)
        if _is_table_name(str(row.get("title") or "")):
            worth += POINTS["technical"]
        if match.worth:
            matching.append({**row, "match": match, "worth": worth})
    least = max((row["match"].worth for row in matching), default=0) * TOO_WEAK
    matching.sort(key=lambda row: -row["worth"])
    return [row for row in matching if row["match"].worth >= least][:MOST_READ]


def _match(need: Need, row: Mapping[str, Any], *, is_of_theme: bool) -> Match:
    """Return how a dataset says that it is about a need; `NO_MATCH` if it only mentions one of its
    words.

    A keyword counts if it is one of the best phrases and the theme is right; a description, if the
    title is the name of a table, which says nothing.

    Args:
        is_of_theme: whether the dataset has a theme of the need.
    """
    text = str(row.get("title") or "")
    title = _stems(text)
    keywords = {_stems(str(tag)) for tag in row.get("tags") or ()}
    notes: Words = ()
    if _is_table_name(text):
        notes = _stems(str(row.get("notes") or ""))
    best = NO_MATCH
    for rank, phrase in enumerate(need.words):
        stems = _stems(phrase)
        is_single = len(stems) == 1
        weight = _weight(rank)
        if is_single:
            weight *= POINTS["single"]
        is_vague = is_single and rank and not phrase.isupper() and title[:1] != stems
        worth, code = 0.0, "title"
        if stems and (is_of_theme or not is_vague):
            worth = _title_worth(stems, title)
        if is_of_theme and rank < BEST_PHRASES and stems in keywords and worth < POINTS["keywords"]:
            worth, code = POINTS["keywords"], "keywords"
        is_in_notes = len(stems) > 1 and _place_of(stems, notes) is not None
        if is_of_theme and is_in_notes and worth < POINTS["text"]:
            worth, code = POINTS["text"], "text"
        if weight * worth > best.worth:
            best = Match(weight * worth, code, phrase)
    is_listed = _is_listed(need, text)
    if best.worth and not is_listed and _is_of_another(need, title, _stems(best.words)):
        return NO_MATCH
    return best


def _is_listed(need: Need, title: str) -> bool:
    """Return whether a title names the need besides another subject:
    "Carrières et gisements d'intérêt".
    """
    phrases = [stems for stems in map(_stems, need.words) if len(stems) > 1]
    for part in _AND.split(title)[1:]:
        stems = _stems(part)
        if any(_begins(phrase, stems) for phrase in phrases):
            return True
    return False


def _title_worth(stems: Words, title: Words) -> float:
    place = _place_of(stems, title)
    if place is not None:
        return POINTS["title"] + POINTS["to-the-point"] / (1 + place)
    if len(stems) > 1 and set(stems) <= set(title):
        place = min(map(title.index, stems))
        return POINTS["title"] * POINTS["apart"] + POINTS["to-the-point"] / (1 + place)
    return 0.0


@cache
def _phrases() -> dict[str, dict[Words, set[str]]]:
    """Return the phrases of all needs by their first word, each with the ids of its needs."""
    phrases: dict[str, dict[Words, set[str]]] = defaultdict(lambda: defaultdict(set))
    for need in frames.needs().values():
        for stems in filter(None, map(_stems, need.words)):
            phrases[stems[0]][stems].add(need.id)
    return phrases


@lru_cache(maxsize=10_000)
def _subjects(title: Words) -> tuple[tuple[int, Words], ...]:
    """Return the phrases of needs that a title says, and their places; a word alone counts at the
    start.

    "Trafic du réseau routier" is about traffic, not about the network.
    """
    subjects: list[tuple[int, Words]] = []
    for place, word in enumerate(title):
        for stems in _phrases().get(word, ()):
            if (not place or len(stems) > 1) and _begins(stems, title[place:]):
                subjects.append((place, stems))
    return tuple(subjects)


def _ids(stems: Words) -> set[str]:
    """Return the ids of the needs that have a phrase."""
    return _phrases().get(stems[0], {}).get(stems, set())


def _is_of_another(need: Need, title: Words, matched: Words) -> bool:
    """Return whether a title is rather about another need.

    It says a phrase of another subject, before those of this need and as long; or one that narrows
    the phrase that matched: "Cartographie des habitats benthiques" is about the sea. Or the phrase
    that matched is shared with another need, and the title goes on otherwise than this one:
    "ZNIEFF… de type I" is not of type II.
    """
    akin, first, longest = {need.id}, len(title), 0
    own = list(filter(None, map(_stems, need.words)))
    for stems in own:
        akin |= _ids(stems)
        if set(stems) <= set(title):
            first = min(first, *map(title.index, stems))
            longest = max(longest, len(stems))
    beginnings = {stems[:-1] for stems in own if len(stems) > 1}
    sharing = _ids(matched)
    subjects = [(place, stems, _ids(stems)) for place, stems in _subjects(title)]
    for place, stems, ids in subjects:
        is_before = place < first and len(stems) >= longest and not _narrows(matched, stems, title)
        is_rather_other = is_before or _narrows(stems, matched, title)
        if is_rather_other and not akin.issuperset(ids):
            return True
        goes_on_otherwise = stems[:-1] in beginnings and need.id not in ids
        if goes_on_otherwise and need.id in sharing and ids & sharing:
            return True
    return False


def _narrows(stems: Words, other: Words, title: Words) -> bool:
    """Return whether a title says another phrase, and at once goes on
    from its last word to this phrase.
    """
    joint = " ".join([*other, *stems[1:]])
    return other[-1:] == stems[:1] and len(stems) > 1 and f" {joint} " in f" {' '.join(title)} "


def _exactness(values: Iterable[str], need: Need, ground: Ground) -> float:
    """Return what the places of a dataset are worth: the closer around the site, the more,
    if they hold all of it.
    """
    worth, exactness = 0.0, POINTS["places"]
    for value in values:
        kind = next((kind for kind in exactness if value.startswith(kind)), "")
        if need.place == "national" and kind == "pays":
            kind = "departement"
        share = ground.share(value) ** POINTS["share-power"]
        worth = max(worth, exactness.get(kind, 0) * share)
    return worth


def _rated(
    need: Need, row: Row, dataset: Row, finding: Finding, ground: Ground
) -> tuple[float, Candidate]:
    """Return what a dataset is worth, and the dataset as a candidate."""
    reasons: list[Reason] = [(row["match"].code, {"words": row["match"].words})]
    worth = row["worth"]
    if not finding.share:
        worth += POINTS["elsewhere"]
    elif "place" in finding.params:
        reasons.append(("place", {"place": finding.params["place"]}))
    for points, code, params in _qualities(need, row, dataset, ground):
        worth += points
        if code:
            reasons.append((code, params))
    server = ""
    if finding.state != states.RESTRICTED:
        server = presence.server_of(dataset)
    candidate = Candidate(
        package_id=str(dataset["id"]),
        name=str(dataset.get("name") or ""),
        title=str(dataset.get("title") or dataset.get("name") or ""),
        organisation=str((dataset.get("organization") or {}).get("title") or ""),
        reasons=tuple(reasons),
        finding=finding,
        server=server,
    )
    return worth, candidate


def _qualities(
    need: Need, row: Row, dataset: Row, ground: Ground
) -> list[tuple[float, str, dict[str, Any]]]:
    """Return points, and the reason that says so if any: theme, producer, scale, age, quality,
    access.
    """
    view = View(dataset)
    rated: list[tuple[float, str, dict[str, Any]]] = []
    for theme in need.themes:
        if theme in (row.get(THEME_FIELD) or ()):
            rated.append((0.0, "theme", {"theme": theme}))
            break
    if territory_of_service(dataset) in ground.order:
        rated.append((POINTS["producer"], "producer", {}))
    if need.scale and view.scale.isdigit():
        points, code = POINTS["scale"], "scale"
        if int(view.scale) > need.scale:
            points, code = -points, "coarse"
        rated.append((points, code, {"scale": int(view.scale)}))
    year = _year(view)
    age = max(0, datetime.now(timezone.utc).year - year)
    rated.append((-min(POINTS["oldest"], POINTS["yearly"] * age), "", {}))
    if not year:
        rated[-1] = (-POINTS["oldest"] / 2, "", {})
    elif need.age and age <= need.age:
        rated.append((POINTS["age"], "recent", {"year": year}))
    elif need.age:
        rated.append((-POINTS["age"], "old", {"year": year}))
    quality = row.get(QUALITY_FIELD)
    if isinstance(quality, (int, float)):
        rated.append((POINTS["quality"] * quality / 100, "quality", {"score": round(quality)}))
    if reach.ways(dataset) == [reach.RESERVED]:
        rated.append((POINTS["reserved"], "restricted", {}))
    return rated


def _is_table_name(title: str) -> bool:
    return " " not in title.strip()


def _year(view: View) -> int:
    """Return the year of the data, 0 if not known."""
    ends = [str(period.get("end") or "") for period in view.rows("temporal_coverage")]
    modified, issued, created = map(view.text, ("modified", "issued", "created"))
    texts = (modified, max(ends, default=""), issued, created)
    return next((int(match[0]) for match in map(_YEAR.match, texts) if match), 0)
