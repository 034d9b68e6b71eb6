"""`ckan ecosphere config` writes a production configuration, and `init` asks before creating organisations."""

from __future__ import annotations

import re
import stat
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.cli import ckan
from ckan.tests import factories

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.setup import initialise, plugin_needs, production
from ckanext.ecosphere.setup.security_checks import LEAST_SECRET, SECRETS
from dev import guide

ROOT = Path(__file__).resolve().parents[3]
DEMONSTRATION = ROOT / "dev" / "portal.ini"


def read(path: Path) -> dict[str, str]:
    parser = RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path, encoding="utf-8")
    return dict(parser["app:main"])


@pytest.fixture
def written(tmp_path: Path) -> dict[str, str]:
    """The configuration written for a CKAN with a URL and a password that contains a per cent sign."""
    current = {"ckan.site_url": "https://guichet.example.org", "sqlalchemy.url": "postgresql://ckan:a%40b@db/ckan"}
    file = tmp_path / "ckan.ini"
    missing = production.write(file, {**current, "SECRET_KEY": "short", "ckan.site_title": "CKAN", "debug": True})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    options = read(file)
    assert set(missing) == {option for option in production.TO_FILL if not options.get(option)}
    assert {"smtp.server", "ecosphere.portal.legal_url"} <= set(missing)
    return options


def test_the_production_file_takes_over_addresses_and_makes_secrets(written: dict[str, str]):
    assert written["ckan.site_url"] == "https://guichet.example.org"
    assert written["sqlalchemy.url"] == "postgresql://ckan:a%%40b@db/ckan"
    assert written["ckan.locale_default"] == "fr"
    assert written["debug"] == "false"
    values = [written[option] for option in SECRETS]
    assert len(set(values)) == len(SECRETS)
    assert all(len(value) >= LEAST_SECRET for value in values)


def test_the_production_file_opens_no_private_network_and_knows_no_demonstration(written: dict[str, str]):
    assert not [option for option in written if option.endswith("allowed_networks")]
    told = " ".join(written.values()).lower()
    assert not re.search(r"127\.0\.0\.1|localhost|d.monstration|example\.gouv|only-for", told)


def test_the_production_file_is_the_portal_of_the_demonstration_but_for_its_addresses(written: dict[str, str]):
    told = read(DEMONSTRATION)
    own = {"ckan.site_title", "ckan.site_description"}
    assert {option: written.get(option) for option in told.keys() - own} == {
        option: value for option, value in told.items() if option not in own
    }
    plugins = written["ckan.plugins"].split()
    assert (plugin_needs.missing(plugins), plugin_needs.misplaced(plugins)) == ("", "")


def test_a_secret_that_is_one_is_kept(tmp_path: Path):
    kept = "k" * LEAST_SECRET
    text = production.text({"SECRET_KEY": kept, "WTF_CSRF_SECRET_KEY": kept})
    assert f"\nSECRET_KEY = {kept}\n" in text
    assert f"WTF_CSRF_SECRET_KEY = {kept}" not in text


@pytest.mark.usefixtures("loaded")
def test_config_writes_over_no_file(cli: Any, tmp_path: Path):
    file = tmp_path / "guichet.ini"
    done = cli.invoke(ckan, ["ecosphere", "config", str(file)])
    assert done.exit_code == 0, done.output
    assert "to fill in: ecosphere.portal.institution" in done.output
    before = file.read_text()
    refused = cli.invoke(ckan, ["ecosphere", "config", str(file)])
    assert (refused.exit_code, "--force" in refused.output, file.read_text()) == (1, True, before)
    assert cli.invoke(ckan, ["ecosphere", "config", str(file), "--force"]).exit_code == 0
    assert cli.invoke(ckan, ["ecosphere", "config", str(tmp_path / "nowhere" / "x.ini")]).exit_code == 1


@pytest.fixture
def one_service(monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the only organisation of a registry, so that the tests are fast."""
    whole = voc.get("organisations")
    few = voc.Vocabulary("organisations", (whole["ddt-01053-01"],), voc.normalise)
    read = voc.get

    def get(name: str) -> voc.Vocabulary:
        return few if name == "organisations" else read(name)

    get.cache_clear = read.cache_clear  # type: ignore[attr-defined]
    monkeypatch.setattr(voc, "get", get)
    monkeypatch.setattr(initialise, "each_setup", list)
    monkeypatch.setattr(initialise, "read_vocabularies", lambda report: None)
    return "ddt-01053-01"


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_init_asks_before_it_creates_services_beside_other_organisations(cli: Any, one_service: str):
    factories.Organization(name="agence-de-l-eau")
    init = ["ecosphere", "init", "--lang", "en"]
    unanswered = cli.invoke(ckan, init, input="")
    assert (unanswered.exit_code, "--yes" in unanswered.output) == (1, True)
    refused = cli.invoke(ckan, init, input="n\n")
    assert refused.exit_code == 0, refused.output
    assert "[>] Create 1 service of the ministry as an organisation" in refused.output
    assert "has 1 organisation of its own. Create 1 services beside it?" in refused.output
    assert "ecosphere.init.organisations = false" in refused.output
    assert model.Group.get(one_service) is None
    agreed = cli.invoke(ckan, init, input="y\n")
    assert "1 services created" in agreed.output
    again = cli.invoke(ckan, init, input="")
    assert (again.exit_code, "?" in again.output) == (0, False)


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_init_asks_nothing_of_scripts_and_of_an_empty_portal(cli: Any, one_service: str):
    assert cli.invoke(ckan, ["ecosphere", "init"], input="").exit_code == 0
    assert tk.get_action("organization_list")({}, {}) == [one_service]
    tk.get_action("organization_purge")({"ignore_auth": True}, {"id": one_service})
    factories.Organization(name="agence-de-l-eau")
    assert cli.invoke(ckan, ["ecosphere", "init", "--yes"], input="").exit_code == 0
    assert model.Group.get(one_service) is not None


def test_the_guide_is_read_as_it_is_written():
    found = guide.blocks(guide.PAGE.read_text(encoding="utf-8"))
    assert {block.mark for block in found} == {"", "packages", "solr", "choices", "keep running"}
    assert [block.heading[0] for block in found] == sorted(block.heading[0] for block in found)
    told = [command for block in found for command in guide.commands(block.text)]
    for command in ("ecosphere config ckan.ini", "ecosphere init", "ecosphere check", "ecosphere watch"):
        assert any(each.endswith(command) for each in told), command
    for package in ("build-essential", "python3-dev", "libpq-dev"):  # for `psycopg2`, which CKAN builds
        assert any(package in each.split() for each in told), package
    assert all("\\" not in command for command in told)
