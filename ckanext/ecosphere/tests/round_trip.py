"""Round trip of datasets: published by this portal as DCAT-AP,
read by the harvest as another portal would.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.sources.dcat import DcatSource
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

#: Fields that differ by definition, and why.
EXCEPTIONS = {
    "name": "of CKAN: chosen by the portal that harvests",
    "owner_org": "of CKAN: the service is looked up among those of the portal that harvests",
    "tag_string": "compared as tags",
    "spatial": "derived from the extents whenever a dataset is saved",
}
FIELDS = {
    "dataset": ["tags", *(field.name for field in fields.fields())],
    "resource": [field.name for field in fields.fields(fields.RESOURCE)],
}

Difference = tuple[str, str, str]
"""Scope ("dataset" or "resource"), field, and "lost", "changed" or "gained"."""


@pytest.fixture
def feed(app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the portal; yield its URL."""

    def script(exchange: Exchange) -> None:
        answer = app.get(exchange.path)
        exchange.answer(answer.data, answer.status_code, Content_Type=answer.content_type)

    with serve(script) as server:
        monkeypatch.setitem(ckan_config, "ckan.site_url", server.url)
        yield server.url


def harvested(url: str) -> dict[str, dict[str, Any]]:
    """Harvest a feed, without saving anything; return the datasets by URI."""
    reader = DcatSource().bounded_reader(url, {})
    stored = [raw.content for page in reader.pages() for raw in page]
    assert not reader.reading.failures, reader.reading.failures
    return {each.partition("\n")[0].removeprefix("# "): _made_of(each) for each in stored}


def read(turtle: bytes) -> dict[str, Any]:
    """Read the only dataset of a document as the harvest does."""
    graph = rdf.parse(turtle, "text/turtle", len(turtle))
    (subject,) = rdf.datasets(graph)
    return _made_of(rdf.as_text(rdf.around(graph, subject), subject))


def _made_of(stored: str) -> dict[str, Any]:
    return normalise(DcatSource().read(stored), Context(free_tags=True)).dataset


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[Difference, str]]:
    """Yield each difference with both values; resources are compared by position."""
    yield from _differing("dataset", before, after)
    files = before.get("resources") or [], after.get("resources") or []
    if len(files[0]) != len(files[1]):
        yield ("dataset", "resources", "changed"), f"{len(files[0])} → {len(files[1])}"
    for one, other in zip(*files, strict=False):
        yield from _differing("resource", one, other)


def _differing(
    scope: str, before: dict[str, Any], after: dict[str, Any]
) -> Iterator[tuple[Difference, str]]:
    for name in FIELDS[scope]:
        if scope == "dataset" and name in EXCEPTIONS:
            continue
        one, other = (plain(each.get(name)) or None for each in (before, after))
        if (
            name == "other_information"
        ):  # texts, which RDF does not order; they come in the order of their subjects
            texts = [[row for row in rows or () if "text" in row] for rows in (one, other)]
            one, other = (sorted(rows, key=str) for rows in texts)
        if one != other:
            how = "changed" if one and other else "lost" if one else "gained"
            yield (scope, name, how), f"{one} → {other}"


def plain(value: Any) -> Any:
    """Return a value without empty parts.

    Texts of a list are sorted, since RDF does not order them.
    """
    if isinstance(value, dict):
        if set(value) >= {"name", "vocabulary_id"}:  # a tag, as CKAN shows it
            return {"name": value["name"]}
        parts = {key: plain(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part}
    if isinstance(value, list):
        parts = [part for part in map(plain, value) if part]
        if all(isinstance(part, str) for part in parts):
            return sorted(set(parts))
        return sorted(parts, key=str) if all(set(part) == {"name"} for part in parts) else parts
    if isinstance(value, str) and value.startswith('{"'):
        return json.loads(value)  # a geometry
    return value if value is None else str(value)


def table(found: Iterable[tuple[Difference, str]]) -> str:
    """Return the number of differences by field and kind."""
    counted = Counter(difference for difference, _values in found)
    kinds = Counter(difference[2] for difference in counted.elements())
    lines = [
        f"  {scope} {field} {how}: {number}"
        for (scope, field, how), number in sorted(counted.items())
    ]
    return "\n".join(
        [", ".join(f"{kinds[how]} {how}" for how in ("lost", "changed", "gained")), *lines]
    )
