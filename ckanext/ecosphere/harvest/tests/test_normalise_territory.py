"""Rules for the territory of a dataset, and the evidence it is derived from."""

import json
import time

import pytest

from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.harvest.normalise import Context, Reason
from ckanext.ecosphere.harvest.record import Box, Contact, Identifier, Keyword
from ckanext.ecosphere.harvest.tests.making import DEFAULT, FALLBACK, codes, ids, result
from ckanext.ecosphere.vocabularies.epcis import outlines

AIN = Box(west="4.72", east="6.18", south="45.61", north="46.52")
BOURG = Box(west="5.18", east="5.28", south="46.18", north="46.23")


def territory(made):
    return ids("territories", made.dataset.get("territory", []))


def how(made):
    return next((c.before.code for c in made.log if c.rule == "territory"), None)


NANTES = outlines()["244400404"].box


def drawn(made):
    """Return name and box corners of the extents of a dataset."""
    rows = made.dataset.get("spatial_coverage", [])
    shapes = [json.loads(row["bbox"])["coordinates"][0] if row.get("bbox") else [] for row in rows]
    return [
        (row.get("text", ""), (*shape[0], *shape[2]) if shape else ())
        for row, shape in zip(rows, shapes, strict=True)
    ]


@pytest.mark.parametrize(
    ("said", "way"),
    [
        ({"title": "PCAET de Nantes Métropole"}, "locality"),
        (
            {"title": "Tri sélectif", "contacts": [Contact(organisation="Nantes Métropole")]},
            "locality",
        ),
        (
            {"title": "Bornes", "geographic_identifiers": [Identifier(code="244400404")]},
            "geographic identifier",
        ),
        (
            {"title": "Bornes", "keywords": [Keyword(text="Nantes Métropole", type="place")]},
            "place keyword",
        ),
        ({"title": "Bornes", "extent_descriptions": ["Nantes Métropole"]}, "extent description"),
    ],
)
def test_a_record_that_only_names_an_intercommunality_gets_its_box_and_the_log_tells_so(said, way):
    made = result(**said)
    assert (territory(made), how(made)) == (["departement-44"], way)
    told = [
        (change.before, change.after) for change in made.log if change.field == "spatial_coverage"
    ]
    assert drawn(made) == [("Nantes Métropole", NANTES)]
    assert told == [
        (Reason("outline-of", {"value": "Nantes Métropole"}), ", ".join(map(str, NANTES)))
    ]


def test_the_address_of_an_intercommunality_keeps_its_place_and_gets_the_box():
    uri = "http://id.insee.fr/geo/intercommunalite/244400404"
    made = result(geographic_identifiers=[Identifier(href=uri, code="Nantes Métropole")])
    assert made.dataset["spatial_coverage"][0]["uri"] == uri
    assert drawn(made) == [("Nantes Métropole", NANTES)]


@pytest.mark.parametrize(
    "said",
    [
        # It has an extent, or names another place.
        {
            "title": "PCAET de Nantes Métropole",
            "boxes": [Box(west="-1.7", east="-1.4", south="47.1", north="47.3")],
        },
        {"title": "Nantes Métropole et le reste de la Loire-Atlantique"},
        {
            "title": "PCAET de Nantes Métropole",
            "geographic_identifiers": [Identifier(code="FXX"), Identifier(code="85")],
        },
        {
            "title": "PCAET de Nantes Métropole",
            "geographic_identifiers": [Identifier(href="http://id.insee.fr/geo/commune/44109")],
        },
        # The producer is no evidence where the title names another place, or where nothing says
        # that the whole is covered.
        {
            "title": "Zones humides de la Loire-Atlantique",
            "contacts": [Contact(organisation="Nantes Métropole")],
        },
        # Three share this name, and two are named here.
        {"title": "Voirie de la communauté de communes CC des Quatre Rivières"},
        {"title": "Nantes Métropole et CC Sèvre et Loire"},
    ],
)
def test_no_box_is_made_up_where_more_or_another_place_is_said(said):
    made = result(**said)
    assert not [
        change
        for change in made.log
        if change.field == "spatial_coverage" and change.rule == "territory"
    ]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("http://id.insee.fr/geo/departement/24", "departement-24"),
        ("https://id.insee.fr/geo/departement/24/", "departement-24"),
        ("http://id.insee.fr/geo/region/84", "region-ara"),
        ("http://id.insee.fr/geo/region/22", "region-hdf"),
        ("http://id.insee.fr/geo/region/91", "region-occ"),
        ("http://id.insee.fr/geo/commune/64399", "departement-64"),
        ("http://id.insee.fr/geo/commune/2A004", "departement-2a"),
        ("http://id.insee.fr/geo/commune/97411", "outre-mer-reu"),
        ("http://publications.europa.eu/resource/authority/atu/FRA_DPT_001", "departement-01"),
        ("http://id.insee.fr/geo/commune/99999", None),
        ("http://example.com/geo/departement/24", None),
    ],
)
def test_an_address_stands_for_a_territory_and_a_commune_for_its_departement(uri, found):
    concept = places.from_uri(uri)
    assert (concept.id if concept else None) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("22358", "departement-22"),
        ("2A004", "departement-2a"),
        ("97105", "outre-mer-glp"),
        ("088", "departement-88"),
        ("88", "departement-88"),
        ("2B", "departement-2b"),
        ("971", "outre-mer-glp"),
        ("R84", "region-ara"),
        ("R22", "region-hdf"),
        ("D24", "departement-24"),
        ("FXX", "pays-fxx"),
        ("MYT", "outre-mer-myt"),
        ("Avrigny*60036", "departement-60"),
        ("20115", None),
        ("99", None),
        ("WWW", None),
        ("123456789", None),
        ("", None),
    ],
)
def test_a_bare_code_stands_for_a_territory(code, found):
    concept = places.from_code(code)
    assert (concept.id if concept else None) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("PICARDIE", "region-hdf"),
        ("RHONE ALPES", "region-ara"),
        ("Rhône-Alpes", "region-ara"),
        ("Auvergne-Rhône-Alpes", "region-ara"),
        ("Midi-Pyrénées", "region-occ"),
        ("Haute-Normandie", "region-nor"),
        ("PACA", "region-pac"),
        ("haute vienne", "departement-87"),
        ("La Réunion", "outre-mer-reu"),
        ("France continentale", "pays-fxx"),
        ("Région wallonne", "autre-hors-france"),
        ("Atlantide", None),
    ],
)
def test_a_name_stands_for_a_territory_former_regions_too(name, found):
    concept = places.from_name(name)
    assert (concept.id if concept else None) == found


def test_the_geographic_identifier_goes_first():
    made = result(
        geographic_identifiers=[Identifier("http://id.insee.fr/geo/departement/87")],
        keywords=[Keyword("Somme", type="place")],
        boxes=[AIN],
    )
    assert territory(made) == ["departement-87"]
    assert how(made) == "geographic identifier"
    assert {"uri": "http://id.insee.fr/geo/departement/87"} in made.dataset["spatial_coverage"]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("80 - Somme", ["departement-80"]),
        ("Somme (80)", ["departement-80"]),
        ("Département 80", ["departement-80"]),
        ("Département de la Somme", ["departement-80"]),
        ("Commune d’Abbeville (80001)", ["departement-80"]),
        ("80001;80021;80318", ["departement-80"]),
        ("80001, 62041", ["departement-62", "departement-80"]),
        ("Somme (62)", []),
        ("Région 80", []),
    ],
)
def test_a_geographic_identifier_says_a_territory_in_many_ways(written, found):
    assert sorted(territory(result(geographic_identifiers=[Identifier(written)]))) == found


def test_a_list_of_addresses_in_one_identifier_is_as_many_places():
    address = "http://id.insee.fr/geo/departement/"
    made = result(geographic_identifiers=[Identifier(f"{address}80, {address}62")])
    assert sorted(territory(made)) == ["departement-62", "departement-80"]
    assert [each["uri"] for each in made.dataset["spatial_coverage"]] == [
        f"{address}80",
        f"{address}62",
    ]
    made = result(
        geographic_identifiers=[Identifier("80001;62041", href="http://id.insee.fr/geo/region/32")]
    )
    assert {"uri": "http://id.insee.fr/geo/region/32"} in made.dataset["spatial_coverage"]


def test_a_place_that_is_named_by_its_address_keeps_its_name():
    named = Identifier("Abbeville", href="http://id.insee.fr/geo/commune/80001")
    made = result(geographic_identifiers=[named])
    assert made.dataset["spatial_coverage"] == [{"uri": named.href, "text": "Abbeville"}]


def test_a_description_says_what_a_territory_is_without_a_box():
    assert territory(result(extent_descriptions=["Département de la Somme"])) == ["departement-80"]


def test_then_the_keywords_given_as_places():
    made = result(keywords=[Keyword("SOMME", thesaurus="Départements")], boxes=[AIN])
    assert (territory(made), how(made)) == (["departement-80"], "place keyword")


def test_then_any_keyword_if_the_boxes_agree():
    assert how(result(keywords=[Keyword("Ain")], boxes=[BOURG])) == "keyword"
    made = result(keywords=[Keyword("Loire")], boxes=[BOURG])
    assert territory(made) == ["departement-01"]
    assert how(made) == "box"


def test_then_the_description_of_the_extent():
    made = result(extent_descriptions=["département de l'Ain"], boxes=[BOURG])
    assert (territory(made), how(made)) == (["departement-01"], "extent description")


def test_common_words_in_a_description_are_no_places():
    assert not territory(result(extent_descriptions=["Métropole du nord, lot 3"]))


def test_then_the_commune_code_of_an_urban_planning_document():
    made = result(identifiers=[Identifier("https://x/document/01053_PLU_20190101")], boxes=[BOURG])
    assert (territory(made), how(made)) == (["departement-01"], "name of the document")


@pytest.mark.parametrize(
    ("box", "found"),
    [
        (AIN, ["departement-01"]),
        (BOURG, ["departement-01"]),
        (Box(west="-5.15", east="9.57", south="41.33", north="51.09"), ["pays-fxx"]),
        (Box(west="-5.15", east="-1.01", south="47.27", north="48.91"), ["region-bre"]),
        (Box(west="-20", east="40", south="30", north="70"), ["pays-fxx"]),
        (Box(west="55.2", east="55.9", south="-21.4", north="-20.8"), ["outre-mer-reu"]),
        (Box(west="3", east="4", south="41", north="42"), ["zone-maritime-fx-med"]),
        (Box(west="2.75", east="6.5", south="49.45", north="50.85"), ["autre-hors-france"]),
        (Box(west="7.75", east="7.84", south="47.53", north="47.59"), ["autre-hors-france"]),
        (Box(west="-4", east="-3", south="40", north="41"), ["autre-hors-france"]),
        (Box(west="15", east="20", south="10", north="20"), ["autre-hors-france"]),
        (Box(west="179.6", east="-176.2", south="-14.3", north="-13.2"), ["outre-mer-wlf"]),
    ],
)
def test_then_the_box(box, found):
    made = result(boxes=[box])
    assert territory(made) == found
    assert how(made) in ("box", "box outside France")


def test_in_doubt_the_departement_of_the_service_decides():
    border = Box(west="5.0", east="5.05", south="46.2", north="46.25")
    assert territory(result(boxes=[border], contacts=[Contact("DDT 71", role="owner")])) == [
        "departement-71"
    ]
    assert territory(result(boxes=[border], contacts=[Contact("DDT 01", role="owner")])) == [
        "departement-01"
    ]


def test_a_postal_code_decides_as_well():
    border = Box(west="4.8", east="4.86", south="46.26", north="46.31")
    assert sorted(territory(result(boxes=[border]))) == ["departement-01", "departement-71"]
    town = Contact("Mairie", role="owner", address=["1 place de la Mairie", "71480 Exemple"])
    assert territory(result(boxes=[border], contacts=[town])) == ["departement-71"]


def test_then_the_area_of_the_service_for_a_record_without_geography():
    made = result(contacts=[Contact("DDTM 80", role="owner")])
    assert (territory(made), how(made)) == (["departement-80"], "area of the service")
    assert territory(result(Context(DEFAULT))) == ["departement-80"]


def test_the_area_of_a_mere_fallback_says_nothing():
    assert territory(result(Context(None, FALLBACK))) == []


def test_a_country_gives_way_to_what_is_smaller():
    made = result(geographic_identifiers=[Identifier("FXX")], boxes=[BOURG])
    assert territory(made) == ["departement-01"]
    made = result(
        keywords=[Keyword("France", type="place")], contacts=[Contact("DDTM 80", role="owner")]
    )
    assert territory(made) == ["pays-fra"]


def test_a_region_gives_way_to_its_departements_and_all_of_them_are_the_region():
    names = ["HAUTS-DE-FRANCE", "AISNE", "NORD", "OISE", "PAS-DE-CALAIS", "SOMME"]
    assert territory(result(keywords=[Keyword(n, type="place") for n in names])) == ["region-hdf"]
    assert territory(result(keywords=[Keyword(n, type="place") for n in names[:3]])) == [
        "departement-02",
        "departement-59",
    ]


@pytest.mark.parametrize("wider", ["France", "FXX", "Europe", "Auvergne-Rhône-Alpes"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_country_beside_a_departement_goes(wider, at):
    words = [Keyword("Savoie", type="place")]
    words.insert(at, Keyword(wider, type="place"))
    assert territory(result(keywords=words)) == ["departement-73"]


def test_the_mainland_beside_overseas_territories_is_one_part_of_a_list():
    words = [Keyword(name, type="place") for name in ("FXX", "Martinique")]
    assert sorted(territory(result(keywords=words))) == ["outre-mer-mtq", "pays-fxx"]
    words.append(Keyword("France", type="place"))
    assert sorted(territory(result(keywords=words))) == ["outre-mer-mtq", "pays-fxx"]


def test_a_region_among_the_keywords_gives_way_to_its_departement_that_title_or_box_tell():
    region = Keyword("Auvergne-Rhône-Alpes", type="place")
    assert territory(result(title="Zones humides de l'Ain", keywords=[region], boxes=[AIN])) == [
        "departement-01"
    ]
    made = result(title="Zones humides", keywords=[region], boxes=[AIN])
    assert (territory(made), how(made)) == (["departement-01"], "box")
    assert territory(result(title="Zones humides", keywords=[region], boxes=[BOURG])) == [
        "region-ara"
    ]


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("PPRI de Gières (38)", ["departement-38"]),
        ("PPRI Isère (38)", ["departement-38"]),
        ("Carrières (dép. 2A)", ["departement-2a"]),
        ("Communes du département 07", ["departement-07"]),
        ("PLU de Bonneval (28051)", ["departement-28"]),
        ("Arbres de Saint-Denis (974)", ["outre-mer-reu"]),
        ("Zones (10)", []),
        ("Feuilles (25000)", []),
        ("Zones de Grenoble (73)", []),
        ("PPRI (38", []),
    ],
)
def test_a_code_in_a_title_counts_after_a_name_of_its_own(title, found):
    assert territory(result(title=title)) == found


def test_a_code_in_a_title_off_the_box_does_not_count():
    assert territory(result(title="PPRI de Gières (38)", boxes=[BOURG])) == ["departement-01"]


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((0.62, 44.92, 2.61, 46.46), ["departement-19", "departement-23", "departement-87"]),
        ((6.84, 47.42, 8.24, 49.08), ["departement-67", "departement-68"]),
        ((4.98, 46.2, 5.05, 46.26), ["departement-01"]),
        ((2.72, 44.69, 2.72, 44.69), ["departement-12"]),
        ((-0.2, 47.2, 5.9, 50.1), []),
        ((6.0, 42.4, 8.4, 43.1), ["zone-maritime-fx-med"]),
    ],
)
def test_a_box_is_explained_by_its_land_and_by_nothing_when_it_is_no_union_of_territories(
    box, found
):
    west, south, east, north = map(str, box)
    made = result(boxes=[Box(west, east, south, north)])
    assert sorted(territory(made)) == found
    assert "outside-france" not in codes(made)


def test_data_outside_france_say_so():
    made = result(boxes=[Box(west="15", east="20", south="10", north="20")])
    assert codes(made) >= {"outside-france"}


# --- title and organisation before a wide box ----------------------------------------------------

LOIRE = Contact(organisation="DDT de la Loire", role="pointOfContact")
AROUND_LOIRE = Box(west="3.6", east="4.9", south="45.1", north="46.4")


def test_the_title_and_the_service_outweigh_a_box_that_overlaps_neighbours():
    made = result(title="Servitudes A9 de la Loire", contacts=[LOIRE], boxes=[AROUND_LOIRE])
    assert (territory(made), how(made)) == (["departement-42"], "title")
    alone = result(title="Servitudes A9", contacts=[LOIRE], boxes=[AROUND_LOIRE])
    assert (territory(alone), how(alone)) == (["departement-42"], "box")


def test_a_river_in_a_title_is_no_departement():
    made = result(title="Le bassin de la Loire", boxes=[BOURG])
    assert territory(made) == ["departement-01"]


def test_places_that_box_and_title_contradict_are_told_and_not_taken():
    words = [Keyword("Guyane", type="place"), Keyword("Ain", type="place")]
    made = result(title="Zones humides de l'Ain", keywords=words, boxes=[AIN])
    assert territory(made) == ["departement-01"]
    assert "place-contradiction" in codes(made)


def test_a_region_in_the_title_goes_before_departements_among_the_keywords():
    box = Box(west="1.4", east="4.3", south="48.8", north="51.1")
    made = result(
        title="Plages en Hauts-de-France", keywords=[Keyword("Pas-de-Calais")], boxes=[box]
    )
    assert territory(made) == ["region-hdf"]


def test_la_reunion_is_not_the_southern_lands():
    made = result(title="x", boxes=[Box(west="55.1", east="56.0", south="-21.5", north="-20.7")])
    assert territory(made) == ["outre-mer-reu"]


def test_a_box_at_sea_gives_the_sea_area():
    box = Box(west="-9", east="-2", south="44", north="48.8")
    made = result(title="Houle", topic_categories=["oceans"], boxes=[box])
    assert territory(made) == ["zone-maritime-fx-atl"]


@pytest.mark.parametrize(
    ("title", "organisation", "found"),
    [
        ("Budget primitif", "Ville de Roubaix", ["departement-59"]),
        ("Arrêtés du CCAS de Guérande", None, ["departement-44"]),
        ("Plan local d'urbanisme", "Mairie de La Baconnière", ["departement-53"]),
        ("Accroches vélos", "Métropole Européenne de Lille", ["departement-59"]),
        ("Menus des cantines", "Ville de Saint-Martin", []),
        ("La ville de demain", None, []),
    ],
)
def test_a_commune_or_its_group_tells_the_departement_when_no_other_has_its_name(
    title, organisation, found
):
    contacts = [Contact(organisation, role="pointOfContact")] if organisation else []
    assert territory(result(title=title, contacts=contacts)) == found


def test_a_commune_off_the_box_tells_nothing():
    made = result(
        contacts=[Contact("Ville de Roubaix")], boxes=[Box("5.95", "6.35", "45.75", "46.0")]
    )
    assert "departement-59" not in territory(made)


def test_an_ocean_is_not_the_sea_area_that_it_overlaps():
    made = result(topic_categories=["oceans"], boxes=[Box("-180", "180", "-66", "-35")])
    assert territory(made) == ["autre-hors-france"]


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Routes classées à grande circulation du département de la Nièvre", ["departement-58"]),
        ("Haies du Département d'Ille-et-Vilaine", ["departement-35"]),
        ("Zones inondables de la Nièvre", []),
    ],
)
def test_without_a_box_a_title_may_call_a_place_a_departement(title, found):
    assert territory(result(title=title)) == found


@pytest.mark.parametrize(
    ("keyword", "territory"),
    [
        ("Département de la Creuse", "departement-23"),
        ("Département du Nord", "departement-59"),
        ("Région Bretagne", "region-bre"),
        ("Rhône (69)", "departement-69"),
        ("Région de l'Aude", None),
    ],
)
def test_a_place_keyword_may_say_what_kind_of_territory_it_names(keyword, territory):
    found = result(keywords=[Keyword(keyword, type="place")]).dataset.get("territory")
    assert (ids("territories", found) if found else None) == ([territory] if territory else None)


def test_lists_of_places_are_bounded():
    listed = [
        Identifier(
            " ".join(
                f"http://id.insee.fr/geo/commune/{place:02}{n:03}" for n in range(start, start + 50)
            )
        )
        for place in range(1, 20)
        for start in range(0, 1_000, 50)
    ]
    started = time.process_time()
    made = result(geographic_identifiers=listed)
    assert time.process_time() - started < 5
    assert len(made.dataset["spatial_coverage"]) == 200
    assert "too-many" in codes(made)


DEPARTEMENTS = [*(f"{n:02}" for n in range(1, 96) if n != 20), "2A", "2B"]
OVERSEAS = ["971", "972", "973", "974", "976"]


@pytest.mark.parametrize(
    ("listed", "found"), [(DEPARTEMENTS, ["pays-fxx"]), ([*DEPARTEMENTS, *OVERSEAS], ["pays-fra"])]
)
def test_a_list_of_all_departements_is_the_country(listed, found):
    assert territory(result(geographic_identifiers=[Identifier(" ".join(listed))])) == found
    assert territory(result(geographic_identifiers=[Identifier(code) for code in listed])) == found


def test_all_departements_but_one_are_not_the_country():
    found = territory(
        result(geographic_identifiers=[Identifier(" ".join([*DEPARTEMENTS[1:], *OVERSEAS]))])
    )
    assert "pays-fra" not in found
    assert {"departement-69", "region-bre", "outre-mer-myt"} <= set(found)
    assert "departement-01" not in found


def test_more_identifiers_than_are_read_are_told():
    made = result(geographic_identifiers=[Identifier(f"{n:05}") for n in range(1001, 2100)])
    problem = next(problem for problem in made.problems if problem.code == "too-many")
    assert problem.params == {"element": "geographicIdentifier", "count": "1099", "limit": "1000"}


def test_more_descriptions_than_are_read_are_told():
    made = result(extent_descriptions=[f"Secteur {n}" for n in range(60)])
    assert ("too-many", "EX_Extent/description") in {
        (p.code, p.params.get("element")) for p in made.problems
    }


PLU = {
    "title": "Plan local d'urbanisme de la commune de Montoire-sur-le-Loir",
    "file_identifier": "fr-000041149-plu20171013",
    "contacts": [Contact("Communauté d'agglomération Territoires Vendômois", role="owner")],
    "boxes": [Box(west="0.83", east="0.93", south="47.73", north="47.79")],
}


def test_a_copied_place_code_yields_to_box_document_and_intercommunality():
    made = result(**PLU, keywords=[Keyword("30014", thesaurus="Code officiel géographique")])
    assert territory(made) == ["departement-41"]
    told = [
        problem.params["values"]
        for problem in made.problems
        if problem.code == "place-contradiction"
    ]
    assert told == ["Gard"]


def test_it_yields_without_a_box_too():
    without_box = {**PLU, "boxes": []}
    made = result(**without_box, geographic_identifiers=[Identifier("30014")])
    assert territory(made) == ["departement-41"]
    assert "place-contradiction" in codes(made)


def test_a_box_alone_does_not_outweigh_a_place_and_is_told():
    made = result(
        geographic_identifiers=[Identifier("http://id.insee.fr/geo/departement/30")], boxes=[BOURG]
    )
    assert territory(made) == ["departement-30"]
    assert "place-off-box" in codes(made)
    assert "place-off-box" not in codes(
        result(geographic_identifiers=[Identifier("01053")], boxes=[BOURG])
    )


def test_a_region_and_its_departement_do_not_contradict_each_other():
    made = result(**PLU, geographic_identifiers=[Identifier("R24")])
    assert territory(made) == ["region-cvl"]
    assert not codes(made) & {"place-contradiction", "place-off-box"}


def test_the_country_is_not_deduced_from_the_service_of_the_source():
    assert territory(result(Context(FALLBACK), title="Encuesta de movilidad de Madrid")) == []
    assert territory(result(Context(FALLBACK), title="Nobel prizes")) == []


@pytest.mark.parametrize(
    ("boxes", "found"),
    [
        (["-180 -90 180 90"], []),
        (["-180 0 180 90"], []),
        (["-10 35 30 70"], ["pays-fxx"]),
        (["-10 35 30 70", "-61.82 15.82 -60.99 16.52"], ["pays-fxx", "outre-mer-glp"]),
        (["-63.2 -21.4 55.9 51.1"], ["pays-fra"]),
    ],
)
def test_a_box_of_the_world_is_not_france_and_one_of_europe_keeps_the_mainland(boxes, found):
    sides = [box.split() for box in boxes]
    made = result(boxes=[Box(west=w, south=s, east=e, north=n) for w, s, e, n in sides])
    assert set(territory(made)) == set(found)


@pytest.mark.parametrize("words", ["Hors de France", "Hors France", "À l'étranger"])
def test_outside_france_is_not_france(words):
    world = Box(west="-180", east="180", south="-90", north="90")
    assert territory(result(extent_descriptions=[words], boxes=[world])) == ["autre-hors-france"]
    assert territory(result(keywords=[Keyword(words, type="place")])) == ["autre-hors-france"]


def test_a_territory_that_is_left_out_is_not_named():
    assert territory(result(title="Friches de la France hors Île-de-France")) == []
    assert territory(result(title="Friches en Île-de-France")) == ["region-idf"]
