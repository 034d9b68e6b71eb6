"""Try a change of the search before it is in force: a worker asks a set of questions without it and with it.

Asked are what the change is about, the questions that administrators judged (NDCG@10, binary: a dataset answers or
does not; Järvelin and Kekäläinen, 2002), and what people searched in vain most often. All as a person who is not logged
in: nothing of private datasets is told.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.lib.search import SearchError

from ckanext.ecosphere.search.lists import changes
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.search.unfound import counting
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.vocabularies import local

DEPTH = 10
MOST_OWN = 12
"""Questions made of the words of the change."""
MOST_UNFOUND = 40
MOST_SHOWN = 30
"""Questions whose results are kept, those that change first."""
KEPT_SECONDS = 24 * 3600
LONGEST_SECONDS = 600


def begin(area: str, key: str, value: Any, person: str) -> str | None:
    """Have a worker try a change; return the name of the trial, None when Redis is away.

    Args:
        area: of the change, see `changes.AREAS`.
        key: what of it.
        value: as it would be kept; None takes it away.
        person: id of the account, which alone may put it in force.
    """
    name = uuid.uuid4().hex
    trial = {"area": area, "key": key, "value": value, "person": person, "state": "waiting"}
    queue = jobs.DEFAULT_QUEUE_NAME
    try:
        _keep(name, trial)
    except OSError:  # those of the client of Redis are
        return None
    sent = enqueue_once(
        run, [name], job_id=f"ecosphere-search-trial-{name}", title="Search: try a change", queue=queue,
        timeout=LONGEST_SECONDS,
    )  # fmt: skip
    return name if sent else None


def load(name: str) -> dict[str, Any] | None:
    """Return a trial: `area`, `key`, `value`, `state` (waiting, done, failed), and when it is done what was seen."""
    kept: Any = connect_to_redis().get(_key(name))
    return json.loads(kept) if kept else None


def run(name: str) -> None:
    """Ask the questions of a trial without the change and with it, and keep what was seen."""
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
    judged = {each["question"]: each["datasets"] for each in local.of(changes.JUDGED).values()}
    unfound = [each["words"] for each in counting.most(max(1, tk.config[counting.THRESHOLD]), MOST_UNFOUND)]
    asked = list(dict.fromkeys([*_own(trial), *judged, *unfound]))
    before = {question: answer(question) for question in asked}
    with local.tried(trial["area"], trial["key"], trial["value"]):
        after = {question: answer(question) for question in asked}
    questions = [
        {
            "question": question,
            "judged": question in judged,
            "changed": _names(before[question]) != _names(after[question]),
            "before": before[question],
            "after": after[question],
        }
        for question in asked
    ]
    told = sorted(questions, key=lambda each: not each["changed"])
    return {
        "asked": len(asked),
        "changed": sum(each["changed"] for each in questions),
        "empty": [sum(not found["count"] for found in each.values()) for each in (before, after)],
        "judged": len(judged),
        "ndcg": [_mean(ndcg(_names(found[q]), wanted) for q, wanted in judged.items()) for found in (before, after)],
        "questions": told[:MOST_SHOWN],
    }


def _own(trial: dict[str, Any]) -> list[str]:
    """The words of the change."""
    if trial["area"] != words.EVERYDAY:
        return []
    value = trial["value"] or local.of(words.EVERYDAY).get(trial["key"]) or {}
    return [*value.get("asked", ()), *value.get("called", ())][:MOST_OWN]


def answer(question: str) -> dict[str, Any]:
    """Return how many public datasets a question finds, and the first of them: `name`, `title`."""
    asked = {"q": question, "rows": DEPTH, "fl": ["name", "title"], "facet": "false", "fq": "+dataset_type:dataset"}
    found = tk.get_action("package_search")({"user": ""}, asked)
    results = [
        {"name": each["name"], "title": str(each.get("title") or each["name"])[:200]} for each in found["results"]
    ]
    return {"count": found["count"], "results": results}


def ndcg(names: list[str], wanted: Iterable[str]) -> float:
    """Return the normalised discounted cumulative gain of the first ten results, 0 to 1.

    >>> ndcg(["a", "b"], ["a"]), round(ndcg(["b", "a"], ["a"]), 3)
    (1.0, 0.631)
    """
    right = set(wanted)
    gain = sum(1 / math.log2(rank + 2) for rank, name in enumerate(names[:DEPTH]) if name in right)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(right), DEPTH)))
    return gain / ideal if ideal else 0.0


def _names(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["results"]]


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return round(sum(known) / len(known), 3) if known else None


def _key(name: str) -> str:
    return f"ecosphere:search-trial:{tk.config['ckan.site_id']}:{name}"


def _keep(name: str, trial: dict[str, Any]) -> None:
    connect_to_redis().set(_key(name), json.dumps(trial), ex=KEPT_SECONDS)
