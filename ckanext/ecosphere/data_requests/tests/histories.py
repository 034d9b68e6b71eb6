"""What the history of a request must lead to, computed from the table of transitions alone."""

from __future__ import annotations

from collections.abc import Iterable

from ckanext.ecosphere.data_requests.domain import states


def replay(events: Iterable[tuple[str, str, str]]) -> str:
    """Return the state that a history leads to.

    Args:
        events: (transition, from, to) in their order, after the creation of the draft.

    Raises:
        ValueError: the history is broken: an event starts elsewhere, or the table does not have it.
    """
    state = states.DRAFT
    for name, source, target in events:
        transition = states.TRANSITIONS.get(name)
        if transition is None or source != state or source not in transition.sources:
            raise ValueError(f"{name} cannot start from {state}")
        if target != transition.leads_from(source):
            raise ValueError(f"{name} does not lead to {target}")
        state = target
    return state
