"""Rules for services: kind, endpoint and served datasets; and links between records."""

from __future__ import annotations

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import identity
from ckanext.ecosphere.harvest.record import Contact, Link, Member, Operation, Service, Term
from ckanext.ecosphere.harvest.tests.making import dataset, result

WMS = "https://ogc.exemple.fr/wms?map=a"
PARTY = """<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
<gmd:contact><gmd:CI_ResponsibleParty uuid="{}"><gmd:organisationName><gco:CharacterString>DDT</gco:CharacterString>
</gmd:organisationName></gmd:CI_ResponsibleParty></gmd:contact><gmd:identificationInfo/></gmd:MD_Metadata>"""


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("view", "view"),
        ("OGC:WMS", "view"),
        ("WFS", "download"),
        ("OGC:CSW", "discovery"),
        ("Application", None),
    ],
)
def test_a_service_has_its_kind_from_the_directive_or_from_its_protocol(told, kind):
    found = dataset(service=Service(type=told)).get("service_type")
    assert found == (voc.get("service-type")[kind].uri if kind else None)


def test_a_service_answers_where_its_operations_do():
    operation = Operation(
        "GetCapabilities", [Link(WMS, "OGC:WMS"), Link(f"{WMS}&request=GetMap", "OGC:WMS")]
    )
    made = dataset(service=Service(type="view", operations=[operation]))
    assert made["endpoint_url"] == [WMS]
    assert made["endpoint_description"] == f"{WMS}&SERVICE=WMS&REQUEST=GetCapabilities"
    assert "endpoint_url" not in dataset(links=[Link(WMS, "OGC:WMS")])


@pytest.mark.parametrize(
    ("kind", "version", "name", "declared", "protocol"),
    [
        ("view", "1.3.0", "GetCapabilities", None, "OGC:WMS"),
        ("download", "2.0.0", "GetCapabilities", "WWW:LINK-1.0-http--link", "OGC:WFS"),
        ("discovery", "2.0.2", "GetCapabilities", None, "OGC:CSW"),
        ("view", "1.0.0", "GetTile", None, "OGC:WMTS"),
        ("other", "", "DescribeFeatureType", None, "OGC:WFS"),
        ("view", "", "GetCapabilities", "OGC:WMTS", "OGC:WMTS"),
        ("view", "", "GetCapabilities", None, "HTTP"),
    ],
)
def test_what_an_operation_connects_to_is_a_service_and_no_document(
    kind, version, name, declared, protocol
):
    operation = Operation(name, [Link("https://geo.exemple.fr/ppri?", declared)])
    made = dataset(
        service=Service(type=kind, versions=[version] if version else [], operations=[operation])
    )
    [resource] = made["resources"]
    assert (resource["resource_role"], resource["protocol"]) == ("service", protocol)
    assert made["endpoint_url"] == ["https://geo.exemple.fr/ppri"]


def test_a_file_that_an_operation_names_is_no_service():
    operation = Operation("GetCapabilities", [Link("https://geo.exemple.fr/notice.pdf")])
    [resource] = dataset(service=Service(type="view", versions=["1.3.0"], operations=[operation]))[
        "resources"
    ]
    assert resource["resource_role"] == "documentation"


@pytest.mark.parametrize(
    ("text", "href", "identifier"),
    [
        ("jdd-1", "https://exemple.fr/csw?id=x", "jdd-1"),
        ("", "https://exemple.fr/csw?SERVICE=CSW&REQUEST=GetRecordById&ID=jdd-2", "jdd-2"),
        ("", "https://exemple.fr/fiche/3", "https://exemple.fr/fiche/3"),
        ("", "https://exemple.fr/geonetwork/srv/api/records/jdd-4/formatters/xml", "jdd-4"),
        ("", "https://exemple.fr/geonetwork/srv/fre/catalog.search#/metadata/jdd-5", "jdd-5"),
        ("", "https://exemple.fr/geonetwork/srv/fre/xml.metadata.get?uuid=jdd-6&x=y", "jdd-6"),
        ("", "https://exemple.fr/srv#/metadata/1234", "https://exemple.fr/srv#/metadata/1234"),
    ],
)
def test_a_dataset_served_is_known_by_its_identifier_or_its_address(text, href, identifier):
    assert identity.served(Term(text, href)) == identifier


def test_all_datasets_of_a_service_are_kept_up_to_a_limit_that_is_told():
    made = result(service=Service(coupled=[Term(f"jdd-{number}") for number in range(1_200)]))
    assert len(made.dataset["serves_dataset"]) == 1_000
    assert [problem.params["count"] for problem in made.problems if problem.code == "too-many"] == [
        "1200"
    ]


def test_a_cross_reference_by_address_is_kept_and_another_told():
    members = [
        Member("https://hal.exemple.fr/1", association="crossReference"),
        Member("un-autre", association="crossReference"),
    ]
    made = result(members=members)
    assert made.dataset["is_referenced_by"] == ["https://hal.exemple.fr/1"]
    assert any("un-autre" in note for note in made.unread)


def test_the_identifier_of_a_party_is_not_that_of_an_entry_in_a_directory():
    for told, kept in (
        ("13000000000001", "13000000000001"),
        ("d9a9dbe0-6d83-4b0c-9b56-3c7b6f0d1a11", None),
    ):
        (party,) = read_record(parse_xml(PARTY.format(told).encode())).metadata_contacts
        assert party.identifier == kept
    contact = Contact(organisation="DDT", role="pointOfContact", identifier="13000000000001")
    assert dataset(contacts=[contact])["contact"] == [
        {"name": "DDT", "identifier": "13000000000001"}
    ]


def test_a_frequency_named_in_a_note_goes_before_an_unknown_one():
    address = voc.get("frequency")["MONTHLY_3"].uri
    made = result(frequency="unknown", frequency_notes=[address, "Selon les crues"])
    assert made.dataset["frequency"] == address
    assert [note for note in made.unread if "maintenanceNote" in note] == [
        "maintenanceNote: Selon les crues"
    ]
