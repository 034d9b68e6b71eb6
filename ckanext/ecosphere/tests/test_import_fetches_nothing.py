"""The import requests only the URL entered by the user: no URL named by a document,
no service of the portal.
"""

from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import pytest
from ckan.plugins import get_plugin
from ckan.tests import factories

from ckanext.ecosphere.harvest.tests import luring
from ckanext.ecosphere.setup.health import check_networks, check_ports
from ckanext.ecosphere.shared.config import own_services
from ckanext.ecosphere.tests.canary import canary
from ckanext.ecosphere.tests.scripted_server import serve

SECRET = "only-in-the-file"
NAMES = list(luring.everything(""))


@pytest.fixture
def headers(with_plugins, clean_db):
    return {"Authorization": factories.SysadminWithToken()["token"]}


def imported(app, headers, **data):
    """Import through the API; return status and text."""
    answer = app.post("/api/3/action/ecosphere_dataset_import", json=data, headers=headers)
    assert answer.status_code in {200, 409}, (data, answer.body[:500])
    return answer.status_code, answer.body


@pytest.mark.slow("hostile")
def test_luring_documents_by_address_and_as_text(app, headers, tmp_path):
    secret = tmp_path / "context.jsonld"
    secret.write_text(f'{{"@context": {{"part": "https://ex.org/{SECRET}"}}}}')
    with canary() as bird:
        by_web, by_file = (
            luring.everything(f"{bird.url}/context"),
            luring.everything(secret.as_uri()),
        )
        with serve(lambda x: x.answer(by_web[NAMES[int(x.path.strip("/"))]][0])) as server:
            for number, name in enumerate(NAMES):
                for answer in (
                    imported(app, headers, url=f"{server.url}/{number}"),
                    imported(app, headers, content=by_file[name][0]),
                ):
                    status, body = answer
                    assert SECRET not in body, name
                    if name.startswith("JSON-LD"):
                        assert status == 409, (name, body[:500])
                        assert "is not fetched" in body, (name, body[:500])
            assert len(server.seen) == len(NAMES)
        assert bird.heard == []


def test_own_services_are_refused_although_their_network_is_allowed(app, headers):
    assert len(own_services()) >= 3
    for host, port in own_services():
        for spelling in (host, "localhost", "127.0.0.1"):
            status, body = imported(app, headers, url=f"http://{spelling}:{port}/solr/admin/cores")
            assert status == 409
            assert "a service of the portal itself" in body


def test_source_on_the_portal_s_own_index_reads_nothing(with_plugins, clean_db, ckan_config):
    from ckanext.ecosphere.harvest.sources.base import type_called

    parts = urlsplit(tk.config["solr_url"])
    for kind in (
        "ecosphere_csw",
        "ecosphere_dcat",
        "ecosphere_waf",
        "ecosphere_udata",
        "ecosphere_ogcapi",
    ):
        harvester = type_called(kind)
        assert harvester is not None
        reader = harvester.bounded_reader(
            f"http://{parts.netloc}/solr/admin/cores/", {"tag": "eau"}
        )
        assert list(reader.pages()) == []
        assert {failure.code for failure in reader.reading.failures} == {"fetch-own-service"}


@pytest.mark.usefixtures("with_plugins")
@pytest.mark.parametrize(
    ("networks", "status", "said"),
    [
        ([], "ok", "no private network"),
        (["127.0.0.1/32"], "warning", "ask itself"),
        (["::1"], "warning", "ask itself"),
        (["0.0.0.0/0"], "warning", "ask itself"),
        (["10.0.0.0/8"], "warning", "private networks (10.0.0.0/8)"),
        (["nonsense"], "error", "no network"),
    ],
)
def test_check_tells_of_networks(ckan_config, monkeypatch, networks, status, said):
    monkeypatch.setitem(ckan_config, "ecosphere.harvest.allowed_networks", networks)
    (check,) = check_networks("ecosphere.harvest.allowed_networks", "harvests")
    assert check.name == "Private networks (harvests)"
    assert check.status.value == status
    assert said in check.message


@pytest.mark.usefixtures("with_plugins", "clean_db", "with_request_context")
@pytest.mark.parametrize("wrong", ["http", "0", "65536", "-80", "8 0", "٨٠"])
def test_check_tells_of_ports(ckan_config, monkeypatch, wrong):
    rooms = [get_plugin(f"ecosphere_{room}") for room in ("harvest", "quality", "schemas")]

    def told():
        checks = [check for room in rooms for check in room.ecosphere_check()]
        return [
            check
            for check in checks
            if check.status.value == "error" and "no port" in check.message
        ]

    options = ["harvest.allowed_ports", "quality.allowed_ports", "schemas.import_allowed_ports"]
    for option in options:
        monkeypatch.setitem(ckan_config, f"ecosphere.{option}", ["443", "8080"])
        assert check_ports(f"ecosphere.{option}", "harvests") == []
        monkeypatch.setitem(ckan_config, f"ecosphere.{option}", ["443", wrong])
    assert len({check.name for check in told()}) == len(options)  # each check has a name of its own
    for option, check in zip(
        sorted(options), sorted(told(), key=lambda each: each.message), strict=True
    ):
        assert check.message.startswith(f"ecosphere.{option} ")
        assert repr(wrong) in check.message


@pytest.mark.usefixtures("with_plugins", "clean_db")
def test_import_over_a_wrong_option_says_so(ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ecosphere.schemas.import_allowed_ports", ["http"])
    with pytest.raises(tk.ValidationError, match="administrator must correct an option"):
        tk.get_action("ecosphere_dataset_import")(
            {"ignore_auth": True}, {"url": "https://example.org/record"}
        )


@pytest.mark.usefixtures("with_plugins", "clean_queues")
def test_check_wants_a_worker_that_takes_no_harvest():
    from ckan.lib import jobs

    from ckanext.ecosphere.harvest.worker import free_workers
    from dev.stack.ckan import QUEUES, QUICK_QUEUES

    def status_with(*queues):
        workers = [jobs.Worker(list(each)) for each in queues]
        for worker in workers:
            worker.register_birth()
        try:
            (check,) = free_workers()
        finally:
            for worker in workers:
                worker.register_death()
        return check.status.value

    assert status_with(QUEUES, QUEUES) == "warning"
    assert status_with(QUICK_QUEUES, QUEUES) == "ok"
