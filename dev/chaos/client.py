"""HTTP client of the portal for people and scripts, which classifies the outcome of each request."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

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
        self._token = token
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(self, action: str, **parameters: Any) -> Answer:
        """Call an API action."""
        answer = self._ask(f"/api/3/action/{action}", json.dumps(parameters).encode(), "application/json")
        if answer.outcome != DONE:
            return answer
        try:
            result = json.loads(answer.text)["result"]
        except (ValueError, KeyError):
            return Answer(BROKEN, answer.status, answer.seconds, answer.text)
        return Answer(DONE, answer.status, answer.seconds, answer.text, result)

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._ask(path)

    def post(self, path: str, form_path: str, **fields: str) -> Answer:
        """Submit a form with the CSRF token read from the form's page."""
        page = self.get(form_path)
        match = _CSRF.search(page.text)
        if page.outcome != DONE or not match:
            return page if page.outcome != DONE else Answer(BROKEN, page.status, page.seconds, "no CSRF token")
        fields["_csrf_token"] = match[1] or match[2]
        return self._ask(path, urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def log_in(self, name: str, password: str) -> Answer:
        """Log in."""
        return self.post("/user/login", "/user/login", login=name, password=password)

    def _ask(self, path: str, data: bytes | None = None, content_type: str = "") -> Answer:
        headers = {"Authorization": self._token} if self._token else {}
        if content_type:
            headers |= {"Content-Type": content_type, "Referer": site_url() + "/"}
        request = urllib.request.Request(site_url() + path, data=data, headers=headers)
        begin = time.monotonic()
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                status, text = response.status, response.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            try:
                status, text = error.code, error.read().decode("utf-8", "replace")
            except (OSError, http.client.HTTPException):
                return Answer(CUT, error.code, time.monotonic() - begin, "")
        except (OSError, http.client.HTTPException) as error:
            return Answer(CUT, 0, time.monotonic() - begin, str(error))
        seconds = time.monotonic() - begin
        if status < 400:
            return Answer(DONE, status, seconds, text)
        outcome = AWAY if status == 503 else BROKEN if status >= 500 else REFUSED
        return Answer(outcome, status, seconds, text)
