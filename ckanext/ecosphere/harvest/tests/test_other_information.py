"""Contents of a record without a field of their own: published with the dataset by subject,
or only reported.
"""

import re

import pytest
from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.normalise.draft import rows
from ckanext.ecosphere.harvest.normalise.information import (
    MAX_ROW,
    MAX_TOTAL,
    NOT_PUBLISHED,
    in_words,
)
from ckanext.ecosphere.harvest.record import (
    Constraint,
    Contact,
    Keyword,
    Link,
    Member,
    Resolution,
    Term,
)
from ckanext.ecosphere.harvest.tests.making import result
from ckanext.ecosphere.vocabularies import information

NAMESPACES = (
    'xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"'
)
XML, PAGE = (
    "https://a.fr/srv/fre/xml_iso19139?uuid=1",
    "https://a.fr/srv/fre/catalog.search#/metadata/1",
)


def beside(made):
    return {row["subject"]: row["text"] for row in made.dataset.get("other_information", [])}


def of_document(inner):
    """Return the other information of a record whose identification contains `inner`."""
    title = "<gmd:CI_Citation><gmd:title><gco:CharacterString>T</gco:CharacterString></gmd:title></gmd:CI_Citation>"
    inside = f"<gmd:MD_DataIdentification><gmd:citation>{title}</gmd:citation>{inner}</gmd:MD_DataIdentification>"
    text = f"<gmd:MD_Metadata {NAMESPACES}><gmd:identificationInfo>{inside}</gmd:identificationInfo></gmd:MD_Metadata>"
    made = normalise(read_record(etree.fromstring(text)), Context(fallback_organisation="x"))
    return beside(made), "\n".join(made.unread)


@pytest.mark.parametrize(
    ("fields", "subject", "text"),
    [
        ({"purpose": "Suivre\n\nles crues"}, "purpose", "Suivre\n\nles crues"),
        ({"supplemental_information": "Voir aussi le PPR"}, "supplement", "Voir aussi le PPR"),
        ({"frequency": "asNeeded", "frequency_notes": ["Selon les crues"]}, "maintenance", "Selon les crues"),
        ({"status": "onGoing"}, "maintenance", "Avancement : vivant"),
        ({"status": "historicalArchive"}, "maintenance", "Avancement : archivé"),
        ({"hierarchy_level_name": "Carte dynamique", "title": "Une carte dynamique"}, "content", "Carte dynamique"),
        ({"scales": ["25000", "50000", "100000"]}, "content", "Autre échelle : 1:50000; 1:100000"),
        ({"resolutions": [Resolution("5", "m"), Resolution("20", "m")]}, "content", "Autre résolution : 20 m"),
        ({"unread": ["spatialRepresentationInfo/topologyLevel: geometryOnly"]}, "content", "géométrie sans topologie"),
        ({"unread": ["citation/presentationForm: mapDigital"]}, "edition", "carte numérique"),
        ({"unread": ["metadataIdentifier: abc urn:uuid"]}, "record", "abc"),
        ({"feature_catalogues": ["catalogue-1"]}, "content", "catalogue-1"),
        ({"constraints": [Constraint(kind="legal", use_codes=["copyright"])]}, "restriction", "copyright"),
        ({"keywords": [Keyword("données ouvertes")]}, "keyword", "données ouvertes"),
        ({"keywords": [Keyword("01053", type="place")]}, "keyword", "01053"),
        ({"members": [Member(identifier="autre", association="source")]}, "relation", "source autre"),
        ({"translations": {"purpose": {"en": "Noise"}}}, "translation", "[en] Noise"),
        (
            {"links": [Link(XML, name="Vue XML des métadonnées"), Link(PAGE, name="Vue HTML des métadonnées")]},
            "record",
            XML,
        ),
    ],
)  # fmt: skip
def test_what_has_no_field_stands_under_its_subject(fields, subject, text):
    assert text in beside(result(**fields))[subject]


@pytest.mark.parametrize(
    "note",
    [
        "metadataLinkage/linkage: http://localhost:8080/geonetwork/srv/api/records/abc",
        "codeSpace: urn:uuid",
        "spatial: {{extent:computeSpatialProperty}}",
        "cardinality: 0..1",
    ],
)
def test_what_means_something_to_software_only_is_not_shown(note):
    made = result(unread=[note])
    shown = str(made.dataset.get("other_information", []))
    assert note.partition(": ")[2] not in shown


def test_words_that_are_no_codes_and_addresses_stay():
    text = "GeoNetwork et OpenStreetMap : https://a.fr/geometryOnly/mapDigital"
    assert in_words(text) == text


def test_an_archive_is_not_abandoned():
    assert "status" not in result(status="historicalArchive").dataset


def test_a_party_is_one_line_with_its_role_and_how_it_is_reached():
    owner = Contact(
        "DDT de l'Ain", individual="Anne Martin", role="owner", email="anne.martin@ain.example.org",
        phone="04 74 45 62 37", address=["23 rue Bourgmayer", "01000"], other_emails=["ddt-sig@ain.example.org"],
    )  # fmt: skip
    (line,) = beside(result(contacts=[owner]))["contact"].splitlines()
    reached = "23 rue Bourgmayer 01000 – 04 74 45 62 37 – ddt-sig@ain.example.org"
    assert line == f"DDT de l'Ain (Propriétaire, owner) : {reached}"


def test_names_of_persons_and_how_they_are_reached_are_not_published():
    alone = Contact(
        individual="Anne Martin", role="author", phone="06 00 00 00 00", address=["1 rue des Lilas"]
    )
    made = result(
        metadata_contacts=[alone], contacts=[Contact("DDT de l'Ain", role="pointOfContact")]
    )
    assert not re.search("Martin|06 00|Lilas", str(made.dataset))
    assert any("Anne Martin" in note for note in made.unread)


def test_a_person_within_an_element_without_a_field_is_told_and_not_published():
    found, told = of_document(
        "<gmd:resourceSpecificUsage><gmd:MD_Usage><gmd:specificUsage><gco:CharacterString>Suivi des crues"
        "</gco:CharacterString></gmd:specificUsage><gmd:userContactInfo><gmd:CI_ResponsibleParty><gmd:individualName>"
        "<gco:CharacterString>Anne Martin</gco:CharacterString></gmd:individualName><gmd:organisationName>"
        "<gco:CharacterString>SPC Saône</gco:CharacterString></gmd:organisationName></gmd:CI_ResponsibleParty>"
        "</gmd:userContactInfo></gmd:MD_Usage></gmd:resourceSpecificUsage>"
    )
    assert found["usage"] == "Suivi des crues SPC Saône"
    assert "Anne Martin" not in str(found)
    assert "Anne Martin" in told


def test_passwords_and_refused_links_are_not_published():
    links = [Link("javascript:alert(1)", name="Piège"), Link("DB:POSTGIS", "DB:POSTGIS", "base")]
    made = result(links=links, translations={"purpose": {"en": "https://moi:secret@a.fr/x"}})
    assert "secret" not in str(made.dataset)
    assert "javascript" not in str(made.dataset)
    assert beside(made)["translation"] == "[en] https://a.fr/x"


def test_a_text_that_denies_a_limit_is_kept_when_another_names_one():
    limit = Term(
        "L124-4-I-1 du code de l'environnement (Directive 2007/2/CE (INSPIRE), Article 13.1.d)"
    )
    free = Term(
        "Aucun des articles de la loi ne peut être invoqué pour justifier d'une restriction d'accès public."
    )
    block = Constraint(kind="legal", access_codes=["otherRestrictions"], other=[limit, free])
    assert beside(result(constraints=[block]))["restriction"] == free.text


def test_rows_are_bounded_and_short_ones_go_first():
    made = result(
        purpose="a" * 50_000, supplemental_information="Court", frequency_notes=["b" * 50_000]
    )
    found = beside(made)
    assert found["supplement"] == "Court"
    assert all(len(text.encode()) <= MAX_ROW for text in found.values())
    assert sum(len(text.encode()) for text in found.values()) <= MAX_TOTAL


def test_the_table_names_subjects_of_the_list():
    subjects = {row["subject"] for row in rows("information-subjects")}
    assert subjects - {NOT_PUBLISHED} <= {concept.id for concept in voc.get("information-subject")}
    assert all(re.compile(row["pattern"]) for row in rows("information-subjects"))


@pytest.mark.parametrize(
    "row",
    [
        {"subject": "purpose", "text": "Prévenir : cartes.\n\nAussi ailleurs."},
        {"text": "Sans sujet"},
        {"subject": "usage", "text": "Usages connus : un"},
    ],
)
def test_a_row_written_as_a_text_comes_back(row):
    assert information.row_of(information.written(row)) == row


def test_attributes_of_an_embedded_feature_catalogue_stand_on_lines_of_their_own():
    attributes = "".join(
        f"<gfc:carrierOfCharacteristics><gfc:FC_FeatureAttribute><gfc:memberName>{name}</gfc:memberName>{more}"
        "</gfc:FC_FeatureAttribute></gfc:carrierOfCharacteristics>"
        for name, more in (
            (
                "nature",
                "<gfc:definition><gco:CharacterString>Type de zone</gco:CharacterString></gfc:definition>"
                "<gfc:cardinality>1</gfc:cardinality>"
                "<gfc:listedValue><gfc:FC_ListedValue><gfc:label>Tourbière</gfc:label><gfc:code>T</gfc:code>"
                "</gfc:FC_ListedValue></gfc:listedValue><gfc:valueType><gco:TypeName>texte</gco:TypeName></gfc:valueType>",
            ),
            (
                "surface",
                "<gfc:definition>surface</gfc:definition><gfc:cardinality>0..1</gfc:cardinality>",
            ),
            ("", "<gfc:valueType>texte</gfc:valueType>"),
        )
    )
    text = (
        f'<gmd:MD_Metadata {NAMESPACES} xmlns:gfc="http://www.isotc211.org/2005/gfc"><gmd:identificationInfo>'
        "<gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>T</gco:CharacterString>"
        "</gmd:title></gmd:CI_Citation></gmd:citation></gmd:MD_DataIdentification></gmd:identificationInfo>"
        "<gmd:contentInfo><gmd:MD_FeatureCatalogue><gmd:featureCatalogue><gfc:FC_FeatureCatalogue><gfc:featureType>"
        f"<gfc:FC_FeatureType><gfc:typeName>Zones</gfc:typeName><gfc:isAbstract>false</gfc:isAbstract>{attributes}"
        "</gfc:FC_FeatureType></gfc:featureType></gfc:FC_FeatureCatalogue></gmd:featureCatalogue>"
        "</gmd:MD_FeatureCatalogue></gmd:contentInfo></gmd:MD_Metadata>"
    )
    made = normalise(read_record(etree.fromstring(text)), Context(fallback_organisation="x"))
    assert beside(made)["content"].splitlines() == [
        "Catalogue d'attributs : Zones",
        "nature (texte) : Type de zone ; T = Tourbière",
        "surface : facultatif",
        "(texte)",
    ]  # fmt: skip
