"""Forms of datasets and files as a browser without JavaScript shows and sends them."""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup
from ckan import model


class Form:
    """One form, line ends included.

    Args:
        app: the portal.
        user: whose token is used.
        path: of the page.
        sent: what is posted to that page to get the form; without it, the page is just asked for.

    Raises:
        LookupError: the page has no such form.
    """

    def __init__(self, app: Any, user: dict[str, Any], path: str, sent: dict[str, Any] | None = None) -> None:
        self._app, self._headers = app, {"Authorization": user["token"]}
        options = {"headers": self._headers}
        answer = app.get(path, **options) if sent is None else app.post(path, data=sent, **options)
        self.page: Any = BeautifulSoup(answer.body, "html.parser")
        form: Any = self.page.find("form", id="dataset-edit") or self.page.find("form", id="resource-edit")
        if form is None:
            raise LookupError(path)
        for template in form.find_all("template"):
            template.decompose()
        self.html = form
        self._path = form.get("action") or path
        self.values: dict[str, list[str]] = {"save": [""]}
        for element in form.select("input[name]:not([type=file]), textarea"):
            if element.get("type") not in ("checkbox", "radio") or element.has_attr("checked"):
                text = element.text if element.name == "textarea" else element.get("value", "")
                self.values.setdefault(element["name"], []).append(text.replace("\n", "\r\n"))
        for select in form.select("select[name]"):
            first = [] if select.has_attr("multiple") else select.select("option")[:1]
            chosen = select.select("option[selected]") or first
            self.values.setdefault(select["name"], []).extend(each.get("value", "") for each in chosen)

    def send(self, **changes: str) -> Any:
        """Send it with some values changed; returns the answer."""
        values = {**self.values, **{name: [value] for name, value in changes.items()}}
        model.Session.remove()
        return self._app.post(self._path, data=values, headers=self._headers, follow_redirects=False)
