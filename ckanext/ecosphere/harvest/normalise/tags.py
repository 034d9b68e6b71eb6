"""Rule that converts keywords to tags: split, cleaned to CKAN's rules, without duplicates."""

from __future__ import annotations

import re

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.constraint_texts import reserves_access
from ckanext.ecosphere.harvest.normalise.draft import Draft, reason
from ckanext.ecosphere.harvest.normalise.tables import MAX_KEYWORDS, is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.territory import is_place
from ckanext.ecosphere.harvest.normalise.texts import one_line
from ckanext.ecosphere.harvest.normalise.themes import inspire_theme_of, named_by_address
from ckanext.ecosphere.harvest.record import Keyword
from ckanext.ecosphere.shared import characters

MIN_TAG, MAX_TAG = 2, 100
"""Tag lengths that CKAN accepts (``ckan.model.tag``)."""
MAX_TAGS = 100
_COMMAS_OF_A_LIST = 3
"""Minimum commas in a list of thesaurus keywords, whose terms may contain some."""
_LISTS = (
    "themes",
    "eu-theme",
    "inspire-theme",
    "topic-category",
    "priority-dataset",
    "hvd-category",
)
"""Vocabularies whose labels are one keyword, even if they contain commas."""
_NOT_STRICT = re.compile(r"[^\w \-.]+", re.UNICODE)
_NOT_FREE = re.compile(r"[,<>\"\x00-\x1f\x7f\u2028\u2029]+")
OPEN_DATA = {"donnees ouvertes", "donnee ouverte", "open data", "opendata"}
"""Keywords used as a flag: they concern access to the data, not their subject."""
PUBLIC = "http://publications.europa.eu/resource/authority/access-right/PUBLIC"
_ADDRESS = re.compile(r"\s*(?:https?://|urn:)", re.IGNORECASE)
"""A concept URI in place of its label; other rules read the territory or theme."""
_SERVICE = re.compile(
    r"(?:chain|com|human|info|metadata|spatial|temporal|thematic)[A-Z]\w+"
    r"|(?:Chain|Com|Human|Info|Metadata|Spatial|Temporal|Thematic)[A-Z]\w*"
    r"(?:Service|Viewer|Editor|Manager)"
)
"""Category of a spatial data service: ``infoMapAccessService``.

ISO 19119; Regulation (EC) 1205/2008, part D.4.
"""
_PROTOCOL = re.compile(r"(?:wms|wmts|wfs|wcs|csw|sos|wps)(?:[ -]?\d+(?:\.\d+)*)?", re.IGNORECASE)


def clean(text: str, free: bool) -> str | None:
    """Return a tag that CKAN accepts, or None.

    Args:
        text: the keyword.
        free: whether apostrophes, slashes and parentheses are accepted (as by the dataset schema of
            this suite), or only CKAN's own letters, digits, spaces, ``-``, ``_`` and ``.``.
    """
    text = one_line(text).replace("’", "'").strip(" .;:,/-–—*•")
    if not free:
        text = _NOT_STRICT.sub(" ", text.replace("/", " - "))
    text = _NOT_FREE.sub(" ", text)
    text = " ".join(text.split()).strip(" -")
    if len(text) > MAX_TAG:
        text = text[:MAX_TAG]
        if " " in text[MAX_TAG // 2 :]:
            text = text[: text.rfind(" ")]
        text = text.rstrip(" -")
    if len(text) < MIN_TAG or not plain(text):
        return None
    return text


def verbatim(text: str) -> str | None:
    """Return a text unchanged if it is a valid tag, else None."""
    if not MIN_TAG <= len(text) <= MAX_TAG or text != one_line(text) or _NOT_FREE.search(text):
        return None
    return text


def is_technical(keyword: str) -> bool:
    """Tell whether a keyword is the kind or protocol of a service rather than a subject."""
    return bool(_SERVICE.fullmatch(keyword) or _PROTOCOL.fullmatch(keyword))


def tags(draft: Draft) -> None:
    """Keep as tags the keywords without a field of their own; the open data flag sets the right."""
    keywords = draft.record.keywords
    if len(keywords) > MAX_KEYWORDS:
        draft.too_many("keyword", len(keywords), MAX_KEYWORDS)
    by_word: dict[str, str] = {}
    with_a_field: list[str] = []
    left_out: list[str] = []
    technical: list[str] = []
    is_split = False
    for keyword in keywords[:MAX_KEYWORDS]:
        if _has_a_field(keyword):
            with_a_field.append(keyword.text)
            left_out.append(keyword.text)
            continue
        pieces = _pieces(keyword)
        is_split = is_split or len(pieces) > 1
        for piece in pieces:
            tag = clean(piece, draft.context.free_tags)
            if plain(piece) in OPEN_DATA:
                _read_flag(draft, piece)
                left_out.append(piece)
            elif is_technical(piece):
                technical.append(piece)
            elif tag and not is_placeholder(piece):
                by_word.setdefault(plain(tag), tag)
    codes = [text for text in with_a_field if text[:1].isdigit()]
    left_out = [text for text in left_out if text and not _ADDRESS.match(text)]
    _log_left_out(draft, "technical-words", technical)
    _log_left_out(draft, "codes-of-places", codes)
    if left_out or technical:
        draft.lost("keyword", [*dict.fromkeys(left_out), *dict.fromkeys(technical)])
    if is_split:
        before = reason("one keyword holding several")
        draft.change("tags", before, reason("separate keywords"))
    _set_tags(draft, list(by_word.values()))


def _log_left_out(draft: Draft, code: str, words: list[str]) -> None:
    if words:
        value = ", ".join(dict.fromkeys(words))
        draft.change("tags", reason(code, value=value), reason("left out"))


def _set_tags(draft: Draft, words: list[str]) -> None:
    if len(words) > MAX_TAGS:
        draft.too_many("keyword", len(words), MAX_TAGS)
        draft.lost("keyword", words[MAX_TAGS:])
    draft.set("tags", [{"name": word} for word in words[:MAX_TAGS]])


def _pieces(keyword: Keyword) -> list[str]:
    """Split a keyword that contains several.

    Commas separate free keywords, but not terms of a vocabulary.
    """
    if "," in keyword.text:
        labels = (voc.get(name).find(keyword.text) for name in _LISTS)
        if keyword.href or any(labels):
            return [keyword.text]
    commas = 1
    if keyword.thesaurus or keyword.thesaurus_href:
        commas = _COMMAS_OF_A_LIST
    return characters.keywords(keyword.text, commas)


def _has_a_field(keyword: Keyword) -> bool:
    if inspire_theme_of(keyword) is not None or named_by_address(keyword):
        return True
    href = keyword.href or ""
    if href.startswith(("http://data.europa.eu/", "http://inspire.ec.europa.eu/")):
        return True
    is_code = keyword.text[:1].isdigit() and is_place(keyword)
    return is_code or _ADDRESS.match(keyword.text) is not None


def _read_flag(draft: Draft, flag: str) -> None:
    """Set the access right to public by the open data flag, unless constraints say more."""
    dataset = draft.dataset
    texts = [dataset.get(name) or "" for name in ("access_conditions", "use_conditions")]
    is_stated = dataset.get("access_rights") or dataset.get("access_limitation")
    before = reason("keyword-named", value=flag)
    if is_stated or reserves_access(texts):
        draft.change("tags", before, reason("left out"))
    else:
        draft.set("access_rights", PUBLIC, before)
