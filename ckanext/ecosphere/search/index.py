"""Complete and clean the index document of a dataset before it reaches Solr.

Added: themes and territories as facet values with all their ancestors (a dataset of the Ain is found under
Auvergne-Rhône-Alpes, one of a commune under its département), and the labels of URIs as searchable text, so that
"hydrographie" finds a dataset whose INSPIRE theme is only a URI. Labels go to `extras_…` fields, which CKAN's plain
schema analyses as text too.

Removed: URLs, geometries and e-mail addresses that CKAN copies into the full text. They made "eau" match every dataset
with a theme URI under ".../themes-ecospheres/eau", and "registre" match all datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.relevance import understanding
from ckanext.ecosphere.search.relevance.solr import (
    INSIDE_FIELD,
    PLACE_FIELD,
    TECHNICAL_TITLE,
    TITLE_FORM_FIELD,
)
from ckanext.ecosphere.vocabularies import communes, gazetteer

THEME_FIELD = "vocab_ecosphere_theme"
TERRITORY_FIELD = "vocab_ecosphere_territory"

#: Facet field → (dataset field, vocabulary, text field for the labels).
HIERARCHIES = {
    THEME_FIELD: ("theme", "themes", "extras_ecosphere_themes"),
    TERRITORY_FIELD: ("territory", "territories", "extras_ecosphere_territories"),
}

#: Further controlled fields whose labels and synonyms are searchable: dataset field → vocabulary. Synonyms of themes
#: come mostly from other catalogues; they would match too much here, and are used for suggestions only.
LABELLED = {
    "inspire_theme": "inspire-theme",
    "topic_category": "topic-category",
    "eu_theme": "eu-theme",
    "priority_dataset": "priority-dataset",
    "regulatory_use": "regulatory-use",
    "dcat_type": "resource-type",
}
UPDATED_FIELD = "ecosphere_updated_date"
"""Dynamic index field of the date shown in results: that of the data, else that of the record."""
LABELS_TEXT = "extras_ecosphere_labels"
ORGANIZATION_TEXT = "extras_ecosphere_organization"

MOST_DEPARTEMENTS = 3
"""Maximum number of départements of a dataset whose title is searched for communes."""

#: Lucene refuses terms longer than 32 766 bytes; a plain string field is a single term.
MAX_STRING_BYTES = 32_000

#: Keys read by other plugins (ckanext-spatial, ckanext-dcat) that may run after this one.
LEFT_TO_OTHERS = {
    "extras_spatial",
    "spatial",
    "spatial_coverage",
    "data_dict",
    "validated_data_dict",
}

_NOISE = re.compile(
    r"""(?:https?|ftp|urn|mailto):[^\s"'<>\])}]+   # addresses
      | (?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.-]+   # e-mails; bounded, or one long word takes minutes
      | \{\s{0,9}"type"\s{0,9}:\s{0,9}"\w{1,40}"\s{0,9},\s{0,9}"coordinates"[^{}]*\}  # geometries""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w")
_DAY = re.compile(r"([12]\d{3})(?:-(\d\d)(?:-(\d\d))?)?(?!\d)")


def complete(document: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """Add facet values and labels to an index document, and remove noise.

    Args:
        document: index document, changed in place.
        dataset: as returned by `package_show`.

    Returns:
        the same document, as `before_dataset_index` requires.
    """
    view = View(dataset)  # without the suite's schema, its fields are free extras
    for facet, (field, vocabulary, text_field) in HIERARCHIES.items():
        keys = view.many(field)
        of_communes = list(filter(None, map(communes.get, keys)))
        departements = [f"departement-{commune.departement}" for commune in of_communes]
        concepts = with_ancestors(vocabulary, [*keys, *departements])
        document[facet] = [concept.id for concept in concepts]
        texts: list[str] = []
        for commune in of_communes:
            texts += (commune.name, commune.code)
        for concept in concepts:
            texts += _labels(concept)
        document[text_field] = _text(texts)
    box = boxes.of_geometry(view.values.get("spatial"))
    add_places(document, view.territories, view.title, box)
    labels: list[str] = []
    for field, vocabulary in LABELLED.items():
        for concept in filter(None, map(voc.get(vocabulary).get, view.many(field))):
            labels += (concept.label("fr"), *concept.alt_labels)
    document[LABELS_TEXT] = _text(labels)
    document[ORGANIZATION_TEXT] = _organization_text(dataset.get("organization") or {})
    document[UPDATED_FIELD] = _updated(view.text("modified")) or document.get("metadata_modified")
    if dataset.get("title"):
        # CKAN's sort field, normalised: otherwise "Éoliennes" and "arrêtés" sort after "Zonages".
        document["title_string"] = voc.normalise(dataset["title"])
        if understanding.is_table_name(dataset["title"]):
            document[TITLE_FORM_FIELD] = [TECHNICAL_TITLE]
    return tidy(document)


def with_ancestors(vocabulary: str, keys: Iterable[str]) -> list[voc.Concept]:
    """Return the concepts with the given URIs or ids and their ancestors, without duplicates; skip unknown ones."""
    concepts = voc.get(vocabulary)
    by_id: dict[str, voc.Concept] = {}
    for key in keys:
        concept = concepts.get(key)
        if concept:
            for ancestor in (concept, *concepts.ancestors(concept.uri)):
                by_id.setdefault(ancestor.id, ancestor)
    return list(by_id.values())


def _updated(modified: str) -> str | None:
    """Return the date of the data in Solr's format (first day of a year or month); None if unknown."""
    match = _DAY.match(modified)
    if not match:
        return None
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        return f"{date(year, month, day).isoformat()}T00:00:00Z"
    except ValueError:
        return None


def tidy(document: dict[str, Any]) -> dict[str, Any]:
    """Remove noise from the full text and truncate what Lucene would refuse, in place."""
    for key, value in list(document.items()):
        if key in LEFT_TO_OTHERS:
            continue
        if key.startswith(("extras_", "res_extras_")):
            cleaned = _without_noise(value)
            if cleaned:
                document[key] = cleaned
            else:
                del document[key]
        elif key not in ("title", "notes"):
            document[key] = _bounded(value)
    return document


def _without_noise(value: Any) -> Any:
    """Remove URLs, e-mail addresses and geometries from a value; empty if no word is left."""
    if isinstance(value, list):
        return list(filter(None, map(_without_noise, value)))
    if not isinstance(value, str):
        return value
    text = _NOISE.sub(" ", value)
    if _WORD.search(text):
        return text
    return ""


def _bounded(value: Any) -> Any:
    """Truncate strings to the maximum length of an unanalysed field."""
    if isinstance(value, str) and len(value) > MAX_STRING_BYTES // 4:
        return value.encode()[:MAX_STRING_BYTES].decode(errors="ignore")
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    return value


def _labels(concept: voc.Concept) -> tuple[str, ...]:
    """Return the searchable names of a theme or territory: label and code ("Ain", "01")."""
    code = concept.data.get("code")
    if code:
        return (concept.label("fr"), str(code))
    return (concept.label("fr"),)


def _organization_text(organization: Any) -> str:
    """Return the short and full names of the service: "DDT 01 ; Direction départementale des territoires … Ain"."""
    if not isinstance(organization, dict):  # other plugins may have changed the dataset
        return ""
    names = [organization.get("title") or ""]
    service = voc.get("organisations").get(organization.get("name") or "")
    if service:
        names += service.alt_labels
    return _text(names)


def _text(parts: Iterable[str]) -> str:
    return " ; ".join(dict.fromkeys(part for part in parts if part))


def add_places(
    document: dict[str, Any], territories: Iterable[str], title: str, box: boxes.Box | None = None
) -> None:
    """Add the places of a dataset to its index document.

    If the title names communes of the dataset's département ("PLU de Nantes"), they become its places. Without
    territories, the places are derived from the geometry.

    Args:
        document: index document, changed in place.
        territories: URIs or ids of the dataset's territories and communes.
        title: title of the dataset.
        box: bounding box of its geometry.
    """
    own = list(dict.fromkeys(filter(None, map(_place_value, territories))))
    around: list[str] = []
    if box and not own:
        own, around = boxes.places(box)
    # "France" beside another place tells where that place lies, not that the dataset covers the country.
    own = [value for value in own if value not in gazetteer.COUNTRIES] or own
    codes = [code for code, concept in gazetteer.departements().items() if concept.id in own]
    has_commune = any(value.startswith("commune-") for value in own)
    if codes and len(codes) <= MOST_DEPARTEMENTS and not has_commune:
        of_title = gazetteer.communes_in(title, tuple(codes))
        if of_title:
            own = [f"commune-{commune.code}" for commune in of_title]
    document[PLACE_FIELD] = own
    document[INSIDE_FIELD] = list(gazetteer.inside((*own, *around)))


def _place_value(key: str) -> str:
    commune = communes.get(key)
    if commune:
        return f"commune-{commune.code}"
    concept = voc.get("territories").get(key)
    if concept:
        return concept.id
    return ""
