"""Checks of `ckan ecosphere check`: services, tables, options, security, known weaknesses, then
those of rooms.

They take seconds, so a background worker runs them for the administration pages, which show the
latest results.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import smtplib
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ckan
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import rq
import sqlalchemy as sa
import yaml
from ckan import model
from ckan.common import config_declaration
from ckan.lib import jobs, search
from ckan.lib.redis import connect_to_redis
from ckan.lib.search.common import make_connection
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from sqlalchemy.exc import SQLAlchemyError

from ckanext.ecosphere.interfaces import Check, CheckStatus, each_setup
from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.setup.options import HARDENING, PLUGINS, bad_values, corrected, needs
from ckanext.ecosphere.setup.production import LEAST_SECRET, SECRETS, secrets_in
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.characters import without_credentials
from ckanext.ecosphere.shared.http_guard import networks, ports
from ckanext.ecosphere.shared.queue import enqueue_once

ADVISORIES_FILE = Path(__file__).parents[1] / "data" / "advisories.yaml"


@dataclass(frozen=True)
class Advisory:
    """A known vulnerability or weakness of CKAN.

    Attributes:
        id: short name.
        affected: affected CKAN versions.
        option: CKAN option without which it is irrelevant, empty if it always matters.
        message: one or two sentences in English, present in the message catalogue.
        fixed_in: first fixed version, empty if none is known.
        meanwhile: mitigation by this suite, in English, empty if there is none.
    """

    id: str
    affected: SpecifierSet
    option: str
    message: str
    fixed_in: str = ""
    meanwhile: str = ""

    def concerns(self, version: str) -> bool:
        """Return whether a CKAN version is affected."""
        return self.affected.contains(Version(version), prereleases=True)


def read_advisories() -> list[Advisory]:
    """Read all advisories."""
    with ADVISORIES_FILE.open(encoding="utf-8") as stream:
        rows = yaml.safe_load(stream)
    for row in rows:
        row["affected"] = SpecifierSet(row["affected"])
    return [Advisory(**row) for row in rows]


_ = tk._
log = logging.getLogger(__name__)
OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR
MAIL_TIMEOUT = 3
PREFIX = "ecosphere."
LONGEST_SESSION_DAYS = 30
DAY = 86_400
SAMESITE = ("SESSION_COOKIE_SAMESITE", "REMEMBER_COOKIE_SAMESITE")
SECURE = ("SESSION_COOKIE_SECURE", "REMEMBER_COOKIE_SECURE")
HTTPONLY = ("SESSION_COOKIE_HTTPONLY", "REMEMBER_COOKIE_HTTPONLY")
HTTPS = "https://"
LOCAL = ("localhost", "127.0.0.1", "::1")
OTHERS_WRITE, OTHERS_READ = 0o002, 0o004


def cookie_settings() -> list[Check]:
    """Check that cookies are protected from other sites, scripts and plain connections."""
    name = _("Cookies")
    messages = []
    for option in SAMESITE:
        if tk.config.get(option) not in ("Lax", "Strict"):
            message = _("{option} is not Lax or Strict: other sites send the cookie along")
            messages.append(message.format(option=option))
    for option in HTTPONLY:
        if not tk.config.get(option):
            message = _("{option} is off: scripts can read the cookie")
            messages.append(message.format(option=option))
    for option in SECURE:
        if is_https() and not tk.config.get(option):
            message = _("{option} is off: the cookie travels over plain connections")
            messages.append(message.format(option=option))
    faults = [Check(name, ERROR, message) for message in messages]
    days = int(tk.config["PERMANENT_SESSION_LIFETIME"]) // DAY
    if days > LONGEST_SESSION_DAYS:
        message = _("A session lasts {days} days").format(days=days)
        remedy = _("Set PERMANENT_SESSION_LIFETIME to a few days, in seconds")
        faults.append(Check(name, WARNING, message, remedy))
    return faults or [Check(name, OK, _("Kept from other sites, scripts and plain connections"))]


def forged_requests() -> Check:
    """Check that CSRF protection is on."""
    name = _("Forged requests")
    if not tk.config["WTF_CSRF_ENABLED"]:
        message = _("WTF_CSRF_ENABLED is off: other sites act for people who are logged in")
        return Check(name, ERROR, message)
    return Check(name, OK, _("Requests with a session are checked"))


def secrets() -> Check:
    """Check that the secrets that sign sessions and tokens are long enough."""
    name = _("Secrets")
    short = [key for key in SECRETS if len(str(tk.config.get(key) or "")) < LEAST_SECRET]
    if short:
        message = _("{options}: shorter than {number} characters, sessions can be forged")
        remedy = _("Run: {command}").format(
            command='python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
        message = message.format(options=", ".join(short), number=LEAST_SECRET)
        return Check(name, ERROR, message, remedy)
    return Check(name, OK, _("Long enough"))


def secret_files() -> Check:
    """Check that the configuration file holds no secrets,
    and above all none that everybody on the machine can read.
    """
    name = _("Secrets in files")
    file = Path(tk.config["__file__"])
    options = secrets_in(file)
    if not options:
        return Check(name, OK, _("The configuration file holds none"))
    if file.stat().st_mode & OTHERS_READ:
        message = _("Everybody on the machine can read {path}, which holds secrets: {options}")
        remedy = _("Run: {command}").format(command=f"chmod o-rwx {file}")
        return Check(name, ERROR, message.format(path=file, options=", ".join(options)), remedy)
    message = _("Whoever reads {path} knows secrets: {options}")
    remedy = _("Move them to an environment file: docs/security.md, “Secrets”")
    return Check(name, WARNING, message.format(path=file, options=", ".join(options)), remedy)


def address() -> list[Check]:
    """Check that the portal uses https."""
    host = urlsplit(tk.config["ckan.site_url"]).hostname or ""
    if is_https() or host in LOCAL:
        return []
    message = _("ckan.site_url begins with http: passwords and cookies travel in the clear")
    return [Check("HTTPS", ERROR, message, _("See docs/security.md, “What the proxy must add”"))]


def hardening() -> Check:
    """Check that the repairs of CKAN are enabled."""
    name = _("Repairs of CKAN")
    if p.plugin_loaded(HARDENING):
        return Check(name, OK, _("Enabled"))
    message = _("The plugin {plugin} is not enabled: known defects of CKAN stay open").format(
        plugin=HARDENING
    )
    remedy = _(
        "Add it to ckan.plugins, before the plugin ecosphere; docs/upstream.md lists the defects"
    )
    return Check(name, ERROR, message, remedy)


def storage() -> Check:
    """Check that uploaded files are in a folder that only the portal can write to."""
    name = _("Storage")
    path = tk.config.get("ckan.storage_path")
    if not path:
        return Check(name, WARNING, _("ckan.storage_path is not set: no file can be uploaded"))
    folder = Path(path)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        message = _("{path} is no folder that the portal can write to")
        return Check(name, ERROR, message.format(path=path))
    if folder.stat().st_mode & OTHERS_WRITE:
        message = _("Everybody on the machine can write to {path}")
        return Check(name, ERROR, message.format(path=path))
    return Check(name, OK, _("Only the portal writes to {path}").format(path=path))


def debugging() -> Check:
    """Check that debug mode is off."""
    name = _("Debugging")
    if tk.config["debug"]:
        message = _("debug is on: anybody can run code on the server")
        return Check(name, ERROR, message, _("Set debug = false"))
    return Check(name, OK, _("Off"))


def is_https() -> bool:
    """Return whether the portal's own address uses https."""
    return str(tk.config["ckan.site_url"]).lower().startswith(HTTPS)


def check_networks(option: str, use: str) -> list[Check]:
    """Look at an option that names networks.

    Args:
        option: name of the option, a list of networks.
        use: what asks them, in the reader's language.
    """
    name = _("Private networks ({use})").format(use=use)
    try:
        allowed = networks(tk.config[option])
    except ValueError as error:
        message = _("{option} holds what is no network: {error}")
        return [Check(name, ERROR, message.format(option=option, error=error))]
    local = [network for network in allowed if network.is_loopback or _holds_loopback(network)]
    private = [network for network in allowed if not network.is_global]
    if local:
        message = _("{option} lets people have this machine ask itself ({networks})")
        remedy = _("Leave it empty, but for a demonstration")
    elif private:
        message = _("{option} lets people have this machine ask private networks ({networks})")
        remedy = _("Name single addresses, and limit the ports")
    else:
        message = _("{option}: no private network may be asked").format(option=option)
        return [Check(name, OK, message)]
    names = " ".join(map(str, local or private))
    return [Check(name, WARNING, message.format(option=option, networks=names), remedy)]


def check_ports(option: str, use: str) -> list[Check]:
    """Look at an option that names ports; one that is right needs no word.

    Args:
        option: name of the option, a list of ports.
        use: what asks them, in the reader's language.
    """
    try:
        ports(tk.config[option])
    except ValueError as error:
        message = _("{option} holds what is no port, so that no address can be asked: {error}")
        remedy = _("Write numbers from 1 to 65535, or leave it empty for all ports")
        name = _("Allowed ports ({use})").format(use=use)
        return [Check(name, ERROR, message.format(option=option, error=error), remedy)]
    return []


def _holds_loopback(network: Any) -> bool:
    """Return whether a network contains all loopback addresses, as 0.0.0.0/0 does."""
    for loopback in networks(("127.0.0.0/8", "::1")):
        if loopback.version == network.version and loopback.subnet_of(network):
            return True
    return False


def run() -> list[Check]:
    """Run all checks; a check that raises is reported as an error, and the others still run."""
    checks: list[Check] = []
    for look in CHECKS:
        checks += _guarded(look.__name__, look)
    for plugin in each_setup():
        checks += _guarded(plugin.name, plugin.ecosphere_check)
    return checks


def _guarded(name: str, look: Callable[[], Check | list[Check]]) -> list[Check]:
    try:
        checks = look()
    except Exception as error:
        model.Session.rollback()
        log.debug("Check %s failed", name, exc_info=True)
        message = _("This could not be checked: {error}")
        reason = f"{name}, {_first_line(error)}"
        checks = Check(_("A check of the portal"), ERROR, message.format(error=reason))
    if isinstance(checks, Check):
        return [checks]
    return checks


def postgresql() -> Check:
    """Check that the database answers and has all tables."""
    name = "PostgreSQL"
    try:
        version = model.Session.execute(sa.text("SHOW server_version")).scalar()
    except SQLAlchemyError as error:
        model.Session.rollback()
        message = _("The database does not answer: {error}")
        return Check(name, ERROR, message.format(error=_first_line(error)))
    names = migrations.pending(migrations.all_enabled())
    pending = [name or "CKAN" for name in names]
    if pending:
        message = _("Tables are missing or out of date: {names}").format(names=", ".join(pending))
        remedy = _("Run: {command}").format(command="ckan ecosphere init")
        return Check(name, ERROR, message, remedy)
    return Check(name, OK, _("Version {version}, all tables up to date").format(version=version))


def redis() -> Check:
    """Check that Redis answers."""
    try:
        version = connect_to_redis().info("server")["redis_version"]
    except Exception as error:
        message = _("Redis does not answer: {error}")
        return Check("Redis", ERROR, message.format(error=_first_line(error)))
    return Check("Redis", OK, _("Version {version}").format(version=version))


def solr() -> Check:
    """Check that Solr answers, with a schema supported by CKAN and with all datasets."""
    try:
        if not search.check_solr_schema_version():
            url = without_credentials(tk.config["solr_url"])
            return Check("Solr", ERROR, _("Solr does not answer at {url}").format(url=url))
    except search.SearchError as error:
        message = _("CKAN does not accept its schema: {error}")
        return Check("Solr", ERROR, message.format(error=error))
    active = model.Session.query(model.Package).filter_by(state="active").count()
    indexed = indexed_datasets()
    if active != indexed:
        message = _("The index has {indexed} datasets, the database {active}")
        remedy = _("Run: {command}").format(command="ckan search-index rebuild")
        return Check("Solr", WARNING, message.format(indexed=indexed, active=active), remedy)
    message = _("Answers, and the index has every dataset ({number})")
    return Check("Solr", OK, message.format(number=indexed))


def indexed_datasets() -> int:
    """Return the number of active datasets of all types in the index;
    `package_search` hides some types.
    """
    here = f'site_id:"{tk.config["ckan.site_id"]}"'
    datasets = make_connection().search(
        "*:*", fq=[here, "entity_type:package", "state:active"], rows=0
    )
    return datasets.hits


def workers() -> Check:
    """Check that a background worker listens to each queue used by a room."""
    name = _("Background workers")
    try:
        running = rq.Worker.all(connection=connect_to_redis())
    except Exception as error:
        message = _("Workers cannot be listed: {error}")
        return Check(name, ERROR, message.format(error=_first_line(error)))
    heard = {queue for worker in running for queue in worker.queue_names()}
    needed = {jobs.DEFAULT_QUEUE_NAME}
    for plugin in each_setup():
        needed.update(plugin.ecosphere_queues())
    missing = sorted(queue for queue in needed if jobs.add_queue_name_prefix(queue) not in heard)
    if missing:
        message = _("No worker listens to: {queues}. Harvests and messages wait.").format(
            queues=", ".join(missing)
        )
        remedy = _("Run: {command}").format(command=f"ckan jobs worker {' '.join(missing)}")
        return Check(name, ERROR, message, remedy)
    message = _("Every queue has a worker ({number} running)").format(number=len(running))
    return Check(name, OK, message)


def mail() -> Check:
    """Check that mail is configured and its server answers.

    Without `smtp.server` CKAN silently sends nothing.
    """
    name = _("Mail")
    missing = [key for key in ("smtp.server", "smtp.mail_from") if not tk.config.get(key)]
    if missing:
        message = _("Mail is not configured ({options} missing): no e-mail is sent")
        return Check(name, WARNING, message.format(options=", ".join(missing)))
    server = tk.config["smtp.server"]
    try:
        with smtplib.SMTP(server, timeout=MAIL_TIMEOUT) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException, socket.gaierror) as error:
        message = _("The mail server {server} does not answer: {error}")
        return Check(name, WARNING, message.format(server=server, error=_first_line(error)))
    return Check(name, OK, _("The mail server {server} answers").format(server=server))


def options() -> list[Check]:
    """Check that every `ecosphere.…` option is known, well-formed and, if required, set."""
    name = _("Options")
    declared = {str(key) for key in config_declaration.iter_options(pattern=f"{PREFIX}*")}
    unknown = [key for key in tk.config if key.startswith(PREFIX) and key not in declared]
    faults: list[Check] = []
    for key in sorted(unknown):
        near = difflib.get_close_matches(key, declared, 1)
        message = _("{option} is not a known option").format(option=key)
        remedy = ""
        if near:
            remedy = _("Did you mean {option}?").format(option=near[0])
        faults.append(Check(name, WARNING, message, remedy))
    bad = list(bad_values(tk.config))
    faults += [Check(name, ERROR, value.sentence, value.remedy) for value in bad]
    named = {value.option for value in bad}
    _unused, errors = config_declaration.validate(tk.config)
    for key, messages in sorted(errors.items()):
        if key.startswith(PREFIX) and key not in named:
            sentence = f"{key} = {tk.config.get(key)}: {'; '.join(map(str, messages))}"
            faults.append(Check(name, ERROR, sentence))
    return faults or [Check(name, OK, _("All options of the access desk are well-formed"))]


def order() -> Check:
    """Check the order of the plugins."""
    name = _("Order of the plugins")
    plugins = tk.aslist(tk.config.get(PLUGINS))
    wrong = [need for need in needs() if need.is_misplaced(plugins)]
    if not wrong:
        return Check(name, OK, _("Each plugin stands where it should"))
    pairs = ", ".join(
        _("{plugin} before {other}").format(plugin=need.plugin, other=need.other) for need in wrong
    )
    remedy = _("Write: {line}").format(line=f"{PLUGINS} = {' '.join(corrected(plugins))}")
    message = _("These must stand before others: {pairs}").format(pairs=pairs)
    return Check(name, ERROR, message, remedy)


def known_weaknesses() -> list[Check]:
    """Check for known weaknesses of this CKAN version that are relevant here."""
    version = ckan.__version__
    weaknesses = [
        _advice(version, advisory)
        for advisory in read_advisories()
        if advisory.concerns(version) and (not advisory.option or tk.config.get(advisory.option))
    ]
    return weaknesses or [Check(f"CKAN {version}", OK, _("No known weakness"))]


def _advice(version: str, advisory: Advisory) -> Check:
    """Return the check of an advisory: a warning, unless the plugin with
    the repairs of CKAN mitigates it.
    """
    message = _(advisory.message)
    status = WARNING
    if advisory.meanwhile and p.plugin_loaded(HARDENING):
        status = OK
        message += " " + _("Meanwhile: {measure}").format(measure=_(advisory.meanwhile))
    if advisory.fixed_in:
        remedy = _("Upgrade as soon as this is published: {version}").format(
            version=_(advisory.fixed_in)
        )
    else:
        remedy = _("No version of CKAN without it is known; see docs/upstream.md")
    return Check(f"CKAN {version}", status, message, remedy)


CHECKS = (
    postgresql,
    redis,
    solr,
    workers,
    mail,
    options,
    order,
    cookie_settings,
    forged_requests,
    secrets,
    secret_files,
    address,
    hardening,
    storage,
    debugging,
    known_weaknesses,
)


def _first_line(error: Exception) -> str:
    """Return what an error says, or its class, without its trace and passwords in addresses."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return without_credentials(lines[0])


KEPT_SECONDS = 7 * 24 * 3600
ORDER = (ERROR, WARNING, OK)


def ask_worker(spoken: str) -> bool:
    """Queue the checks, in a language.

    Return whether they are queued now (False while Redis is down).
    """
    return enqueue_once(
        run_in_worker, [spoken], job_id=f"ecosphere-check-{spoken}", title="Check of the portal",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )  # fmt: skip


def run_in_worker(spoken: str) -> None:
    """Run all checks and store the results."""
    with language.speaking(spoken):
        checks = [{**asdict(check), "status": check.status.value} for check in run()]
    stored = {"at": datetime.now(timezone.utc).isoformat(), "checks": checks}
    connect_to_redis().set(_key(spoken), json.dumps(stored), ex=KEPT_SECONDS)


def last_results(spoken: str) -> tuple[datetime | None, list[Check]]:
    """Return the time of the last checks, None if older than a week, and their results,
    errors first.
    """
    stored: Any = connect_to_redis().get(_key(spoken))
    if not stored:
        return None, []
    content = json.loads(stored)
    checks = [
        Check(**{**fields, "status": CheckStatus(fields["status"])}) for fields in content["checks"]
    ]
    checks.sort(key=lambda check: ORDER.index(check.status))
    return datetime.fromisoformat(content["at"]), checks


def _key(spoken: str) -> str:
    return f"ecosphere:check:{tk.config['ckan.site_id']}:{spoken}"
