"""Quality actions: authorisation and contents of the answers; quality in search results."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from sqlalchemy import event

from ckanext.ecosphere.quality import store
from ckanext.ecosphere.quality.core.score import load_model
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.quality.tests.conftest import act, stored

pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture
def datasets(people: dict[str, Any]) -> dict[str, Any]:
    """A public and a private dataset of the organisation."""
    return {
        name: act(
            "package_create",
            name=name,
            owner_org="ddt-42",
            private=name == "private",
            notes="Zones",
        )
        for name in ("public", "private")
    }


def show_as(person: str | None, name: str) -> dict[str, Any]:
    user = model.User.get(person) if person else None
    context: Any = {"user": person or "", "auth_user_obj": user, "ignore_auth": False}
    return tk.get_action("ecosphere_quality_show")(context, {"id": name})


PEOPLE = [None, "stranger", "other-editor", "member", "editor", "admin", "sysadmin"]


def test_everyone_sees_the_quality_of_a_public_dataset(datasets: dict[str, Any]):
    for person in PEOPLE:
        assert show_as(person, "public")["name"] == "public"


def test_a_private_dataset_shows_its_quality_to_its_organisation_only(datasets: dict[str, Any]):
    for person in ("member", "editor", "admin", "sysadmin"):
        assert show_as(person, "private")["name"] == "private"
    for person in (None, "stranger", "other-editor"):
        with pytest.raises(tk.ObjectNotFound):
            show_as(person, "private")


def test_an_unknown_dataset_is_not_found(datasets: dict[str, Any]):
    for name in ("nothing", "", None):
        with pytest.raises((tk.ObjectNotFound, tk.ValidationError)):
            show_as("sysadmin", name)  # pyright: ignore[reportArgumentType]


def test_the_answer_holds_every_criterion_and_adds_up(datasets: dict[str, Any]):
    found = show_as(None, "public")
    assert [c["id"] for c in found["criteria"]] == [c.id for c in load_model().criteria]
    counted = [c for c in found["criteria"] if c["state"] in ("pass", "fail", "missing")]
    assert {c["state"] for c in counted} == {"pass", "fail", "missing"}
    assert found["points"] == sum(c["points_won"] for c in counted)
    assert found["points_possible"] == sum(c["points"] for c in counted)
    assert found["score"] == 100 * found["points"] // found["points_possible"]
    assert found["next_level"]["level"] == "bronze" and found["level"] == "incomplete"
    assert found["package_id"] == datasets["public"]["id"] and found["computed_at"]


def test_a_dataset_without_a_row_is_scored_on_the_spot_and_nothing_is_written(
    datasets: dict[str, Any],
):
    expected = show_as(None, "public")
    store.forget(datasets["public"]["id"])
    model.Session.commit()
    found = show_as(None, "public")
    assert found["computed_at"] is None
    assert (found["score"], found["criteria"]) == (expected["score"], expected["criteria"])
    assert model.Session.get(QualityRow, datasets["public"]["id"]) is None


def test_a_dataset_that_became_late_says_so_before_it_is_scored_again(
    monkeypatch: pytest.MonkeyPatch, service: Any
):
    annual = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
    today = store.today().isoformat()
    created = act(
        "package_create", name="annual", owner_org="ddt-42", frequency=annual, modified=today
    )
    row = stored(created["id"])
    assert row.due and row.results["on_time"] == "pass"
    late = row.due.replace(year=row.due.year + 1)
    monkeypatch.setattr(store, "today", lambda: late)
    shown = show_as(None, "annual")
    assert {c["id"]: c["state"] for c in shown["criteria"]}["on_time"] == "fail"
    assert shown["score"] < row.score
    found = act("package_search", q="name:annual")["results"][0]
    assert (found["ecosphere_quality_score"], found["ecosphere_quality_level"]) == (
        shown["score"],
        shown["level"],
    )


def test_new_weights_hold_at_once(
    datasets: dict[str, Any], tmp_path: Any, ckan_config: Any, monkeypatch: Any
):
    path = tmp_path / "model.yaml"
    path.write_text(
        "version: strict\npoints: {licence: 1, producer: 1}\nlevels: [{code: gold, from: 50}, {code: bronze, from: 0}]"
    )
    monkeypatch.setitem(ckan_config, "ecosphere.quality.model_file", str(path))
    shown = show_as(None, "public")
    assert (shown["score"], shown["level"], shown["model_version"]) == (50, "gold", "strict")
    assert act("package_search", q="name:public")["results"][0]["ecosphere_quality_score"] == 50


def test_what_a_search_gives_can_be_saved_again(datasets: dict[str, Any]):
    found = act("package_search", q="name:public")["results"][0]
    assert found["ecosphere_quality_level"] == "incomplete"
    assert act("package_update", **{**found, "notes": "Autre"})["notes"] == "Autre"


def test_a_page_of_results_costs_one_query(datasets: dict[str, Any]):
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *args: Any) -> None:
        seen.append(statement)

    for n in range(8):
        act("package_create", name=f"zone-{n}", owner_org="ddt-42")
    model.Session.expire_all()
    engine = model.Session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        found = act("package_search", rows=10)["results"]
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(found) >= 9
    assert len([statement for statement in seen if "ecosphere_quality" in statement]) == 1


def test_the_facet_counts_levels_under_their_names(datasets: dict[str, Any]):
    data: Any = {"facet.field": ["ecosphere_quality_level"]}
    found = act("package_search", **data)
    [item] = found["search_facets"]["ecosphere_quality_level"]["items"]
    assert (item["name"], item["display_name"], item["count"]) == (
        "incomplete",
        "To be completed",
        1,
    )


def test_the_name_of_a_level_is_no_word_of_the_dataset(datasets: dict[str, Any]):
    assert act("package_search", q="incomplete")["count"] == 0
    assert act("package_search", q="ecosphere_quality_level:incomplete")["count"] == 1


def test_datasets_sort_by_quality(service: Any):
    for n, license_id in enumerate(("notspecified", "etalab-2.0", "cc-nc")):
        act("package_create", name=f"zone-{n}", owner_org="ddt-42", license_id=license_id)
    found = act("package_search", sort="ecosphere_quality_score desc")["results"]
    scores = [d["ecosphere_quality_score"] for d in found]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) > 1
