"""Languages that texts are written in: their BCP 47 tags and their names, from the CLDR that Babel brings. No CKAN.

The convention is that of ckanext-fluent and ckanext-dcat: beside ``title`` stands ``title_translated``, an object of
tag → text that holds every language that is known, the one of ``title`` included. ``title`` is French where there is
French; otherwise the entry with the same text says which language it is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from babel import Locale
from babel.core import get_global

from ckanext.ecosphere import vocabularies as voc

FRENCH, ENGLISH = "fr", "en"
SUFFIX = "_translated"
MOST = 60
"""Languages of one text; the European Union has 24."""
_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE)
_EXTENSION = re.compile(r"[-_][a-z0-9][-_]", re.IGNORECASE)
"""Begins what a tag says beside the language: ``-t-de-t0-mtec``, translated from German by a machine (RFC 6497)."""
_NO_LANGUAGE = {"und", "mul", "zxx", "root"}


@lru_cache(maxsize=4096)
def tag(code: str) -> str:
    """Return the BCP 47 tag of a language: "fr" for "fra" and "FR", "pt-BR" for "pt_br"; "" of none that is known.

    Variants and extensions are left out.

    Args:
        code: a tag, or a code of ISO 639-1, 639-2/B or 639-2/T.
    """
    found = _TAG.fullmatch(code.strip())
    if not found:
        return ""
    language, script, region = found.groups()
    language = language.lower()
    language = get_global("language_aliases").get(language, language).partition("_")[0]
    if language not in _names("en") or language in _NO_LANGUAGE:
        return ""
    return "-".join(filter(None, (language, script and script.title(), region and region.upper())))


@cache
def _names(language: str) -> Mapping[str, str]:
    return dict(Locale(language).languages)


def name(language: str, spoken: str) -> str:
    """Return what a language is called, with script and region in brackets: "portugais (Brésil)".

    Args:
        language: a tag.
        spoken: language of the name, "fr" or "en".
    """
    base, *rest = language.split("-")
    locale = Locale(FRENCH if spoken.startswith(FRENCH) else ENGLISH)
    more = [locale.territories.get(part) or locale.scripts.get(part) or part for part in rest]
    called = locale.languages.get(base, base)
    return f"{called} ({', '.join(more)})" if more else called


def iso_code(language: str) -> str:
    """Return the code of three letters of a tag (ISO 639-2, the one of metadata for the languages of the list).

    The tag itself when it says more than the language.
    """
    known = voc.get("language").find(language)
    codes = known.alt_labels if known else _codes().get(language, ())
    return next((each for each in codes if len(each) == len("fre")), language)


@cache
def _codes() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code, language in sorted(get_global("language_aliases").items()):
        found.setdefault(language, []).append(code)
    return found


def by_tag(texts: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Sort texts by the tags of their languages, the first of each, and those that a machine translated after others.

    See `spoken` for the languages of the portal.

    Args:
        texts: code of the language, and text.

    Returns:
        tag → text, and those that have no place: of an unknown language, or of one that has another text.
    """
    found: dict[str, str] = {}
    left = []
    for code, text in sorted(texts, key=lambda each: bool(_EXTENSION.search(each[0]))):
        known = tag(code)
        if known and found.setdefault(known, text) == text:
            continue
        left.append((code, text))
    return spoken(found), left


def spoken(texts: dict[str, str]) -> dict[str, str]:
    """Let a French and an English text be found by the pages of the portal: "en-GB" is "en" where there is no other."""
    for base in (FRENCH, ENGLISH):
        regional = [each for each in texts if each.startswith(f"{base}-")]
        if len(regional) == 1 and base not in texts:
            texts[base] = texts.pop(regional[0])
    return texts


def best(texts: Mapping[str, str]) -> str:
    """Return the tag of the text to show to whom no language was asked of: French, else English, else the first."""
    return next((each for each in (FRENCH, ENGLISH) if each in texts), min(texts, default=""))


def completed(main: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts by language with the main one among them; nothing when no language says anything else.

    Args:
        main: the text that is shown when no other is asked for.
        texts: tag → text.
    """
    if all(text == main for text in texts.values()):
        return {}
    found = dict(texts)
    if main and main not in found.values():
        found.setdefault(FRENCH, main)
    return {each: found[each] for each in sorted(found)}
