"""Lists, facets and similar requests, in French."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests import listing
from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    act,
    dataset,
    group_id,
    opened,
    row,
    step,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit

pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture
def requests(portal: None) -> dict[str, dict[str, Any]]:
    """Four requests on different subjects."""
    return {
        "humides": opened(title="Zones humides de la Loire", description="Cartographie"),
        "frayeres": opened(
            title="Frayères à truites",
            description="Inventaire des frayères",
            territory="departement-01",
        ),
        "bruit": opened(
            title="Cartes de bruit des infrastructures",
            description="Niveaux sonores",
            theme="nuisances-dechets-et-pollution",
            territory="region-ara",
            use="research",
        ),
        "crues": opened(
            title="Atlas des inondations",
            description="Emprises",
            theme="surveillance-de-la-ressource-en-eau",
        ),
    }


def titles(**data: Any) -> list[str]:
    return [each["title"] for each in act("list", None, **data)["results"]]


def test_words_are_found_in_any_number_and_case_with_or_without_accents_and_before_they_are_finished(
    requests: Any,
):
    for q in ("zone humide", "ZONES HUMIDES", "humid", "zones humides loire", "zone hum"):
        assert titles(q=q) == ["Zones humides de la Loire"], q
    for q in ("frayère", "frayere", "frayeres truite", "d'inventaire", "l’inventaire de frayères"):
        assert titles(q=q) == ["Frayères à truites"], q


def test_no_query_breaks_the_list(requests: Any):
    for q in ("a'b & | !", "((", "humides:*", "'", '"zones humides', "\\", "%", "!!!"):
        assert act("list", None, q=q)["count"] >= 0


def test_a_reference_finds_its_request(requests: Any):
    assert titles(q=requests["bruit"]["reference"].lower()) == [requests["bruit"]["title"]]


def test_a_region_holds_its_departements_and_a_theme_those_below_it(requests: Any):
    assert act("list", None, territory="region-ara")["count"] == 4
    assert titles(territory="departement-01") == ["Frayères à truites"]
    assert act("list", None, theme="eau")["count"] == 3


def test_facets_count_what_is_found_and_show_the_other_choices(requests: Any):
    facets = act("list", None)["facets"]
    assert {each["name"]: each["count"] for each in facets["theme"]} == {
        "eau": 3,
        "nuisances-dechets-et-pollution": 1,
    }
    assert {each["name"]: each["count"] for each in facets["organization"]}["ddt-42"] == 2
    chosen = act("list", None, theme="nuisances-dechets-et-pollution")
    assert chosen["count"] == 1
    assert len(chosen["facets"]["theme"]) == 2 and len(chosen["facets"]["territory"]) == 1


@pytest.mark.slow("load")
def test_facets_that_nobody_asks_for_are_not_counted(requests: Any):
    without = act("list", None, theme="eau", rows=2, facets=False)
    counted = act("list", None, theme="eau", rows=2)
    assert without == {**counted, "facets": {}} and counted["count"] == 3
    assert all(counted["facets"].values())


def test_a_state_that_does_not_exist_is_told(app: CKANTestApp, requests: Any):
    with pytest.raises(tk.ValidationError) as error:
        act("list", None, state=["open", "nonsense"])
    assert "nonsense" in str(error.value.error_dict["state"])
    page = visit(app, None, "/fr/demandes?state=nonsense&state=open").body
    assert "L’état « nonsense » n’existe pas : ce filtre est laissé de côté." in page.replace(
        "\xa0", " "
    )
    chosen = page.split('class="eco-req-chosen"', 1)[1].split("</ul>", 1)[0]
    assert chosen.count("<li") == 1 and "nonsense" not in chosen
    assert (
        "n’existe pas\u00a0: ce filtre"
        in visit(app, "editor", "/fr/demandes/service/ddt-42?state=nonsense").body
    )
    assert "n’existe pas" not in visit(app, None, "/fr/demandes?state=open").body
    assert visit(app, None, "/fr/demandes/flux.atom?state=nonsense").status_code == 400


def test_several_chosen_facets_each_show_what_the_others_leave(requests: Any):
    chosen = act("list", None, theme="eau", territory="departement-42", state=["open"])
    names = {
        facet: {each["name"]: each["count"] for each in found}
        for facet, found in chosen["facets"].items()
    }
    assert chosen["count"] == 2
    # The counts of a facet ignore its own filter and apply all others.
    assert names["territory"] == {"departement-42": 2, "departement-01": 1}
    assert names["theme"] == {"eau": 2} and names["use"] == {"water-law": 2}
    step(requests["humides"], "not_held", "admin", reason=REASON)
    chosen = act("list", None, theme="eau", territory="departement-42", state=["open"])
    assert {each["name"]: each["count"] for each in chosen["facets"]["state"]} == {
        "open": 1,
        "not_held": 1,
    }
    assert chosen["count"] == 1


def test_of_very_many_that_match_the_newest_are_ranked_and_the_others_follow(
    monkeypatch: pytest.MonkeyPatch,
):
    made = [opened("friend", title=f"Zones humides {number}") for number in range(5)]
    monkeypatch.setattr(listing, "RANKED", 3)
    pages = [
        titles(q="zones humides", sort="relevance", start=start, rows=2) for start in (0, 2, 4, 6)
    ]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    found = [title for page in pages for title in page]
    assert sorted(found) == sorted(each["title"] for each in made)


def test_the_list_is_paged_and_sorted_in_the_database(requests: Any):
    act("support", "friend", id=requests["bruit"]["id"])
    assert titles(sort="support")[0] == requests["bruit"]["title"]
    # All were submitted on one day: public sorting is by day only.
    assert sorted(titles()) == sorted(
        requests[key]["title"] for key in ("crues", "bruit", "frayeres", "humides")
    )
    assert titles(start=1, rows=2) == titles()[1:3]
    assert act("list", None, rows=0)["count"] == 4
    step(requests["humides"], "not_held", "admin", reason=REASON)
    assert titles(sort="due")[-1] == requests["humides"]["title"]
    assert titles(state=["not_held"]) == [requests["humides"]["title"]]
    assert act("list", None, unanswered=True)["count"] == 3


def test_the_best_match_comes_first(requests: Any):
    opened(
        "friend",
        title="Étude",
        description="On cite une fois les zones humides dans un long texte.",
    )
    assert titles(q="zones humides", sort="relevance")[0] == "Zones humides de la Loire"


def test_one_finds_ones_own_whatever_their_state(requests: Any):
    act("create", "asker", title="Brouillon")
    assert act("list", "asker", scope="mine")["count"] == 5
    assert act("list", "friend", scope="mine")["count"] == 0


def test_what_is_like_a_title_is_shown_before_one_asks(requests: Any):
    dataset(title="Inventaire des zones humides")
    found = act(
        "similar", None, title="inventaire de zone humide", theme="eau", territory="departement-42"
    )
    assert found["requests"][0]["title"] == "Zones humides de la Loire"
    assert [each["title"] for each in found["datasets"]] == ["Inventaire des zones humides"]
    assert act("similar", None, title="")["datasets"] == []
    assert act("similar", None, title="de la")["requests"] == []


def test_the_name_of_the_place_alone_makes_nothing_alike(requests: Any):
    asked = {
        "title": "Arrêtés de la Loire sur le bruit des éoliennes",
        "territory": "departement-42",
    }
    assert act("similar", None, **asked)["requests"] == []
    close = act("similar", None, title="Zones humides du Rhône", territory="departement-69")[
        "requests"
    ]
    assert [each["id"] for each in close] == [requests["humides"]["id"]]


def test_closed_requests_are_not_offered_for_support(requests: Any):
    step(requests["humides"], "not_held", "admin", reason=REASON)
    assert requests["humides"]["id"] not in [
        each["id"] for each in act("similar", None, title="zones humides")["requests"]
    ]


def test_what_is_of_another_place_is_not_similar(reset_index: Callable[[], None]):
    reset_index()  # other tests of this module leave datasets of the same words

    def about(title: str, **territory: Any) -> str:
        return dataset(title=title, **territory)["id"]

    elsewhere = about("Plan local d’urbanisme de la Creuse", territory=["departement-23"])
    whole = about("Plan local d’urbanisme", territory=["pays-fra"])
    region = about("Plan local d’urbanisme de la région", territory=["region-ara"])
    neighbour = about("Plan local d’urbanisme du Rhône", territory=["departement-69"])
    here = about("Plan local d’urbanisme de l’Ain", territory=["departement-01"])

    def found(**asked: Any) -> list[str]:
        return [
            each["id"]
            for each in act("similar", None, title="plan local d’urbanisme", **asked)["datasets"]
        ]

    assert found(territory="departement-01")[0] == here
    assert set(found(territory="departement-01")) == {here, region, whole}
    assert found(communes=["01053"]) == found(territory="departement-01")
    assert set(found(territory="region-ara")[:3]) == {here, region, neighbour}
    assert elsewhere not in found(territory="region-ara")
    assert set(found()) == {elsewhere, whole, region, neighbour, here}
    own = dataset(title="Plan local d’urbanisme", owner_org=group_id("dreal-ara"))["id"]
    assert found(territory="departement-01", organization="dreal-ara")[:2] == [here, own]


def test_within_a_day_hours_order_for_those_who_read_them(app: CKANTestApp):
    made = [opened(title=f"Demande {number}") for number in range(6)]
    day = datetime(2026, 11, 3, 7)
    for number, each in enumerate(made):
        row(each).submitted = day + timedelta(hours=number)
        model.Session.commit()
    newest = [f"Demande {number}" for number in range(5, -1, -1)]
    for person in ("moderator", "boss"):
        assert [each["title"] for each in act("list", person)["results"]] == newest
    for person in (None, "asker", "editor"):
        found = act("list", person)["results"]
        assert [each["id"] for each in found] == sorted(each["id"] for each in found), (
            "an order that tells nothing"
        )
    said = "requests of one day are in no particular order"
    assert (
        said in visit(app, "asker", "/demandes").body
        and said not in visit(app, "boss", "/demandes").body
    )
