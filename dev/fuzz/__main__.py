"""Fuzz the reader of untrusted files.

    python -m dev.fuzz [--formats kml,gml] [--count 10000] [--seed 1]

Each file is read by the product's own reader, confined as on the portal, while strace writes down
every file that the process opens or tries to open, every socket and every program. Prints a table;
exit code 1 if a file outside of the libraries and the working folder was tried, a socket made, or a
file took more than 10 seconds or 500 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ckanext.ecosphere.shared.confinement import sandbox

from dev.fuzz.child import READY
from dev.fuzz.seeds import mutated, seeds, words
from dev.stack import packages
from dev.stack.shell import columns

SLOWEST_SECONDS, MOST_MEGABYTES = 10.0, 500.0
#: Limits of the portal's defaults, and rows of a preview.
MEMORY_MEGABYTES, SECONDS, ROWS = 700, 20, 1000
ADDRESS = "http://127.0.0.9:9/"
_CALLS = "open,openat,openat2,creat,execve,socket,connect,link,symlink,rename"
_OPENED = re.compile(r'(?:open|openat|openat2|creat)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"')
_FORBIDDEN = re.compile(r"\b(execve|socket|connect)\(")
#: What the C library and the interpreter look for by themselves.
_HARMLESS = (
    *("/dev/null", "/dev/urandom", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat"),
    "/proc/self/cgroup",  # GDAL looks there for the memory that it may use
    *("/sys/devices/system/cpu", "/etc/localtime"),
)


@dataclass
class Result:
    """Result of a format.

    Attributes:
        name: the format.
        ended: exit code of the reader → number of files.
        opened: files and sockets outside, → times.
        seconds: most processor time that a file took.
        megabytes: most memory that a file took.
    """

    name: str
    ended: Counter[int] = field(default_factory=Counter)
    opened: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing was opened and no file took too much."""
        return not self.opened and self.seconds <= SLOWEST_SECONDS and self.megabytes <= MOST_MEGABYTES


def fuzzed(name: str, seed: tuple[str, bytes], count: int, chance: random.Random) -> Result:
    """Read mutated files of a format; return what happened."""
    result = Result(name)
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as inside:
        secret = Path(outside) / "secret.ini"
        secret.write_text("SECRET_KEY = x\n")
        tokens = words(str(secret), ADDRESS)
        log, work = Path(outside) / "strace", Path(inside)
        process = _started(work, log)
        assert process.stdin
        assert process.stdout
        for number in range(count):
            content = mutated(seed[1], chance, tokens) if number else seed[1]
            for path in work.iterdir():  # the folder itself stays: the process is confined to it
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            (work / "in").write_bytes(content)
            process.stdin.write(json.dumps(_job(work, seed[0])) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the reader ended at file {number} of {name}")
            told = json.loads(line)
            result.ended[told["status"]] += 1
            result.seconds = max(result.seconds, told["seconds"])
            result.megabytes = max(result.megabytes, told["megabytes"])
        process.stdin.close()
        process.wait(timeout=60)
        result.opened = outside_of(log, work)
    return result


def _started(work: Path, log: Path) -> subprocess.Popen[str]:
    way = sandbox.way()
    line = sandbox.command(way, work)
    line[-2:] = ["-c", (Path(__file__).parent / "child.py").read_text()]
    watched = ["strace", "-f", "-qq", "-s", "400", "--seccomp-bpf", "-e", f"trace={_CALLS}", "-o", str(log), *line]
    process = subprocess.Popen(
        watched, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=sandbox.environment(), cwd=work,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(json.dumps(sandbox.enclosed(way, work)) + "\n")
    process.stdin.flush()
    return process


def _job(work: Path, name: str) -> dict[str, object]:
    files: dict[str, object] = {"input": str(work / "in"), "output": str(work / "out"), "name": name}
    return files | {"task": "sample", "rows": ROWS, "memory": MEMORY_MEGABYTES, "seconds": SECONDS}


def outside_of(log: Path, work: Path) -> Counter[str]:
    """Return from a log of strace what was tried outside of the files of the process: files,
    sockets, programs.
    """
    libraries = [os.path.realpath(path) for path in sandbox.libraries()]
    allowed = (str(work), *map(str, sandbox.libraries()), *libraries, *_HARMLESS)
    tried: Counter[str] = Counter()
    begun = False
    with log.open(errors="replace") as lines:
        for line in lines:
            opened = _OPENED.search(line)
            path = ""
            if opened:
                path = opened.group(1)
            begun = begun or path == READY
            if not begun:
                continue
            if call := _FORBIDDEN.search(line):
                tried[line[call.start() :].strip()[:100]] += 1
            if path.startswith("/") and not os.path.normpath(path).startswith(allowed):
                tried[path[:100]] += 1
    return tried


def table(results: list[Result]) -> str:
    """Format the results."""
    rows: list[tuple[object, ...]] = [("format", "files", "shown", "refused", "killed", "outside", "s", "MB", "")]
    for result in results:
        killed = sum(number for code, number in result.ended.items() if code < 0)
        refused = sum(number for code, number in result.ended.items() if code > 0)
        outside = "; ".join(f"{times} × {path}" for path, times in result.opened.most_common(5))
        figures = (sum(result.ended.values()), result.ended[0], refused, killed, sum(result.opened.values()))
        verdict = "" if result.good else f"NOT OK {outside}"
        rows.append((result.name, *figures, f"{result.seconds:.1f}", f"{result.megabytes:.0f}", verdict))
    return columns(rows, right=range(1, 8))


def main() -> int:
    """Fuzz the chosen formats and print the table."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--formats", default="")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    packages.require("strace")
    print(f"The reader is confined by {sandbox.way()}.", flush=True)
    known = seeds()
    names = [name for name in chosen.formats.split(",") if name] or list(known)
    results = []
    for name in names:
        results.append(fuzzed(name, known[name], chosen.count, random.Random(f"{chosen.seed} {name}")))
        print(table(results[-1:]).splitlines()[1], flush=True)
    print(table(results))
    return int(not all(result.good for result in results))


if __name__ == "__main__":
    sys.exit(main())
