"""Helpers to run commands, print progress, and fail with one clear sentence."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

DISK_FULL = "the disk is full. Free some space (the stack takes about 2 GB) and start again."

#: Messages of programs on a full disk; the second is PostgreSQL's.
DISK_FULL_CUES = ("No space left on device", "Check free disk space")


class StackError(Exception):
    """Failure that the user can understand and act on; only its message is shown."""


def say(text: str) -> None:
    """Print progress, on standard error since standard output is for results."""
    print(text, file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command to its end and return its standard output.

    Args:
        command: the program and its arguments.
        what: purpose, as it reads after "Could not".
        cwd: working directory.
        env: variables added to the environment.
        timeout: seconds after which it is killed.

    Raises:
        StackError: the command failed; the message has the end of its output.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise StackError(f"Could not {what}: there is no {command[0]}.") from error
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Could not {what}: no end after {timeout:.0f} s.") from error
    if done.returncode:
        output = done.stdout + done.stderr
        if any(cue in output for cue in DISK_FULL_CUES):
            raise StackError(f"Could not {what}: {DISK_FULL}")
        raise StackError(f"Could not {what}:\n{tail(output)}")
    return done.stdout


def tail(text: str, lines: int = 15) -> str:
    """Return the last lines of a text, indented."""
    kept = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"    {line[:300]}" for line in kept)


def columns(rows: Sequence[Sequence[object]], right: Container[int] = ()) -> str:
    """Return rows as lines of a table, the first being its head.

    Args:
        rows: the cells.
        right: positions of the columns that are aligned to the right.
    """
    texts = [list(map(str, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    signs = [">" if position in right else "<" for position in range(len(widths))]
    form = "  ".join(f"{{:{sign}{width}}}" for sign, width in zip(signs, widths, strict=True))
    return "\n".join(form.format(*row).rstrip() for row in texts)


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
