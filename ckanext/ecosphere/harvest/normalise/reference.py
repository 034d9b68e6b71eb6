"""Rules for coordinate reference systems, scale and ground resolution."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import wkt
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, parts, plain, rows
from ckanext.ecosphere.harvest.record import ReferenceSystem, Resolution
from ckanext.ecosphere.vocabularies.phrases import Phrases

EPSG_URI = "http://www.opengis.net/def/crs/EPSG/0/{code}"
MAX_SYSTEMS = 50
_IN_URI = re.compile(r"epsg(?:/[\d.]+/|:[\d.]*:|(?:\.xml)?#|(?:\.io)?/|\.org/crs[_/]|:+)(\d{4,6})(?!\d)", re.IGNORECASE)
_IN_TEXT = re.compile(r"\bepsg\W{0,3}(?:code\W{0,3})?(\d{4,6})\b|\b(\d{4,6})\s?\(EPSG\)", re.IGNORECASE)
_WITH_HEIGHTS = re.compile(r"\bepsg\W{0,3}(\d{4,6})\s?\+\s?(?:epsg\W{0,3})?(\d{4,6})\b", re.IGNORECASE)
"""A compound system written with the codes of its parts (QGIS, PROJ): ``EPSG:2154+5720``."""
_BARE = re.compile(r"\d{4,6}")
_IGNF = re.compile(r"IGNF(?:\.xml#|:|/)(?:crs/(?:IGNF/)?)?([A-Z0-9]+)(?:\.([A-Z0-9]+))?", re.IGNORECASE)
_REGISTRIES = ("EPSG", "OGP")
_SUPERSEDED = {"900913": "3857"}
"""Unofficial codes in use → registered code."""
_GEOGRAPHIC = {"4171", "4258", "4326", "4275", "4979", "4627", "4624", "9777", "9782"}
"""Codes of geographic systems, the base of projected ones."""
_PROJECTIONS = {"utm", "lambert", "cc", "laea", "lcc", "conique", "mercator", "projection", "zone", "fuseau"}
"""Words that indicate a projected system."""
_WGS84 = "4326"
_ONLY_A_ZONE = re.compile(r"utm ?(?:(?:zone|fuseau|f|nord|sud) ?){0,3}\d{1,2} ?(?:n|s|nord|sud)?")
"""A UTM zone without its geodetic system: WGS 84, unless another one precedes it."""
_BESIDE_A_ZONE = {
    "projection", "systeme", "system", "en", "et", "de", "coordonnees", "projetees", "reference", "crs", "scr", "code",
    "ou", "and", "geographique", "geographiques", "universal", "transverse", "mercator",
}  # fmt: skip
"""Words that are not the name of a geodetic system."""
_SCALE = re.compile(r"(?:^|\D)1\s*[:/]\s*(\d{1,3}(?:[ .\u00a0\u202f]?\d{3}){1,3}|\d{2,9})(?!\d)")
_FRACTION = re.compile(r"\s*(?:[^\W\d]{1,20}\s?:?\s?)?\d{1,9}\s?[:/]\s?\d")
_LEAST_SCALE = 100
_LEAST_DENOMINATOR = 10
"""A smaller denominator is an unfilled form, whose default is 1."""
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,3}(?!\d)|\d+)(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
"""A number, possibly with spaces between thousands: "1 250,5"."""
_NOT_SPATIAL = {"gregorien", "calendrier gregorien", "gregorian", "gregorian calendar"}
_MAX_SCALE = 1_000_000_000
_MAX_DISTANCE = 50_000_000


@cache
def _names() -> Phrases[str]:
    own = [(name, row["epsg"]) for row in rows("crs-names") for name in parts(row["names"])]
    listed = [
        (label, concept.data["code"])
        for concept in voc.get("epsg")
        for label in (concept.label_fr, *concept.alt_labels)
        if not _BARE.fullmatch(label)
    ]
    return Phrases([*listed, *own, *_zones()])


def _zones() -> Iterator[tuple[str, str]]:
    """Yield spellings and EPSG codes of the UTM zones of each geodetic system; without one, those of WGS 84."""
    for row in rows("crs-utm"):
        codes = dict(part.split("=") for part in parts(row["zones"]))
        for zone, code in codes.items():
            number, half = zone[:-1], zone[-1]
            side = "nord" if half == "N" else "sud"
            ends = [f"{number}{half}", f"{number} {half}", f"{number} {side}"]
            written = [
                f"UTM{number}{half}",
                f"UTM {side} {number}",
                f"UTM {side} fuseau {number}",
                f"UTM {side} f {number}",
            ]
            ends += [number] if f"{number}{'S' if half == 'N' else 'N'}" not in codes else []
            written += [f"UTM {word}{end}" for word in ("", "zone ", "fuseau ") for end in ends]
            written += [f"UTM{number}"] if number in ends else []
            for name in parts(row["datums"]):
                yield from ((f"{name} {each}", code) for each in written)
                yield from ((f"{each} {name}", code) for each in written)
                yield from ((f"{name}{each}", code) for each in written if " " not in each and " " not in name)
            if row["datums"].startswith("WGS84"):
                yield from ((each, code) for each in written)


def epsg_codes(system: ReferenceSystem) -> list[str]:
    """Return the EPSG codes of a reference system, from its URI, its code or its name.

    A compound system (Lambert-93 with NGF-IGN69 heights) returns two codes, a list of systems all of them.
    """
    if wkt.is_wkt(system.code):
        codes, name = wkt.read(system.code)
        return epsg_codes(ReferenceSystem(name, None, system.href)) if not codes else list(dict.fromkeys(codes))
    text = f"{system.code} {system.href or ''}"
    found = [code for pair in _WITH_HEIGHTS.findall(text) for code in pair]
    found += _IN_URI.findall(text) + [one or other for one, other in _IN_TEXT.findall(text)]
    registry = (system.codespace or "EPSG").upper()
    if not found and _BARE.fullmatch(system.code.strip()) and any(name in registry for name in _REGISTRIES):
        found = [system.code.strip()]
    if not found:
        for plane, height in _IGNF.findall(text):
            codes = [_names().exact(part) for part in (plane, height) if part]
            found += [code for code in codes if code]
    if not found:
        each = [_named_in(part) for part in re.split(r"[;,]", system.code)]
        apart = "utm" in system.code.lower() and not all(each)  # "UTM 20N, Fort Desaix"
        found = _named_in(system.code) if apart else [code for codes in each for code in codes]
    return [_SUPERSEDED.get(code, code) for code in dict.fromkeys(found)]


def _named_in(text: str) -> list[str]:
    """Return the systems named in a text: for "WGS84 / UTM 20N", the projected one rather than its base.

    If the projection is unknown, the geographic base system is not returned either.
    """
    found = _based(text)
    projected = [code for code in found if code not in _GEOGRAPHIC]
    if projected or set(plain(text).split()) & _PROJECTIONS:
        return projected
    return found


def _based(text: str) -> list[str]:
    """Return the systems named in a text, except UTM zones preceded by an unknown geodetic system.

    "ED50 / UTM 31N" is in the table; for "Datum de 1926 / UTM 31N", it is only known that the zone is not of WGS 84.
    """
    words = plain(text).split()
    found: list[str] = []
    past, before = 0, _WGS84
    for start, end, code in _names().find(text):
        if _ONLY_A_ZONE.fullmatch(" ".join(words[start:end])):
            others = [word for word in words[past:start] if word not in _BESIDE_A_ZONE and word not in _PROJECTIONS]
            if others or (before in _GEOGRAPHIC and before != _WGS84):
                past, before = end, ""
                continue
        found.append(code)
        past, before = end, code
    return found


def reference_systems(draft: Draft) -> None:
    """Convert all spellings of a reference system to its EPSG URI at the OGC."""
    kept: list[str] = []
    for system in draft.record.reference_systems[:MAX_SYSTEMS]:
        if plain(system.code) in _NOT_SPATIAL:
            draft.lost("referenceSystemInfo", system.code)  # a temporal reference system
            continue
        if is_placeholder(system.code or system.href):
            continue
        codes = epsg_codes(system)
        uris = [EPSG_URI.format(code=code) for code in codes]
        if not uris:
            draft.problem("reference-system", value=system.code or system.href)
            draft.lost("referenceSystemInfo", _told(system))
        elif uris not in ([system.code], [system.href]):
            draft.change("reference_system", _told(system), uris)
        kept += uris
    if len(draft.record.reference_systems) > MAX_SYSTEMS:
        total = len(draft.record.reference_systems)
        draft.too_many("referenceSystemInfo", total, MAX_SYSTEMS)
    draft.set("reference_system", list(dict.fromkeys(kept)))


def _told(system: ReferenceSystem) -> str:
    return " ".join(filter(None, (system.code, system.codespace, system.href)))


def read_scale(text: str) -> int | None:
    """Return the denominator of a scale: ``25000``, ``25 000``, ``1:25000``, ``1/25 000e``."""
    bare = re.sub(r"[\s\u00a0\u202f]", "", text)
    if re.fullmatch(r"\d{1,10}(?:\.0*)?", bare):
        value = int(float(bare))
    elif match := _SCALE.search(text):
        value = int(re.sub(r"\D", "", match.group(1)))
    else:
        return None
    return value if _LEAST_DENOMINATOR <= value <= _MAX_SCALE else None


def scale(draft: Draft) -> None:
    """Set the finest scale, even if written as a distance ("1/25000"), else one named in the conditions of use."""
    found: list[int] = []
    for item in draft.record.resolutions:
        value = _scale_for_a_distance(item.value)
        if value:
            found.append(value)
            draft.change("scale_denominator", item.value, value)
    for text in draft.record.scales:
        value = read_scale(text)
        if value is None and not is_placeholder(text) and text.strip("0 "):
            draft.problem("scale", value=text)
        elif value:
            found.append(value)
    if not found:
        for constraint in draft.record.constraints:
            for term in constraint.use_limitations:
                match = _SCALE.search(term.text)
                value = read_scale(match.group()) if match else None
                if value:
                    found.append(value)
                    draft.change("scale_denominator", term.text, value)
    if found:
        draft.set("scale_denominator", str(min(found)))
        if len(set(found)) > 1:
            draft.change("scale_denominator", found, min(found))
            others = [f"1:{value}" for value in sorted(set(found)) if value != min(found)]
            draft.lost("otherScale", others)


def _scale_for_a_distance(text: str | None) -> int | None:
    """Return the scale denominator written in place of a distance; 1/2 may be half a metre."""
    value = read_scale(text) if text and _FRACTION.match(text) else None
    return value if value and value >= _LEAST_SCALE else None


@cache
def _units() -> dict[str, float]:
    return {plain(name): float(row["metres"]) for row in rows("units") for name in parts(row["units"])}


def _metres(unit: str | None) -> float | None:
    """Return the length of a unit in metres; the unit may be a URI, a part of one, or missing."""
    if not unit:
        return 1.0
    if "#" in unit and (words := re.findall(r"\w+", unit.rpartition("#")[2])):
        return _units().get(plain(words[-1]))  # "gmxUom.xml#m", "…#xpointer(//*[@gml:id='m'])"
    name = re.split(r"[#/:]", unit.strip())[-1] if re.match(r"https?:|urn:", unit.strip()) else unit
    return _units().get(plain(name)) or _units().get(plain(unit))


def _metres_of(item: Resolution, number: re.Match[str] | None) -> float | None:
    """Return the length in metres of the unit of a distance: the one beside the number, else the declared one.

    Without a declared unit, an unknown word beside the number means that it is not a length: "0,1 degré".
    """
    beside = plain(number.string[number.end() :][:100]) if number else ""
    told = _units().get(beside) or _units().get(beside.partition(" ")[0])
    if told or (beside and not item.unit):
        return told
    return _metres(item.unit)


def resolution(draft: Draft) -> None:
    """Set the finest ground distance in metres; angles have no field."""
    found: list[float] = []
    for item in draft.record.resolutions:
        if _scale_for_a_distance(item.value):
            continue  # handled by the rule `scale`
        if _FRACTION.match(item.value or ""):
            draft.problem("resolution", value=f"{item.value} {item.unit or ''}".strip())
            draft.lost("spatialResolution", f"{item.value} {item.unit or ''}".strip())
            continue
        number = _NUMBER.search((item.value or "").strip())
        metres = _metres_of(item, number)
        value = float(re.sub(r"\s", "", number.group()).replace(",", ".")) if number else 0.0
        if 0 < value < _MAX_DISTANCE and metres:
            found.append(value * metres)
            if metres != 1.0:
                draft.change("spatial_resolution_in_meters", f"{item.value} {item.unit}", value * metres)
        elif value > 0:
            draft.problem("resolution", value=f"{item.value} {item.unit or ''}".strip())
            draft.lost("spatialResolution", f"{item.value} {item.unit or ''}".strip())
    if found:
        draft.set("spatial_resolution_in_meters", f"{min(found):.12g}")
        if len(set(found)) > 1:
            draft.change("spatial_resolution_in_meters", found, min(found))
            others = [f"{value:.12g} m" for value in sorted(set(found)) if value != min(found)]
            draft.lost("otherResolution", others)
