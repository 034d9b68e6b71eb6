"""The plugin `ecosphere_schemas`: dataset schema, its form, dataset page, and RDF.

It must come before `scheming_datasets` in `ckan.plugins`, since the templates of the first plugin
win.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.types import DataDict

from ckanext.ecosphere.interfaces import (
    MOST_LINES,
    Card,
    Check,
    IEcosphereCommands,
    IEcosphereDashboard,
    IEcosphereSetup,
    InitReport,
    LeavingStep,
    Line,
    Link,
    Person,
)
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.schemas import (
    adopting,
    bulk,
    checks,
    cli,
    helpers,
    hvd,
    indexing,
    leaving,
    public_files,
    views,
)
from ckanext.ecosphere.schemas import config as options
from ckanext.ecosphere.schemas.logic import (
    action,
    auth,
    locked_fields,
    publication,
    translations,
    validators,
)
from ckanext.ecosphere.setup.health import check_networks, check_ports
from ckanext.ecosphere.shared import dates, template_helpers
from ckanext.ecosphere.work.jobs import Job

#: Validators by the names used in `dataset.yaml` and `presets.yaml`; one replaces that of CKAN.
VALIDATORS = {
    name: function
    for name, function in {**vars(publication), **vars(translations), **vars(validators)}.items()
    if name.startswith("ecosphere_") or name == "tag_name_validator"
}


@tk.blanket.actions(action.get_actions)
@tk.blanket.auth_functions(auth.get_auth_functions)
@tk.blanket.blueprints(views.BLUEPRINTS)
@tk.blanket.config_declarations
@tk.blanket.helpers(lambda: {**template_helpers.HELPERS, **helpers.get_helpers()})
@tk.blanket.validators(VALIDATORS)
class EcosphereSchemasPlugin(Room):
    """Dataset schema, vocabularies in forms and pages, RDF profile."""

    p.implements(p.IPackageController, inherit=True)
    p.implements(p.IResourceController, inherit=True)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereDashboard, inherit=True)

    # IConfigurer

    def update_config(self, config: Any) -> None:
        """Set defaults for options of CKAN and other extensions; add templates and assets."""
        super().update_config(config)
        options.set_defaults(config)
        public_files.listen()
        tk.add_template_directory(config, "../templates/schemas")
        tk.add_resource("assets", "ecosphere_schemas")

    # IPackageController

    def before_dataset_search(self, search_params: DataDict) -> DataDict:
        """Break ties in the order by date of change, so that paging returns each dataset once."""
        return indexing.in_one_order(search_params)

    def before_dataset_index(self, dataset: DataDict) -> DataDict:
        """Add what is known of high-value datasets, and adapt all fields to the Solr index."""
        hvd.index(dataset, json.loads(dataset["validated_data_dict"]))
        return indexing.fit_for_solr(dataset)

    def after_dataset_create(self, context: Any, dataset: DataDict) -> None:
        """Mark a dataset of this schema, so that `adopt` skips it; tell people if it is public."""
        adopting.mark_new(dataset)
        publication.tell_published(dataset)

    def after_dataset_update(self, context: Any, dataset: DataDict) -> None:
        """Discard prepared files that may contain a hidden dataset; tell people if it is public.

        CKAN also deletes by updating the state, for example in bulk.
        """
        if tk.asbool(dataset.get("private")) or dataset.get("state") not in (None, "active"):
            public_files.forget()
        publication.tell_published(dataset)

    def after_dataset_delete(self, context: Any, dataset: DataDict) -> None:
        """Discard prepared files, which may contain the deleted dataset."""
        public_files.forget()

    # IResourceController

    def before_resource_update(self, context: Any, current: DataDict, resource: DataDict) -> None:
        """Refuse changes of a locked resource; drop the input that unlocks it, or CKAN keeps it."""
        locked_fields.refuse_resource(current)
        resource.pop(locked_fields.UNLOCK, None)

    # IEcosphereCommands

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Provide `ckan ecosphere vocabularies`, `… export-iso` and `… adopt`."""
        return [cli.vocabularies, cli.export_iso, cli.adopt]

    # IEcosphereSetup

    def ecosphere_init(self, report: InitReport) -> None:
        """Restore the datasets that were prepared for a CKAN without this schema."""
        leaving.restore(report)

    def ecosphere_leave(self, kept: Collection[str]) -> list[LeavingStep]:
        """Prepare the datasets for a CKAN without this schema."""
        return leaving.steps()

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Return the card of unfinished descriptions."""
        try:
            unfinished = person.ask("ecosphere_dataset_unfinished")
        except tk.NotAuthorized:
            return []
        if not unfinished:
            return []
        lines = []
        for dataset in unfinished[:MOST_LINES]:
            note = tk._("begun on {date}").format(date=dates.day(dataset["begun"]))
            lines.append(Line(dataset["title"], tk.url_for("dataset.edit", id=dataset["id"]), note))
        links = [Link(tk._("My datasets"), tk.url_for("dashboard.datasets"))]
        return [
            Card(
                "unfinished",
                tk._("Unfinished descriptions"),
                "pen",
                len(unfinished),
                lines,
                links,
                25,
            )
        ]

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Return links to describe, import and change datasets, for members and sysadmins."""
        if not (person.services or person.sysadmin):
            return []
        return [
            Link(tk._("Describe a dataset"), tk.url_for("dataset.new"), "plus"),
            Link(
                tk._("Start from an address"),
                tk.url_for("ecosphere_schemas.import_record"),
                "file-import",
            ),
            Link(
                tk._("Change many datasets at once"),
                tk.url_for("ecosphere_bulk.edit"),
                "layer-group",
            ),
        ]

    def ecosphere_check(self) -> list[Check]:
        """Check schema, index, period of grace, adoption, and options of imports by the form."""
        purpose = tk._("imports of records")
        return [
            *checks.run(),
            *checks.index(),
            *publication.check_grace(),
            *adopting.check(),
            *check_networks(options.IMPORT_NETWORKS, purpose),
            *check_ports(options.IMPORT_PORTS, purpose),
        ]

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the jobs of unfinished bulk edits."""
        return bulk.unfinished()

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of bulk edits."""
        return [bulk.QUEUE]
