"""Complete and clean the index document of a dataset before it reaches Solr.

Added: themes and territories as facet values with all their ancestors (a dataset of the Ain is
found under Auvergne-Rhône-Alpes, one of a commune under its département), and the labels of URIs as
searchable text, so that "hydrographie" finds a dataset whose INSPIRE theme is only a URI. Labels go
to `extras_…` fields, which CKAN's plain schema analyses as text too.

Removed: URLs, geometries and e-mail addresses that CKAN copies into the full text. They made "eau"
match every dataset with a theme URI under ".../themes-ecospheres/eau", and "registre" match all
datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any

from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.places import index_value
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.relevance import places
from ckanext.ecosphere.search.relevance.solr import (
    ACCESS_FIELD,
    FORMAT_FIELD,
    INSIDE_FIELD,
    PLACE_FIELD,
    TECHNICAL_TITLE,
    TITLE_FORM_FIELD,
    YEAR_NUMBER_FIELD,
)
from ckanext.ecosphere.shared import reach
from ckanext.ecosphere.vocabularies import communes, gazetteer

THEME_FIELD = "vocab_ecosphere_theme"
TERRITORY_FIELD = "vocab_ecosphere_territory"

#: Facet field → (dataset field, vocabulary, text field for the labels).
HIERARCHIES = {
    THEME_FIELD: ("theme", "themes", "extras_ecosphere_themes"),
    TERRITORY_FIELD: ("territory", "territories", "extras_ecosphere_territories"),
}

#: Further controlled fields whose labels and synonyms are searchable: dataset field → vocabulary.
#: Synonyms of themes come mostly from other catalogues; they would match too much here, and are
#: used for suggestions only.
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

EXACT_TERRITORY_FIELD = "vocab_ecosphere_territory_exact"
REGULATORY_FIELD = "vocab_ecosphere_regulatory_use"
KIND_FIELD = "ecosphere_service_kind"
SCALE_FIELD = "ecosphere_scale_class"
YEAR_FIELD = "ecosphere_data_year"

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
      | (?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.-]+  # e-mails; bounded, or a long word takes minutes
      | \{\s{0,9}"type"\s{0,9}:\s{0,9}"\w{1,40}"\s{0,9},  # geometries
      \s{0,9}"coordinates"[^{}]*\}""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w")
_OTHER_KIND = "other"
_YEAR = re.compile(r"(?:1[6-9]|20)\d\d(?=\D|$)")
_NUMBER = re.compile(r"\d{1,12}(?:\.\d*)?")
_DAY = re.compile(r"([12]\d{3})(?:-(\d\d)(?:-(\d\d))?)?(?!\d)")


def complete(document: DataDict, dataset: DataDict) -> DataDict:
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
    document[ORGANIZATION_TEXT] = _organization_text(dataset.get("organization"))
    document[UPDATED_FIELD] = _updated(view.text("modified")) or document.get("metadata_modified")
    if dataset.get("title"):
        # CKAN's sort field, normalised: otherwise "Éoliennes" and "arrêtés" sort after "Zonages".
        document["title_string"] = voc.normalise(dataset["title"])
        if places.is_table_name(dataset["title"]):
            document[TITLE_FORM_FIELD] = [TECHNICAL_TITLE]
    return _with_facets(tidy(document), view)


def _with_facets(document: DataDict, view: View) -> DataDict:
    """Return a document with the values of facets that are no trees."""
    latest = year(view)
    values = {
        ACCESS_FIELD: reach.ways(view.values),
        FORMAT_FIELD: formats(view),
        REGULATORY_FIELD: _ids("regulatory-use", view.many("regulatory_use")),
        EXACT_TERRITORY_FIELD: exact_territories(view),
        KIND_FIELD: service_kind(view.values.get("organization")),
        SCALE_FIELD: scale_class(view.scale),
        YEAR_FIELD: latest,
        YEAR_NUMBER_FIELD: latest and int(latest),
    }
    return document | {name: value for name, value in values.items() if value is not None}


def formats(view: View) -> list[str]:
    """Return the formats of resources and their families, without duplicates."""
    values: dict[str | None, None] = {}
    for resource in view.resources:
        name = resource.text("format")
        values.update(dict.fromkeys((reach.family_of(name), name)))
    return list(filter(None, values))


def exact_territories(view: View) -> list[str]:
    """Return the territories of a dataset itself, without their ancestors.

    A commune as `commune-01053`.
    """
    of_communes = filter(None, map(communes.get, view.territories))
    places = [f"commune-{commune.code}" for commune in of_communes]
    return list(dict.fromkeys([*places, *_ids("territories", view.territories)]))


def _ids(vocabulary: str, keys: Iterable[str]) -> list[str]:
    """Return the ids of concepts, without duplicates; unknown ones are skipped."""
    concepts = filter(None, map(voc.get(vocabulary).get, keys))
    return list(dict.fromkeys(concept.id for concept in concepts))


def service_kind(organization: Any) -> str:
    """Return the kind of the publishing service, an id of `service-kind`."""
    service = _service_of(organization)
    if service is None:
        return _OTHER_KIND
    return _service_kinds().get(str(service.data.get("kind")), _OTHER_KIND)


def _service_of(organization: Any) -> voc.Concept | None:
    """Return the listed service that an organisation is.

    Other plugins may have changed the organisation.
    """
    if not isinstance(organization, dict):
        return None
    return voc.get("organisations").get(str(organization.get("name") or ""))


@cache
def _service_kinds() -> dict[str, str]:
    ids: dict[str, str] = {}
    for concept in voc.get("service-kind"):
        ids |= dict.fromkeys(concept.data["kinds"], concept.id)
    return ids


def scale_class(denominator: str) -> str | None:
    """Return the class of a scale denominator, an id of `scale-class`.

    None without a valid scale.
    """
    if not _NUMBER.fullmatch(denominator) or float(denominator) < 1:
        return None
    for concept in voc.get("scale-class"):
        largest = concept.data["largest"]
        if not largest or float(denominator) <= largest:
            return concept.id
    return None


def year(view: View) -> str | None:
    """Return the year of the data: last revision, else end of the temporal coverage,
    else publication or creation.
    """
    ends = [str(period.get("end") or "") for period in view.rows("temporal_coverage")]
    written = (
        view.text("modified"),
        max(ends, default=""),
        view.text("issued"),
        view.text("created"),
    )
    years = (match[0] for match in map(_YEAR.match, written) if match)
    return next(years, None)


def with_ancestors(vocabulary: str, keys: Iterable[str]) -> list[voc.Concept]:
    """Return the concepts with the given URIs or ids and their ancestors, without duplicates.

    Skip unknown ones.
    """
    concepts = voc.get(vocabulary)
    by_id: dict[str, voc.Concept] = {}
    for key in keys:
        concept = concepts.get(key)
        if concept:
            for ancestor in (concept, *concepts.ancestors(concept.uri)):
                by_id.setdefault(ancestor.id, ancestor)
    return list(by_id.values())


def _updated(modified: str) -> str | None:
    """Return the date of the data in Solr's format (first day of a year or month).

    None if unknown.
    """
    match = _DAY.match(modified)
    if not match:
        return None
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        return f"{date(year, month, day).isoformat()}T00:00:00Z"
    except ValueError:
        return None


def tidy(document: DataDict) -> DataDict:
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
    return (concept.label("fr"), str(concept.data.get("code") or ""))


def _organization_text(organization: Any) -> str:
    """Return the short and full names of the service: "DDT 01 .

    Direction départementale des territoires … Ain".
    """
    if not isinstance(organization, dict):
        return ""
    names = [organization.get("title")]
    service = _service_of(organization)
    if service:
        names += service.alt_labels
    return _text(names)


def _text(parts: Iterable[Any]) -> str:
    return " ; ".join(dict.fromkeys(filter(None, parts)))


def add_places(
    document: DataDict, territories: Iterable[str], title: str, box: boxes.Box | None
) -> None:
    """Add the places of a dataset to its index document.

    If the title names communes of the dataset's département ("PLU de Nantes"), they become its
    places. Without territories, the places are derived from the geometry.

    Args:
        document: index document, changed in place.
        territories: URIs or ids of the dataset's territories and communes.
        title: title of the dataset.
        box: bounding box of its geometry.
    """
    own = list(dict.fromkeys(filter(None, map(index_value, territories))))
    around: list[str] = []
    if box and not own:
        own, around = boxes.places(box)
    # "France" beside another place tells where that place lies, not that the dataset covers the
    # country.
    own = [value for value in own if value not in gazetteer.COUNTRIES] or own
    codes = [code for code, concept in gazetteer.departements().items() if concept.id in own]
    has_commune = any(value.startswith("commune-") for value in own)
    if codes and len(codes) <= MOST_DEPARTEMENTS and not has_commune:
        of_title = gazetteer.communes_in(title, tuple(codes))
        if of_title:
            own = [f"commune-{commune.code}" for commune in of_title]
    document[PLACE_FIELD] = own
    document[INSIDE_FIELD] = list(gazetteer.inside((*own, *around)))
