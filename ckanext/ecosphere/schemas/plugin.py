"""`ecosphere_schemas`: what a dataset is, its form, its page and its RDF.

Must stand before `scheming_datasets` in `ckan.plugins`: the templates of the plugin that comes first win.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere.core import markdown
from ckanext.ecosphere.interfaces import (
    Card,
    Check,
    IEcosphereCommands,
    IEcosphereDashboard,
    IEcosphereSetup,
    InitReport,
    LeavingStep,
    Link,
    Person,
)
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.schemas import checks, cli, config, dashboard, defaults, helpers, indexing, unsaved_forms, views
from ckanext.ecosphere.schemas.bulk import runs
from ckanext.ecosphere.schemas.bulk import views as bulk_views
from ckanext.ecosphere.schemas.catalogue import adopting, leaving, public_files, returning
from ckanext.ecosphere.schemas.fields import formats
from ckanext.ecosphere.schemas.logic import (
    action,
    auth,
    bounds,
    cross_field,
    free_fields,
    grace,
    locked_fields,
    numbers,
    translations,
    validators,
)
from ckanext.ecosphere.schemas.page import helpers as page_helpers
from ckanext.ecosphere.schemas.page import views as page_views
from ckanext.ecosphere.setup.network_checks import check_networks, check_ports
from ckanext.ecosphere.shared import template_helpers

#: By name, as `dataset.yaml` and `presets.yaml` call them.
VALIDATORS = {
    name: function
    for module in (bounds, cross_field, formats, numbers, translations, validators)
    for name, function in vars(module).items()
    if name.startswith("ecosphere_")
} | {
    "tag_name_validator": validators.tag_name_validator,
    "extra_key_not_in_root_schema": free_fields.extra_key_not_in_root_schema,
}


@tk.blanket.actions(action.get_actions)
@tk.blanket.auth_functions(auth.get_auth_functions)
@tk.blanket.blueprints([views.schemas, page_views.page, bulk_views.bulk, unsaved_forms.forms])
@tk.blanket.config_declarations
@tk.blanket.helpers(
    lambda: {**markdown.HELPERS, **template_helpers.HELPERS, **page_helpers.HELPERS, **helpers.get_helpers()}
)
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
        """Give ckanext-dcat and CKAN what the administrator has not set; add templates and assets."""
        super().update_config(config)
        defaults.apply(config)
        public_files.listen()
        tk.add_template_directory(config, "../templates/schemas")
        tk.add_resource("assets", "ecosphere_schemas")

    # IPackageController

    def before_dataset_search(self, search_params: dict[str, Any]) -> dict[str, Any]:
        """Let who reads page after page meet each dataset once."""
        return indexing.in_one_order(search_params)

    def before_dataset_index(self, dataset: dict[str, Any]) -> dict[str, Any]:
        """Keep from Solr what its plain string fields cannot hold."""
        return indexing.fit_for_solr(dataset)

    def after_dataset_create(self, context: Any, dataset: dict[str, Any]) -> None:
        """Mark what was made under this schema: there is nothing to adopt in it."""
        adopting.mark_new(dataset)

    def after_dataset_update(self, context: Any, dataset: dict[str, Any]) -> None:
        """Give no prepared file that may hold a dataset which is public no more, or gone (CKAN deletes many so)."""
        if tk.asbool(dataset.get("private")) or dataset.get("state") not in (None, "active"):
            public_files.forget()

    def after_dataset_delete(self, context: Any, dataset: dict[str, Any]) -> None:
        """Give no prepared file that holds a deleted dataset."""
        public_files.forget()

    # IResourceController

    def before_resource_update(self, context: Any, current: dict[str, Any], resource: dict[str, Any]) -> None:
        """Refuse to change in the form what a source governs."""
        locked_fields.refuse_resource(current)

    # IEcosphereCommands

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Provide `ckan ecosphere vocabularies`, `ckan ecosphere export-iso` and `ckan ecosphere adopt`."""
        return [cli.vocabularies, cli.export_iso, cli.adopt]

    # IEcosphereSetup

    def ecosphere_init(self, report: InitReport) -> None:
        """Put back what datasets had when they left for a CKAN without this schema."""
        returning.restore(report)

    def ecosphere_leave(self, kept: Collection[str]) -> list[LeavingStep]:
        """Make the datasets ready for a CKAN without this schema."""
        return leaving.steps()

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Show descriptions that were begun."""
        return dashboard.cards(person)

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Lead to the forms."""
        return dashboard.links(person)

    def ecosphere_check(self) -> list[Check]:
        """Say whether the schema is in force, and from which networks the form may import."""
        own = [*checks.run(), *checks.index(), *grace.check(), *adopting.check()]
        use = tk._("imports of records")
        return [*own, *check_networks(config.IMPORT_NETWORKS, use), *check_ports(config.IMPORT_PORTS, use)]

    def ecosphere_recover(self) -> list[str]:
        """Carry changes to many datasets on whose worker was killed, or that the queue lost."""
        return runs.recover()

    def ecosphere_queues(self) -> list[str]:
        """Name the queue of changes to many datasets."""
        return [runs.QUEUE]
