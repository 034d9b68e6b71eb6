"""The answer to a person who acted on what another has changed meanwhile."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk


class Conflict(tk.ValidationError):
    """Someone else was faster; CKAN's API answers 409.

    Attributes:
        version: version of the request now.
        changes: events since the version that the person had seen, as `ecosphere_request_show` gives them.
    """

    def __init__(self, version: int, changes: list[dict[str, Any]]) -> None:
        message = tk._(
            "The request has changed since you opened it. Look at what changed, then send again if it still applies."
        )
        errors: Any = {"version": [message], "current_version": version, "changes": changes}
        super().__init__(errors)
        self.version = version
        self.changes = changes
