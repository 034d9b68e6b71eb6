"""Code snippets that load the URL of an extract, in several languages. No CKAN imports."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import quote

import yaml

_FILE = Path(__file__).parents[1] / "data" / "snippets.yaml"


@cache
def _texts() -> tuple[dict[str, str], ...]:
    return tuple(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def of(url: str) -> list[dict[str, str]]:
    """Return `id`, `label` and `text` of each snippet; the URL is encoded so that it cannot break out of the code."""
    safe = quote(url, safe=":/?&=%,+;@~.-_#")
    return [{**each, "text": each["text"].replace("{url}", safe)} for each in _texts()]
