"""API actions and authorization functions of bulk edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz
from ckan.logic.schema import validator_args
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.schemas.bulk import filters, plan, runs
from ckanext.ecosphere.schemas.logic import locked_fields, publication
from ckanext.ecosphere.schemas.rdf import relations
from ckanext.ecosphere.shared import language

MOST_DATASETS = 1000
NAMES_ASKED = 300  # per query: Solr allows 1024 clauses, and each name takes two
_MESSAGES = {
    "field": lambda value: {"field": [tk._("Choose the field to change")]},
    "operation": lambda value: {"operation": [tk._("This field holds one value: it can only be replaced")]},
    "empty": lambda value: {"values": [tk._("Write at least one value")]},
    "single": lambda value: {"values": [tk._("This field holds one value: write a single line")]},
    "unknown": lambda value: {"values": [tk._('"{value}" is not in the list: choose one of its entries')]},
    "file": lambda value: {"names": [tk._("This is no CSV file: save the table as CSV, in UTF-8")]},
    "contact": lambda value: {"values": [tk._('"{value}" is no contact: write it as Name <e-mail>')]},
}


@validator_args
def _change_schema(ignore_missing: Any, unicode_safe: Any, default: Any, boolean_validator: Any) -> dict[str, Any]:
    text = [ignore_missing, unicode_safe]
    strings: Any = tk.get_validator("list_of_strings")
    return {
        "q": text,
        "filters": text,
        "names": text,
        "field": [default(""), unicode_safe],
        "operation": [default("replace"), unicode_safe],
        "values": [default(""), unicode_safe],
        "left_out": [ignore_missing, strings],
        "without_harvested": [default(False), boolean_validator],
    }


@validator_args
def _run_schema(not_empty: Any, unicode_safe: Any) -> dict[str, Any]:
    return {"id": [not_empty, unicode_safe]}


@validator_args
def _nothing_schema() -> dict[str, Any]:
    return {}


@tk.side_effect_free
@tk.validate_action_data(_change_schema)
def ecosphere_bulk_edit_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Preview a change to many datasets.

    Args:
        context: the context.
        data_dict: the datasets: `names` (CSV with a column of names or ids) or else `q` (a search) and `filters` (as in
            the query string of a search page: "theme=eau&res_format=CSV"); only datasets that the user may edit are
            used. The change: `field`, `operation` (replace, add, remove) and `values`, one per line. `left_out`: list
            of names or ids of datasets to exclude; `without_harvested`: whether to exclude datasets whose field comes
            from a harvest source, where the change becomes a local edit.

    Returns:
        `count` of selected datasets, `changed` (how many would change), `harvested` (how many of the differences
        become local edits), `unknown` names, and `differences`, one per dataset with another value: `name`, `title`,
        `private`, `before` and `after` as displayed, `source` (title of the harvest source, or None) and `left_out`.
    """
    tk.check_access("ecosphere_bulk_edit_preview", context, data_dict)
    change, datasets, unknown = _asked(context, data_dict)
    sources = locked_fields.sources_of([dataset["id"] for dataset in datasets], change.field)
    kept = {dataset["id"] for dataset in _kept(data_dict, datasets, sources)}
    lang = language.current()
    differences = []
    for dataset in datasets:
        before, after = plan.current(dataset, change.field), plan.changed(dataset, change)
        if before != after:
            texts = (plan.described(change.field, value, lang) for value in (before, after))
            row = dict(zip(("before", "after"), texts, strict=True))
            told = {"source": sources.get(dataset["id"]), "left_out": dataset["id"] not in kept}
            named = {name: dataset[name] for name in ("name", "title", "private")}
            differences.append({**named, **row, **told})
    return {
        "count": len(datasets),
        "changed": sum(not row["left_out"] for row in differences),
        "harvested": sum(row["source"] is not None for row in differences),
        "unknown": unknown,
        "differences": differences,
    }


@tk.validate_action_data(_change_schema)
def ecosphere_bulk_edit_start(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Start a change to many datasets in the background, on behalf of the user.

    Args:
        context: the context.
        data_dict: as for `ecosphere_bulk_edit_preview`.

    Returns:
        `id` of the run.
    """
    tk.check_access("ecosphere_bulk_edit_start", context, data_dict)
    change, datasets, _unknown = _asked(context, data_dict)
    if not datasets:
        raise tk.ValidationError({"q": [tk._("No dataset that you may edit is chosen")]})
    sources = locked_fields.sources_of([dataset["id"] for dataset in datasets], change.field)
    datasets = _kept(data_dict, datasets, sources)
    if not datasets:
        raise tk.ValidationError({"q": [tk._("All datasets are left out: nothing would change")]})
    return {"id": runs.create(str(context.get("user") or ""), [dataset["id"] for dataset in datasets], change)}


@tk.side_effect_free
@tk.validate_action_data(_run_schema)
def ecosphere_bulk_edit_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the progress of a bulk edit, and its outcome for each dataset.

    Args:
        context: the context.
        data_dict: `id` of the run.

    Returns:
        `state` (queued, running, done, undoing, undone), `interrupted` (whether its worker has died), `done`, `ids`,
        and the lists `entries` and `undone` with `id`, `title`, `outcome` and, after a failure, `message`.
    """
    tk.check_access("ecosphere_bulk_edit_show", context, data_dict)
    return _run(data_dict["id"])


@tk.validate_action_data(_run_schema)
def ecosphere_bulk_edit_undo(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Undo a bulk edit in the background; datasets whose field was changed since then are left alone.

    Args:
        context: the context.
        data_dict: `id` of the run.

    Returns:
        the run.
    """
    tk.check_access("ecosphere_bulk_edit_undo", context, data_dict)
    run = _run(data_dict["id"])
    if run["state"] != "done" and not (run["state"] == "running" and run["interrupted"]):
        raise tk.ValidationError({"id": [tk._("Only a run that is done can be undone, and only once")]})
    runs.start_undo(data_dict["id"])
    return _run(data_dict["id"])


@tk.validate_action_data(_run_schema)
def ecosphere_bulk_edit_resume(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Resume a bulk edit, or its undo, whose worker has died.

    Args:
        context: the context.
        data_dict: `id` of the run.

    Returns:
        the run.
    """
    tk.check_access("ecosphere_bulk_edit_resume", context, data_dict)
    if not _run(data_dict["id"])["interrupted"]:
        raise tk.ValidationError({"id": [tk._("Only a run that was interrupted can be resumed")]})
    runs.resume(data_dict["id"])
    return _run(data_dict["id"])


@tk.side_effect_free
@tk.validate_action_data(_nothing_schema)
def ecosphere_bulk_edit_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List bulk edits, latest first: the user's own or, for sysadmins, those of all users.

    Args:
        context: the context.
        data_dict: no parameters.

    Returns:
        for each run `id`, `user`, `started`, `field`, `operation`, `values` as displayed, `count` of datasets,
        `changed` (how many were changed), `state`, `interrupted` and `last_updated`.
    """
    tk.check_access("ecosphere_bulk_edit_list", context, data_dict)
    user = str(context.get("user") or "")
    everyone = context.get("ignore_auth") or authz.is_sysadmin(user)
    lang = language.current()
    kept = ("id", "user", "started", "field", "operation", "state", "interrupted", "last_updated")
    return [
        {
            **{name: run[name] for name in kept},
            "values": plan.described(run["field"], run["values"], lang),
            "count": len(run["ids"]),
            "changed": sum(entry["outcome"] == "changed" for entry in run["entries"]),
        }
        for run in runs.listed(None if everyone else user)
    ]


def _run(id_: str) -> dict[str, Any]:
    run = runs.load(id_)
    if run is None:
        raise tk.ObjectNotFound(tk._("Run not found"))
    return run


def _asked(context: Context, data: DataDict) -> tuple[plan.Change, list[dict[str, Any]], list[str]]:
    try:
        names = plan.names_in(data.get("names") or "")
        change = plan.change_of(data["field"], data["operation"], data["values"])
    except plan.PlanError as error:
        found: Any = _MESSAGES[error.code](error.value)
        texts = {name: [each.format(value=error.value) for each in said] for name, said in found.items()}
        raise tk.ValidationError(dict(texts)) from error
    if change.field == "tags" and change.operation != "remove":
        _may_be_keywords(change.values)
    if change.field == "in_series" and change.operation != "remove":
        unknown = relations.unknown_series(change.values, context)
        if unknown:
            raise tk.ValidationError({"values": [publication.no_series(name) for name in unknown]})
    datasets = _chosen(context, names, data.get("q") or "", data.get("filters") or "")
    known = {dataset[key] for dataset in datasets for key in ("name", "id")}
    return change, datasets, [name for name in names if name not in known]


def _may_be_keywords(values: Iterable[str]) -> None:
    try:
        for value in values:
            for name in ("tag_length_validator", "tag_name_validator"):
                validator: Any = tk.get_validator(name)
                validator(value, {})
    except tk.Invalid as error:
        raise tk.ValidationError({"values": [error.error]}) from error


def _kept(data: DataDict, datasets: list[dict[str, Any]], sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the datasets that are not excluded."""
    left_out = {str(name) for name in data.get("left_out") or ()}
    if data.get("without_harvested"):
        left_out |= sources.keys()
    return [dataset for dataset in datasets if not left_out & {dataset["id"], dataset["name"]}]


def _chosen(context: Context, names: list[str], query: str, filtered: str) -> list[dict[str, Any]]:
    """Return the selected datasets that the user may edit.

    Raises:
        ValidationError: too many datasets, or no selection.
    """
    if not names and not query.strip() and not filtered:
        raise tk.ValidationError({"q": [tk._("Choose datasets: write a search, or the names of the datasets")]})
    given: Any = context
    who: Any = {key: given[key] for key in ("user", "auth_user_obj", "ignore_auth") if key in given}
    services = tk.get_action("organization_list_for_user")(who.copy(), {"permission": "update_dataset"})
    if not services:
        return []
    either = " OR ".join('"' + service["id"] + '"' for service in services)
    chosen = [f"+dataset_type:dataset +owner_org:({either})"]
    search: dict[str, Any] = {"include_private": True, "rows": MOST_DATASETS, "facet": "false"}
    if names:
        _check_number(len(names), "names")
        known = [name for name in names if plan.is_name(name)]
        parts = [known[start : start + NAMES_ASKED] for start in range(0, len(known), NAMES_ASKED)]
        listed = [" OR ".join(f'"{name}"' for name in part) for part in parts]
        found = [
            tk.get_action("package_search")(
                who.copy(), {**search, "fq_list": [*chosen, f"name:({part}) OR id:({part})"]}
            )["results"]
            for part in listed
        ]
        return list({dataset["id"]: dataset for part in found for dataset in part}.values())
    narrowed = filters.search(filtered)
    asked = {**search, **narrowed, "fq_list": [*chosen, *narrowed["fq_list"]], "q": query}
    result = tk.get_action("package_search")(who.copy(), asked)
    _check_number(result["count"], "q")
    return result["results"]


def _check_number(number: int, field: str) -> None:
    if number > MOST_DATASETS:
        message = tk._("{number} datasets are chosen, {limit} at most can be changed at once: narrow the search")
        raise tk.ValidationError({field: [message.format(number=number, limit=MOST_DATASETS)]})


# --- authorization ---


def _may_edit(context: Context) -> AuthResult:
    who: Any = {"user": context.get("user")}
    services = tk.get_action("organization_list_for_user")(who, {"permission": "update_dataset"})
    return {"success": bool(services), "msg": tk._("Only the editors of a service change its datasets")}


def may_preview(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service to preview and start bulk edits; each dataset is checked again."""
    return _may_edit(context)


def may_see(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow only the user who started a run to see, undo and resume it."""
    run = runs.load(data_dict["id"])
    if run is None:
        raise tk.ObjectNotFound(tk._("Run not found"))
    return {"success": run["user"] == context.get("user"), "msg": tk._("Only who started a run sees and undoes it")}


ACTIONS = {
    each.__name__: each
    for each in (
        ecosphere_bulk_edit_preview,
        ecosphere_bulk_edit_start,
        ecosphere_bulk_edit_show,
        ecosphere_bulk_edit_undo,
        ecosphere_bulk_edit_resume,
        ecosphere_bulk_edit_list,
    )
}
AUTH = {
    "ecosphere_bulk_edit_preview": may_preview,
    "ecosphere_bulk_edit_start": may_preview,
    "ecosphere_bulk_edit_show": may_see,
    "ecosphere_bulk_edit_undo": may_see,
    "ecosphere_bulk_edit_resume": may_see,
    "ecosphere_bulk_edit_list": may_preview,
}
