"""Administration pages of search words and weights, with trials of changes."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from flask import Blueprint, make_response, request
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from ckanext.ecosphere.core import console
from ckanext.ecosphere.core.lists import store
from ckanext.ecosphere.search.lists import changes, questions, trial
from ckanext.ecosphere.search.relevance import solr_query, words
from ckanext.ecosphere.shared import language, web_guard
from ckanext.ecosphere.vocabularies import local

blueprint = Blueprint("ecosphere_search_lists", __name__, url_prefix="/ecosphere/admin/recherche")
web_guard.protect(blueprint)


@blueprint.before_request
def administrators_only() -> Response | None:
    """Refuse everyone but sysadmins; the pages are part of the console, so they need the base plugin."""
    if not p.plugin_loaded("ecosphere"):
        tk.abort(404)
    local.look(now=True)
    return console.administrators_only()


@blueprint.route("")
def overview() -> str:
    """Show the words, weights and judged queries."""
    text = request.args.get("q", "")[:100].strip()
    variables = {
        "lines": [{"key": key, **value} for key, value in reversed(list(local.of(words.EVERYDAY).items()))],
        "weights": [
            {"weight": each, "title": each.title(language.current()), "changed": each.value != each.packaged}
            for each in changes.weights().values()
        ],
        "judged": [{"key": key, **value} for key, value in local.of(changes.JUDGED).items()],
        "brought": len(questions.packaged()),
        "words": text,
        "found": list(changes.packaged_lines(text)) if text else [],
        "number": len(words.packaged_everyday()),
    }
    return tk.render("ecosphere_search_lists/overview.html", variables)


@blueprint.route("/mots/nouveau", methods=["GET", "POST"])
def new_line() -> Response:
    """Show and process the form of a new line of words."""
    values = {name: request.args.get(name, "")[:1_000] for name in ("asked", "called")}
    return _words(changes.new_key(), {**values, "both": ""}, new=True)


@blueprint.route("/mots/<key>", methods=["GET", "POST"])
def line(key: str) -> Response:
    """Show and process the form of a line of words."""
    known = local.of(words.EVERYDAY).get(key)
    if known is None:
        tk.abort(404, tk._("There is no such line."))
    values = {"asked": "\n".join(known["asked"]), "called": "\n".join(known["called"]), "both": "yes" * known["both"]}
    return _words(key, values, new=False)


@blueprint.route("/poids/<key>", methods=["GET", "POST"])
def weight(key: str) -> Response:
    """Show and process the form of a weight."""
    known = changes.weights().get(key)
    if known is None:
        tk.abort(404, tk._("There is no such weight."))
    values, errors = {"value": f"{known.value:g}"}, {}
    if request.method == "POST":
        values = {"value": request.form.get("value", "")}
        try:
            return _done(solr_query.WEIGHTS, key, changes.weight(key, values))
        except tk.ValidationError as error:
            errors = error.error_dict
    variables = {"weight": known, "title": known.title(language.current()), "values": values, "errors": errors}
    return make_response(tk.render("ecosphere_search_lists/weight.html", variables), 400 if errors else 200)


@blueprint.route("/questions/nouvelle", methods=["GET", "POST"])
def new_question() -> Response:
    """Show and process the form of a new judged query."""
    return _question(None, {"question": request.args.get("question", "")[:200], "datasets": "", "words": ""})


@blueprint.route("/questions/<key>", methods=["GET", "POST"])
def question(key: str) -> Response:
    """Show and process the form of a stored judged query."""
    known = local.of(changes.JUDGED).get(key)
    if known is None:
        tk.abort(404, tk._("There is no such question."))
    texts = {name: "\n".join(known.get(name, ())) for name in ("datasets", "words")}
    return _question(key, {"question": known["question"], **texts})


@blueprint.route("/questions.csv")
def questions_table() -> Response:
    """Return the queries of this portal as CSV."""
    response = make_response(questions.write_table())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="questions.csv"'
    return response


@blueprint.route("/questions/importer", methods=["POST"])
def import_questions() -> Response:
    """Add or replace queries from a file; none if any line is invalid."""
    upload = request.files.get("file")
    try:
        read = questions.read_table(upload.read(questions.LARGEST_FILE + 1) if upload else b"")
        number = sum(_kept(questions.key_for(value), value) for value in read)
    except tk.ValidationError as error:
        for sentence in questions.sentences(error):
            tk.h.flash_error(sentence)
    else:
        message = tk.ungettext("{number} question added or changed.", "{number} questions added or changed.", number)
        tk.h.flash_success(message.format(number=number))
    return tk.redirect_to("ecosphere_search_lists.overview", _anchor="questions")


@blueprint.route("/retirer", methods=["POST"])
def remove() -> Response:
    """Remove a line, a weight or a query."""
    area, key = request.form.get("area", ""), request.form.get("key", "")
    if area not in changes.AREAS or key not in local.of(area):
        tk.abort(404, tk._("There is no such line."))
    _put(area, key, None)
    return tk.redirect_to("ecosphere_search_lists.overview")


@blueprint.route("/essai/<name>")
def tried(name: str) -> str:
    """Show the effect of a change, once the trial has run."""
    return tk.render("ecosphere_search_lists/trial.html", {"name": name, "trial": _trial(name)})


@blueprint.route("/essai/<name>/appliquer", methods=["POST"])
def put_in_force(name: str) -> Response:
    """Apply a change that was tried."""
    found = _trial(name)
    _put(found["area"], found["key"], found["value"])
    return tk.redirect_to("ecosphere_search_lists.overview")


def _trial(name: str) -> dict[str, Any]:
    try:
        found = trial.load(name[:64])
    except RedisError:
        found = None
    if found is None or found["person"] != tk.current_user.id:
        tk.abort(404, tk._("There is no such trial, or it is more than a day old."))
    return found


def _words(key: str, values: dict[str, str], *, new: bool) -> Response:
    errors: dict[str, Any] = {}
    if request.method == "POST":
        values = {name: request.form.get(name, "") for name in ("asked", "called", "both")}
        try:
            return _done(words.EVERYDAY, key, changes.line(values))
        except tk.ValidationError as error:
            errors = error.error_dict
    page = tk.render("ecosphere_search_lists/line.html", {"values": values, "errors": errors, "new": new})
    return make_response(page, 400 if errors else 200)


def _question(key: str | None, values: dict[str, str]) -> Response:
    errors: dict[str, Any] = {}
    if request.method == "POST":
        values = {name: request.form.get(name, "") for name in values}
        try:
            value = questions.read(values)
            _put(changes.JUDGED, key or questions.key_for(value), value)
            return tk.redirect_to("ecosphere_search_lists.overview", _anchor="questions")
        except tk.ValidationError as error:
            errors = error.error_dict
    variables = {"values": values, "errors": errors, "new": key is None}
    return make_response(tk.render("ecosphere_search_lists/question.html", variables), 400 if errors else 200)


def _kept(key: str, value: dict[str, Any]) -> bool:
    """Store a query; return whether that changed anything."""
    return store.put(changes.JUDGED, key, value, tk.current_user.id) is not None


def _done(area: str, key: str, value: Any) -> Response:
    """Try a change or apply it, depending on the button."""
    if request.form.get("do") != "try":
        _put(area, key, value)
        return tk.redirect_to("ecosphere_search_lists.overview")
    name = trial.begin(area, key, value, tk.current_user.id)
    if name is None:
        tk.h.flash_error(tk._("Redis does not answer: nothing can be tried in the background."))
        return tk.redirect_to("ecosphere_search_lists.overview")
    return tk.redirect_to("ecosphere_search_lists.tried", name=name)


def _put(area: str, key: str, value: Any) -> None:
    try:
        changed = store.put(area, key, value, tk.current_user.id)
    except store.FullError:
        tk.h.flash_error(tk._("The list is full: {number} lines were added here.").format(number=store.MOST))
        return
    if changed:
        tk.h.flash_success(tk._("This is in force now, and stands in the journal, where it can be undone."))
    else:
        tk.h.flash_notice(tk._("Nothing was changed."))
