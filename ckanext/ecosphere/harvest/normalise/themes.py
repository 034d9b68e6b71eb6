"""Rules for themes of the ministry, INSPIRE and the EU, from title and keywords,
else other texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.constraints import reserves_access
from ckanext.ecosphere.harvest.normalise.draft import (
    MAX_KEYWORDS,
    Draft,
    by_label,
    distinct,
    is_placeholder,
    parts,
    plain,
    reason,
    rows,
)
from ckanext.ecosphere.harvest.normalise.territory import is_place
from ckanext.ecosphere.harvest.normalise.texts import one_line
from ckanext.ecosphere.harvest.record import Keyword
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import Concept
from ckanext.ecosphere.vocabularies.phrases import Phrases, stem

MAX_TITLES, MAX_TITLE = 20, 2_000
MAX_DESCRIPTION = 1_500
"""Maximum number of characters of a description that are searched."""
ENOUGH, SHARE = 2.0, 0.55
"""Weight at which no further evidence is used; share of the highest weight that another needs."""
MOST_INSPIRE = 3
"""Maximum INSPIRE themes that count; more of them belong to a map of everything."""
NAMED = (
    ("priority_dataset", "priority-dataset", "uri"),
    ("hvd_category", "hvd-category", "uri"),
    ("regulatory_use", "regulatory-use", "id"),
)
"""Field, vocabulary that keywords name by URI, and attribute of a concept that the field keeps."""
_LISTS = ("themes", "eu-theme", *(vocabulary for _field, vocabulary, _attribute in NAMED))
PATH = "keyword (path)"
"""Evidence of a path in the ministry's list ("Risque/Inondation"), without a weight of its own."""
_LABEL = "keyword (label)"
_PASSING = {_LABEL, "keywords", "keywords (wide terms)", "description"}
"""Evidence that alone may be incidental."""
_MANY_KEYWORDS, _FEW_ENOUGH, _MANY_ENOUGH, _LEAST = 5, 1, 2, 0.15
"""Number of keywords that are many; how many must name a theme among few and among many of them,
and their share."""
_SEVERAL = 3
"""Number of fields that the keywords of a map of everything name."""
_SEPARATORS = re.compile("[/>]")
_LEGISLATION = re.compile(r"https?://[\w.-]+/eli/")
"""European Legislation Identifier, of the EU or of Légifrance."""
_IGNORED = "-"
_TOO_WIDE = {
    "autre", "politique", "maritime", "surveillance", "ouvrage", "utilisation autre", "routier",
}  # fmt: skip
_CODE = 2
"""Length of an INSPIRE theme code."""
_HVD = re.compile(r"\bhvd\b|high value data|forte valeur|haute valeur|grande valeur")
"""Thesaurus titles of the categories of high-value datasets."""
_HVD_NUMBER = re.compile(r"/bna/(c_[0-9a-f]{8})$")


# --- tables ----------------------------------------------------------------------------------


@cache
def _terms(weak: bool) -> Phrases[str]:
    """Return term → theme, for strong or weak terms.

    Both include terms to ignore, which hide shorter ones in them.
    """
    pairs = []
    for row in rows("theme-terms"):
        if row["theme"] == _IGNORED or (row["weak"] == "yes") == weak:
            pairs += [(term, row["theme"]) for term in parts(row["terms"])]
    return Phrases(pairs)


@voc.derived
@cache
def _inspire_labels() -> dict[str, str]:
    """Return label (without plurals) → INSPIRE theme id, from the vocabulary and our own table."""
    ids: dict[str, str] = {}
    for concept in voc.get("inspire-theme"):
        for label in (concept.label_fr, concept.label_en, *concept.alt_labels):
            ids.setdefault(_singular(label), concept.id)
    for row in rows("inspire-themes"):
        for label in parts(row["labels"]):
            ids.setdefault(_singular(label), row["inspire"])
    return ids


def _singular(label: str) -> str:
    return " ".join(map(stem, plain(label).split()))


@voc.derived
@cache
def _leaves() -> dict[str, str]:
    """Return last part of a COVADIS path ("Air Climat/Qualité Pollution") → theme, if unique."""
    themes_by_leaf: dict[str, set[str]] = {}
    for concept in voc.get("themes"):
        for label in concept.alt_labels:
            leaf = plain(label.rpartition("/")[2])
            if "/" in label and leaf not in _TOO_WIDE:
                themes_by_leaf.setdefault(leaf, set()).add(concept.id)
    return {leaf: next(iter(ids)) for leaf, ids in themes_by_leaf.items() if len(ids) == 1}


@cache
def _inspire_rows() -> dict[str, dict[str, str]]:
    return {row["inspire"]: row for row in rows("inspire-themes")}


@cache
def _weights() -> dict[str, tuple[float, float]]:
    return {
        row["evidence"]: (float(row["weight"]), float(row["most"])) for row in rows("theme-weights")
    }


# --- what a keyword names --------------------------------------------------------------------


def inspire_theme_of(keyword: Keyword) -> str | None:
    """Return the id of the INSPIRE theme of a keyword: by URI, label or code.

    By label whatever its thesaurus; by code in an INSPIRE thesaurus ("hy").
    """
    themes = voc.get("inspire-theme")
    concept = themes.get(keyword.href or "")
    if concept:
        return concept.id
    text = keyword.text.strip()
    if named_by_address(keyword) or not text:
        return None
    labelled = _inspire_labels().get(_singular(text))
    if labelled:
        return labelled
    if text.startswith("http"):
        concept = themes.get(text)
    elif len(text) == _CODE and "inspire" in plain(keyword.thesaurus or ""):
        concept = themes.get(text.lower())
    return concept.id if concept else None


def named_by_address(keyword: Keyword) -> bool:
    """Tell whether a keyword means a concept of another list than INSPIRE's, by its URI."""
    return bool(keyword.href) and any(keyword.href in voc.get(name) for name in _LISTS)


def of_keyword(text: str) -> tuple[bool, list[str]]:
    """Return the ids of the themes of a keyword.

    Returns:
        whether it is the label of a theme or a path that ends in one, and the ids.
    """
    vocabulary = voc.get("themes")
    whole = vocabulary.find(text)
    if whole:
        return True, [whole.id]
    leaf = _leaves().get(plain(text))
    if leaf:
        return True, [leaf]
    if _SEPARATORS.search(text):
        for part in reversed(_SEPARATORS.split(text)):
            concept = vocabulary.find(part)
            if concept:
                return True, [concept.id]
    return False, distinct(_in_text(text))


def _in_text(text: str, weak: bool = False) -> list[str]:
    """Return the themes of the terms in a text."""
    themes_of_terms = (theme for _start, _end, theme in _terms(weak).find(text))
    return [theme for theme in themes_of_terms if theme != _IGNORED]


def _hvd_of(keyword: Keyword) -> Concept | None:
    """Return the high-value dataset category of a keyword: by its number in any URI, or label."""
    categories = voc.get("hvd-category")
    number = _HVD_NUMBER.search(keyword.href or "")
    if number:
        return categories.get(f"http://data.europa.eu/bna/{number.group(1)}")
    if _HVD.search(plain(keyword.thesaurus or "")):
        return categories.find(keyword.text)
    return None


def _addressed(draft: Draft, vocabulary: str) -> list[tuple[str, Concept]]:
    """Return text and concept of each keyword that names a concept of a vocabulary by its URI."""
    concepts = voc.get(vocabulary)
    pairs = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        concept = concepts.get(keyword.href or "")
        if concept:
            pairs.append((keyword.text, concept))
    return pairs


# --- INSPIRE themes --------------------------------------------------------------------------


def inspire_themes(draft: Draft) -> None:
    """Set INSPIRE themes, the fields of :data:`NAMED` and legislation from keywords."""
    values: dict[str, list[str]] = {"inspire_theme": []}
    legislation: list[str] = []
    for keyword in draft.record.keywords[:MAX_KEYWORDS]:
        theme = inspire_theme_of(keyword)
        if theme:
            values["inspire_theme"].append(voc.get("inspire-theme")[theme].uri)
            if keyword.text:
                draft.change("inspire_theme", keyword.text, theme)
        elif keyword.href and _LEGISLATION.match(keyword.href):
            legislation.append(keyword.href)
    for field, vocabulary, attribute in NAMED:
        pairs = _addressed(draft, vocabulary)
        values[field] = [getattr(concept, attribute) for _text, concept in pairs]
        _log_concepts(draft, field, pairs)
    categories = filter(None, map(_hvd_of, draft.record.keywords[:MAX_KEYWORDS]))
    values["hvd_category"] += [concept.uri for concept in categories]
    values["applicable_legislation"] = legislation
    for name, items in values.items():
        if items:
            draft.set(name, distinct(items))


def _log_concepts(draft: Draft, field: str, pairs: Iterable[tuple[str, Concept]]) -> None:
    for text, concept in pairs:
        if text:
            draft.change(field, text, concept.id)


# --- themes of the ministry ------------------------------------------------------------------


def themes(draft: Draft) -> None:
    """Set the themes of the ministry, weighing title, keywords and INSPIRE themes together.

    Ambiguous words and topic category are used only if these yield little. A theme is kept if it
    weighs nearly as much as the heaviest one, and if more than a word of the description or one of
    many keywords speaks for it; its evidence is named in the log. A map of everything has none.
    """
    addressed = [concept.id for _text, concept in _addressed(draft, "themes")]
    if addressed:
        _set_themes(draft, specific(addressed), ["keywords (addresses)"])
        return
    scales = _weigh(draft)
    heaviest = scales.heaviest()
    if not heaviest:
        ids = _of_topics(draft, "theme")
        if len(ids) == 1:  # of several, which one is meant is unknown
            scales.put("topic category", ids)
        heaviest = scales.heaviest()
    if heaviest:
        _set_themes(draft, heaviest, scales.evidence_for(heaviest))


def _weigh(draft: Draft) -> _Scales:
    record = draft.record
    scales = _Scales()
    titles = " / ".join([record.title or "", *record.alternate_titles[:MAX_TITLES]])[:MAX_TITLE]
    scales.put("title", _in_text(titles))
    free: list[Keyword] = []
    inspire: list[dict[str, str]] = []
    for keyword in record.keywords[:MAX_KEYWORDS]:
        if is_placeholder(keyword.text):
            continue
        code = inspire_theme_of(keyword)
        if code and _inspire_rows()[code]["themes"]:
            inspire.append(_inspire_rows()[code])
        elif not code and not is_place(keyword) and not named_by_address(keyword):
            free.append(keyword)
            scales.put_keyword(keyword.text)
    if len({row["inspire"] for row in inspire}) > MOST_INSPIRE:
        inspire = []  # a map of everything has no particular theme
    scales.fields = [{row["themes"]} for row in inspire]
    wide = [row["themes"] for row in inspire if row["weak"] == "yes"]
    scales.put("INSPIRE theme", [row["themes"] for row in inspire if row["weak"] != "yes"])
    if scales.best() < ENOUGH:
        scales.put("INSPIRE theme (wide)", wide)
        for keyword in free:
            scales.put("keywords (wide terms)", _in_text(keyword.text, weak=True))
        scales.put("title (wide terms)", _in_text(titles, weak=True))
        counts = Counter(_in_text((record.abstract or "")[:MAX_DESCRIPTION]))
        # Single mentions are often incidental.
        repeated = {theme: count for theme, count in counts.items() if count > 1}
        scales.support("description", Counter(repeated).elements())
    return scales


def _set_themes(draft: Draft, ids: list[str], evidence: list[str]) -> None:
    vocabulary = voc.get("themes")
    draft.set("theme", [vocabulary[theme].uri for theme in ids])
    draft.change("theme", reason("evidence", kinds=evidence), ", ".join(ids))


def _of_topics(draft: Draft, column: str) -> list[str]:
    """Return what a column of their table has for the topic categories of a record,
    also for similar codes.
    """
    by_topic = {row["topic"]: row[column] for row in rows("topic-categories")}
    similar = by_label("topic-categories", "topic", "other_codes")
    codes = draft.record.topic_categories
    ids = (by_topic.get(similar.get(plain(code), code)) for code in codes)
    return distinct(filter(None, ids))


class _Scales:
    """Weights of themes by evidence (`theme-weights.csv`).

    Attributes:
        fields: themes of each keyword of the INSPIRE list.
    """

    def __init__(self) -> None:
        self.fields: list[set[str]] = []
        self._evidence: dict[str, dict[str, float]] = {}
        self._keywords: list[set[str]] = []

    def put(self, evidence: str, ids: Iterable[str]) -> None:
        """Add evidence for some themes; each kind of evidence has a maximum weight."""
        weight, most = _weights()[evidence]
        for theme in ids:
            weights = self._evidence.setdefault(theme, {})
            weights[evidence] = min(most, weights.get(evidence, 0.0) + weight)

    def put_keyword(self, text: str) -> None:
        """Add the evidence of a keyword, and remember which themes it names."""
        is_label, ids = of_keyword(text)
        if is_label:
            self.put(_LABEL, ids)
        else:
            self.put("keywords", ids)
        if is_label and _SEPARATORS.search(text):
            for theme in ids:
                self._evidence[theme][PATH] = 0.0
        self._keywords.append(set(ids))

    def support(self, evidence: str, ids: Iterable[str]) -> None:
        """Add evidence that counts only for themes that other evidence speaks for."""
        self.put(evidence, [theme for theme in ids if theme in self._evidence])

    def best(self) -> float:
        """Return the highest weight of any theme."""
        return max((sum(weights.values()) for weights in self._evidence.values()), default=0.0)

    def heaviest(self) -> list[str]:
        """Return the themes to keep, heaviest first.

        A theme passes half of its weight to its sub-themes. Besides the heaviest, themes are kept
        that the title names, or that two kinds of evidence agree on: keywords alone also name what
        data are made from and used for. For a keyword that is the label of a theme, evidence for
        its parent themes counts too: "Inondation" with a title about "aléa".
        """
        if self._is_of_everything():
            return []
        own: dict[str, float] = {}
        for theme, weights in self._evidence.items():
            if self._is_backed(theme):
                own[theme] = sum(weights.values())
        total = {}
        for theme, weight in own.items():
            above = (own.get(concept.id, 0.0) for concept in voc.get("themes").ancestors(theme))
            total[theme] = weight + sum(above) / 2
        least = max(total.values(), default=0.0) * SHARE
        heavy = [theme for theme in total if total[theme] >= least]
        heavy = specific(sorted(heavy, key=lambda theme: -total[theme]))
        return [theme for theme in heavy if theme == heavy[0] or self._agrees_on(theme)]

    def _is_backed(self, theme: str) -> bool:
        """Tell whether more than a word or one of many keywords speaks for a theme or its kin."""
        kin = [other for other in self._evidence if _is_kin(theme, other)]
        for other in kin:
            if set(self._evidence[other]) - _PASSING:
                return True
        count = sum(not named.isdisjoint(kin) for named in self._keywords)
        enough = _FEW_ENOUGH
        if len(self._keywords) >= _MANY_KEYWORDS:
            enough = _MANY_ENOUGH
        return count >= enough and count / len(self._keywords) >= _LEAST

    def _is_of_everything(self) -> bool:
        """Tell whether keywords name several fields, none of them mainly.

        Neither if the title or a path decides.
        """
        for weights in self._evidence.values():
            if "title" in weights or PATH in weights:
                return False
        groups = [set(map(_root, ids)) for ids in (*self._keywords, *self.fields) if ids]
        counts: Counter[str] = Counter()
        for roots in groups:
            counts.update(roots)
        return len(counts) >= _SEVERAL and max(counts.values()) <= len(groups) / 2

    def _agrees_on(self, theme: str) -> bool:
        kinds = set(self._evidence[theme]) - {PATH}
        if _LABEL in kinds:
            for above in voc.get("themes").ancestors(theme):
                kinds.update(self._evidence.get(above.id, ()))
        return "title" in kinds or len(kinds) > 1

    def evidence_for(self, ids: list[str]) -> list[str]:
        """Return the kinds of evidence for some themes."""
        kinds: dict[str, None] = {}
        for theme in ids:
            kinds.update(dict.fromkeys(self._evidence[theme]))
        return [kind for kind in kinds if kind != PATH]


def _is_kin(one: str, other: str) -> bool:
    """Tell whether two themes are the same, or one is above the other."""
    if one == other:
        return True
    ancestors = voc.get("themes").ancestors
    above = {concept.id for concept in (*ancestors(one), *ancestors(other))}
    return one in above or other in above


def _root(theme: str) -> str:
    above = voc.get("themes").ancestors(theme)
    if above:
        return above[-1].id
    return theme


def specific(ids: Iterable[str]) -> list[str]:
    """Keep each theme once, in order, and sub-themes in place of their parents."""
    themes_once = distinct(ids)
    above = set()
    for theme in themes_once:
        above.update(concept.id for concept in voc.get("themes").ancestors(theme))
    return [theme for theme in themes_once if theme not in above]


# --- EU themes -------------------------------------------------------------------------------


def eu_themes(draft: Draft) -> None:
    """Set EU data themes given by URI, else those derived from INSPIRE's or the ministry's.

    Else from the topics.
    """
    pairs = _addressed(draft, "eu-theme")
    _log_concepts(draft, "eu_theme", pairs)
    if pairs:
        draft.set("eu_theme", distinct(concept.uri for _text, concept in pairs))
        return
    ids = _derived_from_inspire(draft) or _derived_from_themes(draft)
    ids = ids or _of_topics(draft, "eu_theme")
    if ids:
        ids = distinct(ids)
        draft.set("eu_theme", [voc.get("eu-theme")[theme].uri for theme in ids])
        draft.change("eu_theme", reason("derived"), ", ".join(ids))


def _derived_from_inspire(draft: Draft) -> list[str]:
    inspire = voc.get("inspire-theme")
    uris = draft.dataset.get("inspire_theme", [])
    return [_inspire_rows()[inspire[uri].id]["eu_theme"] for uri in uris]


def _derived_from_themes(draft: Draft) -> list[str]:
    by_theme = {row["theme"]: row["eu_theme"] for row in rows("theme-eu")}
    vocabulary = voc.get("themes")
    ids = []
    for uri in draft.dataset.get("theme", []):
        chain = (vocabulary[uri], *vocabulary.ancestors(uri))
        nearest = next((concept.id for concept in chain if concept.id in by_theme), None)
        if nearest:
            ids.append(by_theme[nearest])
    return ids


# --- tags ---
#
# Rule that converts keywords to tags: split, cleaned to CKAN's rules, without duplicates.

MIN_TAG, MAX_TAG = 2, 100
"""Tag lengths that CKAN accepts (``ckan.model.tag``)."""
MAX_TAGS = 100
_COMMAS_OF_A_LIST = 3
"""Minimum commas in a list of thesaurus keywords, whose terms may contain some."""
_LABELS = (
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
    by_word: dict[str, str] = {}
    with_a_field: list[str] = []
    left_out: list[str] = []
    technical: list[str] = []
    is_split = False
    for keyword in draft.first("keyword", draft.record.keywords, MAX_KEYWORDS):
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
        draft.lost("keyword", [*distinct(left_out), *distinct(technical)])
    if is_split:
        before = reason("one keyword holding several")
        draft.change("tags", before, reason("separate keywords"))
    _set_tags(draft, list(by_word.values()))


def _log_left_out(draft: Draft, code: str, words: list[str]) -> None:
    if words:
        value = ", ".join(distinct(words))
        draft.change("tags", reason(code, value=value), reason("left out"))


def _set_tags(draft: Draft, words: list[str]) -> None:
    tag_words = draft.first("keyword", words, MAX_TAGS)
    draft.with_room("keyword", words, MAX_TAGS)
    draft.set("tags", [{"name": word} for word in tag_words])


def _pieces(keyword: Keyword) -> list[str]:
    """Split a keyword that contains several.

    Commas separate free keywords, but not terms of a vocabulary.
    """
    if "," in keyword.text:
        labels = (voc.get(name).find(keyword.text) for name in _LABELS)
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
        draft.set("access_rights", voc.get("access-right")["PUBLIC"].uri, before)
