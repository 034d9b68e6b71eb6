"""Faulty records: each is repaired by a named rule, or refused with one message; the other records
are imported.

One row per fault; the behaviour of the stock harvesters is listed in `docs/harvest-faults.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.messages import about_record
from ckanext.ecosphere.harvest.model import IMPORT_LOG, SourceRecord
from ckanext.ecosphere.harvest.problems import Problem
from ckanext.ecosphere.harvest.tests.csw_server import Catalogue, catalogue, iso_record
from ckanext.ecosphere.harvest.write.portal import Names
from ckanext.harvest.model import (
    HarvestGatherError,
    HarvestJob,
    HarvestObject,
    HarvestObjectError,
    HarvestObjectExtra,
)

TITLE = "Forêts inondées"
BOX = """<gmd:extent><gmd:EX_Extent><gmd:geographicElement><gmd:EX_GeographicBoundingBox>
<gmd:westBoundLongitude><gco:Decimal>{}</gco:Decimal></gmd:westBoundLongitude>
<gmd:eastBoundLongitude><gco:Decimal>{}</gco:Decimal></gmd:eastBoundLongitude>
<gmd:southBoundLatitude><gco:Decimal>{}</gco:Decimal></gmd:southBoundLatitude>
<gmd:northBoundLatitude><gco:Decimal>{}</gco:Decimal></gmd:northBoundLatitude>
</gmd:EX_GeographicBoundingBox></gmd:geographicElement></gmd:EX_Extent></gmd:extent></gmd:MD_DataIdentification>"""
KEYWORD = "<gmd:keyword><gco:CharacterString>mot {}</gco:CharacterString></gmd:keyword>"
KEYWORDS = "<gmd:descriptiveKeywords><gmd:MD_Keywords>{}</gmd:MD_Keywords></gmd:descriptiveKeywords>".format(
    "".join(map(KEYWORD.format, range(35_000)))
)
HOSTILE = (
    ("javascript:alert(1)", "", "a"),
    ("java\tscript:alert(1)", "", "b"),
    ("data:text/html,x", "", "c"),
)
MANY = tuple((f"https://data.example.org/{n}.zip", "", "") for n in range(8_000))
NONE = '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd"/>'


@dataclass(frozen=True)
class Row:
    """A faulty record and the expected result.

    Attributes:
        record: the record; its title is `TITLE` where it has one.
        told: words of the report of the object, or of its error.
        page: change made to the bytes of the page.
        check: check of the dataset; None when none must be created.
    """

    record: str
    told: str = ""
    page: Callable[[bytes], bytes] | None = None
    check: Callable[[dict], bool] | None = lambda dataset: True


def record(**fields) -> str:
    return iso_record(2, **{"title": TITLE, **fields})


def boxed(*sides: object) -> str:
    return record().replace("</gmd:MD_DataIdentification>", BOX.format(*sides))


def has(field: str, number: int) -> Callable[[dict], bool]:
    return lambda dataset: len(dataset[field]) == number


def put(raw: bytes) -> Callable[[bytes], bytes]:
    """Replace the mark in the record with bytes."""
    return lambda page: page.replace(b"@@", raw)


def notes(text: str) -> Callable[[dict], bool]:
    return lambda dataset: dataset["notes"] == text


def encoding(name: str) -> Callable[[bytes], bytes]:
    return lambda page: (
        page.decode().replace("UTF-8", "utf-16" if name == "utf-16" else "UTF-8").encode(name)
    )


def is_ain(dataset: dict) -> bool:
    """Return whether the box is roughly that of the département de l'Ain."""
    box = json.loads(dataset["spatial"])
    return "4.7" in str(box) and "46.5" in str(box)


ROWS = {
    "no date stamp": Row(
        record().replace("<gmd:dateStamp><gco:Date>2024-03-01</gco:Date></gmd:dateStamp>", "")
    ),
    "Latin-1 declared UTF-8": Row(
        record(), page=encoding("cp1252"), check=lambda d: d["title"] == TITLE
    ),
    "UTF-16 with a byte order mark": Row(
        record(), page=encoding("utf-16"), check=lambda d: d["title"] == TITLE
    ),
    "NUL in a text": Row(record(abstract="Zo@@nes."), page=put(b"\0"), check=notes("Zones.")),
    "control characters": Row(
        record(abstract="Zo@@nes."), page=put(b"\x0b\x1f"), check=notes("Zones.")
    ),
    "bare ampersand": Row(
        record(abstract="@@"), page=put(b"Eaux & bois"), check=notes("Eaux & bois")
    ),
    "record cut off": Row(
        record(abstract="@@"),
        "stops before its end",
        lambda p: p[: p.index(b"@@")] if b"@@" in p else p,
        None,
    ),
    "record that is none": Row(NONE, "no identification section", None, None),
    "no title": Row(record(title="", abstract=TITLE), "no title; this one was made"),
    "no title, nothing to make one from": Row(
        record(title=" ", abstract=""), "neither a title nor any text", None, None
    ),
    "title to be filled in": Row(
        record(title="A REMPLIR", abstract=TITLE), "no title; this one was made"
    ),
    "box that is no number": Row(boxed("NaN", 6, 45, 46), "not a number"),
    "box with west and east exchanged": Row(
        boxed(6.2, 4.7, 45.6, 46.5), "West and east", check=is_ain
    ),
    "box with south and north exchanged": Row(
        boxed(4.7, 6.2, 46.5, 45.6), "South and north", check=is_ain
    ),
    "box in metres": Row(boxed(830000, 950000, 6500000, 6600000), "in metres"),
    "box outside of the world": Row(boxed(400, 500, 95, 99), "outside the world"),
    "HTML in texts": Row(
        record(title=f"<b>{TITLE}</b><script>alert(1)</script>", abstract="<p>Un</p><p>Deux</p>"),
        check=lambda d: d["title"] == TITLE and d["notes"] == "Un\n\nDeux",
    ),
    "links that do something": Row(
        record(
            links=(
                ("javascript:alert(1)", "", "a"),
                ("java\tscript:alert(1)", "", "b"),
                ("data:text/html,x", "", "c"),
            )
        ),
        "link was",
        check=lambda d: not d["resources"],
    ),
    "35 000 keywords": Row(
        record().replace("</gmd:abstract>", f"</gmd:abstract>{KEYWORDS}"),
        "35000 elements",
        check=has("tags", 100),
    ),
    "8 000 resources": Row(
        record(links=tuple((f"https://data.example.org/{n}.zip", "", "") for n in range(8_000))),
        "8000 elements",
        check=lambda d: len(d["resources"]) == 500,
    ),
    "record of twenty megabytes": Row(
        record(abstract="mot " * 5_000_000), "too long", check=lambda d: len(d["notes"]) <= 30_000
    ),
}


def as_number(number: int, text: str) -> str:
    """Return the record with another identifier."""
    return text.replace("jdd-00000002", f"jdd-{number:08d}")


def told_of(source: str, guid: str) -> str:
    """Return all messages about a record and about the reading of its source."""
    objects = sa.select(HarvestObject.id).where(
        HarvestObject.harvest_source_id == source, HarvestObject.guid == guid
    )
    model.Session.rollback()
    told = list(
        model.Session.scalars(
            sa.union_all(
                sa.select(HarvestObjectError.message).where(
                    HarvestObjectError.harvest_object_id.in_(objects)
                ),
                sa.select(HarvestGatherError.message)
                .join(HarvestJob, HarvestJob.id == HarvestGatherError.harvest_job_id)
                .where(HarvestJob.source_id == source),
            )
        )
    )
    logs = sa.select(HarvestObjectExtra.value).where(
        HarvestObjectExtra.harvest_object_id.in_(objects), HarvestObjectExtra.key == IMPORT_LOG
    )
    for import_log in model.Session.scalars(logs):
        told += [
            about_record(0, guid, Problem(**each))
            for each in json.loads(import_log).get("problems", [])
        ]
    return "\n".join(told).lower()


def at(source: str, position: int) -> tuple[str, str | None]:
    """Return the identity of the record at a position of a source, and the id of its dataset."""
    found = model.Session.execute(
        sa.select(SourceRecord.guid, SourceRecord.package_id).where(
            SourceRecord.source_id == source, SourceRecord.position == position
        )
    ).first()
    return tuple(found) if found else ("", None)


def assert_as_expected(portal, source: str, position: int, name: str) -> None:
    row = ROWS[name]
    guid, package_id = at(source, position)
    assert row.told.lower() in told_of(source, guid), name
    assert (package_id is None) is (row.check is None), (name, portal.errors(source))
    if row.check:
        assert row.check(portal.call("package_show", id=package_id)), name


@pytest.mark.slow("hostile")
def test_a_badly_made_record_is_repaired_by_name_or_refused_in_a_sentence_and_the_others_are_taken(
    portal,
):
    names = [name for name, row in ROWS.items() if row.page is None]
    bad = [as_number(number, ROWS[name].record) for number, name in enumerate(names, 10)]
    refused = sum(ROWS[name].check is None for name in names)
    with catalogue([iso_record(1, title="Avant"), *bad, iso_record(3, title="Après")]) as server:
        source = portal.source(server.url, config={"page_size": 5})
        assert portal.harvest(source) == {"added": len(names) + 2 - refused, "errored": refused}
        assert {"Avant", "Après"} <= set(portal.found())
        for position, name in enumerate(names, 2):
            assert_as_expected(portal, source, position, name)


@pytest.mark.slow("hostile")
def test_a_page_of_bad_bytes_costs_at_most_the_record_that_they_are_in(portal):
    rows = [(name, row, row.page) for name, row in ROWS.items() if row.page is not None]
    for number, (name, row, change) in enumerate(rows):

        def fault(question, page, change=change):
            return replace(page, body=change(Catalogue._written(page).encode()))

        good = [
            iso_record(10 * number + n, title=f"{title} {number}")
            for n, title in ((1, "Avant"), (3, "Après"))
        ]
        bad = as_number(10 * number + 2, row.record)
        with catalogue([good[0], bad, good[1]], fault) as server:
            source = portal.source(server.url, name=f"source-{number}")
            portal.harvest(source)
            assert {f"Avant {number}", f"Après {number}"} <= set(portal.found()), name
            assert_as_expected(portal, source, 2, name)


def test_twelve_hundred_equal_titles_get_twelve_hundred_names(portal):
    names = Names(["Zones inondables"] * 1200)
    given = {names.assign("Zones inondables", "source", f"guid-{n}") for n in range(1200)}
    assert len(given) == 1200
