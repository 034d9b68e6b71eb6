"""Steps of `ckan ecosphere leave`: an export, steps of each room, and an index readable by CKAN without the plugins.

Nothing is dropped from the database: the suite's tables remain, and `ckan ecosphere init` reverts these steps once the
plugins are enabled again. For the contents of the export see "Leaving" in docs/installation.md.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckan.lib.search as ckan_search
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from click import UsageError

from ckanext.ecosphere.fast_save import signature
from ckanext.ecosphere.interfaces import LeavingStep, each_setup

OWN = "ecosphere"
#: Key of `plugin_data` that marks a dataset prepared for a CKAN without the plugins, with what brings it back.
KEY = "ecosphere_left"
HARVEST = "harvest"
#: Plugins that are useless or harmful without ours: the first has our schema, the second our sources.
OF_NO_USE_ALONE = ("scheming_datasets", HARVEST)
OWNER_ONLY = 0o077
README = """# Export of the access desk

Written by `ckan ecosphere leave` on {moment}. Everything is UTF-8; a `.jsonl` file holds one JSON object a line.

- `datasets.jsonl`: every dataset in every state, as `package_show` gives it with the schema of the access desk
  (docs/fields.md says what each field means).
- `organisations.jsonl`: services and groups with all that they hold, contact sheets included (`extras`).
- `sources.jsonl`: harvest sources with their settings.
- `tables/NAME.jsonl`: the rows of a table of the plugins; moments in ISO 8601, bytes in base64.
- `files/`: files that people attached to data requests, under the names that the tables give.

The tables hold personal data of those who asked for data: keep the folder where only those may read it who need it.
"""


@dataclass(frozen=True)
class Plan:
    """The planned steps.

    Attributes:
        folder: folder of the export, created on execution.
        steps: steps before the index is rebuilt.
        unloaded: plugins to take out of `ckan.plugins` afterwards.
    """

    folder: Path
    steps: tuple[LeavingStep, ...]
    unloaded: tuple[str, ...]

    def sentences(self) -> Iterator[str]:
        """Yield the plan as sentences."""
        for step in self.steps:
            yield step.plan
        yield tk._("the index is cleared and written as a CKAN without these plugins reads it: {plugins}").format(
            plugins=" ".join(self.unloaded)
        )


def default_folder() -> Path:
    """Return a folder for the export in the working directory, named after the current time."""
    return Path(f"ecosphere-export-{dt.datetime.now(dt.timezone.utc):%Y%m%d-%H%M%S}")


def plan(folder: Path, kept: Iterable[str] = ()) -> Plan:
    """Return the planned steps.

    Args:
        folder: folder of the export.
        kept: plugins that would be unloaded by default, but stay enabled.

    Raises:
        UsageError: the folder is not empty, or a plugin to keep is not enabled or belongs to the suite.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(tk._("{folder} is not empty").format(folder=folder))
    loaded = tk.aslist(tk.config["ckan.plugins"])
    if strange := [name for name in kept if name not in loaded or name.startswith(OWN)]:
        raise UsageError(tk._("These cannot be kept: {names}").format(names=", ".join(strange)))
    stay = {*kept, HARVEST} if _has_sources_of_others() else set(kept)
    unloaded = tuple(name for name in loaded if name.startswith(OWN) or (name in OF_NO_USE_ALONE and name not in stay))
    stay = [name for name in loaded if name not in unloaded]
    steps = [_export(folder)]
    for plugin in each_setup():
        steps += plugin.ecosphere_leave(stay)
    return Plan(folder, tuple(steps), unloaded)


def run(plan: Plan) -> Iterator[str]:
    """Execute a plan, yielding what was done as sentences; the database is rolled back if a step fails."""
    mask = os.umask(OWNER_ONLY)
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        for step in plan.steps:
            yield step.run(plan.folder)
    except BaseException:
        model.Session.rollback()
        raise
    finally:
        os.umask(mask)
    model.Session.commit()
    done = tk._("The index is written anew. Take these out of ckan.plugins, then start CKAN: {plugins}")
    told = done.format(plugins=" ".join(plan.unloaded))
    wrong = tk._("These datasets could not be indexed; see the log, then run `ckan search-index rebuild`: {ids}")
    if failed := _index_plainly():
        yield wrong.format(ids=", ".join(failed))
    yield told


def write_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSON Lines.

    Returns:
        the number of lines.
    """
    number = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(dict(row), ensure_ascii=False, default=_as_text) + "\n")
            number += 1
    return number


def _as_text(value: Any) -> str:
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else str(value)


def _tables() -> list[str]:
    names = sa.inspect(model.Session.connection()).get_table_names()
    return sorted(name for name in names if name.startswith(f"{OWN}_") and not name.endswith("_alembic_version"))


def _has_sources_of_others() -> bool:
    """Return whether there are harvest sources of types that are not ours: ckanext-harvest then stays enabled."""
    if "harvest_source" not in sa.inspect(model.Session.connection()).get_table_names():
        return False
    query = "SELECT EXISTS (SELECT FROM harvest_source WHERE NOT starts_with(type, :own))"
    return bool(model.Session.scalar(sa.text(query), {"own": f"{OWN}_"}))


def _export(folder: Path) -> LeavingStep:
    tables = _tables()
    message = tk._("{number} tables of these plugins, and the services, are exported to {folder}; they stay in place")

    def export(folder: Path) -> str:
        moment = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M} UTC"
        (folder / "README.md").write_text(README.format(moment=moment))
        rows = sum(write_lines(folder / "tables" / f"{name}.jsonl", _rows(name)) for name in tables)
        write_lines(folder / "organisations.jsonl", _rows("group"))
        done = tk._("{rows} rows of {tables} tables exported to {folder}")
        return done.format(rows=rows, tables=len(tables), folder=folder)

    return LeavingStep(message.format(number=len(tables), folder=folder), export)


def _rows(table: str) -> Iterator[Mapping[str, Any]]:
    found = sa.Table(table, sa.MetaData(), autoload_with=model.meta.engine)
    query = sa.select(found).order_by(*found.primary_key.columns)
    yield from map(dict, model.Session.execute(query).mappings())


def _index_plainly() -> list[str]:
    """Clear and rebuild the index, in which hidden datasets stay out, and left ones are as a plain CKAN reads them.

    Returns:
        ids of the datasets that could not be indexed.
    """
    ckan_search.clear_all()
    package = model.Package
    ids = model.Session.scalars(sa.select(package.id).where(package.state.in_(("active", "draft"))))
    return signature.index(list(ids))
