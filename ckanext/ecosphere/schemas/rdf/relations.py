"""Relations between datasets of the portal: series and members, services and served datasets, editions.

A reference, as typed by users or found in records, is a name or id on this portal, or an identifier of the record or of
the data. References are looked up in the search index with the permissions of the current user.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.shared import once

SERIES_FIELD = "vocab_ecosphere_in_series"
SERVES_FIELD = "vocab_ecosphere_serves"
REPLACES_FIELD = "vocab_ecosphere_replaces"
REPLACED_BY_FIELD = "vocab_ecosphere_replaced_by"
INDEXED = {
    "in_series": SERIES_FIELD,
    "serves_dataset": SERVES_FIELD,
    "replaces": REPLACES_FIELD,
    "replaced_by": REPLACED_BY_FIELD,
}
_NAMES = ("name", "id", "metadata_identifier", "identifier", "uri")
MOST_SHOWN = 20
MOST_REFERENCES = 50
MOST_MEMBERS = 500
SERIES = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/series"
SERVICE = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/service"
CODE = "https://schema.org/SoftwareSourceCode"

Dataset = Mapping[str, Any]


def index(document: dict[str, Any]) -> None:
    """Add the references of a dataset to its index document, as multiple values."""
    for field, target in INDEXED.items():
        values = _list(document.get(field))
        if values:
            document[target] = values


def own_references(dataset: Dataset) -> list[str]:
    """Return all references by which another dataset may refer to this one."""
    names = (dataset.get(key) for key in _NAMES)
    return [str(name) for name in names if name]


def find(references: Iterable[str]) -> list[dict[str, Any]]:
    """Return the datasets of the references in the same order, without unknown ones."""
    names = [str(reference) for reference in references if reference][:MOST_REFERENCES]
    if not names:
        return []
    places = {name: place for place, name in reversed(list(enumerate(names)))}

    def place(dataset: Dataset) -> int:
        own = (places.get(name, len(names)) for name in own_references(dataset))
        return min(own, default=len(names))

    return sorted(_search(_named(names), rows=MOST_REFERENCES)["results"], key=place)


def unknown_series(references: Iterable[str], context: Mapping[str, Any]) -> list[str]:
    """Return the references that name no series that the user of a context may see, of the first `MOST_REFERENCES`."""
    names = [str(reference) for reference in references][:MOST_REFERENCES]
    if not names:
        return []
    identity = ("user", "auth_user_obj", "ignore_auth")
    who: Any = {key: context[key] for key in identity if key in context}
    search = _parameters(_named(names), MOST_REFERENCES)
    series: set[str] = set()
    for dataset in tk.get_action("package_search")(who, search)["results"]:
        if dataset.get("dcat_type") == SERIES:
            series.update(own_references(dataset))
    return [name for name in names if name not in series]


def referring(dataset: Dataset, field: str, rows: int = MOST_SHOWN) -> dict[str, Any]:
    """Return the datasets that refer to this one in the index field ``field``: ``count`` and the first ``results``."""
    return _search(f"{field}:({_any(own_references(dataset))})", rows=rows)


def editions(dataset: Dataset, references: Iterable[str]) -> list[dict[str, Any]]:
    """Return the editions directly before and after a dataset, in one query.

    Args:
        dataset: the dataset.
        references: references to other editions in its own record.
    """
    own = _any(own_references(dataset))
    parts = [f"{field}:({own})" for field in (REPLACES_FIELD, REPLACED_BY_FIELD)]
    names = sorted(references)[:MOST_REFERENCES]
    if names:
        parts.append(_named(names))
    return _search(" OR ".join(parts), rows=MOST_SHOWN)["results"]


def members(dataset: Dataset) -> list[str]:
    """Return the record identifiers of the members of a series, at most `MOST_MEMBERS`."""
    if dataset.get("dcat_type") != SERIES:
        return []
    datasets = referring(dataset, SERIES_FIELD, rows=MOST_MEMBERS)["results"]
    return [str(member.get("metadata_identifier") or member["id"]) for member in datasets]


def records(references: Iterable[str]) -> dict[str, str]:
    """Return the URLs of the ISO records of referenced datasets, by reference."""
    names = list(references)
    addresses = {}
    for dataset in find(names):
        address = tk.url_for(
            "ecosphere_schemas.iso", id=dataset["name"], _external=True, locale="default"
        )
        for name in own_references(dataset):
            if name in names:
                addresses[name] = address
    return addresses


def other_records(dataset: Dataset) -> list[dict[str, str]]:
    """Return the records of a dataset in other catalogues: ``title`` of the catalogue and ``record``, the URL.

    Empty unless the harvest is enabled.
    """
    try:
        show = tk.get_action("ecosphere_harvest_catalogues_show")
        also = show({"ignore_auth": True}, {"id": dataset["id"]})["also"]
    except (KeyError, tk.ObjectNotFound, tk.ValidationError):
        return []
    catalogues = [row for row in also if urls.is_web_address(row["record"] or "")]
    return [{"title": str(row["title"] or ""), "record": row["record"]} for row in catalogues]


def _search(query: str, rows: int) -> dict[str, Any]:
    """Search as the current user; results are cached per page, which needs them several times."""
    return once.for_page("related datasets", (query, rows), lambda: _searched(query, rows))


def _searched(query: str, rows: int) -> dict[str, Any]:
    return tk.get_action("package_search")({}, _parameters(query, rows))


def _parameters(query: str, rows: int) -> dict[str, Any]:
    return {
        "fq": f"+dataset_type:dataset +({query})",
        "rows": rows,
        "sort": "title_string asc",
        "facet": "false",
        "include_private": True,
    }


def _named(references: Iterable[str]) -> str:
    either = _any(references)
    return " OR ".join(f"{field}:({either})" for field in _NAMES)


def _any(values: Iterable[str]) -> str:
    escaped = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return " OR ".join(f'"{value}"' for value in escaped)


def _list(value: Any) -> list[str]:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if isinstance(value, list):
        return [str(part) for part in value]
    if not value:
        return []
    return [value]
