"""Pages of studies: forms, states, requests, frames.

Nobody else sees a study by any page, action, search or export.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.studies import states
from ckanext.ecosphere.studies.model import Study, StudyNeed
from ckanext.ecosphere.studies.tests.conftest import (
    FRAME,
    PASSWORD,
    SECRET,
    Catalogue,
    act,
    dataset,
    need_of,
)

pytestmark = pytest.mark.usefixtures("portal")
Make = Callable[..., dict[str, Any]]
#: Changes with each page.
TOKEN = re.compile(r'name="_csrf_token"[^>]*>')
STAY = {"follow_redirects": False}


def logged_in(app: CKANTestApp, person: str) -> Any:
    """Return a client in which a person is logged in."""
    client: Any = app.test_client()
    answer = client.post("/user/login", data={"login": person, "password": PASSWORD}, **STAY)
    assert answer.status_code == 302
    return client


def text(answer: Any, status: int = 200) -> str:
    """Return the text of an answer with a status."""
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page[:3_000]
    return page


def test_a_study_is_made_from_the_form_and_its_page_shows_states(
    app: CKANTestApp, catalogue: Catalogue
):
    catalogue.offer("wetlands", dataset(title="Zones humides de la Loire"))
    client = logged_in(app, "owner")
    assert FRAME.id in text(client.get("/fr/etudes/nouvelle"))
    form = {
        "title": "Parc",
        "frame": FRAME.id,
        "where": "communes",
        "communes": "Nantes (44)",
        "buffer": "500",
    }
    answer = client.post("/fr/etudes/nouvelle", data=form, **STAY)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    made = model.Session.scalars(sa.select(Study)).one()
    page = text(client.get(answer.headers["Location"]))
    assert "Zones humides de la Loire" in page and "Gîtes de chauves-souris" in page
    assert "eco-study-state--covers" in page and "eco-study-state--nobody" in page
    only = text(client.get(f"/fr/etudes/{made.id}?etat=nobody"))
    assert "Gîtes de chauves-souris" in only and "Zones humides de la Loire" not in only
    told = json.loads(text(client.get(f"/etudes/{made.id}/etat")))
    assert told["pending"] == 0 and {each["state"] for each in told["needs"].values()} == {
        "covers",
        "nobody",
    }


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"where": "communes", "communes": ""}, "communes"),
        ({"where": "communes", "communes": "Nulle-Part-sur-Rien"}, "communes"),
        ({"where": "communes", "communes": "Saint-Aubin"}, "communes"),
        ({"where": "epci", "epci": "Rien"}, "epci"),
        ({"where": "area", "area": "1, 2"}, "area"),
        ({"where": "file"}, "file"),
        ({"where": "communes", "communes": "44109", "buffer": "x"}, "buffer"),
        ({"where": "communes", "communes": "44109", "title": ""}, "title"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_beside_its_field(
    app: CKANTestApp, form: dict[str, str], field: str
):
    client = logged_in(app, "owner")
    page = text(client.post("/fr/etudes/nouvelle", data={"title": "Parc", **form}), 400)
    assert f'id="field-{field}-error"' in page and 'id="form-errors"' in page
    assert model.Session.scalars(sa.select(Study)).all() == []


def test_datasets_are_kept_set_aside_and_added_on_the_pages(
    app: CKANTestApp, study: Make, catalogue: Catalogue
):
    first, second = dataset(title="Premier"), dataset(title="Second")
    catalogue.offer("wetlands", first)
    made = study()
    need = need_of(made, "wetlands")["id"]
    client, at = logged_in(app, "writer"), f"/fr/etudes/{made['id']}/besoins/{need}"
    answer = client.post(f"{at}/jeux", data={"keep": first["id"]}, **STAY)
    assert answer.headers["Location"].endswith(f"#besoin-{need}")
    assert "field-why_aside-error" in text(
        client.post(f"{at}/jeux", data={"aside": first["id"]}), 400
    )
    assert "field-dataset-error" in text(
        client.post(f"{at}/jeux", data={"dataset": "inconnu", "add": "1"}), 400
    )
    data = {"aside": first["id"], "why_aside": "Trop vieux", "replacement": second["name"]}
    assert client.post(f"{at}/jeux", data=data, **STAY).status_code == 302
    found = [
        (each["title"], each["decision"])
        for each in need_of(act("show", id=made["id"]), "wetlands")["datasets"]
    ]
    assert found == [("Second", "added"), ("Premier", "aside")]
    page = text(client.get(at))
    assert "Trop vieux" in page
    assert client.post(at, data={"relevant": "false", "why": "Rien"}, **STAY).status_code == 302
    assert (
        need_of(act("show", id=made["id"]), "wetlands")["finding"]["state"] == states.NOT_RELEVANT
    )


def test_a_reader_sees_no_form(app: CKANTestApp, study: Make, catalogue: Catalogue):
    catalogue.offer("wetlands", dataset())
    made = study()
    client, at = logged_in(app, "reader"), f"/fr/etudes/{made['id']}"
    for path in (at, f"{at}/besoins/{need_of(made, 'wetlands')['id']}", f"{at}/changements"):
        page = text(client.get(path))
        assert f'action="{at}' not in page
    assert client.post(f"{at}/relancer").status_code == 403


def test_a_request_has_no_site_and_its_state_is_that_of_the_need(app: CKANTestApp, study: Make):
    made = study()
    need = need_of(made, "bats")["id"]
    client, at = logged_in(app, "owner"), f"/fr/etudes/{made['id']}/besoins/{need}/demande"
    page = text(client.get(at))
    assert "Gîtes de chauves-souris" in page and "departement-44" in page
    form = {
        "title": "Gîtes",
        "description": "Les gîtes.",
        "territory": "departement-44",
        "visibility": "private",
    }
    answer = client.post(at, data=form, **STAY)
    assert "/modifier/envoi" in answer.headers["Location"]
    row = model.Session.get_one(StudyNeed, need)
    request = act_on_request("show", "owner", id=row.request_id)
    assert (request["state"], request["bbox"], request["communes"]) == ("draft", None, [])
    assert SECRET not in json.dumps(request)
    assert (
        need_of(act("show", id=made["id"]), "bats")["finding"]["state"] == states.NOBODY
    )  # it is not sent yet
    told = need_of(act("show", "reader", id=made["id"]), "bats")["request"]
    assert told == {"id": "", "state": ""}


def act_on_request(verb: str, person: str, **data: Any) -> Any:
    """Call an action of data requests as a person."""
    import ckan.plugins.toolkit as tk

    context: Any = {"user": person, "auth_user_obj": model.User.get(person)}
    return tk.get_action(f"ecosphere_request_{verb}")(context, data)


def test_restricted_data_are_asked_with_purpose_undertaking_and_a_reminder(
    study: Make, catalogue: Catalogue
):
    import ckan.plugins.toolkit as tk

    closed = dataset(title="Nids d’aigles")
    catalogue.offer("bats", closed, states.RESTRICTED)
    made = study()
    given = {
        "id": made["id"],
        "need": need_of(made, "bats")["id"],
        "dataset": closed["id"],
        "until": "2027-06-01",
    }
    for missing in ({"purpose": "Éviter."}, {"undertakes": True}):
        with pytest.raises(tk.ValidationError):
            act("request", **given, **missing)
    with pytest.raises(tk.ValidationError):
        act("request", "writer", **given, purpose="Éviter.", undertakes=True, with_area=True)
    request = act("request", **given, purpose="Éviter les nids.", undertakes=True, with_area=True)
    assert request["kind"] == "access" and request["bbox"]
    assert "Éviter les nids." in request["description"]


def test_the_pages_of_settings_links_and_deletion(app: CKANTestApp, study: Make):
    made = study()
    client, at = logged_in(app, "owner"), f"/fr/etudes/{made['id']}"
    page = text(client.post(f"{at}/lien", data={"may_write": "1"}))
    address = page.split("<code>")[1].split("</code>")[0]
    stranger = logged_in(app, "stranger")
    path = address[address.index("/etudes/") :]
    assert SECRET in text(stranger.get(f"/fr{path}"))
    assert stranger.post(path, **STAY).status_code == 302
    assert stranger.get(path).status_code == 404
    assert "Stranger Nom" in text(client.get(f"{at}/reglages"))
    assert "field-username-error" in text(
        client.post(f"{at}/membres", data={"username": "personne"}), 400
    )
    assert client.post(f"{at}/archiver", data={"state": "archived"}, **STAY).status_code == 302
    assert SECRET in text(client.get("/fr/etudes?etat=archivees"))
    assert SECRET in text(client.get(f"{at}/supprimer"))
    assert client.post(f"{at}/supprimer", **STAY).status_code == 302
    assert model.Session.scalars(sa.select(Study)).all() == []


def test_pages_of_frames_are_public(app: CKANTestApp):
    client: Any = app.test_client()
    assert "Étude d’essai" in text(client.get("/fr/etudes")) and "Étude d’essai" in text(
        client.get("/fr/etudes/cadres")
    )
    page = text(client.get(f"/fr/etudes/cadres/{FRAME.id}"))
    assert "https://example.org/r2" in page and "Gîtes de chauves-souris" in page
    assert client.get("/fr/etudes/cadres/inconnu").status_code == 404


PAGES = (
    "/etudes",
    "/etudes/{id}",
    "/etudes/{id}/etat",
    "/etudes/{id}/changements",
    "/etudes/{id}/copier",
    "/etudes/{id}/reglages",
    "/etudes/{id}/supprimer",
    "/etudes/{id}/besoins/{need}",
    "/etudes/{id}/besoins/{need}/demande",
    "/etudes/statistiques",
    "/dataset/?q=Zibelines",
    "/dataset/{dataset}",
    "/demandes?q=Zibelines",
    "/tableau-de-bord",
    "/user/owner",
    "/recherche.atom?q=Zibelines",
    "/catalogue.csv?q=Zibelines",
    "/organization/ddt-44",
)
ACTIONS = (
    "show",
    "difference",
    "list",
    "missing_stats",
    "run",
    "copy",
    "update",
    "request",
    "need_create",
)


@pytest.mark.few(1, "personas")
@pytest.mark.parametrize("person", [None, "stranger", "editor", "boss"])
def test_nobody_else_sees_a_study(
    app: CKANTestApp, study: Make, catalogue: Catalogue, visitor: Any, person: str | None
):
    there = dataset()
    catalogue.offer("wetlands", there)
    made = study()
    parts = {"id": made["id"], "need": need_of(made, "bats")["id"], "dataset": there["name"]}
    act("need_update", id=made["id"], need=parts["need"], relevant=False, why=SECRET)
    client: Any = app.test_client()
    if person:
        client = logged_in(app, person)
    for page in PAGES:
        answer = client.get(page.format(**parts))
        assert SECRET not in answer.get_data(as_text=True), page
        assert "44109" not in answer.get_data(as_text=True), page
    bare, headers = visitor(person)
    for action in ACTIONS:
        data = {
            "id": made["id"],
            "need": parts["need"],
            "title": "x",
            "label": "x",
            "communes": ["44109"],
        }
        answer = bare.post(f"/api/3/action/ecosphere_study_{action}", json=data, headers=headers)
        assert SECRET not in answer.get_data(as_text=True), action
    # A study that is not shared and one that does not exist have the same answer.
    known, unknown = (client.get(f"/etudes/{id_}") for id_ in (made["id"], "inconnue"))
    assert known.status_code == unknown.status_code
    if person:
        texts = (TOKEN.sub("", answer.get_data(as_text=True)) for answer in (known, unknown))
        assert next(texts).replace(made["id"], "inconnue") == next(texts)


def test_what_is_missing_most_is_told_from_five_studies_on(study: Make, catalogue: Catalogue):
    for number in range(5):
        made = act("create", title=f"Étude {number}", frame=FRAME.id, communes=["44109"])
        act("need_create", id=made["id"], label="Rien que pour moi")
        rows = act("missing_stats", "boss")
        assert bool(rows) == (number == 4)
    assert {row["territory"] for row in rows} == {"departement-44", "region-pdl"}
    assert {row["need"] for row in rows} == {"wetlands", "bats", "noise"}
    assert all(row["studies"] == 5 for row in rows) and "Étude" not in json.dumps(rows)


def test_a_service_learns_how_many_studies_its_data_serve_from_five_on(
    study: Make, catalogue: Catalogue
):
    there, hidden = dataset(), dataset(private=True)
    catalogue.offer("wetlands", there)
    catalogue.offer("bats", hidden)
    for number in range(5):
        assert act("dataset_stats", "editor", organization="ddt-44") == {
            "studies": 0,
            "datasets": {},
        }
        act("create", title=f"Étude {number}", frame=FRAME.id, communes=["44109"])
    assert act("dataset_stats", "editor", organization="ddt-44") == {
        "studies": 5,
        "datasets": {there["id"]: 5},
    }
