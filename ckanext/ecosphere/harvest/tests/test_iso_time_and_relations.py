"""Periods, maintenance dates, associated resources and places of ISO records,
as written by real catalogues.
"""

from __future__ import annotations

import datetime as dt

import pytest

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.tests.making import FALLBACK, ids

NAMESPACES = (
    'xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco" '
    'xmlns:gmx="http://www.isotc211.org/2005/gmx" xmlns:gml="http://www.opengis.net/gml/3.2" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"'
)
UUID = "6a0bbd60-0000-4000-8000-000000000001"


def made(inside: str = "", before: str = ""):
    text = f"""<gmd:MD_Metadata {NAMESPACES}>
<gmd:fileIdentifier><gco:CharacterString>r-1</gco:CharacterString></gmd:fileIdentifier>{before}
<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title>
<gco:CharacterString>Zones</gco:CharacterString></gmd:title></gmd:CI_Citation></gmd:citation>{inside}
</gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"""
    record = read_record(parse_xml(text.encode()))
    return normalise(record, Context(fallback_organisation=FALLBACK))


def period(inside: str):
    return made(
        "<gmd:extent><gmd:EX_Extent><gmd:temporalElement><gmd:EX_TemporalExtent><gmd:extent>"
        f"<gml:TimePeriod>{inside}</gml:TimePeriod>"
        "</gmd:extent></gmd:EX_TemporalExtent></gmd:temporalElement></gmd:EX_Extent></gmd:extent>"
    )


def place(inside: str):
    extent = (
        f"<gmd:EX_Extent><gmd:geographicElement>{inside}</gmd:geographicElement></gmd:EX_Extent>"
    )
    return made(f"<gmd:extent>{extent}</gmd:extent>")


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "kept", "told"),
    [
        (
            ' indeterminatePosition="before">1978-01-01',
            ">2011-12-31",
            {"end": "2011-12-31"},
            "before 1978-01-01",
        ),
        (
            ">1978-01-01",
            ' indeterminatePosition="after">2011-12-31',
            {"start": "1978-01-01"},
            "after 2011-12-31",
        ),
        (
            ">1990",
            ' indeterminatePosition="before">2020',
            {"start": "1990", "end": "2020"},
            "before 2020",
        ),
        (">1990", ' indeterminatePosition="now">2020', {"start": "1990"}, ""),
    ],
    ids=["before", "after", "within", "now"],
)
def test_an_end_that_is_only_known_to_lie_beyond_a_day_is_open_and_the_day_is_told(
    begin, end, kept, told
):
    found = period(
        f"<gml:beginPosition{begin}</gml:beginPosition><gml:endPosition{end}</gml:endPosition>"
    )
    assert found.dataset["temporal_coverage"] == [kept]
    assert [note.partition(": ")[2] for note in found.unread if "Position" in note] == (
        [told] if told else []
    )
    assert told in str(found.dataset.get("other_information", ""))


@pytest.mark.parametrize(
    ("position", "kept"),
    [
        ("before", {"end": "1978"}),
        ("after", {"start": "1978"}),
        ("", {"start": "1978", "end": "1978"}),
    ],
)
def test_an_instant_before_or_after_a_day_is_half_open(position, kept):
    instant = f'<gml:TimeInstant><gml:timePosition indeterminatePosition="{position}">1978</gml:timePosition>'
    found = made(
        "<gmd:extent><gmd:EX_Extent><gmd:temporalElement><gmd:EX_TemporalExtent><gmd:extent>"
        f"{instant}</gml:TimeInstant></gmd:extent></gmd:EX_TemporalExtent></gmd:temporalElement></gmd:EX_Extent>"
        "</gmd:extent>"
    )
    assert found.dataset["temporal_coverage"] == [kept]
    assert any(f"{position} 1978" in note for note in found.unread) == bool(position)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2012-01-01", "<gml:duration>P3Y</gml:duration>", "2014-12-31"),
        ("2012", "<gml:duration>P3Y</gml:duration>", "2014"),
        ("2012-03", "<gml:duration>P1Y6M</gml:duration>", "2013-08"),
        ("2012-01-31", "<gml:duration>P1M</gml:duration>", "2012-02-28"),
        ("2012-02-28", "<gml:duration>P2W</gml:duration>", "2012-03-12"),
        ("2012-02-28", "<gml:duration>P1DT6H</gml:duration>", "2012-02-28"),
        ("2012-01-01", '<gml:timeInterval unit="year">2</gml:timeInterval>', "2013-12-31"),
    ],
)
def test_an_end_that_is_missing_follows_from_the_duration(start, duration, end):
    found = period(f"<gml:beginPosition>{start}</gml:beginPosition><gml:endPosition/>{duration}")
    assert found.dataset["temporal_coverage"] == [{"start": start, "end": end}]


@pytest.mark.parametrize(
    "duration",
    [
        "<gml:duration>P3D</gml:duration>",
        "<gml:duration>trois ans</gml:duration>",
        "<gml:duration>P9999Y</gml:duration>",
        '<gml:timeInterval unit="year" radix="10" factor="-1">3</gml:timeInterval>',
    ],
    ids=["of-a-year", "words", "too-long", "factor"],
)
def test_a_duration_from_which_no_end_follows_is_told(duration):
    found = period(f"<gml:beginPosition>2012</gml:beginPosition><gml:endPosition/>{duration}")
    assert found.dataset["temporal_coverage"] == [{"start": "2012"}]
    assert any(duration.partition(">")[2].partition("<")[0] in note for note in found.unread)


def test_a_start_that_is_missing_follows_from_the_duration_and_an_open_one_does_not():
    end = "<gml:endPosition>2014-12-31</gml:endPosition><gml:duration>P3Y</gml:duration>"
    assert period(f"<gml:beginPosition/>{end}").dataset["temporal_coverage"] == [
        {"start": "2012-01-01", "end": "2014-12-31"}
    ]
    unknown = period(f'<gml:beginPosition indeterminatePosition="unknown"/>{end}')
    assert unknown.dataset["temporal_coverage"] == [{"end": "2014-12-31"}]


@pytest.mark.parametrize(
    ("kind", "day", "field"),
    [
        ("revision", "2021-04-05", "modified"),
        ("lastUpdate", "2021-04-05", "modified"),
        ("nextUpdate", "2021-04-05", "next_update"),
        ("", "2021-04-05", "next_update"),
        ("revision", (dt.date.today() + dt.timedelta(days=90)).isoformat(), "next_update"),
    ],
    ids=["done", "last", "next", "bare", "to-come"],
)
def test_a_date_of_maintenance_is_the_next_update_only_when_it_is_said_so_or_to_come(
    kind, day, field
):
    code = (
        f'<gmd:dateType><gmd:CI_DateTypeCode codeListValue="{kind}"/></gmd:dateType>'
        if kind
        else ""
    )
    found = made(
        "<gmd:resourceMaintenance><gmd:MD_MaintenanceInformation><gmd:maintenanceDate><gmd:CI_Date><gmd:date>"
        f"<gco:Date>{day}</gco:Date></gmd:date>{code}</gmd:CI_Date></gmd:maintenanceDate>"
        "</gmd:MD_MaintenanceInformation></gmd:resourceMaintenance>"
    ).dataset
    assert {name: found[name] for name in ("modified", "next_update") if name in found} == {
        field: day
    }


def test_the_resolution_of_the_time_is_kept_once_and_another_told():
    resolution = (
        "<temporalResolution><TM_PeriodDuration>{}</TM_PeriodDuration></temporalResolution>"
    )
    frequency = (
        "<gmd:resourceMaintenance><gmd:MD_MaintenanceInformation><gmd:maintenanceAndUpdateFrequency>"
        '<gmd:MD_MaintenanceFrequencyCode codeListValue="asNeeded"/></gmd:maintenanceAndUpdateFrequency>'
        "<gmd:userDefinedMaintenanceFrequency>P1M</gmd:userDefinedMaintenanceFrequency>"
        "</gmd:MD_MaintenanceInformation></gmd:resourceMaintenance>"
    )
    found = made("".join(map(resolution.format, ("P1M", "P1M", "P1Y", "un mois"))) + frequency)
    assert found.dataset["temporal_resolution"] == "P1M"
    told = [note.partition(": ")[2] for note in found.unread if "temporalResolution" in note]
    assert told == ["P1Y", "un mois"]
    assert "resourceMaintenance/userDefinedMaintenanceFrequency: P1M" in found.unread


# --- associated resources ------------------------------------------------------------------------


def related(code: str, association: str, space: str = "") -> str:
    space = (
        f"<gmd:codeSpace><gco:CharacterString>{space}</gco:CharacterString></gmd:codeSpace>"
        if space
        else ""
    )
    return (
        "<gmd:aggregationInfo><gmd:MD_AggregateInformation><gmd:aggregateDataSetIdentifier><gmd:RS_Identifier>"
        f"<gmd:code>{code}</gmd:code>{space}</gmd:RS_Identifier></gmd:aggregateDataSetIdentifier>"
        f'<gmd:associationType><gmd:DS_AssociationTypeCode codeListValue="{association}"/></gmd:associationType>'
        "</gmd:MD_AggregateInformation></gmd:aggregationInfo>"
    )


def anchor(text: str, href: str) -> str:
    return f'<gmx:Anchor xlink:href="{href}">{text}</gmx:Anchor>'


def plain(text: str) -> str:
    return f"<gco:CharacterString>{text}</gco:CharacterString>"


@pytest.mark.parametrize(
    ("code", "space", "identifier"),
    [
        (anchor("Lot PPR", "https://catalogue.fr/lot/ppr49"), "", "https://catalogue.fr/lot/ppr49"),
        (plain("LOT_9"), "https://cat.fr/id", "https://cat.fr/id/LOT_9"),
        (plain("LOT_9"), "ign", "LOT_9"),
        (plain("LOT_9"), "", "LOT_9"),
        (anchor(UUID, f"https://catalogue.fr/api/records/{UUID}"), "", UUID),
    ],
    ids=["anchor", "space", "name-as-space", "bare", "uuid"],
)
def test_a_related_resource_is_named_as_its_own_record_names_it(code, space, identifier):
    found = made(related(code, "largerWorkCitation", space))
    assert found.dataset["in_series"] == [identifier]
    assert made(related(code, "revisionOf", space)).dataset["replaces"] == [identifier]
    said = str(found.dataset) + str(found.unread)
    assert all(text in said for text in (space, "Lot PPR" if "Lot PPR" in code else ""))


def test_a_related_resource_may_be_a_mere_reference_to_its_record():
    address = f"https://catalogue.fr/api/records/{UUID}"
    for name in (f'uuidref="{UUID}" xlink:href="{address}"', f'uuidref="{UUID}"'):
        found = made(
            f"<gmd:aggregationInfo><gmd:MD_AggregateInformation><gmd:aggregateDataSetName {name}/>"
            '<gmd:associationType><gmd:DS_AssociationTypeCode codeListValue="series"/></gmd:associationType>'
            "</gmd:MD_AggregateInformation></gmd:aggregationInfo>"
        )
        assert found.dataset["in_series"] == [UUID]
        assert (address in str(found.unread)) == (address in name)


def test_the_parent_of_a_record_may_be_named_by_its_address():
    parent = f"<gmd:parentIdentifier>{anchor('Lot PPR', 'https://catalogue.fr/lot/ppr49')}</gmd:parentIdentifier>"
    found = made(before=parent)
    assert found.dataset["in_series"] == ["https://catalogue.fr/lot/ppr49"]
    assert any("Lot PPR" in note for note in found.unread)


@pytest.mark.parametrize(
    ("code", "space", "identifier"),
    [
        (plain("LOT_9"), "https://cat.fr/id", "LOT_9"),
        (anchor("lot 9", "https://cat.fr/lot/9"), "", "https://cat.fr/lot/9"),
    ],
    ids=["space", "anchor"],
)
def test_a_parent_of_iso_19115_3_is_named_by_its_record_and_the_rest_is_told(
    code, space, identifier
):
    named = (
        f"<MD_Identifier><code>{code}</code><codeSpace>{plain(space)}</codeSpace></MD_Identifier>"
    )
    parent = f"<parentMetadata><CI_Citation><identifier>{named}</identifier></CI_Citation></parentMetadata>"
    found = made(before=parent)
    assert found.dataset["in_series"] == [identifier]
    assert not space or any(space in note for note in found.unread)


def test_what_a_dataset_depends_on_is_no_series_of_it():
    found = made(related(plain("BD TOPO"), "dependency"))
    assert "in_series" not in found.dataset
    assert "aggregationInfo: dependency BD TOPO" in found.unread


# --- places --------------------------------------------------------------------------------------


def polygon(positions: str, crs: str = "") -> str:
    return (
        f'<gmd:EX_BoundingPolygon><gmd:polygon><gml:Polygon srsName="{crs}"><gml:exterior><gml:LinearRing>'
        f"<gml:posList>{positions}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gmd:polygon>"
        "</gmd:EX_BoundingPolygon>"
    )


AROUND_ANNECY = "930000 6520000 950000 6520000 950000 6540000 930000 6540000 930000 6520000"


@pytest.mark.parametrize(
    "crs",
    [
        "http://www.opengis.net/def/crs/EPSG/0/2154",
        "urn:ogc:def:crs:EPSG::2154",
        "EPSG:2154",
        "IGNF:LAMB93",
    ],
)
def test_a_polygon_in_metres_is_an_extent(crs):
    found = place(polygon(AROUND_ANNECY, crs)).dataset
    assert ids("territories", found["territory"]) == ["departement-74"]
    (row,) = found["spatial_coverage"]
    assert "5.958608" in row["bbox"] and "45.73377" in row["bbox"] and "930000" not in row["geom"]


def test_a_polygon_without_a_box_has_the_box_around_it():
    (row,) = place(polygon("5 46 5.5 46 5.2 46.5 5 46")).dataset["spatial_coverage"]
    assert row["bbox"] and row["geom"]


def test_a_polygon_in_another_system_is_told():
    found = place(polygon(AROUND_ANNECY, "EPSG:32631"))
    assert "spatial_coverage" not in found.dataset
    assert any(AROUND_ANNECY in note for note in found.unread)


@pytest.mark.parametrize(
    ("code", "territory"),
    [
        ("FR-74", "departement-74"),
        ("FR-2A", "departement-2a"),
        ("FR-ARA", "region-ara"),
        ("FR-RE", "outre-mer-reu"),
    ],
)
def test_a_code_of_iso_3166_2_is_a_territory(code, territory):
    found = place(
        "<gmd:EX_GeographicDescription><gmd:geographicIdentifier><gmd:MD_Identifier><gmd:code>"
        f"{plain(code)}</gmd:code></gmd:MD_Identifier></gmd:geographicIdentifier></gmd:EX_GeographicDescription>"
    )
    assert ids("territories", found.dataset["territory"]) == [territory]


# --- characters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["DDT de la NiÃ¨vre â€“ lâ€™eau", "DDT de la Nièvre \x96 l\x92eau"]
)
def test_accents_that_a_wrong_encoding_spoilt_are_put_right_before_a_service_is_looked_for(written):
    party = f"<gmd:organisationName>{plain(' '.join(written.split()[:4]))}</gmd:organisationName>"
    contact = f"<gmd:pointOfContact><gmd:CI_ResponsibleParty>{party}</gmd:CI_ResponsibleParty></gmd:pointOfContact>"
    found = made(
        f"<gmd:abstract><gco:CharacterString>{written}</gco:CharacterString></gmd:abstract>{contact}"
    )
    assert found.dataset["notes"] == "DDT de la Nièvre – l’eau"
    assert found.organisation != FALLBACK
