"""Solr server private to this checkout, from the jars on Maven Central, with CKAN's schema."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from .install import setup
from .packages import program
from .process import Process, url_answers
from .settings import CORES, DEV, INSTALLED, LOCAL, VENV, local, ports, solr_url
from .shell import StackError, run, say

SOURCES = DEV / "solr"
HEAP = "512m"


def _fetch_jars() -> Path:
    """Return the folder of Solr's jars, which are fetched again if the versions in `pom.xml` changed."""
    lib, stamp = INSTALLED / "solr" / "lib", INSTALLED / "solr" / "lib.stamp"
    digest = hashlib.sha256((SOURCES / "pom.xml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return lib
    say("Fetching Solr from Maven Central")
    shutil.rmtree(lib, ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={lib}"]
    java = {"JAVA_HOME": str(program("java"))}
    run(
        [program("maven"), "-q", "-B", "-f", SOURCES / "pom.xml", *goal],
        what="fetch Solr",
        cwd=local("solr"),
        env=java,
    )
    stamp.write_text(digest)
    return lib


def _ckan_schema() -> Path:
    """Return the Solr schema of the installed CKAN."""
    found = next(VENV.glob("lib/python3*/site-packages/ckan/config/solr/schema.xml"), None)
    if found is None:
        raise StackError("CKAN's Solr schema is not in .venv: run `make clean` and start again.")
    return found


def _create_cores() -> None:
    """Create Solr's home, with a core for the portal and for each test process; existing cores are left unchanged."""
    (local("solr", "home") / "solr.xml").write_text("<solr/>\n")
    for core in CORES.values():
        folder = local("solr", "home", core)
        if (folder / "core.properties").exists():
            continue
        conf = local("solr", "home", core, "conf")
        shutil.copy(SOURCES / "solrconfig.xml", conf)
        shutil.copy(_ckan_schema(), conf / "managed-schema.xml")
        for words in ("protwords.txt", "synonyms.txt", "stopwords.txt"):
            (conf / words).touch()
        (folder / "core.properties").write_text(f"name={core}\n")


def _answers() -> bool:
    return all(url_answers(f"{solr_url(purpose)}/select?q=*:*&rows=0") for purpose in CORES)


def process() -> Process:
    """Return the server as a background process."""
    properties = {
        "solr.solr.home": LOCAL / "solr" / "home",
        "solr.log.dir": LOCAL / "log",
        "solr.port": ports()["solr"],
        "java.io.tmpdir": LOCAL / "solr" / "tmp",
    }
    options = [f"-Xmx{HEAP}", *(f"-D{name}={value}" for name, value in properties.items())]
    java = str(program("java") / "bin" / "java")
    return Process(
        "solr",
        [java, *options, "-cp", str(INSTALLED / "solr" / "lib" / "*"), str(SOURCES / "SolrServer.java")],
        ready=_answers,
        port="solr",
        cwd=local("solr"),
    )


def start() -> bool:
    """Start the server with its cores; return whether this call started it."""
    setup()
    _fetch_jars()
    _create_cores()
    local("solr", "tmp")
    return process().start()
