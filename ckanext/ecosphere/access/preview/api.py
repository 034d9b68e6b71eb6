"""Show the operations of an OpenAPI description as a table. No CKAN imports; sandboxed.

OpenAPI 3 (https://spec.openapis.org/oas/latest.html) and Swagger 2.0, in JSON or YAML.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.access.services.description import text
from ckanext.ecosphere.shared import strict_json

JSON, YAML = "json", "yaml"
#: Ids of the columns; their labels are in the page.
COLUMNS = ("path", "method", "summary", "parameters")
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
MOST_BYTES, MOST_OPERATIONS, MOST_PARAMETERS, LONGEST = 4_000_000, 500, 30, 300
#: Maximum nesting of a YAML document.
DEEPEST = 100
_YAML_KEY = re.compile(rb"^[\"']?(?:openapi|swagger)[\"']?[ \t]{0,9}:", re.MULTILINE)


def operations(path: Path, written: str) -> dict[str, Any] | None:
    """Return the operations of an API as a table, with its title and version as `api`; None for other documents.

    Args:
        path: path of the file.
        written: its syntax, `JSON` or `YAML`.
    """
    if path.stat().st_size > MOST_BYTES:
        return None
    try:
        document = (
            strict_json.loads(path.read_bytes()) if written == JSON else _of_yaml(path.read_bytes())
        )
    except (ValueError, RecursionError, yaml.YAMLError):
        return None
    if not isinstance(document, Mapping) or not ("openapi" in document or "swagger" in document):
        return None
    rows = list(_rows(document.get("paths")))
    if not rows:
        return None
    info = document.get("info")
    info = info if isinstance(info, Mapping) else {}
    shown = [place for place, _name in enumerate(COLUMNS) if any(row[place] for row in rows)]
    kept = rows[:MOST_OPERATIONS]
    return {
        "columns": [
            {"name": COLUMNS[place], "type": "text", "empty": sum(not row[place] for row in rows)}
            for place in shown
        ],
        "rows": [[row[place] for place in shown] for row in kept],
        "counted": len(rows),
        "cut": len(rows) > len(kept),
        "api": {name: _plain(info.get(name), LONGEST) for name in ("title", "version")},
    }


def _of_yaml(data: bytes) -> Any:
    """Parse YAML into strings, lists and mappings; aliases share their object, merge keys and tags are ignored."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if not _YAML_KEY.search(data) or not _is_flat(data):
        return None
    return yaml.load(data, Loader=yaml.CBaseLoader)  # noqa: S506 - creates only strings, lists, mappings


def _is_flat(data: bytes) -> bool:
    """Return whether the nesting of a document is limited, so that loading it does not overflow the stack."""
    depth = 0
    for event in yaml.parse(data, Loader=yaml.CBaseLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            return False
    return True


def _rows(paths: Any) -> Iterator[list[str]]:
    number = 0
    for address, item in paths.items() if isinstance(paths, Mapping) else ():
        for method in METHODS:
            operation = item.get(method) if isinstance(item, Mapping) else None
            if not isinstance(operation, Mapping):
                continue
            number += 1
            if number > MOST_OPERATIONS + 1:
                return
            said = (
                _plain(operation.get(name), LONGEST)
                for name in ("summary", "description", "operationId")
            )
            does = next(filter(None, said), "")
            named = [*_names(item.get("parameters")), *_names(operation.get("parameters"))]
            parameters = ", ".join(dict.fromkeys(named[:MOST_PARAMETERS]))
            yield [_plain(address, LONGEST), method.upper(), does, parameters]


def _names(parameters: Any) -> Iterator[str]:
    for each in parameters if isinstance(parameters, list) else ():
        if isinstance(each, Mapping) and (name := _plain(each.get("name"), 100)):
            yield name


def _plain(value: Any, longest: int) -> str:
    """Return a text or number on one line, truncated; "" for lists and mappings, in which aliases could explode."""
    return text(value, longest) if isinstance(value, str | int | float) else ""
