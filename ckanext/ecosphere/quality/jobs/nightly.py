"""Nightly work: overdue scores, links, DCAT-AP compliance, losses of the harvest.

The stages are independent: a failure is reported and the others run. Any of them can be interrupted and run again at
any time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.quality import datasets, origins, rdf, rescore
from ckanext.ecosphere.quality import links as link_checks

log = logging.getLogger(__name__)

AT_ONCE = 1000


@dataclass(frozen=True)
class Stage:
    """Outcome of a stage: its name, and what was done; `failed` if it ended with an error."""

    name: str
    told: str
    failed: bool = False


def run(*, links: bool = True, link_seconds: float = 3600, shacl_limit: int | None = None) -> Iterator[Stage]:
    """Run all stages one after the other, yielding the outcome of each. Commits.

    Args:
        links: whether to check the links that are due, which sends requests to other hosts.
        link_seconds: time after which no further link check is started.
        shacl_limit: maximum number of datasets whose RDF is checked; by default all without a verdict.
    """
    stages: list[tuple[str, Callable[[], str]]] = [("scores", scores)]
    if links:
        stages.append(("links", lambda: check_links(link_seconds)))
    stages.append(("dcat-ap", lambda: check_rdf(shacl_limit)))
    stages.append(("losses", trace_losses))
    for name, work in stages:
        try:
            yield Stage(name, work())
        except Exception as error:  # a failed stage must not prevent the others
            log.exception("Quality, nightly: %s", name)
            model.Session.rollback()
            yield Stage(name, f"{type(error).__name__}: {error}", failed=True)


def scores() -> str:
    """Score the overdue datasets; all of them if some were never scored with the current weights."""
    outcome = rescore.everything() if rescore.missing() else rescore.fallen_due()
    rescore.reindex(outcome.changed)
    return tk._("{seen} datasets scored, {changed} changed").format(seen=outcome.seen, changed=len(outcome.changed))


def check_links(seconds: float) -> str:
    """Check the links that are due, within a time limit."""
    total = link_checks.note_all()
    outcome = link_checks.run(link_checks.due(total), seconds)
    return tk._("{checked} of {total} links checked, {changed} changed").format(
        checked=outcome.checked, total=total, changed=outcome.changed
    )


def check_rdf(limit: int | None) -> str:
    """Check the RDF of the datasets without a verdict."""
    left = datasets.count() if limit is None else limit
    checked = good = 0
    while left > 0 and (ids := rdf.waiting(min(left, AT_ONCE))):
        done, complied = rdf.run(ids)
        if not done:
            break
        checked, good, left = checked + done, good + complied, left - done
    return tk._("RDF of {checked} datasets checked, {good} comply").format(checked=checked, good=good)


def trace_losses() -> str:
    """Trace the failures of harvested datasets back to their source records."""
    examined = losing = 0
    while ids := origins.waiting(AT_ONCE):
        done, lost = origins.run(ids)
        if not done or origins.waiting(1) == ids[:1]:  # no harvest room, or the datasets are being saved
            break
        examined, losing = examined + done, losing + lost
    return tk._("records of {examined} datasets read again, {losing} lose something here").format(
        examined=examined, losing=losing
    )
