"""Agents, periods, locations and status in RDF, as in GeoDCAT-AP, OWL-Time and ADMS."""

import pytest

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.tests.making import FALLBACK, ids

PREFIXES = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix geodcat: <http://data.europa.eu/930/> .
@prefix time: <http://www.w3.org/2006/time#> . @prefix gsp: <http://www.opengis.net/ont/geosparql#> .
@prefix adms: <http://www.w3.org/ns/adms#> . @prefix locn: <http://www.w3.org/ns/locn#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""


def made(inside):
    text = f'{PREFIXES}<https://ex.org/1> a dcat:Dataset ; dct:title "Zones"@fr ; {inside} .'
    graph = rdf.parse(text.encode(), "text/turtle", 2**20, "https://ex.org/")
    [subject] = rdf.datasets(graph)
    return normalise(read_dataset(graph, subject), Context(fallback_organisation=FALLBACK))


@pytest.mark.parametrize(
    ("role", "field"),
    [
        ("pointOfContact", "contact"),
        ("originator", "creator"),
        ("principalInvestigator", "creator"),
        ("custodian", "qualified_attribution"),
        ("distributor", "qualified_attribution"),
        ("processor", "qualified_attribution"),
        ("resourceProvider", "qualified_attribution"),
        ("user", "qualified_attribution"),
    ],
)
def test_each_role_of_geodcat_is_a_party(role, field):
    [party] = made(
        f'geodcat:{role} [ foaf:name "Cerema" ; foaf:mbox <mailto:a@cerema.fr> ]'
    ).dataset[field]
    told = party["agent"][0] if field == "qualified_attribution" else party
    assert told == {"name": "Cerema", "email": "a@cerema.fr"}
    assert field != "qualified_attribution" or party["role"].endswith(f"/{role}")


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        (
            'time:hasBeginning [ time:inXSDDate "2015-01-01"^^xsd:date ] ; '
            'time:hasEnd [ time:inXSDDateTime "2016-12-31T00:00:00Z"^^xsd:dateTime ]',
            {"start": "2015-01-01", "end": "2016-12-31"},
        ),
        (
            'time:hasBeginning [ a time:Instant ; time:inXSDgYear "2015"^^xsd:gYear ]',
            {"start": "2015"},
        ),
        ('time:hasEnd [ time:inXSDgYearMonth "2015-04"^^xsd:gYearMonth ]', {"end": "2015-04"}),
        (
            'dcat:startDate "2014"^^xsd:gYear ; time:hasEnd [ time:inXSDDate "2015-01-01" ]',
            {"start": "2014", "end": "2015-01-01"},
        ),
    ],
    ids=["days", "year", "month", "both"],
)
def test_a_period_of_owl_time_is_read(inside, kept):
    found = made(f"dct:temporal [ a dct:PeriodOfTime ; {inside} ]")
    assert found.dataset["temporal_coverage"] == [kept]
    assert not [note for note in found.unread if note.startswith("temporal")]


@pytest.mark.parametrize("predicate", ["dcat:bbox", "locn:geometry"])
def test_an_envelope_of_a_place_is_its_box(predicate):
    envelope = (
        '<gml:Envelope srsName=\\"http://www.opengis.net/def/crs/OGC/1.3/CRS84\\"><gml:lowerCorner>4.72 45.61'
        "</gml:lowerCorner><gml:upperCorner>6.18 46.52</gml:upperCorner></gml:Envelope>"
    )
    found = made(f'dct:spatial [ a dct:Location ; {predicate} "{envelope}"^^gsp:gmlLiteral ]')
    assert ids("territories", found.dataset["territory"]) == ["departement-01"]
    assert not [note for note in found.unread if "Envelope" in note]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("http://purl.org/adms/status/UnderDevelopment", "DEVELOP"),
        ("http://purl.org/adms/status/Completed", "COMPLETED"),
        ("http://purl.org/adms/status/Withdrawn", "WITHDRAWN"),
        (
            "http://publications.europa.eu/resource/authority/dataset-status/DEPRECATED",
            "DEPRECATED",
        ),
        ("https://ex.org/codes#superseded", "DEPRECATED"),
        ("https://ex.org/codes#quelconque", None),
    ],
)
def test_a_status_is_one_of_the_eu_of_adms_or_of_iso(address, status):
    found = made(f"adms:status <{address}>")
    assert ids("dataset-status", [found.dataset["status"]] if status else []) == (
        [status] if status else []
    )
    assert status or any("quelconque" in note for note in found.unread)
