"""Studies through their actions: made, run, decided, shared, copied, deleted; who may what."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.studies import news, states, store
from ckanext.ecosphere.studies.model import Member, Study, StudyDataset, StudyNeed, StudyRun
from ckanext.ecosphere.studies.tests.conftest import FRAME, SECRET, Catalogue, act, dataset, need_of
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")
Make = Callable[..., dict[str, Any]]


def test_a_study_has_the_needs_of_its_frame_with_datasets_and_states(catalogue: Catalogue):
    there = dataset()
    catalogue.offer("wetlands", there, countable=True)
    made = act("create", title="Parc des Rives", frame=FRAME.id, communes=["44109"], buffer="500")
    assert [group["label"]["fr"] for group in made["groups"]] == ["Nature", "Nuisances"]
    assert need_of(made, "wetlands")["finding"]["state"] == states.COVERS
    assert need_of(made, "wetlands")["datasets"][0]["title"] == there["title"]
    assert need_of(made, "bats")["finding"]["state"] == states.NOBODY
    assert made["share"] == {"answered": 1, "needs": 3}
    assert (made["run"], made["pending"], made["buffer"], made["role"]) == (1, 1, 500, "owner")
    row = model.Session.get_one(Study, made["id"])
    assert row.territories == ["departement-44", "region-pdl"]
    assert catalogue.wanted == [model.Session.scalars(sa.select(StudyDataset.id)).one()]


def test_a_study_without_a_frame_takes_the_needs_of_its_person(catalogue: Catalogue):
    made = act("create", title="Libre", communes=["44109"])
    assert made["groups"] == [] and made["share"] == {"answered": 0, "needs": 0}
    made = act("need_create", id=made["id"], label="Haies bocagères")
    assert catalogue.asked[-1] == (["own-1"], "owner")
    assert list(need_of(made, "own-1")["need"]["words"]) == ["Haies bocagères"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "site"),
        ({"communes": ["44109"], "epci": "244400404"}, "site"),
        ({"communes": ["44109"], "title": ""}, "title"),
        ({"communes": ["44109"], "title": "a" * 201}, "title"),
        ({"communes": ["44109"], "frame": "inconnu"}, "frame"),
        ({"communes": ["44109"], "buffer": "-1"}, "buffer"),
        ({"communes": ["44109"], "buffer": 20_001}, "buffer"),
        ({"communes": ["44109"], "buffer": "x"}, "buffer"),
        ({"communes": ["44109"], "buffer": math.nan}, "buffer"),
        ({"communes": [1]}, "communes"),
        ({"file": "pas un fichier"}, "file"),
    ],
)
def test_what_is_wrong_with_a_new_study_is_told_by_field(given: dict[str, Any], field: str):
    with pytest.raises(tk.ValidationError) as refused:
        act("create", **{"title": "Étude", **given})
    assert list(refused.value.error_dict) == [field]
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Study)) == 0


def test_what_people_decided_stays_when_a_study_is_run_again(study: Make, catalogue: Catalogue):
    kept, aside, gone, new = (
        dataset(title=title) for title in ("Gardé", "Écarté", "Parti", "Nouveau")
    )
    for each in (kept, aside, gone):
        catalogue.offer("wetlands", each)
    made = study()
    need = need_of(made, "wetlands")["id"]
    act("dataset_update", "writer", id=made["id"], need=need, dataset=kept["name"], decision="kept")
    act(
        "dataset_update",
        "writer",
        id=made["id"],
        need=need,
        dataset=aside["id"],
        decision="aside",
        why="Trop vieux",
    )
    catalogue.found["wetlands"] = []
    catalogue.offer("wetlands", new)
    catalogue.offer("noise", new)
    again = act("run", id=made["id"])
    titles = [(each["title"], each["decision"]) for each in need_of(again, "wetlands")["datasets"]]
    assert titles == [("Gardé", "kept"), ("Nouveau", "proposed"), ("Écarté", "aside")]
    changes = act("difference", "reader", id=made["id"])
    assert (changes["before"], changes["after"]) == (1, 2)
    wetlands, noise = changes["changes"]
    assert (wetlands["came"], wetlands["went"]) == (["Nouveau"], ["Parti"])
    assert (noise["before"], noise["after"]) == (states.NOBODY, states.COVERS)
    assert act("difference", id=made["id"], before=2, after=2)["changes"] == []
    with pytest.raises(tk.ObjectNotFound):
        act("difference", id=made["id"], before=1, after=7)


def test_counts_that_came_in_are_part_of_the_earlier_run(study: Make, catalogue: Catalogue):
    there = dataset()
    catalogue.offer("wetlands", there)
    made = study()
    row = model.Session.scalars(sa.select(StudyDataset)).one()
    row.finding = {**row.finding, "count": 12}
    model.Session.commit()
    act("run", id=made["id"])
    first = model.Session.scalars(sa.select(StudyRun).where(StudyRun.number == 1)).one()
    assert first.results["wetlands"]["datasets"][there["id"]]["count"] == 12
    [change] = act("difference", id=made["id"])["changes"]
    assert change["counts"] == [{"title": there["title"], "before": 12, "after": None}]


def test_datasets_are_set_aside_with_a_reason_added_and_replaced(study: Make, catalogue: Catalogue):
    first, second = dataset(title="Premier"), dataset(title="Second")
    catalogue.offer("wetlands", first)
    made = study()
    given = {"id": made["id"], "need": need_of(made, "wetlands")["id"]}
    with pytest.raises(tk.ValidationError) as refused:
        act("dataset_update", **given, dataset=first["id"], decision="aside")
    assert list(refused.value.error_dict) == ["why"]
    act("dataset_update", **given, dataset=first["id"], replacement=second["name"])
    found = need_of(act("show", id=made["id"]), "wetlands")
    assert [(each["title"], each["decision"]) for each in found["datasets"]] == [
        ("Second", "added"),
        ("Premier", "aside"),
    ]
    for wrong in (
        {"dataset": "inconnu", "decision": "kept"},
        {"dataset": "inconnu", "decision": "added"},
    ):
        with pytest.raises(tk.ObjectNotFound):
            act("dataset_update", **given, **wrong)


def test_a_need_is_not_relevant_because_somebody_said_so(study: Make):
    made = study()
    given = {"id": made["id"], "need": need_of(made, "bats")["id"]}
    with pytest.raises(tk.ValidationError):
        act("need_update", "writer", **given, relevant=False)
    act("need_update", "writer", **given, relevant=False, why="Pas de gîte possible.")
    shown = act("show", "reader", id=made["id"])
    bats = need_of(shown, "bats")
    assert (bats["finding"]["state"], bats["who"], bats["why"]) == (
        states.NOT_RELEVANT,
        "Writer Nom",
        "Pas de gîte possible.",
    )
    assert shown["share"]["needs"] == 2
    act("need_update", **given, relevant=True)
    assert need_of(act("show", id=made["id"]), "bats")["finding"]["state"] == states.NOBODY


def test_only_titles_that_a_member_may_read_are_shown(study: Make, catalogue: Catalogue):
    hidden = dataset(title="Captages sensibles", private=True)
    public = dataset(title="Retiré depuis")
    catalogue.offer("wetlands", hidden)
    catalogue.offer("wetlands", public)
    made = study()
    tk.get_action("package_delete")({"ignore_auth": True, "user": "boss"}, {"id": public["id"]})
    found = need_of(act("show", id=made["id"]), "wetlands")["datasets"]
    told = [(each["title"], each["organisation"], each["name"], each["gone"]) for each in found]
    assert told == [("", "", "", False), ("Retiré depuis", "DDT", "", True)]
    act("member_add", id=made["id"], username="editor")
    found = need_of(act("show", "editor", id=made["id"]), "wetlands")["datasets"]
    assert found[0]["title"] == "Captages sensibles"


MAY = {
    "show": ("owner", "writer", "reader"),
    "difference": ("owner", "writer", "reader"),
    "copy": ("owner", "writer", "reader"),
    "update": ("owner", "writer"),
    "run": ("owner", "writer"),
    "need_create": ("owner", "writer"),
    "need_update": ("owner", "writer"),
    "dataset_update": ("owner", "writer"),
    "request": ("owner", "writer"),
    "member_add": ("owner",),
    "member_remove": ("owner",),
    "link_create": ("owner",),
    "delete": ("owner", "boss"),
}


@pytest.mark.parametrize("verb", MAY)
def test_who_may_do_what_with_a_study(verb: str, study: Make, catalogue: Catalogue):
    made = study()
    name = f"ecosphere_study_{verb}"
    allowed = []
    for person in ("owner", "writer", "reader", "stranger", "editor", "boss"):
        context: Any = {"user": person, "auth_user_obj": model.User.get(person)}
        try:
            tk.check_access(name, context, {"id": made["id"]})
        except tk.NotAuthorized:
            assert person in ("writer", "reader"), (
                person
            )  # others do not learn that there is such a study
        except tk.ObjectNotFound:
            assert person not in ("owner", "writer", "reader"), person
        else:
            allowed.append(person)
    assert tuple(allowed) == MAY[verb]
    anonymous: Any = {"user": "", "auth_user_obj": model.AnonymousUser()}
    with pytest.raises(tk.NotAuthorized):
        tk.check_access(name, anonymous, {"id": made["id"]})


def test_a_list_has_own_and_shared_studies_and_archived_ones_apart(study: Make):
    made = study()
    assert [each["id"] for each in act("list", "reader")["results"]] == [made["id"]]
    for person in ("stranger", "boss"):
        assert act("list", person) == {"count": 0, "results": []}
    act("update", "writer", id=made["id"], state="archived", title="Nouveau titre")
    assert act("list")["count"] == 0
    assert act("list", state="archived")["results"][0]["title"] == "Nouveau titre"


def test_a_copy_has_the_needs_on_another_site_and_nothing_that_was_decided(
    study: Make, catalogue: Catalogue
):
    catalogue.offer("wetlands", dataset())
    made = study()
    act("need_create", id=made["id"], label="Haies")
    act("need_update", id=made["id"], need=need_of(made, "bats")["id"], relevant=False, why="Non")
    copy = act("copy", "reader", id=made["id"], title="Site suivant", communes=["01034"])
    assert copy["owner"] == "Reader Nom" and copy["members"] == []
    assert need_of(copy, "bats")["relevant"] and need_of(copy, "own-1")
    assert copy["site"]["codes"] == ["01034"]


def test_a_link_lets_one_person_in_once(study: Make):
    made = study()
    token = act("link_create", id=made["id"], may_write=True)["token"]
    stored = model.Session.scalars(sa.select(Member.token).where(Member.user_id.is_(None))).one()
    assert token not in stored and len(stored) == 64
    with pytest.raises(tk.NotAuthorized):
        act("link_open", None, token=token)
    act("link_open", "stranger", token=token)
    assert act("show", "stranger", id=made["id"])["role"] == "write"
    for person in ("editor", "boss"):
        with pytest.raises(tk.ObjectNotFound):
            act("link_open", person, token=token)
    second = act("link_create", id=made["id"])["token"]
    model.Session.execute(sa.update(Member).values(created=Member.created - timedelta(days=31)))
    model.Session.commit()
    with pytest.raises(tk.ObjectNotFound):
        act("link_open", "editor", token=second)


def test_a_link_to_write_raises_the_right_of_a_reader_and_the_owner_does_not_use_it_up(study: Make):
    made = study()
    token = act("link_create", id=made["id"], may_write=True)["token"]
    assert act("link_open", "owner", token=token)["role"] == "owner"
    assert act("link_open", "reader", token=token)["role"] == "write"


def test_members_leave_and_are_removed(study: Make):
    made = study()
    rows = {each["name"]: each["id"] for each in act("show", id=made["id"])["members"]}
    with pytest.raises(tk.NotAuthorized):
        act("member_remove", "reader", id=made["id"], member=rows["Writer Nom"])
    act("member_remove", "reader", id=made["id"], member=rows["Reader Nom"])
    act("member_remove", "owner", id=made["id"], member=rows["Writer Nom"])
    for person in ("reader", "writer"):
        with pytest.raises(tk.ObjectNotFound):
            act("show", person, id=made["id"])


def test_a_study_goes_with_the_account_of_its_owner_and_a_name_from_those_of_others(study: Make):
    made, other = (
        study(),
        act("create", "writer", title="Autre", frame=FRAME.id, communes=["44109"]),
    )
    act("member_add", "writer", id=other["id"], username="owner", may_write=True)
    act("need_update", id=other["id"], need=need_of(other, "bats")["id"], relevant=False, why="Non")
    owner = model.User.get("owner")
    assert any("stud" in sentence.lower() for sentence in accounts.notice().lost)
    for plugin in tk_plugins():
        plugin.ecosphere_forget_account(owner)
    assert model.Session.get(Study, made["id"]) is None
    assert set(model.Session.scalars(sa.select(StudyNeed.study_id))) == {other["id"]}
    assert model.Session.scalars(sa.select(Member)).all() == []
    assert need_of(act("show", "writer", id=other["id"]), "bats")["who"] == ""


def tk_plugins() -> list[Any]:
    """Return the plugin of studies."""
    import ckan.plugins as p

    return [
        each
        for each in p.PluginImplementations(accounts.IEcosphereAccounts)
        if each.name == "ecosphere_studies"
    ]


def test_bounds(study: Make, monkeypatch: pytest.MonkeyPatch):
    made = study()
    monkeypatch.setattr(store, "MOST_STUDIES", 1)
    monkeypatch.setattr(store, "MOST_NEEDS", 3)
    monkeypatch.setattr(store, "MOST_MEMBERS", 2)
    for verb, given in (
        ("copy", {"title": "x", "communes": ["44109"]}),
        ("need_create", {"label": "x"}),
        ("link_create", {}),
        ("member_add", {"username": "stranger"}),
    ):
        with pytest.raises(tk.ValidationError):
            act(verb, id=made["id"], **given)
    monkeypatch.setattr("ckanext.ecosphere.studies.logic.actions.RUN_RATE", "1 per hour")
    act("run", id=made["id"])
    with pytest.raises(tk.ValidationError):
        act("run", id=made["id"])


def test_what_appears_later_is_told_once_and_only_to_the_owner(
    study: Make, catalogue: Catalogue, postbox: Postbox
):
    made = study()
    news.deliver()
    postbox.clear()
    assert news.look() == 0  # it was looked at when it was made
    _tomorrow()
    assert news.look() == 0
    catalogue.offer("bats", dataset(title="Gîtes de Loire-Atlantique"))
    catalogue.offer("noise", dataset(title="Ailleurs"), states.NOT_MAPPED)
    _tomorrow()
    assert news.look() == 1
    assert catalogue.asked[-1] == (["bats"], "owner")
    news.deliver()
    [mail] = postbox.mails
    assert mail["To"].addresses[0].username == "owner"
    assert (
        SECRET in body(mail)
        and "Gîtes de Loire-Atlantique" in body(mail)
        and made["id"] in body(mail)
    )
    assert "44109" not in body(mail) and "Ailleurs" not in body(mail)
    _tomorrow()
    assert news.look() == 0
    act("update", id=made["id"], state="archived")
    assert news._is_due() is False


def _tomorrow() -> None:
    model.Session.execute(sa.update(Study).values(looked=Study.looked - timedelta(days=1)))
    model.Session.commit()


def test_the_invited_are_told_and_nobody_of_a_study_that_is_gone(study: Make, postbox: Postbox):
    made = study()
    assert news.deliver() == 2
    assert postbox.subjects("writer") and SECRET in body(postbox.to("reader")[0])
    act("member_add", id=made["id"], username="stranger")
    act("delete", id=made["id"])
    assert news.deliver() == 0
