"""The classes of attack, in order of execution: those that load the portal most come last.

The docstring of each says what holds if no attempt succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dev.attack import accounts, asking, fairness, files, mails, sources, texts
from dev.attack.stage import Outcome, Stage

Attack = Callable[[Stage], Iterator[Outcome]]
_ATTACKS: tuple[Attack, ...] = (
    *(asking.headers, asking.private, asking.forged, accounts.sessions, asking.redirects, mails.mail),
    *(accounts.tokens, asking.formulas, texts.exports, files.uploads, files.files, texts.xss, texts.odd_forms),
    *(asking.slow_questions, texts.slow_texts, sources.ssrf, sources.sources, accounts.brakes, fairness.fairness),
)
CLASSES: dict[str, Attack] = {attack.__name__: attack for attack in _ATTACKS}


def chosen(names: str) -> dict[str, Attack]:
    """Return the attacks with these comma-separated names, or all of them if none is given.

    Raises:
        SystemExit: a class does not exist.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(CLASSES)
    for name in wanted:
        if name not in CLASSES:
            raise SystemExit(f"There is no class {name}: choose among {', '.join(CLASSES)}.")
    return {name: CLASSES[name] for name in wanted}
