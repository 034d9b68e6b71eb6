"""The ISO 19139 record of a dataset, with what the portal knows around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.rdf import relations


def of(dataset: Mapping[str, Any]) -> bytes:
    """Return the record of a dataset as ``package_show`` gives it: what its series lends it, members, other records."""
    return writer.record(
        inheritance.completed(dict(dataset)),
        (dataset.get("organization") or {}).get("title") or "",
        relations.other_records(dataset),
        members=relations.members(dataset),
        records=relations.records(dataset.get("serves_dataset") or ()),
    )
