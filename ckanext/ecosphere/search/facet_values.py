"""Facet values of a dataset in the index: access, formats, kind of service, year, scale, regulatory uses.

Values are ids of the vocabularies named in `data/facets.csv`. Single values are stored in plain string fields, multiple
ones in `vocab_…` fields, both of which CKAN's own schema supports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.search.relevance.solr_query import ACCESS_FIELD, YEAR_NUMBER_FIELD
from ckanext.ecosphere.shared import reach
from ckanext.ecosphere.vocabularies import communes

FORMAT_FIELD = "vocab_ecosphere_format"
REGULATORY_FIELD = "vocab_ecosphere_regulatory_use"
EXACT_TERRITORY_FIELD = "vocab_ecosphere_territory_exact"
KIND_FIELD = "ecosphere_service_kind"
SCALE_FIELD = "ecosphere_scale_class"
YEAR_FIELD = "ecosphere_data_year"

_OTHER_KIND = "other"
_YEAR = re.compile(r"(?:1[6-9]|20)\d\d(?=\D|$)")
_NUMBER = re.compile(r"\d{1,12}(?:\.\d*)?")


def complete(document: dict[str, Any], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Add the facet values to an index document.

    Args:
        document: index document, changed in place.
        dataset: as returned by `package_show`.

    Returns:
        the same document.
    """
    # Without the suite's schema, these fields are free extras of a dataset.
    fields = {extra["key"]: extra["value"] for extra in dataset.get("extras") or []} | dict(dataset)
    resources = dataset.get("resources") or []
    resources = [resource for resource in resources if isinstance(resource, dict)]
    document[ACCESS_FIELD] = reach.ways(fields)
    document[FORMAT_FIELD] = formats(resources)
    document[REGULATORY_FIELD] = _ids("regulatory-use", fields.get("regulatory_use"))
    document[EXACT_TERRITORY_FIELD] = exact_territories(fields.get("territory"))
    document[KIND_FIELD] = service_kind(dataset.get("organization"))
    latest = year(fields)
    single = {
        SCALE_FIELD: scale_class(fields.get("scale_denominator")),
        YEAR_FIELD: latest,
        YEAR_NUMBER_FIELD: latest and int(latest),
    }
    return document | {name: value for name, value in single.items() if value}


def formats(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the formats of resources and their families, without duplicates."""
    values: list[str] = []
    for resource in resources:
        name = str(resource.get("format") or "").strip()
        if name:
            values += filter(None, (reach.family_of(name), name))
    return list(dict.fromkeys(values))


def exact_territories(value: Any) -> list[str]:
    """Return the territories of a dataset itself, without their ancestors; a commune as `commune-01053`."""
    keys = values(value)
    places = [f"commune-{commune.code}" for commune in filter(None, map(communes.get, keys))]
    return list(dict.fromkeys([*places, *_ids("territories", keys)]))


def service_kind(organization: Any) -> str:
    """Return the kind of the publishing service, an id of `service-kind`."""
    if not isinstance(organization, dict):
        return _OTHER_KIND
    service = voc.get("organisations").get(str(organization.get("name") or ""))
    if service is None:
        return _OTHER_KIND
    return _service_kinds().get(str(service.data.get("kind")), _OTHER_KIND)


@cache
def _service_kinds() -> dict[str, str]:
    return {
        kind: concept.id for concept in voc.get("service-kind") for kind in concept.data["kinds"]
    }


def scale_class(denominator: Any) -> str | None:
    """Return the class of a scale denominator, an id of `scale-class`; None without a valid scale."""
    match = _NUMBER.fullmatch(str(denominator or "").strip())
    if match is None or float(match[0]) < 1:
        return None
    number = float(match[0])
    for concept in voc.get("scale-class"):
        largest = concept.data["largest"]
        if not largest or number <= largest:
            return concept.id
    return None


def year(fields: Mapping[str, Any]) -> str | None:
    """Return the year of the data: last revision, else end of the temporal coverage, else publication or creation."""
    periods = fields.get("temporal_coverage")
    if not isinstance(periods, list):
        periods = []
    ends = [str(period.get("end") or "") for period in periods if isinstance(period, dict)]
    dates = (
        fields.get("modified"),
        max(ends, default=""),
        fields.get("issued"),
        fields.get("created"),
    )
    for date in dates:
        match = _YEAR.match(str(date or ""))
        if match:
            return match[0]
    return None


def covering(place: str) -> list[str]:
    """Return the territories that cover a place: itself and its ancestors.

    Args:
        place: id of a territory, or `commune-` and the INSEE code.

    Returns:
        values of `EXACT_TERRITORY_FIELD`, empty if the place is unknown.
    """
    territories = voc.get("territories")
    code = place.removeprefix("commune-")
    commune = communes.of_code(code) if code != place else None
    covers: list[str] = []
    if commune:
        covers.append(place)
        place = f"departement-{commune.departement}"
    territory = territories.get(place)
    if territory:
        covers += [concept.id for concept in (territory, *territories.ancestors(territory.id))]
    return covers


def values(value: Any) -> list[str]:
    """Return the values of a multi-valued field: a list, its JSON text, or a single value."""
    return list(View({"value": value}).many("value"))


def _ids(vocabulary: str, value: Any) -> list[str]:
    """Return the ids of the concepts of a field's values, without duplicates; unknown ones are skipped."""
    concepts = filter(None, map(voc.get(vocabulary).get, values(value)))
    return list(dict.fromkeys(concept.id for concept in concepts))
