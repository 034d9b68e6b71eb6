"""API actions to import, propose and continue descriptions of datasets."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.common import _
from ckan.logic.schema import validator_args
from ckan.types import Context, DataDict

from ckanext.ecosphere.schemas import config, public_files
from ckanext.ecosphere.schemas.importing import documents, proposing
from ckanext.ecosphere.schemas.logic import bulk, earlier_programs
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.action_input import action

DATASETS_LOOKED_AT = 50
"""Latest datasets of a service, among which its usual values are looked for."""
MOST_UNFINISHED = 20


@validator_args
def _import_schema(ignore_empty: Any, unicode_safe: Any) -> DataDict:
    address: Any = tk.get_validator("ecosphere_url")
    return {"url": [ignore_empty, unicode_safe, address], "content": [ignore_empty, unicode_safe]}


@validator_args
def _propose_schema(not_empty: Any, ignore_empty: Any) -> DataDict:
    texts: list[Any] = [
        tk.get_converter("convert_to_list_if_string"),
        tk.get_validator("list_of_strings"),
    ]
    return {
        "urls": [not_empty, *texts],
        "kinds": [ignore_empty, *texts],
        "layers": [ignore_empty, *texts],
    }


@action(_import_schema)
def ecosphere_dataset_import(context: Context, data_dict: DataDict) -> DataDict:
    """Import a description from a URL or a text; nothing is saved.

    Args:
        context: the context.
        data_dict: `url` of an ISO 19139 record, DCAT (RDF/XML, Turtle, JSON-LD) or publiccode.yml;
            or `content`, the text of one.

    Returns:
        `dataset`, to be reviewed and saved by the user, with the URL that it was read from
        (`source_record`); `problems`, sentences about values that were left out; `already`,
        datasets of the catalogue with one of its identifiers (`name`, `title`, `service`,
        `catalogue` that it is harvested from or None, `editable`); and `warnings`, sentences about
        those and about a description that belongs to another service.

    Raises:
        ValidationError: the URL cannot be fetched, or does not lead to such a description.
    """
    if data_dict.get("content"):
        return proposing.importable(_read_content(data_dict["content"], context), "", context)
    if not data_dict.get("url"):
        raise tk.ValidationError({"url": [_("Give an address, or choose a file")]})
    description, url = documents.fetch(data_dict["url"], context)
    return proposing.importable(description, url, context)


def _read_content(content: str, context: Context) -> DataDict:
    """Return the description in a text; errors are those of the field `content`, not of a URL."""
    if len(content) > config.IMPORT_BYTES:
        limit = config.IMPORT_BYTES // (1024 * 1024)
        raise tk.ValidationError(
            {"content": [_("The file is larger than {limit} MB").format(limit=limit)]}
        )
    try:
        return documents.read(content, context)
    except tk.ValidationError as error:
        errors: Any = error.error_dict
        messages = errors.get("url") or errors.get("content") or []
        raise tk.ValidationError({"content": messages}) from error


@action(_propose_schema)
def ecosphere_dataset_propose(context: Context, data_dict: DataDict) -> DataDict:
    """Propose a description from URLs of a record, services, files or a repository; nothing is
    saved.

    Services are read in the background: while `state` is "reading", call again with the returned
    `kinds`.

    Args:
        context: the context.
        data_dict: `urls`, five at most (a list, or a text with one per line); `layers`, names of
            layers of the first service with several, or ["*"] for the service as a whole; `kinds`,
            as returned by the previous call.

    Returns:
        `state`: reading (services are being read), choose (call again with `layers`) or ready;
        `kinds`, the kind of each URL; `services`, as of `ecosphere_access_service_read`; and when
        ready, `described` (whether one of the URLs is a record), `read` (whether any URL answered)
        and the result of `ecosphere_dataset_import`.

    Raises:
        ValidationError: a URL is invalid, cannot be fetched, or leads to nothing that can be used.
    """
    return proposing.propose(data_dict, context)


@tk.side_effect_free
@action(bulk.identifier_schema)
def ecosphere_dataset_usual_values(context: Context, data_dict: DataDict) -> DataDict:
    """Return the usual values of a service: those shared by at least half of its latest 50
    datasets.

    Args:
        context: the context.
        data_dict: `id` or name of the service.

    Returns:
        values by field, for the fields marked with `usual` in the schema, and `owner_org`.
    """
    service = tk.get_action("organization_show")(
        {**context}, {"id": data_dict["id"], "include_users": False}
    )
    search = {
        "fq": f'+owner_org:"{service["id"]}" +dataset_type:dataset',
        "rows": DATASETS_LOOKED_AT,
        "sort": "metadata_created desc",
        "include_private": True,
    }
    datasets = tk.get_action("package_search")({**context}, search)["results"]
    schema = tk.h.scheming_get_dataset_schema("dataset") or {"dataset_fields": []}
    names = [field["field_name"] for field in schema["dataset_fields"] if field.get("usual")]
    return {**proposing.usual_values(datasets, names), "owner_org": service["id"]}


@tk.side_effect_free
@action(dict)
def ecosphere_dataset_unfinished(context: Context, data_dict: DataDict) -> list[DataDict]:
    """List unfinished descriptions (state "draft"), which searches do not find.

    Args:
        context: the context.
        data_dict: no parameters.

    Returns:
        the descriptions that the user may continue: the user's own without a service, and those of
        all members of the user's services (for sysadmins: only their own), latest first: `id`,
        `name`, `title`, `service` (title), `begun` (timestamp), `by` (name of the creator, empty
        for the user).
    """
    name = str(context.get("user") or "")
    user = model.User.get(name)
    if user is None:
        return []
    package: Any = model.Package
    may_continue = package.creator_user_id == user.id
    if not authz.is_sysadmin(name):
        permission = {"permission": "update_dataset"}
        services = tk.get_action("organization_list_for_user")({"user": name}, permission)
        service_ids = [service["id"] for service in services]
        may_continue = sa.or_(
            sa.and_(package.owner_org.is_(None), may_continue), package.owner_org.in_(service_ids)
        )
    query = (
        sa.select(package, model.Group.title, model.User.fullname, model.User.name)
        .outerjoin(model.Group, model.Group.id == package.owner_org)
        .outerjoin(model.User, model.User.id == package.creator_user_id)
        .where(package.state == "draft", package.type == "dataset", may_continue)
        .order_by(package.metadata_created.desc())
        .limit(MOST_UNFINISHED)
    )
    unfinished = []
    for dataset, service, full_name, creator in model.Session.execute(query):
        if not authz.is_authorized_boolean("package_update", {"user": name}, {"id": dataset.id}):
            continue
        by = full_name or creator or ""
        if dataset.creator_user_id == user.id:
            by = ""
        unfinished.append(
            {
                "id": dataset.id,
                "name": dataset.name,
                "title": dataset.title or dataset.name,
                "service": service or "",
                "begun": dataset.metadata_created.isoformat(),
                "by": by,
            }
        )
    return unfinished


def get_actions() -> DataDict:
    """Return the actions by name, with those that chain actions of CKAN."""
    own = {
        "ecosphere_dataset_import": ecosphere_dataset_import,
        "ecosphere_dataset_propose": ecosphere_dataset_propose,
        "ecosphere_dataset_usual_values": ecosphere_dataset_usual_values,
        "ecosphere_dataset_unfinished": ecosphere_dataset_unfinished,
        "dataset_purge": public_files.dataset_purge,
        **bulk.ACTIONS,
    }
    return action_input.checked(own) | earlier_programs.get_actions()
