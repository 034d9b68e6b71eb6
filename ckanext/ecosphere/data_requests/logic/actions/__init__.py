"""Actions of data requests, by subject."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.data_requests.logic.actions import changing, desk, reading
from ckanext.ecosphere.shared import action_input


def get_actions() -> dict[str, Any]:
    """Return the actions that the plugin registers."""
    return action_input.checked(
        {
            name: function
            for module in (reading, changing, desk)
            for name, function in vars(module).items()
            if name.startswith("ecosphere_request_")
        }
    )
