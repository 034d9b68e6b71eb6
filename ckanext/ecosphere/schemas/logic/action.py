"""Actions of the room."""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic.schema import validator_args
from ckan.types import Context, DataDict

from ckanext.ecosphere.schemas import config
from ckanext.ecosphere.schemas.bulk import actions as bulk
from ckanext.ecosphere.schemas.importing import documents, known, review, starting
from ckanext.ecosphere.schemas.importing.text import decoded
from ckanext.ecosphere.schemas.logic import drafts
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.http_guard import MESSAGES, FetchError, GuardedSession

log = logging.getLogger(__name__)

HTTP_OK = 200
DATASETS_LOOKED_AT = 50


@validator_args
def _import_schema(ignore_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    address: Any = tk.get_validator("ecosphere_url")
    return {"url": [ignore_empty, unicode_safe, address], "content": [ignore_empty, unicode_safe]}


@validator_args
def _service_schema(not_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    return {"id": [not_empty, unicode_safe]}


def _nothing_schema() -> dict[str, Any]:
    return {}


@tk.validate_action_data(_import_schema)
def ecosphere_dataset_import(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Read a description from a web address, or from a text; nothing is saved.

    Args:
        context: the context.
        data_dict: `url` of an ISO 19139 record, of DCAT (RDF/XML, Turtle, JSON-LD), publiccode.yml or codemeta.json; or
            `content`, the text of one.

    Returns:
        `dataset`, for a person to look over and save, with the address that it was read from (`source_record`);
        `problems`, sentences on what was wrong with it; `already`, datasets of the catalogue with one of its
        identifiers (`name`, `title`, `service`, `catalogue` that it is harvested from or None, `editable`); and
        `warnings`, sentences on those and on a description that names another service as its own.

    Raises:
        ValidationError: the address cannot be fetched, or gives no such description.
    """
    tk.check_access("ecosphere_dataset_import", context, data_dict)
    if data_dict.get("content"):
        return _importable(_read_content(data_dict["content"], context), "", context)
    if not data_dict.get("url"):
        raise tk.ValidationError({"url": [tk._("Give an address, or choose a file")]})
    try:
        settings = config.guard_settings()
    except ValueError as error:
        log.error("The options of the import: %s", error)
        message = tk._("Nothing can be fetched at the moment: the administrator must correct an option of the portal")
        raise tk.ValidationError({"url": [message]}) from error
    try:
        answer = GuardedSession(settings).get(data_dict["url"])
    except FetchError as error:
        raise tk.ValidationError({"url": [tk._(MESSAGES[error.code]).format(**error.params)]}) from error
    if answer.status != HTTP_OK:
        message = tk._("The server answered with the status {status}: check the address").format(status=answer.status)
        raise tk.ValidationError({"url": [message]})
    return _importable(documents.read(decoded(answer.body), context), data_dict["url"], context)


def _read_content(content: str, context: Context) -> dict[str, Any]:
    if len(content) > config.IMPORT_BYTES:
        limit = config.IMPORT_BYTES // (1024 * 1024)
        raise tk.ValidationError({"content": [tk._("The file is larger than {limit} MB").format(limit=limit)]})
    try:
        return documents.read(content, context)
    except tk.ValidationError as error:
        told: Any = error.error_dict
        raise tk.ValidationError({"content": told.get("url") or told.get("content") or []}) from error


def _importable(found: dict[str, Any], url: str, context: Context) -> dict[str, Any]:
    """Return what was read as a draft that is nobody's yet."""
    already = known.already(found["dataset"], url, context)
    warnings = known.sentences(already, known.other_service(found["dataset"], context))
    dataset = {**found["dataset"], "private": True}
    for name in ("name", "id", "owner_org"):
        dataset.pop(name, None)
    if url:
        dataset.setdefault("source_record", url)
    dataset, problems = review.looked_over(dataset, context)
    told = {"problems": [*found["problems"], *problems], "already": already, "warnings": warnings}
    return {"dataset": dataset, **told}


@tk.side_effect_free
@tk.validate_action_data(_service_schema)
def ecosphere_dataset_usual_values(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """What the datasets of a service usually say: the values that at least half of the latest ones share.

    Args:
        context: the context.
        data_dict: `id` or name of the service.

    Returns:
        values by field, of those that the schema marks with `usual`.
    """
    tk.check_access("ecosphere_dataset_usual_values", context, data_dict)
    service = tk.get_action("organization_show")({**context}, {"id": data_dict["id"], "include_users": False})
    search = {
        "fq": f'+owner_org:"{service["id"]}" +dataset_type:dataset',
        "rows": DATASETS_LOOKED_AT,
        "sort": "metadata_created desc",
        "include_private": True,
    }
    found = tk.get_action("package_search")({**context}, search)["results"]
    schema = tk.h.scheming_get_dataset_schema("dataset") or {"dataset_fields": []}
    names = [field["field_name"] for field in schema["dataset_fields"] if field.get("usual")]
    return {**starting.usual(found, names), "owner_org": service["id"]}


@tk.side_effect_free
@tk.validate_action_data(_nothing_schema)
def ecosphere_dataset_unfinished(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Descriptions that somebody began and left before the last page, so that no search finds them.

    Args:
        context: the context.
        data_dict: nothing.

    Returns:
        those that the person may go on with, of all colleagues of the person's services (an administrator's: those that
        the administrator began), the latest first: `id`, `name`, `title`, `service` (title), `begun` (moment), `by`
        (name of who began it, empty when it was the person).
    """
    tk.check_access("ecosphere_dataset_unfinished", context, data_dict)
    return drafts.of(str(context.get("user") or ""))


OWN = (ecosphere_dataset_import, ecosphere_dataset_unfinished, ecosphere_dataset_usual_values)


def get_actions() -> dict[str, Any]:
    """Return the actions by name."""
    own = {each.__name__: each for each in OWN}
    return action_input.checked(own | bulk.ACTIONS)
