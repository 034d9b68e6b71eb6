"""What another portal of the suite harvests from our DCAT-AP feed is what was published, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from ckanext.dcat.utils import dataset_uri

from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.tests.round_trip import differences, harvested, table
from ckanext.ecosphere.tests.scripted_server import Exchange, serve


@pytest.fixture
def feed(app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the portal; yield its URL."""

    def script(exchange: Exchange) -> None:
        answer = app.get(exchange.path)
        exchange.answer(answer.data, answer.status_code, Content_Type=answer.content_type)

    with serve(script) as server:
        monkeypatch.setitem(ckan_config, "ckan.site_url", server.url)
        yield server.url


@pytest.mark.parametrize("form", ["ttl", "xml", "jsonld"])
def test_a_portal_reads_what_another_one_published(with_plugins, clean_db, clean_index, feed, sysadmin_context, form, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ckanext.dcat.datasets_per_page", 3)
    owner = factories.Organization(name="ddt-01", title="DDT 01")
    act = lambda action, **data: tk.get_action(action)(sysadmin_context.copy(), data)
    published = []
    for number, dataset in enumerate(samples.peculiar()):
        made = act("package_create", **{"title": f"Peculiar {number}", **dataset, "name": f"trip-{number}", "owner_org": owner["id"]})
        published.append(act("package_show", id=made["id"]))
    again = harvested(f"{feed}/catalog.{form}")
    found = [each for before in published for each in differences(before, again[dataset_uri(before)])]
    for each in found:
        print(each)
    print(table(found))
    assert found == []
