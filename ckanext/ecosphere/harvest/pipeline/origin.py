"""From a dataset back to the record that it was made of."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.problems import MESSAGES, Problem
from ckanext.ecosphere.harvest.sources.harvester import fill_record_url, harvester_for
from ckanext.ecosphere.harvest.statements import Statement, statements
from ckanext.harvest.model import HarvestObject, HarvestSource


def of_dataset(id_or_name: str) -> dict[str, Any] | None:
    """Return what the source record of a dataset says; see `ecosphere_harvest_statements_show`.

    Returns:
        None when the dataset was not harvested by one of our source types, or its record was not kept.
    """
    package = model.Package.get(id_or_name)
    row = _current(package.id) if package else None
    harvester = harvester_for(row.type) if row else None
    if package is None or row is None or harvester is None:
        return None
    pattern = harvester.record_url(row.url)
    try:
        record = harvester.read(row.content)
        result = normalise(record, Context(catalogue_title=row.title, record_url=pattern))
    except RecordError:
        return None
    context: Any = {"ignore_auth": True, "user": "", "use_cache": False}
    dataset = tk.get_action("package_show")(context, {"id": package.id})
    return {
        "source": {"title": row.title, "url": row.url},
        "record": dataset.get("source_record") or (fill_record_url(pattern, row.guid) if pattern else None),
        "fields": {name: _told(each) for name, each in statements(record, result, dataset).items()},
    }


def _current(package_id: str) -> Any:
    """The object that the dataset was last made of, with its source."""
    query = (
        sa.select(HarvestObject.guid, HarvestObject.content, HarvestSource.type, HarvestSource.url, HarvestSource.title)
        .join(HarvestSource, HarvestSource.id == HarvestObject.harvest_source_id)
        .where(
            HarvestObject.package_id == package_id,
            HarvestObject.current.is_(True),
            HarvestObject.content.is_not(None),
        )
        .limit(1)
    )
    return model.Session.execute(query).first()


def _told(statement: Statement) -> dict[str, Any]:
    return {
        "said": list(statement.said),
        "lost": list(statement.lost),
        "problems": [_sentence(each) for each in statement.problems],
    }


def _sentence(problem: Problem) -> str:
    return tk._(MESSAGES[problem.code]).format(**problem.params)
