"""Warm up a web server process: request typical pages at start, so that no visitor waits for templates and tables.

The first page of a kind takes a second longer than later ones, the first search three: templates are compiled;
vocabularies, schemas and word and place lists are read; connections are opened. Commands and background workers, which
serve no pages, skip this.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
import click
from ckan import model
from flask import Flask

log = logging.getLogger(__name__)

#: Seconds to wait for CKAN to finish the application, and for a fork to wait for running requests.
READY_SECONDS, FORK_SECONDS = 30.0, 30.0
LOOKED_AGAIN = 0.05
AGENT = "ecosphere-warm-up"
#: A word, a misspelt word and a place, since the query parser has a list for each. It is sent with a filter, so that it
#: does not count among the searches without results.
QUESTION = "zones humydes Nantes"
_INSTALLED = "ecosphere_warm_up"


def begin(app: Flask) -> threading.Thread | None:
    """Request the main pages in a background thread; return the thread, or None where there is nothing to do.

    Args:
        app: CKAN's application, which may not be complete yet.
    """
    is_command = click.get_current_context(silent=True) is not None
    # uWSGI forks without Python's fork hooks: the thread would be lost and connections shared.
    if is_command or app.testing or "uwsgi" in sys.modules or _INSTALLED in app.extensions:
        return None
    app.extensions[_INSTALLED] = True
    thread = threading.Thread(target=visit, args=(app,), name=AGENT, daemon=True)
    # A server that forks after loading the application (gunicorn --preload) must not share connections with children.
    os.register_at_fork(before=lambda: _leave(thread))
    thread.start()
    return thread


def visit(app: Flask) -> None:
    """Request the main pages anonymously as soon as the application is ready."""
    end = time.monotonic() + READY_SECONDS
    while not hasattr(app, "_wsgi_app"):  # CKAN sets it last
        if time.monotonic() > end:
            return
        time.sleep(LOOKED_AGAIN)
    try:
        client = app.test_client(use_cookies=False)
        for path in _pages(app):
            client.get(path, base_url=tk.config["ckan.site_url"], headers={"User-Agent": AGENT})
        _settle()
    except Exception as error:  # the first visitor gets the outage page
        log.info("The first visits were not made: %s", error)


def _pages(app: Flask) -> Iterator[str]:
    yield "/"
    yield "/dataset/"
    with app.app_context():
        public = model.Session.query(model.Package.name, model.Package.owner_org)
        found = public.filter_by(state=model.State.ACTIVE, private=False, type="dataset").first()
        group = model.Group.get(found.owner_org) if found is not None and found.owner_org else None
        names = (found.name if found is not None else "", group.name if group is not None else "")
        model.Session.remove()
    if names[0]:
        yield f"/dataset/{names[0]}"
    if names[1]:
        yield f"/organization/{names[1]}"
        yield f"/dataset/?{urlencode({'q': QUESTION, 'organization': names[1]})}"


def _settle() -> None:
    """Exempt the objects alive now from garbage collection: code, templates and tables live as long as the process.

    A full collection of them takes a quarter of a second, during which every request of the process waits.
    """
    gc.collect()
    gc.freeze()


def _leave(thread: threading.Thread) -> None:
    """Wait for running requests before a process forks, and close its database connections."""
    thread.join(FORK_SECONDS)
    model.ensure_engine().dispose()
