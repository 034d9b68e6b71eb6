"""DCAT-AP 3 export: expected triples, and validation with the published SHACL shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ckan.common import config
from rdflib import (
    DCAT,
    DCTERMS,
    FOAF,
    PROV,
    RDF,
    SH,
    SKOS,
    XSD,
    Graph,
    Literal,
    Namespace,
    URIRef,
)

from ckanext.dcat.processors import RDFParser, RDFSerializer
from ckanext.ecosphere.schemas.rdf import profiles
from ckanext.ecosphere.schemas.tests import samples

ADMS = Namespace("http://www.w3.org/ns/adms#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
DQV = Namespace("http://www.w3.org/ns/dqv#")
GEODCAT = Namespace("http://data.europa.eu/930/")
LOCN = Namespace("http://www.w3.org/ns/locn#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
OWN_SHAPES = Path(__file__).with_name("shapes.ttl")
SHAPES_OF_HIGH_VALUE = Path(__file__).with_name("shapes_hvd.ttl")
SHAPES_OF_GEODCAT = Path(__file__).with_name("shapes_geodcat.ttl")
PUBLISHED_SHAPES = Path(__file__).parents[5] / "shared" / "reference" / "shacl"

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


@pytest.fixture
def graph_of(create: Any, act: Any) -> Any:
    """Create a dataset; return the graph of its Turtle, and its URI."""

    def graph_of(dataset: dict[str, Any]) -> tuple[Graph, URIRef]:
        made = create(dataset)
        graph = Graph().parse(
            data=act("dcat_dataset_show", id=made["id"], format="ttl"), format="turtle"
        )
        return graph, URIRef(f"http://test.ckan.net/dataset/{made['id']}")

    return graph_of


def failures(graph: Graph, *shapes: Path) -> set[tuple[str, str]]:
    """Return the shapes that a graph violates: (path, constraint)."""
    from pyshacl import validate

    rules = Graph()
    for path in shapes:
        rules.parse(path, format="turtle")
    _, report, _ = validate(graph, shacl_graph=rules, inference="none")
    assert isinstance(report, Graph)
    return {
        (
            str(report.value(result, SH.resultPath)),
            str(report.value(result, SH.sourceConstraintComponent)),
        )
        for result in report.objects(None, SH.result)
        if report.value(result, SH.resultSeverity) == SH.Violation
    }


def test_our_profile_is_in_force(create):
    assert config["ckanext.dcat.rdf.profiles"].split()[0] == "ecosphere_dcat_ap"


def test_a_full_dataset_gives_the_expected_triples(graph_of):
    graph, ref = graph_of(samples.full())
    uri = URIRef
    expected = {
        (RDF.type, DCAT.Dataset),
        (DCTERMS.title, Literal("Zones inondables de l'Ain en 2023", lang="fr")),
        (DCTERMS.identifier, Literal("https://catalogue.example.org/zi-01", datatype=XSD.anyURI)),
        (DCTERMS.type, uri(f"{samples.INSPIRE}/metadata-codelist/ResourceType/dataset")),
        (DCAT.theme, uri(f"{samples.THEMES}/prevention-des-inondations")),
        (DCAT.theme, uri(f"{samples.INSPIRE}/theme/nz")),
        (DCAT.theme, uri(f"{samples.DIM}/data-theme/ENVI")),
        (
            GEODCAT.topicCategory,
            uri(f"{samples.INSPIRE}/metadata-codelist/TopicCategory/inlandWaters"),
        ),
        (DCTERMS.spatial, uri(samples.AIN)),
        (DCTERMS.conformsTo, uri("http://www.opengis.net/def/crs/EPSG/0/2154")),
        (DCTERMS.conformsTo, uri("http://data.europa.eu/eli/reg/2010/1089")),
        (DCTERMS.accrualPeriodicity, uri(f"{samples.DIM}/frequency/ANNUAL")),
        (DCTERMS.accessRights, uri(f"{samples.DIM}/access-right/RESTRICTED")),
        (DCTERMS.rights, uri(samples.FULL["access_limitation"][0])),
        (DCTERMS.language, uri(f"{samples.DIM}/language/FRA")),
        (DCTERMS.created, Literal("2023", datatype=XSD.gYear)),
        (DCTERMS.issued, Literal("2023-07-01", datatype=XSD.date)),
        (DCTERMS.alternative, Literal("ZI 01")),
        (DCTERMS.publisher, uri(samples.AGENT["uri"])),
        (DCATAP.applicableLegislation, uri("http://data.europa.eu/eli/dir/2007/60/oj")),
        (DCAT.version, Literal("2023.1")),
        (DCAT.keyword, Literal("cours d'eau")),
        (ADMS.status, uri(f"{samples.DIM}/dataset-status/COMPLETED")),
        (FOAF.page, uri("https://www.ain.gouv.fr/notice.pdf")),
    }
    assert expected - set(graph.predicate_objects(ref)) == set()
    assert graph.value(uri(f"{samples.INSPIRE}/theme/nz"), SKOS.prefLabel, any=True)


def test_periods_may_be_open(graph_of):
    graph, ref = graph_of(samples.full())
    periods = {
        (graph.value(period, DCAT.startDate), graph.value(period, DCAT.endDate))
        for period in graph.objects(ref, DCTERMS.temporal)
    }
    assert periods == {
        (Literal("2019", datatype=XSD.gYear), Literal("2023-06", datatype=XSD.gYearMonth)),
        (Literal("2024-01-01", datatype=XSD.date), None),
    }


def test_the_scale_is_a_measurement(graph_of):
    graph, ref = graph_of(samples.full())
    (measurement,) = [
        node
        for node in graph.objects(ref, DQV.hasQualityMeasurement)
        if graph.value(node, DQV.isMeasurementOf) == GEODCAT.spatialResolutionAsScale
    ]
    assert float(graph.value(measurement, DQV.value) or 0) == pytest.approx(1 / 25000)


def test_conformity_is_told_with_its_degree(graph_of):
    graph, ref = graph_of(samples.full())
    degrees = {
        str(graph.value(graph.value(activity, PROV.generated), DCTERMS.type)).rsplit("/", 1)[1]
        for activity in graph.objects(ref, PROV.wasUsedBy)
    }
    assert degrees == {"conformant", "notEvaluated"}
    conformant = URIRef("http://data.europa.eu/eli/reg/2010/1089")
    assert (ref, DCTERMS.conformsTo, conformant) in graph
    (plan,) = graph.subjects(PROV.wasDerivedFrom, conformant)
    assert graph.value(plan, DCTERMS.title) == Literal("Règlement (UE) n° 1089/2010")


def test_datasets_of_a_feed_keep_their_own_words_for_a_common_regulation(create):
    regulation = "http://data.europa.eu/eli/reg/2010/1089"
    said = {
        "reg-a": ("Règlement 1089", "2010-12-08"),
        "reg-b": ("Commission Regulation", "2010-11-23"),
    }
    rows = {
        name: [{"specification": title, "uri": regulation, "date": date, "degree": "notConformant"}]
        for name, (title, date) in said.items()
    }
    made = [create({"title": name, "name": name, "conformity": row}) for name, row in rows.items()]
    serializer, parser = (
        RDFSerializer(profiles=["ecosphere_dcat_ap"]),
        RDFParser(profiles=["ecosphere_dcat_ap"]),
    )
    for each in made:
        serializer.graph_from_dataset(each)
    parser.parse(serializer.g.serialize(format="turtle"), _format="turtle")
    assert {each["title"]: each["conformity"] for each in parser.datasets()} == rows


def test_what_a_portal_computed_of_a_description_is_no_measure_of_the_producer(create, act):
    made = create(
        {"title": "Note", "name": "note", "quality_measure": [{"name": "Erreur", "value": "2"}]}
    )
    parser = RDFParser(profiles=["ecosphere_dcat_ap"])
    served = act("dcat_dataset_show", id=made["id"], format="ttl")
    assert "computedOn" in served
    parser.parse(served, _format="turtle")
    assert next(iter(parser.datasets()))["quality_measure"] == made["quality_measure"]


def test_data_outside_of_france_are_not_said_to_cover_the_world(graph_of):
    graph, ref = graph_of({"title": "Belgique", "name": "be", "territory": ["autre-hors-france"]})
    (place,) = graph.objects(ref, DCTERMS.spatial)
    assert list(graph.objects(place, DCAT.bbox)) == []


def test_the_catalogue_itself_keeps_to_the_shapes(app, create):
    full = samples.full(name="in-catalogue")
    del (
        full["resources"][0]["hash_algorithm"],
        full["resources"][0]["hash"],
    )  # the shape requires SPDX URIs with https
    create(full)
    graph = Graph().parse(data=app.get("/catalog.ttl").body, format="turtle")
    (catalogue,) = graph.subjects(RDF.type, DCAT.Catalog)
    (language,) = graph.objects(catalogue, DCTERMS.language)
    assert str(language).startswith(f"{samples.DIM}/language/")
    assert graph.value(graph.value(catalogue, DCTERMS.publisher), FOAF.name) is not None
    assert list(graph.objects(catalogue, DCAT.record))
    if PUBLISHED_SHAPES.is_dir():
        names = ("shapes", "range", "mdr-vocabularies.shape")
        assert (
            failures(graph, *(PUBLISHED_SHAPES / f"dcat-ap-3.0.1-{name}.ttl" for name in names))
            == set()
        )
    assert not list(
        graph.subjects(
            DCTERMS.conformsTo, graph.value(None, DCTERMS.title, Literal("Géostandard PPR"))
        )
    )


def test_other_roles_are_attributions_in_the_terms_of_prov(graph_of):
    graph, ref = graph_of(samples.full())
    attribution = graph.value(ref, PROV.qualifiedAttribution)
    assert graph.value(attribution, DCAT.hadRole) == URIRef(
        samples.FULL["qualified_attribution"][0]["role"]
    )
    assert graph.value(graph.value(attribution, PROV.agent), FOAF.name) == Literal("IGN")
    assert not list(graph.objects(ref, DCAT.qualifiedAttribution))


def test_a_series_is_told_when_everyone_may_see_it(graph_of, create):
    for name, private in (("lot-risques-ain", False), ("lot-secret", True)):
        create({"title": f"Lot {name}", "notes": "Un lot.", "name": name, "private": private})
    graph, ref = graph_of(samples.full(in_series=["lot-risques-ain", "lot-secret", "lot-inconnu"]))
    (series,) = graph.objects(ref, DCAT.inSeries)
    assert (series, RDF.type, DCAT.DatasetSeries) in graph
    assert graph.value(series, DCTERMS.title) == Literal("Lot lot-risques-ain")


def test_other_editions_are_told_when_everyone_may_see_them_and_read_again(graph_of, create):
    editions = ("zones-2012", "zones-secret", "zones-2030")
    made = {
        name: create({"title": name, "name": name, "private": "secret" in name})
        for name in editions
    }
    graph, ref = graph_of(
        samples.full(replaces=[*editions[:2], "zones-nulle-part"], replaced_by=["zones-2030"])
    )
    (older,) = graph.objects(ref, DCTERMS.replaces)
    (newer,) = graph.objects(ref, DCTERMS.isReplacedBy)
    again: dict[str, Any] = {}
    profiles.complete_reading(graph, ref, again)
    assert [str(node).rpartition("/")[2] for node in (older, newer)] == [
        made[n]["id"] for n in ("zones-2012", "zones-2030")
    ]
    assert again["replaces"] == ["zones-2012", "zones-nulle-part"]
    assert again["replaced_by"] == ["zones-2030"]


def test_the_place_is_said_once(graph_of):
    graph, ref = graph_of(samples.full())
    assert len(list(graph.objects(ref, DCTERMS.spatial))) == 2  # the extent and the département
    graph, ref = graph_of({"title": "T", "name": "by-territory", "territory": [samples.AIN]})
    assert list(graph.objects(ref, DCTERMS.spatial)) == [URIRef(samples.AIN)]


def test_a_distribution_has_uris_of_format_media_type_and_licence(graph_of):
    graph, ref = graph_of(samples.full())
    (shape,) = [
        d for d in graph.objects(ref, DCAT.distribution) if (d, DCAT.downloadURL, None) in graph
    ]
    assert graph.value(shape, DCTERMS.format) == URIRef(f"{samples.DIM}/file-type/SHP")
    assert (
        str(graph.value(shape, DCAT.mediaType))
        == "https://www.iana.org/assignments/media-types/application/zip"
    )
    assert graph.value(shape, DCTERMS.license) == URIRef("http://spdx.org/licenses/etalab-2.0")
    assert graph.value(shape, DCAT.byteSize) == Literal("1048576", datatype=XSD.nonNegativeInteger)
    (service,) = graph.subjects(RDF.type, DCAT.DataService)
    assert graph.value(service, DCAT.endpointURL) == URIRef("https://ogc.example.org/wms")


def test_no_licence_is_not_told_as_a_licence(graph_of):
    graph, ref = graph_of(
        {
            "title": "T",
            "name": "tt",
            "license_id": "notspecified",
            "resources": [{"url": "https://x.org/a.csv"}],
        }
    )
    (distribution,) = graph.objects(ref, DCAT.distribution)
    assert graph.value(distribution, DCTERMS.license) is None


@pytest.mark.parametrize(
    ("extension", "form"), [("ttl", "turtle"), ("xml", "xml"), ("jsonld", "json-ld")]
)
def test_each_dataset_page_is_also_rdf(app, create, extension, form):
    create(samples.full())
    body = app.get(f"/dataset/zones-inondables-ain.{extension}").body
    graph = Graph().parse(data=body, format=form)
    assert (None, DCTERMS.title, Literal("Zones inondables de l'Ain en 2023", lang="fr")) in graph


def test_what_is_private_is_not_served_as_rdf(app, create):
    create(samples.full(private=True))
    for extension in ("ttl", "xml", "jsonld"):
        assert app.get(
            f"/dataset/zones-inondables-ain.{extension}", expect_errors=True
        ).status_code in (403, 404)


def test_a_full_and_a_harvested_dataset_keep_to_dcat_ap(graph_of):
    for dataset in (samples.full(), samples.harvested(name="harvested")):
        graph, _ = graph_of(dataset)
        assert failures(graph, OWN_SHAPES) == set()


def test_a_high_value_dataset_keeps_to_the_shapes_of_dcat_ap_hvd(app, create):
    create(samples.full())
    graph = Graph().parse(data=app.get("/dataset/zones-inondables-ain.ttl").body, format="turtle")
    assert failures(graph, OWN_SHAPES, SHAPES_OF_HIGH_VALUE) == set()


def test_datasets_of_every_kind_keep_to_the_shapes_of_geodcat_ap(app, create):
    create({"title": "Zones", "notes": "Des zones.", "name": "zones"})
    pages = ["/catalog.ttl"]
    for number, dataset in enumerate([*samples.peculiar(), samples.harvested()]):
        create({"title": "T", "notes": "N", **dataset, "name": f"kind-{number}"})
        pages.append(f"/dataset/kind-{number}.ttl")
    found = set()
    for page in pages:
        graph = Graph().parse(data=app.get(page).body, format="turtle")
        found |= {(page, *failure) for failure in failures(graph, SHAPES_OF_GEODCAT)}
    of_class, too_many = str(SH.ClassConstraintComponent), str(SH.MaxCountConstraintComponent)
    assert found == {
        # Geometries are texts, which is what harvesters read.
        ("/catalog.ttl", str(LOCN.geometry), of_class),
        ("/dataset/kind-6.ttl", str(LOCN.geometry), of_class),
        # The page of a service names the datasets that it serves, and the catalogue describes them.
        ("/dataset/kind-1.ttl", str(DCAT.servesDataset), of_class),
        # Each dataset that is accessible by the same service names the publisher of the service.
        ("/catalog.ttl", str(DCTERMS.publisher), too_many),
    }


def test_our_shapes_see_an_email_that_is_not_said_to_be_one(graph_of):
    graph, _ = graph_of(samples.harvested(name="harvested"))
    graph.remove((None, RDF.type, VCARD.Email))
    assert (str(VCARD.hasEmail), str(SH.ClassConstraintComponent)) in failures(
        graph, SHAPES_OF_GEODCAT
    )


def test_our_shapes_see_a_dataset_without_description(graph_of):
    graph, _ = graph_of({"title": "T", "name": "tt"})
    assert (str(DCTERMS.description), str(SH.MinCountConstraintComponent)) in failures(
        graph, OWN_SHAPES
    )


@pytest.mark.records
@pytest.mark.parametrize(
    "shapes",
    [
        "dcat-ap-3.0.1-shapes.ttl",
        "dcat-ap-3.0.1-range.ttl",
        "dcat-ap-3.0.1-mdr-vocabularies.shape.ttl",
    ],
)
def test_a_full_dataset_keeps_to_the_published_shapes(graph_of, create, shapes):
    published = PUBLISHED_SHAPES / f"dcat-ap-3.0.1-{shapes}.ttl"
    if not published.exists():
        return
    create({"title": "Lot des risques", "notes": "Un lot.", "name": "lot-risques-ain"})
    graph, _ = graph_of(samples.full())
    # The published shape requires https, whereas the SPDX namespace, which the guidelines use, has
    # http.
    assert failures(graph, published) <= {(str(SPDX.algorithm), str(SH.NodeConstraintComponent))}


def test_the_dates_of_the_portal_s_record_are_not_told_as_those_of_the_data(graph_of):
    graph, ref = graph_of(
        {"title": "T", "name": "dateless", "resources": [{"url": "https://a.example/b.csv"}]}
    )
    (distribution,) = graph.objects(ref, DCAT.distribution)
    (record,) = graph.objects(ref, FOAF.isPrimaryTopicOf)
    for node in (ref, distribution):
        assert [*graph.objects(node, DCTERMS.issued), *graph.objects(node, DCTERMS.modified)] == []
    for predicate in (DCTERMS.issued, DCTERMS.modified):
        assert graph.value(record, predicate).datatype == XSD.dateTime


@pytest.mark.few(2, "formats")
@pytest.mark.parametrize(
    ("asked", "ending"),
    [
        ("text/turtle", ".ttl"),
        ("application/rdf+xml;q=0.9, text/html;q=0.5", ".rdf"),
        ("application/ld+json", ".jsonld"),
        ("text/n3", ".n3"),
        ("text/html, text/turtle;q=0.9", None),
        ("*/*", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_who_asks_for_rdf_at_the_address_of_a_thing_is_led_to_it(app, create, asked, ending):
    made = create(
        {"title": "T", "name": "asked", "resources": [{"url": "https://a.example/b.csv"}]}
    )
    file = made["resources"][0]["id"]
    pages = {
        f"/dataset/{made['id']}": made["id"],
        "/dataset/asked": "asked",
        f"/dataset/asked/resource/{file}": "asked",
    }
    expected = {page: f"/dataset/{name}{ending}" for page, name in pages.items()} | {
        "/": f"/catalog{ending}"
    }
    for page, address in expected.items():
        answer = app.get(page, headers={"Accept": asked}, follow_redirects=False)
        assert "Accept" in answer.headers["Vary"]
        if ending is None:
            assert answer.status_code in (200, 302)
        else:
            assert (
                answer.status_code,
                answer.headers["Location"].partition("5000")[2] or answer.headers["Location"],
            ) == (
                303,
                address,
            )
            body = app.get(address).body
            form = {".ttl": "turtle", ".rdf": "xml", ".jsonld": "json-ld", ".n3": "n3"}[ending]
            assert (None, DCTERMS.title, Literal("T")) in Graph().parse(data=body, format=form)
