"""The search room's part of `ckan ecosphere init` and `ckan ecosphere check`."""

from __future__ import annotations

import ckan.lib.search as ckan_search
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import signature
from ckanext.ecosphere.interfaces import Check, CheckStatus, InitReport
from ckanext.ecosphere.search import query_options, solr_schema, stock_schema
from ckanext.ecosphere.search.solr_client import SolrAdmin, SolrAdminError
from ckanext.ecosphere.setup import health

_ = tk._

APPLY_COMMAND = "ckan ecosphere search solr-schema apply"


def solr() -> SolrAdmin:
    """Connect to the Solr of this portal."""
    user, password = tk.config.get("solr_user"), tk.config.get("solr_password")
    auth = (user, password) if user and password else None
    return SolrAdmin(tk.config["solr_url"], auth)


def apply_schema(report: InitReport, rebuild: bool = True) -> None:
    """Apply the French schema, and index every dataset again when it changed.

    Args:
        report: told what was done.
        rebuild: whether to index again; without it the report says that it remains to be done.
    """
    client = solr()
    try:
        _make_room(client, solr_schema.blocking_fields(client))
        changed = solr_schema.apply(client)
    except SolrAdminError as error:
        report.failed(_("The French schema could not be applied to Solr: {error}").format(error=error))
        return
    if not changed:
        report.unchanged(_("Solr has the French schema"))
    else:
        report.changed(_("French schema applied to Solr ({number} changes)").format(number=len(changed)))
    if rebuild:
        index_datasets(report, only_missing=not changed)
    elif changed:
        report.changed(_("Datasets must be indexed again: run ckan search-index rebuild"))


def undo_schema(report: InitReport, rebuild: bool = True) -> None:
    """Put CKAN's own schema back, and index every dataset again when something of ours was there.

    Args:
        report: told what was done.
        rebuild: whether to index again; without it the report says that it remains to be done.
    """
    client = solr()
    try:
        _make_room(client, stock_schema.blocking_fields(client))
        changed = stock_schema.restore(client)
    except SolrAdminError as error:
        report.failed(_("CKAN's own schema could not be put back into Solr: {error}").format(error=error))
        return
    if not changed:
        report.unchanged(_("Solr has nothing of the French schema"))
        return
    report.changed(_("CKAN's own schema put back into Solr ({number} changes)").format(number=len(changed)))
    if rebuild:
        index_datasets(report, only_missing=False)
    else:
        report.changed(_("Datasets must be indexed again: run ckan search-index rebuild"))


def index_datasets(report: InitReport, only_missing: bool) -> None:
    """Index datasets with one commit at the end.

    Args:
        report: told what was done.
        only_missing: leave alone the datasets that the index has; this also repairs an interrupted run.
    """
    active = model.Session.query(model.Package).filter_by(state="active").count()
    count = active - health.indexed_datasets() if only_missing else active
    if count <= 0:
        report.unchanged(_("The index has every dataset"))
        return
    if only_missing:
        ckan_search.rebuild(force=True, defer_commit=True, quiet=True, only_missing=True)
        ckan_search.commit()
    else:  # as CKAN does it, many at a time
        known = sa.select(model.Package.id).where(model.Package.state != model.State.DELETED)
        signature.index(list(model.Session.scalars(known)))
    report.changed(tk.ungettext("{number} dataset indexed", "{number} datasets indexed", count).format(number=count))


def check() -> list[Check]:
    """Tell whether Solr analyses French and knows the fields that people's words are searched in."""
    return [*_check_schema(), *_check_query()]


def _check_schema() -> list[Check]:
    name = _("Solr schema")
    try:
        state = solr_schema.state(solr())
    except SolrAdminError as error:
        message = _("Solr's schema cannot be read: {error}").format(error=error)
        return [Check(name, CheckStatus.ERROR, message)]
    if state.is_french:
        return [Check(name, CheckStatus.OK, _("French analysis is in force"))]
    message = _("The schema is not the French one, or an older version of it: search works, but not as well in French")
    return [Check(name, CheckStatus.WARNING, message, _("Run: {command}").format(command=APPLY_COMMAND))]


def _check_query() -> list[Check]:
    """Tell what Solr would refuse of the options that go into each query."""
    name = _("Search options")
    try:
        wrong = query_options.problems(solr().schema())
    except SolrAdminError:  # told of the schema already
        return []
    found = [Check(name, CheckStatus.ERROR, *each) for each in wrong]
    return found or [Check(name, CheckStatus.OK, _("Solr knows every field that words are searched in"))]


def plan() -> list[str]:
    """Tell what `apply_schema` would do."""
    try:
        state = solr_schema.state(solr())
    except SolrAdminError as error:
        return [_("The French schema cannot be applied to Solr: {error}").format(error=error)]
    if state.is_french:
        return []
    message = _("Apply the French schema to Solr ({number} changes), then index every dataset again")
    return [message.format(number=len(state.differences))]


def _make_room(client: SolrAdmin, blocking: list[str]) -> None:
    """Empty the index when documents in it block the other schema; only if it is this portal's alone.

    Args:
        client: the Solr of this portal.
        blocking: fields that the index holds in another way.

    Raises:
        SolrAdminError: other portals have documents there.
    """
    if not blocking:
        return
    others = client.site_ids() - {tk.config["ckan.site_id"]}
    if others:
        message = _("the core holds older documents of other portals too ({sites}): give this one its own core")
        raise SolrAdminError(message.format(sites=", ".join(sorted(others))))
    client.delete_all()
    client.reload()
