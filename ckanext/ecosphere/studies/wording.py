"""Sentences of the codes that findings, reasons and site errors carry."""

from __future__ import annotations

SENTENCES: dict[str, str] = {}
REASONS: dict[str, str] = {}
SITE_ERRORS: dict[str, str] = {}
