"""Helper class for the tests of the harvest pipeline: sources, jobs, datasets,
and counted Solr requests.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import pysolr
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.job import RUNNING
from ckanext.ecosphere.harvest.model import JobState, SourceRecord
from ckanext.ecosphere.harvest.worker import run_job
from ckanext.harvest.model import HarvestJob, HarvestObject


class Portal:
    """Shortcuts for what an administrator does and sees."""

    ORGANISATIONS = {
        "ddt-01053-01": "DDT 01",
        "administration-centrale-ou-ministere_172120": "CGDD",
    }
    OWNER = "administration-centrale-ou-ministere_172120"

    def call(self, action: str, **data: Any) -> Any:
        """Call an action as the site user."""
        context: Any = {"ignore_auth": True, "model": model, "session": model.Session}
        context["user"] = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
        return tk.get_action(action)(context, data)

    def source(
        self, url: str, name: str = "source", config: dict[str, Any] | None = None, **data: Any
    ) -> str:
        """Create a source; return its id."""
        values = {
            "name": name,
            "title": name.capitalize(),
            "url": url,
            "source_type": "ecosphere_csw",
            "owner_org": self.OWNER,
            "config": json.dumps(config) if config else "",
            **data,
        }
        return self.call("harvest_source_create", **values)["id"]

    def edit_source(self, source_id: str, **changes: Any) -> None:
        """Change a source as its form does."""
        shown = self.call("harvest_source_show", id=source_id)
        fields = ("name", "title", "url", "source_type", "owner_org", "config", "frequency")
        values = {field: shown.get(field) or "" for field in fields}
        self.call("harvest_source_update", id=source_id, **{**values, **changes})

    def job(self, source_id: str, force: bool = False) -> str:
        """Create a job in the state "Running" without queueing it; return its id."""
        job_id = self.call("harvest_job_create", source_id=source_id, run=False)["id"]
        model.Session.execute(
            sa.update(HarvestJob).where(HarvestJob.id == job_id).values(status=RUNNING)
        )
        if force:
            model.Session.add(JobState(job_id=job_id, source_id=source_id, force=True, facts={}))
        model.Session.commit()
        return job_id

    def harvest(self, source_id: str, force: bool = False) -> dict[str, int]:
        """Harvest a source in this process.

        Return the counts of the job's report, without zeros.
        """
        job_id = self.job(source_id, force)
        run_job(job_id, helpers=False, sleep=lambda seconds: None)
        return self.counts(job_id)

    def counts(self, job_id: str) -> dict[str, int]:
        """Return the counts of a job as shown on ckanext-harvest's page."""
        job = self.call("harvest_job_show", id=job_id)
        assert job["status"] == "Finished"
        return {status: number for status, number in job["stats"].items() if number}

    def last_job(self, source_id: str) -> str:
        """Return the id of the last job of a source."""
        return model.Session.execute(
            sa.select(HarvestJob.id)
            .where(HarvestJob.source_id == source_id)
            .order_by(HarvestJob.created.desc())
            .limit(1)
        ).scalar_one()

    def errors(self, source_id: str) -> list[str]:
        """Return all messages of the report of the last job."""
        report = self.call("harvest_job_report", id=self.last_job(source_id))
        found = [each["message"] for each in report["gather_errors"]]
        found += [e["message"] for each in report["object_errors"].values() for e in each["errors"]]
        return found

    def state(self, source_id: str) -> dict[str, Any]:
        """Return the pipeline's state of the last job."""
        return self.call("ecosphere_harvest_job_show", id=self.last_job(source_id))

    def datasets(self) -> dict[str, dict[str, Any]]:
        """Return the published datasets by title, from the database."""
        names = model.Session.execute(
            sa.select(model.Package.name).where(
                model.Package.type == "dataset", model.Package.state == "active"
            )
        ).scalars()
        shown = [self.call("package_show", id=name, use_cache=False) for name in list(names)]
        return {dataset["title"]: dataset for dataset in shown}

    def ids(self, notes: str = "%") -> dict[str, str]:
        """Return title → id of the published datasets with a description LIKE `notes`,
        from the database only.
        """
        package = model.Package
        query = sa.select(package.title, package.id).where(
            package.type == "dataset",
            package.state == "active",
            sa.func.coalesce(package.notes, "").like(notes),
        )
        model.Session.rollback()
        return dict(model.Session.execute(query).tuples().all())

    def found(self) -> list[str]:
        """Return the titles of all datasets in the search index."""
        results = self.call("package_search", q="*:*", rows=1000)["results"]
        return sorted(dataset["title"] for dataset in results)

    def records(self, source_id: str) -> dict[str, str]:
        """Return the state of each record of a source, by guid."""
        model.Session.rollback()
        rows = model.Session.execute(
            sa.select(SourceRecord.guid, SourceRecord.state).where(
                SourceRecord.source_id == source_id
            )
        )
        return dict(rows.tuples().all())

    def current_objects(self) -> int:
        """Return the number of current harvest objects."""
        query = sa.select(sa.func.count()).where(HarvestObject.current.is_(True))
        return model.Session.execute(query).scalar_one()


@contextmanager
def solr_requests(monkeypatch: Any) -> Iterator[Counter[str]]:
    """Count the requests sent to Solr: `add` per document, `update` per request, `commit`,
    `delete`.
    """
    counted: Counter[str] = Counter()
    original = pysolr.Solr._send_request

    def counting(
        self: Any, method: str, path: str = "", body: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if path.startswith("update"):
            text = body.decode() if isinstance(body, bytes) else str(body or "")
            counted["update"] += 1
            counted["commit"] += "commit=true" in path or "<commit" in text
            counted["delete"] += "<delete" in text
            if "<delete" not in text and "<commit" not in text:
                counted["add"] += text.count('"index_id"') or text.count('name="index_id"')
        return original(self, method, path, body, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pysolr.Solr, "_send_request", counting)
        yield counted
