"""Write datasets as CSV in the layout of the national "schéma de catalogue de données" (17 columns). No CKAN imports.

The columns are defined by etalab/schema-catalogue-donnees, version 0.3.0. Multiple values are separated by ", ". A year
or month is written as its first day, since the layout requires full dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckanext.ecosphere.dataset.dates import span
from ckanext.ecosphere.schemas.fields import places, urls
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.shared import csv_table

COLUMNS = (
    "titre", "description", "mots_cles", "nom_orga", "siret_orga", "id_alt_orga", "service", "si", "contact_service",
    "contact_personne", "date_pub", "date_maj", "freq_maj", "couv_geo", "url", "format", "licence",
)  # fmt: skip


def row(dataset: Mapping[str, Any], page: str = "") -> dict[str, str]:
    """Return the row of a dataset.

    Args:
        dataset: the dataset, from ``package_show``.
        page: URL of the dataset on the portal, used if it has no landing page (``url``).
    """
    read = Reader(dataset)
    service = dataset.get("organization") or {}
    party = next(iter([*read.rows("creator"), *read.rows("publisher")]), {})
    emails = [str(contact["email"]) for contact in read.rows("contact") if contact.get("email")]
    producer = str(party.get("name") or service.get("title") or "")
    units = [str(contact.get("unit") or contact["name"]) for contact in read.rows("contact") if contact.get("name")]
    siret = str(party.get("identifier") or "").replace(" ", "")
    is_siret = len(siret) == 14 and siret.isdigit()  # noqa: PLR2004 - digits of a SIRET number
    return {
        "titre": read.text("title"),
        "description": read.text("notes"),
        "mots_cles": ", ".join(str(tag["name"]) for tag in read.rows("tags") if tag.get("name")),
        "nom_orga": producer,
        "siret_orga": siret if is_siret else "",
        "id_alt_orga": "" if is_siret else str(party.get("identifier") or ("" if party else service.get("name")) or ""),
        "service": next(iter(units), "") or producer,
        "si": ", ".join(text for text in read.texts("source") if not urls.is_uri(text)),
        "contact_service": str(party.get("email") or next(iter(emails), "")),
        "contact_personne": ", ".join(dict.fromkeys(emails)),
        "date_pub": _day(read.text("issued")),
        "date_maj": _day(read.text("modified")),
        "freq_maj": read.concept("frequency", "frequency"),
        "couv_geo": ", ".join(_places(read)),
        "url": read.text("url") or page,
        "format": ", ".join(dict.fromkeys(str(r["format"]) for r in read.rows("resources") if r.get("format"))),
        "licence": read.concept("licences", "license_id"),
    }


def _day(value: str) -> str:
    try:
        return span(value)[0].isoformat() if value else ""
    except ValueError:
        return ""


def _places(read: Reader) -> Iterator[str]:
    for uri in read.texts("territory"):
        yield places.label(uri, "fr")
    if not read.texts("territory"):
        yield from (str(part["text"]) for part in read.rows("spatial_coverage") if part.get("text"))


def lines(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of the CSV file, with commas as expected by Table Schema (RFC 4180)."""
    return csv_table.lines(COLUMNS, ([each.get(name, "") for name in COLUMNS] for each in rows), separator=",")
