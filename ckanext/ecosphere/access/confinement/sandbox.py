"""Run the confined process (`reader`) that reads untrusted files, with limits enforced from outside as well."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.confinement import enclosure
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import ASKED, GIVEN, NONE
from ckanext.ecosphere.access.preview.large.ranges import Ranges
from ckanext.ecosphere.shared.http_guard import FetchError, StoppedError

log = logging.getLogger(__name__)

LOWEST_SECONDS = 5
#: Most bytes of the answer of the process that are read.
MOST_ANSWER = 4_000_000


def run(job: dict[str, Any], seconds: int, memory_megabytes: int, ranges: Ranges | None = None) -> dict[str, Any]:
    """Run a job in the confined process; return its facts.

    Args:
        job: the job of `reader`; its files are in one folder.
        seconds: limit of processor time; that of elapsed time is 1.5 times as long, 2.5 times with `ranges`.
        memory_megabytes: address space of the process.
        ranges: reader of a large file whose parts the process may request; its size is added to the job.

    Raises:
        PreviewError: the job failed, or this machine cannot confine the process.
        FetchError: a part of the file could not be fetched.
        StoppedError: the budget for parts of the file is exhausted.
    """
    seconds = max(LOWEST_SECONDS, seconds)
    patience = seconds * (2.5 if ranges else 1.5)
    output = Path(job["output"])
    with _given(ranges) as pipes:
        given = {**job, "seconds": seconds, "memory": memory_megabytes}
        if ranges:
            given["large"] = {"size": ranges.size, "pipes": pipes}
        answer = _answer(given, output.parent, patience, pipes)
        # Before the pipes are closed, since that aborts running requests and may set an error.
        if "error" in answer:
            raise (ranges and ranges.error) or PreviewError(answer["error"])
    if output.is_symlink() or not output.is_file():
        raise PreviewError("unreadable")  # the process may have been taken over: its result is a file, not a link
    return answer["facts"]


def _answer(job: dict[str, Any], folder: Path, seconds: float, pipes: tuple[int, ...]) -> dict[str, Any]:
    way = enclosure.way()
    if not way:
        return {"error": "not-confined"}
    uploaded = Path(job.get("input", ""))
    readable = [uploaded.resolve()] if uploaded.is_symlink() else []
    told = json.dumps({**job, **enclosure.enclosed(way, folder, readable)})
    # Files rather than pipes, since the size of files is limited.
    with tempfile.TemporaryFile(dir=folder) as answered, tempfile.TemporaryFile(dir=folder) as failed:
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                enclosure.command(way, folder, readable),
                input=told.encode(),
                stdout=answered,
                stderr=failed,
                timeout=seconds,
                env=enclosure.environment(),
                cwd=folder,
                check=False,
                start_new_session=True,
                pass_fds=pipes,
            )
        except subprocess.TimeoutExpired:
            return {"error": "too-slow"}
        answered.seek(0)
        failed.seek(0)
        try:
            return json.loads(answered.read(MOST_ANSWER))
        except ValueError:
            reason = failed.read(MOST_ANSWER)[-500:].decode(errors="replace")
            log.warning("The reader of files ended with %s: %s", done.returncode, reason)
            return {"error": "too-complex"}  # killed, mostly because of its limits


@contextmanager
def _given(ranges: Ranges | None) -> Iterator[tuple[int, ...]]:
    """Serve parts of a file to the process; yield its ends of the pipes."""
    if ranges is None:
        yield ()
        return
    (given, give), (hear, asked) = os.pipe(), os.pipe()
    thread = threading.Thread(target=_give, args=(ranges, hear, give), daemon=True)
    try:
        thread.start()
        yield given, asked
    finally:
        os.close(given)
        os.close(asked)
        ranges.stop()
        thread.join()


def _give(ranges: Ranges, hear: int, give: int) -> None:
    """Serve requests until both the process and this one have closed the pipe."""
    with os.fdopen(hear, "rb") as questions, os.fdopen(give, "wb") as answers, suppress(BrokenPipeError):
        while len(asked := questions.read(ASKED.size)) == ASKED.size:
            try:
                part = ranges.read(*ASKED.unpack(asked))
                answers.write(GIVEN.pack(len(part)) + part)
            except (PreviewError, FetchError, StoppedError):  # kept in `ranges.error`
                answers.write(GIVEN.pack(NONE))
            answers.flush()
