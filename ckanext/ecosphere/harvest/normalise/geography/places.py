"""Look up French territories by name, code, URI or bounding box. No decisions are made here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.geography.extent import Degrees
from ckanext.ecosphere.harvest.normalise.tables import parts, plain, rows
from ckanext.ecosphere.vocabularies import Concept
from ckanext.ecosphere.vocabularies.phrases import Phrases

_URI = re.compile(r"https?://(?:id|rdf)\.insee\.fr/geo/([A-Za-z-]+)/([0-9A-Za-z]{1,9})/?(?:[-#?].*)?")
_WITHIN_A_DEPARTEMENT = ("departement", "commune", "arrondissement", "canton", "iris")
_COMMUNE = re.compile(r"(0[1-9]|[1-8]\d|9[0-5]|2[ABab])\d{3}|(97[1-8]|98[4-8])\d{2}")
_DEPARTEMENT = re.compile(r"0?(0[1-9]|[1-8]\d|9[0-5]|2[ABab])|(97[1-6])")
_REGION = re.compile(r"[Rr](?:eg)?[_ -]?(\d{2})")
_ATTACHED = re.compile(r"[^*@|].{0,200}[*@|]\s{0,5}([0-9AB]{5})")
_IN_FILE = re.compile(
    r"(?:^|[^0-9A-Za-z])(?:fr-)?0{0,4}(\d[0-9AB]\d{3})[_-]?(?:plui?|pos|cc|psmv|scot|rnu)(?=[^a-z]|$)", re.I
)
_IN_TABLE = re.compile(r"(?:^|\W)[lmn]_\w{3,60}_[lpst]_(0\d[0-9ab]|97\d)(?=\W|$)", re.IGNORECASE)
"""Table name with a département, by the data standards of the ministry: ``N_ZONE_BRUIT_S_087``."""
_ISO_3166 = re.compile(r"FR-(?=[0-9A-Z]{2,3}$)", re.IGNORECASE)
"""Prefix of ISO 3166-2 codes: FR-74, FR-2A, FR-ARA."""
_LONGEST_CODE = 300
_NO_TERRITORY = "-"
_EXCEPT = ("hors", "hors de", "hors du", "hors d", "sauf", "sauf la", "excepte", "a l exception de", "en dehors de")
"""Words before the name of a territory that is left out, or outside which the data lie."""
_COMMON_WORDS = {"nord", "lot", "centre", "metropole", "manche", "fr", "lr", "mp", "sud"}
_MOST = 0.72
"""Share of a territory's box above which a box covers it."""
_SOME = 0.02
"""Share of the smaller of two boxes below which they barely overlap."""
_ENOUGH = 0.25
"""Share of the smaller of two boxes above which the territory explains the box."""
_MAINLY, _LIKE_ENOUGH = 0.6, 0.35
"""Share of a box within a service's own territory, or similarity to it, above which it is that territory's."""
_FAR_LARGER, _OCEAN = 6, 400.0
"""Ratio to the area of the touched territories, and square degrees, above which a box is about something else."""
_SOUTHERN = "outre-mer-atf"
_OVERSEAS = ("971", "972", "973", "974", "976")
_SAME = 0.7
"""Similarity above which a box is that of a territory."""
_WITHIN = 0.05
"""Degrees by which a box may extend beyond that of a territory."""


@cache
def names() -> tuple[tuple[str, Concept], ...]:
    """Return all names of all territories, including former ones."""
    territories = voc.get("territories")
    own = [
        (name, territories[row["territory"]])
        for row in rows("territory-names")
        if row["territory"] != _NO_TERRITORY
        for name in parts(row["names"])
    ]
    listed = [
        (label, concept)
        for concept in territories
        for label in (concept.label_fr, concept.label_en, *concept.alt_labels)
        if concept.data["type"] != "autre" and not label.isdigit()
    ]
    return (*listed, *own)


@cache
def _names() -> Phrases[Concept | None]:
    """Return names of territories, and longer names of other things that contain one and must hide it."""
    others = [n for row in rows("territory-names") if row["territory"] == _NO_TERRITORY for n in parts(row["names"])]
    return Phrases([*names(), *((name, None) for name in others)])


@cache
def _former_regions() -> dict[str, Concept]:
    return {
        code: voc.get("territories")[row["territory"]]
        for row in rows("territory-names")
        for code in parts(row["insee"])
    }


@cache
def _regions() -> dict[str, Concept]:
    return {c.data["insee_region"]: c for c in voc.get("territories") if c.data["insee_region"]}


@cache
def _departements() -> dict[str, Concept]:
    """Return départements (and overseas territories) by code."""
    return {c.data["departement_code"]: c for c in voc.get("territories") if c.data["departement_code"]}


@cache
def _by_code() -> dict[str, Concept]:
    found: dict[str, Concept] = {}
    for concept in voc.get("territories"):
        code = concept.data["code"].upper()
        found.setdefault(code, concept)
        if concept.data["type"] == "departement":
            found.setdefault(f"D{code}", concept)
            found.setdefault(f"FRA_DPT_{code.zfill(3)}", concept)
    return found


def departement(code: str) -> Concept | None:
    """Return the département (or overseas territory) of an INSEE or postal code of any length."""
    code = code.upper()
    return _departements().get(code[:3] if code.startswith(("97", "98")) else code[:2])


def from_uri(uri: str) -> Concept | None:
    """Return the territory of a URI; the département for that of a commune."""
    found = voc.get("territories").get(uri)
    if found:
        return found
    match = _URI.fullmatch(uri.strip())
    if not match:
        return None
    kind, code = match.group(1).lower(), match.group(2).upper()
    if kind == "region":
        return _regions().get(code.zfill(2)) or _former_regions().get(code.zfill(2))
    if kind == "pays":
        return voc.get("territories")["pays-fra"]
    return departement(code) if kind.startswith(_WITHIN_A_DEPARTEMENT) else None


def from_code(code: str) -> Concept | None:
    """Return the territory of a bare code: ``FXX``, ``R84``, ``088``, ``FR-74``, ``22358``, ``Avrigny*60036``."""
    bare = code.strip()
    if len(bare) > _LONGEST_CODE:
        return None
    if len(whole := zones().get(bare.lower(), ())) == 1:
        return voc.get("territories")[whole[0]]
    bare = _ISO_3166.sub("", bare)
    if match := _ATTACHED.fullmatch(bare):
        bare = match.group(1)
    if _COMMUNE.fullmatch(bare):
        return departement(bare)
    if match := _DEPARTEMENT.fullmatch(bare):
        return departement(match.group(1) or match.group(2))
    if match := _REGION.fullmatch(bare):
        return _regions().get(match.group(1)) or _former_regions().get(match.group(1))
    return _by_code().get(bare.upper())


@cache
def zones() -> dict[str, tuple[str, ...]]:
    """Return code of a zone → ids of its territories (``zone-codes.csv``)."""
    return {row["code"]: tuple(parts(row["territories"])) for row in rows("zone-codes")}


def from_name(text: str) -> Concept | None:
    """Return the territory whose present or former name is the whole text."""
    return _names().exact(text)


def is_common_word(text: str) -> bool:
    """Tell whether the name of a territory is also a common word or the name of a sea: "Nord", "Manche"."""
    return plain(text) in _COMMON_WORDS


def in_text(text: str, common_words: bool = False) -> list[Concept]:
    """Return the territories named in a text; where names overlap, the longest one counts.

    Args:
        text: some prose.
        common_words: whether to include names that are also common words ("Nord", "Lot", "Métropole").
    """
    words = plain(text).split()
    return list(
        dict.fromkeys(
            concept
            for start, end, concept in _names().find(text)
            if concept
            and (common_words or end - start > 1 or words[start] not in _COMMON_WORDS)
            and not _is_left_out(words[:start])
        )
    )


def _is_left_out(before: list[str]) -> bool:
    """Tell whether the words before a name leave it out: "France hors Île-de-France"."""
    return f" {' '.join(before[-4:])}".endswith(tuple(f" {words}" for words in _EXCEPT))


def in_file_name(text: str) -> Concept | None:
    """Return the département in a file name of the urban planning portal (``22358_PLU_2019``) or in a table name."""
    if match := _IN_FILE.search(text):
        return departement(match.group(1))
    match = _IN_TABLE.search(text)
    return departement(match.group(1)[1:] if match.group(1)[0] == "0" else match.group(1)) if match else None


# --- neighbours and boxes -----------------------------------------------------------------------------------


@cache
def _neighbours() -> tuple[tuple[tuple[float, float], ...], ...]:
    outlines = (row["outline"].split(",") for row in rows("neighbours"))
    return tuple(tuple((float(x), float(y)) for x, y in map(str.split, outline)) for outline in outlines)


def is_abroad(box: Degrees) -> bool:
    """Tell whether the centre of a box lies in a neighbouring country, some kilometres beyond the border."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(_inside(x, y, outline) for outline in _neighbours())


def _inside(x: float, y: float, outline: tuple[tuple[float, float], ...]) -> bool:
    """Tell whether a point is in a polygon (even-odd rule: a ray to the east crosses it an odd number of times)."""
    crossings = 0
    for (x1, y1), (x2, y2) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            crossings += 1
    return crossings % 2 == 1


def _parts(box: Degrees) -> list[Degrees]:
    """Return a box, split in two where it crosses the 180th meridian."""
    west, south, east, north = box
    return [box] if west <= east else [(west, south, 180.0, north), (-180.0, south, east, north)]


def _area(box: Degrees) -> float:
    return sum((east - west) * (north - south) for west, south, east, north in _parts(box))


def _common(one: Degrees, other: Degrees) -> float:
    shared = 0.0
    for a in _parts(one):
        for b in _parts(other):
            width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            shared += width * height if width > 0 and height > 0 else 0.0
    return shared


def likeness(one: Degrees, other: Degrees) -> float:
    """Return the similarity of two boxes: intersection over union, from 0 to 1."""
    common = _common(one, other)
    union = _area(one) + _area(other) - common
    return common / union if union > 0 else float(one == other)


def holds(outer: Degrees, inner: Degrees) -> bool:
    """Tell whether a box contains another, with a tolerance of 0.05 degrees."""
    return all(any(_holds(o, i) for o in _parts(outer)) for i in _parts(inner))


def _holds(outer: Degrees, inner: Degrees) -> bool:
    low = outer[0] - _WITHIN <= inner[0] and outer[1] - _WITHIN <= inner[1]
    return low and outer[2] + _WITHIN >= inner[2] and outer[3] + _WITHIN >= inner[3]


def of_type(*types: str) -> list[Concept]:
    """Return the territories of these types."""
    return [concept for concept in voc.get("territories") if concept.data["type"] in types]


def overseas_departements() -> list[Concept]:
    """Return the overseas départements, without the other territories overseas."""
    return [concept for code in _OVERSEAS if (concept := departement(code))]


def like_box(box: Degrees) -> Concept | None:
    """Return the territory whose box is nearly this one: département, région, overseas territory, country."""
    best: tuple[float, Concept] | None = None
    for concept in of_type("departement", "outre-mer", "region", "pays"):
        share = likeness(box, concept.data["bbox"])
        if share >= _SAME and (best is None or share > best[0]):
            best = (share, concept)
    return best[1] if best else None


def around_box(box: Degrees) -> list[Concept]:
    """Return the départements and overseas territories whose boxes contain this one, nearest centre first."""
    found = [c for c in _candidates(box) if holds(c.data["bbox"], box)]
    return sorted(found, key=lambda concept: nearness(box, concept))


def explaining(box: Degrees) -> list[Concept]:
    """Return the smallest set of départements and overseas territories that explains a box, most covered first.

    Territories that barely overlap it are left out when others explain it; a box far larger than all of them together
    is explained by none.
    """
    shares = []
    for concept in _candidates(box):
        common = _common(box, concept.data["bbox"])
        shares.append((common / min(_area(box) or 1e-12, _area(concept.data["bbox"])), common, concept))
    shares.sort(key=lambda each: -each[0])
    touched = [each for each in shares if each[0] > _SOME]
    kept = [each for each in touched if each[0] >= _ENOUGH] or touched
    if _area(box) > _OCEAN and _area(box) > _FAR_LARGER * sum(_area(each[2].data["bbox"]) for each in touched):
        return []
    return [concept for _share, _common_area, concept in kept]


def mostly_within(box: Degrees, concept: Concept) -> bool:
    """Tell whether most of a box lies in that of a territory, or the two boxes are similar."""
    around: Degrees = concept.data["bbox"]
    common = _common(box, around)
    return common >= _MAINLY * (_area(box) or 1e-12) or likeness(box, around) >= _LIKE_ENOUGH


def sea_zones(box: Degrees) -> list[Concept]:
    """Return the sea areas in which a box lies or which it covers, largest share first."""
    shares = []
    for concept in of_type("zone-maritime"):
        common = _common(box, concept.data["bbox"])
        share = common / min(_area(box) or 1e-12, _area(concept.data["bbox"]) or 1e-12)
        shares.append((share, concept))
    shares.sort(key=lambda each: -each[0])
    kept = [concept for share, concept in shares if share >= _ENOUGH]
    if _area(box) > _OCEAN:  # a box the size of an ocean is not the sea area that it merely overlaps
        kept = [concept for concept in kept if covers(box, concept)]
    largest = max((_area(concept.data["bbox"]) for concept in kept), default=0.0)
    return kept if _area(box) <= _FAR_LARGER * max(largest, 1e-12) else []


def _candidates(box: Degrees) -> list[Concept]:
    """Return départements and overseas territories, without the southern lands when another territory matches.

    The box of their scattered islands surrounds La Réunion and Mayotte.
    """
    found = of_type("departement", "outre-mer")
    others = [c for c in found if c.id != _SOUTHERN and _common(box, c.data["bbox"]) > 0]
    return others or found


def covers(box: Degrees, concept: Concept) -> bool:
    """Tell whether a box covers most of a territory."""
    return _common(box, concept.data["bbox"]) >= _MOST * _area(concept.data["bbox"])


def hull(boxes: Iterable[Degrees]) -> Degrees | None:
    """Return the bounding box of several boxes; None without any."""
    sides = list(boxes)
    if not sides:
        return None
    return min(b[0] for b in sides), min(b[1] for b in sides), max(b[2] for b in sides), max(b[3] for b in sides)


def nearness(box: Degrees, concept: Concept) -> float:
    """Return the distance from the centre of a box to that of a territory, in half sides of the territory's box."""
    around: Degrees = concept.data["bbox"]
    dx = abs((box[0] + box[2]) - (around[0] + around[2])) / max(around[2] - around[0], 1e-9)
    dy = abs((box[1] + box[3]) - (around[1] + around[3])) / max(around[3] - around[1], 1e-9)
    return max(dx, dy)
