"""Commands `ckan ecosphere vocabularies`, `export-iso` and `adopt`."""

from __future__ import annotations

from pathlib import Path

import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import adopting
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.public_files import PUBLIC, each_dataset
from ckanext.ecosphere.setup.dialogue import plan_options, proceed, speaking
from ckanext.ecosphere.vocabularies.model import faults, merged

#: Ids of concepts that are listed for each kind of change.
MOST_EXAMPLES = 20


@click.group(short_help="Check and renew the controlled lists.")
def vocabularies() -> None:
    """Check and renew the controlled lists (themes, territories, licences...),
    which are shown on /vocabulaires.
    """


@vocabularies.command()
def check() -> None:
    """Check every vocabulary.
    Exit 1 when one cannot be read or names concepts that do not exist.
    """
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

    It is written to the folder that ecosphere.schemas.vocabularies names, else over the list of the
    installed package, which the next update of the package brings back. Concepts that FILE no
    longer has stay, marked as withdrawn: datasets keep them, forms offer them no more.
    """
    vocabulary = _vocabulary(name)
    try:
        text, outcome = merged(voc.file_of(vocabulary.name), file, voc.normalise)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for change, ids in outcome.items():
        examples = ""
        if ids:
            examples = f" ({', '.join(ids[:MOST_EXAMPLES])})"
        click.echo(f"{change}: {len(ids)}{examples}")
    if not dry_run:
        (voc.folder() / f"{vocabulary.name}.csv").write_text(text, encoding="utf-8")
        click.echo("Written. Restart the portal and rebuild the index.")


@click.command("export-iso", short_help="Write the public datasets as ISO 19139 files.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export_iso(folder: Path) -> None:
    """Write every public dataset as an ISO 19139 file to FOLDER, for a catalogue server such as
    pycsw to load.

    Files of datasets that are no longer public are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for dataset in each_dataset({"fq": PUBLIC}):
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
    """Put contacts, licences and free fields of the datasets that were here before into the terms
    of the schema.

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
