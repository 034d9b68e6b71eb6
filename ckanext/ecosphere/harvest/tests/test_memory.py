"""Reading any source exceeds its memory limit by 50 MB at most; each case runs in a process of its
own.

The limit is 70 MB below that of a portal, so that each case takes some ten seconds of processor
time: what matters is by how much it is exceeded. 420 MB plus 50 MB, of 1024 × 1024 bytes, are below
the 500 million bytes that a worker must never use.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ckanext.ecosphere.tests.scripted_server import serve

pytestmark = pytest.mark.slow("memory")

ROOT = Path(__file__).parents[4]
BOUND_MB = 350
LIMIT_MB = BOUND_MB + 50
PROGRAM = """
import json, os, sys
from ckanext.ecosphere.harvest.worker import Watch
from ckanext.ecosphere.harvest.tests.test_without_end import bounded

def read(kind, url, megabytes):
    memory = megabytes * 1024 * 1024
    reader = bounded(kind, url, memory=memory)
    ballast = b"x" * (120 * 1024 * 1024)  # a worker with all plugins has more than this process
    with Watch(reader.budget, memory):
        number = sum(len(page) for page in reader.pages())
    with open("/proc/self/status") as status:  # getrusage would count the process that started this one
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    print(json.dumps({"peak": peak, "records": number, "codes": [each.code for each in reader.reading.failures]}))

for line in sys.stdin:  # forked, for that the modules are loaded once
    pid = os.fork()
    if not pid:
        read(*json.loads(line))
        sys.exit()
    if os.waitpid(pid, 0)[1]:
        print("null")
    sys.stdout.flush()
"""


def endless(exchange, begin, chunk):
    exchange.send_response(200)
    exchange.send_header("Content-Type", "text/turtle")
    exchange.end_headers()
    exchange.wfile.write(begin)
    while True:
        exchange.wfile.write(chunk)


def turtle(exchange):
    many = ", ".join(map(str, range(500_000)))
    exchange.answer(f"@prefix : <https://ex.org/> . :a :b {many} .", Content_Type="text/turtle")


def json_ld(exchange):
    body = json.dumps({"@id": "https://ex.org/a", "https://ex.org/b": list(range(2_000_000))})
    exchange.answer(body, Content_Type="application/ld+json")


def lists(exchange):
    exchange.answer('{"data": [' + "[]," * 4_000_000 + "1]}")


def elements(exchange):
    exchange.answer("<r>" + "<a b='c'/>" * 590_000 + "</r>", Content_Type="application/xml")


def listing(exchange):
    links = "".join(f"<a href='{number}'/>" for number in range(600_000))
    exchange.answer("<html><body>" + links, Content_Type="text/html")


CASES = {
    "endless Turtle": (
        "dcat",
        lambda exchange: endless(exchange, b"@prefix : <a:> . :a :b ", b"1, " * 300_000),
        BOUND_MB,
    ),
    "dense Turtle, for a process that is already larger": ("dcat", turtle, 120),
    "dense JSON-LD": ("dcat", json_ld, BOUND_MB),
    "dense JSON": ("udata", lists, BOUND_MB),
    "many elements": ("csw", elements, BOUND_MB),
    "long listing": ("waf", listing, BOUND_MB),
}


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[..., Any]]:
    """Read a source in a process of its own; return its result, None when the process failed."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:

        def ask(*source: Any) -> Any:
            parent.stdin.write(json.dumps(source) + "\n")
            parent.stdin.flush()
            return json.loads(parent.stdout.readline())

        yield ask


@pytest.mark.parametrize("name", CASES)
def test_no_reading_takes_the_memory_of_the_machine(read, name):
    kind, script, bound = CASES[name]
    with serve(script) as server:
        found = read(kind, server.url, bound)
    assert found, "the process failed"
    assert found["peak"] < LIMIT_MB
    assert found["records"] == 0
    assert found["codes"]
    if bound < BOUND_MB:
        assert found["codes"] in (["bound-memory"], ["xml-too-many-elements"])
