"""The plugin `ecosphere_search`: French full-text search, facets, suggestions, alerts."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.core import kept_facets
from ckanext.ecosphere.core.accounts import IEcosphereAccounts, Notice
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
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.search import (
    cli,
    config,
    facets,
    helpers,
    index,
    logic,
    page,
    popularity,
    portal_synonyms,
    query,
    setup,
    territories,
    views,
)
from ckanext.ecosphere.search.alerts import feeds
from ckanext.ecosphere.search.alerts import job as alert_job
from ckanext.ecosphere.search.alerts import model as alert_storage
from ckanext.ecosphere.search.alerts import views as alert_views
from ckanext.ecosphere.search.relevance.solr import POPULARITY_FIELD
from ckanext.ecosphere.shared import language, template_helpers
from ckanext.ecosphere.vocabularies import gazetteer
from ckanext.ecosphere.work.jobs import Job

HELPERS = template_helpers.HELPERS | {
    name: value
    for name, value in {**vars(helpers), **vars(page)}.items()
    if name.startswith("ecosphere_search_")
}


@tk.blanket.actions(logic.get_actions)
@tk.blanket.auth_functions(logic.get_auth_functions)
@tk.blanket.helpers(HELPERS)
@tk.blanket.blueprints(
    lambda: [
        views.ecosphere_search,
        alert_views.ecosphere_alerts,
        portal_synonyms.blueprint,
        territories.ecosphere_territories,
    ]
)
@tk.blanket.config_declarations
class EcosphereSearchPlugin(Room):
    """French search, facets, suggestions and alerts."""

    p.implements(p.IPackageController, inherit=True)
    p.implements(p.IFacets, inherit=True)
    p.implements(p.IFeed, inherit=True)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereDashboard, inherit=True)
    p.implements(IEcosphereAccounts, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register this room's templates and assets."""
        super().update_config(config)
        tk.add_template_directory(config, "../templates/search")
        tk.add_resource("../assets/search", "ecosphere_search")
        facets.allow(config)

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Load the gazetteer in the background, so that no request waits for it.

        Commands and background workers, which answer no searches, load it only when they need it.
        """
        if click.get_current_context(silent=True) is None:
            threading.Thread(target=gazetteer.named, args=("",), daemon=True).start()
        return super().make_middleware(app, config)

    def before_dataset_search(self, search_params: DataDict) -> DataDict:
        """Set the query fields and check the limits of a search."""
        return query.prepare(search_params)

    def before_dataset_index(self, pkg_dict: DataDict) -> DataDict:
        """Add facet values, labels and popularity to an index document, and remove noise."""
        dataset = json.loads(pkg_dict["validated_data_dict"])
        if number := popularity.of(pkg_dict["id"]):
            pkg_dict[POPULARITY_FIELD] = number
        return index.complete(pkg_dict, dataset)

    def after_dataset_search(self, search_results: DataDict, search_params: DataDict) -> DataDict:
        """Label facet values in the language of the page."""
        facets.translate(search_results["search_facets"], language.current())
        return search_results

    def dataset_facets(self, facets_dict: DataDict, package_type: str) -> DataDict:
        """Return the facets of the dataset page.

        Lists of other types (harvest sources) keep their own.
        """
        if package_type == "dataset":
            return facets.titles("dataset", facets_dict, kept_facets.shown())
        return facets_dict

    def organization_facets(
        self, facets_dict: DataDict, organization_type: str, package_type: str | None
    ) -> DataDict:
        """Return the facets of the page of a service."""
        return facets.titles("organization", facets_dict, kept_facets.shown())

    def group_facets(
        self, facets_dict: DataDict, group_type: str, package_type: str | None
    ) -> DataDict:
        """Return the facets of the page of a group."""
        return facets.titles("group", facets_dict, kept_facets.shown())

    def get_feed_class(self) -> Any:
        """Return the class that writes CKAN's feeds like those of searches."""
        return feeds.CkanFeed

    def get_item_additional_fields(self, dataset_dict: DataDict) -> DataDict:
        """Pass the dataset on to the feed class."""
        return {feeds.PACKAGE: dataset_dict}

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the command group `ckan ecosphere search`."""
        return [cli.search]

    def ecosphere_plan(self) -> list[str]:
        """Return whether the French schema has to be applied to Solr."""
        return setup.plan()

    def ecosphere_init(self, report: InitReport) -> None:
        """Apply the French schema to Solr."""
        setup.apply_schema(report)

    def ecosphere_account_notice(self) -> Notice:
        """State that saved searches are erased."""
        return Notice(lost=[_("Saved searches and their e-mails.")])

    def ecosphere_forget_account(self, user: Any) -> None:
        """Erase a person's saved searches."""
        if subscriber := alert_storage.of_user(user.id):
            alert_storage.erase(subscriber.id)

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Return a card of the person's saved searches."""
        if not helpers.ecosphere_search_alerts():
            return []
        alerts = person.ask("ecosphere_search_alert_list")
        if not alerts:
            return []
        lines = [Line(alert["title"], alert["url"]) for alert in alerts[:MOST_LINES]]
        links = [Link(_("My alerts"), tk.url_for("ecosphere_alerts.mine"))]
        return [Card("alerts", _("My alerts"), "bookmark", len(alerts), lines, links, 60)]

    def ecosphere_check(self) -> list[Check]:
        """Check that Solr has the French schema and that alerts are processed."""
        return setup.check()

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the jobs of alerts, e-mails and counts."""
        return alert_job.JOBS

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of this room's background jobs."""
        return [config.QUEUE]
