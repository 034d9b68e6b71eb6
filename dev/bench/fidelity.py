"""Measure how much of the records' content is in the datasets, reported, silently lost, or wrong.

    make bench-fidelity RECORDS=folder ARGS="--show lost,wrong"

Reads every ISO 19139, ISO 19115-3 and RDF record of a folder, without any service: through the
harvest's readers and rules on one side, through plain XPath and rdflib on the other, and compares
them fact by fact. A third of the records (by hash of the name) is held out: rules are written on
the others, and figures are printed for both.

in: the fact is in the dataset. told: it is in the log of the rules, the problems or the list of
unmapped content. lost: it is nowhere. wrong: the dataset has another value.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, Reason, Result, normalise
from ckanext.ecosphere.harvest.normalise.information import in_words
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import PageError
from lxml import etree
from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.term import Node
from rdflib.xsd_datetime import parse_xsd_duration

from dev.stack.shell import columns

TABLES = yaml.safe_load(Path(__file__).with_name("data").joinpath("fidelity.yaml").read_text(encoding="utf-8"))
FALLBACK = "administration-centrale-ou-ministere_172120"
CONTEXT = Context(fallback_organisation=FALLBACK, catalogue_title="Mesure", free_tags=True)
VERDICTS = ("in", "told", "lost", "wrong")
ASIDE = 3
"""One record out of this many is held out."""
LEFT_OUT = {"_reference", "_synthetic-awkward"}
"""Folders without real records."""
WITHOUT_MEANING = {"form"}
"""Kinds about the form of the record, not about the data: see docs/harvest-rules.md."""
SECONDARY = set(TABLES["secondary"])
"""Kinds that may merely be reported; the others should be in the dataset."""
MAX_BYTES = 32 * 1024 * 1024

XLINK = "{http://www.w3.org/1999/xlink}href"
_RECORDS = "//*[local-name()='MD_Metadata' or local-name()='MI_Metadata']"


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of information of a record.

    Attributes:
        kind: subject, a kind of the tables `kinds` or `predicates`.
        path: path of property names.
        value: the text, code or URL.
        beside: texts and codes of the same parent, by name.
    """

    kind: str
    path: str
    value: str
    beside: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """Return a text of the same parent, by its name; empty if there is none."""
        return next((value for key, value in self.beside if key == name), "")


@cache
def _kind(path: str) -> str:
    return next((kind for pattern, kind in TABLES["kinds"] if re.search(pattern, path)), "other")


def iso_records(root: etree._Element) -> list[etree._Element]:
    """Return the records of a document, whose root may be a record itself."""
    return root.xpath(_RECORDS)


def iso_facts(record: etree._Element) -> list[Fact]:
    """Return every text, code and URL of a record, in document order and without duplicates."""
    return list(dict.fromkeys(_leaves(record, ())))


def _leaves(element: etree._Element, path: tuple[str, ...]) -> Iterator[Fact]:
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child).localname
        # Properties start with a small letter, types with a capital; PT_FreeText holds
        # translations.
        here = (*path, name) if name[:1].islower() or name in ("DCP", "PT_FreeText") else path
        if name in ("Polygon", "MultiSurface", "Point", "LineString"):
            yield _fact(child, here, " ".join(" ".join(child.itertext()).split()), "shape")
            continue
        inner = [each for each in child if isinstance(each.tag, str)]
        text = " ".join((child.text or "").split())
        for value in (child.get("codeListValue"), child.get(XLINK), child.get("uuidref")):
            if value and value.strip() and not _is_code_list(value) and not (inner and value.startswith("local://")):
                yield _fact(child, here, value.strip())
        if text and not (child.get("codeListValue") and text) and not inner:
            yield _fact(child, here, text)
        yield from _leaves(child, here)


def _is_code_list(value: str) -> bool:
    """Return whether a URL is that of a code list or a fragment,
    which say nothing about the data.
    """
    return value.startswith("#") or bool(re.search(r"codelists?\.xml|/codelist/ML_gmx", value, re.IGNORECASE))


def _fact(element: etree._Element, path: tuple[str, ...], value: str, kind: str = "") -> Fact:
    around = element
    while (above := around.getparent()) is not None:
        if around is not element and etree.QName(around).localname[:1].isupper():
            break
        around = above
    beside = []
    for each in around:
        if isinstance(each.tag, str):
            codes = each.xpath(".//@codeListValue")
            text = " ".join(" ".join(each.itertext()).split()) or (codes[0] if codes else "")
            beside.append((etree.QName(each).localname, text[:500]))
    joined = "/".join(path)
    return Fact(kind or _kind(joined), joined, value, tuple(beside))


# --- RDF ----------------------------------------------------------------------------------------

#: Last part of a predicate → kind of fact.
PREDICATES: dict[str, str] = {name: kind for kind, names in TABLES["predicates"].items() for name in names}
#: Kinds that are others in a distribution.
OF_DISTRIBUTIONS = {**dict.fromkeys(("organisation", "abstract", "title"), "link text"), "date": "link code"}
_DATASETS = {"Dataset", "DatasetSeries", "DataService"}
_ENTRIES = {"Catalog", "CatalogRecord"}


def _last(node: Node) -> str:
    return re.split(r"[/#]", str(node).rstrip("/#"))[-1]


def rdf_subjects(graph: Graph) -> list[Node]:
    """Return the datasets of a graph: by their type, or as primary topic of a catalogue record."""
    found = {s for s, o in graph.subject_objects(RDF.type) if _last(o) in _DATASETS}
    found |= {o for p in set(graph.predicates()) if _last(p) == "primaryTopic" for o in graph.objects(None, p)}
    found |= {s for p in set(graph.predicates()) if _last(p) == "isPrimaryTopicOf" for s in graph.subjects(p)}
    # A service that gives access to a distribution counts as part of its dataset.
    found -= {o for p in set(graph.predicates()) if _last(p) == "accessService" for o in graph.objects(None, p)}
    return rdf.in_order(graph, (each for each in found if (each, None, None) in graph))


def rdf_facts(graph: Graph, subject: Node) -> list[Fact]:
    """Return every literal and URI reachable from a dataset through nodes
    that are not datasets themselves.
    """
    others = set(rdf_subjects(graph)) - {subject}
    others |= {s for s, o in graph.subject_objects(RDF.type) if _last(o) in _ENTRIES}
    return list(dict.fromkeys(_triples(graph, subject, (), others, {subject})))


def _triples(graph: Graph, node: Node, path: tuple[str, ...], others: set, seen: set) -> Iterator[Fact]:
    pairs = sorted(graph.predicate_objects(node), key=lambda pair: (str(pair[0]), str(pair[1])))
    beside = tuple((_last(p), str(o)[:500]) for p, o in pairs if not isinstance(o, BNode))
    for predicate, value in pairs:
        name = _last(predicate)
        if name == "type" and str(predicate).endswith("22-rdf-syntax-ns#type"):
            continue
        here = (*path, name)
        if isinstance(value, Literal):
            if str(value).strip():
                yield Fact(_kind_of(here), "/".join(here), str(value).strip(), beside)
            continue
        known = (value, None, None) in graph and value not in others
        if isinstance(value, URIRef) and not (known and name in ("distribution", "isPrimaryTopicOf", "primaryTopic")):
            yield Fact(_kind_of(here), "/".join(here), str(value), beside)
        if known and value not in seen and len(here) < 6:
            seen.add(value)
            yield from _triples(graph, value, here, others, seen)


def _kind_of(path: tuple[str, ...]) -> str:
    of_distribution = path[:1] == ("distribution",)
    if path == ("type",):
        return "type"
    for name in reversed(path):
        if name in ("label", "prefLabel", "value", "hasValue", "title", "type", "name") and len(path) > 1:
            continue
        kind = PREDICATES.get(name, "other")
        return OF_DISTRIBUTIONS.get(kind, kind) if of_distribution else kind
    return "link text" if of_distribution else PREDICATES.get(path[0], "other")


Verdict = str
SHORT = 120
"""Length up to which a text that names a licence is assumed to contain nothing else."""
SAYS_NOTHING = {"", "unknown", "none", "null", "inconnu", "inconnue", "neant", "dataset", "series", "place", "theme"}
"""Default values of unfilled forms, and codes that repeat the type of the record."""


def plain(text: Any) -> str:
    """Return a text without markup, case, accents and punctuation, with a space at either end."""
    bare = re.sub(r"<[a-zA-Z/][^<>]*>", " ", str(text)).replace("œ", "oe").replace("Œ", "oe").replace("&amp;", "&")
    bare = re.sub(r"&[a-z]{2,8};|&#\d+;", " ", bare)
    bare = "".join(c for c in unicodedata.normalize("NFKD", bare.casefold()) if not unicodedata.combining(c))
    return f" {' '.join(re.split(r'[^0-9a-z]+', bare)).strip()} "


def strings(value: Any) -> Iterator[str]:
    """Yield every scalar of a nested value, as a string."""
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    elif value is not None:
        yield str(value)


class View:
    """A normalisation result, indexed for looking up facts."""

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
        """Every text of the log, the problems and the list of unmapped content."""
        log = [text for change in self.result.log for text in change.texts()]
        return [*log, *(str(v) for p in self.result.problems for v in p.params.values()), *self.result.unread]

    @cached_property
    def said(self) -> str:
        """All texts of the dataset in plain form, joined for substring search."""
        return "|".join(map(plain, self.texts))

    @cached_property
    def exact(self) -> set[str]:
        """The texts of the dataset in plain form, for exact comparison."""
        return set(map(plain, self.texts))

    @cached_property
    def told(self) -> str:
        """All reported texts in plain form, joined for substring search."""
        return "|".join(map(plain, self.told_texts))

    @cached_property
    def converted(self) -> str:
        """Original values that the log shows as converted into a field of the dataset,
        in plain form.
        """
        kept = [c for c in self.result.log if self.dataset.get(c.field) and c.after != Reason("left out")]
        return "|".join(plain(text) for change in kept for text in change.texts())

    @cached_property
    def addresses(self) -> set[str]:
        """URLs of the dataset, in comparable form."""
        return {address(text) for text in self.texts if ":" in text}

    @cached_property
    def told_addresses(self) -> str:
        """Reported URLs in comparable form, joined for substring search."""
        return " ".join(address(text) for text in self.told_texts if "/" in text or ":" in text)

    def beside(self, subject: str) -> str:
        """Return the texts on a subject from the field `other_information`."""
        rows = self.dataset.get("other_information", ())
        return "|".join(plain(row["text"]) for row in rows if row["subject"] == subject)

    def of_link(self, url: str) -> list[dict[str, Any]]:
        """Return the resources made from a link: those with the same URL,
        else with the same URL without query.
        """
        whole, base = address(url), address(url.partition("?")[0])
        same = [r for r in self.resources if address(r["url"]) == whole]
        return same or [r for r in self.resources if address(r["url"].partition("?")[0]) == base]


def address(url: str) -> str:
    """Return a URL in comparable form: without scheme, credentials, `www.`, escapes,
    case and trailing punctuation.
    """
    text = url
    for _round in range(2):
        text = unquote(text)
    text = "".join(text.replace("&amp;", "&").split()).casefold().strip("<>\"'")
    return re.sub(r"^[a-z]+://([^/@]{1,100}@)?(www\.)?", "", text).rstrip("/?&#.")


def words(fact: Fact, view: View) -> Verdict:
    """Judge a text sentence by sentence, so that a missing part is noticed."""
    sentences = map(plain, re.split(r"(?<=[.;!?])\s|\n", fact.value))
    pieces = [sentence for sentence in sentences if sentence.strip()]
    if all(piece in view.said for piece in pieces):
        return "in"
    if all(piece in view.said or _told(piece, view) for piece in pieces):
        return "told"
    if fact.value.startswith(("http://", "https://")):
        return web(fact, view)
    return "lost"


def _told(piece: str, view: View) -> bool:
    # Logs truncate texts after a few hundred characters: compare the beginning.
    return piece[:100].rstrip() in view.told


def web(fact: Fact, view: View) -> Verdict:
    """Judge a URL: it may be in any field."""
    wanted = address(fact.value)
    if wanted in view.addresses or any(wanted in each for each in view.addresses):
        return "in"
    if wanted[:190] in view.told_addresses:
        return "told"
    last = plain(re.split(r"[/#=]", fact.value.rstrip("/"))[-1])  # the code or identifier at the end of the URL
    return "in" if last in view.exact else "told" if len(last) > 5 and last in view.told else "lost"


# --- kinds with values of lists -------------------------------------------------------------------


def _code(fact: Fact) -> str:
    """Return the last part of a URI, or the text itself."""
    return re.split(r"[/#]", fact.value)[-1]


def last_parts(value: Any) -> set[str]:
    """Return the last parts of the URIs of a field, in lower case."""
    return {re.split(r"[/#:]", text)[-1].lower() for text in strings(value)}


def _is_converted(view: View, *texts: str) -> bool:
    return any(plain(text) in view.converted for text in texts)


def _coded(fact: Fact, view: View) -> Verdict:
    """Judge a code: of the field of its kind, or converted into one."""
    code = TABLES["codes"].get(_code(fact).lower(), _code(fact))
    if code.lower() in last_parts(view.dataset.get(TABLES["fields"][fact.kind])):
        return "in"
    return "in" if _is_converted(view, fact.value, code) else words(fact, view)


def _frequency(fact: Fact, view: View) -> Verdict:
    code = _code(fact)
    wanted = TABLES["frequencies"].get(re.sub(r"[^a-z]", "", code.lower()), ())
    actual = {part.upper() for part in last_parts(view.dataset.get("frequency"))}
    if actual & {*wanted, code.upper()}:
        return "in"
    verdict_ = words(fact, view)
    if not wanted or (verdict_ == "told" and not actual):
        return verdict_
    return "wrong" if actual else "lost"


def _day(fact: Fact, view: View) -> Verdict:
    """Judge a date of the fields of its kind, or its type: that has the field for it,
    or the log has its date.
    """
    if re.search(r"\d", fact.value):
        digits = re.sub(r"\D", "", fact.value)[:8]
        texts = strings([view.dataset.get(name) for name in TABLES["days"][fact.kind]])
        days = [re.sub(r"\D", "", text)[:8] for text in texts]
        same = any(day.startswith(digits) or digits.startswith(day) for day in filter(None, days))
        return "in" if digits and same else words(fact, view)
    date = fact.get("date")
    if fact.kind != "date" or not date:
        return "in"  # a type without a date
    name = {"creation": "created", "publication": "issued", "revision": "modified"}.get(fact.value.lower())
    if not name:
        return words(replace(fact, value=date), view)
    if view.dataset.get(name):
        return "in"
    return "told" if _told(plain(date), view) else "lost"


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def _box(fact: Fact, view: View) -> Verdict:
    """Judge a side of a box, or a geometry, which is kept as its bounding box."""
    sides = _numbers(" ".join(strings(view.dataset.get("spatial_coverage", ()))))
    wanted = _numbers(fact.value.replace(",", ". " if "." in fact.value else "."))
    lacking = [number for number in wanted if all(abs(number - side) >= 0.011 for side in sides)]
    if not lacking or (len(wanted) > 1 and sides):
        return "in"
    verdict_ = words(fact, view)
    told = verdict_ == "lost" and bool(sides) and fact.value.strip()[:6] in " ".join(view.told_texts)
    return "told" if told else verdict_


def _reference_system(fact: Fact, view: View) -> Verdict:
    actual = last_parts(view.dataset.get("reference_system"))
    codes = [code for name, code in TABLES["systems"] if name in plain(fact.value)][:1]
    if re.search(r"epsg|^\d+$", fact.value, re.IGNORECASE):
        codes = re.findall(r"(?<!\d)\d{4,5}(?!\d)", fact.value) or codes
    if actual.intersection(codes) or (not codes and _is_converted(view, fact.value)):
        return "in"
    verdict_ = words(fact, view)
    return "wrong" if codes and actual and verdict_ == "lost" else verdict_


def _number(fact: Fact, view: View) -> Verdict:
    actual = str(view.dataset.get(TABLES["fields"][fact.kind], ""))
    number = re.search(r"\d+(?:[.,]\d+)?", re.sub(r"(?<=\d)\s(?=\d)", "", fact.value))
    if number and actual and float(number[0].replace(",", ".")) == float(actual):
        return "in"
    return words(fact, view) if plain(fact.value) in view.told or not number else "lost"


def _duration(fact: Fact, view: View) -> Verdict:
    """Judge a duration, which may be written without its zeros: "P7D" for "P0Y0M7DT0H0M0S"."""
    with suppress(ValueError):
        if parse_xsd_duration(fact.value) == parse_xsd_duration(view.dataset.get("temporal_resolution", "")):
            return "in"
    return words(fact, view)


def _link(fact: Fact, view: View) -> Verdict:
    """Judge a link; it is wrong when none of its resources has a role that its address names."""
    if not re.match(r"[a-z]+:|www\.", fact.value, re.IGNORECASE):
        return words(fact, view)
    made = view.of_link(fact.value)
    if not made:
        return web(fact, view)
    text = unquote(fact.value).lower()
    roles = next((right for pattern, right in TABLES["roles"] if re.search(pattern, text)), None)
    as_named = not roles or any(resource["resource_role"] in roles for resource in made)
    return "in" if as_named or re.search(r"documentation|notice|dictionnaire", text) else "wrong"


def _link_code(fact: Fact, view: View) -> Verdict:
    """Judge a protocol, function or profile of a link.

    A protocol is wrong when the resource has another service's.
    """
    made = view.of_link(fact.get("linkage"))
    verdict_ = words(fact, view)
    if not made:
        link = Fact("", "", fact.get("linkage") or "?")
        return web(link, view) if verdict_ == "lost" else verdict_
    service = re.search(r"\b(wms|wfs|wmts|wcs|csw)\b", plain(fact.value)) if fact.path.endswith("protocol") else None
    if not service or any(service[1] in plain(r["protocol"]) or r["resource_role"] == "data" for r in made):
        return "in"
    return "told" if verdict_ == "told" else "wrong"


def _has_one_of(ids: str, text: str) -> bool:
    """Return whether a text has one of the words that are separated by `|`."""
    return any(f" {plain(word).strip()} " in text for word in ids.split("|"))


def _form_at(fact: Fact, view: View) -> Verdict:
    wanted = [ids for pattern, ids in TABLES["formats"] if re.search(pattern, plain(fact.value))]
    if fact.value.startswith("http"):
        wanted = wanted or [_code(fact)]
    names = ("format", "package_format", "compress_format", "mimetype", "other_formats")
    texts = strings([[resource.get(name) for name in names] for resource in view.resources])
    actual = plain(" ".join(texts)) + view.beside("format")
    if wanted and all(_has_one_of(ids, actual) for ids in wanted):
        return "in"
    is_protocol = re.match(r"(?i)(OGC|WWW|ESRI|file|DB):", fact.value)
    return "in" if is_protocol and view.resources else words(fact, view)


def _constraint(fact: Fact, view: View) -> Verdict:
    """Judge a constraint; a licence is wrong when the dataset has another one,
    and the log does not say why.
    """
    bare, verdict_ = plain(fact.value), words(fact, view)
    licences = next((ids.split("|") for pattern, ids in TABLES["licences"] if re.search(pattern, bare)), [])
    limits = last_parts([view.dataset.get("access_limitation"), view.dataset.get("access_rights")])
    if licences and ("licen" in bare or len(bare) < SHORT):
        actual = view.dataset.get("license_id")
        of_one_file = {plain(resource["license"]) for resource in view.resources if resource.get("license")}
        if actual in licences or bare in of_one_file:
            return "in" if len(bare) < 150 else verdict_
        differ = any(problem.code == "licences-differ" for problem in view.result.problems)
        if actual and not differ and verdict_ != "told":
            return "wrong"
    if re.search(TABLES["no_limit"], bare) and "nolimitations" in limits and len(bare) < 150:
        return "in"
    is_uri = fact.value.startswith("http")
    return "in" if is_uri and (_is_converted(view, fact.value) or _code(fact).lower() in limits) else verdict_


def _constraint_code(fact: Fact, view: View) -> Verdict:
    code = fact.value.lower()
    if code in ("otherrestrictions", "license", "licence", "unclassified", "unrestricted"):
        return "in"  # only announces that a text follows
    closed = code in ("restricted", "confidential", "secret", "private")
    return "in" if closed and view.dataset.get("access_rights") else words(fact, view)


def _conformity(fact: Fact, view: View) -> Verdict:
    """Judge a degree of conformity by the rows of its specification; other facts by their words."""
    if "/date/" in fact.path:
        return _day(fact, view)
    if not fact.path.endswith("/pass"):
        return words(fact, view)
    wanted = {"true": "conformant", "false": "notconformant", "1": "conformant", "0": "notconformant"}
    degree = wanted.get(fact.value.lower())
    if re.search(r"non evalue|not evaluated|non teste", plain(fact.get("explanation"))):
        degree = "notevaluated"
    title, rows = plain(fact.get("specification")), view.dataset.get("conformity", [])
    mine = [row for row in rows if plain(row.get("specification", "")).strip()[:80] in title] or rows
    if not mine:
        return words(fact, view) if "report" not in view.told else "told"
    return "in" if any(degree in last_parts(row.get("degree")) for row in mine) else "wrong"


def _keyword(fact: Fact, view: View) -> Verdict:
    """Judge a keyword: itself, its parts, or the URI of its concept."""
    bare = plain(fact.value)
    pieces = [plain(piece) for piece in re.split(r"[;,|]", fact.value) if piece.strip()]
    anchors = [address(value) for _name, value in fact.beside if value.startswith("http")]
    there = bare in view.exact or bare in view.beside("keyword") or _is_converted(view, fact.value)
    if there or view.exact.issuperset(pieces):
        return "in"
    if fact.value.startswith("http"):
        return words(fact, view)
    if view.addresses.intersection(anchors):
        return "in"
    return "told" if all(piece in view.exact or _told(piece, view) for piece in pieces) else "lost"


def _contact(fact: Fact, view: View) -> Verdict:
    """Judge a contact: phone numbers by their digits.

    Roles implied by a field (contact, publisher) count as in.
    """
    digits = re.sub(r"\D", "", fact.value)[-9:]
    if len(digits) == 9 and any(digits in re.sub(r"\D", "", text) for text in view.texts):
        return "in"
    is_role = fact.path.endswith(("/role", "/hadRole"))
    implied = _code(fact).lower() in ("pointofcontact", "publisher", "distributor")
    return "in" if is_role and implied else words(replace(fact, value=fact.value.removeprefix("mailto:")), view)


CHECKS: dict[str, Callable[[Fact, View], Verdict]] = {
    **dict.fromkeys(("topic", "representation", "type", "status", "place", "language"), _coded),
    **dict.fromkeys(("date", "record date", "period"), _day),
    **dict.fromkeys(("box", "shape"), _box),
    **dict.fromkeys(("scale", "resolution"), _number),
    **dict.fromkeys(("contact", "mail"), _contact),
    "frequency": _frequency,
    "reference system": _reference_system,
    "duration": _duration,
    "link": _link,
    "link code": _link_code,
    "format": _form_at,
    "constraint": _constraint,
    "constraint code": _constraint_code,
    "conformity": _conformity,
    "keyword": _keyword,
}


def verdict(fact: Fact, view: View) -> Verdict:
    """Judge a fact by its kind.

    Kinds without a check of their own are judged as texts, codes also by their words.
    """
    found = CHECKS.get(fact.kind, words)(fact, view)
    in_french = in_words(fact.value)
    if found == "told" and in_french != fact.value and words(replace(fact, value=in_french), view) == "in":
        return "in"
    return found


def is_said(fact: Fact) -> bool:
    """Return whether a fact has content, unlike the default values of an unfilled form."""
    if not in_words(fact.value).strip():
        return False  # an address on the server itself, or the name of a code space
    return plain(fact.value).strip() not in SAYS_NOTHING or fact.kind in ("type", "frequency")


# --- measuring ---


@dataclass
class Case:
    """A record, its facts, and the result of its normalisation."""

    origin: str
    name: str
    said: list[Fact]
    result: Result | None = None
    refused: str = ""
    verdicts: list[tuple[Fact, str]] = field(default_factory=list)

    foreign: bool = False

    @property
    def aside(self) -> bool:
        """Whether the record is held out."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % ASIDE == 0


# --- reading -------------------------------------------------------------------------------------


def cases(folder: Path) -> Iterator[Case]:
    """Read and normalise every record of a folder; yield them as cases."""
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
    """Return the files that INDEX.tsv marks as neither real nor adapted from real ones: made up,
    or foreign.
    """
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
    for number, (element, ours) in enumerate(zip(iso_records(root), records_in(root), strict=True), 1):
        case = Case(origin, f"{name}#{number}", iso_facts(element))
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
        found = rdf_subjects(graph)
        read = set(map(str, rdf.datasets(graph)))
        for number, subject in enumerate(found, 1):  # numbered, since blank nodes get another name on each run
            case = Case(origin, f"{name}#{number}", rdf_facts(graph, subject))
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


def judge(case: Case) -> None:
    """Set the verdict of each fact of a case; all facts of a refused record count as told."""
    if case.result is None:
        case.verdicts = [(fact, "told") for fact in case.said]
        return
    view = View(case.result)
    case.verdicts = [(fact, verdict(fact, view)) for fact in case.said if is_said(fact)]


# --- printing ------------------------------------------------------------------------------------


def table(title: str, found: list[Case], by: Any) -> None:
    """Print the verdicts of some cases, grouped by the key that `by`
    returns for a case and a fact.
    """
    counted: dict[str, Counter] = defaultdict(Counter)
    for case in found:
        for fact, found_out in case.verdicts:
            if fact.kind not in WITHOUT_MEANING:
                counted[by(case, fact)][found_out] += 1
                counted["~secondary" if fact.kind in SECONDARY else "~main"][found_out] += 1
                counted["~~all"][found_out] += 1
    rows: list[list[object]] = [["", "facts", *VERDICTS]]
    for name, verdicts in sorted(counted.items()):
        total = sum(verdicts.values())
        shares = (f"{verdicts[verdict]} {100 * verdicts[verdict] / total:5.1f}%" for verdict in VERDICTS)
        rows.append([name.lstrip("~"), total, *shares])
    print(f"\n{title}\n{columns(rows, right=range(1, 6))}")


def main() -> None:
    """Read the records, compare the facts and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", default="wrong,lost", help="verdicts of which each fact is listed")
    parser.add_argument("--paths", action="store_true", help="count what remains by path")
    options = parser.parse_args()
    started = time.perf_counter()
    found = list(cases(options.folder))
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
        if verdict in options.show.split(",") and fact.kind not in WITHOUT_MEANING
    ]
    if options.paths:
        counted = Counter((verdict, fact.kind, fact.path) for verdict, fact, _case in shown)
        for (verdict, kind, path), count in counted.most_common():
            print(f"  {count:>5} {verdict:<5} {kind:<16} {path[-110:]}")
        return
    for verdict, fact, case in shown:
        print(f"  {verdict:<5} {fact.kind:<14} {case.name[:45]:<45} {fact.path[-70:]}: {fact.value[:120]}")


if __name__ == "__main__":
    main()
