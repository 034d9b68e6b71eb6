"""Build the ISO 19139 record of a dataset, including its relations on the portal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.rdf import relations


def of(dataset: Mapping[str, Any]) -> bytes:
    """Return the record of a dataset from ``package_show``, with inherited fields, members and related records."""
    return writer.record(
        inheritance.completed(dict(dataset)),
        (dataset.get("organization") or {}).get("title") or "",
        relations.other_records(dataset),
        members=relations.members(dataset),
        records=relations.records(dataset.get("serves_dataset") or ()),
    )
