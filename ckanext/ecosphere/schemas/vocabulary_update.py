"""Merge a new edition of a vocabulary with the current one, keeping removed concepts as withdrawn. No CKAN imports."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies.model import BASE_COLUMNS, read_rows, read_vocabulary

Rows = dict[str, dict[str, str]]
MOST_TOLD = 10


def refreshed(present: Path, edition: Path) -> tuple[str, dict[str, list[str]]]:
    """Return the merged CSV text, and the ids of concepts "added", "changed", "withdrawn" and "returned".

    Args:
        present: the CSV file in use; its comment header is kept.
        edition: the new CSV file.

    Raises:
        ValueError: the new file cannot be read, is empty, or has one of the :func:`faults`.
    """
    if not read_vocabulary(edition):
        raise ValueError(f"{edition.name}: it has no concept")
    head, columns, before = _read(present)
    _head, new_columns, after = _read(edition)
    wrong = faults(voc.Vocabulary(present.stem, read_vocabulary(edition), voc.normalise))
    if wrong:
        raise ValueError(f"{edition.name}: " + "; ".join(wrong[:MOST_TOLD]))
    columns = list(dict.fromkeys([*columns, *new_columns, "withdrawn"]))
    merged = {**after, **_withdrawn(before, after)}
    common = [uri for uri in after if uri in before]
    outcome = {
        "added": [after[uri]["id"] for uri in after if uri not in before],
        "changed": [after[u]["id"] for u in common if any(after[u].get(c) != before[u].get(c) for c in BASE_COLUMNS)],
        "withdrawn": [r["id"] for u, r in before.items() if u not in after and r.get("withdrawn") != "yes"],
        "returned": [after[uri]["id"] for uri in common if before[uri].get("withdrawn") == "yes"],
    }
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged.values())
    return head + buffer.getvalue(), outcome


def faults(vocabulary: voc.Vocabulary) -> list[str]:
    """Return the faults found: missing or duplicate labels, missing or circular broader concepts."""
    told = [f"{c.id} has no label in both languages" for c in vocabulary if not (c.label_fr and c.label_en)]
    for concept in vocabulary:
        if concept.broader and concept.broader not in vocabulary:
            told.append(f"{concept.id} is below {concept.broader}, which is missing")
        elif _in_a_circle(vocabulary, concept):
            told.append(f"{concept.id} is below itself")
    labels = Counter(voc.normalise(c.label_fr) for c in vocabulary if not c.data.get("withdrawn"))
    return told + [f"several concepts are called {label}" for label, count in labels.items() if count > 1 and label]


def _in_a_circle(vocabulary: voc.Vocabulary, concept: voc.Concept) -> bool:
    above = concept.broader
    for _step in range(len(vocabulary)):
        found = vocabulary.get(above) if above else None
        if found is None or found is concept:
            return found is concept
        above = found.broader
    return False


def _withdrawn(before: Rows, after: Rows) -> Rows:
    """Return the removed rows, marked as withdrawn; a row whose id is now used by another concept gets a new id."""
    taken = {row["id"] for row in after.values()} | {row["id"] for uri, row in before.items() if uri not in after}
    gone = {}
    for uri, row in before.items():
        if uri in after:
            continue
        own, number = row["id"], 1
        if any(row["id"] == other["id"] for other in after.values()):
            while own in taken:
                own, number = f"{row['id']}-{number}", number + 1
            taken.add(own)
        gone[uri] = {**row, "id": own, "withdrawn": "yes"}
    return gone


def _read(path: Path) -> tuple[str, list[str], Rows]:
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    columns, rows = read_rows(path)
    return "".join(line for line in lines if line.startswith("#")), columns, {row["uri"]: row for row in rows}
