"""Client of the portal's API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from .ckan import site_url
from .shell import StackError


class ActionError(StackError):
    """The portal refused an action.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, action: str, status: int, message: str) -> None:
        super().__init__(f"The portal refused {action}: {message}")
        self.status = status


class Portal:
    """Actions of the portal, called with an API token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def call(self, action: str, **parameters: Any) -> Any:
        """Call an action and return its result.

        Raises:
            ActionError: the action failed.
        """
        request = urllib.request.Request(
            f"{site_url()}/api/3/action/{action}",
            data=json.dumps(parameters).encode(),
            headers={"Content-Type": "application/json", "Authorization": self._token},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)["result"]
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise ActionError(action, error.code, text[:500]) from error

    def find(self, action: str, **parameters: Any) -> Any | None:
        """Call a show action; return None if the object does not exist (404)."""
        try:
            return self.call(action, **parameters)
        except ActionError as error:
            if error.status == 404:
                return None
            raise
