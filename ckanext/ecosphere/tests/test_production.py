"""`ckan ecosphere config` writes a production configuration,
and `init` asks before creating organisations.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.cli import ckan
from ckan.tests import factories

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.setup import initialise, options, production
from ckanext.ecosphere.setup.health import LEAST_SECRET, SECRETS
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
    """The configuration written for a CKAN with a URL and a password
    that contains a per cent sign.
    """
    current = {
        "ckan.site_url": "https://guichet.example.org",
        "sqlalchemy.url": "postgresql://ckan:a%40b@db/ckan",
    }
    file = tmp_path / "ckan.ini"
    current |= {"SECRET_KEY": "short", "ckan.site_title": "CKAN", "debug": True}
    result = production.write(file, current, {"debug": "true"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(file.with_suffix(".env").stat().st_mode) == 0o600
    options = read(file)
    assert set(result.missing) == {
        option for option in production.TO_FILL if not options.get(option)
    }
    assert {"smtp.server", "ecosphere.portal.legal_url"} <= set(result.missing)
    assert result.in_file == ["sqlalchemy.url"]  # CKAN reads no per cent sign from the environment
    assert result.replaced == {"debug": "false"}
    return options


def test_the_production_file_takes_over_addresses_and_makes_secrets(
    written: dict[str, str], tmp_path: Path
):
    assert written["ckan.site_url"] == "https://guichet.example.org"
    assert written["sqlalchemy.url"] == "postgresql://ckan:a%%40b@db/ckan"
    assert written["ckan.locale_default"] == "fr"
    assert written["debug"] == "false"
    lines = (tmp_path / "ckan.env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert [written[option] for option in SECRETS] == [f"%({name})s" for name in values]
    assert len(set(values.values())) == len(SECRETS)
    assert all(len(value) >= LEAST_SECRET for value in values.values())


def test_the_production_file_opens_no_private_network_and_knows_no_demonstration(
    written: dict[str, str],
):
    assert not [option for option in written if option.endswith("allowed_networks")]
    told = " ".join(written.values()).lower()
    assert not re.search(r"127\.0\.0\.1|localhost|d.monstration|example\.gouv|only-for", told)


def test_the_production_file_is_the_portal_of_the_demonstration_but_for_its_addresses(
    written: dict[str, str],
):
    told = read(DEMONSTRATION)
    own = {"ckan.site_title", "ckan.site_description"}
    assert {option: written.get(option) for option in told.keys() - own} == {
        option: value for option, value in told.items() if option not in own
    }
    plugins = written["ckan.plugins"].split()
    assert (options.missing_plugins(plugins), options.misplaced_plugins(plugins)) == ("", "")


@pytest.mark.parametrize("derived", ["{}", "string:{}"])
def test_a_secret_that_is_one_is_kept(derived: str):
    kept = "k" * LEAST_SECRET
    current = {"SECRET_KEY": kept, "WTF_CSRF_SECRET_KEY": derived.format(kept)}
    text, result = production.compose(current, {"SECRET_KEY": kept})
    assert result.variables["CKAN_SECRET_KEY"] == kept
    assert kept not in result.variables["CKAN_WTF_CSRF_SECRET_KEY"]
    assert kept not in text


def test_a_secret_of_forms_is_kept_where_the_main_one_is_missing():
    kept = "k" * LEAST_SECRET
    current = {"WTF_CSRF_SECRET_KEY": kept}
    _text, result = production.compose(current, {"WTF_CSRF_SECRET_KEY": kept})
    assert result.variables["CKAN_WTF_CSRF_SECRET_KEY"] == kept


#: Options of a portal that runs already: chosen by it, CKAN's defaults, secrets, and options that
#: nobody declares.
OLD = """
ckan.plugins = ministry_theme image_view activity
ckan.locale_default = de
ckan.locales_offered =
ckan.max_resource_size = 300
ckan.cache_enabled = false
ckan.auth.create_user_via_web = false
ecosphere.portal.contact = guichet@example.org
ecosphere.requests.imap_password = of-the-mailbox
api_token.jwt.encode.secret = string:of-the-tokens
api_token.jwt.decode.secret = string:of-the-tokens
api_token.jwt.algorithm = HS512
saml.private_key = file:/etc/saml.pem
ministry.footer =
    first line
    second line of 100 %%
debug = true
"""


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """Configuration of a portal that runs already."""
    file = tmp_path / "old.ini"
    services = [
        f"{option} = {tk.config[option]}"
        for option in ("sqlalchemy.url", "solr_url", "ckan.redis.url")
    ]
    first = [
        "[app:main]",
        "ckan.site_url = https://old.example.org",
        f"SECRET_KEY = {'o' * LEAST_SECRET}",
    ]
    file.write_text("\n".join([*first, *services, OLD]), encoding="utf-8")
    return file


@pytest.mark.usefixtures("loaded")
def test_a_portal_keeps_its_own_options_plugins_and_secrets(old_file: Path, tmp_path: Path):
    before = production.own_options(old_file)
    result = production.write(tmp_path / "new.ini", before, before)
    new = read(tmp_path / "new.ini")
    plugins = new["ckan.plugins"].split()
    assert plugins[:2] == ["ministry_theme", "image_view"]
    assert plugins.count("activity") == 1
    assert "ecosphere" in plugins
    assert new["ckan.locale_default"] == "de"
    assert new["ckan.max_resource_size"] == "300"
    assert new["api_token.jwt.algorithm"] == "HS512"
    assert new["saml.private_key"] == "file:/etc/saml.pem"
    assert new["ecosphere.portal.contact"] == "guichet@example.org"
    assert new["ministry.footer"].split("\n")[1:] == ["first line", "second line of 100 %%"]
    assert "ckan.cache_enabled" not in new
    assert {"ckan.max_resource_size", "ministry.footer", "ckan.plugins: ministry_theme"} <= set(
        result.kept
    )
    # The default of CKAN that the old file wrote down, and what must not stay, are named.
    assert result.replaced["ckan.auth.create_user_via_web"] == "true"
    assert result.replaced["debug"] == "false"
    # Every option of the old file is in the new one, or named.
    gone = before.keys() - new.keys()
    assert gone == {"ckan.cache_enabled"}
    assert not [
        value for value in new.values() if re.search("of-the-(tokens|mailbox)|ooooo", value)
    ]
    assert result.variables["CKAN_API_TOKEN_JWT_DECODE_SECRET"] == "string:of-the-tokens"
    assert result.variables["CKAN_SECRET_KEY"] == "o" * LEAST_SECRET


PROGRAM = """
import sys
from ckan.cli import load_config
from ckan.config.middleware import make_app
from ckan.common import config
make_app(load_config(sys.argv[1]))
print(config["SECRET_KEY"], config["api_token.jwt.decode.secret"], config["sqlalchemy.url"])
"""


@pytest.mark.slow("setup")
@pytest.mark.usefixtures("loaded")
def test_ckan_starts_with_secrets_from_the_environment_file(old_file: Path, tmp_path: Path):
    old = old_file.read_text().replace("ministry_theme", "").replace("image_view", "")
    old_file.write_text(old.replace("saml.", "other."))
    before = production.own_options(old_file)
    new = tmp_path / "new.ini"
    production.write(new, before, before)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CKAN_")}
    shell = 'set -a; . "$1"; set +a; exec "$2" -c "$3" "$4"'
    words = [str(tmp_path / "new.env"), sys.executable, PROGRAM, str(new)]
    command = ["sh", "-ec", shell, "sh", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, env=clean, cwd=ROOT, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [
        "o" * LEAST_SECRET,
        "string:of-the-tokens",
        before["sqlalchemy.url"],
    ]
    without = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(new)],
        capture_output=True,
        text=True,
        env=clean,
        check=False,
        timeout=300,
    )
    assert without.returncode != 0
    assert "CKAN_SECRET_KEY" in without.stderr or "CKAN_SQLALCHEMY_URL" in without.stderr


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
    assert (
        cli.invoke(ckan, ["ecosphere", "config", str(tmp_path / "nowhere" / "x.ini")]).exit_code
        == 1
    )


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


@pytest.mark.slow("setup")
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_init_asks_before_it_creates_services_beside_other_organisations(
    cli: Any, one_service: str
):
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


@pytest.mark.slow("setup")
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_init_asks_nothing_of_scripts_and_of_an_empty_portal(cli: Any, one_service: str):
    assert cli.invoke(ckan, ["ecosphere", "init"], input="").exit_code == 0
    assert tk.get_action("organization_list")({}, {}) == [one_service]
    tk.get_action("organization_purge")({"ignore_auth": True}, {"id": one_service})
    factories.Organization(name="agence-de-l-eau")
    assert cli.invoke(ckan, ["ecosphere", "init", "--yes"], input="").exit_code == 0
    assert model.Group.get(one_service) is not None


def test_the_guide_is_read_as_it_is_written():
    page = guide.PAGE.read_text(encoding="utf-8")
    found = guide.blocks(page)
    assert {block.mark for block in found} == {
        "",
        "packages",
        "solr",
        "choices",
        "systemd",
        "cron",
        "nginx",
    }
    assert [block.heading[0] for block in found] == sorted(block.heading[0] for block in found)
    told = [command for block in found for command in guide.commands(block.text)]
    for command in (
        "ecosphere config ckan.ini",
        "ecosphere init",
        "ecosphere check",
        'ecosphere watch"',
    ):
        assert any(each.endswith(command) for each in told), command
    for package in ("build-essential", "python3-dev", "libpq-dev", "bubblewrap"):
        assert any(package in each.split() for each in told), package
    assert not [command for command in told if command.endswith("\\")]
    later = {section: guide.blocks(page, section) for section in (guide.LEAVING, guide.EXISTING)}
    commands = {
        section: [line for block in blocks for line in guide.commands(block.text)]
        for section, blocks in later.items()
    }
    assert [line.split()[:3] for line in commands[guide.LEAVING]] == [
        ["guichet", "ecosphere", "leave"]
    ] * 2
    assert "guichet ecosphere adopt --yes" in commands[guide.EXISTING]


def test_the_commands_that_change_secrets_run_as_written(tmp_path: Path):
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    section = page.partition("\n## Secrets\n")[2].partition("\n## ")[0]
    commands = section.partition("```sh\n")[2].partition("```")[0]
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sudo", "systemctl"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "{tmp_path}/called"\n')
        (programs / name).chmod(0o755)
    names = (
        "SECRET_KEY",
        "WTF_CSRF_SECRET_KEY",
        "API_TOKEN_JWT_ENCODE_SECRET",
        "API_TOKEN_JWT_DECODE_SECRET",
    )
    old = {f"CKAN_{name}": "string:old" if "JWT" in name else "old" for name in names}
    old |= {
        "CKAN_SQLALCHEMY_URL": "postgresql://guichet:old@db:5432/guichet?sslmode=require",
        "CKAN_SMTP_PASSWORD": "o",
    }
    file = tmp_path / "ckan.env"
    production.write_environment(file, old)
    env = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", commands], cwd=tmp_path, env=env, check=True, timeout=60)
    lines = [
        line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#")
    ]
    new = {name: value.strip("'") for name, value in lines}
    assert new.keys() == old.keys()
    assert {name for name in old if new[name] == old[name]} == {"CKAN_SMTP_PASSWORD"}
    assert new["CKAN_API_TOKEN_JWT_ENCODE_SECRET"] == new["CKAN_API_TOKEN_JWT_DECODE_SECRET"]
    assert len({new[f"CKAN_{name}"] for name in names}) == len(names) - 1
    password = re.fullmatch(
        r"postgresql://guichet:([\w-]{20,})@db:5432/guichet\?sslmode=require",
        new["CKAN_SQLALCHEMY_URL"],
    )
    assert password
    called = (tmp_path / "called").read_text()
    assert f"PASSWORD '{password[1]}'" in called
    assert "systemctl restart guichet-web" in called
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
