"""Themes: of the ministry, of INSPIRE and of the EU, from keywords, else from title, description or topic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography.territory import is_place
from ckanext.ecosphere.harvest.normalise.tables import Phrases, by_label, is_placeholder, parts, plain, rows, stem
from ckanext.ecosphere.harvest.record import Keyword
from ckanext.ecosphere.vocabularies import Concept

MAX_KEYWORDS = 2_000
MAX_THEMES = 6
MAX_DESCRIPTION = 4_000
"""Characters of a description that are searched for terms."""
NAMED = (
    ("priority_dataset", "priority-dataset", "uri"),
    ("hvd_category", "hvd-category", "uri"),
    ("regulatory_use", "regulatory-use", "id"),
)
"""Lists whose concepts keywords name by their address: (field, list, what the field keeps)."""
_LEGISLATION = re.compile(r"https?://[\w.-]+/eli/")
"""European Legislation Identifier: of the Union, of Légifrance."""
_IGNORED = "-"
_TOO_WIDE = {"autre", "politique", "maritime", "surveillance", "ouvrage", "utilisation autre", "routier"}


@cache
def _terms(weak: bool) -> Phrases[str]:
    """Term → theme; weak terms stand apart. Terms to pass over are in both, to hide what is in them."""
    return Phrases(
        (term, row["theme"])
        for row in rows("theme-terms")
        for term in parts(row["terms"])
        if row["theme"] == _IGNORED or (row["weak"] == "yes") == weak
    )


@cache
def _inspire_labels() -> dict[str, str]:
    """Label (without plurals) → INSPIRE theme id, from the list and our own table."""
    found: dict[str, str] = {}
    for concept in voc.get("inspire-theme"):
        for label in (concept.label_fr, concept.label_en, *concept.alt_labels):
            found.setdefault(_singular(label), concept.id)
    for row in rows("inspire-themes"):
        for label in parts(row["labels"]):
            found.setdefault(_singular(label), row["inspire"])
    return found


@cache
def _leaves() -> dict[str, str]:
    """Last part of a path of the COVADIS tree ("Air Climat/Qualité Pollution") → theme, where it names only one."""
    found: dict[str, set[str]] = {}
    for concept in voc.get("themes"):
        for label in concept.alt_labels:
            if "/" in label:
                found.setdefault(plain(label.rpartition("/")[2]), set()).add(concept.id)
    return {leaf: next(iter(ids)) for leaf, ids in found.items() if len(ids) == 1 and leaf not in _TOO_WIDE}


def _singular(label: str) -> str:
    return " ".join(map(stem, plain(label).split()))


@cache
def _inspire_rows() -> dict[str, dict[str, str]]:
    return {row["inspire"]: row for row in rows("inspire-themes")}


def inspire_theme_of(keyword: Keyword) -> str | None:
    """Return the id of the INSPIRE theme that a keyword is, by address or label, whatever its thesaurus."""
    if keyword.href:
        concept = voc.get("inspire-theme").get(keyword.href)
        if concept:
            return concept.id
        if named_by_address(keyword):
            return None
    return _inspire_labels().get(_singular(keyword.text)) if keyword.text else None


def named_by_address(keyword: Keyword) -> bool:
    """Whether a keyword's address is of a list other than INSPIRE's themes: it then names that one and nothing else."""
    return bool(keyword.href) and any(keyword.href in voc.get(name) for name in _LISTS)


def themes_of_keyword(text: str) -> list[str]:
    """Return the ids of the themes that a keyword tells: a theme's own label, a path ending in one, or terms."""
    vocabulary = voc.get("themes")
    whole = vocabulary.find(text)
    if whole:
        return [whole.id]
    leaf = _leaves().get(plain(text))
    if leaf:
        return [leaf]
    for part in (part for part in text.replace(">", "/").split("/")[::-1] if "/" in text or ">" in text):
        found = vocabulary.find(part)
        if found:
            return [found.id]
    return _strong(text)


def _strong(text: str) -> list[str]:
    return [theme for _start, _end, theme in _terms(False).find(text) if theme != _IGNORED]


def _weak(text: str) -> list[str]:
    return [theme for _start, _end, theme in _terms(True).find(text) if theme != _IGNORED]


_LISTS = ("themes", "eu-theme", *(vocabulary for _field, vocabulary, _kept in NAMED))


_HVD = re.compile(r"\bhvd\b|high value data|forte valeur|haute valeur|grande valeur")
"""Titles of the list of categories of high-value datasets, as thesauri are given them."""


def _is_hvd(keyword: Keyword) -> bool:
    return bool(_HVD.search(plain(keyword.thesaurus or "")))


def _hvd_of(text: str) -> Concept | None:
    return voc.get("hvd-category").find(text)


def inspire_themes(draft: Draft) -> None:
    """INSPIRE themes, the lists of :data:`NAMED` and legislation named by keywords."""
    found: list[str] = []
    legislation: list[str] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        theme = inspire_theme_of(keyword)
        if theme:
            uri = voc.get("inspire-theme")[theme].uri
            found.append(uri)
            if keyword.href != uri:
                draft.change("inspire_theme", keyword.text, theme)
        elif keyword.href and _LEGISLATION.match(keyword.href):
            legislation.append(keyword.href)
    labelled = [
        concept.uri for k in draft.record.keywords[:MAX_KEYWORDS] if _is_hvd(k) and (concept := _hvd_of(k.text))
    ]
    given = [keyword.href for keyword in draft.record.keywords[:MAX_KEYWORDS] if keyword.href]
    named = {
        field: [getattr(concept, kept) for href in given if (concept := voc.get(vocabulary).get(href))]
        for field, vocabulary, kept in NAMED
    }
    named["hvd_category"] += labelled
    for name, values in {"inspire_theme": found, **named, "applicable_legislation": legislation}.items():
        if values:
            draft.set(name, list(dict.fromkeys(values)))


def themes(draft: Draft) -> None:
    """Themes of the ministry: the first source that tells any decides, and is named in the log."""
    for how, found in _sources(draft):
        kept = specific(found)
        if kept:
            vocabulary = voc.get("themes")
            draft.set("theme", [vocabulary[theme].uri for theme in kept])
            draft.change("theme", how, ", ".join(kept))
            return


def _sources(draft: Draft) -> Iterable[tuple[str, list[str]]]:
    record = draft.record
    keywords = [k for k in record.keywords[:MAX_KEYWORDS] if k.text and not is_placeholder(k.text)]
    free = [k for k in keywords if inspire_theme_of(k) is None and not is_place(k)]
    inspire = [_inspire_rows()[theme] for k in keywords if (theme := inspire_theme_of(k))]
    yield "keywords (addresses)", [concept.id for k in keywords if (concept := voc.get("themes").get(k.href or ""))]
    free = [k for k in free if not named_by_address(k)]
    named = [theme for k in free for theme in themes_of_keyword(k.text)]
    by_inspire = [row["themes"] for row in inspire if row["weak"] != "yes"]
    yield "keywords", (named + by_inspire if named else [])
    titles = " / ".join([record.title or "", *record.alternate_titles[:5]])[:2_000]
    yield "title", _strong(titles)
    yield "INSPIRE theme", by_inspire
    yield "description", _frequent(_strong((record.abstract or "")[:MAX_DESCRIPTION]))
    yield "INSPIRE theme (wide)", [row["themes"] for row in inspire]
    yield "keywords (wide terms)", [theme for k in free for theme in _weak(k.text)]
    by_topic = {row["topic"]: row["theme"] for row in rows("topic-categories")}
    other = by_label("topic-categories", "topic", "other_codes")
    topics = [other.get(plain(code), code) for code in record.topic_categories]
    yield "topic category", [by_topic[topic] for topic in topics if topic in by_topic]
    yield "title (wide terms)", _weak(titles)


def _frequent(found: list[str]) -> list[str]:
    """A description names many things: keep the two themes it comes back to most."""
    return [theme for theme, _count in Counter(found).most_common(2)]


def specific(found: Iterable[str]) -> list[str]:
    """Keep each theme once, in order, and a sub-theme in place of the theme above it."""
    vocabulary = voc.get("themes")
    kept = list(dict.fromkeys(found))
    above = {ancestor.id for theme in kept for ancestor in vocabulary.ancestors(theme)}
    return [theme for theme in kept if theme not in above][:MAX_THEMES]


def eu_themes(draft: Draft) -> None:
    """EU data themes named by address, else those that follow from INSPIRE's, the ministry's or the topics."""
    named = [concept.uri for k in draft.record.keywords if (concept := voc.get("eu-theme").get(k.href or ""))]
    if named:
        draft.set("eu_theme", list(dict.fromkeys(named)))
        return
    rows_of_inspire = _inspire_rows()
    found = [
        rows_of_inspire[voc.get("inspire-theme")[uri].id]["eu_theme"] for uri in draft.dataset.get("inspire_theme", [])
    ]
    if not found:
        by_theme = {row["theme"]: row["eu_theme"] for row in rows("theme-eu")}
        vocabulary = voc.get("themes")
        for uri in draft.dataset.get("theme", []):
            chain = [vocabulary[uri].id, *(ancestor.id for ancestor in vocabulary.ancestors(uri))]
            found += [by_theme[theme] for theme in chain if theme in by_theme][:1]
    if not found:
        by_topic = {row["topic"]: row["eu_theme"] for row in rows("topic-categories")}
        found = [by_topic[code] for code in draft.record.topic_categories if code in by_topic]
    if found:
        uris = [voc.get("eu-theme")[theme].uri for theme in dict.fromkeys(found)]
        draft.set("eu_theme", uris)
        draft.change("eu_theme", "derived", ", ".join(dict.fromkeys(found)))
