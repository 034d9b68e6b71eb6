"""Rules for reference systems, scale and resolution, specifications and quality.

The first parts read the spellings of reference systems (names, codes, well-known text).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import parse_date
from ckanext.ecosphere.dataset.view import distinct_rows
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    Row,
    distinct,
    is_placeholder,
    parts,
    plain,
    rows,
)
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line
from ckanext.ecosphere.harvest.record import Conformity, Identifier, QualityMeasure, Resolution
from ckanext.ecosphere.vocabularies.phrases import Phrases

EPSG_URI = "http://www.opengis.net/def/crs/EPSG/0/{code}"
MAX_SYSTEMS = 50
_IN_URI = re.compile(
    r"epsg(?:/[\d.]+/|:[\d.]*:|(?:\.xml)?#|(?:\.io)?/|\.org/crs[_/]|:+)(\d{4,6})(?!\d)",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(
    r"\bepsg\W{0,3}(?:code\W{0,3})?(\d{4,6})\b|\b(\d{4,6})\s?\(EPSG\)", re.IGNORECASE
)
_WITH_HEIGHTS = re.compile(
    r"\bepsg\W{0,3}(\d{4,6})\s?\+\s?(?:epsg\W{0,3})?(\d{4,6})\b", re.IGNORECASE
)
"""A compound system written with the codes of its parts (QGIS, PROJ): ``EPSG:2154+5720``."""
_BARE = re.compile(r"\d{4,6}")
_IGNF = re.compile(
    r"IGNF(?:\.xml#|:|/)(?:crs/(?:IGNF/)?)?([A-Z0-9]+)(?:\.([A-Z0-9]+))?", re.IGNORECASE
)
_REGISTRIES = ("EPSG", "OGP")
_SUPERSEDED = {"900913": "3857"}
"""Unofficial codes in use → registered code."""
_GEOGRAPHIC = {"4171", "4258", "4326", "4275", "4979", "4627", "4624", "9777", "9782"}
"""Codes of geographic systems, the base of projected ones."""
_PROJECTIONS = {
    "utm", "lambert", "cc", "laea", "lcc", "conique", "mercator", "projection", "zone", "fuseau",
}  # fmt: skip
"""Words that indicate a projected system."""
_WGS84 = "4326"
_ONLY_A_ZONE = re.compile(r"utm ?(?:(?:zone|fuseau|f|nord|sud) ?){0,3}\d{1,2} ?(?:n|s|nord|sud)?")
"""A UTM zone without its geodetic system: WGS 84, unless another one precedes it."""
_BESIDE_A_ZONE = {
    "projection", "systeme", "system", "en", "et", "de", "coordonnees", "projetees", "reference",
    "crs", "scr", "code", "ou", "and", "geographique", "geographiques", "universal", "transverse",
    "mercator",
}  # fmt: skip
"""Words beside a zone that do not name another geodetic system."""
_NOT_SPATIAL = {"gregorien", "calendrier gregorien", "gregorian", "gregorian calendar"}


# --- names and codes of reference systems ----------------------------------------------------


@cache
def _names() -> Phrases[str]:
    pairs = []
    for concept in voc.get("epsg"):
        for label in (concept.label_fr, *concept.alt_labels):
            if not _BARE.fullmatch(label):
                pairs.append((label, concept.data["code"]))
    for row in rows("crs-names"):
        pairs += [(name, row["epsg"]) for name in parts(row["names"])]
    return Phrases([*pairs, *_zones()])


def _zones() -> Iterator[tuple[str, str]]:
    """Yield spellings and EPSG codes of the UTM zones of each geodetic system.

    Without a geodetic system, those of WGS 84.
    """
    for row in rows("crs-utm"):
        codes = dict(part.split("=") for part in parts(row["zones"]))
        for zone, code in codes.items():
            spellings = _spellings_of_a_zone(zone, codes)
            for datum in parts(row["datums"]):
                for spelling in spellings:
                    yield f"{datum} {spelling}", code
                    yield f"{spelling} {datum}", code
                    if " " not in spelling and " " not in datum:
                        yield f"{datum}{spelling}", code
            if row["datums"].startswith("WGS84"):
                for spelling in spellings:
                    yield spelling, code


_HALVES = {"N": ("nord", "S"), "S": ("sud", "N")}
"""Half of the earth → its name, and the other half."""


def _spellings_of_a_zone(zone: str, codes: dict[str, str]) -> list[str]:
    number, half = zone[:-1], zone[-1]
    side, other_half = _HALVES[half]
    spellings = [
        f"UTM{number}{half}",
        f"UTM {side} {number}",
        f"UTM {side} fuseau {number}",
        f"UTM {side} f {number}",
    ]
    ends = [f"{number}{half}", f"{number} {half}", f"{number} {side}"]
    # Without its half of the earth, a number only means the zone if there is no other one.
    if f"{number}{other_half}" not in codes:
        ends.append(number)
        spellings.append(f"UTM{number}")
    for word in ("", "zone ", "fuseau "):
        spellings += [f"UTM {word}{end}" for end in ends]
    return spellings


def epsg_codes(system: Identifier) -> list[str]:
    """Return the EPSG codes of a reference system, from its URI, its code or its name.

    There are two for a compound system (Lambert-93 with NGF-IGN69 heights).
    """
    if is_wkt(system.code):
        codes, name = read_wkt(system.code)
        if not codes:
            return epsg_codes(Identifier(name, None, system.href))
    else:
        text = f"{system.code} {system.href or ''}"
        codes = _written_codes(system, text) or _codes_of_ign(text) or _named(system.code)
    return [_SUPERSEDED.get(code, code) for code in dict.fromkeys(codes)]


def _written_codes(system: Identifier, text: str) -> list[str]:
    """Return the EPSG codes in a text; a bare number is none if another registry is named."""
    codes: list[str] = []
    for pair in _WITH_HEIGHTS.findall(text):
        codes += pair
    codes += _IN_URI.findall(text)
    codes += [one or other for one, other in _IN_TEXT.findall(text)]
    registry = (system.codespace or "EPSG").upper()
    bare = system.code.strip()
    if not codes and _BARE.fullmatch(bare) and any(name in registry for name in _REGISTRIES):
        return [bare]
    return codes


def _codes_of_ign(text: str) -> list[str]:
    """Return the systems of codes of the IGN's registry, plane and height."""
    codes: list[str | None] = []
    for plane, height in _IGNF.findall(text):
        codes += [_names().exact(plane), _names().exact(height)]
    return list(filter(None, codes))


def _named(text: str) -> list[str]:
    """Return the systems named in a text, which may list several."""
    by_part = [_named_in(part) for part in re.split(r"[;,]", text)]
    if "utm" in text.lower() and not all(by_part):
        return _named_in(text)  # "UTM 20N, Fort Desaix" is one system
    codes: list[str] = []
    for codes_of_part in by_part:
        codes += codes_of_part
    return codes


def _named_in(text: str) -> list[str]:
    """Return the systems named in a text: for "WGS84 / UTM 20N", the projected one, not its base.

    If the projection is unknown, the geographic base system is not returned either.
    """
    codes = _without_unknown_zones(text)
    projected = [code for code in codes if code not in _GEOGRAPHIC]
    if projected or set(plain(text).split()) & _PROJECTIONS:
        return projected
    return codes


def _without_unknown_zones(text: str) -> list[str]:
    """Return the systems named in a text, except UTM zones after an unknown geodetic system.

    "ED50 / UTM 31N" is in the table; of "Datum de 1926 / UTM 31N", it is only known that the zone
    is not one of WGS 84.
    """
    words = plain(text).split()
    codes: list[str] = []
    end_before, system_before = 0, _WGS84
    for start, end, code in _names().find(text):
        if _ONLY_A_ZONE.fullmatch(" ".join(words[start:end])):
            unknown_words = set(words[end_before:start]) - _BESIDE_A_ZONE - _PROJECTIONS
            has_other_base = system_before in _GEOGRAPHIC - {_WGS84}
            if unknown_words or has_other_base:
                end_before, system_before = end, ""
                continue
        codes.append(code)
        end_before, system_before = end, code
    return codes


# --- well-known text -------------------------------------------------------------------------

MAX_WKT = 20_000
"""Maximum number of characters read."""
_START = re.compile(
    r"\s*(?:(?:PROJ|GEOG|GEOC|GEOD|COMPD|COMPOUND|VERT|BASEGEOD)_?CR?S"
    r"|(?:PROJECTED|GEOGRAPHIC|GEODETIC|VERTICAL)CRS)\s{0,5}[\[(]",
    re.IGNORECASE,
)
_COMPOUND = re.compile(r"\s*COMP", re.IGNORECASE)
_TOKEN = re.compile(
    r"\b(?:AUTHORITY|ID)\s{0,5}[\[(]\s{0,5}\"EPSG\"\s{0,5},\s{0,5}\"?(?P<code>\d{4,6})\"?"
    r"[^\[\]()]{0,200}[\])]"
    r"|\"(?P<text>[^\"]{0,500})\"|(?P<open>[\[(])|(?P<close>[\])])",
    re.IGNORECASE,
)
_WHOLE, _PART = 1, 2
"""Depths in brackets of the code of a system, and of those of the parts of a compound system."""


def is_wkt(text: str) -> bool:
    """Tell whether a text is a reference system in well-known text."""
    return bool(_START.match(text))


def read_wkt(text: str) -> tuple[list[str], str]:
    """Return the EPSG codes of a system in well-known text (OGC 01-009, ISO 19162), and its name.

    The text also names the parts of the system, each with a code of its own: ellipsoid, datum,
    units, the geographic base system. Only the outermost code is that of the system; a compound
    system without a code has those of the systems in it.
    """
    codes: dict[int, list[str]] = {_WHOLE: [], _PART: []}
    name, depth = "", 0
    for token in _TOKEN.finditer(text[:MAX_WKT]):
        if token["code"]:
            codes.setdefault(depth, []).append(token["code"])
        elif token["text"] is not None:
            name = name or token["text"]
        elif token["open"]:
            depth += 1
        else:
            depth -= 1
    if not codes[_WHOLE] and _COMPOUND.match(text):
        return codes[_PART], name
    return codes[_WHOLE], name


# --- the rule of reference systems -----------------------------------------------------------


def reference_systems(draft: Draft) -> None:
    """Convert all spellings of a reference system to its EPSG URI at the OGC."""
    all_uris: list[str] = []
    systems = draft.record.reference_systems
    for system in draft.first("referenceSystemInfo", systems, MAX_SYSTEMS):
        if plain(system.code) in _NOT_SPATIAL:
            draft.lost("referenceSystemInfo", system.code)  # a temporal reference system
            continue
        if is_placeholder(system.code or system.href):
            continue
        uris = [EPSG_URI.format(code=code) for code in epsg_codes(system)]
        written = " ".join(filter(None, (system.code, system.codespace, system.href)))
        if not uris:
            draft.problem("reference-system", value=system.code or system.href)
            draft.lost("referenceSystemInfo", written)
        elif uris not in ([system.code], [system.href]):
            draft.change("reference_system", written, uris)
        all_uris += uris
    draft.set("reference_system", distinct(all_uris))


# --- scale -----------------------------------------------------------------------------------

_SCALE = re.compile(r"(?:^|\D)1\s*[:/]\s*(\d{1,3}(?:[ .\u00a0\u202f]?\d{3}){1,3}|\d{2,9})(?!\d)")
_FRACTION = re.compile(r"\s*(?:[^\W\d]{1,20}\s?:?\s?)?\d{1,9}\s?[:/]\s?\d")
_LEAST_SCALE, _MAX_SCALE = 100, 1_000_000_000
_LEAST_DENOMINATOR = 10
"""A smaller denominator is an unfilled form, whose default is 1."""


def read_scale(text: str) -> int | None:
    """Return the denominator of a scale: ``25000``, ``25 000``, ``1:25000``, ``1/25 000e``."""
    bare = re.sub(r"[\s\u00a0\u202f]", "", text)
    match = _SCALE.search(text)
    if re.fullmatch(r"\d{1,10}(?:\.0*)?", bare):
        value = int(float(bare))
    elif match:
        value = int(re.sub(r"\D", "", match.group(1)))
    else:
        return None
    if _LEAST_DENOMINATOR <= value <= _MAX_SCALE:
        return value
    return None


def scale(draft: Draft) -> None:
    """Set the finest scale, be it written as a distance ("1/25000"), else one of the conditions."""
    values: list[int] = []
    for item in draft.record.resolutions:
        value = _scale_for_a_distance(item.value)
        if value:
            values.append(value)
            draft.change("scale_denominator", item.value, value)
    for text in draft.record.scales:
        value = read_scale(text)
        if value:
            values.append(value)
        elif not is_placeholder(text) and text.strip("0 "):
            draft.problem("scale", value=text)
    if not values:
        values = _scales_of_use(draft)
    if values:
        draft.set("scale_denominator", str(min(values)))
        _note_coarser(draft, "scale_denominator", values, "otherScale", "1:{}")


def _scales_of_use(draft: Draft) -> list[int]:
    """Return the scales named in the limitations of use."""
    values: list[int] = []
    for constraint in draft.record.constraints:
        for term in constraint.use_limitations:
            match = _SCALE.search(term.text)
            value = match and read_scale(match.group())
            if value:
                values.append(value)
                draft.change("scale_denominator", term.text, value)
    return values


def _scale_for_a_distance(text: str | None) -> int | None:
    """Return the denominator of a scale in place of a distance; 1/2 rather is half a metre."""
    if not text or not _FRACTION.match(text):
        return None
    value = read_scale(text)
    if value and value >= _LEAST_SCALE:
        return value
    return None


# --- ground resolution -----------------------------------------------------------------------

_NUMBER = re.compile(
    r"[-+]?(?:\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,3}(?!\d)|\d+)(?:[.,]\d+)?(?:[eE][-+]?\d+)?"
)
"""A number, possibly with spaces between thousands: "1 250,5"."""
_MAX_DISTANCE = 50_000_000


@cache
def _units() -> dict[str, float]:
    lengths = {}
    for row in rows("units"):
        lengths |= {plain(name): float(row["metres"]) for name in parts(row["units"])}
    return lengths


def _metres(unit: str | None) -> float | None:
    """Return the length of a unit in metres; it may be a URI, a part of one, or missing."""
    if not unit:
        return 1.0
    name = unit.strip()
    words = re.findall(r"\w+", unit.rpartition("#")[2])
    if "#" in unit and words:
        # "gmxUom.xml#m", "…#xpointer(//*[@gml:id='m'])"
        return _units().get(plain(words[-1]))
    if re.match(r"https?:|urn:", name):
        name = re.split(r"[#/:]", name)[-1]
    return _units().get(plain(name)) or _units().get(plain(unit))


def _metres_of(item: Resolution, number: re.Match[str]) -> float | None:
    """Return the length in metres of the unit beside the number, else of the declared one.

    Without a declared unit, an unknown word beside the number means that it is not a length:
    "0,1 degré".
    """
    beside = plain(number.string[number.end() :][:100])
    length = _units().get(beside) or _units().get(beside.partition(" ")[0])
    if length or (beside and not item.unit):
        return length
    return _metres(item.unit)


def resolution(draft: Draft) -> None:
    """Set the finest ground distance in metres; angles have no field."""
    field = "spatial_resolution_in_meters"
    distances: list[float] = []
    for item in draft.record.resolutions:
        if _scale_for_a_distance(item.value):
            continue  # handled by the rule `scale`
        value, metres = _distance(item)
        if 0 < value < _MAX_DISTANCE and metres:
            distances.append(value * metres)
            if metres != 1.0:
                draft.change(field, f"{item.value} {item.unit}", value * metres)
        elif value > 0:
            written = f"{item.value} {item.unit or ''}".strip()
            draft.problem("resolution", value=written)
            draft.lost("spatialResolution", written)
    if distances:
        draft.set(field, f"{min(distances):.12g}")
        _note_coarser(draft, field, distances, "otherResolution", "{:.12g} m")


def _distance(item: Resolution) -> tuple[float, float | None]:
    """Return the number of a distance, 0 if there is none, and its unit in metres, if known."""
    number = _NUMBER.search((item.value or "").strip())
    if number is None:
        return 0.0, None
    value = float(re.sub(r"\s", "", number.group()).replace(",", "."))
    if _FRACTION.match(item.value or ""):
        return abs(value) or 1.0, None
    return value, _metres_of(item, number)


def _note_coarser(
    draft: Draft, field: str, values: list[int] | list[float], path: str, form: str
) -> None:
    """Log and note the values beside the finest one, if there are several."""
    finest, *others = sorted(set(values))
    if others:
        draft.change(field, values, finest)
        draft.lost(path, [form.format(value) for value in others])


# --- conformity and quality ------------------------------------------------------------------

MAX_REPORTS, MAX_EXPLANATION = 30, 300
MAX_NAME, MAX_UNIT = 500, 100
_NOT_EVALUATED = re.compile(
    r"\b(non|pas( ete)?|not) (encore )?"
    r"(evaluee?s?|evaluated|testee?s?|tested|verifiee?s?)\b|evaluation non realisee"
)
"""Explanation that makes the degree "not evaluated": forms only offer "true" and "false"."""
_DIRECTIVE = "/eli/dir/"
_DEGREES = {True: "conformant", False: "notConformant", None: "notEvaluated"}


def specification_uri(title: str) -> str:
    """Return the URI of a specification named in a title (INSPIRE regulations), or "".

    Of several, it is the first one, since a regulation names the one that it amends after itself;
    the directive, which all of them implement, only if it is alone.
    """
    bare = f" {plain(title[:MAX_NAME])} "
    candidates = []
    for row in rows("specifications"):
        place = bare.find(f" {row['name']} ")
        if place >= 0:
            candidates.append((_DIRECTIVE in row["uri"], place, row["uri"]))
    return min(candidates, default=(False, 0, ""))[-1]


def conformity(draft: Draft) -> None:
    """Keep each report once; a specification that the data conform to is one that they follow."""
    reports: list[Row] = []
    followed: list[str] = []
    for report in draft.first("report", draft.record.conformity, MAX_REPORTS):
        if is_placeholder(report.title) and not report.href:
            # Nothing says what was evaluated.
            dates = [dated.value for dated in report.dates]
            texts = filter(None, (report.title, report.explanation, *dates))
            draft.lost("report", list(texts))
            continue
        row = _conformity_row(report)
        reports.append(row)
        if _degree(report) and row["uri"]:
            followed.append(row["uri"])
    draft.set("conformity", distinct_rows(reports))
    draft.set("conforms_to", distinct(followed))


def _degree(report: Conformity) -> bool | None:
    """Return whether the data conform; None when it was not evaluated, by the explanation too."""
    explanation = plain((report.explanation or "")[:MAX_EXPLANATION])
    if not report.degree and _NOT_EVALUATED.search(explanation):
        return None
    return report.degree


def _conformity_row(report: Conformity) -> Row:
    """Return a report as a row: specification, its URI and date, degree."""
    title = cut(one_line(report.title), MAX_NAME)
    href = report.href or ""
    if not href.startswith(("http://", "https://")):
        href = ""
    by_type = {(dated.type or ""): parse_date(dated.value) for dated in report.dates}
    dates = (by_type.get("publication"), by_type.get("revision"), *by_type.values())
    return {
        "specification": title or href,
        "uri": href or specification_uri(title),
        "date": next(filter(None, dates), ""),
        "degree": voc.get("conformity-degree")[_DEGREES[_degree(report)]].uri,
    }


def quality_measures(draft: Draft) -> None:
    """Keep each quality measure once, with its dimension; without any, those read from RDF."""
    of_record = draft.first("report", draft.record.measures, MAX_REPORTS)
    measures = distinct_rows(_measures(of_record))
    if not measures:
        of_profile = draft.record.fields.get("quality_measure") or ()
        measures = [row for row in of_profile if isinstance(row, dict)]
    if measures:
        draft.set("quality_measure", measures)


def _measures(measures: Iterable[QualityMeasure]) -> Iterator[Row]:
    for measure in measures:
        row = {
            "name": cut(one_line(measure.name), MAX_NAME),
            "value": cut(one_line(measure.value), MAX_NAME),
            "unit": cut(one_line(measure.unit), MAX_UNIT),
        }
        dimension = voc.get("quality-dimension").find(measure.element)
        if dimension:
            row["dimension"] = dimension.id
        yield {name: value for name, value in row.items() if value}
