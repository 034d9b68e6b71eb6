"""What the actions accept."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.types import Schema, Validator


@tk.validator_args
def quality_show(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Schema of `ecosphere_quality_show`."""
    return {"id": [not_empty, unicode_safe]}
