"""Languages of multilingual texts: BCP 47 tags and names, from the CLDR data of Babel. No CKAN
imports.

The convention is that of ckanext-fluent and ckanext-dcat: beside the field of a text there is one
with the same name and `SUFFIX`, an object {tag: text} with all available languages, including that
of the text itself. That text is French if there is a French one; otherwise its language is that of
the entry with the same text.
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
"""Start of an extension of a tag: ``-t-de-t0-mtec`` marks a machine translation from German (RFC
6497)."""
_NO_LANGUAGE = {"und", "mul", "zxx", "root"}


@lru_cache(maxsize=4096)
def tag(code: str) -> str:
    """Return the BCP 47 tag of a language: "fr" for "fra" and "FR", "pt-BR" for "pt_br"; "" for an
    unknown one.

    Variants and extensions are left out.

    Args:
        code: a tag, or a code of ISO 639-1, 639-2/B or 639-2/T.
    """
    match = _TAG.fullmatch(code.strip())
    if not match:
        return ""
    language, script, region = match.groups()
    language = language.lower()
    language = get_global("language_aliases").get(language, language).partition("_")[0]
    if language not in _names("en") or language in _NO_LANGUAGE:
        return ""
    return "-".join(filter(None, (language, script and script.title(), region and region.upper())))


@cache
def _names(language: str) -> Mapping[str, str]:
    return dict(Locale(language).languages)


def name(language: str, spoken: str) -> str:
    """Return the name of a language, with script and region in brackets: "portugais (Brésil)".

    Args:
        language: a tag.
        spoken: language of the name, "fr" or "en".
    """
    base, *rest = language.split("-")
    locale = Locale(ENGLISH)
    if spoken.startswith(FRENCH):
        locale = Locale(FRENCH)
    more = [locale.territories.get(part) or locale.scripts.get(part) or part for part in rest]
    called = locale.languages.get(base, base)
    if more:
        return f"{called} ({', '.join(more)})"
    return called


def iso_code(language: str) -> str:
    """Return the ISO 639-2 code of a tag (for languages of the vocabulary, the variant used in
    metadata).

    Returns the tag itself when no code is known for it, as for one with a region.
    """
    concept = voc.get("language").find(language)
    codes: Iterable[str] = _codes().get(language, ())
    if concept:
        codes = concept.alt_labels
    return next((code for code in codes if len(code) == len("fre")), language)


@cache
def _codes() -> Mapping[str, list[str]]:
    codes: dict[str, list[str]] = {}
    for code, language in sorted(get_global("language_aliases").items()):
        codes.setdefault(language, []).append(code)
    return codes


def by_tag(texts: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Group texts by language tag, keeping the first text of each tag; machine translations come
    last.

    Regional French and English are mapped by `spoken`.

    Args:
        texts: pairs of language code and text.

    Returns:
        {tag: text}, and the pairs left over: of an unknown language, or of one that already has
        another text.
    """
    by_language: dict[str, str] = {}
    others = []
    for code, text in sorted(texts, key=lambda each: bool(_EXTENSION.search(each[0]))):
        language = tag(code)
        if language and by_language.setdefault(language, text) == text:
            continue
        others.append((code, text))
    return spoken(by_language), others


def spoken(texts: dict[str, str]) -> dict[str, str]:
    """Rename a single regional French or English tag to "fr" or "en",
    the languages of the pages ("en-GB" → "en").
    """
    for base in (FRENCH, ENGLISH):
        regional = [language for language in texts if language.startswith(f"{base}-")]
        if len(regional) == 1 and base not in texts:
            texts[base] = texts.pop(regional[0])
    return texts


def best(texts: Mapping[str, str]) -> str:
    """Return the tag of the default text: French, else English,
    else the first tag in alphabetical order.
    """
    return next(
        (language for language in (FRENCH, ENGLISH) if language in texts), min(texts, default="")
    )


def completed(main: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts by language, including the main one; empty when no text differs from the main
    one.

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
