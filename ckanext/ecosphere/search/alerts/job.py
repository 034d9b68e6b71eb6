"""Background processing of saved searches: look for new results, send e-mails.

Run by `ckan ecosphere search tick`, or queued by `ckan ecosphere watch`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from ckan import model
from ckan.lib.search import SearchQueryError
from ckan.types import DataDict

from ckanext.ecosphere.search import config, popularity, unfound
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.search.alerts.mails import deliver, reader_of
from ckanext.ecosphere.search.alerts.model import Subscriber, now
from ckanext.ecosphere.search.config import QUEUE
from ckanext.ecosphere.search.relevance import spelling
from ckanext.ecosphere.shared import mailing
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.work import jobs
from ckanext.ecosphere.work.jobs import Job

log = logging.getLogger(__name__)

#: Lock of the run.
LOOKING = "search:alerts"
#: A dataset may be indexed some minutes after its `metadata_modified`.
SETTLED = timedelta(minutes=10)
#: Number of failed queries after which a run considers the index as down.
MOST_FAULTS = 3


def tick() -> dict[str, int]:
    """Do all due work; return the counts of each step (`work.jobs.in_steps`)."""
    return jobs.in_steps("Search", STEPS)


def look() -> int:
    """Process the due alerts, up to the maximum of a run; return for how many people there are new
    results.

    Raises:
        IndexAwayError: the index did not answer; the people concerned are processed by the next
            run.
    """
    if not config.alerts() or not mailing.is_configured():
        return 0
    moment, with_news = now(), 0
    faults: list[searches.IndexAwayError] = []
    with Locks() as locks:
        if not locks.take(LOOKING):
            return 0  # the current run will process these, too
        for subscriber_id in storage.people_with_due_alerts(moment, config.alerts_per_run()):
            try:
                with_news += _look_for(subscriber_id, moment)
            except searches.IndexAwayError as error:  # perhaps only for this query
                model.Session.rollback()
                faults.append(error)
                if len(faults) == MOST_FAULTS:
                    break
    if faults:
        raise faults[-1]
    return with_news


class _Due(NamedTuple):
    """The data of an alert, usable after CKAN has closed its session."""

    id: str
    about: str
    search: str
    since: datetime


def _look_for(subscriber_id: str, moment: datetime) -> int:
    """Process the alerts of one person, with their permissions, and queue one e-mail for all;
    return 1 if there is one.

    Raises:
        IndexAwayError: the index is down; nothing is recorded, and the next run tries again.
    """
    subscriber = model.Session.get(Subscriber, subscriber_id)
    if subscriber is None:
        return 0  # erased meanwhile
    lang = subscriber.language
    alerts = [
        _Due(alert.id, alert.about, alert.search, alert.told_until)
        for alert in storage.due_alerts(subscriber_id, moment)
    ]
    news: list[DataDict] = []
    looked_until: dict[str, datetime] = {}
    for due in alerts:
        until = max(moment - SETTLED, due.since)
        looked_until[due.id] = until
        subject = searches.of(due.about)
        if subject is None:  # its room is not enabled
            continue
        with searches.asked(subject, due.search, lang):
            reader = reader_of(model.Session.get_one(Subscriber, subscriber_id))
            if reader.gone:
                model.Session.rollback()
                return 0  # deleted by the next purge
            try:
                count, ids = subject.look(
                    due.search, reader.user, due.since, until, config.alert_datasets()
                )
            except SearchQueryError as error:
                log.warning("An alert cannot be looked at: %s", error)
                continue
        if count:
            results = {"since": due.since.isoformat(), "count": count, "ids": ids}
            news.append({"about": due.about, "search": due.search, **results})
    storage.looked(subscriber_id, looked_until, news, moment)
    return int(bool(news))


def look_and_deliver() -> None:
    """Process the due alerts, and send their e-mails at once."""
    look()
    deliver()


def _is_due() -> bool:
    return config.alerts() and mailing.is_configured() and storage.is_due(now())


LOOK = Job(
    name="ecosphere-search-look",
    function="ckanext.ecosphere.search.alerts.job.look_and_deliver",
    title="Search: alerts",
    queue=QUEUE,
    has_work=_is_due,
    lock=LOOKING,
)
POPULARITY = Job(
    name="ecosphere-search-popularity",
    function="ckanext.ecosphere.search.popularity.count",
    title="Search: popularity",
    queue=QUEUE,
    has_work=popularity.is_due,
)
WORDS = Job(
    name="ecosphere-search-words",
    function="ckanext.ecosphere.search.relevance.spelling.count_words",
    title="Search: words of the catalogue",
    queue=QUEUE,
    has_work=spelling.words_are_due,
)
JOBS = (POPULARITY, storage.OUTBOX, LOOK, WORDS)


STEPS: dict[str, Callable[[], int]] = {
    "unconfirmed_erased": storage.purge,
    "unfound_erased": unfound.purge,
    "popularity_indexed": popularity.count,
    "words_counted": spelling.count_words,
    "emails_taken_up": storage.OUTBOX.resume,
    "people_with_news": look,
    "emails": deliver,
}
