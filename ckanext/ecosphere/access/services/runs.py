"""Read services: hosts in parallel, the services of one host sequentially."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from urllib.parse import urlsplit

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.services import reading, storage
from ckanext.ecosphere.access.services.description import NoDescriptionError
from ckanext.ecosphere.access.services.messages import MESSAGES, SILENT
from ckanext.ecosphere.access.services.storage import HOST_DOWN, Outcome
from ckanext.ecosphere.dataset.services import ServiceAddress
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession

log = logging.getLogger(__name__)

HOSTS_AT_ONCE = 4
#: Consecutive failures after which the remaining services of a host are postponed.
FAILURES_OF_A_HOST = 3


def ask(session: GuardedSession, address: ServiceAddress) -> Outcome:
    """Read a service; exceptions are converted to error codes."""
    try:
        return Outcome(reading.read(session, address))
    except NoDescriptionError as error:
        return Outcome(error=error.code)
    except FetchError as error:
        code = "refused" if error.refused and error.code != "too-large" else error.code
        return Outcome(error=code if code in MESSAGES else "connection")
    except Exception:
        log.exception("The description of %s could not be read", address.url)
        return Outcome(error="unreadable")


def run(addresses: Sequence[ServiceAddress], seconds: float, session: GuardedSession | None = None) -> int:
    """Read services and store their descriptions; those not reached in time stay due.

    Args:
        addresses: the services.
        seconds: time after which no further service is requested.
        session: session for the requests.

    Returns:
        number of services read.
    """
    session = session or GuardedSession(config.guard_settings())
    by_host: dict[str, list[ServiceAddress]] = defaultdict(list)
    for address in addresses:
        by_host[urlsplit(address.url).hostname or ""].append(address)
    end, pause, lock = time.monotonic() + seconds, config.read_pause(), Lock()
    outcomes: list[tuple[ServiceAddress, Outcome]] = []

    def ask_host(queue: list[ServiceAddress]) -> None:
        silent = 0
        for number, address in enumerate(queue):
            if time.monotonic() > end:
                return
            if number and silent < FAILURES_OF_A_HOST:
                time.sleep(pause)
            outcome = ask(session, address) if silent < FAILURES_OF_A_HOST else Outcome(error=HOST_DOWN)
            silent = silent + 1 if outcome.error in SILENT or outcome.error == HOST_DOWN else 0
            with lock:
                outcomes.append((address, outcome))

    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        list(pool.map(ask_host, by_host.values()))
    return storage.write(outcomes)
