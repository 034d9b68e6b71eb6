"""Searches as URL query strings, and what they are about: normalise, describe, and run them again
for their owners.

A search of datasets runs as if the page of datasets were requested with it, so that filters have
the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib.search import SearchError, SearchQueryError
from ckan.lib.search.common import SolrConnectionError
from ckan.types import DataDict

from ckanext.ecosphere.interfaces import AlertSubject, IEcosphereAlerts, News
from ckanext.ecosphere.search import page
from ckanext.ecosphere.search.relevance import search as relevance
from ckanext.ecosphere.shared import characters, dates, language

LONGEST = 2_000
"""Maximum length of a query string."""
MOST_PARAMETERS = 40
LONGEST_TITLE = 200
#: CKAN passes parameter names to Solr unescaped.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,80}")


#: Texts of CKAN's errors for queries that Solr cannot parse, unknown fields, and refused parsers.
_NOT_UNDERSTOOD = ("(HTTP 400)", " param '")


class IndexAwayError(OSError):
    """Solr is down."""


@dataclass(frozen=True)
class Found:
    """The results of a search.

    Attributes:
        count: number of datasets.
        results: the first ones, as returned by `package_search`.
        corrected: the corrected words, if the search was answered with a correction.
    """

    count: int
    results: list[DataDict]
    corrected: str = ""


def canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the canonical query string of a search, without display parameters (order, page).

    Args:
        pairs: names and values of the parameters.

    Raises:
        ValidationError: it is too long, or has an invalid parameter.
    """
    distinct: dict[tuple[str, str], None] = {}
    for name, value in pairs:
        text = characters.one_line(value)
        if name in ("page", "sort") or name.startswith("_") or not text:
            continue
        if not _NAME.fullmatch(name):
            raise tk.ValidationError(
                {"search": [_("This is no search of the portal: {name}").format(name=name)]}
            )
        distinct[name, text] = None
    search = urlencode(sorted(distinct, key=lambda pair: pair[0] != "q"))
    if len(search) > LONGEST or len(distinct) > MOST_PARAMETERS:
        raise tk.ValidationError({"search": [_("This search is too long to be saved.")]})
    return search


def parsed(search: str) -> list[tuple[str, str]]:
    """Return the parameters of a search.

    Raises:
        ValidationError: it has too many parameters.
    """
    try:
        return parse_qsl(search.lstrip("?"), max_num_fields=MOST_PARAMETERS * 2)
    except ValueError:
        raise tk.ValidationError({"search": [_("This search is too long to be saved.")]}) from None


def with_words(search: str, words: str) -> str:
    """Return a search with its words replaced."""
    return canonical([("q", words), *(pair for pair in parsed(search) if pair[0] != "q")])


def run(
    search: str,
    reader: model.User | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    rows: int = 0,
    ids: Iterable[str] = (),
    strict: bool = True,
) -> Found:
    """Run a search; within `asked`, several values of a filter have the same meaning as on the
    page.

    Args:
        search: query string.
        reader: user whose permissions apply; None for anonymous access.
        since: only datasets saved after this time.
        until: only datasets saved up to this time.
        rows: maximum number of datasets, latest first.
        ids: only these datasets; words and filters are then ignored.
        strict: whether to require all words as typed.

    Raises:
        SearchQueryError: the query is invalid.
        IndexAwayError: Solr is down.
    """
    pairs = [] if ids else parsed(search)
    words = " ".join(value for name, value in pairs if name == "q")
    extras = {name: value for name, value in pairs if name.startswith("ext_")}
    if strict:
        extras[relevance.TYPED_PARAMETER] = "1"
    # In the format of CKAN's page, which other plugins look for.
    chosen = []
    for name, value in page.Address(pairs).filters:
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        chosen.append(f'{name}:"{quoted}"')
    narrowing = []
    if since or until:
        narrowing.append(f"metadata_modified:{{{_solr(since)} TO {_solr(until)}]")
    if ids:
        any_id = " OR ".join(f'"{id_}"' for id_ in ids)
        narrowing.append(f"id:({any_id})")
    data_dict: DataDict = {
        "q": words,
        "fq": " ".join([*chosen, "+dataset_type:dataset"]),
        "fq_list": narrowing,
        "extras": extras,
        "rows": rows,
        "sort": "metadata_modified desc",
        "facet": "false",
        "include_private": reader is not None,
    }
    context: Any = {"user": "", "auth_user_obj": reader, "ignore_auth": False}
    if reader:
        context["user"] = reader.name
    try:
        answer = tk.get_action("package_search")(context, data_dict)
    except SearchQueryError:
        raise
    except (SearchError, SolrConnectionError) as error:
        if any(message in str(error) for message in _NOT_UNDERSTOOD):
            raise SearchQueryError(_("The index does not understand this search.")) from None
        raise IndexAwayError(str(error)) from error
    return Found(
        answer["count"], answer["results"], answer.get(relevance.KEY, {}).get("corrected", "")
    )


def _solr(moment: datetime | None) -> str:
    """Format a time for Solr, in milliseconds."""
    if moment:
        return f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z"
    return "*"


def away() -> str:
    """Return the message that the index is down."""
    return _("The search does not answer at the moment. Try again in a few minutes.")


# --- subjects: what is searched ---

DATASETS = "datasets"


class Datasets(AlertSubject):
    """Datasets, as found by the page of datasets."""

    key = DATASETS
    page = "/dataset/"

    def name(self) -> str:
        """Return the name of these objects."""
        return _("Datasets")

    def explanation(self) -> str:
        """Return the text that introduces the name of the search."""
        return _(
            "You get an e-mail when datasets of this search are published or changed, and none when"
            " there is no news:"
        )

    def canonical(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return the canonical form of a search."""
        return canonical(pairs)

    def checked(self, search: str, reader: model.User | None) -> str:
        """Return a search ready to save: with corrected words, if the typed ones are misspelt.

        Raises:
            ValidationError: the query is invalid, or Solr is down.
        """
        try:
            results = run(search, reader, strict=False)
        except SearchQueryError as error:
            raise tk.ValidationError({"search": [str(error)]}) from None
        except IndexAwayError:
            raise tk.ValidationError({"search": [away()]}) from None
        if results.corrected:
            return with_words(search, results.corrected)
        return search

    def title(self, search: str) -> str:
        """Describe a search in the current language: its words, and the labels of its filters."""
        pairs = parsed(search)
        words = " ".join(value for name, value in pairs if name == "q")
        parts = [_("“{words}”").format(words=words)] if words else []
        for name, value in page.Address(pairs).filters:
            parts.append(page.facet_label(name, value))
        if any(name == page.AREA for name, _value in pairs):
            parts.append(_("an area on the map"))
        return characters.one_line(" – ".join(parts))[:LONGEST_TITLE] or _("All datasets")

    def address(self, search: str) -> str:
        """Return the absolute URL of the page of a search, in the current language."""
        url = tk.h.url_for("dataset.search", qualified=True, locale=language.current())
        return _with_search(url, search)

    def feed(self, search: str) -> str:
        """Return the URL of the Atom feed of a search."""
        return _with_search(tk.h.url_for("ecosphere_alerts.feed"), search)

    def look(
        self, search: str, reader: model.User | None, since: datetime, until: datetime, rows: int
    ) -> tuple[int, list[str]]:
        """Query the index for datasets saved in the interval."""
        results = run(search, reader, since=since, until=until, rows=rows)
        return results.count, [dataset["id"] for dataset in results.results]

    def news(self, ids: Sequence[str], reader: model.User | None, since: datetime) -> list[News]:
        """Describe datasets, only those that the reader may find."""
        datasets = run("", reader, ids=ids, rows=len(ids)).results
        written = since.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
        return [_news(dataset, written) for dataset in datasets]

    def sentence(self, count: int) -> str:
        """Return the sentence that says how many datasets are new or changed."""
        return tk.ungettext(
            "{number} new or changed dataset", "{number} new or changed datasets", count
        ).format(number=count)


def _with_search(url: str, search: str) -> str:
    if search:
        return f"{url}?{search}"
    return url


def _news(package: DataDict, since: str) -> News:
    """Describe a dataset: places, service, and date of creation or change.

    Times are in CKAN's format.
    """
    if str(package["metadata_created"]) > since:
        when = _("new on {date}").format(date=dates.day(package["metadata_created"]))
    else:
        when = _("changed on {date}").format(date=dates.day(package["metadata_modified"]))
    service = (package.get("organization") or {}).get("title") or ""
    spoken = language.current()
    about = filter(None, [page.places(package.get("territory"), spoken), service, when])
    return News(
        title=characters.one_line(package.get("title") or package["name"]),
        url=tk.h.url_for("dataset.read", id=package["name"], qualified=True, locale=spoken),
        about=characters.one_line(" – ".join(about)),
    )


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
            {"about": [_("No search of this can be saved: {name}").format(name=key)]}
        )
    return subject


@contextmanager
def asked(subject: AlertSubject, search: str, lang: str) -> Iterator[None]:
    """Simulate the page of a search, in a language, for background jobs.

    CKAN closes its database session at the end of the block: read what is needed before.
    """
    with language.speaking(lang, f"{subject.page}?{search}"):
        yield
