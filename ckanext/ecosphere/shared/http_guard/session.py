"""The guarded HTTP session: redirects, retries and size limits on top of guarded connections."""

from __future__ import annotations

import email.utils
import itertools
import random
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NameResolutionError, SSLError

from ckanext.ecosphere.shared.http_guard.addresses import checked_url, joined, taken_apart
from ckanext.ecosphere.shared.http_guard.attempt import (
    Attempt,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    GuardSettings,
    InflateError,
    Inflater,
    reason,
)
from ckanext.ecosphere.shared.http_guard.budget import Budget
from ckanext.ecosphere.shared.http_guard.errors import BROKEN_OFF, FetchError, FetchRefusedError

_CHUNK, _COMPRESSED_CHUNK = 16 * 1024, 2 * 1024
"""Bytes read at once; fewer if compressed, since they may expand a thousandfold."""
_JUDGED = 4 * 1024
"""Bytes of an answer passed to `bound`; fewer if it is shorter."""
Bound = Callable[[Mapping[str, str], bytes], int]
"""From the headers and the beginning of an answer, returns how many bytes of it to read."""
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Response:
    """The server's answer; any status is returned to the caller.

    Attributes:
        body: the content, empty if it was written to a file.
        url: URL after redirects.
        truncated: whether the body was cut at the limit (only with `truncate=True`).
        attempts: number of attempts.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    truncated: bool = False
    attempts: int = 1

    @property
    def content_type(self) -> str:
        """Return the media type in lower case, without parameters."""
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    body: bytes | None
    headers: dict[str, str]
    truncate: bool
    into: BinaryIO | None
    bound: Bound | None

    def redirected(self, status: int, location: str) -> _Request:
        """Return the redirected request.

        Only 303 "See Other" turns a POST into a GET (RFC 9110 §15.4.4).
        """
        url = joined(self.url, location) or location
        if status == HTTPStatus.SEE_OTHER:
            return replace(self, method="GET", url=url, body=None)
        return replace(self, url=url)


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls: Any = GuardedHTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = GuardedHTTPSConnection


class GuardedSession:
    """A thread-safe session with keep-alive connections.

    Args:
        settings: settings, with limits per request.
        resolver: same signature as `socket.getaddrinfo`.
        sleep: pauses between attempts; None for a pause that ends early when the budget is stopped.
        budget: limits of all requests together; none by default.
    """

    def __init__(
        self,
        settings: GuardSettings | None = None,
        resolver: Callable[..., list[Any]] = socket.getaddrinfo,
        sleep: Callable[[float], None] | None = None,
        budget: Budget | None = None,
    ):
        self.settings = settings or GuardSettings()
        self.budget = budget or Budget()
        self._resolver = resolver
        self._sleep = sleep
        self._manager = urllib3.PoolManager(
            num_pools=8, maxsize=4, cert_reqs="CERT_REQUIRED", ca_certs=self.settings.ca_bundle
        )
        self._manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def get(self, url: str, **options: Any) -> Response:
        """Fetch a URL; see `request`."""
        return self.request("GET", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
        max_bytes: int | None = None,
        truncate: bool = False,
        into: BinaryIO | None = None,
        bound: Bound | None = None,
    ) -> Response:
        """Send a request, with retries, and read the whole answer.

        The request must be repeatable: GET, HEAD, or a POST without side effects.

        Args:
            method: HTTP method.
            url: the URL.
            body: bytes to send.
            headers: further headers.
            attempts: overrides the setting.
            max_bytes: overrides the setting.
            truncate: cut the answer at the limit instead of refusing it.
            into: file to write the answer to, from its beginning, instead of keeping it in memory.
            bound: called once to decide how many bytes to read; never more than `max_bytes`.

        Raises:
            FetchRefusedError: the guard refused.
            FetchError: no answer after the last attempt.
            StoppedError: the budget is exhausted or was stopped.
        """
        settings = replace(
            self.settings,
            attempts=attempts or self.settings.attempts,
            max_bytes=max_bytes or self.settings.max_bytes,
        )
        sent_headers = {
            "User-Agent": settings.user_agent,
            "Accept-Encoding": "gzip, deflate",
            **(headers or {}),
        }
        request = _Request(method, url, body, sent_headers, truncate, into, bound)
        for number in range(1, settings.attempts):
            jitter = random.uniform(0.8, 1.2)  # noqa: S311
            pause = settings.backoff_seconds * 2 ** (number - 1) * jitter
            try:
                answer = self._once(request, settings)
            except FetchError as error:
                error.attempts = number
                if error.refused:
                    raise
            else:
                retry_after = _retry_after(answer.headers)
                if answer.status not in _RETRIED or retry_after > settings.max_wait_seconds:
                    return replace(answer, attempts=number)
                pause = max(pause, retry_after)
            self.pause(min(pause, settings.max_wait_seconds))
        try:
            return replace(self._once(request, settings), attempts=settings.attempts)
        except FetchError as error:
            error.attempts = settings.attempts
            raise

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt.

        Raises:
            StoppedError: the budget was stopped meanwhile.
        """
        if self._sleep is None:
            self.budget.wait(seconds)
        else:
            self._sleep(seconds)

    def _once(self, request: _Request, settings: GuardSettings) -> Response:
        with Attempt(settings, self._resolver, self.budget) as attempt:
            for _hop in range(settings.max_redirects + 1):
                request = replace(request, url=checked_url(request.url))
                raw = self._send(request, attempt)
                location = raw.headers.get("Location") if raw.status in _REDIRECTS else None
                if location is None:
                    return self._read(raw, request, attempt)
                raw.close()
                request = request.redirected(raw.status, location)
        raise FetchRefusedError("redirects", limit=settings.max_redirects)

    def _send(self, request: _Request, attempt: Attempt) -> urllib3.BaseHTTPResponse:
        self.budget.take_request()
        settings = attempt.settings
        try:
            return self._manager.urlopen(
                request.method,
                request.url,
                body=request.body,
                headers=request.headers,
                timeout=urllib3.Timeout(
                    connect=settings.connect_seconds, read=settings.read_seconds
                ),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            self.budget.check()
            raise _fetch_error(error, request.url, attempt) from error

    def _read(self, raw: urllib3.BaseHTTPResponse, request: _Request, attempt: Attempt) -> Response:
        content = _Content(raw.headers, request, attempt.settings.max_bytes)
        whole = False
        try:
            encoding = raw.headers.get("Content-Encoding", "")
            inflater, size = (
                Inflater(encoding, content.limit + 1),
                _COMPRESSED_CHUNK if encoding else _CHUNK,
            )
            while not content.is_over and (piece := raw.read(size, decode_content=False)):
                inflated = inflater.feed(piece)
                content.add(inflated)
                self.budget.take_bytes(len(inflated))
            whole = not content.is_over
        except InflateError as error:
            raise FetchRefusedError("compression") from error
        except (HTTPError, OSError, ValueError) as error:
            self.budget.check()
            raise _fetch_error(error, request.url, attempt) from error
        finally:
            if not whole:  # unread data must not be taken for the next answer
                raw.close()
            raw.release_conn()
        if attempt.expired:
            self.budget.check()
            raise FetchError("timeout", seconds=round(attempt.settings.total_seconds))
        if content.is_over and not request.truncate:
            content.memory.clear()  # an error that is kept keeps the variables of this function too
            raise FetchRefusedError("too-large", size=content.limit)
        return Response(
            raw.status, raw.headers, content.finish(), request.url, truncated=content.is_over
        )


class _Content:
    """The body of an answer while it is read: kept in memory or written to a file, up to a limit.

    Attributes:
        size: bytes read so far; more than the limit if it is exceeded.
    """

    def __init__(self, headers: Mapping[str, str], request: _Request, limit: int):
        self.limit, self.size, self.memory = limit, 0, bytearray()
        self._headers, self._bound, self._file = headers, request.bound, request.into
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    @property
    def is_over(self) -> bool:
        return self.size > self.limit

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.memory += piece
        if self._bound is not None and self.size >= _JUDGED:
            self._judge()
        if self._file is not None and self._bound is None:
            self._write()

    def _judge(self) -> None:
        if self._bound is not None:
            self.limit = min(self.limit, self._bound(self._headers, bytes(self.memory[:_JUDGED])))
            self._bound = None

    def _write(self) -> None:
        if self._file is not None:
            over = max(0, self.size - self.limit)
            self._file.write(memoryview(self.memory)[: max(0, len(self.memory) - over)])
            self.memory = bytearray()

    def finish(self) -> bytes:
        self._judge()
        if self._file is not None:
            self._write()
            self._file.flush()
            return b""
        return bytes(memoryview(self.memory)[: self.limit])


def _fetch_error(error: Exception, url: str, attempt: Attempt) -> FetchError:
    """Convert an exception of urllib3 or the system to a `FetchError`."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, FetchError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return cause
    if attempt.expired:
        return FetchError("timeout", seconds=round(attempt.settings.total_seconds))
    host = urlsplit(url).hostname or url
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return FetchError("timeout", seconds=round(attempt.settings.read_seconds))
    if isinstance(error, SSLError):
        return FetchError("tls", host=host, detail=reason(error))
    if isinstance(error, NameResolutionError):
        return FetchError("unknown-host", host=host)
    return FetchError(
        "connection",
        host=host,
        detail=BROKEN_OFF if "IncompleteRead" in str(error) else reason(error),
    )


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds requested by Retry-After (RFC 9110 §10.2.3), 0 without a valid one."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    if value:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except (TypeError, ValueError, OverflowError):
            return 0.0
    return 0.0


# --- many servers ---

Item = TypeVar("Item")
Answer = TypeVar("Answer")
HOSTS_AT_ONCE = 4
FAILURES_OF_A_HOST = 3
"""Answers of a host in a row that do not come, after which the rest of it is not asked."""


def ask_by_host(
    items: Iterable[Item],
    url_of: Callable[[Item], str],
    ask: Callable[[Item], Answer],
    is_silent: Callable[[Answer], bool],
    *,
    seconds: float,
    pause: float,
    sleep: Callable[[float], None] = time.sleep,
) -> list[tuple[Item, Answer | None]]:
    """Ask about items: several hosts at once, the items of one host one after the other.

    Args:
        items: what to ask about.
        url_of: returns the URL of an item.
        ask: asks about an item.
        is_silent: whether an answer tells that the server did not answer.
        seconds: time after which nothing more is asked.
        pause: seconds between two requests to a host.
        sleep: makes the pause.

    Returns:
        the items with their answers, None for the rest of a silent host; items not reached in time
        are left out.
    """
    by_host: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_host[taken_apart(url_of(item)).hostname or ""].append(item)
    end = time.monotonic() + seconds

    def ask_host(queue: list[Item]) -> list[tuple[Item, Answer | None]]:
        answers: list[tuple[Item, Answer | None]] = []
        silent = 0
        for number, item in enumerate(queue):
            if time.monotonic() > end:
                break
            if silent == FAILURES_OF_A_HOST:
                answers.append((item, None))
                continue
            if number:
                sleep(pause)
            answer = ask(item)
            answers.append((item, answer))
            silent += 1
            if not is_silent(answer):
                silent = 0
        return answers

    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        return list(itertools.chain.from_iterable(pool.map(ask_host, by_host.values())))
