"""Fixtures and pytest hooks shared by the tests of every room."""

from __future__ import annotations

import gc
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests.helpers import CKANTestApp
from redis.exceptions import RedisError

from ckanext.ecosphere.tests.browser import browser, page, portal_url, state_of
from ckanext.ecosphere.tests.database import empty_db
from ckanext.ecosphere.tests.kept_portal import KEPT, kept_portal
from ckanext.ecosphere.tests.postbox import Postbox, serving
from ckanext.ecosphere.tests.quick_loading import quickly
from dev.stack import pycsw, settings, testing

PACKAGE = Path(__file__).parent

__all__ = ["browser", "empty_db", "kept_portal", "page", "portal_url"]

process = os.environ.get("PYTEST_XDIST_WORKER")
without_services = os.environ.get("CKAN_SQLALCHEMY_URL") == testing.NO_DATABASE
if process and not without_services:
    os.environ.update(settings.test_environment(process))  # before CKAN reads its configuration


#: Files that take 20 seconds or more on a busy machine, slowest first: run early, so that no
#: process is left with one.
LONGEST = (
    "tests/access/test_crawl.py",
    "tests/access/test_odd_values.py",
    "tests/access/test_matrix.py",
    "tests/test_alone.py",
    "schemas/tests/test_importing_records.py",
    "data_requests/tests/test_journey_answering.py",
    "harvest/tests/test_resume.py",
    "access/tests/test_large.py",
    "tests/in_and_out/test_in_and_out.py",
    "tests/in_and_out/test_orders.py",
    "tests/test_records_exchange.py",
    "schemas/tests/test_form.py",
    "harvest/tests/test_local_edits.py",
    "access/tests/test_journey.py",
    "search/tests/test_history.py",
    "search/tests/test_corrections_over_http.py",
    "search/tests/test_solr_cloud.py",
    "schemas/tests/test_odd_fields.py",
    "data_requests/tests/test_answers.py",
    "data_requests/tests/test_inbound.py",
    "data_requests/tests/test_journey_asking.py",
    "harvest/tests/test_without_end.py",
    "access/tests/test_previews.py",
    "hardening/tests/test_web_guard_browser.py",
    "quality/tests/test_journey.py",
    "harvest/tests/test_faults_records.py",
    "schemas/tests/test_dataset_page.py",
    "tests/test_expressions.py",
    "harvest/tests/test_odd_values.py",
    "harvest/tests/test_local_form.py",
    "tests/test_journey.py",
    "data_requests/tests/test_every_page.py",
    "tests/test_attack.py",
    "tests/test_look.py",
    "tests/access/test_account_ids.py",
    "tests/test_page_costs.py",
    "schemas/tests/test_proposing_journey.py",
    "harvest/tests/test_source_settings.py",
    "harvest/tests/test_reach.py",
    "data_requests/tests/test_scheduled.py",
    "data_requests/tests/test_hostile_texts.py",
    "data_requests/tests/test_mailing.py",
)


#: Fixtures that need plugins, a database, an index or a browser: `make test-fast` leaves out
#: whatever uses one.
SERVICES = {
    "with_plugins", "loaded", "made_app", "make_app", "app", "cli", "with_request_context", "browser", "csw_catalogue",
    "empty_db", "clean_db", "non_clean_db", "reset_db", "clean_index", "reset_index", "clean_queues", "solr",
    "portal", "portal_of_the_class", "shared_db", "nothing_counted", "worker",
}  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Activate the shortcuts of `quick_loading` first: CKAN makes an application before collection,
    in each process.

    For that application, CKAN reads options that were changed in the portal, also from a database
    without tables.
    """
    quick = ExitStack()
    quick.enter_context(quickly())
    if without_services:
        patch = quick.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(model, "get_system_info", lambda _key, default=None: default)
    config.add_cleanup(quick.close)


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Shorten the ids of long parameters, and leave bytes out.

    All xdist processes must collect the same ids, and an archive made during collection holds its
    time of creation.
    """
    if isinstance(val, bytes):
        return argname
    return f"{ascii(val[:60])[1:-1]}..." if isinstance(val, str) and val[60:] else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Assign tests to their tier, and run the slowest files first.

    Tests of a file keep their order.
    """
    cases: Counter[str] = Counter()
    for item in items:
        for mark in item.iter_markers("few"):
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if cases[test] > mark.args[0]:
                item.add_marker(pytest.mark.slow(mark.args[1]))
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & SERVICES:
            item.add_marker("service")
        if "browser" in fixtures and not item.get_closest_marker("journey"):
            item.add_marker(pytest.mark.slow("browser"))
        if not all(mark.args for mark in item.iter_markers("slow")):
            raise pytest.UsageError(f"{item.nodeid} does not say in a word why it is slow")
    places = {str(PACKAGE / name): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(str(item.path), len(places)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collect garbage less often, and exempt the objects that live until the end:
    a page makes thousands of objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Unload the plugins of an earlier test before a test that uses none."""
    if not KEPT.held and "with_plugins" not in getattr(item, "fixturenames", ()):
        KEPT.unload()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the state of the page and of the portal to the report of a failed browser test."""
    report: Any = yield
    opened = getattr(item, "funcargs", {}).get("page")
    if report.failed and call.when == "call" and opened:
        report.sections.append(("Page and portal", state_of(opened)))
    return report


@pytest.fixture(scope="session", autouse=True)
def empty_redis() -> None:
    """Start with an empty Redis, without jobs and counters of earlier runs or benchmarks."""
    with suppress(RedisError):  # tests of pure functions need no Redis
        connect_to_redis().flushdb()


@pytest.fixture
def with_plugins(ckan_config: Any) -> None:
    """Load the configured plugins.

    Those of the previous test are reused if its configuration was the same.
    """
    KEPT.load()


@pytest.fixture
def make_app(ckan_config: Any, request: pytest.FixtureRequest) -> Callable[[], CKANTestApp]:
    """Return a function that makes the application, or reuses that of the
    module or of the previous test.
    """
    if "loaded" not in request.fixturenames:
        return KEPT.app
    made = request.getfixturevalue("made_app")
    return lambda: CKANTestApp(made)


@pytest.fixture(scope="module")
def loaded() -> Iterator[None]:
    """Load the plugins once per module, or reuse those of the previous module.

    For modules whose tests neither use `with_plugins` nor change a list of plugins.
    """
    with KEPT.held_with():
        yield


@pytest.fixture(scope="module")
def made_app(loaded: None) -> object:
    """The application, made once per module, or that of the previous module."""
    return KEPT.app().app


@pytest.fixture
def clean_db(empty_db: Callable[[], None]) -> None:
    """Empty the database and create the tables of every loaded
    plugin (use `with_plugins` first).
    """
    empty_db()


@pytest.fixture
def postbox(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postbox]:
    """A real SMTP server, set in CKAN's configuration."""
    with serving() as box:
        monkeypatch.setitem(ckan_config, "smtp.server", box.address)
        yield box


@pytest.fixture
def csw_catalogue(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Publish records on a real pycsw: `csw_catalogue(records)` returns the URL of a CSW 2.0.2 that
    serves them.

    `records` are XML texts or bytes, in the order in which they are served. Called again with the
    same `name`, it replaces the contents of the catalogue, as when a catalogue changes between two
    harvests. Records that are not well-formed XML are left out.
    """

    def publish(records: Iterable[str | bytes], name: str = "test") -> str:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, record in enumerate(records):
            content = record.encode() if isinstance(record, str) else record
            (folder / f"{number:05}.xml").write_bytes(content)
        served = pycsw.publish(f"{tmp_path.name}-{name}", folder)
        names.add(served.name)
        pycsw.start()
        return served.url

    names: set[str] = set()
    yield publish
    for name in names:
        pycsw.withdraw(name)


@pytest.fixture
def sysadmin_context() -> dict[str, object]:
    """Context of an action run as the site user."""
    return {
        "ignore_auth": True,
        "user": tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"],
    }
