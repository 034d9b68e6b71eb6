"""Peculiarities of older catalogues, copies and ArcGIS portals, in synthetic records."""

from typing import Any

import pytest
from rdflib import Graph, URIRef

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import Constraint, Contact, Format, Keyword, Link, Term
from ckanext.ecosphere.harvest.tests.making import FALLBACK, codes, dataset, ids, result

SUBJECT = URIRef("https://example.org/d")
PREFIXES = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix vcard: <http://www.w3.org/2006/vcard/ns#> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix pod: <https://project-open-data.cio.gov/v1.1/schema#> . @prefix adms: <http://www.w3.org/ns/adms#> .
@prefix dqv: <http://www.w3.org/ns/dqv#> . @prefix geodcat: <http://data.europa.eu/930/> .
@prefix org: <http://www.w3.org/ns/org#> . @prefix prov: <http://www.w3.org/ns/prov#> .
"""


def made_of(statements: str):
    """Normalise a dataset with the given statements in Turtle."""
    text = f'{PREFIXES}<{SUBJECT}> a dcat:Dataset ; dct:title "Zones humides" ; {statements} .'
    record = read_dataset(Graph().parse(data=text, format="turtle"), SUBJECT)
    return normalise(record, Context(fallback_organisation=FALLBACK))


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Copy of record PPRI de la Veyle created at 2024-09-06 10:40:28", "PPRI de la Veyle"),
        ("Copy of template PPRI de la Veyle created at 2024-09-06T10:40:28", "PPRI de la Veyle"),
        ("Copie de la fiche PPRI de la Veyle créée le 06/09/2024 10:40", "PPRI de la Veyle"),
        ("Copy of record 4f2a created at 2024-01-02T03:04:05", "ID 26"),
        ("Copy of record 6f1b2c3d-0a1b-4c2d-9e8f-001122334455 created at 2024-01-02", "ID 26"),
        ("Copy of the plan created at home", "Copy of the plan created at home"),
    ],
)
def test_a_copy_keeps_the_title_of_what_it_was_copied_from(written, title):
    made = result(title=written, alternate_titles=["ID 26"])
    assert made.dataset["title"] == title
    assert ("title-of-copy" in codes(made)) == (title == "PPRI de la Veyle")
    assert made.dataset.get("alternate_title", []) == ([] if title == "ID 26" else ["ID 26"])


@pytest.mark.parametrize(
    ("level", "right"),
    [("public", "PUBLIC"), ("restricted public", "RESTRICTED"), ("non-public", "NON_PUBLIC")],
)
def test_the_level_of_access_of_dcat_us_is_an_access_right(level, right):
    made = made_of(f'pod:accessLevel "{level}"')
    assert voc.get("access-right")[made.dataset["access_rights"]].id == right


def test_an_unknown_level_of_access_is_told():
    made = made_of('pod:accessLevel "for members"')
    assert "access_rights" not in made.dataset
    assert [note for note in made.unread if "for members" in note]


def test_codes_and_dates_of_older_geonetwork_are_read():
    made = made_of(
        'dct:accrualPeriodicity "http://purl.org/cld/freq/irregular" ; dct:updated "2022-02-14"'
    )
    assert made.dataset["frequency"].endswith("/IRREG")
    assert made.dataset["modified"] == "2022-02-14"


def test_an_organisation_that_is_not_described_has_the_name_in_its_address():
    address = "https://example.org/geonetwork/srv/eng/catalog.search#/metadata//organizations/DDT%20de%20l%27Ain"
    made = made_of(f"dct:publisher <{address}>")
    assert made.dataset["publisher"][0]["name"] == "DDT de l'Ain"
    assert made.dataset["owner_org"] == "ddt-01053-01"
    unnamed = made_of("dct:publisher <https://example.org/organizations/12>")
    assert "organisation-missing" in codes(unnamed)


def test_of_unknown_parties_in_rdf_the_publisher_is_told():
    made = made_of(
        'dcat:contactPoint [ vcard:fn "Claude Martin" ] ; dct:publisher [ foaf:name "Agence du Val" ]'
    )
    told = [
        problem.params["name"]
        for problem in made.problems
        if problem.code == "organisation-unknown"
    ]
    assert told == ["Agence du Val"]
    of_iso = result(contacts=[Contact(organisation="Bureau du Val", role="pointOfContact")])
    assert [
        problem.params for problem in of_iso.problems if problem.code == "organisation-unknown"
    ] == [{"name": "Bureau du Val"}]


def kept_and_imported(text: str) -> dict[str, Any]:
    """Return the only dataset of a graph in Turtle, as stored
    between the gather and import stages.
    """
    graph = rdf.parse(text.encode(), "text/turtle", 10_000)
    [subject] = rdf.datasets(graph)
    kept = rdf.from_text(rdf.as_text(rdf.around(graph, subject), subject))
    return normalise(read_dataset(*kept), Context(fallback_organisation=FALLBACK)).dataset


def test_a_record_without_a_type_is_the_dataset_that_its_catalogue_entry_is_on():
    text = f"""{PREFIXES} [] dct:title "Pressions sur la biodiversité" ; dct:created "2023-10-10" ;
      foaf:isPrimaryTopicOf [ a dcat:CatalogRecord ; dct:identifier "24f2" ; dct:modified "2023-12-05" ] .
      [] foaf:isPrimaryTopicOf [ a dcat:CatalogRecord ] .
      [] a foaf:Person ; dct:title "Mme" ; foaf:isPrimaryTopicOf [ a dcat:CatalogRecord ] ."""
    made = kept_and_imported(text)
    assert (made["title"], made["created"], made["metadata_identifier"]) == (
        "Pressions sur la biodiversité", "2023-10-10", "24f2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "denominator"),
    [("0.0002", 5000), ("4.0E-5", 25000), ("0.00004", 25000), ("0", None), ("25000", None)],
)
def test_a_scale_stated_as_a_measured_quality_is_one(value, denominator):
    made = made_of(
        f'dqv:hasQualityMeasurement [ dqv:isMeasurementOf geodcat:spatialResolutionAsScale ; dqv:value "{value}" ]'
    )
    assert made.dataset.get("scale_denominator") == (str(denominator) if denominator else None)


def test_another_measured_quality_is_no_scale():
    made = made_of("dqv:hasQualityMeasurement [ dqv:isMeasurementOf geodcat:spatialResolutionAsAngularDistance ;"
                   ' dqv:value "0.0002" ]')  # fmt: skip
    assert "scale_denominator" not in made.dataset


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        ("http://publications.europa.eu/resource/authority/dataset-status/COMPLETED", "COMPLETED"),
        ("http://publications.europa.eu/resource/authority/dataset-status/WITHDRAWN", "WITHDRAWN"),
        (
            "http://registre.data.developpement-durable.gouv.fr/plume/ISO19139ProgressCode/underDevelopment",
            "DEVELOP",
        ),
        (
            "http://registre.data.developpement-durable.gouv.fr/plume/ISO19139ProgressCode/onGoing",
            None,
        ),
    ],
)
def test_the_status_of_rdf_is_read_in_both_lists(stated, status):
    made = made_of(f"adms:status <{stated}>")
    assert made.dataset.get("status", "").rpartition("/")[2] == (status or "")
    assert status or [note for note in made.unread if "vivant" in note]


def test_a_person_stands_for_the_service_that_it_is_a_member_of():
    agent = '[ a foaf:Person ; foaf:name "Claude Martin" ; org:memberOf [ foaf:name "DDT de l\\\'Ain" ] ; '
    made = made_of(f"dct:creator {agent} foaf:mbox <mailto:c.martin@ain.gouv.fr> ]")
    assert made.dataset["creator"] == [{"name": "DDT de l'Ain", "email": "c.martin@ain.gouv.fr"}]
    assert made.dataset["owner_org"] == "ddt-01053-01"
    unit = made_of(
        'dct:creator [ a foaf:Organization ; foaf:name "Bureau du bruit" ; org:memberOf [ foaf:name "SDES" ] ]'
    )
    assert unit.dataset["creator"] == [{"name": "Bureau du bruit"}]


@pytest.mark.parametrize("predicate", ["dct:rights_holder", "dct:rightsHolder"])
def test_who_holds_the_rights_is_read_under_the_name_of_a_field_of_ckan_too(predicate):
    made = made_of(f'{predicate} [ a foaf:Organization ; foaf:name "DDT 74" ]')
    assert made.dataset["creator"] == [{"name": "DDT 74"}]
    assert made.dataset["owner_org"] == "ddt-74010-01"


def test_the_page_of_an_attribute_catalogue_is_not_that_of_the_record():
    base = "http://catalogue.geo-ide.developpement-durable.gouv.fr/catalogue/srv/fre/catalog.search#/metadata"
    own, attributes = f"{base}/fr-120066022-jdd-0a3ba9b5", f"{base}/fr-120066022-ca-jdd-0a3ba9b5"
    made = made_of(f"dcat:landingPage <{own}> ; foaf:page <{attributes}>").dataset
    assert made["source_record"] == own
    assert [(r["url"], r["resource_role"]) for r in made["resources"]] == [
        (attributes, "documentation")
    ]


@pytest.mark.parametrize(
    ("degree", "description", "kept"),
    [
        ("conformant", "", "conformant"),
        ("notConformant", "See the specification", "notConformant"),
        ("notConformant", "Non évalué", "notEvaluated"),
        ("notEvaluated", "", "notEvaluated"),
    ],
)
def test_a_test_of_conformity_is_one(degree, description, kept):
    code = f"<http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/{degree}>"
    made = made_of(
        'dct:conformsTo [ dct:title "Géostandard PPR" ] ; prov:wasUsedBy [ a prov:Activity ; '
        'prov:qualifiedAssociation [ prov:hadPlan [ prov:wasDerivedFrom [ dct:title "Géostandard bruit" ; '
        f'dct:created "2012-01-16" ] ] ] ; prov:generated [ dct:type {code} ; dct:description "{description}"@fr ] ]'
    )
    first, second = made.dataset["conformity"]
    assert (first["specification"], first["degree"].rpartition("/")[2]) == (
        "Géostandard PPR",
        "conformant",
    )
    assert (second["specification"], second["date"]) == ("Géostandard bruit", "2012-01-16")
    assert second["degree"].rpartition("/")[2] == kept


def test_a_specification_under_both_terms_is_one_report():
    law = "<http://data.europa.eu/eli/reg/2010/1089>"
    made = made_of(
        f"dct:conformsTo {law} ; prov:wasUsedBy [ prov:qualifiedAssociation [ prov:hadPlan [ "
        f'dct:title "Règlement 1089/2010" ; prov:wasDerivedFrom {law} ] ] ; prov:generated [ dct:type '
        "<http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/conformant> ] ]"
    )
    assert [row["specification"] for row in made.dataset["conformity"]] == ["Règlement 1089/2010"]
    assert made_of("prov:wasUsedBy [ prov:generated [ ] ]").dataset.get("conformity", []) == []


def test_what_geonetwork_4_writes_beside_a_dataset_is_of_that_dataset():
    base = "http://catalogue.example.org/srv/resources"
    text = f"""{PREFIXES} <http://catalogue.example.org/records/257f> a dcat:CatalogRecord ; dct:modified "2021-02-08" ;
      foaf:primaryTopic <{base}/https%3A%2F%2Fexample.org%2Faccidents> .
      <http://catalogue.example.org/records/other> a dcat:CatalogRecord ; dct:modified "2020-01-01" ;
      foaf:primaryTopic <{base}/https%3A%2F%2Fexample.org%2Fothers> .
      <{base}/datasets/https://example.org/accidents> a dcat:Dataset ; dct:title "Accidents" ;
      dct:identifier "https://example.org/accidents" ; foaf:thumbnail <https://example.org/accidents.jpg> ;
      dcat:dataQuality "Relevés de la gendarmerie" ; dct:publisher <{base}/organizations/a> .
      <{base}/organizations/a> a foaf:Organization ; foaf:name "Agence" ; foaf:member <{base}/persons/b> .
      <{base}/persons/b> foaf:mbox <mailto:b@example.org> ."""
    made = kept_and_imported(text)
    assert (made["metadata_date"], made["preview_image"], made["provenance"]) == (
        "2021-02-08", "https://example.org/accidents.jpg", "Relevés de la gendarmerie",
    )  # fmt: skip
    assert made["publisher"][0]["email"] == "b@example.org"


def test_what_a_period_is_about_is_told():
    body = """<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"
      xmlns:gml="http://www.opengis.net/gml"><gmd:identificationInfo><gmd:MD_DataIdentification>
      <gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>Zones</gco:CharacterString></gmd:title>
      </gmd:CI_Citation></gmd:citation><gmd:extent><gmd:EX_Extent><gmd:temporalElement><gmd:EX_TemporalExtent>
      <gmd:extent><gml:TimePeriod gml:id="p"><gml:description>campagne de mesure</gml:description>
      <gml:beginPosition>2007-01-01</gml:beginPosition><gml:endPosition>2014-12-31</gml:endPosition></gml:TimePeriod>
      </gmd:extent></gmd:EX_TemporalExtent></gmd:temporalElement></gmd:EX_Extent></gmd:extent>
      </gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"""
    [element] = records_in(parse_xml(body.encode()))
    made = normalise(read_record(element), Context(fallback_organisation=FALLBACK))
    assert made.dataset["temporal_coverage"] == [{"start": "2007-01-01", "end": "2014-12-31"}]
    assert [note for note in made.unread if "campagne de mesure" in note]


def test_a_category_of_services_with_a_capital_letter_is_no_subject():
    words = ("InfoFeatureAccessService", "HumanGeographicViewer", "InfoTerre", "InfoRoute")
    made = dataset(keywords=[Keyword(word) for word in words])
    assert [tag["name"] for tag in made["tags"]] == ["InfoTerre", "InfoRoute"]


def test_data_behind_a_page_have_the_format_of_the_record():
    page = Link(
        "https://example.org/telechargement-a802.html",
        "WWW:DOWNLOAD-1.0-http--download",
        "Télécharger",
    )
    [resource] = dataset(links=[page], formats=[Format("ESRI Shapefile")])["resources"]
    assert (resource["resource_role"], resource["format"]) == ("data", "SHP")
    assert "download_url" not in resource
    [without] = dataset(links=[page])["resources"]
    assert without["format"] == "HTML"
    assert "download_url" not in without


def test_an_archive_called_by_a_format_holds_it():
    link = Link(
        "https://example.org/a_0.zip", None, "Shapefile", format="ZIP", media_type="application/zip"
    )
    [resource] = dataset(links=[link])["resources"]
    assert resource["format"] == "SHP"
    assert resource["package_format"].endswith("/application/zip")


def test_a_station_of_measurement_is_no_proof_of_pollution():
    made = dataset(
        title="Réseau de gravimétrie absolue",
        keywords=[
            Keyword(
                "Installations de suivi environnemental",
                thesaurus="GEMET - INSPIRE themes, version 1.0",
            )
        ],
    )
    assert ids("inspire-theme", made["inspire_theme"]) == ["ef"]
    assert "theme" not in made


def test_heritage_is_culture_for_the_union():
    made = dataset(title="Jardins remarquables et lieux culturels")
    assert ids("eu-theme", made["eu_theme"]) == ["EDUC"]


@pytest.mark.parametrize(
    "text",
    ["Généalogie non renseignée", "Provenance non renseignée.", "titre pas encore renseigné"],
)
def test_a_lineage_that_nobody_wrote_is_none(text):
    assert "provenance" not in dataset(lineage=[text])
    assert dataset(lineage=["Source non renseignée avant 2012, levés ensuite"])["provenance"]


def test_a_link_and_a_format_without_their_properties_are_read():
    xml = b"""<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
    <gmd:identificationInfo/><gmd:distributionInfo><gmd:MD_Distribution>
    <gmd:MD_Format><gmd:name><gco:CharacterString>GML</gco:CharacterString></gmd:name></gmd:MD_Format>
    <gmd:transferOptions><gmd:MD_DigitalTransferOptions><gmd:CI_OnlineResource>
    <gmd:linkage><gmd:URL>https://example.org/wfs?</gmd:URL></gmd:linkage>
    <gmd:protocol><gco:CharacterString>OGC:WFS</gco:CharacterString></gmd:protocol>
    </gmd:CI_OnlineResource></gmd:MD_DigitalTransferOptions></gmd:transferOptions>
    </gmd:MD_Distribution></gmd:distributionInfo></gmd:MD_Metadata>"""
    record = read_record(next(iter(records_in(parse_xml(xml)))))
    assert [(link.url, link.protocol) for link in record.links] == [
        ("https://example.org/wfs?", "OGC:WFS")
    ]
    assert [form.name for form in record.formats] == ["GML"]
    assert record.unread == []


def test_the_name_of_an_element_is_no_condition_of_use():
    made = dataset(constraints=[Constraint(kind="legal", use_limitations=[Term("useLimitations")])])
    assert "use_conditions" not in made
