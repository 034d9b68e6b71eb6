"""Two web servers behind nginx share people, forms, files, limits and figures.

One of them is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import rq
from ckan import model
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.tests.browser import free_port

pytestmark = pytest.mark.slow("servers")

ROOT = Path(__file__).resolve().parents[4]
PASSWORD, TOKEN = "Correct-Horse-9", "a-token-of-the-servers"
FORM_TOKEN = re.compile(r'<meta name="_csrf_token" content="([^"]+)"')
INI = f"""[app:main]
use = config:{ROOT}/test.ini
SECRET_KEY = a-secret-that-both-servers-have
WTF_CSRF_SECRET_KEY = another-secret-that-both-have
WTF_CSRF_ENABLED = true
testing = false
ckan.site_url = {{url}}
ecosphere.logs.json = true
ecosphere.metrics.token = {TOKEN}
ecosphere.trusted_proxies = 127.0.0.1/32
"""
NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream guichet {{
        server 127.0.0.1:{first} max_fails=1 fail_timeout=10s;
        server 127.0.0.1:{second} max_fails=1 fail_timeout=10s;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://guichet;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Request-ID $request_id;
        }}
    }}
}}
"""


@dataclass
class Servers:
    """URLs of the proxy and of both servers, processes and logs of the servers."""

    proxy: str
    urls: list[str]
    processes: list[subprocess.Popen[bytes]]
    logs: list[Path]


@pytest.fixture
def servers(client: FlaskClient, tmp_path: Path) -> Iterator[Servers]:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    port, *ports = (free_port() for _number in range(3))
    ini = tmp_path / "ckan.ini"
    ini.write_text(INI.format(url=f"http://127.0.0.1:{port}"))
    (tmp_path / "nginx.conf").write_text(
        NGINX.format(folder=tmp_path, port=port, first=ports[0], second=ports[1])
    )
    logs = [tmp_path / f"{number}.log" for number in ports]
    environment = {**os.environ, "CKAN_INI": str(ini)}
    with contextlib.ExitStack() as stack:
        processes = []
        for number, log in zip(ports, logs, strict=True):
            command = [
                sys.executable,
                "-m",
                "gunicorn",
                "--workers",
                "2",
                "--threads",
                "4",
                "--timeout",
                "120",
            ]
            command += [
                "--bind",
                f"127.0.0.1:{number}",
                "--forwarder-headers",
                "",
                "dev.stack.wsgi:application",
            ]
            output = stack.enter_context(log.open("wb"))
            server = subprocess.Popen(
                command, cwd=ROOT, env=environment, stderr=output, start_new_session=True
            )
            stack.callback(stop, server)
            processes.append(server)
        proxy = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"])
        stack.callback(proxy.terminate)
        urls = [f"http://127.0.0.1:{number}" for number in ports]
        for url in urls:
            wait_for(f"{url}/ecosphere/health/live")
        yield Servers(f"http://127.0.0.1:{port}", urls, processes, logs)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Kill a server with its processes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait(30)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=30).ok:
                return
        time.sleep(0.5)
    raise AssertionError(url)


def counted(url: str) -> float:
    """Return the number of pages of datasets that the metrics tell."""
    text = requests.get(
        f"{url}/ecosphere/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
    ).text
    numbers = re.findall(
        r'ecosphere_request_seconds_count\{page="dataset",status="2xx"\} ([\d.]+)', text
    )
    return float(numbers[0]) if numbers else 0.0


def test_two_servers_are_one_portal(servers: Servers, worker: rq.Worker):
    person = factories.Sysadmin(password=PASSWORD, email="jeanne.martin@exemple.fr")
    dataset = factories.Dataset(owner_org=factories.Organization()["id"])
    model.Session.remove()
    first, second = servers.urls
    wait_for(f"{servers.proxy}/ecosphere/health/ready")

    # A session of one server is one of the other; so are a form and an uploaded file.
    browser = requests.Session()
    form = FORM_TOKEN.findall(browser.get(f"{first}/user/login", timeout=60).text)
    fields = {"login": person["name"], "password": PASSWORD, "_csrf_token": form[0]}
    referer = {"Referer": f"{second}/user/login"}
    browser.post(f"{second}/user/login", fields, headers=referer, timeout=60)
    for url in servers.urls:
        own = f"{url}/user/{person['name']}/api-tokens"
        assert requests.get(own, timeout=60, allow_redirects=False).status_code != 200
        assert browser.get(own, timeout=60, allow_redirects=False).status_code == 200
    headers = {"Authorization": made_token(second, browser, person["name"])}
    upload = requests.post(
        f"{first}/api/3/action/resource_create",
        {"package_id": dataset["id"], "name": "plan"},
        headers=headers,
        files={"upload": ("plan.csv", b"a,b\n1,2\n")},
        timeout=60,
    )
    file = upload.json()["result"]["url"].replace(servers.proxy, second)
    assert requests.get(file, timeout=60).content == b"a,b\n1,2\n"

    # Either tells the figures of both.
    before = counted(first)
    for url in (first, second, second):
        assert requests.get(f"{url}/dataset/{dataset['name']}", timeout=60).ok
    time.sleep(1.2)
    requests.get(f"{second}/dataset/{dataset['name']}", timeout=60)
    assert counted(first) >= before + 3

    # One is killed: nobody notices.
    stop(servers.processes[0])
    for _time in range(20):
        assert (
            requests.get(f"{servers.proxy}/dataset/{dataset['name']}", timeout=60).status_code
            == 200
        )

    text = "".join(log.read_text() for log in servers.logs)
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert {line["status"] for line in lines if line.get("route") == "/dataset/<id>"} == {200}
    assert all(len(line["request"]) == 32 for line in lines if line.get("route") == "/dataset/<id>")
    assert person["name"] not in "".join(json.dumps(line) for line in lines)
    assert "exemple.fr" not in text


def made_token(url: str, browser: requests.Session, name: str) -> str:
    """Return an API token that a server made, from the page of the person."""
    page = f"{url}/user/{name}/api-tokens"
    form = FORM_TOKEN.findall(browser.get(page, timeout=60).text)
    answer = browser.post(
        page, {"name": "two", "_csrf_token": form[0]}, headers={"Referer": page}, timeout=60
    )
    return re.findall(r"(eyJ[\w-]+\.[\w-]+\.[\w-]+)", answer.text)[0]
