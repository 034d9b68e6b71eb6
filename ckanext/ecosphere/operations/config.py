"""Configuration options of metrics and logs, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

METRICS_TOKEN = "ecosphere.metrics.token"  # noqa: S105 (the name of an option)
JSON_LOGS = "ecosphere.logs.json"


def metrics_token() -> str:
    """Return the token of the metrics; empty while there are none."""
    return str(tk.config[METRICS_TOKEN] or "").strip()


def json_logs() -> bool:
    """Return whether the lines of the log are JSON objects."""
    return tk.config[JSON_LOGS]
