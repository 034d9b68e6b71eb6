"""URLs of styles and scripts: the same on every page,
and updated within seconds after a file changes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from webassets import Bundle, Environment

from ckanext.ecosphere.hardening import starts


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle of one file, with the URLs that plugins make for it."""
    starts.build_assets_one_at_a_time()
    (tmp_path / "page.css").write_text("body { color: black }", encoding="utf-8")
    made = Bundle("page.css", output="page-%(version)s.css")
    Environment(str(tmp_path), "/static").register("page", made)
    return made


def test_files_are_compared_after_some_seconds_only(bundle, tmp_path, monkeypatch):
    (first,) = bundle.urls()
    (tmp_path / "page.css").write_text("body { color: white }", encoding="utf-8")
    later = (tmp_path / "page.css").stat().st_mtime + 60
    os.utime(tmp_path / "page.css", (later, later))
    assert bundle.urls() == [first]
    monkeypatch.setattr(starts, "_SECONDS", 0)
    (second,) = bundle.urls()
    assert second != first
    (made,) = tmp_path.glob(second.rpartition("/")[2].partition("?")[0])
    assert "white" in made.read_text(encoding="utf-8")


def test_whoever_works_on_styles_sees_each_change_at_once(bundle, tmp_path):
    bundle.env.debug = True
    bundle.urls()
    bundle.env.debug = False
    assert "page-" in bundle.urls()[0]
