"""Every text of a record is in the dataset or reported: small records of our own,
one per cause of loss.
"""

import pytest
from lxml import etree

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.normalise.draft import is_placeholder
from ckanext.ecosphere.harvest.normalise.texts import plain_text
from ckanext.ecosphere.harvest.record import (
    Conformity,
    Constraint,
    Contact,
    Dated,
    Format,
    Keyword,
    Link,
    Term,
)
from ckanext.ecosphere.harvest.sources.base import PageError
from ckanext.ecosphere.harvest.tests.making import codes, result

ATOM = "http://atom.geo-ide.developpement-durable.gouv.fr/atomArchive/GetResource?id=fr-1&dataType=datasets"


def resources(*links, **fields):
    return result(links=list(links), **fields).dataset["resources"]


def told(made):
    return "\n".join(made.unread)


# --- formats -------------------------------------------------------------------------------------


def test_of_several_formats_a_download_without_one_gets_the_first_and_names_all():
    formats = [Format("ESRI Shapefile"), Format("MapInfo TAB")]
    (made,) = resources(Link("http://a.fr/donnees/42", "WWW:DOWNLOAD"), formats=formats)
    assert made["format"] == "SHP"
    assert made["description"] == "Formats : SHP, MapInfo"


def test_an_archive_format_fills_a_download_without_one():
    (made,) = resources(Link("http://a.fr/donnees/42", "WWW:DOWNLOAD"), formats=[Format("ZIP")])
    assert made["format"] == "ZIP"


def test_a_feed_names_the_formats_of_its_entries_when_nothing_else_gives_data():
    (feed,) = resources(
        Link("http://a.fr/atom/x.xml", "ATOM", "Flux"), formats=[Format("ESRI Shapefile")]
    )
    assert (feed["format"], feed["description"]) == ("Atom Feed", "Formats : SHP")


def test_a_format_that_no_link_has_is_told_with_its_version():
    made = result(
        links=[Link("http://a.fr/wms?service=WMS", "OGC:WMS")],
        formats=[Format("ESRI Shapefile", "1.0")],
    )
    assert "distributionFormat: ESRI Shapefile 1.0" in told(made)


@pytest.mark.parametrize(
    ("end", "format"), [("plu-shp.zip", "SHP"), ("plu_mif.zip", "MapInfo"), ("plu.zip", "ZIP")]
)
def test_the_name_of_an_archive_tells_the_format_within(end, format):
    (made,) = resources(Link(f"http://a.fr/{end}", "WWW:DOWNLOAD"))
    assert made["format"] == format


# --- links ---------------------------------------------------------------------------------------


def test_an_export_is_a_download_whatever_protocol_is_declared():
    (made,) = resources(Link(ATOM, "OGC:WMS", "Export"))
    assert (made["resource_role"], made["protocol"]) == ("data", "HTTP:DOWNLOAD")


def test_a_file_among_the_links_to_the_metadata_stays_a_resource():
    link = Link(
        "http://a.fr/donnees.zip", "WWW:LINK", units_of_distribution="Accès aux métadonnées"
    )
    (made,) = resources(link)
    assert made["resource_role"] == "data"


def test_an_escaped_query_is_read_and_no_second_resource():
    plain, escaped = (
        "http://a.fr/ows?service=WMS&request=GetCapabilities",
        "http://a.fr/ows?service%3DWMS%26request%3DGetCapabilities",
    )
    (made,) = resources(Link(plain, "OGC:WMS"), Link(escaped, None))
    assert made["protocol"] == "OGC:WMS"


def test_a_dictionary_of_attributes_is_documentation_and_a_scan_may_be_the_data():
    (made,) = resources(
        Link("http://a.fr/attributs.csv", "WWW:DOWNLOAD", "Dictionnaire des attributs")
    )
    assert made["resource_role"] == "documentation"
    (scan,) = resources(
        Link("http://a.fr/carte.pdf", "WWW:DOWNLOAD", "Carte"), formats=[Format("PDF")]
    )
    assert scan["resource_role"] == "data"


def test_a_map_is_no_service():
    assert result(hierarchy_level="staticMap").dataset["dcat_type"].endswith("dataset")


def test_the_name_of_a_table_tells_its_departement():
    made = result(title="N_ZONE_BRUIT_S_087").dataset
    assert made["territory"] == ["http://id.insee.fr/geo/departement/87"]


# --- words ---------------------------------------------------------------------------------------


def test_what_is_left_of_an_understood_sentence_is_kept():
    text = "Pas de restriction d'accès public, hors zones militaires classées"
    made = result(
        constraints=[Constraint("legal", access_codes=["otherRestrictions"], other=[Term(text)])]
    )
    assert made.dataset["access_conditions"] == text


def test_a_text_beside_an_access_right_is_kept():
    right = "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
    made = result(
        constraints=[Constraint("legal", other=[Term("Réservé aux agents habilités", right)])]
    )
    assert made.dataset["access_conditions"] == "Réservé aux agents habilités"


def test_cells_of_a_table_do_not_stick_together():
    assert plain_text("<table><tr><td>zone</td><td>rouge</td></tr></table>") == "zone rouge"


@pytest.mark.parametrize(
    "text",
    [
        "-- Titre d'une spécification de données --",
        "Copy of record 4f2a created at 2024-01-02T03:04:05",
        "${title}",
    ],
)
def test_texts_of_templates_say_nothing(text):
    assert is_placeholder(text)


def test_a_report_on_a_specification_that_nobody_wrote_is_told_with_its_date():
    report = Conformity(
        title="-- Titre d'une spécification --",
        dates=[Dated("2000-01-01", "publication")],
        degree=True,
    )
    made = result(conformity=[report])
    assert not made.dataset.get("conformity")
    assert "report: -- Titre d'une spécification --; 2000-01-01" in told(made)


def test_a_name_that_is_a_form_s_own_is_told():
    own = "Organisation propriétaire de la données"
    assert own in told(
        result(contacts=[Contact(own, role="pointOfContact", email="sig@exemple.fr")])
    )


def test_the_words_by_which_nothing_limits_access_stand_in_the_log():
    text = "Aucune contrainte d'accès à l'application."
    made = result(
        constraints=[Constraint("legal", access_codes=["otherRestrictions"], other=[Term(text)])]
    )
    assert [change.before for change in made.log if change.field == "access_limitation"] == [text]


def test_a_degree_that_nobody_evaluated_is_none():
    report = Conformity(title="Règlement 1089/2010", degree=False, explanation="Non évalué")
    assert result(conformity=[report]).dataset["conformity"][0]["degree"].endswith("notEvaluated")


def test_a_category_of_high_value_is_known_by_its_label():
    made = result(keywords=[Keyword("Géospatiales", thesaurus="High-value dataset categories")])
    assert made.dataset["hvd_category"] == ["http://data.europa.eu/bna/c_ac64a52d"]


def test_a_licence_of_another_version_is_not_ours_and_its_address_is_kept():
    address = "https://creativecommons.org/licenses/by/3.0/fr/"
    made = result(constraints=[Constraint("legal", use_limitations=[Term("", address)])])
    assert (made.dataset["license_id"], made.dataset["use_conditions"]) == ("other-at", address)
    assert "licence-version" in codes(made)


def test_a_text_is_not_found_across_the_end_of_one_and_the_beginning_of_another():
    made = result(
        contacts=[
            Contact("Agence", individual="Agence Leduc", role="publisher", email="leduc@exemple.fr")
        ]
    )
    assert "Agence Leduc" in told(made)
    alone = result(
        contacts=[
            Contact("Agence", individual="Agence", role="publisher", email="leduc@exemple.fr")
        ]
    )
    assert "individual" not in told(alone)


def test_short_texts_must_stand_by_themselves_to_be_found():
    made = result(
        title="Pauillac", contacts=[Contact("DDT de l'Ain", role="pointOfContact", address=["PAU"])]
    )
    assert "contacts.address: PAU" in told(made)


# --- ISO -----------------------------------------------------------------------------------------

RECORD = """
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
  <gmd:fileIdentifier><gco:CharacterString>a</gco:CharacterString></gmd:fileIdentifier>
  <gmd:identificationInfo><gmd:MD_DataIdentification>
    <gmd:citation><gmd:CI_Citation>
      <gmd:title><gco:CharacterString>Bruit</gco:CharacterString></gmd:title>
      <gmd:presentationForm>
        <gmd:CI_PresentationFormCode codeList="x" codeListValue="mapDigital">Carte</gmd:CI_PresentationFormCode>
      </gmd:presentationForm>
      <gmd:series><gmd:CI_Series>
        <gmd:name><gco:CharacterString>Cahiers du bruit</gco:CharacterString></gmd:name>
        <gmd:issueIdentification><gco:CharacterString>numéro 12</gco:CharacterString></gmd:issueIdentification>
      </gmd:CI_Series></gmd:series>
    </gmd:CI_Citation></gmd:citation>
    <gmd:pointOfContact><gmd:CI_ResponsibleParty>
      <gmd:contactInfo><gmd:CI_Contact>
        <gmd:phone><gmd:CI_Telephone>
          <gmd:facsimile><gco:CharacterString>01 02 03 04 05</gco:CharacterString></gmd:facsimile>
        </gmd:CI_Telephone></gmd:phone>
        <gmd:hoursOfService><gco:CharacterString>le matin</gco:CharacterString></gmd:hoursOfService>
      </gmd:CI_Contact></gmd:contactInfo>
    </gmd:CI_ResponsibleParty></gmd:pointOfContact>
    <gmd:descriptiveKeywords><gmd:MD_Keywords>
      <gmd:keyword><gco:CharacterString>bruit</gco:CharacterString></gmd:keyword>
      <gmd:thesaurusName><gmd:CI_Citation>
        <gmd:title><gco:CharacterString>Thésaurus du son</gco:CharacterString></gmd:title>
        <gmd:edition><gco:CharacterString>3e</gco:CharacterString></gmd:edition>
      </gmd:CI_Citation></gmd:thesaurusName>
    </gmd:MD_Keywords></gmd:descriptiveKeywords>
  </gmd:MD_DataIdentification></gmd:identificationInfo>
</gmd:MD_Metadata>"""


@pytest.mark.parametrize(
    "text", ["numéro 12", "01 02 03 04 05", "le matin", "Thésaurus du son 3e", "Carte mapDigital"]
)
def test_what_has_no_field_is_told(text):
    made = normalise(read_record(etree.fromstring(RECORD)), Context(fallback_organisation="x"))
    assert text in told(made)


TELEPHONES = """
<mdb:MD_Metadata xmlns:mdb="http://standards.iso.org/iso/19115/-3/mdb/2.0"
  xmlns:cit="http://standards.iso.org/iso/19115/-3/cit/2.0" xmlns:gco="http://standards.iso.org/iso/19115/-3/gco/1.0"
  xmlns:gcx="http://standards.iso.org/iso/19115/-3/gcx/1.0" xmlns:xlink="http://www.w3.org/1999/xlink">
  <mdb:contact><cit:CI_Responsibility>
    <cit:role><cit:CI_RoleCode codeList="x" codeListValue="pointOfContact"/></cit:role>
    <cit:party><cit:CI_Organisation>
      <cit:name><gco:CharacterString>DDT de l'Ain</gco:CharacterString></cit:name>
      <cit:contactInfo><cit:CI_Contact>
        <cit:phone><cit:CI_Telephone>
          <cit:number><gco:CharacterString>04 74 00 00 02</gco:CharacterString></cit:number>
          <cit:numberType><cit:CI_TelephoneTypeCode codeList="x" codeListValue="facsimile"/></cit:numberType>
        </cit:CI_Telephone></cit:phone>
        <cit:phone><cit:CI_Telephone>
          <cit:number><gco:CharacterString>04 74 00 00 01</gco:CharacterString></cit:number>
          <cit:numberType><cit:CI_TelephoneTypeCode codeList="x" codeListValue="voice"/></cit:numberType>
        </cit:CI_Telephone></cit:phone>
        <cit:address><cit:CI_Address><cit:deliveryPoint>
          <gcx:Anchor xlink:href="http://a.fr/adresses/1">23 rue Bourgmayer</gcx:Anchor>
        </cit:deliveryPoint></cit:CI_Address></cit:address>
      </cit:CI_Contact></cit:contactInfo>
    </cit:CI_Organisation></cit:party>
  </cit:CI_Responsibility></mdb:contact>
  <mdb:identificationInfo/>
</mdb:MD_Metadata>"""


def test_a_fax_of_iso_19115_3_is_told_and_is_no_telephone_and_so_is_the_address_of_an_address():
    record = read_record(etree.fromstring(TELEPHONES))
    (contact,) = record.metadata_contacts
    assert (contact.phone, contact.address) == ("04 74 00 00 01", ["23 rue Bourgmayer"])
    assert any("04 74 00 00 02" in note for note in record.unread)
    assert any("http://a.fr/adresses/1" in note for note in record.unread)


# --- RDF -----------------------------------------------------------------------------------------

PREFIXES = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix prov: <http://www.w3.org/ns/prov#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
DATASET = """
<http://a.fr/d> a dcat:Dataset ; dct:title "Bruit"@fr, "Noise"@en ;
  dct:subject <http://inspire.ec.europa.eu/metadata-codelist/TopicCategory/environment> ;
  prov:qualifiedAttribution [ prov:agent [ foaf:name "Cerema" ] ; dcat:hadRole <http://a.fr/roles/processor> ] ;
  dcat:distribution [ dcat:accessURL <http://a.fr/page> ; dcat:downloadURL <http://a.fr/x.csv> ;
    dct:issued "2024-01-02"^^xsd:date ; dct:modified "2024-03-04"^^xsd:date ] .
"""


def of_rdf(text, content_type="text/turtle"):
    graph = rdf.parse(text.encode(), content_type, 2**20, "http://a.fr/feed")
    (subject,) = rdf.datasets(graph)
    record = read_dataset(*rdf.from_text(rdf.as_text(rdf.around(graph, subject), subject)))
    return normalise(record, Context(fallback_organisation="x"))


def test_a_distribution_keeps_its_page_and_its_days():
    (made,) = of_rdf(PREFIXES + DATASET).dataset["resources"]
    assert (made["url"], made["access_url"]) == ("http://a.fr/x.csv", "http://a.fr/page")
    assert (made["issued"], made["modified"]) == ("2024-01-02", "2024-03-04")


def test_other_parties_topics_and_translations_are_read_or_told():
    made = of_rdf(PREFIXES + DATASET)
    assert made.dataset["qualified_attribution"][0]["agent"][0]["name"] == "Cerema"
    assert made.dataset["topic_category"][0].endswith("environment")
    assert made.dataset["title_translated"] == {"en": "Noise", "fr": "Bruit"}


def test_the_day_of_a_document_is_told_though_the_data_are_of_the_same_day():
    day = '"2024-03-04T10:00:00"^^xsd:dateTime'
    page = f" ; dct:modified {day} ; foaf:page [ a foaf:Document ; dct:title 'Notice' ; dct:modified {day} ] ."
    made = of_rdf(PREFIXES + '<http://a.fr/d> a dcat:Dataset ; dct:title "Bruit"' + page)
    assert made.dataset["modified"] == "2024-03-04"
    assert "page/modified: 2024-03-04T10:00:00" in made.unread


def test_a_shape_over_the_180th_meridian_is_kept_by_its_box():
    ring = "POLYGON((159 -25, 159 -11, 212 -11, 212 -25, 159 -25))"
    shape = f'[ dct:title "P" ; <http://www.w3.org/ns/locn#geometry> "{ring}" ]'
    made = of_rdf(
        PREFIXES + f'<http://a.fr/d> a dcat:Dataset ; dct:title "Pacifique" ; dct:spatial {shape} .'
    )
    [extent] = made.dataset["spatial_coverage"]
    assert extent["bbox"].startswith(
        '{"type": "MultiPolygon", "coordinates": [[[[159.0, -25.0], [180.0'
    )
    assert "-148.0" in extent["bbox"]


def test_of_two_geometries_of_a_place_the_second_is_told():
    far, near = "POLYGON((50 -20, 60 -20, 60 -10, 50 -20))", "POLYGON((4 45, 6 45, 6 46, 4 45))"
    text = f"""<http://a.fr/d> a dcat:Dataset ; dct:title "Bruit" ; dct:spatial [
      dcat:bbox "{near}" ; <http://www.w3.org/ns/locn#geometry> "{far}" ] ."""
    made = of_rdf(PREFIXES + text)
    assert told(made).count("POLYGON") == 1


def test_a_data_service_has_its_address_and_its_description():
    service = """<http://a.fr/s> a dcat:DataService ; dct:title "API" ;
      dcat:endpointURL <http://a.fr/api> ; dcat:endpointDescription <http://a.fr/api/openapi.json> ."""
    made = of_rdf(PREFIXES + service).dataset
    assert (made["endpoint_url"], made["endpoint_description"]) == (
        ["http://a.fr/api"],
        "http://a.fr/api/openapi.json",
    )


def test_what_the_record_of_a_catalogue_is_about_is_a_dataset():
    text = '<http://a.fr/r> a dcat:CatalogRecord ; foaf:primaryTopic <http://a.fr/d> . <http://a.fr/d> dct:title "Bruit" .'
    assert of_rdf(PREFIXES + text).dataset["title"] == "Bruit"


def test_the_identifier_of_the_data_is_kept_beside_those_of_two_catalogue_records():
    text = """<http://a.fr/d> a dcat:Dataset ; dct:title "Bruit" ; dct:identifier "bruit-2024" .
      <http://a.fr/r1> a dcat:CatalogRecord ; foaf:primaryTopic <http://a.fr/d> ; dct:identifier "fiche-1" .
      <http://a.fr/r2> a dcat:CatalogRecord ; foaf:primaryTopic <http://a.fr/d> ; dct:identifier "fiche-2" ."""
    made = of_rdf(PREFIXES + text).dataset
    assert made["metadata_identifier"] == "fiche-2"
    assert made["identifier"] == "bruit-2024"


def test_a_file_whose_root_is_a_node_is_read():
    text = """<dcat:Dataset xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about="http://a.fr/d"
      xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:dct="http://purl.org/dc/terms/"><dct:title>Bruit</dct:title></dcat:Dataset>"""
    assert of_rdf(text, "application/rdf+xml").dataset["title"] == "Bruit"
    with pytest.raises(PageError):
        rdf.parse(b"<Record/>", "application/xml", 2**20)


def test_a_statement_of_rights_in_rdf_is_read_from_its_description_and_no_blank_node_is_a_condition():
    feed = """@prefix dct: <http://purl.org/dc/terms/> . @prefix dcat: <http://www.w3.org/ns/dcat#> .
    <https://a.fr/1> a dcat:Dataset ; dct:title "T" ;
      dct:rights [ a dct:RightsStatement ; dct:description "Licence Ouverte version 2.0" ] ,
        [ a dct:RightsStatement ] ."""
    graph = rdf.parse(feed.encode(), "text/turtle", 2**20, "https://a.fr/")
    (subject,) = rdf.datasets(graph)
    made = normalise(read_dataset(graph, subject), Context(fallback_organisation="x"))
    assert made.dataset["license_id"] == "etalab-2.0"
    assert "use_conditions" not in made.dataset
