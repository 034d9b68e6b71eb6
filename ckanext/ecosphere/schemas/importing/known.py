"""Warn about imported descriptions that are already in the catalogue or belong to another service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.shared import authorization

#: Index fields (type string) with identifiers of a dataset or its record.
NAMED_BY = ("identifier", "metadata_identifier", "uri", "source_record")
MOST_ASKED, MOST_FOUND = 20, 10
Dataset = Mapping[str, Any]


def already(dataset: Dataset, url: str, context: Any) -> list[dict[str, Any]]:
    """Return the datasets with an identifier of an imported one that the user may see.

    Args:
        dataset: the imported dataset.
        url: URL that it was read from, "" for a file.
        context: context of the calling action.

    Returns:
        for each `name`, `title`, `service` (title), `catalogue` (title of the catalogue that it is harvested from, or
        None) and `editable` (whether the user may change it).
    """
    names = [dataset.get(field) for field in NAMED_BY] + [*as_list(dataset.get("alternate_identifier") or []), url]
    wanted = list(dict.fromkeys(str(name) for name in names if name))[:MOST_ASKED]
    if not wanted:
        return []
    either = " OR ".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in wanted)
    who: Any = authorization.same_person(context)
    found = tk.get_action("package_search")(
        who.copy(),
        {
            "fq_list": ["+dataset_type:dataset", " OR ".join(f"{field}:({either})" for field in NAMED_BY)],
            "rows": MOST_FOUND,
            "facet": "false",
            "include_private": True,
            "include_drafts": True,
        },
    )
    return [
        {
            "name": each["name"],
            "title": each["title"],
            "service": (each.get("organization") or {}).get("title") or "",
            "catalogue": _catalogue(each["id"], who),
            "editable": authz.is_authorized_boolean("package_update", who.copy(), {"id": each["id"]}),
        }
        for each in found["results"]
    ]


def _catalogue(id_: str, who: Any) -> str | None:
    try:
        told = tk.get_action("ecosphere_harvest_catalogues_show")(who.copy(), {"id": id_})["published_from"]
    except (KeyError, tk.ObjectNotFound, tk.NotAuthorized):
        return None
    return told["title"] if told else None


def other_service(dataset: Dataset, context: Any) -> str | None:
    """Return the name of the service that a description belongs to, if the user cannot create datasets for it.

    Args:
        dataset: the imported dataset: `owner_org` is a name in the registry, `publisher` has rows with a name.
        context: context of the calling action.
    """
    names = [str(dataset.get("owner_org") or ""), *_publishers(dataset.get("publisher"))]
    registry = voc.get("organisations")
    service = next((found for name in names if name and (found := registry.get(name) or registry.find(name))), None)
    if service is None:
        return None
    who: Any = authorization.same_person(context)
    asked = {"permission": "create_dataset", **({"id": who["user"]} if who.get("user") else {})}
    mine = tk.get_action("organization_list_for_user")(who.copy(), asked)
    if not mine or any(_is(group, service) for group in mine):
        return None
    return str(service.label_fr)


def _publishers(rows: Any) -> Iterable[str]:
    return [str(row.get("name") or "") for row in as_list(rows or []) if isinstance(row, Mapping)]


def _is(group_dict: Mapping[str, Any], service: voc.Concept) -> bool:
    group = model.Group.get(group_dict["id"])
    registered = sheets.registered(group) if group else None
    return (registered or voc.get("organisations").find(str(group_dict.get("title") or ""))) == service


def sentences(found: Iterable[Mapping[str, Any]], service: str | None) -> list[str]:
    """Return the warnings about an imported description, as sentences."""
    told = []
    for each in found:
        text = tk._("This description is in the catalogue already: “{title}” ({service}).")
        told.append(text.format(title=each["title"], service=each["service"]))
        if each["catalogue"]:
            text = tk._("It is harvested from {catalogue}: what is saved here would be a second dataset beside it.")
            told[-1] += " " + text.format(catalogue=each["catalogue"])
        elif each["editable"]:
            told[-1] += " " + tk._("Change that dataset rather than save a second one.")
    if service:
        text = tk._(
            "The description is one of another service, {service}: save it only if your service has taken it over."
        )
        told.append(text.format(service=service))
    return told
