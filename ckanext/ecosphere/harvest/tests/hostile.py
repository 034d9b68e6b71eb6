"""Hostile input, each case in a process of its own, to measure the memory and processor time that
it costs.

Run as `python -m ckanext.ecosphere.harvest.tests.hostile URL`, with the URL of the server of
`test_faults_hostile`. Prints, for each case, the reason of the refusal, seconds of processor time,
and additional memory in MB.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.iso.xml import MAX_BYTES, parse_xml
from ckanext.ecosphere.harvest.sources.csw import CswReader
from ckanext.ecosphere.harvest.sources.dcat import DcatReader
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks

HERE = networks(["127.0.0.1"])
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]>'
XXE = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'
RDF_ROOT = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF>'
QUADRATIC = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{}">]><r>{}</r>'.format(
    "a" * 50_000, "&a;" * 50_000
)


def session(allowed: Any = HERE, resolver: Any = socket.getaddrinfo) -> GuardedSession:
    """Return a guarded HTTP session as the harvest uses it, with a single attempt."""
    return GuardedSession(GuardSettings(allowed_networks=allowed, attempts=1), resolver)


def points_inside(host: str, port: int, **_options: Any) -> list[Any]:
    """Resolve to a public address at the first call, and to this machine afterwards."""
    calls.append(host)
    ip = "93.184.216.34" if len(calls) == 1 else "127.0.0.1"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]


calls: list[str] = []


def rebound(address: str) -> None:
    """Request a URL whose host name resolves to a loopback address
    the second time (DNS rebinding).
    """
    guarded = session((), points_inside)
    calls.append("the first answer, which was public and checked")
    guarded.get(address.replace("127.0.0.1", "rebinding.example.org"))


def failures(reader: Any) -> None:
    """Read a source to its end and raise the first recorded failure."""
    for _page in reader.pages():
        pass
    for failure in reader.reading.failures:
        raise LookupError(failure.code)


CASES: dict[str, Callable[[str], Any]] = {
    "external entity": lambda _a: parse_xml(XXE.encode()),
    "external entity in UTF-16": lambda _a: parse_xml(XXE.encode("utf-16")),
    "entity bomb": lambda _a: parse_xml(f"{BOMB}<r>&l9;</r>".encode()),
    "quadratic entity bomb": lambda _a: parse_xml(QUADRATIC.encode()),
    "depth bomb": lambda _a: parse_xml(b"<a>" * 500_000 + b"</a>" * 500_000),
    "five million elements": lambda _a: parse_xml(b"<r>" + b"<a/>" * 5_000_000 + b"</r>"),
    "attribute bomb": lambda _a: parse_xml(
        b"<r " + b" ".join(b'a%d=""' % n for n in range(300_000)) + b"/>"
    ),
    "entity bomb in RDF/XML": lambda _a: rdf.parse(
        (BOMB + RDF_ROOT.format("&l9;")).encode(), "", MAX_BYTES
    ),
    "external entity in RDF/XML": lambda _a: rdf.parse(
        XXE.encode(), "application/rdf+xml", MAX_BYTES
    ),
    "remote JSON-LD context": lambda a: rdf.parse(
        json.dumps({"@context": f"{a}/inside"}).encode(), "", MAX_BYTES
    ),
    "file as JSON-LD context": lambda _a: rdf.parse(
        b'{"@context": "file:///etc/passwd"}', "", MAX_BYTES
    ),
    "depth bomb in JSON-LD": lambda _a: rdf.parse(
        b"[" * 2_000_000, "application/ld+json", MAX_BYTES
    ),
    "gzip bomb": lambda a: session().get(f"{a}/bomb"),
    "gzip bomb as a catalogue": lambda a: failures(CswReader(f"{a}/bomb", session())),
    "file address": lambda _a: session().get("file:///etc/passwd"),
    "gopher address": lambda _a: session().get("gopher://127.0.0.1/"),
    "metadata service of a cloud": lambda _a: session().get(
        "http://169.254.169.254/latest/meta-data/"
    ),
    "IPv4 in IPv6": lambda _a: session(()).get("http://[::ffff:7f00:1]/"),
    "number as address": lambda _a: session(()).get("http://2130706433/"),
    "name that points inside the second time": rebound,
    "redirect inside": lambda a: session().get(f"{a}/redirect"),
    "redirect to a file": lambda a: session().get(f"{a}/redirect-file"),
    "catalogue behind a redirect inside": lambda a: failures(CswReader(f"{a}/redirect", session())),
    "next page of a feed inside": lambda a: failures(DcatReader(f"{a}/feed", session())),
}


def measure(case: Callable[[str], Any], address: str) -> dict[str, Any]:
    """Run a case in a child process and return its refusal, processor time and memory."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        try:
            case(address)
            refusal = None
        except Exception as error:
            refusal = str(getattr(error, "code", None) or error)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        found = {
            "refusal": refusal,
            "seconds": time.process_time() - begin,
            "megabytes": used / 1024,
        }
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.wait()
    return json.loads(told)


if __name__ == "__main__":
    print(json.dumps({name: measure(case, sys.argv[1]) for name, case in CASES.items()}))
