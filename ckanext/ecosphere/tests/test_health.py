"""`ckan ecosphere check`: reports what works and what does not, also by its exit code."""

import socketserver
import threading

import ckan.plugins.toolkit as tk
import pytest
from ckan.lib import jobs
from ckan.tests import factories

from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.setup import health

pytestmark = pytest.mark.usefixtures(
    "with_plugins", "clean_db", "clean_index", "with_request_context"
)

OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR
NOWHERE = "127.0.0.1:1"


def only(checks):
    assert len(checks) == 1
    return checks[0]


def test_the_services_of_the_tests_are_well():
    assert [each.status for each in (health.postgresql(), health.redis(), health.solr())] == [
        OK,
        OK,
        OK,
    ]


def test_missing_tables_are_an_error_with_the_command_to_run(monkeypatch):
    monkeypatch.setattr(health.migrations, "pending", lambda _names: ["", "harvest"])
    check = health.postgresql()
    assert check.status is ERROR
    assert "CKAN, harvest" in check.message
    assert "ckan ecosphere init" in check.remedy


def test_a_solr_that_is_away_is_an_error(ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "solr_url", f"http://solr:secret@{NOWHERE}/solr/ckan")
    check = health.solr()
    assert check.status is ERROR
    assert f"http://{NOWHERE}/" in check.message
    assert "secret" not in check.message


def test_a_dataset_missing_from_the_index_is_a_warning(reset_index, sysadmin_context):
    owner = factories.Organization()["id"]
    factories.Dataset(owner_org=owner)
    source = {
        "name": "geo-ide",
        "title": "Géo-IDE",
        "url": "https://catalogue.example.org/csw",
        "owner_org": owner,
    }
    tk.get_action("harvest_source_create")(
        sysadmin_context, {**source, "source_type": "ecosphere_csw"}
    )
    assert health.solr().status is OK
    reset_index()
    check = health.solr()
    assert check.status is WARNING
    assert "search-index rebuild" in check.remedy


@pytest.mark.usefixtures("clean_queues")
def test_a_queue_without_a_worker_is_an_error_until_one_listens():
    assert health.workers().status is ERROR
    queues = {jobs.DEFAULT_QUEUE_NAME}.union(
        *(plugin.ecosphere_queues() for plugin in health.each_setup())
    )
    worker = jobs.Worker(queues)
    worker.register_birth()
    try:
        assert health.workers().status is OK
    finally:
        worker.register_death()


@pytest.mark.usefixtures("clean_queues")
def test_worker_is_known_again_after_redis_was_emptied():
    queues = {jobs.DEFAULT_QUEUE_NAME}.union(
        *(plugin.ecosphere_queues() for plugin in health.each_setup())
    )
    worker = jobs.Worker(queues)
    worker.register_birth()
    worker.connection.flushdb()
    assert health.workers().status is ERROR
    worker.heartbeat()
    try:
        assert health.workers().status is OK
        assert 0 < worker.connection.ttl(worker.key) <= worker.worker_ttl + 60
    finally:
        worker.register_death()
    assert health.workers().status is ERROR


@pytest.mark.ckan_config("smtp.server", None)
def test_mail_without_a_server_is_a_warning():
    check = health.mail()
    assert check.status is WARNING
    assert "smtp.server" in check.message


@pytest.mark.ckan_config("smtp.server", NOWHERE)
def test_a_mail_server_that_is_away_is_a_warning():
    assert health.mail().status is WARNING


class Greeter(socketserver.StreamRequestHandler):
    """Minimal mail server that only sends its greeting."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            self.wfile.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")


def test_a_mail_server_that_answers_is_fine(ckan_config, monkeypatch):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setitem(ckan_config, "smtp.server", f"127.0.0.1:{server.server_address[1]}")
        assert health.mail().status is OK
        server.shutdown()


@pytest.mark.ckan_config("ecosphere.serach.tie", "0.2")
def test_a_mistyped_option_is_a_warning_with_the_nearest_one():
    check = only(health.options())
    assert (check.status, "ecosphere.serach.tie" in check.message) == (WARNING, True)
    assert "ecosphere.search.tie" in check.remedy


def test_an_option_of_the_wrong_kind_is_an_error(ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ecosphere.search.suggestions", "a few")
    check = only(health.options())
    assert check.status is ERROR
    assert "ecosphere.search.suggestions" in check.message


def test_well_formed_options_are_fine():
    assert only(health.options()).status is OK


@pytest.mark.parametrize(
    ("version", "concerned"),
    [("2.11.3", True), ("2.12.0", True), ("2.12.1", False), ("2.13.0a0", False)],
)
def test_advisories_concern_versions_up_to_the_one_that_has_them(version, concerned):
    assert {
        advisory.concerns(version) for advisory in health.read_advisories() if advisory.fixed_in
    } == {concerned}
    assert all(
        advisory.concerns(version) for advisory in health.read_advisories() if not advisory.fixed_in
    )


@pytest.mark.ckan_config("smtp.starttls", True)
def test_an_advisory_about_an_option_shows_when_the_option_is_set():
    assert any("starttls" in check.message for check in health.known_weaknesses())


def test_an_advisory_about_an_option_is_silent_when_it_is_not_set():
    assert not any("starttls" in check.message for check in health.known_weaknesses())


def test_a_check_that_breaks_is_an_error_and_the_others_run(monkeypatch):
    def broken():
        raise RuntimeError("boom")

    monkeypatch.setattr(health, "CHECKS", (broken, health.redis))
    first, second = health.run()[:2]
    assert (first.status, "boom" in first.message, second.status) == (ERROR, True, OK)
    assert "broken" not in first.name


def test_the_wrong_order_of_plugins_is_an_error_with_the_line_to_write(ckan_config, monkeypatch):
    assert health.order().status is OK
    monkeypatch.setitem(
        ckan_config, "ckan.plugins", ["spatial_query", "scheming_datasets", "ecosphere_search"]
    )
    check = health.order()
    assert (check.status, "ecosphere_search before spatial_query" in check.message) == (ERROR, True)
    assert check.remedy.endswith("ckan.plugins = scheming_datasets ecosphere_search spatial_query")
    monkeypatch.setitem(ckan_config, "ckan.plugins", ["ecosphere_search"])
    assert health.order().status is OK
