"""Fixtures of the search room: a real Solr with or without the French schema,
and quickly created datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from ckan.lib import search as ckan_search
from ckan.tests import factories, helpers
from redis.exceptions import RedisError

from ckanext.ecosphere.search import setup, solr_schema
from ckanext.ecosphere.search.relevance import spelling
from ckanext.ecosphere.search.relevance.search import forget_schema
from ckanext.ecosphere.search.solr_schema import SolrAdmin


@pytest.fixture(autouse=True)
def forgotten_words(ckan_config) -> Iterator[None]:
    """Forget the words counted in the catalogue, before and after each test.

    Those of pure code need no Redis.
    """
    with suppress(RedisError):
        spelling.forget_words()
    yield
    with suppress(RedisError):
        spelling.forget_words()


@pytest.fixture
def solr(ckan_config) -> SolrAdmin:
    """Solr administration of the test core."""
    return setup.solr()


@pytest.fixture
def french(solr: SolrAdmin) -> SolrAdmin:
    """Solr with the French schema."""
    give_french(solr)
    return solr


_french: dict[str, dict[str, Any]] = {}
"""Core → its schema after our changes: comparing with it takes a hundredth of
the time that our changes take.
"""


def give_french(solr: SolrAdmin) -> None:
    """Apply the French schema, which another test may have removed."""
    if solr.schema() != _french.get(solr.name):
        commands = solr_schema.schema_commands(solr.schema(), solr_schema.wanted())
        if solr_schema.blocking_fields(solr, commands):
            solr.delete_all()
            solr.reload()
        solr_schema.apply(solr)
        _french[solr.name] = solr.schema()
    forget_schema()


@pytest.fixture
def plain(solr: SolrAdmin) -> Iterator[SolrAdmin]:
    """Solr with CKAN's own schema only; the French schema is restored after the test."""
    remove_french(solr)
    yield solr
    solr.delete_all()
    solr.reload()
    solr_schema.apply(solr)
    forget_schema()


def remove_french(solr: SolrAdmin) -> None:
    """Remove our changes from Solr's schema, and all documents."""
    solr.delete_all()
    solr.reload()
    solr_schema.restore(solr)
    forget_schema()


@pytest.fixture
def make_datasets() -> Callable[..., list[dict[str, Any]]]:
    """Create datasets from titles, or from dicts of fields."""

    def make(*datasets: str | dict[str, Any]) -> list[dict[str, Any]]:
        fields = [{"title": each} if isinstance(each, str) else each for each in datasets]
        # Random sentences would match some queries and not others.
        owner = factories.Organization(image_url="", title="Service", description="")["id"]
        return [factories.Dataset(**({"notes": "", "owner_org": owner} | each)) for each in fields]

    return make


@pytest.fixture
def find() -> Callable[..., list[str]]:
    """Search as an anonymous user and return the titles found."""

    def search(query: str, **params: Any) -> list[str]:
        found = helpers.call_action(
            "package_search", {"ignore_auth": False, "user": ""}, q=query, rows=100, **params
        )
        return [each["title"] for each in found["results"]]

    return search


@pytest.fixture
def reindex() -> Callable[[], None]:
    """Index every dataset again."""
    return lambda: ckan_search.rebuild(quiet=True)
