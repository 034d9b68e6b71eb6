"""Demonstration catalogue: ISO 19139 records as French platforms write them, with their quirks.

Records are made up from real services, territories and subjects, with links to reserved domains and
service mailboxes only. The same seed gives the same records, and a larger catalogue begins with the
records of a smaller one.

Run as `.venv/bin/python -m dev.demo FOLDER --count 360`; needs no service. `subjects.csv` lists the
subjects, `draft` draws the contents of a record, and the template of a platform (`geoide.xml`)
writes it in the form of that platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dev.stack.settings import DEFAULT_COUNT

from . import quirks
from .draft import CATALOGUES, Catalogue, draft

__all__ = ["CATALOGUES", "DEFAULT_COUNT", "SEED", "Catalogue", "records", "shares", "write"]

SEED = 2026


def shares(total: int) -> dict[str, int]:
    """Return how many of `total` records each catalogue holds; the remainder goes to the first."""
    counts = {name: int(total * catalogue.share) for name, catalogue in CATALOGUES.items()}
    counts[next(iter(counts))] += total - sum(counts.values())
    return counts


def records(name: str, count: int, seed: int = SEED) -> Iterator[tuple[str, str]]:
    """Yield the records of a catalogue.

    Args:
        name: key of `CATALOGUES`.
        count: number of records.
        seed: seed; another one gives other records.

    Yields:
        (file name without suffix, the record as XML text without declaration).
    """
    template = _templates().get_template(f"{CATALOGUES[name].shape}.xml")
    for index in range(count):
        made = draft(name, index, seed)
        xml = _BETWEEN_TAGS.sub("><", template.render(draft=made, quirks=quirks).strip())
        yield f"{index:05}-{made.subject.slug}", xml


def write(folder: Path, count: int) -> None:
    """Write the records of all catalogues, each into a folder of its own."""
    for name, share in shares(count).items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for stem, xml in records(name, share):
            (folder / name / f"{stem}.xml").write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n', "utf-8")


_BETWEEN_TAGS = re.compile(r">\s+<")


@cache
def _templates() -> Any:
    import jinja2  # which the stack, run by the system's Python, need not have

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
