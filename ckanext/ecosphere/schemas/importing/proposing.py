"""Propose the values of a new dataset.

- `propose`: from pasted URLs of records, services, files and repositories;
- `importable`: from a description, with warnings if it is already in the catalogue or belongs to
  another service;
- `duplicate`: from another dataset;
- `usual_values`: from the datasets of a service.

Values that the form would refuse are left out (`without_invalid`).
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.common import _
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.view import EMPTY, Row, View, as_list
from ckanext.ecosphere.schemas import relations, stored, urls
from ckanext.ecosphere.schemas.importing import addresses, documents, services
from ckanext.ecosphere.schemas.logic.publication import irrelevant_fields, label_of
from ckanext.ecosphere.shared import authorization, language

#: URLs of a proposal, and layers that a user may choose for it.
MOST_URLS, MOST_LAYERS = 5, 50
#: Kind of URL, besides addresses.FILE and addresses.RECORD; followed by a colon and the format of
#: the service, if it is known.
SERVICE = "service"
#: States of a proposal: services are being read, the user must choose layers, the dataset is ready.
READING, CHOOSE, READY = "reading", "choose", "ready"
#: State of a service whose capabilities are still being read.
UNREAD = "unread"

Service = Row


@dataclass(frozen=True)
class Address:
    """A pasted URL, its kind, and the service at it, if it is one."""

    url: str
    kind: str
    service: Service | None = None


def propose(data: Row, context: Any) -> DataDict:
    """Return the state of a proposal, as the answer of the action.

    Args:
        data: the parameters of the action: lists of texts.
        context: context of the action.

    Raises:
        ValidationError: a URL cannot be used.
    """
    pasted = _pasted(data["urls"])
    kinds = data.get("kinds") or ()
    if len(kinds) != len(pasted):
        kinds = [""] * len(pasted)
    pasted_addresses = [
        _address(url, kind, context) for url, kind in zip(pasted, kinds, strict=True)
    ]
    answer: DataDict = {
        "state": READING,
        "kinds": [address.kind for address in pasted_addresses],
        "services": [address.service for address in pasted_addresses if address.service],
    }
    if any(service["state"] == UNREAD for service in answer["services"]):
        return answer
    described: documents.Read = {"dataset": {}, "problems": []}
    read_at = ""
    records = [address.url for address in pasted_addresses if address.kind == addresses.RECORD]
    if len(records) > 1:
        raise _refusal(_("Only one of the addresses may be that of a record."))
    for url in records:
        try:
            described, read_at = documents.fetch(url, context)
        except documents.ServiceError as error:  # not seen from its URL: begin again
            kinds = list(answer["kinds"])
            kinds[pasted.index(url)] = f"{SERVICE}:{error.format}"
            return propose({**data, "kinds": kinds}, context)
        except tk.ValidationError as error:
            errors: Any = error.error_dict
            raise _refusal(
                *(f"{url[:200]}{_(': ')}{message}" for message in errors["url"])
            ) from error
    return _combined(
        pasted_addresses, (described, read_at), data.get("layers") or None, answer, context
    )


def _pasted(texts: Iterable[str]) -> list[str]:
    """Return the URLs in some texts, separated by blanks."""
    pasted = list(dict.fromkeys(" ".join(texts).split()))
    if not pasted:
        raise _refusal(_("Give an address, or choose a file"))
    if len(pasted) > MOST_URLS:
        raise _refusal(_("Give {number} addresses at most.").format(number=MOST_URLS))
    for url in pasted:
        if not urls.is_web_address(url):
            message = _('"{value}" is not a web address: it must start with https:// or http://')
            raise _refusal(message.format(value=url[:200]))
    return pasted


def _refusal(*messages: str) -> tk.ValidationError:
    return tk.ValidationError({"urls": list(messages)})


def _address(url: str, kind: str, context: Any) -> Address:
    """Return a URL with its kind and service; the given kind is "" before it is known."""
    service = None
    is_known_service = kind.startswith(f"{SERVICE}:")
    if is_known_service or (not kind and not addresses.names_one_record(url)):
        service = _service(url, kind.partition(":")[2], context)
    if service is None and is_known_service:
        raise _refusal(_("This is the address of a service, not of a description"))
    if service is None:
        new_kind = addresses.RECORD
        if addresses.target(url).kind == addresses.FILE:
            new_kind = addresses.FILE
        return Address(url, kind or new_kind)
    if services.is_catalogue(service):
        message = _(
            "This is the address of a catalogue: give that of one record (GetRecordById), "
            "or ask the administrator to have the catalogue harvested."
        )
        raise _refusal(message)
    return Address(url, kind or f"{SERVICE}:", service)


def _service(url: str, format_: str, context: Any) -> Service | None:
    """Return the service at a URL; None if it is not one, or without `ecosphere_access`."""
    try:
        action = tk.get_action("ecosphere_access_service_read")
        return action(authorization.same_person(context), {"url": url, "format": format_})
    except (KeyError, tk.ValidationError):
        return None


def _combined(
    pasted_addresses: Iterable[Address],
    record: tuple[documents.Read, str],
    names: Sequence[str] | None,
    answer: DataDict,
    context: Any,
) -> DataDict:
    """Return the answer with the dataset made of the record, the services and the files.

    Args:
        pasted_addresses: the URLs with their kinds.
        record: the description, empty without one, and the URL that it was read from.
        names: names of the chosen layers, None before the user chose.
        answer: the answer so far, with the services.
        context: context of the action.
    """
    described, read_at = record
    dataset = dict(described["dataset"])
    problems = list(described["problems"])
    resources: list[DataDict] = list(dataset.get("resources") or [])
    chosen: Sequence[Row] | None = None  # layers of the first service that has any
    for service in answer["services"]:
        if service["trouble"]:
            problems.append(f"{service['url'][:200]}{_(': ')}{service['trouble']}")
        if chosen is None and service["layers"]:
            chosen = services.selected_layers(service, names)
            if chosen is None:
                return {**answer, "state": CHOOSE, "service": service}
            layers = chosen
            dataset = {**services.dataset(service, layers, language.current()), **dataset}
        else:
            layers = services.counterparts(service, chosen or ())
        resources += services.resources(service, layers)
    has_answered = bool(read_at) or chosen is not None
    for address in pasted_addresses:
        if address.kind != addresses.FILE:
            continue
        why = documents.why_silent(address.url)
        if why:
            message = _("The address {url} does not answer: {why}")
            problems.append(message.format(url=address.url[:200], why=why))
        has_answered = has_answered or not why
        file = _file(address.url)
        resources.append(file)
        dataset.setdefault("title", services.readable(file["name"].rpartition(".")[0]))
    dataset["resources"] = _distinct(resources)
    return {
        **answer,
        "state": READY,
        "described": bool(read_at),
        "read": has_answered,
        **importable({"dataset": dataset, "problems": problems}, read_at, context),
    }


def _file(url: str) -> DataDict:
    format_ = addresses.target(url).format
    return {"url": url, "name": addresses.file_name(url), "format": format_}


def _distinct(resources: Iterable[DataDict]) -> list[DataDict]:
    """Return resources without duplicates (same URL and layers)."""
    distinct: dict[Any, DataDict] = {}
    for resource in resources:
        layers = tuple(resource.get("layer_name") or ())
        distinct.setdefault((resource.get("url"), layers), resource)
    return list(distinct.values())


def importable(described: documents.Read, url: str, context: Any) -> DataDict:
    """Return an imported dataset as a draft without name, id and owner, with problems and warnings.

    Args:
        described: `dataset` and `problems`.
        url: URL that it was read from, "" for a file.
        context: context of the calling action.

    Returns:
        `dataset`, `problems` (sentences), `already` (see `existing_datasets`) and `warnings`
        (sentences).
    """
    existing = existing_datasets(described["dataset"], url, context)
    warnings = _warnings(existing, other_service(described["dataset"], context))
    dataset = {**described["dataset"], "private": True}
    for name in ("name", "id", "owner_org"):
        dataset.pop(name, None)
    if url:
        dataset.setdefault("source_record", url)
    dataset, problems = without_invalid(dataset, context)
    problems = [*described["problems"], *problems]
    return {"dataset": dataset, "problems": problems, "already": existing, "warnings": warnings}


# --- what the catalogue has already ---

#: Index fields (type string) with identifiers of a dataset or its record.
IDENTIFIERS = tuple(field.name for field in fields.having("identifies"))
#: Identifiers that are searched for, and datasets that are returned.
MOST_IDENTIFIERS, MOST_DATASETS = 20, 10
Dataset = Row
Draft = DataDict


def existing_datasets(dataset: Dataset, url: str, context: Any) -> list[DataDict]:
    """Return the datasets with an identifier of an imported one, among those that the user may see.

    Args:
        dataset: the imported dataset.
        url: URL that it was read from, "" for a file.
        context: context of the calling action.

    Returns:
        for each `name`, `title`, `service` (title), `catalogue` (title of the catalogue that it is
        harvested from, or None) and `editable` (whether the user may change it).
    """
    view = View(dataset)
    identifiers = [*itertools.chain.from_iterable(map(view.many, IDENTIFIERS)), url]
    distinct = list(dict.fromkeys(filter(None, identifiers)))[:MOST_IDENTIFIERS]
    if not distinct:
        return []
    either = " OR ".join(map(relations.quoted, distinct))
    search = {
        "fq_list": [
            "+dataset_type:dataset",
            " OR ".join(f"{field}:({either})" for field in IDENTIFIERS),
        ],
        "rows": MOST_DATASETS,
        "facet": "false",
        "include_private": True,
        "include_drafts": True,
    }
    who: Any = authorization.same_person(context)
    rows = []
    for other in tk.get_action("package_search")(who.copy(), search)["results"]:
        rows.append(
            {
                "name": other["name"],
                "title": other["title"],
                "service": (other.get("organization") or {}).get("title") or "",
                "catalogue": _catalogue(other["id"], who),
                "editable": authz.is_authorized_boolean(
                    "package_update", who.copy(), {"id": other["id"]}
                ),
            }
        )
    return rows


def _catalogue(id_: str, who: Any) -> str | None:
    """Return the title of the catalogue that a dataset is harvested from, None for others."""
    try:
        catalogues = tk.get_action("ecosphere_harvest_catalogues_show")(who.copy(), {"id": id_})
    except (KeyError, tk.ObjectNotFound, tk.NotAuthorized):
        return None
    source = catalogues["published_from"]
    return source and source["title"]


def other_service(dataset: Dataset, context: Any) -> str | None:
    """Return the name of the service that a description belongs to, if it is not the user's.

    None also for users who cannot create datasets for any service.

    Args:
        dataset: the imported dataset: `owner_org` is a name in the registry, `publisher` has rows
            with a name.
        context: context of the calling action.
    """
    view, registry = View(dataset), voc.get("organisations")
    names = [
        view.text("owner_org"),
        *(str(row.get("name") or "") for row in view.rows("publisher")),
    ]
    service = next(filter(None, map(registry.lookup, names)), None)
    if service is None:
        return None
    who: Any = authorization.same_person(context)
    query = {"permission": "create_dataset"}
    if who.get("user"):
        query["id"] = who["user"]
    mine = tk.get_action("organization_list_for_user")(who.copy(), query)
    if not mine or any(_is_same_service(group, service) for group in mine):
        return None
    return str(service.label_fr)


def _is_same_service(group_dict: Row, service: voc.Concept) -> bool:
    group = model.Group.get(group_dict["id"])
    registered = sheets.registered(group) if group else None
    if registered is None:
        registered = voc.get("organisations").find(str(group_dict.get("title") or ""))
    return registered == service


def _warnings(existing: Iterable[Row], service: str | None) -> list[str]:
    """Return the warnings about an imported description, as sentences."""
    warnings = []
    for other in existing:
        text = _("This description is in the catalogue already: “{title}” ({service}).")
        sentences = [text.format(title=other["title"], service=other["service"])]
        if other["catalogue"]:
            text = _(
                "It is harvested from {catalogue}: what is saved here would be a second dataset "
                "beside it."
            )
            sentences.append(text.format(catalogue=other["catalogue"]))
        elif other["editable"]:
            sentences.append(_("Change that dataset rather than save a second one."))
        warnings.append(" ".join(sentences))
    if service:
        text = _(
            "The description is one of another service, {service}: save it only if your service "
            "has taken it over."
        )
        warnings.append(text.format(service=service))
    return warnings


# --- values of other datasets ---

#: Fields that a copy does not take over: those that CKAN sets, and those that identify or date one
#: dataset.
OF_CKAN = frozenset(
    (
        "id", "name", "state", "type", "resources", "extras", "groups", "organization",
        "creator_user_id", "isopen", "metadata_created", "metadata_modified", "num_resources",
        "num_tags", "license_title", "license_url", "relationships_as_object",
        "relationships_as_subject", "revision_id",
    )
)  # fmt: skip
OWN = OF_CKAN | {field.name for field in fields.having("own")}
#: Share of the datasets that must have a value for it to be usual.
LEAST_SHARE = 0.5


def duplicate(dataset: Row, title: str) -> DataDict:
    """Return a copy of ``dataset`` as a draft with another title, without the fields of `OWN`."""
    copied = {
        name: value for name, value in dataset.items() if name not in OWN and value not in EMPTY
    }
    return {**copied, "title": title, "private": True}


def usual_values(datasets: Iterable[Row], names: Iterable[str]) -> DataDict:
    """Return the value of each field that at least half of the datasets share.

    Args:
        datasets: datasets of one service.
        names: names of the fields to compare.
    """
    all_datasets = list(datasets)
    least = max(1, len(all_datasets) * LEAST_SHARE)
    values = {}
    for name in names:
        filled = [dataset[name] for dataset in all_datasets if dataset.get(name) not in EMPTY]
        most_frequent = Counter(map(_identity, filled)).most_common(1)
        if not most_frequent or most_frequent[0][1] < least:
            continue
        identity = most_frequent[0][0]
        spellings = Counter(_as_json(value) for value in filled if _identity(value) == identity)
        values[name] = json.loads(spellings.most_common(1)[0][0])
    return values


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _identity(value: Any) -> str:
    """Return what two values have in common if they are the same.

    Of people, these are the mailboxes: the rest is spelt in many ways.
    """
    rows = value if isinstance(value, list) else []
    mailboxes = [str(row.get("email") or "").lower() for row in rows if isinstance(row, Mapping)]
    if mailboxes and all(mailboxes):
        return _as_json(sorted(mailboxes))
    return _as_json(value)


# --- values that the form would refuse ---

#: Fields whose errors are ignored, since the user fills them in.
_FILLED_IN_BY_USER = ("name", "title", "owner_org", "tag_string")
#: Field with the kind of a dataset.
KIND = "dcat_type"
#: Validations at most: without one value, another one may be invalid.
MOST_ROUNDS = 5
#: Characters of a value that are quoted.
SHOWN = 300
Place = tuple[Any, ...]
"""Place of a value in a dataset: names of fields and numbers of rows."""


def without_invalid(dataset: Draft, context: Any) -> tuple[Draft, list[str]]:
    """Return the dataset without invalid values, and sentences about what was left out.

    Users did not type these values and could not do anything about validation errors.

    Args:
        dataset: an imported dataset, not saved yet.
        context: context of the calling action.
    """
    valid = deepcopy(dataset)
    sentences: list[str] = []
    errors = _errors(valid, context)
    if KIND in errors:  # first, since the relevance of other fields depends on it
        sentences += _leave_out(valid, {KIND: errors[KIND]})
    sentences += _leave_out_irrelevant(valid)
    for _round in range(MOST_ROUNDS):
        left_out = _leave_out(valid, _errors(valid, context))
        if not left_out:
            break
        sentences += left_out
    return valid, sentences


def error_sentences(errors: Row) -> list[str]:
    """Return validation errors as sentences that start with the label of the field.

    Args:
        errors: ``error_dict`` of a ``ValidationError`` of ``package_create`` or ``package_patch``.
    """
    return [_sentence(place, messages) for place, messages in _faults(errors)]


def _sentence(place: Place, messages: Iterable[str]) -> str:
    return f"{_label(place)}{_(': ')}{'; '.join(messages)}"


def _faults(errors: Row, above: Place = ()) -> Iterator[tuple[Place, list[str]]]:
    """Yield the place of each invalid value, and the messages about it."""
    for name, messages in errors.items():
        rows = as_list(messages)
        if any(isinstance(row, Mapping) for row in rows):
            for number, row in enumerate(rows):
                yield from _faults(row, (*above, name, number))
        else:
            yield (*above, name), list(map(str, rows))


def _fields_at(place: Place) -> list[Row]:
    """Return the field of a value, after those that it is in; none for fields of CKAN."""
    schema = tk.h.scheming_get_dataset_schema("dataset")
    names = [name for name in place if isinstance(name, str)]
    fields, path = schema["dataset_fields"], []
    if names[0] == "resources":
        fields = schema["resource_fields"]
    if names[0] == "tags":
        names = ["tag_string"]
    for name in names:
        field = tk.h.scheming_field_by_name(fields, name)
        if field:
            path.append(field)
            fields = field.get("repeating_subfields") or ()
    return path


def _label(place: Place) -> str:
    return ", ".join(map(label_of, _fields_at(place))) or str(place[0])


def _errors(dataset: Draft, context: Any) -> DataDict:
    """Return the validation errors of saving the dataset as a draft."""
    plugin: Any = lookup_package_plugin("dataset")
    who: Any = {"user": context.get("user"), "model": model, "session": model.Session}
    draft = deepcopy({**dataset, "type": "dataset", "private": True})
    _valid, errors = plugin_validate(
        plugin, who, draft, plugin.create_package_schema(), "package_create"
    )
    return {name: messages for name, messages in errors.items() if name not in _FILLED_IN_BY_USER}


def _left_out(label: str, value: Any, reason: str) -> str:
    """Return the sentence about a value left out, which is quoted unless the reason contains it."""
    parts = as_list(value) if value else []
    text = ", ".join(str(part) for part in parts if part not in (None, ""))
    if text and text not in reason:
        label = f"{label} ({text[:SHOWN]})"
    message = _("Left out, for the form would refuse it: {field}. {reason}")
    return message.format(field=label, reason=reason)


def _leave_out_irrelevant(dataset: Draft) -> list[str]:
    """Remove the fields that do not apply given the values of other fields."""
    fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    sentences: list[str] = []
    for name, values, other in irrelevant_fields(fields, View(dataset)):
        dataset.pop(name, None)
        reason = _("It does not go with what “{field}” says.").format(field=_label((other,)))
        sentences.append(_left_out(_label((name,)), values, reason))
    return sentences


def _leave_out(dataset: Draft, errors: Row) -> list[str]:
    """Remove the invalid values, and return a sentence about each.

    A keyword, and a file whose URL is invalid, are removed as a whole.
    """
    sentences: list[str] = []
    for place, messages in _faults(errors):
        if not _fields_at(place):
            continue  # a field of CKAN
        *above, name = place
        owner: Any = dataset
        for name_or_number in above:
            owner = owner[name_or_number]
        if above and not owner:
            continue  # a keyword or file that was removed as a whole
        file = ""
        if place[0] == "resources":
            file = str(owner.get("name") or owner.get("url") or above[1] + 1)
        if place[0] == "tags" or (file and name == "url"):
            value = owner.get(name)
            owner.clear()  # removed below
        else:
            value = _remove(place, owner, messages)
        sentence = _left_out(_label(place), value, "; ".join(messages))
        if file:
            sentence = f"{file} \N{EN DASH} {sentence}"
        sentences.append(sentence)
    for name, value in dataset.items():
        if isinstance(value, list):
            dataset[name] = [part for part in value if stored.is_filled(part)]
    return sentences


def _remove(place: Place, values: Draft, messages: list[str]) -> Any:
    """Remove an invalid value, and return it; of a list, only the parts quoted in the messages.

    If the value is missing, the other field that requires it is removed instead.
    """
    name = place[-1]
    if name not in values:
        conditions = [field.get("required_when") or () for field in _fields_at(place)[-1:]]
        others = [condition["field"] for condition in itertools.chain(*conditions)]
        return [values.pop(other, None) for other in others]
    value = values.pop(name)
    if not isinstance(value, list):
        return value
    quoted = "\n".join(messages)
    bad = [part for part in value if str(part) in quoted]
    good = [part for part in value if part not in bad]
    if bad and good:
        values[name] = good
        return bad
    return value
