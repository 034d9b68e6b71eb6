"""Cached results of `ckan ecosphere check`, for the administration pages.

The checks take seconds, so a background worker runs them, and the page shows the latest results.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.setup import health
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.queue import enqueue_once

KEPT_SECONDS = 7 * 24 * 3600
ORDER = (CheckStatus.ERROR, CheckStatus.WARNING, CheckStatus.OK)


def ask(spoken: str) -> bool:
    """Queue the checks, in a language; return whether they are queued now (False while Redis is down)."""
    return enqueue_once(
        look, [spoken], job_id=f"ecosphere-check-{spoken}", title="Check of the portal",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )  # fmt: skip


def look(spoken: str) -> None:
    """Run all checks and store the results."""
    with language.speaking(spoken):
        found = [
            {"name": each.name, "status": each.status.value, "message": each.message, "remedy": each.remedy}
            for each in health.run()
        ]
    kept = {"at": datetime.now(timezone.utc).isoformat(), "checks": found}
    connect_to_redis().set(_key(spoken), json.dumps(kept), ex=KEPT_SECONDS)


def last(spoken: str) -> tuple[datetime | None, list[Check]]:
    """Return the time of the last checks, None if older than a week, and their results, errors first."""
    kept: Any = connect_to_redis().get(_key(spoken))
    if not kept:
        return None, []
    told = json.loads(kept)
    checks = [Check(**{**each, "status": CheckStatus(each["status"])}) for each in told["checks"]]
    return datetime.fromisoformat(told["at"]), sorted(checks, key=lambda check: ORDER.index(check.status))


def _key(spoken: str) -> str:
    return f"ecosphere:check:{tk.config['ckan.site_id']}:{spoken}"
