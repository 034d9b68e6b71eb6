"""No anonymous person learns the id of an account: over any action that reads, any page, or a
search by parts of it.

A forged session or token needs that id. Ids are looked for in the answers as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import logic, model

from ckanext.ecosphere.tests.access import world
from ckanext.ecosphere.tests.access.conftest import Visitor

#: What a caller may ask for besides an object.
EVERYTHING = {
    "all_fields": True,
    "include_users": True,
    "include_datasets": True,
    "include_data": True,
    "include_extras": True,
    "q": "*:*",
    "rows": 50,
    "limit": 50,
}
THINGS = ("dataset", "group", "service", "source", "request", "job", "boss")
#: Names of parameters, besides `id`, that say which object an action is about.
NAMING = ("source_id", "dataset", "organization", "user", "object_id")
FORMATS = ("rdf", "ttl", "jsonld", "xml", "n3")
FULL = "creator_user_id:{id}"
#: Searches that would find a dataset by the beginning of its creator's id, in the spellings that
#: Solr reads.
SEARCHES = (
    {"q": "creator_user_id:{part}*"},
    {"q": "zones AND (creator_user_id:{part}*)"},
    {"q": r"creator\_user_id:{part}*"},
    {"q": r"creator\u005fuser_id:{part}*"},
    {"q": "creator_user_id:[{part} TO {part}z]"},
    {"q": "creator_user_id:/{part}.*/"},
    {"q": FULL + " creator_user_id:{part}*"},
    {"fq": "+creator_user_id:{part}*"},
    {"fq_list": ["creator_user_id:{part}*"]},
    {"fq": r"creator\_user\_id:{part}*"},
    {"q": "{part}*", "qf": "creator_user_id"},
    {"q": "{part}*", "qf": "creator_user_id^2", "defType": "edismax"},
    {"sort": "creator_user_id asc"},
    {"facet.field": ["creator_user_id"], "facet.limit": 50},
    {"fl": ["creator_user_id"]},
    {"fl": ["id", "validated_data_dict"]},
    {"fl": ["id", "data_dict"]},
    {"fl": ["*"]},
)


@pytest.fixture(scope="module")
def boss(portal: world.World) -> str:
    """Id of a sysadmin who created a public dataset and a harvest source, and changed them."""
    by: dict[str, Any] = {"user": "boss", "ignore_auth": True}
    for thing in ("dataset", "source", "service", "group"):
        identifier = portal.things[thing][0]
        table = model.Package if thing in ("dataset", "source") else model.Group
        values = {"creator_user_id": portal.things["sysadmin"][0]} if table is model.Package else {}
        if values:
            model.Session.execute(sa.update(table).where(table.id == identifier).values(**values))
            model.Session.commit()
            logic.index_update_package(by, identifier)
    tk.get_action("package_patch")({**by}, {"id": portal.things["dataset"][0], "version": "2"})
    tk.get_action("group_patch")(
        {**by}, {"id": portal.things["group"][0], "description": "Zonages"}
    )
    return portal.things["sysadmin"][0]


@pytest.fixture(scope="module")
def accounts(boss: str) -> list[str]:
    """Ids of all accounts."""
    return list(model.Session.scalars(sa.select(model.User.id)))


def _seen(answer: Any, accounts: list[str]) -> bool:
    text = answer.get_data(as_text=True)
    return any(account in text for account in accounts)


def _parameters(portal: world.World) -> Iterator[dict[str, Any]]:
    things = {**portal.things, "boss": portal.things["sysadmin"]}
    yield {}
    yield EVERYTHING
    for name in (things[thing][1] for thing in THINGS):
        yield {"id": name, **EVERYTHING}
        yield {**dict.fromkeys(NAMING, name), **EVERYTHING}


@pytest.mark.slow("values")
def test_no_action_that_reads_tells_the_id_of_an_account(
    portal: world.World, visitors: dict[str, Visitor], accounts: list[str]
):
    activity = model.Session.execute(
        sa.text("SELECT id FROM activity ORDER BY timestamp DESC LIMIT 20")
    ).scalars()
    more = [{"id": each, "object_type": "package", **EVERYTHING} for each in activity]
    logic.get_action("status_show")
    reading = sorted(
        name
        for name, action in logic._actions.items()
        if getattr(action, "side_effect_free", False)
    )
    assert {"package_show", "package_search", "harvest_source_show", "activity_diff"} <= set(
        reading
    )
    calls = [
        *product(reading, _parameters(portal)),
        *product([name for name in reading if "activity" in name], more),
    ]
    nobody = visitors["anonymous"]
    telling = {
        action for action, parameters in calls if _seen(nobody.call(action, parameters), accounts)
    }
    assert sorted(telling) == []


@pytest.mark.slow("values")
def test_no_page_or_file_tells_the_id_of_an_account(
    portal: world.World, visitors: dict[str, Visitor], accounts: list[str], made_app: Any
):
    names = [portal.things[thing][1] for thing in THINGS if thing != "boss"]
    addresses = set()
    for rule in made_app._wsgi_app.url_map.iter_rules():
        free = rule.arguments - {"_format"}
        if "GET" not in (rule.methods or ()) or len(free) > 1 or "<int" in rule.rule:
            continue
        for name, format_ in product(names, FORMATS if "_format" in rule.arguments else [""]):
            values = {**dict.fromkeys(free, name), **({"_format": format_} if format_ else {})}
            built = rule.build(values)
            addresses |= {built[1]} if built else set()
    addresses |= {
        f"/{page}.{format_}"
        for page, format_ in product(("dataset/zones-humides", "catalog"), FORMATS)
    }
    addresses |= {"/dataset/activity/zones-humides", "/feeds/dataset.atom"}
    telling = [
        each for each in sorted(addresses) if _seen(visitors["anonymous"].get(each), accounts)
    ]
    assert telling == []


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_no_search_finds_by_part_of_an_id(
    search: dict[str, Any], visitors: dict[str, Visitor], boss: str, accounts: list[str]
):
    def answer(persona: str, part: str) -> Any:
        filled = {
            name: [text.replace("{part}", part).replace("{id}", boss) for text in value]
            if isinstance(value, list)
            else value.replace("{part}", part).replace("{id}", boss)
            if isinstance(value, str)
            else value
            for name, value in search.items()
        }
        return visitors[persona].call("package_search", filled)

    for persona in ("anonymous", "user", "editor"):
        right, wrong = answer(persona, boss[:6]), answer(persona, "ffffff")
        assert not _seen(right, [boss])
        assert right.status_code == wrong.status_code
        if right.status_code == 200:
            assert right.json["result"]["count"] == wrong.json["result"]["count"]
    assert answer("sysadmin", boss[:6]).status_code != 500


def test_datasets_of_a_person_are_still_found_by_whoever_knows_the_person(
    visitors: dict[str, Visitor], boss: str
):
    person = visitors["user"].call("user_show", {"id": "boss", "include_datasets": True})
    assert "zones-humides" in [dataset["name"] for dataset in person.json["result"]["datasets"]]
    found = visitors["anonymous"].get(
        f"/api/3/action/package_search?{urlencode({'fq': FULL.format(id=boss)})}"
    )
    assert "zones-humides" in [dataset["name"] for dataset in found.json["result"]["results"]]


@pytest.mark.parametrize(
    ("persona", "known"),
    [("anonymous", False), ("user", False), ("editor", False), ("sysadmin", True)],
)
def test_creator_is_shown_to_sysadmins(
    persona: str, known: bool, visitors: dict[str, Visitor], boss: str
):
    shown = visitors[persona].call("package_show", {"id": "zones-humides"})
    found = visitors[persona].call("package_search", {"fq": "name:zones-humides"})
    assert [_seen(answer, [boss]) for answer in (shown, found)] == [known, known]


def test_an_editor_saves_what_package_show_gave(visitors: dict[str, Visitor], boss: str):
    editor = visitors["editor"]
    dataset = editor.call("package_show", {"id": "zones-humides"}).json["result"]
    answer = editor.call("package_update", {**dataset, "version": "3"})
    assert answer.status_code == 200, answer.json
    unchanged = editor.call("package_show", {"id": "zones-humides"}).json["result"]
    assert editor.call("package_update", unchanged).status_code == 200
    assert editor.call("package_patch", {"id": "zones-humides", "version": "4"}).status_code == 200
    model.Session.remove()
    package = model.Package.get("zones-humides")
    assert package is not None
    assert (package.creator_user_id, package.version) == (boss, "4")
    assert (
        visitors["sysadmin"]
        .call("package_show", {"id": "zones-humides"})
        .json["result"]["creator_user_id"]
        == boss
    )
