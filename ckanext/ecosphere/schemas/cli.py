"""Commands `ckan ecosphere vocabularies`, `export-iso` and `adopt`."""

from __future__ import annotations

from pathlib import Path

import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import iso_record
from ckanext.ecosphere.schemas.catalogue import adopting
from ckanext.ecosphere.schemas.catalogue.public_files import each_dataset
from ckanext.ecosphere.schemas.rdf.skos import turtle
from ckanext.ecosphere.schemas.vocabulary_update import faults, refreshed
from ckanext.ecosphere.setup.dialogue import plan_options, proceed, speaking


@click.group(short_help="Look at the controlled lists.")
def vocabularies() -> None:
    """Look at the controlled lists (themes, territories, licences...)."""


@vocabularies.command("list")
def list_() -> None:
    """List the vocabularies with their number of concepts."""
    for name in voc.names():
        click.echo(f"{name:24} {len(voc.get(name)):5}")


@vocabularies.command()
@click.argument("name")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", help="Language of the labels.")
@click.option("--skos", is_flag=True, help="Write the whole vocabulary as SKOS, in Turtle.")
def show(name: str, lang: str, skos: bool) -> None:
    """Show the concepts of the vocabulary NAME."""
    vocabulary = _vocabulary(name)
    if skos:
        click.echo(turtle(vocabulary))
        return
    for concept in vocabulary:
        depth = len(vocabulary.ancestors(concept.uri))
        click.echo(f"{'  ' * depth}{concept.label(lang)}  [{concept.id}]  {concept.uri}")


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
        click.echo(f"{word}: {len(ids)}{' (' + ', '.join(ids[:20]) + ')' if ids else ''}")
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
        file.write_bytes(iso_record.of(dataset))
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
    found = adopting.plan()
    if not found.datasets:
        click.echo(tk._("No dataset was here before the schema: there is nothing to adopt."))
        return
    if proceed(found.sentences(), yes=yes, dry_run=dry_run):
        number = adopting.run(found)
        message = tk.ungettext("{number} dataset changed", "{number} datasets changed", number)
        click.echo(message.format(number=number))


def _vocabulary(name: str) -> voc.Vocabulary:
    try:
        return voc.get(name)
    except KeyError as error:
        raise click.BadParameter(f"{name} is none of: {', '.join(voc.names())}") from error
