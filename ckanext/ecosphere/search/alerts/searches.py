"""Searches of datasets as their address says them: kept, named in words, and run again for whoever saved them.

A search runs as if the page of datasets were asked for it, so that what a filter means there it means here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.search import SearchError, SearchQueryError
from ckan.lib.search.common import SolrConnectionError

from ckanext.ecosphere.search.relevance import search as relevance
from ckanext.ecosphere.shared import characters, language

LONGEST = 2_000
"""Longest search, in characters of its address."""
MOST_PARAMETERS = 40
LONGEST_TITLE = 200
_PLUGINS = "ext_"
_NO_FILTERS = frozenset({"q", "sort", "page"})
#: CKAN writes the names of parameters into the question to Solr as they are.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,80}")


#: How CKAN hands on that Solr cannot read a question, or knows no such field, and how it refuses parsers of Solr.
_NOT_UNDERSTOOD = ("(HTTP 400)", " param '")


class IndexAwayError(OSError):
    """The index does not answer."""


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        count: how many datasets.
        results: the first of them, as `package_search` returns them.
        corrected: the words with which it was answered, when they are not those that were typed.
    """

    count: int
    results: list[dict[str, Any]]
    corrected: str = ""


def canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a search as the query of its address, without what only shows it otherwise (order, page).

    Args:
        pairs: names and values of the parameters.

    Raises:
        ValidationError: it is too long, or has a parameter that no search has.
    """
    kept: dict[tuple[str, str], None] = {}
    for name, value in pairs:
        text = characters.one_line(value)
        if name in ("page", "sort") or name.startswith("_") or not text:
            continue
        if not _NAME.fullmatch(name):
            raise tk.ValidationError({"search": [tk._("This is no search of the portal: {name}").format(name=name)]})
        kept[name, text] = None
    search = urlencode(sorted(kept, key=lambda pair: pair[0] != "q"))
    if len(search) > LONGEST or len(kept) > MOST_PARAMETERS:
        raise tk.ValidationError({"search": [tk._("This search is too long to be saved.")]})
    return search


def parsed(search: str) -> list[tuple[str, str]]:
    """Return the parameters of a search.

    Raises:
        ValidationError: it has too many of them.
    """
    try:
        return parse_qsl(search.lstrip("?"), max_num_fields=MOST_PARAMETERS * 2)
    except ValueError:
        raise tk.ValidationError({"search": [tk._("This search is too long to be saved.")]}) from None


def with_words(search: str, words: str) -> str:
    """Return a search with other words."""
    return canonical([("q", words), *(pair for pair in parsed(search) if pair[0] != "q")])


def title(search: str) -> str:
    """Name a search in the language that is spoken now: its words, and its filters by their labels."""
    pairs = parsed(search)
    words = " ".join(value for name, value in pairs if name == "q")
    parts = [tk._("“{words}”").format(words=words)] if words else []
    for name, value in pairs:
        if name.startswith(_PLUGINS):
            continue
        if name not in _NO_FILTERS:
            parts.append(tk.h.ecosphere_search_facet_label(name, value))
    if any(name == "ext_bbox" for name, _value in pairs):
        parts.append(tk._("an area on the map"))
    return characters.one_line(" – ".join(parts))[:LONGEST_TITLE] or tk._("All datasets")


def address(search: str) -> str:
    """Full address of the page of a search, in the language that is spoken now."""
    page = tk.h.url_for("dataset.search", qualified=True, locale=language.current())
    return f"{page}?{search}" if search else page


def filters(search: str) -> dict[str, list[str]]:
    """Return the chosen values of facets."""
    found: dict[str, list[str]] = {}
    for name, value in parsed(search):
        if name not in _NO_FILTERS and not name.startswith(_PLUGINS):
            found.setdefault(name, []).append(value)
    return found


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
    """Search for somebody; within `subjects.asked`, several values of a filter mean what they mean on the page.

    Args:
        search: query of the address.
        reader: whose rights apply; None for anonymous people, who see what is public.
        since: leave out what was saved then or before.
        until: leave out what was saved later.
        rows: how many datasets are wanted, the latest first.
        ids: of the datasets, only these; looked for without the words and filters.
        strict: look for the words as they are, all of them.

    Raises:
        SearchQueryError: the index cannot be asked this.
        IndexAwayError: the index is away.
    """
    pairs = [] if ids else parsed(search)
    words = " ".join(value for name, value in pairs if name == "q")
    extras = {name: value for name, value in pairs if name.startswith(_PLUGINS)}
    if strict:
        extras[relevance.TYPED_PARAMETER] = "1"
    # Written as CKAN's page does, which other plugins look for.
    chosen = [f'{name}:"{_quoted(value)}"' for name, values in filters(urlencode(pairs)).items() for value in values]
    window = [f"metadata_modified:{{{_solr(since)} TO {_solr(until)}]"] if since or until else []
    named = ["id:({})".format(" OR ".join(f'"{each}"' for each in ids))] if ids else []
    data_dict: dict[str, Any] = {
        "q": words,
        "fq": " ".join([*chosen, "+dataset_type:dataset"]),
        "fq_list": [*window, *named],
        "extras": extras,
        "rows": rows,
        "sort": "metadata_modified desc",
        "facet": "false",
        "include_private": reader is not None,
    }
    context: Any = {"user": reader.name if reader else "", "auth_user_obj": reader, "ignore_auth": False}
    try:
        found = tk.get_action("package_search")(context, data_dict)
    except SearchQueryError:
        raise
    except (SearchError, SolrConnectionError) as error:
        if any(said in str(error) for said in _NOT_UNDERSTOOD):
            raise SearchQueryError(tk._("The index does not understand this search.")) from None
        raise IndexAwayError(str(error)) from error
    return Found(found["count"], found["results"], found.get(relevance.KEY, {}).get("corrected", ""))


def checked(search: str, reader: model.User | None) -> str:
    """Return a search as it is saved: with the words that were understood, when those that were typed are misspelt.

    Raises:
        ValidationError: the index cannot be asked this, or is away.
    """
    try:
        found = run(search, reader, strict=False)
    except SearchQueryError as error:
        raise tk.ValidationError({"search": [str(error)]}) from None
    except IndexAwayError:
        raise tk.ValidationError({"search": [away()]}) from None
    return with_words(search, found.corrected) if found.corrected else search


def _solr(moment: datetime | None) -> str:
    """A moment as Solr has it, to the millisecond."""
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z" if moment else "*"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def sentences(error: tk.ValidationError) -> str:
    """What is wrong, without the names of the fields."""
    found: dict[str, Any] = error.error_dict
    return " ".join(str(text) for texts in found.values() for text in texts)


def away() -> str:
    """Say that the index does not answer."""
    return tk._("The search does not answer at the moment. Try again in a few minutes.")
