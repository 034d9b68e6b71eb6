"""Documentation: all options, actions and commands are documented, and links are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev import reference
from dev.stack.ckan import QUEUES, QUICK_QUEUES

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_says_what_the_code_says(monkeypatch):
    # Each plugin is described alone, whatever plugins of an earlier test are still loaded.
    monkeypatch.setattr("ckan.plugins.plugin_loaded", lambda name: False)
    assert reference.TARGET.read_text() == reference.render(), "run `make docs`"


@pytest.mark.parametrize("page", reference.PAGES)
def test_tables_of_a_page_say_what_the_code_says(page: str):
    assert (reference.DOCS / page).read_text() == reference.page_with_tables(page), (
        "run `make docs`"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_make_command_has_a_line_of_help():
    makefile = (ROOT / "Makefile").read_text()
    commands = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) - {"down"}
    assert commands - set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) == set()


def test_every_page_is_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        waiting += [
            target for name in targets if (target := (page.parent / name).resolve()).is_file()
        ]
    assert set(PAGES) - seen == set()


def test_documented_workers_listen_to_every_queue_and_one_is_free_of_harvests():
    for page in PAGES:
        commands = re.findall(
            r"^\s*(?:nice -n 10 )?ckan .*jobs worker (\S+ .*)$", page.read_text(), re.MULTILINE
        )
        if commands:
            assert [command.split() for command in commands] == [
                list(QUICK_QUEUES),
                list(QUEUES),
            ], page
    assert re.search(r"^ckan jobs worker", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_pictures_are_shown_by_a_page_and_those_that_journeys_take_exist():
    help_pages = ROOT / "ckanext/ecosphere/public/ecosphere/help"
    folders = [ROOT / "docs/images", help_pages / "images"]
    names = {path.stem for folder in folders for path in folder.glob("*.png")}
    pages = [*PAGES, *help_pages.rglob("*.md")]
    shown = {
        name for page in pages for name in re.findall(r"images/([\w-]+)\.png\)", page.read_text())
    }
    tests = (ROOT / "ckanext").rglob("test_*.py")
    taken = {
        name
        for test in tests
        for name in re.findall(r'picture\(page, f?"([^"]+)"\)', test.read_text())
    }
    assert names == shown
    assert taken - names == set()
    assert names - taken == {"portal"}, "`portal` is taken of the demonstration"
