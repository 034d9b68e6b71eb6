"""Sitemap of the public datasets, in parts cached in Redis for an hour.

When a dataset is no longer public, the whole cache is invalidated by a new generation of keys; the old keys expire.
Redis holds at most 200 kB per thousand datasets.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

PART_SIZE = 1_000
"""Datasets per part; the protocol allows 50 000 (https://www.sitemaps.org/protocol.html)."""
FRESH_SECONDS = 3_600
DAY = 10
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PUBLIC = (model.Package.state == model.State.ACTIVE, model.Package.private.is_(False), model.Package.type == "dataset")


def index() -> str:
    """Return the sitemap index as XML."""
    return _kept("index", _index)


def part(number: int) -> str:
    """Return a part as XML; "" if there is no part with this number (from 1)."""
    if not 1 <= number <= _parts():
        return ""
    return _kept(str(number), lambda: _part(number))


def forget() -> None:
    """Invalidate the cache."""
    try:
        connect_to_redis().incr(_key("generation"))
    except RedisError:
        log.warning("The site map is kept until its hour is over: Redis does not answer")


def _kept(name: str, make: Callable[[], str]) -> str:
    try:
        connection: Any = connect_to_redis()
        generation = (connection.get(_key("generation")) or b"0").decode()
        key = _key(f"{generation}:{name}")
        if (known := connection.get(key)) is not None:
            return known.decode()
        made = make()
        connection.set(key, made, ex=FRESH_SECONDS)
    except RedisError:
        return make()
    return made


def _key(name: str) -> str:
    return f"ecosphere:schemas:sitemap:{tk.config['ckan.site_id']}:{name}"


def _parts() -> int:
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(model.Package).where(*PUBLIC)) or 0
    return max(math.ceil(count / PART_SIZE), 1)


def _index() -> str:
    addresses = (_absolute("ecosphere_page.sitemap_part", number=number) for number in range(1, _parts() + 1))
    entries = "".join(f"<sitemap><loc>{escape(address)}</loc></sitemap>" for address in addresses)
    return f'<sitemapindex xmlns="{NAMESPACE}">{entries}</sitemapindex>'


def _part(number: int) -> str:
    package = model.Package
    query = sa.select(package.name, package.metadata_modified).where(*PUBLIC)
    query = query.order_by(package.metadata_created, package.id).offset((number - 1) * PART_SIZE).limit(PART_SIZE)
    entries = [f"<url><loc>{escape(_absolute('home.index'))}</loc></url>"] if number == 1 else []
    entries += [
        f"<url><loc>{escape(_absolute('dataset.read', id=name))}</loc><lastmod>{str(changed)[:DAY]}</lastmod></url>"
        for name, changed in model.Session.execute(query)
    ]
    return f'<urlset xmlns="{NAMESPACE}">{"".join(entries)}</urlset>'


def _absolute(endpoint: str, **values: Any) -> str:
    return tk.url_for(endpoint, qualified=True, locale="default", **values)
