"""Rule that converts keywords to tags: split, cleaned to CKAN's rules, without duplicates."""

from __future__ import annotations

import re

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.constraints import reserves_access
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography.territory import is_place
from ckanext.ecosphere.harvest.normalise.tables import MAX_KEYWORDS, is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.texts import one_line
from ckanext.ecosphere.harvest.normalise.themes import inspire_theme_of, named_by_address
from ckanext.ecosphere.harvest.record import Keyword
from ckanext.ecosphere.shared import characters

MIN_TAG, MAX_TAG = 2, 100
"""Tag lengths that CKAN accepts (``ckan.model.tag``)."""
MAX_TAGS = 100
_COMMAS_OF_A_LIST = 3
"""Minimum commas in a list of thesaurus keywords, since terms contain some: "catastrophes, accidents, risques"."""
_LISTS = ("themes", "eu-theme", "inspire-theme", "topic-category", "priority-dataset", "hvd-category")
"""Vocabularies whose labels are one keyword, even if they contain commas."""
_NOT_STRICT = re.compile(r"[^\w \-.]+", re.UNICODE)
_NOT_FREE = re.compile(r"[,<>\"\x00-\x1f\x7f\u2028\u2029]+")
OPEN_DATA = {"donnees ouvertes", "donnee ouverte", "open data", "opendata"}
"""Keywords used as a flag: they concern access to the data, not their subject."""
_ADDRESS = re.compile(r"\s*(?:https?://|urn:)", re.IGNORECASE)
"""A concept URI in place of its label; other rules read the territory or theme."""
_SERVICE = re.compile(
    r"(?:chain|com|human|info|metadata|spatial|temporal|thematic)[A-Z]\w+"
    r"|(?:Chain|Com|Human|Info|Metadata|Spatial|Temporal|Thematic)[A-Z]\w*(?:Service|Viewer|Editor|Manager)"
)
"""Category of a spatial data service (ISO 19119; Regulation (EC) 1205/2008, part D.4): ``infoMapAccessService``."""
_PROTOCOL = re.compile(r"(?:wms|wmts|wfs|wcs|csw|sos|wps)(?:[ -]?\d+(?:\.\d+)*)?", re.IGNORECASE)


def clean(text: str, free: bool) -> str | None:
    """Return a tag that CKAN accepts, or None.

    Args:
        text: the keyword.
        free: whether apostrophes, slashes and parentheses are accepted (as by the dataset schema of this suite), or
            only CKAN's own letters, digits, spaces, ``-``, ``_`` and ``.``.
    """
    text = one_line(text).replace("’", "'").strip(" .;:,/-–—*•")
    text = _NOT_FREE.sub(" ", text) if free else _NOT_STRICT.sub(" ", text.replace("/", " - "))
    text = " ".join(text.split()).strip(" -")
    if len(text) > MAX_TAG:
        shorter = text[:MAX_TAG]
        text = shorter[: shorter.rfind(" ")] if " " in shorter[MAX_TAG // 2 :] else shorter
        text = text.rstrip(" -")
    return text if len(text) >= MIN_TAG and plain(text) else None


def verbatim(text: str) -> str | None:
    """Return a text unchanged if it is a valid tag, else None."""
    fits = MIN_TAG <= len(text) <= MAX_TAG and text == one_line(text) and not _NOT_FREE.search(text)
    return text if fits else None


def is_technical(keyword: str) -> bool:
    """Tell whether a keyword is the kind or protocol of a service rather than a subject."""
    return bool(_SERVICE.fullmatch(keyword) or _PROTOCOL.fullmatch(keyword))


def tags(draft: Draft) -> None:
    """Keep as tags the keywords that have no field of their own; the open data flag sets the access right."""
    keywords = draft.record.keywords
    if len(keywords) > MAX_KEYWORDS:
        draft.too_many("keyword", len(keywords), MAX_KEYWORDS)
    found: dict[str, str] = {}
    packed = False
    technical: list[str] = []
    codes: list[str] = []
    beside: dict[str, None] = {}
    for keyword in keywords[:MAX_KEYWORDS]:
        if _has_a_field(keyword):
            codes += [keyword.text] if keyword.text[:1].isdigit() else []
            beside |= {} if not keyword.text or _ADDRESS.match(keyword.text) else {keyword.text: None}
            continue
        pieces = _pieces(keyword)
        packed = packed or len(pieces) > 1
        for piece in pieces:
            if plain(piece) in OPEN_DATA:
                _open_data(draft, piece)
                beside[piece] = None
            elif is_technical(piece):
                technical.append(piece)
            elif not is_placeholder(piece) and (tag := clean(piece, draft.context.free_tags)):
                found.setdefault(plain(tag), tag)
    if technical:
        draft.change("tags", "technical words: " + ", ".join(dict.fromkeys(technical)), "left out")
    if codes:
        draft.change("tags", "codes of places: " + ", ".join(dict.fromkeys(codes)), "left out")
    if beside or technical:
        draft.lost("keyword", [*beside, *dict.fromkeys(technical)])
    if packed:
        draft.change("tags", "one keyword holding several", "separate keywords")
    kept = list(found.values())
    if len(kept) > MAX_TAGS:
        draft.too_many("keyword", len(kept), MAX_TAGS)
        draft.lost("keyword", kept[MAX_TAGS:])
    draft.set("tags", [{"name": tag} for tag in kept[:MAX_TAGS]])


def _pieces(keyword: Keyword) -> list[str]:
    """Split a keyword that contains several: commas separate free keywords, but not terms of a vocabulary."""
    if "," in keyword.text and (keyword.href or any(voc.get(name).find(keyword.text) for name in _LISTS)):
        return [keyword.text]
    return characters.keywords(keyword.text, _COMMAS_OF_A_LIST if keyword.thesaurus or keyword.thesaurus_href else 1)


def _has_a_field(keyword: Keyword) -> bool:
    if inspire_theme_of(keyword) is not None or named_by_address(keyword):
        return True
    if keyword.href and keyword.href.startswith(("http://data.europa.eu/", "http://inspire.ec.europa.eu/")):
        return True
    return _ADDRESS.match(keyword.text) is not None or (is_place(keyword) and keyword.text[:1].isdigit())


def _open_data(draft: Draft, flag: str) -> None:
    said = [draft.dataset.get(name) or "" for name in ("access_conditions", "use_conditions")]
    known = draft.dataset.get("access_rights") or draft.dataset.get("access_limitation")
    if not known and not reserves_access(said):
        uri = "http://publications.europa.eu/resource/authority/access-right/PUBLIC"
        draft.set("access_rights", uri, before=f"keyword: {flag}")
    else:  # the constraints are more specific
        draft.change("tags", f"keyword: {flag}", "left out")
