"""The plugin `ecosphere_quality`: metadata quality of each dataset,
public and with advice for its producer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict

from ckanext.ecosphere.interfaces import (
    MOST_LINES,
    Card,
    Check,
    IEcosphereCommands,
    IEcosphereDashboard,
    IEcosphereSetup,
    InitReport,
    Line,
    Link,
    Person,
)
from ckanext.ecosphere.quality import (
    actions,
    auth,
    cli,
    config,
    figures,
    helpers,
    jobs,
    overview,
    setup,
    store,
)
from ckanext.ecosphere.quality.figures import Scope
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.setup.health import check_networks, check_ports
from ckanext.ecosphere.work.jobs import Job

FULL = 100


@tk.blanket.actions(actions.get_actions)
@tk.blanket.auth_functions(auth.get_auth_functions)
@tk.blanket.helpers(
    {name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_quality_")}
)
@tk.blanket.blueprints
@tk.blanket.config_declarations
class EcosphereQualityPlugin(Room):
    """Metadata quality: badge, criteria with advice, facet and sort order."""

    p.implements(p.IConfigurable)
    p.implements(p.IPackageController, inherit=True)
    p.implements(p.IFacets, inherit=True)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereDashboard, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register this room's templates and assets."""
        super().update_config(config)
        tk.add_template_directory(config, "../templates/quality")
        tk.add_resource("../assets/quality", "ecosphere_quality")

    def configure(self, config: Any) -> None:
        """Add the RDF profile of quality, after those of all other plugins.

        Listen to commits for series.
        """
        setup.add_rdf_profile(config)
        store.listen()

    def after_dataset_create(self, context: Context, pkg_dict: DataDict) -> None:
        """Score the new dataset in the transaction that creates it."""
        store.after_save(context, pkg_dict, new=True)

    def after_dataset_update(self, context: Context, pkg_dict: DataDict) -> None:
        """Score the dataset in the transaction that changes it."""
        store.after_save(context, pkg_dict, new=False)

    def after_dataset_delete(self, context: Context, pkg_dict: DataDict) -> None:
        """Schedule the rescoring of the series and members of a deleted dataset."""
        package = model.Package.get(pkg_dict["id"])  # as given by the caller: id or name
        if package:
            store.note_relatives(package.id)

    def before_dataset_index(self, pkg_dict: DataDict) -> DataDict:
        """Add level and score to the document.

        Drop the cached overview if a dataset has become private.
        """
        if pkg_dict.get("capacity") == "private" or pkg_dict.get("private") is True:
            overview.forget(str(pkg_dict["id"]))
        return store.complete_document(
            pkg_dict, lambda: json.loads(pkg_dict["validated_data_dict"])
        )

    def after_dataset_search(self, search_results: DataDict, search_params: DataDict) -> DataDict:
        """Add the badges to the datasets found (one query),
        and the labels of the levels to the facet.
        """
        results = [
            dataset
            for dataset in search_results["results"]
            if isinstance(dataset, dict) and "id" in dataset and "type" in dataset
        ]
        badges = store.badges(results)
        for dataset in results:
            badge = badges.get(dataset["id"])
            if badge:
                dataset[store.LEVEL_FIELD], dataset[store.SCORE_FIELD] = badge.level, badge.score
        facet = search_results.get("search_facets", {}).get(store.LEVEL_FIELD, {})
        for item in facet.get("items", []):
            item["display_name"] = helpers.level_label(item["name"]) or item["name"]
        return search_results

    def dataset_facets(self, facets_dict: DataDict, package_type: str) -> DataDict:
        """Add the facet of levels to the search page."""
        return {**facets_dict, store.LEVEL_FIELD: _("Metadata quality")}

    def organization_facets(
        self, facets_dict: DataDict, organization_type: str, package_type: str | None
    ) -> DataDict:
        """Add the facet of levels to the page of a service."""
        return self.dataset_facets(facets_dict, "dataset")

    def group_facets(
        self, facets_dict: DataDict, group_type: str, package_type: str | None
    ) -> DataDict:
        """Add the facet of levels to the page of a group."""
        return self.dataset_facets(facets_dict, "dataset")

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the command group `ckan ecosphere quality`."""
        return [cli.quality]

    def ecosphere_init(self, report: InitReport) -> None:
        """Queue the scoring of datasets not scored with the current weights."""
        setup.initialise(report)

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Return a card of the lowest-scored datasets of the person's services,
        with the best improvement of each.
        """
        pairs: list[tuple[model.Package, QualityRow]] = []
        ways, count = [], 0
        for service in person.services:
            scope = Scope(service.id, private=True)
            pairs += [pair for pair in figures.worst(scope, MOST_LINES) if pair[1].score < FULL]
            count += figures.number_below(scope, FULL)
            text = _("Quality of {service}").format(service=service.title)
            ways.append(
                Link(
                    text,
                    tk.url_for("ecosphere_quality.dashboard_page", id=service.name),
                    "chart-line",
                )
            )
        if not pairs:
            return []
        pairs.sort(key=lambda pair: pair[1].score)
        lines = [_line(package, row) for package, row in pairs[:MOST_LINES]]
        return [
            Card(
                "to-improve",
                _("Datasets to improve first"),
                "star-half-stroke",
                count,
                lines,
                ways,
                40,
            )
        ]

    def ecosphere_check(self) -> list[Check]:
        """Tell whether every dataset is scored with the weights in force,
        and which networks links may lead to.
        """
        use = _("link checks")
        return [
            *setup.check(),
            *check_networks(config.ALLOWED_NETWORKS, use),
            *check_ports(config.ALLOWED_PORTS, use),
        ]

    def ecosphere_recover(self) -> list[str]:
        """Score and index what a killed process or an emptied queue left undone."""
        return jobs.recover()

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the long runs."""
        return jobs.RUNS

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of this room's background jobs."""
        return [jobs.QUEUE]


def _line(package: model.Package, row: QualityRow) -> Line:
    evaluation = store.quality_of(row).evaluation
    note = _("{score} of 100, {level}").format(
        score=row.score, level=helpers.level_label(row.level)
    )
    best, gain = next(iter(evaluation.advice()), (None, 0))
    if best and gain > 0:
        note += _(": ") + _("{points} more with “{advice}”").format(
            points=gain, advice=_(best.criterion.label)
        )
    return Line(
        package.title or package.name,
        tk.url_for("ecosphere_quality.dataset_page", id=package.name),
        note,
    )
