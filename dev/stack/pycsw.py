"""pycsw server private to this checkout, which serves the demonstration's catalogues over CSW 2.0.2."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from dev import demo

from .install import fill, venv_program
from .process import Process, url_answers
from .settings import DEV, INSTALLED, ROOT, local, ports
from .shell import StackError, run, say

SOURCES = DEV / "csw"
VENV = INSTALLED / "pycsw-venv"
#: Name of the catalogue with the records of the user's own folder.
OWN = "dossier"
#: Suffix of the catalogue with the files of another one that are not well-formed XML.
BROKEN = "-illisibles"


@dataclass
class Served:
    """A catalogue that pycsw serves.

    Attributes:
        name: part of its URL.
        title: title shown to users.
        records: number of records.
        broken: files that are not well-formed XML, in the order in which they are served.
    """

    name: str
    title: str
    records: int
    broken: list[str]

    @property
    def url(self) -> str:
        """URL of its CSW."""
        return f"http://127.0.0.1:{ports()['pycsw']}/{self.name}/csw"


def setup() -> None:
    """Create pycsw's own virtual environment, since its pinned dependencies conflict with CKAN's."""
    fill(VENV, SOURCES / "requirements.lock")


def process() -> Process:
    """Return the server as a background process."""
    address = f"127.0.0.1:{ports()['pycsw']}"
    options = ["--workers", "2", "--chdir", str(SOURCES), "--bind", address, "--timeout", "120"]
    return Process(
        "pycsw",
        [str(VENV / "bin" / "python"), "-m", "gunicorn", *options, "app:application"],
        ready=lambda: url_answers(f"http://{address}/", errors=(404,)),  # "no such catalogue" is an answer
        port="pycsw",
        env={"CATALOGUES": str(local("pycsw"))},
    )


def start() -> bool:
    """Start the server; return whether this call started it."""
    return process().start()


def serve(count: int, folder: Path | None) -> list[Served]:
    """Write and load the demonstration's catalogues, and load the user's folder.

    Args:
        count: number of records of the demonstration.
        folder: folder of further ISO records, if any.

    Returns:
        The catalogues, those of the demonstration first.

    Raises:
        StackError: the folder contains no ISO record.
    """
    say(f"Writing the catalogues of the demonstration: {count} records")
    records = local("demo")
    shutil.rmtree(records)
    command = [venv_program("python"), "-m", "dev.demo", records, "--count", str(count)]
    run(command, what="write the catalogues", cwd=ROOT)
    served = [publish(name, records / name, catalogue.title) for name, catalogue in demo.CATALOGUES.items()]
    if folder:
        served += _serve_folder(folder)
    return served


def _serve_folder(folder: Path) -> list[Served]:
    """Load a folder; files that are not well-formed XML are a catalogue of their own."""
    if not folder.is_dir():
        raise StackError(f"RECORDS={folder} is no folder.")
    title = f"Dossier {folder.resolve().name}"
    served = publish(OWN, folder, title)
    if not served.records and not served.broken:
        raise StackError(f"There is no ISO 19139 record in {folder}.")
    if not served.broken:
        return [served]
    return [served, Served(OWN + BROKEN, f"{title} : fichiers illisibles", len(served.broken), served.broken)]


def publish(name: str, folder: Path, title: str = "") -> Served:
    """Publish the ISO records of a folder as a catalogue of pycsw, replacing its previous records.

    Args:
        name: part of the catalogue's URL: letters, digits, dashes.
        folder: folder of XML files, each with one or more records.
        title: title shown to users.
    """
    setup()
    home = local("pycsw")
    broken = f"{name}{BROKEN}"
    done = json.loads(_run_loader(folder, home / f"{name}.db", home / broken, what=f"load {folder}"))
    if done["broken"]:  # pycsw answers GetCapabilities for these from a catalogue without records
        empty = local("pycsw", "empty")
        _run_loader(empty, home / f"{broken}.db", empty / "none", what="prepare pycsw")
    return Served(name, title, done["records"], done["broken"])


def withdraw(name: str) -> None:
    """Stop serving a catalogue and delete its records."""
    home = local("pycsw")
    for served in (name, name + BROKEN):
        (home / f"{served}.db").unlink(missing_ok=True)
        shutil.rmtree(home / served, ignore_errors=True)


def _run_loader(*paths: Path, what: str) -> str:
    return run([VENV / "bin" / "python", SOURCES / "load.py", *paths], what=what)
