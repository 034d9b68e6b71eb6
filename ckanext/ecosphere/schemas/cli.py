"""Commands `ckan ecosphere vocabularies`, `export-iso` and `adopt`."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from pathlib import Path

import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import adopting
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.public_files import each_dataset
from ckanext.ecosphere.setup.dialogue import plan_options, proceed, speaking
from ckanext.ecosphere.vocabularies.model import BASE_COLUMNS, read_rows, read_vocabulary


@click.group(short_help="Check and renew the controlled lists.")
def vocabularies() -> None:
    """Check and renew the controlled lists (themes, territories, licences...), which are shown on /vocabulaires."""


@vocabularies.command()
def check() -> None:
    """Check every vocabulary; exit 1 when one cannot be read or names concepts that do not exist."""
    count = 0
    for name in voc.names():
        try:
            problems = faults(voc.get(name))
        except (KeyError, ValueError) as error:
            problems = [str(error)]
        count += len(problems)
        for problem in problems:
            click.echo(f"{name}: {problem}", err=True)
    if count:
        raise SystemExit(1)
    click.echo(f"{len(voc.names())} vocabularies, no fault")


@vocabularies.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Tell what would change, and write nothing.")
def refresh(name: str, file: Path, dry_run: bool) -> None:
    """Replace the vocabulary NAME by the CSV FILE, in the layout of the present one.

    It is written to the folder that ecosphere.schemas.vocabularies names, else over the list of the installed package,
    which the next update of the package brings back. Concepts that FILE no longer has stay, marked as withdrawn:
    datasets keep them, forms offer them no more.
    """
    vocabulary = _vocabulary(name)
    try:
        text, outcome = refreshed(voc.file_of(vocabulary.name), file)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for word, ids in outcome.items():
        examples = f" ({', '.join(ids[:20])})" if ids else ""
        click.echo(f"{word}: {len(ids)}{examples}")
    if not dry_run:
        (voc.folder() / f"{vocabulary.name}.csv").write_text(text, encoding="utf-8")
        click.echo("Written. Restart the portal and rebuild the index.")


@click.command("export-iso", short_help="Write the public datasets as ISO 19139 files.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export_iso(folder: Path) -> None:
    """Write every public dataset as an ISO 19139 file to FOLDER, for a catalogue server such as pycsw to load.

    Files of datasets that are no longer public are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for dataset in each_dataset({"fq": "+dataset_type:dataset +capacity:public"}):
        file = folder / f"{dataset['id']}.xml"
        file.write_bytes(writer.record_of(dataset))
        written.add(file.name)
    for old in folder.glob("*.xml"):
        if old.name not in written:
            old.unlink()
    click.echo(f"{len(written)} records")


@click.command("adopt", short_help="Take over a catalogue that existed before the plugins.")
@plan_options
@speaking
def adopt(yes: bool, dry_run: bool) -> None:
    """Put contacts, licences and free fields of the datasets that were here before into the terms of the schema.

    Shows what would be done, and asks. May be run again: a dataset is adopted once.
    """
    plan = adopting.plan()
    if not plan.datasets:
        click.echo(tk._("No dataset was here before the schema: there is nothing to adopt."))
        return
    if proceed(plan.sentences(), yes=yes, dry_run=dry_run):
        number = adopting.run(plan)
        message = tk.ungettext("{number} dataset changed", "{number} datasets changed", number)
        click.echo(message.format(number=number))


def _vocabulary(name: str) -> voc.Vocabulary:
    try:
        return voc.get(name)
    except KeyError as error:
        raise click.BadParameter(f"{name} is none of: {', '.join(voc.names())}") from error


# --- a new edition of a vocabulary, in which removed concepts stay as withdrawn ---

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
    removed = [row for uri, row in before.items() if uri not in after]
    outcome = {
        "added": [row["id"] for uri, row in after.items() if uri not in before],
        "changed": [after[uri]["id"] for uri in common if _differ(after[uri], before[uri])],
        "withdrawn": [row["id"] for row in removed if row.get("withdrawn") != "yes"],
        "returned": [after[uri]["id"] for uri in common if before[uri].get("withdrawn") == "yes"],
    }
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged.values())
    return head + buffer.getvalue(), outcome


def _differ(row: dict[str, str], other: dict[str, str]) -> bool:
    return any(row.get(column) != other.get(column) for column in BASE_COLUMNS)


def faults(vocabulary: voc.Vocabulary) -> list[str]:
    """Return the faults found: missing or duplicate labels, missing or circular broader concepts."""
    sentences = []
    labels: Counter[str] = Counter()
    for concept in vocabulary:
        if not (concept.label_fr and concept.label_en):
            sentences.append(f"{concept.id} has no label in both languages")
        if concept.broader and concept.broader not in vocabulary:
            sentences.append(f"{concept.id} is below {concept.broader}, which is missing")
        elif _in_a_circle(vocabulary, concept):
            sentences.append(f"{concept.id} is below itself")
        if not concept.data.get("withdrawn"):
            labels[voc.normalise(concept.label_fr)] += 1
    repeated = [label for label, count in labels.items() if label and count > 1]
    return sentences + [f"several concepts are called {label}" for label in repeated]


def _in_a_circle(vocabulary: voc.Vocabulary, concept: voc.Concept) -> bool:
    above = vocabulary.get(concept.broader or "")
    for _step in range(len(vocabulary)):
        if above is None or above is concept:
            break
        above = vocabulary.get(above.broader or "")
    return above is concept


def _withdrawn(before: Rows, after: Rows) -> Rows:
    """Return the removed rows, marked as withdrawn; a row whose id is now used by another concept gets a new id."""
    removed = {uri: row for uri, row in before.items() if uri not in after}
    new_ids = {row["id"] for row in after.values()}
    used_ids = new_ids | {row["id"] for row in removed.values()}
    withdrawn = {}
    for uri, row in removed.items():
        own = row["id"]
        if own in new_ids:
            free = (f"{row['id']}-{number}" for number in itertools.count(1))
            own = next(id_ for id_ in free if id_ not in used_ids)
            used_ids.add(own)
        withdrawn[uri] = {**row, "id": own, "withdrawn": "yes"}
    return withdrawn


def _read(path: Path) -> tuple[str, list[str], Rows]:
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    head = "".join(line for line in lines if line.startswith("#"))
    columns, rows = read_rows(path)
    return head, columns, {row["uri"]: row for row in rows}
