"""Steps of `ckan ecosphere init`: tables, vocabularies, organisations, then those of each room."""

from __future__ import annotations

import contextlib
import io
import logging
from dataclasses import dataclass, field

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.cli import db
from ckan.lib.i18n import build_js_translations

from ckanext.ecosphere import config
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import InitReport, each_setup
from ckanext.ecosphere.setup import migrations, organisations

_ = tk._
log = logging.getLogger(__name__)


@dataclass
class Plan:
    """Changes that `run` would make.

    Attributes:
        lines: one sentence per change.
        services: number of organisations to create.
        others: number of existing organisations that are not services of the ministry.
    """

    lines: list[str] = field(default_factory=list)
    services: int = 0
    others: int = 0

    @property
    def asks(self) -> bool:
        """Return whether to ask about creating the services,
        since the portal has organisations of its own.
        """
        return bool(self.services and self.others)


def plan() -> Plan:
    """Return the pending changes, without changing anything."""
    changes = Plan()
    tables = migrations.pending(migrations.all_enabled())
    if tables:
        names = ", ".join(name or "CKAN" for name in tables)
        changes.lines.append(_("Create or upgrade the tables of {names}").format(names=names))
    if config.create_organisations():
        if _has_organisations():
            services = organisations.plan()
        else:
            services = organisations.Plan(len(voc.get("organisations")), 0)
        changes.services, changes.others = services.missing, services.others
        if services.missing:
            message = tk.ungettext(
                "Create {number} service of the ministry as an organisation",
                "Create {number} services of the ministry as organisations",
                services.missing,
            )
            changes.lines.append(message.format(number=services.missing))
    for plugin in each_setup():
        changes.lines += plugin.ecosphere_plan()
    return changes


def _has_organisations() -> bool:
    """Return whether CKAN's tables exist."""
    assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
    return sa.inspect(model.meta.engine).has_table("group")


def run(report: InitReport, services: bool = True) -> None:
    """Set up the portal; whatever is already in place is left alone.

    Args:
        report: receives the steps. If a room fails, the others are still set up.
        services: whether to create the services of the registry as organisations.
    """
    migrate(report)
    read_vocabularies(report)
    build_messages(report)
    if config.create_organisations() and services:
        organisations.create_or_update(report)
    for plugin in each_setup():
        try:
            plugin.ecosphere_init(report)
        except Exception as error:
            model.Session.rollback()
            log.exception("Set-up of %s failed", plugin.name)
            report.failed(
                _("Set-up of {name} failed: {error}").format(name=plugin.name, error=error)
            )
    index_stale(report)


def migrate(report: InitReport) -> None:
    """Create or upgrade the tables of CKAN and of every enabled plugin."""
    pending = migrations.pending(migrations.all_enabled())
    for name in pending:
        with _quietly():
            db._run_migrations(name)
        report.changed(_("Tables of {name} created or upgraded").format(name=name or "CKAN"))
    if not pending:
        report.unchanged(_("All tables are up to date"))


def read_vocabularies(report: InitReport) -> None:
    """Load every controlled vocabulary, so that a damaged file is
    reported here and not on a page.
    """
    names = voc.names()
    try:
        total = sum(len(voc.get(name)) for name in names)
    except ValueError as error:
        report.failed(_("A vocabulary cannot be read: {error}").format(error=error))
        return
    message = _("{number} vocabularies are readable, {total} entries in all")
    report.unchanged(message.format(number=len(names), total=total))


def index_stale(report: InitReport) -> None:
    """Reindex the datasets that were indexed without the current schema."""
    if not p.plugin_loaded("ecosphere_schemas"):
        return
    ids = documents.stale()
    if not ids:
        report.unchanged(_("The index was written with the schema in force"))
        return
    failed = documents.index(ids)
    number = len(ids) - len(failed)
    message = tk.ungettext(
        "{number} dataset indexed again with the schema in force",
        "{number} datasets indexed again with the schema in force",
        number,
    )
    report.changed(message.format(number=number))
    if failed:
        message = _(
            "Datasets with free fields under the names of the schema: {number}. Run: {command}"
        )
        report.changed(message.format(number=len(failed), command="ckan ecosphere adopt"))


def build_messages(report: InitReport) -> None:
    """Write the JavaScript translations in every language.

    Only CKAN's development server does this by itself.
    """
    try:
        build_js_translations()
    except OSError as error:
        report.failed(
            _("The messages of the pages' scripts cannot be written: {error}").format(error=error)
        )
        return
    report.unchanged(_("The messages of the pages' scripts are in place"))


def _quietly() -> contextlib.AbstractContextManager[object]:
    """Suppress alembic's output, which would disturb the report."""
    return contextlib.redirect_stdout(io.StringIO())
