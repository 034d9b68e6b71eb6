"""Measure how much of the records' content is in the datasets, reported, silently lost, or wrong.

    make bench-fidelity RECORDS=folder ARGS="--show lost,wrong"

Reads every ISO 19139, ISO 19115-3 and RDF record of a folder, without any service: through the harvest's readers and
rules on one side, through `fidelity_checks` (plain XPath, rdflib) on the other, and compares them fact by fact. A third
of the records (by hash of the name) is held out: rules are written on the others, and figures are printed for both.

in: the fact is in the dataset. told: it is in the log of the rules, the problems or the list of unmapped content.
lost: it is nowhere. wrong: the dataset has another value.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, Result, normalise
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import PageError
from dev.bench import fidelity_checks as checks
from dev.bench.fidelity_checks import Fact
from dev.stack.shell import columns

FALLBACK = "administration-centrale-ou-ministere_172120"
CONTEXT = Context(fallback_organisation=FALLBACK, catalogue_title="Mesure", free_tags=True)
VERDICTS = ("in", "told", "lost", "wrong")
ASIDE = 3
"""One record out of this many is held out."""
LEFT_OUT = {"_reference", "_synthetic-awkward"}
"""Folders without real records."""
WITHOUT_MEANING = {"form"}
"""Kinds about the form of the record, not about the data: see docs/harvest-rules.md."""
SECONDARY = set(checks.TABLES["secondary"])
"""Kinds that may merely be reported; the others should be in the dataset."""
MAX_BYTES = 32 * 1024 * 1024


@dataclass
class Case:
    """A record, its facts, and the result of its normalisation."""

    origin: str
    name: str
    said: list[Fact]
    result: Result | None = None
    refused: str = ""
    verdicts: list[tuple[Fact, str]] = field(default_factory=list)

    foreign: bool = False

    @property
    def aside(self) -> bool:
        """Whether the record is held out."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % ASIDE == 0


# --- reading -------------------------------------------------------------------------------------


def cases(folder: Path) -> Iterator[Case]:
    """Read and normalise every record of a folder; yield them as cases."""
    foreign = _foreign(folder)
    for path in sorted(folder.rglob("*")):
        origin = path.relative_to(folder).parts[0]
        if not path.is_file() or origin in LEFT_OUT or path.suffix in (".csv", ".tsv"):
            continue
        body = path.read_bytes()
        found: Iterator[Case] = iter(())
        if b"MD_Metadata" in body or b"MI_Metadata" in body:
            found = _iso(origin, path.name, body)
        elif b"dcat" in body or b"Dataset" in body:
            found = _rdf(origin, path.name, body)
        for case in found:
            case.foreign = str(path.relative_to(folder)) in foreign
            yield case


def _foreign(folder: Path) -> set[str]:
    """Return the files that INDEX.tsv marks as neither real nor adapted from real ones: made up, or foreign."""
    index = folder / "INDEX.tsv"
    if not index.exists():
        return set()
    with index.open(encoding="utf-8", newline="") as lines:
        return {row["file"] for row in csv.DictReader(lines, delimiter="\t") if not row["kind"].startswith("real")}


def _iso(origin: str, name: str, body: bytes) -> Iterator[Case]:
    try:
        root = parse_xml(body)
    except RecordError as error:
        yield Case(origin, name, [], refused=error.code)
        return
    for number, (element, ours) in enumerate(zip(checks.iso_records(root), records_in(root), strict=True), 1):
        case = Case(origin, f"{name}#{number}", checks.iso_facts(element))
        _make(case, lambda ours=ours: read_record(ours))
        yield case


def _rdf(origin: str, name: str, body: bytes) -> Iterator[Case]:
    kind = "text/turtle" if name.endswith(".ttl") else ""
    for part in re.findall(rb"<rdf:RDF.*?</rdf:RDF>", body, re.DOTALL) if b"SearchResults" in body else [body]:
        try:
            graph = rdf.parse(part, kind, MAX_BYTES, "https://example.org/")
        except PageError as error:
            yield Case(origin, name, [], refused=f"{error.code} {error.params}")
            continue
        found = checks.rdf_subjects(graph)
        read = set(map(str, rdf.datasets(graph)))
        for number, subject in enumerate(found, 1):  # numbered, since blank nodes get another name on each run
            case = Case(origin, f"{name}#{number}", checks.rdf_facts(graph, subject))
            if str(subject) in read:
                _make(case, lambda graph=graph, subject=subject: _read_rdf(graph, subject))
            else:
                case.refused = "not found by the reader"
            yield case
        if not found:
            yield Case(origin, name, [], refused="no dataset")


def _read_rdf(graph: Any, subject: Any) -> Record:
    text = rdf.as_text(rdf.around(graph, subject), subject)
    return read_dataset(*rdf.from_text(text))


def _make(case: Case, read: Any) -> None:
    try:
        case.result = normalise(read(), CONTEXT)
    except RecordError as error:
        case.refused = error.code


def judge(case: Case) -> None:
    """Set the verdict of each fact of a case; all facts of a refused record count as told."""
    if case.result is None:
        case.verdicts = [(fact, "told") for fact in case.said]
        return
    view = checks.View(case.result)
    case.verdicts = [(fact, checks.verdict(fact, view)) for fact in case.said if checks.is_said(fact)]


# --- printing --------------------------------------------------------------------------------------


def table(title: str, found: list[Case], by: Any) -> None:
    """Print the verdicts of some cases, grouped by the key that `by` returns for a case and a fact."""
    counted: dict[str, Counter] = defaultdict(Counter)
    for case in found:
        for fact, found_out in case.verdicts:
            if fact.kind not in WITHOUT_MEANING:
                counted[by(case, fact)][found_out] += 1
                counted["~secondary" if fact.kind in SECONDARY else "~main"][found_out] += 1
                counted["~~all"][found_out] += 1
    rows: list[list[object]] = [["", "facts", *VERDICTS]]
    for name, verdicts in sorted(counted.items()):
        total = sum(verdicts.values())
        shares = (f"{verdicts[verdict]} {100 * verdicts[verdict] / total:5.1f}%" for verdict in VERDICTS)
        rows.append([name.lstrip("~"), total, *shares])
    print(f"\n{title}\n{columns(rows, right=range(1, 6))}")


def main() -> None:
    """Read the records, compare the facts and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", default="wrong,lost", help="verdicts of which each fact is listed")
    parser.add_argument("--paths", action="store_true", help="count what remains by path")
    options = parser.parse_args()
    started = time.perf_counter()
    found = list(cases(options.folder))
    spent = time.perf_counter() - started
    for case in found:
        judge(case)
    for title, part in (("Real French records that rules are written on", False), ("Real ones kept aside", True)):
        mine = [case for case in found if case.aside == part and not case.foreign]
        table(f"{title}: {len(mine)}", mine, lambda _case, fact: fact.kind)
    table("Made up or foreign", [case for case in found if case.foreign], lambda _case, fact: fact.kind)
    table("By origin", found, lambda case, _fact: case.origin)
    refused = [case for case in found if case.result is None]
    print(f"\nRecords refused: {len(refused)} of {len(found)}; read, normalised and compared in {spent:.1f} s")
    for case in refused:
        print(f"  {case.origin}/{case.name}: {case.refused}"[:200])
    print("\nWhat remains")
    shown = [
        (verdict, fact, case)
        for case in found
        for fact, verdict in case.verdicts
        if verdict in options.show.split(",") and fact.kind not in WITHOUT_MEANING
    ]
    if options.paths:
        counted = Counter((verdict, fact.kind, fact.path) for verdict, fact, _case in shown)
        for (verdict, kind, path), count in counted.most_common():
            print(f"  {count:>5} {verdict:<5} {kind:<16} {path[-110:]}")
        return
    for verdict, fact, case in shown:
        print(f"  {verdict:<5} {fact.kind:<14} {case.name[:45]:<45} {fact.path[-70:]}: {fact.value[:120]}")


if __name__ == "__main__":
    main()
