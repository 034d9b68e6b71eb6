"""Subjects of saved searches: datasets, and those added by other rooms (`IEcosphereAlerts`)."""

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
    """Datasets, as found by the page of datasets."""

    key = DATASETS
    page = "/dataset/"

    def name(self) -> str:
        """Return the name of these objects."""
        return tk._("Datasets")

    def explanation(self) -> str:
        """Return the text that introduces the name of the search."""
        return tk._(
            "You get an e-mail when datasets of this search are published or changed, and none when there is no news:"
        )

    def canonical(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return the canonical form of a search."""
        return searches.canonical(pairs)

    def checked(self, search: str, reader: model.User | None) -> str:
        """Return a search with corrected spelling, ready to save."""
        return searches.checked(search, reader)

    def title(self, search: str) -> str:
        """Describe a search by its words and filters."""
        return searches.title(search)

    def address(self, search: str) -> str:
        """Return the absolute URL of the page of a search."""
        return searches.address(search)

    def feed(self, search: str) -> str:
        """Return the URL of the Atom feed of a search."""
        return tk.h.url_for("ecosphere_alerts.feed") + (f"?{search}" if search else "")

    def look(
        self, search: str, reader: model.User | None, since: datetime, until: datetime, rows: int
    ) -> tuple[int, list[str]]:
        """Query the index for datasets saved in the interval."""
        results = searches.run(search, reader, since=since, until=until, rows=rows)
        return results.count, [dataset["id"] for dataset in results.results]

    def news(self, ids: Sequence[str], reader: model.User | None, since: datetime) -> list[News]:
        """Describe datasets, only those that the reader may find."""
        datasets = searches.run("", reader, ids=ids, rows=len(ids)).results
        written = since.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
        return [_news(dataset, written) for dataset in datasets]

    def sentence(self, count: int) -> str:
        """Return the sentence that says how many datasets are new or changed."""
        return tk.ungettext(
            "{number} new or changed dataset", "{number} new or changed datasets", count
        ).format(number=count)


def _news(package: dict[str, Any], since: str) -> News:
    """Describe a dataset: places, service, and date of creation or change; times are in CKAN's format."""
    if str(package["metadata_created"]) > since:
        when = tk._("new on {date}").format(date=dates.day(package["metadata_created"]))
    else:
        when = tk._("changed on {date}").format(date=dates.day(package["metadata_modified"]))
    service = (package.get("organization") or {}).get("title") or ""
    about = [places(package.get("territory"), language.current()), service, when]
    return News(
        title=characters.one_line(package.get("title") or package["name"]),
        url=tk.h.url_for(
            "dataset.read", id=package["name"], qualified=True, locale=language.current()
        ),
        about=characters.one_line(" – ".join(part for part in about if part)),
    )


def places(value: Any, lang: str) -> str:
    """Return the names of the first territories of a dataset, and how many more there are."""
    keys = [value] if isinstance(value, str) else list(value or [])
    names = [commune.name for commune in filter(None, map(communes.get, keys))]
    territories = map(voc.get("territories").get, keys)
    names += [territory.label(lang) for territory in territories if territory]
    text, rest = ", ".join(names[:MOST_PLACES]), len(names) - MOST_PLACES
    if rest > 0:
        return f"{text} (+ {rest})"
    return text


def of(key: str) -> AlertSubject | None:
    """Return a subject by its key, None if its room is not enabled."""
    if key == DATASETS:
        return Datasets()
    plugins: Any = p.PluginImplementations(IEcosphereAlerts)
    further = (subject for plugin in plugins for subject in plugin.ecosphere_alert_subjects())
    return next((subject for subject in further if subject.key == key), None)


def required(key: str) -> AlertSubject:
    """Return a subject by its key.

    Raises:
        ValidationError: there is no such subject.
    """
    subject = of(key)
    if subject is None:
        raise tk.ValidationError(
            {"about": [tk._("No search of this can be saved: {name}").format(name=key)]}
        )
    return subject


@contextmanager
def asked(subject: AlertSubject, search: str, lang: str) -> Iterator[None]:
    """Simulate the page of a search, in a language, for background jobs.

    CKAN closes its database session at the end of the block: read what is needed before.
    """
    with language.speaking(lang, f"{subject.page}?{search}"):
        yield
