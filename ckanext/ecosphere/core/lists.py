"""Changes of administrators to the vocabularies: forms of terms, their storage, reindexing of datasets, and pages.

Each process compares the number of the last change, with one short query every two seconds at most, on its own
connection, see `vocabularies/local.py`. Changes are serialised by an advisory lock held until the transaction ends, so
that a process that has seen a number cannot miss an earlier change committed later.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from flask import Blueprint, make_response, request
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import console, journal
from ckanext.ecosphere.core.journal import JournalEntry, LocalValue
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.shared import characters, csv_table, language
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.vocabularies.local import EditableList
from ckanext.ecosphere.work.outbox import Run

log = logging.getLogger(__name__)

MOST = 1_000
"""Maximum number of values per area."""
_LOCK = 0x6563_6F6C_6973_7473  # "ecolists"
_seen: list[Any] = [None]


class FullError(Exception):
    """The area has reached its maximum number of values."""


class ChangedMeanwhileError(Exception):
    """The change cannot be undone, or the value was changed again since."""


def follow() -> None:
    """Load the stored changes into this process, now and whenever they change."""
    _seen[0] = None
    local.follow(read_changes)


def read_changes() -> local.Changes | None:
    """Return the changes in force; None if nothing changed since the last call or the database is unavailable."""
    engine = model.meta.engine
    if engine is None:
        return None
    table: Any = LocalValue.__table__
    try:
        with engine.connect() as connection:
            state = connection.execute(
                sa.select(sa.func.count(), sa.func.max(table.c.number))
            ).one()
            if tuple(state) == _seen[0]:
                return None
            columns = (table.c.area, table.c.key, table.c.value)
            query = (
                sa.select(*columns)
                .where(table.c.value.is_not(None))
                .order_by(table.c.made, table.c.key)
            )
            rows = connection.execute(query).all()
    except SQLAlchemyError as error:
        log.debug("The lists of the portal cannot be read: %s", error)
        return None
    _seen[0] = tuple(state)
    changes: dict[str, DataDict] = defaultdict(dict)
    for area, key, value in rows:
        changes[area][key] = value
    return dict(changes)


def stored_value(area: str, key: str) -> Any:
    """Return the value stored under a key, read from the database; None if there is none."""
    return model.Session.scalar(sa.select(LocalValue.value).filter_by(area=area, key=key))


def store(area: str, key: str, value: Any, person: str | None) -> JournalEntry | None:
    """Store a value, record the change in the journal, and commit.

    Args:
        area: the list.
        key: its entry.
        value: a JSON object, None to restore the package's default.
        person: id of the account.

    Returns:
        the journal entry, None if nothing changed.

    Raises:
        FullError: the area has reached its maximum number of values.
    """
    model.Session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    row = model.Session.get(LocalValue, (area, key), populate_existing=True)
    before = row.value if row is not None else None
    if before == value:
        model.Session.commit()
        return None
    if before is None and value is not None and _number_of(area) >= MOST:
        model.Session.rollback()
        raise FullError
    entry = journal.note(area, key, before, value, person)
    if row is None:
        row = LocalValue(area=area, key=key, made=entry.id)
        model.Session.add(row)
    row.value, row.number = value, entry.id
    model.Session.commit()
    local.look(now=True)
    return entry


def take_back(number: int, person: str | None) -> JournalEntry | None:
    """Undo a change of a list; the undoing is recorded as a change, too.

    Args:
        number: id of the journal entry.
        person: id of the account.

    Raises:
        ChangedMeanwhileError: there is no such change, or the value was changed again since.
    """
    entry = model.Session.get(JournalEntry, number)
    if (
        entry is None
        or not journal.can_be_taken_back(entry)
        or stored_value(entry.area, entry.key) != entry.after
    ):
        raise ChangedMeanwhileError
    return store(entry.area, entry.key, entry.before, person)


def _number_of(area: str) -> int:
    query = sa.select(sa.func.count()).select_from(LocalValue).filter_by(area=area)
    return model.Session.scalar(query.where(LocalValue.value.is_not(None))) or 0


AT_ONCE = 200
"""Datasets indexed between two progress updates."""
KEPT_SECONDS = 7 * 24 * 3600
COUNTED_FOR = timedelta(minutes=10)
"""Age up to which counts are shown without being refreshed."""
LONGEST_SECONDS = 3 * 3600
_HERE = "ckanext.ecosphere.core.lists"
RUN = Run(
    name="ecosphere-lists-index",
    function=f"{_HERE}.index_datasets",
    title="Lists: index the datasets of terms that changed",
    queue=jobs.DEFAULT_QUEUE_NAME,
    seconds=LONGEST_SECONDS,
)


def want_index() -> None:
    """Schedule the reindexing of datasets whose terms changed."""
    _keep("progress", {"done": 0, "total": None})
    RUN.want()


def index_datasets() -> None:
    """Reindex the datasets of every term that changed since they were last indexed."""
    with RUN.working() as mine:
        if not mine:
            return
        local.look(now=True)
        rows = waiting()
        ids = datasets([uri for row in rows for uri in _uris(row.area, row.key)])
        indexed = [(row.area, row.key, row.number) for row in rows]
        model.Session.commit()
        for start in range(0, len(ids), AT_ONCE):
            _keep("progress", {"done": start, "total": len(ids)})
            failed = documents.index(ids[start : start + AT_ONCE])
            if failed:
                log.error("Lists: %s datasets could not be indexed", len(failed))
        for area, key, number in indexed:
            query = (
                sa.update(LocalValue)
                .filter_by(area=area, key=key)
                .where(LocalValue.indexed < number)
            )
            model.Session.execute(query.values(indexed=number))
        model.Session.commit()
        _keep("progress", {"done": len(ids), "total": len(ids)})
        _count()


def waiting() -> list[LocalValue]:
    """Return the terms whose datasets have to be reindexed."""
    query = sa.select(LocalValue).where(LocalValue.area.startswith(local.AREA, autoescape=True))
    return list(model.Session.scalars(query.where(LocalValue.indexed < LocalValue.number)))


def datasets(uris: list[str]) -> list[str]:
    """Return the ids of active datasets that refer to any of the terms."""
    if not uris:
        return []
    patterns = [f"%{uri.translate(_LIKE)}%" for uri in uris]
    extras = sa.cast(model.Package.extras, sa.Text)
    query = sa.select(model.Package.id).where(
        model.Package.state == "active", model.Package.type == "dataset"
    )
    return list(
        model.Session.scalars(
            query.where(extras.like(sa.any_(sa.literal(patterns, sa.ARRAY(sa.Text)))))
        )
    )


_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


def _uris(area: str, key: str) -> list[str]:
    """Return the URIs of a term and of its narrower terms, whose datasets are indexed with its name as well."""
    vocabulary = voc.get(area.removeprefix(local.AREA))
    concept = vocabulary.get(key)
    if concept is None:
        return []
    below = [concept]
    for term in below:
        below += vocabulary.children(term.uri)
    return [term.uri for term in below]


def progress() -> DataDict | None:
    """Return the progress of reindexing, or None when nothing is pending.

    Returns:
        `done`, and `total`, which is None until the job starts.
    """
    progress_now = _kept("progress")
    if progress_now and progress_now["done"] != progress_now["total"]:
        return progress_now
    return None


def ask_for_counts() -> bool:
    """Schedule the counting of datasets per term."""
    queue = jobs.DEFAULT_QUEUE_NAME
    return enqueue_once(
        count_uses,
        job_id="ecosphere-lists-count",
        title="Lists: count the use of terms",
        queue=queue,
    )


def counts(name: str) -> tuple[datetime | None, dict[str, int]]:
    """Return when the use of a list's terms was counted, and the counts by term id; schedule a count if outdated."""
    counted = _kept("counts")
    if not counted:
        ask_for_counts()
        return None, {}
    at = datetime.fromisoformat(counted["at"])
    if datetime.now(timezone.utc) - at > COUNTED_FOR:
        ask_for_counts()
    return at, counted["lists"].get(name, {})


def count_uses() -> None:
    """Count the datasets that use each term of the editable lists."""
    local.look(now=True)
    _count()


def _count() -> None:
    lists = {edited.name: _used(edited) for edited in local.editable().values()}
    _keep("counts", {"at": datetime.now(timezone.utc).isoformat(), "lists": lists})


def _used(edited: local.EditableList) -> dict[str, int]:
    vocabulary, numbers = voc.get(edited.name), dict[str, int]()
    written = model.Package.extras[edited.field].astext
    query = sa.select(written, sa.func.count()).where(
        model.Package.state == "active", written.is_not(None)
    )
    for text, number in model.Session.execute(query.group_by(written)):
        for concept in {vocabulary.get(key) for key in _values(text)}:
            if concept is not None:
                numbers[concept.id] = numbers.get(concept.id, 0) + number
    return numbers


def _values(text: str) -> list[str]:
    if not text.startswith("["):
        return [text]
    try:
        values = json.loads(text)
    except ValueError:
        return [text]
    return [part for part in values if isinstance(part, str)]


def _key(name: str) -> str:
    return f"ecosphere:lists:{tk.config['ckan.site_id']}:{name}"


def _keep(name: str, told: Any) -> None:
    try:
        connect_to_redis().set(_key(name), json.dumps(told), ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("Lists: progress is not told, Redis does not answer: %s", error)


def _kept(name: str) -> Any:
    try:
        stored: Any = connect_to_redis().get(_key(name))
    except RedisError:
        return None
    if stored:
        return json.loads(stored)
    return None


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
_BETWEEN = re.compile(r"[\n;|]")
Errors = dict[str, list[str]]
"""Field of the form → what is wrong."""


def written(form: Mapping[str, str]) -> dict[str, str]:
    """Return the raw form values of a term."""
    fields = ("label_fr", "label_en", "broader", "alt_labels", "withdrawn", "replaced_by", "uri")
    return {name: form.get(name, "") for name in fields}


def of_concept(concept: voc.Concept) -> dict[str, str]:
    """Return the form values of an existing term."""
    fields = local.fields_of(concept)
    return {
        **{name: str(fields[name]) for name in ("label_fr", "label_en", "replaced_by")},
        "broader": concept.broader or "",
        "alt_labels": "\n".join(fields["alt_labels"]),
        "withdrawn": "yes" if fields["withdrawn"] else "",
        "uri": concept.uri,
    }


def add(edited: EditableList, form: Mapping[str, str], person: str | None) -> str:
    """Add a term and return its id.

    Raises:
        ValidationError: errors by field.
    """
    if not edited.own:
        raise tk.ValidationError(
            {"label_fr": [_("This list is kept by somebody else: no term is added here.")]}
        )
    vocabulary = voc.get(edited.name)
    errors: Errors = {}
    value = _value(vocabulary, None, edited, form, errors)
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
    return id_


def change(edited: EditableList, id_: str, form: Mapping[str, str], person: str | None) -> bool:
    """Change or withdraw a term; return whether anything changed.

    A replaced name is kept as a synonym, so that searches for it still find the term.

    Raises:
        ValidationError: errors by field.
        KeyError: there is no such term.
    """
    vocabulary = voc.get(edited.name)
    concept = vocabulary[id_]
    errors: Errors = {}
    value = _value(vocabulary, concept, edited, form, errors)
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    if value == local.fields_of(concept):
        return False
    former = concept.label_fr
    names = {
        voc.normalise(name) for name in (value["label_fr"], value["label_en"], *value["alt_labels"])
    }
    if voc.normalise(former) not in names and len(value["alt_labels"]) < MOST_SYNONYMS:
        value["alt_labels"].append(former)
    before = stored_value(edited.area, concept.id)
    own = {"uri": before["uri"]} if before and before.get("uri") else {}
    return _put(edited, concept.id, {**own, **value}, person) is not None


def _put(
    edited: EditableList, id_: str, value: DataDict, person: str | None
) -> JournalEntry | None:
    try:
        return store(edited.area, id_, value, person)
    except FullError:
        raise tk.ValidationError(
            {
                "label_fr": [
                    _("The list is full: {number} terms were changed here.").format(number=MOST)
                ]
            }
        ) from None


def _value(
    vocabulary: voc.Vocabulary,
    concept: voc.Concept | None,
    edited: EditableList,
    form: Mapping[str, str],
    errors: Errors,
) -> DataDict:
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
    parts = [characters.one_line(part) for part in _BETWEEN.split(text[:LONGEST_SYNONYMS])]
    synonyms = list({voc.normalise(part): part for part in parts if voc.normalise(part)}.values())
    if len(text) > LONGEST_SYNONYMS:
        errors["alt_labels"] = [
            _("Too long: {number} characters at most.").format(number=LONGEST_SYNONYMS)
        ]
    elif any(len(synonym) > LONGEST_SYNONYM for synonym in synonyms):
        errors["alt_labels"] = [
            _("A synonym has {number} characters at most.").format(number=LONGEST_SYNONYM)
        ]
    elif len(synonyms) > MOST_SYNONYMS:
        errors["alt_labels"] = [
            _("There are {number} synonyms at most.").format(number=MOST_SYNONYMS)
        ]
    elif any("<" in synonym or ">" in synonym for synonym in synonyms):
        errors["alt_labels"] = [_("A name has none of these signs: | < >")]
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
    if concept is not None and any(broader.uri == concept.uri for broader in chain):
        errors["broader"] = [_("A term cannot stand below itself.")]
    elif len(chain) + (_depth(vocabulary, concept) if concept else 1) > DEEPEST:
        errors["broader"] = [_("The tree has {number} levels at most.").format(number=DEEPEST)]
    return above.uri


def _depth(vocabulary: voc.Vocabulary, concept: voc.Concept) -> int:
    """Return the number of levels from a concept down, its own included."""
    return 1 + max(
        (_depth(vocabulary, child) for child in vocabulary.children(concept.uri)), default=0
    )


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


PAGE = 50
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
    lists = [
        {
            "edited": edited,
            "title": edited.title(spoken),
            "count": len(voc.get(edited.name)),
            "changed": len(local.of(edited.area)),
        }
        for edited in local.editable().values()
    ]
    return tk.render("ecosphere_lists/vocabularies.html", {"lists": lists})


@blueprint.route("/vocabulaires/<name>")
def vocabulary(name: str) -> str:
    """Show the terms of a list."""
    edited, spoken = _list(name), language.current()
    at, used = counts(name)
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
        "progress": progress(),
    }
    return tk.render("ecosphere_lists/vocabulary.html", variables)


@blueprint.route("/vocabulaires/<name>/nouveau", methods=["GET", "POST"])
def new_term(name: str) -> Response:
    """Show and process the form of a new term."""
    edited = _list(name)
    if not edited.own:
        tk.abort(404, _("This list is kept by somebody else: no term is added here."))
    values, errors = written({}), {}
    if request.method == "POST":
        values = written(request.form)
        try:
            add(edited, values, tk.current_user.id)
        except tk.ValidationError as error:
            errors = error.error_dict
        else:
            tk.h.flash_success(_added(values["label_fr"]))
            return tk.redirect_to("ecosphere_lists.vocabulary", name=name)
    return _form(edited, None, values, errors)


@blueprint.route("/vocabulaires/<name>/<term>", methods=["GET", "POST"])
def term(name: str, term: str) -> Response:
    """Show and process the form of a term."""
    edited = _list(name)
    concept = voc.get(name).get(term)
    if concept is None:
        tk.abort(404, _("The list has no such term."))
    values, errors = of_concept(concept), {}
    if request.method == "POST":
        values = written(request.form)
        try:
            if change(edited, concept.id, values, tk.current_user.id):
                want_index()
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
    entries = journal.page(number, PAGE, areas)
    names = journal.names(entry.person for entry in entries)
    titles = journal.titles((entry.area, entry.key) for entry in entries)
    variables = {
        "entries": [journal.shown(entry, names, titles) for entry in entries],
        "kinds": journal.kinds(),
        "kind": kind if areas else "",
        "count": count,
        "number": number,
        "pages": max(1, -(-count // PAGE)),
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
        change = take_back(_number(entry), tk.current_user.id)
    except (ChangedMeanwhileError, FullError):
        tk.h.flash_error(
            _(
                "This cannot be undone: it was changed again since, or a term was added (withdraw "
                "it)."
            )
        )
    else:
        if change is not None and change.area.startswith(local.AREA):
            want_index()
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


def _added(label: str) -> str:
    return _(
        "“{name}” is in the list: forms offer it, and searches for its synonyms look for it."
    ).format(name=label)


def _form(
    edited: EditableList,
    concept: voc.Concept | None,
    values: dict[str, str],
    errors: DataDict,
) -> Response:
    spoken = language.current()
    others = [
        {"id": other.id, "uri": other.uri, "label": "\u2003" * depth + other.label(spoken)}
        for other, depth in in_tree_order(voc.get(edited.name))
        if not other.data.get("withdrawn") and (concept is None or other.uri != concept.uri)
    ]
    at, used = counts(edited.name)
    variables = {
        "edited": edited,
        "title": edited.title(spoken),
        "concept": concept,
        "name": concept.label(spoken) if concept else "",
        "values": values,
        "errors": errors,
        "others": others,
        "used": used.get(concept.id, 0) if concept and at else None,
    }
    return make_response(tk.render("ecosphere_lists/term.html", variables), 400 if errors else 200)
