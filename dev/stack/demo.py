"""`make demo`: install and start everything, and fill the portal through its API.

Catalogues are harvested, data requested, and two datasets published: one for the quality of the
organisations, one with working OGC services.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from . import accounts, ckan, packages, pycsw, services
from .accounts import ADMIN, ActionError, Portal
from .pycsw import Served
from .settings import DEFAULT_COUNT, DEV
from .shell import StackError, say

REQUESTS, DATASET, WITH_SERVICES = (DEV / "demo" / f"{name}.json" for name in ("requests", "quality", "services"))
PUBLICATIONS = DEV / "demo" / "publications.json"
#: Datasets whose services answer a study in other ways than `services.json`: path, title, notes,
#: access.
FOR_STUDIES = DEV / "demo" / "studies.json"
SHORT = 4  # letters
#: Name of the dataset with working services.
SERVICES = json.loads(WITH_SERVICES.read_text())["name"]
#: Title of the organisation that publishes the datasets.
PUBLISHER = "CGDD"
#: Organisation that owns the sources; datasets are assigned to the organisation named in their
#: records.
OWNER = "administration-centrale-ou-ministere_172120"
#: Statuses of a job that has ended.
ENDED = ("Finished", "Aborted")
PATIENCE = 1200.0  # seconds without any progress
RUN_SECONDS = 30.0  # between two looks of ckanext-harvest at the jobs
_IN_DAYS = re.compile(r"\+(\d+)")
TO_TRY = (DEV / "demo" / "to_try.txt").read_text(encoding="utf-8")


def run() -> None:
    """Set everything up, fill the portal, and print what there is to see."""
    begin = time.monotonic()
    folder = os.environ.get("RECORDS")
    count = int(os.environ.get("COUNT") or DEFAULT_COUNT)
    packages.require(*packages.NEEDS)
    with services.stopped_on_failure() as started:
        services.up(started)
        ckan.initialise()
        catalogues = pycsw.serve(count, Path(folder).expanduser() if folder else None)
        for process in (ckan.post_office(), ckan.ogc_server(), pycsw.process(), *ckan.processes()):
            if process.start():
                started.add(process.name)
        portal = accounts.prepare()
        harvested = harvest(portal, catalogues)
        datasets = portal.call("package_search", rows=0)["count"]
        if not datasets:
            raise StackError(f"Nothing was harvested; see {ckan.site_url()}/harvest and .local/log.")
        ask(portal)
        ckan.command("ecosphere", "requests", "tick")
        publish(portal)
        collect(portal)
        study(portal)
        ckan.command("ecosphere", "access", "read")  # limited to this machine by `allowed_hosts`
        # The nightly run, without checking links: no request leaves this machine.
        ckan.command("ecosphere", "quality", "nightly", "--no-links", "--background")
    for job, catalogue in harvested.items():
        _tell(portal, job, *catalogue)
    site, passwords = ckan.site_url(), accounts.passwords()
    print(f"\nThe portal is ready after {time.monotonic() - begin:.0f} s: {site} ({datasets} datasets)")
    print("\nAccounts (passwords are kept in .local/credentials.json):")
    for account in accounts.ACCOUNTS:
        print(f"  {account['name']:20} {passwords[account['name']]:16} {account['role']}")
    print("\n" + TO_TRY.format(site=site, mail=ckan.mail_url(), services=SERVICES))


# --- harvests ---


def harvest(portal: Portal, catalogues: list[Served]) -> dict[str, tuple[Served, str]]:
    """Harvest the catalogues in parallel and wait for the end; return job → catalogue and name of
    its source.

    Raises:
        StackError: a worker has ended, or there has been no progress for `PATIENCE` seconds.
    """
    say("Harvesting " + ", ".join(served.title for served in catalogues))
    jobs = {}
    for served in catalogues:
        source = _source(portal, served)
        jobs[_start(portal, source["id"])] = (served, source["name"])
    _wait(portal, set(jobs))
    return jobs


def _source(portal: Portal, served: Served) -> dict[str, Any]:
    """Return the catalogue's harvest source.

    Create it if missing, and update its URL if the port changed.
    """
    wanted = {"name": f"demo-{served.name}", "title": served.title, "url": served.url}
    wanted |= {"source_type": "ecosphere_csw", "owner_org": OWNER, "frequency": "MANUAL"}
    known = portal.find("harvest_source_show", id=wanted["name"])
    if known is None:
        return portal.call("harvest_source_create", **wanted)
    if known["url"] != served.url:
        return portal.call("harvest_source_update", **{**wanted, "id": known["id"]})
    return known


def _start(portal: Portal, source: str) -> str:
    """Start a job, or continue one left by an earlier, interrupted command; return its id."""
    last = portal.call("harvest_source_show_status", id=source).get("last_job")
    if last and last["status"] not in ENDED:
        return last["id"]
    return portal.call("harvest_job_create", source_id=source, run=True)["id"]


def _wait(portal: Portal, pending: set[str]) -> None:
    """Wait until every job has ended; any progress restarts the timeout."""
    deadline, next_run = time.monotonic() + PATIENCE, 0.0
    before: dict[str, tuple[int, int]] = {}
    while pending:
        ckan.check_workers()
        if time.monotonic() >= next_run:
            portal.call("harvest_jobs_run")  # costs seconds while large jobs run
            next_run = time.monotonic() + RUN_SECONDS
        now = {**before, **{job: _progress(portal, job) for job in pending}}
        pending = {job for job in pending if portal.call("harvest_job_show", id=job)["status"] not in ENDED}
        if now != before:
            read, done = (sum(numbers) for numbers in zip(*now.values(), strict=True))
            say(f"  {read:>6} records read, {done} done; catalogues to go: {len(pending)}")
            deadline = time.monotonic() + PATIENCE
        before = now
        if time.monotonic() > deadline:
            raise StackError(f"The harvest does not move any more; see {ckan.site_url()}/harvest and .local/log.")
        if pending:
            time.sleep(2)


def _progress(portal: Portal, job: str) -> tuple[int, int]:
    """Return the numbers of records read and processed,
    both 0 until a worker has started the job.
    """
    state = portal.find("ecosphere_harvest_job_show", id=job) or {}
    read = state.get("received") or 0
    return read, read - (state.get("left") or 0)


def _tell(portal: Portal, job: str, served: Served, source: str) -> None:
    """Print the result of a catalogue."""
    stats = portal.call("harvest_job_show", id=job).get("stats") or {}
    counts = {key.replace("_", " "): value for key, value in stats.items() if isinstance(value, int) and value}
    aside = served.records - sum(counts.values())
    if aside > 0:
        counts["set aside (the report names them)"] = aside
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    say(f"\n{served.title}: {served.records} records: {told}")
    say(f"  report, for {ADMIN}: {ckan.site_url()}/harvest/{source}/job/last")
    for name in served.broken:
        say(f"  {name} is not well-formed XML, and was left out")


# --- data requests and datasets ---


def ask(portal: Portal) -> None:
    """Create the requests of `dev/demo/requests.json`, in different states, unless requests exist
    already.

    Args:
        portal: the portal, with the sysadmin's token.
    """
    if portal.call("ecosphere_request_list", rows=0)["count"]:
        return
    say("Asking for data")
    people = {ADMIN: portal}
    with ExitStack() as accounts_used:
        try:
            for entry in json.loads(REQUESTS.read_text()):
                for name in {entry["by"], *(step["as"] for step in entry["steps"])} - set(people):
                    people[name] = accounts_used.enter_context(_person(portal, name))
                _play(people, entry)
        except ActionError as error:
            say(f"  {error}")


@contextmanager
def _person(portal: Portal, name: str) -> Iterator[Portal]:
    """The portal as an account uses it, with a token that is revoked at the end."""
    token = portal.call("api_token_create", user=name, name="demo")["token"]
    try:
        yield Portal(token)
    finally:
        portal.call("api_token_revoke", token=token)


def _play(people: dict[str, Portal], entry: dict[str, Any]) -> None:
    request = people[entry["by"]].call("ecosphere_request_create", **entry["fields"])
    for step in ({"as": entry["by"], "transition": "submit", "similar_seen": True}, *entry["steps"]):
        if step["transition"] == "accept" and request["state"] != "submitted":
            continue  # requests of trusted people are opened without moderation
        fields = {name: _date(value) for name, value in step.items() if name != "as"}
        actor = people[step["as"]]
        request = actor.call("ecosphere_request_transition", id=request["id"], version=request["version"], **fields)


def _date(value: Any) -> Any:
    """Convert a number of days from now ("+20") to a date; return any other value unchanged."""
    match = _IN_DAYS.fullmatch(value) if isinstance(value, str) else None
    return (date.today() + timedelta(days=int(match[1]))).isoformat() if match else value


def publish(portal: Portal) -> None:
    """Publish `dev/demo/quality.json`, `services.json` and `studies.json` if missing; check the
    links of the first.

    Args:
        portal: the portal, with the sysadmin's token.
    """
    owners = portal.call("organization_autocomplete", q=PUBLISHER)
    if not owners:
        return
    first = _linked(json.loads(DATASET.read_text()), ckan.site_url())
    for dataset in (first, *with_services(ckan.ogc_url())):
        if portal.find("package_show", id=dataset["name"]) is None:
            say(f"Publishing the dataset {dataset['name']}")
            try:
                portal.call("package_create", **dataset, owner_org=owners[0]["id"])
            except ActionError as error:
                say(f"  {error}")
    ckan.command("ecosphere", "quality", "links", "--dataset", first["name"], "--background")


def collect(portal: Portal) -> None:
    """Create the collections and reuses of `dev/demo/publications.json`, unless there are
    collections already.

    Their datasets are the first results of searches, since the catalogue differs with its size.

    Args:
        portal: the portal, with the sysadmin's token.
    """
    if portal.call("ecosphere_collection_list", rows=0)["count"]:
        return
    say("Collecting datasets, telling of reuses")
    content = json.loads(PUBLICATIONS.read_text(encoding="utf-8"))
    try:
        for entry in content["collections"]:
            items = [
                {**item, "package_id": _first(portal, item.pop("query"), named=True)} for item in entry.pop("items")
            ]
            service = entry["organization"] or portal.call("organization_autocomplete", q=PUBLISHER)[0]["name"]
            entry |= {"items": items, "organization": service, "public": True}
            portal.call("ecosphere_collection_create", **entry)
        for entry in content["reuses"]:
            package, is_read = _first(portal, entry.pop("query")), entry.pop("publish")
            reuse = portal.call("ecosphere_reuse_create", **entry, packages=[package])
            if is_read:
                portal.call("ecosphere_reuse_moderate", id=reuse["id"], decision="published")
    except ActionError as error:
        say(f"  {error}")


def study(portal: Portal) -> None:
    """Make the studies of `dev/demo/publications.json`, each by its owner, who must have none
    before.

    A step is an action on the study (`ecosphere_study_…`); its `need` is the id of a need of the
    frame. Workers then count what the services of `studies.json` have on the site.
    """
    for entry in json.loads(PUBLICATIONS.read_text(encoding="utf-8"))["studies"]:
        with _person(portal, entry["by"]) as owner:
            if owner.call("ecosphere_study_list")["count"]:
                continue
            say("Making a study")
            made = owner.call("ecosphere_study_create", **entry["study"])
            needs = {}
            for group in made["groups"]:
                needs |= {need["need"]["id"]: need["id"] for need in group["needs"]}
            for step in entry["steps"]:
                if "need" in step:
                    step["need"] = needs[step["need"]]
                try:
                    _step(owner, made["id"], **step)
                except ActionError as error:
                    say(f"  {error}")


def _step(owner: Portal, study_id: str, action: str, **fields: Any) -> None:
    """Do one thing with a study; a request is sent at once."""
    result = owner.call(f"ecosphere_study_{action}", id=study_id, **fields)
    if action == "request":
        sent = {"transition": "submit", "similar_seen": True}
        owner.call("ecosphere_request_transition", id=result["id"], version=result["version"], **sent)


def _first(portal: Portal, query: str, *, named: bool = False) -> str:
    """Return the id of the first dataset that a search finds, "" if there is none.

    Args:
        named: the title must have a long word of the query: a small catalogue answers with what is
            hardly related.
    """
    if not query:
        return ""
    words = [word for word in query.lower().split() if len(word) > SHORT]
    for found in portal.call("package_search", q=query, fq="+dataset_type:dataset", rows=10)["results"]:
        if not named or any(word in found["title"].lower() for word in words):
            return found["id"]
    return ""


def with_services(home: str) -> list[dict[str, Any]]:
    """Return the dataset of `services.json`, and those of `studies.json`, which are like it with
    one service.

    Args:
        home: URL of the server of the demonstration.
    """
    like = json.loads(WITH_SERVICES.read_text())
    datasets = [_linked(like, home)]
    for entry in json.loads(FOR_STUDIES.read_text(encoding="utf-8")):
        service = {"path": entry.pop("path"), "name": "Objets (WFS)", "format": "WFS"}
        datasets.append(_linked({**like, **entry, "resources": [service]}, home))
    return datasets


def _linked(dataset: dict[str, Any], home: str) -> dict[str, Any]:
    for resource in dataset["resources"]:
        resource["url"] = home + resource.pop("path")
    return dataset
