"""Helpers of the room's templates."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk


def ecosphere_harvest_job(job_id: str) -> dict[str, Any] | None:
    """What is known of a job of our source types; None for other jobs, and for people who may not see it."""
    try:
        return tk.get_action("ecosphere_harvest_job_show")({}, {"id": job_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None
