"""Addresses of styles and scripts: the same at every page, and looked at again after some seconds."""

from __future__ import annotations

import re

import pytest
from webassets.updater import TimestampUpdater

from ckanext.ecosphere.core import assets

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


def test_files_of_assets_are_not_compared_at_every_page(app, monkeypatch):
    compared = []
    original = TimestampUpdater.needs_rebuild
    monkeypatch.setattr(
        TimestampUpdater, "needs_rebuild", lambda *args: compared.append(args) or original(*args), raising=True
    )
    assets._known.clear()
    first, number = app.get("/about").body, len(compared)
    assert number
    second = app.get("/about").body
    assert len(compared) == number
    styles = r'<link[^>]+href="([^"]+\.css[^"]*)"'
    assert re.findall(styles, first) == re.findall(styles, second)
    monkeypatch.setattr(assets, "_SECONDS", 0)
    app.get("/about")
    assert len(compared) > number
