"""Compare what the product makes of known records and datasets with what it made before.

    python -m dev.goldens [--record] [--records ../shared/records]

Three goldens:

- records: each record of the folder, and of the demonstration catalogue → dataset, log of the
  rules, problems, unmapped content;
- scores: each of these datasets → score, level, failed criteria, as of one day;
- exports: each of these datasets → its ISO 19139 record (canonical XML), and what a harvest makes
  of that record.

`kept.csv.gz` holds the place of each value (`records/<record>/dataset/theme`) with a digest: the
records are not the project's own, and their texts stay where they are. Needs no service. Prints the
place of each difference with its present value; to see the value before, run the command of an
older commit with `--show-place`. A difference is signed when `signed.csv` has its place (`*` stands
for any characters) with a reason. Exit code 1 if any is not signed. `--record` stores the present
state, and empties `signed.csv`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Result, normalise
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.core.score import evaluate, load_model
from ckanext.ecosphere.schemas.iso.writer import record as iso_record
from lxml import etree

from dev import demo
from dev.bench import fidelity

#: Day as of which datasets are scored.
AS_OF = date(2026, 11, 26)
KEPT = Path(__file__).parent / "kept.csv.gz"
SIGNED = Path(__file__).parent / "signed.csv"
DIGITS = 10
"""Of a digest."""
LONGEST = 1000
"""Characters of a value that are printed."""
SHOWN = 20
"""Unsigned differences that are printed."""
DEMONSTRATION = 360
"""Records of the demonstration catalogue."""
OWNER = "Service"
Golden = dict[str, Any]


def results(folder: Path) -> Iterator[tuple[str, Result | str]]:
    """Yield the name of each record with its normalised form, or the code of its refusal."""
    for case in fidelity.cases(folder):
        yield f"{case.origin}/{case.name}", case.result or case.refused
    for catalogue, count in demo.shares(DEMONSTRATION).items():
        for stem, xml in demo.records(catalogue, count):
            name = f"demonstration/{catalogue}/{stem}"
            try:
                record = read_record(parse_xml(xml.encode()))
            except RecordError as error:
                yield name, error.code
            else:
                yield name, normalise(record, fidelity.CONTEXT)


def of_record(result: Result) -> Golden:
    """Return what the harvest makes of a record."""
    log = [change.as_dict() for change in result.log]
    problems = [[problem.code, problem.params] for problem in result.problems]
    return {"dataset": result.dataset, "log": log, "problems": problems, "unread": result.unread}


def of_score(made: Result) -> Golden:
    """Return the badge of a dataset and the criteria that it does not meet."""
    evaluation = evaluate(gather(made.dataset), load_model(), AS_OF)
    failed = [result.criterion.id for result in evaluation.results if result.unmet]
    return {"score": evaluation.score, "level": evaluation.level, "failed": failed}


def of_export(result: Result) -> Golden:
    """Return the ISO 19139 record of a dataset, and what a harvest makes of that record."""
    written = iso_record(dict(result.dataset), OWNER)
    again = normalise(read_record(parse_xml(written)), fidelity.CONTEXT)
    canonical = etree.tostring(etree.fromstring(written), method="c14n").decode()
    return {"iso": canonical, "again": again.dataset}


GOLDENS: dict[str, Callable[[Result], Golden]] = {"records": of_record, "scores": of_score, "exports": of_export}


def present(folder: Path) -> dict[str, str]:
    """Return all values as the present code makes them, as JSON, by place."""
    values: dict[str, str] = {}
    for record, result in results(folder):
        if isinstance(result, str):
            values[f"records/{record}"] = json.dumps({"refused": result})
            continue
        for name, of in GOLDENS.items():
            values |= leaves(of(result), f"{name}/{record}")
    return values


def leaves(value: Any, place: str) -> dict[str, str]:
    """Return the parts of an object, and of the objects in it, as JSON by place.

    A list is one part.
    """
    if not isinstance(value, dict):
        return {place: json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)}
    parts: dict[str, str] = {}
    for key, part in value.items():
        parts |= leaves(part, f"{place}/{key}")
    return parts


def digest(text: str) -> str:
    """Return a short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def stored() -> dict[str, str]:
    """Return the digests that were stored, by place."""
    with gzip.open(KEPT, "rt", encoding="utf-8", newline="") as lines:
        return dict(csv.reader(lines))


def store(values: dict[str, str]) -> None:
    """Store the digests of all values; what was signed belongs to the state before."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows((place, digest(value)) for place, value in sorted(values.items()))
    KEPT.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    SIGNED.write_text("place,reason\n", encoding="utf-8")


def reasons() -> dict[str, str]:
    """Return the signed places with their reasons."""
    with SIGNED.open(encoding="utf-8", newline="") as file:
        return {row["place"]: row["reason"] for row in csv.DictReader(file) if row["reason"].strip()}


def main() -> int:
    """Store the goldens, or compare with them; return the exit code."""
    parser = argparse.ArgumentParser(prog="make goldens", description=__doc__)
    parser.add_argument("--record", action="store_true", help="store the present state")
    parser.add_argument("--records", type=Path, default=Path("../shared/records"))
    parser.add_argument("--show-place", default="", help="print the values of these places (*) and stop")
    chosen = parser.parse_args()
    if not chosen.records.is_dir():
        parser.error(f"{chosen.records}: no such folder of records")
    values = present(chosen.records)
    if chosen.show_place:
        show(values, [place for place in values if fnmatchcase(place, chosen.show_place)])
        return 0
    if chosen.record:
        store(values)
        return 0
    digests = {place: digest(value) for place, value in values.items()}
    before = stored()
    different = [place for place in sorted({*before, *digests}) if before.get(place) != digests.get(place)]
    signed = reasons()
    unsigned = list(different)
    for pattern in signed:
        unsigned = [place for place in unsigned if not fnmatchcase(place, pattern)]
    print(f"{len(values)} values: {len(different)} differences, {len(unsigned)} not signed")
    show(values, unsigned[:SHOWN])
    return int(bool(unsigned))


def show(values: dict[str, str], places: list[str]) -> None:
    """Print the present values of some places."""
    for place in places:
        print(f"{place}\n  {values.get(place, 'is gone')[:LONGEST]}")


if __name__ == "__main__":
    sys.exit(main())
