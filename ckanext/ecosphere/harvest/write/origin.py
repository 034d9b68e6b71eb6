"""Find the source record of a dataset, and what it states."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.normalise import Context, RecordError, Result, normalise
from ckanext.ecosphere.harvest.problems import sentence
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.source_evidence import Statement, statements
from ckanext.ecosphere.harvest.sources.source_type import fill_record_url, type_called
from ckanext.harvest.model import HarvestObject, HarvestSource

MAX_CONTENT = 400_000
"""Maximum characters of a record to read for a page; for longer ones the page does not explain missing values."""
_KEPT = 16


def of_dataset(id_or_name: str) -> dict[str, Any] | None:
    """Return what the source record of a dataset states; see `ecosphere_harvest_statements_show`.

    Returns:
        None when the dataset was not harvested by one of our source types, or its record was not stored.
    """
    package = model.Package.get(id_or_name)
    row = _current(package.id) if package else None
    harvester = type_called(row.type) if row else None
    if package is None or row is None or harvester is None:
        return None
    pattern = harvester.record_url(row.url)
    read = _read(row.type, row.content, row.title, pattern)
    if read is None:
        return None
    record, result = read
    context: Any = {"ignore_auth": True, "user": "", "use_cache": False}
    dataset = tk.get_action("package_show")(context, {"id": package.id})
    return {
        "source": {"title": row.title, "url": row.url},
        "record": dataset.get("source_record") or (fill_record_url(pattern, row.guid) if pattern else None),
        "fields": {name: _told(each) for name, each in statements(record, result, dataset).items()},
    }


@lru_cache(maxsize=_KEPT)
def _read(source_type: str, content: str, title: str, pattern: str | None) -> tuple[Record, Result] | None:
    """Read and normalise a record; cached for pages that are requested repeatedly."""
    harvester = type_called(source_type)
    if harvester is None:
        return None
    try:
        record = harvester.read(content)
        return record, normalise(record, Context(catalogue_title=title, record_url=pattern))
    except RecordError:
        return None


def _current(package_id: str) -> Any:
    """Return the object that the dataset was last made of, with its source."""
    query = (
        sa.select(HarvestObject.guid, HarvestObject.content, HarvestSource.type, HarvestSource.url, HarvestSource.title)
        .join(HarvestSource, HarvestSource.id == HarvestObject.harvest_source_id)
        .where(
            HarvestObject.package_id == package_id,
            HarvestObject.current.is_(True),
            # Do not load a record that is too long for a page.
            sa.func.length(HarvestObject.content) <= MAX_CONTENT,
        )
        .limit(1)
    )
    return model.Session.execute(query).first()


def _told(statement: Statement) -> dict[str, Any]:
    return {
        "said": list(statement.said),
        "lost": list(statement.lost),
        "problems": [sentence(each, tk._) for each in statement.problems],
    }
