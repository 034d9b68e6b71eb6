"""`ckan ecosphere quality …`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import click
from ckan import model

from ckanext.ecosphere.quality import figures, helpers, jobs, links, origins, rdf, rescore, store
from ckanext.ecosphere.quality.logic.action import package_or_not_found

SIGNS = {"pass": "+", "fail": "-", "missing": "-", "na": " ", "unknown": "?"}


@click.group(short_help="Score datasets and look at their quality.")
def quality() -> None:
    """Score datasets and look at their quality."""


def _bar(label: str) -> rescore.Progress:
    def tell(done: int, total: int) -> None:
        click.echo(f"\r{label}: {done}/{total}", nl=done >= total)

    return tell


@quality.command("rescore")
@click.option(
    "--due", is_flag=True, help="Only the datasets whose due date has passed; for a nightly run."
)
@click.option(
    "--background",
    is_flag=True,
    help="Leave it to a background worker; /qualite tells how far it is.",
)
@click.option(
    "--no-index", is_flag=True, help="Do not index again the datasets whose level or score changed."
)
def rescore_command(due: bool, background: bool, no_index: bool) -> None:
    """Score all datasets again, after a change of the weights or of the criteria."""
    if background:
        click.echo(f"Job {jobs.enqueue_rescore(store.count())} on the queue {jobs.QUEUE}.")
        return
    score = rescore.fallen_due if due else rescore.everything
    outcome = score(_bar("Scored"))
    if not no_index:
        rescore.reindex(outcome.changed, _bar("Indexed"))
    click.echo(
        f"{outcome.seen} datasets scored, {len(outcome.changed)} changed, {outcome.pruned} stale rows removed."
    )


@quality.command("links")
@click.option(
    "--limit", default=jobs.LINKS_AT_ONCE, show_default=True, help="Check at most this many links."
)
@click.option(
    "--seconds",
    default=jobs.LINK_RUN_SECONDS,
    show_default=True,
    help="Begin no check after this time.",
)
@click.option(
    "--dataset",
    help="Check all links of this dataset (name or id) now, whether they are due or not.",
)
@click.option(
    "--background", is_flag=True, help="Leave it to a background worker, until nothing is due."
)
def links_command(limit: int, seconds: int, dataset: str | None, background: bool) -> None:
    """Check the links of the resources that are due."""
    if dataset:
        package_id = _package(dataset).id
        if not background:
            jobs.check_links_of(package_id)
        elif not jobs.enqueue_recheck(package_id):
            click.echo("They were checked less than five minutes ago.")
        return
    if background:
        click.echo(f"Job {jobs.enqueue_links()} on the queue {jobs.QUEUE}.")
        return
    total = links.note_all()
    outcome = links.run(links.due(limit), seconds)
    click.echo(
        f"{outcome.checked} of {total} links checked, {outcome.changed} changed, {outcome.datasets} datasets scored."
    )


@quality.command("shacl")
@click.option(
    "--limit",
    default=jobs.SHACL_AT_ONCE,
    show_default=True,
    help="Check at most this many datasets.",
)
@click.option(
    "--again", is_flag=True, help="Give all verdicts up first, after a change of the shapes."
)
@click.option(
    "--background", is_flag=True, help="Leave it to a background worker, until all have a verdict."
)
def shacl_command(limit: int, again: bool, background: bool) -> None:
    """Check the RDF of datasets that have no verdict against the SHACL shapes of DCAT-AP."""
    if again:
        rdf.forget_verdicts()
    if background:
        click.echo(f"Job {jobs.enqueue_shacl()} on the queue {jobs.QUEUE}.")
        return
    checked, good = rdf.run(rdf.waiting(limit))
    click.echo(f"{checked} datasets checked, {good} comply.")


@quality.command("losses")
@click.option(
    "--limit",
    default=jobs.SHACL_AT_ONCE,
    show_default=True,
    help="Read at most this many records.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Give all answers up first, after a change of the rules of the harvest.",
)
def losses_command(limit: int, again: bool) -> None:
    """Trace what harvested datasets fail back to their records: the source's fault, or a loss of this portal."""
    if again:
        origins.forget()
    examined, losing = origins.run(origins.waiting(limit))
    click.echo(f"{examined} records read again, {losing} datasets lose something here.")


@quality.command("nightly")
@click.option(
    "--no-links", is_flag=True, help="Do not check links: nothing outside of the portal is asked."
)
@click.option(
    "--seconds", default=3600, show_default=True, help="Begin no check of a link after this time."
)
@click.option("--background", is_flag=True, help="Leave it to a background worker.")
def nightly_command(no_links: bool, seconds: int, background: bool) -> None:
    """Do all that depends on time: scores, links, DCAT-AP compliance, losses of the harvest. To be run every night."""
    if background:
        click.echo(f"Job {jobs.enqueue_nightly(not no_links)} on the queue {jobs.QUEUE}.")
        return
    failed = False
    for stage in jobs.nightly(links=not no_links, link_seconds=seconds):
        failed |= stage.failed
        tell = tk.error_shout if stage.failed else click.echo
        tell(f"{stage.name}: {stage.told}")
    if failed:
        raise SystemExit(1)


@quality.command("report")
@click.option("--organization", help="Name or id of one organisation.")
def report_command(organization: str | None) -> None:
    """Tell levels, mean score and losses of the harvest, for the portal or for one organisation."""
    result = figures.of(figures.Scope(organization=_organisation_id(organization)))
    summary, losses = result.summary, result.losses
    click.echo(
        f"{summary.datasets} public datasets, mean score {summary.mean}, median {summary.median}"
    )
    for level, number in summary.levels.items():
        click.echo(f"  {helpers.level_label(level):<20} {number:>6}")
    if losses and losses.harvested:
        click.echo(
            f"\n{losses.harvested} harvested, {losses.examined} of their records examined: "
            f"{losses.losing} datasets fail a criterion for a loss of this portal"
        )
        for loss in losses.criteria:
            click.echo(
                f"  {loss.criterion.label:<28} {loss.failing:>6} fail {loss.lost:>6} lost here"
            )


@quality.command("history")
@click.argument("dataset")
def history_command(dataset: str) -> None:
    """Tell the score of DATASET on each day on which it changed."""
    for entry in figures.history_of(_package(dataset).id):
        click.echo(f"{entry.day.isoformat()}  {entry.score:>3}  {helpers.level_label(entry.level)}")


@quality.command("explain")
@click.argument("dataset")
def explain_command(dataset: str) -> None:
    """Tell every criterion of DATASET, its points, and what to do about those that fail."""
    package = _package(dataset)
    context: Any = {"ignore_auth": True, "user": ""}
    result = tk.get_action("ecosphere_quality_show")(context, {"id": package.id, "origins": True})
    click.echo(
        f"{package.name}: {result['score']}/100, {result['level_label']} (weights {result['model_version']})"
    )
    above = result["next_level"]
    if above:
        click.echo(f"{above['level_label']} starts at {above['from']}.")
        for criterion in above["unmet"]:
            click.echo(f" ! {criterion['label']}: {criterion['advice']}")
    place = "source_element" if result["harvested"] else "field"
    for group, criteria in helpers.grouped(result["criteria"]):
        click.echo(f"\n{group}")
        for criterion in criteria:
            _explain_criterion(criterion, place)
    mqa, inspire = result["mqa"], result["inspire"]
    click.echo(f"\nMQA {mqa['total']}/{mqa['maximum']}, {mqa['rating_label']}")
    click.echo(f"INSPIRE {inspire['met']}/{inspire['applicable']}")


def _explain_criterion(criterion: Mapping[str, Any], place: str) -> None:
    state, points = criterion["state"], "-"
    if state in ("pass", "fail", "missing"):
        points = f"{criterion['points_won']}/{criterion['points']}"
    click.echo(f" {SIGNS[state]} {criterion['label']:<28} {points:>6}")
    if state == "fail":
        click.echo(f"     {criterion['advice']} [{criterion[place]}]")
    origin = criterion.get("origin")
    if origin:
        click.echo(f"     {origin['label']}: {origin['sentence']}")


def _package(name: str) -> Any:
    try:
        return package_or_not_found(name)
    except tk.ObjectNotFound:
        tk.error_shout(f"No dataset is called {name}.")
        raise click.Abort() from None


def _organisation_id(name: str | None) -> str | None:
    if name is None:
        return None
    group = model.Group.get(name)
    if group is None or not group.is_organization:
        tk.error_shout(f"No organisation is called {name}.")
        raise click.Abort()
    return group.id
