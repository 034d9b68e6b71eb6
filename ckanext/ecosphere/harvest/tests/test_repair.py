"""Corrections proposed for the source: their contents, and that the generated files apply them."""

import csv
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from ckanext.ecosphere.harvest import corrections
from ckanext.ecosphere.harvest.corrections import MOST, PREFIXES, proposals

NO_LIMIT = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations"
NAMESPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())
RECORDS = Path(__file__).parents[5] / "shared" / "records"


def text(name, value, kind="CharacterString"):
    return f"<gmd:{name}><gco:{kind}>{value}</gco:{kind}></gmd:{name}>"


def box(west, south, east, north):
    sides = zip(("west", "east", "south", "north"), (west, east, south, north), strict=True)
    names = {
        "west": "westBoundLongitude",
        "east": "eastBoundLongitude",
        "south": "southBoundLatitude",
    }
    names["north"] = "northBoundLatitude"
    inside = "".join(text(names[side], value, "Decimal") for side, value in sides)
    held = f"<gmd:EX_GeographicBoundingBox>{inside}</gmd:EX_GeographicBoundingBox>"
    return f"<gmd:geographicElement>{held}</gmd:geographicElement>"


def record(identifier="fiche-1"):
    """Return a record with a fault of each kind, some of them twice."""
    system = f"<gmd:RS_Identifier>{text('code', 'RGF93 / Lambert-93')}</gmd:RS_Identifier>"
    link = (
        "<gmd:onLine><gmd:CI_OnlineResource><gmd:linkage><gmd:URL>https://a.fr/ows?service=WMS&amp;request="
        f"GetCapabilities</gmd:URL></gmd:linkage>{text('protocol', 'Web Map Service')}</gmd:CI_OnlineResource>"
        "</gmd:onLine>"
    )
    dated = f"<gmd:date><gmd:CI_Date>{text('date', '20201015', 'Date')}</gmd:CI_Date></gmd:date>"
    extent = (
        f"<gmd:EX_Extent>{box(4.7, 45.6, 6.2, 46.5)}{box(6.2, 46.5, 4.7, 45.6)}</gmd:EX_Extent>"
    )
    return f"""<gmd:MD_Metadata {NAMESPACES}>{text("fileIdentifier", identifier)}
      <gmd:language><gmd:LanguageCode codeList="x" codeListValue="fr"/></gmd:language>
      <gmd:referenceSystemInfo><gmd:MD_ReferenceSystem><gmd:referenceSystemIdentifier>{system}
      </gmd:referenceSystemIdentifier></gmd:MD_ReferenceSystem></gmd:referenceSystemInfo>
      <gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>{text("title", "T")}{dated}
      </gmd:CI_Citation></gmd:citation><gmd:resourceMaintenance><gmd:MD_MaintenanceInformation>
      <gmd:maintenanceAndUpdateFrequency><gmd:MD_MaintenanceFrequencyCode codeList="x" codeListValue="annuelle"/>
      </gmd:maintenanceAndUpdateFrequency></gmd:MD_MaintenanceInformation></gmd:resourceMaintenance>
      <gmd:resourceConstraints><gmd:MD_LegalConstraints>
      {text("otherConstraints", "Pas de restriction d'accès public selon INSPIRE")}
      </gmd:MD_LegalConstraints></gmd:resourceConstraints>
      <gmd:topicCategory><gmd:MD_TopicCategoryCode>agriculture</gmd:MD_TopicCategoryCode></gmd:topicCategory>
      <gmd:extent>{extent}</gmd:extent></gmd:MD_DataIdentification></gmd:identificationInfo>
      <gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>{link}
      </gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>
      </gmd:MD_Metadata>"""


def parsed(identifier="fiche-1"):
    return etree.fromstring(record(identifier))


def batch_edited(root, requests):
    """Apply batch edits as GeoNetwork does: replace the content of the
    element that an XPath selects.
    """
    namespaces = {prefix: uri for prefix, uri in PREFIXES.items() if prefix != "xlink"}
    for edit in requests[0]["body"]:
        (element,) = root.xpath(f".{edit['xpath']}", namespaces=namespaces)
        wrapped = etree.fromstring(edit["value"])
        assert wrapped.tag == "gn_replace"
        element[:] = list(wrapped)
        element.text = None
    return root


def canonical(root):
    for each in root.iter():
        each.tail = None
        if len(each):
            each.text = None
    etree.cleanup_namespaces(root)
    return etree.tostring(root, method="c14n", exclusive=True)


def test_each_kind_of_fault_is_proposed_with_its_element_and_both_values():
    found = {(each.rule, each.today, each.proposed) for each in proposals(parsed())}
    assert found == {
        ("boxes", "6.2", "4.7"),
        ("boxes", "46.5", "45.6"),
        ("boxes", "4.7", "6.2"),
        ("boxes", "45.6", "46.5"),
        ("dates", "20201015", "2020-10-15"),
        ("reference-systems", "RGF93 / Lambert-93", "http://www.opengis.net/def/crs/EPSG/0/2154"),
        ("frequency", "annuelle", "annually"),
        ("topic-categories", "agriculture", "farming"),
        ("languages", "fr", "fre"),
        ("links", "Web Map Service", "OGC:WMS"),
        (
            "constraints",
            "Pas de restriction d'accès public selon INSPIRE",
            next(each.proposed for each in proposals(parsed()) if each.rule == "constraints"),
        ),
    }
    paths = [each.xpath for each in proposals(parsed()) if each.rule == "boxes"]
    assert all("gmd:geographicElement[2]" in path for path in paths)  # the first box is right


def test_stylesheet_and_batch_edits_do_the_same_and_leave_nothing_to_correct():
    given = [("fiche-1", proposals(parsed()))]
    transform = etree.XSLT(etree.fromstring(corrections.stylesheet(given).encode()))
    by_stylesheet = transform(parsed()).getroot()
    by_edits = batch_edited(parsed(), json.loads(corrections.batch_edits(given)))
    assert canonical(by_stylesheet) == canonical(by_edits)
    assert proposals(etree.fromstring(etree.tostring(by_edits))) == []
    assert NO_LIMIT in etree.tostring(by_edits).decode()
    other = transform(parsed("fiche-2")).getroot()
    assert canonical(other) == canonical(parsed("fiche-2"))  # not named by the stylesheet


def test_batch_edits_are_requests_of_geonetwork_s_api_one_for_each_record():
    (request,) = json.loads(
        corrections.batch_edits([("fiche 1&x", proposals(parsed())), ("fiche-2", [])])
    )
    address = urlsplit(request["path"])
    assert (request["method"], address.path) == ("PUT", "/srv/api/records/batchediting")
    assert parse_qs(address.query) == {"uuids": ["fiche 1&x"], "updateDateStamp": ["true"]}
    assert all(set(edit) == {"xpath", "value"} for edit in request["body"])


def test_the_table_is_safe_in_a_spreadsheet():
    hostile = parsed()
    next(hostile.iter("{*}protocol"))[0].text = '=HYPERLINK("x") Web Map Service'
    found = list(
        csv.DictReader(
            corrections.table([("fiche-1", proposals(hostile))]).lstrip("\ufeff").splitlines(),
            delimiter=";",
        )
    )
    assert len(found) == len(proposals(hostile))
    assert not any(value.startswith("=") for row in found for value in row.values())


@pytest.mark.parametrize(
    "identifier", ["l'eau", 'dite "eau"', """l'eau dite "d'ici\"""", "<a>&b", "{x}", "]]>"]
)
def test_a_stylesheet_names_any_identifier(identifier):
    root = parsed()
    next(root.iter("{*}fileIdentifier"))[0].text = identifier
    transform = etree.XSLT(
        etree.fromstring(corrections.stylesheet([(identifier, proposals(root))]).encode())
    )
    assert proposals(etree.fromstring(etree.tostring(transform(root)))) == []


def test_the_number_of_corrections_of_a_record_is_bounded_and_other_standards_have_none():
    root = parsed()
    element = next(root.iter("{*}topicCategory"))
    for _each in range(MOST + 50):
        element.addnext(etree.fromstring(etree.tostring(element)))
    assert len(proposals(root)) == MOST
    assert (
        proposals(
            etree.fromstring(
                "<mdb:MD_Metadata xmlns:mdb='http://standards.iso.org/iso/19115/-3/mdb/2.0'/>"
            )
        )
        == []
    )


@pytest.mark.skipif(
    not RECORDS.is_dir(), reason="the folder of real records is not beside the clone"
)
def test_real_records_are_put_right_by_their_corrections():
    number = 0
    for path in sorted(RECORDS.glob("geodatagouv__parsers/*.xml")) + sorted(
        RECORDS.glob("opendatateam__udata/*iso*.xml")
    ):
        try:
            document = etree.parse(path)
        except etree.XMLSyntaxError:
            continue
        for root in document.iter("{http://www.isotc211.org/2005/gmd}MD_Metadata"):
            alone = etree.fromstring(etree.tostring(root))
            given = [("x", proposals(alone))]
            if not given[0][1]:
                continue
            number += 1
            edited = batch_edited(alone, json.loads(corrections.batch_edits(given)))
            assert proposals(etree.fromstring(etree.tostring(edited))) == [], path
    assert number > 3
