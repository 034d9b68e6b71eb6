"""Read parts of a remote file by range requests (RFC 9110, 14), through the HTTP guard and within a budget."""

from __future__ import annotations

import re

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response, StoppedError

#: Size of the first request in bytes, which determines whether the server supports ranges.
FIRST = 64 * 1024
#: Maximum size of a request in bytes.
MOST_AT_ONCE = 8 * 1024 * 1024
PARTIAL_CONTENT = 206
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class Ranges:
    """Reader of parts of a remote file; after the first failure, no further request is sent.

    Attributes:
        size: size of the file in bytes, according to the server.
        error: the first failure, or None.
    """

    def __init__(self, session: GuardedSession, url: str):
        self._session, self._url = session, url
        self._validator = ""
        self._head = b""
        self.size = 0
        self.error: PreviewError | FetchError | StoppedError | None = None

    def begin(self) -> bool:
        """Request the beginning; return whether the server supports ranges.

        Raises:
            FetchError: there was no response.
            StoppedError: the budget is exhausted.
        """
        answer = self._ask(0, FIRST - 1)
        found = _part(answer, 0, FIRST - 1)
        if found is None:
            return False
        self._head, self.size = found
        self._validator = _validator(answer)
        return True

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of the file, shorter at its end.

        Raises:
            PreviewError: the response is not the requested part, or the file has changed.
            FetchError: there was no response.
            StoppedError: the budget is exhausted.
        """
        last = min(offset + length, self.size) - 1
        if last < offset:
            return b""
        if last < len(self._head):
            return self._head[offset : last + 1]
        try:
            if self.error is not None:
                raise self.error
            if length > MOST_AT_ONCE:
                raise PreviewError("too-large")
            answer = self._ask(offset, last)
            found = _part(answer, offset, last)
            if found is None or found[1] != self.size or _validator(answer) != self._validator:
                raise PreviewError("parts")
        except (PreviewError, FetchError, StoppedError) as error:
            self.error = error
            raise
        return found[0]

    def stop(self) -> None:
        """Abort running requests."""
        self._session.budget.stop("done")

    def _ask(self, first: int, last: int) -> Response:
        # Ranges of a compressed response would not be those of the file.
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        return self._session.get(self._url, headers=headers, max_bytes=last - first + 1, truncate=True)


def _part(answer: Response, first: int, last: int) -> tuple[bytes, int] | None:
    """Return the requested bytes and the size of the file; None for any other response."""
    told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if answer.status != PARTIAL_CONTENT or told is None or encoding not in ("", "identity") or answer.truncated:
        return None
    begin, end, size = map(int, told.groups())
    if begin != first or end != min(last, size - 1) or len(answer.body) != end - begin + 1:
        return None
    return answer.body, size


def _validator(answer: Response) -> str:
    """Return the validator of the file (ETag or Last-Modified), "" if there is none."""
    return answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")
