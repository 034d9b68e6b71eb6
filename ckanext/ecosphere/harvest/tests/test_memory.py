"""However a source is made, a reading takes at most 50 MB more than its bound; each case is a process of its own.

The bound is 100 MB below that of a portal, so that each case takes some ten seconds of processor time: what counts is
by how much it is exceeded, and 450 MB with 50 MB more are the 500 MB that a worker never takes.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ckanext.ecosphere.tests.scripted_server import serve

ROOT = Path(__file__).parents[4]
BOUND_MB = 350
LIMIT_MB = BOUND_MB + 50
PROGRAM = """
import json, sys
from ckanext.ecosphere.harvest.pipeline.watch import Watch
from ckanext.ecosphere.harvest.tests.test_without_end import bounded
kind, url, memory = sys.argv[1], sys.argv[2], int(sys.argv[3]) * 1024 * 1024
reader = bounded(kind, url, memory=memory)
ballast = b"x" * (120 * 1024 * 1024)  # a worker with all plugins has more than this process
with Watch(reader.budget, memory):
    number = sum(len(page.records) for page in reader.pages())
with open("/proc/self/status") as status:  # getrusage would count the process that started this one
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
print(json.dumps({"peak": peak, "records": number, "codes": [failure.code for failure in reader.reading.failures]}))
"""
MEGABYTE = 1024 * 1024


def endless(exchange, begin, chunk):
    exchange.send_response(200)
    exchange.send_header("Content-Type", "text/turtle")
    exchange.end_headers()
    exchange.wfile.write(begin)
    while True:
        exchange.wfile.write(chunk)


def turtle(exchange):
    many = ", ".join(map(str, range(2_000_000)))
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
    "endless Turtle": ("dcat", lambda exchange: endless(exchange, b"@prefix : <a:> . :a :b ", b"1, " * 10_000)),
    "dense Turtle": ("dcat", turtle),
    "dense JSON-LD": ("dcat", json_ld),
    "dense JSON": ("udata", lists),
    "many elements": ("csw", elements),
    "long listing": ("waf", listing),
}


@pytest.mark.parametrize("name", CASES)
def test_no_reading_takes_the_memory_of_the_machine(name):
    kind, script = CASES[name]
    with serve(script) as server:
        command = [sys.executable, "-c", PROGRAM, kind, server.url, str(BOUND_MB)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    found = json.loads(done.stdout)
    assert found["peak"] < LIMIT_MB
    assert found["records"] == 0
    assert found["codes"]


def test_reading_that_would_take_too_much_is_stopped_and_says_so():
    with serve(turtle) as server:
        command = [sys.executable, "-c", PROGRAM, "dcat", server.url, "120"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    found = json.loads(done.stdout)
    assert found["codes"] in (["bound-memory"], ["xml-too-many-elements"])
    assert found["peak"] < LIMIT_MB
