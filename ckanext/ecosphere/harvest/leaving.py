"""Hide harvest sources when the harvester is disabled, and restore them when it is back.

CKAN builds the URL of a dataset from its type, and the type of harvest sources has routes only with
ckanext-harvest. Without it, CKAN answers 500 on every page that lists a source: dataset lists, the
list of deleted datasets, activity streams. Hidden sources therefore get a state of their own, which
no list selects, and another type in the activity stream.
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

HIDDEN = "hidden"  # state of the package of a hidden source
HARVEST = "harvest"  # type of the package of a source, and the plugin of ckanext-harvest
DATASET = "dataset"
OUR_TYPES = "ecosphere_"  # how the names of our types of source begin


def steps(kept: Collection[str]) -> list[LeavingStep]:
    """Return the step that hides all sources, or only those of our types when ckanext-harvest
    stays.

    Args:
        kept: names of the plugins that stay enabled.
    """
    number = len(_sources_to_hide(kept))
    if not number:
        return []
    message = tk.ungettext(
        "{number} harvest source is hidden: CKAN without the harvester fails where one is listed",
        "{number} harvest sources are hidden: CKAN without the harvester fails where one is listed",
        number,
    ).format(number=number)

    def hide() -> str:
        sources = _sources_to_hide(kept)
        for package, source in sources:
            before = {"state": package.state, "active": None}
            if source:
                before["active"] = source.active
                source.active = False
            package.plugin_data = {**(package.plugin_data or {}), KEY: before}
            package.state = HIDDEN
        model.Session.flush()
        _change_type([package.id for package, _source in sources], HARVEST, DATASET)
        sentence = tk.ungettext(
            "{number} harvest source hidden", "{number} harvest sources hidden", len(sources)
        )
        return sentence.format(number=len(sources))

    return [LeavingStep(message, hide)]


def restore(report: InitReport) -> None:
    """Restore the sources that `steps` hid."""
    plugin_data: Any = model.Package.plugin_data
    sources = _sources(model.Package.state == HIDDEN, plugin_data.has_key(KEY))
    for package, source in sources:
        data = dict(package.plugin_data)
        before = data.pop(KEY)
        package.state, package.plugin_data = before["state"], data
        if source and before["active"] is not None:
            source.active = before["active"]
    _change_type([package.id for package, _source in sources], DATASET, HARVEST)
    model.Session.commit()
    if sources:
        message = tk.ungettext(
            "{number} harvest source is back", "{number} harvest sources are back", len(sources)
        )
        report.changed(message.format(number=len(sources)))


def _change_type(ids: Collection[str], before: str, after: str) -> None:
    """Change the type of the sources in the activity stream, which also builds URLs from it."""
    if not ids or not sa.inspect(model.Session.connection()).has_table("activity"):
        return
    statement = """
        UPDATE activity
        SET data = jsonb_set(data::jsonb, '{package,type}', to_jsonb(CAST(:after AS text)))::text
        WHERE object_id = ANY(:ids) AND data::jsonb -> 'package' ->> 'type' = :before
    """
    model.Session.execute(sa.text(statement), {"ids": list(ids), "before": before, "after": after})


def _sources_to_hide(kept: Collection[str]) -> list[tuple[Any, Any]]:
    sources = _sources(model.Package.state != HIDDEN)
    if HARVEST not in kept:
        return sources
    return [
        (package, source)
        for package, source in sources
        if source and source.type.startswith(OUR_TYPES)
    ]


def _sources(*conditions: Any) -> list[tuple[Any, Any]]:
    """Return sources that fulfil conditions, each as its package and its row in `harvest_source`,
    None without one.
    """
    query = (
        sa.select(model.Package, HarvestSource)
        .outerjoin(HarvestSource, HarvestSource.id == model.Package.id)
        .where(model.Package.type == HARVEST, *conditions)
        .order_by(model.Package.name)
    )
    return list(model.Session.execute(query).tuples())
