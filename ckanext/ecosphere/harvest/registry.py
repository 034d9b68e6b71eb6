"""Bulk management of sources: read them from a file, and compute the changes needed on the portal.

The file is a CSV table with the columns name, owner_org, title, url, frequency and config_json, or a JSON list of
objects with these keys; `source_type` is optional. The OGC filters of the CSW harvesters that French portals used
before (`ogcfilter`) are converted.
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

from ckanext.ecosphere.harvest.messages import form_errors
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.harvest.worker.job import user_name
from ckanext.ecosphere.shared import characters
from ckanext.harvest.model import HarvestSource

COLUMNS = ("name", "owner_org", "title", "url", "frequency", "config_json", "source_type")
COMPARED = ("title", "url", "frequency", "config", "source_type", "owner_org")
DEFAULT_TYPE = "ecosphere_csw"
_PROPERTIES = {"organisationname": "organisation", "identifier": "identifier", "type": "type", "title": "title"}
_COMPARISONS = {"PropertyIsLike": "like", "PropertyIsEqualTo": "equals"}
_CONDITION = 3
LARGEST_FILE = 20_000_000
LONGEST_LINE = 100_000
"""Characters of a line of CSV; the limit of Python's reader can be raised by anybody in the process."""
LONGEST_REASON = 300


@dataclass(frozen=True)
class Wanted:
    """A source as specified in the file; `config` is our JSON, empty without any."""

    name: str
    owner_org: str
    title: str
    url: str
    frequency: str = "MANUAL"
    config: str = ""
    source_type: str = DEFAULT_TYPE


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
    wanted: dict[str, Wanted] = {}
    refused: list[tuple[str, str]] = []
    for number, row in enumerate(rows, 2):
        name = _text(row, "name")
        missing = [column for column in ("name", "title", "url") if not _text(row, column)]
        if missing or name in wanted:
            refused.append((name or f"#{number}", ", ".join(missing) or "name"))
            continue
        try:
            config = _config(row.get("config_json") or row.get("config"))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            refused.append((name, f"config_json: {characters.one_line(str(error))[:LONGEST_REASON]}"))
            continue
        wanted[name] = Wanted(
            name,
            _text(row, "owner_org"),
            _text(row, "title"),
            _text(row, "url"),
            (_text(row, "frequency") or "MANUAL").upper(),
            config,
            _text(row, "source_type") or DEFAULT_TYPE,
        )
    return list(wanted.values()), refused


def _rows(path: Path) -> Any:
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE // 1_000_000} MB")
    text = path.read_text("utf-8-sig")
    lines = text.splitlines()
    if path.suffix.lower() != ".json" and any(len(line) > LONGEST_LINE for line in lines):
        raise ValueError(f"a line has more than {LONGEST_LINE} characters")
    try:
        return json.loads(text) if path.suffix.lower() == ".json" else list(csv.DictReader(lines))
    except (RecursionError, csv.Error) as error:
        raise ValueError(str(error)) from error


def _text(row: Mapping[str, Any], column: str) -> str:
    """Return a cell without control characters: a terminal would obey them and hide steps of the plan."""
    return characters.one_line(str(row.get(column) or ""))


def plan(wanted: Iterable[Wanted], present: Mapping[str, Mapping[str, Any]], retire: bool = False) -> Plan:
    """Compare the sources of the file with those of the portal.

    Args:
        wanted: the sources of the file.
        present: name → values of `COMPARED` of the portal's sources.
        retire: whether to retire those that the file does not name.
    """
    result = Plan()
    names = set()
    for each in wanted:
        names.add(each.name)
        there = present.get(each.name)
        if there is None:
            result.create.append(each)
            continue
        other = [key for key in COMPARED if _comparable(key, getattr(each, key)) != _comparable(key, there.get(key))]
        if other:
            result.update.append((each, other))
        else:
            result.same += 1
    if retire:
        result.retire = sorted(present.keys() - names)
    return result


def _comparable(key: str, value: Any) -> Any:
    return json.loads(value or "{}") if key == "config" else (value or "")


def _config(given: Any) -> str:
    settings = given if isinstance(given, dict) else json.loads(given or "{}")
    if "ogcfilter" in settings:
        choices = [[_condition(each) for each in _conditions(choice)] for choice in settings["ogcfilter"]]
        filters: list[Any] = choices[0] if len(choices) == 1 else [{"any": choices}] if choices else []
        settings = {"filters": filters} if filters else {}
    return json.dumps(settings, ensure_ascii=False, indent=2) if settings else ""


def _conditions(choice: list[Any]) -> list[Any]:
    return [choice] if choice and isinstance(choice[0], str) else choice


def _condition(given: list[Any]) -> dict[str, Any]:
    """Convert a condition ``["PropertyIsLike", "Identifier", "fr-%"]``, optionally after "Not"."""
    negated = given[0] == "Not"
    rest = given[1:] if negated else given
    if len(rest) == 1 and isinstance(rest[0], list):
        rest = rest[0]
    if len(rest) != _CONDITION:
        raise ValueError(json.dumps(given, ensure_ascii=False))
    operator, name, value = rest
    known = _PROPERTIES.get(name.rpartition(":")[2].lower(), name)
    return {"property": known, _COMPARISONS[operator]: value, **({"not": True} if negated else {})}


def present_sources() -> dict[str, dict[str, Any]]:
    """Return the active sources of our types, in the form compared by `registry.plan`."""
    rows = model.Session.execute(
        sa.select(HarvestSource, model.Package.name, model.Group.name)
        .join(model.Package, model.Package.id == HarvestSource.id)
        .outerjoin(model.Group, model.Group.id == model.Package.owner_org)
        .where(HarvestSource.type.in_(type_names()), model.Package.state == "active")
    )
    return {
        name: {
            "id": source.id,
            "title": source.title,
            "url": source.url,
            "frequency": source.frequency,
            "config": source.config or "",
            "source_type": source.type,
            "owner_org": owner or "",
        }
        for source, name, owner in rows
    }


def describe(plan: Plan) -> Iterator[str]:
    """Yield the plan, one line per step."""
    for wanted in plan.create:
        yield tk._("create {name}: {url}").format(name=wanted.name, url=wanted.url)
    for wanted, what in plan.update:
        yield tk._("update {name}: {what}").format(name=wanted.name, what=", ".join(what))
    for name in plan.retire:
        yield tk._("retire {name}; its datasets stay").format(name=name)
    for name, reason in plan.refused:
        yield tk._("cannot use {name}: {reason}").format(name=name, reason=reason)
    yield tk._(
        "{create} to create, {update} to update, {retire} to retire, {same} unchanged, {refused} refused"
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
    good = True
    present = present_sources()
    for wanted in plan.create:
        good &= _step(tell, wanted.name, "harvest_source_create", _values(wanted))
    for wanted, _what in plan.update:
        good &= _step(tell, wanted.name, "harvest_source_update", {**_values(wanted), "id": present[wanted.name]["id"]})
    for name in plan.retire:
        good &= _step(tell, name, "harvest_source_delete", {"id": present[name]["id"]})
    return good and not plan.refused


def _values(wanted: Wanted) -> dict[str, Any]:
    return asdict(wanted)


def _step(tell: Callable[[str], None], name: str, action: str, values: dict[str, Any]) -> bool:
    context: Any = {"ignore_auth": True, "user": user_name(), "model": model, "session": model.Session}
    try:
        tk.get_action(action)(context, values)
    except tk.ValidationError as error:
        model.Session.rollback()
        reason = "; ".join(f"{key}: {_reason(texts)}" for key, texts in error.error_dict.items())
    except tk.ObjectNotFound as error:
        model.Session.rollback()
        reason = str(error)
    else:
        return True
    tell(tk._("{name} was refused: {reason}").format(name=name, reason=reason))
    return False


def _reason(errors: Any) -> str:
    return " ".join(form_errors.sentence(str(each)) for each in (errors if isinstance(errors, list) else [errors]))
