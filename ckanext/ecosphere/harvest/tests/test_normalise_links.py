"""Rules for links: cleaned or refused, with protocol, role, format, network and name."""

import time

import pytest

from ckanext.ecosphere.harvest.normalise.texts import clean_url, is_intranet
from ckanext.ecosphere.harvest.record import Format, Graphic, Link, Operation, Service
from ckanext.ecosphere.harvest.tests.making import codes, dataset, result

GEO_IDE = "https://ogc.geo-ide.developpement-durable.gouv.fr/wxs?map=/opt/data/carto/a.internet.map"


def only(link: Link, **fields):
    resources = dataset(links=[link], **fields).get("resources", [])
    assert len(resources) == 1, resources
    return resources[0]


def test_the_services_of_a_lizmap_are_services_and_its_maps_are_maps():
    lizmap = "https://carto.a.fr/lizmap/index.php/lizmap/service/?repository=ddt&project=zh"
    service = only(
        Link(f"{lizmap}&SERVICE=WMS&REQUEST=GetCapabilities", "OGC:WMS", "Zones humides")
    )
    assert (service["protocol"], service["format"]) == ("OGC:WMS", "WMS")
    page = only(
        Link(
            "https://carto.a.fr/index.php/view/map/?repository=ddt&project=zh", "WWW:LINK", "Carte"
        )
    )
    assert (page["protocol"], page["resource_role"]) == ("HTTP", "service")


def test_the_page_of_the_record_itself_goes_before_that_of_another():
    pages = [
        f"https://{page}"
        for page in ("a.fr/srv/fre/catalog.search#/metadata/id-1", "b.fr/srv/api/records/x-2")
    ]
    for order in (pages, pages[::-1]):
        made = result(
            file_identifier="id-1",
            links=[Link(url, "WWW:LINK", "Fiche de métadonnées") for url in order],
        )
        assert (made.dataset["source_record"], made.dataset["url"]) == (pages[0], pages[0])
        assert pages[1] in str(made.unread)
    assert (
        dataset(file_identifier="id-1", links=[Link(pages[1], name="Fiche de métadonnées")])[
            "source_record"
        ]
        == pages[1]
    )


def test_a_page_whose_address_has_the_identifier_without_what_is_before_it_is_that_of_the_record():
    uuid = "3f0a6a52-1c1e-4b5e-9d0e-2f1b7a1c9d11"
    xml = f"https://a.fr/csw?SERVICE=CSW&REQUEST=GetRecordById&ID=FR-1-{uuid}"
    page = f"https://a.fr/srv/fre/catalog.search#/metadata/{uuid}"
    links = [Link(url, "WWW:LINK", "Fiche de métadonnées") for url in (xml, page)]
    made = dataset(file_identifier=f"FR-1-{uuid}", links=links)
    assert (made["source_record"], made["url"]) == (page, page)


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("http://a.fr/x", "http://a.fr/x"),
        ("  http://a.fr/x\n", "http://a.fr/x"),
        ("http://a.fr/a b.zip", "http://a.fr/a%20b.zip"),
        ("http://a.fr/x?a=1&amp;b=2", "http://a.fr/x?a=1&b=2"),
        ("HTTP://A.FR/X", "http://a.fr/X"),
        ("www.a.fr/x", "http://www.a.fr/x"),
        ("http//a.fr/x", "http://a.fr/x"),
        ("http:/a.fr/x", "http://a.fr/x"),
        ("http://http://a.fr/x", "http://a.fr/x"),
        ("<http://a.fr/x>", "http://a.fr/x"),
        ("ht\ttp://a.fr/x", "http://a.fr/x"),
        ("http://a.fr:8080/x", "http://a.fr:8080/x"),
        ("http://user:secret@a.fr/x", "http://a.fr/x"),
        ("ftp://a.fr/x.zip", "ftp://a.fr/x.zip"),
        ("http://écologie.fr/é", "http://écologie.fr/é"),
        ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x"),
    ],
)
def test_an_address_is_cleaned(written, clean):
    assert clean_url(written).url == clean


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty"),
        (None, "empty"),
        ("javascript:alert(1)", "scheme"),
        ("java\tscript:alert(1)", "scheme"),
        (" JaVaScRiPt:alert(1)", "scheme"),
        ("data:text/html;base64,AAAA", "scheme"),
        ("file:///V:\\Donnees\\x.lyr", "scheme"),
        ("postgis-bdu:bdu:limite.v_comite", "scheme"),
        ("vbscript:x", "scheme"),
        ("mailto:a@b.fr", "scheme"),
        ("\\\\serveur\\partage", "not-an-address"),
        ("Sur demande", "not-an-address"),
        ("http://", "not-an-address"),
        ("http://a.fr:99999999/x", "not-an-address"),
        ("http://[bad/x", "not-an-address"),
        ("http://a b.fr/x", "not-an-address"),
        ("http://a.fr/" + "x" * 5000, "too-long"),
    ],
)
def test_what_is_no_web_address_is_refused_with_its_reason(written, reason):
    address = clean_url(written)
    assert (address.url, address.reason) == (None, reason)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("atom.geo-ide.e2.rie.gouv.fr", True),
        ("descartes-dev.cete-mediterranee.i2", True),
        ("geocatalog-test.cg38.local", True),
        ("serveur", True),
        ("10.0.0.1", True),
        ("127.0.0.1", True),
        ("192.168.1.1", True),
        ("atom.geo-ide.developpement-durable.gouv.fr", False),
        ("84.39.32.245", False),
    ],
)
def test_hosts_of_the_intranet_are_known(host, inside):
    assert is_intranet(host) is inside


def test_dangerous_links_are_refused_and_told_and_never_become_resources():
    made = result(
        links=[
            Link("javascript:alert(1)", name="Clic"),
            Link("data:text/html,x"),
            Link("http://a.fr/x.zip"),
        ]
    )
    assert [resource["url"] for resource in made.dataset["resources"]] == ["http://a.fr/x.zip"]
    assert codes(made) >= {"link-scheme"}
    assert sum(line.startswith("onLine:") for line in made.unread) == 2


def test_user_names_in_a_link_are_taken_out_and_reported():
    made = result(links=[Link("https://nom:motdepasse@a.fr/x.csv")])
    assert made.dataset["resources"][0]["url"] == "https://a.fr/x.csv"
    assert codes(made) >= {"link-credentials"}
    assert "motdepasse" not in str([p.params for p in made.problems])


@pytest.mark.parametrize(
    "secret", ["token=abc123", "access_token=abc123", "PWD=abc123", "password=abc123"]
)
def test_tokens_and_passwords_in_a_link_are_taken_out_and_reported(secret):
    url = f"https://a.fr/data.zip?layer=x&{secret}&format=zip"
    made = result(links=[Link(url)], abstract=f"Voir {url}.", purpose=f"Voir {url}")
    assert made.dataset["resources"][0]["url"] == "https://a.fr/data.zip?layer=x&format=zip"
    assert "link-credentials" in codes(made)
    assert "abc123" not in str(made)


def test_the_key_of_an_application_stays():
    made = result(
        links=[Link("https://a.fr/wms?apikey=ign_scan_ws&service=WMS&request=GetCapabilities")]
    )
    assert "apikey=ign_scan_ws" in made.dataset["resources"][0]["url"]


def test_more_layers_than_are_kept_are_told():
    names = ",".join(f"couche_{n}" for n in range(120))
    made = result(links=[Link(f"https://a.fr/wfs?service=WFS&typenames={names}", "OGC:WFS")])
    assert len(made.dataset["resources"][0]["layer_name"]) == 100
    assert any("couche_119" in note for note in made.unread)


def test_views_of_the_record_are_no_resources_but_tell_where_the_original_is():
    made = dataset(
        links=[
            Link(
                "http://catalogue.a.fr/catalogue/srv/fre/catalog.search#/metadata/id-1",
                "WWW:DOWNLOAD-1.0-http--download",
                "Vue HTML des métadonnées sur internet",
                units_of_distribution="Accès aux métadonnées",
            ),
            Link(
                "https://ogc.a.fr/csw/all-dataset?REQUEST=GetRecordById&SERVICE=CSW&ID=id-1",
                "WWW:DOWNLOAD-1.0-http--download",
                "Vue XML des métadonnées",
                units_of_distribution="Accès aux métadonnées",
            ),
            Link(
                "http://catalogue.e2.rie.gouv.fr/catalogue/srv/fre/catalog.search#/metadata/id-1",
                name="Vue HTML des métadonnées sur intranet",
                units_of_distribution="Accès aux métadonnées",
            ),
        ]
    )
    assert "resources" not in made
    assert (
        made["source_record"]
        == "http://catalogue.a.fr/catalogue/srv/fre/catalog.search#/metadata/id-1"
    )
    assert made["url"] == made["source_record"]


def test_the_view_in_xml_stands_in_when_there_is_no_page():
    made = dataset(
        links=[
            Link(
                "https://ogc.a.fr/csw?REQUEST=GetRecordById&ID=id-1", name="Vue XML des métadonnées"
            )
        ]
    )
    assert made["source_record"].endswith("ID=id-1")
    assert "url" not in made


def test_a_base_address_of_both_services_of_geo_ide_becomes_two_that_answer():
    link = Link(
        GEO_IDE,
        None,
        "URL de base des services wms/wfs sur internet",
        units_of_distribution="URL de base des services wms/wfs",
    )
    wfs, wms = dataset(links=[link])["resources"]
    assert (wfs["protocol"], wms["protocol"]) == ("OGC:WFS", "OGC:WMS")
    assert wms["url"] == f"{GEO_IDE}&SERVICE=WMS&REQUEST=GetCapabilities"
    assert wms["format"] == "WMS"
    assert wms["network"] == "internet"
    assert wms["access_services"] == [
        {"title": wms["name"], "endpoint_url": [GEO_IDE], "endpoint_description": wms["url"]}
    ]


def test_the_same_on_the_intranet_is_marked_and_comes_last():
    resources = dataset(
        links=[
            Link(
                "https://atom.geo-ide.e2.rie.gouv.fr/atomArchive/GetResource?id=1",
                name="via intranet",
            ),
            Link(
                "https://atom.geo-ide.developpement-durable.gouv.fr/atomArchive/GetResource?id=1",
                name="via internet",
            ),
        ]
    )["resources"]
    assert [resource["network"] for resource in resources] == ["internet", "intranet"]


@pytest.mark.parametrize(
    ("link", "protocol", "role", "kind"),
    [
        (Link("http://a.fr/wms", "OGC:WMS"), "OGC:WMS", "service", "WMS"),
        (Link("https://data.geopf.fr/wms-v/ows", None), "OGC:WMS", "service", "WMS"),
        (Link("https://data.geopf.fr/wms-r", None), "OGC:WMS", "service", "WMS"),
        (Link("https://data.geopf.fr/tms/1.0.0/PLAN.IGN/", None), "TMS", "service", None),
        (
            Link("https://data.geopf.fr/telechargement/capabilities", None),
            "ATOM",
            "service",
            "Atom Feed",
        ),
        (
            Link("https://data.geopf.fr/telechargement/resource/RPG", None),
            "ATOM",
            "service",
            "Atom Feed",
        ),
        (
            Link("https://data.geopf.fr/annexes/x/gpf-wfs/capabilities.xml", None),
            "HTTP",
            "documentation",
            "XML",
        ),
        (
            Link("https://www.data.gouv.fr/fr/datasets/r/0f1e2d3c-0a1b-4c2d-9e8f-0011", None),
            "HTTP",
            "data",
            None,
        ),
        (
            Link("https://a.fr/srv/fre/resources.get?uuid=1&fname=zones.zip&access=private", None),
            "HTTP:DOWNLOAD",
            "data",
            "ZIP",
        ),
        (
            Link("https://a.fr/srv/fre/resources.get?uuid=1&fname=notice.pdf", None),
            "HTTP",
            "documentation",
            "PDF",
        ),
        (Link("http://a.fr/x", "OGC:WMS-1.1.1-http-get-map"), "OGC:WMS", "service", "WMS"),
        (Link("http://a.fr/x", "OGC Web Feature Service"), "OGC:WFS", "service", "WFS"),
        (Link("http://a.fr/x", "WFS"), "OGC:WFS", "service", "WFS"),
        (
            Link("http://a.fr/ows?service=WMS", "WWW:LINK-1.0-http--link"),
            "OGC:WMS",
            "service",
            "WMS",
        ),
        (
            Link("http://a.fr/x?SERVICE=WFS&REQUEST=GetCapabilities", "OGC:WMS"),
            "OGC:WFS",
            "service",
            "WFS",
        ),
        (
            Link("https://a.fr/arcgis/rest/services/X/MapServer", None),
            "ESRI:REST",
            "service",
            "Esri REST",
        ),
        (
            Link("https://a.fr/rss/atomfeed/atomdataset/1", "WWW:LINK-1.0-http--link"),
            "ATOM",
            "service",
            "Atom Feed",
        ),
        (
            Link("https://a.fr/atomMetadata/GetResourceDescription?id=1", "WWW:LINK"),
            "ATOM",
            "service",
            "Atom Feed",
        ),
        (
            Link("https://a.fr/atomArchive/GetResource?id=1", "WWW:LINK"),
            "HTTP:DOWNLOAD",
            "data",
            "ZIP",
        ),
        (
            Link(
                "https://a.fr/panierDownloadFrontalParametrage?LAYERIDTS=1",
                "WWW:DOWNLOAD-1.0-http--download",
            ),
            "HTTP:DOWNLOAD",
            "data",
            None,
        ),
        (Link("https://a.fr/consultationWMS?IDT=1", "WWW:LINK"), "HTTP", "service", "HTML"),
        (
            Link(
                "http://a.fr/ows?service=WFS&request=GetFeature&typeName=a:b&outputFormat=SHAPE-ZIP",
                "WWW:LINK",
            ),
            "OGC:WFS",
            "data",
            "SHP",
        ),
        (Link("http://a.fr/x.zip", "WWW:LINK-1.0-http--link"), "HTTP:DOWNLOAD", "data", "ZIP"),
        (Link("http://a.fr/x.csv", "WWW:DOWNLOAD"), "HTTP:DOWNLOAD", "data", "CSV"),
        (
            Link(
                "http://a.fr/explore/dataset/x/download?format=geojson",
                "WWW:DOWNLOAD:application/vnd.geo+json",
            ),
            "HTTP:DOWNLOAD",
            "data",
            "GeoJSON",
        ),
        (
            Link("http://a.fr/notice.pdf", "WWW:DOWNLOAD-1.0-http--download"),
            "HTTP:DOWNLOAD",
            "documentation",
            "PDF",
        ),
        (
            Link("http://a.fr/page", "WWW:LINK", function="information"),
            "HTTP",
            "documentation",
            "HTML",
        ),
        (Link("http://a.fr/page", "WWW:LINK", function="download"), "HTTP", "data", None),
        (
            Link("http://a.fr/", "WWW:DOWNLOAD-1.0-http--download"),
            "HTTP:DOWNLOAD",
            "documentation",
            "HTML",
        ),
        (
            Link("http://a.fr/std", "WWW:LINK", "Standard de données COVADIS : X"),
            "HTTP",
            "documentation",
            "HTML",
        ),
        (
            Link("https://lizmap.a.fr/index.php/view/map?project=x", "WWW:LINK", "Carte dynamique"),
            "HTTP",
            "service",
            "HTML",
        ),
        (Link("ftp://a.fr/x.gpkg", None), "FTP", "data", "GeoPackage"),
        (
            Link("https://a.fr/ogcapi/collections/x/items", "OGC API - Features"),
            "OGC:API-FEATURES",
            "data",
            "GeoJSON",
        ),
        (Link("http://a.fr/page", None), "HTTP", "documentation", "HTML"),
    ],
)
def test_protocol_role_and_format_follow_from_the_signs_of_a_link(link, protocol, role, kind):
    resource = only(link)
    assert (resource["protocol"], resource["resource_role"], resource.get("format")) == (
        protocol,
        role,
        kind,
    )


def test_a_service_without_a_request_is_completed_and_one_with_a_request_left_alone():
    assert only(Link("http://a.fr/geoserver/ows", "OGC:WFS", "ns:layer"))["url"] == (
        "http://a.fr/geoserver/ows?SERVICE=WFS&REQUEST=GetCapabilities"
    )
    whole = "http://a.fr/wms?service=WMS&request=GetCapabilities"
    assert only(Link(whole, "OGC:WMS"))["url"] == whole


def test_the_layer_is_told_apart_from_the_name():
    resource = only(
        Link("http://a.fr/wms", "OGC:WMS", "reg22:points_arret", "Points d'arrêt routiers")
    )
    assert (resource["layer_name"], resource["name"]) == (
        ["reg22:points_arret"],
        "Points d'arrêt routiers",
    )
    resource = only(Link("http://a.fr/wms", "OGC:WMS", "bano"))
    assert resource["name"] == "Service de visualisation (OGC WMS) : bano"


@pytest.mark.parametrize(
    ("name", "url", "layers"),
    [
        ("zi_01, zi_02", "http://a.fr/wms", ["zi_01", "zi_02"]),
        ("Zones inondables, Ain", "http://a.fr/wms?layers=zi_01,zi_02", ["zi_01", "zi_02"]),
        ("Zones inondables", "http://a.fr/wms", None),
    ],
)
def test_several_layers_of_one_link_are_parted_by_commas(name, url, layers):
    assert only(Link(url, "OGC:WMS", name)).get("layer_name") == layers


def test_layers_of_one_service_stay_apart_and_the_same_link_twice_is_one_resource():
    layers = [Link("http://a.fr/wms", "OGC:WMS", f"layer_{n}") for n in range(3)]
    resources = dataset(links=[*layers, *layers])["resources"]
    assert len(resources) == 3
    assert len({tuple(resource["layer_name"]) for resource in resources}) == 3


def test_the_format_within_an_archive_is_the_one_that_the_record_names():
    link = Link("https://a.fr/atomArchive/GetResource?id=1", "WWW:DOWNLOAD-1.0-http--download")
    resource = only(link, formats=[Format("ESRI Shapefile (SHP)", "1.0")])
    assert (resource["format"], resource["mimetype"]) == ("SHP", "application/zip")
    assert resource["package_format"].endswith("/application/zip")
    assert resource["download_url"] == resource["url"]
    assert only(link, formats=[Format("SHP"), Format("GeoPackage")])["format"] == "ZIP"
    assert only(link, formats=[Format("Inconnu")])["format"] == "ZIP"


def test_order_and_names_do_not_depend_on_the_order_of_the_record():
    links = [
        Link("http://a.fr/doc.pdf", "WWW:LINK", "Notice"),
        Link("http://a.fr/wms", "OGC:WMS", "couche_1"),
        Link("http://a.fr/data.zip", "WWW:DOWNLOAD", "Données"),
    ]
    forward, backward = dataset(links=links)["resources"], dataset(links=links[::-1])["resources"]
    assert forward == backward
    assert [resource["resource_role"] for resource in forward] == [
        "data",
        "service",
        "documentation",
    ]


def test_size_and_encoding_of_the_data_are_kept():
    resource = only(Link("http://a.fr/x.zip", size_megabytes="1,5"), encodings=["utf8"])
    assert (resource["size"], resource["encoding"]) == (1_500_000, "UTF-8")
    assert "size" not in only(Link("http://a.fr/x.zip", size_megabytes="beaucoup"))
    assert only(Link("http://a.fr/x.zip", size_megabytes="1000000000"))["size"] == 10**15
    assert "size" not in only(Link("http://a.fr/x.zip", size_megabytes="1000000001"))


def test_operations_of_a_service_give_its_address_once():
    service = Service(
        "view",
        operations=[
            Operation("GetCapabilities", [Link("http://a.fr/wms?", "HTTP GET")]),
            Operation("GetMap", [Link("http://a.fr/wms?", "HTTP GET")]),
        ],
    )
    resources = dataset(service=service)["resources"]
    assert [(r["protocol"], r["name"]) for r in resources] == [("OGC:WMS", "Un jeu de données")]


def test_names_and_descriptions_of_links_are_plain_text():
    resource = only(
        Link(
            "http://a.fr/x.zip",
            name="<b>Données</b>",
            description="<script>x</script><p>Un</p><p>Deux</p>",
        )
    )
    assert resource["name"] == "Données"
    assert resource["description"] == "Un\n\nDeux"


@pytest.mark.slow("load")
def test_thousands_of_links_are_bounded_and_the_rest_is_told():
    made = result(
        links=[Link(f"http://a.fr/{n}.zip", "WWW:DOWNLOAD", f"Fichier {n}") for n in range(8_000)]
    )
    assert len(made.dataset["resources"]) == 500
    assert codes(made) >= {"too-many"}
    assert any(line.startswith("onLine:") for line in made.unread)


def test_the_large_preview_on_the_internet_is_kept():
    made = result(
        graphics=[
            Graphic("http://serveur.i2/a.png", "thumbnail"),
            Graphic("http://a.fr/small.png", "thumbnail"),
            Graphic("http://a.fr/large.png", "large_thumbnail"),
            Graphic("apercu.png"),
            Graphic("javascript:x"),
        ]
    )
    assert made.dataset["preview_image"] == "http://a.fr/large.png"
    assert "graphicOverview: apercu.png" in made.unread


def test_name_of_a_resource_may_be_longer_than_the_address_of_a_dataset():
    made = result(links=[Link(url="https://a.fr/x.zip", name="Sol " * 40)])
    assert made.dataset["resources"][0]["name"] == ("Sol " * 40).strip()
    assert "text-cut" not in codes(made)


def test_a_document_of_capabilities_is_its_own_address():
    url = "https://example.org/wmts/1.0.0/WMTSCapabilities.xml"
    (resource,) = dataset(links=[Link(url, "OGC:WMTS", "irve")])["resources"]
    (service,) = resource["access_services"]
    assert (resource["url"], service["endpoint_description"]) == (url, url)


@pytest.mark.slow("load")
@pytest.mark.parametrize(
    "written", ["https://a.fr/{}/" + "x" * 3_900, "javascript:{}" + "x" * 3_900]
)
def test_thousands_of_long_links_are_read_in_seconds(written: str):
    links = [
        Link(written.format(n), "WWW:DOWNLOAD", f"Fichier {n}", "Un fichier. " * 20)
        for n in range(3_000)
    ]
    started = time.process_time()
    made = result(links=links)
    assert time.process_time() - started < 7
    assert len(made.dataset.get("resources", [])) == (500 if written.startswith("https") else 0)
