"""Routing of requests to services, from the routing table and the services of the portal."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests.domain import places
from ckanext.ecosphere.data_requests.tests.conftest import INSEE, act


def test_every_line_of_the_table_names_what_exists():
    services, territories, themes = (
        voc.get("organisations"),
        voc.get("territories"),
        voc.get("themes"),
    )
    kinds = {each.data["kind"] for each in services}
    types = {each.data["type"] for each in territories}
    for rule in places.rules():
        assert rule.place == "*" or rule.place in types or rule.place in territories, rule
        assert rule.theme == "*" or (rule.theme in themes and not themes[rule.theme].broader), rule
        assert rule.where in ("own", "above", "national") or rule.where in territories, rule
        names = services if rule.where == "national" else kinds
        assert all(each in names for each in rule.kinds), rule


def test_the_table_ends_with_a_line_for_everything():
    last = places.rules()[-1]
    assert (last.place, last.theme) == ("*", "*")


@pytest.mark.parametrize(
    ("communes", "territory"),
    [
        (["42218"], "departement-42"),
        (["2A004"], "departement-2a"),
        (["01001", "42218"], "region-ara"),
        (["42218", "75056"], "pays-fra"),
        (["97411"], "outre-mer-reu"),
        (["98818"], "outre-mer-ncl"),
    ],
)
def test_communes_stand_for_the_territory_that_holds_them_all(communes: list[str], territory: str):
    assert places.territory_of([{"code": each} for each in communes], None) == territory


@pytest.mark.parametrize(
    ("bbox", "territory"),
    [
        ([4.3, 45.4, 4.4, 45.5], "departement-42"),
        ([2.1, 44.2, 7.1, 46.7], "region-ara"),
        ([-4, 43, 8, 50], "pays-fxx"),
        ([55.3, -21.2, 55.5, -21.0], "outre-mer-reu"),
        ([10.0, 20.0, 30.0, 40.0], "pays-fra"),
    ],
)
def test_a_rectangle_stands_for_the_smallest_territory_around_it(bbox: list[float], territory: str):
    assert places.territory_of([], bbox) == territory


def test_nothing_stands_for_nothing():
    assert places.territory_of([], None) == ""


@pytest.mark.usefixtures("portal")
def test_a_service_is_proposed_with_its_reason_and_alternatives():
    def route(theme: str, territory: str) -> tuple[str, list[str]]:
        found = act("route", None, theme=theme, territory=territory)
        assert found["reason"]
        return found["organization"]["name"], [each["name"] for each in found["alternatives"]]

    cgdd = "administration-centrale-ou-ministere_172120"
    assert route("eau", "departement-42") == ("ddt-42", ["dreal-ara", cgdd])
    assert route("eau", "departement-01") == (
        "dreal-ara",
        [cgdd],
    )  # the DDT of the Ain is not in the portal
    assert route("sites-industriels", "departement-42") == ("dreal-ara", ["ddt-42", cgdd])
    assert route("eau", "region-ara") == ("dreal-ara", [cgdd])
    assert route("eau", "region-bre") == (cgdd, [])
    assert route("", "pays-fra") == (cgdd, [])
    deal = {"ecosphere_kind": "deal", "ecosphere_territory": f"{INSEE}/region/01"}
    extras = [{"key": key, "value": value} for key, value in deal.items()]
    made = factories.Organization(name="deal-971", title="DEAL 971", extras=extras)
    assert route("eau", "outre-mer-glp") == ("deal-971", [cgdd])
    assert route("eau", "outre-mer-maf") == ("deal-971", [cgdd])
    assert made["title"] in act("route", None, communes=["97105"])["reason"]


@pytest.mark.usefixtures("portal")
@pytest.mark.parametrize(
    "email", ["préfet@example.fr", "a b@example.fr", "a(b)@example.fr", "a:b@example.fr"]
)
def test_a_mailbox_is_one_that_mail_servers_take(email: str):
    user = model.User.get("boss")
    context: Any = {"user": "boss", "auth_user_obj": user}
    with pytest.raises(tk.ValidationError, match="not an e-mail address"):
        tk.get_action("ecosphere_contact_sheet_update")(context, {"id": "ddt-42", "email": email})
