"""Structured logs: JSON lines with the ids of request, job and record, and without personal data.

Where messages may name a person or a place, it is removed: e-mail and network addresses, names of
accounts in paths, coordinates, queries of URLs, signed tokens, values in errors of the database.
Loggers of CKAN whose lines are about people are silent, and so are lines of the level DEBUG, which
hold whole documents.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from datetime import datetime, timezone

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import log_ids

JSON_LOGS = "ecosphere.logs.json"
#: What is removed from messages, in order, and what stands in its place.
REMOVED = (
    (re.compile(r"\[parameters: .{0,20000}", re.DOTALL), "[parameters: …]"),
    (re.compile(r"(?m)^(?:DETAIL|LINE \d{1,9}): .*$"), "…"),
    (re.compile(r"[^\s@<>\"'(),;:=]{1,64}@[\w.-]{1,255}"), "<e-mail>"),
    (re.compile(r"/(user|compte)/[^\s\"'/]+(?:/[^\s\"']*)?"), r"/\1/…"),
    (re.compile(r"(?<![\w-])(?:[\w-]{8,}\.){1,2}[\w-]{20,}"), "<token>"),
    (re.compile(r"\b(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON))[ ZM]{0,4}\([^A-Za-z]*"), "<place>"),
    (re.compile(r"-?\d{1,7}\.\d{2,20}[\s,;\]\[]{1,4}-?\d{1,7}\.\d{2,20}"), "<place>"),
    (re.compile(r"\?[^\s\"'<>]*"), "?…"),
    (re.compile(r"\b(?!127\.)\d{1,3}(?:\.\d{1,3}){3}\b"), "<address>"),
    (re.compile(r"(?i)\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]{1,30}"), "<address>"),
)
#: Loggers whose lines name people, or repeat the line that `operations.traffic` writes of a
#: request.
SILENT = (
    "ckan.config.middleware.flask_app",
    "ckan.lib.authenticator",
    "ckan.lib.mailer",
    "ckan.logic.action.create",
    "ckan.views.user",
    "werkzeug",
)
LONGEST = 20_000


def are_json() -> bool:
    """Return whether the lines of the log are JSON objects."""
    return tk.config[JSON_LOGS]


def redacted(text: str) -> str:
    """Return a text without what may be personal data or a place, cut to `LONGEST` characters."""
    text = text[:LONGEST]
    for pattern, replacement in REMOVED:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Writes a line of the log as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger, message, ids, the facts of a request,
        and the trace of an error.
        """
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            **log_ids.current(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["trace"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def _handlers() -> Iterable[logging.Handler]:
    """Yield the handlers of all loggers."""
    yield from logging.root.handlers
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


def install() -> None:
    """Have all handlers of this process write JSON lines."""
    formatter = JsonFormatter()
    for handler in _handlers():
        handler.setFormatter(formatter)
        handler.addFilter(_above_debug)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.WARNING)
