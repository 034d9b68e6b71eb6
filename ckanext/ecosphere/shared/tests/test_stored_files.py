"""Files of the suite in the folder, and in a storage that all servers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import file_keeper as fk
import pytest

from ckanext.ecosphere.shared import stored_files


@pytest.fixture(params=["folder", "storage"])
def place(
    request: pytest.FixtureRequest, ckan_config: Any, monkeypatch: Any, tmp_path: Path
) -> Path:
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path / "own"))
    if request.param == "storage":
        settings = {"type": "file_keeper:fs", "path": str(tmp_path / "all"), "initialize": True}
        storage = fk.make_storage(
            "ecosphere", {**settings, "recursive": True, "overwrite_existing": True}
        )
        monkeypatch.setattr(stored_files, "shared", lambda: storage)
    return tmp_path / "own" / "requests" / "letter"


def test_a_file_is_kept_read_and_removed(place: Path, tmp_path: Path):
    made = tmp_path / "made"
    for content in (b"first", b"second"):
        made.write_bytes(content)
        stored_files.keep(made, place)
        kept = stored_files.opened(place)
        assert kept is not None
        with kept:
            assert kept.read() == content
    assert stored_files.exists(place) and not made.exists()
    assert place.is_file() is (stored_files.shared() is None)
    stored_files.remove(place)
    stored_files.remove(place)
    assert not stored_files.exists(place) and stored_files.opened(place) is None


def test_what_an_unreachable_storage_keeps_is_not_taken_for_removed(place: Path, monkeypatch: Any):
    storage = stored_files.shared()
    if storage is None:
        pytest.skip("a folder")

    def no_answer(*_words: Any, **_options: Any):
        raise ConnectionError

    monkeypatch.setattr(storage, "exists", no_answer)
    with pytest.raises(OSError, match="letter cannot be removed"):
        stored_files.remove(place)
