"""The territory of a dataset: by address or code, then by name, then by box, then its service's area."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography import localities, places
from ckanext.ecosphere.harvest.normalise.geography.extent import Degrees
from ckanext.ecosphere.harvest.normalise.organisation import territory_of
from ckanext.ecosphere.harvest.normalise.tables import MAX_CACHED, by_label, plain
from ckanext.ecosphere.harvest.record import Keyword
from ckanext.ecosphere.vocabularies import Concept

MAX_TERRITORIES = 12
MAX_KEYWORDS, MAX_TITLE = 2_000, 500
_ALIKE = 0.3
"""Likeness of a box and a territory's from which on a name in a title may be believed."""
OUTSIDE = "autre-hors-france"
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
_POSTAL = re.compile(r"\b(\d{5})\b")
_CLEAR, _MARGIN = 0.75, 0.25


def is_place(keyword: Keyword) -> bool:
    """Tell whether a keyword is given as a place, by its type or by the title of its thesaurus."""
    if (keyword.type or "").lower() == "place":
        return True
    title = plain(keyword.thesaurus or "")
    return any(word in title for word in _PLACE_THESAURUS) and not any(word in title for word in _NOT_PLACES)


def territory(draft: Draft) -> None:
    """Apply the ways in order; the first that finds something decides, and is named in the log.

    A whole country gives way to a smaller territory that a later way finds: records of one région or
    département often say "France" too.
    """
    country: tuple[str, list[Concept]] | None = None
    for how, find in WAYS:
        if country and find is by_organisation:
            break
        found = _uncontradicted(draft, find(draft))
        if len(draft.boxes) > 1 and any(concept.data["type"] == "outre-mer" for concept in found):
            found += _of_boxes_elsewhere(draft, found)
        kept = simplified(found)
        if kept and all(concept.data["type"] == "pays" for concept in kept):
            country = country or (how, kept)
        elif kept:
            _decide(draft, how, kept)
            return
    if country:
        _decide(draft, *country)
    elif draft.boxes:
        draft.problem("outside-france")
        _decide(draft, "box outside France", [voc.get("territories")[OUTSIDE]])


def _decide(draft: Draft, how: str, kept: list[Concept]) -> None:
    draft.set("territory", [concept.uri for concept in kept])
    draft.change("territory", how, ", ".join(concept.label_fr for concept in kept))


# --- the ways -----------------------------------------------------------------------------------


def by_identifier(draft: Draft) -> list[Concept]:
    """Geographic identifiers: INSEE or EU addresses, then codes, then names."""
    found: list[Concept] = []
    for identifier in draft.record.geographic_identifiers[:200]:
        texts = [text for text in (identifier.href, identifier.code) if text]
        found += _first(texts, places.from_uri, places.from_code, places.from_name)
        uri = next((text for text in texts if text.startswith("http")), None)
        if uri and uri not in [item.get("uri") for item in draft.dataset.get("spatial_coverage", [])]:
            draft.dataset.setdefault("spatial_coverage", []).append({"uri": uri})
    return found


def by_place_keyword(draft: Draft) -> list[Concept]:
    """Keywords that are given as places."""
    found: list[Concept] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        if is_place(keyword):
            texts = [text for text in (keyword.href, keyword.text) if text]
            told = _first(texts, places.from_uri, places.from_name, places.from_code)
            doubtful = bool(draft.boxes) and places.is_common_word(keyword.text)
            found += [concept for concept in told if not doubtful or _agrees(draft.boxes, concept)]
    return found


def by_title(draft: Draft) -> list[Concept]:
    """Territories that the title names, when the boxes or the service say so too: many are called after rivers."""
    own = _of_service(draft)
    found = places.in_text((draft.record.title or "")[:MAX_TITLE])
    regional = [concept for concept in found if concept.data["type"] not in ("pays", "autre")]
    return [c for c in regional if (own and c.uri == own.uri) or _fits(draft, c)]


def _fits(draft: Draft, concept: Concept) -> bool:
    """Whether a box lies in a territory or is like it; without boxes, several words or a région will do."""
    if not draft.boxes:
        return len(plain(concept.label_fr).split()) > 1 or concept.data["type"] != "departement"
    around: Degrees = concept.data["bbox"]
    return any(places.holds(around, box) or places.likeness(box, around) >= _ALIKE for box in draft.boxes)


def _of_service(draft: Draft) -> Concept | None:
    """The département or overseas territory of the service, when the record itself names the service."""
    uri = territory_of(draft.dataset.get("owner_org")) if draft.organisation_found else None
    concept = voc.get("territories").get(uri) if uri else None
    return concept if concept and concept.data["type"] in ("departement", "outre-mer") else None


def _uncontradicted(draft: Draft, found: list[Concept]) -> list[Concept]:
    """Leave out what lies off the box when title or service lie in it: words of the record that was copied."""
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
    """Any keyword that is a territory's name or code, when the boxes agree: "Loire" may be a river."""
    found: list[Concept] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        texts = [text for text in (keyword.href, keyword.text) if text]
        found += _first(texts, places.from_uri, places.from_name, _long_code)
    return [concept for concept in found if _agrees(draft.boxes, concept)]


def by_description(draft: Draft) -> list[Concept]:
    """Descriptions of the extent, as a whole, then the names within them when the boxes agree."""
    found: list[Concept] = []
    for text in draft.record.extent_descriptions[:50]:
        whole = places.from_name(text) or places.from_code(text)
        named = [whole] if whole else places.in_text(text)
        found += [concept for concept in named if _agrees(draft.boxes, concept, whole is not None)]
    return found


def by_file_name(draft: Draft) -> list[Concept]:
    """Codes in names of urban planning documents (``22358_PLU_20190101``) and of tables (``N_ZONE_BRUIT_S_087``)."""
    record = draft.record
    texts = [record.file_identifier or "", *(identifier.code for identifier in record.identifiers), record.title or ""]
    found = [places.in_file_name(text[:300]) for text in texts]
    return [concept for concept in found if concept and _agrees(draft.boxes, concept, without_boxes=True)]


def by_locality(draft: Draft) -> list[Concept]:
    """The commune or intercommunality that the title names, or an organisation of the record."""
    record = draft.record
    for text in (record.title or "", *(contact.organisation or "" for contact in record.contacts[:20])):
        found = [c for c in localities.named_in(text) if _agrees(draft.boxes, c, without_boxes=True)]
        if found:
            return found
    return []


def by_box(draft: Draft) -> list[Concept]:
    """The boxes: the territory that each is the box of, that holds it, or that it covers."""
    found: list[Concept] = []
    for box in draft.boxes:
        found += _of_box(draft, box)
    if len(simplified(found)) > MAX_TERRITORIES:
        around = places.hull(draft.boxes)
        return _of_wide_box(around) if around else []
    return found


def by_organisation(draft: Draft) -> list[Concept]:
    """The area of the service, for a record without any box: its own or its source's, not a mere fallback's."""
    owner = draft.dataset.get("owner_org")
    if draft.boxes or (owner == draft.context.fallback_organisation and not draft.organisation_found):
        return []
    uri = territory_of(owner)
    concept = voc.get("territories").get(uri) if uri else None
    return [concept] if concept else []


WAYS: tuple[tuple[str, Callable[[Draft], list[Concept]]], ...] = (
    ("geographic identifier", by_identifier),
    ("place keyword", by_place_keyword),
    ("title", by_title),
    ("keyword", by_keyword),
    ("extent description", by_description),
    ("name of the document", by_file_name),
    ("locality", by_locality),
    ("box", by_box),
    ("area of the service", by_organisation),
)


# --- helpers ----------------------------------------------------------------------------------------


def _first(texts: Iterable[str], *finders: Callable[[str], Concept | None]) -> list[Concept]:
    for finder in finders:
        for text in texts:
            found = finder(text)
            if found:
                return [found]
    return []


def _long_code(text: str) -> Concept | None:
    """A bare code counts only when it is a commune's: a number of two digits says anything."""
    return places.from_code(text) if len(text.strip()) >= 5 else None  # noqa: PLR2004 - INSEE code


def _agrees(boxes: list[Degrees], concept: Concept, without_boxes: bool = False) -> bool:
    if not boxes:
        return without_boxes
    return any(places.likeness(box, concept.data["bbox"]) > 0 for box in boxes)


def simplified(found: Iterable[Concept]) -> list[Concept]:
    """Keep each territory once, and the smaller where a larger one holds it; a whole région's départements
    become the région."""
    territories = voc.get("territories")
    kept = dict.fromkeys(found)
    for region in dict.fromkeys(c.broader for c in kept if c.broader):
        children = [c for c in territories.children(region) if c.data["type"] == "departement"]
        if len(children) > 1 and all(child in kept for child in children):
            kept = dict.fromkeys([territories[region], *(c for c in kept if c not in children)])
    larger = {ancestor for concept in kept for ancestor in territories.ancestors(concept.uri)}
    return [concept for concept in kept if concept not in larger or len(kept) == 1]


_SEA_TOPICS, _SEA_THEMES = {"oceans"}, {"of", "sr"}


def _is_of_the_sea(draft: Draft) -> bool:
    """Whether the record is about the sea, by its topic or its INSPIRE themes."""
    if _SEA_TOPICS & set(draft.record.topic_categories):
        return True
    labels = by_label("inspire-themes", "inspire", "labels")
    words = (keyword.text for keyword in draft.record.keywords[:MAX_KEYWORDS])
    return any(labels.get(plain(word)) in _SEA_THEMES for word in words if len(word) <= MAX_CACHED)


def _of_box(draft: Draft, box: Degrees) -> list[Concept]:
    own = _of_service(draft)
    if own and places.mostly_within(box, own):
        return [own]
    around = places.around_box(box)
    if not around and _is_of_the_sea(draft) and (zones := places.sea_zones(box)):
        return zones
    hints = _hints(draft)
    around = [concept for concept in around if concept.broader in hints] or around  # a service's data lie in its région
    told = next((concept for concept in around if concept.uri in hints), None) or places.like_box(box)
    if told:
        return [told]
    if places.is_abroad(box) and not places.covers(box, voc.get("territories")["pays-fxx"]):
        return []
    if around:
        return [_most_likely(box, around)]
    return _of_wide_box(box, hints)


def _most_likely(box: Degrees, around: list[Concept]) -> Concept:
    """Choose among the territories whose boxes hold this one; in doubt, the région they share."""
    if len(around) == 1:
        return around[0]
    first, second = (places.nearness(box, concept) for concept in around[:2])
    clear = first < _CLEAR and second - first > _MARGIN
    regions = {concept.broader for concept in around}
    if not clear and len(regions) == 1 and (region := regions.pop()):
        return voc.get("territories")[region]
    return around[0]


def _of_wide_box(box: Degrees, hints: Collection[str] = ()) -> list[Concept]:
    """A box that no département holds: its région, the country, the seas, or all that it touches."""
    territories = voc.get("territories")
    if places.covers(box, territories["pays-fxx"]):
        wide = places.likeness(box, territories["pays-fxx"].data["bbox"])
        return [territories["pays-fxx" if wide > 0.3 else "pays-fra"]]  # noqa: PLR2004 - far beyond France
    regions = [c for c in places.of_type("region") if places.holds(c.data["bbox"], box)]
    if regions:
        return [min(regions, key=lambda concept: (concept.uri not in hints, places.nearness(box, concept)))]
    touched = places.explaining(box)
    if touched:
        covered = [c for c in places.of_type("region", "outre-mer") if places.covers(box, c)]
        if covered:
            return covered
        parents = {c.broader for c in touched[:MAX_TERRITORIES] if c.broader}
        if len(touched) > MAX_TERRITORIES // 2 and parents:
            return [territories[parent] for parent in sorted(parents)]
        return touched
    return places.sea_zones(box)


def _of_boxes_elsewhere(draft: Draft, found: list[Concept]) -> list[Concept]:
    """Of several boxes beside overseas ones, those that lie off the territories named stand for the mainland.

    Elsewhere a box off the territory is rather a leftover of the record that this one was copied from.
    """
    off = [box for box in draft.boxes if not any(places.likeness(box, c.data["bbox"]) > 0 for c in found)]
    others = [concept for box in off for concept in _of_box(draft, box)]
    return [concept for concept in others if concept.data["type"] != "departement"]


def _hints(draft: Draft) -> set[str]:
    """Départements of the service and of the postal codes of the parties: they decide in doubt."""
    uris = {territory_of(draft.dataset.get("owner_org")) or ""}
    for contact in (*draft.record.contacts, *draft.record.metadata_contacts):
        for line in contact.address:
            for code in _POSTAL.findall(line):
                concept = places.departement(code)
                if concept:
                    uris.add(concept.uri)
    return uris
