"""Exception of previews and extracts. No CKAN imports."""

from __future__ import annotations


class PreviewError(Exception):
    """There is no preview or extract.

    Attributes:
        code: a key of `preview.messages.MESSAGES`.
        size: size of a file that is too large, in bytes; 0 for other failures, or if it is unknown.
    """

    def __init__(self, code: str, size: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.size = size
