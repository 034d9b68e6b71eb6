"""Rule for the territory of a dataset: URIs, codes, names, boxes and the service are evidence, weighed together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography import intercommunality, localities, places, weighing
from ckanext.ecosphere.harvest.normalise.geography.boxes import MOST, Hints, is_outside, of_box
from ckanext.ecosphere.harvest.normalise.geography.extent import Degrees
from ckanext.ecosphere.harvest.normalise.geography.merging import OUTSIDE, simplified
from ckanext.ecosphere.harvest.normalise.organisation import territory_of
from ckanext.ecosphere.harvest.normalise.tables import MAX_KEYWORDS, by_label, plain
from ckanext.ecosphere.harvest.record import Keyword, Record
from ckanext.ecosphere.vocabularies import Concept, phrases

MAX_TITLE, MAX_IDENTIFIERS, MAX_ROWS, MAX_DESCRIPTIONS = 500, 1_000, 200, 50
_ALIKE = 0.3
"""Similarity of boxes above which a name in a title is trusted."""
_LINKS = ("de la", "de l", "du", "des", "de", "d")
BOX, AREA_OF_SERVICE = "box", "area of the service"
_PLACE_THESAURUS = (
    "departement",
    "region",
    "commune",
    "epci",
    "territoire",
    "collectivites",
    "code officiel geographique",
    "cog",
    "insee",
    "pays",
    "adminexpress",
    "admin express",
    "place",
    "geographi",
    "lieux",
)
_NOT_PLACES = ("region maritime", "regionalis", "thema", "theme", "gemet", "inspire")
_LOOSE = ("place keyword", "keyword")
_CALLED = {"departement": ("departement",), "region": ("region",)}
"""Word before a name → possible types of the territory."""
_POSTAL = re.compile(r"\b(\d{5})\b")


def is_place(keyword: Keyword) -> bool:
    """Tell whether a keyword is a place, by its type or the title of its thesaurus."""
    if (keyword.type or "").lower() == "place":
        return True
    title = plain(keyword.thesaurus or "")
    return any(word in title for word in _PLACE_THESAURUS) and not any(word in title for word in _NOT_PLACES)


def territory(draft: Draft) -> None:
    """Take the first kind of evidence that the others do not outweigh; it is named in the log.

    A country gives way to a smaller territory of other evidence: records of one région or département often name
    "France" too. What is outweighed, and a bounding box elsewhere, is reported.
    """
    named = {how: find(draft) for how, find in WAYS}
    votes = _votes(draft, named)
    country: tuple[str, list[Concept]] | None = None
    for how, places_named in named.items():
        if weighing.outweighed(how, votes):
            draft.problem("place-contradiction", values=[place.label_fr for place in votes[how]])
            continue
        found = _uncontradicted(draft, places_named)
        if len(draft.boxes) > 1 and any(concept.data["type"] == "outre-mer" for concept in found):
            found += _of_boxes_elsewhere(draft, found)
        kept = simplified(found)
        if kept and all(concept.data["type"] == "pays" for concept in kept):
            country = country or (how, kept)
        elif kept:
            decided_by, kept = _narrowed(draft, how, kept)
            _report_box_elsewhere(draft, kept, votes)
            _decide(draft, decided_by, kept)
            return
    if not country and (area := by_organisation(draft)):
        country = (AREA_OF_SERVICE, area)
    if country:
        _decide(draft, *country)
    elif draft.boxes and all(map(is_outside, draft.boxes)):
        draft.problem("outside-france")
        _decide(draft, "box outside France", [voc.get("territories")[OUTSIDE]])


def _votes(draft: Draft, named: dict[str, list[Concept]]) -> dict[str, list[Concept]]:
    """Return the places on land that each kind of evidence names, the record's own service included."""
    own = _of_service(draft)
    given = {**named, AREA_OF_SERVICE: [own] if own else []}
    on_land = {how: weighing.on_land(places_named) for how, places_named in given.items()}
    return {how: places_named for how, places_named in on_land.items() if places_named}


def _report_box_elsewhere(draft: Draft, kept: list[Concept], votes: dict[str, list[Concept]]) -> None:
    """Report territories that no box of the record touches, although they were kept."""
    on_land = weighing.on_land(kept)
    if not draft.boxes or not on_land or any(_agrees(draft.boxes, concept) for concept in on_land):
        return
    if not weighing.related(on_land, votes.get(BOX, on_land)):
        draft.problem("place-off-box", values=[concept.label_fr for concept in on_land])


def _narrowed(draft: Draft, how: str, kept: list[Concept]) -> tuple[str, list[Concept]]:
    """Replace régions among the keywords by their départements that the title names, or that have the record's box.

    Such keywords often only state who made the record.
    """
    if how not in _LOOSE or any(concept.data["type"] not in ("region", "pays") for concept in kept):
        return how, kept
    named = [c for c in by_title(draft) if c.data["type"] in ("departement", "region")]
    if set(named) == set(kept):
        return how, kept
    if named and all(c in kept or c.broader in {region.uri for region in kept} for c in named):
        return "title", named
    if len(draft.boxes) == 1 and (exact := places.like_box(draft.boxes[0])):
        own = _of_service(draft) or exact
        if exact == own and exact.broader in {region.uri for region in kept}:
            return "box", [exact]
    return how, kept


def _decide(draft: Draft, how: str, kept: list[Concept]) -> None:
    draft.set("territory", [concept.uri for concept in kept])
    draft.change("territory", how, ", ".join(concept.label_fr for concept in kept))
    intercommunality.surround(draft, how, kept, _given_as_places(draft.record))


def _given_as_places(record: Record) -> list[str]:
    """Return identifiers, descriptions and keywords of places."""
    texts = [text for each in record.geographic_identifiers[:MAX_IDENTIFIERS] for text in (each.href, each.code)]
    texts += record.extent_descriptions[:MAX_DESCRIPTIONS]
    texts += [text for each in record.keywords[:MAX_KEYWORDS] if is_place(each) for text in (each.href, each.text)]
    return [text for text in texts if text]


# --- the ways -----------------------------------------------------------------------------------


def by_identifier(draft: Draft) -> list[Concept]:
    """Return the territories of geographic identifiers: INSEE or EU URIs, then codes, then names."""
    found: list[Concept] = []
    coverage = draft.dataset.get("spatial_coverage", [])
    known = {item.get("uri") for item in coverage}
    without_row: list[str] = []
    for texts in _identifiers(draft):
        found += _first(texts, places.from_uri, places.from_code, places.from_name) or _written(draft, texts)
        uri = next((text for text in texts if text.startswith("http")), None)
        if not uri or uri in known:
            continue
        known.add(uri)
        if len(coverage) >= MAX_ROWS:
            without_row.append(uri)
            continue
        label = next((text for text in texts if not text.startswith("http")), "")
        coverage.append({"uri": uri, "text": label})
        draft.dataset["spatial_coverage"] = coverage
    if without_row:
        draft.lost("geographicIdentifier", without_row)
    return found


def _identifiers(draft: Draft) -> list[list[str]]:
    """Return the texts of each geographic identifier, and of each code of those that hold a list."""
    given = draft.record.geographic_identifiers
    groups: list[list[str]] = []
    read = 0
    while read < len(given) and len(groups) <= MAX_IDENTIFIERS:
        groups += localities.each_named(given[read])
        read += 1
    count = len(groups) + len(given) - read
    if count > MAX_IDENTIFIERS:
        draft.too_many("geographicIdentifier", count, MAX_IDENTIFIERS)
    return groups[:MAX_IDENTIFIERS]


def _written(draft: Draft, texts: list[str]) -> list[Concept]:
    """Return territories written with their type or code: "Département 80", "Somme (80)"."""
    told = _first(texts, _called_one, localities.with_its_code)
    return told or [c for text in texts for c in localities.coded_in(text[:MAX_TITLE])] or _of_epci(draft, texts)


def by_place_keyword(draft: Draft) -> list[Concept]:
    """Return the territories of place keywords."""
    found: list[Concept] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        if is_place(keyword):
            texts = [text for text in (keyword.href, keyword.text) if text]
            told = _first(texts, places.from_uri, places.from_name, places.from_code) or _written(draft, texts)
            doubtful = bool(draft.boxes) and places.is_common_word(keyword.text)
            found += [concept for concept in told if not doubtful or _agrees(draft.boxes, concept)]
    return found


def by_title(draft: Draft) -> list[Concept]:
    """Return the territories that the title names, if boxes or service agree, since many are named after rivers."""
    own = _of_service(draft)
    title = (draft.record.title or "")[:MAX_TITLE]
    if coded := [c for c in localities.coded_in(title) if c == own or _agrees(draft.boxes, c, without_boxes=True)]:
        return coded
    found = places.in_text(title)
    regional = [concept for concept in found if concept.data["type"] not in ("pays", "autre")]
    return [c for c in regional if (own and c.uri == own.uri) or _fits(draft, c) or _is_called_one(draft, title, c)]


def _is_called_one(draft: Draft, title: str, concept: Concept) -> bool:
    """Tell whether, without boxes, a title calls the place a département: "du département de la Nièvre"."""
    name, words = plain(concept.label_fr), f" {plain(title)} "
    return not draft.boxes and any(f" departement {link} {name} " in words for link in _LINKS)


def _fits(draft: Draft, concept: Concept) -> bool:
    """Tell whether a box lies in a territory or resembles its box; without boxes, accept long names or régions."""
    if not draft.boxes:
        return len(plain(concept.label_fr).split()) > 1 or concept.data["type"] != "departement"
    around: Degrees = concept.data["bbox"]
    return any(places.holds(around, box) or places.likeness(box, around) >= _ALIKE for box in draft.boxes)


def _of_service(draft: Draft) -> Concept | None:
    """Return the département or overseas territory of the service, if the record itself names the service."""
    uri = territory_of(draft.dataset.get("owner_org")) if draft.organisation_found else None
    concept = voc.get("territories").get(uri) if uri else None
    return concept if concept and concept.data["type"] in ("departement", "outre-mer") else None


def _uncontradicted(draft: Draft, found: list[Concept]) -> list[Concept]:
    """Drop territories outside the box if title or service agree with the box: they come from a copied record."""
    if not draft.boxes:
        return found
    off = [concept for concept in found if not _agrees(draft.boxes, concept)]
    if not off or len(draft.boxes) > 1:
        return found
    own = _of_service(draft)
    trusted = [*([own] if own else []), *by_title(draft), *(c for c in found if c not in off)]
    if not any(_agrees(draft.boxes, concept) for concept in trusted):
        return found
    draft.problem("place-contradiction", values=[concept.label_fr for concept in off])
    return [concept for concept in found if concept not in off]


def by_keyword(draft: Draft) -> list[Concept]:
    """Return the territories of any keywords that are names or codes, if the boxes agree: "Loire" may be a river."""
    found: list[Concept] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        texts = [text for text in (keyword.href, keyword.text) if text]
        found += _first(texts, places.from_uri, places.from_name, _long_code)
    return [concept for concept in found if _agrees(draft.boxes, concept)]


def by_description(draft: Draft) -> list[Concept]:
    """Return the territories of extent descriptions: the whole text, else names within it if the boxes agree."""
    found: list[Concept] = []
    texts = draft.record.extent_descriptions
    if len(texts) > MAX_DESCRIPTIONS:
        draft.too_many("EX_Extent/description", len(texts), MAX_DESCRIPTIONS)
    for text in texts[:MAX_DESCRIPTIONS]:
        whole = places.from_name(text) or places.from_code(text)
        whole = whole or _called_one(text) or localities.with_its_code(text)
        named = [whole] if whole else _of_epci(draft, [text]) or places.in_text(text)
        whole = whole or localities.epci_called(text)
        found += [concept for concept in named if _agrees(draft.boxes, concept, whole is not None)]
    return found


def by_file_name(draft: Draft) -> list[Concept]:
    """Return territories of planning documents (``22358_PLU_20190101``) and tables (``N_ZONE_BRUIT_S_087``) by name."""
    record = draft.record
    texts = [record.file_identifier or "", *(identifier.code for identifier in record.identifiers), record.title or ""]
    found = [places.in_file_name(text[:300]) for text in texts]
    return [concept for concept in found if concept and _agrees(draft.boxes, concept, without_boxes=True)]


def by_locality(draft: Draft) -> list[Concept]:
    """Return the territory of the commune or intercommunality that the title or an organisation names."""
    record = draft.record
    for text in (record.title or "", *(contact.organisation or "" for contact in record.contacts[:20])):
        found = [c for c in localities.named_in(text) if _agrees(draft.boxes, c, without_boxes=True)]
        if found:
            return found
    return []


def by_box(draft: Draft) -> list[Concept]:
    """Return the territories of the boxes: those with the same box, containing it, or covered by it."""
    hints = _hints(draft)
    found = [concept for box in draft.boxes for concept in of_box(box, hints)]
    if len(simplified(found)) > MOST:
        around = places.hull(draft.boxes)
        return of_box(around, hints) if around else []
    return found


def by_organisation(draft: Draft) -> list[Concept]:
    """Return the area of the service, for a record without boxes; not that of a mere fallback service.

    A service that the record does not name is that of its source: a national one also publishes data about other
    countries, so that it says nothing.
    """
    owner = draft.dataset.get("owner_org")
    named = draft.organisation_found
    if draft.boxes or (owner == draft.context.fallback_organisation and not named):
        return []
    uri = territory_of(owner)
    concept = voc.get("territories").get(uri) if uri else None
    if concept is None or (concept.data["type"] == "pays" and not named):
        return []
    return [concept]


WAYS: tuple[tuple[str, Callable[[Draft], list[Concept]]], ...] = (
    ("geographic identifier", by_identifier),
    ("place keyword", by_place_keyword),
    ("title", by_title),
    ("keyword", by_keyword),
    ("extent description", by_description),
    ("name of the document", by_file_name),
    (intercommunality.LOCALITY, by_locality),
    (BOX, by_box),
)
"""Kinds of evidence that are weighed, in the order in which they decide."""


# --- helpers ----------------------------------------------------------------------------------------


def _first(texts: Iterable[str], *finders: Callable[[str], Concept | None]) -> list[Concept]:
    for finder in finders:
        for text in texts:
            found = finder(text)
            if found:
                return [found]
    return []


def _called_one(text: str) -> Concept | None:
    """Return the territory that a text calls a département or a région: "Département de la Creuse"."""
    words = plain(text[: phrases.MAX_CACHED]).split()
    if not words or words[0] not in _CALLED:
        return None
    if len(words) == 2 and (coded := places.from_code(words[1])):  # noqa: PLR2004 - "Département 80"
        return coded if coded.data["type"] in (*_CALLED[words[0]], "outre-mer") else None
    found = (places.from_name(" ".join(words[start:])) for start in range(1, min(4, len(words))))
    concept = next(filter(None, found), None)
    return concept if concept and concept.data["type"] in (*_CALLED[words[0]], "outre-mer") else None


def _of_epci(draft: Draft, texts: Iterable[str]) -> list[Concept]:
    """Return the départements of an intercommunality, if the boxes agree: former ones had names that others have."""
    named = next((epci for text in texts if (epci := localities.epci_called(text))), None)
    found = [concept for code in (named.departements if named else ()) if (concept := places.departement(code))]
    return [concept for concept in found if _agrees(draft.boxes, concept, without_boxes=True)]


def _long_code(text: str) -> Concept | None:
    """Return the territory of a bare code if it is that of a commune: shorter numbers may mean anything."""
    return places.from_code(text) if len(text.strip()) >= 5 else None  # noqa: PLR2004 - INSEE code


def _agrees(boxes: list[Degrees], concept: Concept, without_boxes: bool = False) -> bool:
    if not boxes:
        return without_boxes
    return any(places.likeness(box, concept.data["bbox"]) > 0 for box in boxes)


_SEA_TOPICS, _SEA_THEMES = {"oceans"}, {"of", "sr"}


def _is_of_the_sea(draft: Draft) -> bool:
    """Tell whether the record is about the sea, by its topic or its INSPIRE themes."""
    if _SEA_TOPICS & set(draft.record.topic_categories):
        return True
    labels = by_label("inspire-themes", "inspire", "labels")
    words = (keyword.text for keyword in draft.record.keywords[:MAX_KEYWORDS])
    return any(labels.get(plain(word)) in _SEA_THEMES for word in words if len(word) <= phrases.MAX_CACHED)


def _hints(draft: Draft) -> Hints:
    """Return hints for a box: départements of the service and of the parties' postal codes, and the subject."""
    uris = {territory_of(draft.dataset.get("owner_org")) or ""}
    for contact in (*draft.record.contacts, *draft.record.metadata_contacts):
        for line in contact.address:
            for code in _POSTAL.findall(line):
                concept = places.departement(code)
                if concept:
                    uris.add(concept.uri)
    return Hints(_of_service(draft), uris, _is_of_the_sea(draft))


def _of_boxes_elsewhere(draft: Draft, found: list[Concept]) -> list[Concept]:
    """Return territories of the boxes away from those named: beside overseas boxes, they stand for the mainland.

    In other records, a box away from the territory is usually left over from a copied record.
    """
    off = [box for box in draft.boxes if not any(places.likeness(box, c.data["bbox"]) > 0 for c in found)]
    hints = _hints(draft)
    others = [concept for box in off for concept in of_box(box, hints)]
    return [concept for concept in others if concept.data["type"] != "departement"]
