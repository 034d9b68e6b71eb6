"""API actions and authorization functions of bulk edits,
and filters of a search page that select their datasets.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import authz
from ckan.common import _
from ckan.logic.schema import validator_args
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.schemas import bulk, relations
from ckanext.ecosphere.schemas.logic import locked_fields, publication
from ckanext.ecosphere.shared import authorization, language
from ckanext.ecosphere.shared.action_input import action
from ckanext.ecosphere.shared.language import N_

MOST_DATASETS = 1000
NAMES_ASKED = 300  # per query: Solr allows 1024 clauses, and each name takes two
#: Reason of a `bulk.PlanError` → parameter of the action, and message.
_MESSAGES = {
    "field": ("field", N_("Choose the field to change")),
    "operation": ("operation", N_("This field holds one value: it can only be replaced")),
    "empty": ("values", N_("Write at least one value")),
    "single": ("values", N_("This field holds one value: write a single line")),
    "unknown": ("values", N_('"{value}" is not in the list: choose one of its entries')),
    "file": ("names", N_("This is no CSV file: save the table as CSV, in UTF-8")),
    "contact": ("values", N_('"{value}" is no contact: write it as Name <e-mail>')),
}


@validator_args
def _change_schema(
    ignore_missing: Any, unicode_safe: Any, default: Any, boolean_validator: Any
) -> DataDict:
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
def identifier_schema(not_empty: Any, unicode_safe: Any) -> DataDict:
    """Return the schema of an action whose only parameter is the `id` of its object."""
    return {"id": [not_empty, unicode_safe]}


@tk.side_effect_free
@action(_change_schema)
def ecosphere_bulk_edit_preview(context: Context, data_dict: DataDict) -> DataDict:
    """Preview a change to many datasets.

    Args:
        context: the context.
        data_dict: the datasets: `names` (CSV with a column of names or ids) or else `q` (a search)
            and `filters` (as in the query string of a search page: "theme=eau&res_format=CSV");
            only datasets that the user may edit are used. The change: `field`, `operation`
            (replace, add, remove) and `values`, one per line. `left_out`: list of names or ids of
            datasets to exclude; `without_harvested`: whether to exclude datasets whose field comes
            from a harvest source, where the change becomes a local edit.

    Returns:
        `count` of selected datasets, `changed` (how many would change), `harvested` (how many of
        the differences are of harvested datasets), `unknown` names, and `differences`, one per
        dataset with another value: `name`, `title`, `private`, `before` and `after` as displayed,
        `source` (title of the harvest source, or None) and `left_out`.
    """
    change, datasets, unknown = _selection(context, data_dict)
    sources = locked_fields.sources_of([dataset["id"] for dataset in datasets], change.field)
    included = _included(data_dict, datasets, sources)
    lang = language.current()
    differences = []
    for dataset in datasets:
        before, after = bulk.value_of(dataset, change.field), bulk.value_after(dataset, change)
        if before == after:
            continue
        differences.append(
            {
                "name": dataset["name"],
                "title": dataset["title"],
                "private": dataset["private"],
                "before": bulk.described(change.field, before, lang),
                "after": bulk.described(change.field, after, lang),
                "source": sources.get(dataset["id"]),
                "left_out": dataset["id"] not in included,
            }
        )
    return {
        "count": len(datasets),
        "changed": sum(not row["left_out"] for row in differences),
        "harvested": sum(row["source"] is not None for row in differences),
        "unknown": unknown,
        "differences": differences,
    }


@action(_change_schema)
def ecosphere_bulk_edit_start(context: Context, data_dict: DataDict) -> DataDict:
    """Start a change to many datasets in the background, on behalf of the user.

    Args:
        context: the context.
        data_dict: as for `ecosphere_bulk_edit_preview`.

    Returns:
        `id` of the run.
    """
    change, datasets, _unknown = _selection(context, data_dict)
    if not datasets:
        raise tk.ValidationError({"q": [_("No dataset that you may edit is chosen")]})
    sources = locked_fields.sources_of([dataset["id"] for dataset in datasets], change.field)
    included = _included(data_dict, datasets, sources)
    if not included:
        raise tk.ValidationError({"q": [_("All datasets are left out: nothing would change")]})
    return {"id": bulk.create(str(context.get("user") or ""), included, change)}


@tk.side_effect_free
@action(identifier_schema)
def ecosphere_bulk_edit_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the progress of a bulk edit, and its outcome for each dataset.

    Args:
        context: the context.
        data_dict: `id` of the run.

    Returns:
        `state` (queued, running, done, undoing, undone), `interrupted` (whether its worker has
        died), `done`, `ids`, and the lists `entries` and `undone` with `id`, `title`, `outcome`
        and, after a failure, `message`.
    """
    return _run(data_dict["id"])


@action(identifier_schema)
def ecosphere_bulk_edit_undo(context: Context, data_dict: DataDict) -> DataDict:
    """Undo a bulk edit in the background; datasets whose field was changed since then are left
    alone.

    Args:
        context: the context.
        data_dict: `id` of the run.

    Returns:
        the run.
    """
    run = _run(data_dict["id"])
    if run["state"] != "done" and not (run["state"] == "running" and run["interrupted"]):
        raise tk.ValidationError(
            {"id": [_("Only a run that is done can be undone, and only once")]}
        )
    bulk.start_undo(run)
    return _run(data_dict["id"])


@action(identifier_schema)
def ecosphere_bulk_edit_resume(context: Context, data_dict: DataDict) -> DataDict:
    """Resume a bulk edit, or its undo, whose worker has died.

    Args:
        context: the context.
        data_dict: `id` of the run.

    Returns:
        the run.
    """
    run = _run(data_dict["id"])
    if not run["interrupted"]:
        raise tk.ValidationError({"id": [_("Only a run that was interrupted can be resumed")]})
    bulk.resume(run)
    return _run(data_dict["id"])


@tk.side_effect_free
@action(dict)
def ecosphere_bulk_edit_list(context: Context, data_dict: DataDict) -> list[DataDict]:
    """List bulk edits, latest first: the user's own or, for sysadmins, those of all users.

    Args:
        context: the context.
        data_dict: no parameters.

    Returns:
        for each run `id`, `user`, `started`, `field`, `operation`, `values` as displayed, `count`
        of datasets, `changed` (how many were changed), `state`, `interrupted` and `last_updated`.
    """
    user: str | None = str(context.get("user") or "")
    if context.get("ignore_auth") or authz.is_sysadmin(user):
        user = None
    lang = language.current()
    rows = []
    for run in bulk.listed(user):
        row = {name: run[name] for name in _SHOWN_OF_RUN}
        row["values"] = bulk.described(run["field"], run["values"], lang)
        row["count"] = len(run["ids"])
        row["changed"] = sum(entry["outcome"] == "changed" for entry in run["entries"])
        rows.append(row)
    return rows


_SHOWN_OF_RUN = (
    "id",
    "user",
    "started",
    "field",
    "operation",
    "state",
    "interrupted",
    "last_updated",
)


def _run(id_: str) -> DataDict:
    run = bulk.load(id_)
    if run is None:
        raise tk.ObjectNotFound(_("Run not found"))
    return run


def _selection(context: Context, data: DataDict) -> tuple[bulk.Change, list[DataDict], list[str]]:
    """Return the change, the datasets to change, and names of no dataset.

    Raises:
        ValidationError: a parameter is invalid.
    """
    try:
        names = bulk.names_in(data.get("names") or "")
        change = bulk.change_of(data["field"], data["operation"], data["values"])
    except bulk.PlanError as error:
        parameter, message = _MESSAGES[error.code]
        raise tk.ValidationError({parameter: [_(message).format(value=error.value)]}) from error
    if change.field == "tags" and change.operation != "remove":
        _may_be_keywords(change.values)
    if change.field == "in_series" and change.operation != "remove":
        unknown = relations.unknown_series(change.values, context)
        if unknown:
            raise tk.ValidationError(
                {"values": [publication.no_series_message(name) for name in unknown]}
            )
    datasets = _chosen(context, names, data.get("q") or "", data.get("filters") or "")
    own_names = {dataset["name"] for dataset in datasets} | {dataset["id"] for dataset in datasets}
    return change, datasets, [name for name in names if name not in own_names]


def _may_be_keywords(values: Iterable[str]) -> None:
    validators: list[Any] = [
        tk.get_validator(name) for name in ("tag_length_validator", "tag_name_validator")
    ]
    try:
        for value, validator in itertools.product(values, validators):
            validator(value, {})
    except tk.Invalid as error:
        raise tk.ValidationError({"values": [error.error]}) from error


def _included(data: DataDict, datasets: list[DataDict], sources: Mapping[str, str]) -> list[str]:
    """Return the ids of the datasets that are not excluded."""
    left_out = {str(name) for name in data.get("left_out") or ()}
    if data.get("without_harvested"):
        left_out |= sources.keys()
    return [
        dataset["id"]
        for dataset in datasets
        if left_out.isdisjoint((dataset["id"], dataset["name"]))
    ]


def _chosen(context: Context, names: list[str], query: str, filtered: str) -> list[DataDict]:
    """Return the selected datasets that the user may edit.

    Raises:
        ValidationError: too many datasets, or no selection.
    """
    if not names and not query.strip() and not filtered:
        raise tk.ValidationError(
            {"q": [_("Choose datasets: write a search, or the names of the datasets")]}
        )
    who = authorization.same_caller(context)
    services = tk.get_action("organization_list_for_user")(
        who.copy(), {"permission": "update_dataset"}
    )
    if not services:
        return []
    either = " OR ".join('"' + service["id"] + '"' for service in services)
    chosen = [f"+dataset_type:dataset +owner_org:({either})"]
    search: DataDict = {"include_private": True, "rows": MOST_DATASETS, "facet": "false"}
    if names:
        _check_number(len(names), "names")
        quoted = [f'"{name}"' for name in names if bulk.is_name(name)]
        datasets: dict[str, DataDict] = {}
        for start in range(0, len(quoted), NAMES_ASKED):
            part = " OR ".join(quoted[start : start + NAMES_ASKED])
            search["fq_list"] = [*chosen, f"name:({part}) OR id:({part})"]
            results = tk.get_action("package_search")(who.copy(), search.copy())["results"]
            datasets |= {dataset["id"]: dataset for dataset in results}
        return list(datasets.values())
    narrowed = search_of(filtered)
    search |= {**narrowed, "fq_list": [*chosen, *narrowed["fq_list"]], "q": query}
    result = tk.get_action("package_search")(who.copy(), search)
    _check_number(result["count"], "q")
    return result["results"]


def _check_number(number: int, field: str) -> None:
    if number > MOST_DATASETS:
        message = _(
            "{number} datasets are chosen, {limit} at most can be changed at once: narrow the "
            "search"
        )
        raise tk.ValidationError({field: [message.format(number=number, limit=MOST_DATASETS)]})


# --- filters of a search page ---
#
# They have the form of the page's query string (``theme=…&organization=…&ext_bbox=…``) and the same
# meaning: a field of the index and its value; parameters that start with ``ext_`` are handled by
# search plugins.

_NO_FILTERS = ("q", "page", "sort")
_EXTRA = "ext_"
_FIELD = re.compile(r"[a-z][\w.]*", re.IGNORECASE)


def ecosphere_bulk_filters() -> str:
    """Return the filters of the current search page.

    On the page of a service, the service is one of them.
    """
    pairs = [pair for pair in tk.request.args.items(multi=True) if pair[1] and _is_filter(pair[0])]
    if tk.request.endpoint == "organization.read":
        pairs.append(("organization", (tk.request.view_args or {})["id"]))
    return urlencode(pairs)


def _is_filter(name: str) -> bool:
    return name not in _NO_FILTERS and bool(_FIELD.fullmatch(name))


def _pairs(filters: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(filters) if _is_filter(name)]


def search_of(filters: str) -> DataDict:
    """Return the parameters of `package_search` for filters: ``fq_list`` and ``extras``.

    With `ecosphere_search`, several values of one field are alternatives (OR), as on its search
    page.
    """
    pairs = _pairs(filters)
    fields = [pair for pair in pairs if not pair[0].startswith(_EXTRA)]
    extras: DataDict = dict(pair for pair in pairs if pair[0].startswith(_EXTRA))
    if not p.plugin_loaded("ecosphere_search"):
        return {
            "fq_list": [f"+{name}:{relations.quoted(value)}" for name, value in fields],
            "extras": extras,
        }
    chosen: dict[str, list[str]] = {}
    for name, value in fields:
        chosen.setdefault(name, []).append(value)
    return {"fq_list": [], "extras": extras | {"ext_facets": chosen}}


def describe_filters(filters: str) -> list[tuple[str, str]]:
    """Return the filters for display: title and label of the value, as on the search page."""
    pairs = _pairs(filters)
    if not pairs:
        return []
    fields = sorted({name for name, _value in pairs if not name.startswith(_EXTRA)})
    search = {**search_of(filters), "facet.field": fields, "facet.limit": -1, "rows": 0}
    facets = tk.get_action("package_search")({}, search)["search_facets"]
    titles: Any = {}
    for plugin in p.PluginImplementations(p.IFacets):
        titles = plugin.dataset_facets(titles, "dataset")
    texts = []
    for name, value in pairs:
        if name in fields:
            items = facets.get(name, {}).get("items", [])
            label = next((item["display_name"] for item in items if item["name"] == value), value)
            texts.append((titles.get(name, name), label))
    if "ext_bbox" in dict(pairs):
        texts.append((_("Area"), _("as on the map")))
    return texts


# --- authorization ---


def may_preview(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service to preview and start bulk edits.

    Each dataset is checked again.
    """
    who: Any = {"user": context.get("user")}
    services = tk.get_action("organization_list_for_user")(who, {"permission": "update_dataset"})
    return {
        "success": bool(services),
        "msg": _("Only the editors of a service change its datasets"),
    }


def may_see(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow only the user who started a run to see, undo and resume it."""
    run = _run(data_dict["id"])
    return {
        "success": run["user"] == context.get("user"),
        "msg": _("Only who started a run sees and undoes it"),
    }


ACTIONS = {
    "ecosphere_bulk_edit_preview": ecosphere_bulk_edit_preview,
    "ecosphere_bulk_edit_start": ecosphere_bulk_edit_start,
    "ecosphere_bulk_edit_show": ecosphere_bulk_edit_show,
    "ecosphere_bulk_edit_undo": ecosphere_bulk_edit_undo,
    "ecosphere_bulk_edit_resume": ecosphere_bulk_edit_resume,
    "ecosphere_bulk_edit_list": ecosphere_bulk_edit_list,
}
AUTH = {
    "ecosphere_bulk_edit_preview": may_preview,
    "ecosphere_bulk_edit_start": may_preview,
    "ecosphere_bulk_edit_show": may_see,
    "ecosphere_bulk_edit_undo": may_see,
    "ecosphere_bulk_edit_resume": may_see,
    "ecosphere_bulk_edit_list": may_preview,
}
