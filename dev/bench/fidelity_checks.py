"""Verdicts on facts: in the dataset, told, lost or wrong. See `fidelity`.

Facts are looked up in a view of the normalised record: dataset and log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from rdflib.xsd_datetime import parse_xsd_duration

from ckanext.ecosphere.harvest.normalise import Reason, Result
from ckanext.ecosphere.harvest.normalise.information import in_words
from dev.bench.fidelity_facts import TABLES, Fact

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
        """Original values that the log shows as converted into a field of the dataset, in plain form."""
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
        """Return the resources made from a link: those with the same URL, else with the same URL without query."""
        whole, base = address(url), address(url.partition("?")[0])
        same = [r for r in self.resources if address(r["url"]) == whole]
        return same or [r for r in self.resources if address(r["url"].partition("?")[0]) == base]


def address(url: str) -> str:
    """Return a URL in comparable form: without scheme, credentials, `www.`, escapes, case and trailing punctuation."""
    text = url
    for _round in range(2):
        text = unquote(text)
    text = "".join(text.replace("&amp;", "&").split()).casefold().strip("<>\"'")
    return re.sub(r"^[a-z]+://([^/@]{1,100}@)?(www\.)?", "", text).rstrip("/?&#.")


def words(fact: Fact, view: View) -> Verdict:
    """Judge a text sentence by sentence, so that a missing part is noticed."""
    sentences = map(plain, re.split(r"(?<=[.;!?])\s|\n", fact.value))
    pieces = [sentence for sentence in sentences if sentence.strip()]
    if not pieces:
        return "in"
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
    code = _code(fact)
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


def _language(fact: Fact, view: View) -> Verdict:
    wanted = TABLES["languages"].get(_code(fact).lower(), _code(fact)).lower()
    return "in" if wanted in last_parts(view.dataset.get("language")) else words(fact, view)


def _day(fact: Fact, view: View) -> Verdict:
    """Judge a date of the fields of its kind, or its type: that has the field for it, or the log has its date."""
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
    """Judge a protocol, function or profile of a link; a protocol is wrong when the resource has another service's."""
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
    """Judge a constraint; a licence is wrong when the dataset has another one, and the log does not say why."""
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
    """Judge a contact: phone numbers by their digits; roles implied by a field (contact, publisher) count as in."""
    digits = re.sub(r"\D", "", fact.value)[-9:]
    if len(digits) == 9 and any(digits in re.sub(r"\D", "", text) for text in view.texts):
        return "in"
    is_role = fact.path.endswith(("/role", "/hadRole"))
    implied = _code(fact).lower() in ("pointofcontact", "publisher", "distributor")
    return "in" if is_role and implied else words(replace(fact, value=fact.value.removeprefix("mailto:")), view)


CHECKS: dict[str, Callable[[Fact, View], Verdict]] = {
    **dict.fromkeys(("topic", "representation", "type", "status", "place"), _coded),
    **dict.fromkeys(("date", "record date", "period"), _day),
    **dict.fromkeys(("box", "shape"), _box),
    **dict.fromkeys(("scale", "resolution"), _number),
    **dict.fromkeys(("contact", "mail"), _contact),
    "frequency": _frequency,
    "language": _language,
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
    """Judge a fact by its kind; kinds without a check of their own are judged as texts, codes also by their words."""
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
