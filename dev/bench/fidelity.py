"""How much of what records say is in the datasets, told in the report, silently lost, or wrong.

    make bench-fidelity RECORDS=folder ARGS="--show lost,wrong --origin opendatateam__udata"

Reads every ISO 19139, ISO 19115-3 and RDF record of a folder, without any service: through the harvest's readers and
rules on one side, through `fidelity_facts` (plain XPath, rdflib) on the other, and compares fact by fact. A third of
the records (by hash of the name) is kept aside: rules are written on the others, and the figures of both are printed.

in: the dataset says it. told: the log of the rules, the problems or the list of what has no place says it.
lost: nothing says it. wrong: the dataset says something else.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from dev.bench import fidelity_facts as facts
from dev.bench.fidelity_facts import Fact

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, Result, normalise
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.csw_answer import PageError

FALLBACK = "administration-centrale-ou-ministere_172120"
CONTEXT = Context(fallback_organisation=FALLBACK, catalogue_title="Mesure", free_tags=True)
VERDICTS = ("in", "told", "lost", "wrong")
ASIDE = 3
"""One record out of this many is kept aside."""
LEFT_OUT = {"_reference", "_synthetic-awkward"}
"""Folders of no real records."""
WITHOUT_MEANING = {"form"}
"""Kinds that say how the record is written and nothing of the data: see docs/harvest-rules.md."""
SECONDARY = {
    "thesaurus", "format detail", "other", "other text", "quality", "preview text", "transfer", "service", "contact",
    "link code", "maintenance", "constraint code", "label",
}  # fmt: skip
"""Kinds for which being told is enough; the others should be in the dataset."""
MAX_BYTES = 32 * 1024 * 1024


@dataclass
class Case:
    """A record, what it says, and what became of it."""

    origin: str
    name: str
    said: list[Fact]
    result: Result | None = None
    refused: str = ""
    verdicts: list[tuple[Fact, str]] = field(default_factory=list)

    foreign: bool = False

    @property
    def aside(self) -> bool:
        """Whether it is of the part kept aside."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % ASIDE == 0


# --- reading -------------------------------------------------------------------------------------


def cases(folder: Path) -> Iterator[Case]:
    """Every record of a folder, with what it says, through readers and rules."""
    foreign = _foreign(folder)
    for path in sorted(folder.rglob("*")):
        origin = path.relative_to(folder).parts[0]
        if not path.is_file() or origin in LEFT_OUT or path.suffix in (".csv", ".tsv"):
            continue
        body = path.read_bytes()
        found: Iterator[Case] = iter(())
        if b"MD_Metadata" in body or b"MI_Metadata" in body:
            found = _iso(origin, path.name, body)
        elif b"dcat" in body or b"Dataset" in body:
            found = _rdf(origin, path.name, body)
        for case in found:
            case.foreign = str(path.relative_to(folder)) in foreign
            yield case


def _foreign(folder: Path) -> set[str]:
    """Files that INDEX.tsv calls neither real nor adapted from real ones: made up, or of other countries."""
    index = folder / "INDEX.tsv"
    if not index.exists():
        return set()
    with index.open(encoding="utf-8", newline="") as lines:
        return {row["file"] for row in csv.DictReader(lines, delimiter="\t") if not row["kind"].startswith("real")}


def _iso(origin: str, name: str, body: bytes) -> Iterator[Case]:
    try:
        root = parse_xml(body)
    except RecordError as error:
        yield Case(origin, name, [], refused=error.code)
        return
    for number, (element, ours) in enumerate(zip(facts.iso_records(root), records_in(root), strict=True), 1):
        case = Case(origin, f"{name}#{number}", facts.iso_facts(element))
        _make(case, lambda ours=ours: read_record(ours))
        yield case


def _rdf(origin: str, name: str, body: bytes) -> Iterator[Case]:
    kind = "text/turtle" if name.endswith(".ttl") else ""
    for part in re.findall(rb"<rdf:RDF.*?</rdf:RDF>", body, re.DOTALL) if b"SearchResults" in body else [body]:
        try:
            graph = rdf.parse(part, kind, MAX_BYTES, "https://example.org/")
        except PageError as error:
            yield Case(origin, name, [], refused=f"{error.code} {error.params}")
            continue
        found = facts.rdf_subjects(graph)
        read = set(map(str, rdf.datasets(graph)))
        for subject in found:
            case = Case(origin, f"{name}#{subject}", facts.rdf_facts(graph, subject))
            if str(subject) in read:
                _make(case, lambda graph=graph, subject=subject: _read_rdf(graph, subject))
            else:
                case.refused = "not found by the reader"
            yield case
        if not found:
            yield Case(origin, name, [], refused="no dataset")


def _read_rdf(graph: Any, subject: Any) -> Record:
    text = rdf.as_text(rdf.around(graph, subject), subject)
    return read_dataset(*rdf.from_text(text))


def _make(case: Case, read: Any) -> None:
    try:
        case.result = normalise(read(), CONTEXT)
    except RecordError as error:
        case.refused = error.code


# --- comparing -----------------------------------------------------------------------------------


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
        return list(strings(self.dataset))

    @cached_property
    def told_texts(self) -> list[str]:
        log = [text for change in self.result.log for text in (change.before, change.after)]
        return [*log, *(str(v) for p in self.result.problems for v in p.params.values()), *self.result.unread]

    @cached_property
    def said(self) -> str:
        return "|".join(map(plain, self.texts))

    @cached_property
    def exact(self) -> set[str]:
        return set(map(plain, self.texts))

    @cached_property
    def told(self) -> str:
        return "|".join(map(plain, self.told_texts))

    @cached_property
    def converted(self) -> str:
        """What the log says was brought to the value of a field that the dataset has."""
        kept = [c for c in self.result.log if self.dataset.get(c.field) and "left out" not in c.after]
        return "|".join(plain(change.before) for change in kept)

    @cached_property
    def addresses(self) -> set[str]:
        return {address(text) for text in self.texts if ":" in text}

    @cached_property
    def told_addresses(self) -> str:
        return " ".join(address(text) for text in self.told_texts if "/" in text or ":" in text)

    def of_link(self, url: str) -> list[dict[str, Any]]:
        """The resources that a link became."""
        whole, base = address(url), address(url.partition("?")[0])
        same = [r for r in self.resources if address(r["url"]) == whole]
        return same or [r for r in self.resources if address(r["url"].partition("?")[0]) == base]


def address(url: str) -> str:
    """An address in the form in which it is compared: without scheme, escapes, case and what ends it."""
    text = url
    for _round in range(2):
        text = unquote(text)
    text = "".join(text.replace("&amp;", "&").split()).casefold().strip("<>\"'")
    return re.sub(r"^[a-z]+://(www\.)?", "", text).rstrip("/?&#.")


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
    return "in" if last in view.exact else "told" if len(last) > 5 and last in view.told else "lost"  # noqa: PLR2004


# --- kinds with values of lists -------------------------------------------------------------------

FREQUENCIES = {
    "continual": ("UPDATE_CONT", "CONT"), "daily": ("DAILY",), "weekly": ("WEEKLY",), "fortnightly": ("BIWEEKLY",),
    "monthly": ("MONTHLY",), "quarterly": ("QUARTERLY",), "biannually": ("ANNUAL_2",), "annually": ("ANNUAL",),
    "asneeded": ("AS_NEEDED",), "irregular": ("IRREG",), "notplanned": ("NOT_PLANNED",), "unknown": ("UNKNOWN",),
    "annual": ("ANNUAL",), "semiannual": ("ANNUAL_2",), "triennial": ("TRIENNIAL",), "biennial": ("BIENNIAL",),
    "bimonthly": ("BIMONTHLY",), "semimonthly": ("MONTHLY_2",), "continuous": ("UPDATE_CONT", "CONT"),
    "semiweekly": ("WEEKLY_2",), "threetimesaweek": ("WEEKLY_3",), "threetimesamonth": ("MONTHLY_3",),
    "threetimesayear": ("ANNUAL_3",), "biweekly": ("BIWEEKLY",),
}  # fmt: skip
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
    ("lambert 93", "2154"), ("lambert93", "2154"), ("rgf93lamb93", "2154"), (" wgs 84 ", "4326"), (" wgs84 ", "4326"),
    ("cc46", "3946"), ("etrs89 ", "4258"), ("lambert zone ii", "27572"), ("lambert ii etendu", "27572"),
)  # fmt: skip
FORMATS = (
    (r"shape ?file|\bshp\b|esri shape", "SHP"), (r"map ?info|\btab\b|\bmif\b", "MIF|TAB"), (r"geo ?json", "GeoJSON"),
    (r"\bcsv\b", "CSV"), (r"\bxlsx?\b|excel", "XLS|XLSX"), (r"\bods\b", "ODS"), (r"\bpdf\b", "PDF"),
    (r"\bzip\b", "ZIP"), (r"\bkml\b|\bkmz\b", "KML|KMZ"), (r"geo ?package|gpkg", "GPKG"), (r"\bgml\b", "GML"),
    (r"\bdxf\b", "DXF"), (r"\bdwg\b", "DWG"), (r"\becw\b", "ECW"), (r"geo ?tiff?\b|\btiff?\b", "GeoTIFF|TIFF"),
    (r"jpe?g ?2000|\bjp2\b", "JPEG2000|JP2"), (r"\bjpe?g\b", "JPEG"), (r"\bpng\b", "PNG"), (r"\bjson\b", "JSON"),
    (r"\bhtml\b", "HTML"), (r"\bxml\b", "XML"), (r"\brdf\b", "RDF"), (r"\bwms\b", "WMS"), (r"\bwfs\b", "WFS"),
    (r"net ?cdf", "NetCDF"), (r"sqlite|spatialite", "SQLite"), (r"\b7z\b", "7Z"), (r"\bdbf\b", "DBF"), (r"\basc\b", "ASC"),
    (r"postgis|postgres", "POSTGIS|SQL"), (r"ttl|turtle", "TTL|RDF"), (r"\btxt\b", "TXT"),
)  # fmt: skip
LICENCES = (
    (r"(licence ouverte|open licen[cs]e|etalab)(?! (?:2017|2014|2011|2018)).{0,40}\b2( 0)?\b|lov2", "etalab-2.0"),
    (r"etalab 2 0|etalab licence ouverte v2", "etalab-2.0"), (r"2014 05 licence ouverte", "etalab-1.0"),
    (r"(licence ouverte|open licen[cs]e|etalab).{0,40}\b1( 0)?\b", "etalab-1.0"), (r"\bodbl\b|open database licen", "odc-odbl"),
    (r"\bcc by nc nd|by nc nd", "cc-by-nc-nd"), (r"\bcc by nc sa|by nc sa", "cc-by-nc-sa"),
    (r"\bcc by sa\b|by sa", "cc-by-sa"), (r"\bcc by nc|by nc", "cc-nc"), (r"\bcc by nd|by nd", "cc-by-nd"),
    (r"\bcc0\b|publicdomain zero|cc zero", "cc-zero"), (r"\bcc by\b|creativecommons org licenses by ", "cc-by"),
)  # fmt: skip
NO_LIMIT = r"aucun des articles de la loi ne peut|(pas|aucune|absence) (de |d )?(restriction|limitation)|no (restriction|limitation)s?"
ROLES = (
    (r"atomarchive/getresource|request=getfeature|\.(zip|shp|gpkg|csv|xlsx?|ods|geojson|kml|kmz|gml|7z|dbf|tab)(\?|$)", {"data"}),
    (r"request=getcapabilities|service=w[mf]s(&|$)", {"service"}),
    (r"\.(pdf|docx?|odt)(\?|$)", {"documentation", "data", "sample", "metadata"}),
)  # fmt: skip
"""Pattern on an address → roles of a resource that are right."""


def last_parts(value: Any) -> set[str]:
    """Last parts of the addresses of a field, in lower case."""
    return {re.split(r"[/#:]", text)[-1].lower() for text in strings(value)}


def coded(name: str) -> Any:
    def check(fact: Fact, view: View) -> Verdict:
        code = re.split(r"[/#]", fact.value)[-1]
        if code.lower() in last_parts(view.dataset.get(name)) or plain(fact.value) in view.converted:
            return "in"
        return words(fact, view)

    return check


def frequency(fact: Fact, view: View) -> Verdict:
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


def language(fact: Fact, view: View) -> Verdict:
    code = re.split(r"[/#]", fact.value)[-1].lower()
    wanted = LANGUAGES.get(code, code.upper())
    return "in" if wanted.lower() in last_parts(view.dataset.get("language")) else words(fact, view)


def day(fact: Fact, view: View) -> Verdict:
    if re.fullmatch(r"[A-Za-z]+", fact.value):
        return _type_of_date(fact, view)
    return _day_in(fact, view, ("issued", "modified", "created", "next_update"))


def _type_of_date(fact: Fact, view: View) -> Verdict:
    """The date of a type must be that of the field that stands for the type; of several the first or last."""
    field_name = {"creation": "created", "publication": "issued", "revision": "modified"}.get(fact.value.lower())
    given = fact.get("date")
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


def record_date(fact: Fact, view: View) -> Verdict:
    if re.fullmatch(r"[A-Za-z]+", fact.value):
        return "in"
    return _day_in(fact, view, ("metadata_date",))


def period(fact: Fact, view: View) -> Verdict:
    return _day_in(fact, view, ("temporal_coverage",))


def box(fact: Fact, view: View) -> Verdict:
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


def reference_system(fact: Fact, view: View) -> Verdict:
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


def number(name: str) -> Any:
    def check(fact: Fact, view: View) -> Verdict:
        actual = str(view.dataset.get(name, ""))
        found = re.search(r"\d+(?:[.,]\d+)?", re.sub(r"(?<=\d)\s(?=\d)", "", fact.value))
        if found and actual and abs(float(found[0].replace(",", ".")) - float(actual)) < 1e-9:
            return "in"
        return words(fact, view) if plain(fact.value) in view.told or not found else "lost"

    return check


def link(fact: Fact, view: View) -> Verdict:
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


def place(fact: Fact, view: View) -> Verdict:
    return "in" if plain(fact.value) in view.converted else words(fact, view)


def link_code(fact: Fact, view: View) -> Verdict:
    """A protocol is that of the resource; a wrong one is that of another service."""
    made = view.of_link(fact.get("linkage"))
    if not made:
        return words(fact, view) if words(fact, view) != "lost" else web(Fact("", "", fact.get("linkage") or "?"), view)
    said = re.search(r"\b(wms|wfs|wmts|wcs|csw)\b", plain(fact.value)) if fact.path.endswith("protocol") else None
    if said and not any(said[1] in plain(r["protocol"]) or r["resource_role"] == "data" for r in made):
        return "told" if words(fact, view) == "told" else "wrong"
    return "in"


def link_text(fact: Fact, view: View) -> Verdict:
    found = words(fact, view)
    return web(fact, view) if found == "lost" and fact.value.startswith("http") else found


def form_at(fact: Fact, view: View) -> Verdict:
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
    )
    if wanted and all(any(f" {plain(one).strip()} " in actual for one in ids.split("|")) for ids in wanted):
        return "in"
    if re.match(r"(?i)(OGC|WWW|ESRI|file|DB):", fact.value):
        return "in" if view.resources else words(fact, view)
    return words(fact, view)


def constraint(fact: Fact, view: View) -> Verdict:
    bare = plain(fact.value)
    licence = next((id_ for pattern, id_ in LICENCES if re.search(pattern, bare)), None)
    if licence and "licen" in bare or licence and len(bare) < 120:
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
        last = re.split(r"[/#]", fact.value)[-1].lower()
        known = last_parts(view.dataset.get("access_limitation")) | last_parts(view.dataset.get("access_rights"))
        return "in" if last in known else words(fact, view)
    return words(fact, view)


def constraint_code(fact: Fact, view: View) -> Verdict:
    if fact.value.lower() in ("otherrestrictions", "license", "licence", "unclassified", "unrestricted"):
        return "in"  # says no more than that something follows
    if view.dataset.get("access_rights") and fact.value.lower() in ("restricted", "confidential", "secret", "private"):
        return "in"
    return words(fact, view)


def conformity(fact: Fact, view: View) -> Verdict:
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


def keyword(fact: Fact, view: View) -> Verdict:
    if fact.value.startswith("http"):
        return words(fact, view)
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


def contact(fact: Fact, view: View) -> Verdict:
    """A role that is said by the place of the party: contact, publisher."""
    if fact.path.endswith("/role") and fact.value.lower() in ("pointofcontact", "publisher", "distributor"):
        return "in"
    return words(fact, view)


def mail(fact: Fact, view: View) -> Verdict:
    return words(Fact(fact.kind, fact.path, fact.value.removeprefix("mailto:")), view)


CHECKS: dict[str, Any] = {
    "topic": coded("topic_category"), "representation": coded("spatial_representation"), "type": coded("dcat_type"),
    "status": coded("status"), "frequency": frequency, "language": language, "date": day, "record date": record_date,
    "period": period, "box": box, "shape": box, "reference system": reference_system, "scale": number("scale_denominator"),
    "resolution": number("spatial_resolution_in_meters"), "link": link, "link code": link_code, "link text": link_text,
    "format": form_at, "constraint": constraint, "constraint code": constraint_code, "conformity": conformity,
    "keyword": keyword, "mail": mail, "preview": web, "contact": contact, "place": place,
}  # fmt: skip


def judge(case: Case) -> None:
    """Give each fact of a case its verdict; of a record that was refused, everything is told by the refusal."""
    if case.result is None:
        case.verdicts = [(fact, "told") for fact in case.said]
        return
    view = View(case.result)
    case.verdicts = [(fact, CHECKS.get(fact.kind, words)(fact, view)) for fact in case.said if _is_said(fact)]


def _is_said(fact: Fact) -> bool:
    """Whether a fact says something: a form left as it was does not."""
    return plain(fact.value).strip() not in SAYS_NOTHING or fact.kind in ("type", "frequency")


# --- printing --------------------------------------------------------------------------------------


def line(name: str, verdicts: Counter) -> str:
    """A row of a table."""
    total = sum(verdicts.values())
    shares = " ".join(f"{verdicts[v]:>6} {100 * verdicts[v] / total:5.1f}%" for v in VERDICTS)
    return f"{name:<28} {total:>6} {shares}"


def table(title: str, found: list[Case], by: Any) -> None:
    """Print the verdicts of some cases by what `by` says of a case and a fact."""
    counted: dict[str, Counter] = defaultdict(Counter)
    for case in found:
        for fact, verdict in case.verdicts:
            if fact.kind not in WITHOUT_MEANING:
                counted[by(case, fact)][verdict] += 1
                counted["~secondary" if fact.kind in SECONDARY else "~main"][verdict] += 1
                counted["~~all"][verdict] += 1
    print(f"\n{title}\n{'':<28} {'facts':>6} " + " ".join(f"{v:>13}" for v in VERDICTS))
    for name in sorted(counted):
        print(line(name.lstrip("~"), counted[name]))


def main() -> None:
    """Read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", default="wrong,lost", help="verdicts of which each fact is listed")
    parser.add_argument("--kind", default="", help="only facts of this kind are listed")
    parser.add_argument("--origin", default="", help="only records of this folder")
    parser.add_argument("--limit", type=int, default=60, help="facts listed")
    parser.add_argument("--paths", action="store_true", help="count what remains by path")
    parser.add_argument("--real", action="store_true", help="list only what real French records say")
    options = parser.parse_args()
    started = time.perf_counter()
    found = [case for case in cases(options.folder) if options.origin in ("", case.origin)]
    spent = time.perf_counter() - started
    for case in found:
        judge(case)
    for title, part in (("Real French records that rules are written on", False), ("Real ones kept aside", True)):
        mine = [case for case in found if case.aside == part and not case.foreign]
        table(f"{title}: {len(mine)}", mine, lambda _case, fact: fact.kind)
    table("Made up or foreign", [case for case in found if case.foreign], lambda _case, fact: fact.kind)
    table("By origin", found, lambda case, _fact: case.origin)
    refused = [case for case in found if case.result is None]
    print(f"\nRecords refused: {len(refused)} of {len(found)}; read, normalised and compared in {spent:.1f} s")
    for case in refused:
        print(f"  {case.origin}/{case.name}: {case.refused}"[:200])
    print("\nWhat remains")
    shown = [
        (verdict, fact, case)
        for case in found
        for fact, verdict in case.verdicts
        if verdict in options.show.split(",")
        and fact.kind not in WITHOUT_MEANING
        and not (options.real and case.foreign)
        and options.kind in ("", fact.kind)
    ]
    if options.paths:
        counted = Counter((verdict, fact.kind, fact.path) for verdict, fact, _case in shown)
        for (verdict, kind, path), count in counted.most_common(options.limit):
            print(f"  {count:>5} {verdict:<5} {kind:<16} {path[-110:]}")
        return
    for verdict, fact, case in shown[: options.limit]:
        print(f"  {verdict:<5} {fact.kind:<14} {case.name[:45]:<45} {fact.path[-70:]}: {fact.value[:120]}")
    if len(shown) > options.limit:
        print(f"  … {len(shown) - options.limit} more")


if __name__ == "__main__":
    main()
