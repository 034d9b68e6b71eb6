"""Peculiarities of other catalogue tools: nothing is misread, nothing is lost."""

import pytest

from ckanext.ecosphere.dataset.dates import parse_date
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.normalise.constraints import licence_of_text
from ckanext.ecosphere.harvest.normalise.reference import epsg_codes
from ckanext.ecosphere.harvest.record import (
    Box,
    Constraint,
    Contact,
    Format,
    Identifier,
    Keyword,
    Link,
    Record,
    Term,
)

CONTEXT = Context(
    fallback_organisation="administration-centrale-ou-ministere_172120", free_tags=True
)


def made(**fields):
    return normalise(Record(**{"title": "Couche", **fields}), CONTEXT)


@pytest.mark.parametrize(
    ("code", "space", "wanted"),
    [
        ("RGF93 v1 / Lambert-93", None, ["2154"]),  # and not RGF93 itself
        ("WGS84 / UTM 20N", None, ["32620"]),
        ("ETRS89-LAEA", None, ["3035"]),
        ("RGF93 / CC 9 zones - zone 8", None, ["3949"]),
        ("WGS 84 / UTM fuseau inconnu", None, []),
        ("WGS 84, Lambert 93", None, ["4326", "2154"]),
        ("RGF93 v2b", None, ["9782"]),
        ("https://epsg.io/2154", None, ["2154"]),
        ("https://epsg.org/crs_2154/RGF93-v1-Lambert-93.html", None, ["2154"]),
        ("http://www.opengis.net/gml/srs/epsg.xml#2154", None, ["2154"]),
        ("2154", "OGP", ["2154"]),
        ("2154 (EPSG)", None, ["2154"]),
        ("900913", "EPSG", ["3857"]),
    ],
)
def test_reference_systems_are_those_that_are_meant(code, space, wanted):
    assert epsg_codes(Identifier(code, space)) == wanted


@pytest.mark.parametrize(
    ("name", "url", "layers"),
    [
        ("WMS", "https://example.org/wms", None),
        ("Flux", "https://example.org/wms", None),
        ("n_zone_s_042", "https://example.org/wms", ["n_zone_s_042"]),
        (
            "zones.zip",
            "https://example.org/ows?service=WFS&request=GetFeature&typeName=a:zones",
            ["a:zones"],
        ),
    ],
)
def test_layers_are_no_words_and_no_files(name, url, layers):
    protocol = "OGC:WFS" if "WFS" in url else "OGC:WMS"
    resource = made(links=[Link(url, protocol, name)]).dataset["resources"][0]
    assert resource.get("layer_name") == layers


def test_a_file_has_its_own_format_and_the_others_are_told():
    formats = [Format("CSV"), Format("GeoPackage")]
    result = made(links=[Link("https://example.org/a.csv", "HTTP")], formats=formats)
    assert "description" not in result.dataset["resources"][0]
    assert "distributionFormat: GeoPackage" in result.unread
    unknown = made(
        links=[Link("https://example.org/a", "WWW:DOWNLOAD", "Données")], formats=formats
    )
    assert unknown.dataset["resources"][0]["description"] == "Formats : CSV, GeoPackage"
    packed = made(
        links=[Link("https://example.org/a.zip", format="ZIP (CSV)")],
        formats=[*formats, Format("ZIP")],
    )
    assert packed.dataset["resources"][0]["format"] == "CSV"


def test_an_export_that_is_a_7z_archive_is_one():
    url = "https://services.data.shom.fr/INSPIRE/telechargement/prepackageGroup/A/prepackage/1/file/1.7z"
    assert made(links=[Link(url, "WWW:DOWNLOAD")]).dataset["resources"][0]["format"] == "7Z"


def test_sizes_and_periods_that_have_no_place_are_told():
    size = made(links=[Link("https://example.org/wms", "OGC:WMS", "a", size_megabytes="3.1")])
    assert "transferOptions/transferSize: 3.1 Mo" in size.unread
    other = made(frequency="asNeeded", frequency_period="P2Y")
    assert "resourceMaintenance/userDefinedMaintenanceFrequency: P2Y" in other.unread
    same = made(frequency="annually", frequency_period="P1Y")
    assert ("P1Y", same.dataset["frequency"]) in [(each.before, each.after) for each in same.log]


def test_a_basin_or_a_sea_is_no_departement():
    place = [Keyword("Bassin Rhône-Méditerranée", type="place")]
    basin = made(
        title="Masses d'eau du bassin Rhône-Méditerranée",
        keywords=place,
        boxes=[Box("3", "7.8", "42.3", "48.2")],
    )
    assert "http://id.insee.fr/geo/departement/69" not in basin.dataset["territory"]
    place = [Keyword("Manche", type="place")]
    sea = made(
        keywords=place, boxes=[Box("-5.5", "-4.5", "48", "48.7")], topic_categories=["oceans"]
    )
    assert sea.dataset["territory"] == ["urn:ecosphere:territory:zone-maritime-fx-atl"]
    land = made(keywords=place, boxes=[Box("-1.9", "-0.7", "48.5", "49.7")])
    assert land.dataset["territory"] == ["http://id.insee.fr/geo/departement/50"]


def test_words_are_no_islands_and_a_service_has_its_data_in_its_region():
    assert "territory" not in made(title="Compte-rendu de la réunion publique").dataset
    owner = [Contact(organisation="DREAL Centre-Val de Loire", role="owner")]
    box = [Box("0.8", "1.9", "46.3", "46.9")]
    valley = made(title="Natura 2000 - Vallée de la Creuse", contacts=owner, boxes=box)
    assert valley.dataset["territory"] == ["http://id.insee.fr/geo/departement/36"]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("L124-4-I-2 du code de l'environnement", "h"),
        ("Article L. 124-5-II-1° du code de l’environnement", "b"),
        ("L124-5-II-3", "e"),
    ],
)
def test_articles_of_the_environment_code_limit_access(text, letter):
    block = Constraint(
        "legal", access_codes=["otherRestrictions"], other=[Term(text), Term("Licence Ouverte 2.0")]
    )
    dataset = made(constraints=[block]).dataset
    assert dataset["access_limitation"][0].endswith(f"INSPIRE_Directive_Article13_1{letter}")
    assert dataset["access_rights"].endswith("/RESTRICTED")


RECORD = """<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title>
<gco:CharacterString>Habitats</gco:CharacterString></gmd:title></gmd:CI_Citation></gmd:citation>
<gmd:descriptiveKeywords><gmd:MD_Keywords><gmd:keyword><gco:CharacterString>REBENT</gco:CharacterString></gmd:keyword>
<gmd:type><gmd:MD_KeywordTypeCode codeListValue="project"/></gmd:type></gmd:MD_Keywords></gmd:descriptiveKeywords>
<gmd:extent><gmd:EX_Extent><gmd:geographicElement><gmd:EX_GeographicBoundingBox><gmd:extentTypeCode>
<gco:Boolean>false</gco:Boolean></gmd:extentTypeCode></gmd:EX_GeographicBoundingBox></gmd:geographicElement>
</gmd:EX_Extent></gmd:extent></gmd:MD_DataIdentification></gmd:identificationInfo>
<gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>
<gmd:transferSize><gco:Real>12.5</gco:Real></gmd:transferSize>
<gmd:onLine><gmd:CI_OnlineResource><gmd:linkage><gmd:URL>https://a.example.org/</gmd:URL></gmd:linkage>
</gmd:CI_OnlineResource></gmd:onLine><gmd:onLine><gmd:CI_OnlineResource><gmd:linkage>
<gmd:URL>https://b.example.org/</gmd:URL></gmd:linkage></gmd:CI_OnlineResource></gmd:onLine>
</gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo></gmd:MD_Metadata>"""


def test_kinds_of_keywords_sizes_of_several_links_and_extents_left_out_are_told():
    told = "\n".join(normalise(read_record(parse_xml(RECORD.encode())), CONTEXT).unread)
    for text in ("MD_Keywords: project: REBENT", "12.5 Mo", "extentTypeCode: false"):
        assert text in told


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019-2020", None),  # not a year with a time zone
        ("2018/05/01", "2018-05-01"),
        ("2018 05 01", "2018-05-01"),
        ("2018-05-01+0200", "2018-05-01"),
        ("2018+02:00", "2018"),
    ],
)
def test_dates_with_the_year_first(text, day):
    assert parse_date(text) == day


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Licence ouverte (Etalab 2017)", "etalab-2.0"),
        ("Licence Creative Commons BY-NC-ND 4.0", "cc-by-nc-nd"),
        ("Creative Commons BY-SA 3.0", "other-open"),
    ],
)
def test_licences_by_year_and_in_full(text, licence):
    assert licence_of_text(text) == (licence, True)


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        (Link("https://e.org/{z}/{x}/{y}.pbf", "OGC:TMS", "Tuiles"), ("service", "TMS", None)),
        (Link("https://e.org/tiles/{z}/{x}/{-y}.png"), ("service", "TMS", "PNG")),
        (Link("https://e.org/sta/v1.1/Things", "OGC:SensorThings"), ("service", "HTTP", None)),
        (Link("https://e.org/maps", "OGC API - Maps"), ("service", "HTTP", None)),
        (Link("https://e.org/ogc", "OGC API - Features"), ("service", "OGC:API-FEATURES", "API")),
        (Link("https://e.org/records?limit=2", format="api"), ("service", "HTTP", "API")),
        (Link("https://e.org/style.sld", "WWW:LINK"), ("documentation", "HTTP", None)),
        (
            Link("https://e.org/style.sld", "WWW:DOWNLOAD-1.0-http--download", "Style SLD"),
            ("documentation", "HTTP:DOWNLOAD", None),
        ),
        (
            Link("https://e.org/get?fname=style.qml", "WWW:DOWNLOAD", function="download"),
            ("documentation", "HTTP:DOWNLOAD", None),
        ),
        (
            Link("https://e.org/a.zip", "WWW:DOWNLOAD", "Styles QML"),
            ("documentation", "HTTP:DOWNLOAD", "ZIP"),
        ),
        (Link("https://e.org/page", "WWW:LINK"), ("documentation", "HTTP", "HTML")),
        (
            Link("https://e.org/a/exports/shp", media_type="application/zip", name="shp"),
            ("data", "HTTP:DOWNLOAD", "SHP"),
        ),
        (
            Link(
                "https://e.org/a/exports/geojson",
                "WWW:DOWNLOAD",
                media_type="application/json",
                name="geojson",
            ),
            ("data", "HTTP:DOWNLOAD", "GeoJSON"),
        ),
    ],
)
def test_links_that_are_neither_pages_nor_of_the_list(link, wanted):
    resource = made(links=[link]).dataset["resources"][0]
    told = resource["resource_role"], resource["protocol"], resource.get("format")
    assert told == wanted


@pytest.mark.parametrize("file", ["style.sld", "style.qml", "couche.lyr", "couche.lyrx"])
def test_a_style_has_not_the_format_of_the_data(file):
    link = Link(f"https://e.org/{file}", "WWW:DOWNLOAD-1.0-http--download", "Style de la couche")
    (resource,) = made(links=[link], formats=[Format("ESRI Shapefile")]).dataset["resources"]
    assert (resource["resource_role"], resource.get("format")) == ("documentation", None)


def test_the_format_of_the_record_that_is_narrower_than_the_ending_is_the_file_s():
    link = Link("https://e.org/a.tif", "WWW:DOWNLOAD")
    assert (
        made(links=[link], formats=[Format("GeoTIFF", "1.1")]).dataset["resources"][0]["format"]
        == "GeoTIFF"
    )
    both = [Format("GeoTIFF"), Format("TIFF")]
    assert made(links=[link], formats=both).dataset["resources"][0]["format"] == "TIFF"


def test_one_request_in_two_cases_is_one_resource():
    urls = (
        "https://e.org/wfs?service=WFS&request=GetCapabilities",
        "https://e.org/wfs?REQUEST=GetCapabilities&SERVICE=WFS",
    )
    assert len(made(links=[Link(url, "OGC:WFS", "Flux") for url in urls]).dataset["resources"]) == 1
    other = "https://e.org/wfs?map=B&SERVICE=WFS&REQUEST=GetCapabilities"
    assert (
        len(
            made(links=[Link(url, "OGC:WFS", "Flux") for url in (*urls, other)]).dataset[
                "resources"
            ]
        )
        == 2
    )


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Accès réservé aux services de l'État jusqu'au vote.", "RESTRICTED"),
        ("Diffusion strictement limitée aux communes", "RESTRICTED"),
        ("Données non diffusables", "RESTRICTED"),
        ("Accès non restreint", "PUBLIC"),
        ("Mentionner la source", "PUBLIC"),
    ],
)
def test_words_that_reserve_the_access_go_before_an_open_licence(text, right):
    block = Constraint("legal", use_limitations=[Term("Licence Ouverte 2.0"), Term(text)])
    assert made(constraints=[block]).dataset["access_rights"].endswith(f"/{right}")


def test_a_distribution_keeps_a_licence_of_its_own():
    block = Constraint("legal", use_limitations=[Term("Licence Ouverte 2.0")])
    addresses = (
        "https://spdx.org/licenses/etalab-2.0",
        "https://creativecommons.org/licenses/by-sa/3.0/",
    )
    links = [Link(f"https://e.org/{n}.csv", licence=address) for n, address in enumerate(addresses)]
    resources = made(constraints=[block], links=links).dataset["resources"]
    assert [each.get("license") for each in resources] == [
        None,
        "https://creativecommons.org/licenses/by-sa/3.0/",
    ]


def test_a_code_beside_the_period_that_is_taken_is_told():
    result = made(frequency="periodic", frequency_period="P5Y")
    assert result.dataset["frequency"].endswith("/QUINQUENNIAL")
    assert "resourceMaintenance/maintenanceAndUpdateFrequency: periodic" in result.unread


CITED = """<mdb:MD_Metadata xmlns:mdb="http://standards.iso.org/iso/19115/-3/mdb/2.0"
xmlns:cit="http://standards.iso.org/iso/19115/-3/cit/2.0" xmlns:mri="http://standards.iso.org/iso/19115/-3/mri/1.0"
xmlns:gco="http://standards.iso.org/iso/19115/-3/gco/1.0">
<mdb:dateInfo><cit:CI_Date><cit:date><gco:Date>2024-01-05</gco:Date></cit:date><cit:dateType><cit:CI_DateTypeCode
codeListValue="creation"/></cit:dateType></cit:CI_Date></mdb:dateInfo>
<mdb:dateInfo><cit:CI_Date><cit:date><gco:Date>2025-06-30</gco:Date></cit:date><cit:dateType><cit:CI_DateTypeCode
codeListValue="revision"/></cit:dateType></cit:CI_Date></mdb:dateInfo>
<mdb:identificationInfo><mri:MD_DataIdentification><mri:citation><cit:CI_Citation><cit:title>
<gco:CharacterString>Bruit</gco:CharacterString></cit:title><cit:citedResponsibleParty><cit:CI_Responsibility><cit:role>
<cit:CI_RoleCode codeListValue="author"/></cit:role><cit:party><cit:CI_Organisation><cit:name>
<gco:CharacterString>Toulouse Métropole</gco:CharacterString></cit:name></cit:CI_Organisation></cit:party>
</cit:CI_Responsibility></cit:citedResponsibleParty>
</cit:CI_Citation></mri:citation><mri:additionalDocumentation><cit:CI_Citation><cit:title>
<gco:CharacterString>Résumé des CBS</gco:CharacterString></cit:title><cit:onlineResource><cit:CI_OnlineResource>
<cit:linkage>
<gco:CharacterString>https://e.org/resume.pdf</gco:CharacterString></cit:linkage>
</cit:CI_OnlineResource></cit:onlineResource>
</cit:CI_Citation></mri:additionalDocumentation></mri:MD_DataIdentification></mdb:identificationInfo></mdb:MD_Metadata>"""


def test_parties_documents_and_dates_of_an_iso_19115_3_record():
    record = read_record(parse_xml(CITED.encode()))
    dataset = normalise(record, CONTEXT).dataset
    assert dataset["creator"] == [{"name": "Toulouse Métropole"}]
    documents = [
        (each["name"], each["url"], each["resource_role"]) for each in dataset["resources"]
    ]
    assert documents == [("Résumé des CBS", "https://e.org/resume.pdf", "documentation")]
    assert (record.metadata_date, record.unread) == (
        "2025-06-30",
        ["dateInfo: creation 2024-01-05"],
    )


@pytest.mark.parametrize(
    ("parent", "series", "told"),
    [
        ('<mdb:parentMetadata uuidref="parent-1"/>', ["parent-1"], []),
        (
            '<mdb:parentMetadata xlink:href="https://e.org/p"/>',
            None,
            ["parentMetadata: https://e.org/p"],
        ),
    ],
)
def test_a_mere_reference_to_the_parent_of_an_iso_19115_3_record_is_its_series(
    parent, series, told
):
    text = CITED.replace("<mdb:dateInfo>", f"{parent}<mdb:dateInfo>", 1)
    text = text.replace(
        "<mdb:MD_Metadata ", '<mdb:MD_Metadata xmlns:xlink="http://www.w3.org/1999/xlink" ', 1
    )
    record = read_record(parse_xml(text.encode()))
    assert normalise(record, CONTEXT).dataset.get("in_series") == series
    assert [note for note in record.unread if "parent" in note] == told
