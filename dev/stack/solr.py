"""Solr server private to this checkout, from the jars on Maven Central, with CKAN's schema."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from .install import setup
from .packages import program
from .process import Process, url_answers
from .settings import CORES, DEV, INSTALLED, LOCAL, VENV, local, ports, solr_url
from .shell import StackError, run, say

SOURCES = DEV / "solr"
HEAP = "512m"


def fetch_jars() -> Path:
    """Return the folder of Solr's jars, which are fetched again if the
    versions in `pom.xml` changed.
    """
    lib, stamp = INSTALLED / "solr" / "lib", INSTALLED / "solr" / "lib.stamp"
    digest = hashlib.sha256((SOURCES / "pom.xml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return lib
    say("Fetching Solr from Maven Central")
    shutil.rmtree(lib, ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={lib}"]
    command = [program("maven"), "-q", "-B", "-f", SOURCES / "pom.xml", *goal]
    run(command, what="fetch Solr", cwd=local("solr"), env={"JAVA_HOME": str(program("java"))})
    stamp.write_text(digest)
    return lib


def _ckan_schema() -> Path:
    """Return the Solr schema of the installed CKAN."""
    found = next(VENV.glob("lib/python3*/site-packages/ckan/config/solr/schema.xml"), None)
    if found is None:
        raise StackError("CKAN's Solr schema is not in .venv: run `make clean` and start again.")
    return found


def _create_cores() -> None:
    """Create Solr's home, with a core for the portal and for each test process.

    Existing cores are left unchanged.
    """
    (local("solr", "home") / "solr.xml").write_text("<solr/>\n")
    for core in CORES.values():
        if create_core(core):
            (local("solr", "home", core) / "core.properties").write_text(f"name={core}\n")


def create_core(core: str) -> bool:
    """Write the configuration of a core with CKAN's own schema; return whether it was not there."""
    if (local("solr", "home", core) / "core.properties").exists():
        return False
    write_configuration(local("solr", "home", core, "conf"))
    return True


def write_configuration(conf: Path) -> None:
    """Write the configuration of a core or collection with CKAN's own schema."""
    shutil.copy(SOURCES / "solrconfig.xml", conf)
    shutil.copy(_ckan_schema(), conf / "managed-schema.xml")
    for words in ("protwords.txt", "synonyms.txt", "stopwords.txt"):
        (conf / words).touch()


def _answers() -> bool:
    return all(url_answers(f"{solr_url(purpose)}/select?q=*:*&rows=0") for purpose in CORES)


def process() -> Process:
    """Return the server as a background process."""
    command = server(LOCAL / "solr" / "home", ports()["solr"], {})
    return Process("solr", command, ready=_answers, port="solr", cwd=local("solr"))


def server(home: Path, port: int, more: Mapping[str, object]) -> list[str]:
    """Return the command of a server, with further properties of Java."""
    properties = {
        "solr.solr.home": home,
        "solr.log.dir": LOCAL / "log",
        "solr.port": port,
        "java.io.tmpdir": LOCAL / "solr" / "tmp",
        **more,
    }
    return java(HEAP, properties, str(SOURCES / "SolrServer.java"))


def java(heap: str, properties: Mapping[str, object], *program_and_arguments: str) -> list[str]:
    """Return the command of a Java program with Solr's jars."""
    options = [f"-Xmx{heap}", *(f"-D{name}={value}" for name, value in properties.items())]
    jars = ["-cp", str(INSTALLED / "solr" / "lib" / "*")]
    return [str(program("java") / "bin" / "java"), *options, *jars, *program_and_arguments]


def start() -> bool:
    """Start the server with its cores; return whether this call started it."""
    setup()
    fetch_jars()
    _create_cores()
    local("solr", "tmp")
    return process().start()
