"""Configuration of a production portal, from the template `data/production.ini` and the portal's
own options.

Its secrets are in a file of their own that gives them to CKAN as variables of the environment: CKAN
replaces `%(CKAN_…)s` in a configuration file by the variable of that name, so the file itself may
be read without harm.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ckan.cli import CKANConfigLoader
from ckan.common import config_declaration
from ckan.config.environment import CONFIG_FROM_ENV_VARS

from ckanext.ecosphere.shared.config import declared

_NAME = re.compile(
    r"(?:secret|secret_?key|private_?key|api_?key|pass|passw(?:or)?d|token|dsn)$", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_VARIABLE = re.compile(r"%\(CKAN_\w+\)s")
#: An option whose value is a key file is no secret (`api_token.jwt.encode.secret = file:/path`).
_KEY_FILE = "file:"
#: Signs that one of the readers does not take as they are: CKAN, systemd or the shell.
_UNREADABLE = re.compile(r"[%'\\\s]")
OWNER_ONLY = 0o600


def is_secret(option: str, value: str) -> bool:
    """Return whether the value of an option must be kept secret,
    by the option's name or a password in a URL.
    """
    if not value or value.startswith(_KEY_FILE) or _VARIABLE.search(value):
        return False
    return bool(_NAME.search(option) or _PASSWORD_IN_URL.search(value))


def is_readable(value: str) -> bool:
    """Return whether CKAN, systemd and a shell read a value alike from an environment file."""
    return not _UNREADABLE.search(value)


def variable(option: str) -> str:
    """Return the name of an option's variable: CKAN's own, where it has one."""
    variable_name = re.sub(r"\W+", "_", option.removeprefix("ckan.")).upper()
    return CONFIG_FROM_ENV_VARS.get(option) or f"CKAN_{variable_name}"


def write_environment(file: Path, values: Mapping[str, str]) -> None:
    """Write an environment file that only its owner can read.

    Args:
        file: path of the file; an existing one is replaced.
        values: secrets by variable.

    Raises:
        OSError: it cannot be written.
    """
    heading = "# Secrets of the portal: for systemd (EnvironmentFile) and the command of root."
    lines = [f"{name}='{value}'" for name, value in values.items()]
    write_anew(file, "\n".join([heading, *lines, ""]), OWNER_ONLY)


def write_anew(file: Path, text: str, mode: int) -> None:
    """Write a file with the given permissions.

    An existing one would keep its own, so it is removed first.
    """
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), mode)  # whatever the umask
        stream.write(text)


def secrets_in(file: Path) -> list[str]:
    """Return the options of a configuration file whose secrets are in the file itself.

    None, if it cannot be read.
    """
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read(file, encoding="utf-8")
        options = parser.items("app:main")
    except (Error, UnicodeDecodeError, OSError):
        return []
    return sorted({option for option, value in options if is_secret(option, value)})


TEMPLATE = Path(__file__).parents[1] / "data" / "production.ini"
PLUGINS = "ckan.plugins"
#: Options with the secrets that sign sessions and tokens, and their least length in characters.
SECRETS = ("SECRET_KEY", "WTF_CSRF_SECRET_KEY")
LEAST_SECRET = 20
#: Options required for a complete portal → their meaning.
TO_FILL = {
    "ckan.site_url": "address of the portal, as people type it",
    "sqlalchemy.url": "address of the database, with its password",
    "solr_url": "address of Solr's core",
    "ckan.redis.url": "address of Redis",
    "ckan.storage_path": "folder of uploaded files",
    "smtp.server": "mail server; without it no e-mail is sent",
    "smtp.mail_from": "sender of e-mails",
    "ecosphere.portal.institution": "name of the institution in the header",
    "ecosphere.portal.contact": "where people write to the portal's team",
    "ecosphere.portal.accessibility_url": "accessibility statement",
    "ecosphere.portal.legal_url": "legal notice",
    "ecosphere.portal.privacy_url": "privacy notice",
    "ecosphere.trusted_proxies": "networks of the reverse proxies",
}
#: Replacements of CKAN's default values.
INSTEAD = {
    ("ckan.site_title", "CKAN"): "Guichet des données",
    ("ckan.site_id", "default"): "guichet",
    ("smtp.server", "localhost"): "",
}
#: Options whose value is the template's, whatever the portal had: debug lets anybody run code.
FIXED = ("debug", PLUGINS)
#: What CKAN adds to the options of a file.
NOT_OPTIONS = ("use", "here", "__file__")
READABLE_BY_GROUP = 0o640
OWN_OPTIONS = "## Options that this portal had already "
_HOLE = re.compile(r"\$\{([^${}]{1,100})\}")
_OPTION = re.compile(r"([\w.]+) =[ ]?(.*)")
_LOGGING = "[loggers]"
_WIDTH = 120


@dataclass
class Written:
    """Result of writing a configuration.

    Attributes:
        missing: options that remain to be filled in, with their meaning.
        kept: options that the portal had already and that the template lacks.
        replaced: options that are set otherwise than before, with the new value.
        variables: secrets by variable, in the file beside.
        in_file: secrets that stay in the configuration, since an environment file cannot hold them.
    """

    missing: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    in_file: list[str] = field(default_factory=list)


def own_options(file: str | Path) -> dict[str, str]:
    """Return the options that a configuration file and those that it uses set,
    defaults of CKAN included.
    """
    options = CKANConfigLoader(str(file)).get_config()
    return {
        name: str(value)
        for name, value in options.items()
        if name not in NOT_OPTIONS and not name.startswith("CKAN_")
    }


def write(file: Path, current: Mapping[str, Any], own: Mapping[str, str]) -> Written:
    """Write the configuration, and the secrets to a file beside it that only its owner can read.

    Args:
        file: path of the configuration; the secrets have the suffix `.env`.
        current: current options.
        own: those of them that the current file sets.

    Raises:
        OSError: a file cannot be written.
    """
    text, result = compose(current, own)
    write_environment(file.with_suffix(".env"), result.variables)
    write_anew(file, text, READABLE_BY_GROUP)
    return result


def compose(current: Mapping[str, Any], own: Mapping[str, str]) -> tuple[str, Written]:
    """Return the text of the configuration, without its secrets, and what became of the options.

    Args:
        current: current options.
        own: those of them that the current file sets.
    """
    result = Written()
    head, logging, tail = TEMPLATE.read_text(encoding="utf-8").partition(_LOGGING)
    lines: list[str] = []
    in_template: set[str] = set()
    for line in head.splitlines():
        match = _OPTION.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        option, template_value = match.groups()
        in_template.add(option)
        value = _value(option, template_value, current, own, result)
        lines.append(_line(option, value, result))
        if option == PLUGINS:
            lines += [f"    {plugin}" for plugin in _own_plugins(head, own, result)]
        if option in TO_FILL and not value:
            result.missing[option] = TO_FILL[option]
    more = {
        option: own[option]
        for option in sorted(own)
        if option not in in_template and not _is_default(option, own)
    }
    if more:
        lines += [OWN_OPTIONS.ljust(_WIDTH, "#"), ""]
        lines += [_line(option, value, result) for option, value in more.items()]
        result.kept += more
        lines.append("")
    return "\n".join(lines) + f"\n{logging}{tail}", result


def _value(
    option: str, template: str, current: Mapping[str, Any], own: Mapping[str, str], result: Written
) -> str:
    """Return the value of an option of the template: the portal's, where it chose one,
    or the template's.
    """
    hole = _HOLE.fullmatch(template)
    if hole:
        return _current(hole[1], current)
    if option in own and option not in FIXED and not _is_default(option, own):
        return own[option]
    # Plugins of the portal's own are not replaced: `_own_plugins` adds them.
    if option != PLUGINS and own.get(option, template) != template:
        result.replaced[option] = template
    return template


def _current(option: str, current: Mapping[str, Any]) -> str:
    value = _secret(option, current) if option in SECRETS else declared(option, None, current)
    if isinstance(value, bool):
        value = str(value).lower()
    plain = " ".join(str(value or "").split())
    return INSTEAD.get((option, plain), plain)


def _own_plugins(template: str, own: Mapping[str, str], result: Written) -> list[str]:
    """Return the portal's own plugins, in their order; before the others, as a theme must be."""
    _before, _option, rest = template.partition(f"{PLUGINS} =")
    listed = rest.partition("\n\n")[0].split()  # up to the next empty line
    plugins = [plugin for plugin in own.get(PLUGINS, "").split() if plugin not in listed]
    result.kept += [f"{PLUGINS}: {plugin}" for plugin in plugins]
    return plugins


def _line(option: str, value: str, result: Written) -> str:
    """Return the line of an option; a secret is replaced by its variable."""
    if is_secret(option, value):
        if is_readable(value):
            name = variable(option)
            result.variables[name] = value
            return f"{option} = %({name})s"
        result.in_file.append(option)
    # CKAN reads indented lines as one value.
    written = value.replace("%", "%%").replace("\n", "\n    ")
    return f"{option} = {written}".rstrip()


def _is_default(option: str, own: Mapping[str, str]) -> bool:
    """Return whether a file sets an option to CKAN's default,
    as generated ones do for each option.
    """
    if option not in config_declaration:
        return False
    declaration: Any = config_declaration
    return own[option].lower().split() == declaration[option].str_value().lower().split()


def _secret(option: str, current: Mapping[str, Any]) -> str:
    """Return the current secret if it is long enough and not made of `SECRET_KEY`, CKAN's fallback.

    Else a new one.
    """
    value = str(declared(option, "", current))
    main = str(current.get(SECRETS[0]) or "")
    derived = option != SECRETS[0] and main != "" and main in value
    if len(value) >= LEAST_SECRET and not derived:
        return value
    return secrets.token_urlsafe(32)
