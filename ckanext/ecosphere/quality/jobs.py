"""Background jobs and the work of the night; restart of what a killed process left undone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.quality import config, links, rescore, store
from ckanext.ecosphere.quality.config import QUEUE
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.work.outbox import Run

log = logging.getLogger(__name__)

LONGEST_SECONDS = 6 * 3600
LINKS_AT_ONCE = 2000
LINK_RUN_SECONDS = 900
#: Time of the night after which no further check of a link is begun.
NIGHT_LINK_SECONDS = 3600
RECHECK_PAUSE_SECONDS = 300
_HERE = "ckanext.ecosphere.quality.jobs"
RESCORE = Run(
    name="ecosphere-quality-rescore",
    function=f"{_HERE}.rescore_all",
    title="Quality: score everything again",
    queue=QUEUE,
    seconds=LONGEST_SECONDS,
)
LINKS = Run(
    name="ecosphere-quality-links",
    function=f"{_HERE}.check_links",
    title="Quality: check the links that are due",
    queue=QUEUE,
    seconds=2 * LINK_RUN_SECONDS,
)
NIGHTLY = Run(
    name="ecosphere-quality-nightly",
    function=f"{_HERE}.run_nightly",
    title="Quality: work of the night",
    queue=QUEUE,
    seconds=LONGEST_SECONDS,
)
RUNS = (RESCORE, LINKS, NIGHTLY)


def rescore_all() -> None:
    """Score all datasets and update the index."""
    with RESCORE.working() as mine:
        if mine:
            outcome = rescore.everything()
            rescore.reindex(outcome.changed)
            log.info("Quality: %s datasets scored, %s changed", outcome.seen, len(outcome.changed))


def rescore_relatives() -> None:
    """Rescore the series and members of saved datasets."""
    ids = store.take_relatives()
    for start in range(0, len(ids), store.CHUNK):
        changed = rescore.some(ids[start : start + store.CHUNK]).changed
        model.Session.commit()
        rescore.reindex(changed)


def check_links() -> None:
    """Check the links that are due, for up to a quarter of an hour.

    Queue the next run if some are left.
    """
    with LINKS.working() as mine:
        if not mine:
            return
        links.note_all()
        outcome = links.run(links.due(LINKS_AT_ONCE), LINK_RUN_SECONDS)
        counts = (outcome.checked, outcome.changed, outcome.datasets)
        log.info("Links: %s checked, %s changed, %s datasets scored", *counts)
    if outcome.checked and links.due(1):
        LINKS.request()


def check_links_of(package_id: str) -> None:
    """Check all links of a dataset now."""
    links.note([package_id])
    model.Session.commit()
    links.run(links.of_dataset(package_id), LINK_RUN_SECONDS)


def enqueue_recheck(package_id: str) -> bool:
    """Queue a check of the links of a dataset.

    Return False if one was queued less than five minutes ago.
    """
    key = f"ecosphere:quality:recheck:{package_id}"
    if not connect_to_redis().set(key, "1", nx=True, ex=RECHECK_PAUSE_SECONDS):
        return False
    title, limit = "Quality: check the links of a dataset", {"timeout": 2 * LINK_RUN_SECONDS}
    tk.enqueue_job(check_links_of, [package_id], title=title, queue=QUEUE, rq_kwargs=limit)
    return True


def run_nightly(links: bool) -> None:
    """Run the nightly work."""
    with NIGHTLY.working() as mine:
        if not mine:
            return
        for stage in nightly(links, NIGHT_LINK_SECONDS):
            level = logging.ERROR if stage.failed else logging.INFO
            log.log(level, "Quality, nightly, %s: %s", stage.name, stage.told)


# --- work of the night ---------------------------------------------------------------------------
# The stages are independent: a failure is reported and the others run. Any of them can be
# interrupted and run again at any time.


@dataclass(frozen=True)
class Stage:
    """Outcome of a stage: its name, and what was done; `failed` if it ended with an error."""

    name: str
    told: str
    failed: bool = False


def nightly(links: bool, link_seconds: float) -> Iterator[Stage]:
    """Run all stages one after the other, yielding the outcome of each. Commits.

    Args:
        links: whether to check the links that are due, which sends requests to other hosts.
        link_seconds: time after which no further link check is started.
    """
    stages: list[tuple[str, Callable[[], str]]] = [("scores", scores)]
    if links:
        stages.append(("links", lambda: _links_stage(link_seconds)))
    for name, work in stages:
        try:
            yield Stage(name, work())
        except Exception as error:  # a failed stage must not prevent the others
            log.exception("Quality, nightly: %s", name)
            model.Session.rollback()
            yield Stage(name, f"{type(error).__name__}: {error}", failed=True)


def scores() -> str:
    """Score the overdue datasets.

    All of them if some were never scored with the current weights.
    """
    outcome = rescore.everything() if rescore.missing() else rescore.fallen_due()
    rescore.reindex(outcome.changed)
    return _("{seen} datasets scored, {changed} changed").format(
        seen=outcome.seen, changed=len(outcome.changed)
    )


def _links_stage(seconds: float) -> str:
    """Check the links that are due, within a time limit."""
    total = links.note_all()
    outcome = links.run(links.due(total), seconds)
    return _("{checked} of {total} links checked, {changed} changed").format(
        checked=outcome.checked, total=total, changed=outcome.changed
    )


# --- work that a killed process or an emptied queue left undone ----------------------------------

RECOVERED_AT_ONCE = 500
#: Number of latest scores compared with the index each time; longer runs are restarted as a whole.
LATEST = 1000

_suspects: set[str] = set()
"""Datasets whose score differed last time; a save in progress causes a temporary difference."""


def recover() -> list[str]:
    """Score datasets without a row, and index missing scores.

    Raises:
        SolrAwayError: Solr is down.
    """
    sentences = []
    if unscored := _without_row():
        changed = rescore.some(unscored).changed
        model.Session.commit()
        rescore.reindex(changed)
        sentences.append(f"quality of {len(unscored)} datasets")
    differing = _differing()
    lasting = sorted(differing & _suspects)
    _suspects.clear()
    _suspects.update(differing)
    if lasting:
        rescore.reindex(lasting)
        sentences.append(f"scores of {len(lasting)} datasets in the index")
    return sentences


def _without_row() -> list[str]:
    has_row = sa.exists().where(QualityRow.package_id == model.Package.id)
    query = sa.select(model.Package.id).where(
        model.Package.type.in_(config.dataset_types()),
        model.Package.state == model.State.ACTIVE,
        ~has_row,
    )
    ids = list(model.Session.scalars(query.limit(RECOVERED_AT_ONCE)))
    model.Session.rollback()
    return ids


def _differing() -> set[str]:
    """Return recently scored datasets whose score differs in the index."""
    query = (
        sa.select(QualityRow.package_id, QualityRow.score, QualityRow.model_version, QualityRow.due)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(model.Package.state == model.State.ACTIVE)
        .order_by(QualityRow.computed_at.desc())
        .limit(LATEST)
    )
    # Overdue datasets are left to the nightly work: their index documents hold the score as of
    # indexing.
    stored = {
        row.package_id: row.score for row in model.Session.execute(query) if store.is_current(row)
    }
    model.Session.rollback()
    fields = f"id,{store.SCORE_FIELD}"
    differing: set[str] = set()
    ids = list(stored)
    for start in range(0, len(ids), RECOVERED_AT_ONCE):
        some = f"{{!terms f=id}}{','.join(ids[start : start + RECOVERED_AT_ONCE])}"
        for document in solr.search(
            fq=["entity_type:package", some], fl=fields, rows=RECOVERED_AT_ONCE
        ).docs:
            # Stored only where the search room made it a number.
            score = document.get(store.SCORE_FIELD)
            if score is not None and int(score) != stored[document["id"]]:
                differing.add(document["id"])
    return differing
