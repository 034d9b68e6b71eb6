"""Hide harvest sources when the harvester is disabled, and restore them when it is back.

CKAN builds the URL of a dataset from its type, and the type of harvest sources has routes only with ckanext-harvest.
Without it, CKAN answers 500 on every page that lists a source: dataset lists, the list of deleted datasets, activity
streams. Hidden sources therefore get a state of their own, which no list selects, and another type in the activity
stream.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.interfaces import InitReport, LeavingStep
from ckanext.ecosphere.setup.leaving import KEY
from ckanext.harvest.model import HarvestSource

HIDDEN = "hidden"
STOCK, PLAIN, OWN = "harvest", "dataset", "ecosphere_"


def steps(kept: Collection[str]) -> list[LeavingStep]:
    """Return the step that hides all sources, or only those of our types when ckanext-harvest stays."""
    number = len(_rows(kept))
    if not number:
        return []
    message = tk.ungettext(
        "{number} harvest source is hidden: CKAN without the harvester fails where one is listed",
        "{number} harvest sources are hidden: CKAN without the harvester fails where one is listed",
        number,
    ).format(number=number)

    def hide() -> str:
        rows = _rows(kept)
        for package, source in rows:
            before = {"state": package.state, "active": source.active if source else None}
            package.plugin_data = {**(package.plugin_data or {}), KEY: before}
            package.state = HIDDEN
            if source:
                source.active = False
        model.Session.flush()
        _name_type([package.id for package, _source in rows], STOCK, PLAIN)
        sentence = tk.ungettext(
            "{number} harvest source hidden", "{number} harvest sources hidden", len(rows)
        )
        return sentence.format(number=len(rows))

    return [LeavingStep(message, hide)]


def restore(report: InitReport) -> None:
    """Restore the sources that `steps` hid."""
    package: Any = model.Package
    rows = _joined(package.state == HIDDEN, package.plugin_data.has_key(KEY))
    for row, source in rows:
        data = dict(row.plugin_data)
        before = data.pop(KEY)
        row.state, row.plugin_data = before["state"], data
        if source and before["active"] is not None:
            source.active = before["active"]
    _name_type([row.id for row, _source in rows], PLAIN, STOCK)
    model.Session.commit()
    if rows:
        message = tk.ungettext(
            "{number} harvest source is back", "{number} harvest sources are back", len(rows)
        )
        report.changed(message.format(number=len(rows)))


def _name_type(ids: Collection[str], before: str, after: str) -> None:
    """Change the type of the sources in the activity stream, which also builds URLs from it."""
    if not ids or not sa.inspect(model.Session.connection()).has_table("activity"):
        return
    statement = """
        UPDATE activity
        SET data = jsonb_set(data::jsonb, '{package,type}', to_jsonb(CAST(:after AS text)))::text
        WHERE object_id = ANY(:ids) AND data::jsonb -> 'package' ->> 'type' = :before
    """
    model.Session.execute(sa.text(statement), {"ids": list(ids), "before": before, "after": after})


def _rows(kept: Collection[str]) -> list[tuple[Any, Any]]:
    rows = _joined(model.Package.state != HIDDEN)
    return [row for row in rows if STOCK not in kept or (row[1] and row[1].type.startswith(OWN))]


def _joined(*conditions: Any) -> list[tuple[Any, Any]]:
    query = (
        sa.select(model.Package, HarvestSource)
        .outerjoin(HarvestSource, HarvestSource.id == model.Package.id)
        .where(model.Package.type == STOCK, *conditions)
        .order_by(model.Package.name)
    )
    return [(package, source) for package, source in model.Session.execute(query)]
