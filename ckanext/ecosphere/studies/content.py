"""Content of YAML files and of editors, checked by the JSON Schema of `data/contents.yaml`.

All that is wrong is told at once, each problem with its place and what to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.studies.wording import MESSAGES

DATA = Path(__file__).with_name("data")
SCHEMAS = DATA / "contents.yaml"
PROBLEMS = MESSAGES["contents"]
MOST_PROBLEMS = 50
LONGEST_SHOWN = 200
#: Keywords about an object as a whole; the others are about one of its values.
ABOUT_OBJECTS = ("required", "additionalProperties", "distinct", "anyOf")
MOST = ("maxLength", "maximum", "maxItems", "maxProperties")
#: Keys by which people know a row of a list.
NAMES = ("id", "need", "key")

Lists = Mapping[str, Container[str]]


class Problem:
    """What is wrong with a content.

    Attributes:
        code: key of `contents` in `data/messages.yaml`, with `params`.
    """

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params

    def text(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence in the reader's language."""
        return translate(PROBLEMS[self.code]).format(**self.params)


class ContentError(ValueError):
    """A content cannot be used.

    Attributes:
        problems: what is wrong with it, at most `MOST_PROBLEMS`.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems[:MOST_PROBLEMS])
        super().__init__("\n".join(problem.text() for problem in self.problems))


@cache
def load(path: Path) -> Any:
    """Return the content of a YAML file, which nobody may change."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def checked(content: Any, kind: str, place: str, lists: Lists) -> Any:
    """Return a content that fits its schema, without harmful characters and empty values.

    Args:
        kind: name of the schema in `data/contents.yaml`.
        place: where the content is, for people.
        lists: what the keyword `known` of the schema refers to.

    Raises:
        ContentError: with all that is wrong, where, and what to do.
    """
    content = _cleaned(content)
    schema = {**load(SCHEMAS), "$ref": f"#/$defs/{kind}"}
    errors = _validator(schema, lists).iter_errors(content)
    problems = [_problem(error, content, place) for error in islice(errors, MOST_PROBLEMS)]
    if problems:
        # The library has an error for each missing key, the sentence names them all.
        raise ContentError(list({problem.text(): problem for problem in problems}.values()))
    return content


def _cleaned(value: Any) -> Any:
    """Return a content as JSON knows it: days and odd numbers as texts, one line a text,
    no empty values.
    """
    if isinstance(value, dict):
        return {str(key): _cleaned(item) for key, item in value.items() if item not in (None, "")}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, str):
        return characters.one_line(value)
    if isinstance(value, date) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value


def _validator(schema: dict[str, Any], lists: Lists) -> Any:
    """Return a validator that knows the keywords of `data/contents.yaml`."""

    def known(_validator: Any, name: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
        if isinstance(value, str) and value not in lists[name]:
            yield ValidationError(name)

    keywords = {"known": known, "distinct": _distinct}
    kind: Any = validators.extend(Draft202012Validator, keywords)
    return kind(schema)


def _distinct(_validator: Any, key: str, rows: Any, _schema: Any) -> Iterator[ValidationError]:
    earlier: set[str] = set()
    if not isinstance(rows, list):
        return
    for number, row in enumerate(rows):
        if isinstance(row, dict) and key in row:
            value = str(row[key])
            if value in earlier:
                yield ValidationError(key, path=[number])
            earlier.add(value)


# --- what is told ---


def _problem(error: ValidationError, content: Any, place: str) -> Problem:
    """Return what an error of the library means to people."""
    schema: Any = error.schema
    required: Any = error.validator_value
    content_part: Any = error.instance
    rule = str(error.validator)
    code: str = schema.get("problem") or load(SCHEMAS)["problems"].get(rule, "")
    if rule == "type":
        code = {"object": "object", "array": "list"}.get(schema["type"], code)
    path, key = list(error.absolute_path), ""
    if rule == "required":
        key = ", ".join(name for name in required if name not in content_part)
    elif rule == "additionalProperties":
        key = ", ".join(name for name in content_part if name not in schema["properties"])
    if code != "object" and rule not in ABOUT_OBJECTS:
        if path and isinstance(path[-1], int):
            path.pop()
        if path:
            key = str(path.pop())
    places = _places(content, path)
    value = str(content_part)
    if rule in ABOUT_OBJECTS and places:
        value = places[-1]
    count = 0
    if isinstance(content_part, (list, dict)):
        count = len(content_part)
    return Problem(
        code,
        place=" > ".join([place, *places]),
        key=key[:LONGEST_SHOWN],
        value=value[:LONGEST_SHOWN],
        count=count,
        least=schema.get("minimum"),
        most=next((schema[name] for name in MOST if name in schema), None),
        choices=schema.get("description") or ", ".join(schema.get("enum", ())),
    )


def _places(content: Any, path: list[Any]) -> list[str]:
    """Return how people know the objects on a path: rows by their id, else by their number."""
    places, listed = [], ""
    for number, step in enumerate(path, 1):
        content = content[step]
        if isinstance(step, int):
            names = [str(content[name]) for name in NAMES if name in content]
            places.append(next(iter(names), f"{listed} {step + 1}")[:LONGEST_SHOWN])
        elif isinstance(content, list) and number < len(path):
            listed = step
        else:
            places.append(step)
    return places
