"""Administration pages of the editable lists: their terms, the form of a term and what it may hold,
the journal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import console, journal, lists, pages
from ckanext.ecosphere.core.pages import INVALID
from ckanext.ecosphere.shared import characters, csv_table, language
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.local import EditableList

MOST_EXPORTED = 20_000
LONGEST_NUMBER = 19
"""Maximum digits of an entry id: 18 always fit into a bigint."""
LONGEST_LABEL = 150
LONGEST_SYNONYM = 100
MOST_SYNONYMS = 40
LONGEST_SYNONYMS = 5_000
"""Characters of all synonyms of a term, separators included."""
LONGEST_ID = 80
LONGEST_URI = 300
DEEPEST = 4
"""Maximum depth of a tree."""
_URI = re.compile(r"(?:https?://|urn:)[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
_NOT_ID = re.compile(r"[^a-z0-9]+")
_SEPARATOR = re.compile(r"[\n;|]")
Errors = dict[str, list[str]]
"""Field of the form → what is wrong."""

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
        for concept, depth in voc.get(name).in_tree_order()
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
    values, errors = _from_form({}), {}
    if request.method == "POST":
        values = _from_form(request.form)
        try:
            _add(edited, values, tk.current_user.id)
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
    values, errors = _of_concept(concept), {}
    if request.method == "POST":
        values = _from_form(request.form)
        try:
            if _change(edited, concept.id, values, tk.current_user.id):
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
    number, count = console.page_number(), journal.count(areas)
    variables = {
        "entries": journal.shown(journal.page(number, console.PAGE, areas)),
        "kinds": journal.kinds(),
        "kind": kind if areas else "",
        **console.paging("", number, count),
    }
    return tk.render("ecosphere_lists/journal.html", variables)


@blueprint.route("/journal.csv")
def log_as_csv() -> Response:
    """Return the latest journal entries as CSV."""
    rows = journal.as_rows(journal.page(1, MOST_EXPORTED))
    response = pages.file(csv_table.write(journal.columns(), rows), "text/csv", "journal.csv")
    response.cache_control.no_store = True
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
        for other, depth in voc.get(edited.name).in_tree_order()
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


# --- the values of a form, and what is stored of them ---


def _from_form(form: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the fields of a submitted form, as typed."""
    fields = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by", "uri")
    return {name: form.get(name, "") for name in fields}


def _of_concept(concept: voc.Concept) -> dict[str, str]:
    """Return the form values of an existing term."""
    fields = local.fields_of(concept)
    withdrawn = "yes" if fields["withdrawn"] else ""
    return {
        **{name: str(fields[name]) for name in ("label_fr", "label_en", "replaced_by")},
        "broader": concept.broader or "",
        "alt_labels": "\n".join(fields["alt_labels"]),
        "withdrawn": withdrawn,
        "uri": concept.uri,
    }


def _add(edited: EditableList, form: Mapping[str, str], person: str | None) -> None:
    """Add a term.

    Raises:
        ValidationError: errors by field.
    """
    vocabulary = voc.get(edited.name)
    errors: Errors = {}
    value = _validated(vocabulary, None, edited, form, errors)
    id_ = _NOT_ID.sub("-", voc.normalise(value["label_fr"])).strip("-")[:LONGEST_ID].strip("-")
    uri = form.get("uri", "").strip()
    if uri and (len(uri) > LONGEST_URI or not _URI.fullmatch(uri)):
        errors["uri"] = [_("Give a whole address (https://…) or a URN, or leave this empty.")]
    elif uri and uri in vocabulary:
        errors["uri"] = [_("Another term of the list has this address.")]
    if not errors and (not id_ or id_ in vocabulary):
        errors["label_fr"] = [_("Another term of the list has this name.")]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    _put(edited, id_, {"uri": uri or f"urn:ecosphere:{edited.name}:{id_}", **value}, person)


def _change(edited: EditableList, id_: str, form: Mapping[str, str], person: str | None) -> bool:
    """Change or withdraw a term; return whether anything changed.

    A replaced name is kept as a synonym, so that searches for it still find the term.

    Raises:
        ValidationError: errors by field.
        KeyError: there is no such term.
    """
    vocabulary = voc.get(edited.name)
    concept = vocabulary[id_]
    errors: Errors = {}
    value = _validated(vocabulary, concept, edited, form, errors)
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    if value == local.fields_of(concept):
        return False
    former = concept.label_fr
    names = map(voc.normalise, (value["label_fr"], value["label_en"], *value["alt_labels"]))
    if voc.normalise(former) not in names and len(value["alt_labels"]) < MOST_SYNONYMS:
        value["alt_labels"].append(former)
    before = lists.stored_value(edited.area, concept.id)
    if before and before.get("uri"):  # the term was added here
        value["uri"] = before["uri"]
    return _put(edited, concept.id, value, person) is not None


def _put(
    edited: EditableList, id_: str, value: DataDict, person: str | None
) -> journal.JournalEntry | None:
    """Store a term; a full list is an error of the form."""
    try:
        return lists.store(edited.area, id_, value, person)
    except lists.FullError:
        message = _("The list is full: {number} terms were changed here.")
        errors: Errors = {"label_fr": [message.format(number=lists.MOST)]}
        raise tk.ValidationError(errors) from None  # pyright: ignore[reportArgumentType]


def _validated(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    edited: EditableList,
    form: Mapping[str, str],
    errors: Errors,
) -> DataDict:
    """Validate the form of a term; what is wrong is added to the errors.

    Args:
        vocabulary: the list, as it is now.
        concept: the term, None for a new one.
        edited: the list; of one that is kept by somebody else, only names and synonyms are changed.
        form: values as typed.
        errors: by field; the result is only valid if nothing is added.

    Returns:
        the fields of a stored change, see `local.fields_of`.
    """
    value: DataDict = {
        "label_fr": _label(vocabulary, concept, form, "label_fr", errors),
        "label_en": _label(vocabulary, concept, form, "label_en", errors),
        "alt_labels": _synonyms(form.get("alt_labels", ""), errors),
    }
    if not edited.own and concept is not None:
        fields = local.fields_of(concept)
        return value | {name: fields[name] for name in ("broader", "withdrawn", "replaced_by")}
    value["broader"] = _broader(vocabulary, concept, form.get("broader", ""), errors)
    value["withdrawn"] = concept is not None and bool(form.get("withdrawn"))
    if value["withdrawn"]:
        value["replaced_by"] = _replacement(vocabulary, concept, form, errors)
    else:
        value["replaced_by"] = ""
    return value


def _label(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    form: Mapping[str, str],
    field: str,
    errors: Errors,
) -> str:
    text = characters.one_line(form.get(field, "")[: LONGEST_LABEL * 10])
    if not voc.normalise(text):
        errors[field] = [_("Give a name, with letters.")]
    elif len(text) > LONGEST_LABEL:
        errors[field] = [_("Too long: {number} characters at most.").format(number=LONGEST_LABEL)]
    elif "|" in text or "<" in text or ">" in text:
        errors[field] = [_("A name has none of these signs: | < >")]
    elif field == "label_fr":
        folded = voc.normalise(text)
        same = (other for other in vocabulary if voc.normalise(other.label_fr) == folded)
        if any(concept is None or other.uri != concept.uri for other in same):
            errors[field] = [_("Another term of the list has this name.")]
    return text


def _synonyms(text: str, errors: Errors) -> list[str]:
    parts = [characters.one_line(part) for part in _SEPARATOR.split(text[:LONGEST_SYNONYMS])]
    by_folded = {voc.normalise(part): part for part in parts}
    by_folded.pop("", None)
    synonyms = list(by_folded.values())
    fault = ""
    if len(text) > LONGEST_SYNONYMS:
        fault = _("Too long: {number} characters at most.").format(number=LONGEST_SYNONYMS)
    elif any(len(synonym) > LONGEST_SYNONYM for synonym in synonyms):
        fault = _("A synonym has {number} characters at most.").format(number=LONGEST_SYNONYM)
    elif len(synonyms) > MOST_SYNONYMS:
        fault = _("There are {number} synonyms at most.").format(number=MOST_SYNONYMS)
    elif any("<" in synonym or ">" in synonym for synonym in synonyms):
        fault = _("A name has none of these signs: | < >")
    if fault:
        errors["alt_labels"] = [fault]
    return synonyms


def _broader(
    vocabulary: voc.Vocabulary, concept: voc.Concept | None, key: str, errors: Errors
) -> str:
    if not key:
        return ""
    above = vocabulary.get(key)
    if above is None:
        errors["broader"] = [_("The list has no such term.")]
        return ""
    chain = (above, *vocabulary.ancestors(above.uri))
    levels = 1
    if concept is not None:
        levels = _depth(vocabulary, concept)
    if concept is not None and any(broader.uri == concept.uri for broader in chain):
        errors["broader"] = [_("A term cannot stand below itself.")]
    elif len(chain) + levels > DEEPEST:
        errors["broader"] = [_("The tree has {number} levels at most.").format(number=DEEPEST)]
    return above.uri


def _depth(vocabulary: voc.Vocabulary, concept: voc.Concept) -> int:
    """Return the number of levels from a concept down, its own included."""
    depths = [_depth(vocabulary, child) for child in vocabulary.children(concept.uri)]
    return 1 + max(depths, default=0)


def _replacement(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    form: Mapping[str, str],
    errors: Errors,
) -> str:
    key = form.get("replaced_by", "")
    if not key:
        return ""
    other = vocabulary.get(key)
    if other is None or other.data.get("withdrawn") or other == concept:
        errors["replaced_by"] = [_("Choose another term of the list that is not withdrawn.")]
        return ""
    return other.id
