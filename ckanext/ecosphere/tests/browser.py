"""A portal that really answers and a browser that really opens it, for the journeys of every room.

The portal runs in a process of its own on the test database and index, so a test prepares its data through CKAN's
actions in the usual way (`with_plugins`, `clean_db`, `clean_index`) and then opens pages::

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
START_SECONDS = 300  # a loaded machine starts slowly; a process that dies is seen at once
CHROMIUM = os.environ.get("CHROMIUM") or str(packages.NEEDS["chromium"].find() or "/usr/bin/chromium")
#: Without these, Chromium looks up its maker's hosts at each start; what a page names elsewhere is not there.
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
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_answers(url: str, process: subprocess.Popen, log: Path) -> None:
    """Return when the address answers; fail with the end of the log when the process dies or takes too long.

    Any status is an answer: until the first test has made the tables of a new database, the portal says 503.
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


def wait_for_tables(portal: str) -> None:
    """Return when the portal has seen the tables of its plugins, which the first test of a new database makes."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(f"{portal}/api/3/action/status_show", timeout=30).close()
        except HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture(scope="session")
def portal_url(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a portal with the plugins of `test.ini`, on the test database and index."""
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
    """Debian's Chromium, without a window."""
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


_portal: dict[str, Any] = {}


@pytest.fixture
def page(portal_url: str, browser: Browser) -> Iterator[Page]:
    """A fresh French-speaking browser tab on the portal, which has its tables.

    After the test, fails when a page loaded anything from elsewhere or when one of its scripts raised an error.
    """
    wait_for_tables(portal_url)
    context = browser.new_context(base_url=portal_url, locale="fr-FR", viewport={"width": 1280, "height": 900})
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
    tab.on("requestfailed", lambda request: (sent.pop(request, None), told.append(f"{request.url}: {request.failure}")))
    tab.on("response", lambda answer: answer.status < 400 or told.append(f"{answer.url}: {answer.status}"))
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
    """What a person who looks over the shoulder of a failed test would see, and what the portal does at that moment.

    Args:
        page: of the fixture, before its test has ended.

    Returns:
        address, requests that wait, what failed and what the console told, the text in sight, and the end of the
        portal's log with what each of its threads does.
    """
    sent, told = _pages[page]
    now = time.monotonic()
    waiting = [f"{request.method} {request.url} for {now - since:.1f} s" for request, since in sent.items()]
    try:
        focus = page.locator("*:focus").evaluate_all(FOCUS)
        seen = page.locator("body").inner_text(timeout=5_000)
    except Error as error:
        focus, seen = [], str(error)
    _portal["process"].send_signal(signal.SIGUSR1)
    time.sleep(1)
    log = _portal["log"].read_text(errors="replace")[-12_000:]
    parts = {"waits": waiting, "told": told[-20:], "focus": focus, "seen": [seen[:2000]], "portal": [log]}
    return "\n".join([page.url, *(f"{name}: {line}" for name, lines in parts.items() for line in lines)])


def log_in(page: Page, name: str, password: str) -> None:
    """Be logged in, by what the form sends: the pages before and after it are not opened.

    Raises:
        AssertionError: the portal does not let them in.
    """
    answer = page.request.post("/fr/user/login", form={"login": name, "password": password}, max_redirects=0)
    assert answer.status == HTTPStatus.FOUND and "/login" not in answer.headers["location"], answer.text()


def log_in_by_hand(page: Page, name: str, password: str) -> None:
    """Log in through the form, as a person does."""
    page.goto("/fr/user/login")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def wait_until(page: Page, expression: str, seconds: float = 20) -> None:
    """Wait until an expression of JavaScript holds; `wait_for_function` polls in the page, which its policy forbids."""
    deadline = time.monotonic() + seconds
    while not _holds(page, expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def save_dataset(page: Page, press: Callable[[], None]) -> None:
    """Save the form of a dataset and wait for that of its first file.

    When nothing happens the button is pressed once more, as a person does; what the form complains of fails the test.
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
        # Of a page that has just begun to come there is no body yet, and nothing that could have the focus.
        return bool(page.evaluate(f"document.body && ({expression})"))
    except Error as error:
        if "context was destroyed" in str(error):  # the next page comes just now
            return False
        raise


PICTURE_COLOURS = 128
"""Of a picture of the documentation, which makes it a third as large."""


def picture(page: Page, name: str) -> None:
    """Take a picture of the window for the documentation, when `ECOSPHERE_IMAGES` names a folder for it.

    Args:
        page: an opened page.
        name: of the file, without ".png".
    """
    if folder := os.environ.get("ECOSPHERE_IMAGES"):
        page.wait_for_timeout(600)  # what moves has come to rest
        taken = Image.open(io.BytesIO(page.screenshot()))
        taken.convert("RGB").quantize(PICTURE_COLOURS).save(Path(folder) / f"{name}.png", optimize=True)


def tab_to(page: Page, selector: str, most: int = 250) -> None:
    """Press Tab until an element that the selector names has the focus."""
    for _press in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} is not reached by Tab")


def axe_violations(page: Page, *, impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """What axe finds in the page as it is now.

    Args:
        page: an opened page.
        impacts: the severities that count.

    Returns:
        one line for each finding: rule, severity, and the first elements concerned; empty when all is well.
    """
    return [
        f"{v['id']} ({v['impact']}): {v['help']}: " + " | ".join(n["html"][:160] for n in v["nodes"][:3])
        for v in run_axe(page)
        if v["impact"] in impacts
    ]


def run_axe(page: Page, part: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Run axe on the page as it is now.

    Args:
        page: an opened page.
        part: selector of the elements to look at, all by default.
        options: of `axe.run`, the rules for instance.

    Returns:
        the violations as axe has them; the rest of its findings, which is long, stays in the browser.
    """
    page.wait_for_load_state()  # a click returns once the answer has begun to arrive
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    run = "([part, options]) => axe.run(part || document, options).then(found => found.violations)"
    return page.evaluate(run, [part, {"resultTypes": ["violations"], **options}])
