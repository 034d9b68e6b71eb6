"""Restrictions that the process which reads untrusted files puts on itself before it opens one. No
CKAN imports.

Landlock (Linux 5.13 and later) is used where bubblewrap cannot make namespaces, for instance in
most containers. Its structures and numbers are those of linux/landlock.h and linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import socket
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

MEGABYTE = 1024 * 1024


class FileError(Exception):
    """A file of others cannot be handled.

    Attributes:
        code: key of the sentence of the room that says so: unreadable, too-complex, too-slow,
            not-confined…
        size: size of a file that is too large, in bytes; 0 for other failures, or if it is unknown.
    """

    def __init__(self, code: str, size: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.size = size


#: Most open files, and most processes and threads of the user (in a namespace: of this process).
MOST_FILES, MOST_PROCESSES = 128, 32
#: Ways of confinement, the better one first.
BUBBLEWRAP, LANDLOCK = "bubblewrap", "landlock"


def limit(memory_megabytes: int, seconds: int, file_megabytes: int) -> None:
    """Limit address space, processor time, file size and open files; disable core dumps.

    Lower the priority.
    """
    for what, most in (
        (resource.RLIMIT_AS, memory_megabytes * MEGABYTE),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_megabytes * MEGABYTE),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)


def enclose(way: str, readable: list[str], writable: str) -> None:
    """Give up all files but those named, the network, and other processes.

    Args:
        way: `BUBBLEWRAP`, which has done so already, save for the number of processes; or
            `LANDLOCK`.
        readable: files and folders to read: the libraries.
        writable: the working folder.

    Raises:
        OSError: the kernel refuses.
    """
    if way == BUBBLEWRAP:
        resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))
        return
    restrict_files([Path(path) for path in readable], [Path(writable)])


def leaks(canary: str, port: int) -> list[str]:
    """Return what of the outside this process can still reach, nothing if it is confined.

    Args:
        canary: a file outside of the working folder.
        port: a port of this machine on which somebody listens.
    """
    reached = []
    attempts: list[tuple[str, Any]] = [
        ("file", lambda: Path(canary).read_bytes()),
        ("folder", lambda: list(Path(canary).parent.iterdir())),
        ("writing", lambda: Path(f"{canary}.written").write_bytes(b"")),
        ("network", lambda: socket.create_connection(("127.0.0.1", port), timeout=2)),
    ]
    for name, attempt in attempts:
        try:
            attempt()
        except OSError:
            continue
        reached.append(name)
    return reached


# --- Landlock ---

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 2, 4, 8, 1 << 14
#: ABI → all rights on files that it knows.
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_NEWEST_RIGHTS = (1 << 16) - 1
#: Rights that a rule for a single file may give.
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
_NETWORK, _SCOPES = 3, 3
_WITH_NETWORK, _WITH_SCOPES = 4, 6

#: Architecture → its audit code, and the calls that are refused: those which make sockets,
#: `io_uring`, which could make them too, and `ptrace`. Calls of another architecture (x32 among
#: them) are refused as a whole.
_CALLS = {
    "x86_64": (0xC000003E, {"socket": 41, "socketpair": 53, "ptrace": 101, "io_uring_setup": 425}),
    "aarch64": (
        0xC00000B7,
        {"socket": 198, "socketpair": 199, "ptrace": 117, "io_uring_setup": 425},
    ),
}
_X32 = 0x40000000
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # EACCES
_LOAD, _JUMP_EQUAL, _JUMP_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def landlock_version() -> int:
    """Return the version of Landlock in this kernel, 0 without it."""
    answer = _libc().syscall(_CREATE, None, 0, _VERSION)
    return max(0, answer)


def restrict_files(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Let this process open only what is named, for ever; and make no socket.

    Args:
        readable: files and folders to read, with all that they contain.
        writable: folders to read and write.

    Raises:
        OSError: the kernel refuses.
    """
    libc, abi = _libc(), landlock_version()
    if not abi:
        raise OSError("this kernel has no Landlock")
    rights = _RIGHTS.get(abi, _NEWEST_RIGHTS)
    attributes = struct.pack("<Q", rights)
    if abi >= _WITH_NETWORK:
        attributes += struct.pack("<Q", _NETWORK)
    if abi >= _WITH_SCOPES:
        attributes += struct.pack("<Q", _SCOPES)
    rules = _done(libc.syscall(_CREATE, attributes, len(attributes), 0))
    for path in readable:
        _allow(rules, path, (EXECUTE | READ_FILE | READ_DIR) & rights)
    for path in writable:
        _allow(rules, path, rights & ~EXECUTE)
    _done(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _done(libc.syscall(_RESTRICT, rules, 0))
    os.close(rules)
    _refuse_calls(libc)


def _allow(rules: int, path: Path, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        rule = struct.pack("<Qi", rights, handle)
        _done(_libc().syscall(_ADD, rules, _PATH_BENEATH, rule, 0))
    finally:
        os.close(handle)


def _refuse_calls(libc: ctypes.CDLL) -> None:
    """Refuse the calls that make sockets (seccomp): Landlock knows TCP only,
    and that from version 4.
    """
    known = _CALLS.get(platform.machine())
    if known is None:
        raise OSError(f"no list of system calls for {platform.machine()}")
    architecture, calls = known
    numbers = list(calls.values())
    last = len(numbers) + 1  # jumps are counted from the next instruction
    steps = [
        (_LOAD, 0, 0, 4),  # architecture
        (_JUMP_EQUAL, 0, last + 2, architecture),
        (_LOAD, 0, 0, 0),  # number of the call
        (_JUMP_LEAST, last, 0, _X32),
    ]
    for place, number in enumerate(numbers):
        steps.append((_JUMP_EQUAL, len(numbers) - place, 0, number))
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    _done(libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _done(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


# --- the drivers of GDAL ---

#: Read: the kinds of `kinds.sniff`; written: the formats of extracts.
ALLOWED_DRIVERS = frozenset(
    {
        "ESRI Shapefile", "FlatGeobuf", "GeoJSON", "GML", "GPKG", "KML", "LIBKML", "ODS",
        "TopoJSON", "XLSX",
    }
)  # fmt: skip


@cache
def restrict_drivers() -> None:
    """Take all other drivers out of GDAL before a file is opened, whatever this build brings.

    GDAL is loaded here, not with this module: it takes memory and time, and the portal must not
    load it.

    Raises:
        RuntimeError: some remain.
    """
    import pyogrio
    from pyogrio import _ogr  # pyright: ignore[reportAttributeAccessIssue] - a compiled module

    gdal = ctypes.CDLL(_ogr.__file__)  # whose dependency GDAL is
    gdal.GDALGetDriver.restype = ctypes.c_void_p
    gdal.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
    gdal.GDALGetDriverShortName.restype = ctypes.c_char_p
    gdal.GDALDeregisterDriver.argtypes = [ctypes.c_void_p]
    for place in reversed(range(gdal.GDALGetDriverCount())):
        driver = gdal.GDALGetDriver(place)
        if gdal.GDALGetDriverShortName(driver).decode() not in ALLOWED_DRIVERS:
            gdal.GDALDeregisterDriver(driver)
    remaining = set(pyogrio.list_drivers()) - ALLOWED_DRIVERS
    if remaining:
        names = ", ".join(sorted(remaining))
        raise RuntimeError(f"GDAL keeps the drivers {names}")
