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
    wanted = [str(reference) for reference in references if reference][:MOST_REFERENCES]
    if not wanted:
        return []
    found = _search(_named(wanted), rows=MOST_REFERENCES)["results"]

    def place(dataset: Dataset) -> int:
        return min((wanted.index(name) for name in own_references(dataset) if name in wanted), default=len(wanted))

    return sorted(found, key=place)


def unknown_series(references: Iterable[str], context: Mapping[str, Any]) -> list[str]:
    """Return the references that name no series that the user of a context may see, of the first `MOST_REFERENCES`."""
    wanted = [str(reference) for reference in references][:MOST_REFERENCES]
    if not wanted:
        return []
    who: Any = {key: context[key] for key in ("user", "auth_user_obj", "ignore_auth") if key in context}
    found = tk.get_action("package_search")(who, _asked(_named(wanted), MOST_REFERENCES))["results"]
    series = [dataset for dataset in found if dataset.get("dcat_type") == SERIES]
    known = {name for dataset in series for name in own_references(dataset)}
    return [name for name in wanted if name not in known]


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
    wanted = sorted(references)[:MOST_REFERENCES]
    return _search(" OR ".join([*parts, *([_named(wanted)] if wanted else [])]), rows=MOST_SHOWN)["results"]


def members(dataset: Dataset) -> list[str]:
    """Return the record identifiers of the members of a series, at most `MOST_MEMBERS`."""
    if dataset.get("dcat_type") != SERIES:
        return []
    held = referring(dataset, SERIES_FIELD, rows=MOST_MEMBERS)["results"]
    return [str(each.get("metadata_identifier") or each["id"]) for each in held]


def records(references: Iterable[str]) -> dict[str, str]:
    """Return the URLs of the ISO records of referenced datasets, by reference."""
    wanted = list(references)
    return {
        name: tk.url_for("ecosphere_schemas.iso", id=dataset["name"], _external=True, locale="default")
        for dataset in find(wanted)
        for name in own_references(dataset)
        if name in wanted
    }


def other_records(dataset: Dataset) -> list[dict[str, str]]:
    """Return the records of a dataset in other catalogues: ``title`` of the catalogue and ``record``, the URL.

    Empty unless the harvest is enabled.
    """
    try:
        show = tk.get_action("ecosphere_harvest_catalogues_show")
        also = show({"ignore_auth": True}, {"id": dataset["id"]})["also"]
    except (KeyError, tk.ObjectNotFound, tk.ValidationError):
        return []
    addresses = [catalogue for catalogue in also if urls.is_web_address(catalogue["record"] or "")]
    return [{"title": str(each["title"] or ""), "record": each["record"]} for each in addresses]


def _search(query: str, rows: int) -> dict[str, Any]:
    """Search as the current user; results are cached per page, which needs them several times."""
    return once.for_page("related datasets", (query, rows), lambda: _searched(query, rows))


def _searched(query: str, rows: int) -> dict[str, Any]:
    return tk.get_action("package_search")({}, _asked(query, rows))


def _asked(query: str, rows: int) -> dict[str, Any]:
    search = {"fq": f"+dataset_type:dataset +({query})", "rows": rows, "sort": "title_string asc", "facet": "false"}
    return {**search, "include_private": True}


def _named(references: Iterable[str]) -> str:
    either = _any(references)
    return " OR ".join(f"{field}:({either})" for field in _NAMES)


def _any(values: Iterable[str]) -> str:
    return " OR ".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)


def _list(value: Any) -> list[str]:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return [str(part) for part in value] if isinstance(value, list) else [value] if value else []
