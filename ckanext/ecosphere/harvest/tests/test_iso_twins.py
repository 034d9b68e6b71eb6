"""A record in ISO 19115-3, as exported by GeoNetwork 4,
gives the same dataset as its equivalent in ISO 19139.
"""

from pathlib import Path

import pytest
from lxml import etree

from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.tests.as_19115_3 import twin

CONTEXT = Context(
    fallback_organisation="administration-centrale-ou-ministere_172120", free_tags=True
)
OLDER = "http://www.isotc211.org/"


def _made(element: etree._Element) -> dict:
    dataset = dict(normalise(read_record(element), CONTEXT).dataset)
    rows = dataset.pop("other_information", [])
    # Texts without a field follow the order of their elements, which differs between the standards.
    dataset["others"] = {
        (row["subject"], *sorted(line.removesuffix("…").split()))
        for row in rows
        for line in row["text"].partition("MD_")[0].split("\n")
    }
    return dataset


def _pairs():
    for path in sorted((Path(__file__).parent / "data").glob("*.xml")):
        try:
            yield from ((path.name, record) for record in records_in(parse_xml(path.read_bytes())))
        except RecordError:
            continue


PAIRS = [(name, record) for name, record in _pairs() if str(record.tag)[1:].startswith(OLDER)]


@pytest.mark.parametrize(("name", "record"), PAIRS, ids=[name for name, _record in PAIRS])
def test_both_standards_make_the_same_dataset(name, record):
    try:
        wanted = _made(record)
    except RecordError as error:
        with pytest.raises(RecordError, match=error.code):
            _made(parse_xml(etree.tostring(twin(record))))
        return
    assert _made(parse_xml(etree.tostring(twin(record)))) == wanted


MEASURED = """<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"
 xmlns:srv="http://www.isotc211.org/2005/srv">
 <gmd:identificationInfo><srv:SV_ServiceIdentification>
  <gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>Relief</gco:CharacterString></gmd:title>
  </gmd:CI_Citation></gmd:citation>
  <gmd:aggregationInfo><gmd:MD_AggregateInformation><gmd:aggregateDataSetIdentifier><gmd:MD_Identifier><gmd:code>
   <gco:CharacterString>fr-jdd-1</gco:CharacterString></gmd:code></gmd:MD_Identifier></gmd:aggregateDataSetIdentifier>
   <gmd:associationType><gmd:DS_AssociationTypeCode codeListValue="partOfSeamlessDatabase"/></gmd:associationType>
  </gmd:MD_AggregateInformation></gmd:aggregationInfo>
  <srv:coupledResource><srv:SV_CoupledResource><srv:operationName><gco:CharacterString>GetMap</gco:CharacterString>
   </srv:operationName><gco:ScopedName>n_relief</gco:ScopedName></srv:SV_CoupledResource></srv:coupledResource>
 </srv:SV_ServiceIdentification></gmd:identificationInfo>
 <gmd:dataQualityInfo><gmd:DQ_DataQuality><gmd:report><gmd:DQ_AbsoluteExternalPositionalAccuracy>
  <gmd:nameOfMeasure><gco:CharacterString>Erreur moyenne</gco:CharacterString></gmd:nameOfMeasure>
  <gmd:result><gmd:DQ_QuantitativeResult><gmd:value><gco:Record>10</gco:Record></gmd:value>
  </gmd:DQ_QuantitativeResult></gmd:result>
 </gmd:DQ_AbsoluteExternalPositionalAccuracy></gmd:report></gmd:DQ_DataQuality></gmd:dataQualityInfo>
</gmd:MD_Metadata>"""


@pytest.mark.parametrize("convert", [lambda record: record, twin], ids=["19139", "19115-3"])
def test_members_measures_and_layers_are_read_in_both(convert):
    record = parse_xml(etree.tostring(convert(parse_xml(MEASURED.encode()))))
    result = normalise(read_record(record), CONTEXT)
    assert result.members == ["fr-jdd-1"]
    assert result.dataset["quality_measure"] == [
        {"dimension": "positional-accuracy", "name": "Erreur moyenne", "value": "10"}
    ]
    told = "\n".join(result.unread)
    assert "n_relief" in told and "GetMap" in told
