"""Why there is no preview or extract. Pure."""

from __future__ import annotations


class PreviewError(Exception):
    """Nothing can be shown; `code` is a key of `preview.messages.MESSAGES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
