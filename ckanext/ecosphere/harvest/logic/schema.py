"""Validation schemas of the harvest actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import DataDict

from ckanext.ecosphere.harvest.finish import reports

MOST_DATASETS = 1000
_TEXT = ("not_empty", "unicode_safe")
_NUMBER = "natural_number_validator"
_FIRST = (("default", 0), _NUMBER)
Validator = str | tuple[str, Any] | Callable[..., Any]
"""Name of a validator, name and argument of one that has to be made, or the validator itself."""


def _schema(**fields: tuple[Validator, ...]) -> Callable[[], DataDict]:
    """Return the function that makes a schema: field → its validators."""

    def schema() -> DataDict:
        return {name: list(map(_validator, validators)) for name, validators in fields.items()}

    return schema


def _validator(validator: Validator) -> Any:
    if isinstance(validator, str):
        return tk.get_validator(validator)
    if isinstance(validator, tuple):
        name, argument = validator
        make: Any = tk.get_validator(name)
        return make(argument)
    return validator


def _page_schema(**choice: list[str]) -> Callable[[], DataDict]:
    """Return the function that makes the schema of a page of a list, of which one value may be chosen."""
    chosen = {name: ("ignore_empty", ("one_of", values)) for name, values in choice.items()}
    return _schema(id=_TEXT, limit=("ignore_empty", _NUMBER), offset=_FIRST, **chosen)


def _few(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MOST_DATASETS:
        raise tk.Invalid(tk._("Too many: {limit} at most.").format(limit=MOST_DATASETS))
    return value


nothing_schema = _schema()
id_schema = _schema(id=_TEXT)
"""A job, given by id, or a source or dataset, given by id or name."""
records_schema = _page_schema(outcome=list(reports.RECORD_OUTCOMES))
"""Records of a job that became no dataset."""
changes_schema = _page_schema(outcome=list(reports.CHANGE_OUTCOMES))
"""Datasets that a job changed."""
reconciliation_schema = _page_schema(reason=list(reports.UNSHOWN))
"""Records of a source that are not shown."""
corrections_schema = _schema(id=_TEXT, offset=_FIRST)
datasets_schema = _schema(ids=("not_empty", "list_of_strings", _few))
decision_schema = _schema(id=_TEXT, decision=("not_empty", ("one_of", ["withdraw", "keep"])))
edit_schema = _schema(id=_TEXT, field=_TEXT, resource=("ignore_missing", "unicode_safe"))
record_schema = _schema(content=_TEXT)
letter_schema = _schema(wanted=("not_missing", "boolean_validator"))
overview_schema = _schema(
    organization=("ignore_empty", "unicode_safe"), counted=(("default", True), "boolean_validator")
)
trial_schema = _schema(url=_TEXT, source_type=_TEXT, config=("ignore_missing", "unicode_safe"))
"""A source to preview, which need not exist on the portal."""
