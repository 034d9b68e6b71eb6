"""The rules, in their order."""

from __future__ import annotations

from collections.abc import Callable

from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.texts import bounded_description, title

RULES: tuple[tuple[str, Callable[[Draft], None]], ...] = (
    ("title", title),
    ("description", bounded_description),
)
