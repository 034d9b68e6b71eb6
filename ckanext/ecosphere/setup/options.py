"""Options and order of the plugins of a configuration, and the values of options that are wrong.

Numeric and boolean options are derived from each room's `config_declaration.yaml`; other kinds
(file, organisation…) are listed in `data/option_kinds.csv`.
"""

from __future__ import annotations

import csv
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import config_declaration
from ckan.config.declaration.key import Key

from ckanext.ecosphere.shared.language import N_

NEEDS_FILE = Path(__file__).parents[1] / "data" / "plugin_needs.csv"
PLUGINS = "ckan.plugins"
PREFIX = "ecosphere"
HARDENING = "ecosphere_hardening"


@dataclass(frozen=True)
class Need:
    """A row of the table.

    Attributes:
        plugin: the plugin of the suite.
        other: the plugin that it requires, or must precede.
        required: whether it requires the other.
        before: whether it must precede the other, if that is enabled.
        reason: the reason.
    """

    plugin: str
    other: str
    required: bool
    before: bool
    reason: str

    def is_missing(self, plugins: list[str]) -> bool:
        """Return whether the plugin is enabled without its requirement."""
        return self.required and self.plugin in plugins and self.other not in plugins

    def is_misplaced(self, plugins: list[str]) -> bool:
        """Return whether both are enabled in the wrong order."""
        return (
            self.before
            and {self.plugin, self.other} <= set(plugins)
            and plugins.index(self.plugin) > plugins.index(self.other)
        )


@cache
def needs() -> tuple[Need, ...]:
    """Read the table."""
    with NEEDS_FILE.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Need(
                row["plugin"],
                row["other"],
                row["need"] == "required",
                row["place"] == "before",
                row["reason"],
            )
            for row in csv.DictReader(stream)
        )


def missing_plugins(plugins: Iterable[str]) -> str:
    """Describe missing requirements in one sentence.

    Args:
        plugins: value of `ckan.plugins`.

    Returns:
        the sentence, with the corrected line; empty if nothing is missing.
    """
    enabled = list(plugins)
    lacking = [need for need in needs() if need.is_missing(enabled)]
    if not lacking:
        return ""
    sentences = []
    for need in lacking:
        place = " after it" if need.before else ""
        sentences.append(f"{need.plugin} needs {need.other}{place} ({need.reason})")
    return f"{'; '.join(sentences)}; write {PLUGINS} = {' '.join(corrected(enabled))}"


def misplaced_plugins(plugins: Iterable[str]) -> str:
    """Describe plugins in the wrong order in one sentence.

    Args:
        plugins: value of `ckan.plugins`.

    Returns:
        the sentence, with the corrected line; empty if the order is right.
    """
    enabled = list(plugins)
    wrong = [need for need in needs() if need.is_misplaced(enabled)]
    if not wrong:
        return ""
    sentences = "; ".join(
        f"{need.plugin} must stand before {need.other} ({need.reason})" for need in wrong
    )
    return f"{sentences}; write {PLUGINS} = {' '.join(corrected(enabled))}"


def corrected(plugins: Iterable[str]) -> list[str]:
    """Return the plugins and their requirements in a valid order,
    as close as possible to the given one.
    """
    rest = list(dict.fromkeys(plugins))
    while lacking := [need.other for need in needs() if need.is_missing(rest)]:
        rest += dict.fromkeys(lacking)
    ordered: list[str] = []
    while rest:
        following = {need.other for need in needs() if need.before and need.plugin in rest}
        # The table is acyclic, so at least one of them need not follow any other.
        first = next(name for name in rest if name not in following)
        ordered.append(first)
        rest.remove(first)
    return ordered


def required_by(plugins: Iterable[str]) -> set[str]:
    """Return the plugins of the suite among the given ones, and their requirements."""
    ours = {name for name in plugins if name.startswith(PREFIX)}
    return ours | {need.other for need in needs() if need.required and need.plugin in ours}


_ = tk._


KINDS_FILE = Path(__file__).parents[1] / "data" / "option_kinds.csv"
PATTERN = "ecosphere.*"
#: Declared type → conversion, and message for values that cannot be converted.
NUMBERS: dict[str, tuple[Callable[[Any], float], str]] = {
    "int": (int, N_("no whole number")),
    "float": (float, N_("no number")),
}
#: CKAN validator → declared type.
TYPES = {"boolean_validator": "bool", "convert_int": "int", "convert_float": "float"}
TRUTH = ("true", "yes", "on", "y", "t", "1", "false", "no", "off", "n", "f", "0")


@dataclass(frozen=True)
class BadValue:
    """An option with an invalid value.

    Attributes:
        option: its name.
        value: its value.
        problem: what is wrong, in the reader's language.
        remedy: what to write instead.
    """

    option: str
    value: str
    problem: str
    remedy: str

    @property
    def sentence(self) -> str:
        """Return name, value and problem."""
        return f"{self.option} = {self.value}: {self.problem}"


def bad_values(config: Mapping[str, Any]) -> Iterator[BadValue]:
    """Yield the invalid values.

    Args:
        config: CKAN's configuration.
    """
    written = _written(str(config["__file__"])) if "__file__" in config else {}
    yield from not_numbers(config)
    yield from _negative(config)
    for option, declared in _declared():
        if declared != "bool":
            continue
        # CKAN has already converted the value to a boolean, whatever it was.
        text = str(written.get(option, config.get(option))).strip()
        if text and text.lower() not in TRUTH:
            yield BadValue(option, text, _("neither true nor false"), _("Write true or false"))
    for option, kind in _kinds().items():
        if option not in config:
            continue
        text = str(config.get(option) or "").strip()
        if text and (reasons := KINDS[kind](text)):
            yield BadValue(option, text, *reasons)


def not_numbers(config: Mapping[str, Any]) -> Iterator[BadValue]:
    """Yield the numeric options with other values, with which CKAN does not start.

    Args:
        config: CKAN's configuration, possibly with numbers already converted.
    """
    for option, declared in _declared():
        if declared in NUMBERS and option in config:
            kind, problem = NUMBERS[declared]
            try:
                kind(config[option])
            except (TypeError, ValueError):
                yield BadValue(option, str(config[option]), _(problem), _number_remedy(option))


def _negative(config: Mapping[str, Any]) -> Iterator[BadValue]:
    """Yield negative numbers: all numeric options are counts, sizes or durations."""
    for option, declared in _declared():
        if declared not in NUMBERS:
            continue
        value = config.get(option)
        if isinstance(value, int | float) and not value >= 0:  # nor is NaN
            yield BadValue(option, str(value), _("less than zero"), _number_remedy(option))


def _number_remedy(option: str) -> str:
    return _("Write a number from 0 on, such as {example}").format(
        example=config_declaration[Key.from_string(option)].default
    )


def _declared() -> list[tuple[str, str]]:
    """Return the declared options of the suite, with their types."""
    keys = sorted(map(str, config_declaration.iter_options(pattern=PATTERN)))
    return [(key, _type_of(config_declaration[Key.from_string(key)])) for key in keys]


def _type_of(option: Any) -> str:
    """Return the declared type, of which CKAN keeps only the validator."""
    return next((kind for validator, kind in TYPES.items() if validator in option.validators), "")


@cache
def _kinds() -> dict[str, str]:
    with KINDS_FILE.open(encoding="utf-8", newline="") as stream:
        return {row["option"]: row["kind"] for row in csv.DictReader(stream)}


def _written(file: str) -> dict[str, str]:
    """Return the raw options of the configuration file and of those that it uses."""
    merged: dict[str, str] = {}
    read: set[Path] = set()
    path = Path(file)
    while path.is_file() and path not in read:
        read.add(path)
        parser = RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read(path, encoding="utf-8")
            options = dict(parser["app:main"])
        except (Error, KeyError, UnicodeDecodeError):
            break
        merged = {**options, **merged}
        scheme, _colon, following = options.get("use", "").partition(":")
        if scheme != "config":
            break
        path = (path.parent / following).resolve()
    return merged


def _file(text: str) -> tuple[str, str] | None:
    if Path(text).is_file():
        return None
    return _("there is no such file"), _("Name a file that the portal can read, or leave it empty")


def _folder(text: str) -> tuple[str, str] | None:
    if Path(text).is_dir():
        return None
    return _("there is no such folder"), _(
        "Name a folder that the portal can read, or leave it empty"
    )


def _program(text: str) -> tuple[str, str] | None:
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if words and shutil.which(words[0]):
        return None
    return _("there is no such program"), _(
        "Name a program that is installed, with its options, or leave it empty"
    )


def _organisation(text: str) -> tuple[str, str] | None:
    group = model.Group.get(text)
    if group is not None and group.is_organization and group.state == model.State.ACTIVE:
        return None
    return _("there is no such organisation"), _(
        "Write the name of an organisation as its address has it"
    )


def _timezone(text: str) -> tuple[str, str] | None:
    try:
        ZoneInfo(text)
    except (LookupError, OSError, ValueError):
        return _("there is no such time zone"), _("Write for instance Europe/Paris")
    return None


def _address(text: str) -> tuple[str, str] | None:
    if text.startswith(("https://", "http://", "mailto:", "/")) and " " not in text:
        return None
    return _("no address"), _(
        "Begin it with https://, with / for a page of the portal, or with mailto:"
    )


def _fraction(text: str) -> tuple[str, str] | None:
    try:
        if 0 <= float(text) <= 1:
            return None
    except ValueError:
        pass
    return _("no number from 0 to 1"), _("Write for instance 0.1")


#: Kind in the table → function that returns problem and remedy of a value, or None.
KINDS: dict[str, Callable[[str], tuple[str, str] | None]] = {
    "address": _address,
    "file": _file,
    "folder": _folder,
    "fraction": _fraction,
    "organisation": _organisation,
    "program": _program,
    "timezone": _timezone,
}
