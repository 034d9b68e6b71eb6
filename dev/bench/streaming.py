"""CSW catalogue of any size whose records are generated on request, so that the server holds none in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ckanext.ecosphere.harvest.tests.csw_server import Catalogue, catalogue, iso_record

ABSTRACT = "Zones soumises au risque d'inondation, relevées commune par commune et contrôlées sur le terrain. " * 8
LINKS = (
    ("https://carto.example.org/wms?map={n}", "OGC:WMS", "zones_{n}"),
    ("https://data.example.org/zones-{n}.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones {n} (SHP)"),
    ("https://data.example.org/notice-{n}.pdf", "WWW:LINK-1.0-http--link", "Notice {n}"),
)


class Stream:
    """Sequence of generated records; one in a hundred is changed once `changed` is set.

    Args:
        number: number of records.
    """

    def __init__(self, number: int):
        self._number = number
        self.changed = False

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, places: slice) -> list[str]:
        return [self._record(n + 1) for n in range(*places.indices(self._number))]

    def _record(self, n: int) -> str:
        links = tuple((url.format(n=n), protocol, name.format(n=n)) for url, protocol, name in LINKS)
        text = f"Mise à jour. {ABSTRACT}" if self.changed and not n % 100 else ABSTRACT
        return iso_record(n, abstract=text, links=links, title=f"Zones inondables du secteur {n}")


@contextmanager
def streamed(number: int, latency: float = 0.0) -> Iterator[tuple[Catalogue, Stream]]:
    """Run such a catalogue for the duration of the block; `latency`, in seconds, is added to each answer."""
    with catalogue(fault=lambda question, page: time.sleep(latency)) as server:
        stream = Stream(number)
        server.records = stream  # type: ignore[assignment]
        yield server, stream
