"""The services of the tests: PostgreSQL, Solr and Redis work together."""

from __future__ import annotations

import pytest
from ckan.lib import jobs
from ckan.tests import factories, helpers


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_a_saved_dataset_is_found(sysadmin_context):
    organization = factories.Organization()
    fields = {"name": "zones-humides", "title": "Zones humides", "owner_org": organization["id"]}
    dataset = helpers.call_action("package_create", context=sysadmin_context, **fields)

    found = helpers.call_action("package_search", q="zones")

    assert [result["id"] for result in found["results"]] == [dataset["id"]]


@pytest.mark.usefixtures("clean_queues")
def test_a_job_is_queued():
    jobs.enqueue(print, ["zones humides"], queue="ecosphere:test")

    assert [job.args for job in jobs.get_queue("ecosphere:test").jobs] == [["zones humides"]]
