"""Languages of multilingual texts: their tags (BCP 47) and names, and texts by language.

A multilingual text is stored as in ckanext-fluent and ckanext-dcat: beside the field of the text
there is one with the same name and `SUFFIX`, an object {tag: text} with all available languages,
including that of the text itself. That text is French if there is a French one; otherwise its
language is that of the entry with the same text.

Names and codes are from the CLDR data of Babel. No CKAN imports.
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
"""Maximum number of languages of one text; the European Union has 24."""
_TAG = re.compile(
    r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE
)
_EXTENSION = re.compile(r"[-_][a-z0-9][-_]", re.IGNORECASE)
"""Start of an extension of a tag, as in ``en-t-de-t0-mtec``, which marks a machine translation from
German (RFC 6497)."""
_NO_LANGUAGE = {"und", "mul", "zxx", "root"}  # unknown, several or no languages


@lru_cache(maxsize=4096)
def tag(code: str) -> str:
    """Return the BCP 47 tag of a language: "fr" for "fra" and "FR", "pt-BR" for "pt_br".

    Variants and extensions are left out.

    Args:
        code: a tag, or a code of ISO 639-1, 639-2/B or 639-2/T.

    Returns:
        the tag; empty for an unknown language.
    """
    match = _TAG.fullmatch(code.strip())
    if not match:
        return ""
    language, script, region = match.groups()
    language = language.lower()
    alias = get_global("language_aliases").get(language, language)
    language = alias.partition("_")[0]  # an alias may have a script: "sr_Latn"
    if language not in _names("en") or language in _NO_LANGUAGE:
        return ""
    parts = (language, script and script.title(), region and region.upper())
    return "-".join(filter(None, parts))


@cache
def _names(language: str) -> Mapping[str, str]:
    return dict(Locale(language).languages)


def name(language: str, reader_language: str) -> str:
    """Return the name of a language, with script and region in brackets: "portugais (Brésil)".

    Args:
        language: a tag.
        reader_language: language of the name; English unless it is French.
    """
    base, *rest = language.split("-")
    locale = Locale(ENGLISH)
    if reader_language.startswith(FRENCH):
        locale = Locale(FRENCH)
    details = [locale.territories.get(part) or locale.scripts.get(part) or part for part in rest]
    base_name = locale.languages.get(base, base)
    if details:
        return f"{base_name} ({', '.join(details)})"
    return base_name


def iso_code(language: str) -> str:
    """Return the ISO 639-2 code of a language; its tag when it has none, as with a region.

    For languages of the vocabulary it is the variant used in metadata: "fre" rather than "fra".

    Args:
        language: a tag.
    """
    concept = voc.get("language").find(language)
    codes: Iterable[str] = _codes().get(language, ())
    if concept:
        codes = concept.alt_labels
    return next((code for code in codes if len(code) == 3), language)  # noqa: PLR2004 - ISO 639-2


@cache
def _codes() -> Mapping[str, list[str]]:
    """Return tag → the codes of CLDR for it, in alphabetical order."""
    codes: dict[str, list[str]] = {}
    for code, language in sorted(get_global("language_aliases").items()):
        codes.setdefault(language, []).append(code)
    return codes


def by_tag(texts: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the first text of each language, by tag; a machine translation only if it is alone.

    Regional French and English are renamed as by `without_regions`.

    Args:
        texts: pairs of language code and text.

    Returns:
        {tag: text}, and the pairs left over: of an unknown language, or of one that already has
        another text.
    """
    by_language: dict[str, str] = {}
    others = []
    for code, text in sorted(texts, key=_is_machine_translation):
        language = tag(code)
        if language and by_language.setdefault(language, text) == text:
            continue
        others.append((code, text))
    return without_regions(by_language), others


def _is_machine_translation(pair: tuple[str, str]) -> bool:
    code, _text = pair
    return bool(_EXTENSION.search(code))


def without_regions(texts: dict[str, str]) -> dict[str, str]:
    """Rename the tag of regional French or English to that of the pages: "en-GB" → "en".

    Tags are left as they are if there are several of one language.

    Args:
        texts: {tag: text}, changed in place.
    """
    for base in (FRENCH, ENGLISH):
        regional = [language for language in texts if language.startswith(f"{base}-")]
        if len(regional) == 1 and base not in texts:
            texts[base] = texts.pop(regional[0])
    return texts


def best(texts: Mapping[str, str]) -> str:
    """Return the tag of the default text: French, else English, else the first in the alphabet."""
    for language in (FRENCH, ENGLISH):
        if language in texts:
            return language
    return min(texts, default="")


def completed(main: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts by language, including the main one; empty when none differs from it.

    Args:
        main: the text shown by default.
        texts: {tag: text}.
    """
    if all(text == main for text in texts.values()):
        return {}
    all_texts = dict(texts)
    if main and main not in all_texts.values():
        all_texts.setdefault(FRENCH, main)
    return {language: all_texts[language] for language in sorted(all_texts)}
