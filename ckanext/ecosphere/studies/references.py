"""National references: sites outside of the portal that know something of a place, and whether they
still do.

Links only: the portal never takes an answer of theirs for the state of a need. Those with an API
are asked each week for places whose answer is known (`golden`). One that answers otherwise, or not
at all, is shown as "did not answer" until it does: Docurba once told a commune of eight risks that
it had none, since a page had changed what it expects in its address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any
from urllib.parse import quote

from ckan.model.system_info import get_system_info, set_system_info

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared.http_guard import Budget, FetchError, GuardedSession, StoppedError
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.parsing import load_json
from ckanext.ecosphere.studies import config
from ckanext.ecosphere.studies.content import DATA, checked, load
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.vocabularies import communes
from ckanext.ecosphere.work.jobs import Job

FILE = DATA / "references.yaml"

#: Bytes.
LARGEST_ANSWER = 4 * 1024 * 1024
EVERY = timedelta(days=7)
_OK = 200

ANSWERED, WRONG, NO_ANSWER = "answered", "wrong", "no-answer"
#: Key in CKAN's `system_info`.
_LAST_CHECKS = "ecosphere.studies.references"


VERIFY = Job(
    name="ecosphere-studies-verify",
    function="ckanext.ecosphere.studies.references.verify_references",
    title="Studies: references",
    queue=config.QUEUE,
    seconds=3600,
    lock="studies:references",
)
VERIFY_SECONDS = 600


@dataclass(frozen=True)
class Reference:
    """A reference.

    Attributes:
        label: name by language.
        home: address of the site; `url` is a template that takes the place, "" if there is none.
        territories: ids of the territories outside of which it knows nothing, empty for all.
        api: template of an address whose JSON has a count at the path `count`, "" for none.
        golden: places whose answer is known: values of what the address takes, and the `least`
            count.
    """

    key: str
    label: dict[str, str]
    home: str
    url: str = ""
    territories: Sequence[str] = ()
    api: str = ""
    count: str = ""
    golden: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Check:
    """The outcome of a weekly check.

    Attributes:
        state: answered, wrong (otherwise than expected) or no-answer.
        detail: for administrators, in English: what was asked, and what came.
        at: ISO moment (UTC).
    """

    key: str
    state: str
    detail: str
    at: str


@dataclass(frozen=True)
class Link:
    """A link for a need on a site.

    Attributes:
        exact: whether the address leads to the site's own page, not only to the home page.
        answers: whether nothing speaks against the reference; if not, it "did not answer" when it
            was last asked.
    """

    reference: Reference
    url: str
    exact: bool
    answers: bool


# --- reading -------------------------------------------------------------------------------------


@cache
def references() -> dict[str, Reference]:
    """Return the references of `data/references.yaml` by key.

    Raises:
        ContentError: the file is wrong.
    """
    lists = {"territories": voc.get("territories")}
    rows = checked(load(FILE), "references", FILE.name, lists)
    return {key: Reference(key, **row) for key, row in rows.items()}


# --- links ---------------------------------------------------------------------------------------


def links(need: Need, site: Site, checks: Mapping[str, Check]) -> tuple[Link, ...]:
    """Return the links of a need for a site.

    Args:
        checks: outcomes of the last checks by key (`last_checks`).
    """
    values = values_of(site)
    of_need = [references()[key] for key in need.references if key in references()]
    result = []
    for reference in of_need:
        if not reference.territories or set(reference.territories).intersection(site.territories):
            url = filled(reference.url, values)
            check = checks.get(reference.key)
            answers = check is None or check.state == ANSWERED
            result.append(Link(reference, url or reference.home, bool(url), answers))
    return tuple(result)


def values_of(site: Site) -> dict[str, str]:
    """Return what addresses can take of a site; of several communes the first."""
    west, south, east, north = site.box
    middle = site.area.representative_point()
    values = {
        "lon": f"{middle.x:.5f}",
        "lat": f"{middle.y:.5f}",
        "bbox": f"{west:.5f},{south:.5f},{east:.5f},{north:.5f}",
    }
    ids = list(site.territories)
    if site.kind == "communes":
        ids = [f"commune-{code}" for code in site.codes] + ids
    for id_ in ids:
        commune = communes.of_code(id_.removeprefix("commune-"))
        if commune:
            values.setdefault("code_insee", commune.code)
            values.setdefault("commune", commune.name)
        territory = voc.get("territories").get(id_)
        if territory and territory.data["departement_code"]:
            values.setdefault("departement", str(territory.data["departement_code"]))
    return values


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Return an address with the values of a site; "" if it takes one that the site lacks."""
    quoted = {name: quote(str(value), safe=",.") for name, value in values.items()}
    try:
        return template.format_map(quoted)
    except KeyError:
        return ""


# --- weekly check --------------------------------------------------------------------------------


def verify(session: GuardedSession, now: datetime) -> dict[str, Check]:
    """Ask each API for the places whose answer is known; return the outcomes by key.

    Args:
        session: guarded; its settings and budget bound the time.
    """
    at = now.isoformat(timespec="seconds")
    return {
        key: Check(key, *_verified(reference, session), at)
        for key, reference in references().items()
        if reference.api
    }


def _verified(reference: Reference, session: GuardedSession) -> tuple[str, str]:
    """Return the state of a reference, and why: that of the first place that is not as expected."""
    for golden in reference.golden:
        url = filled(reference.api, golden)
        try:
            answer = session.get(url, max_bytes=LARGEST_ANSWER)
        except (FetchError, StoppedError) as error:
            return NO_ANSWER, f"{url}: {error}"
        if answer.status != _OK:
            return NO_ANSWER, f"{url}: HTTP {answer.status}"
        try:
            counted = count_at(load_json(answer.body), reference.count)
        except ValueError:
            return WRONG, f"{url}: no count at {reference.count}"
        if counted < golden["least"]:
            return (
                WRONG,
                f"{url}: {counted} at {reference.count}, at least {golden['least']} expected",
            )
    return ANSWERED, ""


def count_at(document: Any, path: str) -> int:
    """Return the count at a path of a JSON document ("data.0.list"); a list counts its entries.

    Raises:
        ValueError: nothing is there that counts.
    """
    value = document
    try:
        for step in path.split("."):
            key: Any = step
            if isinstance(value, list):
                key = int(step)
            value = value[key]
    except (KeyError, IndexError, TypeError, ValueError):
        raise ValueError(path) from None
    if isinstance(value, list):
        return len(value)
    if type(value) is int and value >= 0:
        return value
    raise ValueError(path)


def keep(checks: Mapping[str, Check]) -> None:
    """Store the outcomes of a check."""
    rows = [asdict(check) for check in checks.values()]
    set_system_info(_LAST_CHECKS, json.dumps(rows))


def last_checks() -> dict[str, Check]:
    """Return the outcomes of the last check by key; none before the first."""
    rows = json.loads(get_system_info(_LAST_CHECKS) or "[]")
    return {row["key"]: Check(**row) for row in rows}


def is_due(checks: Mapping[str, Check], now: datetime) -> bool:
    """Return whether the references have not been checked for a week."""
    moments = [datetime.fromisoformat(check.at) for check in checks.values()]
    return not moments or min(moments) < now - EVERY


def verify_references() -> int:
    """Ask the national references for places whose answer is known (background job).

    Return how many were asked.
    """
    with Locks() as locks:
        if not locks.take(VERIFY.lock):
            return 0  # another process asks them
        budget = Budget(seconds=VERIFY_SECONDS)
        megabytes = LARGEST_ANSWER // config.MEGABYTE
        settings = config.guard_settings(config.seconds(), megabytes)
        checks = verify(GuardedSession(settings, budget=budget), datetime.now(timezone.utc))
        keep(checks)
        return len(checks)


def verify_if_due() -> int:
    """Queue the check of references if it is due; return 1 if it is."""
    if not is_due(last_checks(), datetime.now(timezone.utc)):
        return 0
    return int(VERIFY.enqueue())
