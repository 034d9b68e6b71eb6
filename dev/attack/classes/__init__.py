"""Classes of attack: each module defines `ATTACK`."""

from __future__ import annotations

from importlib import import_module

from dev.attack.outcome import Attack

#: In order of execution: the classes that load the portal most come last.
NAMES = (
    "headers",
    "private",
    "forged",
    "sessions",
    "redirects",
    "mail",
    "tokens",
    "formulas",
    "exports",
    "uploads",
    "files",
    "xss",
    "odd_forms",
    "slow_questions",
    "slow_texts",
    "ssrf",
    "sources",
    "brakes",
    "fairness",
)


def chosen(names: str) -> list[Attack]:
    """Return the attacks with these comma-separated names, or all of them if none is given.

    Raises:
        SystemExit: a class does not exist.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(NAMES)
    for name in wanted:
        if name not in NAMES:
            raise SystemExit(f"There is no class {name}: choose among {', '.join(NAMES)}.")
    return [import_module(f"{__name__}.{name}").ATTACK for name in wanted]
