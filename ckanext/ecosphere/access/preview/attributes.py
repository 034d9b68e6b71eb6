"""Show documentation of attributes as a table: feature catalogues (ISO 19110) and Table Schemas. No CKAN imports.

ISO 19110:2005 (`gfc`) and 19110:2016 are read by local names. Table Schema v1
(https://datapackage.org/standard/table-schema/) is used by schema.data.gouv.fr and Validata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.services.description import NoDescriptionError, text
from ckanext.ecosphere.access.services.xml import child, children, every, parse
from ckanext.ecosphere.shared import strict_json
from ckanext.ecosphere.shared.hardened_xml import local_name

#: Ids of the columns; their labels are in the page.
COLUMNS = ("name", "title", "type", "unit", "definition", "values")
MOST_BYTES, MOST_ATTRIBUTES, MOST_VALUES, LONGEST = 8_000_000, 1_000, 60, 600
CATALOGUE = "FC_FeatureCatalogue"

Row = dict[str, str]


def read(path: Path, kind: str) -> dict[str, Any] | None:
    """Return the attributes documented in a file, as a table; None if there are none.

    Args:
        path: path of the file.
        kind: json or xml.
    """
    if path.stat().st_size > MOST_BYTES:
        return None
    data = path.read_bytes()
    if kind == "json":
        rows = list(_table_schema(data))
    elif CATALOGUE.encode() in data[:20_000]:
        rows = list(_feature_catalogue(data))
    else:
        return None
    if not rows:
        return None
    shown = [name for name in ("feature", *COLUMNS) if any(row.get(name) for row in rows)]
    kept = rows[:MOST_ATTRIBUTES]
    columns = [
        {"name": name, "type": "text", "empty": sum(not row.get(name) for row in rows)}
        for name in shown
    ]
    return {
        "columns": columns,
        "rows": [[row.get(name, "") for name in shown] for row in kept],
        "counted": len(rows),
        "cut": len(rows) > len(kept),
        "attributes": True,
    }


def name_columns(columns: list[dict[str, Any]], schema: Path) -> None:
    """Add the titles of a Table Schema to the columns of a table, as `meaning`.

    Args:
        columns: columns of a sample, each with a `name`; changed in place. Existing meanings (from a standard) are
            kept.
        schema: path of the Table Schema; ignored if it has less than half of the columns.
    """
    if schema.stat().st_size > MOST_BYTES:
        return
    titles = {row["name"].lower(): row["title"] for row in _table_schema(schema.read_bytes())}
    names = [str(column["name"]).lower() for column in columns]
    if 2 * sum(name in titles for name in names) < len(names):
        return
    for column, name in zip(columns, names, strict=True):
        title = titles.get(name, "")
        if title and title.lower() != name:
            column.setdefault("meaning", {"fr": title, "en": title})


def _row(**values: Any) -> Row:
    return {name: text(value, LONGEST) for name, value in values.items()}


def _values(found: Iterable[tuple[Any, Any]]) -> str:
    """Return codes and their meanings on one line."""
    pairs = [(text(code, 100), text(meaning, 200)) for code, meaning in found]
    told = [
        f"{code} = {meaning}" if meaning and meaning != code else code
        for code, meaning in pairs
        if code
    ]
    return " ; ".join(told[:MOST_VALUES]) + (" ; …" if len(told) > MOST_VALUES else "")


def _table_schema(data: bytes) -> Iterator[Row]:
    try:
        document = strict_json.loads(data)
    except (ValueError, RecursionError):
        return
    fields = document.get("fields") if isinstance(document, Mapping) else None
    listed = (
        [each for each in fields if isinstance(each, Mapping)] if isinstance(fields, list) else []
    )
    if not listed or not all(isinstance(each.get("name"), str) for each in listed):
        return
    if not any("type" in each or "description" in each or "constraints" in each for each in listed):
        return
    for each in listed[: MOST_ATTRIBUTES + 1]:
        constraints = each.get("constraints")
        enum = constraints.get("enum") if isinstance(constraints, Mapping) else None
        categories = each.get("categories")
        codes = (
            categories if isinstance(categories, list) else enum if isinstance(enum, list) else []
        )
        yield _row(
            name=each["name"],
            title=each.get("title"),
            type=each.get("type"),
            unit=each.get("unit"),
            definition=each.get("description"),
            values=_values(map(_category, codes)),
        )


def _category(value: Any) -> tuple[Any, Any]:
    return (value.get("value"), value.get("label")) if isinstance(value, Mapping) else (value, "")


def _feature_catalogue(data: bytes) -> Iterator[Row]:
    try:
        root = parse(data)
    except NoDescriptionError as error:
        raise PreviewError("unreadable") from error
    types = list(every(root, "FC_FeatureType"))
    number = 0
    for feature in types:
        name = _text(child(feature, "typeName"))
        for attribute in every(feature, "FC_FeatureAttribute"):
            number += 1
            if number > MOST_ATTRIBUTES + 1:
                return
            code = _text(child(attribute, "code"))
            member = _text(child(attribute, "memberName"))
            yield _row(
                feature=name if len(types) > 1 else "",
                name=code or member,
                title=member if code and member != code else "",
                type=_text(child(attribute, "valueType")),
                unit=_unit(attribute),
                definition=_text(child(attribute, "definition")),
                values=_values(map(_listed, every(attribute, "FC_ListedValue"))),
            )


def _listed(value: etree._Element) -> tuple[str, str]:
    label = _text(child(value, "label"))
    meaning = _text(child(value, "definition"))
    return _text(child(value, "code")) or label, label if _text(child(value, "code")) else meaning


def _unit(attribute: etree._Element) -> str:
    measured = child(attribute, "valueMeasurementUnit")
    if measured is None:
        return ""
    for each in measured.iter():
        if local_name(each) in ("identifier", "catalogSymbol", "name"):
            return text(each.text)
    return next(
        (str(value).rpartition("#")[2] for each in children(measured) for value in each.values()),
        "",
    )


def _text(element: etree._Element | None) -> str:
    """Return the text of an element and its descendants."""
    return (
        ""
        if element is None
        else text(" ".join(part for part in element.itertext() if part.strip()))
    )
