"""Producers, territories and themes deduced from whole records, compared with those of a person: see `normalise`.

The judged records are in `judged_deductions.csv`; those held out were judged before their results were seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Result
from ckanext.ecosphere.shared.contact_details import makers
from ckanext.ecosphere.vocabularies import normalise
from dev.bench import fidelity
from dev.bench import normalise_judged as judged
from dev.bench.normalise_judged import Case

SUBJECTS = ("producer", "territory", "theme")
TARGET = 95.0
"""Percentage of the records that should be right, for each subject."""
_VOCABULARIES = {"territory": "territories", "theme": "themes"}


def cases(folder: Path) -> dict[str, list[Case]]:
    """Return the judged records of a folder with their results, by subject."""
    results = dict(_results(folder))
    found: dict[str, list[Case]] = {subject: [] for subject in SUBJECTS}
    for row in judged.rows("judged_deductions"):
        if result := results.get(row["record"]):
            found["producer"].append(_producer(row, result))
            found["territory"].append(_concepts(row, result, "territory", "territories"))
            found["theme"].append(_concepts(row, result, "theme", "themes"))
    return found


def _results(folder: Path) -> Iterator[tuple[str, Result]]:
    """Yield name and result of each record; the second one of a name is numbered."""
    seen: Counter = Counter()
    for case in fidelity.cases(folder):
        name = f"{case.origin}/{case.name}"
        seen[name] += 1
        if case.result is not None:
            yield f"{name}/{seen[name]}" if seen[name] > 1 else name, case.result


def _producer(row: dict[str, str], result: Result) -> Case:
    """Compare the first producer that the page of the dataset names."""
    service = voc.get("organisations").get(result.organisation or "")
    owner = {"name": result.organisation, "title": service.label_fr if service else ""}
    named = makers.of({**result.dataset, "source_catalogue": "x", "organization": owner}).names[:1]
    accepted = frozenset(map(normalise, filter(None, row["producer"].split("|"))))
    given = {normalise(name): "producer" for name in named}
    must = frozenset(given) & accepted or frozenset(list(accepted)[:1])
    return Case(row["record"], row["aside"] == "yes", "records", must, accepted, given)


def _concepts(row: dict[str, str], result: Result, field: str, column: str) -> Case:
    vocabulary = voc.get(_VOCABULARIES[field])
    given = {vocabulary[uri].id: field for uri in result.dataset.get(field, [])}
    must, also = (frozenset(filter(None, row[name].split("|"))) for name in (column, f"also_{column}"))

    def above(key: str) -> set[str]:
        return {ancestor.id for ancestor in vocabulary.ancestors(vocabulary[key].uri)}

    return Case(row["record"], row["aside"] == "yes", "records", must, must | also, given, above)


def is_right(case: Case) -> bool:
    """Tell whether no value of a case is wrong and none is missing."""
    return case.given.keys() <= case.right and not case.missing


def show(folder: Path, show_wrong: bool) -> None:
    """Print the share of records that are right, by subject and part."""
    print(f"\nDeductions from whole records\n{'':<12} {'held out':>18} {'all':>18}   target {TARGET:.0f} %")
    found = cases(folder)
    for subject, own in found.items():
        aside = [case for case in own if case.aside]
        print(f"{subject:<12} {_share(aside):>18} {_share(own):>18}")
    for subject, own in found.items() if show_wrong else ():
        for case in own:
            if not is_right(case):
                told: Any = sorted(case.given)
                print(f"  {subject:<9} {case.title[-60:]:<60} {told} instead of {sorted(case.must)}")


def _share(own: list[Case]) -> str:
    right = sum(map(is_right, own))
    return f"{right} of {len(own)} {100 * right / max(len(own), 1):.1f}%"
