"""The classes of attack: each module has `ATTACK`."""

from __future__ import annotations

from importlib import import_module

from dev.attack.outcome import Attack

#: In the order in which they are carried out: what burdens the portal comes last.
NAMES = (
    "headers",
    "anonymous",
    "horizontal",
    "private",
    "forged",
    "sessions",
    "redirects",
    "mail",
    "formulas",
    "uploads",
    "xss",
    "odd_values",
    "odd_forms",
    "slow_questions",
    "slow_texts",
    "ssrf",
    "sources",
    "brakes",
)


def chosen(names: str) -> list[Attack]:
    """The attacks of these names (commas between them), all when there are none.

    Raises:
        SystemExit: there is no such class.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(NAMES)
    for name in wanted:
        if name not in NAMES:
            raise SystemExit(f"There is no class {name}: choose among {', '.join(NAMES)}.")
    return [import_module(f"{__name__}.{name}").ATTACK for name in wanted]
