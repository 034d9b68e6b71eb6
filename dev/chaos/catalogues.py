"""Harvest sources of the chaos test: a CSW on pycsw, and a WAF, a DCAT feed and a udata API served
by this process.

The abstract of each record contains its version; a catalogue changes only between two of its
harvests, so that the expected content of the portal is always known. Records are never deleted: any
withdrawal is an error.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

from dev.attack.tables import filled
from dev.stack import pycsw
from dev.stack.settings import local

#: Seconds added to each answer, so that a harvest lasts long enough to be killed while reading.
LATENCY = 0.15
#: What people do and catalogues hold.
WORK = yaml.safe_load(Path(__file__).with_name("work.yaml").read_text(encoding="utf-8"))


@dataclass
class Catalogue:
    """A catalogue to harvest.

    Attributes:
        name: name of the catalogue and of its harvest source.
        kind: csw, waf, dcat or udata.
        size: number of records.
        versions: number of a record → number of changes.
    """

    name: str
    kind: str
    size: int
    versions: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.versions = dict.fromkeys(range(self.size), 0)

    @property
    def source_type(self) -> str:
        """Type of its harvest source."""
        return f"ecosphere_{self.kind}"

    @property
    def config(self) -> str:
        """Configuration of its harvest source."""
        options = {"csw": {"page_size": 20}, "udata": {"tag": "chaos"}}
        return json.dumps(options.get(self.kind, {}))

    def title(self, number: int) -> str:
        """Return the title of a record, unique across all catalogues."""
        return f"Parcelle {number} du catalogue {self.name}"

    def abstract(self, number: int) -> str:
        """Return the abstract of a record, which contains its version."""
        return f"Relevé {self.versions[number]} de la parcelle {number}."

    @property
    def expected(self) -> dict[str, str]:
        """Title → abstract of every record, as expected in the portal."""
        return {self.title(number): self.abstract(number) for number in self.versions}

    def change(self, numbers: list[int]) -> None:
        """Change some records; only to be called while the catalogue is not being harvested."""
        for number in numbers:
            self.versions[number] += 1
        if self.kind == "csw":
            self.publish()

    def publish(self) -> str:
        """Publish the current records on pycsw and return the URL of the CSW."""
        folder = local("catalogue", self.name)
        for number in self.versions:
            (folder / f"{number:05}.xml").write_text(self.iso(number), "utf-8")
        return pycsw.publish(self.name, folder).url

    def iso(self, number: int) -> str:
        """Return a record as ISO 19139."""
        return iso_record(
            number,
            identifier=f"fr-120066022-jdd-{self.name}-{number:06}",
            title=self.title(number),
            abstract=self.abstract(number),
            links=((f"https://data.example.org/{self.name}/{number}.zip", "WWW:DOWNLOAD-1.0-http--download", "Zip"),),
        )

    def _words(self, number: int) -> dict[str, object]:
        texts = {"title": self.title(number), "abstract": self.abstract(number)}
        return {"name": self.name, "number": number, "id": f"{sum(self.name.encode()):012x}{number:012x}", **texts}

    def turtle(self) -> str:
        """Return all records as DCAT in Turtle."""
        return "".join(filled(WORK["dcat"], self._words(number)) for number in self.versions)

    def udata(self, page: int, size: int) -> dict[str, Any]:
        """Return a page of the udata API."""
        numbers = [number for number in self.versions if (page - 1) * size <= number < page * size]
        datasets = [filled(WORK["udata"], self._words(number)) for number in numbers]
        return {"data": datasets, "total": self.size, "next_page": None}


class Served:
    """Script of the HTTP server for the catalogues other than CSW.

    Args:
        catalogues: all catalogues, including those served by pycsw.
    """

    def __init__(self, catalogues: list[Catalogue]) -> None:
        self._catalogues = {catalogue.name: catalogue for catalogue in catalogues}
        self.home = ""

    def url(self, catalogue: Catalogue) -> str:
        """Return the URL of a catalogue, publishing it first if it is a CSW."""
        if catalogue.kind == "csw":
            return catalogue.publish()
        return f"{self.home}/" + ("" if catalogue.kind == "udata" else f"{catalogue.name}/")

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        time.sleep(LATENCY)
        found = self._answer(exchange.path)
        if found:
            exchange.answer(found[0], Content_Type=f"{found[1]}; charset=utf-8")
        else:
            exchange.answer("", 404)

    def _answer(self, address: str) -> tuple[str, str] | None:
        """Return content and content type; None if there is nothing at this URL."""
        parts = urlsplit(address)
        if parts.path == "/api/1/datasets/":
            query = parse_qs(parts.query)
            page, size = int(query["page"][0]), int(query["page_size"][0])
            udata = next(catalogue for catalogue in self._catalogues.values() if catalogue.kind == "udata")
            return json.dumps(udata.udata(page, size)), "application/json"
        match = re.fullmatch(r"/([\w-]+)/(?:(\d+)\.xml)?", parts.path)
        catalogue = self._catalogues.get(match[1]) if match else None
        if match is None or catalogue is None:
            return None
        if catalogue.kind == "dcat":
            return catalogue.turtle(), "text/turtle"
        if match[2]:
            return catalogue.iso(int(match[2])), "application/xml"
        links = "".join(f'<a href="{number}.xml">{number}.xml</a>\n' for number in catalogue.versions)
        return f"<html><body><pre>{links}</pre></body></html>", "text/html"


@contextmanager
def served(catalogues: list[Catalogue]) -> Iterator[Served]:
    """Serve the catalogues for the duration of the block."""
    script = Served(catalogues)
    with serve(script) as server:
        script.home = server.url
        yield script
