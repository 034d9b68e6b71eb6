"""Files about all public datasets: the catalogue as CSV, the site map; and when they are written
anew.

The CSV has the layout of the national "schéma de catalogue de données"
(etalab/schema-catalogue-donnees, version 0.3.0). A large catalogue is written by a background job,
so that no request waits for it. Its file is removed when a dataset is no longer public: at once and
again after the commit, since a job in between writes what is still public.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.types import Context, DataDict

from ckanext.ecosphere.dataset.dates import days_of
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.schemas import places, relations, stored, urls
from ckanext.ecosphere.schemas.iso.values import Reader
from ckanext.ecosphere.shared import csv_table, once, stored_files
from ckanext.ecosphere.shared.queue import enqueue_once

PAGE_SIZE = 200


def each_dataset(search: DataDict, start: int = 0) -> Iterator[DataDict]:
    """Yield the datasets of a search in one order, from a place on, fetched page by page."""
    total = start + 1
    while start < total:
        query = {**search, "rows": PAGE_SIZE, "start": start, "sort": "id asc", "facet": "false"}
        page = tk.get_action("package_search")({}, query)
        total = page["count"]
        yield from page["results"]
        start += PAGE_SIZE


SIRET_DIGITS = 14
COLUMNS = (
    "titre", "description", "mots_cles", "nom_orga", "siret_orga", "id_alt_orga", "service", "si",
    "contact_service", "contact_personne", "date_pub", "date_maj", "freq_maj", "couv_geo", "url",
    "format", "licence",
)  # fmt: skip


def row(dataset: Row, page: str = "") -> dict[str, str]:
    """Return the row of a dataset.

    Args:
        dataset: the dataset, from ``package_show``.
        page: URL of the dataset on the portal, used if it has no landing page (``url``).
    """
    read = Reader(dataset)
    service = dataset.get("organization") or {}
    party = next(iter([*read.rows("creator"), *read.rows("publisher")]), {})
    contacts = [row for row in read.rows("contact") if row.get("name")]
    units = [str(contact.get("unit") or contact["name"]) for contact in contacts]
    emails = _texts(read.rows("contact"), "email")
    producer = str(party.get("name") or service.get("title") or "")
    identifier = str(party.get("identifier") or "")
    siret = identifier.replace(" ", "")
    if len(siret) == SIRET_DIGITS and siret.isdigit():
        identifier = ""
    else:
        siret = ""
        if not party:
            identifier = str(service.get("name") or "")
    return {
        "titre": read.text("title"),
        "description": read.text("notes"),
        "mots_cles": ", ".join(_texts(read.rows("tags"), "name")),
        "nom_orga": producer,
        "siret_orga": siret,
        "id_alt_orga": identifier,
        "service": next(iter(units), producer),
        "si": ", ".join(text for text in read.texts("source") if not urls.is_uri(text)),
        "contact_service": str(party.get("email") or next(iter(emails), "")),
        "contact_personne": ", ".join(emails),
        "date_pub": _table_day(read.text("issued")),
        "date_maj": _table_day(read.text("modified")),
        "freq_maj": read.concept("frequency", "frequency"),
        "couv_geo": ", ".join(_places(read)),
        "url": read.text("url") or page,
        "format": ", ".join(_texts(read.rows("resources"), "format")),
        "licence": read.concept("licences", "license_id"),
    }


def _texts(rows: Iterable[Row], name: str) -> list[str]:
    """Return the distinct texts of rows."""
    return list(dict.fromkeys(str(row[name]) for row in rows if row.get(name)))


def _table_day(value: str) -> str:
    days = days_of(value)
    if days is None:
        return ""
    return days[0].isoformat()


def _places(read: Reader) -> list[str]:
    labels = [places.label(uri, "fr") for uri in read.texts("territory")]
    return labels or _texts(read.rows("spatial_coverage"), "text")


def table_lines(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of the CSV file, with commas as expected by Table Schema (RFC 4180)."""
    ordered = (map(values.get, COLUMNS) for values in rows)
    return csv_table.lines(COLUMNS, ordered, separator=",")


MOST_LIVE = 1_000
"""Maximum number of datasets streamed within a request."""
FRESH_SECONDS = 3_600
"""Age from which the file is regenerated; the old one is served meanwhile."""
JOB_SECONDS = 1_800
JOB = "ecosphere-schemas-catalogue"
QUEUE = "ecosphere:schemas"
PUBLIC = "+dataset_type:dataset +capacity:public"


def csv_path() -> Path | None:
    """Return the path of the file, or None on a portal without ``ckan.storage_path``.

    It is beside the uploads, shared by web server and workers. The temporary folder is not used
    instead, since other users of the machine can write there.
    """
    root = str(tk.config.get("ckan.storage_path") or "")
    if root:
        return Path(root) / "ecosphere" / f"catalogue-{tk.config['ckan.site_id']}.csv"
    return None


def csv_lines(search: DataDict) -> Iterator[str]:
    """Yield the CSV lines of a search."""
    return table_lines(
        row(stored.completed(dataset), relations.page_of(dataset))
        for dataset in each_dataset(search)
    )


def count(search: DataDict) -> int:
    """Return the number of datasets of a search."""
    return tk.get_action("package_search")({}, {**search, "rows": 0, "facet": "false"})["count"]


def prepared_csv() -> BinaryIO | None:
    """Open the file, or return None if there is none yet; queue its (re)generation if it is missing
    or old.

    Raises:
        RuntimeError: ``ckan.storage_path`` is not set.
    """
    file = stored_files.opened(_place())
    if file is None or not connect_to_redis().exists(_fresh_key()):
        enqueue_once(
            prepare_csv, job_id=JOB, title="Catalogue as CSV", queue=QUEUE, timeout=JOB_SECONDS
        )
    return file


def prepare_csv() -> None:
    """Write the file (background job) and replace the old one atomically."""
    file = _place()
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.writelines(csv_lines({"q": "", "fq": PUBLIC}))
        Path(name).chmod(0o644)
        stored_files.keep(Path(name), file)
        connect_to_redis().set(_fresh_key(), 1, ex=FRESH_SECONDS)
    finally:
        Path(name).unlink(missing_ok=True)


def _forget_csv() -> None:
    """Remove the file; it is regenerated at the next request."""
    if file := csv_path():
        stored_files.remove(file)


def _fresh_key() -> str:
    """Return the Redis key that exists while the file is fresh."""
    return f"ecosphere:schemas:catalogue:{tk.config['ckan.site_id']}"


def _place() -> Path:
    file = csv_path()
    if file is None:
        raise RuntimeError("ckan.storage_path is not set")
    return file


PART_SIZE = 1_000
"""Datasets per part; the protocol allows 50 000 (https://www.sitemaps.org/protocol.html)."""
DAY = 10
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemap_index() -> str:
    """Return the sitemap index as XML."""
    entries = []
    for number in range(1, _sitemap_parts() + 1):
        address = _absolute("ecosphere_page.sitemap_part", number=number)
        entries.append(f"<sitemap><loc>{escape(address)}</loc></sitemap>")
    return f'<sitemapindex xmlns="{NAMESPACE}">{"".join(entries)}</sitemapindex>'


def sitemap_part(number: int) -> str:
    """Return a part as XML; "" if there is no part with this number (from 1)."""
    if not 1 <= number <= _sitemap_parts():
        return ""
    package, entries = model.Package, []
    if number == 1:
        entries.append(f"<url><loc>{escape(_absolute('home.index'))}</loc></url>")
    query = _of_sitemap(package.name, package.metadata_modified)
    query = query.order_by(package.metadata_created, package.id)
    rows = model.Session.execute(query.offset((number - 1) * PART_SIZE).limit(PART_SIZE))
    # Made once, since it is slow.
    before_name = escape(_absolute("dataset.read", id="-").removesuffix("-"))
    for name, changed in rows:
        place = f"<loc>{before_name}{name}</loc>"
        entries.append(f"<url>{place}<lastmod>{str(changed)[:DAY]}</lastmod></url>")
    return f'<urlset xmlns="{NAMESPACE}">{"".join(entries)}</urlset>'


def _sitemap_parts() -> int:
    count = model.Session.scalar(_of_sitemap(sa.func.count())) or 0
    return max(math.ceil(count / PART_SIZE), 1)


def _of_sitemap(*columns: Any) -> sa.Select[Any]:
    """Return a query of columns of the public datasets."""
    package = model.Package
    return sa.select(*columns).where(
        package.state == model.State.ACTIVE,
        package.private.is_(False),
        package.type == "dataset",
    )


def _absolute(endpoint: str, **values: Any) -> str:
    return tk.url_for(endpoint, qualified=True, locale="default", **values)


# --- the file is removed when a dataset is no longer public ---


def forget() -> None:
    """Remove the file, now and once the transaction is committed."""
    session: Any = model.Session()
    session.info[__name__] = True
    _forget_csv()


@tk.chained_action
def dataset_purge(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Purge a dataset and remove the file: CKAN's action calls no plugin hook."""
    result = original(context, data_dict)
    _forget_csv()
    return result


def listen() -> None:
    """Register the listeners of commits and rollbacks, once per process."""
    once.listen(model.Session, after_commit=_committed, after_rollback=_undone)


def _committed(session: Any) -> None:
    if session.info.pop(__name__, None):
        _forget_csv()


def _undone(session: Any) -> None:
    session.info.pop(__name__, None)
