"""Metrics for Prometheus: figures of database and queues, read at each scrape, and the counts of
requests.

Each source of figures is read on its own: one that fails is missing, and `ecosphere_source_up` says
which.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone

import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from rq.registry import FailedJobRegistry

from ckanext.ecosphere.interfaces import Gauge, each_setup
from ckanext.ecosphere.operations import health, traffic
from ckanext.ecosphere.work.model import FAILED, PENDING, RUNNING, Work, now

log = logging.getLogger(__name__)

STATEMENT_SECONDS = 10
OPEN_OR_FAILED = (PENDING, RUNNING, FAILED)


def checks() -> Iterator[Gauge]:
    """Yield the results of the health checks."""
    failed = health.of_this_process().failed()
    values = {(name,): float(name not in failed) for name in health.CHECKS}
    yield Gauge("ecosphere_check_up", "Whether a check of /ready passes", values, ("check",))


def queues() -> Iterator[Gauge]:
    """Yield the queues of background jobs, and who works on them."""
    waiting: dict[tuple[str, ...], float] = {}
    oldest: dict[tuple[str, ...], float] = {}
    failed: dict[tuple[str, ...], float] = {}
    workers: dict[tuple[str, ...], float] = {}
    with health.queues() as connection:
        for name, number in health.workers_by_queue(connection).items():
            queue = jobs.get_queue(name)
            workers[name,] = number
            waiting[name,] = queue.count
            failed[name,] = FailedJobRegistry(queue=queue).count
            oldest[name,] = _seconds_since(queue.get_jobs(0, 1))
    label = ("queue",)
    yield Gauge("ecosphere_queue_jobs", "Jobs that wait in a queue", waiting, label)
    yield Gauge("ecosphere_queue_oldest_seconds", "Age of the next job of a queue", oldest, label)
    yield Gauge("ecosphere_queue_failed_jobs", "Failed jobs that RQ still keeps", failed, label)
    yield Gauge("ecosphere_workers", "Workers that listen to a queue", workers, label)


def _seconds_since(waiting: Iterable[jobs.Job]) -> float:
    """Return the age of the first job; 0 without one."""
    for job in waiting:
        if job.enqueued_at:
            enqueued = job.enqueued_at.replace(tzinfo=timezone.utc)
            return max(0.0, (datetime.now(timezone.utc) - enqueued).total_seconds())
    return 0.0


def work() -> Iterator[Gauge]:
    """Yield what waits, runs or failed in the table of work, runs and e-mails.

    What has a recipient is an e-mail.
    """
    is_mail = (Work.recipient != "").label("is_mail")
    late = sa.func.min(Work.due).filter(Work.status == PENDING)
    query = (
        sa.select(Work.backlog, Work.status, is_mail, sa.func.count(), late)
        .where(Work.status.in_(OPEN_OR_FAILED))
        .group_by(Work.backlog, Work.status, is_mail)
    )
    rows: Counter[tuple[str, ...]] = Counter()
    emails = Counter({(status,): 0 for status in OPEN_OR_FAILED})
    oldest: dict[tuple[str, ...], float] = defaultdict(float)
    for backlog, status, of_mails, number, due in model.Session.execute(query):
        rows[backlog, status] += number
        if of_mails:
            emails[status,] += number
        if due:
            oldest[backlog,] = max(oldest[backlog,], (now() - due).total_seconds())
    yield Gauge(
        "ecosphere_work_rows", "Rows of the table of work", dict(rows), ("backlog", "status")
    )
    yield Gauge(
        "ecosphere_work_overdue_seconds",
        "Seconds since the oldest row of a backlog was due",
        dict(oldest),
        ("backlog",),
    )
    yield Gauge("ecosphere_emails", "E-mails that wait, leave or failed", dict(emails), ("status",))


def sources() -> dict[str, Callable[[], Iterable[Gauge]]]:
    """Return all sources of figures, by name: those above, and the rooms."""
    own: dict[str, Callable[[], Iterable[Gauge]]] = {
        "checks": checks,
        "queues": queues,
        "work": work,
    }
    return own | {plugin.name: plugin.ecosphere_gauges for plugin in each_setup()}


class Portal(Collector):
    """Collects everything at a scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        up: dict[tuple[str, ...], float] = {}
        for name, source in sources().items():
            families, up[name,] = _read(name, source)
            yield from families
        try:
            yield requests(traffic.counted())
            up["requests",] = 1
        except Exception:
            log.exception("Metrics: the requests cannot be read")
            up["requests",] = 0
        yield family(Gauge("ecosphere_source_up", "Whether figures could be read", up, ("source",)))


def _read(name: str, source: Callable[[], Iterable[Gauge]]) -> tuple[list[Metric], float]:
    """Return the metrics of a source, and whether it could be read (1 or 0)."""
    try:
        model.Session.execute(sa.text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
        return [family(gauge) for gauge in source()], 1
    except Exception:
        log.exception("Metrics: %s cannot be read", name)
        return [], 0
    finally:
        model.Session.remove()


def family(gauge: Gauge) -> Metric:
    """Return a gauge as prometheus-client wants it."""
    metric = GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)
    for labels, value in gauge.values.items():
        metric.add_metric(labels, value)
    return metric


def requests(counts: Mapping[tuple[str, ...], float]) -> Metric:
    """Return the histogram of the requests, from counts by class, status and bound."""
    metric = HistogramMetricFamily(
        "ecosphere_request_seconds",
        "Seconds until the answer to a request begins",
        labels=("page", "status"),
    )
    for labels in sorted({(page, status) for page, status, _bound in counts}):
        total = 0.0
        buckets = []
        for bound in traffic.BOUNDS:
            total += counts.get((*labels, bound), 0)
            buckets.append((bound, total))
        metric.add_metric(labels, buckets, sum_value=counts.get((*labels, "sum"), 0))
    return metric


def text() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Portal())
    return generate_latest(registry)
