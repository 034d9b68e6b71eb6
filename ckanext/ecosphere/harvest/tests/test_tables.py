"""Tables of the rules: every row is complete, and every name in them can take effect."""

import re

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.links import FOLDER
from ckanext.ecosphere.harvest.normalise import draft
from ckanext.ecosphere.harvest.normalise.draft import normalise, parts
from ckanext.ecosphere.harvest.normalise.draft import rows as rows_of_rules
from ckanext.ecosphere.harvest.record import Link
from ckanext.ecosphere.harvest.tests.making import dataset
from ckanext.ecosphere.vocabularies.phrases import stem
from ckanext.ecosphere.vocabularies.tables import rows as csv_rows

TABLES = sorted(path.stem for path in draft.DATA.glob("*.csv"))
OF_PLACES = ("territory-names", "zone-codes")


def rows(table):
    """Return the rows of a table of the rules, or of those that they
    share with the rest of the suite.
    """
    return tuple(csv_rows(FOLDER / f"{table}.csv")) if table in OF_PLACES else rows_of_rules(table)


@pytest.mark.parametrize("table", [*TABLES, *OF_PLACES])
def test_a_comma_in_a_pattern_does_not_cut_it(table):
    for row in rows(table):
        assert None not in row, row
        assert None not in row.values(), row
        if "pattern" in row:
            re.compile(row["pattern"])


@pytest.mark.parametrize(
    ("table", "column", "group"),
    [
        ("theme-terms", "terms", "weak"),
        ("territory-names", "names", ""),
        ("organisation-kinds", "names", ""),
        ("organisation-names", "names", ""),
        ("crs-names", "names", ""),
        ("inspire-themes", "labels", ""),
    ],
)
def test_no_name_stands_behind_the_same_one(table, column, group):
    names = [
        (row.get(group, ""), " ".join(map(stem, normalise(name).split())))
        for row in rows(table)
        for name in parts(row[column])
    ]
    assert sorted(names) == sorted(set(names))


def test_territories_are_not_named_again():
    listed = {
        normalise(label)
        for concept in voc.get("territories")
        if concept.data["type"] != "autre"
        for label in (concept.label_fr, concept.label_en, *concept.alt_labels)
        if not label.isdigit()
    }
    own = {normalise(name) for row in rows("territory-names") for name in parts(row["names"])}
    assert not own & listed


def test_services_are_not_named_again():
    registry = [concept for concept in voc.get("organisations") if concept.data["kind"] != "ud"]
    listed = {
        normalise(label)
        for concept in registry
        for label in (concept.label_fr, *concept.alt_labels)
    }
    own = {normalise(name) for row in rows("organisation-names") for name in parts(row["names"])}
    assert not own & listed


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.fr/geonetwork/srv/fre/catalog.search#/metadata/1b2c",
        "https://www.example.fr/geonetwork/apps/georchestra/?uuid=1b2c",
        "https://www.example.fr/geosource/srv/fre/main?uuid=1b2c",
    ],
)
def test_a_page_of_geonetwork_shows_the_record_and_is_no_resource(url):
    made = dataset(links=[Link(url, "WWW:LINK", "Catalogue")])
    assert (made.get("resources", []), made.get("source_record")) == ([], url)


@pytest.mark.parametrize("name", ["csv", "WFS", "Shapefile", "GeoJSON"])
def test_names_of_formats_and_protocols_are_no_layers(name):
    (resource,) = dataset(links=[Link("https://example.org/wms", "OGC:WMS", name)])["resources"]
    assert not resource.get("layer_name")
