"""The walks of docs/architecture.md: the modules that a journey visits, in order, are there,
imported, and few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ckanext.ecosphere.tests.test_architecture import PACKAGE, dependencies, name_of

ROOT = PACKAGE.parents[1]
PAGE = ROOT / "docs" / "architecture.md"
#: What the heading of a walk says → the most modules that the journey may visit.
MOST = {
    r"record\b": 14,
    r"\bquery\b": 10,
    r"\bpage of a dataset|\bdataset page": 10,
    r"\btransition\b": 12,
}
_STEP = re.compile(r"^\d+\. (.+(?:\n {2,}\S.*)*)", re.MULTILINE)
_MODULE = re.compile(r"`((?:\w+/)*\w+\.py)`")


@dataclass(frozen=True)
class Walk:
    """A journey of the page: its heading, and the text of each step of its first numbered list."""

    heading: str
    steps: tuple[str, ...]

    @property
    def modules(self) -> list[str]:
        """The modules that the steps enter: the first that each of them names, if it names any."""
        named = [_MODULE.findall(step) for step in self.steps]
        return [names[0] for names in named if names]


def walks(page: str) -> Iterator[Walk]:
    """Yield the journeys of the page: sections of the third level with a numbered
    list that begins with a module.
    """
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        heading, _newline, text = section.partition("\n")
        steps = [match[1] for match in _STEP.finditer(first_list(text))]
        if steps and _MODULE.search(steps[0]):
            yield Walk(heading, tuple(steps))


def first_list(text: str) -> str:
    """Return a section up to the beginning of its second numbered list."""
    begins = [match.start() for match in re.finditer(r"^1\. ", text, re.MULTILINE)]
    return text[: begins[1]] if len(begins) > 1 else text


def lost(walk: Walk, package: Path) -> list[str]:
    """Return the modules named by a walk that do not exist."""
    return [name for name, path in named_by(walk, package) if path is None]


def named_by(walk: Walk, package: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield each module that a walk names, with its path: in the package,
    or in a folder of another of its step.
    """
    for step in walk.steps:
        names = _MODULE.findall(step)
        folders = [package]
        for name in names:
            folders += Path(name).parents
        for name in names:
            places = [package / folder / name for folder in folders]
            yield name, next(filter(Path.is_file, places), None)


def unused(walk: Walk) -> list[str]:
    """Return the modules named by a walk that no code of the package imports,
    and that are no entry point.
    """
    used = {name for names in dependencies().values() for name in names}
    entries = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    idle = []
    for name, path in named_by(walk, PACKAGE):
        module = name_of(path) if path else ""
        if module and module not in used and f'"{module}:' not in entries:
            idle.append(name)
    return idle


WALKS = list(walks(PAGE.read_text(encoding="utf-8")))


def most(heading: str) -> int | None:
    """Return how many modules the walk of a heading may visit; None for one without a limit."""
    return next((number for words, number in MOST.items() if re.search(words, heading)), None)


@pytest.mark.parametrize("words", MOST)
def test_each_journey_has_its_walk(words: str):
    assert len([walk for walk in WALKS if re.search(words, walk.heading)]) == 1


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.heading)
def test_a_walk_names_modules_that_are_there_and_imported(walk: Walk):
    assert lost(walk, PACKAGE) == []
    assert unused(walk) == []


@pytest.mark.parametrize(
    "walk", [walk for walk in WALKS if most(walk.heading)], ids=lambda walk: walk.heading
)
def test_a_walk_is_short_and_enters_each_module_once(walk: Walk):
    assert len(walk.modules) == len(set(walk.modules))
    assert len(walk.modules) <= (most(walk.heading) or 0)


def test_a_module_that_is_not_there_or_comes_twice_is_seen(tmp_path: Path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "query.py").touch()
    page = """# Page

### A query, and back

1. `search/query.py` asks, with
   `gone.py`
2. `search/query.py` again
3. Solr answers

Then, in a worker:

1. `search/index.py`

## Glossary

1. no module
"""
    (walk,) = walks(page)
    assert walk.modules == ["search/query.py", "search/query.py"]
    assert lost(walk, tmp_path) == ["gone.py"]
    assert most(walk.heading) == 10


def test_a_module_that_nothing_imports_is_seen():
    walk = Walk(
        "A record",
        ("`tests/test_walks.py` is run", "`plugin.py` is an entry point", "`cli.py` is imported"),
    )
    assert unused(walk) == ["tests/test_walks.py"]
