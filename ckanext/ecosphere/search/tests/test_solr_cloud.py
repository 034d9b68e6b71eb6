"""Schema commands on SolrCloud, with two nodes and two shards replicated on both,
and on the portal's own core.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere.cli import ecosphere
from ckanext.ecosphere.search import setup, solr_schema
from ckanext.ecosphere.search.solr_schema import SolrAdmin, SolrAdminError
from ckanext.ecosphere.search.tests import solr_cloud
from ckanext.ecosphere.search.tests.solr_cloud import Cloud

pytestmark = [pytest.mark.slow("cloud"), pytest.mark.usefixtures("loaded")]

TITLES = (
    "Zones humides de la Brière",
    "Qualité des eaux souterraines",
    "Installations classées pour la protection de l'environnement",
    "Plan de prévention des risques d'inondation de la Vilaine",
    "Parcs éoliens",
    "Aménagements cyclables",
)
FINDS = {
    "zone humide": TITLES[:1],
    "l'eau": TITLES[1:2],
    "ICPE": TITLES[2:3],
    "inondable": TITLES[3:4],
    "éolien": TITLES[4:5],
    "vélo": TITLES[5:],
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with solr_cloud.running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def on_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Use the collection as the portal's index, as with `CKAN_SOLR_URL`."""
    _use(monkeypatch, cloud.admin())
    return cloud


def _use(monkeypatch: pytest.MonkeyPatch, solr: SolrAdmin) -> None:
    monkeypatch.setenv("CKAN_SOLR_URL", solr.base_url)
    monkeypatch.setitem(tk.config, "solr_url", solr.base_url)


def _run(cli: Any, *words: str) -> Any:
    return cli.invoke(ecosphere, ["search", "solr-schema", *words])


def _facets() -> dict[str, int]:
    found = tk.get_action("package_search")(
        {"ignore_auth": True},
        {"rows": 0, "facet.field": ["tags"], "ext_facets": {"tags": ["carte"]}},
    )
    return found["facets"]["tags"]


@pytest.mark.usefixtures("clean_db")
def test_apply_search_and_undo_by_the_commands(
    on_cloud: Cloud, monkeypatch: pytest.MonkeyPatch, make_datasets: Any, find: Any, cli: Any
):
    told = _run(cli, "status")
    assert told.exit_code == 1 and "Not French" in told.output
    made = make_datasets(
        *(
            {"title": title, "tags": [{"name": "carte"}, {"name": title.split()[0]}]}
            for title in TITLES
        )
    )
    assert find("humides") == [TITLES[0]]

    assert _run(cli, "apply").exit_code == 0
    assert _run(cli, "status").exit_code == 0
    assert {check.status.name for check in setup.check()} == {"OK"}
    for node in range(len(on_cloud.nodes)):
        _use(monkeypatch, on_cloud.admin(node))
        assert solr_schema.state(setup.solr()).is_french
        assert {words: tuple(find(words)) for words in FINDS} == FINDS
        assert _facets() == {"carte": len(made)} | {title.split()[0]: 1 for title in TITLES}
    assert "Solr has the French schema" in _run(cli, "apply").output

    undone = _run(cli, "undo", "--yes")
    assert undone.exit_code == 0, undone.output
    assert solr_schema.restore_commands(on_cloud.admin(1).schema(), solr_schema.wanted()) == {}
    assert on_cloud.admin().stop_words(solr_schema.MANAGED_NAME) == []
    assert on_cloud.admin(1).analyse("text", "zones humides") == ["zone", "humid"]
    assert find("humides") == [TITLES[0]]
    assert "Solr has nothing of the French schema" in _run(cli, "undo", "--yes").output
    assert _run(cli, "apply").exit_code == 0
    assert tuple(find("inondable")) == FINDS["inondable"]


def test_a_shorter_list_is_the_same_in_every_core(cloud: Cloud):
    solr, name = cloud.admin(), solr_schema.MANAGED_NAME
    solr_schema.apply(solr)
    solr.set_stop_words(name, ["le", "la"])
    solr.set_synonyms(name, {"ppri": ["ppri", "ppr"]})
    solr.reload()
    for node in (0, 1) * 2:
        assert sorted(cloud.admin(node).stop_words(name)) == ["la", "le"]
        assert cloud.admin(node).synonyms(name) == {"ppri": ["ppr", "ppri"]}
        assert cloud.admin(node).analyse("text", "dans la zone") == ["dan", "zone"]
    solr_schema.apply(solr)
    assert solr_schema.state(cloud.admin(1)).is_french


def test_an_alias_is_as_good_as_its_collection_and_one_of_several_is_refused(cloud: Cloud):
    cloud.ask("CREATEALIAS", name="portal", collections=solr_cloud.COLLECTION)
    portal = cloud.admin(name="portal")
    portal.set_stop_words(solr_schema.MANAGED_NAME, ["le"])
    assert solr_schema.apply(portal) == ["stop words", "synonyms"]
    assert solr_schema.state(cloud.admin()).is_french

    cloud.ask("CREATE", name="other", numShards=1, **{"collection.configName": "ckan"})
    cloud.ask("CREATEALIAS", name="both", collections=f"{solr_cloud.COLLECTION},other")
    with pytest.raises(SolrAdminError, match="both stands for several collections"):
        solr_schema.apply(cloud.admin(name="both"))
    cloud.ask("DELETEALIAS", name="both")
    cloud.ask("DELETE", name="other")


def test_with_one_node_left_the_portal_searches_and_the_schema_is_applied(
    on_cloud: Cloud, find: Any
):
    on_cloud.stop(1)
    solr = on_cloud.admin()
    assert tuple(find("zone humide")) == FINDS["zone humide"]
    solr.set_stop_words(solr_schema.MANAGED_NAME, ["le"])
    solr.reload()
    assert solr_schema.apply(solr) == ["stop words", "synonyms"]
    assert solr_schema.state(solr).is_french
