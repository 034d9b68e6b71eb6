"""Describe datasets in schema.org terms, for search engines.

Properties are those of https://schema.org/Dataset, SoftwareSourceCode and WebAPI that correspond to
fields of the schema, and those required by Google's guide for datasets. Nothing is inferred beyond
the fields of the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.view import Row, View, as_list, filled
from ckanext.ecosphere.schemas import places, relations, stored, urls

KINDS = {"service": "WebAPI", "SoftwareSourceCode": "SoftwareSourceCode"}
LISTS = ("identifier",)
"""Properties of several fields."""
LONGEST_DESCRIPTION = 5000
SHORTEST_DESCRIPTION = 50


def describe(dataset: Row, page: str, catalogue: str) -> DataDict:
    """Return a dataset as a JSON-LD object.

    Args:
        dataset: the dataset, from ``package_show``.
        page: URL of its page.
        catalogue: name of the portal.
    """
    read = View(dataset)
    licence = voc.get("licences").get(read.text("license_id"))
    described = {
        "@context": "https://schema.org/",
        "@type": KINDS.get(read.kind, "Dataset"),
        "@id": page,
        "url": page,
        **_fields(read),
        "description": _description(read),
        "keywords": [*_keywords(read)],
        "inLanguage": [_language(uri) for uri in read.texts("language")],
        "spatialCoverage": [*_places(read)],
        "temporalCoverage": [*_periods(read)],
        **_parties(read),
    }
    if licence and urls.is_web_address(licence.uri):
        described["license"] = licence.uri
    if licence and licence.data["open"] and _is_public(read):
        described["isAccessibleForFree"] = True
    if read.kind not in KINDS:
        described["includedInDataCatalog"] = {"@type": "DataCatalog", "name": catalogue}
        files = [row for row in read.rows("resources") if row.get("url")]
        described["distribution"] = [_distribution(row) for row in files]
    return filled(described)


def _fields(read: View) -> DataDict:
    """Return the properties that the table of fields names."""
    described: DataDict = {}
    for field in fields.having("schemaorg"):
        name = field.entry["schemaorg"]
        if name in LISTS or field.has_several:
            described.setdefault(name, []).extend(read.many(field.name))
        else:
            described[name] = read.text(field.name)
    return described


def _description(read: View) -> str:
    """Return the description in the 50 to 5000 characters required by search engines.

    A short one follows the title.
    """
    text = read.text("notes")
    if len(text) < SHORTEST_DESCRIPTION:
        text = f"{read.text('title')}. {text}".strip()
    return text[:LONGEST_DESCRIPTION]


def _is_public(read: View) -> bool:
    return read.access_right in ("", "PUBLIC")


def _language(uri: str) -> str:
    """Return the BCP 47 tag of a language, two letters if available."""
    concept = voc.get("language").get(uri)
    if concept is None:
        return uri.rsplit("/", 1)[-1].lower()
    return next(iter(concept.alt_labels), "")


def _keywords(read: View) -> Iterator[str]:
    for tag in read.rows("tags"):
        if tag.get("name"):
            yield str(tag["name"])
    for name in ("theme", "inspire_theme"):
        concepts = voc.get(fields.get(name).vocabulary)
        for uri in read.texts(name):
            concept = concepts.get(uri)
            if concept:
                yield concept.label_fr


def _parties(read: View) -> DataDict:
    """Return producer and publisher, the service where none is named.

    Of a service also the provider.
    """
    service = read.values.get("organization") or {}
    own = []
    if service.get("title"):
        own = [{"@type": "Organization", "name": str(service["title"])}]
    parties = {}
    for name in ("creator", "publisher"):
        rows_with_name = [row for row in read.rows(name) if row.get("name")]
        parties[name] = [_party(row) for row in rows_with_name] or own
    if read.kind == "service":
        parties["provider"] = own
    return parties


def _party(row: Row) -> DataDict:
    party = {
        "@type": "Organization",
        "name": str(row["name"]),
        "url": row.get("url"),
        "email": row.get("email"),
    }
    return filled(party)


def _distribution(row: Row) -> DataDict:
    size = ""
    if row.get("size"):
        size = f"{row['size']} B"
    download = {
        "@type": "DataDownload",
        "contentUrl": str(row["url"]),
        "name": row.get("name"),
        "description": row.get("description"),
        "encodingFormat": row.get("mimetype") or row.get("format"),
        "contentSize": size,
    }
    return filled(download)


def _places(read: View) -> Iterator[DataDict]:
    for uri in read.texts("territory"):
        yield _place(places.label(uri, "fr"), places.territory_box(uri))
    for row in read.rows("spatial_coverage"):
        shape, box = places.shape(row, "bbox"), None
        if shape:
            box = places.geometry_to_box(shape)
        if box or row.get("text"):
            yield _place(str(row.get("text") or ""), box)


def _place(name: str, box: places.Box | None) -> DataDict:
    """Return a place; the order of a box in schema.org is south, west, north, east."""
    place: DataDict = {"@type": "Place"}
    if name:
        place["name"] = name
    if box:
        west, south, east, north = box
        place["geo"] = {"@type": "GeoShape", "box": f"{south:g} {west:g} {north:g} {east:g}"}
    return place


def _periods(read: View) -> Iterator[str]:
    for row in read.rows("temporal_coverage"):
        if row.get("start") or row.get("end"):
            yield f"{row.get('start') or '..'}/{row.get('end') or '..'}"


def structured_data(dataset: Row) -> DataDict:
    """Return a dataset as a JSON-LD object.

    Args:
        dataset: the dataset, from ``package_show``. Related datasets that the current user may not
            see are left out.
    """
    completed = stored.completed(dataset)
    described = describe(completed, relations.page_of(dataset), tk.config["ckan.site_title"])
    parts: list[Any] = []
    if dataset.get("dcat_type") == relations.SERIES:
        parts = relations.referring(dataset, relations.SERIES_FIELD)["results"]
    wholes = relations.find(as_list(dataset.get("in_series") or []))
    for name, others in (("hasPart", parts), ("isPartOf", wholes)):
        if others:
            described[name] = [_reference(other) for other in others]
    return described


def _reference(dataset: Row) -> DataDict:
    return {"@type": "Dataset", "name": dataset["title"], "url": relations.page_of(dataset)}
