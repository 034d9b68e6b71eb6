"""Actions of the room."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic.schema import validator_args
from ckan.types import Context, DataDict

from ckanext.ecosphere.schemas import config
from ckanext.ecosphere.schemas.bulk import actions as bulk
from ckanext.ecosphere.schemas.catalogue import public_files
from ckanext.ecosphere.schemas.importing import documents, fetching, proposing, starting
from ckanext.ecosphere.schemas.logic import drafts
from ckanext.ecosphere.shared import action_input

DATASETS_LOOKED_AT = 50


@validator_args
def _import_schema(ignore_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    address: Any = tk.get_validator("ecosphere_url")
    return {"url": [ignore_empty, unicode_safe, address], "content": [ignore_empty, unicode_safe]}


@validator_args
def _service_schema(not_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    return {"id": [not_empty, unicode_safe]}


@validator_args
def _propose_schema(not_empty: Any, ignore_missing: Any) -> dict[str, Any]:
    return {"urls": [not_empty], "kinds": [ignore_missing], "layers": [ignore_missing]}


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
        return proposing.importable(_read_content(data_dict["content"], context), "", context)
    if not data_dict.get("url"):
        raise tk.ValidationError({"url": [tk._("Give an address, or choose a file")]})
    found, url = fetching.description(data_dict["url"], context)
    return proposing.importable(found, url, context)


def _read_content(content: str, context: Context) -> dict[str, Any]:
    if len(content) > config.IMPORT_BYTES:
        limit = config.IMPORT_BYTES // (1024 * 1024)
        raise tk.ValidationError({"content": [tk._("The file is larger than {limit} MB").format(limit=limit)]})
    try:
        return documents.read(content, context)
    except tk.ValidationError as error:
        told: Any = error.error_dict
        raise tk.ValidationError({"content": told.get("url") or told.get("content") or []}) from error


@tk.validate_action_data(_propose_schema)
def ecosphere_dataset_propose(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Propose a description from addresses that a producer pastes: of a record, services, files, a repository.

    Services are read in the background: call again, with the `kinds` that were answered, while `state` is "reading".
    Nothing is saved.

    Args:
        context: the context.
        data_dict: `urls`, five addresses at most (a list, or a text with one on each line); `layers`, names of layers
            of the first service with several, or ["*"] for the service as a whole; `kinds`, as they were answered.

    Returns:
        `state`: reading (services are being read), choose (call again with `layers`) or ready; `kinds`, what each
        address was taken for; `services`, as `ecosphere_access_service_read` gives them; and when it is ready
        `described` (whether an address was that of a record), `read` (whether any address answered) and what
        `ecosphere_dataset_import` returns.

    Raises:
        ValidationError: an address is none, cannot be fetched, or leads to nothing that is known here.
    """
    tk.check_access("ecosphere_dataset_propose", context, data_dict)
    return proposing.propose(proposing.checked(data_dict), context)


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


def get_actions() -> dict[str, Any]:
    """Return the actions by name."""
    own = {name: each for name, each in globals().items() if name.startswith("ecosphere_dataset_")}
    return action_input.checked(own | bulk.ACTIONS | {"dataset_purge": public_files.dataset_purge})
