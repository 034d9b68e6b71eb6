"""Figures of each normalisation rule on real records: how often it fired, and how often its result is right.

Part of `make bench-normalise RECORDS=folder`. A rule fires on a record when it logs a decision, reports a problem or
fills a field; its result is right when the dataset has the facts of the record (`fidelity`), for the kinds of facts
that belong to the rule (`rules` in `data/fidelity.yaml`). Made-up and foreign records are excluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ckanext.ecosphere.harvest.normalise import RULES
from ckanext.ecosphere.harvest.normalise.draft import Draft
from dev.bench import fidelity
from dev.bench.fidelity_checks import TABLES

KINDS: dict[str, list[str]] = TABLES["rules"]
"""Rule → kinds of facts that belong to it."""


def figures(folder: Path) -> list[tuple[str, int, int, int, Counter]]:
    """Return for each rule its name, records on which it fired, decisions, problems, and verdicts of its facts."""
    fired: Counter = Counter()
    decided: Counter = Counter()
    problems: Counter = Counter()
    verdicts: dict[str, Counter] = {name: Counter() for name, _rule in RULES}
    with _watched() as seen:
        for case in fidelity.cases(folder):
            if case.result is not None and not case.foreign:
                fired.update({rule for rule, _what in seen})
                problems.update(rule for rule, what in seen if what == "problem")
                decided.update(change.rule for change in case.result.log)
                fidelity.judge(case)
                for rule, kinds in KINDS.items():
                    verdicts[rule].update(verdict for fact, verdict in case.verdicts if fact.kind in kinds)
            seen.clear()
    return [(name, fired[name], decided[name], problems[name], verdicts[name]) for name, _rule in RULES]


@contextmanager
def _watched() -> Iterator[list[tuple[str, str]]]:
    """Record the draft methods that each rule calls, for the duration of the block; yield (rule, method) pairs."""
    seen: list[tuple[str, str]] = []
    originals = {name: getattr(Draft, name) for name in ("set", "change", "problem", "lost")}

    def noting(name: str) -> Callable[..., None]:
        def noted(draft: Draft, *args: Any, **kwargs: Any) -> None:
            if name != "set" or (args[1] if len(args) > 1 else kwargs.get("value")):
                seen.append((draft.rule, name))
            originals[name](draft, *args, **kwargs)

        return noted

    for name in originals:
        setattr(Draft, name, noting(name))
    try:
        yield seen
    finally:
        for name, original in originals.items():
            setattr(Draft, name, original)


def show(folder: Path) -> None:
    """Print the figures, then the rules that never fired."""
    rows = figures(folder)
    print(f"\nRules on the real records of {folder}")
    print(f"{'rule':<26} {'records':>8} {'decisions':>10} {'problems':>9} {'facts':>7} {'right':>8} {'told':>6}")
    for name, fired, decided, problems, verdicts in rows:
        known = verdicts["in"] + verdicts["wrong"] + verdicts["lost"]
        right = f"{100 * verdicts['in'] / known:.1f}%" if known else "–"
        print(f"{name:<26} {fired:>8} {decided:>10} {problems:>9} {known:>7} {right:>8} {verdicts['told']:>6}")
    never = [name for name, fired, *_rest in rows if not fired]
    print(f"Never fired: {', '.join(never) or 'none'}")
