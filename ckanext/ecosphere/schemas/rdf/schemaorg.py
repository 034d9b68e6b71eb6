"""Describe datasets in schema.org terms, for search engines. No CKAN imports.

Properties are those of https://schema.org/Dataset, SoftwareSourceCode and WebAPI that correspond to fields of the
schema, and those required by Google's guide for datasets. Nothing is inferred beyond the fields of the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import places, spatial, urls
from ckanext.ecosphere.schemas.iso.reading import Reader

KINDS = {"service": "WebAPI", "SoftwareSourceCode": "SoftwareSourceCode"}
LONGEST_DESCRIPTION = 5000
SHORTEST_DESCRIPTION = 50


def describe(dataset: Mapping[str, Any], page: str, catalogue: str) -> dict[str, Any]:
    """Return a dataset as a JSON-LD object.

    Args:
        dataset: the dataset, from ``package_show``.
        page: URL of its page.
        catalogue: name of the portal.
    """
    read = Reader(dataset)
    licence = voc.get("licences").get(read.text("license_id"))
    service = dataset.get("organization") or {}
    own = [{"@type": "Organization", "name": str(service["title"])}] if service.get("title") else []
    found = {
        "@context": "https://schema.org/",
        "@type": KINDS.get(read.kind, "Dataset"),
        "@id": page,
        "url": page,
        "name": read.text("title"),
        "alternateName": read.texts("alternate_title"),
        "description": _description(read),
        "identifier": list(dict.fromkeys([*read.texts("identifier"), *read.texts("alternate_identifier")])),
        "keywords": [*(str(tag["name"]) for tag in read.rows("tags") if tag.get("name")), *_labels(read)],
        "license": licence.uri if licence and urls.is_web_address(licence.uri) else "",
        "isAccessibleForFree": True if licence and licence.data["open"] and _is_public(read) else None,
        "inLanguage": [_language(uri) for uri in read.texts("language")],
        "dateCreated": read.text("created"),
        "datePublished": read.text("issued"),
        "dateModified": read.text("modified"),
        "version": read.text("version"),
        "creator": [_party(row) for row in read.rows("creator") if row.get("name")] or own,
        "publisher": [_party(row) for row in read.rows("publisher") if row.get("name")] or own,
        "spatialCoverage": [*_places(read)],
        "temporalCoverage": [*_periods(read)],
        "image": read.text("preview_image"),
        "sameAs": read.text("url"),
        **_of_its_kind(read, catalogue, own),
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _description(read: Reader) -> str:
    """Return the description in the 50 to 5000 characters required by search engines; a short one follows the title."""
    text = read.text("notes")
    if len(text) < SHORTEST_DESCRIPTION:
        text = f"{read.text('title')}. {text}".strip()
    return text[:LONGEST_DESCRIPTION]


def _is_public(read: Reader) -> bool:
    return read.text("access_rights").rsplit("/", 1)[-1] in ("", "PUBLIC")


def _language(uri: str) -> str:
    """Return the BCP 47 tag of a language, two letters if available."""
    known = voc.get("language").get(uri)
    return next(iter(known.alt_labels), "") if known else uri.rsplit("/", 1)[-1].lower()


def _of_its_kind(read: Reader, catalogue: str, own: list[dict[str, Any]]) -> dict[str, Any]:
    if read.kind == "SoftwareSourceCode":
        return {
            "codeRepository": read.text("code_repository"),
            "programmingLanguage": read.texts("programming_language"),
            "creativeWorkStatus": read.text("development_status"),
        }
    if read.kind == "service":
        return {"documentation": read.text("endpoint_description"), "provider": own}
    return {
        "includedInDataCatalog": {"@type": "DataCatalog", "name": catalogue},
        "measurementTechnique": read.text("method"),
        "conditionsOfAccess": read.text("access_conditions"),
        "distribution": [_distribution(row) for row in read.rows("resources") if row.get("url")],
    }


def _labels(read: Reader) -> Iterator[str]:
    for name, vocabulary in (("theme", "themes"), ("inspire_theme", "inspire-theme")):
        for uri in read.texts(name):
            concept = voc.get(vocabulary).get(uri)
            if concept:
                yield concept.label_fr


def _party(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {"@type": "Organization", "name": str(row["name"]), "url": row.get("url"), "email": row.get("email")}
    return {name: value for name, value in found.items() if value}


def _distribution(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "@type": "DataDownload",
        "contentUrl": str(row["url"]),
        "name": row.get("name"),
        "description": row.get("description"),
        "encodingFormat": row.get("mimetype") or row.get("format"),
        "contentSize": f"{row['size']} B" if row.get("size") else "",
    }
    return {name: value for name, value in found.items() if value}


def _places(read: Reader) -> Iterator[dict[str, Any]]:
    for uri in read.texts("territory"):
        yield _place(places.label(uri, "fr"), spatial.territory_box(uri))
    for row in read.rows("spatial_coverage"):
        try:
            box = spatial.geometry_to_box(spatial.parse_box(row["bbox"])) if row.get("bbox") else None
        except spatial.GeometryError:
            box = None
        if box or row.get("text"):
            yield _place(str(row.get("text") or ""), box)


def _place(name: str, box: spatial.Box | None) -> dict[str, Any]:
    """Return a place; the order of a box in schema.org is south, west, north, east."""
    found: dict[str, Any] = {"@type": "Place"}
    if name:
        found["name"] = name
    if box:
        west, south, east, north = box
        found["geo"] = {"@type": "GeoShape", "box": f"{south:g} {west:g} {north:g} {east:g}"}
    return found


def _periods(read: Reader) -> Iterator[str]:
    for row in read.rows("temporal_coverage"):
        if row.get("start") or row.get("end"):
            yield f"{row.get('start') or '..'}/{row.get('end') or '..'}"
