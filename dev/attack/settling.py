"""Wait until the portal's background jobs are done."""

from __future__ import annotations

import time

from dev.attack.stage import Stage

#: Wait before looking at the job queue: a job is queued shortly after what causes it.
SETTLE_SECONDS = 3


def settle(stage: Stage) -> None:
    """Wait until no background job is queued or running, for a while at most."""
    site, deadline = stage.people["sysadmin"], time.monotonic() + stage.patience * 10
    time.sleep(min(SETTLE_SECONDS, stage.patience))
    while time.monotonic() < deadline and site.action("job_list").result:
        time.sleep(1)
