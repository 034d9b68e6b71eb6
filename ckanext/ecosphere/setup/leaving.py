"""Steps of `ckan ecosphere leave`: one file, steps of each room, and an index readable by CKAN
without the plugins.

Nothing is dropped from the database: the suite's tables remain, and `ckan ecosphere init` makes the
datasets those of the schema again once the plugins are enabled. What a plain CKAN cannot keep of a
dataset is in the file.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckan.lib.search as ckan_search
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from click import UsageError

from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import LeavingStep, each_setup

OWN = "ecosphere"
#: Key of `plugin_data` that marks a dataset prepared for a CKAN without the plugins.
KEY = "ecosphere_left"
HARVEST = "harvest"
#: Plugins that are useless or harmful without ours: the first has our schema, the second our
#: sources.
OF_NO_USE_ALONE = ("scheming_datasets", HARVEST)
OWNER_ONLY = 0o077


@dataclass(frozen=True)
class Plan:
    """The planned steps.

    Attributes:
        file: file of the export, created on execution.
        datasets: ids of the exported datasets.
        steps: steps before the index is rebuilt.
        unloaded: plugins to take out of `ckan.plugins` afterwards.
    """

    file: Path
    datasets: Collection[str]
    steps: Collection[LeavingStep]
    unloaded: Collection[str]

    def sentences(self) -> Iterator[str]:
        """Yield the plan as sentences."""
        yield tk.ungettext(
            "{number} dataset is exported to {file}",
            "{number} datasets are exported to {file}",
            len(self.datasets),
        ).format(number=len(self.datasets), file=self.file)
        for step in self.steps:
            yield step.plan
        yield tk._(
            "the index is cleared and written as a CKAN without these plugins reads it: {plugins}"
        ).format(plugins=" ".join(self.unloaded))


def default_file() -> Path:
    """Return a file for the export in the working directory, named after the current time."""
    return Path(f"ecosphere-export-{dt.datetime.now(dt.timezone.utc):%Y%m%d-%H%M%S}.jsonl")


def plan(file: Path, kept: Collection[str] = ()) -> Plan:
    """Return the planned steps.

    Args:
        file: file of the export.
        kept: plugins that would be unloaded by default, but stay enabled.

    Raises:
        UsageError: the file exists, or a plugin to keep is not enabled or belongs to the suite.
    """
    if file.exists():
        raise UsageError(tk._("{file} exists already").format(file=file))
    loaded = tk.aslist(tk.config["ckan.plugins"])
    impossible = [name for name in kept if name not in loaded or name.startswith(OWN)]
    if impossible:
        raise UsageError(tk._("These cannot be kept: {names}").format(names=", ".join(impossible)))
    leaving = set(OF_NO_USE_ALONE) - set(kept)
    if _has_sources_of_others():
        leaving.discard(HARVEST)
    unloaded = [name for name in loaded if name.startswith(OWN) or name in leaving]
    staying = [name for name in loaded if name not in unloaded]
    steps: list[LeavingStep] = []
    for plugin in each_setup():
        steps += plugin.ecosphere_leave(staying)
    package = model.Package
    datasets = model.Session.scalars(
        sa.select(package.id).where(package.type == "dataset").order_by(package.id)
    )
    return Plan(file, list(datasets), steps, unloaded)


def run(plan: Plan) -> Iterator[str]:
    """Execute a plan, yielding what was done as sentences.

    The database is rolled back if a step fails.
    """
    mask = os.umask(OWNER_ONLY)
    try:
        yield _export(plan)
        for step in plan.steps:
            yield step.run()
    except BaseException:
        model.Session.rollback()
        raise
    finally:
        os.umask(mask)
    model.Session.commit()
    model.Session.expunge_all()  # the steps changed rows that CKAN may have loaded before
    failed = _index_plainly()
    if failed:
        message = tk._(
            "These datasets could not be indexed; see the log, then run `ckan search-index "
            "rebuild`: {ids}"
        )
        yield message.format(ids=", ".join(failed))
    message = tk._(
        "The index is written anew. Take these out of ckan.plugins, then start CKAN: {plugins}"
    )
    yield message.format(plugins=" ".join(plan.unloaded))


def _export(plan: Plan) -> str:
    """Write every dataset in every state, as `package_show` returns it, one JSON object a line."""
    plan.file.parent.mkdir(parents=True, exist_ok=True)
    with plan.file.open("x", encoding="utf-8") as lines:
        for dataset in _show_each(plan.datasets):
            lines.write(json.dumps(dataset, ensure_ascii=False) + "\n")
    message = tk.ungettext(
        "{number} dataset exported", "{number} datasets exported", len(plan.datasets)
    )
    return message.format(number=len(plan.datasets))


def _show_each(ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    for id_ in ids:
        yield tk.get_action("package_show")({"ignore_auth": True}, {"id": id_})
        model.Session.expunge_all()  # a large catalogue does not fit into the session


def _has_sources_of_others() -> bool:
    """Return whether there are harvest sources of types that are not ours:
    ckanext-harvest then stays enabled.
    """
    if "harvest_source" not in sa.inspect(model.Session.connection()).get_table_names():
        return False
    query = "SELECT EXISTS (SELECT FROM harvest_source WHERE NOT starts_with(type, :own))"
    return bool(model.Session.scalar(sa.text(query), {"own": f"{OWN}_"}))


def _index_plainly() -> list[str]:
    """Clear and rebuild the index, in which hidden datasets stay out, and left ones are as a plain
    CKAN reads them.

    Returns:
        ids of the datasets that could not be indexed.
    """
    ckan_search.clear_all()
    package = model.Package
    ids = model.Session.scalars(sa.select(package.id).where(package.state.in_(("active", "draft"))))
    return documents.index(list(ids))
