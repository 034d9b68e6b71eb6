"""pycsw server private to this checkout, which serves the demonstration's catalogues over CSW 2.0.2."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from dev import demo

from .install import fill, venv_program
from .process import Process, url_answers
from .settings import DEV, INSTALLED, LOCAL, ROOT, local, ports
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
        folder: folder of further ISO records; None for the one loaded before, if any.

    Returns:
        The catalogues, those of the demonstration first.

    Raises:
        StackError: the folder contains no ISO record.
    """
    setup()
    before_or_now = _serve_folder(folder) if folder else _served_before()
    return _serve_demo(count) + before_or_now


def _serve_demo(count: int) -> list[Served]:
    """Load the demonstration's catalogues, unless the same number of records of the same code is loaded."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted((DEV / "demo").glob("*.*"))))
    source = f"{digest.hexdigest()} {count}"
    titles = {name: catalogue.title for name, catalogue in demo.CATALOGUES.items()}
    notes = {name: _note(name) or {} for name in titles}
    if all(note.get("source") == source for note in notes.values()):
        return [Served(name, title, notes[name]["records"], []) for name, title in titles.items()]
    say(f"Writing the catalogues of the demonstration: {count} records")
    records = local("demo")
    shutil.rmtree(records)
    command = [venv_program("python"), "-m", "dev.demo", records, "--count", str(count)]
    run(command, what="write the catalogues", cwd=ROOT)
    return [_load(name, title, records / name, source=source) for name, title in titles.items()]


def _serve_folder(folder: Path) -> list[Served]:
    """Load a folder, each time, since it may have changed and loading takes a second."""
    if not folder.is_dir():
        raise StackError(f"RECORDS={folder} is no folder.")
    title = f"Dossier {folder.resolve().name}"
    served = _load(OWN, title, folder, source=str(folder.resolve()))
    if not served.records and not served.broken:
        raise StackError(f"There is no ISO 19139 record in {folder}.")
    return [served, *_broken(served)]


def _served_before() -> list[Served]:
    known = _note(OWN)
    if not known:
        return []
    served = Served(OWN, f"Dossier {Path(known['source']).name}", known["records"], known["broken"])
    return [served, *_broken(served)]


def _broken(served: Served) -> list[Served]:
    if not served.broken:
        return []
    return [Served(served.name + BROKEN, f"{served.title} : fichiers illisibles", len(served.broken), served.broken)]


def _note(name: str) -> dict | None:
    try:
        return json.loads((LOCAL / "pycsw" / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None


def _load(name: str, title: str, folder: Path, *, source: str) -> Served:
    served = publish(name, folder, title)
    note = {"source": source, "records": served.records, "broken": served.broken}
    (local("pycsw") / f"{name}.json").write_text(json.dumps(note, ensure_ascii=False))
    return served


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
