"""Bulk management of sources: read them from a file, compare them with the portal's, and make the
changes.

The file is a CSV table with the columns name, owner_org, title, url, frequency and config_json, or
a JSON list of objects with these keys; `source_type` is optional. The OGC filters of the CSW
harvesters that French portals used before (`ogcfilter`) are converted.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.harvest.job import site_context
from ckanext.ecosphere.harvest.messages import form_error
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.ecosphere.shared import characters

COMPARED = ("title", "url", "frequency", "config", "source_type", "owner_org")
DEFAULT_TYPE = "ecosphere_csw"
_PROPERTIES = {
    "organisationname": "organisation",
    "identifier": "identifier",
    "type": "type",
    "title": "title",
}
_COMPARISONS = {"PropertyIsLike": "like", "PropertyIsEqualTo": "equals"}
_CONDITION = 3
"""Number of parts of a condition."""
LARGEST_FILE = 20_000_000
LONGEST_LINE = 100_000
"""Characters of a line of CSV; the limit of Python's reader can be raised by anybody in the
process."""
LONGEST_REASON = 300


@dataclass(frozen=True)
class Wanted:
    """A source as specified in the file; `config` is our JSON, empty without any."""

    name: str
    owner_org: str
    title: str
    url: str
    frequency: str
    config: str
    source_type: str


@dataclass
class Plan:
    """Changes to be made, by source name.

    Attributes:
        create: sources that the portal lacks.
        update: sources that differ, with the names of the fields that do.
        retire: names of sources that the file no longer has.
        same: number of unchanged sources.
        refused: entries of the file that cannot be used, with the reason.
    """

    create: list[Wanted] = field(default_factory=list)
    update: list[tuple[Wanted, list[str]]] = field(default_factory=list)
    retire: list[str] = field(default_factory=list)
    same: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


# --- the file ---


def read(path: Path) -> tuple[list[Wanted], list[tuple[str, str]]]:
    """Read a file.

    Returns:
        the sources, and the entries that cannot be used with the reason.

    Raises:
        ValueError: it is neither such a table nor such a list, or too large.
    """
    rows = _rows(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of sources")
    sources: dict[str, Wanted] = {}
    refused: list[tuple[str, str]] = []
    for number, row in enumerate(rows, 2):
        name = _text(row, "name")
        missing = [column for column in ("name", "title", "url") if not _text(row, column)]
        if missing or name in sources:
            refused.append((name or f"#{number}", ", ".join(missing) or "name"))
            continue
        try:
            config = _config(row.get("config_json") or row.get("config"))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            reason = characters.one_line(str(error))[:LONGEST_REASON]
            refused.append((name, f"config_json: {reason}"))
            continue
        sources[name] = Wanted(
            name=name,
            owner_org=_text(row, "owner_org"),
            title=_text(row, "title"),
            url=_text(row, "url"),
            frequency=(_text(row, "frequency") or "MANUAL").upper(),
            config=config,
            source_type=_text(row, "source_type") or DEFAULT_TYPE,
        )
    return list(sources.values()), refused


def _rows(path: Path) -> Any:
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE // 1_000_000} MB")
    text = path.read_text("utf-8-sig")
    try:
        if path.suffix.lower() == ".json":
            return json.loads(text)
        lines = text.splitlines()
        if any(len(line) > LONGEST_LINE for line in lines):
            raise ValueError(f"a line has more than {LONGEST_LINE} characters")
        return list(csv.DictReader(lines))
    except (RecursionError, csv.Error) as error:
        raise ValueError(str(error)) from error


def _text(row: DataDict, column: str) -> str:
    """Return a cell without control characters: a terminal would obey
    them and hide steps of the plan.
    """
    return characters.one_line(str(row.get(column) or ""))


def _config(value: Any) -> str:
    """Return a configuration as our JSON, with converted filters."""
    settings = value if isinstance(value, dict) else json.loads(value or "{}")
    if "ogcfilter" in settings:
        choices = []
        for choice in settings["ogcfilter"]:
            is_single = bool(choice) and isinstance(choice[0], str)
            conditions = [choice] if is_single else choice
            choices.append([_condition(condition) for condition in conditions])
        if not choices:
            return ""
        settings = {"filters": choices[0] if len(choices) == 1 else [{"any": choices}]}
    return json.dumps(settings, ensure_ascii=False, indent=2) if settings else ""


def _condition(parts: list[Any]) -> DataDict:
    """Convert a condition ``["PropertyIsLike", "Identifier", "fr-%"]``, optionally after "Not"."""
    negated = parts[0] == "Not"
    rest = parts[1:] if negated else parts
    if len(rest) == 1 and isinstance(rest[0], list):
        rest = rest[0]
    if len(rest) != _CONDITION:
        raise ValueError(json.dumps(parts, ensure_ascii=False))
    operator, name, value = rest
    condition: DataDict = {
        "property": _PROPERTIES.get(name.rpartition(":")[2].lower(), name),
        _COMPARISONS[operator]: value,
    }
    if negated:
        condition["not"] = True
    return condition


# --- the plan ---


def plan(sources: Iterable[Wanted], present: Mapping[str, DataDict], retire: bool = False) -> Plan:
    """Compare the sources of the file with those of the portal.

    Args:
        sources: the sources of the file.
        present: name → values of `COMPARED` of the portal's sources.
        retire: whether to retire those that the file does not name.
    """
    result = Plan()
    missing = dict(present)
    for source in sources:
        current = missing.pop(source.name, None)
        if current is None:
            result.create.append(source)
            continue
        differing = [key for key in COMPARED if _differs(key, source, current)]
        if differing:
            result.update.append((source, differing))
        else:
            result.same += 1
    if retire:
        result.retire = sorted(missing)
    return result


def _differs(key: str, source: Wanted, current: DataDict) -> bool:
    value, other = getattr(source, key) or "", current.get(key) or ""
    if key == "config":
        return json.loads(value or "{}") != json.loads(other or "{}")
    return value != other


_PRESENT = sa.text("""
    SELECT package.name, source.id, source.title, source.url, source.frequency,
        coalesce(source.config, '') AS config, source.type AS source_type,
        coalesce(service.name, '') AS owner_org
    FROM harvest_source AS source
    JOIN package ON package.id = source.id AND package.state = 'active'
    LEFT JOIN "group" AS service ON service.id = package.owner_org
    WHERE source.type = ANY(:types)
    """)


def present_sources() -> dict[str, DataDict]:
    """Return the active sources of our types, in the form compared by `plan`."""
    rows = model.Session.execute(_PRESENT, {"types": type_names()}).mappings()
    return {row["name"]: dict(row) for row in rows}


def describe(plan: Plan) -> Iterator[str]:
    """Yield the plan, one line per step."""
    for source in plan.create:
        yield tk._("create {name}: {url}").format(name=source.name, url=source.url)
    for source, names in plan.update:
        yield tk._("update {name}: {what}").format(name=source.name, what=", ".join(names))
    for name in plan.retire:
        yield tk._("retire {name}; its datasets stay").format(name=name)
    for name, reason in plan.refused:
        yield tk._("cannot use {name}: {reason}").format(name=name, reason=reason)
    yield tk._(
        "{create} to create, {update} to update, {retire} to retire, {same} unchanged, {refused} "
        "refused"
    ).format(
        create=len(plan.create),
        update=len(plan.update),
        retire=len(plan.retire),
        same=plan.same,
        refused=len(plan.refused),
    )


def apply(plan: Plan, tell: Callable[[str], None]) -> bool:
    """Carry out the plan; a source that is refused is reported and does not stop the others.

    Returns:
        whether all steps succeeded.
    """
    present = present_sources()
    steps: list[tuple[str, str, DataDict]] = []
    for source in plan.create:
        steps.append(("harvest_source_create", source.name, asdict(source)))
    for source, _names in plan.update:
        values = {**asdict(source), "id": present[source.name]["id"]}
        steps.append(("harvest_source_update", source.name, values))
    for name in plan.retire:
        steps.append(("harvest_source_delete", name, {"id": present[name]["id"]}))
    refusals = 0
    for action, name, values in steps:
        reason = _refusal(action, values)
        if reason:
            tell(tk._("{name} was refused: {reason}").format(name=name, reason=reason))
            refusals += 1
    return not refusals and not plan.refused


def _refusal(action: str, values: DataDict) -> str:
    """Call an action; return why it was refused, "" if it was not."""
    try:
        tk.get_action(action)(site_context(), values)
    except (tk.ValidationError, tk.ObjectNotFound) as error:
        model.Session.rollback()
        if isinstance(error, tk.ObjectNotFound):
            return str(error)
        reasons = []
        for key, errors in error.error_dict.items():
            texts: Any = errors if isinstance(errors, list) else [errors]
            sentences = " ".join(form_error(str(text)) for text in texts)
            reasons.append(f"{key}: {sentences}")
        return "; ".join(reasons)
    return ""
