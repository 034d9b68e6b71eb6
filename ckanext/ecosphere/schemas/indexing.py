"""Adapt datasets to the Solr index: field lengths, dates, translations, relations."""

from __future__ import annotations

import json
import re
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.dates import span
from ckanext.ecosphere.dataset.view import View, as_object
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.schemas import licences, relations
from ckanext.ecosphere.setup import leaving
from ckanext.ecosphere.vocabularies import languages

#: Solr refuses a document with a longer term in a field of type string (32 766 bytes of UTF-8).
MAX_TERM_BYTES = 32_000
#: CKAN's sort by modification date, alone or at the end of another sort.
LATEST_FIRST = "metadata_modified desc"
#: Names of the fields with `searched: false` in the schema.
NOT_SEARCHED = tuple(f.name for f in fields.fields() if f.entry.get("searched") is False)


def fit_for_solr(dataset: DataDict) -> DataDict:
    """Remove or shorten values that Solr's string fields cannot hold; the analysed ``extras_``
    copies stay.

    CKAN indexes each extra twice: analysed as ``extras_<name>``, and unanalysed under its own name
    in a field of type string, where a single long lineage would make Solr reject the document.

    Args:
        dataset: the Solr document, changed in place.
    """
    for name in list(dataset):
        if name.startswith("_"):  # free fields saved before such names were refused
            del dataset[name]
    schema = tk.h.scheming_get_dataset_schema(dataset.get("dataset_type") or "dataset")
    if not schema:
        return dataset
    for name in list(dataset):
        if name.removeprefix("extras_").startswith(NOT_SEARCHED):
            del dataset[name]
    for name in fields.translated():
        _index_english(dataset, name)
    relations.index(dataset)
    if _was_prepared_to_leave(dataset["id"]):
        dataset["validated_data_dict"] = _as_plain(dataset["data_dict"])
    else:
        documents.sign(dataset, documents.current_signature())
    # With ckanext-dcat, its own hook replaces the lists of repeating subfields by their texts.
    has_lists = not tk.h.plugin_loaded("dcat")
    for field in schema["dataset_fields"]:
        name = field["field_name"]
        value = dataset.get(name)
        if name.endswith("_date") and name in dataset:
            _set_date(dataset, name)
        elif isinstance(value, str) and name not in ("notes", "title") and _too_long(value):
            del dataset[name]
        elif has_lists and "repeating_subfields" in field and name in dataset:
            dataset[f"extras_{name}"] = _words(dataset.pop(name))
    return dataset


def _was_prepared_to_leave(package_id: str) -> bool:
    """Return whether a dataset was prepared for a CKAN without this schema,
    and has not come back.
    """
    package = model.Session.get(model.Package, package_id)  # in the session already
    return package is not None and leaving.KEY in (package.plugin_data or {})


def _as_plain(shown: str) -> str:
    """Return a dataset as a plain CKAN stores it in the index, from which it takes what a patch
    does not name.

    Args:
        shown: the dataset, shown with CKAN's default schema, as JSON.
    """
    dataset = json.loads(shown)
    licence = licences.stock(dataset.get("license_id") or "")
    dataset["license_title"] = dataset.get("license_id")
    if licence:
        dataset["license_title"] = licence.title
    dataset["isopen"] = bool(licence and licence.isopen())
    dataset.pop("license_url", None)
    if licence and licence.url:
        dataset["license_url"] = licence.url
    return json.dumps(dataset)


def in_one_order(params: DataDict) -> DataDict:
    """Add the id as a tie-breaker to a sort by modification date, as a harvest saves many datasets
    at the same time.

    Solr returns ties in the order of its index files, which changes whenever one of them is indexed
    again: between two pages of a feed (DCAT, Atom), one dataset would be missed and another
    returned twice.

    Args:
        params: the data_dict of `package_search`, changed in place.
    """
    order = str(params.get("sort") or "").strip()
    if order.endswith(LATEST_FIRST):
        params["sort"] = f"{order}, id asc"
    return params


def _index_english(dataset: DataDict, name: str) -> None:
    """Index the English text besides the French one; other languages are not searched."""
    texts, english = as_object(dataset.pop(f"extras_{name}", None)), None
    dataset.pop(name, None)
    if isinstance(texts, dict):
        english = texts.get(languages.ENGLISH)
    if english and english != dataset.get(name.removesuffix(languages.SUFFIX)):
        dataset[f"extras_{name}"] = english


def _too_long(value: str) -> bool:
    return len(value) > MAX_TERM_BYTES // 4 and len(value.encode()) > MAX_TERM_BYTES


def _set_date(dataset: DataDict, name: str) -> None:
    """Index a month or year by its first day: CKAN completes "2005" with today's month and day."""
    stored = re.search(
        rf'"{name}": "(\d{{4}}(?:-\d{{2}})?)"', dataset.get("validated_data_dict") or ""
    )
    if stored:
        dataset[name] = dataset[f"extras_{name}"] = (
            f"{span(stored.group(1))[0].isoformat()}T00:00:00Z"
        )


def _words(value: Any) -> str:
    return " ".join(View({"value": value}).texts("value"))
