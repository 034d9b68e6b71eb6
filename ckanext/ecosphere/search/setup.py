"""The search room's steps of `ckan ecosphere init` and `ckan ecosphere check`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

import ckan.lib.search as ckan_search
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.core import lists
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import Check, CheckStatus, InitReport
from ckanext.ecosphere.search import config, solr_schema
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import now
from ckanext.ecosphere.search.solr_schema import SolrAdmin, SolrAdminError, solr
from ckanext.ecosphere.setup import health
from ckanext.ecosphere.shared import mailing
from ckanext.ecosphere.vocabularies import local

#: Solr's mm: "2", "-1", "75%", or conditions such as "3<-1 6<75%".
_SHARE = re.compile(r"-?\d+%?")
_CONDITION = re.compile(r"\d+<-?\d+%?")
LONGEST_SILENCE = timedelta(days=1)
APPLY_COMMAND = "ckan ecosphere search solr-schema apply"
FORMER_AREAS = ("search:weights", "search:judged")
"""Areas of what administrators could store until version 1.1, see `vocabularies/local.py`."""


def apply_schema(report: InitReport, rebuild: bool = True) -> None:
    """Apply the French schema, and reindex all datasets if it changed.

    Args:
        report: receives what was done.
        rebuild: whether to reindex; otherwise the report says that it remains to be done.
    """
    client = solr()
    try:
        _make_room(client, solr_schema.fields_blocking_apply(client))
        changed = solr_schema.apply(client)
    except SolrAdminError as error:
        report.failed(
            _("The French schema could not be applied to Solr: {error}").format(error=error)
        )
        return
    if not changed:
        report.unchanged(_("Solr has the French schema"))
    else:
        report.changed(
            _("French schema applied to Solr ({number} changes)").format(number=len(changed))
        )
    if rebuild:
        index_datasets(report, only_missing=not changed)
    elif changed:
        report.changed(_("Datasets must be indexed again: run ckan search-index rebuild"))


def undo_schema(report: InitReport, rebuild: bool = True) -> None:
    """Restore CKAN's own schema, and reindex all datasets if anything was removed.

    Args:
        report: receives what was done.
        rebuild: whether to reindex; otherwise the report says that it remains to be done.
    """
    client = solr()
    try:
        _make_room(client, solr_schema.fields_blocking_restore(client))
        changed = solr_schema.restore(client)
    except SolrAdminError as error:
        report.failed(
            _("CKAN's own schema could not be put back into Solr: {error}").format(error=error)
        )
        return
    if not changed:
        report.unchanged(_("Solr has nothing of the French schema"))
        return
    report.changed(
        _("CKAN's own schema put back into Solr ({number} changes)").format(number=len(changed))
    )
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
    report.changed(
        tk.ungettext("{number} dataset indexed", "{number} datasets indexed", count).format(
            number=count
        )
    )


def check() -> list[Check]:
    """Check that Solr has the French schema and knows the configured query fields, and that alerts are processed."""
    return [*_check_schema(), *_check_query(), *check_alerts()]


def _check_schema() -> list[Check]:
    name = _("Solr schema")
    try:
        state = solr_schema.state(solr())
    except SolrAdminError as error:
        message = _("Solr's schema cannot be read: {error}").format(error=error)
        return [Check(name, CheckStatus.ERROR, message)]
    if state.is_french:
        return [Check(name, CheckStatus.OK, _("French analysis is in force"))]
    message = _(
        "The schema is not the French one, or an older version of it: search works, but not as"
        " well in French"
    )
    return [
        Check(name, CheckStatus.WARNING, message, _("Run: {command}").format(command=APPLY_COMMAND))
    ]


def _check_query() -> list[Check]:
    """Check that Solr accepts the options of each query."""
    name = _("Search options")
    try:
        wrong = _option_problems(solr().schema())
    except SolrAdminError:  # already reported by the check of the schema
        return []
    checks = [Check(name, CheckStatus.ERROR, *problem) for problem in wrong]
    return checks or [
        Check(name, CheckStatus.OK, _("Solr knows every field that words are searched in"))
    ]


def _option_problems(schema: DataDict) -> Iterator[tuple[str, str]]:
    """Yield problems of the options, with remedies.

    Args:
        schema: the schema in force, as Solr returns it.
    """
    option = config.QUERY_FIELDS
    names = {field["name"] for field in schema["fields"]}
    patterns = [field["name"] for field in schema["dynamicFields"]]
    for word in config.query_fields().split():
        field, _hat, weight = word.partition("^")
        if field not in names and not any(
            fnmatchcase(field, pattern) for pattern in patterns if pattern != "*"
        ):
            message = _(
                "{option}: Solr has no field {field}, and refuses every search that asks for it"
            )
            remedy = _(
                "Write fields of Solr's schema with their weights, such as {example}"
            ).format(example="title^4 text")
            yield message.format(option=option, field=field), remedy
        elif "^" in word and not _is_weight(weight):
            message = _("{option}: {word} has a weight that is no number").format(
                option=option, word=word
            )
            yield message, _("Write for instance {example}").format(example=f"{field}^2")
    words = config.minimum_match().split()
    if not (len(words) == 1 and _SHARE.fullmatch(words[0])) and not all(
        map(_CONDITION.fullmatch, words)
    ):
        message = _("{option} = {value}: neither a number, a percentage, nor conditions")
        remedy = _("Write for instance {example}").format(example="3<-1 6<75%")
        yield message.format(option=config.MINIMUM_MATCH, value=config.minimum_match()), remedy


def _is_weight(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


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
    """Return what `apply_schema` and `put_away_former_settings` would do."""
    steps = []
    try:
        state = solr_schema.state(solr())
    except SolrAdminError as error:
        steps.append(_("The French schema cannot be applied to Solr: {error}").format(error=error))
    else:
        if not state.is_french:
            message = _(
                "Apply the French schema to Solr ({number} changes), then index every dataset again"
            )
            steps.append(message.format(number=len(state.differences)))
    number = len(_former_settings())
    if number:
        message = tk.ungettext(
            "Put away {number} weight or judged question of the search, which is not used any more",
            "Put away {number} weights and judged questions of the search, which are not used any"
            " more",
            number,
        )
        steps.append(message.format(number=number))
    return steps


def put_away_former_settings(report: InitReport) -> None:
    """Take the weights and judged questions that administrators stored out of force; the journal keeps their values.

    Args:
        report: receives how many there were.
    """
    settings = _former_settings()
    for area, key in settings:
        lists.store(area, key, None, None)
    if settings:
        message = tk.ungettext(
            "{number} weight or judged question of the search is not used any more: {page} keeps"
            " it",
            "{number} weights and judged questions of the search are not used any more: {page}"
            " keeps them",
            len(settings),
        )
        page = tk.url_for("ecosphere_lists.log", kind="search", qualified=True)
        report.changed(message.format(number=len(settings), page=page))


def _former_settings() -> list[tuple[str, str]]:
    """Return area and key of what is stored in `FORMER_AREAS`; nothing without the base plugin."""
    local.look(now=True)
    return [(area, key) for area in FORMER_AREAS for key in local.of(area)]


def _make_room(client: SolrAdmin, blocking: list[str]) -> None:
    """Empty the index if its documents block the other schema, provided that it is this portal's alone.

    Args:
        client: the Solr of this portal.
        blocking: fields that the index holds with another type.

    Raises:
        SolrAdminError: other portals have documents in the same core.
    """
    if not blocking:
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
