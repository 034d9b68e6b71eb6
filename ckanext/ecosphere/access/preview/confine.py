"""Restrictions of the sandboxed process that reads untrusted files: memory, time, file size, no network."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct

MEGABYTE = 1024 * 1024
#: Number of the system call `socket`, and audit code of the architecture (linux/audit.h), for seccomp.
_SOCKET = {"x86_64": (41, 0xC000003E), "aarch64": (198, 0xC00000B7)}
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def limit(memory_megabytes: int, seconds: int, file_megabytes: int) -> None:
    """Limit address space, processor time and file size of this process; disable core dumps; lower its priority."""
    for what, most in (
        (resource.RLIMIT_AS, memory_megabytes * MEGABYTE),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_megabytes * MEGABYTE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)


def close_network() -> bool:
    """Forbid this process to create sockets (seccomp); return whether this succeeded.

    The network drivers of GDAL are disabled as well (`sandbox.environment`), which is the only protection on
    architectures not supported here.
    """
    known = _SOCKET.get(platform.machine())
    if known is None:
        return False
    number, architecture = known
    steps = (
        (_LOAD, 0, 0, 4),  # architecture
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_LOAD, 0, 0, 0),  # number of the call
        (_JUMP_EQUAL, 0, 1, number),
        (_RETURN, 0, 0, _ERRNO | errno.EACCES),
        (_RETURN, 0, 0, _ALLOW),
    )
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)
