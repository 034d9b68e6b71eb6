"""HTTP client of one person: with a session cookie, or with an API token."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from dev.attack.load import Load

#: Timeout of a request, in seconds.
PATIENCE = 30.0
BYTES = 30_000_000
#: A kept-alive connection that the server has closed fails within this time.
CLOSED_SECONDS = 1.0
CSRF = re.compile(r'name="_csrf_token"[^>]*?\bvalue="([^"]+)"|<meta name="_csrf_token" content="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """An HTTP response of the portal.

    Attributes:
        status: HTTP status; 0 if there was no response.
        content: body, as far as it was read; the error if there was no response.
        headers: response headers.
        cost: seconds, see `load`.
        set_cookies: the Set-Cookie headers.
    """

    status: int
    content: bytes
    headers: Mapping[str, str]
    cost: float
    set_cookies: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """The Location header; empty if there is none."""
        return self.headers.get("Location", "")

    @property
    def body(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The content parsed as JSON; None if it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def success(self) -> bool:
        """Whether an action succeeded."""
        return self.status == 200 and isinstance(self.json, dict) and self.json.get("success") is True

    @property
    def result(self) -> Any:
        """Result of the API action; None if it failed."""
        return self.json["result"] if self.success else None

    @property
    def refused(self) -> bool:
        """Whether the request was refused or redirected to the log-in."""
        return self.status == 0 or self.status >= 400 or "/login" in urlsplit(self.location).path

    @property
    def short(self) -> str:
        """Status, location and beginning of the body, for a report."""
        text = re.sub(r"\s+", " ", self.body)[:160]
        return f"{self.status} {self.location} {text}".strip()


class Client:
    """HTTP client of a person, or of an anonymous visitor.

    Attributes:
        name: user name; empty for an anonymous visitor.
        token: API token; empty for none.
        id: id of the account, if it was created here.
        slowest: cost of the slowest answer so far, in seconds, and its request.
    """

    def __init__(
        self, url: str, load: Load, *, name: str = "", token: str = "", source: str = "", patience: float = PATIENCE
    ) -> None:
        self.url, self.load, self.name, self.token, self.id = url, load, name, token, ""
        self._patience = patience
        self.session = requests.Session()
        self.session.trust_env = False
        if source:
            adapter = HTTPAdapter()
            adapter.init_poolmanager(4, 4, source_address=(source, 0))
            self.session.mount("http://", adapter)
        self.slowest: tuple[float, str] = (0.0, "")

    def send(self, method: str, path: str, *, patience: float = 0, **arguments: Any) -> Answer:
        """Send a request; follow no redirects and read at most `BYTES`.

        Without an answer, the status is 0.
        """
        patience = patience or self._patience
        arguments.setdefault("allow_redirects", False)
        address = path if path.startswith("http") else urljoin(self.url, quote(path, safe="/?&=%:;,+#[]~!$'()*@"))
        status, content, headers, cookies = 0, b"", {}, ()
        with self.load.measure() as measured:
            try:
                with self._request(method, address, patience, arguments) as response:
                    content = _read(response, time.monotonic() + patience)
                    status, headers = response.status_code, response.headers
                    cookies = tuple(response.raw.headers.getlist("Set-Cookie"))
            except (requests.RequestException, OSError) as error:
                content = repr(error).encode()
        question = f"{method} {path[:150]} ({self.name or 'nobody'})"
        if measured.cost > self.slowest[0]:
            self.slowest = (measured.cost, question)
        return Answer(status, content, headers, measured.cost, cookies)

    def _request(self, method: str, address: str, patience: float, arguments: dict[str, Any]) -> requests.Response:
        """Send a request; retry once if the server had just closed the kept-alive connection."""
        begin, is_kept = time.monotonic(), self.session.headers["Connection"] == "keep-alive"
        try:
            return self.session.request(method, address, stream=True, timeout=patience, **arguments)
        except requests.ConnectionError:
            if not is_kept or time.monotonic() - begin > CLOSED_SECONDS:
                raise
            return self.session.request(method, address, stream=True, timeout=patience, **arguments)

    def get(self, path: str, **arguments: Any) -> Answer:
        """Send a GET request."""
        return self.send("GET", path, **arguments)

    def action(self, action: str, data: Mapping[str, Any] | None = None, **fields: Any) -> Answer:
        """Call an API action with the token."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": self.token} if self.token else {})
        body = json.dumps({**(data or {}), **fields})
        return self.send("POST", f"/api/3/action/{action}", data=body.encode(), headers=headers)

    def must(self, action: str, data: Mapping[str, Any] | None = None, **fields: Any) -> Any:
        """Call an API action and return its result.

        Raises:
            RuntimeError: the action failed.
        """
        return _succeeded(f"{action} as {self.name}", self.action(action, data, **fields))

    def upload(self, action: str, fields: Mapping[str, Any], file: tuple[Any, ...], name: str = "upload") -> Answer:
        """Call an API action with the token and a file: its name, content and media type."""
        headers = {"Authorization": self.token}
        return self.send("POST", f"/api/3/action/{action}", data=fields, files={name: file}, headers=headers)

    def must_upload(self, action: str, fields: Mapping[str, Any], file: tuple[Any, ...]) -> Any:
        """Call an API action with a file and return its result.

        Raises:
            RuntimeError: the action failed.
        """
        return _succeeded(f"{action} with a file as {self.name}", self.upload(action, fields, file))

    def csrf(self, page: str = "/") -> str:
        """Return the session's CSRF token, read from a page."""
        match = CSRF.search(self.get(page, allow_redirects=True).body)
        return (match[1] or match[2]) if match else ""

    def post(self, path: str, data: Any = None, *, token_from: str = "/", **arguments: Any) -> Answer:
        """Submit a form as the portal's own page would, with CSRF token and Referer."""
        token = self.csrf(token_from)
        fields = {**(data or {}), **({"_csrf_token": token} if token else {})}
        return self.send("POST", path, data=fields, headers={"Referer": urljoin(self.url, token_from)}, **arguments)

    def log_in(self, password: str, **more: str | bytes) -> Answer:
        """Log in through the log-in form, with further fields."""
        fields = {"login": self.name, "password": password, **more}
        return self.post("/user/login", fields, token_from="/user/login")

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the session, by name."""
        return {name: value or "" for name, value in self.session.cookies.items()}


def _succeeded(what: str, answer: Answer) -> Any:
    if not answer.success:
        raise RuntimeError(f"{what}: {answer.status} {answer.body[:400]}")
    return answer.result


def _read(response: requests.Response, deadline: float) -> bytes:
    found, size = [], 0
    for chunk in response.iter_content(1 << 16):
        found.append(chunk)
        size += len(chunk)
        if size > BYTES or time.monotonic() > deadline:
            break
    return b"".join(found)
