"""Verdicts on facts: in the dataset, told, lost or wrong. See `fidelity`.

Facts are looked up in a view of the normalised record: dataset and log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
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

NO_LIMIT = (
    r"aucun des articles de la loi ne peut|(pas|aucune|absence) (de |d )?(restriction|limitation)|"
    r"no (restriction|limitation)s?"
)


def last_parts(value: Any) -> set[str]:
    """Return the last parts of the URIs of a field, in lower case."""
    return {re.split(r"[/#:]", text)[-1].lower() for text in strings(value)}


def _coded(name: str) -> Any:
    def check(fact: Fact, view: View) -> Verdict:
        code = re.split(r"[/#]", fact.value)[-1]
        converted = any(plain(each) in view.converted for each in (fact.value, code))
        if code.lower() in last_parts(view.dataset.get(name)) or converted:
            return "in"
        return words(fact, view)

    return check


def _frequency(fact: Fact, view: View) -> Verdict:
    code = re.sub(r"[^a-z]", "", re.split(r"[/#]", fact.value)[-1].lower())
    wanted = TABLES["frequencies"].get(code)
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
    wanted = TABLES["languages"].get(code, code.upper())
    return "in" if wanted.lower() in last_parts(view.dataset.get("language")) else words(fact, view)


def _day(fact: Fact, view: View) -> Verdict:
    if re.fullmatch(r"[A-Za-z]+", fact.value):
        return _type_of_date(fact, view)
    return _day_in(fact, view, ("issued", "modified", "created", "next_update"))


def _type_of_date(fact: Fact, view: View) -> Verdict:
    """Judge a date type: the dataset must have the field for it, or the log the date given with it."""
    field_name = {"creation": "created", "publication": "issued", "revision": "modified"}.get(fact.value.lower())
    given = fact.get("date")
    if not given and not fact.value[:1].isdigit():
        return "in"  # a type without a date
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


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def _is_near(number: float, others: list[float]) -> bool:
    return any(abs(number - other) < 0.011 for other in others)


def _box(fact: Fact, view: View) -> Verdict:
    numbers = _numbers(" ".join(strings(view.dataset.get("spatial_coverage", ()))))
    comma = ". " if "." in fact.value else "."
    wanted = _numbers(fact.value.replace(",", comma))
    missing = [number for number in wanted if not _is_near(number, numbers)]
    if not missing or (len(wanted) > 1 and len(missing) < len(wanted)):  # a geometry is kept as its bounding box
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
    codes = codes or [code for name, code in TABLES["systems"] if name in plain(fact.value)][:1]
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


def _duration(fact: Fact, view: View) -> Verdict:
    """Judge a duration, which may be written without its zeros: "P7D" for "P0Y0M7DT0H0M0S"."""
    try:
        if parse_xsd_duration(fact.value) == parse_xsd_duration(view.dataset.get("temporal_resolution", "")):
            return "in"
    except ValueError:
        pass
    return words(fact, view)


def _link(fact: Fact, view: View) -> Verdict:
    if not re.match(r"[a-z]+:|www\.", fact.value, re.IGNORECASE):
        return words(fact, view)
    made = view.of_link(fact.value)
    roles = next((right for pattern, right in TABLES["roles"] if re.search(pattern, unquote(fact.value).lower())), None)
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
    """Judge a protocol, function or profile of a link; a protocol is wrong when the resource has another service's."""
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


def _has_one_of(ids: str, text: str) -> bool:
    """Return whether a text has one of the words that are separated by `|`."""
    return any(f" {plain(one).strip()} " in text for one in ids.split("|"))


def _form_at(fact: Fact, view: View) -> Verdict:
    wanted = [ids for pattern, ids in TABLES["formats"] if re.search(pattern, plain(fact.value))]
    if fact.value.startswith("http"):
        wanted = wanted or [re.split(r"[/#]", fact.value)[-1]]
    names = ("format", "package_format", "compress_format", "mimetype", "other_formats")
    texts = [text for resource in view.resources for text in strings([resource.get(name) for name in names])]
    actual = plain(" ".join(texts)) + view.beside("format")
    if wanted and all(_has_one_of(ids, actual) for ids in wanted):
        return "in"
    if re.match(r"(?i)(OGC|WWW|ESRI|file|DB):", fact.value):
        return "in" if view.resources else words(fact, view)
    return words(fact, view)


def _constraint(fact: Fact, view: View) -> Verdict:
    bare = plain(fact.value)
    licences = next((ids.split("|") for pattern, ids in TABLES["licences"] if re.search(pattern, bare)), [])
    if licences and ("licen" in bare or len(bare) < SHORT):
        actual = view.dataset.get("license_id")
        differ = any(problem.code == "licences-differ" for problem in view.result.problems)
        of_one_file = {plain(each["license"]) for each in view.resources if each.get("license")}
        if actual in licences or bare in of_one_file:
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
        return "in"  # only announces that a text follows
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
    """Judge a keyword by the URI of its concept, which may be in the dataset."""
    anchors = [value for name, value in fact.beside if value.startswith("http")]
    return "in" if any(address(a) in view.addresses for a in anchors) else "lost"


def _contact(fact: Fact, view: View) -> Verdict:
    """Judge a contact: phone numbers by their digits; roles implied by a field (contact, publisher) count as in."""
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
    "duration": _duration,
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
