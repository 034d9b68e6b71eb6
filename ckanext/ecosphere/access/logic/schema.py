"""Validation schemas of the actions."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.types import Schema, Validator, ValidatorFactory


@tk.validator_args
def service_show(
    not_empty: Validator,
    unicode_safe: Validator,
    default: ValidatorFactory,
    boolean_validator: Validator,
) -> Schema:
    """Parameters of `ecosphere_access_service_show`."""
    return {
        "resource_id": [not_empty, unicode_safe],
        "every_layer": [default(False), boolean_validator],
    }


@tk.validator_args
def service_read(
    not_empty: Validator, unicode_safe: Validator, default: ValidatorFactory
) -> Schema:
    """Parameters of `ecosphere_access_service_read`."""
    text = [default(""), unicode_safe]
    return {"url": [not_empty, unicode_safe], "format": text, "protocol": text}


@tk.validator_args
def extract_create(
    not_empty: Validator,
    unicode_safe: Validator,
    default: ValidatorFactory,
    ignore_missing: Validator,
) -> Schema:
    """Parameters of `ecosphere_access_extract_create`."""
    text = [default(""), unicode_safe]
    return {
        "resource_id": [not_empty, unicode_safe],
        "layer": text,
        "format": [default("gpkg"), unicode_safe],
        "crs": text,
        "attributes": [ignore_missing],
        "territory": text,
        "commune": text,
        "epci": text,
        "box": text,
    }


@tk.validator_args
def identified(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Schema of actions with the single parameter `id`."""
    return {"id": [not_empty, unicode_safe]}
