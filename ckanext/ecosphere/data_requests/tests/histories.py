"""Replay the history of a request against the table of transitions."""

from __future__ import annotations

from collections.abc import Iterable

from ckanext.ecosphere.data_requests.domain import states


def replay(events: Iterable[tuple[str, str, str]]) -> str:
    """Return the final state of a history.

    Args:
        events: (transition, from, to) in chronological order, after the creation of the draft.

    Raises:
        ValueError: an event starts from another state, or the table does not allow its transition.
    """
    state = states.DRAFT
    for name, source, target in events:
        transition = states.TRANSITIONS.get(name)
        if transition is None or source != state or source not in transition.sources:
            raise ValueError(f"{name} cannot start from {state}")
        if target != (transition.target or source):
            raise ValueError(f"{name} does not lead to {target}")
        state = target
    return state
