"""Secrets of a configuration, kept in a file of their own that gives them to CKAN as variables of the environment.

CKAN replaces `%(CKAN_…)s` in a configuration file by the variable of that name, so the file itself may be read without
harm: by a person who helps, in a backup, or by whoever makes the portal read a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from pathlib import Path

from ckan.config.environment import CONFIG_FROM_ENV_VARS

_NAME = re.compile(r"(?:secret|secret_?key|private_?key|api_?key|pass|passw(?:or)?d|token|dsn)$", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_VARIABLE = re.compile(r"%\(CKAN_\w+\)s")
#: An option whose value is a key file is no secret (`api_token.jwt.encode.secret = file:/path`).
_KEY_FILE = "file:"
#: Signs that one of the readers does not take as they are: CKAN, systemd or the shell.
_UNREADABLE = re.compile(r"[%'\\\s]")
OWNER_ONLY = 0o600


def is_secret(option: str, value: str) -> bool:
    """Return whether the value of an option must be kept secret, by the option's name or a password in a URL."""
    if not value or value.startswith(_KEY_FILE) or _VARIABLE.search(value):
        return False
    return bool(_NAME.search(option) or _PASSWORD_IN_URL.search(value))


def is_readable(value: str) -> bool:
    """Return whether CKAN, systemd and a shell read a value alike from an environment file."""
    return not _UNREADABLE.search(value)


def variable(option: str) -> str:
    """Return the name of an option's variable: CKAN's own, where it has one."""
    named = re.sub(r"\W+", "_", option.removeprefix("ckan.")).upper()
    return CONFIG_FROM_ENV_VARS.get(option) or f"CKAN_{named}"


def write(file: Path, values: Mapping[str, str]) -> None:
    """Write an environment file that only its owner can read.

    Args:
        file: path of the file; an existing one is replaced.
        values: secrets by variable.

    Raises:
        OSError: it cannot be written.
    """
    lines = [f"{name}='{value}'" for name, value in values.items()]
    text = "\n".join(["# Secrets of the portal: for systemd (EnvironmentFile) and the command of root.", *lines, ""])
    write_anew(file, text, OWNER_ONLY)


def write_anew(file: Path, text: str, mode: int) -> None:
    """Write a file with the given permissions; an existing one would keep its own, so it is removed first."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), mode)  # whatever the umask
        stream.write(text)


def written_in(file: Path) -> list[str]:
    """Return the options of a configuration file whose secrets are in the file itself; none, if it cannot be read."""
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read(file, encoding="utf-8")
        options = parser.items("app:main")
    except (Error, UnicodeDecodeError, OSError):
        return []
    return sorted({option for option, value in options if is_secret(option, value)})
