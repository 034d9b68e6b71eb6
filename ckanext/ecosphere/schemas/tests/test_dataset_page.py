"""Dataset page: summary, resources by use, restricted data, related datasets.

Over HTTP and in a browser.
"""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories
from ckan.tests.helpers import call_action
from flask import g

from ckanext.ecosphere.schemas import page as page_helpers
from ckanext.ecosphere.schemas import relations
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests import plans
from ckanext.ecosphere.tests.browser import axe_violations, log_in, tab_to, wait_until

pytestmark = pytest.mark.usefixtures("shared_db")
CRPA = "http://registre.data.developpement-durable.gouv.fr/plume/CrpaAccessLimitations"
LAW = "http://data.europa.eu/eli/reg/2010/1089"
RESOURCES = [
    {
        "url": "https://geo.example.org/zones.gpkg",
        "name": "Zones",
        "size": 12_000_000,
        "resource_role": "data",
    },
    {
        "url": "https://geo.example.org/ows?service=WFS&request=GetCapabilities",
        "name": "Flux",
        "layer_name": ["zh"],
    },
    {
        "url": "https://geo.example.org/notice.pdf",
        "name": "Notice",
        "resource_role": "documentation",
    },
    {
        "url": "https://geo.example.org/intra.zip",
        "name": "Interne",
        "network": "intranet",
        "resource_role": "data",
    },
]
#: Not to be displayed: codes that have a label, and URIs of vocabularies.
CODES = re.compile(
    r"publications\.europa\.eu/resource|inspire\.ec\.europa\.eu/metadata-codelist|id\.insee\.fr|"
    r"themes-ecospheres/|opengis\.net/def|\bANNUAL\b|etalab-2\.0|urn:ecosphere"
)


def described(name: str, **changes: Any) -> dict[str, Any]:
    """Return a public dataset with every field."""
    public = {"access_rights": f"{samples.DIM}/access-right/PUBLIC", "access_limitation": []}
    return samples.full(
        **{"name": name, "resources": copy.deepcopy(RESOURCES), **public, **changes}
    )


def shown(app: Any, name: str, part: str = "main") -> BeautifulSoup:
    """Return a part of a dataset's page in French."""
    found = BeautifulSoup(app.get(f"/fr/dataset/{name}").body, "html.parser").select_one(part)
    assert found is not None, part
    return found


def texts(soup: BeautifulSoup, selector: str) -> list[str]:
    """Return the text of each matching element, on one line."""
    return [" ".join(each.get_text(" ").split()) for each in soup.select(selector)]


def names(soup: BeautifulSoup, list_of: str) -> list[str]:
    """Return the names of the datasets linked in a list of related datasets."""
    return [a["href"].rsplit("/", 1)[1] for a in soup.select(f"ul[aria-labelledby={list_of}] a")]


def test_the_first_part_says_what_where_when_who_licence_and_how(app, create, with_request_context):
    changes = {"frequency": f"{samples.DIM}/frequency/ANNUAL", "modified": "2020-03-02"}
    create(described("premier-regard", **changes))
    glance = shown(app, "premier-regard", ".eco-glance")
    told = glance.get_text(" ")
    for words in (
        "Trois scénarios",
        "Ain",
        "2 mars 2020",
        "annuel",
        "DDT 01",
        "Licence Ouverte 2.0",
    ):
        assert words in told, words
    assert (
        glance.select_one(".eco-state--bad") is not None
    )  # last modified in 2020, with an annual frequency
    taken = app.get(glance.select_one("a.btn-primary")["href"], follow_redirects=False)
    assert taken.headers["Location"] == "https://geo.example.org/zones.gpkg"
    assert "Télécharger GeoPackage, 12 M" in texts(glance, "a.btn-primary")[0]
    assert glance.select_one("svg .eco-where__extent") is not None
    assert glance.select_one("svg image")["href"].endswith("/ecosphere/departements.svg")
    assert glance.select_one("a.ecosphere-badge") is not None


def test_a_month_is_a_date_of_the_data(app, create, with_request_context):
    changes = {
        "frequency": f"{samples.DIM}/frequency/ANNUAL",
        "modified": "2020-03",
        "next_update": "",
    }
    create(described("date-au-mois", **changes))
    glance = shown(app, "date-au-mois", ".eco-glance")
    assert "mars 2020," in glance.get_text(" ")
    assert glance.select_one(".eco-state--bad") is not None


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("fait-ici", {"creator": [], "publisher": []}, ("DDT 01", None)),
        ("fait-ailleurs", {"creator": [{"name": "IGN"}], "publisher": []}, ("IGN", "DDT 01")),
        (
            "fait-par-elle",
            {"creator": [{"name": "DDT 01 (Direction départementale des territoires de l'Ain)"}]},
            ("DDT 01", None),
        ),
        (
            "fait-par-la-ville",
            {"creator": [], "publisher": [{"name": "Ville d'Évian"}], "source_catalogue": "A"},
            ("Ville d'Évian", "DDT 01"),
        ),
        (
            "fait-par-qui",
            {"creator": [], "publisher": [], "source_catalogue": "A"},
            (None, "DDT 01"),
        ),
    ],
)
def test_who_made_the_data_is_told_apart_from_who_publishes_them_here(
    app, create, name, changes, told
):
    producer, publisher = told
    create(described(name, **{"source_catalogue": "", "source_record": "", **changes}))
    page = shown(app, name, "body")
    rows = dict(
        zip(texts(page, ".eco-glance__facts dt"), texts(page, ".eco-glance__facts dd"), strict=True)
    )
    assert rows, page.select_one(".eco-glance")
    assert (rows.get("Producteur"), rows.get("Publié ici par")) == (producer, publisher)
    heading = "Service producteur" if publisher is None else "Publié ici par"
    assert texts(page, "#service-title") == [heading]
    cited = texts(page, ".eco-cite")[0]
    assert (producer or "") in cited
    if publisher:
        assert publisher not in cited


def test_no_code_is_shown_where_there_is_a_label_and_no_heading_has_two_meanings(
    app, create, with_request_context
):
    create(described("libelles", conforms_to=[LAW], in_series=["fr-120066022-inconnu"]))
    page = shown(app, "libelles")
    for table in page.select(".ecosphere-info table"):
        if table["aria-labelledby"] != "info-identifiers":
            assert not CODES.search(table.get_text(" ")), CODES.search(table.get_text(" "))
    assert "Règlement (UE) n° 1089/2010" in page.get_text(" ")
    labels = texts(page, ".ecosphere-info tbody > tr > th")
    assert "État" not in labels
    assert len(labels) == len(set(labels))


def test_resources_stand_under_what_they_are_for_with_one_main_button(
    app, create, with_request_context
):
    made = create(described("ressources"))
    section = shown(app, "ressources", "#dataset-resources")
    assert texts(section, "h3") == ["Données", "Services", "Documentation"]
    items = section.select(".resource-item")
    # What lies in the State's network has a small link only.
    assert [len(item.select(".btn-primary")) for item in items] == [1, 0, 1, 1]
    assert texts(items[1], ".eco-internal a") == ["https://geo.example.org/intra.zip"]
    assert [each["value"] for each in section.select("input[readonly]")] == [
        "https://geo.example.org/ows"
    ]
    assert "Copier l’adresse WFS" in " ".join(texts(section, "button"))
    assert "Ouvrir : PDF" in " ".join(texts(section, "a.btn-primary"))
    for resource in made["resources"]:
        page = app.get(f"/fr/dataset/ressources/resource/{resource['id']}").body
        assert "data-viewer-info" not in page
        found = BeautifulSoup(page, "html.parser")
        assert len(found.select(".eco-glance__get .btn-primary")) == (resource["name"] != "Interne")
        assert found.select_one("h1").get_text(strip=True) == resource["name"]


def test_whether_a_link_answered_stands_beside_it(app, create, with_request_context, monkeypatch):
    from ckanext.ecosphere.quality import links
    from ckanext.ecosphere.quality.model import Link

    made = create(described("liens"))
    links.note([made["id"]])
    for address, state in (
        (RESOURCES[0]["url"], "broken"),
        ("https://geo.example.org/absent", "ok"),
    ):
        found = Link.get(links.key_of(address)) if hasattr(Link, "get") else None
        found = found or links.model.Session.get(Link, links.key_of(address))
        if found:
            found.state, found.checked_at = state, found.next_check_at
    links.model.Session.commit()
    items = shown(app, "liens", "#dataset-resources").select(".resource-item")
    assert [bool(item.select_one(".eco-state--bad")) for item in items] == [
        True,
        False,
        False,
        False,
    ]
    assert not any(item.select_one(".eco-state--good") for item in items)


def test_the_format_is_that_of_the_answer_where_nothing_else_tells_it(
    app, create, with_request_context
):
    from ckanext.ecosphere.quality import links
    from ckanext.ecosphere.quality.links import Verdict

    address = "https://geo.example.org/telecharger?id=3"
    made = create(described("reponses", resources=[{"url": address, "name": "Zonage"}]))
    links.note([made["id"]])
    links.model.Session.commit()

    def told() -> str:
        page = app.get(f"/fr/dataset/reponses/resource/{made['resources'][0]['id']}").body
        return (
            BeautifulSoup(page, "html.parser")
            .find("th", string="Format")
            .find_next("td")
            .get_text()
        )

    def answers(verdict: Verdict) -> None:
        links.write({links.key_of(address): verdict})
        g.pop("ecosphere_page", None)  # the requests of this test share one application context

    assert told() in ("inconnu", "unknown")
    answers(Verdict(True, 200, answered="text/csv"))
    section = shown(app, "reponses", "#dataset-resources")
    assert texts(section, ".eco-format") == ["CSV"]
    assert "Télécharger CSV" in " ".join(texts(section, "a.btn-primary"))
    assert "CSV" in told()
    answers(Verdict(False, 500, "status"))
    assert texts(shown(app, "reponses", "#dataset-resources"), ".eco-format") == ["CSV"]


def test_restricted_data_name_ground_condition_contact_and_where_to_ask(
    app, create, with_request_context
):
    ground = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/INSPIRE_Directive_Article13_1h"
    rights = f"{samples.DIM}/access-right/RESTRICTED"
    conditions = "Bureaux d'études, sur convention."
    create(
        described(
            "restreint",
            access_rights=rights,
            access_limitation=[ground],
            access_conditions=conditions,
        )
    )
    create(described("ouvert"))
    panel = shown(app, "restreint", ".eco-restricted")
    told = panel.get_text(" ")
    for words in ("protection de l'environnement", "sur convention", "ddt-sig@ain.example.org"):
        assert words in told, words
    assert panel.select_one("a.btn-secondary")["href"].endswith(
        "/demandes/nouvelle?dataset=restreint&about=access"
    )
    glance = shown(app, "restreint", ".eco-glance")
    assert [link["href"] for link in glance.select("a.btn")] == [
        panel.select_one("a.btn-secondary")["href"]
    ]
    assert not glance.select(".eco-copy, .resource-url-analytics")
    assert shown(app, "ouvert").select_one(".eco-restricted") is None


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    ("changes", "small"),
    [
        ({"access_rights": f"{samples.DIM}/access-right/NON_PUBLIC"}, []),
        ({"access_rights": "", "access_limitation": [f"{CRPA}/L311-5-2-d"]}, []),
        ({"resources": [RESOURCES[2]]}, []),
        ({"resources": []}, []),
        ({"resources": [RESOURCES[3]]}, ["https://geo.example.org/intra.zip"]),
        (
            {"resources": [{"url": "https://carto.e2.rie.gouv.fr/wfs?service=WFS"}]},
            ["https://carto.e2.rie.gouv.fr/wfs"],
        ),
        (
            {"resources": [{"url": "http://10.1.2.3/zones.zip", "format": "SHP"}]},
            ["http://10.1.2.3/zones.zip"],
        ),
    ],
)
def test_data_that_nobody_can_download_are_asked_for(app, create, changes, small):
    made = create(described(f"a-demander-{uuid.uuid4()}", **changes))
    name = made["name"]
    glance = shown(app, name, ".eco-glance")
    ask = f"/fr/demandes/nouvelle?dataset={name}&about=access"
    buttons = glance.select(".eco-glance__get .btn, .eco-glance__get .eco-copy")
    assert [button.get("href") for button in buttons] == [ask]
    assert texts(glance, ".eco-internal") == [
        f"Depuis le réseau de l’État seulement : {url}" for url in small
    ]
    section = shown(app, name, "#dataset-resources")
    assert not [
        text for text in texts(section, ".btn, .resource-url-analytics") if "Télécharger" in text
    ]
    for resource in made["resources"]:
        page = shown(app, f"{name}/resource/{resource['id']}")
        assert "Télécharger" not in " ".join(texts(page, ".btn")), resource["url"]


def test_who_may_edit_restricted_data_keeps_their_download(app, create):
    made = create(described("reserve", access_rights=f"{samples.DIM}/access-right/RESTRICTED"))
    path = f"reserve/resource/{made['resources'][0]['id']}"
    assert texts(shown(app, path), ".eco-glance__get .btn") == ["Demander l’accès"]
    notice = next(each for each in made["resources"] if each["name"] == "Notice")
    assert (
        "Ouvrir : PDF"
        in texts(shown(app, f"reserve/resource/{notice['id']}"), ".eco-glance__get .btn-primary")[0]
    )
    token = factories.SysadminWithToken()["token"]
    body = app.get(f"/fr/dataset/{path}", headers={"Authorization": token}).body
    assert (
        "Télécharger GeoPackage"
        in texts(BeautifulSoup(body, "html.parser"), ".eco-glance__get .btn-primary")[0]
    )


def test_hostile_texts_stay_texts(app, create, with_request_context):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    create(
        {
            "name": "hostile",
            "title": evil,
            "notes": evil * 20,
            "access_rights": f"{samples.DIM}/access-right/RESTRICTED",
            "access_conditions": evil,
            "resources": [
                {"url": "https://a.example/x", "name": evil, "format": evil, "layer_name": [evil]},
                {"url": "https://a.example/wfs?x='onmouseover='alert(4)", "name": evil},
            ],
        }
    )
    body = app.get("/fr/dataset/hostile").body
    assert "<script>alert" not in body
    assert "<img src=x" not in body
    assert "'onmouseover='" not in body


def test_a_subject_is_a_title_without_its_place_and_year():
    one = relations.subject("Inventaire des zones humides de l'Ain – 2023", ["departement-01"])
    other = relations.subject("Lot : Inventaire des zones humides du Morbihan", ["departement-56"])
    assert one.words == other.words == ("inventaire", "zones", "humides")
    assert (one.year, other.year) == ("2023", "")
    assert relations.distance(["departement-01"], ["departement-38"]) == 0
    assert relations.distance(["departement-01"], ["departement-29"]) > 0
    assert relations.distance(["departement-01"], []) > relations.distance(
        ["departement-01"], ["departement-29"]
    )


def test_around_it_stand_other_years_neighbours_and_what_is_similar(
    app, create, with_request_context
):
    def wet(name: str, place: str, year: str, **changes: Any) -> None:
        territory = f"http://id.insee.fr/geo/departement/{place}"
        labels = {"01": "l'Ain", "38": "l'Isère", "29": "du Finistère"}
        title = f"Inventaire des tourbières de {labels[place]} – {year}"
        create(
            {
                "name": name,
                "title": title,
                "territory": [territory],
                "theme": [f"{samples.THEMES}/eau"],
                **changes,
            }
        )

    wet("tourbieres-01-2023", "01", "2023")
    wet("tourbieres-01-2022", "01", "2022")
    wet("tourbieres-29", "29", "2023")
    wet("tourbieres-38", "38", "2023")
    wet("tourbieres-secret", "01", "2021", private=True)
    create(
        {
            "name": "puits-01",
            "title": "Puits",
            "territory": [samples.AIN],
            "theme": [f"{samples.THEMES}/eau"],
        }
    )
    section = shown(app, "tourbieres-01-2023", ".eco-around")
    lists = {
        each["aria-labelledby"]: [a["href"].rsplit("/", 1)[1] for a in each.select("a")]
        for each in section.select("ul")
    }
    assert lists["around-years"] == ["tourbieres-01-2022"]
    assert lists["around-nearby"] == ["tourbieres-38", "tourbieres-29"]
    assert "puits-01" in lists["around-similar"]
    assert "tourbieres-secret" not in section.decode()


def test_titles_around_it_are_in_the_language_of_the_page_or_say_theirs(app, create):
    common = {"territory": [samples.AIN], "theme": [f"{samples.THEMES}/eau"]}
    french = "http://publications.europa.eu/resource/authority/language/FRA"
    create({"name": "gravieres-01", "title": "Gravières", "language": [french], **common})
    create(
        {
            "name": "etangs-01",
            "title": "Étangs",
            "title_translated": {"fr": "Étangs", "en": "Ponds"},
            **common,
        }
    )
    create({"name": "tuileries-01", "title": "Tuileries", "language": [french], **common})
    expected = {
        "en": {("fr", "Gravières"), (None, "Ponds")},
        "fr": {(None, "Gravières"), (None, "Étangs")},
    }
    for spoken, titles in expected.items():
        page = BeautifulSoup(app.get(f"/{spoken}/dataset/tuileries-01").body, "html.parser")
        assert titles <= {
            (link.get("lang"), link.get_text()) for link in page.select(".eco-around a")
        }


def test_an_old_edition_says_so_and_leads_to_the_newest_and_each_names_the_others(app, create):
    create({"name": "carte-v1", "title": "Carte, v1", "version": "1.0"})
    create(
        {
            "name": "carte-v2",
            "title": "Carte, v2",
            "replaces": ["carte-v1"],
            "replaced_by": ["carte-v3"],
        }
    )
    create({"name": "carte-v3", "title": "Carte, v3", "metadata_identifier": "fiche-v3"})
    create(
        {
            "name": "carte-v4",
            "title": "Carte, v4 secrète",
            "replaces": ["fiche-v3"],
            "private": True,
        }
    )
    outdated = shown(app, "carte-v1", ".eco-outdated")
    assert "version ancienne" in outdated.get_text()
    assert [a["href"].rsplit("/", 1)[1] for a in outdated.select("a")] == ["carte-v3"]
    assert names(shown(app, "carte-v1"), "around-newer") == ["carte-v2", "carte-v3"]
    assert not {"carte-v2", "carte-v3"} & set(names(shown(app, "carte-v1"), "around-similar"))
    newest = shown(app, "carte-v3")
    assert newest.select_one(".eco-outdated") is None  # the fourth edition is private
    assert names(newest, "around-older") == ["carte-v2", "carte-v1"]
    assert "version 1.0" in newest.select_one("#around-older").parent.get_text()


def test_the_newest_edition_is_the_one_that_no_other_replaces(app, create):
    create({"name": "haies-v1", "title": "Haies, v1", "replaced_by": ["haies-v9", "haies-v10"]})
    create({"name": "haies-v9", "title": "Haies, v9", "replaced_by": ["haies-v10"]})
    create({"name": "haies-v10", "title": "Haies, v10"})
    outdated = shown(app, "haies-v1", ".eco-outdated")
    assert [a["href"].rsplit("/", 1)[1] for a in outdated.select("a")] == ["haies-v10"]
    assert names(shown(app, "haies-v1"), "around-newer") == ["haies-v9", "haies-v10"]


@pytest.mark.slow("variants")
def test_another_service_alone_does_not_make_data_outdated(app, create):
    create({"name": "crues-v1", "title": "Crues, v1"})
    other = factories.Organization(name="autre-service")["id"]
    create({"name": "crues-v2", "title": "Crues, v2", "replaces": ["crues-v1"], "owner_org": other})
    page = shown(app, "crues-v1")
    assert page.select_one(".eco-outdated") is None and names(page, "around-newer") == []
    assert names(shown(app, "crues-v2"), "around-older") == ["crues-v1"]
    create({"name": "canaux-v1", "title": "Canaux, v1", "replaced_by": ["canaux-v2"]})
    create({"name": "canaux-v2", "title": "Canaux, v2", "owner_org": other})
    assert names(shown(app, "canaux-v1"), "around-newer") == ["canaux-v2"]


def test_editions_in_a_circle_end(app, create):
    create({"name": "rond-1", "title": "Rond 1", "replaces": ["rond-2"]})
    create({"name": "rond-2", "title": "Rond 2", "replaces": ["rond-1"]})
    assert names(shown(app, "rond-1"), "around-newer") == ["rond-2"]


@pytest.mark.slow("variants")
def test_a_year_before_another_of_the_same_title_leads_to_the_latest(app, create):
    for name, title in (
        ("bruit-2019", "Carte de bruit 2019"),
        ("bruit-2022", "Carte de bruit 2022"),
    ):
        create({"name": name, "title": title, "territory": [samples.AIN]})
    create(
        {"name": "bruit-2090", "title": "Carte de bruit 2090", "territory": [samples.AIN]}
    )  # a planning horizon
    create(
        {
            "name": "bruit-route-2023",
            "title": "Carte de bruit des routes 2023",
            "territory": [samples.AIN],
        }
    )
    told = shown(app, "bruit-2019", ".eco-outdated")
    assert [a["href"].rsplit("/", 1)[1] for a in told.select("a")] == ["bruit-2022"]
    assert shown(app, "bruit-2022").select_one(".eco-outdated") is None


def test_the_collections_and_pages_that_use_a_dataset_are_named(app, create):
    dataset = create(
        {
            "name": "en-collection",
            "title": "Haies",
            "is_referenced_by": ["https://hal.example.org/1"],
        }
    )
    member = [{"id": dataset["id"], "capacity": "public"}]
    for number in range(10):
        factories.Group(
            name=f"bouquet-{number:02}", title=f"Bouquet <b>{number:02}</b>", packages=member
        )
    gone = factories.Group(name="bouquet-gone", title="Bouquet 000", packages=member)
    call_action("group_delete", {"user": factories.Sysadmin()["name"]}, id=gone["id"])
    section = shown(app, "en-collection", ".eco-around")
    used = section.select_one("#around-collections").parent
    hrefs = [a["href"] for a in used.select("a")]
    assert hrefs[0].endswith("/group/bouquet-00") and "https://hal.example.org/1" in hrefs
    assert "et 2 autres" in used.get_text() and used.select_one("b") is None
    assert "Bouquet 000" not in used.get_text()
    assert app.get(hrefs[0]).status_code == 200
    assert "Collections and reuses" in app.get("/en/dataset/en-collection").body


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture
def complete(create: Any) -> str:
    """Create a dataset with every field and a long description; return its name."""
    name = factories.Dataset.stub().name
    create(described(name, notes=f"{samples.FULL['notes']} " * 20))
    return name


@pytest.mark.browser
def test_the_page_is_accessible_to_everyone_in_light_and_dark_wide_and_narrow(
    page, complete, editor, create
):
    create({"name": "ancienne", "title": "Édition ancienne", "replaced_by": [complete]})
    addresses = [f"/fr/dataset/{complete}", "/fr/dataset/ancienne"]
    page.goto(addresses[0])
    addresses.append(page.locator(".resource-item .heading").first.get_attribute("href"))
    addresses += [f"/fr/demandes/signaler/{complete}", "/fr/accessibilite"]
    for known in (False, True):
        if known:
            log_in(page, editor["name"], PASSWORD)
        for address in addresses:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                page.goto(address)
                assert axe_violations(page) == [], (address, scheme, known)
            page.set_viewport_size({"width": 320, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
            page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.browser
def test_a_long_address_of_the_network_of_the_state_leaves_room_for_the_name(page, create):
    address = f"https://atom.geo-ide.i2/atomArchive/GetResource?id={'535007fb-3d0f-42cf-b365-' * 4}"
    create(
        described(
            "reseau",
            resources=[{"url": address, "format": "ZIP", "name": "Téléchargement via intranet"}],
        )
    )
    page.goto("/fr/dataset/reseau")
    assert page.locator(".resource-item .eco-internal").count() == 1
    box = page.locator(".resource-item .heading").bounding_box()
    assert box["width"] > 200 and box["height"] < 60


@pytest.mark.browser
def test_the_map_is_moved_by_buttons_and_keys(page, complete):
    page.goto(f"/fr/dataset/{complete}")
    box = "document.querySelector('.eco-where svg').getAttribute('viewBox')"
    whole = page.evaluate(box)
    tab_to(page, ".eco-where svg")
    page.keyboard.press("+")
    zoomed = page.evaluate(box)
    assert float(zoomed.split()[2]) < float(whole.split()[2])
    page.keyboard.press("ArrowRight")
    assert float(page.evaluate(box).split()[0]) > float(zoomed.split()[0])
    page.click(".eco-where [data-zoom=all]")
    assert [float(n) for n in page.evaluate(box).split()] == [float(n) for n in whole.split()]
    page.click(".eco-where [data-zoom=extent]")
    shown_box, extent = page.evaluate(box).split(), page.locator(".eco-where__extent").first
    assert float(shown_box[0]) <= float(extent.get_attribute("x"))
    assert float(shown_box[2]) < float(whole.split()[2])


@pytest.mark.browser
def test_an_address_is_copied_and_is_there_without_a_script(page, browser, portal_url, complete):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/fr/dataset/{complete}")
    page.click("#dataset-resources .eco-copy button")
    wait_until(
        page,
        "document.querySelector('#dataset-resources .eco-copy [role=status]').textContent !== ''",
    )
    assert page.evaluate("navigator.clipboard.readText()") == "https://geo.example.org/ows"
    context = browser.new_context(base_url=portal_url, java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"/fr/dataset/{complete}")
    field = plain.locator("#dataset-resources .eco-copy input")
    assert field.is_visible()
    assert field.input_value() == "https://geo.example.org/ows"
    assert not plain.locator("#dataset-resources .eco-copy button").is_visible()
    assert not plain.locator(".eco-zoom").is_visible()
    context.close()


@pytest.mark.browser
def test_paper_has_the_addresses_and_no_buttons(page, complete):
    page.goto(f"/fr/dataset/{complete}")
    address = page.locator("#dataset-resources .eco-endpoint-on-paper")
    assert not address.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert address.is_visible()
    on_paper = page.locator("#dataset-resources .eco-on-paper")
    items = page.locator("#dataset-resources .resource-item:has(.btn-primary)")
    assert on_paper.count() == items.count() > 1
    assert all(on_paper.nth(number).is_visible() for number in range(on_paper.count()))
    buttons = page.locator("main .btn:visible")
    assert [buttons.nth(i).inner_text() for i in range(buttons.count())] == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_other_information_stands_by_subject_with_its_lines(app, create, with_request_context):
    create(
        described(
            "autres-informations",
            other_information=[{"subject": "contact", "text": "Un <b>\nDeux"}],
        )
    )
    rows = shown(app, "autres-informations").select(".ecosphere-information > div")
    assert [(row.dt.get_text(), row.dd.get_text()) for row in rows] == [
        ("Coordonnées", "Un <b>\nDeux")
    ]


@pytest.mark.slow("load")
def test_many_resources_are_shown_page_by_page(app, create, monkeypatch):
    monkeypatch.setattr(page_helpers, "RESOURCES_SHOWN", 3)
    create(described("zones-par-pages"))

    def names_of(path: str) -> list[str]:
        page = BeautifulSoup(app.get(path).body, "html.parser")
        return texts(page, "#dataset-resources a.heading")

    first = names_of("/fr/dataset/zones-par-pages")
    second = names_of("/fr/dataset/zones-par-pages?page=2")
    assert (len(first), len(second)) == (3, 1)
    assert sorted(first + second) == ["Flux", "Interne", "Notice", "Zones"]
    assert names_of("/fr/dataset/zones-par-pages?page=99") == second
    ways = BeautifulSoup(app.get("/fr/dataset/zones-par-pages").body, "html.parser").select(
        "#dataset-resources nav a"
    )
    assert [way["href"] for way in ways] == ["/fr/dataset/zones-par-pages?page=2#dataset-resources"]


@pytest.mark.slow("load")
def test_the_queries_of_a_page_do_not_grow_with_its_resources(app, create):
    """CKAN asks for the views of each resource: a page of 8 000 took twenty seconds."""

    def queries(number: int) -> int:
        files = [
            {"url": f"https://geo.example.org/{each}.csv", "name": f"Fichier {each}"}
            for each in range(number)
        ]
        made = create(described(f"fichiers-{number}", resources=files))
        app.get(f"/fr/dataset/{made['name']}")
        with plans.asked() as asked:
            page = app.get(f"/fr/dataset/{made['name']}").body
        assert (
            len(BeautifulSoup(page, "html.parser").select("#dataset-resources a.heading")) == number
        )
        return len(asked)

    assert queries(60) - queries(30) < 10
