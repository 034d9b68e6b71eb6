"""Schedule of harvests: spread over the period, a fixed time per source,
and one action that starts those due.
"""

import itertools
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.logic.stock_actions import PERIODS, next_run
from ckanext.ecosphere.harvest.model import now
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.harvest.model import HarvestJob, HarvestSource

NOW = datetime(2026, 11, 24, 22, 33)


@pytest.mark.parametrize("frequency", PERIODS)
def test_a_source_has_the_same_time_in_each_period(frequency):
    period, moment = PERIODS[frequency], NOW
    times = []
    for _run in range(5):
        times.append(next_run("source", frequency, moment))
        assert period / 2 <= times[-1] - moment <= period * 1.5
        moment = times[-1]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {period}


def test_hundreds_of_sources_are_spread_over_the_week():
    days = Counter((next_run(f"source-{n}", "WEEKLY", NOW) or NOW).date() for n in range(279))
    assert max(days.values()) < 279 / 7 * 1.6


def test_sources_harvested_by_hand_have_no_time():
    assert next_run("source", "MANUAL", NOW) is None


def test_one_action_starts_what_is_due_and_nothing_else(portal):
    with catalogue([iso_record(1)]) as server:
        frequencies = {"weekly": "WEEKLY", "daily": "DAILY", "manual": "MANUAL"}
        ids = {
            name: portal.source(
                server.url, name=name, frequency=frequency, config={"priority": number}
            )
            for number, (name, frequency) in enumerate(frequencies.items())
        }
        portal.call("harvest_jobs_run")
        started = set(model.Session.execute(sa.select(HarvestJob.source_id)).scalars())
        assert started == {ids["weekly"], ids["daily"]}
        model.Session.rollback()
        planned = {s.id: s.next_run for s in model.Session.query(HarvestSource)}
        portal.call("harvest_jobs_run")
        model.Session.rollback()
        assert {s.id: s.next_run for s in model.Session.query(HarvestSource)} == planned
        # Its own fixed time, not one period after registration.
        expected = next_run(ids["weekly"], "WEEKLY", now())
        weekly: Any = planned[ids["weekly"]]
        assert (weekly - expected) % timedelta(weeks=1) == timedelta(0)
