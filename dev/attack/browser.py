"""Chromium, driven by Playwright, that detects when an attacker's script runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from ckanext.ecosphere.tests.browser import CHROMIUM, QUIET
from playwright.sync_api import Dialog, Error, Page, sync_playwright

from dev.attack.tables import table

PATIENCE_MS = 20_000
SETTLE_MS = 150
#: Beginning of the addresses of the background map, which every page with a map asks for.
BACKGROUND = table("options")["ecosphere.map.tiles"].partition("{")[0]
#: Returns what in a page would run, or leads to a script or to the attacker.
SCAN = Path(__file__).with_name("data").joinpath("scan.js").read_text(encoding="utf-8")


class Window:
    """A browser tab of one session that records dialogs and requests to other hosts."""

    def __init__(self, page: Page, url: str) -> None:
        self._page, self._url = page, url
        self._seen: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("dialog", self._dialog)
        page.on("download", lambda download: download.cancel())
        page.on("request", lambda sent: self._note(sent.url))

    def _dialog(self, dialog: Dialog) -> None:
        self._seen.append(dialog.message)
        dialog.dismiss()

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        away = parts.scheme in ("http", "https") and parts.netloc != urlsplit(self._url).netloc
        if away and not url.startswith(BACKGROUND):
            self._seen.append(url)

    def open(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Open pages; yield each path with what an attacker's
        content did on it (empty if nothing).
        """
        for path in paths:
            with suppress(Error):
                self._page.goto("about:blank")
            yield path, self._opened(path)

    def _opened(self, path: str) -> str:
        self._seen.clear()
        try:
            self._page.goto(urljoin(self._url, path), wait_until="load")
        except Error as error:
            harmless = any(word in str(error) for word in ("Download", "ERR_"))
            return "" if harmless else f"not opened: {str(error)[:80]}"
        return self._found()

    def show(self, html: str) -> str:
        """Render the HTML answer of a form on the portal's own origin and describe what it did."""
        self._seen.clear()
        address = urljoin(self._url, "/attack-shown")
        kind = "text/html; charset=utf-8"
        self._page.route(address, lambda route: route.fulfill(body=html, content_type=kind))
        self._page.goto(address, wait_until="load")
        self._page.unroute(address)
        return self._found()

    def _found(self) -> str:
        with suppress(Error):
            self._page.wait_for_timeout(SETTLE_MS)
            owned = self._page.evaluate("window.__owned || ''")
            script = [f"script {owned!r}"] if owned else []
            return "; ".join([*script, *self._page.evaluate(SCAN)[:3], *self._seen[:4]])
        return ""


@contextmanager
def opened(url: str, cookies: dict[str, str] | None = None) -> Iterator[Window]:
    """Run a browser for the duration of the block, with these session cookies if any are given."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = chromium.new_context(locale="fr-FR", accept_downloads=True)
        context.add_cookies([{"name": name, "value": value, "url": url} for name, value in (cookies or {}).items()])
        # Block every request that would leave the machine.
        context.route(
            lambda address: urlsplit(address).hostname not in ("127.0.0.1", None), lambda route: route.abort()
        )
        yield Window(context.new_page(), url)
        chromium.close()
