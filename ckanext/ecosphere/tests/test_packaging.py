"""The wheel and the sdist contain every file that the code opens, and no tests."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("package")

ROOT = Path(__file__).resolve().parents[3]
GROUPS = ("ckan.plugins", "ckan.click_command", "ckan.rdf.profiles")
SOURCES = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "ckanext",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a wheel and an sdist built from a copy of the sources,
    so that the checkout stays clean.
    """
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )
        else:
            shutil.copy(source, copy / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", copy / "dist", copy]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


CACHES = {"__pycache__", ".ruff_cache"}


def is_for_tests(path: Path) -> bool:
    return "tests" in path.parts or path.name in {"conftest.py", "ruff.toml"}


def files_of_the_package() -> set[str]:
    package = ROOT / "ckanext" / "ecosphere"
    files = [path.relative_to(ROOT) for path in package.rglob("*") if path.is_file()]
    return {str(path) for path in files if CACHES.isdisjoint(path.parts) and not is_for_tests(path)}


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile):
    assert files_of_the_package() - set(wheel.namelist()) == set()


def test_the_sdist_holds_every_file_of_the_package_and_what_builds_it(built: Path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert files_of_the_package() | {name for name in SOURCES if name != "ckanext"} <= names
    assert [name for name in names if is_for_tests(Path(name))] == []


def test_the_wheel_holds_no_tests(wheel: zipfile.ZipFile):
    assert [name for name in wheel.namelist() if is_for_tests(Path(name))] == []


def test_the_wheel_holds_what_is_not_code(wheel: zipfile.ZipFile):
    held = {name.removeprefix("ckanext/ecosphere/") for name in wheel.namelist()}
    for pattern in (
        r"data/production\.ini",
        r"i18n/fr/LC_MESSAGES/ckanext-ecosphere\.mo",
        r"vocabularies/data/.+\.csv",
        r"schemas/dataset\.yaml",
        r"templates/shared/.+\.html",
        r"assets/shared/webassets\.yml",
        r"public/.+",
        r"migration/ecosphere_quality/versions/.+\.py",
        r"migration/ecosphere_quality/alembic\.ini",
    ):
        assert any(re.fullmatch(pattern, name) for name in held), pattern


def test_the_installed_wheel_declares_plugins_command_and_addresses(
    wheel: zipfile.ZipFile, tmp_path: Path
):
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        tmp_path,
    ]
    done = subprocess.run(
        [*command, str(wheel.filename)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (installed,) = importlib.metadata.distributions(path=[str(tmp_path)])
    declared = importlib.metadata.distribution("ckanext-ecosphere")
    named = [
        {(each.group, each.name, each.value) for each in wheel.entry_points}
        for wheel in (installed, declared)
    ]
    assert named[0] == named[1]
    assert {group for group, _name, _value in named[0]} >= set(GROUPS)
    for _group, _name, value in named[0] - {
        each for each in named[0] if each[0] == "babel.extractors"
    }:
        assert (tmp_path / value.partition(":")[0].replace(".", "/")).with_suffix(".py").is_file()
    assert installed.metadata.get_all("Project-URL")


def test_the_wheel_holds_nothing_of_the_working_tree(wheel: zipfile.ZipFile):
    strangers = [
        n for n in wheel.namelist() if not n.startswith(("ckanext/", "ckanext_ecosphere-"))
    ]
    assert strangers == []


def test_the_lock_holds_every_dependency():
    """A dependency that is not in the lock file would be missing on a new machine."""
    lock = (ROOT / "dev/requirements.lock").read_text()
    for requirement in importlib.metadata.requires("ckanext-ecosphere") or []:
        name = re.split(r"[^\w-]", requirement, maxsplit=1)[0].replace("_", "[-_]")
        assert re.search(rf"^{name}\b", lock, re.MULTILINE | re.IGNORECASE), (
            f"{requirement}: run make lock"
        )
