"""Gazetteer: place names as users type them, and the areas that contain each place. No CKAN
imports.

Communes (also by postal and INSEE code, merged ones too), intercommunalities, départements,
régions, former régions, sea areas and natural regions. Several places may share a name:
:func:`named` returns all of them in order of importance, and the caller chooses by the other words
of the query.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import Concept, communes
from ckanext.ecosphere.vocabularies.communes import Commune
from ckanext.ecosphere.vocabularies.epcis import FOLDER, KINDS, Epci, epcis, rows

_IN_FULL = {"st": "saint", "ste": "sainte"}
_ABBREVIATED = {"saint": "st", "sainte": "ste"}
ARTICLES = frozenset({"l", "la", "le", "les"})
COUNTRIES = ("pays-fra", "pays-fxx")
LONGEST_NAME = 8
"""Number of words of the longest name looked for."""
KNOWN_BY_FIRST_WORD = 3_000
"""Least population of a commune that is also found by its first word alone ("Évry", "Cherbourg",
"Châlons")."""
KNOWN_BY_FIRST_WORDS = 1_000
"""Least population of a commune that is also found without its last words ("Pont-de-Buis",
"Saint-Rémy")."""
SHORT_NAME_SHARE = 10
"""Divisor of a commune's weight when it is found by a part of its name, against one that has
exactly this name."""
SHORTEST_NAME = 4
"""Least length of a first word that stands for the commune, in letters."""
LARGE = 5_000
"""Least population of the communes that misspelt words are compared with."""
SMALL = 200
"""Weight of a merged commune among namesakes, in inhabitants: its own population is not known."""
_GENERIC_FIRST = {
    *ARTICLES, "saint", "sainte", "fort", "mont", "pont", "port", "bourg", "villeneuve",
    "ville", "val", "grand", "petit", "vieux", "neuf", "bois", "roche", "trois", "deux",
    "notre", "bains", "champs", "parc", "plan", "sous", "terre", "terres", "source", "fontaine",
    "montagne", "marais", "foret", "eaux", "aire", "digue", "puits", "haut", "haute", "hauts",
    "bas", "basse", "belle", "beau", "croix", "pays",
}  # fmt: skip
_LINKS = {*ARTICLES, "au", "aux", "d", "de", "des", "du", "en", "et", "lez", "sous", "sur", "pres"}
_EPCI_LEADS = re.compile(
    r"^(?:(?:agglo|agglomeration|metropole|eurometropole) )?(?:du|de la|de l|des|de|d) "
)
_EPCI_ENDS = re.compile(r"(?: (?:agglo|agglomeration|metropole|communaute|intercom)){1,3}$")
_DEMONYM = re.compile(r".{4,}(?:ais|ois|[aei]sis)$")
"""Single words that name an intercommunality without its kind: those of a *pays* ("Clunisois"), not
"Estuaire"."""


# --- spellings ---


def spellings(name: str) -> Iterator[str]:
    """Yield a normalised name and its variants: abbreviated, with "lez" for "les",
    without articles.
    """
    yield name
    words = name.split()
    if "les" in words[1:]:
        yield " ".join({"les": "lez"}.get(word, word) for word in words)
    bare = [word for word in words if word not in ("d", *ARTICLES)]
    if len(bare) > 1:
        yield " ".join(bare)
    if "saint" in words or "sainte" in words:
        # Also without articles, since query parsing drops the elided one of "st symphorien d'ozon".
        for form in (words, bare):
            yield " ".join(_ABBREVIATED.get(word, word) for word in form)
    # "rochelle" for "la rochelle", but not "mans" for "le mans".
    if words[0] in ARTICLES and len(words) > 1 and len(name) > 7:  # noqa: PLR2004
        yield " ".join(words[1:])


def in_full(start: str) -> str:
    """Return the beginning of a normalised name with "st" and "ste" spelled out,
    except in the last (partial) word.
    """
    *before, last = start.split() or [""]
    return " ".join([*(_IN_FULL.get(word, word) for word in before), last])


def plural(adjective: str) -> str:
    """Return the masculine plural of an adjective: "provençaux" for "provençal"."""
    if adjective.endswith("al"):
        return adjective[:-1] + "ux"
    if adjective.endswith("s"):
        return adjective
    if adjective.endswith("eau"):
        return f"{adjective}x"
    return f"{adjective}s"


# --- places ---


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a name may refer to.

    Attributes:
        kind: `commune`, `epci`, `departement`, `region`, `overseas`, `sea`, `country`, or `area` (a
            natural or former région: several départements at once).
        label: displayed name.
        within: displayed name of the containing area ("Loire-Atlantique"); empty when the label
            suffices.
        ids: its own index values; several for an area.
        around: index values of the containing areas, nearest first: intercommunality, département,
            région, country.
        population: of a commune or an intercommunality, else 0; ranks namesakes.
    """

    kind: str
    label: str
    within: str
    ids: tuple[str, ...]
    around: tuple[str, ...]
    population: int = 0

    @property
    def title(self) -> str:
        """Name and containing area: "Nantes – Loire-Atlantique"."""
        if self.within:
            return f"{self.label} – {self.within}"
        return self.label


@cache
def departements() -> dict[str, Concept]:
    """Return the départements and overseas territories by code ("01", "2A", "974")."""
    return {
        str(concept.data["departement_code"]): concept
        for concept in voc.get("territories")
        if concept.data["departement_code"] and concept.data["type"] in ("departement", "outre-mer")
    }


def of_commune(commune: Commune) -> Place:
    """Return the place of a commune."""
    departement = departements().get(commune.departement)
    within = ""
    if departement and departement.label_fr != commune.name:
        within = departement.label_fr.strip()
    around = _above(departement)
    if commune.epci:
        around = (f"epci-{commune.epci}", *around)
    return Place(
        kind="commune",
        label=commune.name,
        within=within,
        ids=(f"commune-{commune.code}",),
        around=around,
        population=commune.population,
    )


def of_territory(concept: Concept) -> Place:
    """Return the place of a territory of the vocabulary."""
    kinds = {
        "departement": "departement",
        "region": "region",
        "outre-mer": "overseas",
        "pays": "country",
    }
    kind = kinds.get(str(concept.data["type"]), "sea")
    around = tuple(value for value in _above(concept) if value != concept.id)
    if kind == "sea":
        # Datasets of the maritime directorates are often located in the coastal régions.
        around = tuple(
            value
            for value, seas in coasts().items()
            if concept.id in seas and value.startswith("region-")
        )
    if kind == "country":
        around = ()
    return Place(kind, concept.label_fr, "", (concept.id,), around)


def of_epci(epci: Epci) -> Place:
    """Return the place of an intercommunality."""
    departement = departements().get(epci.departements[0])
    within = ""
    if departement:
        within = departement.label_fr
    return Place(
        kind="epci",
        label=epci.name,
        within=within,
        ids=(f"epci-{epci.code}",),
        around=_above(departement),
        population=epci.population,
    )


@cache
def coasts() -> dict[str, tuple[str, ...]]:
    """Return the sea areas of each coastal territory,
    and of the territories that contain it (index values).
    """
    seas_of: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows("coasts.csv"):
        concept = departements()[row["departement"]]
        for territory in (concept, *voc.get("territories").ancestors(concept.uri)):
            seas_of[territory.id].setdefault(row["sea"])
    return {value: tuple(seas) for value, seas in seas_of.items()}


def _above(concept: Concept | None) -> tuple[str, ...]:
    """Return a territory, its containing territories,
    its sea areas and the country (index values).
    """
    if concept is None:
        return COUNTRIES
    above = voc.get("territories").ancestors(concept.uri)
    seas = coasts().get(concept.id, ())
    return tuple(
        dict.fromkeys((concept.id, *(territory.id for territory in above), *seas, *COUNTRIES))
    )


def inside(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the index values of places and of the areas that contain them, without countries and
    sea areas.

    Args:
        values: ids of communes, intercommunalities or territories, as in `Place.ids`.
    """
    areas: dict[str, None] = {}
    for value in values:
        areas.setdefault(value)
        place = of_id(value)
        if place is None:
            continue
        for area in place.around:
            if area not in COUNTRIES and not area.startswith("zone-maritime"):
                areas.setdefault(area)
    return tuple(areas)


def of_id(value: str) -> Place | None:
    """Return the place with this index value, or None."""
    kind, _dash, code = value.partition("-")
    if kind == "commune":
        commune = communes.of_code(code)
        return commune and of_commune(commune)
    if kind == "epci":
        epci = epcis().get(code)
        return epci and of_epci(epci)
    concept = voc.get("territories").get(value)
    return concept and of_territory(concept)


# --- places by their names ---


def named(name: str) -> tuple[Place, ...]:
    """Return the places with this name or code, the most important first; empty when there is none.

    Args:
        name: normalised words ("loire atlantique", "st denis", "44400").
    """
    return tuple(sorted(map(_place_of, _names().get(name, ())), key=_rank))


def _rank(place: Place) -> tuple[int, int]:
    order = ("country", "region", "departement", "overseas", "area", "sea", "commune", "epci")
    # Paris is found as the département, not the commune; a commune comes before an intercommunality
    # of the same name.
    return (order.index(place.kind), -place.population)


def _place_of(key: tuple[str, str]) -> Place:
    """Return the place of an entry of `_names`, with the population by which it ranks there."""
    kind, value = key
    if kind == "area":
        return _area(value)
    place = cast("Place", of_id(value))  # every index value of `_names` exists
    # A merged commune ranks after an existing namesake, and a partial match after a match of the
    # whole name.
    weights = {
        "former": min(place.population, SMALL),
        "short": place.population // SHORT_NAME_SHARE,
    }
    if kind in weights:
        return replace(place, population=weights[kind])
    return place


@cache
def _areas() -> dict[str, tuple[str, ...]]:
    """Return the codes of the départements of each area, by its displayed name."""
    areas = {row["name"]: tuple(row["departements"].split("|")) for row in rows("areas.csv")}
    for row in rows("waters.csv"):
        codes = tuple(row["departements"].split("|"))
        if row["bare"] == "yes":
            areas.setdefault(row["name"], codes)
        if _is_river(row["name"]):
            for kind in ("Bassin", "Bassin versant", "Vallée"):
                areas.setdefault(f"{kind} {row['of']}", codes)
    return areas


def area_names() -> tuple[str, ...]:
    """Return the displayed names of natural, historical and former régions, massifs,
    islands and rivers.
    """
    return tuple(_areas())


def along(name: str) -> Place | None:
    """Return the valley of the river with this name ("loire"), or None when no river has it.

    Args:
        name: a normalised name without its article.
    """
    valley = _valleys().get(name)
    if valley:
        return _area(valley)
    return None


@cache
def _valleys() -> dict[str, str]:
    """Return the displayed names of the valleys, by the normalised names of their rivers."""
    return {
        voc.normalise(row["name"]): f"Vallée {row['of']}"
        for row in rows("waters.csv")
        if _is_river(row["name"])
    }


def _is_river(name: str) -> bool:
    return not name.startswith(("Canal", "Grand Canal", "Lac"))


@cache
def _area(name: str) -> Place:
    own = [departements()[code] for code in _areas()[name]]
    around = dict.fromkeys(value for concept in own for value in _above(concept)[1:])
    return Place("area", name, "", tuple(territory.id for territory in own), tuple(around))


_Names = dict[str, dict[tuple[str, str], None]]
"""Name or code → kind and index value of its places, in this order; of an area, kind and name.

The kinds of communes: `commune` by its whole name, `short` by a part of it, `former` by that of a
merged commune. All other places have an index value that tells their kind.
"""


@cache
def _names() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return kind and index value of the places by name and code."""
    places: _Names = defaultdict(dict)
    for name, value in _territory_names():
        _add(places, name, "territory", value)
    for name in _areas():
        _add(places, name, "area", name)
    larger = frozenset(places)  # excludes "Loire" as a short name of Loire-Authion
    for row in rows("short-names.csv"):
        places[row["name"]].setdefault(("commune", f"commune-{row['commune']}"))
    for commune in communes.by_population():
        _add_commune(places, commune, larger)
    for row in rows("former-communes.csv"):
        _add(places, row["name"], "former", f"commune-{row['current']}")
    for code, epci in epcis().items():
        for name in _epci_names(epci):
            _add(places, name, "epci", f"epci-{code}")
    for adjective, name in _demonyms():
        places[adjective].update(places[name])
    return {name: tuple(keys) for name, keys in places.items() if name and keys}


def _add(places: _Names, name: str, kind: str, value: str) -> None:
    for spelling in spellings(voc.normalise(name)):
        places[spelling].setdefault((kind, value))


def _add_commune(places: _Names, commune: Commune, larger: frozenset[str]) -> None:
    value = f"commune-{commune.code}"
    _add(places, commune.name, "commune", value)
    for short in _short_names(commune):
        if " " in short:
            places[short].setdefault(("short", value))
        elif short not in larger:
            places[short].setdefault(("commune", value))
    for code in (*commune.postal, commune.code.lower()):
        places[code].setdefault(("commune", value))


def _territory_names() -> Iterator[tuple[str, str]]:
    """Yield the names, abbreviations and codes of territories, each with its index value."""
    for concept in voc.get("territories"):
        for name in (concept.label_fr, concept.label_en, *concept.alt_labels):
            yield name, concept.id
    for row in rows("abbreviations.csv"):
        yield row["abbreviation"], row["territory"]
    for code, concept in departements().items():
        yield code.lower(), concept.id
        yield code.lower().zfill(3), concept.id  # "076" in tables


def _demonyms() -> Iterator[tuple[str, str]]:
    """Yield the forms of each adjective with the place name it is derived from:
    ("nantaises", "nantes").
    """
    for row in rows("demonyms.csv"):
        for adjective in row["demonym"].split("|"):
            for form in dict.fromkeys((adjective, plural(adjective))):
                yield voc.normalise(form), voc.normalise(row["place"])


def _short_names(commune: Commune) -> Iterator[str]:
    """Yield short names of a commune: "evry", "pont de buis" for Pont-de-Buis-lès-Quimerch."""
    name = voc.normalise(commune.name).split()
    if commune.population >= KNOWN_BY_FIRST_WORD and _is_short_name(name[0], commune):
        yield name[0]
    if commune.population < KNOWN_BY_FIRST_WORDS:
        return
    for position in range(2, len(name) - 1):
        before = name[:position]
        meaningful = [word for word in before if word not in _LINKS]
        if name[position] in _LINKS and before[-1] not in _LINKS and len(meaningful) > 1:
            for spelling in spellings(" ".join(before)):
                if " " in spelling:
                    yield spelling


def _epci_names(epci: Epci) -> Iterator[str]:
    """Yield the names of an intercommunality: official, without its kind, or with another kind."""
    full = voc.normalise(epci.name)
    bare = KINDS.sub("", full)
    core = _EPCI_ENDS.sub("", _EPCI_LEADS.sub("", bare))
    yield from (epci.code, full, bare)
    if " " in core or _DEMONYM.match(core):
        yield core
    for kind in ("agglo", "agglomeration", "metropole", "communaute"):
        yield f"{core} {kind}"
    for kind in ("communaute de communes", "cc", "ca"):
        yield f"{kind} {core}"
    kinds = (
        "agglo", "agglomeration", "metropole", "communaute de communes",
        "communaute d agglomeration",
    )  # fmt: skip
    for kind in kinds:
        yield from (f"{kind} {core}", f"{kind} {bare}", f"{kind} de {core}")


def _is_short_name(first: str, commune: Commune) -> bool:
    """Return whether the first word may stand for the commune: "Évry" does,
    "Saint" or "Terres" does not.
    """
    if len(first) < SHORTEST_NAME or "Arrondissement" in commune.name:
        return False
    return first not in _GENERIC_FIRST and first not in common_words()


@cache
def large_names() -> tuple[str, ...]:
    """Return the names that misspelt words are compared with: régions,
    départements and large communes.
    """
    territories = [
        concept.label_fr
        for concept in voc.get("territories")
        if concept.data["type"] != "zone-maritime"
    ]
    large = [commune.name for commune in communes.by_population() if commune.population >= LARGE]
    return tuple(dict.fromkeys(voc.normalise(name) for name in (*territories, *large)))


@cache
def common_words() -> frozenset[str]:
    """Return the names of communes that are also common or technical
    words ("Mer", "Forges", "Vannes").
    """
    return frozenset((FOLDER / "common-words.txt").read_text(encoding="utf-8").split())


# --- communes named in a title ---

_WORD = re.compile(r"(?<![\w-])\w+")
"""A word of a title at which a name may begin: not one within a compound ("Nazaire" of
"Saint-Nazaire")."""


_GOES_ON = re.compile(r"[\w-]")
"""What follows a name that is only a part of a longer one."""
_LEADS = re.compile(r"(?:\b(?:à|de|du|commune|communes|ville)\s|\bd['’])$", re.IGNORECASE)
"""What precedes the name of a commune that is also a common word."""


def communes_in(title: str, codes: tuple[str, ...]) -> tuple[Commune, ...]:
    """Return the communes of the given départements that a title names ("PLU de Nantes").

    Args:
        title: the title; names must match in case and accents.
        codes: codes of the dataset's départements.
    """
    communes_by_code: dict[str, Commune] = {}
    for code in codes:
        departement = ""
        if code in departements():
            departement = departements()[code].label_fr
        covered = _positions_covered(departement, title)
        for start, commune in _written_in(title, code):
            # A name within that of the département ("Territoire de Belfort") does not count as a
            # commune.
            if start in covered or commune.name == departement:
                continue
            is_common = voc.normalise(commune.name) in common_words()
            if not is_common or _LEADS.search(title[:start]):
                communes_by_code.setdefault(commune.code, commune)
    return tuple(communes_by_code.values())


def _positions_covered(name: str, text: str) -> set[int]:
    """Return the positions of a text that occurrences of a name take; none for an empty name."""
    positions: set[int] = set()
    if not name:
        return positions
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        positions.update(range(start, end))
        start = text.find(name, end)
    return positions


def _written_in(title: str, departement: str) -> Iterator[tuple[int, Commune]]:
    """Yield the position and commune of each commune name of a département in a title.

    The longest match wins.
    """
    by_first_word = _by_first_word(departement)
    end_before = 0
    for word in _WORD.finditer(title):
        start = word.start()
        if start < end_before:
            continue
        for commune in by_first_word.get(word[0], ()):
            end = start + len(commune.name)
            if title.startswith(commune.name, start) and not _GOES_ON.match(title, end):
                yield start, commune
                end_before = end
                break


@cache
def _by_first_word(departement: str) -> dict[str, list[Commune]]:
    """Return the communes of a département by the first word of their names (case
    and accents kept), longest first.
    """
    by_name = {commune.name: commune for commune in communes.of_departement(departement)}
    by_first_word: dict[str, list[Commune]] = defaultdict(list)
    for commune in by_name.values():
        first_word = _WORD.match(commune.name)
        if first_word:
            by_first_word[first_word[0]].append(commune)
    for beginning_alike in by_first_word.values():
        beginning_alike.sort(key=lambda commune: -len(commune.name))
    return dict(by_first_word)
