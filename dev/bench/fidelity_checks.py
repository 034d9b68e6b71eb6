"""Verdicts on facts: is what a record says in its dataset, told, lost, or wrong? See `fidelity`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from ckanext.ecosphere.harvest.normalise import Result
from dev.bench.fidelity_facts import Fact


def plain(text: Any) -> str:
    """A text without markup, case, accents and punctuation, with spaces around."""
    bare = re.sub(r"<[a-zA-Z/][^<>]*>", " ", str(text)).replace("œ", "oe").replace("Œ", "oe").replace("&amp;", "&")
    bare = re.sub(r"&[a-z]{2,8};|&#\d+;", " ", bare)
    bare = "".join(c for c in unicodedata.normalize("NFKD", bare.casefold()) if not unicodedata.combining(c))
    return f" {' '.join(re.split(r'[^0-9a-z]+', bare)).strip()} "


def strings(value: Any) -> Iterator[str]:
    """Every text of a value of a dataset."""
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    elif value is not None:
        yield str(value)


class View:
    """A result in the forms in which facts are looked for."""

    def __init__(self, result: Result):
        self.result = result
        self.dataset = result.dataset
        self.resources: list[dict[str, Any]] = result.dataset.get("resources", [])

    @cached_property
    def texts(self) -> list[str]:
        """Every text of the dataset."""
        return list(strings(self.dataset))

    @cached_property
    def told_texts(self) -> list[str]:
        """Every text of the log, the problems and the list of what has no place."""
        log = [text for change in self.result.log for text in (change.before, change.after)]
        return [*log, *(str(v) for p in self.result.problems for v in p.params.values()), *self.result.unread]

    @cached_property
    def said(self) -> str:
        """All texts of the dataset, to be searched."""
        return "|".join(map(plain, self.texts))

    @cached_property
    def exact(self) -> set[str]:
        """Each text of the dataset."""
        return set(map(plain, self.texts))

    @cached_property
    def told(self) -> str:
        """All that is told, to be searched."""
        return "|".join(map(plain, self.told_texts))

    @cached_property
    def converted(self) -> str:
        """What the log says was brought to the value of a field that the dataset has."""
        kept = [c for c in self.result.log if self.dataset.get(c.field) and "left out" not in c.after]
        return "|".join(plain(change.before) for change in kept)

    @cached_property
    def addresses(self) -> set[str]:
        """Addresses of the dataset."""
        return {address(text) for text in self.texts if ":" in text}

    @cached_property
    def told_addresses(self) -> str:
        """Addresses that are told."""
        return " ".join(address(text) for text in self.told_texts if "/" in text or ":" in text)

    def beside(self, subject: str) -> str:
        """What the dataset says about a subject beside its fields."""
        rows = self.dataset.get("other_information", ())
        return "|".join(plain(row["text"]) for row in rows if row["subject"] == subject)

    def of_link(self, url: str) -> list[dict[str, Any]]:
        """The resources that a link became."""
        whole, base = address(url), address(url.partition("?")[0])
        same = [r for r in self.resources if address(r["url"]) == whole]
        return same or [r for r in self.resources if address(r["url"].partition("?")[0]) == base]


def address(url: str) -> str:
    """An address in the form in which it is compared: without scheme, password, escapes, case and what ends it."""
    text = url
    for _round in range(2):
        text = unquote(text)
    text = "".join(text.replace("&amp;", "&").split()).casefold().strip("<>\"'")
    return re.sub(r"^[a-z]+://([^/@]{1,100}@)?(www\.)?", "", text).rstrip("/?&#.")


Verdict = str


def words(fact: Fact, view: View) -> Verdict:
    """Every piece of a text is looked for, so that no part of it is missed."""
    pieces = [each for each in (plain(part) for part in re.split(r"(?<=[.;!?])\s|\n", fact.value)) if each.strip()]
    if not pieces:
        return "in"
    if all(piece in view.said for piece in pieces):
        return "in"
    if all(piece in view.said or _told(piece, view) for piece in pieces):
        return "told"
    if fact.value.startswith(("http://", "https://")):
        return web(fact, view)
    return "lost"


SHORT = 120
"""Length up to which a text that names a licence says nothing else."""
SAYS_NOTHING = {"", "unknown", "none", "null", "inconnu", "inconnue", "neant", "dataset", "series", "place", "theme"}
"""Values that a form has when nobody fills it, and codes that say again what the record is."""


def _told(piece: str, view: View) -> bool:
    # What is told is told by its beginning: logs cut at some hundred characters.
    return piece[:100].rstrip() in view.told


def web(fact: Fact, view: View) -> Verdict:
    """An address that is in some field."""
    wanted = address(fact.value)
    if wanted in view.addresses or any(wanted in each for each in view.addresses):
        return "in"
    if wanted[:190] in view.told_addresses:
        return "told"
    last = plain(re.split(r"[/#=]", fact.value.rstrip("/"))[-1])  # the code of a list, the identifier in an address
    return "in" if last in view.exact else "told" if len(last) > 5 and last in view.told else "lost"


# --- kinds with values of lists -------------------------------------------------------------------

FREQUENCIES = {
    "continual": ("UPDATE_CONT", "CONT"),
    "daily": ("DAILY",),
    "weekly": ("WEEKLY",),
    "fortnightly": ("BIWEEKLY",),
    "monthly": ("MONTHLY",),
    "quarterly": ("QUARTERLY",),
    "biannually": ("ANNUAL_2",),
    "annually": ("ANNUAL",),
    "asneeded": ("AS_NEEDED",),
    "irregular": ("IRREG",),
    "notplanned": ("NOT_PLANNED",),
    "unknown": ("UNKNOWN",),
    "annual": ("ANNUAL",),
    "semiannual": ("ANNUAL_2",),
    "triennial": ("TRIENNIAL",),
    "biennial": ("BIENNIAL",),
    "bimonthly": ("BIMONTHLY",),
    "semimonthly": ("MONTHLY_2",),
    "continuous": ("UPDATE_CONT", "CONT"),
    "semiweekly": ("WEEKLY_2",),
    "threetimesaweek": ("WEEKLY_3",),
    "threetimesamonth": ("MONTHLY_3",),
    "threetimesayear": ("ANNUAL_3",),
    "biweekly": ("BIWEEKLY",),
}
LANGUAGES = {
    "fre": "FRA",
    "fra": "FRA",
    "fr": "FRA",
    "eng": "ENG",
    "en": "ENG",
    "ger": "DEU",
    "deu": "DEU",
    "de": "DEU",
}
SYSTEMS = (
    ("lambert 93", "2154"),
    ("lambert93", "2154"),
    ("rgf93lamb93", "2154"),
    (" wgs84 utm nord fuseau 20 ", "32620"),
    (" wgs 84 ", "4326"),
    (" wgs84 ", "4326"),
    ("cc46", "3946"),
    ("etrs89 ", "4258"),
    ("lambert zone ii", "27572"),
    ("lambert ii etendu", "27572"),
)
FORMATS = (
    (r"shape ?file|\bshp\b|esri shape", "SHP"),
    (r"map ?info|\btab\b|\bmif\b", "MIF|TAB|MapInfo"),
    (r"geo ?json", "GeoJSON"),
    (r"\bcsv\b", "CSV"),
    (r"\bxlsx?\b|excel", "XLS|XLSX"),
    (r"\bods\b", "ODS"),
    (r"\bpdf\b", "PDF"),
    (r"\bzip\b", "ZIP"),
    (r"\bkml\b|\bkmz\b", "KML|KMZ"),
    (r"geo ?package|gpkg", "GPKG"),
    (r"\bgml\b", "GML"),
    (r"\bdxf\b", "DXF"),
    (r"\bdwg\b", "DWG"),
    (r"\becw\b", "ECW"),
    (r"geo ?tiff?\b|\btiff?\b", "GeoTIFF|TIFF"),
    (r"jpe?g ?2000|\bjp2\b", "JPEG2000|JP2"),
    (r"\bjpe?g\b", "JPEG"),
    (r"\bpng\b", "PNG"),
    (r"\bjson\b", "JSON"),
    (r"\bhtml\b", "HTML"),
    (r"\bxml\b", "XML"),
    (r"\brdf\b", "RDF"),
    (r"\bwms\b", "WMS"),
    (r"\bwfs\b", "WFS"),
    (r"net ?cdf", "NetCDF"),
    (r"sqlite|spatialite", "SQLite"),
    (r"\b7z\b", "7Z"),
    (r"\bdbf\b", "DBF"),
    (r"\basc\b", "ASC"),
    (r"postgis|postgres", "POSTGIS|SQL"),
    (r"ttl|turtle", "TTL|RDF"),
    (r"\btxt\b", "TXT"),
)
LICENCES = (
    (r"(licence ouverte|open licen[cs]e|etalab)(?! (?:2017|2014|2011|2018)).{0,40}\b2( 0)?\b|lov2", "etalab-2.0"),
    (r"etalab 2 0|etalab licence ouverte v2", "etalab-2.0"),
    (r"2014 05 licence ouverte", "etalab-1.0"),
    (r"(licence ouverte|open licen[cs]e|etalab).{0,40}\b1( 0)?\b", "etalab-1.0"),
    (r"\bodbl\b|open database licen", "odc-odbl"),
    (r"\bcc by nc nd|by nc nd", "cc-by-nc-nd"),
    (r"\bcc by nc sa|by nc sa", "cc-by-nc-sa"),
    (r"\bcc by sa\b|by sa", "cc-by-sa"),
    (r"\bcc by nc|by nc", "cc-nc"),
    (r"\bcc by nd|by nd", "cc-by-nd"),
    (r"\bcc0\b|publicdomain zero|cc zero", "cc-zero"),
    (r"\bcc by\b|creativecommons org licenses by ", "cc-by"),
)
NO_LIMIT = (
    r"aucun des articles de la loi ne peut|(pas|aucune|absence) (de |d )?(restriction|limitation)|"
    r"no (restriction|limitation)s?"
)
ROLES = (
    (r"atomarchive/getresource|request=getfeature", {"data"}),
    (r"\.(zip|shp|gpkg|csv|xlsx?|ods|geojson|kml|kmz|gml|7z|dbf|tab)(\?|$)", {"data"}),
    (r"request=getcapabilities|service=w[mf]s(&|$)", {"service"}),
    (r"\.(pdf|docx?|odt)(\?|$)", {"documentation", "data", "sample", "metadata"}),
)
"""Pattern on an address → roles of a resource that are right."""


def last_parts(value: Any) -> set[str]:
    """Last parts of the addresses of a field, in lower case."""
    return {re.split(r"[/#:]", text)[-1].lower() for text in strings(value)}


def _coded(name: str) -> Any:
    def check(fact: Fact, view: View) -> Verdict:
        code = re.split(r"[/#]", fact.value)[-1]
        if code.lower() in last_parts(view.dataset.get(name)) or plain(fact.value) in view.converted:
            return "in"
        return words(fact, view)

    return check


def _frequency(fact: Fact, view: View) -> Verdict:
    code = re.sub(r"[^a-z]", "", re.split(r"[/#]", fact.value)[-1].lower())
    wanted = FREQUENCIES.get(code)
    actual = {part.upper() for part in last_parts(view.dataset.get("frequency"))}
    if wanted is None:
        bare = re.split(r"[/#]", fact.value)[-1].upper()
        return "in" if bare in actual else words(fact, view)
    if actual & set(wanted):
        return "in"
    told = words(fact, view)
    return told if told == "told" and not actual else "wrong" if actual else "lost"


def _language(fact: Fact, view: View) -> Verdict:
    code = re.split(r"[/#]", fact.value)[-1].lower()
    wanted = LANGUAGES.get(code, code.upper())
    return "in" if wanted.lower() in last_parts(view.dataset.get("language")) else words(fact, view)


def _day(fact: Fact, view: View) -> Verdict:
    if re.fullmatch(r"[A-Za-z]+", fact.value):
        return _type_of_date(fact, view)
    return _day_in(fact, view, ("issued", "modified", "created", "next_update"))


def _type_of_date(fact: Fact, view: View) -> Verdict:
    """The date of a type must be that of the field that stands for the type; of several the first or last."""
    field_name = {"creation": "created", "publication": "issued", "revision": "modified"}.get(fact.value.lower())
    given = fact.get("date")
    if not given and not fact.value[:1].isdigit():
        return "in"  # the type of a date that is not given
    if not field_name or not given:
        return words(Fact(fact.kind, fact.path, given or fact.value), view)
    if view.dataset.get(field_name):
        return "in"
    return "told" if _told(plain(given), view) else "lost"


def _day_in(fact: Fact, view: View, names: tuple[str, ...]) -> Verdict:
    digits = re.sub(r"\D", "", fact.value)[:8]
    actual = {re.sub(r"\D", "", text)[:8] for name in names for text in strings(view.dataset.get(name))}
    if digits and any(
        each == digits or (each and digits.startswith(each)) or (digits and each.startswith(digits)) for each in actual
    ):
        return "in"
    return words(fact, view)


def _record_date(fact: Fact, view: View) -> Verdict:
    if re.fullmatch(r"[A-Za-z]+", fact.value):
        return "in"
    return _day_in(fact, view, ("metadata_date",))


def _period(fact: Fact, view: View) -> Verdict:
    return _day_in(fact, view, ("temporal_coverage",))


def _box(fact: Fact, view: View) -> Verdict:
    texts = [text for extent in view.dataset.get("spatial_coverage", ()) for text in strings(extent)]
    numbers = [float(n) for text in texts for n in re.findall(r"-?\d+(?:\.\d+)?", text)]
    wanted = [
        float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", fact.value.replace(",", ". " if "." in fact.value else "."))
    ]
    missing = [n for n in wanted if not any(abs(n - each) < 0.011 for each in numbers)]
    if not missing or (len(wanted) > 1 and len(missing) < len(wanted)):  # a geometry is kept by its box
        return "in"
    if len(wanted) > 1 and numbers:
        return "in"
    return (
        words(fact, view)
        if not numbers or words(fact, view) == "told"
        else "told"
        if re.search(re.escape(fact.value.strip()[:6]), " ".join(view.told_texts))
        else "lost"
    )


def _reference_system(fact: Fact, view: View) -> Verdict:
    actual = last_parts(view.dataset.get("reference_system"))
    codes = (
        re.findall(r"(?<!\d)\d{4,5}(?!\d)", fact.value) if re.search(r"epsg|^\d+$", fact.value, re.IGNORECASE) else []
    )
    codes = codes or [code for name, code in SYSTEMS if name in plain(fact.value)][:1]
    if codes and any(code in actual for code in codes):
        return "in"
    if not codes and plain(fact.value) in view.converted:
        return "in"
    told = words(fact, view)
    return "wrong" if codes and actual and told == "lost" else told


def _number(name: str) -> Any:
    def check(fact: Fact, view: View) -> Verdict:
        actual = str(view.dataset.get(name, ""))
        found = re.search(r"\d+(?:[.,]\d+)?", re.sub(r"(?<=\d)\s(?=\d)", "", fact.value))
        if found and actual and abs(float(found[0].replace(",", ".")) - float(actual)) < 1e-9:
            return "in"
        return words(fact, view) if plain(fact.value) in view.told or not found else "lost"

    return check


def _link(fact: Fact, view: View) -> Verdict:
    if not re.match(r"[a-z]+:|www\.", fact.value, re.IGNORECASE):
        return words(fact, view)
    made = view.of_link(fact.value)
    roles = next((right for pattern, right in ROLES if re.search(pattern, unquote(fact.value).lower())), None)
    if (
        made
        and roles
        and not re.search(r"documentation|notice|dictionnaire", fact.value.lower())
        and not any(r["resource_role"] in roles for r in made)
    ):
        return "wrong"
    return "in" if made else web(fact, view)


def _place(fact: Fact, view: View) -> Verdict:
    return "in" if plain(fact.value) in view.converted else words(fact, view)


def _link_code(fact: Fact, view: View) -> Verdict:
    """A protocol is that of the resource; a wrong one is that of another service."""
    made = view.of_link(fact.get("linkage"))
    if not made:
        return words(fact, view) if words(fact, view) != "lost" else web(Fact("", "", fact.get("linkage") or "?"), view)
    said = re.search(r"\b(wms|wfs|wmts|wcs|csw)\b", plain(fact.value)) if fact.path.endswith("protocol") else None
    if said and not any(said[1] in plain(r["protocol"]) or r["resource_role"] == "data" for r in made):
        return "told" if words(fact, view) == "told" else "wrong"
    return "in"


def _link_text(fact: Fact, view: View) -> Verdict:
    found = words(fact, view)
    return web(fact, view) if found == "lost" and fact.value.startswith("http") else found


def _form_at(fact: Fact, view: View) -> Verdict:
    wanted = [ids for pattern, ids in FORMATS if re.search(pattern, plain(fact.value))]
    if fact.value.startswith("http"):
        wanted = wanted or [re.split(r"[/#]", fact.value)[-1]]
    actual = plain(
        " ".join(
            " ".join(
                strings(
                    [r.get(k) for k in ("format", "package_format", "compress_format", "mimetype", "other_formats")]
                )
            )
            for r in view.resources
        )
    ) + view.beside("format")
    if wanted and all(any(f" {plain(one).strip()} " in actual for one in ids.split("|")) for ids in wanted):
        return "in"
    if re.match(r"(?i)(OGC|WWW|ESRI|file|DB):", fact.value):
        return "in" if view.resources else words(fact, view)
    return words(fact, view)


def _constraint(fact: Fact, view: View) -> Verdict:
    bare = plain(fact.value)
    licence = next((id_ for pattern, id_ in LICENCES if re.search(pattern, bare)), None)
    if licence and ("licen" in bare or len(bare) < SHORT):
        actual = view.dataset.get("license_id")
        differ = any(problem.code == "licences-differ" for problem in view.result.problems)
        if actual == licence:
            kept = words(fact, view)
            short = len(bare) < 150
            return "in" if short or kept == "in" else kept
        if actual and not differ and words(fact, view) != "told":
            return "wrong"
    if (
        re.search(NO_LIMIT, bare)
        and "noLimitations".lower() in last_parts(view.dataset.get("access_limitation"))
        and len(bare) < 150
    ):
        return "in"
    if fact.value.startswith("http"):
        if plain(fact.value) in view.converted:
            return "in"
        last = re.split(r"[/#]", fact.value)[-1].lower()
        known = last_parts(view.dataset.get("access_limitation")) | last_parts(view.dataset.get("access_rights"))
        return "in" if last in known else words(fact, view)
    return words(fact, view)


def _constraint_code(fact: Fact, view: View) -> Verdict:
    if fact.value.lower() in ("otherrestrictions", "license", "licence", "unclassified", "unrestricted"):
        return "in"  # says no more than that something follows
    if view.dataset.get("access_rights") and fact.value.lower() in ("restricted", "confidential", "secret", "private"):
        return "in"
    return words(fact, view)


def _conformity(fact: Fact, view: View) -> Verdict:
    if fact.path.endswith("/pass") or fact.path.endswith("/pass/"):
        wanted = {"true": "conformant", "false": "notconformant", "1": "conformant", "0": "notconformant"}.get(
            fact.value.lower()
        )
        told = plain(fact.get("explanation"))
        if re.search(r"non evalue|not evaluated|non teste", told):
            wanted = "notevaluated"
        title = plain(fact.get("specification"))
        rows = view.dataset.get("conformity", [])
        mine = [r for r in rows if plain(r.get("specification", "")).strip()[:80] in title] or rows
        if not mine:
            return words(fact, view) if "report" not in view.told else "told"
        return "in" if any(wanted in last_parts(r.get("degree")) for r in mine) else "wrong"
    if re.search(r"/date/", fact.path):
        return _day_in(fact, view, ("conformity",)) if re.search(r"\d", fact.value) else "in"
    return words(fact, view)


def _keyword(fact: Fact, view: View) -> Verdict:
    if fact.value.startswith("http"):
        return "in" if plain(fact.value) in view.converted else words(fact, view)
    if plain(fact.value) in view.beside("keyword"):
        return "in"
    pieces = [plain(piece) for piece in re.split(r"[;,|]", fact.value) if piece.strip()]
    if plain(fact.value) in view.exact or all(piece in view.exact for piece in pieces):
        return "in"
    if plain(fact.value) in view.converted:
        return "in"
    found = _by_label(fact, view)
    return "told" if found == "lost" and all(p in view.exact or _told(p, view) for p in pieces) else found


def _by_label(fact: Fact, view: View) -> Verdict:
    """A keyword with the address of its concept in the dataset, or a place."""
    anchors = [value for name, value in fact.beside if value.startswith("http")]
    return "in" if any(address(a) in view.addresses for a in anchors) else "lost"


def _contact(fact: Fact, view: View) -> Verdict:
    """A role that is said by the place of the party: contact, publisher; a number by its digits."""
    digits = re.sub(r"\D", "", fact.value)[-9:]
    if len(digits) == 9 and any(digits in re.sub(r"\D", "", text) for text in view.texts):
        return "in"
    if fact.path.endswith(("/role", "/hadRole")) and re.split(r"[/#]", fact.value)[-1].lower() in (
        "pointofcontact",
        "publisher",
        "distributor",
    ):
        return "in"
    return words(fact, view)


def _mail(fact: Fact, view: View) -> Verdict:
    return words(Fact(fact.kind, fact.path, fact.value.removeprefix("mailto:")), view)


CHECKS: dict[str, Any] = {
    "topic": _coded("topic_category"),
    "representation": _coded("spatial_representation"),
    "type": _coded("dcat_type"),
    "status": _coded("status"),
    "frequency": _frequency,
    "language": _language,
    "date": _day,
    "record date": _record_date,
    "period": _period,
    "box": _box,
    "shape": _box,
    "reference system": _reference_system,
    "scale": _number("scale_denominator"),
    "resolution": _number("spatial_resolution_in_meters"),
    "link": _link,
    "link code": _link_code,
    "link text": _link_text,
    "format": _form_at,
    "constraint": _constraint,
    "constraint code": _constraint_code,
    "conformity": _conformity,
    "keyword": _keyword,
    "mail": _mail,
    "preview": web,
    "contact": _contact,
    "place": _place,
}


def verdict(fact: Fact, view: View) -> Verdict:
    """Judge a fact by its kind; a text is looked for piece by piece."""
    return CHECKS.get(fact.kind, words)(fact, view)


def is_said(fact: Fact) -> bool:
    """Whether a fact says something: a form left as it was does not."""
    return plain(fact.value).strip() not in SAYS_NOTHING or fact.kind in ("type", "frequency")
