"""Rules for titles, descriptions and other prose: plain text, paragraphs kept, length bounded."""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

import nh3

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import bounds, links
from ckanext.ecosphere.harvest.normalise.draft import Draft, distinct, is_placeholder, plain, reason
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import UUID, Link
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.characters import SECRET_PARAMETER
from ckanext.ecosphere.vocabularies import languages

MAX_TITLE = 500
"""Maximum length of a title, in characters."""
MAX_TEXT = 30_000
"""Maximum length of a text, in bytes of UTF-8: Solr refuses a single term above 32 766."""
MAX_ALTERNATE_TITLES = 20
MAX_SOURCES, MAX_SOURCE = 50, 1_000
MAX_VERSION = 100
"""Length of CKAN's column."""
ELEMENTS = {
    "notes": "abstract",
    "provenance": "statement",
    "use_conditions": "useLimitation",
    "access_conditions": "otherConstraints",
}
"""Dataset field → element of the record, for reports to the owner of the source."""

TRANSLATED = {"title": "title", "abstract": "notes"}
"""Attribute of the record → multilingual field of the dataset."""

_TAGS = (
    "a|abbr|article|b|blockquote|body|br|button|center|code|div|dd|dl|dt|em|embed|font|form|h[1-6]"
    "|head|hr|html|i|iframe|img|input|label|li|link|meta|object|ol|p|pre|s|script|section|small"
    "|span|strike|strong|style|sub|sup|svg|table|tbody|td|th|thead|title|tr|u|ul|video"
)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>|<!--", re.IGNORECASE)
_BREAK = re.compile(
    r"<br\s*/?>|</(?:p|div|tr|h[1-6]|ul|ol|dl|table|section|article)\s*>", re.IGNORECASE
)
_CELL = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
_ITEM = re.compile(r"<li(?:\s[^<>]*)?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_COPY = re.compile(
    r"(?:copy of (?:record|template)|copie (?:de la fiche|du mod[eè]le)) (.+) "
    r"(?:created at|cr[eé]{1,2}e? le) [\d :./TZ+-]+",
    re.IGNORECASE,
)
"""Title that GeoNetwork gives to a copy: title or identifier of the original, and the time."""
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*")
_ROUNDS = 3
"""Times that HTML may have been escaped."""


# --- plain text ------------------------------------------------------------------------------


def plain_text(text: str | None) -> str:
    """Return a text without HTML and without passwords in addresses, keeping its line breaks.

    Tags are removed by an HTML parser, only if the text contains HTML ("Lden < 75" is kept) and as
    often as it was escaped; the result is plain text, never markup.
    """
    if not text:
        return ""
    for _round in range(_ROUNDS):
        before = text
        if _TAG.search(text):
            text = _ITEM.sub("\n- ", _BREAK.sub("\n\n", _CELL.sub(" ", text)))
            text = _without_tags(text)
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
        if text == before:
            break
    if _TAG.search(text):
        text = _without_tags(text)
    text = characters.mended(text).replace("\xa0", " ")
    text = _BLANKS.sub(" ", _CONTROL.sub("", text))
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return characters.without_credentials(_EMPTY_LINES.sub("\n\n", lines).strip())


def _without_tags(text: str) -> str:
    return nh3.clean(text, tags=set(), clean_content_tags={"script", "style"})


def one_line(text: str | None) -> str:
    """Return a text without HTML, on one line."""
    return " ".join(plain_text(text).split())


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """Cut a text to a number of UTF-8 bytes, at the end of a word."""
    data = text.encode("utf-8", "ignore")
    if len(data) <= limit:
        return text
    short = data[: limit - 3].decode("utf-8", "ignore")
    space = max(short.rfind(" "), short.rfind("\n"))
    if space > len(short) * 0.9:
        short = short[:space]
    return short.rstrip() + "…"


def bounded(draft: Draft, field: str, text: str) -> str:
    """Return a text cut to the limit, and report it if it was cut."""
    short = cut(text)
    if short != text:
        draft.problem("text-cut", element=ELEMENTS.get(field, field), length=len(text))
        before = reason("characters", value=len(text))
        draft.change(field, before, reason("characters", value=len(short)))
    return short


def stated(texts: Iterable[str]) -> list[str]:
    """Return the texts that are no placeholders, each once."""
    return [text for text in distinct(texts) if not is_placeholder(text)]


# --- titles ----------------------------------------------------------------------------------


def copied_title(text: str) -> str:
    """Return the original title within that of a GeoNetwork copy; empty if there is only its id."""
    match = _COPY.fullmatch(text)
    if not match:
        return ""
    inner = match.group(1)
    is_title = len(plain(inner).split()) > 1 and not UUID.fullmatch(inner)
    if not is_title or is_placeholder(inner):
        return ""
    return inner


def title(draft: Draft) -> None:
    """Clean the title; without one, use an alternate title, else the start of the description."""
    record = draft.record
    text = one_line(record.title)
    copied = copied_title(text)
    if copied:
        draft.problem("title-of-copy", title=copied)
        text = copied
    elif is_placeholder(text):
        others = [*map(one_line, record.alternate_titles)]
        others.append(cut(one_line(record.abstract), MAX_TITLE // 4))
        text = next(iter(stated(others)), "")
        if not text:
            raise RecordError("no-title")
        draft.problem("no-title-used", title=text)
    if len(text) > MAX_TITLE:
        draft.problem("text-cut", element="title", length=len(text))
        text = text[: MAX_TITLE - 1].rstrip() + "…"
    draft.set("title", text, before=record.title or "")


def alternate_titles(draft: Draft) -> None:
    """Keep alternate titles that differ from the title."""
    titles = stated(map(one_line, draft.record.alternate_titles))
    others = [text for text in titles if text != draft.dataset["title"]]
    others = draft.with_room("alternateTitle", others, MAX_ALTERNATE_TITLES)
    draft.set("alternate_title", [cut(text, MAX_TITLE) for text in others])


# --- description and lineage -----------------------------------------------------------------


def description(draft: Draft) -> None:
    """Remove HTML from the description, keep its paragraphs, and limit its length."""
    written = draft.record.abstract or ""
    text = plain_text(written)
    if is_placeholder(text):
        draft.dataset.pop("notes", None)
        draft.problem("no-description")
        return
    if text != written and _TAG.search(written):
        draft.change("notes", written, text)
    draft.set("notes", bounded(draft, "notes", text))


def lineage(draft: Draft) -> None:
    """Join the statements of lineage, and the process steps; keep each source."""
    record = draft.record
    for name, texts in (("provenance", record.lineage), ("method", record.steps)):
        paragraphs = stated(map(plain_text, texts))
        if paragraphs:
            draft.set(name, bounded(draft, name, "\n\n".join(paragraphs)))
    sources = draft.with_room("source", stated(map(one_line, record.sources)), MAX_SOURCES)
    if sources:
        draft.set("source", [cut(text, MAX_SOURCE) for text in sources])


def version(draft: Draft) -> None:
    """Set the version to the edition."""
    text = one_line(draft.record.edition)
    draft.dataset.pop("version", None)
    if not is_placeholder(text):
        draft.set("version", text[:MAX_VERSION])


# --- other languages -------------------------------------------------------------------------


def translations(draft: Draft) -> None:
    """Keep title and description in the other languages of the record."""
    record = draft.record
    for attribute, name in TRANSLATED.items():
        texts = record.translations.get(attribute)
        if not texts:
            continue
        written = getattr(record, attribute)
        main = draft.dataset.get(name)
        if main:
            translated = in_languages(draft, name, main, written, texts)
            draft.set(f"{name}{languages.SUFFIX}", translated)
        else:
            note_translations(draft, attribute, written, texts)


def in_languages(
    draft: Draft, field: str, main: str, written: str | None, texts: dict[str, str]
) -> dict[str, str]:
    """Return a text of the dataset, or of a resource, in all languages of the record.

    Args:
        draft: the draft, which notes texts without a place.
        field: name of the field.
        main: the text as written by the rules.
        written: the same text as in the record.
        texts: BCP 47 tag → text, as in the record.
    """
    limit = min(bounds.longest(field), MAX_TEXT)
    clean = plain_text
    if limit <= MAX_TITLE:
        clean = one_line
    by_language: dict[str, str] = {}
    for language, text in texts.items():
        cleaned = clean(text)
        if text == written:
            by_language[language] = main
        elif len(by_language) >= languages.MOST - 1:  # leaves room for the text itself
            draft.lost(f"{field}[{language}]", one_line(text))
        elif not is_placeholder(cleaned):
            by_language[language] = cut(cleaned, limit)
            if by_language[language] != cleaned:
                element = f"{ELEMENTS.get(field, field)} ({language})"
                draft.problem("text-cut", element=element, length=len(cleaned))
    return languages.completed(main, by_language)


def note_translations(draft: Draft, name: str, written: str | None, texts: dict[str, str]) -> None:
    """Note texts in other languages that have no place."""
    for language, text in texts.items():
        if text != written:
            draft.lost(f"{name}[{language}]", one_line(text))


def texts_without_a_place(draft: Draft) -> None:
    """Note texts that the schema has no field for."""
    record = draft.record
    for name, text in (
        ("purpose", record.purpose),
        ("supplementalInformation", record.supplemental_information),
    ):
        if not is_placeholder(text):
            draft.lost(name, one_line(text))
    notes = [note for note in record.frequency_notes if not is_placeholder(note)]
    for name, values in (
        ("applicationSchema", record.application_schemas),
        ("featureCatalogue", record.feature_catalogues),
        ("maintenanceNote", [note for note in notes if not voc.get("frequency").get(note)]),
    ):
        if values:
            draft.lost(name, values)
    for name, texts in record.translations.items():
        if name not in TRANSLATED:
            note_translations(draft, name, getattr(record, name, None), texts)


# --- addresses ---
#
# Clean and check the URLs of links; find the record that a URL shows.

SCHEMES = {"http", "https", "ftp", "ftps"}
MAX_URL = 4000
MAX_LINKS = 3_000
"""Maximum number of links of a record that are read."""
_REMOVED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\ufeff]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_TYPO = re.compile(r"^(https?|ftp)(?:;//|:/(?!/)|//|:\\\\|\s*:\s*//)", re.IGNORECASE)
_TWICE = re.compile(r"^https?://(?=https?://)", re.IGNORECASE)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_LONGEST_HOST = 253
_UNSAFE = re.compile(r"[\s\\<>\"^`{|}]")


@dataclass(slots=True)
class Address:
    """A cleaned URL, or the reason for its refusal.

    Attributes:
        url: the URL, None when refused.
        reason: ``empty``, ``scheme``, ``not-an-address``, ``too-long``.
        credentials: whether a user name, password or token was removed.
        query: parameters, with lower-case names and their first value.
    """

    url: str | None = None
    reason: str = ""
    host: str = ""
    path: str = ""
    credentials: bool = False
    query: dict[str, str] = field(default_factory=dict)


def clean_url(text: str | None) -> Address:
    """Clean a URL as written in a record.

    Tabs and line ends, which browsers ignore inside a scheme, are removed before the scheme is
    checked; other schemes than http, https, ftp and ftps are refused (``javascript:``, ``file:``…).
    """
    bare = _REMOVED.sub("", text or "").strip().strip("<>\"'").strip()
    if not bare:
        return Address(reason="empty")
    if len(bare) > MAX_URL:
        return Address(reason="too-long")
    bare = bare.replace("&amp;", "&")
    bare = _TWICE.sub("", _TYPO.sub(lambda match: f"{match.group(1)}://", bare))
    if bare.lower().startswith("www."):
        bare = f"http://{bare}"
    scheme = _SCHEME.match(bare)
    if not scheme:
        return Address(reason="not-an-address")
    if scheme.group()[:-1].lower() not in SCHEMES:
        return Address(reason="scheme")
    return _checked(bare)


_ENCODED_QUERY = re.compile(r"[^=&]*%3D[^=&]*", re.IGNORECASE)
"""A query whose delimiters are percent-encoded too:
``?service%3DWMS%26request%3DGetCapabilities``."""


def _checked(url: str) -> Address:
    try:
        parts = urlsplit(url)
        if _ENCODED_QUERY.fullmatch(parts.query):
            parts = parts._replace(query=unquote(parts.query))
        query = _without_secrets(parts.query)
        holds_secret = query != parts.query
        parts = parts._replace(query=query)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError:
        return Address(reason="not-an-address")
    if not _is_host(host):
        return Address(reason="not-an-address")
    netloc = host
    if ":" in host:
        netloc = f"[{host}]"
    if port is not None:
        netloc = f"{netloc}:{port}"
    unsafe = (parts.path, parts.query, parts.fragment)
    path, query, fragment = (_UNSAFE.sub(_escape, part) for part in unsafe)
    clean = urlunsplit(SplitResult(parts.scheme.lower(), netloc, path, query, fragment))
    parameters: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True)[:200]:
        parameters.setdefault(key.lower(), value)
    holds_secret = holds_secret or "@" in parts.netloc
    return Address(clean, "", host, parts.path, holds_secret, parameters)


def _without_secrets(query: str) -> str:
    """Return a query without passwords and tokens."""
    if not SECRET_PARAMETER.search(f"?{query}"):
        return query
    safe = [part for part in query.split("&") if not SECRET_PARAMETER.search(f"?{part}")]
    return "&".join(safe)


def _escape(match: re.Match[str]) -> str:
    return quote(match.group(), safe="")


@lru_cache(maxsize=1_000)
def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        pass
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return False
    return bool(_HOST.fullmatch(host)) and len(host) <= _LONGEST_HOST


def is_intranet(host: str) -> bool:
    """Return whether a host is internal, or the machine on which the record was written."""
    return links.is_internal_host(host) or host.startswith("127.")


def link_stated(link: Link, address: Address) -> links.Link:
    """Return what a link of a record states, under its cleaned URL and without placeholders."""
    protocol, format_, media_type = map(_filled, (link.protocol, link.format, link.media_type))
    return links.Link(
        url=address.url or "",
        protocol=protocol,
        format=format_,
        media_type=media_type,
        name=link.name or "",
        description=link.description or "",
        function=link.function or "",
        units=link.units_of_distribution or "",
    )


def _filled(text: str | None) -> str:
    if text is None or is_placeholder(text):
        return ""
    return text


_RECORD_PAGE = re.compile(
    r"(?:/api/records/|#/metadata/|/metadata\.show\?(?:uuid|id)=|[?&]uuid=)"
    r"(?!\d{1,9}(?![^/?#&]))([^/?#&]{2,200})"
)
"""The identifier in the URL of any view of a GeoNetwork record, but not its internal number."""


def record_named(address: str) -> str:
    """Return the identifier of the record that a catalogue URL shows; empty for any other URL."""
    query = clean_url(address).query
    if query.get("request", "").lower() == "getrecordbyid":
        return query.get("id", "")
    match = _RECORD_PAGE.search(address[:2_000])
    if not match:
        return ""
    return unquote(match.group(1))
