"""Validation schemas of the harvest actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic.schema import validator_args

from ckanext.ecosphere.harvest.finish import reports

MOST_DATASETS = 1000


@validator_args
def source_schema(not_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    """Return the schema of a source, given by id or name."""
    return {"id": [not_empty, unicode_safe]}


@validator_args
def job_schema(not_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    """Return the schema of a job, given by id."""
    return {"id": [not_empty, unicode_safe]}


def records_schema() -> dict[str, Any]:
    """Return the schema of a selection of the records of a job that became no dataset."""
    return _page_schema(reports.RECORD_OUTCOMES)


def changes_schema() -> dict[str, Any]:
    """Return the schema of a selection of the datasets that a job changed."""
    return _page_schema(reports.CHANGE_OUTCOMES)


def reconciliation_schema() -> dict[str, Any]:
    """Return the schema of a selection of the records of a source that are not shown."""
    return _page_schema(reports.UNSHOWN, "reason")


def _page_schema(outcomes: Iterable[str], name: str = "outcome") -> dict[str, Any]:
    validator: Any = tk.get_validator
    not_empty, unicode_safe, ignore_empty = map(
        validator, ("not_empty", "unicode_safe", "ignore_empty")
    )
    one_of, default, number = map(validator, ("one_of", "default", "natural_number_validator"))
    return {
        "id": [not_empty, unicode_safe],
        name: [ignore_empty, one_of(list(outcomes))],
        "limit": [ignore_empty, number],
        "offset": [default(0), number],
    }


@validator_args
def corrections_schema(
    not_empty: Any, unicode_safe: Any, natural_number_validator: Any, default: Any
) -> dict[str, Any]:
    """Return the schema of a source, given by id or name, and the offset of its records."""
    return {"id": [not_empty, unicode_safe], "offset": [default(0), natural_number_validator]}


@validator_args
def datasets_schema(not_empty: Any, list_of_strings: Any) -> dict[str, Any]:
    """Return the schema of a list of datasets, given by id."""
    return {"ids": [not_empty, list_of_strings, _few]}


def _few(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MOST_DATASETS:
        raise tk.Invalid(tk._("Too many: {limit} at most.").format(limit=MOST_DATASETS))
    return value


@validator_args
def decision_schema(not_empty: Any, unicode_safe: Any, one_of: Any) -> dict[str, Any]:
    """Return the schema of a decision on the held withdrawals of a source."""
    return {"id": [not_empty, unicode_safe], "decision": [not_empty, one_of(["withdraw", "keep"])]}


@validator_args
def edit_schema(not_empty: Any, unicode_safe: Any, ignore_missing: Any) -> dict[str, Any]:
    """Return the schema of a local edit of a dataset, given by id or name."""
    text = [not_empty, unicode_safe]
    return {"id": text, "field": text, "resource": [ignore_missing, unicode_safe]}


@validator_args
def record_schema(not_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    """Return the schema of a record, as text."""
    return {"content": [not_empty, unicode_safe]}


@validator_args
def letter_schema(not_missing: Any, boolean_validator: Any) -> dict[str, Any]:
    """Return the schema of a subscription to the letter."""
    return {"wanted": [not_missing, boolean_validator]}


@validator_args
def overview_schema(
    ignore_empty: Any, unicode_safe: Any, default: Any, boolean_validator: Any
) -> dict[str, Any]:
    """Return the schema of the source overview."""
    return {
        "organization": [ignore_empty, unicode_safe],
        "counted": [default(True), boolean_validator],
    }


def nothing_schema() -> dict[str, Any]:
    """Return an empty schema, for actions without parameters."""
    return {}


@validator_args
def trial_schema(not_empty: Any, unicode_safe: Any, ignore_missing: Any) -> dict[str, Any]:
    """Return the schema of a source to preview, which need not exist on the portal."""
    return {
        "url": [not_empty, unicode_safe],
        "source_type": [not_empty, unicode_safe],
        "config": [ignore_missing, unicode_safe],
    }
