"""Validation schemas of the harvest actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Schema

from ckanext.ecosphere.harvest.finish import closing, reports
from ckanext.ecosphere.shared.action_input import (
    get,
    if_given,
    of,
    one_of,
    optional,
    required,
    unless_missing,
)

MOST_DATASETS = 1000
TEXT = required(get("unicode_safe"))
OTHER_TEXT = unless_missing(get("unicode_safe"))
NUMBER, BOOLEAN = get("natural_number_validator"), get("boolean_validator")
OFFSET = optional(0, NUMBER)


def _page(**choices: Iterable[str]) -> Callable[[], Schema]:
    """Return the schema of a page of a list, of which one value may be chosen."""
    chosen = {name: if_given(one_of(*values)) for name, values in choices.items()}
    return of(id=TEXT, limit=if_given(NUMBER), offset=OFFSET, **chosen)


def _few(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MOST_DATASETS:
        raise tk.Invalid(tk._("Too many: {limit} at most.").format(limit=MOST_DATASETS))
    return value


nothing_schema = of()
id_schema = of(id=TEXT)
"""A job, given by id, or a source or dataset, given by id or name."""
records_schema = _page(outcome=reports.RECORD_OUTCOMES)
"""Records of a job that became no dataset."""
changes_schema = _page(outcome=reports.CHANGE_OUTCOMES)
"""Datasets that a job changed."""
reconciliation_schema = _page(reason=reports.UNSHOWN)
"""Records of a source that are not shown."""
corrections_schema = of(id=TEXT, offset=OFFSET)
datasets_schema = of(ids=[get("not_empty"), get("list_of_strings"), _few])
decision_schema = of(id=TEXT, decision=required(one_of(closing.WITHDRAW, closing.KEEP)))
edit_schema = of(id=TEXT, field=TEXT, resource=OTHER_TEXT)
record_schema = of(content=TEXT)
letter_schema = of(wanted=[get("not_missing"), BOOLEAN])
overview_schema = of(organization=if_given(get("unicode_safe")), counted=optional(True, BOOLEAN))
trial_schema = of(url=TEXT, source_type=TEXT, config=OTHER_TEXT)
"""A source to preview, which need not exist on the portal."""
