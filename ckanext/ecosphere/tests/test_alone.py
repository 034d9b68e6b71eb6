"""Each plugin of the suite on a plain CKAN, with only the plugins that it requires."""

from __future__ import annotations

import json
import subprocess
import sys
from http import HTTPStatus
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.search import clear
from ckan.tests import factories

from ckanext.ecosphere.core import away
from ckanext.ecosphere.setup import options

pytestmark = pytest.mark.slow("plugins")

ROOT = Path(__file__).resolve().parents[3]
ALONE = {
    "ecosphere": "ecosphere",
    "ecosphere_hardening": "ecosphere_hardening",
    "ecosphere_schemas": "ecosphere_schemas scheming_datasets",
    "ecosphere_harvest": "ecosphere_harvest harvest",
    "ecosphere_csw": "ecosphere_csw ecosphere_harvest harvest",
    "ecosphere_dcat": "ecosphere_dcat ecosphere_harvest harvest",
    "ecosphere_waf": "ecosphere_waf ecosphere_harvest harvest",
    "ecosphere_udata": "ecosphere_udata ecosphere_harvest harvest",
    "ecosphere_ogcapi": "ecosphere_ogcapi ecosphere_harvest harvest",
    "ecosphere_quality": "ecosphere_quality",
    "ecosphere_requests": "ecosphere_requests",
    "ecosphere_search": "ecosphere_search",
    "ecosphere_access": "ecosphere_access",
    "ecosphere_credentials": "ecosphere_credentials",
    "ecosphere_openid": "ecosphere_openid",
    "ecosphere_studies": "ecosphere_studies",
    "ecosphere_operations": "ecosphere_operations",
}
TYPES = ("ecosphere_csw", "ecosphere_dcat", "ecosphere_waf", "ecosphere_udata", "ecosphere_ogcapi")
PATHS = (
    "/",
    "/dataset/",
    "/dataset/?q=eau",
    "/dataset/new",
    "/dataset/{dataset}",
    "/dataset/edit/{dataset}",
    "/dataset/groups/{dataset}",
    "/dataset/delete/{dataset}",
    "/dataset/{dataset}/resource/new",
    "/dataset/{dataset}/resource/{resource}",
    "/dataset/{dataset}/resource/{resource}/edit",
    "/dataset/{dataset}.rdf",
    "/api/3/action/package_show?id={dataset}",
    "/api/3/action/package_search?q=eau",
    "/organization/",
    "/organization/new",
    "/organization/{service}",
    "/organization/about/{service}",
    "/organization/edit/{service}",
    "/organization/bulk_process/{service}",
    "/organization/manage_members/{service}",
    "/group/",
    "/user/",
    "/user/{person}",
    "/user/edit/{person}",
    "/dashboard/datasets",
    "/ckan-admin/",
    "/ckan-admin/config",
    "/ckan-admin/trash",
)
HARVEST_PATHS = (
    "/harvest",
    "/harvest/new",
    "/harvest/{source}",
    "/harvest/admin/{source}",
    "/harvest/edit/{source}",
)
OPTIONS = {
    "__file__": str(ROOT / "test.ini"),
    "here": str(ROOT),
    "ckan.site_url": "http://alone.example.org",
    "ckan.site_id": "ecosphere_test",
    "ckan.locale_default": "fr",
    "debug": "false",
    "testing": "false",
}
TAKEN_OVER = ("SECRET_KEY", "sqlalchemy.url", "ckan.redis.url", "solr_url", "ckan.storage_path")


@pytest.fixture(scope="module")
def catalogue(
    loaded: None, empty_db: Any, reset_index: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """One prepared database for all portals: an organisation with
    a dataset and a harvest source.
    """
    empty_db()
    reset_index()
    person = factories.Sysadmin()
    service = factories.Organization(name="ddt-01")
    dataset = factories.Dataset(owner_org=service["id"], name="zones-humides")
    resource = factories.Resource(package_id=dataset["id"])
    context: Any = {"ignore_auth": True, "user": person["name"]}
    source = {"name": "geo-ide", "title": "Géo-IDE", "url": "https://catalogue.example.org/csw"}
    source = {**source, "owner_org": service["id"], "source_type": "ecosphere_csw"}
    made = tk.get_action("harvest_source_create")(context.copy(), source)
    clear(made["id"])  # a portal without ckanext-harvest has no page for a source in the index
    token = tk.get_action("api_token_create")(
        context.copy(), {"user": person["name"], "name": "alone"}
    )["token"]
    model.Session.remove()
    return {
        "token": token,
        "person": person["name"],
        "service": service["name"],
        "dataset": dataset["name"],
        "resource": resource["id"],
        "source": source["name"],
        "compiled": str(tmp_path_factory.mktemp("compiled")),
    }


def start(catalogue: dict[str, str], runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Start portals and crawl them in another process."""
    told = {
        "config": {**OPTIONS, **{name: tk.config[name] for name in TAKEN_OVER}},
        "token": catalogue["token"],
        "compiled": catalogue["compiled"],
        "paths": [path.format(**catalogue) for path in PATHS],
        "runs": runs,
    }
    command = [sys.executable, "-m", "ckanext.ecosphere.tests.alone"]
    done = subprocess.run(
        command, input=json.dumps(told), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_each_plugin_alone_answers_every_page(catalogue: dict[str, str]):
    harvest = [path.format(**catalogue) for path in HARVEST_PATHS]
    runs = []
    for name, plugins in ALONE.items():
        only = harvest if name in TYPES else []
        runs.append(
            {
                "name": name,
                "plugins": plugins,
                "only": only,
                "more": harvest if "harvest" in plugins else [],
            }
        )
    found = start(catalogue, runs)
    assert {name: each.get("refused") for name, each in found.items()} == dict.fromkeys(ALONE)
    assert all(len(each["pages"]) > len(HARVEST_PATHS) for each in found.values())
    broken = {
        name: {
            path: code
            for path, code in each["pages"].items()
            if code >= HTTPStatus.INTERNAL_SERVER_ERROR
        }
        for name, each in found.items()
    }
    assert broken == {name: {} for name in ALONE}
    assert {name: errors(each) for name, each in found.items()} == {name: [] for name in ALONE}


def test_every_plugin_is_tried():
    assert set(ALONE) == set(
        distribution("ckanext-ecosphere").entry_points.select(group="ckan.plugins").names
    )


def test_a_plugin_without_what_it_needs_says_so_in_one_sentence(catalogue: dict[str, str]):
    required = [need for need in options.needs() if need.required]
    runs: list[dict[str, Any]] = [
        {"name": each.plugin, "plugins": each.plugin} for each in required
    ]
    command = {"name": "command", "plugins": "ecosphere_harvest", "command": ["ecosphere", "check"]}
    found = start(catalogue, [*runs, command])
    for need in required:
        line = " ".join(options.corrected([need.plugin]))
        sentence = (
            f"{need.plugin} needs {need.other}{' after it' if need.before else ''} ({need.reason})"
        )
        assert found[need.plugin]["refused"].startswith(f"CkanConfigurationException: {sentence}; ")
        assert found[need.plugin]["refused"].endswith(f"write ckan.plugins = {line}")
    assert found["command"]["code"] == 1
    (line,) = found["command"]["output"].replace("Aborted!", "").strip().splitlines()
    assert line == options.missing_plugins(["ecosphere_harvest"])


def test_the_wrong_order_and_missing_tables_are_one_sentence_each(catalogue: dict[str, str]):
    table = "ecosphere_quality_alembic_version"
    never = ("ecosphere_requests_alembic_version", "ecosphere_requests")
    few = ["/", "/dataset/", "/api/3/action/status_show", "/api/3/action/package_search"]
    runs = [
        {
            "name": "order",
            "plugins": "scheming_datasets ecosphere_schemas",
            "only": ["/dataset/new"],
        },
        {
            "name": "old",
            "plugins": "ecosphere_quality",
            "only": few,
            "before": f"UPDATE {table} SET version_num = 'x' || version_num",
            "after": f"UPDATE {table} SET version_num = substr(version_num, 2)",
            "pause": away.LOOK_AGAIN_SECONDS,
        },
        {
            "name": "never",
            "plugins": "ecosphere_requests ecosphere",
            "only": few,
            "before": "; ".join(f"ALTER TABLE {each} RENAME TO hidden_{each}" for each in never),
            "after": "; ".join(f"ALTER TABLE hidden_{each} RENAME TO {each}" for each in never),
            "pause": away.LOOK_AGAIN_SECONDS,
        },
    ]
    found = start(catalogue, runs)
    assert errors(found["order"]) == [
        options.misplaced_plugins(["scheming_datasets", "ecosphere_schemas"])
    ]
    for name, plugin in (("old", "ecosphere_quality"), ("never", "ecosphere_requests")):
        assert set(found[name]["pages"].values()) == {HTTPStatus.SERVICE_UNAVAILABLE}, name
        assert errors(found[name]) == [
            f"Tables of {plugin} are missing or out of date: run `ckan ecosphere init`"
        ]
        assert "SELECT" not in found[name]["text"]
        assert found[name]["after"] == HTTPStatus.OK


def test_the_french_schema_is_applied_with_the_search_alone(catalogue: dict[str, str]):
    runs: list[dict[str, Any]] = [
        {
            "name": "init",
            "plugins": "ecosphere_search",
            "command": ["ecosphere", "init", "--yes", "--lang", "en"],
        },
        {
            "name": "check",
            "plugins": "ecosphere_search",
            "command": ["ecosphere", "check", "--lang", "en"],
        },
        {"name": "none", "plugins": "", "command": ["ecosphere", "init"]},
    ]
    runs = [{**each, "only": []} for each in runs]
    found = start(catalogue, runs[:1])
    found |= start(catalogue, runs[1:])
    assert found["init"]["code"] == 0, found["init"]
    assert "French schema" in found["init"]["output"]
    assert "Solr schema: French analysis is in force" in found["check"]["output"]
    assert found["none"]["code"] == 2
    assert "ckan.plugins" in found["none"]["output"]


@pytest.mark.parametrize("need", options.needs(), ids=lambda need: f"{need.plugin}-{need.other}")
def test_the_line_to_write_is_right(need: options.Need):
    for plugins in ([need.plugin], [need.other, need.plugin], [*reversed(ALONE)]):
        corrected = options.corrected(plugins)
        assert set(plugins) <= set(corrected)
        assert (options.missing_plugins(corrected), options.misplaced_plugins(corrected)) == (
            "",
            "",
        )
    wrong = [need.other, need.plugin]
    assert bool(options.misplaced_plugins(wrong)) is need.before
    assert (
        f"{need.plugin} must stand before {need.other} (" in options.misplaced_plugins(wrong)
    ) is need.before


def test_the_portal_of_the_demonstration_has_the_right_order():
    plugins = tk.aslist(tk.config["ckan.plugins"])
    assert (options.missing_plugins(plugins), options.misplaced_plugins(plugins)) == ("", "")
    assert options.corrected(plugins) == plugins


def errors(result: dict[str, Any]) -> list[str]:
    """Return what a portal logged as an error."""
    return [text for level, text in result["log"] if level in ("ERROR", "CRITICAL")]
