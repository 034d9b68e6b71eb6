"""Administration pages of the editable lists: their terms, the form of a term, the journal of changes."""

from __future__ import annotations

from collections.abc import Iterator

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import console, journal, lists, terms
from ckanext.ecosphere.core.pages import INVALID
from ckanext.ecosphere.shared import csv_table, language
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.local import EditableList

MOST_EXPORTED = 20_000
LONGEST_NUMBER = 19
"""Maximum digits of an entry id: 18 always fit into a bigint."""

blueprint = Blueprint("ecosphere_lists", __name__, url_prefix="/ecosphere/admin")
blueprint.before_request(console.administrators_only)


@blueprint.before_request
def as_it_is_now() -> None:
    """Reload the lists, so that changes from other processes are visible at once."""
    local.look(now=True)


@blueprint.route("/vocabulaires")
def vocabularies() -> str:
    """Show the editable lists."""
    spoken = language.current()
    editable = [
        {
            "edited": edited,
            "title": edited.title(spoken),
            "count": len(voc.get(edited.name)),
            "changed": len(local.of(edited.area)),
        }
        for edited in local.editable().values()
    ]
    return tk.render("ecosphere_lists/vocabularies.html", {"lists": editable})


@blueprint.route("/vocabulaires/<name>")
def vocabulary(name: str) -> str:
    """Show the terms of a list."""
    edited, spoken = _list(name), language.current()
    at, used = lists.counts(name)
    words = request.args.get("q", "")[:100].strip()
    rows = [
        _row(edited, concept, depth, used, spoken)
        for concept, depth in in_tree_order(voc.get(name))
    ]
    looked_for = voc.normalise(words)
    matching = [row for row in rows if not looked_for or looked_for in row["searched"]]
    variables = {
        "edited": edited,
        "title": edited.title(spoken),
        "rows": matching,
        "words": words,
        "counted": at is not None,
        "progress": lists.progress(),
    }
    return tk.render("ecosphere_lists/vocabulary.html", variables)


@blueprint.route("/vocabulaires/<name>/nouveau", methods=["GET", "POST"])
def new_term(name: str) -> Response:
    """Show and process the form of a new term."""
    edited = _list(name)
    if not edited.own:
        tk.abort(404, _("This list is kept by somebody else: no term is added here."))
    values, errors = terms.from_form({}), {}
    if request.method == "POST":
        values = terms.from_form(request.form)
        try:
            terms.add(edited, values, tk.current_user.id)
        except tk.ValidationError as error:
            errors = error.error_dict
        else:
            message = _(
                "“{name}” is in the list: forms offer it, and searches for its synonyms look for "
                "it."
            )
            tk.h.flash_success(message.format(name=values["label_fr"]))
            return tk.redirect_to("ecosphere_lists.vocabulary", name=name)
    return _form(edited, None, values, errors)


@blueprint.route("/vocabulaires/<name>/<term>", methods=["GET", "POST"])
def term(name: str, term: str) -> Response:
    """Show and process the form of a term."""
    edited = _list(name)
    concept = voc.get(name).get(term)
    if concept is None:
        tk.abort(404, _("The list has no such term."))
    values, errors = terms.of_concept(concept), {}
    if request.method == "POST":
        values = terms.from_form(request.form)
        try:
            if terms.change(edited, concept.id, values, tk.current_user.id):
                lists.want_index()
                tk.h.flash_success(
                    _(
                        "The term is changed. Pages and forms show it at once; what search finds "
                        "follows."
                    )
                )
            else:
                tk.h.flash_notice(_("Nothing was changed."))
        except tk.ValidationError as error:
            errors = error.error_dict
        else:
            return tk.redirect_to("ecosphere_lists.vocabulary", name=name)
    return _form(edited, concept, values, errors)


@blueprint.route("/journal", endpoint="log")
def journal_page() -> str:
    """Show the journal of changes."""
    kind = request.args.get("kind", "")
    areas = journal.KINDS.get(kind, ())
    number, count = console.page_number(request.args.get("page")), journal.count(areas)
    entries = journal.page(number, console.PAGE, areas)
    names = journal.names(entry.person for entry in entries)
    titles = journal.titles((entry.area, entry.key) for entry in entries)
    variables = {
        "entries": [journal.shown(entry, names, titles) for entry in entries],
        "kinds": journal.kinds(),
        "kind": kind if areas else "",
        **console.paging("", number, count),
    }
    return tk.render("ecosphere_lists/journal.html", variables)


@blueprint.route("/journal.csv")
def log_as_csv() -> Response:
    """Return the latest journal entries as CSV."""
    entries = list(journal.all_entries(MOST_EXPORTED))
    names = journal.names(entry[2] for entry in entries)
    titles = journal.titles((entry[3], entry[4]) for entry in entries)
    response = make_response(
        csv_table.write(journal.columns(), journal.as_rows(entries, names, titles))
    )
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="journal.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("/journal/<entry>/annuler", methods=["POST"], endpoint="take_back")
def take_back_page(entry: str) -> Response:
    """Undo a change of a list."""
    try:
        change = lists.take_back(_number(entry), tk.current_user.id)
    except (lists.ChangedMeanwhileError, lists.FullError):
        tk.h.flash_error(
            _(
                "This cannot be undone: it was changed again since, or a term was added (withdraw "
                "it)."
            )
        )
    else:
        if change is not None and change.area.startswith(local.AREA):
            lists.want_index()
        tk.h.flash_success(_("The change is undone."))
    return tk.redirect_to("ecosphere_lists.log")


def in_tree_order(vocabulary: voc.Vocabulary) -> Iterator[tuple[voc.Concept, int]]:
    """Yield the terms of a list with their depth, narrower ones after their broader one."""

    def below(concept: voc.Concept, depth: int) -> Iterator[tuple[voc.Concept, int]]:
        yield concept, depth
        for child in vocabulary.children(concept.uri):
            yield from below(child, depth + 1)

    for root in vocabulary.roots():
        yield from below(root, 0)


def _number(text: str) -> int:
    """Parse the id of an entry; 0 if it is invalid."""
    if text.isdecimal() and len(text) < LONGEST_NUMBER:
        return int(text)
    return 0


def _list(name: str) -> EditableList:
    """Return an editable list, or end the request with 404."""
    edited = local.editable().get(name)
    if edited is None:
        tk.abort(404, _("There is no such list, or it is not changed here."))
    return edited


def _row(
    edited: EditableList, concept: voc.Concept, depth: int, used: dict[str, int], spoken: str
) -> DataDict:
    change = local.of(edited.area).get(concept.id)
    other = {"en": "fr"}.get(spoken[:2], "en")
    return {
        "id": concept.id,
        "label": concept.label(spoken),
        "other_label": concept.label(other),
        "other_language": other,
        "depth": depth,
        "synonyms": concept.alt_labels,
        "withdrawn": bool(concept.data.get("withdrawn")),
        "replaced_by": voc.get(edited.name).label(concept.data.get("replaced_by"), spoken),
        "own": bool(change and change.get("uri")),
        "changed": bool(change),
        "used": used.get(concept.id, 0),
        "searched": voc.normalise(
            " ".join((concept.label_fr, concept.label_en, concept.id, *concept.alt_labels))
        ),
    }


def _form(
    edited: EditableList,
    concept: voc.Concept | None,
    values: dict[str, str],
    errors: DataDict,
) -> Response:
    """Return the page with the form of a term; `concept` is None for a new one."""
    spoken = language.current()
    others = [
        {"id": other.id, "uri": other.uri, "label": "\u2003" * depth + other.label(spoken)}
        for other, depth in in_tree_order(voc.get(edited.name))
        if not other.data.get("withdrawn") and (concept is None or other.uri != concept.uri)
    ]
    at, used = lists.counts(edited.name)
    variables = {
        "edited": edited,
        "title": edited.title(spoken),
        "concept": concept,
        "name": "",
        "values": values,
        "errors": errors,
        "others": others,
        "used": None,
    }
    if concept is not None:
        variables["name"] = concept.label(spoken)
        if at:
            variables["used"] = used.get(concept.id, 0)
    status = 200
    if errors:
        status = INVALID
    return make_response(tk.render("ecosphere_lists/term.html", variables), status)
