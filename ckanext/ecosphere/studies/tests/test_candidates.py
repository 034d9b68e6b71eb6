"""Datasets of needs: which come first and why, what their records say of a site,
and what is never proposed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.studies import candidates, frames, states, wording
from ckanext.ecosphere.studies import site as sites
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.extents import Ground, finding_of
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.studies.tests.conftest import people  # noqa: F401

DEPARTEMENT = "http://id.insee.fr/geo/departement/"
FRANCE = "http://publications.europa.eu/resource/authority/country/FRA"
ATLANTIC = "urn:ecosphere:territory:zone-maritime-fx-atl"
RESTRICTED = "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
WETLANDS = Need(
    "wetlands",
    {"fr": "Zones humides"},
    words=("inventaire des zones humides", "zones humides"),
    age=6,
)
NANTES = ["44109"]


def polygon(*places: tuple[float, float]) -> str:
    return json.dumps({"type": "Polygon", "coordinates": [[*places, places[0]]]})


def rectangle(west: float, south: float, east: float, north: float) -> str:
    return polygon((west, south), (east, south), (east, north), (west, north))


def known(site: Site, title: str = "Zones humides", **values: Any) -> Finding:
    """Return what a record says of a site; it has a sentence."""
    dataset = {
        "title": title,
        "resources": [{"url": "https://data.example/a.gpkg", "format": "GeoPackage"}],
        **values,
    }
    finding = finding_of(dataset, Ground(site))
    assert finding.code in wording.SENTENCES
    return finding


# --- extents ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "state", "code", "share"),
    [
        ({"territory": [DEPARTEMENT + "44"]}, states.COVERS, "territory", 1),
        ({"territory": [DEPARTEMENT + "01"]}, states.NOT_MAPPED, "territory-elsewhere", 0),
        ({"territory": [FRANCE]}, states.COVERS, "territory", 1),
        ({"territory": [ATLANTIC]}, states.NOT_MAPPED, "territory-elsewhere", 0),
        ({"spatial": rectangle(-3, 46, 0, 48)}, states.COVERS, "box", 1),
        ({"spatial": rectangle(4, 46, 5, 48)}, states.NOT_MAPPED, "box-elsewhere", 0),
        ({"spatial": polygon((-3, 46), (0, 46), (-1.5, 50))}, states.COVERS, "geometry", 1),
        ({"title": "Zones humides (44)"}, states.NOT_MAPPED, "unknown", 0),
        ({"title": "Zones humides de la Loire-Atlantique"}, states.COVERS, "title", 1),
        (
            {"title": "PLU de Rezé", "territory": [DEPARTEMENT + "44"]},
            states.NOT_MAPPED,
            "title-elsewhere",
            0,
        ),
        ({"title": "PLU de Nantes", "territory": [DEPARTEMENT + "44"]}, states.COVERS, "title", 1),
        (
            {"territory": [DEPARTEMENT + "44"], "access_rights": RESTRICTED},
            states.RESTRICTED,
            "restricted",
            1,
        ),
        (
            {"territory": [DEPARTEMENT + "01"], "access_rights": RESTRICTED},
            states.NOT_MAPPED,
            "territory-elsewhere",
            0,
        ),
        ({"territory": ["nowhere"], "spatial": "{broken"}, states.NOT_MAPPED, "unknown", 0),
    ],
)
def test_what_a_record_says_of_a_commune(
    values: dict[str, Any], state: str, code: str, share: float
):
    finding = known(sites.of_communes(NANTES), **values)
    assert (finding.state, finding.code, finding.share) == (state, code, share)


def test_a_site_in_two_departements_is_covered_in_part():
    both = sites.of_communes(["44109", "01053"])
    finding = known(both, territory=[DEPARTEMENT + "44"])
    assert finding.state == states.COVERS_PART
    assert finding.code == "territory-part"
    assert 0.5 < finding.share < 0.95
    assert known(both, territory=[DEPARTEMENT + "44", DEPARTEMENT + "01"]).state == states.COVERS


def test_france_is_not_believed_of_data_that_lie_elsewhere_in_it():
    metropolis = {"territory": [FRANCE], "spatial": rectangle(-5, 41, 10, 51)}
    assert known(sites.of_communes(["97611"]), **metropolis).code == "box-elsewhere"
    assert known(sites.of_communes(NANTES), **metropolis).code == "territory"


def test_the_metropolis_does_not_hold_mayotte():
    finding = known(sites.of_communes(["97611"]), territory=["urn:ecosphere:territory:pays-fxx"])
    assert finding.state == states.NOT_MAPPED


def test_a_service_and_its_title_outweigh_a_territory_declared_by_mistake():
    values = {"territory": [DEPARTEMENT + "01"], "organization": {"name": "ddt-50502-01"}}
    ain = sites.of_communes(["01053"])
    assert known(ain, "Sites Natura 2000 de la Manche", **values).code == "title-elsewhere"
    assert known(ain, "Sites Natura 2000", **values).code == "territory"


def test_the_sea_is_near_a_coast_and_no_border():
    assert Ground(sites.of_communes(["44131"])).is_coastal  # Pornic
    assert not Ground(sites.of_communes(["40088"])).is_coastal  # Dax
    assert not Ground(sites.of_communes(["06163"])).is_coastal  # Tende, at the border of Italy
    at_coast = known(
        sites.of_communes(["44131"]), territory=[ATLANTIC], spatial=rectangle(-5, 43, -1, 48)
    )
    assert at_coast.code == "box"


# --- words -----------------------------------------------------------------------------------


def match(need: Need, title: str, **row: Any) -> candidates.Match:
    return candidates._match(need, {"title": title, **row}, is_of_theme=bool(row.get("tags")))


def test_the_title_outweighs_keywords_and_a_first_phrase_later_ones():
    inventory = match(WETLANDS, "Inventaire des zones humides de l'Ain")
    area = match(WETLANDS, "Zone humide de l'Ain")
    keyword = match(WETLANDS, "Marais", tags=["Zone humide"])
    assert inventory.worth > area.worth > keyword.worth > 0
    assert (inventory.code, keyword.code) == ("title", "keywords")


@pytest.mark.parametrize("title", ["Zone d'activité humide", "Aléa inondation", "Hors sujet", ""])
def test_a_dataset_about_another_subject_is_no_match(title: str):
    roads = Need("roads", {}, words=("réseau routier", "routes"))
    assert match(roads, title, notes="réseau routier") == candidates.NO_MATCH
    assert match(roads, "Trafic moyen du réseau routier national") == candidates.NO_MATCH
    assert match(roads, "Réseau routier national").worth


def test_a_need_of_ones_own_shares_the_subject_of_a_shipped_one():
    own = Need("own-1", {}, words=("zones humides",))
    assert match(own, "Inventaire des zones humides de l'Ain").worth


def test_a_title_may_list_the_subjects_of_two_needs():
    needs = frames.needs()
    title = "Carrières autorisées et gisements d'intérêt de Bretagne"
    assert match(needs["carrieres"], title).worth
    assert match(needs["schema-carrieres"], title).worth
    fire = "Pistes et équipements de défense des forêts contre l'incendie"
    assert match(needs["dfci"], fire).worth
    assert match(needs["forets"], fire) == candidates.NO_MATCH
    seagrass = "Cartographie des habitats benthiques patrimoniaux, dont les herbiers"
    assert match(needs["habitats-marins"], seagrass).worth
    assert match(needs["habitats-naturels"], seagrass) == candidates.NO_MATCH
    assert match(needs["habitats-naturels"], "Cartographie des habitats de la Dombes").worth
    assert match(
        needs["bruit-cartes"], "Cartes de bruit stratégiques des infrastructures routières du Nord"
    ).worth
    first_kind = (
        "Zones naturelles d'intérêt écologique, faunistique et floristique (ZNIEFF) de type I"
    )
    assert match(needs["znieff-2"], first_kind) == candidates.NO_MATCH


def test_a_description_speaks_for_a_table():
    notes = "Relevé des zones humides du bassin"
    assert match(WETLANDS, "L_ZHU_S_044", notes=notes, tags=["eau"]).code == "text"
    assert match(WETLANDS, "L_ZHU_S_044", notes=notes) == candidates.NO_MATCH


def test_hostile_words_are_words():
    query = candidates._query(
        ('zones "humides" OR *:*', "{!frange}", "a:b~^9", "", "de la", "mot " * 900)
    )
    assert query.startswith('"zones humides or"~4')
    assert len(query) <= candidates.LONGEST_QUERY


# --- the catalogue ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalogue_of_ten(people: None) -> None:  # noqa: F811
    """A few datasets of wetlands, and others."""
    group = model.Group.get("ddt-44")
    assert group
    ain, loire = [DEPARTEMENT + "01"], [DEPARTEMENT + "44"]
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            "Inventaire des zones humides de la Loire-Atlantique",
            {"territory": loire, "modified": "2025-01-01"},
        ),
        ("Inventaire des zones humides", {"territory": [FRANCE], "modified": "2025-01-01"}),
        ("Zones humides", {"territory": loire, "modified": "2004-01-01"}),
        ("Zones humides secrètes", {"territory": loire, "private": True}),
        ("Inventaire des zones humides de l'Ain", {"territory": ain}),
        ("Parcs éoliens de l'Ain", {"territory": ain}),
        ("Routes", {"territory": loire, "notes": "Hors zones humides"}),
    ]
    resource = {"url": "https://wfs.example/ows?service=WFS", "format": "WFS", "name": "a"}
    for title, values in rows:
        factories.Dataset(title=title, owner_org=group.id, resources=[resource], **values)


def look(needs: list[Need], code: str, person: str = "") -> dict[str, list[Candidate]]:
    user = model.User.get(person) if person else None
    context = {"user": person, "auth_user_obj": user}
    return candidates.look(needs, sites.of_communes([code]), context)


@pytest.mark.usefixtures("catalogue_of_ten")
def test_the_best_dataset_comes_first_and_says_why():
    offered = look([WETLANDS], "44109")["wetlands"]
    assert [candidate.title for candidate in offered] == [
        "Inventaire des zones humides de la Loire-Atlantique",
        "Inventaire des zones humides",
        "Zones humides",
    ]
    first = offered[0]
    assert first.organisation == "DDT 44"
    assert first.server
    assert first.finding.state == states.COVERS
    reasons = dict(first.reasons)
    assert reasons["title"] == {"words": "inventaire des zones humides"}
    assert reasons["place"] == {"place": "departement-44"}
    assert reasons["recent"] == {"year": 2025}
    assert dict(offered[2].reasons)["old"] == {"year": 2004}
    for code, params in first.reasons:
        assert wording.reason(code, params)


@pytest.mark.usefixtures("catalogue_of_ten")
def test_what_is_mapped_elsewhere_is_not_mapped_here_and_what_nobody_has_is_empty():
    turbines = Need("turbines", {}, words=("parcs éoliens",))
    bats = Need("bats", {}, words=("chiroptères",))
    offered = look([turbines, bats, Need("nothing", {})], "44109")
    assert [candidate.finding.state for candidate in offered["turbines"]] == [states.NOT_MAPPED]
    assert offered["bats"] == offered["nothing"] == []


@pytest.mark.usefixtures("catalogue_of_ten")
def test_a_need_that_reaches_further_is_met_by_neighbours_too_after_those_of_the_site():
    loire = "Inventaire des zones humides de la Loire-Atlantique"
    at_the_border = {
        5.0: ["Inventaire des zones humides", loire],
        0.0: ["Inventaire des zones humides"],
    }
    for distance, titles in at_the_border.items():
        need = Need(
            "wetlands",
            {},
            words=("inventaire des zones humides",),
            place="within",
            distance=distance,
        )
        offered = look([need], "49301")["wetlands"]  # Sèvremoine, in Maine-et-Loire
        assert [candidate.title for candidate in offered] == titles
    assert look([replace(need, place="site", distance=5.0)], "49301") == {"wetlands": offered}
    neighbour = look([replace(need, distance=5.0)], "49301")["wetlands"][1]
    assert neighbour.finding.state == states.NOT_MAPPED
    assert dict(neighbour.reasons)["near"] == {"distance": 5.0}
    assert "5\u00a0km" in wording.reason("near", {"distance": 5.0})


@pytest.mark.usefixtures("catalogue_of_ten")
def test_the_datasets_of_neighbours_take_no_place_from_those_of_the_site(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(candidates, "ROWS", 1)
    need = Need(
        "wetlands", {}, words=("inventaire des zones humides",), place="within", distance=5.0
    )
    offered = look([need], "49301")["wetlands"]
    assert [candidate.title for candidate in offered] == [
        "Inventaire des zones humides",
        "Inventaire des zones humides de la Loire-Atlantique",
    ]


@pytest.mark.usefixtures("catalogue_of_ten")
def test_private_datasets_are_for_those_who_may_read_them():
    secret = "Zones humides secrètes"
    for person in ("", "owner"):
        assert secret not in [
            candidate.title for candidate in look([WETLANDS], "44109", person)["wetlands"]
        ]
    assert secret in [
        candidate.title for candidate in look([WETLANDS], "44109", "editor")["wetlands"]
    ]


@pytest.mark.usefixtures("catalogue_of_ten")
def test_without_the_index_of_places_the_records_decide(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(candidates, "_has_places", lambda: False)
    offered = look([WETLANDS], "01053")["wetlands"]
    assert [candidate.title for candidate in offered] == [
        "Inventaire des zones humides de l'Ain",
        "Inventaire des zones humides",
    ]


def test_words_keep_their_accents_for_the_index():
    assert candidates._query(("Sites classés et inscrits",)) == '"sites classés inscrits"~4^1.00'
