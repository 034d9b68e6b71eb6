"""What searches can be saved of: datasets, and what other rooms add (`IEcosphereAlerts`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.interfaces import AlertSubject, IEcosphereAlerts, News
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.shared import characters, dates, language
from ckanext.ecosphere.vocabularies import communes

DATASETS = "datasets"
MOST_PLACES = 3


class Datasets(AlertSubject):
    """Datasets, as the page of datasets finds them."""

    key = DATASETS
    page = "/dataset/"

    def name(self) -> str:
        """Name them."""
        return tk._("Datasets")

    def explanation(self) -> str:
        """Say of what one is told."""
        return tk._(
            "You get an e-mail when datasets of this search are published or changed, and none when there is no news:"
        )

    def canonical(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return a search as it is kept."""
        return searches.canonical(pairs)

    def checked(self, search: str, reader: model.User | None) -> str:
        """Return a search with the words that were understood."""
        return searches.checked(search, reader)

    def title(self, search: str) -> str:
        """Name a search by its words and filters."""
        return searches.title(search)

    def address(self, search: str) -> str:
        """Full address of the page of a search."""
        return searches.address(search)

    def feed(self, search: str) -> str:
        """Address of the Atom feed of a search."""
        return tk.h.url_for("ecosphere_alerts.feed") + (f"?{search}" if search else "")

    def look(
        self, search: str, reader: model.User | None, since: datetime, until: datetime, rows: int
    ) -> tuple[int, list[str]]:
        """Ask the index for what was saved meanwhile."""
        found = searches.run(search, reader, since=since, until=until, rows=rows)
        return found.count, [each["id"] for each in found.results]

    def news(self, ids: Sequence[str], reader: model.User | None, since: datetime) -> list[News]:
        """Name datasets, those alone that the reader finds."""
        found = searches.run("", reader, ids=ids, rows=len(ids)).results
        written = since.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
        return [_news(each, written) for each in found]

    def sentence(self, count: int) -> str:
        """Say how many are new or changed."""
        return tk.ungettext("{number} new or changed dataset", "{number} new or changed datasets", count).format(
            number=count
        )


def _news(package: dict[str, Any], since: str) -> News:
    """A dataset with where it is, of whom, and when it was published or changed; moments are as CKAN writes them."""
    new = str(package["metadata_created"]) > since
    moment = dates.day(package["metadata_created"] if new else package["metadata_modified"])
    when = (tk._("new on {date}") if new else tk._("changed on {date}")).format(date=moment)
    service = (package.get("organization") or {}).get("title") or ""
    about = [places(package.get("territory"), language.current()), service, when]
    return News(
        title=characters.one_line(package.get("title") or package["name"]),
        url=tk.h.url_for("dataset.read", id=package["name"], qualified=True, locale=language.current()),
        about=characters.one_line(" – ".join(each for each in about if each)),
    )


def places(value: Any, lang: str) -> str:
    """Name the territories of a dataset in few words: the first ones, and how many more."""
    keys = [value] if isinstance(value, str) else list(value or [])
    known = voc.get("territories")
    named = [place.name for key in keys if (place := communes.get(key))]
    named += [concept.label(lang) for key in keys if (concept := known.get(key))]
    rest = len(named) - MOST_PLACES
    return ", ".join(named[:MOST_PLACES]) + (f" (+ {rest})" if rest > 0 else "")


def of(key: str) -> AlertSubject | None:
    """Return what a saved search is of, None when its room is not enabled (any more)."""
    if key == DATASETS:
        return Datasets()
    plugins: Any = p.PluginImplementations(IEcosphereAlerts)
    further = (each for plugin in plugins for each in plugin.ecosphere_alert_subjects())
    return next((each for each in further if each.key == key), None)


def required(key: str) -> AlertSubject:
    """Return what a saved search is of.

    Raises:
        ValidationError: there is no such thing.
    """
    found = of(key)
    if found is None:
        raise tk.ValidationError({"about": [tk._("No search of this can be saved: {name}").format(name=key)]})
    return found


@contextmanager
def asked(subject: AlertSubject, search: str, lang: str) -> Iterator[None]:
    """Speak a language on a page whose address is that of a search; for background jobs.

    When the block ends, CKAN closes its session: read what is needed from the database before.
    """
    with language.speaking(lang, f"{subject.page}?{search}"):
        yield
