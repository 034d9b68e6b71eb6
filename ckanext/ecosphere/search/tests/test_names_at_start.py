"""Place names are loaded when a web server starts, but not for a command or a background worker."""

from __future__ import annotations

import time

import click
import pytest
from ckan import plugins

from ckanext.ecosphere.vocabularies import gazetteer

PATIENCE = 60.0
"""Maximum time for reading the names on a busy machine, in seconds."""


@pytest.fixture
def unread():
    gazetteer._names.cache_clear()
    yield gazetteer._names.cache_info
    gazetteer._names()


@pytest.mark.slow("setup")
@pytest.mark.usefixtures("with_plugins")
def test_a_server_reads_the_names_of_places_before_it_is_asked_and_a_worker_does_not(app, unread):
    plugin = plugins.get_plugin("ecosphere_search")
    with click.Context(click.Command("jobs")):
        plugin.make_middleware(app.flask_app, {})
    time.sleep(0.5)
    assert not unread().misses
    plugin.make_middleware(app.flask_app, {})
    until = time.monotonic() + PATIENCE
    while not unread().currsize and time.monotonic() < until:
        time.sleep(0.1)
    assert unread().currsize
