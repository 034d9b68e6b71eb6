"""Defects 7 and 8: free fields (extras) with the names of fields of the search index are refused.

CKAN 2.12.0 indexes extras under their own names. An extra `_root_` would make the Solr document a nested one, which
later saves do not replace: a dataset made private would remain publicly searchable. The same holds for a field named
`…_date` whose value CKAN turns into a date that Solr refuses: the dataset is saved, its document is not replaced. Not
yet accepted.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search.index import KEY_CHARS
from ckan.logic.validators import extra_key_not_in_root_schema as no_field_of_the_schema
from dateutil.parser import ParserError, parse

#: Prefixes of internal Solr fields, of CKAN vocabularies and of this suite.
_BEGINNINGS = ("_", "vocab_", "ecosphere_")
_FIELDS = frozenset(
    [
        "index_id",
        "site_id",
        "entity_type",
        "dataset_type",
        "capacity",
        "permission_labels",
        "text",
        "urls",
        "title_string",
        "title_ngram",
        "name_ngram",
        "ckan_url",
        "download_url",
        "revision_id",
        "indexed_ts",
        "data_dict",
        "validated_data_dict",
        "views_total",
        "views_recent",
        "resources_accessed_total",
        "resources_accessed_recent",
        "bbox_area",
        "minx",
        "maxx",
        "miny",
        "maxy",
        "spatial_geom",
        "spatial_bbox",
    ]
)


def is_of_the_index(name: str) -> bool:
    """Return whether an extra would be indexed as a reserved field, once CKAN has removed unsupported characters."""
    indexed = "".join(character for character in name if character in KEY_CHARS)
    return indexed in _FIELDS or indexed.startswith(_BEGINNINGS)


def extra_key_not_in_root_schema(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Refuse extras named like a field of the schema (as CKAN does) or of the index, and those that break the index.

    Raises:
        Invalid: the name is reserved, or promises a date that the value is not.
    """
    no_field_of_the_schema(key, data, errors, context)
    if ("is_organization",) in data:  # groups use this validator too but are not indexed
        return
    if is_of_the_index(str(data[key])):
        raise tk.Invalid(tk._("This name is the portal's own: choose another one."))
    if not _can_be_indexed(str(data[key]), data.get((*key[:-1], "value"))):
        raise tk.Invalid(
            tk._("The value is no date: write it as 2026-11-30, or give the field another name.")
        )


def _can_be_indexed(name: str, value: Any) -> bool:
    """Return whether Solr takes what CKAN makes of the value of an extra: a date, if its name says that it is one."""
    if not name.endswith("_date") or not isinstance(value, str):
        return True
    try:
        return parse(value).tzinfo is None
    except ParserError:
        return True  # CKAN leaves it out of the index
    except (OverflowError, ValueError, TypeError):
        return False


def get_validators() -> dict[str, Any]:
    """Return the validator that replaces CKAN's of the same name."""
    return {extra_key_not_in_root_schema.__name__: extra_key_not_in_root_schema}
