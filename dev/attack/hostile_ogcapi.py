"""Behaviours of the hostile server as an OGC API – Records or STAC server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dev.attack.hostile import Question

JSON = "application/json"
OGC_NAMES = (
    "title", "description", "type", "language", "created", "keywords", "themes", "contacts", "formats", "license",
)  # fmt: skip


def _ogcapi(question: Question, records: Any, following: Any = None, **more: Any) -> None:
    links = [{"rel": "next", "href": following, "type": JSON}] if following is not None else []
    question.answer(json.dumps({"type": "FeatureCollection", "features": records, "links": links, **more}), JSON)


def _ogcapi_record(number: int, **told: Any) -> dict[str, Any]:
    told = {"type": "dataset", "title": f"Zone OGC {number}", "description": "Une zone.", **told}
    return {"id": f"ogc-{number}", "type": "Feature", "geometry": None, "properties": told, "links": []}


def ogcapi_endless(question: Question) -> None:
    """Answer new records for ever, always with a next page."""
    first = question.number * 50
    _ogcapi(question, [_ogcapi_record(n) for n in range(first, first + 50)], f"{question.url}/{question.number + 1}")


def ogcapi_lying_total(question: Question) -> None:
    """Claim more records than any integer type holds, and answer one record, then empty pages."""
    records = [] if question.rest else [_ogcapi_record(1)]
    _ogcapi(question, records, f"{question.url}/{question.number + 1}", numberMatched=10**40, numberReturned=-1)


def ogcapi_next_canary(question: Question) -> None:
    """Answer a page whose next page is on a forbidden address."""
    _ogcapi(question, [_ogcapi_record(1)], question.hostile.canary("ogcapi-next"))


def ogcapi_ways(question: Question) -> None:
    """Answer pages without records that each link to another one."""
    links = [{"rel": "items", "href": f"{question.url}/{question.number}", "type": JSON}]
    question.answer(json.dumps({"links": links}), JSON)


def ogcapi_next_is_none(question: Question) -> None:
    """Answer three valid records, and a next page with an invalid URL."""
    _ogcapi(question, [_ogcapi_record(n) for n in (1, 2, 3)], "http://[")


def ogcapi_odd(question: Question) -> None:
    """Answer three valid records among odd ones: values of unexpected types, invalid URLs and bounding boxes."""
    odd: list[Any] = [[], {}, 1e300, 10**400, True, None, "a\0b", "\ud800", {"href": []}, [[[[]]]], "9999-99-99"]
    records: list[Any] = [_ogcapi_record(n) for n in (1, 2, 3)] + odd
    for number, value in enumerate(odd, 10):
        record = _ogcapi_record(number, **dict.fromkeys(OGC_NAMES, value))
        records.append(record | {"geometry": value, "time": {"interval": value}, "links": [value, {"href": value}]})
        records.append({**_ogcapi_record(number + 100), "id": value})
        place = {"type": "Polygon", "coordinates": [[[10**400, 1], [2, value], value]]}
        records.append(_ogcapi_record(number + 200) | {"geometry": place, "bbox": [value, 1, 2, 3], "links": value})
        links = [{"rel": "enclosure", "href": each, "type": value} for each in ("http://[", "", "//a", value)]
        records.append(_ogcapi_record(number + 300) | {"links": links, "time": {"date": value}})
    _ogcapi(question, records)


def ogcapi_stac_odd(question: Question) -> None:
    """Answer a STAC collection with values of unexpected types, and a valid one."""
    good = {"id": "stac-1", "type": "Collection", "stac_version": "1.0.0", "title": "Zone STAC", "description": "Zone."}
    odd = good | {
        "id": "stac-2",
        "extent": {"spatial": {"bbox": [[10**400, "a", None, []]]}, "temporal": {"interval": [[1, {}]]}},
        "providers": [None, {"name": [1], "roles": 5}], "assets": {"a": None, "b": {"href": {"c": 1}, "roles": "x"}},
        "keywords": {"a": 1}, "license": [1], "links": "x",
    }  # fmt: skip
    question.answer(json.dumps({"collections": [odd, None, 1, good], "links": [None, {"rel": [], "href": 1}]}), JSON)


BEHAVIOURS: tuple[Callable[[Question], None], ...] = (
    ogcapi_endless, ogcapi_lying_total, ogcapi_next_canary, ogcapi_ways, ogcapi_next_is_none, ogcapi_odd,
    ogcapi_stac_odd,
)  # fmt: skip
