"""The objects of datasets are counted on the sites of studies, in the background.

Studies take turns, one dataset each. A server is asked by one worker at a time, and after some time
the datasets of other servers come first, so that a slow one holds up only its own.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.studies import presence, states, store
from ckanext.ecosphere.studies.model import Study, StudyDataset, StudyNeed
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.studies.store import COUNT, of_study, open_keys
from ckanext.ecosphere.work.model import PENDING, RUNNING, Work, now

log = logging.getLogger(__name__)

#: Seconds after which the worker lets other jobs have their turn.
TURN_SECONDS = 60
#: Seconds for which one job asks a server; what is left of it waits for `LATER`.
HOST_SECONDS, LATER = 40, timedelta(minutes=2)
#: After which a dataset is looked at again whose server another worker asks.
BUSY = timedelta(seconds=5)
#: Answers that may be better another time; the others would be the same.
PASSING = ("timeout", "connection", "status", "empty-answer", "html", "broken-answer")


def count_objects() -> int:
    """Count the objects of datasets that wait (background job); return of how many.

    Several workers may run at once.
    """
    number, end = 0, time.monotonic() + TURN_SECONDS
    with Locks() as locks:
        turns = _Turns(locks)
        while time.monotonic() < end:
            id_ = COUNT.claim_next(locks, turns.take)
            if id_ is not None:
                turns.count(id_)
                number += 1
            elif number and _is_one_due(now() + BUSY):
                time.sleep(1)
            else:
                break
    if _is_one_due(now()):
        COUNT.enqueue()
    return number


def _is_one_due(moment: datetime) -> bool:
    query = sa.exists().where(COUNT.rows, Work.status == PENDING, Work.due <= moment)
    is_due = bool(model.Session.scalar(sa.select(query)))
    model.Session.rollback()
    return is_due


@dataclass
class _Turns:
    """Whose turn it is, for one job.

    Attributes:
        spent: seconds for which each server was asked.
    """

    locks: Locks
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def take(self, row: Work) -> bool:
        """Let a study have its turn, unless the server is asked by another worker,
        or was for too long.
        """
        host = row.content["host"]
        if self.spent[host] > HOST_SECONDS:
            row.due = now() + LATER
            return False
        # The first lock is held if the dataset was asked for again while it was counted.
        if not self.locks.take(COUNT.lock_of(row.id)):
            row.due = now() + BUSY
            return False
        if host and not self.locks.take(_lock_of_host(host)):
            self.locks.release(COUNT.lock_of(row.id))
            row.due = now() + BUSY
            return False
        _go_to_the_end(row)
        return True

    def count(self, id_: int) -> None:
        """Count the objects of a claimed dataset."""
        host = model.Session.scalar(sa.select(Work.content["host"].astext).where(Work.id == id_))
        begin = time.monotonic()
        try:
            _count(id_)
        finally:
            self.locks.release(COUNT.lock_of(id_))
            if host:
                self.spent[host] += time.monotonic() - begin
                self.locks.release(_lock_of_host(host))


def _lock_of_host(host: str) -> str:
    return f"studies:host:{host}"


def _go_to_the_end(row: Work) -> None:
    """Let the other datasets of the study wait behind those of others,
    which are done in the order of `due`.
    """
    others = sa.select(Work.id).where(
        of_study(row.content["study"]), Work.status == PENDING, Work.due <= now(), Work.id != row.id
    )
    free = others.with_for_update(skip_locked=True)
    model.Session.execute(
        sa.update(Work).where(Work.id.in_(free)).values(due=now()),
        execution_options={"synchronize_session": False},
    )


def _count(id_: int) -> None:
    """Count the objects of the dataset that a claimed row names.

    End the row if that dataset is not wanted any more.
    """
    row = model.Session.get(Work, id_, populate_existing=True)
    if row is None:
        model.Session.rollback()
        return
    study_id, key, attempts = row.content["study"], str(row.key), row.attempts
    stored = model.Session.get(StudyDataset, key)
    study = model.Session.get(Study, study_id)
    if study is None or stored is None or stored.decision == store.ASIDE:
        _save(id_, key, study_id, None)
        return
    site, package_id = store.site_of(study), stored.package_id
    unknown = Finding(states.NOT_MAPPED, "unknown", extent="unknown")
    finding = store.finding_of(stored.finding) or unknown
    try:
        dataset = _dataset(package_id, study.owner_id)
        model.Session.rollback()  # nothing is open while a server is waited for
        if dataset is None:
            finding = Finding(states.NOBODY, "gone", at=presence.moment())
        elif attempts > COUNT.most_tries:
            # It killed the process each time.
            finding = presence.unanswered(finding, "broken-answer")
        else:
            finding = presence.count(dataset, site, finding)
    except Exception:
        # Whatever it is: the answers of others may break a library. Neither place nor study is
        # logged.
        model.Session.rollback()
        log.exception("The objects of dataset %s could not be counted", package_id)
        finding = presence.unanswered(finding, "broken-answer")
    is_last = finding.code not in PASSING or attempts >= COUNT.most_tries
    _save(id_, key, study_id, finding, is_last)
    if not is_last:
        COUNT.retry(id_, presence.NoAnswer(finding.code))


def _dataset(package_id: str, owner_id: str) -> dict[str, Any] | None:
    """Return a dataset with its services as the owner of a study may read it,
    None if they may not.
    """
    owner = model.Session.get(model.User, owner_id)
    if owner is None or owner.state != model.State.ACTIVE:
        return None
    dataset = _answer_of("package_show", owner.name, id=package_id)
    if dataset is None or dataset.get("state") != model.State.ACTIVE:
        return None
    if tk.h.plugin_loaded("ecosphere_access"):
        for resource in dataset.get("resources") or []:
            resource["ecosphere_service"] = _answer_of(
                "ecosphere_access_service_show", owner.name, resource_id=resource["id"]
            )
    return dataset


def _answer_of(action: str, name: str, **parameters: str) -> dict[str, Any] | None:
    """Return what an action tells a person, None if they may not know it."""
    context: Any = {"user": name, "auth_user_obj": model.User.get(name), "ignore_auth": False}
    try:
        return tk.get_action(action)(context, parameters)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None


def _save(id_: int, key: str, study_id: str, finding: Finding | None, is_last: bool = True) -> None:
    """Store a finding, and end its row if it is the last one; commit.

    As everybody who changes needs, the worker locks the row of the study first: nobody waits for
    each other. After the last dataset, the results of the run are noted.
    """
    study = model.Session.get(Study, study_id, with_for_update=True, populate_existing=True)
    stored = model.Session.get(StudyDataset, key, populate_existing=True)
    if stored is not None and finding is not None:
        stored.finding = asdict(finding)
        need = model.Session.get_one(StudyNeed, stored.study_need_id, populate_existing=True)
        model.Session.flush()
        need.finding = asdict(store.concluded(need, store.datasets([need])[need.id]))
    if is_last:
        # A row that was asked for again meanwhile waits: it stays.
        model.Session.execute(sa.delete(Work).where(Work.id == id_, Work.status == RUNNING))
    if study is not None:
        study.pending = len(open_keys(study_id))
        if not study.pending:
            store.freeze(study, store.needs(study))
    model.Session.commit()
