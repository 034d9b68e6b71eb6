"""What a room can contribute to the shared `ckan ecosphere` commands, and to people's dashboards.

A room never imports another one, yet `ckan ecosphere init` sets all of them up and `ckan ecosphere check`
looks at all of them. Each room's plugin therefore declares its part here, and the base plugin collects them::

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
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.plugins.interfaces import Interface


class CheckStatus(enum.Enum):
    """Outcome of one check; only `ERROR` makes the command end with exit code 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Check:
    """One line of `ckan ecosphere check`.

    Attributes:
        name: what was looked at, in the reader's language ("Solr", "Background workers"…).
        status: the outcome.
        message: one plain sentence: what was found.
        remedy: what to run or change, empty when nothing is to be done.
    """

    name: str
    status: CheckStatus
    message: str
    remedy: str = ""


@dataclass
class InitReport:
    """What `ckan ecosphere init` did, told line by line while it works.

    A step calls `changed` when it wrote something and `unchanged` when there was nothing to do, so that a
    second run shows only unchanged steps.

    Attributes:
        emit: receives (kind, message) for each line; the command prints it, tests collect it.
        lines: all lines so far, as (kind, message); kind is "changed", "unchanged" or "failed".
    """

    emit: Callable[[str, str], None] = lambda kind, message: None
    lines: list[tuple[str, str]] = field(default_factory=list)

    def changed(self, message: str) -> None:
        """Tell that something was created or modified."""
        self._add("changed", message)

    def unchanged(self, message: str) -> None:
        """Tell that a step found nothing to do."""
        self._add("unchanged", message)

    def failed(self, message: str) -> None:
        """Tell that a step could not be done; the others go on and the command ends with exit code 1."""
        self._add("failed", message)

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(kind != "failed" for kind, _message in self.lines)

    def _add(self, kind: str, message: str) -> None:
        self.lines.append((kind, message))
        self.emit(kind, message)


class IEcospherePlugin(Interface):
    """Marks the plugins of the suite."""


@dataclass(frozen=True)
class LeavingStep:
    """What a room does before the plugins are disabled.

    Attributes:
        plan: one sentence for the administrator: what will be done.
        run: does it, and tells in one sentence what was done; called with the folder of the export, which exists, and
            within one transaction with the steps of the other rooms.
    """

    plan: str
    run: Callable[[Path], str]


class IEcosphereCommands(Interface):
    """Add sub-commands to `ckan ecosphere`."""

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the commands or groups of this room.

        Returns:
            click commands; their names must not clash with those of another room.
        """
        return []


class IEcosphereSetup(Interface):
    """Take part in `ckan ecosphere init` and `ckan ecosphere check`.

    Implement with `inherit=True`: each method has a default that does nothing.
    """

    def ecosphere_init(self, report: InitReport) -> None:
        """Set this room up; called once the tables of every plugin are migrated and the services exist.

        Must be idempotent, and must never undo what a person changed.

        Args:
            report: receives what was done. An exception becomes a failed step; the other rooms still run.
        """

    def ecosphere_plan(self) -> list[str]:
        """Tell what `ecosphere_init` would change, without changing anything; the tables may not exist yet.

        Returns:
            one sentence for each change, none when there is nothing to do.
        """
        return []

    def ecosphere_check(self) -> list[Check]:
        """Look at what this room needs (services, tables, options) without changing anything.

        Returns:
            one `Check` per thing looked at.
        """
        return []

    def ecosphere_leave(self, kept: Collection[str]) -> list[LeavingStep]:
        """Say what this room does before the plugins are disabled (`ckan ecosphere leave`).

        `ecosphere_init` undoes it when they are enabled again.

        Args:
            kept: names of the plugins that stay enabled.
        """
        return []

    def ecosphere_recover(self) -> list[str]:
        """Find what a killed process, an emptied queue or a service that was away left undone, and have it done.

        Called every few seconds by `ckan ecosphere watch`: cheap when there is nothing to do. What there is to do must
        be told by the database, never by the queue, and doing it twice must do no harm. May raise: it is called again.

        Returns:
            what was taken up, one short text each, for the log.
        """
        return []

    def ecosphere_queues(self) -> list[str]:
        """Name the background-job queues on which this room puts work.

        Returns:
            queue names without CKAN's prefix, e.g. ["ecosphere:harvest"]; `check` verifies that a worker
            listens to each.
        """
        return []


def each_setup() -> Any:
    """Iterate over the enabled plugins that take part in set-up, in CKAN's plugin order."""
    from ckan.plugins import PluginImplementations

    return PluginImplementations(IEcosphereSetup)


# --- dashboards ---

MOST_LINES = 5
"""Lines of a card; its links lead to the rest."""


@dataclass(frozen=True)
class Service:
    """An organisation that a person describes data for."""

    id: str
    name: str
    title: str


@dataclass(frozen=True)
class Person:
    """Whose dashboard it is.

    Attributes:
        id: of the account.
        name: of the account.
        sysadmin: whether the person administers the portal.
        services: organisations of which the person is editor or administrator, by title.
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
    """A way on.

    Attributes:
        label: what a person reads.
        url: where it leads, on this portal.
        icon: name of a symbol of the icon font.
        rank: place among others, the smallest first.
    """

    label: str
    url: str
    icon: str = "arrow-right"
    rank: int = 50


@dataclass(frozen=True)
class Line:
    """One thing that waits.

    Attributes:
        label: its title.
        url: where it is done.
        note: what is to be known of it, in a few words.
        urgent: whether it is late or broken.
    """

    label: str
    url: str
    note: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class Card:
    """Things of one kind.

    Attributes:
        key: identifies the card on the page.
        title: what they are.
        icon: name of a symbol of the icon font.
        count: how many there are, also those that are not among the lines.
        lines: the first of them, `MOST_LINES` at most.
        links: ways to the rest.
        rank: place on the page, the smallest first.
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
        """Whether something in it is late or broken."""
        return any(line.urgent for line in self.lines)


class IEcospherePopularity(Interface):
    """Tell how much datasets are used, for the order of search results."""

    def ecosphere_popularity(self) -> Iterable[tuple[str, float]]:
        """Return datasets with what their use counts, in points: a download is one.

        Called once a day by a background job.

        Returns:
            id of the dataset and points; a dataset may come several times.
        """
        return []


class IEcosphereDashboard(Interface):
    """Take part in people's dashboards; implement with `inherit=True`."""

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Tell what waits for a person, with the person's rights; nothing that waits gives no card."""
        return []

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Name what the person can begin from there."""
        return []


# --- alerts ---


@dataclass(frozen=True)
class News:
    """One thing that is new or changed in a saved search, as an e-mail names it; all texts are plain.

    Attributes:
        title: of the thing.
        url: full address of its page.
        about: where it is, of whom, and when it was new or changed.
    """

    title: str
    url: str
    about: str


class AlertSubject(abc.ABC):
    """What people can save a search of: the engine of alerts keeps the searches and writes the e-mails.

    Searches are queries of the address of a page ("q=eau&theme=…"); texts are in the language that is spoken.

    Attributes:
        key: names it in the database and in addresses.
        page: path of the page of the search.
    """

    key: str
    page: str

    @abc.abstractmethod
    def name(self) -> str:
        """Name these things, in the plural."""

    @abc.abstractmethod
    def explanation(self) -> str:
        """Say of what one is told, before the name of the search."""

    @abc.abstractmethod
    def canonical(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return a search as it is kept, the same for all that ask the same; raise ValidationError for one that is
        none."""

    @abc.abstractmethod
    def checked(self, search: str, reader: model.User | None) -> str:
        """Return a search as it is saved for a reader; raise ValidationError for one that cannot be asked."""

    @abc.abstractmethod
    def title(self, search: str) -> str:
        """Name a search in words."""

    @abc.abstractmethod
    def address(self, search: str) -> str:
        """Full address of the page of a search."""

    @abc.abstractmethod
    def feed(self, search: str) -> str:
        """Address of the Atom feed of a search."""

    @abc.abstractmethod
    def look(
        self, search: str, reader: model.User | None, since: datetime, until: datetime, rows: int
    ) -> tuple[int, list[str]]:
        """Return how many things are new or changed after a moment and up to another, and the ids of the latest."""

    @abc.abstractmethod
    def news(self, ids: Sequence[str], reader: model.User | None, since: datetime) -> list[News]:
        """Name things, those alone that the reader may read now."""

    @abc.abstractmethod
    def sentence(self, count: int) -> str:
        """Say how many are new or changed."""


class IEcosphereAlerts(Interface):
    """Have searches of further things saved and told of; implement with `inherit=True`."""

    def ecosphere_alert_subjects(self) -> list[AlertSubject]:
        """Return the things of which a search can be saved."""
        return []
