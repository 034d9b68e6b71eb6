"""Statistics of grounds of refusal, without revealing single refusals, whose reasons concern the requester alone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import states, wording
from ckanext.ecosphere.data_requests.model import Request

REST = ""
"""Key of the grounds too rare to be shown separately."""


def grounds(where: list[Any]) -> list[dict[str, Any]]:
    """Return the grounds of refusals, whole or partial, the most frequent first.

    Args:
        where: SQL conditions on the requests to count.

    Returns:
        ground, label, count; grounds rarer than the threshold of the statistics are summed in the last row.
    """
    ground = sa.func.coalesce(Request.outcome["ground"].astext, REST)
    refused = Request.state.in_((states.REFUSED, states.PARTIAL))
    query = sa.select(ground, sa.func.count()).where(*where, refused).group_by(ground)
    counts = dict(model.Session.execute(query).tuples().all())
    least = max(config.statistics_threshold(), 1)
    named = {key: number for key, number in counts.items() if key and number >= least}
    found = [{"ground": key, "label": wording.ground(key), "count": number} for key, number in named.items()]
    found.sort(key=lambda each: (-each["count"], each["label"]))
    rest = sum(counts.values()) - sum(named.values())
    return [*found, {"ground": REST, "label": "", "count": rest}] if rest else found
