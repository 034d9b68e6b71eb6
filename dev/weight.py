"""Weigh the product: syntax nodes, code lines, files, style, and in how many files a schema field
stands.

    make weight               # figures beside the most that they may be (`weight.csv`)

Tests and migrations are not counted, nor docstrings, comments and blank lines.
"""

from __future__ import annotations

import ast
import csv
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "ckanext" / "ecosphere"
TABLE = Path(__file__).with_suffix(".csv")
#: By how much a figure may exceed the table before the weight counts as grown.
TOLERANCE = 1.02
LONG_LINE = 100
NAMING_FILES = (".py", ".yaml", ".csv", ".html", ".js")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
#: Names of variables that do not say what they hold.
VAGUE_NAMES = (
    "asked done each found given gone held it kept known left made meant named one said seen shown "
    "stated taken that these this those told wanted what which"
)
VAGUE = frozenset(VAGUE_NAMES.split())


def files(root: Path, suffixes: tuple[str, ...] = (".py",)) -> Iterator[Path]:
    """Yield the files of the product, without tests and migrations."""
    for path in sorted(root.rglob("*")):
        aside = {"tests", "migration"}.intersection(path.relative_to(root).parts)
        if path.suffix in suffixes and not aside and path.name != "conftest.py":
            yield path


def figures(root: Path) -> dict[str, float]:
    """Return the figures of a package: totals, and style per 1 000 code lines or per cent."""
    total: Counter[str] = Counter()
    for path in files(root):
        total.update(_of_module(path.read_text(encoding="utf-8")))
    thousands = total["code lines"] / 1000
    return {
        "syntax nodes": total["nodes"],
        "code lines": total["code lines"],
        "files": total["files"],
        "ternaries per 1 000 lines": round(total["ternaries"] / thousands, 1),
        "nested comprehensions per 1 000 lines": round(total["nested"] / thousands, 1),
        "long lines per 1 000 lines": round(total["long"] / thousands, 1),
        "names that say nothing, %": round(100 * total["vague"] / total["names"], 1),
    }


def spread(root: Path) -> float:
    """Return the median number of files in which a field of the schema stands.

    Only fields whose name has an underscore are looked for: the others are words of other things,
    too.
    """
    schema = yaml.safe_load((root / "schemas" / "dataset.yaml").read_text(encoding="utf-8"))
    rows = [*schema["dataset_fields"], *schema["resource_fields"]]
    names = {row["field_name"] for row in rows if "_" in row["field_name"]} - {"package_id"}
    words = re.compile(rf"(?<![A-Za-z_])(?:{'|'.join(map(re.escape, names))})(?![A-Za-z_])")
    counts = Counter(dict.fromkeys(names, 0))
    for path in files(root, NAMING_FILES):
        counts.update(set(words.findall(path.read_text(encoding="utf-8", errors="replace"))))
    return statistics.median(counts.values())


def _of_module(source: str) -> Counter[str]:
    tree = ast.parse(source)
    lines = source.split("\n")
    code = _code_lines(source, tree)
    total = Counter({"files": 1, "code lines": len(code)})
    total["long"] = sum(len(lines[number - 1]) > LONG_LINE for number in code)
    for node in ast.walk(tree):
        total["nodes"] += 1
        total["ternaries"] += isinstance(node, ast.IfExp)
        total["nested"] += _is_nested(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            total["names"] += 1
            total["vague"] += node.id in VAGUE
    return total


def _is_nested(node: ast.AST) -> bool:
    """Return whether a node is a comprehension that holds another one."""
    if not isinstance(node, COMPREHENSIONS):
        return False
    inner = (descendant for descendant in ast.walk(node) if descendant is not node)
    return any(isinstance(descendant, COMPREHENSIONS) for descendant in inner)


def _code_lines(source: str, tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that hold code."""
    lines = (line.strip() for line in source.splitlines())
    numbers = {number for number, line in enumerate(lines, 1) if line and line[0] != "#"}
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            numbers.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return numbers


def weighed() -> list[tuple[str, float, float, float]]:
    """Return (figure, now, the most it may be, goal) for each row of the table."""
    now = figures(PRODUCT)
    now["files of a schema field, median"] = spread(PRODUCT)
    now["code lines of dev"] = figures(ROOT / "dev")["code lines"]
    now["code lines of studies"] = figures(PRODUCT / "studies")["code lines"]
    with TABLE.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [(row["figure"], now[row["figure"]], float(row["most"]), float(row["goal"])) for row in rows]


def main() -> int:
    """Print the table; 1 when a figure has grown."""
    print(f"{'':40}{'now':>10}{'most':>10}{'goal':>10}")
    grown = 0
    for figure, now, most, goal in weighed():
        mark = ""
        if now > most * TOLERANCE:
            mark, grown = "  GROWN", 1
        print(f"{figure:40}{now:>10,.1f}{most:>10,.1f}{goal:>10,.1f}{mark}")
    return grown


if __name__ == "__main__":
    sys.exit(main())
