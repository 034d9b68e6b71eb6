"""Demonstration catalogue: ISO 19139 records as French platforms write them, with their quirks.

Records are made up from real services, territories and subjects, with links to reserved domains and service mailboxes
only. The same seed gives the same records, and a larger catalogue begins with the records of a smaller one.

Run as `python3 -m dev.demo FOLDER --count 360`; needs no CKAN.
"""

from __future__ import annotations

from collections.abc import Iterator

from .draft import CATALOGUES, Catalogue, draft
from .shapes import SHAPES

__all__ = ["CATALOGUES", "DEFAULT_COUNT", "SEED", "Catalogue", "records", "shares"]

SEED = 2026
DEFAULT_COUNT = 360


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
    shape = SHAPES[CATALOGUES[name].shape]
    for index in range(count):
        made = draft(name, index, seed)
        yield f"{index:05}-{made.subject.slug}", shape(made)
