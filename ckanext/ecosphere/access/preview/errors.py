"""Exception of previews and extracts. No CKAN imports."""

from __future__ import annotations


class PreviewError(Exception):
    """There is no preview or extract; `code` is a key of `preview.messages.MESSAGES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
