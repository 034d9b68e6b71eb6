"""Checks of `ckan ecosphere check`: services, tables, workers, mail, options, known weaknesses, then those of rooms."""

from __future__ import annotations

import difflib
import logging
import smtplib
import socket
from collections.abc import Callable

import ckan
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
from ckan import model
from ckan.common import config_declaration
from ckan.lib import jobs, search
from ckan.lib.redis import connect_to_redis
from ckan.lib.search.common import make_connection
from sqlalchemy.exc import SQLAlchemyError

from ckanext.ecosphere.interfaces import Check, CheckStatus, each_setup
from ckanext.ecosphere.setup import advisories, initialise, option_values, plugin_needs, security_checks
from ckanext.ecosphere.shared.characters import without_credentials

_ = tk._
log = logging.getLogger(__name__)

OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR
MAIL_TIMEOUT = 3
PREFIX = "ecosphere."


def run() -> list[Check]:
    """Run all checks; a check that raises is reported as an error, and the others still run."""
    found: list[Check] = []
    for look in CHECKS:
        found += _guarded(look.__name__, look)
    for plugin in each_setup():
        found += _guarded(plugin.name, plugin.ecosphere_check)
    return found


def _guarded(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    try:
        return look()
    except Exception as error:
        model.Session.rollback()
        log.debug("Check %s failed", name, exc_info=True)
        message = _("This could not be checked: {error}").format(error=f"{name}, {_first_line(error)}")
        return [Check(_("A check of the portal"), ERROR, message)]


def postgresql() -> list[Check]:
    """Check that the database answers and has all tables."""
    name = "PostgreSQL"
    try:
        version = model.Session.execute(sa.text("SHOW server_version")).scalar()
    except SQLAlchemyError as error:
        model.Session.rollback()
        return [Check(name, ERROR, _("The database does not answer: {error}").format(error=_first_line(error)))]
    pending = [each or "CKAN" for each in initialise.pending_migrations()]
    if pending:
        message = _("Tables are missing or out of date: {names}").format(names=", ".join(pending))
        return [Check(name, ERROR, message, _("Run: {command}").format(command="ckan ecosphere init"))]
    return [Check(name, OK, _("Version {version}, all tables up to date").format(version=version))]


def redis() -> list[Check]:
    """Check that Redis answers."""
    try:
        version = connect_to_redis().info("server")["redis_version"]
    except Exception as error:
        return [Check("Redis", ERROR, _("Redis does not answer: {error}").format(error=_first_line(error)))]
    return [Check("Redis", OK, _("Version {version}").format(version=version))]


def solr() -> list[Check]:
    """Check that Solr answers, with a schema supported by CKAN and with all datasets."""
    try:
        if not search.check_solr_schema_version():
            url = without_credentials(tk.config["solr_url"])
            return [Check("Solr", ERROR, _("Solr does not answer at {url}").format(url=url))]
    except search.SearchError as error:
        return [Check("Solr", ERROR, _("CKAN does not accept its schema: {error}").format(error=error))]
    active = model.Session.query(model.Package).filter_by(state="active").count()
    indexed = indexed_datasets()
    if active != indexed:
        message = _("The index has {indexed} datasets, the database {active}")
        remedy = _("Run: {command}").format(command="ckan search-index rebuild")
        return [Check("Solr", WARNING, message.format(indexed=indexed, active=active), remedy)]
    return [Check("Solr", OK, _("Answers, and the index has every dataset ({number})").format(number=indexed))]


def indexed_datasets() -> int:
    """Return the number of active datasets of all types in the index; `package_search` hides some types."""
    here = f'site_id:"{tk.config["ckan.site_id"]}"'
    found = make_connection().search("*:*", fq=[here, "entity_type:package", "state:active"], rows=0)
    return found.hits


def workers() -> list[Check]:
    """Check that a background worker listens to each queue used by a room."""
    name = _("Background workers")
    try:
        running = rq.Worker.all(connection=connect_to_redis())
    except Exception as error:
        return [Check(name, ERROR, _("Workers cannot be listed: {error}").format(error=_first_line(error)))]
    heard = {queue for worker in running for queue in worker.queue_names()}
    wanted = {jobs.DEFAULT_QUEUE_NAME}.union(*(plugin.ecosphere_queues() for plugin in each_setup()))
    missing = sorted(queue for queue in wanted if jobs.add_queue_name_prefix(queue) not in heard)
    if missing:
        message = _("No worker listens to: {queues}. Harvests and messages wait.").format(queues=", ".join(missing))
        remedy = _("Run: {command}").format(command=f"ckan jobs worker {' '.join(missing)}")
        return [Check(name, ERROR, message, remedy)]
    message = _("Every queue has a worker ({number} running)").format(number=len(running))
    return [Check(name, OK, message)]


def mail() -> list[Check]:
    """Check that mail is configured and its server answers; without `smtp.server` CKAN silently sends nothing."""
    name = _("Mail")
    server, sender = tk.config.get("smtp.server"), tk.config.get("smtp.mail_from")
    if not server or not sender:
        missing = ", ".join(key for key in ("smtp.server", "smtp.mail_from") if not tk.config.get(key))
        message = _("Mail is not configured ({options} missing): no e-mail is sent")
        return [Check(name, WARNING, message.format(options=missing))]
    try:
        with smtplib.SMTP(server, timeout=MAIL_TIMEOUT) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException, socket.gaierror) as error:
        message = _("The mail server {server} does not answer: {error}")
        return [Check(name, WARNING, message.format(server=server, error=_first_line(error)))]
    return [Check(name, OK, _("The mail server {server} answers").format(server=server))]


def options() -> list[Check]:
    """Check that every `ecosphere.…` option is known, well-formed and, if required, set."""
    name = _("Options")
    declared = {str(key) for key in config_declaration.iter_options(pattern=f"{PREFIX}*")}
    found: list[Check] = []
    for key in sorted(key for key in tk.config if key.startswith(PREFIX) and key not in declared):
        near = difflib.get_close_matches(key, declared, 1)
        remedy = _("Did you mean {option}?").format(option=near[0]) if near else ""
        found.append(Check(name, WARNING, _("{option} is not a known option").format(option=key), remedy))
    bad = list(option_values.find(tk.config))
    found += [Check(name, ERROR, each.sentence, each.remedy) for each in bad]
    _unused, errors = config_declaration.validate(tk.config)
    for key, messages in sorted(errors.items()):
        if key.startswith(PREFIX) and key not in {each.option for each in bad}:
            found.append(Check(name, ERROR, f"{key} = {tk.config.get(key)}: {'; '.join(map(str, messages))}"))
    return found or [Check(name, OK, _("All options of the access desk are well-formed"))]


def order() -> list[Check]:
    """Check the order of the plugins."""
    name = _("Order of the plugins")
    plugins = tk.aslist(tk.config.get(plugin_needs.OPTION))
    wrong = [need for need in plugin_needs.needs() if need.is_misplaced(plugins)]
    if not wrong:
        return [Check(name, OK, _("Each plugin stands where it should"))]
    pairs = ", ".join(_("{plugin} before {other}").format(plugin=need.plugin, other=need.other) for need in wrong)
    remedy = _("Write: {line}").format(line=f"{plugin_needs.OPTION} = {' '.join(plugin_needs.corrected(plugins))}")
    return [Check(name, ERROR, _("These must stand before others: {pairs}").format(pairs=pairs), remedy)]


def known_weaknesses() -> list[Check]:
    """Check for known weaknesses of this CKAN version that are relevant here."""
    version = ckan.__version__
    found = [
        _advice(version, advisory)
        for advisory in advisories.read()
        if advisory.concerns(version) and (not advisory.option or tk.config.get(advisory.option))
    ]
    return found or [Check(f"CKAN {version}", OK, _("No known weakness"))]


def _advice(version: str, advisory: advisories.Advisory) -> Check:
    """Return the check of an advisory: a warning, unless the plugin with the repairs of CKAN mitigates it."""
    message = _(advisory.message)
    is_mitigated = bool(advisory.meanwhile) and p.plugin_loaded(security_checks.HARDENING)
    if is_mitigated:
        message += " " + _("Meanwhile: {measure}").format(measure=_(advisory.meanwhile))
    if advisory.fixed_in:
        remedy = _("Upgrade as soon as this is published: {version}").format(version=_(advisory.fixed_in))
    else:
        remedy = _("No version of CKAN without it is known; see docs/upstream.md")
    return Check(f"CKAN {version}", OK if is_mitigated else WARNING, message, remedy)


CHECKS = (postgresql, redis, solr, workers, mail, options, order, *security_checks.CHECKS, known_weaknesses)


def _first_line(error: Exception) -> str:
    """What an error says, without its trace and without passwords in addresses."""
    return without_credentials((str(error).strip().splitlines() or [type(error).__name__])[0])
