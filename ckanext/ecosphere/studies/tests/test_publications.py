"""Collections, reuses and opinions: who sees them, what is refused, what other programs get."""

# ruff: noqa: F811
from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from lxml import etree
from rdflib import RDF, Graph, Namespace

from ckanext.ecosphere.data_requests.tests.conftest import app, dataset, group_id, people, user_id  # noqa: F401
from ckanext.ecosphere.studies import config
from ckanext.ecosphere.studies.model import Collection, Reuse, Suitability
from ckanext.ecosphere.studies.publications import collections, reuses

ATOM = "{http://www.w3.org/2005/Atom}"
DCAT = Namespace("http://www.w3.org/ns/dcat#")
SECRET = "Captages sensibles"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def portal(people: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for option in (config.REUSE_LIMITS, config.OPINION_LIMITS):
        monkeypatch.setitem(ckan_config, option, "")
    yield
    model.Session.rollback()
    for table in (Collection, Reuse, Suitability):
        model.Session.execute(sa.delete(table))
    model.Session.commit()


@pytest.fixture(scope="module")
def data(people: None) -> dict[str, Any]:
    return {
        "public": dataset(name="zones-humides-du-forez"),
        "private": dataset(name="captages", title=SECRET, private=True),
    }


def act(action: str, person: str | None, **values: Any) -> Any:
    user = model.User.get(person) if person else None
    context: Any = {"user": person or "", "auth_user_obj": user, "ignore_auth": False}
    return tk.get_action(f"ecosphere_{action}")(context, values)


def made(data: dict[str, Any], **values: Any) -> dict[str, Any]:
    items = [
        {"group": "Milieux", "label": "Zones humides", "package_id": data["public"]["name"]},
        {
            "group": "Milieux",
            "label": "Captages",
            "note": SECRET,
            "package_id": data["private"]["id"],
        },
        {"group": "Risques", "label": "Crues"},
    ]
    given = {"title": "Étude d’impact", "organization": "ddt-42", "items": items, "public": True}
    return act("collection_create", "editor", **{**given, **values})


def headers(person: str | None) -> dict[str, str]:
    if person is None:
        return {}
    return {"Authorization": factories.APIToken(user=person)["token"]}


# --- collections ---


def test_a_private_dataset_of_a_collection_is_nowhere_for_who_may_not_read_it(
    portal: None,
    data: dict[str, Any],
    app: Any,
):
    name = made(data)["name"]
    addresses = ["", "/flux.atom", "/bouquet.csv", "/catalogue.ttl", "/catalogue.rdf"]
    for person in (None, "stranger", "other-editor"):
        for address in addresses:
            answer = app.get(f"/bouquets/{name}{address}", headers=headers(person))
            assert answer.status_code == 200
            assert SECRET not in answer.text
            assert "captages" not in answer.text.lower()
    assert SECRET in app.get(f"/bouquets/{name}", headers=headers("editor")).text
    for address in ("/flux.atom", "/catalogue.ttl"):
        answer = app.get(f"/bouquets/{name}{address}", headers=headers("editor"))
        assert SECRET not in answer.text, "what programs fetch is the same for all"


def test_a_collection_that_is_not_public_is_for_the_editors_of_its_service(
    portal: None, data: dict[str, Any]
):
    id_ = made(data, public=False)["id"]
    for person in (None, "stranger", "other-editor"):
        with pytest.raises(tk.ObjectNotFound):
            act("collection_show", person, id=id_)
        assert act("collection_list", person)["count"] == 0
    assert act("collection_show", "editor", id=id_)["items"] == 3
    assert act("collection_list", "editor", mine=True)["count"] == 1
    with pytest.raises(tk.NotAuthorized):
        act("collection_list", None, mine=True)


def test_only_editors_of_the_service_change_it(portal: None, data: dict[str, Any]):
    id_ = made(data)["id"]
    for person in (None, "stranger", "other-editor"):
        for verb, values in {
            "update": {"title": "A"},
            "delete": {},
            "add": {"package_id": data["public"]["id"]},
        }.items():
            with pytest.raises(tk.NotAuthorized):
                act(f"collection_{verb}", person, id=id_, **values)
        with pytest.raises(tk.NotAuthorized):
            act("collection_create", person, title="A", organization="ddt-42")
    act("collection_delete", "editor", id=id_)
    with pytest.raises(tk.ObjectNotFound):
        act("collection_show", "editor", id=id_)


def test_an_added_dataset_meets_the_need_of_its_name(portal: None, data: dict[str, Any]):
    name = made(data, items=[{"group": "Risques", "label": "Crues"}])["name"]
    act("collection_add", "editor", id=name, package_id=data["public"]["name"], label="Crues")
    act("collection_add", "editor", id=name, package_id=data["public"]["name"])
    [group] = act("collection_show", None, id=name)["groups"]
    [item] = group["items"]
    assert item["dataset"]["name"] == data["public"]["name"]


def test_a_dataset_that_an_editor_may_not_read_cannot_be_added(portal: None, data: dict[str, Any]):
    made_by = act("collection_create", "other-editor", title="Eau", organization="dreal-ara")
    with pytest.raises(tk.ObjectNotFound):
        act("collection_add", "other-editor", id=made_by["id"], package_id=data["private"]["id"])
    with pytest.raises(tk.ValidationError):
        items = [{"package_id": data["private"]["id"]}]
        act("collection_update", "other-editor", id=made_by["id"], items=items)


def test_two_collections_of_one_title_have_two_names(portal: None, data: dict[str, Any]):
    names = {made(data, title="Nouveau", items=[])["name"] for _number in range(2)}
    assert names == {"nouveau-2", "nouveau-3"}, "nouveau is the page of the form"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "a" * 201),
        ("description", "a" * 5_001),
        ("frame_id", "nothing"),
        ("items", "a"),
        ("items", [{"label": "a"}] * 301),
        ("items", [{}]),
    ],
)
def test_what_is_too_long_or_unknown_is_refused(
    field: str, value: Any, portal: None, data: dict[str, Any]
):
    with pytest.raises(tk.ValidationError) as refused:
        made(data, **{field: value})
    assert field in refused.value.error_dict


def test_other_programs_get_feed_table_and_catalogue(portal: None, data: dict[str, Any], app: Any):
    name = made(data)["name"]
    feed = etree.fromstring(app.get(f"/bouquets/{name}/flux.atom").data)
    assert len(feed.findall(f"{ATOM}entry")) == 1
    table = app.get(f"/bouquets/{name}/bouquet.csv").text.lstrip("\ufeff")
    rows = list(csv.reader(io.StringIO(table), delimiter=";"))
    assert [row[1] for row in rows[1:]] == ["Zones humides", "Crues"]
    graph = Graph().parse(data=app.get(f"/bouquets/{name}/catalogue.ttl").text, format="turtle")
    [catalogue] = graph.subjects(RDF.type, DCAT.Catalog)
    assert len(list(graph.objects(catalogue, DCAT.dataset))) == 1
    every = etree.fromstring(app.get("/bouquets/flux.atom").data)
    assert len(every.findall(f"{ATOM}entry")) == 1
    assert app.get(f"/bouquets/{name}/catalogue.exe", status=404)


def test_texts_of_editors_run_nowhere(portal: None, data: dict[str, Any], app: Any):
    items = [{"group": HOSTILE, "label": HOSTILE, "note": HOSTILE}]
    name = made(data, title=HOSTILE, description=HOSTILE, items=items)["name"]
    for address in ("/bouquets", f"/bouquets/{name}", f"/bouquets/{name}/flux.atom", "/"):
        assert HOSTILE not in app.get(address).text


def test_the_form_orders_adds_and_removes_lines(portal: None, data: dict[str, Any], app: Any):
    name = made(data, items=[{"label": "A"}, {"label": "B"}, {"label": "C"}])["name"]
    form = {"title": "Étude", "public": "1"}
    lines = [("2", "A", ""), ("1", "B", ""), ("3", "C", "1"), ("", "D", "")]
    for number, (place, label, removed) in enumerate(lines):
        for part, value in {"place": place, "label": label, "remove": removed}.items():
            if value or part == "label":
                form[f"item-{number}-{part}"] = value
    app.post(
        f"/bouquets/{name}/modifier", data=form, headers=headers("editor"), follow_redirects=False
    )
    [group] = act("collection_show", None, id=name)["groups"]
    assert [item["label"] for item in group["items"]] == ["B", "A", "D"]


def test_the_page_of_a_dataset_names_its_public_collections(
    portal: None, data: dict[str, Any], app: Any
):
    made(data, title="Bouquet visible")
    made(data, title="Bouquet secret", public=False)
    page = app.get(f"/dataset/{data['public']['name']}").text
    assert "Bouquet visible" in page
    assert "Bouquet secret" not in page
    assert "Bouquet visible" in app.get("/organization/ddt-42").text
    assert "Bouquet visible" in app.get("/").text


# --- reuses ---


REUSE = {"kind": "map", "title": "Carte", "url": "https://www.example.org/carte"}


def test_a_reuse_is_shown_once_a_moderator_has_read_it(
    portal: None, data: dict[str, Any], app: Any
):
    packages = [data["public"]["name"]]
    id_ = act("reuse_create", "stranger", packages=packages, **{**REUSE, "title": HOSTILE})["id"]
    addresses = ("/reutilisations", f"/dataset/{packages[0]}", "/organization/ddt-42")
    assert all("www.example.org/carte" not in app.get(address).text for address in addresses)
    assert act("reuse_list", "stranger", scope="mine")["count"] == 1
    for person in (None, "stranger", "editor", "moderator"):
        with pytest.raises(tk.NotAuthorized):
            act("reuse_list", person, scope="held")
        with pytest.raises(tk.NotAuthorized):
            act("reuse_moderate", person, id=id_, decision="published")
    with pytest.raises(tk.ValidationError):
        act("reuse_moderate", "boss", id=id_, decision="refused")
    act("reuse_moderate", "boss", id=id_, decision="published")
    for address in addresses:
        page = app.get(address).text
        assert 'href="https://www.example.org/carte" rel="nofollow ugc noopener noreferrer"' in page
        assert HOSTILE not in page
        assert "Stranger" not in page, "its author is not named"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//example.org",
        "http://127.0.0.1/",
        "http://10.1.2.3/",
        "https://localhost/",
        "https://user:secret@example.org/",
        "https://geo.intra/",
        "ftp://example.org/a",
        "https://exa mple.org/",
        "https://[::1",
        "https://example.org:99999999/",
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_only_addresses_of_public_web_pages_are_taken(url: str):
    assert reuses.safe_address(url) == ""


def test_a_plain_address_is_taken():
    assert (
        reuses.safe_address(" https://www.example.org/a?b=c#d ")
        == "https://www.example.org/a?b=c#d"
    )


def test_a_private_dataset_is_unknown_to_reuses_even_for_its_editors(
    portal: None, data: dict[str, Any]
):
    for packages in ([data["private"]["id"]], ["nothing"], [], ["a"] * 51, None, 7):
        with pytest.raises(tk.ValidationError) as refused:
            act("reuse_create", "editor", packages=packages, **REUSE)
        assert list(refused.value.error_dict) == ["packages"]


def test_a_dataset_that_becomes_private_is_no_longer_named(portal: None, data: dict[str, Any]):
    other = dataset(name="bientot-prive", title="Bientôt privé")
    id_ = act("reuse_create", "stranger", packages=[other["id"], data["public"]["id"]], **REUSE)[
        "id"
    ]
    act("reuse_moderate", "boss", id=id_, decision="published")
    tk.get_action("package_patch")({"user": "boss"}, {"id": other["id"], "private": True})
    [shown] = act("reuse_list", None)["results"]
    assert [row["name"] for row in shown["datasets"]] == [data["public"]["name"]]


def test_reuses_are_limited(
    portal: None, data: dict[str, Any], app: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(tk.config, config.REUSE_LIMITS, "2 per hour")
    form = {**REUSE, "packages": data["public"]["name"]}
    statuses = []
    for _number in range(3):
        answer = app.post(
            "/reutilisations/nouvelle", data=form, headers=headers("friend"), follow_redirects=False
        )
        statuses.append(answer.status_code)
    assert statuses == [302, 302, 400]


def test_a_person_deletes_their_own(portal: None, data: dict[str, Any]):
    id_ = act("reuse_create", "stranger", packages=[data["public"]["id"]], **REUSE)["id"]
    with pytest.raises(tk.ObjectNotFound):
        act("reuse_delete", "friend", id=id_)
    act("reuse_delete", "stranger", id=id_)
    assert act("reuse_list", "stranger", scope="mine")["count"] == 0


def test_of_a_closed_account_only_what_is_public_stays_without_a_name(
    portal: None, data: dict[str, Any]
):
    ids = [
        act("reuse_create", "friend", packages=[data["public"]["id"]], **REUSE)["id"]
        for _number in range(2)
    ]
    act("reuse_moderate", "boss", id=ids[0], decision="published")
    reuses.forget_person(user_id("friend"))
    model.Session.commit()
    rows = model.Session.scalars(sa.select(Reuse)).all()
    assert [(row.id, row.author_id) for row in rows] == [(ids[0], "")]


# --- opinions ---


def test_everybody_sees_how_many_and_editors_why(portal: None, data: dict[str, Any]):
    id_ = data["public"]["id"]
    act("opinion_save", "stranger", package_id=id_, use="parcel", fits=False, why="Trop grossier")
    act("opinion_save", "friend", package_id=id_, use="parcel", fits=True)
    act("opinion_save", "friend", package_id=id_, use="parcel", fits=False, why="En fait non")
    for person in (None, "stranger", "other-editor"):
        answer = act("opinion_list", person, package_id=id_)
        assert [(row["fits"], row["not_fits"]) for row in answer["counts"]] == [(0, 2)]
        assert "reasons" not in answer
    reasons = act("opinion_list", "editor", package_id=id_)["reasons"]
    assert {row["why"] for row in reasons} == {"Trop grossier", "En fait non"}
    assert "stranger" not in str(reasons)


@pytest.mark.parametrize(
    "values",
    [
        {"use": "nothing", "fits": True},
        {"use": "parcel", "fits": False},
        {"use": "parcel", "fits": "perhaps", "why": "a"},
        {"use": "parcel", "fits": True, "why": "a" * 1_001},
    ],
)
def test_opinions_that_say_nothing_are_refused(
    values: dict[str, Any], portal: None, data: dict[str, Any]
):
    with pytest.raises(tk.ValidationError):
        act("opinion_save", "stranger", package_id=data["public"]["id"], **values)


def test_of_a_private_dataset_there_is_no_opinion(portal: None, data: dict[str, Any]):
    for action, values in (("opinion_list", {}), ("opinion_save", {"use": "parcel", "fits": True})):
        with pytest.raises(tk.ObjectNotFound):
            act(action, "stranger", package_id=data["private"]["id"], **values)


def test_the_form_stands_on_the_page_of_the_dataset(portal: None, data: dict[str, Any], app: Any):
    form = {"use": "parcel", "fits": "false", "why": HOSTILE}
    name = data["public"]["name"]
    app.post(
        f"/dataset/{name}/avis", data=form, headers=headers("stranger"), follow_redirects=False
    )
    assert HOSTILE not in app.get(f"/dataset/{name}", headers=headers("editor")).text
    assert HOSTILE not in app.get(f"/dataset/{name}").text


def test_the_names_of_collections_are_bounded():
    assert collections.item_of({"label": "a" * 999, "package_id": None}) == {
        "group": "",
        "label": "a" * 300,
        "note": "",
        "package_id": "",
    }


def test_a_service_without_reuses_has_none(portal: None, data: dict[str, Any]):
    assert list(reuses.of_service(group_id("dreal-ara"), 5)) == []
