"""Rules for themes of the ministry, INSPIRE and the EU, from title and keywords, else description or topic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography.territory import is_place
from ckanext.ecosphere.harvest.normalise.tables import (
    MAX_KEYWORDS,
    by_label,
    is_placeholder,
    parts,
    plain,
    rows,
)
from ckanext.ecosphere.harvest.record import Keyword
from ckanext.ecosphere.vocabularies import Concept
from ckanext.ecosphere.vocabularies.phrases import Phrases, stem

MAX_TITLES = 20
ENOUGH, SHARE = 2.0, 0.55
"""Weight at which no further evidence is used; share of the highest weight that another theme needs to be kept."""
MOST_INSPIRE = 3
"""Maximum INSPIRE themes that count; more of them belong to a map of everything."""
MAX_DESCRIPTION = 1_500
"""Maximum number of characters of a description that are searched."""
NAMED = (
    ("priority_dataset", "priority-dataset", "uri"),
    ("hvd_category", "hvd-category", "uri"),
    ("regulatory_use", "regulatory-use", "id"),
)
"""Vocabularies whose concepts keywords name by URI: (field, vocabulary, attribute that the field keeps)."""
PATH = "keyword (path)"
"""Evidence of a keyword that is a path in the ministry's list ("Risque/Inondation"), without a weight of its own."""
_PASSING = {"keyword (label)", "keywords", "keywords (wide terms)", "description"}
"""Evidence that alone may be incidental."""
_MANY_KEYWORDS, _ENOUGH_KEYWORDS, _LEAST = 5, (1, 2), 0.15
"""Number of keywords that are many; how many must name a theme among few and among many of them, and their share."""
_SEVERAL = 3
"""Number of fields that the keywords of a map of everything name."""
_SEPARATORS = re.compile("[/>]")
_LEGISLATION = re.compile(r"https?://[\w.-]+/eli/")
"""European Legislation Identifier, of the EU or of Légifrance."""
_IGNORED = "-"
_TOO_WIDE = {"autre", "politique", "maritime", "surveillance", "ouvrage", "utilisation autre", "routier"}


@cache
def _terms(weak: bool) -> Phrases[str]:
    """Return term → theme, for strong or weak terms; both include terms to ignore, which hide shorter ones in them."""
    return Phrases(
        (term, row["theme"])
        for row in rows("theme-terms")
        for term in parts(row["terms"])
        if row["theme"] == _IGNORED or (row["weak"] == "yes") == weak
    )


@voc.derived
@cache
def _inspire_labels() -> dict[str, str]:
    """Return label (without plurals) → INSPIRE theme id, from the vocabulary and our own table."""
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
    """Return last part of a COVADIS path ("Air Climat/Qualité Pollution") → theme, if unambiguous."""
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
"""Length of an INSPIRE theme code."""


def inspire_theme_of(keyword: Keyword) -> str | None:
    """Return the id of the INSPIRE theme of a keyword: by URI or label, whatever its thesaurus, or by code."""
    if keyword.href:
        concept = voc.get("inspire-theme").get(keyword.href)
        if concept:
            return concept.id
        if named_by_address(keyword):
            return None
    return _inspire_labels().get(_singular(keyword.text)) or _inspire_code(keyword) if keyword.text else None


def _inspire_code(keyword: Keyword) -> str | None:
    """Return the theme whose URI is the keyword's text, or whose code it is in an INSPIRE thesaurus ("hy")."""
    text = keyword.text.strip()
    if text.startswith("http") or (len(text) == _CODE and "inspire" in plain(keyword.thesaurus or "")):
        concept = voc.get("inspire-theme").get(text if text.startswith("http") else text.lower())
        return concept.id if concept else None
    return None


def named_by_address(keyword: Keyword) -> bool:
    """Tell whether the URI of a keyword is in a vocabulary other than INSPIRE themes, and means only that concept."""
    return bool(keyword.href) and any(keyword.href in voc.get(name) for name in _LISTS)


def of_keyword(text: str) -> tuple[bool, list[str]]:
    """Return whether a keyword is the label of a theme or a path that ends in one, and the ids of its themes."""
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


def _strong(text: str) -> list[str]:
    return [theme for _start, _end, theme in _terms(False).find(text) if theme != _IGNORED]


def _weak(text: str) -> list[str]:
    return [theme for _start, _end, theme in _terms(True).find(text) if theme != _IGNORED]


_LISTS = ("themes", "eu-theme", *(vocabulary for _field, vocabulary, _kept in NAMED))


_HVD = re.compile(r"\bhvd\b|high value data|forte valeur|haute valeur|grande valeur")
"""Thesaurus titles of the categories of high-value datasets."""
_HVD_NUMBER = re.compile(r"/bna/(c_[0-9a-f]{8})$")


def _hvd_of(keyword: Keyword) -> Concept | None:
    """Return the high-value dataset category of a keyword: by its number in any URI, else by its label."""
    categories = voc.get("hvd-category")
    if number := _HVD_NUMBER.search(keyword.href or ""):
        return categories.get(f"http://data.europa.eu/bna/{number.group(1)}")
    return categories.find(keyword.text) if _HVD.search(plain(keyword.thesaurus or "")) else None


def inspire_themes(draft: Draft) -> None:
    """Set INSPIRE themes, the fields of :data:`NAMED` and legislation from keywords."""
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
    """Set the themes of the ministry, weighing title, keywords and INSPIRE themes together.

    Ambiguous words and topic category are used only if these yield little. A theme is kept if it weighs nearly as much
    as the heaviest one, and if more than a word of the description or one of many keywords speaks for it; its evidence
    is named in the log. A map of everything has none.
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
    titles = " / ".join([record.title or "", *record.alternate_titles[:MAX_TITLES]])[:2_000]
    scales.put("title", _strong(titles))
    for keyword in free:
        scales.put_keyword(keyword.text)
    if len({row["inspire"] for row in inspire}) > MOST_INSPIRE:
        inspire = []  # a map of everything has no particular theme
    scales.fields += [{row["themes"]} for row in inspire]
    scales.put("INSPIRE theme", [row["themes"] for row in inspire if row["weak"] != "yes"])
    if scales.best() < ENOUGH:
        scales.put("INSPIRE theme (wide)", [row["themes"] for row in inspire if row["weak"] == "yes"])
        for keyword in free:
            scales.put("keywords (wide terms)", _weak(keyword.text))
        scales.put("title (wide terms)", _weak(titles))
        scales.support("description", _repeated(_strong((record.abstract or "")[:MAX_DESCRIPTION])))
    if not scales.heaviest():
        scales.put("topic category", _of_topics(record.topic_categories))
    if kept := scales.heaviest():
        _keep(draft, kept, scales.told(kept))


def _repeated(found: list[str]) -> list[str]:
    """Return the themes that a description mentions repeatedly; single mentions are often incidental."""
    return [theme for theme, count in Counter(found).items() if count > 1 for _each in range(count)]


def _keep(draft: Draft, kept: list[str], how: str) -> None:
    vocabulary = voc.get("themes")
    draft.set("theme", [vocabulary[theme].uri for theme in kept])
    draft.change("theme", how, ", ".join(kept))


def _of_topics(codes: list[str]) -> list[str]:
    """Return the theme of the topic categories, none if they have several: which of them is meant is unknown."""
    by_topic = {row["topic"]: row["theme"] for row in rows("topic-categories")}
    other = by_label("topic-categories", "topic", "other_codes")
    found = {by_topic.get(other.get(plain(code), code), "") for code in codes} - {""}
    return list(found) if len(found) == 1 else []


class _Scales:
    """Weights of themes by evidence (`theme-weights.csv`).

    Attributes:
        fields: themes of each keyword of the INSPIRE list.
    """

    def __init__(self) -> None:
        self.fields: list[set[str]] = []
        self._told: dict[str, dict[str, float]] = {}
        self._named: list[set[str]] = []

    def put(self, evidence: str, found: Iterable[str]) -> None:
        """Add evidence for some themes; each kind of evidence has a maximum weight."""
        weight, most = _weights()[evidence]
        for theme in found:
            told = self._told.setdefault(theme, {})
            told[evidence] = min(most, told.get(evidence, 0.0) + weight)

    def put_keyword(self, text: str) -> None:
        """Add the evidence of a keyword, and remember which themes it names."""
        label, found = of_keyword(text)
        self.put("keyword (label)" if label else "keywords", found)
        if label and _SEPARATORS.search(text):
            for theme in found:
                self._told[theme][PATH] = 0.0
        self._named.append(set(found))

    def support(self, evidence: str, found: Iterable[str]) -> None:
        """Add evidence that counts only for themes that other evidence speaks for."""
        self.put(evidence, [theme for theme in found if theme in self._told])

    def best(self) -> float:
        """Return the highest weight of any theme."""
        return max((sum(told.values()) for told in self._told.values()), default=0.0)

    def heaviest(self) -> list[str]:
        """Return the themes to keep, heaviest first. A theme passes half of its weight to its sub-themes.

        Besides the heaviest, themes are kept that the title names, or that two kinds of evidence agree on: keywords
        alone also name what data are made from and used for. For a keyword that is the label of a theme, evidence for
        its parent themes counts too: "Inondation" with a title about "aléa".
        """
        vocabulary = voc.get("themes")
        if self._is_of_everything():
            return []
        weights = {theme: sum(told.values()) for theme, told in self._told.items() if self._is_backed(theme)}
        lent = {
            theme: weight + sum(weights.get(above.id, 0.0) for above in vocabulary.ancestors(theme)) / 2
            for theme, weight in weights.items()
        }
        least = max(lent.values(), default=0.0) * SHARE
        kept = specific(sorted((theme for theme in lent if lent[theme] >= least), key=lambda each: -lent[each]))
        return [theme for theme in kept if theme == kept[0] or self._agreed(theme)]

    def _is_backed(self, theme: str) -> bool:
        """Tell whether more than a word or one of many keywords speaks for a theme, or for one above or below it."""
        kin = [other for other in self._told if _is_kin(theme, other)]
        if any(set(self._told[other]) - _PASSING for other in kin):
            return True
        count = sum(not named.isdisjoint(kin) for named in self._named)
        return count >= _ENOUGH_KEYWORDS[len(self._named) >= _MANY_KEYWORDS] and count / len(self._named) >= _LEAST

    def _is_of_everything(self) -> bool:
        """Tell whether keywords name several fields, none of them mainly, and neither title nor path decides."""
        if any(set(told) & {"title", PATH} for told in self._told.values()):
            return False
        named = [{_root(theme) for theme in themes} for themes in (*self._named, *self.fields) if themes]
        counts = Counter(root for roots in named for root in roots)
        return len(counts) >= _SEVERAL and max(counts.values()) <= len(named) / 2

    def _agreed(self, theme: str) -> bool:
        kinds = set(self._told[theme]) - {PATH}
        if "keyword (label)" in kinds:
            kinds.update(*(self._told.get(above.id, ()) for above in voc.get("themes").ancestors(theme)))
        return "title" in kinds or len(kinds) > 1

    def told(self, kept: list[str]) -> str:
        """Return the evidence for the themes that are kept."""
        evidence = dict.fromkeys(evidence for theme in kept for evidence in self._told[theme])
        return ", ".join(kind for kind in evidence if kind != PATH)


def _is_kin(one: str, other: str) -> bool:
    """Tell whether two themes are the same, or one is above the other."""
    vocabulary = voc.get("themes")
    around = {above.id for theme in (one, other) for above in vocabulary.ancestors(theme)}
    return one == other or one in around or other in around


def _root(theme: str) -> str:
    above = voc.get("themes").ancestors(theme)
    return above[-1].id if above else theme


@cache
def _weights() -> dict[str, tuple[float, float]]:
    return {row["evidence"]: (float(row["weight"]), float(row["most"])) for row in rows("theme-weights")}


def specific(found: Iterable[str]) -> list[str]:
    """Keep each theme once, in order, and sub-themes in place of their parents."""
    vocabulary = voc.get("themes")
    kept = list(dict.fromkeys(found))
    above = {ancestor.id for theme in kept for ancestor in vocabulary.ancestors(theme)}
    return [theme for theme in kept if theme not in above]


def eu_themes(draft: Draft) -> None:
    """Set EU data themes given by URI, else those derived from INSPIRE themes, the ministry's themes or topics."""
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
