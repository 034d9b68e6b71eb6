"""The first visits of a web server's process, made by itself: nobody waits for templates and tables to be read.

The first page of a kind takes a second more than those that follow, the first question three: templates are compiled,
vocabularies, schemas and the lists of words and places read, connections made. A command and a background worker show
no pages and do nothing of this.
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

#: Seconds until CKAN has made the application, and that a fork waits for visits under way.
READY_SECONDS, FORK_SECONDS = 30.0, 30.0
LOOKED_AGAIN = 0.05
AGENT = "ecosphere-warm-up"
#: A word, a misspelt word and a place: what reads a question has lists for each. With a filter, so that it is not
#: counted among what people look for and do not find.
QUESTION = "zones humydes Nantes"
_INSTALLED = "ecosphere_warm_up"


def begin(app: Flask) -> threading.Thread | None:
    """Have the main pages visited beside the first requests; return what does it, None where nothing is to be done.

    Args:
        app: CKAN's application, which need not be ready.
    """
    is_command = click.get_current_context(silent=True) is not None
    # uWSGI forks behind Python's back: threads would be lost, connections shared.
    if is_command or app.testing or "uwsgi" in sys.modules or _INSTALLED in app.extensions:
        return None
    app.extensions[_INSTALLED] = True
    thread = threading.Thread(target=visit, args=(app,), name=AGENT, daemon=True)
    # A server that forks once the application is there (gunicorn --preload) shares no connection with its processes.
    os.register_at_fork(before=lambda: _leave(thread))
    thread.start()
    return thread


def visit(app: Flask) -> None:
    """Visit the main pages as anybody may, as soon as the application is ready."""
    end = time.monotonic() + READY_SECONDS
    while not hasattr(app, "_wsgi_app"):  # the last thing that CKAN does
        if time.monotonic() > end:
            return
        time.sleep(LOOKED_AGAIN)
    try:
        client = app.test_client(use_cookies=False)
        for path in _pages(app):
            client.get(path, base_url=tk.config["ckan.site_url"], headers={"User-Agent": AGENT})
        _settle()
    except Exception as error:  # whatever is away is told to the first visitor
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
    """Have Python look for garbage among later objects only: code, templates and tables stay as long as the process.

    To go through all of them takes a quarter of a second, in which every reader of the process waits.
    """
    gc.collect()
    gc.freeze()


def _leave(thread: threading.Thread) -> None:
    """Wait for visits under way before a process forks, and leave no connection behind."""
    thread.join(FORK_SECONDS)
    model.ensure_engine().dispose()
