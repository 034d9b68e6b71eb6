"""Requirements and order of plugins in `ckan.plugins`, from the table `data/plugin_needs.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "plugin_needs.csv"
OPTION = "ckan.plugins"
PREFIX = "ecosphere"


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
    with FILE.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Need(row["plugin"], row["other"], row["need"] == "required", row["place"] == "before", row["reason"])
            for row in csv.DictReader(stream)
        )


def missing(plugins: Iterable[str]) -> str:
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
    told = "; ".join(
        f"{need.plugin} needs {need.other}{' after it' if need.before else ''} ({need.reason})" for need in lacking
    )
    return f"{told}; write {OPTION} = {' '.join(corrected(enabled))}"


def misplaced(plugins: Iterable[str]) -> str:
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
    told = "; ".join(f"{need.plugin} must stand before {need.other} ({need.reason})" for need in wrong)
    return f"{told}; write {OPTION} = {' '.join(corrected(enabled))}"


def corrected(plugins: Iterable[str]) -> list[str]:
    """Return the plugins and their requirements in a valid order, as close as possible to the given one."""
    rest = list(dict.fromkeys(plugins))
    while lacking := [need.other for need in needs() if need.is_missing(rest)]:
        rest += dict.fromkeys(lacking)
    ordered: list[str] = []
    while rest:
        # The table is acyclic, so at least one of them need not follow any other.
        first = next(
            name
            for name in rest
            if not any(need.before and need.other == name and need.plugin in rest for need in needs())
        )
        ordered.append(first)
        rest.remove(first)
    return ordered


def required_by(plugins: Iterable[str]) -> set[str]:
    """Return the plugins of the suite among the given ones, and their requirements."""
    ours = {name for name in plugins if name.startswith(PREFIX)}
    return ours | {need.other for need in needs() if need.required and need.plugin in ours}
