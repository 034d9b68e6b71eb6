"""Error raised when a request was changed by someone else since it was read."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk


class Conflict(tk.ValidationError):
    """The request has a newer version; CKAN's API answers 409.

    Attributes:
        version: current version of the request.
        changes: events since the version that the person had seen, as returned by `ecosphere_request_show`.
    """

    def __init__(self, version: int, changes: list[dict[str, Any]]) -> None:
        message = tk._(
            "The request has changed since you opened it. Look at what changed, then send again if it still applies."
        )
        errors: Any = {"version": [message], "current_version": version, "changes": changes}
        super().__init__(errors)
        self.version = version
        self.changes = changes
