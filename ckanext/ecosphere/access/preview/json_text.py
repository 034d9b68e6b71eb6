"""JSON for people: the operations of an OpenAPI description as a table, and any other document on lines. Pure.

OpenAPI 3 (https://spec.openapis.org/oas/latest.html) and Swagger 2.0, in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.services.description import text
from ckanext.ecosphere.shared import strict_json

#: Ids of the columns; pages name them.
COLUMNS = ("path", "method", "summary", "parameters")
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
MOST_BYTES, MOST_OPERATIONS, MOST_PARAMETERS, LONGEST = 4_000_000, 500, 30, 300
#: Strings, the last of which may lack its end, signs, and what stands between them.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
DEEPEST = 40


def operations(path: Path) -> dict[str, Any] | None:
    """Return the operations of an API as a table, with its title and version under `api`; None for other documents.

    Args:
        path: of the file.
    """
    if path.stat().st_size > MOST_BYTES:
        return None
    try:
        document = strict_json.loads(path.read_bytes())
    except (ValueError, RecursionError):
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
            {"name": COLUMNS[place], "type": "text", "empty": sum(not row[place] for row in rows)} for place in shown
        ],
        "rows": [[row[place] for place in shown] for row in kept],
        "counted": len(rows),
        "cut": len(rows) > len(kept),
        "api": {"title": text(info.get("title"), LONGEST), "version": text(info.get("version"), LONGEST)},
    }


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
            does = operation.get("summary") or operation.get("description") or operation.get("operationId")
            named = [*_names(item.get("parameters")), *_names(operation.get("parameters"))]
            parameters = ", ".join(dict.fromkeys(named[:MOST_PARAMETERS]))
            yield [text(address, LONGEST), method.upper(), text(does, LONGEST), parameters]


def _names(parameters: Any) -> Iterator[str]:
    for each in parameters if isinstance(parameters, list) else ():
        if isinstance(each, Mapping) and (name := text(each.get("name"), 100)):
            yield name


def on_lines(document: str) -> str:
    """Write JSON, which may end anywhere, on lines; its numbers and strings stay as they are.

    >>> print(on_lines('{"a":[1.50,"é"],"b":{}}'))
    {
      "a": [
        1.50,
        "é"
      ],
      "b": {}
    }
    """
    signs = _SIGN.findall(document)
    parts: list[str] = []
    depth = 0

    def line() -> str:
        return "\n" + "  " * min(depth, DEEPEST)

    for place, sign in enumerate(signs):
        opened = place > 0 and signs[place - 1] in ("{", "[")
        if sign in ("}", "]"):
            depth = max(depth - 1, 0)
            parts.append(sign if opened else line() + sign)
        elif sign in (":", ","):
            parts.append(": " if sign == ":" else "," + line())
        else:
            parts.append(line() + sign if opened else sign)
            depth += sign in ("{", "[")
    return "".join(parts)
