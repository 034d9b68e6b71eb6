"""Configuration options of `ecosphere_studies`, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

PROCESS_LIMITS = "ecosphere.studies.process_limits"
TERRITORY_LIMITS = "ecosphere.studies.territory_limits"
REUSE_LIMITS = "ecosphere.studies.reuse_limits"
OPINION_LIMITS = "ecosphere.studies.opinion_limits"


def limits(option: str) -> str:
    """Return the rate limits of one of the `*_limits` options."""
    return str(tk.config[option] or "")
