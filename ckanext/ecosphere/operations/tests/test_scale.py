"""The portal of `make scale`: harvest, new index and readers use all services and agree.

One of each is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import rq
import sqlalchemy as sa
from redis import Redis

from dev.chaos.catalogues import Catalogue, served
from dev.stack.process import port_is_taken

pytestmark = pytest.mark.slow("servers")

ROOT = Path(__file__).resolve().parents[4]
LOCAL = ROOT / ".local" / "scale"
RECORDS = 150
SERVERS = ("web-1", "web-2")


class Scale:
    """The running portal: addresses of its services, processes, and calls of its API."""

    def __init__(self) -> None:
        ini = RawConfigParser()
        ini.read(LOCAL / "ckan.ini")
        self.options = dict(ini["app:main"])
        self.home = self.options["ckan.site_url"]
        port = int(self.home.rpartition(":")[2])
        self.web = [f"http://127.0.0.1:{port + number}" for number in (1, 2)]
        self.solr = [f"http://127.0.0.1:{port + number}/solr/guichet" for number in (3, 4)]
        self.standby = port + 7
        hosts = self.options["sqlalchemy.url"].partition("?")
        self.credentials = hosts[0]
        self.primary = int(hosts[2].partition("&port=")[2].partition(",")[0])
        self.token = ""

    def ckan(self, *words: str) -> str:
        """Run a command of the portal."""
        program = [ROOT / ".venv" / "bin" / "ckan", "-c", LOCAL / "ckan.ini", *words]
        return subprocess.run(
            program, cwd=LOCAL, env=environment(), check=True, capture_output=True, text=True
        ).stdout

    def call(self, action: str, home: str = "", **fields: Any) -> Any:
        """Call an action through the proxy, or of one of the servers."""
        url = f"{home or self.home}/api/3/action/{action}"
        answer = requests.post(url, json=fields, headers={"Authorization": self.token}, timeout=120)
        assert answer.ok, answer.text[:1000]
        return answer.json()["result"]

    def read(self, action: str, home: str = "", **fields: Any) -> Any:
        """Call an action that changes nothing, so that the proxy may ask another server."""
        url = f"{home or self.home}/api/3/action/{action}"
        answer = requests.get(url, fields, headers={"Authorization": self.token}, timeout=120)
        assert answer.ok, answer.text[:1000]
        return answer.json()["result"]

    def rows(self, port: int, query: str) -> list[Any]:
        """Ask the database of one of the two servers."""
        url = f"{self.credentials}?host=127.0.0.1:{port}"
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            return list(connection.execute(sa.text(query)).scalars())

    def kill(self, name: str) -> None:
        """Kill a process with its descendants."""
        note = json.loads((LOCAL / "run" / f"{name}.json").read_text())
        os.killpg(note["pid"], signal.SIGKILL)

    def harvest(self, source: str) -> None:
        """Run a harvest to its end."""
        job = self.call("harvest_job_create", source_id=source, run=True)["id"]
        wait_for(lambda: self.read("harvest_job_show", id=job)["status"] == "Finished", 600)


def environment() -> dict[str, str]:
    """Return the environment without what the tests' own portal has put there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CKAN_")}
    return {**kept, "ECOSPHERE_STACK": "scale"}


def wait_for(is_so: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, is_so
        time.sleep(0.5)


@pytest.fixture
def scale() -> Iterator[Scale]:
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    stop()
    try:
        subprocess.run(["make", "-s", "scale"], cwd=ROOT, env=environment(), check=True)
        yield Scale()
    finally:
        stop()


def stop() -> None:
    command = ["python3", "-m", "dev.stack", "stop"]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)
    shutil.rmtree(LOCAL, ignore_errors=True)


@contextlib.contextmanager
def readers(scale: Scale, address: str, words: str) -> Iterator[list[str]]:
    """Have two people read a page all the time; yield what they were answered wrongly."""
    wrong: list[str] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            answer = requests.get(f"{scale.home}{address}", timeout=120)
            if answer.status_code != 200 or words not in answer.text:
                wrong.append(f"{answer.status_code} {answer.text[-500:]}")

    threads = [threading.Thread(target=read) for _number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def agree(scale: Scale, catalogue: Catalogue, solr: list[str], databases: list[int]) -> None:
    """Check that servers, nodes and databases that run have the records of the catalogue."""
    fq = "+dataset_type:dataset"

    def is_everywhere() -> bool:
        answers = []
        for home in (scale.home, *scale.web):
            with contextlib.suppress(requests.ConnectionError):
                results = scale.read("package_search", home, fq=fq, rows=1000)["results"]
                answers.append({result["title"]: result["notes"] for result in results})
        in_solr = []
        for node in solr:
            query = {"q": "*:*", "fq": fq, "rows": 1000, "fl": "title,notes", "distrib": "false"}
            found = requests.get(f"{node}/select", query, timeout=60).json()["response"]["docs"]
            in_solr.append({document["title"]: document["notes"] for document in found})
        in_database = []
        query = "SELECT title FROM package WHERE state = 'active' AND type = 'dataset'"
        for port in databases:
            in_database.append(set(scale.rows(port, query)))
        expected = catalogue.expected
        return (
            all(answer == expected for answer in answers)
            and all(found == expected for found in in_solr)
            and all(titles == set(expected) for titles in in_database)
        )

    wait_for(is_everywhere, 180)


def test_more_than_one_of_everything_is_one_portal(scale: Scale):
    password = "Correct-Horse-9"
    scale.ckan("user", "add", "chef", "email=chef@exemple.fr", f"password={password}")
    scale.ckan("sysadmin", "add", "chef")
    scale.token = scale.ckan("user", "token", "add", "chef", "scale", "-q").split()[-1]
    wait_for(lambda: requests.get(f"{scale.home}/ecosphere/health/ready", timeout=60).ok)
    owner = scale.call("organization_create", name="ddt", title="DDT")["id"]
    catalogue = Catalogue("scale", "waf", RECORDS)
    with served([catalogue]) as server:
        source = scale.call(
            "harvest_source_create",
            name="scale",
            title="Catalogue",
            url=server.url(catalogue),
            source_type=catalogue.source_type,
            owner_org=owner,
            frequency="MANUAL",
        )["id"]
        scale.harvest(source)
        agree(scale, catalogue, scale.solr, [scale.primary, scale.standby])
        busy = rq.Worker.all(connection=Redis.from_url(scale.options["ckan.redis.url"]))
        assert len(busy) == 4
        assert len([worker for worker in busy if worker.successful_job_count]) >= 2

        name = scale.read("package_search", q="Parcelle", rows=1)["results"][0]["name"]
        files_are_shared(scale, name)
        page = f"/dataset/{name}"
        with readers(scale, page, "Parcelle") as wrong:
            scale.ckan("search-index", "rebuild", "--quiet")
            agree(scale, catalogue, scale.solr, [scale.primary, scale.standby])
        assert not wrong, wrong

        with readers(scale, f"/dataset/?q={name}", "Parcelle") as wrong:
            scale.kill("web-1")
            wait_for(lambda: not port_is_taken(int(scale.web[0].rpartition(":")[2])))
            scale.kill("worker-3")
            scale.kill("solr-1")
            catalogue.change(list(range(0, RECORDS, 3)))
            scale.harvest(source)
            agree(scale, catalogue, scale.solr[1:], [scale.primary, scale.standby])
        assert not wrong, wrong

        # What was killed comes back, and catches up.
        subprocess.run(["make", "-s", "scale"], cwd=ROOT, env=environment(), check=True)
        agree(scale, catalogue, scale.solr, [scale.primary, scale.standby])

        scale.kill("postgres")
        assert scale.rows(scale.standby, "SELECT pg_promote()") == [True]
        wait_for(lambda: requests.get(f"{scale.home}{page}", timeout=60).status_code == 200)
        agree(scale, catalogue, scale.solr, [scale.standby])
        catalogue.change([0, 1])
        scale.harvest(source)
        agree(scale, catalogue, scale.solr, [scale.standby])


def files_are_shared(scale: Scale, name: str) -> None:
    """Check that what was uploaded on one server is read on the other one,
    from the object storage.
    """
    first, second = scale.web
    headers = {"Authorization": scale.token}
    content = b"commune;surface\nBourg;12\n" * 50
    resource = requests.post(
        f"{first}/api/3/action/resource_create",
        {"package_id": name, "name": "Surfaces", "format": "CSV"},
        headers=headers,
        files={"upload": ("surfaces.csv", content)},
        timeout=120,
    ).json()["result"]
    url = resource["url"].replace(scale.home, second)
    assert requests.get(url, timeout=60).content == content
    sample = f"/dataset/{name}/resource/{resource['id']}/apercu"
    requests.post(f"{first}{sample}", headers=headers, timeout=60)
    wait_for(lambda: requests.get(f"{first}{sample}", timeout=60).json().get("state") != "wanted")
    shown = [requests.get(f"{home}{sample}", timeout=60).json() for home in (first, second)]
    assert shown[0] == shown[1] and "Bourg" in json.dumps(shown[0])
    bucket = boto3.client(
        "s3",
        endpoint_url=scale.options["ckan.files.storage.default.endpoint"],
        aws_access_key_id="guichet",
        aws_secret_access_key=scale.options["ckan.files.storage.default.secret"],
        region_name="us-east-1",
    )
    keys = {entry["Key"] for entry in bucket.list_objects(Bucket="guichet")["Contents"]}
    id_ = resource["id"]
    assert f"uploads/resources/{id_[:3]}/{id_[3:6]}/{id_[6:]}" in keys
    assert f"ecosphere/ecosphere_access/samples/{id_}.json" in keys
    scale.call("resource_delete", id=id_)
