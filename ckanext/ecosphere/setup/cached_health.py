"""What the last `ckan ecosphere check` found, for the administrator's console: to look takes seconds, so a background
worker does it, and the page shows what was seen."""

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
    """Have a worker look, in a language; return whether that waits now (False when Redis is away)."""
    return enqueue_once(
        look, [spoken], job_id=f"ecosphere-check-{spoken}", title="Check of the portal",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )  # fmt: skip


def look(spoken: str) -> None:
    """Look at everything and keep what was found."""
    with language.speaking(spoken):
        found = [
            {"name": each.name, "status": each.status.value, "message": each.message, "remedy": each.remedy}
            for each in health.run()
        ]
    kept = {"at": datetime.now(timezone.utc).isoformat(), "checks": found}
    connect_to_redis().set(_key(spoken), json.dumps(kept), ex=KEPT_SECONDS)


def last(spoken: str) -> tuple[datetime | None, list[Check]]:
    """Return when a worker last looked, None when none did for a week, and what it found, what is wrong first."""
    kept: Any = connect_to_redis().get(_key(spoken))
    if not kept:
        return None, []
    told = json.loads(kept)
    checks = [Check(**{**each, "status": CheckStatus(each["status"])}) for each in told["checks"]]
    return datetime.fromisoformat(told["at"]), sorted(checks, key=lambda check: ORDER.index(check.status))


def _key(spoken: str) -> str:
    return f"ecosphere:check:{tk.config['ckan.site_id']}:{spoken}"
