"""A vocabulary's new edition, merged with the present one so that no dataset loses a concept. Pure, no CKAN."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ckanext.ecosphere.vocabularies.reader import BASE_COLUMNS, read_vocabulary

Rows = dict[str, dict[str, str]]


def refreshed(present: Path, edition: Path) -> tuple[str, dict[str, list[str]]]:
    """Return the text of the merged file, and the ids that are "added", "changed", "withdrawn" and "returned".

    Args:
        present: the CSV file in use; its head is kept.
        edition: the new one.

    Raises:
        ValueError: the new file lacks a column, or an id or URI comes twice.
    """
    read_vocabulary(edition)
    head, columns, before = _read(present)
    _head, new_columns, after = _read(edition)
    columns = list(dict.fromkeys([*columns, *new_columns, "withdrawn"]))
    merged = {**after, **{uri: {**row, "withdrawn": "yes"} for uri, row in before.items() if uri not in after}}
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


def _read(path: Path) -> tuple[str, list[str], Rows]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    rows = {row["uri"]: row for row in reader}
    return "".join(line for line in lines if line.startswith("#")), list(reader.fieldnames or ()), rows
