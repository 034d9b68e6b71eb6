"""Chromium, driven by Playwright, that detects when an attacker's script runs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Browser, Dialog, Error, Page, Playwright, async_playwright

from ckanext.ecosphere.tests.browser import CHROMIUM, QUIET
from dev.attack.tables import table

PATIENCE_MS = 20_000
SETTLE_MS = 150
#: Beginning of the addresses of the background map, which every page with a map asks for.
BACKGROUND = table("options")["ecosphere.map.tiles"].partition("{")[0]
#: Number of pages opened in parallel.
TABS = 4
SCAN = """() => {
  const bad = [];
  for (const element of document.querySelectorAll('*')) {
    for (const attribute of element.attributes) {
      const value = attribute.value.replace(/[\\u0000-\\u0020]/g, '').toLowerCase();
      const told = element.tagName + ' ' + attribute.name + ' ' + value.slice(0, 60);
      const leads = ['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'srcdoc'].includes(attribute.name);
      if (attribute.name.startsWith('on') && value.includes('__owned')) bad.push(told);
      // CKAN's own buttons lead to these, which do nothing.
      const nothing = ['javascript:;', 'javascript:void(0);'].includes(value);
      if (leads && !nothing && /^(javascript|vbscript|data:text\\/html)/.test(value)) bad.push(told);
    }
    if (element.tagName === 'A' && element.host && element.host.endsWith('evil.example')
        && !element.getAttribute('href').trim().toLowerCase().startsWith('http')) {
      bad.push('A to ' + element.getAttribute('href'));
    }
  }
  return bad;
}"""


class Tab:
    """A browser tab that records dialogs and requests to other hosts."""

    def __init__(self, page: Page, url: str) -> None:
        self._page, self._url = page, url
        self._page.set_default_timeout(PATIENCE_MS)
        self._dialogs: list[str] = []
        self._elsewhere: list[str] = []
        self._page.on("dialog", self._dialog)
        self._page.on("download", lambda download: download.cancel())
        self._page.on("request", lambda sent: self._note(sent.url))

    async def _dialog(self, dialog: Dialog) -> None:
        self._dialogs.append(dialog.message)
        await dialog.dismiss()

    def _note(self, url: str) -> None:
        if url.startswith(BACKGROUND):
            return
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(self._url).netloc:
            self._elsewhere.append(url)

    async def open(self, path: str) -> str:
        """Open a page and describe what an attacker's content did on it; empty if nothing."""
        with contextlib.suppress(Error):
            await self._page.goto("about:blank")
        self._forget()
        try:
            await self._page.goto(urljoin(self._url, path), wait_until="load")
        except Error as error:
            return "" if "Download" in str(error) or "ERR_" in str(error) else f"not opened: {str(error)[:80]}"
        return await self._seen()

    async def show(self, html: str) -> str:
        """Render the HTML answer of a form on the portal's own origin and describe what it did."""
        self._forget()
        address = urljoin(self._url, "/attack-shown")
        kind = "text/html; charset=utf-8"
        await self._page.route(address, lambda route: route.fulfill(body=html, content_type=kind))
        await self._page.goto(address, wait_until="load")
        await self._page.unroute(address)
        return await self._seen()

    def _forget(self) -> None:
        self._dialogs.clear()
        self._elsewhere.clear()

    async def _seen(self) -> str:
        page = self._page
        with contextlib.suppress(Error):
            await page.wait_for_timeout(SETTLE_MS)
        with contextlib.suppress(Error):
            owned = await page.evaluate("window.__owned || ''")
            marks = await page.evaluate(SCAN)
            if owned or self._dialogs or marks or self._elsewhere:
                told = [f"script {owned!r}" if owned else "", *self._dialogs[:2], *marks[:3], *self._elsewhere[:2]]
                return "; ".join(each for each in told if each)
        return ""


class Window:
    """Several tabs of one session, which open pages in parallel."""

    def __init__(self, tabs: list[Tab], run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._tabs, self._run = tabs, run

    def open(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Open pages; yield each path with what an attacker's content did on it (empty if nothing)."""
        waiting = iter(paths)
        while some := list(itertools.islice(waiting, len(self._tabs))):
            yield from zip(some, self._run(self._open(some)), strict=True)

    async def _open(self, paths: list[str]) -> list[str]:
        return await asyncio.gather(*(tab.open(path) for tab, path in zip(self._tabs, paths, strict=False)))

    def show(self, html: str) -> str:
        """Render the HTML answer of a form and describe what it did."""
        return self._run(self._tabs[0].show(html))


@contextmanager
def opened(url: str, cookies: dict[str, str] | None = None) -> Iterator[Window]:
    """Run a browser for the duration of the block, with these session cookies if any are given."""
    run = asyncio.new_event_loop().run_until_complete
    playwright, chromium, tabs = run(_started(url, cookies or {}))
    try:
        yield Window(tabs, run)
    finally:
        run(chromium.close())
        run(playwright.stop())


async def _started(url: str, cookies: dict[str, str]) -> tuple[Playwright, Browser, list[Tab]]:
    playwright = await async_playwright().start()
    chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    context = await chromium.new_context(locale="fr-FR", accept_downloads=True)
    await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    # Block every request that would leave the machine.
    await context.route(
        lambda address: urlsplit(address).hostname not in ("127.0.0.1", None), lambda route: route.abort()
    )
    return playwright, chromium, [Tab(await context.new_page(), url) for _number in range(TABS)]
