"""Names of free fields (extras): none is a field of the search index.

CKAN 2.12.0 indexes a free field under its own name. `_root_` makes a document of Solr a part of another one, which no
save replaces any more: a dataset that is made private stays found by everybody.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search.index import KEY_CHARS
from ckan.logic.validators import extra_key_not_in_root_schema as no_field_of_the_schema

#: Fields of Solr's own, of vocabularies and of this suite.
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
    """Whether a free field would be indexed as a field that has another meaning; CKAN leaves strange characters out."""
    indexed = "".join(each for each in name if each in KEY_CHARS)
    return indexed in _FIELDS or indexed.startswith(_BEGINNINGS)


def extra_key_not_in_root_schema(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Refuse the name of a free field that is a field already: of the schema, as CKAN does, or of the index.

    Raises:
        Invalid: it is one.
    """
    no_field_of_the_schema(key, data, errors, context)
    is_of_a_group = ("is_organization",) in data  # which has free fields by the same rule, and is in no index
    if not is_of_a_group and is_of_the_index(str(data[key])):
        raise tk.Invalid(tk._("This name is the portal's own: choose another one."))
