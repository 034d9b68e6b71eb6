"""Datasets of the catalogues whose levels `levels` counts, read without a portal, and a draw of datasets to judge.

    python -m dev.bench.levels_collections drawn.jsonl kept.jsonl --records ../shared/records

draws datasets of the middle, half of them real, half of the large demonstration. `drawn.jsonl` is what a person reads
to judge them, without their scores; `kept.jsonl` is what `quality/judged` may keep of them. The middle of a collection
is what is left without its lowest and its highest tenth. The draw depends only on the arguments and the shipped model.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import normalise
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.core.score import evaluate, load_model
from dev import demo
from dev.bench import fidelity
from dev.demo.draft import draft

AS_OF = date(2026, 11, 26)  # day of the judgements
LARGE = 27_897  # records of the large demonstration
SEED = 2026
TENTH = 10
KEPT = (
    "access_limitation", "access_rights", "alternate_identifier", "conformity", "conforms_to", "created", "dcat_type",
    "endpoint_url", "frequency", "identifier", "in_series", "inspire_theme", "issued", "language", "license_id",
    "metadata_date", "metadata_identifier", "modified", "owner_org", "reference_system", "resources",
    "scale_denominator", "spatial_representation", "spatial_resolution_in_meters", "status", "temporal_coverage",
    "territory", "theme", "title", "topic_category", "url",
)  # fmt: skip
TEXTS = ("notes", "provenance", "use_conditions", "access_conditions")
LONGEST = 220
"""Characters of a text that are kept: more than any criterion asks for."""
PEOPLE = ("contact", "creator", "publisher")
ANYONE = {"name": "Service", "email": "service@example.org", "url": "https://example.org/contact"}


@dataclass(frozen=True)
class Source:
    """A dataset as the harvest makes it, with the record that it was made from."""

    origin: str
    dataset: dict[str, Any]

    @property
    def identity(self) -> str:
        """Return what tells records of the same dataset apart from others: repositories keep copies of them."""
        return str(self.dataset.get("metadata_identifier") or self.dataset.get("title"))


def demonstration(count: int) -> Iterator[Source]:
    """Yield the datasets of `make demo` with this number of records; a republished record gives no second dataset."""
    for name, number in demo.shares(count).items():
        context = dataclasses.replace(fidelity.CONTEXT, catalogue_title=demo.CATALOGUES[name].title)
        for index, (stem, xml) in enumerate(demo.records(name, number)):
            if draft(name, index, demo.SEED).republished:
                continue
            try:
                record = read_record(parse_xml(xml.encode()))
            except RecordError:  # some have no title, as in real catalogues
                continue
            yield Source(f"{name}/{stem}", dict(normalise(record, context).dataset))


def real(folder: Path) -> Iterator[Source]:
    """Yield the datasets of the real French records of a folder, each once."""
    seen = set()
    for case in fidelity.cases(folder):
        if case.result is None or case.foreign:
            continue
        source = Source(f"{case.origin}/{case.name}", dict(case.result.dataset))
        if source.identity not in seen:
            seen.add(source.identity)
            yield source


def middle(sources: Iterable[Source], number: int) -> list[Source]:
    """Draw datasets of the middle."""
    model = load_model()
    scored = sorted(sources, key=lambda source: evaluate(gather(source.dataset), model, AS_OF).score)
    tenth = len(scored) // TENTH
    return random.Random(SEED).sample(scored[tenth : len(scored) - tenth], number)


def kept(dataset: dict[str, Any], own_texts: bool) -> dict[str, Any]:
    """Return what the score reads of a dataset, without people, and without texts of others.

    Each word of such a text becomes another one of its length, always the same, except those of the title.
    """
    values = {name: dataset[name] for name in KEPT if dataset.get(name)}
    values["tags"] = [{"name": f"mot {index}"} for index, _tag in enumerate(dataset.get("tags", ()))]
    values["spatial"] = "{}" if dataset.get("spatial") else ""
    values["spatial_coverage"] = [
        {"bbox": bool(row.get("bbox")), "text": row.get("text", "")} for row in dataset.get("spatial_coverage", ())
    ]
    title = set(str(dataset.get("title", "")).split())
    for name in TEXTS:
        text = str(dataset.get(name) or "")
        if text and not own_texts:
            text = " ".join(word if word in title else _other(word) for word in text[:LONGEST].split())
        values[name] = text
    for name in PEOPLE:
        values[name] = [{part: ANYONE[part] for part in ANYONE if person.get(part)} for person in dataset.get(name, ())]
    return values


def _other(word: str) -> str:
    digest = hashlib.sha256(word.encode()).hexdigest()
    return digest[: len(word)]


def main() -> None:
    """Draw datasets and write them to two files, one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drawn", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--number", type=int, default=60)
    chosen = parser.parse_args()
    half = chosen.number // 2
    parts = ((real(chosen.records), half, False), (demonstration(LARGE), chosen.number - half, True))
    with chosen.drawn.open("w", encoding="utf-8") as drawn, chosen.kept.open("w", encoding="utf-8") as stored:
        for sources, number, own_texts in parts:
            for source in middle(sources, number):
                drawn.write(json.dumps(dataclasses.asdict(source), ensure_ascii=False) + "\n")
                stored.write(json.dumps(kept(source.dataset, own_texts), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
