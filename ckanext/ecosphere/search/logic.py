"""Actions of the search room, and who may call them:
`package_search` itself hides private datasets.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.authz import is_authorized
from ckan.types import AuthResult, Context, DataDict, Schema, Validator, ValidatorFactory

from ckanext.ecosphere.search import config, suggest, unfound
from ckanext.ecosphere.search.alerts import actions as alerts
from ckanext.ecosphere.search.relevance import search
from ckanext.ecosphere.shared import action_input, authorization
from ckanext.ecosphere.shared.action_input import action

MAX_QUERY = 200
MAX_SUBJECTS = 4


@tk.validator_args
def suggest_schema(
    default: ValidatorFactory, unicode_safe: Validator, natural_number_validator: Validator
) -> Schema:
    """Return the schema of `ecosphere_search_suggest`."""
    return {
        "q": [default(""), unicode_safe],
        "limit": [default(config.suggestions()), natural_number_validator],
    }


@tk.side_effect_free
@action(suggest_schema)
def ecosphere_search_suggest(context: Context, data_dict: DataDict) -> DataDict:
    """Suggest subjects, datasets, themes, territories and services for the beginning of a query.

    Args:
        context: action context.
        data_dict: `q` (str, default ""): what was typed so far; `limit` (int, default
            `ecosphere.search.suggestions`, at most 20): number of datasets.

    Returns:
        `subjects`: list of terms; `datasets`: list of `name`, `title`, `type`; `facets`: for each
        facet field, list of `name`, `label`, `count`; `communes`: list of `label`, `kind` and
        `query`, the query completed with a commune, territory or natural region.
    """
    text = data_dict["q"].strip()[:MAX_QUERY]
    if len(text) < suggest.MIN_LENGTH:
        return {"subjects": [], "datasets": [], "facets": {}, "communes": []}
    return {
        "subjects": suggest.subjects(text, MAX_SUBJECTS),
        "datasets": suggest.datasets(context, text, min(data_dict["limit"], 20)),
        "facets": suggest.places(context, text),
        "communes": suggest.places_typed(text),
    }


def get_actions() -> DataDict:
    """Return the plugin's actions."""
    own = (ecosphere_search_suggest, search.package_search)
    return action_input.checked(
        {action.__name__: action for action in own} | alerts.ACTIONS | unfound.ACTIONS
    )


@tk.auth_allow_anonymous_access
def _may_search(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow suggestions to anyone who may search."""
    return is_authorized("package_search", context, data_dict)


def get_auth_functions() -> DataDict:
    """Return the plugin's auth functions."""
    own = {"ecosphere_search_suggest": _may_search}
    return authorization.deny_by_default(own | alerts.AUTH | unfound.AUTH)
