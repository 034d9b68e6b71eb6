"""Damaged records: any damage gives a dataset or one clear message, in bounded time and size."""

import dataclasses
import json
import time
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.tests.making import DEFAULT

pytestmark = pytest.mark.slow("random")

DATA = Path(__file__).parent / "data"
CONTEXT = Context(DEFAULT, catalogue_title="Essai", record_url="https://exemple.fr/{id}")
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ODD_TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            " ",
            "NaN",
            "1e999",
            "-",
            "9" * 5000,
            "1:" + "9" * 400,
            "2012-02-30",
            "0000-00-00",
            "http://[",
            "http://a:b@c:d/",
            "javascript:x",
            "http://a.fr/?" + "&".join(f"a{n}=1" for n in range(500)),
            "://",
            "EPSG:99999999999",
            "P9999999999Y",
            "P" * 50,
            "{0}{x!r}%s",
            "<b",
            "&#x0;&#99999999;&notanentity;",
            "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
            "é" * 3000,
            "a;" * 3000,
            "L311-5 13.1.a",
            "DDT 99",
            "R99",
            "2A",
            "*60036",
            "@",
            "a@b@c",
        ]
    ),
)


@cache
def corpus() -> list[bytes]:
    return [path.read_bytes() for path in sorted(DATA.glob("*.xml"))]


def survive(data: bytes) -> None:
    """Process a document from bytes to dataset; only a `RecordError` may stop it."""
    try:
        elements = list(records_in(parse_xml(data)))
    except RecordError as error:
        assert str(error)
        return
    for element in elements:
        try:
            result = normalise(read_record(element), CONTEXT)
        except RecordError as error:
            assert str(error)
            continue
        json.dumps(result.dataset)
        assert result.dataset["title"]
        assert all(str(problem) for problem in result.problems)


@MANY
@given(st.data())
def test_bytes_cut_changed_and_repeated(data):
    document = bytearray(data.draw(st.sampled_from(corpus())))
    for _change in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(document)))
        end = min(len(document), start + data.draw(st.integers(0, 200)))
        document[start:end] = data.draw(
            st.one_of(st.binary(max_size=30), st.just(bytes(document[start:end]) * 2))
        )
    survive(bytes(document))


@MANY
@given(st.data())
def test_elements_removed_repeated_moved_and_filled_with_odd_texts(data):
    try:
        root = parse_xml(data.draw(st.sampled_from(corpus())))
    except RecordError:
        return
    for _change in range(data.draw(st.integers(1, 12))):
        elements = list(root.iter(etree.Element))
        element = elements[data.draw(st.integers(0, len(elements) - 1))]
        mutate(data, element, elements)
    survive(etree.tostring(root))


def mutate(data, element, elements) -> None:
    parent = element.getparent()
    kind = data.draw(st.sampled_from(["text", "remove", "repeat", "move", "attribute", "rename"]))
    if kind == "text":
        element.text = "".join(c for c in data.draw(ODD_TEXTS) if c.isprintable())
    elif kind == "attribute":
        element.set("codeListValue", "".join(c for c in data.draw(ODD_TEXTS) if c.isprintable()))
    elif kind == "rename":
        element.tag = elements[data.draw(st.integers(0, len(elements) - 1))].tag
    elif parent is not None and kind == "remove":
        parent.remove(element)
    elif parent is not None and kind == "repeat":
        for _copy in range(data.draw(st.integers(1, 5))):
            parent.append(etree.fromstring(etree.tostring(element)))
    elif parent is not None:
        target = elements[data.draw(st.integers(0, len(elements) - 1))]
        if element not in target.iterancestors() and target is not element:
            target.append(element)


#: The reader returns GeoJSON or nothing, which the type does not express.
SHAPES = st.builds(
    lambda x, y: {"type": "Point", "coordinates": [x, y]},
    st.floats(-180, 180),
    st.floats(-180, 180),
)


def strategy(hint):
    """Return a strategy of odd values for a field of the record, according to its type."""
    if dataclasses.is_dataclass(hint):
        return instances(hint)
    arguments = [a for a in get_args(hint) if a is not type(None)]
    if getattr(hint, "__origin__", None) is list:
        items = SHAPES
        if hint != list[geometry.Geometry]:
            items = strategy(arguments[0])
        return st.lists(items, max_size=4)
    if hint == r.Translations:
        names = st.sampled_from(["title", "abstract", "name", "description", "purpose", ""])
        return st.dictionaries(
            names, st.dictionaries(st.text(max_size=5), ODD_TEXTS, max_size=3), max_size=3
        )
    if getattr(hint, "__origin__", None) is dict:
        return st.dictionaries(st.text(max_size=5), ODD_TEXTS, max_size=2)
    if arguments:
        return st.one_of(st.none(), strategy(arguments[0]))
    return {bool: st.booleans(), str: ODD_TEXTS}[hint]


def instances(cls):
    hints = get_type_hints(cls)
    return st.builds(
        cls, **{field.name: strategy(hints[field.name]) for field in dataclasses.fields(cls)}
    )


@MANY
@given(instances(r.Record))
def test_a_record_of_odd_values_in_every_field(record):
    try:
        result = normalise(record, CONTEXT)
    except RecordError as error:
        assert error.code == "no-title"
        return
    json.dumps(result.dataset)
    for text in result.dataset.values():
        assert not isinstance(text, str) or len(text.encode("utf-8", "replace")) <= 30_000


def test_normalising_does_not_change_the_record():
    (element,) = records_in(parse_xml((DATA / "geoide-dataset.xml").read_bytes()))
    record = read_record(element)
    before = dataclasses.asdict(record)
    first, second = normalise(record, CONTEXT), normalise(record, CONTEXT)
    assert dataclasses.asdict(record) == before
    assert first == second


@pytest.mark.parametrize("size", [20 * 1024 * 1024])
def test_a_description_of_twenty_megabytes_is_bounded(size):
    document = (
        (DATA / "no-identifier.xml").read_bytes().replace(b"Description", b"mot " * (size // 4))
    )
    started = time.process_time()
    (element,) = records_in(parse_xml(document))
    result = normalise(read_record(element), CONTEXT)
    assert len(result.dataset["notes"]) <= 30_000
    assert time.process_time() - started < 10


def test_a_record_of_thousands_of_keywords_and_links_is_bounded():
    keyword = "<gmd:keyword><gco:CharacterString>mot {0}</gco:CharacterString></gmd:keyword>"
    link = (
        "<gmd:onLine><gmd:CI_OnlineResource><gmd:linkage><gmd:URL>http://exemple.fr/{0}.zip</gmd:URL></gmd:linkage>"
        "</gmd:CI_OnlineResource></gmd:onLine>"
    )
    document = (DATA / "hostile-links.xml").read_text(encoding="utf-8")
    keywords = "".join(keyword.format(n) for n in range(35_000))
    document = document.replace(
        "</gmd:abstract>",
        "</gmd:abstract><gmd:descriptiveKeywords><gmd:MD_Keywords>"
        + keywords
        + "</gmd:MD_Keywords></gmd:descriptiveKeywords>",
    ).replace("<gmd:onLine>", "".join(link.format(n) for n in range(8_000)) + "<gmd:onLine>", 1)
    started = time.process_time()
    (element,) = records_in(parse_xml(document.encode()))
    result = normalise(read_record(element), CONTEXT)
    assert len(result.dataset["tags"]) == 100
    assert len(result.dataset["resources"]) == 500
    assert sum(len(line) for line in result.unread) < 200_000
    assert time.process_time() - started < 20
