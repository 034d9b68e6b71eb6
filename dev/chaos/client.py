"""HTTP client of the portal for people and scripts, which classifies the outcome of each request."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import requests

from dev.stack.ckan import site_url

DONE, REFUSED, AWAY, BROKEN, CUT = "done", "refused", "away", "broken", "cut"
"""Outcomes: answered; refused (4xx); 503; any other 5xx; connection lost without an answer."""
TIMEOUT_SECONDS = 60
_TRACES = ("Traceback (most recent call last)", "sqlalchemy.exc", "psycopg2.", "File &#34;/", 'File "/')
_CSRF = re.compile(
    r'name="_csrf_token"[^>]*(?:content|value)="([^"]+)"|(?:content|value)="([^"]+)"[^>]*name="_csrf_token"'
)


@dataclass(frozen=True)
class Answer:
    """Outcome of a request.

    Attributes:
        outcome: one of the outcomes above.
        status: HTTP status, 0 without an answer.
        seconds: duration.
        text: body of the answer, or the error.
        result: result of a successful action.
    """

    outcome: str
    status: int
    seconds: float
    text: str
    result: Any = None

    @property
    def shows_a_trace(self) -> bool:
        """Whether the page contains a stack trace or the name of a library."""
        return any(trace in self.text for trace in _TRACES)


class Client:
    """Client of one person: with a token, with a session, or anonymous.

    Args:
        token: API token, or "" for none.
    """

    def __init__(self, token: str = "") -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"  # a kept one would be cut by each kill of the server
        if token:
            self._session.headers["Authorization"] = token

    def call(self, action: str, **parameters: Any) -> Answer:
        """Call an API action."""
        return self._ask("POST", f"/api/3/action/{action}", json=parameters)

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._ask("GET", path)

    def post(self, path: str, form_path: str, **fields: str) -> Answer:
        """Submit a form with the CSRF token read from the form's page."""
        page = self.get(form_path)
        match = _CSRF.search(page.text)
        if page.outcome != DONE:
            return page
        if not match:
            return Answer(BROKEN, page.status, page.seconds, "no CSRF token")
        fields["_csrf_token"] = match[1] or match[2]
        return self._ask("POST", path, data=fields, headers={"Referer": site_url() + "/"})

    def log_in(self, name: str, password: str) -> Answer:
        """Log in."""
        return self.post("/user/login", "/user/login", login=name, password=password)

    def _ask(self, method: str, path: str, **sent: Any) -> Answer:
        begin = time.monotonic()
        try:
            response = self._session.request(method, site_url() + path, timeout=TIMEOUT_SECONDS, **sent)
        except requests.RequestException as error:
            return Answer(CUT, 0, time.monotonic() - begin, str(error))
        outcome, result = _outcome(response.status_code), None
        if outcome == DONE and "json" in sent:
            try:
                result = response.json()["result"]
            except (ValueError, KeyError):
                outcome = BROKEN
        return Answer(outcome, response.status_code, time.monotonic() - begin, response.text, result)


def _outcome(status: int) -> str:
    if status < 400:
        return DONE
    if status == 503:
        return AWAY
    return BROKEN if status >= 500 else REFUSED
