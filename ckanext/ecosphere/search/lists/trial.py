"""Try a change of the search before it is in force: a worker asks a set of questions without it and with it.

Asked are what the change is about, the judged questions (NDCG@10), and what people searched in vain most often. All as
a person who is not logged in: nothing of private datasets is told.
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
    """Those that change first, of these what loses most."""
    before, after = question["ndcg"] or (0.0, 0.0)
    return not question["changed"], after - before


def _means(pairs: Iterable[list[float] | None]) -> dict[str, Any]:
    """Say how many questions something answers, their mean NDCG@10 before and after, and how many get better."""
    known = [each for each in pairs if each is not None]
    columns = zip(*known, strict=True) if known else ((0.0,), (0.0,))
    before, after = (round(sum(column) / len(column), 3) for column in columns)
    better, worse = (sum(sign * (then - now) > 0 for now, then in known) for sign in (1, -1))
    return {"number": len(known), "before": before, "after": after, "better": better, "worse": worse}


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


def _names(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["results"]]


def _key(name: str) -> str:
    return f"ecosphere:search-trial:{tk.config['ckan.site_id']}:{name}"


def _keep(name: str, trial: dict[str, Any]) -> None:
    connect_to_redis().set(_key(name), json.dumps(trial), ex=KEPT_SECONDS)
