"""Memory and processor time of a process and its descendants, read from `/proc`."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants."""
    found = [pid]
    for each in found:
        try:
            found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
        except OSError:
            continue
    return found


def megabytes(pid: int) -> float:
    """Return the resident memory of the largest process of a family, in MiB."""
    sizes = [0.0]
    for each in family(pid):
        try:
            sizes.append(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * _PAGE / 2**20)
        except OSError:
            continue
    return max(sizes)


def seconds(pid: int) -> float:
    """Return the processor time of a family in seconds, ended members included."""
    total = 0
    for each in family(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / _TICKS
