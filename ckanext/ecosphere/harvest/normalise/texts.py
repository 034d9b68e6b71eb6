"""Rules for titles, descriptions and other prose: plain text, paragraphs kept, length bounded."""

from __future__ import annotations

import html
import re

import nh3

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.shared import bounds, characters
from ckanext.ecosphere.vocabularies import languages

MAX_TITLE = 500
"""Maximum length of a title, in characters."""
MAX_TEXT = 30_000
"""Maximum length of a text, in bytes of UTF-8: Solr refuses a single term above 32 766."""
MAX_ALTERNATE_TITLES = 20
MAX_SOURCES, MAX_SOURCE = 50, 1_000
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
    "a|abbr|article|b|blockquote|body|br|button|center|code|div|dd|dl|dt|em|embed|font|form|h[1-6]|head|hr|html|i|"
    "iframe|img|input|label|li|link|meta|object|ol|p|pre|s|script|section|small|span|strike|strong|style|sub|sup|"
    "svg|table|tbody|td|th|thead|title|tr|u|ul|video"
)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>|<!--", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|tr|h[1-6]|ul|ol|dl|table|section|article)\s*>", re.IGNORECASE)
_CELL = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
_ITEM = re.compile(r"<li(?:\s[^<>]*)?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_COPY = re.compile(
    r"(?:copy of (?:record|template)|copie (?:de la fiche|du mod[eè]le)) (.+) "
    r"(?:created at|cr[eé]{1,2}e? le) [\d :./TZ+-]+",
    re.IGNORECASE,
)
"""Title that GeoNetwork gives to a copy: title or identifier of the original, and the time."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*")
_ROUNDS = 3


def plain_text(text: str | None) -> str:
    """Return a text without HTML and without passwords in addresses, keeping its line breaks.

    Tags are removed by an HTML parser, only if the text contains HTML ("Lden < 75" is kept) and as often as it was
    escaped; the result is plain text, never markup.
    """
    if not text:
        return ""
    for _round in range(_ROUNDS):
        before = text
        if _TAG.search(text):
            text = _ITEM.sub("\n- ", _BREAK.sub("\n\n", _CELL.sub(" ", text)))
            text = nh3.clean(text, tags=set(), clean_content_tags={"script", "style"})
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
        if text == before:
            break
    if _TAG.search(text):
        text = nh3.clean(text, tags=set(), clean_content_tags={"script", "style"})
    text = _BLANKS.sub(" ", _CONTROL.sub("", characters.mended(text).replace("\xa0", " ")))
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return characters.without_credentials(_EMPTY_LINES.sub("\n\n", lines).strip())


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
    return (short[:space] if space > len(short) * 0.9 else short).rstrip() + "…"


def bounded(draft: Draft, field: str, text: str) -> str:
    """Return a text cut to the limit, and report it if it was cut."""
    short = cut(text)
    if short != text:
        draft.problem("text-cut", element=ELEMENTS.get(field, field), length=len(text))
        draft.change(field, f"{len(text)} characters", f"{len(short)} characters")
    return short


def copied_title(text: str) -> str:
    """Return the original title within that of a GeoNetwork copy; empty if it contains only an identifier."""
    found = _COPY.fullmatch(text)
    inner = found.group(1) if found else ""
    return inner if len(plain(inner).split()) > 1 and not _UUID.fullmatch(inner) and not is_placeholder(inner) else ""


def title(draft: Draft) -> None:
    """Clean the title; without one, use an alternate title, else the beginning of the description."""
    record = draft.record
    found = one_line(record.title)
    copied = copied_title(found)
    if copied:
        draft.problem("title-of-copy", title=copied)
        found = copied
    elif is_placeholder(found):
        found = next((t for t in map(one_line, record.alternate_titles) if not is_placeholder(t)), "")
        found = found or cut(one_line(record.abstract), MAX_TITLE // 4)
        if is_placeholder(found):
            raise RecordError("no-title")
        draft.problem("no-title-used", title=found)
    if len(found) > MAX_TITLE:
        draft.problem("text-cut", element="title", length=len(found))
        found = found[: MAX_TITLE - 1].rstrip() + "…"
    draft.set("title", found, before=record.title or "")


def alternate_titles(draft: Draft) -> None:
    """Keep alternate titles that differ from the title."""
    titles = dict.fromkeys(map(one_line, draft.record.alternate_titles))
    kept = [t for t in titles if not is_placeholder(t) and t != draft.dataset["title"]]
    if len(kept) > MAX_ALTERNATE_TITLES:
        draft.lost("alternateTitle", kept[MAX_ALTERNATE_TITLES:])
    draft.set("alternate_title", [cut(t, MAX_TITLE) for t in kept[:MAX_ALTERNATE_TITLES]])


def description(draft: Draft) -> None:
    """Remove HTML from the description, keep its paragraphs, and limit its length."""
    text = plain_text(draft.record.abstract)
    if is_placeholder(text):
        draft.dataset.pop("notes", None)
        draft.problem("no-description")
        return
    if text != draft.record.abstract and _TAG.search(draft.record.abstract or ""):
        draft.change("notes", draft.record.abstract, text)
    draft.set("notes", bounded(draft, "notes", text))


def translations(draft: Draft) -> None:
    """Keep title and description in the other languages of the record."""
    record = draft.record
    for attribute, field in TRANSLATED.items():
        if texts := record.translations.get(attribute):
            said = getattr(record, attribute)
            if main := draft.dataset.get(field):
                draft.set(f"{field}{languages.SUFFIX}", in_languages(draft, field, main, said, texts))
            else:
                tell_translations(draft, attribute, said, texts)


def in_languages(draft: Draft, field: str, main: str, said: str | None, texts: dict[str, str]) -> dict[str, str]:
    """Return a text of the dataset, or of a resource, in all languages of the record.

    Args:
        draft: the draft, which notes texts without a place.
        field: name of the field.
        main: the text as written by the rules.
        said: the same text as in the record.
        texts: BCP 47 tag → text, as in the record.
    """
    limit = min(bounds.longest(field), MAX_TEXT)
    made: dict[str, str] = {}
    for language, text in texts.items():
        cleaned = plain_text(text) if limit > MAX_TITLE else one_line(text)
        if text == said:
            made[language] = main
        elif len(made) >= languages.MOST - 1:  # leaves room for the text itself
            draft.lost(f"{field}[{language}]", one_line(text))
        elif not is_placeholder(cleaned):
            made[language] = cut(cleaned, limit)
            if made[language] != cleaned:
                draft.problem("text-cut", element=f"{ELEMENTS.get(field, field)} ({language})", length=len(cleaned))
    return languages.completed(main, made)


def tell_translations(draft: Draft, name: str, said: str | None, texts: dict[str, str]) -> None:
    """Note texts in other languages that have no place."""
    for language, text in texts.items():
        if text != said:
            draft.lost(f"{name}[{language}]", one_line(text))


def lineage(draft: Draft) -> None:
    """Join the statements of lineage, and the process steps; keep each source."""
    texts = dict.fromkeys(map(plain_text, draft.record.lineage))
    text = "\n\n".join(t for t in texts if not is_placeholder(t))
    if text:
        draft.set("provenance", bounded(draft, "provenance", text))
    steps = [t for t in dict.fromkeys(map(plain_text, draft.record.steps)) if not is_placeholder(t)]
    if steps:
        draft.set("method", bounded(draft, "method", "\n\n".join(steps)))
    sources = [t for t in dict.fromkeys(map(one_line, draft.record.sources)) if not is_placeholder(t)]
    if len(sources) > MAX_SOURCES:
        draft.lost("source", sources[MAX_SOURCES:])
    if sources:
        draft.set("source", [cut(t, MAX_SOURCE) for t in sources[:MAX_SOURCES]])


def version(draft: Draft) -> None:
    """Set the version to the edition, at most 100 characters (CKAN's column)."""
    text = one_line(draft.record.edition)
    draft.dataset.pop("version", None)
    if text and not is_placeholder(text):
        draft.set("version", text[:100])


def texts_without_a_place(draft: Draft) -> None:
    """Note texts that the schema has no field for."""
    record = draft.record
    for name, text in (("purpose", record.purpose), ("supplementalInformation", record.supplemental_information)):
        if text and not is_placeholder(text):
            draft.lost(name, one_line(text))
    for name, values in (
        ("applicationSchema", record.application_schemas),
        ("featureCatalogue", record.feature_catalogues),
        ("maintenanceNote", _notes(record)),
    ):
        if values:
            draft.lost(name, values)
    for name, texts in record.translations.items():
        if name not in TRANSLATED:
            tell_translations(draft, name, getattr(record, name, None), texts)


def _notes(record: Record) -> list[str]:
    """Return the maintenance notes that are more than the name of a frequency."""
    return [note for note in record.frequency_notes if not is_placeholder(note) and not voc.get("frequency").get(note)]
