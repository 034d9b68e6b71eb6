"""Which French territory is meant: by its name, its code, its URI, or a commune or an
intercommunality in it.

Territories are the concepts of the vocabulary `territories`. Names and codes beyond those of the
vocabulary are in ``data/``; communes and intercommunalities come from the gazetteer. Whether a
record is about the place that it names is not decided here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.geometry import Box, holds, swapped
from ckanext.ecosphere.dataset.links import FOLDER
from ckanext.ecosphere.vocabularies import Concept, communes, gazetteer, normalise, tables
from ckanext.ecosphere.vocabularies.epcis import Epci
from ckanext.ecosphere.vocabularies.phrases import MAX_CACHED, Phrases, plain

OUTSIDE = "autre-hors-france"
MAINLAND, COUNTRY = "pays-fxx", "pays-fra"
SOUTHERN_LANDS = "outre-mer-atf"
"""Their box extends from Mayotte to Kerguelen: too wide to mean anything."""
_OVERSEAS = ("971", "972", "973", "974", "976")
_NO_TERRITORY = "-"
MAX_TEXT = 500
"""Characters of a text in which communes and intercommunalities are looked for."""
_LONGEST_NAME = 8
"""Words in the name of a commune."""
_LONGEST_CODE = 300

_URI = re.compile(
    r"https?://(?:id|rdf)\.insee\.fr/geo/([A-Za-z-]+)/([0-9A-Za-z]{1,9})/?(?:[-#?].*)?"
)
_WITHIN_A_DEPARTEMENT = ("departement", "commune", "arrondissement", "canton", "iris")
_COMMUNE = re.compile(r"(0[1-9]|[1-8]\d|9[0-5]|2[ABab])\d{3}|(97[1-8]|98[4-8])\d{2}")
_DEPARTEMENT = re.compile(r"0?(0[1-9]|[1-8]\d|9[0-5]|2[ABab])|(97[1-6])")
_REGION = re.compile(r"[Rr](?:eg)?[_ -]?(\d{2})")
_ATTACHED = re.compile(r"[^*@|].{0,200}[*@|]\s{0,5}([0-9AB]{5})")
_PLANNING_DOCUMENT = re.compile(
    r"(?:^|[^0-9A-Za-z])(?:fr-)?0{0,4}(\d[0-9AB]\d{3})[_-]?"
    r"(?:plui?|pos|cc|psmv|scot|rnu)(?=[^a-z]|$)",
    re.IGNORECASE,
)
_TABLE = re.compile(r"(?:^|\W)[lmn]_\w{3,60}_[lpst]_(0\d[0-9ab]|97\d)(?=\W|$)", re.IGNORECASE)
"""Table name with a département, by the data standards of the ministry: ``N_ZONE_BRUIT_S_087``."""
_ISO_3166 = re.compile(r"FR-(?=[0-9A-Z]{2,3}$)", re.IGNORECASE)
"""Prefix of ISO 3166-2 codes: FR-74, FR-2A, FR-ARA."""
_EXCEPT = tuple(
    f" {words}"
    for words in (
        "hors",
        "hors de",
        "hors du",
        "hors d",
        "sauf",
        "sauf la",
        "excepte",
        "a l exception de",
        "en dehors de",
    )
)
"""Words before the name of a territory that is left out, or outside which the data lie."""
_COMMON_WORDS = {"nord", "lot", "centre", "metropole", "manche", "fr", "lr", "mp", "sud"}
_IN_BRACKETS = re.compile(
    r"\((?:d[ée]p(?:artement|t|\.)?\s{0,2})?(\d[\dAB]|97[1-8]|98[4-8]|\d[\dAB]\d{3})\)",
    re.IGNORECASE,
)
_AFTER_A_CUE = re.compile(
    r"\b(?:d[ée]p(?:artement|t)?\.?|dpt)\s{0,2}(?:n°\s?)?(\d[\dAB]|97[1-8])\b", re.IGNORECASE
)
_OF_A_COMMUNE = re.compile(
    r"\b(?:ville|mairie|commune|ccas|centre communal d action sociale) "
    r"(?:(?:de|d|du|des|l|la|le) )*"
)
_EPCI_URI = re.compile(
    r"https?://(?:id|rdf)\.insee\.fr/geo/(?:intercommunalite|epci)/(\d{9})/?", re.IGNORECASE
)
_OF_AN_EPCI = re.compile(
    r"\b(?:metropole|communaute (?:de communes|d agglomeration|urbaine)|ca|cc|cu|agglomeration"
    r"|agglo|syndicat)\b"
)


# --- tables ----------------------------------------------------------------------------------


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    return tuple(tables.rows(FOLDER / f"{name}.csv"))


def _several(cell: str) -> list[str]:
    return [part for part in cell.split("|") if part]


@cache
def names() -> tuple[tuple[str, Concept], ...]:
    """Return all names of all territories, including former ones."""
    pairs = []
    for concept in voc.get("territories"):
        if concept.data["type"] != "autre":
            labels = (concept.label_fr, concept.label_en, *concept.alt_labels)
            pairs += [(label, concept) for label in labels if not label.isdigit()]
    for row in _rows("territory-names"):
        if row["territory"] != _NO_TERRITORY:
            concept = voc.get("territories")[row["territory"]]
            pairs += [(name, concept) for name in _several(row["names"])]
    return tuple(pairs)


@cache
def _names() -> Phrases[Concept | None]:
    """Return names of territories, and of other things that contain one and must hide it."""
    others = []
    for row in _rows("territory-names"):
        if row["territory"] == _NO_TERRITORY:
            others += [(name, None) for name in _several(row["names"])]
    return Phrases([*names(), *others])


@cache
def _regions() -> dict[str, Concept]:
    """Return régions, present and former ones, by INSEE code."""
    territories = voc.get("territories")
    regions = {}
    for row in _rows("territory-names"):
        for code in _several(row["insee"]):
            regions[code] = territories[row["territory"]]
    for concept in territories:
        if concept.data["insee_region"]:
            regions[concept.data["insee_region"]] = concept
    return regions


@cache
def _departements() -> dict[str, Concept]:
    territories = voc.get("territories")
    coded = [concept for concept in territories if concept.data["departement_code"]]
    return {concept.data["departement_code"]: concept for concept in coded}


@cache
def _by_code() -> dict[str, Concept]:
    coded: dict[str, Concept] = {}
    for concept in voc.get("territories"):
        code = concept.data["code"].upper()
        coded.setdefault(code, concept)
        if concept.data["type"] == "departement":
            coded.setdefault(f"D{code}", concept)
            coded.setdefault(f"FRA_DPT_{code.zfill(3)}", concept)
    return coded


@cache
def zones() -> dict[str, tuple[str, ...]]:
    """Return code of a zone → ids of its territories (``zone-codes.csv``)."""
    return {row["code"]: tuple(_several(row["territories"])) for row in _rows("zone-codes")}


# --- one territory ---------------------------------------------------------------------------


def index_value(key: str) -> str:
    """Return the value by which the index knows a territory or commune, given as URI or id;
    "" if it is unknown.
    """
    commune = communes.get(key)
    if commune:
        return f"commune-{commune.code}"
    concept = voc.get("territories").get(key)
    if concept:
        return concept.id
    return ""


def departement(code: str) -> Concept | None:
    """Return the département or overseas territory of an INSEE or postal code of any length."""
    length = 2
    if code.startswith(("97", "98")):
        length = 3
    return _departements().get(code[:length].upper())


def departements(codes: Iterable[str]) -> list[Concept]:
    """Return the départements and overseas territories of some codes, each once."""
    return list(dict.fromkeys(filter(None, map(departement, codes))))


def from_uri(uri: str) -> Concept | None:
    """Return the territory of a URI; the département for that of a commune."""
    concept = voc.get("territories").get(uri)
    match = _URI.fullmatch(uri.strip())
    if concept or not match:
        return concept
    kind, code = match.group(1).lower(), match.group(2).upper()
    if kind == "region":
        return _regions().get(code.zfill(2))
    if kind == "pays":
        return voc.get("territories")[COUNTRY]
    if kind.startswith(_WITHIN_A_DEPARTEMENT):
        return departement(code)
    return None


def from_code(code: str) -> Concept | None:
    """Return the territory of a bare code.

    ``FXX``, ``R84``, ``088``, ``FR-74``, ``22358``, ``Avrigny*60036``.
    """
    bare = code.strip()
    if len(bare) > _LONGEST_CODE:
        return None
    whole = zones().get(bare.lower(), ())
    if len(whole) == 1:
        return voc.get("territories")[whole[0]]
    bare = _ISO_3166.sub("", bare)
    attached = _ATTACHED.fullmatch(bare)
    if attached:
        bare = attached.group(1)
    if _COMMUNE.fullmatch(bare):
        return departement(bare)
    match = _DEPARTEMENT.fullmatch(bare)
    if match:
        return departement(match.group(1) or match.group(2))
    match = _REGION.fullmatch(bare)
    if match:
        return _regions().get(match.group(1))
    return _by_code().get(bare.upper())


def from_name(text: str) -> Concept | None:
    """Return the territory whose present or former name is the whole text."""
    return _names().exact(text)


def with_its_code(text: str) -> Concept | None:
    """Return the territory that a text names with its code: "80 - Somme", "Somme (80)"."""
    words = plain(text[:MAX_CACHED]).split()
    if len(words) < 2:  # noqa: PLR2004 - a code and a name
        return None
    for code, name in ((words[0], words[1:]), (words[-1], words[:-1])):
        concept = from_code(code)
        if concept and concept == from_name(" ".join(name)):
            return concept
    return None


def in_file_name(text: str) -> Concept | None:
    """Return the département of a planning document (``22358_PLU_2019``) or table, by its name."""
    match = _PLANNING_DOCUMENT.search(text)
    if match:
        return departement(match.group(1))
    match = _TABLE.search(text)
    if match:
        return departement(match.group(1).removeprefix("0"))
    return None


# --- territories named in a text -------------------------------------------------------------


def is_common_word(text: str) -> bool:
    """Tell whether a territory's name is also a common word or a sea: "Nord", "Manche"."""
    return plain(text) in _COMMON_WORDS


def in_text(text: str, common_words: bool = False) -> list[Concept]:
    """Return the territories named in a text; where names overlap, the longest one counts.

    Args:
        text: some prose.
        common_words: whether to include names that are also common words ("Nord", "Métropole").
    """
    words = plain(text).split()
    concepts: dict[Concept, None] = {}
    for start, end, concept in _names().find(text):
        is_word = end - start == 1 and words[start] in _COMMON_WORDS
        if concept and (common_words or not is_word) and not _is_left_out(words[:start]):
            concepts[concept] = None
    return list(concepts)


def _is_left_out(before: list[str]) -> bool:
    """Tell whether the words before a name leave it out: "France hors Île-de-France"."""
    return f" {' '.join(before[-4:])}".endswith(_EXCEPT)


def coded_in(title: str) -> list[Concept]:
    """Return the départements whose codes are in a title.

    "PPRI de Gières (38)", "carrières (dép. 07)"; a bare number in brackets counts only after the
    name of that département, or of one of its communes.
    """
    codes = [match.group(1) for match in _AFTER_A_CUE.finditer(title)]
    for match in _IN_BRACKETS.finditer(title):
        if _ends_with_a_name(title[: match.start()], match.group(1).upper()):
            codes.append(match.group(1))
    return departements(codes)


def _ends_with_a_name(text: str, code: str) -> bool:
    """Tell whether a text ends with the name of the territory of a code, or of a commune in it."""
    concept = departement(code)
    if concept is None:
        return False
    words = plain(text[-MAX_TEXT:]).split()
    names_of_communes = _communes_in(concept.data["departement_code"])
    for length in range(min(_LONGEST_NAME, len(words)), 0, -1):
        name = " ".join(words[-length:])
        if name in names_of_communes or from_name(name) == concept:
            return True
    return False


@cache
def _communes_in(code: str) -> frozenset[str]:
    return frozenset(normalise(commune.name) for commune in communes.of_departement(code))


# --- communes and intercommunalities ---------------------------------------------------------


def of_localities(text: str) -> list[Concept]:
    """Return the départements of the communes and intercommunalities that a text names.

    Communes after "ville de", "mairie de"…; names shared by several communes are ignored.
    """
    codes = list(_of_communes(plain(text[:MAX_TEXT])))
    for epci in epcis_in(text):
        codes += epci.departements
    return departements(codes)


def _of_communes(bare: str) -> Iterator[str]:
    """Yield the départements of the communes named in a text without case and accents."""
    for cue in _OF_A_COMMUNE.finditer(bare):
        # The article may belong to the name: "commune de la Baconnière".
        words = bare[cue.start() :].split()
        for start in range(1, min(len(words), len(cue.group().split()) + 1)):
            code = _commune_at(words[start : start + _LONGEST_NAME])
            if code:
                yield code
                break


def _commune_at(words: list[str]) -> str | None:
    """Return the département of the longest name of a commune that some words begin with."""
    for length in range(len(words), 0, -1):
        code = _unique_communes().get(" ".join(words[:length]))
        if code:
            return code
    return None


@cache
def _unique_communes() -> dict[str, str]:
    """Return names of communes, empty if several have it → code of their département."""
    codes: dict[str, str] = {}
    for commune in communes.by_population():
        name = normalise(commune.name)
        codes[name] = "" if name in codes else commune.departement
    return codes


def epcis_in(text: str) -> list[Epci]:
    """Return the intercommunalities named in a text that has a word for them."""
    bare = plain(text[:MAX_TEXT])
    if not _OF_AN_EPCI.search(bare):
        return []
    return [epci for _start, _end, epci in _epcis().find(bare)]


def epci_called(text: str) -> Epci | None:
    """Return the intercommunality whose name, SIREN code or INSEE URI is the whole text."""
    if len(text) > MAX_TEXT:
        return None
    if text.startswith("http"):
        match = _EPCI_URI.fullmatch(text.strip())
        return gazetteer.epcis().get(match.group(1)) if match else None
    return gazetteer.epcis().get(text.strip()) or _epcis().exact(text)


@cache
def _epcis() -> Phrases[Epci]:
    """Return names of several words that one intercommunality has."""
    namesakes: dict[str, list[Epci]] = defaultdict(list)
    for epci in gazetteer.epcis().values():
        namesakes[normalise(epci.name)].append(epci)
    return Phrases(
        (name, epcis[0])
        for name, epcis in namesakes.items()
        if len(epcis) == 1 and len(name.split()) > 1
    )


# --- groups of territories -------------------------------------------------------------------


@voc.derived
@cache
def of_type(*types: str) -> tuple[Concept, ...]:
    """Return the territories of these types."""
    return tuple(concept for concept in voc.get("territories") if concept.data["type"] in types)


def overseas_departements() -> list[Concept]:
    """Return the overseas départements, without the other territories overseas."""
    return departements(_OVERSEAS)


_ON_THE_MAINLAND = ("region", "departement")
_IN_FRANCE = (*_ON_THE_MAINLAND, "outre-mer", "zone-maritime", "pays")
_CONTAINED = ((MAINLAND, _ON_THE_MAINLAND), (COUNTRY, _IN_FRANCE), (OUTSIDE, _IN_FRANCE))
"""Territories dropped beside smaller ones of these types, as records name "France" and "Europe"."""


def simplified(concepts: Iterable[Concept]) -> list[Concept]:
    """Keep each territory once, and the smaller one where a larger one contains it.

    All départements of a région are replaced by the région, all régions by the mainland, and a list
    of these and of the overseas départements by the country. The mainland stays beside overseas
    territories, since it is then one part of a list.
    """
    territories = voc.get("territories")
    remaining = list(dict.fromkeys(concepts))
    if len(remaining) < 2:  # noqa: PLR2004 - nothing beside it
        return remaining
    for region in dict.fromkeys(concept.broader for concept in remaining if concept.broader):
        parts = [c for c in territories.children(region) if c.data["type"] == "departement"]
        if len(parts) > 1:
            remaining = _as_whole(remaining, parts, territories[region])
    regions = of_type("region")
    remaining = _as_whole(remaining, [*regions, *overseas_departements()], territories[COUNTRY])
    remaining = _as_whole(remaining, list(regions), territories[MAINLAND])
    larger = set()
    for concept in remaining:
        larger.update(territories.ancestors(concept.uri))
    for country, smaller in _CONTAINED:
        types = {concept.data["type"] for concept in remaining if concept.id != country}
        is_one_part = country == MAINLAND and "outre-mer" in types
        if types.intersection(smaller) and not is_one_part:
            larger.add(territories[country])
    return [concept for concept in remaining if concept not in larger or len(remaining) == 1]


def _as_whole(concepts: list[Concept], parts: list[Concept], whole: Concept) -> list[Concept]:
    """Replace all parts of a territory by it; nothing if one of them is missing."""
    if not set(parts) <= set(concepts):
        return concepts
    return list(dict.fromkeys([whole, *(c for c in concepts if c not in parts)]))


# --- France ----------------------------------------------------------------------------------

_AROUND = 0.5
"""Degrees by which a box may extend beyond a territory that it was drawn around."""


@cache
def _boxes_of_france(with_southern_lands: bool) -> tuple[Box, ...]:
    """Return the boxes of the mainland and of the overseas territories."""
    concepts = [voc.get("territories")[MAINLAND], *of_type("outre-mer")]
    return tuple(c.data["bbox"] for c in concepts if with_southern_lands or c.id != SOUTHERN_LANDS)


def lies_in_france(box: Box) -> bool:
    """Tell whether a box lies in the mainland or in one overseas territory."""
    return any(holds(around, box, _AROUND) for around in _boxes_of_france(False))


def touches_france(box: Box, widest: bool = True) -> bool:
    """Tell whether a box overlaps a French territory.

    Args:
        box: a box that does not cross the 180th meridian.
        widest: whether to include the box of the southern lands, which is mostly sea.
    """
    west, south, east, north = box
    return any(
        w <= east and e >= west and s <= north and n >= south
        for w, s, e, n in _boxes_of_france(widest)
    )


def has_swapped_axes(box: Box) -> bool:
    """Tell whether a box lies in France with its axes exchanged, and does not touch it as it is."""
    return box[0] <= box[2] and lies_in_france(swapped(box)) and not touches_france(box)
