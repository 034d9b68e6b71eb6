"""Fixtures for browser tests: a portal in a separate process, and Chromium through Playwright.

The portal uses the test database and index, so a test prepares its data with CKAN's actions as
usual (`with_plugins`, `clean_db`, `clean_index`) and then opens pages::

    def test_a_person_finds_it(page, with_plugins, clean_db, clean_index):
        factories.Dataset(title="Zones humides")
        page.goto("/fr/dataset/?q=zones+humides")
        assert axe_violations(page) == []
"""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from dev.stack import packages

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 300  # slow on a busy machine; a process that dies is noticed at once
CHROMIUM = os.environ.get("CHROMIUM") or str(
    packages.NEEDS["chromium"].find() or "/usr/bin/chromium"
)
#: Without these options, Chromium contacts its vendor's hosts at each start; other hosts named by a
#: page do not resolve.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-domain-reliability",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def free_port() -> int:
    """Return a free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_answers(url: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until the URL answers; fail with the end of the log if the process dies or the time is
    over.

    Any status counts as an answer: until the first test has created the tables of a new database,
    the portal returns 503.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=30).close()
            return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The portal did not answer at {url}:\n{log.read_text()[-3000:]}")


def has_tables(portal: str) -> bool:
    """Tell whether the portal sees its plugins' tables; it returns 503 on a new database."""
    try:
        urllib.request.urlopen(f"{portal}/api/3/action/status_show", timeout=30).close()
    except HTTPError:
        return False
    return True


def wait_for_tables(portal: str) -> None:
    """Wait until the portal sees its plugins' tables,
    which the test process creates on a new database.
    """
    deadline = time.monotonic() + 60
    while not has_tables(portal):
        assert time.monotonic() < deadline, "the tables of the plugins do not exist"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def portal_url(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """URL of a portal with the plugins of `test.ini`, on the test database and index."""
    url = f"http://127.0.0.1:{free_port()}"
    log = tmp_path_factory.mktemp("portal") / "portal.log"
    ini = ROOT / str(request.config.getoption("--ckan-ini"))
    program = [sys.executable, "-m", "ckanext.ecosphere.tests.served_portal", "-c", str(ini)]
    address = ["--host", "127.0.0.1", "--port", url.rsplit(":", 1)[1]]
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with log.open("w") as output:
        process = subprocess.Popen(
            [*program, "run", *address, "--disable-reloader", "--threaded"],
            cwd=ROOT,
            env={**os.environ, "CKAN_SITE_URL": url, "PATH": programs},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_answers(f"{url}/api/3/action/status_show", process, log)
        _portal.update(process=process, log=log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


_portal: dict[str, Any] = {}


@pytest.fixture
def page(portal_url: str, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A new browser tab in French on the portal, whose tables are created on a new database.

    Fails after the test if a page loaded anything from another host or if a script raised an error.
    """
    if not has_tables(portal_url):
        if (
            "loaded" not in request.fixturenames
        ):  # else the next test would unload the plugins of its module
            request.getfixturevalue("with_plugins")
        request.getfixturevalue("empty_db")()
    wait_for_tables(portal_url)
    context = browser.new_context(
        base_url=portal_url, locale="fr-FR", viewport={"width": 1280, "height": 900}
    )
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    home = urlsplit(portal_url).netloc
    elsewhere: list[str] = []
    errors: list[str] = []
    sent: dict[Any, float] = {}
    told: list[str] = []
    _pages[tab] = (sent, told)

    def note(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != home:
            elsewhere.append(url)

    tab.on("request", lambda request: (note(request.url), sent.update({request: time.monotonic()})))
    tab.on("requestfinished", lambda request: sent.pop(request, None))
    tab.on(
        "requestfailed",
        lambda request: (sent.pop(request, None), told.append(f"{request.url}: {request.failure}")),
    )
    tab.on(
        "response",
        lambda answer: answer.status < 400 or told.append(f"{answer.url}: {answer.status}"),
    )
    tab.on("console", lambda message: told.append(message.text))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    del _pages[tab]
    context.close()
    assert not elsewhere, f"loaded from elsewhere: {elsewhere}"
    assert not errors, f"errors of scripts: {errors}"


_pages: dict[Page, tuple[dict[Any, float], list[str]]] = {}


#: An element with its place in the window and its value.
FOCUS = """elements => elements.map(each => JSON.stringify(
    [each.outerHTML.slice(0, 200), each.value, each.getBoundingClientRect(), window.innerHeight, window.scrollY]
))"""


def state_of(page: Page) -> str:
    """Return the state of page and portal, to diagnose a failed test.

    Args:
        page: page of the fixture, before its test has ended.

    Returns:
        URL, pending requests, failed requests and console messages, the visible text, and the end
        of the portal's log with the stack of each of its threads.
    """
    sent, told = _pages[page]
    now = time.monotonic()
    waiting = [
        f"{request.method} {request.url} for {now - since:.1f} s" for request, since in sent.items()
    ]
    try:
        focus = page.locator("*:focus").evaluate_all(FOCUS)
        seen = page.locator("body").inner_text(timeout=5_000)
    except Error as error:
        focus, seen = [], str(error)
    _portal["process"].send_signal(signal.SIGUSR1)
    time.sleep(1)
    log = _portal["log"].read_text(errors="replace")[-12_000:]
    parts = {
        "waits": waiting,
        "told": told[-20:],
        "focus": focus,
        "seen": [seen[:2000]],
        "portal": [log],
    }
    return "\n".join(
        [page.url, *(f"{name}: {line}" for name, lines in parts.items() for line in lines)]
    )


def log_in(page: Page, name: str, password: str) -> None:
    """Log in by posting the form, without opening the pages before and after it.

    Raises:
        AssertionError: the log-in was refused.
    """
    answer = page.request.post(
        "/fr/user/login", form={"login": name, "password": password}, max_redirects=0
    )
    assert answer.status == HTTPStatus.FOUND and "/login" not in answer.headers["location"], (
        answer.text()
    )


def log_in_by_hand(page: Page, name: str, password: str) -> None:
    """Log in through the form, as a user does."""
    page.goto("/fr/user/login")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def wait_until(page: Page, expression: str, seconds: float = 20) -> None:
    """Wait until a JavaScript expression holds; `wait_for_function` polls in the page,
    which its CSP forbids.
    """
    deadline = time.monotonic() + seconds
    while not _holds(page, expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def save_dataset(page: Page, press: Callable[[], None]) -> None:
    """Save the form of a dataset and wait for the form of its first file.

    The button is pressed once more if nothing happens, as a user would; errors shown by the form
    fail the test.
    """
    press()
    try:
        page.wait_for_selector("#resource-edit", timeout=20_000)
    except Error:
        if complaints := page.locator(".error-explanation").all_inner_texts():
            pytest.fail("\n".join(complaints))
        press()
        page.wait_for_selector("#resource-edit")


def _holds(page: Page, expression: str) -> bool:
    try:
        # A page that is still loading has no body, and nothing that could have the focus.
        return bool(page.evaluate(f"document.body && ({expression})"))
    except Error as error:
        if "context was destroyed" in str(error):  # the next page is loading
            return False
        raise


PICTURE_COLOURS = 128
"""Number of colours of a screenshot for the documentation, which reduces its size to a third."""


def picture(page: Page, name: str) -> None:
    """Take a screenshot of the window for the documentation, if `ECOSPHERE_IMAGES` names folders.

    It is saved in the folder that has it already, a new one in the first folder.

    Args:
        page: an opened page.
        name: file name, without ".png".
    """
    if folders := os.environ.get("ECOSPHERE_IMAGES"):
        paths = [Path(folder) / f"{name}.png" for folder in folders.split(":")]
        path = next(filter(Path.exists, paths), paths[0])
        page.wait_for_timeout(600)  # until transitions are over
        taken = Image.open(io.BytesIO(page.screenshot()))
        taken.convert("RGB").quantize(PICTURE_COLOURS).save(path, optimize=True)


def tab_to(page: Page, selector: str, most: int = 250) -> None:
    """Press Tab until an element matching the selector has the focus."""
    for _press in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} is not reached by Tab")


def axe_violations(page: Page, *, impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """Return the findings of axe in the current page.

    Args:
        page: an opened page.
        impacts: the severities that count.

    Returns:
        one line for each finding: rule, severity, and the first elements concerned; empty if there
            is none.
    """
    return [
        f"{v['id']} ({v['impact']}): {v['help']}: "
        + " | ".join(n["html"][:160] for n in v["nodes"][:3])
        for v in run_axe(page)
        if v["impact"] in impacts
    ]


def run_axe(page: Page, part: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Run axe on the current page.

    Args:
        page: an opened page.
        part: selector of the elements to check, all by default.
        options: options of `axe.run`, such as rules.

    Returns:
        the violations as reported by axe; its other findings, which are long, stay in the browser.
    """
    page.wait_for_load_state()  # a click returns as soon as the answer begins to arrive
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    run = "([part, options]) => axe.run(part || document, options).then(found => found.violations)"
    return page.evaluate(run, [part, {"resultTypes": ["violations"], **options}])
