"""Propose a dataset from URLs pasted by a producer: records, services, files, repositories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.importing import addresses, documents, fetching, known, review, services
from ckanext.ecosphere.shared import authorization, language

MOST = 5
MOST_CHOSEN = 50
#: Kind of URL, besides addresses.FILE and addresses.RECORD; followed by a colon and the format of the service.
SERVICE = "service"
READING, CHOOSE, READY = "reading", "choose", "ready"
UNREAD, OK = "unread", "ok"

Service = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """The user's input.

    Attributes:
        urls: the pasted URLs.
        kinds: their kinds, as returned by the previous call; empty at first.
        layers: names of the chosen layers; None before the user was asked.
    """

    urls: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    layers: tuple[str, ...] | None = None


@dataclass
class _Seen:
    kinds: list[str] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)


def checked(data: Mapping[str, Any]) -> Asked:
    """Validate the parameters of the action.

    Raises:
        ValidationError: a parameter is invalid.
    """
    given = _texts(data, "urls")
    if not given:
        raise tk.ValidationError({"urls": [tk._("Give an address, or choose a file")]})
    if len(given) > MOST:
        raise tk.ValidationError({"urls": [tk._("Give {number} addresses at most.").format(number=MOST)]})
    for url in given:
        if not urls.is_web_address(url):
            message = tk._('"{value}" is not a web address: it must start with https:// or http://')
            raise tk.ValidationError({"urls": [message.format(value=url[:200])]})
    names = data.get("layers")
    layers = None if names in (None, "", []) else tuple(_list(names, "layers")[:MOST_CHOSEN])
    kinds = tuple(_list(data.get("kinds") or [], "kinds"))
    return Asked(tuple(given), kinds if len(kinds) == len(given) else (), layers)


def _texts(data: Mapping[str, Any], name: str) -> list[str]:
    value = data.get(name)
    return list(dict.fromkeys(value.split() if isinstance(value, str) else _list(value, name)))


def _list(value: Any, name: str) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise tk.ValidationError({name: [tk._("Give a list of texts.")]})
    return [each.strip() for each in listed if each.strip()]


def propose(asked: Asked, context: Any) -> dict[str, Any]:
    """Return the state of a proposal, as the answer of the action.

    Raises:
        ValidationError: a URL cannot be used.
    """
    seen = _Seen()
    for number, url in enumerate(asked.urls):
        _sort(url, asked.kinds[number] if asked.kinds else "", seen, context)
    answer: dict[str, Any] = {"state": READING, "kinds": seen.kinds, "services": seen.services}
    if any(service["state"] == UNREAD for service in seen.services):
        return answer
    if len(seen.records) > 1:
        raise tk.ValidationError({"urls": [tk._("Only one of the addresses may be that of a record.")]})
    described: documents.Read = {"dataset": {}, "problems": []}
    read_at = ""
    if seen.records:
        try:
            described, read_at = fetching.description(seen.records[0], context)
        except documents.ServiceError as error:
            place = asked.urls.index(seen.records[0])
            kinds = [*seen.kinds[:place], f"{SERVICE}:{error.format}", *seen.kinds[place + 1 :]]
            return propose(Asked(asked.urls, tuple(kinds), asked.layers), context)
        except tk.ValidationError as error:
            raise _at(seen.records[0], asked, error) from error
    return _together(asked, seen, (described, read_at), answer, context)


def _at(url: str, asked: Asked, error: tk.ValidationError) -> tk.ValidationError:
    """Return an error for the parameter `urls`, prefixed with the URL when there are several."""
    told: Any = error.error_dict
    sentences = [str(each) for each in told.get("url") or told.get("urls") or []]
    if len(asked.urls) > 1:
        sentences = [f"{url[:200]}{tk._(': ')}{each}" for each in sentences]
    return tk.ValidationError({"urls": sentences})


def _sort(url: str, kind: str, seen: _Seen, context: Any) -> None:
    """Determine the kind of a URL and add it to `seen`."""
    service = None
    if kind.startswith(f"{SERVICE}:") or (not kind and not addresses.names_one_record(url)):
        service = _service(url, kind.partition(":")[2], context)
    if service is not None:
        if services.is_catalogue(service):
            message = tk._(
                "This is the address of a catalogue: give that of one record (GetRecordById), "
                "or ask the administrator to have the catalogue harvested."
            )
            raise tk.ValidationError({"urls": [message]})
        seen.kinds.append(kind or f"{SERVICE}:")
        seen.services.append(service)
        return
    if not kind:
        target = addresses.target(url)
        kind = addresses.FILE if target.kind == addresses.FILE else addresses.RECORD
    seen.kinds.append(kind)
    (seen.files if kind == addresses.FILE else seen.records).append(url)


def _service(url: str, format_: str, context: Any) -> Service | None:
    """Return the service at a URL; None if it is not one, or without `ecosphere_access`."""
    try:
        action = tk.get_action("ecosphere_access_service_read")
        return action(authorization.same_person(context), {"url": url, "format": format_})
    except (KeyError, tk.ValidationError):
        return None


def _together(
    asked: Asked, seen: _Seen, record: tuple[documents.Read, str], answer: dict[str, Any], context: Any
) -> dict[str, Any]:
    lang = language.current()
    described, read_at = record
    dataset, problems = dict(described["dataset"]), list(described["problems"])
    offered: list[dict[str, Any]] = list(dataset.get("resources") or [])
    first: Sequence[Mapping[str, Any]] | None = None
    for service in seen.services:
        if service["trouble"]:
            problems.append(f"{service['url'][:200]}{tk._(': ')}{service['trouble']}")
        if first is None and service["layers"]:
            first = services.chosen(service, asked.layers)
            if first is None:
                return {**answer, "state": CHOOSE, "service": service}
            layers = first
            dataset = {**services.dataset(service, layers, lang), **dataset}
        else:
            layers = services.same(service, first or ())
        offered += services.resources(service, layers)
    silent = 0
    for url in seen.files:
        if why := fetching.silence(url):
            silent += 1
            problems.append(tk._("The address {url} does not answer: {why}").format(url=url[:200], why=why))
        name = addresses.file_name(url)
        offered.append({"url": url, "name": name, "format": addresses.target(url).format})
        dataset.setdefault("title", services.readable(name.rpartition(".")[0]))
    dataset["resources"] = _once(offered)
    found = importable({"dataset": dataset, "problems": problems}, read_at, context)
    read = bool(seen.records) or silent < len(seen.files) or any(service["layers"] for service in seen.services)
    return {**answer, "state": READY, "described": bool(seen.records), "read": read, **found}


def _once(resources: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return resources without duplicates (same URL and layers)."""
    kept: dict[Any, dict[str, Any]] = {}
    for each in resources:
        kept.setdefault((each.get("url"), tuple(each.get("layer_name") or ())), each)
    return list(kept.values())


def importable(found: documents.Read, url: str, context: Any) -> dict[str, Any]:
    """Return an imported dataset as a draft without name, id and owner, with problems and warnings.

    Args:
        found: `dataset` and `problems`.
        url: URL that it was read from, "" for a file.
        context: context of the calling action.
    """
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
