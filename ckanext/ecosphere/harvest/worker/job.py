"""A harvest job and its source as plain data, independent of any database session."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import JobState
from ckanext.harvest.model import HarvestJob, HarvestSource

RULES_VERSION = 20
"""Increment when rules change so that a record becomes a different dataset: all records are then imported again."""

RUNNING = "Running"
FINISHED = "Finished"


@dataclass(frozen=True)
class Job:
    """One harvest of one source.

    Attributes:
        settings: configuration of the source.
        owner_org: id of the organisation that the source belongs to.
        organisations: name of each active organisation of the portal → its id.
        force: import records even if they have not changed.
    """

    id: str
    source_id: str
    url: str
    title: str
    type: str
    settings: dict[str, Any]
    owner_org: str | None
    organisations: dict[str, str] = field(repr=False)
    force: bool = False

    @property
    def owner_name(self) -> str | None:
        """Name of the organisation that the source belongs to."""
        return next((name for name, id_ in self.organisations.items() if id_ == self.owner_org), None)

    @property
    def only_for(self) -> str | None:
        """Id of the one organisation that the source publishes for; None when it publishes for all."""
        return only_for(self.settings, self.owner_org)

    @property
    def fingerprint(self) -> str:
        """Hash of everything except the record that determines its dataset; when it changes, all records do."""
        decisive = [
            RULES_VERSION,
            self.title,
            self.url,
            self.settings.get("default_organisation"),
            self.owner_org,
            config.fallback_organisation(),
            *([] if self.only_for is None else ["own service"]),
        ]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:8]

    def digest(self, content_digest: str) -> str:
        """Return the digest of a record as imported by this job."""
        return f"{content_digest}-{self.fingerprint}"


def load(job_id: str) -> Job:
    """Load a job with its source; create its state if necessary.

    Raises:
        ObjectNotFound: there is no such job.
    """
    found = model.Session.execute(
        sa.select(HarvestJob.source_id, HarvestSource, model.Package.owner_org)
        .join(HarvestSource, HarvestSource.id == HarvestJob.source_id)
        .outerjoin(model.Package, model.Package.id == HarvestSource.id)
        .where(HarvestJob.id == job_id)
    ).first()
    if found is None:
        raise tk.ObjectNotFound("harvest job")
    source_id, source, owner_org = found
    model.Session.execute(
        insert(JobState)
        .values(job_id=job_id, source_id=source_id, facts={})
        .on_conflict_do_nothing(index_elements=["job_id"])
    )
    state = model.Session.get(JobState, job_id)
    job = Job(
        id=job_id,
        source_id=source_id,
        url=source.url,
        title=source.title or source.url,
        type=source.type,
        settings=read_settings(source.config),
        owner_org=owner_org,
        organisations=organisations(),
        force=bool(state and state.force),
    )
    model.Session.commit()
    return job


def only_for(settings: dict[str, Any], owner_org: str | None) -> str | None:
    """Return the id of the one organisation that a source publishes for, from its settings; None if for all."""
    return (owner_org or "") if settings.get("own_service") else None


def read_settings(text: str | None) -> dict[str, Any]:
    """Parse the configuration of a source; an invalid one counts as empty, since it was validated when saved."""
    try:
        settings = json.loads(text or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def organisations() -> dict[str, str]:
    """Return name of each active organisation of the portal → its id."""
    rows = model.Session.execute(
        sa.select(model.Group.name, model.Group.id).where(
            model.Group.is_organization.is_(True), model.Group.state == "active"
        )
    )
    return dict(rows.tuples().all())


def is_running(job_id: str) -> bool:
    """Tell whether a job is still running: neither finished nor aborted, and its source not removed."""
    found = model.Session.execute(
        sa.select(HarvestJob.status, HarvestSource.__table__.c.active)
        .join(HarvestSource, HarvestSource.id == HarvestJob.source_id)
        .where(HarvestJob.id == job_id)
    ).first()
    return found is not None and found.status == RUNNING and found.active


def update_state(job_id: str, **values: Any) -> None:
    """Update the state of a job; the caller commits."""
    model.Session.execute(sa.update(JobState).where(JobState.job_id == job_id).values(**values))


def user_name() -> str:
    """Return the user in whose name datasets are harvested: the site user."""
    return tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
