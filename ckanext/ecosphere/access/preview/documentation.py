"""Explain the attributes of data: documentation shown as a table, titles and codes added to tables.
Confined.

Documentation is a feature catalogue of ISO 19110:2005 (`gfc`) or 19110:2016, by local names, or a
Table Schema v1 (https://datapackage.org/standard/table-schema/), which schema.data.gouv.fr and
Validata use. Tables that follow a French data standard (CNIG, COVADIS) are explained by our own
lists: metadata rarely mention the standard, but it can be recognised by the names of the
attributes. No CKAN imports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from lxml import etree

from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.access.services.parsers import (
    NoDescriptionError,
    child,
    every,
    parse_xml,
    text,
)
from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.vocabularies import tables

Row = dict[str, str]

#: Ids of the columns; their labels are in the page.
ATTRIBUTE = ("feature", "name", "title", "type", "unit", "definition", "values")
MOST_BYTES, MOST_ATTRIBUTES, MOST_VALUES = 8_000_000, 1_000, 60
LONGEST, LONGEST_NAME, LONGEST_MEANING = 600, 100, 200
CATALOGUE = b"FC_FeatureCatalogue"
_HEAD = 20_000
#: What tells a list of fields of a Table Schema from any other list of names.
_OF_FIELDS = frozenset({"type", "description", "constraints"})
DATA = Path(__file__).parents[1] / "data"
MARKS = 2
"""Number of characteristic attributes required to recognise a standard."""
TYPES = {"stypepsc": "typepsc", "stypeinf": "typeinf"}
"""Attributes with a subtype, whose codes depend on the type → the attribute with the type."""

Words = dict[str, str]
"""A text in French and English: `{"fr": …, "en": …}`."""
Rows = Sequence[Sequence[str]]


def attributes(path: Path, kind: str) -> Values | None:
    """Return the attributes documented in a file, as `tables.described`, without empty columns;
    None without any.

    Args:
        path: path of the file.
        kind: json or xml.

    Raises:
        PreviewError: it is a feature catalogue, and damaged.
    """
    if path.stat().st_size > MOST_BYTES:
        return None
    data = path.read_bytes()
    documented: Iterable[Row] = ()
    if kind == "json":
        documented = _table_schema(data)
    elif CATALOGUE in data[:_HEAD]:
        documented = _feature_catalogue(data)
    rows = list(islice(documented, MOST_ATTRIBUTES + 1))
    if not rows:
        return None
    columns = []
    for name in ATTRIBUTE:
        empty = sum(not row.get(name) for row in rows)
        if empty < len(rows):
            columns.append({"name": name, "type": "text", "empty": empty})
    cells = []
    for row in rows[:MOST_ATTRIBUTES]:
        cells.append([row.get(column["name"], "") for column in columns])
    return {
        "attributes": True,
        "columns": columns,
        "rows": cells,
        "counted": len(rows),
        "cut": len(rows) > MOST_ATTRIBUTES,
    }


def name_columns(columns: list[Values], schema: Path) -> None:
    """Add the titles of a Table Schema to the columns of a table, as `meaning`.

    Args:
        columns: columns of a sample, each with a `name`; changed in place. Existing meanings (from
            a standard) are kept.
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


def _values(pairs: Iterable[tuple[Any, Any]]) -> str:
    """Return codes and their meanings on one line."""
    written = []
    for code, meaning in pairs:
        code_text, meaning_text = text(code, LONGEST_NAME), text(meaning, LONGEST_MEANING)
        if code_text and meaning_text and meaning_text != code_text:
            written.append(f"{code_text} = {meaning_text}")
        elif code_text:
            written.append(code_text)
    if len(written) > MOST_VALUES:
        written[MOST_VALUES:] = ["…"]
    return " ; ".join(written)


def _table_schema(data: bytes) -> Iterator[Row]:
    try:
        document = parsing.load_json(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, Mapping):
        return
    fields = document.get("fields")
    if not isinstance(fields, list):
        return
    fields = [field for field in fields if isinstance(field, Mapping)]
    if not all(isinstance(field.get("name"), str) for field in fields):
        return
    if not any(_OF_FIELDS & set(field) for field in fields):
        return
    for field in fields:
        yield _row(
            name=field["name"],
            title=field.get("title"),
            type=field.get("type"),
            unit=field.get("unit"),
            definition=field.get("description"),
            values=_values(_categories(field)),
        )


def _categories(field: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the values that a field may have, with their labels."""
    codes = field.get("categories")
    constraints = field.get("constraints")
    if not isinstance(codes, list) and isinstance(constraints, Mapping):
        codes = constraints.get("enum")
    if not isinstance(codes, list):
        return
    for code in codes:
        if isinstance(code, Mapping):
            yield code.get("value"), code.get("label")
        else:
            yield code, ""


def _feature_catalogue(data: bytes) -> Iterator[Row]:
    try:
        root = parse_xml(data)
    except NoDescriptionError as error:
        raise PreviewError("unreadable") from error
    types = list(every(root, "FC_FeatureType"))
    for feature in types:
        feature_name = ""
        if len(types) > 1:
            feature_name = _text(child(feature, "typeName"))
        for attribute in every(feature, "FC_FeatureAttribute"):
            code = _text(child(attribute, "code"))
            member = _text(child(attribute, "memberName"))
            title = ""
            if code and member != code:
                title = member
            yield _row(
                feature=feature_name,
                name=code or member,
                title=title,
                type=_text(child(attribute, "valueType")),
                unit=_unit(attribute),
                definition=_text(child(attribute, "definition")),
                values=_values(map(_listed, every(attribute, "FC_ListedValue"))),
            )


def _listed(value: etree._Element) -> tuple[str, str]:
    code, label = _text(child(value, "code")), _text(child(value, "label"))
    if code:
        return code, label
    return label, _text(child(value, "definition"))


def _unit(attribute: etree._Element) -> str:
    measure = child(attribute, "valueMeasurementUnit")
    names = every(measure, "identifier", "catalogSymbol", "name")
    return next((text(element.text) for element in names), "")


def _text(element: etree._Element | None) -> str:
    """Return the text of an element and its descendants."""
    if element is None:
        return ""
    return text(" ".join(element.itertext()))


# --- tables that follow a French data standard ---


def explain(columns: list[Values], rows: Rows) -> str:
    """Add the meanings of attributes and codes to the columns of a table that follows a standard.

    Args:
        columns: columns of a sample, each with a `name`; changed in place: `meaning` (`Words`), and
            `codes` with the `Words` of each code in the sample. For a subtype, `of` is the index of
            the column with the type, and `codes` is such a mapping for each type.
        rows: cells of the sample, in the order of the columns.

    Returns:
        the name of the standard, "" if none is recognised.
    """
    names = [str(column["name"]).lower() for column in columns]
    marks, meanings = _standards()
    standard = max(marks, key=lambda name: len(marks[name].intersection(names)))
    if len(marks[standard].intersection(names)) < MARKS:
        return ""
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        if name in meanings[standard]:
            column["meaning"] = meanings[standard][name]
        type_name = TYPES.get(name)
        if (standard, name, "") in _codes():
            words = _words(_codes()[standard, name, ""], (row[place] for row in rows))
            if words:
                column["codes"] = words
        elif type_name in names:
            place_of_type = names.index(type_name)
            words_by_type = _by_type(standard, name, rows, place, place_of_type)
            if words_by_type:
                column.update(of=place_of_type, codes=words_by_type)
    return standard


def _by_type(
    standard: str, name: str, rows: Rows, place: int, place_of_type: int
) -> dict[str, dict[str, Words]]:
    """Return the words of the codes of a subtype, for each type in the sample."""
    cells_by_type = defaultdict(list)
    for row in rows:
        cells_by_type[str(row[place_of_type])].append(row[place])
    explained = {}
    for type_, cells in cells_by_type.items():
        words = _words(_codes().get((standard, name, _key(type_)), {}), cells)
        if words:
            explained[type_] = words
    return explained


def _words(codes: dict[str, Words], cells: Iterable[str]) -> dict[str, Words]:
    words = {}
    for cell in set(map(str, cells)):
        if _key(cell) in codes:
            words[cell] = codes[_key(cell)]
    return words


def _key(code: str) -> str:
    """Normalise a code: spreadsheets drop leading zeros, and services change its case."""
    code = code.strip()
    if code.isascii() and code.isdigit():
        return str(int(code))
    return code.lower()


@cache
def _standards() -> tuple[dict[str, set[str]], dict[str, dict[str, Words]]]:
    """Return the characteristic attributes of each standard, and the meanings of all of them."""
    marks, meanings = defaultdict(set), defaultdict(dict)
    for row in tables.rows(DATA / "standard-attributes.csv"):
        meanings[row["standard"]][row["attribute"]] = {"fr": row["fr"], "en": row["en"]}
        if row["mark"]:
            marks[row["standard"]].add(row["attribute"])
    return dict(marks), dict(meanings)


@cache
def _codes() -> dict[tuple[str, str, str], dict[str, Words]]:
    """Return the meanings of codes by standard, attribute and, for a subtype, type."""
    codes: dict[tuple[str, str, str], dict[str, Words]] = defaultdict(dict)
    for row in tables.rows(DATA / "standard-values.csv"):
        place = row["standard"], row["attribute"], _key(row["of"])
        codes[place][_key(row["code"])] = {"fr": row["fr"], "en": row["en"]}
    return dict(codes)
