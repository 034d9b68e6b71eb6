"""The search room's steps of `ckan ecosphere init` and `ckan ecosphere check`."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase

import ckan.lib.search as ckan_search
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import Check, CheckStatus, InitReport
from ckanext.ecosphere.search import config, solr_schema
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import now
from ckanext.ecosphere.search.solr_schema import SolrAdmin, SolrAdminError, solr
from ckanext.ecosphere.setup import health
from ckanext.ecosphere.shared import mailing

LONGEST_SILENCE = timedelta(days=1)
APPLY_COMMAND = "ckan ecosphere search solr-schema apply"


def apply_schema(report: InitReport, rebuild: bool = True) -> None:
    """Apply the French schema, and reindex all datasets if it changed.

    Args:
        report: receives what was done.
        rebuild: whether to reindex; otherwise the report says that it remains to be done.
    """
    client = solr()
    try:
        _make_room(client, solr_schema.schema_commands(client.schema(), solr_schema.wanted()))
        changed = solr_schema.apply(client)
    except SolrAdminError as error:
        report.failed(
            _("The French schema could not be applied to Solr: {error}").format(error=error)
        )
        return
    if changed:
        message = _("French schema applied to Solr ({number} changes)")
        report.changed(message.format(number=len(changed)))
        _index_again(report, rebuild)
        return
    report.unchanged(_("Solr has the French schema"))
    if rebuild:
        index_datasets(report, only_missing=True)


def undo_schema(report: InitReport, rebuild: bool) -> None:
    """Restore CKAN's own schema, and reindex all datasets if anything was removed.

    Args:
        report: receives what was done.
        rebuild: whether to reindex; otherwise the report says that it remains to be done.
    """
    client = solr()
    try:
        _make_room(client, solr_schema.restore_commands(client.schema(), solr_schema.wanted()))
        changed = solr_schema.restore(client)
    except SolrAdminError as error:
        report.failed(
            _("CKAN's own schema could not be put back into Solr: {error}").format(error=error)
        )
        return
    if not changed:
        report.unchanged(_("Solr has nothing of the French schema"))
        return
    message = _("CKAN's own schema put back into Solr ({number} changes)")
    report.changed(message.format(number=len(changed)))
    _index_again(report, rebuild)


def _index_again(report: InitReport, rebuild: bool) -> None:
    if rebuild:
        index_datasets(report, only_missing=False)
    else:
        report.changed(_("Datasets must be indexed again: run ckan search-index rebuild"))


def index_datasets(report: InitReport, only_missing: bool) -> None:
    """Index datasets with one commit at the end.

    Args:
        report: receives what was done.
        only_missing: skip datasets that are in the index; this also completes an interrupted run.
    """
    active = model.Session.query(model.Package).filter_by(state="active").count()
    count = active - health.indexed_datasets() if only_missing else active
    if count <= 0:
        report.unchanged(_("The index has every dataset"))
        return
    if only_missing:
        ckan_search.rebuild(force=True, defer_commit=True, quiet=True, only_missing=True)
        ckan_search.commit()
    else:  # like CKAN's rebuild, but in batches
        query = sa.select(model.Package.id).where(model.Package.state != model.State.DELETED)
        documents.index(list(model.Session.scalars(query)))
    message = tk.ungettext("{number} dataset indexed", "{number} datasets indexed", count)
    report.changed(message.format(number=count))


def check() -> list[Check]:
    """Check that Solr has the French schema and accepts the options of queries,
    and that alerts are processed.
    """
    checks = [_check_schema()]
    if checks[0].status is not CheckStatus.ERROR:
        checks.append(_check_query())
    return checks + check_alerts()


def _check_schema() -> Check:
    name = _("Solr schema")
    try:
        state = solr_schema.state(solr())
    except SolrAdminError as error:
        message = _("Solr's schema cannot be read: {error}").format(error=error)
        return Check(name, CheckStatus.ERROR, message)
    if state.is_french:
        return Check(name, CheckStatus.OK, _("French analysis is in force"))
    message = _(
        "The schema is not the French one, or an older version of it: search works, but not as"
        " well in French"
    )
    remedy = _("Run: {command}").format(command=APPLY_COMMAND)
    return Check(name, CheckStatus.WARNING, message, remedy)


def _check_query() -> Check:
    """Check that the index has the fields that are searched,
    and that Solr accepts the options of each query.
    """
    name, client = _("Search options"), solr()
    options = {"qf": config.query_fields(), "mm": config.minimum_match(), "tie": config.tie()}
    asked = {"q": "eau air sol bois mer", "defType": "dismax", "rows": 0, **options}
    try:
        schema = client.schema()
        client.call("GET", f"{client.base_url}/select", params=asked)
    except SolrAdminError as error:
        message = _("Solr refuses every search with {options}: {error}")
        names = f"{config.QUERY_FIELDS}, {config.MINIMUM_MATCH}, {config.TIE}"
        remedy = _("Write for instance {example}").format(example="title^4 text, 3<-1 6<75%, 0.1")
        return Check(name, CheckStatus.ERROR, message.format(options=names, error=error), remedy)
    patterns = [field["name"] for field in (*schema["fields"], *schema["dynamicFields"])]
    for word in config.query_fields().split():
        field = word.partition("^")[0]
        # "*" is CKAN's, for whatever has no other field.
        if not any(fnmatchcase(field, pattern) for pattern in patterns if pattern != "*"):
            message = _("{option}: Solr has no field {field}, in which nothing is found")
            remedy = _("Write fields of Solr's schema with their weights, such as {example}")
            return Check(
                name,
                CheckStatus.ERROR,
                message.format(option=config.QUERY_FIELDS, field=field),
                remedy.format(example="title^4 text"),
            )
    return Check(name, CheckStatus.OK, _("Solr knows every field that words are searched in"))


def check_alerts() -> list[Check]:
    """Check that alerts are processed and their e-mails sent."""
    name = _("Alerts")
    if not config.alerts():
        return [Check(name, CheckStatus.OK, _("Switched off"))]
    if not mailing.is_configured():
        message = _("No mail server is configured: nobody is offered alerts.")
        return [Check(name, CheckStatus.WARNING, message, _("Set smtp.server and smtp.mail_from."))]
    if storage.is_due(now() - LONGEST_SILENCE):
        message = _(
            "Saved searches have not been looked at for a day: nobody is told of what is new."
        )
        remedy = _("Run every ten minutes: {command}").format(command="ckan ecosphere search tick")
        return [Check(name, CheckStatus.WARNING, message, remedy)]
    message = _("Saved searches are looked at, and no e-mail failed in the last week")
    return storage.OUTBOX.failures(name) or [Check(name, CheckStatus.OK, message)]


def plan() -> list[str]:
    """Return what `apply_schema` would do."""
    try:
        state = solr_schema.state(solr())
    except SolrAdminError as error:
        return [_("The French schema cannot be applied to Solr: {error}").format(error=error)]
    if state.is_french:
        return []
    message = _(
        "Apply the French schema to Solr ({number} changes), then index every dataset again"
    )
    return [message.format(number=len(state.differences))]


def _make_room(client: SolrAdmin, commands: DataDict) -> None:
    """Empty the index if its documents block the other schema, provided that it is this portal's
    alone.

    Args:
        client: the Solr of this portal.
        commands: those that turn its schema into the other.

    Raises:
        SolrAdminError: other portals have documents in the same core.
    """
    if not solr_schema.blocking_fields(client, commands):
        return
    others = client.site_ids() - {tk.config["ckan.site_id"]}
    if others:
        message = _(
            "the core holds older documents of other portals too ({sites}): give this one its own"
            " core"
        )
        raise SolrAdminError(message.format(sites=", ".join(sorted(others))))
    client.delete_all()
    client.reload()
