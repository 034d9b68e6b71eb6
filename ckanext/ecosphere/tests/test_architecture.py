"""Architecture: rooms do not import each other, cores are independent of CKAN,
modules and folders stay small.
"""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.tests.trees import parsed
from ckanext.ecosphere.vocabularies import local

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = (
    "schemas",
    "harvest",
    "quality",
    "data_requests",
    "search",
    "access",
    "openid",
    "credentials",
    "hardening",
    "studies",
)
PURE = (
    "dataset",
    "quality/core/criteria.py",
    "quality/core/score.py",
    "data_requests/domain/states.py",
    "harvest/iso",
    "harvest/normalise",
    "harvest/problems.py",
    "harvest/record.py",
    "vocabularies",
)
#: What `dataset` may import of the package; the rest is the standard library, numpy, shapely and
#: pyproj for geometries, and yaml for the table of fields.
BELOW_DATASET = ("ckanext.ecosphere.dataset", "ckanext.ecosphere.vocabularies")
LIBRARIES_OF_DATASET = ("numpy", "pyproj", "shapely", "yaml")
#: A module may be long if it is one thought, as all tables or all transitions are.
MAX_LINES = 800
MAX_MODULES = 25


def modules(*parts: str, tests: bool = False) -> list[Path]:
    """Return the Python files under a folder of the package, or the file itself.

    Tests only if requested.
    """
    path = PACKAGE.joinpath(*parts)
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.exists()
    return [f for f in files if tests or "tests" not in f.relative_to(PACKAGE).parts]


def imports(path: Path) -> Iterator[str]:
    """Return the absolute names of the modules that a file imports, at any place."""
    package = ("ckanext.ecosphere", *path.relative_to(PACKAGE).parts[:-1])
    for node in statements(path.read_text()):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def statements(text: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Return the import statements of a module.

    Cached, since parsing all modules takes some seconds.
    """
    return tuple(
        node for node in ast.walk(parsed(text)) if isinstance(node, (ast.Import, ast.ImportFrom))
    )


def within(name: str, package: str) -> bool:
    """Return whether a dotted name is the package or inside it."""
    return name == package or name.startswith(package + ".")


def dependencies() -> dict[str, set[str]]:
    """Return module → modules of the package that it imports, at its top or within a function."""
    names = {path: name_of(path) for path in modules(".") if "migration" not in path.parts}
    known = set(names.values())
    found: dict[str, set[str]] = {}
    for path, name in names.items():
        wanted = {each for each in imports(path) if each in known and each != name}
        # `from package import module` names both; only the module is required.
        found[name] = {
            each for each in wanted if not any(within(other, each) for other in wanted - {each})
        }
    return found


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("ckanext.ecosphere", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return a circle of imports, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_module_imports_what_imports_it():
    assert circle(dependencies()) == []


def test_a_circle_is_found_also_when_an_import_hides_in_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "first.py").write_text("from ckanext.ecosphere import second\n")
    (tmp_path / "second.py").write_text("def late():\n    from . import first\n    return first\n")
    assert set(circle(dependencies())) == {"ckanext.ecosphere.first", "ckanext.ecosphere.second"}


@pytest.mark.parametrize("room", [room for room in ROOMS if (PACKAGE / room).is_dir()])
def test_a_room_does_not_import_another(room: str):
    others = [f"ckanext.ecosphere.{other}" for other in ROOMS if other != room]
    found = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules(room)
        for name in imports(path)
        if any(within(name, other) for other in others)
    }
    assert not found


def rooms_that_work_imports() -> set[str]:
    """Return the imports of rooms in `work`."""
    return {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules("work")
        for name in imports(path)
        if any(within(name, f"ckanext.ecosphere.{room}") for room in ROOMS)
    }


def test_the_common_work_knows_no_room():
    assert not rooms_that_work_imports()


def test_a_room_that_the_common_work_imports_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "outbox.py").write_text(
        "from ckanext.ecosphere.search.alerts import storage\n"
    )
    assert any("imports ckanext.ecosphere.search" in line for line in rooms_that_work_imports())


def test_nothing_imports_the_repairs_of_ckan():
    importing = {
        str(path.relative_to(PACKAGE))
        for path in modules(".")
        if path.relative_to(PACKAGE).parts[0] != "hardening"
        if any(within(name, "ckanext.ecosphere.hardening") for name in imports(path))
    }
    assert not importing


@pytest.mark.parametrize("core", [core for core in PURE if (PACKAGE / core).exists()])
def test_a_pure_core_knows_nothing_of_ckan(core: str):
    found = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules(core)
        for name in imports(path)
        if within(name, "ckan")
        or (name.startswith("ckanext.") and not within(name, "ckanext.ecosphere"))
    }
    assert not found


def foreign_to_dataset() -> set[str]:
    """Return the imports in `dataset` of anything above it, CKAN and its extensions included."""
    allowed = (*BELOW_DATASET, *LIBRARIES_OF_DATASET, *sys.stdlib_module_names)
    return {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules("dataset")
        for name in imports(path)
        if name != "ckanext.ecosphere" and not any(within(name, part) for part in allowed)
    }


def test_dataset_imports_no_room_no_ckan_and_nothing_above_it():
    assert not foreign_to_dataset()


def test_what_dataset_may_not_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "dataset").mkdir()
    lines = (
        "import ckan.model",
        "from ckanext.ecosphere.shared import rdf",
        "from ckanext.ecosphere import quality",
    )
    (tmp_path / "dataset" / "links.py").write_text("import re\nimport shapely\n" + "\n".join(lines))
    found = {line.partition(" imports ")[2] for line in foreign_to_dataset()}
    assert found == {
        "ckan.model",
        "ckanext.ecosphere.shared",
        "ckanext.ecosphere.shared.rdf",
        "ckanext.ecosphere.quality",
    }


def test_dataset_works_without_ckan():
    """Its functions answer in a process that cannot import CKAN."""
    code = (
        "import sys; sys.modules['ckan'] = None; from ckanext.ecosphere.dataset import links, services; "
        "print(links.nature({'url': 'https://a.fr/wfs'}).kind, services.service_at('https://a.fr/wfs').kind)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["service", "wfs"]


def test_modules_stay_small():
    found = {
        str(path.relative_to(PACKAGE)): lines
        for path in modules(".")
        if "migration" not in path.parts
        and (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not found


def test_no_folder_is_crowded():
    folders = Counter(path.parent for path in modules("."))
    assert not {str(each): number for each, number in folders.items() if number > MAX_MODULES}


def test_every_module_says_what_it_is_for():
    found = [
        str(path.relative_to(PACKAGE))
        for path in modules(".")
        if "versions" not in path.parts and (text := path.read_text().strip())
        if not ast.get_docstring(parsed(text))
    ]
    assert not found


def test_the_guard_sees_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    room = tmp_path / "search"
    room.mkdir()
    (room / "a.py").write_text(
        "from ..quality import score\nfrom . import query\nimport ckan.model\n"
    )
    assert set(imports(room / "a.py")) == {
        "ckanext.ecosphere.quality",
        "ckanext.ecosphere.quality.score",
        "ckanext.ecosphere.search",
        "ckanext.ecosphere.search.query",
        "ckan.model",
    }


#: Lists that cannot be changed on the portal's pages, see `editable` in `schemas/dataset.yaml`.
FIXED_LISTS = re.compile(
    r"""(?:voc|vocabularies)\.get\(["'](?:{})["']\)""".format(
        "|".join(sorted(set(voc.names()) - set(local.editable())))
    )
)


def test_what_is_kept_of_a_list_is_forgotten_when_it_changes():
    lacking = []
    for path in modules("."):
        for node in ast.walk(parsed(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                decorators = [ast.unparse(each) for each in node.decorator_list]
                asks = re.search(
                    r"\b(?:voc|vocabularies)\.get\(", FIXED_LISTS.sub("", ast.unparse(node))
                )
                if (
                    asks
                    and any("cache" in each for each in decorators)
                    and not decorators[0].endswith("derived")
                ):
                    lacking.append(f"{path.relative_to(PACKAGE)}: {node.name}")
    assert lacking == []
