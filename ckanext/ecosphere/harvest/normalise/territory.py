"""Rule for the territory of a dataset: names, codes, boxes and the service are weighed together.

One kind of evidence yields when several others agree on another place: a code copied with the
record of a neighbour, for example, yields to bounding box, title and name of the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry, places
from ckanext.ecosphere.dataset.places import OUTSIDE, simplified
from ckanext.ecosphere.harvest.normalise import extent
from ckanext.ecosphere.harvest.normalise.contacts import territory_of
from ckanext.ecosphere.harvest.normalise.draft import MAX_KEYWORDS, Draft, by_label, plain, reason
from ckanext.ecosphere.harvest.normalise.extent import Hints
from ckanext.ecosphere.harvest.record import Identifier, Keyword
from ckanext.ecosphere.vocabularies import Concept, phrases
from ckanext.ecosphere.vocabularies.epcis import Epci, outlines

Finder = Callable[[str], Concept | None]

MAX_TITLE, MAX_IDENTIFIERS, MAX_ROWS, MAX_DESCRIPTIONS = 500, 1_000, 200, 50
MAX_NAME_OF_A_FILE, MAX_PARTIES = 300, 20
MAX_LISTED = 50_000
"""Maximum characters of an identifier with several codes."""
_ALIKE = 0.3
"""Similarity of boxes above which a name in a title is trusted."""
_CODE_OF_A_COMMUNE = 5
"""Characters of the shortest code that can mean nothing else."""
_LINKS = ("de la", "de l", "du", "des", "de", "d")
_PLACE_THESAURUS = (
    "departement", "region", "commune", "epci", "territoire", "collectivites",
    "code officiel geographique", "cog", "insee", "pays", "adminexpress", "admin express", "place",
    "geographi", "lieux",
)  # fmt: skip
_NOT_PLACES = ("region maritime", "regionalis", "thema", "theme", "gemet", "inspire")
_LOOSE = ("place keyword", "keyword")
_CALLED = ("departement", "region")
"""Words before a name that are also the type of the territory."""
_ON_LAND = ("region", "departement", "outre-mer")
"""Types of territory that contradict each other; countries contain them, seas lie beside them."""
_SEA_TOPICS, _SEA_THEMES = {"oceans"}, {"of", "sr"}
_POSTAL = re.compile(r"\b(\d{5})\b")
_BETWEEN_CODES = re.compile(r"[;,|\s]+")


def is_place(keyword: Keyword) -> bool:
    """Tell whether a keyword is a place, by its type or the title of its thesaurus."""
    if (keyword.type or "").lower() == "place":
        return True
    title = plain(keyword.thesaurus or "")
    if any(word in title for word in _NOT_PLACES):
        return False
    return any(word in title for word in _PLACE_THESAURUS)


# --- the rule --------------------------------------------------------------------------------


def territory(draft: Draft) -> None:
    """Take the first kind of evidence that the others do not outweigh; it is named in the log.

    A country gives way to a smaller territory of other evidence: records of one région or
    département often name "France" too. What is outweighed, and a bounding box elsewhere, is
    reported.
    """
    named = {evidence: find(draft) for evidence, find in EVIDENCE.items()}
    votes = _votes(draft, named)
    country: tuple[str, list[Concept]] | None = None
    for evidence, candidates in named.items():
        if _is_outweighed(evidence, votes):
            _report_contradiction(draft, votes[evidence])
            continue
        possible = _with_boxes_elsewhere(draft, _uncontradicted(draft, candidates))
        concepts = simplified(possible)
        if concepts and all(concept.data["type"] == "pays" for concept in concepts):
            country = country or (evidence, concepts)
        elif concepts:
            decisive, concepts = _narrowed(draft, evidence, concepts)
            _report_box_elsewhere(draft, concepts, votes)
            _decide(draft, decisive, concepts)
            return
    area = _of_organisation(draft)
    if country:
        _decide(draft, *country)
    elif area:
        _decide(draft, "area of the service", [area])
    elif draft.boxes and all(map(extent.is_outside, draft.boxes)):
        draft.problem("outside-france")
        _decide(draft, "box outside France", [voc.get("territories")[OUTSIDE]])


def _decide(draft: Draft, evidence: str, concepts: list[Concept]) -> None:
    draft.set("territory", [concept.uri for concept in concepts])
    labels = ", ".join(concept.label_fr for concept in concepts)
    draft.change("territory", reason(evidence), labels)
    _surround(draft, evidence, concepts)


def _report_contradiction(draft: Draft, concepts: Iterable[Concept]) -> None:
    draft.problem("place-contradiction", values=[concept.label_fr for concept in concepts])


# --- weighing --------------------------------------------------------------------------------


def _votes(draft: Draft, named: dict[str, list[Concept]]) -> dict[str, list[Concept]]:
    """Return the places on land that each kind of evidence names, the record's service included."""
    own = _of_service(draft)
    votes = {evidence: _on_land(concepts) for evidence, concepts in named.items()}
    if own:
        votes["area of the service"] = _on_land([own])
    return {evidence: concepts for evidence, concepts in votes.items() if concepts}


def _on_land(concepts: Iterable[Concept]) -> list[Concept]:
    return [concept for concept in concepts if concept.data["type"] in _ON_LAND]


def _are_related(one: Collection[Concept], other: Collection[Concept]) -> bool:
    """Tell whether a territory of one list is, contains or lies in one of the other."""
    if not _with_ancestors(one).isdisjoint(other):
        return True
    return not _with_ancestors(other).isdisjoint(one)


def _with_ancestors(concepts: Collection[Concept]) -> set[Concept]:
    around = set(concepts)
    for concept in concepts:
        around.update(_on_land(voc.get("territories").ancestors(concept.uri)))
    return around


def _is_outweighed(evidence: str, votes: Mapping[str, Collection[Concept]]) -> bool:
    """Tell whether one kind of evidence is contradicted by more kinds than agree with it.

    Args:
        evidence: kind of evidence to judge.
        votes: kind of evidence → its places on land, without kinds that name none.
    """
    own = votes.get(evidence)
    if not own:
        return False
    against = [concepts for concepts in votes.values() if not _are_related(concepts, own)]
    support = len(votes) - len(against)
    for rival in against:
        allies = [concepts for concepts in against if _are_related(concepts, rival)]
        if len(allies) > support:
            return True
    return False


def _report_box_elsewhere(
    draft: Draft, concepts: list[Concept], votes: dict[str, list[Concept]]
) -> None:
    """Report territories that no box of the record touches, although they were kept."""
    on_land = _on_land(concepts)
    if not draft.boxes or not on_land or any(_agrees(draft, concept) for concept in on_land):
        return
    if not _are_related(on_land, votes.get("box", on_land)):
        draft.problem("place-off-box", values=[concept.label_fr for concept in on_land])


def _narrowed(draft: Draft, evidence: str, concepts: list[Concept]) -> tuple[str, list[Concept]]:
    """Replace régions among the keywords by their départements that title or box name.

    Such keywords often only state who made the record.
    """
    types = {concept.data["type"] for concept in concepts}
    if evidence not in _LOOSE or not types <= {"region", "pays"}:
        return evidence, concepts
    regions = {concept.uri for concept in concepts}
    named = [c for c in by_title(draft) if c.data["type"] in ("departement", "region")]
    if set(named) == set(concepts):
        return evidence, concepts
    if named and all(c in concepts or c.broader in regions for c in named):
        return "title", named
    if len(draft.boxes) == 1:
        exact = extent.like_box(draft.boxes[0])
        if exact and exact == (_of_service(draft) or exact) and exact.broader in regions:
            return "box", [exact]
    return evidence, concepts


def _uncontradicted(draft: Draft, concepts: list[Concept]) -> list[Concept]:
    """Drop territories outside the box if title or service agree with the box.

    They come from a copied record.
    """
    if len(draft.boxes) != 1:
        return concepts
    agreeing = [concept for concept in concepts if _agrees(draft, concept)]
    off = [concept for concept in concepts if concept not in agreeing]
    if not off:
        return concepts
    own = _of_service(draft)
    is_trusted = agreeing or (own and _agrees(draft, own))
    if not is_trusted and not any(_agrees(draft, concept) for concept in by_title(draft)):
        return concepts
    _report_contradiction(draft, off)
    return agreeing


def _with_boxes_elsewhere(draft: Draft, concepts: list[Concept]) -> list[Concept]:
    """Add the territories of the boxes away from overseas ones: these boxes mean the mainland.

    In other records, a box away from the territory is usually left over from a copied record.
    """
    has_one_box = len(draft.boxes) < 2  # noqa: PLR2004
    if has_one_box or all(c.data["type"] != "outre-mer" for c in concepts):
        return concepts
    hints = _hints(draft)
    others: list[Concept] = []
    for box in draft.boxes:
        if not any(_touch(box, concept) for concept in concepts):
            others += extent.of_box(box, hints)
    return [*concepts, *(c for c in others if c.data["type"] != "departement")]


def _agrees(draft: Draft, concept: Concept, *, without_boxes: bool = False) -> bool:
    """Tell whether a box of the record touches that of a territory."""
    if not draft.boxes:
        return without_boxes
    return any(_touch(box, concept) for box in draft.boxes)


def _touch(box: geometry.Box, concept: Concept) -> bool:
    return geometry.likeness(box, concept.data["bbox"]) > 0


# --- identifiers and keywords ----------------------------------------------------------------


def by_identifier(draft: Draft) -> list[Concept]:
    """Return the territories of geographic identifiers: INSEE or EU URIs, codes, then names."""
    concepts: list[Concept] = []
    for texts in _identifiers(draft):
        concepts += _named(draft, texts, places.from_code, places.from_name)
    return concepts


def _named(draft: Draft, texts: list[str], *finders: Finder) -> list[Concept]:
    """Return the territories of a place: by its URI, the finders,
    else as written with type or code.
    """
    return _first(texts, places.from_uri, *finders) or _written(draft, texts)


def _first(texts: Iterable[str], *finders: Finder) -> list[Concept]:
    for finder in finders:
        for text in texts:
            concept = finder(text)
            if concept:
                return [concept]
    return []


def _identifiers(draft: Draft) -> list[list[str]]:
    """Return the texts of each geographic identifier, and of each code of those that hold a list.

    Their URIs become rows of the spatial coverage.
    """
    identifiers = draft.record.geographic_identifiers
    groups: list[list[str]] = []
    read = 0
    while read < len(identifiers) and len(groups) <= MAX_IDENTIFIERS:
        groups += _texts_of(identifiers[read])
        read += 1
    count = len(groups) + len(identifiers) - read
    if count > MAX_IDENTIFIERS:
        draft.too_many("geographicIdentifier", count, MAX_IDENTIFIERS)
    groups = groups[:MAX_IDENTIFIERS]
    _add_rows(draft, groups)
    return groups


def _texts_of(identifier: Identifier) -> list[list[str]]:
    """Return URI and code of an identifier as one group; one per code where it holds a list."""
    href, code = identifier.href, identifier.code
    if len(code) <= MAX_LISTED:
        pieces = list(filter(None, _BETWEEN_CODES.split(code)))
        if len(pieces) > 1 and all(places.from_uri(p) or places.from_code(p) for p in pieces):
            return [[text] for text in (href, *pieces) if text]
    return [[text for text in (href, code) if text]]


def _add_rows(draft: Draft, groups: list[list[str]]) -> None:
    """Add a row to the spatial coverage for each URI of the identifiers."""
    coverage = draft.dataset.get("spatial_coverage", [])
    uris = {row.get("uri") for row in coverage}
    without_row: list[str] = []
    for texts in groups:
        uri = next((text for text in texts if text.startswith("http")), None)
        if not uri or uri in uris:
            continue
        uris.add(uri)
        if len(coverage) >= MAX_ROWS:
            without_row.append(uri)
            continue
        label = next((text for text in texts if not text.startswith("http")), "")
        coverage.append({"uri": uri, "text": label})
        draft.dataset["spatial_coverage"] = coverage
    if without_row:
        draft.lost("geographicIdentifier", without_row)


def _written(draft: Draft, texts: list[str]) -> list[Concept]:
    """Return territories written with their type or code: "Département 80", "Somme (80)"."""
    concepts = _first(texts, _called_one, places.with_its_code)
    if not concepts:
        for text in texts:
            concepts += places.coded_in(text[:MAX_TITLE])
    return concepts or _of_epci(draft, texts)


def _called_one(text: str) -> Concept | None:
    """Return the territory that a text calls a département or a région.

    "Département de la Creuse", "Département 80".
    """
    words = plain(text[: phrases.MAX_CACHED]).split()
    if not words or words[0] not in _CALLED:
        return None
    concept = None
    if len(words) == 2:  # noqa: PLR2004 - a type and a code
        concept = places.from_code(words[1])
    for start in range(1, min(4, len(words))):
        concept = concept or places.from_name(" ".join(words[start:]))
    if concept and concept.data["type"] in (words[0], "outre-mer"):
        return concept
    return None


def _of_epci(draft: Draft, texts: Iterable[str]) -> list[Concept]:
    """Return the départements of an intercommunality, if the boxes agree.

    Former ones had names that others have.
    """
    epci = next(filter(None, map(places.epci_called, texts)), None)
    if not epci:
        return []
    concepts = places.departements(epci.departements)
    return [concept for concept in concepts if _agrees(draft, concept, without_boxes=True)]


def by_place_keyword(draft: Draft) -> list[Concept]:
    """Return the territories of place keywords."""
    concepts: list[Concept] = []
    for keyword in filter(is_place, draft.record.keywords[:MAX_KEYWORDS]):
        of_keyword = _named(draft, _texts(keyword), places.from_name, places.from_code)
        is_doubtful = bool(draft.boxes) and places.is_common_word(keyword.text)
        concepts += [c for c in of_keyword if not is_doubtful or _agrees(draft, c)]
    return concepts


def _texts(keyword: Keyword) -> list[str]:
    return list(filter(None, (keyword.href, keyword.text)))


def by_keyword(draft: Draft) -> list[Concept]:
    """Return the territories of any keywords that are names or codes, if the boxes agree.

    "Loire" may be a river.
    """
    concepts: list[Concept] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        concepts += _first(_texts(keyword), places.from_uri, places.from_name, _long_code)
    return [concept for concept in concepts if _agrees(draft, concept)]


def _long_code(text: str) -> Concept | None:
    """Return the territory of the code of a commune: shorter numbers may mean anything."""
    if len(text.strip()) < _CODE_OF_A_COMMUNE:
        return None
    return places.from_code(text)


# --- texts -----------------------------------------------------------------------------------


def by_title(draft: Draft) -> list[Concept]:
    """Return the territories that the title names, if boxes or service agree.

    Many are named after rivers.
    """
    own = _of_service(draft)
    title = (draft.record.title or "")[:MAX_TITLE]
    coded = [c for c in places.coded_in(title) if c == own or _agrees(draft, c, without_boxes=True)]
    if coded:
        return coded
    concepts = [c for c in places.in_text(title) if c.data["type"] not in ("pays", "autre")]
    return [c for c in concepts if c == own or _fits(draft, c) or _is_called_one(draft, title, c)]


def _fits(draft: Draft, concept: Concept) -> bool:
    """Tell whether a box lies in a territory or resembles its box.

    Without boxes, long names and those of régions are accepted.
    """
    if not draft.boxes:
        return concept.data["type"] != "departement" or " " in plain(concept.label_fr)
    around: geometry.Box = concept.data["bbox"]
    if any(geometry.holds(around, box) for box in draft.boxes):
        return True
    return any(geometry.likeness(box, around) >= _ALIKE for box in draft.boxes)


def _is_called_one(draft: Draft, title: str, concept: Concept) -> bool:
    """Tell whether, without boxes, a title calls the place a département: "département du Lot"."""
    name, words = plain(concept.label_fr), f" {plain(title)} "
    return not draft.boxes and any(f" departement {link} {name} " in words for link in _LINKS)


def by_description(draft: Draft) -> list[Concept]:
    """Return the territories of extent descriptions.

    That of the whole text, else the names within it if the boxes agree.
    """
    concepts: list[Concept] = []
    texts = draft.record.extent_descriptions
    finders = (places.from_name, places.from_code, _called_one, places.with_its_code)
    for text in draft.first("EX_Extent/description", texts, MAX_DESCRIPTIONS):
        named = _first([text], *finders)
        is_whole = bool(named) or places.epci_called(text) is not None
        named = named or _of_epci(draft, [text]) or places.in_text(text)
        concepts += [
            concept for concept in named if _agrees(draft, concept, without_boxes=is_whole)
        ]
    return concepts


def by_file_name(draft: Draft) -> list[Concept]:
    """Return territories of planning documents (``22358_PLU_20190101``) and tables, by name."""
    record = draft.record
    codes = [identifier.code for identifier in record.identifiers]
    texts = [record.file_identifier or "", *codes, record.title or ""]
    concepts = [places.in_file_name(text[:MAX_NAME_OF_A_FILE]) for text in texts]
    return [
        concept for concept in concepts if concept and _agrees(draft, concept, without_boxes=True)
    ]


def _names(draft: Draft) -> list[str]:
    """Return the title and the organisations of a record."""
    record = draft.record
    organisations = [contact.organisation or "" for contact in record.contacts[:MAX_PARTIES]]
    return [record.title or "", *organisations]


def by_locality(draft: Draft) -> list[Concept]:
    """Return the territory of the commune or intercommunality that title or organisation name."""
    for text in _names(draft):
        concepts = [c for c in places.of_localities(text) if _agrees(draft, c, without_boxes=True)]
        if concepts:
            return concepts
    return []


# --- boxes and service -----------------------------------------------------------------------


def by_box(draft: Draft) -> list[Concept]:
    """Return the territories of the boxes: with the same box, containing it, or covered by it."""
    hints = _hints(draft)
    concepts: list[Concept] = []
    for box in draft.boxes:
        concepts += extent.of_box(box, hints)
    if len(simplified(concepts)) > extent.MOST_TERRITORIES:
        return extent.of_box(geometry.hull(draft.boxes), hints)
    return concepts


def _of_organisation(draft: Draft) -> Concept | None:
    """Return the area of the service, for a record without boxes; not that of a fallback service.

    A service that the record does not name is that of its source: a national one also publishes
    data about other countries, so that it says nothing.
    """
    owner = draft.dataset.get("owner_org")
    is_named = draft.organisation_found
    if draft.boxes or (owner == draft.context.fallback_organisation and not is_named):
        return None
    area = territory_of(owner)
    if area and area.data["type"] == "pays" and not is_named:
        return None
    return area


def _of_service(draft: Draft) -> Concept | None:
    """Return the département or overseas territory of the service that the record itself names."""
    if not draft.organisation_found:
        return None
    area = territory_of(draft.dataset.get("owner_org"))
    if area and area.data["type"] in ("departement", "outre-mer"):
        return area
    return None


def _hints(draft: Draft) -> Hints:
    """Return hints for a box: areas of the service and of the postal codes, and the subject."""
    concepts = list(filter(None, [territory_of(draft.dataset.get("owner_org"))]))
    for contact in (*draft.record.contacts, *draft.record.metadata_contacts):
        concepts += places.departements(_POSTAL.findall(" ".join(contact.address)))
    likely = {concept.uri for concept in concepts}
    return Hints(_of_service(draft), likely, _is_of_the_sea(draft))


def _is_of_the_sea(draft: Draft) -> bool:
    """Tell whether the record is about the sea, by its topic or its INSPIRE themes."""
    if _SEA_TOPICS & set(draft.record.topic_categories):
        return True
    labels = by_label("inspire-themes", "inspire", "labels")
    words = [keyword.text for keyword in draft.record.keywords[:MAX_KEYWORDS]]
    words = [word for word in words if len(word) <= phrases.MAX_CACHED]
    return any(labels.get(plain(word)) in _SEA_THEMES for word in words)


EVIDENCE: dict[str, Callable[[Draft], list[Concept]]] = {
    "geographic identifier": by_identifier,
    "place keyword": by_place_keyword,
    "title": by_title,
    "keyword": by_keyword,
    "extent description": by_description,
    "name of the document": by_file_name,
    "locality": by_locality,
    "box": by_box,
}
"""Kinds of evidence that are weighed, in the order in which they decide."""


# --- the box of an intercommunality ----------------------------------------------------------


def _surround(draft: Draft, evidence: str, concepts: list[Concept]) -> None:
    """Give a record without extent the box of the only intercommunality that it names.

    It would otherwise be located by its département, about ten times as large. The outlines are
    accurate to a few kilometres (`epci_outlines`): the box carries the name of the
    intercommunality, and the log states where it comes from.

    Args:
        draft: the draft, whose territories are known.
        evidence: what they were found by.
        concepts: the territories; if they include others than those of the intercommunality,
            nothing is set.
    """
    coverage = draft.dataset.get("spatial_coverage") or []
    has_extent = any(row.get("bbox") or row.get("geom") for row in coverage)
    epcis = set(_epcis_named(draft, evidence))
    if draft.boxes or draft.record.shapes or has_extent or len(epcis) != 1:
        return
    epci = epcis.pop()
    outline = outlines().get(epci.code)
    if outline is None or not concepts:
        return
    if set(concepts) - set(places.departements(epci.departements)):
        return
    own = [row for row in coverage if places.epci_called(row.get("uri") or "") == epci]
    if any(row.get("uri") for row in coverage if row not in own):
        return  # another place, such as a commune
    row = next(iter(own), {})
    row["text"] = row.get("text") or epci.name
    row["bbox"] = json.dumps(geometry.box_to_geometry(outline.box))
    if not own:
        coverage = [*coverage, row]
    draft.dataset["spatial_coverage"] = coverage
    sides = ", ".join(map(str, outline.box))
    draft.change("spatial_coverage", reason("outline-of", value=epci.name), sides)


def _epcis_named(draft: Draft, evidence: str) -> list[Epci]:
    """Return the intercommunalities given as places, or named by the title or an organisation."""
    as_places = list(filter(None, map(places.epci_called, _given_as_places(draft))))
    if as_places:
        return as_places
    if evidence == "locality":
        # Only the first text that names a place, since it determined the territory.
        named = (text for text in _names(draft) if places.of_localities(text))
        return places.epcis_in(next(named, ""))
    title = draft.record.title or ""
    if places.in_text(title):
        return []
    return places.epcis_in(title)


def _given_as_places(draft: Draft) -> list[str]:
    """Return identifiers, descriptions and keywords of places."""
    record = draft.record
    texts: list[str | None] = list(record.extent_descriptions[:MAX_DESCRIPTIONS])
    for identifier in record.geographic_identifiers[:MAX_IDENTIFIERS]:
        texts += (identifier.href, identifier.code)
    for keyword in filter(is_place, record.keywords[:MAX_KEYWORDS]):
        texts += _texts(keyword)
    return list(filter(None, texts))
