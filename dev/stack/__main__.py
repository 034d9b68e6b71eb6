"""Commands of the embedded stack; `make help` lists them."""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable

from . import demo, install, services, testing
from .settings import LOCAL, ROOT, VENV, forget_ckan_variables, kept_bytecode
from .shell import DISK_FULL, StackError, say


def clean() -> None:
    """Stop everything and remove all files of the stack."""
    services.stop()
    for folder in (LOCAL, VENV, ROOT / "ckanext_ecosphere.egg-info"):
        shutil.rmtree(folder, ignore_errors=True)


#: Command → function called with the remaining arguments; if it returns an integer, that is the
#: exit code.
COMMANDS: dict[str, Callable[[list[str]], int | object]] = {
    "setup": lambda _: install.setup(),
    "demo": lambda _: demo.run(),
    "up": lambda _: services.up() and None,
    "stop": lambda _: services.stop(),
    "status": lambda _: services.status(),
    "env": lambda _: testing.environment(),
    "test": testing.test,
    "test-fast": testing.test_fast,
    "test-all": testing.test_all,
    "federation": lambda _: testing.federation(),
    "lint": lambda _: testing.lint(),
    "lock": lambda _: install.lock(),
    "clean": lambda _: clean(),
}


def main() -> int:
    """Run one command; failures give one clear sentence and exit code 1."""
    # SIGTERM, like Ctrl-C, stops what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python3 -m dev.stack", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    chosen, rest = parser.parse_known_args()
    forget_ckan_variables()
    os.environ.update(kept_bytecode())
    try:
        code = COMMANDS[chosen.command](rest)
    except StackError as error:
        say(f"\nError: {error}")
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        say(f"\nError: {DISK_FULL}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 130
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
