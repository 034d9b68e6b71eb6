"""A local SolrCloud of two nodes with CKAN's configuration,
for the tests of the schema commands.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckanext.ecosphere.search.solr_schema import STOCK_SCHEMA, SolrAdmin, SolrAdminError
from dev.stack.packages import program
from dev.stack.settings import DEV, INSTALLED

COLLECTION = "ckan_cloud"
_NODE = """<solr><solrcloud>
  <str name="host">127.0.0.1</str><int name="hostPort">${solr.port}</int><str name="hostContext">solr</str>
</solrcloud></solr>"""
_ZOOKEEPER = "tickTime=2000\nclientPortAddress=127.0.0.1\n"
_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_PROPERTIES = {"solr.http1": "true", "zookeeper.admin.enableServer": "false"}
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
"""Makes the kernel kill a program when the process that started it ends, for whatever reason."""


@dataclass(frozen=True)
class Cloud:
    """A running SolrCloud: the addresses of its nodes
    ("http://127.0.0.1:…/solr") and their processes.
    """

    nodes: tuple[str, ...]
    processes: tuple[subprocess.Popen[bytes], ...]

    def admin(self, node: int = 0, name: str = COLLECTION) -> SolrAdmin:
        """Return the administration of a collection, or of an alias, through one of the nodes."""
        return SolrAdmin(f"{self.nodes[node]}/{name}")

    def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call Solr's Collections API."""
        url = f"{self.nodes[0]}/admin/collections"
        return self.admin().call("GET", url, params={"action": action, **parameters})

    def stop(self, node: int) -> None:
        """Stop a node, and wait until the other one has noticed."""
        self.processes[node].terminate()
        _wait(lambda: len(self.ask("CLUSTERSTATUS")["cluster"]["live_nodes"]) < len(self.nodes))


@contextmanager
def running(folder: Path) -> Iterator[Cloud]:
    """Start two nodes, the first with ZooKeeper, and a collection of two shards with a replica on
    each node.

    They end with the block, and with this process however it ends.

    Args:
        folder: an empty folder.
    """
    ports, log = _free_ports(3), folder / "nodes.log"
    zookeeper = f"127.0.0.1:{ports[2]}"
    first = {
        "zkRun": zookeeper,
        "bootstrap_confdir": _configuration(folder),
        "collection.configName": "ckan",
    }
    with ExitStack() as ending:
        processes = []
        for port, roles in zip(ports, (first, {"zkHost": zookeeper}), strict=False):
            processes.append(_start(folder / f"node-{port}", port, roles, log))
            ending.callback(_end, processes[-1])
        cloud = Cloud(
            tuple(f"http://127.0.0.1:{port}/solr" for port in ports[:2]), tuple(processes)
        )
        try:
            _wait(
                lambda: (
                    len(cloud.ask("CLUSTERSTATUS")["cluster"]["live_nodes"]) == len(cloud.nodes)
                ),
                processes,
            )
        except TimeoutError as error:
            raise TimeoutError(log.read_text(errors="replace")[-2_000:]) from error
        sizes = {"numShards": 2, "replicationFactor": 2, "waitForFinalState": "true"}
        cloud.ask("CREATE", name=COLLECTION, **sizes, **{"collection.configName": "ckan"})
        yield cloud


def _configuration(folder: Path) -> Path:
    conf = folder / "conf"
    conf.mkdir()
    shutil.copy(DEV / "solr" / "solrconfig.xml", conf)
    shutil.copy(STOCK_SCHEMA, conf / "managed-schema.xml")
    for words in ("protwords.txt", "synonyms.txt", "stopwords.txt"):
        (conf / words).touch()
    return conf


def _start(home: Path, port: int, roles: dict[str, Any], log: Path) -> subprocess.Popen[bytes]:
    home.mkdir()
    (home / "solr.xml").write_text(_NODE)
    (home / "zoo.cfg").write_text(_ZOOKEEPER)
    folders = {"solr.solr.home": home, "solr.log.dir": home, "java.io.tmpdir": home}
    properties = {**_PROPERTIES, **folders, "solr.port": port, **roles}
    java, jars = program("java") / "bin" / "java", INSTALLED / "solr" / "lib" / "*"
    command = [
        *_WITH_PARENT,
        str(java),
        *_OPTIONS,
        *(f"-D{name}={value}" for name, value in properties.items()),
    ]
    with log.open("ab") as written:
        return subprocess.Popen(
            [*command, "-cp", str(jars), str(DEV / "solr" / "SolrServer.java")],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free_ports(number: int) -> list[int]:
    """Return free TCP ports of this machine."""
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(
    until: Any, processes: list[subprocess.Popen[bytes]] | None = None, seconds: float = 120
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(each.poll() is None for each in processes or ()):
        try:
            if until():
                return
        except SolrAdminError:
            pass  # not up yet
        time.sleep(0.2)
    raise TimeoutError
