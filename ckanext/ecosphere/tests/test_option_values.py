"""`ckan ecosphere check`: reports each option with an unusable value,
with the value and the expected form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import plugins
from ckan.exceptions import CkanConfigurationException

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.search import setup as search_setup
from ckanext.ecosphere.search.tests.conftest import give_french
from ckanext.ecosphere.setup import health, options

pytestmark = pytest.mark.usefixtures("loaded", "with_request_context")

OK, ERROR = CheckStatus.OK, CheckStatus.ERROR


def only(checks: list[Check]) -> Check:
    """Return the only check."""
    (check,) = checks
    return check


@pytest.mark.few(4, "values")
@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("ecosphere.search.suggestions", "a few", "no whole number"),
        ("ecosphere.harvest.workers", -2, "less than zero"),
        ("ecosphere.quality.link_pause", "never", "no number"),
        ("ecosphere.search.tie", "7", "no number from 0 to 1"),
        ("ecosphere.display_timezone", "Europe/Pariss", "there is no such time zone"),
        ("ecosphere.portal.legal_url", "mentions légales", "no address"),
        ("ecosphere.harvest.ca_bundle", "/nowhere/ca.crt", "there is no such file"),
        ("ecosphere.schemas.vocabularies", "/nowhere/lists", "there is no such folder"),
        (
            "ecosphere.requests.attachment_scanner",
            "no-such-scanner --fast",
            "there is no such program",
        ),
        ("ecosphere.harvest.fallback_organisation", "nobody", "there is no such organisation"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, option: str, value: Any, told: str
):
    monkeypatch.setattr(options.model.Group, "get", lambda _name: None)
    monkeypatch.setitem(tk.config, option, value)
    check = only(health.options())
    assert (check.status, check.message) == (ERROR, f"{option} = {value}: {told}")
    assert check.remedy


def test_a_truth_value_is_read_as_it_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """CKAN reads any unknown value as false."""
    (tmp_path / "base.ini").write_text(
        "[app:main]\necosphere.requests.email = oui\necosphere.requests.clock = Yes\n"
    )
    (tmp_path / "ckan.ini").write_text("[app:main]\nuse = config:base.ini\n")
    monkeypatch.setitem(tk.config, "__file__", str(tmp_path / "ckan.ini"))
    check = only(health.options())
    assert (check.status, check.message) == (
        ERROR,
        "ecosphere.requests.email = oui: neither true nor false",
    )
    assert check.remedy == "Write true or false"


@pytest.mark.slow("values")
def test_a_network_that_is_none_is_told_for_each_room_that_fetches(monkeypatch: pytest.MonkeyPatch):
    rooms = ("harvest.allowed", "schemas.import_allowed", "access.allowed", "quality.allowed")
    options = [f"ecosphere.{room}_networks" for room in rooms]
    for option in options:
        monkeypatch.setitem(tk.config, option, ["10.0.0.0/99"])
    told = [each.message for each in health.run() if each.status is ERROR]
    for option in options:
        assert any(
            f"{option} holds what is no network: '10.0.0.0/99'" in message for message in told
        ), option


def test_ckan_does_not_start_with_what_should_be_a_number_and_says_what_to_write(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(tk.config, "ecosphere.search.suggestions", "a few")
    with pytest.raises(CkanConfigurationException) as refused:
        plugins.plugins_update()
    assert str(refused.value) == (
        "ecosphere.search.suggestions = a few: no whole number. Write a number from 0 on, such as 5."
    )
    monkeypatch.undo()
    plugins.plugins_update()


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("query_fields", "title^8 nots^2 text", "Solr has no field nots"),
        ("query_fields", "title^heavy text", 'For input string: "heavy"'),
        ("minimum_match", "most", "Invalid 'mm' spec"),
        ("minimum_match", "3<-1 lots", "Invalid 'mm' spec: 'lots'"),
    ],
)
def test_what_solr_would_refuse_of_each_query_is_told(
    monkeypatch: pytest.MonkeyPatch, option: str, value: str, told: str
):
    give_french(search_setup.solr())
    by_name = {"Search options"}
    assert [each.status for each in search_setup.check() if each.name in by_name] == [OK]
    monkeypatch.setitem(tk.config, f"ecosphere.search.{option}", value)
    check = only([each for each in search_setup.check() if each.name in by_name])
    assert (check.status, told in check.message) == (ERROR, True), check
    assert f"ecosphere.search.{option}" in check.message
    assert check.remedy
