"""What a room does at each tick of the clock, step by step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from ckan import model

log = logging.getLogger(__name__)

FAILED = -1


def run(room: str, steps: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Do steps in their order; one that fails is logged, rolled back, and does not keep the others from being done.

    Args:
        room: name of the room, for the log.
        steps: what to do, by name; each returns how much it did.

    Returns:
        how much of each was done, `FAILED` for a step that failed.
    """
    done: dict[str, int] = {}
    for name, step in steps.items():
        try:
            done[name] = step()
        except Exception:
            model.Session.rollback()
            log.exception("%s: %s failed", room, name)
            done[name] = FAILED
    return done
