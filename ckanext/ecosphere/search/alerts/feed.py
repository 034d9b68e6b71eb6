"""Atom feed of any search: its public datasets, latest first."""

from __future__ import annotations

from html import unescape
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchQueryError
from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.search.alerts import searches, subjects
from ckanext.ecosphere.shared import atom, dates, language, template_helpers

ENTRIES = 50
SUMMARY = 500
#: Cache lifetime of feeds, in seconds.
FRESH = 900


def feed() -> AnyResponse:
    """Return the public datasets of a search as a feed, whoever asks."""
    try:
        search = searches.canonical(request.args.items(multi=True))
        results = searches.run(search, None, rows=ENTRIES)
    except tk.ValidationError as error:
        tk.abort(400, searches.sentences(error))
    except SearchQueryError as error:
        tk.abort(400, str(error))
    except searches.IndexAwayError:
        tk.abort(503, searches.away())
    itself = tk.h.url_for("ecosphere_alerts.feed", qualified=True, locale=language.current())
    site = tk.config["ckan.site_title"]
    content = atom.feed(
        f"{searches.title(search)} – {site}",
        site,
        searches.address(search),
        f"{itself}?{search}" if search else itself,
        [entry(dataset) for dataset in results.results],
        language=language.current(),
    )
    response = Response(content, content_type=f"{atom.MIMETYPE}; charset=utf-8")
    response.cache_control.max_age = FRESH
    response.add_etag()
    return response.make_conditional(request)


def entry(package: dict[str, Any]) -> atom.Entry:
    """Return a dataset as an entry of a feed.

    Args:
        package: as returned by `package_search`.
    """
    link = tk.h.url_for(
        "dataset.read", id=package["name"], qualified=True, locale=language.current()
    )
    themes = template_helpers.ecosphere_labels("themes", package.get("theme"))
    place = subjects.places(package.get("territory"), language.current())
    return atom.Entry(
        id=tk.h.url_for("dataset.read", id=package["id"], qualified=True, locale="default"),
        title=package.get("title") or package["name"],
        link=link,
        updated=dates.read(package["metadata_modified"]),  # pyright: ignore[reportArgumentType]
        summary=unescape(
            str(tk.h.markdown_extract(package.get("notes") or "", extract_length=SUMMARY))
        ),
        categories=tuple(name for name in (*themes, place) if name),
        author=(package.get("organization") or {}).get("title") or "",
    )
