"""The index of `docs/upstream.md` and the docstrings of the repairs name the same defects,
all of them.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
DOCUMENT = PACKAGE.parents[1] / "docs" / "upstream.md"
ROW = re.compile(r"^\| ([0-9, ]+) \| (?:`([\w/.]+)`|–) \|", re.MULTILINE)
ENTRY = re.compile(r"^### (\d+)\. ", re.MULTILINE)
NO_REPAIRS = ("__init__.py", "plugin.py", "config.py", "checks.py")


def index() -> dict[str, set[int]]:
    """Return module → defects that it repairs, from the table."""
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    return {module: set(map(int, numbers.split(","))) for numbers, module in rows}


def in_docstrings() -> dict[str, set[int]]:
    """Return module → defects that it repairs, from its docstring."""
    found = {}
    for path in (PACKAGE / "hardening").rglob("*.py"):
        if "tests" not in path.parts and path.name not in NO_REPAIRS:
            first = (
                ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            ).partition(":")[0]
            assert first.startswith("Defect"), path
            found[str(path.relative_to(PACKAGE))] = set(map(int, re.findall(r"\d+", first)))
    return found


def test_each_repair_names_its_defects_as_the_index_does():
    of_hardening = {
        module: numbers for module, numbers in index().items() if module.startswith("hardening/")
    }
    assert in_docstrings() == of_hardening


def test_each_defect_is_numbered_and_in_the_index():
    numbers = [int(number) for number in ENTRY.findall(DOCUMENT.read_text(encoding="utf-8"))]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert set().union(*index().values()) == set(numbers)
    assert [module for module in index() if module and not (PACKAGE / module).exists()] == []
