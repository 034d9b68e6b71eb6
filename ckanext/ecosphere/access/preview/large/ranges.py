"""A file on a server that gives parts of it (RFC 9110, 14: range requests), asked through the guard within a budget."""

from __future__ import annotations

import re

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response, StoppedError

#: Bytes of the first question, which tells whether the server gives parts.
FIRST = 64 * 1024
#: Bytes that may be asked for at once.
MOST_AT_ONCE = 8 * 1024 * 1024
PARTIAL_CONTENT = 206
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class Ranges:
    """Reads parts of one file; as soon as one could not be had, none is asked for.

    Attributes:
        size: of the file, in bytes, as the server says.
        error: why a part was not had, None as long as all were.
    """

    def __init__(self, session: GuardedSession, url: str):
        self._session, self._url = session, url
        self._validator = ""
        self._head = b""
        self.size = 0
        self.error: PreviewError | FetchError | StoppedError | None = None

    def begin(self) -> bool:
        """Ask for the beginning; tell whether the server gives exactly that.

        Raises:
            FetchError: no answer was had.
            StoppedError: the budget is spent.
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
            PreviewError: the server gives something else, or the file changed meanwhile.
            FetchError: no answer was had.
            StoppedError: the budget is spent.
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
        """Cut what is still being asked."""
        self._session.budget.stop("done")

    def _ask(self, first: int, last: int) -> Response:
        # What is compressed on its way has other parts than the file.
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        return self._session.get(self._url, headers=headers, max_bytes=last - first + 1, truncate=True)


def _part(answer: Response, first: int, last: int) -> tuple[bytes, int] | None:
    """Return the bytes that were asked for and the size of the file; None when the answer is anything else."""
    told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if answer.status != PARTIAL_CONTENT or told is None or encoding not in ("", "identity") or answer.truncated:
        return None
    begin, end, size = map(int, told.groups())
    if begin != first or end != min(last, size - 1) or len(answer.body) != end - begin + 1:
        return None
    return answer.body, size


def _validator(answer: Response) -> str:
    """Return what changes with the file, as far as the server tells it."""
    return answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")
