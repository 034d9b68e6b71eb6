"""Try a change of the search before it takes effect: a worker runs a set of queries without and with it.

The queries are those affected by the change, the judged queries (NDCG@10), and the most frequent searches without
results, all run anonymously, so that nothing of private datasets is revealed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.lib.search import SearchError

from ckanext.ecosphere.search.lists import questions
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.search.unfound import counting
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.vocabularies import local

DEPTH = 10
MOST_OWN = 12
"""Maximum queries made from the words of the change."""
MOST_UNFOUND = 40
MOST_SHOWN = 30
"""Queries whose results are stored, those that change first."""
KEPT_SECONDS = 24 * 3600
LONGEST_SECONDS = 600


def begin(area: str, key: str, value: Any, person: str) -> str | None:
    """Queue the trial of a change; return its name, None while Redis is down.

    Args:
        area: area of the change, see `changes.AREAS`.
        key: its key.
        value: the value to store; None removes it.
        person: id of the account, the only one that may apply it.
    """
    name = uuid.uuid4().hex
    trial = {"area": area, "key": key, "value": value, "person": person, "state": "waiting"}
    queue = jobs.DEFAULT_QUEUE_NAME
    try:
        _keep(name, trial)
    except OSError:  # connection errors of the Redis client are subclasses
        return None
    sent = enqueue_once(
        run, [name], job_id=f"ecosphere-search-trial-{name}", title="Search: try a change", queue=queue,
        timeout=LONGEST_SECONDS,
    )  # fmt: skip
    return name if sent else None


def load(name: str) -> dict[str, Any] | None:
    """Return a trial: `area`, `key`, `value`, `state` (waiting, done, failed), and its results once done."""
    kept: Any = connect_to_redis().get(_key(name))
    return json.loads(kept) if kept else None


def run(name: str) -> None:
    """Run the queries of a trial without and with the change, and store the results."""
    trial = load(name)
    if trial is None:
        return
    try:
        local.look(now=True)
        seen = _compared(trial)
    except SearchError:
        _keep(name, {**trial, "state": "failed"})
        raise
    _keep(name, {**trial, "state": "done", **seen})


def _compared(trial: dict[str, Any]) -> dict[str, Any]:
    judged = questions.every()
    unfound = [each["words"] for each in counting.most(max(1, tk.config[counting.THRESHOLD]), MOST_UNFOUND)]
    asked = list(dict.fromkeys([*_own(trial), *judged, *unfound]))
    before = {text: answer(text) for text in asked}
    with local.tried(trial["area"], trial["key"], trial["value"]):
        after = {text: answer(text) for text in asked}
    ndcg = {
        text: questions.gains(each, before[text]["results"], after[text]["results"]) for text, each in judged.items()
    }
    told = [
        {
            "question": text,
            "judged": text in judged,
            "changed": _names(before[text]) != _names(after[text]),
            "ndcg": ndcg.get(text),
            "before": before[text],
            "after": after[text],
        }
        for text in asked
    ]
    told.sort(key=_order)
    return {
        "asked": len(asked),
        "changed": sum(each["changed"] for each in told),
        "empty": [sum(not found["count"] for found in each.values()) for each in (before, after)],
        "own": _means(ndcg[text] for text, each in judged.items() if each.own),
        "brought": _means(ndcg[text] for text, each in judged.items() if not each.own),
        "questions": told[:MOST_SHOWN],
    }


def _order(question: dict[str, Any]) -> tuple[bool, float]:
    """Sort key: changed queries first, among them the largest losses."""
    before, after = question["ndcg"] or (0.0, 0.0)
    return not question["changed"], after - before


def _means(pairs: Iterable[list[float] | None]) -> dict[str, Any]:
    """Return the number of queries with answers, mean NDCG@10 before and after, and how many improve or worsen."""
    known = [each for each in pairs if each is not None]
    columns = zip(*known, strict=True) if known else ((0.0,), (0.0,))
    before, after = (round(sum(column) / len(column), 3) for column in columns)
    better, worse = (sum(sign * (then - now) > 0 for now, then in known) for sign in (1, -1))
    return {"number": len(known), "before": before, "after": after, "better": better, "worse": worse}


def _own(trial: dict[str, Any]) -> list[str]:
    """Return the words of the change."""
    if trial["area"] != words.EVERYDAY:
        return []
    value = trial["value"] or local.of(words.EVERYDAY).get(trial["key"]) or {}
    return [*value.get("asked", ()), *value.get("called", ())][:MOST_OWN]


def answer(question: str) -> dict[str, Any]:
    """Return the number of public datasets that a query finds, and the first of them (`name`, `title`)."""
    asked = {"q": question, "rows": DEPTH, "fl": ["name", "title"], "facet": "false", "fq": "+dataset_type:dataset"}
    found = tk.get_action("package_search")({"user": ""}, asked)
    results = [
        {"name": each["name"], "title": str(each.get("title") or each["name"])[:200]} for each in found["results"]
    ]
    return {"count": found["count"], "results": results}


def _names(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["results"]]


def _key(name: str) -> str:
    return f"ecosphere:search-trial:{tk.config['ckan.site_id']}:{name}"


def _keep(name: str, trial: dict[str, Any]) -> None:
    connect_to_redis().set(_key(name), json.dumps(trial), ex=KEPT_SECONDS)
