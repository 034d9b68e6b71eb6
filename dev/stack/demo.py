"""`make demo`: install and start everything, and harvest the demonstration catalogue into the portal."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dev.demo import DEFAULT_COUNT

from . import accounts, asking, ckan, packages, publishing, pycsw, services
from .harvest import Harvested, harvest
from .portal import Portal
from .shell import StackError, say

#: Maximum number of errors shown per catalogue; the job report has all.
SHOWN_ERRORS = 5


def run() -> None:
    """Set everything up, harvest, and print what there is to see."""
    begin = time.monotonic()
    folder = os.environ.get("RECORDS")
    count = int(os.environ.get("COUNT") or DEFAULT_COUNT)
    packages.require(*packages.NEEDS)
    with services.stopped_on_failure() as started:
        services.up(started)
        ckan.initialise()
        catalogues = pycsw.serve(count, Path(folder).expanduser() if folder else None)
        for process in (ckan.post_office(), ckan.ogc_server(), pycsw.process(), *ckan.processes()):
            if process.start():
                started.add(process.name)
        portal = accounts.prepare()
        harvested = harvest(portal, catalogues)
        datasets = portal.call("package_search", rows=0)["count"]
        if not datasets:
            raise StackError(f"Nothing was harvested; see {ckan.site_url()}/harvest and .local/log.")
        asking.ask(portal)
        ckan.command("ecosphere", "requests", "tick")
        publishing.publish(portal)
        ckan.command("ecosphere", "access", "read")  # limited to this machine by `allowed_hosts`
        # The nightly run, without checking links: no request leaves this machine.
        ckan.command("ecosphere", "quality", "nightly", "--no-links", "--background")
    _tell(portal, harvested, datasets, time.monotonic() - begin)


def _tell(portal: Portal, harvested: list[Harvested], datasets: int, seconds: float) -> None:
    for done in harvested:
        aside = done.served.records - sum(done.counts.values())
        told = {**done.counts, "set aside (the report names them)": aside} if aside > 0 else done.counts
        counts = ", ".join(f"{number} {what}" for what, number in told.items())
        say(f"\n{done.served.title}: {done.served.records} records: {counts}")
        say(f"  report, for {accounts.ADMIN}: {ckan.site_url()}/harvest/{done.source}/job/last")
        for error in done.errors[:SHOWN_ERRORS]:
            say(f"  - {error[:200]}")
        if len(done.errors) > SHOWN_ERRORS:
            say(f"  … and {len(done.errors) - SHOWN_ERRORS} more in the report")
        for position, name in enumerate(done.served.broken if done.served.name.endswith(pycsw.BROKEN) else [], 1):
            say(f"  position {position} is the file {name}")
    site, known = ckan.site_url(), accounts.passwords()
    lines = [
        f"\nThe portal is ready after {seconds:.0f} s: {site} ({datasets} datasets)",
        "\nAccounts (passwords are kept in .local/credentials.json):",
        *(f"  {user.name:20} {known[user.name]:16} {user.role}" for user in accounts.ACCOUNTS),
        "\nWhat to try next:",
        f"  search                {site}/dataset/?q=zones+humides",
        f"  one service's data    {site}/organization/ddt-01053-01",
        f"  data requests         {site}/demandes (a service's desk: log in as producteur-ddt-01)",
        f"  e-mails it sent       {ckan.mail_url()} (none leaves this machine)",
        f"  maps, tables, QGIS    {site}/dataset/{publishing.SERVICES}",
        f"  quality               {site}/qualite (a service's own: {site}/organization/ddt-01053-01/tableau-de-bord)",
        "  check all links       .venv/bin/ckan -c .local/ckan.ini ecosphere quality links --background",
        "                        (asks the servers that the records name; make demo asks this machine only)",
        f"  harvest sources       {site}/harvest (log in as {accounts.ADMIN})",
        f"  in English            {site}/en/",
        "  harvest your records  make demo RECORDS=/path/to/a/folder",
        "  stop, remove          make stop, make clean",
    ]
    print("\n".join(lines))
