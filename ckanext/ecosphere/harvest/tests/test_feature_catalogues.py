"""Feature catalogues (ISO 19110) that a source publishes as records of their own."""

import pytest

from ckanext.ecosphere.harvest.normalise.identity import named_catalogues
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record

ID = "fr-120066022-ca-jdd-0000"
CITED = """<gmd:contentInfo><gmd:MD_FeatureCatalogueDescription>
<gmd:featureCatalogueCitation {}/></gmd:MD_FeatureCatalogueDescription></gmd:contentInfo></gmd:MD_Metadata>"""


def dataset(number: int = 1, citation: str = f'uuidref="{ID}"') -> str:
    return iso_record(number).replace("</gmd:MD_Metadata>", CITED.format(citation))


def described(meaning: str = "type de zone", person: str = "Jeanne Martin") -> str:
    return f"""<gfc:FC_FeatureCatalogue xmlns:gfc="http://www.isotc211.org/2005/gfc" uuid="{ID}"
 xmlns:gmx="http://www.isotc211.org/2005/gmx" xmlns:gmd="http://www.isotc211.org/2005/gmd"
 xmlns:gco="http://www.isotc211.org/2005/gco">
 <gmx:name><gco:CharacterString>Zones inondables</gco:CharacterString></gmx:name>
 <gfc:producer><gmd:CI_ResponsibleParty>
  <gmd:individualName><gco:CharacterString>{person}</gco:CharacterString></gmd:individualName>
  <gmd:organisationName><gco:CharacterString>DDT de l'Ain</gco:CharacterString></gmd:organisationName>
 </gmd:CI_ResponsibleParty></gfc:producer>
 <gfc:featureType><gfc:FC_FeatureType><gfc:typeName><gco:LocalName>n_zone_s_001</gco:LocalName></gfc:typeName>
  <gfc:carrierOfCharacteristics><gfc:FC_FeatureAttribute>
   <gfc:memberName><gco:LocalName>nature</gco:LocalName></gfc:memberName>
   <gfc:definition><gco:CharacterString>{meaning}</gco:CharacterString></gfc:definition>
   <gfc:valueType><gco:TypeName><gco:aName><gco:CharacterString>texte</gco:CharacterString></gco:aName></gco:TypeName>
   </gfc:valueType>
   <gfc:listedValue><gfc:FC_ListedValue><gfc:label><gco:CharacterString>aléa fort</gco:CharacterString></gfc:label>
    <gfc:code><gco:CharacterString>F</gco:CharacterString></gfc:code></gfc:FC_ListedValue></gfc:listedValue>
  </gfc:FC_FeatureAttribute></gfc:carrierOfCharacteristics></gfc:FC_FeatureType></gfc:featureType>
</gfc:FC_FeatureCatalogue>"""


def attributes(portal, title: str = "Jeu de données 1") -> str:
    rows = portal.datasets()[title].get("other_information") or []
    return "\n".join(row["text"] for row in rows if row["subject"] == "content")


@pytest.mark.slow("variants")
def test_its_attributes_reach_the_datasets_that_name_it_and_no_dataset_is_made_of_it(portal):
    by_address = (
        f'xlink:href="https://catalogue.example.org/srv/fre/csw?request=GetRecordById&amp;id={ID}"'
    )
    with catalogue([dataset(), described(), dataset(2, by_address), iso_record(3)]) as server:
        source = portal.source(server.url, config={"page_size": 1})
        assert portal.harvest(source) == {"added": 3, "not modified": 1}
        assert portal.records(source)[ID] == "catalogue"
        report = portal.state(source)["facts"]["report"]
        assert report["set_aside"] == {"feature-catalogue": 1}
        assert portal.errors(source) == []
        for title in ("Jeu de données 1", "Jeu de données 2"):
            assert "nature (texte) : type de zone ; F = aléa fort" in attributes(portal, title)
        assert "Jeanne" not in str(portal.datasets())
        assert "nature" not in attributes(portal, "Jeu de données 3")
        assert portal.harvest(source) == {"not modified": 4}

        server.records[1] = described("degré de l'aléa")
        assert portal.harvest(source) == {"not modified": 4}
        assert "nature (texte) : degré de l'aléa" in attributes(portal)
        assert "type de zone" not in attributes(portal)
        assert portal.harvest(source) == {"not modified": 4}

        del server.records[1]
        assert "not modified" in portal.harvest(source)
        assert "degré de l'aléa" in attributes(portal)


def test_a_page_of_nothing_else_is_read(portal):
    with catalogue([described(), dataset()]) as server:
        source = portal.source(server.url, config={"page_size": 1})
        assert portal.harvest(source) == {"added": 1, "not modified": 1}
        assert portal.state(source)["complete"] is True


def test_catalogues_are_named_by_reference_or_address():
    assert named_catalogues('<gmd:featureCatalogueCitation uuidref="a-b"/>') == ["a-b"]
    assert named_catalogues(
        '<mrc:featureCatalogueCitation xlink:href="https://x/csw?id=a%3Ab&amp;v=1"/>'
    ) == ["a:b"]
    assert named_catalogues("<gmd:featureCatalogueCitation/><gmd:title/>") == []
