"""Processes that run a job and are killed at a chosen point, as a machine that is switched off kills them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from ckan import model

KILLED = -signal.SIGKILL


def start(function: Callable[[], Any]) -> int:
    """Fork, as CKAN's worker does for each job, and run a function in the child; returns its process id."""
    drop_connections()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    return pid


def drop_connections() -> None:
    """Close what a child, or the end of a service, would break."""
    model.Session.remove()
    assert model.meta.engine is not None
    model.meta.engine.dispose()


def end(pid: int) -> int:
    """Wait for a child; returns its exit code, negative for the signal that killed it."""
    _pid, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def is_over(pid: int) -> bool:
    """Whether a child has ended; `end` still tells how."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def die() -> None:
    """End this process as `kill -9` does: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies(owner: Any, name: str, when: str, call: int = 1) -> None:
    """Have the process die at a call of a function.

    Args:
        owner: module or class that has the function.
        name: its name.
        when: `before` or `after` the call.
        call: at which call, counted from 1.
    """
    original, calls = owner.__dict__[name], 0

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "before" and calls == call:
            die()
        result = plain(*args, **kwargs)
        if when == "after" and calls == call:
            die()
        return result

    is_static = isinstance(original, staticmethod)
    plain = original.__func__ if is_static else original
    setattr(owner, name, staticmethod(deadly) if is_static else deadly)
