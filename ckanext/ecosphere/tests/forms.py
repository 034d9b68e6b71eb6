"""Dataset and resource forms as a browser without JavaScript shows and submits them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from bs4 import BeautifulSoup
from ckan import model
from lxml import html


class Form:
    """A form of a page, with line ends as browsers send them.

    Args:
        app: the application.
        user: the user whose token is used.
        path: path of the page.
        sent: data to post to that page to get the form; without it, the page is requested with GET.

    Raises:
        LookupError: the page has no such form.
    """

    def __init__(
        self, app: Any, user: dict[str, Any], path: str, sent: dict[str, Any] | None = None
    ) -> None:
        self._app, self._headers = app, {"Authorization": user["token"]}
        options = {"headers": self._headers}
        answer = app.get(path, **options) if sent is None else app.post(path, data=sent, **options)
        self._text: str = answer.body
        forms = html.fromstring(self._text).xpath(
            "//form[@id='dataset-edit' or @id='resource-edit']"
        )
        if not forms:
            raise LookupError(path)
        self._path = forms[0].get("action") or path
        self.values: dict[str, list[str]] = {"save": [""], **_values(forms[0])}

    @cached_property
    def page(self) -> Any:
        """The parsed page, which is slow to make, for tests that need more than the values."""
        return BeautifulSoup(self._text, "html.parser")

    @cached_property
    def html(self) -> Any:
        """The form without the templates that scripts turn into rows."""
        form: Any = self.page.find("form", id=["dataset-edit", "resource-edit"])
        for template in form.find_all("template"):
            template.decompose()
        return form

    def send(self, **changes: str) -> Any:
        """Submit the form with some values changed; return the answer."""
        values = {**self.values, **{name: [value] for name, value in changes.items()}}
        model.Session.remove()
        return self._app.post(
            self._path, data=values, headers=self._headers, follow_redirects=False
        )


def _values(form: Any) -> dict[str, list[str]]:
    """Return what a browser sends of a form: name of the field → values."""
    found: dict[str, list[str]] = {}
    for field in form.xpath(".//*[self::input or self::textarea][@name][not(ancestor::template)]"):
        kind = field.get("type")
        if kind != "file" and (
            kind not in ("checkbox", "radio") or field.get("checked") is not None
        ):
            text = field.text_content() if field.tag == "textarea" else field.get("value", "")
            found.setdefault(field.get("name"), []).append(text.replace("\n", "\r\n"))
    for select in form.xpath(".//select[@name][not(ancestor::template)]"):
        first = [] if select.get("multiple") is not None else select.xpath("(.//option)[1]")
        chosen = select.xpath(".//option[@selected]") or first
        found.setdefault(select.get("name"), []).extend(each.get("value", "") for each in chosen)
    return found
