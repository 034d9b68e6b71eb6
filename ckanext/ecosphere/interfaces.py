"""Plugin interfaces by which rooms extend `ckan ecosphere`, dashboards, search order and alerts.

Rooms never import each other, yet `ckan ecosphere init` sets all of them up and
`ckan ecosphere check` checks all of them. Each room's plugin therefore implements these interfaces,
and the shared commands ask the enabled plugins::

    class EcosphereQualityPlugin(p.SingletonPlugin):
        p.implements(IEcosphereCommands)
        p.implements(IEcosphereSetup, inherit=True)

        def get_ecosphere_commands(self):
            return [cli.quality]            # reached as `ckan ecosphere quality …`

        def ecosphere_check(self):
            return [Check("quality table", CheckStatus.OK, tk._("Up to date"))]
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.plugins.interfaces import Interface


class CheckStatus(enum.Enum):
    """Outcome of a check; only `ERROR` makes the command end with exit code 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Check:
    """One line of `ckan ecosphere check`.

    Attributes:
        name: what was checked, in the reader's language ("Solr", "Background workers"…).
        status: the outcome.
        message: the finding, in one plain sentence.
        remedy: what to run or change; empty when there is nothing to do.
    """

    name: str
    status: CheckStatus
    message: str
    remedy: str = ""


@dataclass
class InitReport:
    """Report of `ckan ecosphere init`, emitted line by line while it works.

    A step calls `changed` when it wrote something and `unchanged` when there was nothing to do, so
    that a second run shows only unchanged steps.

    Attributes:
        emit: receives (kind, message) for each line; the command prints it, tests collect it.
        lines: all lines so far, as (kind, message); kind is "changed", "unchanged" or "failed".
    """

    emit: Callable[[str, str], None] = lambda kind, message: None
    lines: list[tuple[str, str]] = field(default_factory=list)

    def changed(self, message: str) -> None:
        """Report that something was created or modified."""
        self._add("changed", message)

    def unchanged(self, message: str) -> None:
        """Report that a step found nothing to do."""
        self._add("unchanged", message)

    def failed(self, message: str) -> None:
        """Report that a step failed; the others go on and the command ends with exit code 1."""
        self._add("failed", message)

    @property
    def ok(self) -> bool:
        """Return whether no step failed."""
        return all(kind != "failed" for kind, _message in self.lines)

    def _add(self, kind: str, message: str) -> None:
        self.lines.append((kind, message))
        self.emit(kind, message)


class IEcospherePlugin(Interface):
    """Marker interface of the plugins of the suite."""


@dataclass(frozen=True)
class LeavingStep:
    """A step of `ckan ecosphere leave`, run before the plugins are disabled.

    Attributes:
        plan: what will be done, in one sentence for the administrator.
        run: does it and returns, in one sentence, what was done; called in one transaction with the
            steps of the other rooms.
    """

    plan: str
    run: Callable[[], str]


class IEcosphereCommands(Interface):
    """Add sub-commands to `ckan ecosphere`."""

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the commands or groups of this room.

        Returns:
            click commands; their names must not clash with those of other rooms.
        """
        return []


@dataclass(frozen=True)
class Gauge:
    """A figure for monitoring, for each combination of its labels.

    Attributes:
        name: its name in Prometheus, with the unit at the end.
        meaning: its help text there.
        values: values by label values; the key () is that of a figure without labels.
        labels: names of the labels.
    """

    name: str
    meaning: str
    values: Mapping[tuple[str, ...], float]
    labels: tuple[str, ...] = ()


class IEcosphereSetup(Interface):
    """Take part in `ckan ecosphere init` and `ckan ecosphere check`.

    Implement with `inherit=True`: each method has a default that does nothing.
    """

    def ecosphere_init(self, report: InitReport) -> None:
        """Set up this room; called once the tables of all plugins are migrated and the services
        exist.

        Must be idempotent and must never undo a person's changes.

        Args:
            report: receives what was done. An exception becomes a failed step; the other rooms
                still run.
        """

    def ecosphere_plan(self) -> list[str]:
        """Return what `ecosphere_init` would change, without changing anything; the tables may not
        exist yet.

        Returns:
            one sentence per change; empty when there is nothing to do.
        """
        return []

    def ecosphere_check(self) -> list[Check]:
        """Check what this room needs (services, tables, options) without changing anything.

        Returns:
            one `Check` per thing checked.
        """
        return []

    def ecosphere_leave(self, kept: Collection[str]) -> list[LeavingStep]:
        """Return what this room does before the plugins are disabled (`ckan ecosphere leave`).

        `ecosphere_init` undoes it when they are enabled again.

        Args:
            kept: names of the plugins that stay enabled.
        """
        return []

    def ecosphere_recover(self) -> list[str]:
        """Restart work that a killed process, an emptied queue or an outage left undone.

        Called every few seconds by `ckan ecosphere watch`, so it must be cheap when there is
        nothing to do. It must find the work in the database, never in the queue, and be idempotent.
        It may raise: it is called again.

        Returns:
            a short description of each piece of work restarted, for the log.
        """
        return []

    def ecosphere_jobs(self) -> Sequence[Any]:
        """Return the background jobs that `ckan ecosphere watch` queues again when they were lost
        (`work.jobs.Job`).

        What rows of work they take up, e-mails and long runs, is resumed as well.
        """
        return []

    def ecosphere_gauges(self) -> Iterable[Gauge]:
        """Return figures of this room for monitoring, read at each scrape: a handful of cheap
        queries.

        Their names begin with "ecosphere_"; labels have few values, and no personal data.
        """
        return []

    def ecosphere_queues(self) -> list[str]:
        """Return the background-job queues that this room uses.

        Returns:
            queue names without CKAN's prefix, e.g. ["ecosphere:harvest"]; `check` verifies that
            each has a worker.
        """
        return []


def each_setup() -> Any:
    """Iterate over the enabled plugins that implement `IEcosphereSetup`, in CKAN's plugin order."""
    from ckan.plugins import PluginImplementations

    return PluginImplementations(IEcosphereSetup)


# --- dashboards ---
MOST_LINES = 5
"""Lines shown on a card; its links lead to the rest."""


@dataclass(frozen=True)
class Service:
    """An organisation for which a person edits datasets."""

    id: str
    name: str
    title: str


@dataclass(frozen=True)
class Person:
    """The owner of a dashboard.

    Attributes:
        id: account id.
        name: account name.
        sysadmin: whether the person is a sysadmin.
        services: organisations of which the person is editor or administrator, sorted by title.
    """

    id: str
    name: str
    sysadmin: bool
    services: Sequence[Service]

    def ask(self, action: str, data: dict[str, Any] | None = None) -> Any:
        """Call an action with the person's own rights."""
        user = model.Session.get(model.User, self.id)
        return tk.get_action(action)({"user": self.name, "auth_user_obj": user}, data or {})


@dataclass(frozen=True)
class Link:
    """A link on a dashboard.

    Attributes:
        url: its target, on this portal.
        icon: name of a symbol of the icon font.
        rank: sort key, smallest first.
    """

    label: str
    url: str
    icon: str = "arrow-right"
    rank: int = 50


@dataclass(frozen=True)
class Line:
    """A pending item on a dashboard card.

    Attributes:
        label: its title.
        url: the page on which to deal with it.
        note: a few words about it.
        urgent: whether it is late or broken.
    """

    label: str
    url: str
    note: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class Card:
    """A dashboard card: pending items of one kind.

    Attributes:
        key: identifies the card on the page.
        title: the kind of items.
        icon: name of a symbol of the icon font.
        count: number of items, including those not among the lines.
        lines: the first items, `MOST_LINES` at most.
        links: links to the rest.
        rank: position on the page, smallest first.
    """

    key: str
    title: str
    icon: str
    count: int
    lines: Sequence[Line]
    links: Sequence[Link] = ()
    rank: int = 50

    @property
    def urgent(self) -> bool:
        """Return whether an item is late or broken."""
        return any(line.urgent for line in self.lines)


class IEcospherePopularity(Interface):
    """Report how much datasets are used, for the order of search results."""

    def ecosphere_popularity(self) -> Iterable[tuple[str, float]]:
        """Return pairs of dataset id and usage points, a download counting one; called daily by a
        background job.

        A dataset may occur several times.
        """
        return []


class IEcosphereDashboard(Interface):
    """Contribute to people's dashboards; implement with `inherit=True`."""

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Return the person's pending items, read with their own rights.

        No card when nothing is pending.
        """
        return []

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Return links to what the person can start."""
        return []


# --- alerts ---


@dataclass(frozen=True)
class News:
    """A new or changed result of a saved search, as listed in an e-mail; all texts are plain.

    Attributes:
        title: its title.
        url: absolute URL of its page.
        about: its place, its owner, and the date on which it was created or changed.
    """

    title: str
    url: str
    about: str


class AlertSubject(abc.ABC):
    """A kind of object for which searches can be saved; the alert engine keeps the searches and
    sends the e-mails.

    Searches are URL query strings ("q=eau&theme=…"); texts are in the current language.

    Attributes:
        key: identifies it in the database and in URLs.
        page: path of the search page.
    """

    key: str
    page: str

    @abc.abstractmethod
    def name(self) -> str:
        """Return the name of these objects, in the plural."""

    @abc.abstractmethod
    def explanation(self) -> str:
        """Return the text that introduces the name of the search: what the alert reports."""

    @abc.abstractmethod
    def canonical(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return the canonical form of a search, the same for all equivalent searches.

        Raises:
            ValidationError: it is not a search.
        """

    @abc.abstractmethod
    def checked(self, search: str, reader: model.User | None) -> str:
        """Return a search in the form saved for a reader.

        Raises:
            ValidationError: it cannot be run.
        """

    @abc.abstractmethod
    def title(self, search: str) -> str:
        """Describe a search in words."""

    @abc.abstractmethod
    def address(self, search: str) -> str:
        """Return the absolute URL of the page of a search."""

    @abc.abstractmethod
    def feed(self, search: str) -> str:
        """Return the URL of the Atom feed of a search."""

    @abc.abstractmethod
    def look(
        self, search: str, reader: model.User | None, since: datetime, until: datetime, rows: int
    ) -> tuple[int, list[str]]:
        """Return how many objects were created or changed in the interval,
        and the ids of the latest ones.
        """

    @abc.abstractmethod
    def news(self, ids: Sequence[str], reader: model.User | None, since: datetime) -> list[News]:
        """Describe objects, only those that the reader may read now."""

    @abc.abstractmethod
    def sentence(self, count: int) -> str:
        """Return the sentence that says how many objects are new or changed."""


class IEcosphereAlerts(Interface):
    """Add kinds of objects for which searches can be saved; implement with `inherit=True`."""

    def ecosphere_alert_subjects(self) -> list[AlertSubject]:
        """Return the kinds of objects for which searches can be saved."""
        return []
