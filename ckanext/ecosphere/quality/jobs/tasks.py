"""Background jobs of the quality room, run by CKAN's workers."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.quality import datasets, links, rdf, rescore, series
from ckanext.ecosphere.quality.config import QUEUE
from ckanext.ecosphere.quality.jobs import nightly
from ckanext.ecosphere.quality.overview import note_progress
from ckanext.ecosphere.work.outbox import Run

log = logging.getLogger(__name__)

LONGEST_SECONDS = 6 * 3600
LINKS_AT_ONCE = 2000
SHACL_AT_ONCE = 1000
LINK_RUN_SECONDS = 900
RECHECK_PAUSE_SECONDS = 300
_HERE = "ckanext.ecosphere.quality.jobs.tasks"
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
SHACL = Run(
    name="ecosphere-quality-shacl",
    function=f"{_HERE}.check_shacl",
    title="Quality: check the RDF of datasets",
    queue=QUEUE,
    seconds=LONGEST_SECONDS,
)
NIGHTLY = Run(
    name="ecosphere-quality-nightly",
    function=f"{_HERE}.run_nightly",
    title="Quality: work of the night",
    queue=QUEUE,
    seconds=LONGEST_SECONDS,
)
RUNS = (RESCORE, LINKS, SHACL, NIGHTLY)


def rescore_all() -> None:
    """Score all datasets and update the index."""
    with RESCORE.working() as mine:
        if mine:
            _rescore_all()


def _rescore_all() -> None:
    try:
        outcome = rescore.everything(lambda done, total: note_progress("scoring", done, total))
        rescore.reindex(outcome.changed, lambda done, total: note_progress("indexing", done, total))
    except Exception:
        model.Session.rollback()
        note_progress("failed", 0, 0)
        raise
    note_progress("finished", outcome.seen, outcome.seen)
    log.info("Quality: %s datasets scored, %s changed", outcome.seen, len(outcome.changed))


def enqueue_rescore(total: int) -> str:
    """Queue a rescore of all datasets; return the id of the job."""
    note_progress("queued", 0, total)
    return RESCORE.want()


def rescore_relatives() -> None:
    """Rescore the series and members of saved datasets."""
    ids = series.take_relatives()
    for start in range(0, len(ids), datasets.CHUNK):
        changed = rescore.some(ids[start : start + datasets.CHUNK]).changed
        model.Session.commit()
        rescore.reindex(changed)


def check_links() -> None:
    """Check the links that are due, for up to a quarter of an hour; queue the next run if some are left."""
    with LINKS.working() as mine:
        if not mine:
            return
        links.note_all()
        outcome = links.run(links.due(LINKS_AT_ONCE), LINK_RUN_SECONDS)
        told = (outcome.checked, outcome.changed, outcome.datasets)
        log.info("Links: %s checked, %s changed, %s datasets scored", *told)
    if outcome.checked and links.due(1):
        enqueue_links()


def check_links_of(package_id: str) -> None:
    """Check all links of a dataset now."""
    links.note([package_id])
    model.Session.commit()
    links.run(links.of_dataset(package_id), LINK_RUN_SECONDS)


def enqueue_links() -> str:
    """Queue a check of the links that are due; return the id of the job."""
    return LINKS.want()


def enqueue_recheck(package_id: str) -> bool:
    """Queue a check of the links of a dataset; return False if one was queued less than five minutes ago."""
    key = f"ecosphere:quality:recheck:{package_id}"
    if not connect_to_redis().set(key, "1", nx=True, ex=RECHECK_PAUSE_SECONDS):
        return False
    title, limit = "Quality: check the links of a dataset", {"timeout": 2 * LINK_RUN_SECONDS}
    tk.enqueue_job(check_links_of, [package_id], title=title, queue=QUEUE, rq_kwargs=limit)
    return True


def check_shacl() -> None:
    """Check the RDF of datasets without a verdict; queue the next run if some are left."""
    with SHACL.working() as mine:
        if not mine:
            return
        ids = rdf.waiting(SHACL_AT_ONCE)
        checked, good = rdf.run(ids)
        log.info("DCAT-AP: %s datasets checked, %s comply", checked, good)
    if checked and rdf.waiting(1):
        enqueue_shacl()


def enqueue_shacl() -> str:
    """Queue a check of the RDF of datasets without a verdict; return the id of the job."""
    return SHACL.want()


def run_nightly(links: bool) -> None:
    """Run the nightly work."""
    with NIGHTLY.working() as mine:
        for stage in nightly.run(links=links) if mine else ():
            log.log(logging.ERROR if stage.failed else logging.INFO, "Quality, nightly, %s: %s", stage.name, stage.told)


def enqueue_nightly(links: bool = True) -> str:
    """Queue the nightly work; return the id of the job."""
    return NIGHTLY.want(links)
