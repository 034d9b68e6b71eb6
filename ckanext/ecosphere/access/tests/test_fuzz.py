"""A few mutated files of some formats; `make fuzz` reads ten thousand of each."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dev.fuzz.__main__ import SLOWEST_SECONDS, fuzzed, outside_of
from dev.fuzz.seeds import seeds
from dev.stack import packages


@pytest.fixture(scope="module")
def known() -> dict[str, tuple[str, bytes]]:
    packages.require("strace")
    return seeds()


@pytest.mark.few(1, "hostile")
@pytest.mark.parametrize("name", ["gpkg", "sqlite", "gml", "shapefile", "parquet", "xlsx"])
def test_mutated_files_open_nothing_and_end(loaded, known, name):
    result = fuzzed(name, known[name], 25, random.Random(f"few {name}"))
    assert sum(result.ended.values()) == 25
    assert result.ended[0], "not even the seed was read"
    assert result.opened == {}
    assert result.seconds < SLOWEST_SECONDS


def test_what_is_opened_outside_is_told(tmp_path):
    log = tmp_path / "strace"
    log.write_text(
        '1 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3\n'
        '1 openat(AT_FDCWD, "fuzzing-begins", O_WRONLY|O_CREAT) = 3\n'
        f'1 openat(AT_FDCWD, "{tmp_path}/own/in", O_RDONLY) = 3\n'
        '1 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = -1 ENOENT\n'
        "1 socket(AF_INET, SOCK_STREAM, 0) = 4\n"
    )
    tried = outside_of(log, Path(tmp_path / "own"))
    assert sorted(tried) == ["/etc/shadow", "socket(AF_INET, SOCK_STREAM, 0) = 4"]
