"""Which plugins ours need beside them in `ckan.plugins`, and in which order: the table `data/plugin_needs.csv`."""

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
        plugin: the plugin of ours.
        other: the plugin that it needs, or that it stands before.
        required: whether it cannot do without the other.
        before: whether it stands before the other, where that is enabled.
        reason: why.
    """

    plugin: str
    other: str
    required: bool
    before: bool
    reason: str

    def is_missing(self, plugins: list[str]) -> bool:
        """Whether the plugin is there without what it requires."""
        return self.required and self.plugin in plugins and self.other not in plugins

    def is_misplaced(self, plugins: list[str]) -> bool:
        """Whether both are there in the wrong order."""
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
    """Say in one sentence which plugins lack what they require.

    Args:
        plugins: value of `ckan.plugins`.

    Returns:
        the sentence, with the line to write; empty when nothing is missing.
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
    """Say in one sentence which plugins stand in the wrong order.

    Args:
        plugins: value of `ckan.plugins`.

    Returns:
        the sentence, with the line to write; empty when all stand where they should.
    """
    enabled = list(plugins)
    wrong = [need for need in needs() if need.is_misplaced(enabled)]
    if not wrong:
        return ""
    told = "; ".join(f"{need.plugin} must stand before {need.other} ({need.reason})" for need in wrong)
    return f"{told}; write {OPTION} = {' '.join(corrected(enabled))}"


def corrected(plugins: Iterable[str]) -> list[str]:
    """Return the plugins with those that are required, in an order that works, as near as can be to the given one."""
    rest = list(dict.fromkeys(plugins))
    while lacking := [need.other for need in needs() if need.is_missing(rest)]:
        rest += dict.fromkeys(lacking)
    ordered: list[str] = []
    while rest:
        # The table has no circle, so that one of them stands after none of the others.
        first = next(
            name
            for name in rest
            if not any(need.before and need.other == name and need.plugin in rest for need in needs())
        )
        ordered.append(first)
        rest.remove(first)
    return ordered


def required_by(plugins: Iterable[str]) -> set[str]:
    """Name ours among the plugins, and those that they require."""
    ours = {name for name in plugins if name.startswith(PREFIX)}
    return ours | {need.other for need in needs() if need.required and need.plugin in ours}
