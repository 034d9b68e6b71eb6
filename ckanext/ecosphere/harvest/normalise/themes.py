"""Rules for themes of the ministry, INSPIRE and the EU, from title and keywords, else description or topic."""

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
ENOUGH, SHARE = 2.0, 0.55
"""Weight from which on no further evidence is heard; part of the heaviest theme's weight that keeps another one."""
MOST_INSPIRE = 3
"""INSPIRE themes beyond which they say that a map shows everything."""
MAX_DESCRIPTION = 1_500
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


@voc.derived
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


@voc.derived
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


_CODE = 2
"""Letters of the code of an INSPIRE theme."""


def inspire_theme_of(keyword: Keyword) -> str | None:
    """Return the id of the INSPIRE theme that a keyword is: by address or label, whatever its thesaurus, or by code."""
    if keyword.href:
        concept = voc.get("inspire-theme").get(keyword.href)
        if concept:
            return concept.id
        if named_by_address(keyword):
            return None
    return _inspire_labels().get(_singular(keyword.text)) or _inspire_code(keyword) if keyword.text else None


def _inspire_code(keyword: Keyword) -> str | None:
    """The theme whose address is the keyword's text, or whose code it is in a thesaurus of INSPIRE ("hy")."""
    text = keyword.text.strip()
    if text.startswith("http") or (len(text) == _CODE and "inspire" in plain(keyword.thesaurus or "")):
        concept = voc.get("inspire-theme").get(text if text.startswith("http") else text.lower())
        return concept.id if concept else None
    return None


def named_by_address(keyword: Keyword) -> bool:
    """Whether a keyword's address is of a list other than INSPIRE's themes: it then names that one and nothing else."""
    return bool(keyword.href) and any(keyword.href in voc.get(name) for name in _LISTS)


def _of_keyword(text: str) -> tuple[bool, list[str]]:
    """Whether a keyword is the label of a theme or a path that ends in one, and the themes that it tells."""
    vocabulary = voc.get("themes")
    whole = vocabulary.find(text)
    if whole:
        return True, [whole.id]
    leaf = _leaves().get(plain(text))
    if leaf:
        return True, [leaf]
    for part in (part for part in text.replace(">", "/").split("/")[::-1] if "/" in text or ">" in text):
        found = vocabulary.find(part)
        if found:
            return True, [found.id]
    return False, list(dict.fromkeys(_strong(text)))


def themes_of_keyword(text: str) -> list[str]:
    """Return the ids of the themes that a keyword tells: a theme's own label, a path ending in one, or terms."""
    return _of_keyword(text)[1]


def _strong(text: str) -> list[str]:
    return [theme for _start, _end, theme in _terms(False).find(text) if theme != _IGNORED]


def _weak(text: str) -> list[str]:
    return [theme for _start, _end, theme in _terms(True).find(text) if theme != _IGNORED]


_LISTS = ("themes", "eu-theme", *(vocabulary for _field, vocabulary, _kept in NAMED))


_HVD = re.compile(r"\bhvd\b|high value data|forte valeur|haute valeur|grande valeur")
"""Titles of the list of categories of high-value datasets, as thesauri are given them."""
_HVD_NUMBER = re.compile(r"/bna/(c_[0-9a-f]{8})$")


def _hvd_of(keyword: Keyword) -> Concept | None:
    """Return the category of high-value datasets that a keyword is: by its number in any address, else by its label."""
    categories = voc.get("hvd-category")
    if number := _HVD_NUMBER.search(keyword.href or ""):
        return categories.get(f"http://data.europa.eu/bna/{number.group(1)}")
    return categories.find(keyword.text) if _HVD.search(plain(keyword.thesaurus or "")) else None


def inspire_themes(draft: Draft) -> None:
    """INSPIRE themes, the lists of :data:`NAMED` and legislation named by keywords."""
    found: list[str] = []
    legislation: list[str] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        theme = inspire_theme_of(keyword)
        if theme:
            uri = voc.get("inspire-theme")[theme].uri
            found.append(uri)
            if keyword.text:
                draft.change("inspire_theme", keyword.text, theme)
        elif keyword.href and _LEGISLATION.match(keyword.href):
            legislation.append(keyword.href)
    labelled = [concept.uri for k in draft.record.keywords[:MAX_KEYWORDS] if (concept := _hvd_of(k))]
    given = [keyword for keyword in draft.record.keywords[:MAX_KEYWORDS] if keyword.href]
    named: dict[str, list[str]] = {}
    for field, vocabulary, kept in NAMED:
        pairs = [(k.text, concept) for k in given if (concept := voc.get(vocabulary).get(k.href or ""))]
        named[field] = [getattr(concept, kept) for _text, concept in pairs]
        for text, concept in pairs:
            if text:
                draft.change(field, text, concept.id)
    named["hvd_category"] += labelled
    for name, values in {"inspire_theme": found, **named, "applicable_legislation": legislation}.items():
        if values:
            draft.set(name, list(dict.fromkeys(values)))


def themes(draft: Draft) -> None:
    """Themes of the ministry: what the title, the keywords and the INSPIRE themes tell is weighed together.

    Only when they tell little are the description, words of many meanings and the topic category heard. A theme stays
    when it weighs nearly as much as the heaviest; what it rests on is named in the log.
    """
    record = draft.record
    addressed = [concept.id for k in record.keywords[:MAX_KEYWORDS] if (concept := voc.get("themes").get(k.href or ""))]
    if addressed:
        _keep(draft, specific(addressed), "keywords (addresses)")
        return
    scales = _Scales()
    keywords = [k for k in record.keywords[:MAX_KEYWORDS] if k.text and not is_placeholder(k.text)]
    free = [k for k in keywords if inspire_theme_of(k) is None and not is_place(k) and not named_by_address(k)]
    inspire = [row for k in keywords if (code := inspire_theme_of(k)) and (row := _inspire_rows()[code])["themes"]]
    titles = " / ".join([record.title or "", *record.alternate_titles[:5]])[:2_000]
    scales.put("title", _strong(titles))
    for keyword in free:
        label, found = _of_keyword(keyword.text)
        scales.put("keyword (label)" if label else "keywords", found)
    if len({row["inspire"] for row in inspire}) > MOST_INSPIRE:
        inspire = []  # a map of everything is about nothing of it
    scales.put("INSPIRE theme", [row["themes"] for row in inspire if row["weak"] != "yes"])
    if scales.best() < ENOUGH:
        scales.put("description", _repeated(_strong((record.abstract or "")[:MAX_DESCRIPTION])))
        scales.put("INSPIRE theme (wide)", [row["themes"] for row in inspire if row["weak"] == "yes"])
        for keyword in free:
            scales.put("keywords (wide terms)", _weak(keyword.text))
        scales.put("title (wide terms)", _weak(titles))
    if not scales.best():
        scales.put("topic category", _of_topics(record.topic_categories))
    if kept := scales.heaviest():
        _keep(draft, kept, scales.told(kept))


def _repeated(found: list[str]) -> list[str]:
    """A description names many things in passing: what it comes back to counts."""
    return [theme for theme, count in Counter(found).items() if count > 1 for _each in range(count)]


def _keep(draft: Draft, kept: list[str], how: str) -> None:
    vocabulary = voc.get("themes")
    draft.set("theme", [vocabulary[theme].uri for theme in kept])
    draft.change("theme", how, ", ".join(kept))


def _of_topics(codes: list[str]) -> list[str]:
    by_topic = {row["topic"]: row["theme"] for row in rows("topic-categories")}
    other = by_label("topic-categories", "topic", "other_codes")
    return [theme for code in codes if (theme := by_topic.get(other.get(plain(code), code)))]


class _Scales:
    """What each theme weighs, by what tells it (`theme-weights.csv`)."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, float]] = {}

    def put(self, evidence: str, found: Iterable[str]) -> None:
        """Add what some evidence tells; the same evidence weighs no more than its most."""
        weight, most = _weights()[evidence]
        for theme in found:
            told = self._told.setdefault(theme, {})
            told[evidence] = min(most, told.get(evidence, 0.0) + weight)

    def best(self) -> float:
        """What the heaviest theme weighs."""
        return max((sum(told.values()) for told in self._told.values()), default=0.0)

    def heaviest(self) -> list[str]:
        """The themes that stay, the heaviest first. A theme lends half of its weight to those below it.

        Beside the heaviest stand those that the title names, or on which two kinds of evidence agree: keywords alone
        also name what the data are made from and what they serve. A keyword that is a theme's own label also agrees
        with what tells the themes above it: "Inondation" with a title that says "aléa".
        """
        vocabulary = voc.get("themes")
        weights = {theme: sum(told.values()) for theme, told in self._told.items()}
        lent = {
            theme: weight + sum(weights.get(above.id, 0.0) for above in vocabulary.ancestors(theme)) / 2
            for theme, weight in weights.items()
        }
        least = max(lent.values(), default=0.0) * SHARE
        kept = specific(sorted((theme for theme in lent if lent[theme] >= least), key=lambda each: -lent[each]))
        return [theme for theme in kept if theme == kept[0] or self._agreed(theme)]

    def _agreed(self, theme: str) -> bool:
        kinds = set(self._told[theme])
        if "keyword (label)" in kinds:
            kinds.update(*(self._told.get(above.id, ()) for above in voc.get("themes").ancestors(theme)))
        return "title" in kinds or len(kinds) > 1

    def told(self, kept: list[str]) -> str:
        """What the themes that stay rest on."""
        return ", ".join(dict.fromkeys(evidence for theme in kept for evidence in self._told[theme]))


@cache
def _weights() -> dict[str, tuple[float, float]]:
    return {row["evidence"]: (float(row["weight"]), float(row["most"])) for row in rows("theme-weights")}


def specific(found: Iterable[str]) -> list[str]:
    """Keep each theme once, in order, and a sub-theme in place of the theme above it."""
    vocabulary = voc.get("themes")
    kept = list(dict.fromkeys(found))
    above = {ancestor.id for theme in kept for ancestor in vocabulary.ancestors(theme)}
    return [theme for theme in kept if theme not in above][:MAX_THEMES]


def eu_themes(draft: Draft) -> None:
    """EU data themes named by address, else those that follow from INSPIRE's, the ministry's or the topics."""
    pairs = [(k.text, concept) for k in draft.record.keywords if (concept := voc.get("eu-theme").get(k.href or ""))]
    named = [concept.uri for _text, concept in pairs]
    for text, concept in pairs:
        if text:
            draft.change("eu_theme", text, concept.id)
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
