"""`make scale`: a portal of which there is more than one of everything, on one machine.

Two web servers behind nginx, four workers, two nodes of Solr with a ZooKeeper, PostgreSQL with a
standby, and a server of object storage. It has a stack of its own:
`ECOSPHERE_STACK=scale make stop` stops it.
"""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dev.stack import ckan, postgres, redis, solr
from dev.stack.process import Process, port_is_taken, url_answers
from dev.stack.settings import DATABASES, DEV, INSTALLED, forget_ckan_variables, kept_bytecode, local, ports, secret
from dev.stack.shell import StackError, say

#: Services in the order of their ports, which follow that of the portal.
NAMES = ("WEB1", "WEB2", "SOLR1", "SOLR2", "SEARCH", "ZOOKEEPER", "STANDBY", "S3")
COLLECTION = "guichet"
S3_SERVER = INSTALLED / "s3-venv" / "bin" / "moto_server"
ZOOKEEPER = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


def port(name: str) -> int:
    """Return the port of a service of `NAMES`."""
    return ports()["web"] + 1 + NAMES.index(name)


def write_configuration() -> None:
    """Write the configuration of the portal: all its services are the several ones."""
    servers = f"host=127.0.0.1,127.0.0.1&port={ports()['postgres']},{port('STANDBY')}"
    database = f"{DATABASES['demo']}?{servers}&target_session_attrs=read-write"
    options = {
        "use": f"config:{DEV / 'scale.ini'}",
        "ckan.plugins": ckan.portal_plugins() + " file_keeper_cloud",
        "sqlalchemy.url": f"postgresql://ckan:{secret('postgres')}@/{database}",
        "solr_url": f"http://127.0.0.1:{port('SEARCH')}/solr/{COLLECTION}",
        "ecosphere.trusted_proxies": "127.0.0.1/32",
    }
    for storage in ("default", "ecosphere"):
        options[f"ckan.files.storage.{storage}.endpoint"] = f"http://127.0.0.1:{port('S3')}"
        options[f"ckan.files.storage.{storage}.secret"] = secret("s3")
    ckan.write_ini(options)


def up() -> None:
    """Start everything, the portal last."""
    postgres.start()
    postgres.standby(port("STANDBY")).start()
    redis.start()
    solr.fetch_jars()
    s3_server = [str(S3_SERVER), "-p", str(port("S3"))]
    Process("s3", s3_server, ready=lambda: port_is_taken(port("S3"))).start()
    for process in (_zookeeper(), _solr(1), _solr(2), _nginx()):
        process.start()
    _create_collection()
    write_configuration()
    ckan.command("db", "upgrade")
    ckan.command("ecosphere", "init", "--yes")
    for process in portal():
        process.start()


def portal() -> Iterator[Process]:
    """Yield the processes of the portal. None of them sees the files of another."""
    for process in ckan.processes({"web-1": port("WEB1"), "web-2": port("WEB2")}):
        yield replace(process, env={**process.env, "CKAN_STORAGE_PATH": str(local("storage", process.name))})


def _create_collection() -> None:
    """Create the collection of one part, which both nodes have, unless it exists."""
    home = f"http://127.0.0.1:{port('SEARCH')}/solr"
    if url_answers(f"{home}/{COLLECTION}/select?q=*:*&rows=0"):
        return
    words = f"name={COLLECTION}&numShards=1&replicationFactor=2&collection.configName=ckan&waitForFinalState=true"
    if not url_answers(f"{home}/admin/collections?action=CREATE&{words}", timeout=120):
        raise StackError("Solr refused the collection: see .local/scale/log.")


def _zookeeper() -> Process:
    """Return the server that knows the nodes of Solr; in production there are three."""
    folder, number = local("zookeeper"), port("ZOOKEEPER")
    file = _configuration("zoo.cfg", folder)
    command = solr.java("128m", {}, ZOOKEEPER, str(file))
    return Process("solr-0-zookeeper", command, ready=lambda: port_is_taken(number), cwd=folder)


def _configuration(name: str, folder: Path) -> Path:
    """Write a configuration into a folder, with the numbers of the
    ports and the folder filled in.
    """
    text = (DEV / f"scale_{name}").read_text()
    words = {"USER": getpass.getuser(), "FOLDER": folder, "PORTAL": ports()["web"]}
    for word, value in (words | {service: port(service) for service in NAMES}).items():
        text = text.replace(word, str(value))
    (folder / name).write_text(text)
    return folder / name


def _solr(number: int) -> Process:
    local("solr", "tmp")
    home, number_of_port = local("solr", f"node-{number}"), port(f"SOLR{number}")
    shutil.copy(DEV / "scale_solr.xml", home / "solr.xml")
    cloud: dict[str, object] = {"zkHost": f"127.0.0.1:{port('ZOOKEEPER')}", "solr.http1": "true"}
    if number == 1 and not any(home.glob(f"{COLLECTION}_*")):
        # Only once: then ZooKeeper has the schema, which `ckan ecosphere init` makes French.
        solr.write_configuration(local("solr", "conf"))
        cloud |= {"bootstrap_confdir": local("solr", "conf"), "collection.configName": "ckan"}
    url = f"http://127.0.0.1:{number_of_port}/solr/admin/info/system"
    command = solr.server(home, number_of_port, cloud)
    return Process(f"solr-{number}", command, ready=lambda: url_answers(url), cwd=home)


def _nginx() -> Process:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise StackError("nginx is missing: sudo apt-get install --no-install-recommends nginx-light")
    file = _configuration("nginx.conf", local("nginx"))
    command = [nginx, "-c", str(file), "-g", "daemon off;"]
    return Process("nginx", command, ready=lambda: port_is_taken(ports()["web"]), port="web")


if __name__ == "__main__":
    forget_ckan_variables()
    os.environ.update(kept_bytecode())
    up()
    say(f"The portal is at {ckan.site_url()}")
