"""Schemas of the quality room's actions."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Schema, Validator

from ckanext.ecosphere.quality.core.criteria import BY_ID


@tk.validator_args
def quality_show(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Return the schema of actions about one dataset."""
    return {"id": [not_empty, unicode_safe]}


@tk.validator_args
def quality_explain(
    not_empty: Validator, unicode_safe: Validator, default: Any, boolean_validator: Validator
) -> Schema:
    """Return the schema of `ecosphere_quality_show`."""
    return {"id": [not_empty, unicode_safe], "origins": [default(False), boolean_validator]}


@tk.validator_args
def quality_dashboard(  # noqa: PLR0917 - CKAN passes validators by name
    not_empty: Validator,
    unicode_safe: Validator,
    default: Any,
    natural_number_validator: Validator,
    ignore_empty: Validator,
    one_of: Any,
) -> Schema:
    """Return the schema of `ecosphere_quality_dashboard`."""
    return {
        "id": [not_empty, unicode_safe],
        "limit": [default(10), natural_number_validator],
        "criterion": [ignore_empty, one_of(list(BY_ID))],
    }


@tk.validator_args
def quality_preview(
    ignore_missing: Validator, unicode_safe: Validator, ignore: Validator, dict_only: Validator
) -> Schema:
    """Return the schema of `ecosphere_quality_preview`."""
    return {"id": [ignore_missing, unicode_safe], "dataset": [dict_only], "__extras": [ignore]}
