"""Private datasets cannot be told from missing ones by users without access:
same status and same text, over HTTP.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ckanext.ecosphere.hardening import private_datasets
from ckanext.ecosphere.tests.access import world
from ckanext.ecosphere.tests.access.conftest import Ledger, Visitor

#: Action → parameters with "?" for the dataset; the dataset that `other_editor` and `user` may not
#: read is in `ddt-42`.
ASKING = {
    "ecosphere_request_dataset_list": {"id": "?"},
    "ecosphere_harvest_statements_show": {"id": "?"},
    "ecosphere_harvest_catalogues_show": {"id": "?"},
    "ecosphere_harvest_edit_follow": {"id": "?", "field": "title"},
    "ecosphere_harvest_edits_list": {"id": "?"},
    "ecosphere_harvest_local_show": {"id": "?"},
    "ecosphere_quality_show": {"id": "?"},
    "ecosphere_quality_links": {"id": "?"},
    "ecosphere_quality_preview": {"id": "?", "dataset": {"title": "Essai"}},
    "ecosphere_quality_recheck": {"id": "?"},
    "ecosphere_bulk_edit_preview": {"names": "name\n?", "field": "frequency", "values": "annuelle"},
    "ecosphere_bulk_edit_start": {"names": "name\n?", "field": "frequency", "values": "annuelle"},
    "ecosphere_search_suggest": {"q": "?"},
}
PAGES = (
    "/dataset/?/qualite",
    "/dataset/?/qualite.svg",
    "/dataset/?/iso19139.xml",
    "/dataset/?/schemaorg.jsonld",
    "/dataset/?/dupliquer",
    "/dataset/?",
    "/dataset/?.ttl",
    "/dataset/edit/?",
    "/dataset/resources/?",
    "/dataset/groups/?",
    "/dataset/activity/?",
    "/dataset/followers/?",
    "/dataset/collaborators/?",
    "/dataset/delete/?",
    "/dataset/?/resource/new",
    "/harvest/?",
    "/harvest/edit/?",
    "/harvest/admin/?",
    "/harvest/about/?",
)
MISSING = "jeu-inexistant"
TABLE = yaml.safe_load(private_datasets.TABLE.read_text(encoding="utf-8"))
STRANGERS = ("anonymous", "user", "other_editor", "moderator")
as_each_stranger = pytest.mark.parametrize(
    "persona",
    [
        name if name == "other_editor" else pytest.param(name, marks=pytest.mark.slow("personas"))
        for name in STRANGERS
    ],
)


def put(value: Any, name: str) -> Any:
    """Replace "?" with a name."""
    if isinstance(value, dict):
        return {key: put(each, name) for key, each in value.items()}
    return value.replace("?", name) if isinstance(value, str) else value


def said(answer: Any, name: str) -> tuple[int, str]:
    """Return status and text of an answer without the requested name."""
    body = answer.get_data(as_text=True)
    assert world.SECRET_TITLE not in body
    return answer.status_code, body.replace(name, "?")


def asking_ckan(action: str, name: str, public: str) -> list[dict[str, Any]]:
    """Return the parameters of a call of CKAN's action for each of its
    parameters that names a dataset.
    """
    data = []
    for parameter in TABLE["dataset"][action]:
        first, _dot, last = parameter.partition(".")
        named = {first: {last: name}} if last else {first: name}
        # Other parameters that the actions check before they look the dataset up.
        data.append(
            {
                "subject": public,
                "object": public,
                "id": public,
                "type": "depends_on",
                "name": "x",
                **named,
            }
        )
        if first in ("name", "name_or_id", "match", "match__id", "match__name"):
            del data[-1]["id"]
    return data


@pytest.mark.slow("personas")
@as_each_stranger
def test_action_of_ckan_answers_as_for_a_missing_dataset(
    persona: str, portal: world.World, visitors: dict[str, Visitor]
):
    told, public = {}, portal.things["dataset"][1]
    for action in TABLE["dataset"]:
        for number in range(len(TABLE["dataset"][action])):
            answers = {
                said(
                    visitors[persona].call(action, asking_ckan(action, name, public)[number]), name
                )
                for name in (portal.things["private"][0], portal.things["private"][1], MISSING)
            }
            told |= {f"{action} {number}": answers} if len(answers) > 1 else {}
    assert not told


@pytest.mark.few(4, "personas")
@as_each_stranger
@pytest.mark.parametrize("action", sorted(ASKING))
def test_action_answers_as_for_a_missing_dataset(
    action: str, persona: str, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger
):
    answers = []
    for name in (portal.things["private"][0], portal.things["private"][1], MISSING):
        ledger.begin()
        answers.append(said(visitors[persona].call(action, put(ASKING[action], name)), name))
        ledger.end()
    assert answers[0] == answers[1] == answers[2]


@as_each_stranger
def test_similar_datasets_are_those_that_the_reader_may_see(
    persona: str, portal: world.World, visitors: dict[str, Visitor]
):
    answer = visitors[persona].call("ecosphere_request_similar", {"title": world.SECRET_TITLE})
    assert answer.status_code == 200
    names = {dataset["name"] for dataset in answer.json["result"]["datasets"]}
    assert portal.things["private"][1] not in names


@as_each_stranger
@pytest.mark.parametrize("page", PAGES)
def test_page_answers_as_for_a_missing_dataset(
    page: str, persona: str, portal: world.World, visitors: dict[str, Visitor]
):
    private = portal.things["private"][1]
    answers = [visitors[persona].get(page.replace("?", name)) for name in (private, MISSING)]
    assert answers[0].status_code == answers[1].status_code
    assert world.SECRET_TITLE not in answers[0].get_data(as_text=True)


@as_each_stranger
def test_the_page_of_a_private_file_under_a_public_dataset_answers_as_for_a_missing_one(
    persona: str, portal: world.World, visitors: dict[str, Visitor]
):
    told, public = {}, portal.things["dataset"][1]
    for page in ("", "/download", "/download/x.csv", "/edit", "/delete", "/views", "/new_view"):
        answers = {
            said(visitors[persona].get(f"/dataset/{public}/resource/{file}{page}"), file)[0]
            for file in (portal.things["wfs_private"][0], "00000000-0000-4000-8000-000000000000")
        }
        told |= {page: answers} if len(answers) > 1 else {}
    assert not told


@pytest.mark.parametrize("transition", ["fulfil", "fulfil_partly"])
def test_answering_with_a_private_dataset_of_others_tells_nothing(
    transition: str, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger
):
    request, version = portal.things["request"][0], portal.things["request_version"][0]
    answers = []
    for name in (*portal.things["other_private"], MISSING):
        data = {
            "id": request,
            "transition": transition,
            "version": version,
            "datasets": [name],
            "missing": "Le reste",
        }
        ledger.begin()
        answers.append(said(visitors["admin"].call("ecosphere_request_transition", data), name))
        ledger.end()
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 409


def test_a_search_for_a_private_dataset_finds_nothing(visitors: dict[str, Visitor]):
    for persona in STRANGERS:
        found = (
            visitors[persona]
            .call("package_search", {"q": "captages", "include_private": True})
            .json["result"]
        )
        own = ["captages-ara"] if persona == "other_editor" else []
        assert [each["name"] for each in found["results"]] == own
        assert found["count"] == len(own)


def test_members_of_a_service_are_the_datasets_that_the_reader_may_see(
    portal: world.World, visitors: dict[str, Visitor]
):
    private, public = portal.things["private"][0], portal.things["dataset"][0]
    for persona in (*STRANGERS, "editor"):
        asked = {"id": "ddt-42", "object_type": "package"}
        ids = {each[0] for each in visitors[persona].call("member_list", asked).json["result"]}
        assert public in ids and (private in ids) == (persona == "editor"), persona


def test_who_works_for_a_service_is_not_told_to_everybody(
    portal: world.World, visitors: dict[str, Visitor]
):
    for persona in STRANGERS:
        may_see_people = persona != "anonymous"
        members = visitors[persona].call("member_list", {"id": "ddt-42"}).json["result"]
        assert ("user" in {kind for _id, kind, _capacity in members}) == may_see_people, persona
        answer = visitors[persona].call(
            "organization_list_for_user", {"id": "editor", "permission": "read"}
        )
        assert answer.status_code == (200 if may_see_people else 403), persona


def test_a_request_names_no_dataset_that_its_reader_cannot_find(
    portal: world.World, visitors: dict[str, Visitor], ledger: Ledger
):
    ledger.begin()
    names = [
        portal.things["private"][1],
        MISSING,
        portal.things["dataset"][1],
        "le fichier reçu en 2019",
    ]
    request, version = portal.things["draft"][0], portal.things["draft_version"][0]
    visitors["user"].call(
        "ecosphere_request_update", {"id": request, "version": version, "known_datasets": names}
    )
    sent = {"id": request, "transition": "submit", "version": version + 1, "similar_seen": True}
    answer = visitors["user"].call("ecosphere_request_transition", sent)
    assert (
        answer.json["result"]["state"] == "open"
    )  # their earlier request was accepted, so they count as known
    shown = (
        visitors["anonymous"]
        .call("ecosphere_request_show", {"id": request})
        .json["result"]["known_datasets"]
    )
    ledger.end()
    assert shown == [portal.things["dataset"][1], "le fichier reçu en 2019"]


PERSONAL = ("created", "last_active")


@pytest.mark.parametrize("persona", ["user", "other_editor", "editor", "admin", "moderator"])
def test_moments_of_accounts_are_for_the_person(
    persona: str, portal: world.World, visitors: dict[str, Visitor]
):
    people = visitors[persona].call("user_list", {"all_fields": True}).json["result"]
    own = portal.things[persona][0]
    assert {each["id"] for each in people if each["created"]} == {own}
    assert all(each["last_active"] is None for each in people if each["id"] != own)
    other = visitors[persona].call("user_show", {"id": "asker"}).json["result"]
    assert [other.get(name) for name in PERSONAL] == [None, None]
    myself = visitors[persona].call("user_show", {"id": own}).json["result"]
    assert myself["created"]


def test_moments_of_members_are_not_in_their_organization(
    portal: world.World, visitors: dict[str, Visitor]
):
    service = {"id": portal.things["service"][1], "include_users": True}
    members = visitors["admin"].call("organization_show", service).json["result"]["users"]
    own = portal.things["admin"][0]
    assert len(members) > 1
    assert {each["id"] for each in members if each.get("created")} <= {own}


def test_administrators_of_the_site_see_the_moments(visitors: dict[str, Visitor]):
    people = visitors["sysadmin"].call("user_list", {"all_fields": True}).json["result"]
    assert all(each["created"] for each in people)


@pytest.mark.parametrize(
    "order", ["created", "last_active", "password", "reset_key", "metadata", ["name"], 5]
)
def test_people_are_not_sorted_by_what_is_not_shown(order: Any, visitors: dict[str, Visitor]):
    assert visitors["user"].call("user_list", {"order_by": order}).status_code == 409
