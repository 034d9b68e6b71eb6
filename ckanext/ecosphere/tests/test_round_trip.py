"""What another portal of the suite harvests from our DCAT-AP feed is what was published,
field by field.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.search import clear_all
from ckan.tests import factories
from hypothesis import HealthCheck, given, settings

from ckanext.dcat.processors import RDFSerializer
from ckanext.dcat.utils import dataset_uri
from ckanext.ecosphere.harvest import cli
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.test_roundtrip_property import NUMBERS, datasets
from ckanext.ecosphere.tests.round_trip import differences, feed, harvested, read, table
from ckanext.ecosphere.tests.scripted_server import serve

__all__ = ["feed"]
PER_PAGE = 3
SERIES = f"{samples.INSPIRE}/metadata-codelist/ResourceType/series"
#: Values for which DCAT-AP has no property, or which it writes in another form.
PECULIAR: list[dict[str, Any]] = [
    *samples.peculiar(),
    {
        "title": "Un lot",
        "dcat_type": SERIES,
        "theme": [f"{samples.THEMES}/risques"],
        "contact": [{"name": "DDT 01"}],
    },
    {
        "title": "Membre",
        "in_series": ["trip-7", "lot-inconnu"],
        "source": ["trip-7", "Levé", "https://a.example.org/b"],
    },
    {
        "title": "Échelle",
        "scale_denominator": "1234567",
        "contact": [{"name": name} for name in "zay"],
    },
    {
        "title": "Adresses",
        "url": "https://a.example.org/[b]?c={d}|e",
        "uri": "https://a.example.org/x,y",
    },
    {"title": "Licence", "license_id": "other-open", "metadata_date": "2024-02-03"},
    {
        "title": "Carré",
        "spatial_coverage": [{"bbox": "1.123456789012, 45.5, 2.5, 46.5"}, {"text": "Bresse"}],
    },
]


@pytest.fixture
def published(
    with_plugins: None, clean_db: None, clean_index: None, sysadmin_context: Any
) -> list[dict[str, Any]]:
    """Datasets with every field and with peculiar values, as the portal shows them."""
    owner = factories.Organization(name="ddt-01", title="DDT 01")
    shown = []
    for number, dataset in enumerate(PECULIAR):
        names = {
            f: f"{dataset[f]}-{number}"
            for f in ("identifier", "metadata_identifier")
            if f in dataset
        }
        own = {
            "title": f"Jeu {number}",
            **dataset,
            **names,
            "name": f"trip-{number}",
            "owner_org": owner["id"],
        }
        made = tk.get_action("package_create")(sysadmin_context.copy(), own)
        shown.append(tk.get_action("package_show")(sysadmin_context.copy(), {"id": made["id"]}))
    return shown


@pytest.mark.slow("exchange")
@pytest.mark.parametrize("form", ["ttl", "xml", "jsonld"])
def test_a_portal_reads_what_another_one_published(published, feed, form, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ckanext.dcat.datasets_per_page", PER_PAGE)
    again = harvested(f"{feed}/catalog.{form}")
    assert sorted(again) == sorted(map(dataset_uri, published))
    found = [
        each for before in published for each in differences(before, again[dataset_uri(before)])
    ]
    print(f"DCAT round trip of {len(published)} datasets as {form}: {table(found)}")
    assert found == []


@pytest.fixture
def owner(with_plugins: None, clean_db: None, clean_index: None) -> str:
    return factories.Organization(name="ddt-01", title="DDT 01")["id"]


@pytest.mark.slow("random")
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(dataset=datasets())
def test_any_dataset_is_read_as_it_was_published(owner, sysadmin_context, dataset):
    own = {"title": "P", "name": f"any-{next(NUMBERS)}", "owner_org": owner, **dataset}
    made = tk.get_action("package_create")(sysadmin_context.copy(), own)
    before = tk.get_action("package_show")(sysadmin_context.copy(), {"id": made["id"]})
    turtle = RDFSerializer(profiles=["ecosphere_dcat_ap"]).serialize_dataset(
        before, _format="turtle"
    )
    assert list(differences(before, read(turtle.encode()))) == []


@pytest.mark.slow("exchange")
def test_another_portal_that_harvests_them_has_the_same_datasets(  # noqa: PLR0917 - fixtures
    published, app, empty_db, clean_queues, ckan_config, monkeypatch, sysadmin_context
):
    monkeypatch.setitem(ckan_config, "ckanext.dcat.datasets_per_page", len(published))
    body = app.get("/catalog.ttl").data
    empty_db()
    clear_all()
    factories.Organization(name="ddt-01", title="DDT 01")
    with serve(lambda exchange: exchange.answer(body, Content_Type="text/turtle")) as server:
        source = {
            "name": "portal",
            "title": "Portal",
            "url": f"{server.url}/catalog.ttl",
            "owner_org": "ddt-01",
        }
        create = tk.get_action("harvest_source_create")
        create(sysadmin_context.copy(), {**source, "source_type": "ecosphere_dcat"})
        cli.harvest_source("portal", inline=True, echo=lambda said: None)
    model.Session.remove()
    found = {}
    for before in published:
        after = tk.get_action("package_show")(sysadmin_context.copy(), {"id": before["name"]})
        found |= dict(differences(before, after))
    found.pop(
        ("dataset", "source_catalogue", "gained")
    )  # the portal, for datasets that it has from nowhere else
    assert found == {}
