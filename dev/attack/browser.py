"""A real browser that notices when a script of an attacker runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Error, sync_playwright

from ckanext.ecosphere.tests.browser import CHROMIUM, QUIET

PATIENCE_MS = 20_000
SETTLE_MS = 150
SCAN = """() => {
  const bad = [];
  for (const element of document.querySelectorAll('*')) {
    for (const attribute of element.attributes) {
      const value = attribute.value.replace(/[\\u0000-\\u0020]/g, '').toLowerCase();
      const told = element.tagName + ' ' + attribute.name + ' ' + value.slice(0, 60);
      const leads = ['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'srcdoc'].includes(attribute.name);
      if (attribute.name.startsWith('on') && value.includes('__owned')) bad.push(told);
      // CKAN's own buttons lead to "javascript:;", which does nothing.
      if (leads && value !== 'javascript:;' && /^(javascript|vbscript|data:text\\/html)/.test(value)) bad.push(told);
    }
    if (element.tagName === 'A' && element.host && element.host.endsWith('evil.example')
        && !element.getAttribute('href').trim().toLowerCase().startsWith('http')) {
      bad.push('A to ' + element.getAttribute('href'));
    }
  }
  return bad;
}"""


class Tab:
    """A tab that remembers dialogs, and what leaves for elsewhere."""

    def __init__(self, context: Any, url: str) -> None:
        self._page, self._url = context.new_page(), url
        self._page.set_default_timeout(PATIENCE_MS)
        self._dialogs: list[str] = []
        self._elsewhere: list[str] = []
        home = urlsplit(url).netloc
        self._page.on("dialog", self._dialog)
        self._page.on("download", lambda download: download.cancel())
        self._page.on("request", lambda sent: self._note(sent.url, home))

    def _dialog(self, dialog: Any) -> None:
        self._dialogs.append(dialog.message)
        dialog.dismiss()

    def _note(self, url: str, home: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc != home:
            self._elsewhere.append(url)

    def open(self, path: str) -> str:
        """Open a page, and say what an attacker's content did on it; empty when nothing."""
        self._dialogs.clear()
        self._elsewhere.clear()
        page = self._page
        with contextlib.suppress(Error):
            page.goto("about:blank")
        try:
            page.goto(urljoin(self._url, path), wait_until="load")
        except Error as error:
            return "" if "Download" in str(error) or "ERR_" in str(error) else f"not opened: {str(error)[:80]}"
        return self._seen()

    def show(self, html: str) -> str:
        """Show a page that was the answer to a form, on the portal's own origin, and say what it did."""
        self._dialogs.clear()
        self._elsewhere.clear()
        address = urljoin(self._url, "/attack-shown")
        self._page.route(address, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
        self._page.goto(address, wait_until="load")
        self._page.unroute(address)
        return self._seen()

    def _seen(self) -> str:
        page = self._page
        with contextlib.suppress(Error):
            page.wait_for_timeout(SETTLE_MS)
        with contextlib.suppress(Error):
            owned = page.evaluate("window.__owned || ''")
            marks = page.evaluate(SCAN)
            if owned or self._dialogs or marks or self._elsewhere:
                told = [f"script {owned!r}" if owned else "", *self._dialogs[:2], *marks[:3], *self._elsewhere[:2]]
                return "; ".join(each for each in told if each)
        return ""


@contextmanager
def opened(url: str, cookies: dict[str, str] | None = None) -> Iterator[Tab]:
    """A browser for the time of the block, logged in with these cookies if there are any."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = chromium.new_context(locale="fr-FR", accept_downloads=True)
        if cookies:
            context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        # Nothing leaves the machine, whatever a page asks for.
        context.route(
            lambda address: urlsplit(address).hostname not in ("127.0.0.1", None), lambda route: route.abort()
        )
        try:
            yield Tab(context, url)
        finally:
            chromium.close()
