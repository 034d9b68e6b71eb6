"""Processes that run a harvest job and are killed at a given point."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from ckan import model

KILLED = -signal.SIGKILL


def start(function: Callable[[], Any]) -> int:
    """Fork, as CKAN's worker does for each job, and run a function in the child.

    Return its process id.
    """
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
    """Close connections that a fork, or the loss of a service, would break."""
    model.Session.remove()
    assert model.meta.engine is not None
    model.meta.engine.dispose()


def end(pid: int) -> int:
    """Wait for a child process; return its exit code, negative for the signal that killed it."""
    _pid, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def is_over(pid: int) -> bool:
    """Return whether a child process has ended, without reaping it:
    `end` still returns its exit code.
    """
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def die() -> None:
    """Kill this process with SIGKILL, without any clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies(owner: Any, name: str, when: str, call: int = 1) -> None:
    """Make the process die at a call of a function.

    Args:
        owner: module or class that holds the function.
        name: name of the function.
        when: `before` or `after` the call.
        call: number of the call, counted from 1.
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
