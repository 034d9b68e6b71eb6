"""Synonyms that administrators add to the search, and the page on which they try and store them.

A line has what people type (`asked`) and what the catalogue calls it (`called`): "hlm" finds
logement social. `both` says that it also holds the other way round. In a trial, a worker runs
searches of the administrator's choice without and with the line, as an anonymous user, so that
nothing of private datasets is revealed. The lines are stored in the area `words.EVERYDAY`, see
`vocabularies/local.py`; trials in Redis, for a day.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.lib.search import SearchError
from ckan.types import DataDict
from flask import Blueprint, make_response, request
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import console, lists
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.shared import characters, web_guard
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.vocabularies import local

FIELDS = ("key", "asked", "called", "both", "searches")
"""Fields of the form; `key` is that of the line to change, empty for a new one."""
MOST_TERMS = 12
"""Maximum words or expressions of a field."""
LONGEST_TERM = 80
SHORTEST_TERM = 2
"""Minimum characters of the stems of a word or expression (`words.key_of`)."""
LONGEST_TEXT = 2_000
"""Maximum characters of a field, separators included."""
MOST_SEARCHES = 10
"""Maximum searches of a trial."""
LONGEST_SEARCH = 200
RESULTS = 10
"""Results that a trial compares for each search."""
TRIAL_SECONDS = 24 * 3600
"""Seconds for which a trial is stored."""
LONGEST_SECONDS = 600
"""Maximum seconds that the job of a trial takes."""
_SEPARATOR = re.compile(r"[\n;]")
_SYNTAX = re.compile(r'["<>|*~^\\{}\[\]]')
"""Signs of Solr's syntax and of markup, which no term has."""

blueprint = Blueprint("ecosphere_synonyms", __name__, url_prefix="/ecosphere/admin/recherche")
web_guard.protect(blueprint)


@blueprint.before_request
def administrators_only() -> Response | None:
    """Refuse everyone but sysadmins.

    The page is part of the console, so it needs the base plugin.
    """
    if not p.plugin_loaded("ecosphere"):
        tk.abort(404)
    local.look(now=True)
    return console.administrators_only()


@blueprint.route("", methods=["GET"])
def page() -> Response:
    """Show the lines, and the form of a trial (`?trial=`), of a line (`?line=`) or of a new one."""
    name = request.args.get("trial", "")
    if name:
        trial = _load_trial(name)
        return _render(trial["form"], trial=trial, name=name)
    form: dict[str, str] = dict.fromkeys(FIELDS, "")
    key = request.args.get("line", "")
    if key:
        line = _load_line(key)
        form["key"] = key
        form["asked"] = "\n".join(line["asked"])
        form["called"] = "\n".join(line["called"])
        form["both"] = "yes" if line["both"] else ""
    return _render(form)


@blueprint.route("", methods=["POST"])
def submit() -> Response:
    """Try the line of the form, or store it."""
    form = {name: request.form.get(name, "") for name in FIELDS}
    if form["key"]:
        _load_line(form["key"])  # answers 404 if somebody has removed it
    try:
        line, searches = read_form(form)
    except tk.ValidationError as error:
        return _render(form, errors=error.error_dict)
    if request.form.get("do") != "try":
        return _store_line(form["key"] or uuid.uuid4().hex[:12], line)
    form["searches"] = "\n".join(searches)
    name = _begin_trial(form, line, searches)
    if name is None:
        tk.h.flash_error(_("Redis does not answer: nothing can be tried in the background."))
        return _render(form)
    return tk.redirect_to("ecosphere_synonyms.page", trial=name)


@blueprint.route("/retirer", methods=["POST"])
def remove() -> Response:
    """Remove a line."""
    key = request.form.get("key", "")
    _load_line(key)
    return _store_line(key, None)


def _load_line(key: str) -> Row:
    """Return a line; answer 404 if there is none."""
    line = local.of(words.EVERYDAY).get(key)
    if line is None:
        tk.abort(404, _("There is no such line."))
    return line


def _store_line(key: str, line: DataDict | None) -> Response:
    """Store a line, or remove it for None; redirect to the page, which says what happened."""
    try:
        changed = lists.store(words.EVERYDAY, key, line, tk.current_user.id)
    except lists.FullError:
        tk.h.flash_error(
            _("The list is full: {number} lines were added here.").format(number=lists.MOST)
        )
    else:
        if changed:
            tk.h.flash_success(
                _("This is in force now, and stands in the journal, where it can be undone.")
            )
        else:
            tk.h.flash_notice(_("Nothing was changed."))
    return tk.redirect_to("ecosphere_synonyms.page")


def _render(
    form: Mapping[str, str],
    *,
    errors: Row | None = None,
    trial: Row | None = None,
    name: str = "",
) -> Response:
    """Return the page.

    Args:
        form: values of the form.
        errors: errors of the form, by field.
        trial: the trial to show, with its `name`.
    """
    lines = [{"key": key, **line} for key, line in local.of(words.EVERYDAY).items()]
    variables = {
        "values": form,
        "errors": errors or {},
        "trial": trial,
        "name": name,
        "lines": lines[::-1],
        "most_searches": MOST_SEARCHES,
    }
    status = 400 if errors else 200
    return make_response(tk.render("ecosphere_synonyms/page.html", variables), status)


def read_form(form: Mapping[str, str]) -> tuple[DataDict, list[str]]:
    """Return the line of a form, ready to store, and the searches on which it is tried.

    By default, these are its own terms.

    Raises:
        ValidationError: errors by field.
    """
    errors: dict[str, list[str]] = {}
    asked = _terms(form["asked"], "asked", errors)
    called = _terms(form["called"], "called", errors)
    if not errors and set(map(words.key_of, asked)) == set(map(words.key_of, called)):
        errors["called"] = [_("These are the same words: give another name of it.")]
    searches = list(map(characters.one_line, form["searches"].splitlines()))
    searches = list(dict.fromkeys(filter(None, searches)))
    if len(searches) > MOST_SEARCHES:
        errors["searches"] = [_("Give {number} searches at most.").format(number=MOST_SEARCHES)]
    elif any(len(search) > LONGEST_SEARCH for search in searches):
        errors["searches"] = [
            _("Too long: {number} characters at most.").format(number=LONGEST_SEARCH)
        ]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    line = {"asked": asked, "called": called, "both": bool(form["both"])}
    return line, searches or [*asked, *called][:MOST_SEARCHES]


def _terms(text: str, field: str, errors: dict[str, list[str]]) -> list[str]:
    """Return the terms of a field, separated by line breaks or semicolons; add its errors.

    A term is a word or an expression.

    Args:
        field: name of the field.
        errors: errors by field, changed in place.
    """
    parts = map(characters.one_line, _SEPARATOR.split(text[:LONGEST_TEXT]))
    # Each term once, however it is written.
    terms = list({voc.normalise(part): part for part in parts if part}.values())
    if len(text) > LONGEST_TEXT:
        errors[field] = [_("Too long: {number} characters at most.").format(number=LONGEST_TEXT)]
    elif not terms:
        errors[field] = [_("Give at least one word or expression.")]
    elif len(terms) > MOST_TERMS:
        errors[field] = [_("Give {number} words or expressions at most.").format(number=MOST_TERMS)]
    else:
        sentences = list(filter(None, map(_why_no_term, terms)))
        if sentences:
            errors[field] = sentences[:1]
    return terms


def _why_no_term(term: str) -> str:
    """Return why a text cannot be a term, in a sentence; empty if it can."""
    if len(term) > LONGEST_TERM:
        return _("A word or expression has {number} characters at most.").format(
            number=LONGEST_TERM
        )
    if len(words.read(term)) > words.LONGEST_PHRASE:
        return _("An expression has {number} words at most.").format(number=words.LONGEST_PHRASE)
    if _SYNTAX.search(term):
        return _("“{term}” has signs that are no words.").format(term=term)
    if len(words.key_of(term)) < SHORTEST_TERM:
        return _("“{term}” has no word that carries a subject.").format(term=term)
    return ""


def _begin_trial(form: Mapping[str, str], line: DataDict, searches: list[str]) -> str | None:
    """Queue a trial of a line; return its random name, None while Redis is down."""
    name = uuid.uuid4().hex
    try:
        _store_trial(name, {"form": form, "line": line, "searches": searches, "state": "waiting"})
    except RedisError:
        return None
    queued = enqueue_once(
        run_trial,
        [name],
        job_id=f"ecosphere-search-trial-{name}",
        title="Search: try a synonym",
        queue=jobs.DEFAULT_QUEUE_NAME,
        timeout=LONGEST_SECONDS,
    )
    if queued:
        return name
    return None


def run_trial(name: str) -> None:
    """Run the searches of a trial without and with its line, and store the results.

    A job of the worker; a trial that is no longer stored is left alone.
    """
    serialised: Any = connect_to_redis().get(_trial_key(name))
    if not serialised:
        return
    trial = json.loads(serialised)
    local.look(now=True)
    try:
        before = list(map(_results, trial["searches"]))
        with local.tried(words.EVERYDAY, trial["form"]["key"], trial["line"]):
            after = list(map(_results, trial["searches"]))
    except SearchError:
        _store_trial(name, {**trial, "state": "failed"})
        raise
    rows = zip(trial["searches"], before, after, strict=True)
    comparisons = [{"search": search, "before": old, "after": new} for search, old, new in rows]
    _store_trial(name, {**trial, "state": "done", "comparisons": comparisons})


def _results(text: str) -> DataDict:
    """Return what a search finds of public datasets: `count`, and `first` (`name`, `title`)."""
    query = {
        "q": text,
        "rows": RESULTS,
        "fl": ["name", "title"],
        "facet": "false",
        "fq": "+dataset_type:dataset",
    }
    answer = tk.get_action("package_search")({"user": ""}, query)
    first = [
        {"name": dataset["name"], "title": str(dataset.get("title") or dataset["name"])[:200]}
        for dataset in answer["results"]
    ]
    return {"count": answer["count"], "first": first}


def _load_trial(name: str) -> DataDict:
    """Return a trial; answer 404 if there is none, or Redis is down."""
    try:
        serialised: Any = connect_to_redis().get(_trial_key(name[:64]))
    except RedisError:
        serialised = None
    if not serialised:
        tk.abort(404, _("There is no such trial, or it is more than a day old."))
    return json.loads(serialised)


def _store_trial(name: str, trial: DataDict) -> None:
    connect_to_redis().set(_trial_key(name), json.dumps(trial), ex=TRIAL_SECONDS)


def _trial_key(name: str) -> str:
    return f"ecosphere:search-trial:{tk.config['ckan.site_id']}:{name}"
