"""pycsw server private to this checkout, which serves the
demonstration's catalogues over CSW 2.0.2.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from .install import fill, venv_program
from .process import Process, url_answers
from .settings import DEV, INSTALLED, ROOT, local, ports
from .shell import StackError, run, say

SOURCES = DEV / "csw"
VENV = INSTALLED / "pycsw-venv"
#: Name of the catalogue with the records of the user's own folder.
OWN = "dossier"


@dataclass
class Served:
    """A catalogue that pycsw serves.

    Attributes:
        name: part of its URL.
        title: title shown to users.
        records: number of records.
        broken: files that are not well-formed XML, which it leaves out.
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
    """Create pycsw's own virtual environment, since its pinned
    dependencies conflict with CKAN's.
    """
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
    catalogues = json.loads((DEV / "demo" / "quirks.json").read_text(encoding="utf-8"))["catalogues"]
    served = [publish(name, records / name, catalogue["title"]) for name, catalogue in catalogues.items()]
    if folder:
        served.append(publish(OWN, folder, f"Dossier {folder.resolve().name}"))
        if not served[-1].records:
            raise StackError(f"There is no ISO 19139 record in {folder}.")
    return served


def publish(name: str, folder: Path, title: str = "") -> Served:
    """Publish the ISO records of a folder as a catalogue of pycsw, replacing its previous records.

    Args:
        name: part of the catalogue's URL: letters, digits, dashes.
        folder: folder of XML files, each with one or more records.
        title: title shown to users.
    """
    setup()
    loader = [VENV / "bin" / "python", SOURCES / "load.py", folder, local("pycsw") / f"{name}.db"]
    return Served(name, title, **json.loads(run(loader, what=f"load {folder}")))


def withdraw(name: str) -> None:
    """Stop serving a catalogue and delete its records."""
    (local("pycsw") / f"{name}.db").unlink(missing_ok=True)
