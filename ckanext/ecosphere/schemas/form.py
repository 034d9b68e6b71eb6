"""The form: which fields apply, which choices they offer, and what administrators change of them.

A field of ``dataset.yaml`` may have ``relevant_when`` (the field applies) and ``required_when``
(publishing requires it), each a list of conditions that must all hold::

    relevant_when:
    - {field: dcat_type, is: [dataset, series, ""]}     # one of these; "" stands for an empty field
    - {field: access_rights, is_not: [PUBLIC]}          # something, and none of these
    - {field: hash, filled: true}

Subfields of a repeating group may have them too: a condition refers to another subfield of the same
row, else to a field of the dataset (`in_row`). A value of a vocabulary may be given as the last
segment of its URI.

``assets/form/conditions.js`` implements the same conditions: a test runs both on the same cases.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.fields import SCHEMA
from ckanext.ecosphere.dataset.view import FlatData, Row, View, flat_rows, has_rows
from ckanext.ecosphere.schemas.stored import Stored
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies import tables

Condition = Row
Field = Row
Read = Callable[[str], list[str]]
"""Function that returns the values of a field by its name."""
Fault = tuple[tuple[Any, ...], str]
"""Key in a flattened dataset, and the field that its value conflicts with, "" if it is missing."""


def holds(conditions: Iterable[Condition] | None, read: Read) -> bool:
    """Return whether all conditions hold; true without conditions."""
    return all(_holds(condition, read) for condition in conditions or ())


def _holds(condition: Condition, read: Read) -> bool:
    values = read(condition["field"])
    if "filled" in condition:
        return bool(values) is bool(condition["filled"])
    last_segments = (value.rsplit("/", 1)[-1] for value in values)
    names = {*values, *last_segments} or {""}
    if "is" in condition:
        return not names.isdisjoint(condition["is"])
    return bool(values) and names.isdisjoint(condition["is_not"])


def in_row(siblings: Iterable[str], row: Row, read: Read) -> Read:
    """Return a reader for conditions of a subfield: it reads the row, or else the dataset.

    Args:
        siblings: names of the subfields of the group.
        row: values of the row by name of the subfield.
        read: reader of the fields of the dataset.
    """
    names = frozenset(siblings)
    view = View(row)

    def read_in_row(name: str) -> list[str]:
        if name in names:
            return view.texts(name)
        return read(name)

    return read_in_row


def is_relevant(field: Field, read: Read) -> bool:
    """Return whether a field applies, given the values of the other fields."""
    return holds(field.get("relevant_when"), read)


def is_required(field: Field, read: Read) -> bool:
    """Return whether publishing requires a field.

    It must apply, and either be mandatory or have a ``required_when`` that holds.
    """
    if not is_relevant(field, read):
        return False
    if field.get("obligation") == "mandatory":
        return True
    return bool(field.get("required_when")) and holds(field["required_when"], read)


def failed_condition(field: Field, read: Read) -> Condition | None:
    """Return the first condition of ``relevant_when`` that does not hold, None if all do."""
    conditions = field.get("relevant_when") or ()
    return next((condition for condition in conditions if not _holds(condition, read)), None)


def faults_of_rows(
    fields: Iterable[Field], data: FlatData, read: Read, before: Stored, public: bool
) -> Iterator[Fault]:
    """Check the conditions of subfields in the rows that this save changes or publishes.

    Args:
        fields: fields of the dataset schema.
        data: the flattened dataset, as in CKAN's validation.
        read: reader of the fields of the dataset.
        before: the stored state of the dataset.
        public: whether the dataset will be public.

    Yields:
        the faults.
    """
    publishes = public and (not before.exists or before.private)
    for field in fields:
        name = field["field_name"]
        subfields = field.get("repeating_subfields") or ()
        conditional = [
            part for part in subfields if part.get("relevant_when") or part.get("required_when")
        ]
        if not conditional:
            continue
        names = [part["field_name"] for part in subfields]
        rows_before = [_texts(row) for row in before.rows(name)]
        for number, row in flat_rows(data, name).items():
            is_changed = _texts(row) not in rows_before
            if not (is_changed or publishes):
                continue
            read_in_row = in_row(names, row, read)
            for subfield in conditional:
                conflict = _fault(subfield, read_in_row, is_changed, public)
                if conflict is not None:
                    yield (name, number, subfield["field_name"]), conflict


def _fault(subfield: Field, read_in_row: Read, is_changed: bool, public: bool) -> str | None:
    """Return the field that a value conflicts with, "" if it is missing, None without a fault."""
    if read_in_row(subfield["field_name"]):
        condition = failed_condition(subfield, read_in_row) if is_changed else None
        if condition is None:
            return None
        return condition["field"]
    if public and is_required(subfield, read_in_row):
        return ""
    return None


def _texts(row: Row) -> dict[str, list[str]]:
    """Return the texts of a row that are not empty, without nested rows."""
    view = View(row)
    texts = {name: sorted(view.texts(name)) for name, value in row.items() if not has_rows(value)}
    return {name: parts for name, parts in texts.items() if parts}


# --- choices, and the long lists that the form's script fetches when a field is used -------------

LONG_LIST = 8
"""Number of choices above which the page contains only those that are chosen."""
WHOLE, PART = "tout", "partie"
"""Parameters of the form's URL: all fields, for people without scripts; the fields of a section,
for the script."""
SERVICES = "services"
"""Name of the list of registered services, beside those of the vocabularies."""
STORES = ("uri", "id")
"""What a list may have as its values."""
#: Words by which the harvest deduces the themes: people look for a theme by the same ones.
THEME_TERMS = Path(__file__).parents[1] / "harvest" / "normalise" / "data" / "theme-terms.csv"
_SEPARATOR = "|"
"""Between the terms of a choice, and between those of a row of the table."""


@voc.derived
@cache
def _choices(name: str, store: str) -> tuple[DataDict, ...]:
    usual_words: dict[str, list[str]] = {}
    if name == "themes":
        usual_words = _usual_words()
    choices = []
    for concept, depth in voc.get(name).in_tree_order():
        if concept.data.get("withdrawn"):  # datasets keep it, but it can no longer be chosen
            continue
        terms = (_labels(concept), *usual_words.get(concept.id, ()))
        choices.append(
            {
                "value": getattr(concept, store),
                "label": {"fr": concept.label_fr, "en": concept.label_en},
                "depth": depth,
                "terms": _SEPARATOR.join(terms),
            }
        )
    return tuple(choices)


def _labels(concept: voc.Concept) -> str:
    return voc.normalise(" ".join((concept.label_fr, concept.label_en, *concept.alt_labels)))


def _usual_words() -> dict[str, list[str]]:
    """Return the usual words of each theme, by its id."""
    words: dict[str, list[str]] = {}
    for row in tables.rows(THEME_TERMS):
        words.setdefault(row["theme"], []).extend(
            map(voc.normalise, row["terms"].split(_SEPARATOR))
        )
    return words


def ecosphere_concept_choices(field: Field) -> tuple[DataDict, ...]:
    """Return the choices of a vocabulary field (``choices_helper`` of ckanext-scheming).

    Narrower concepts follow their broader one.

    Returns:
        dicts with ``value``, ``label`` (by language), ``depth`` (distance from the root) and
        ``terms`` (normalised words that match the choice: its labels, and after each "|" another
        usual word or phrase).
    """
    return _choices(field["vocabulary"], field.get("vocabulary_store", "uri"))


def ecosphere_media_types() -> list[tuple[str, str]]:
    """Return the media types of the vocabulary of formats, each with the labels of its formats."""
    formats: dict[str, list[str]] = {}
    for concept in voc.get("format"):
        media_type = concept.data["media_type"]
        if media_type:
            formats.setdefault(media_type, []).append(concept.label(language.current()))
    return sorted((media_type, ", ".join(labels)) for media_type, labels in formats.items())


def ecosphere_registry_services() -> list[dict[str, str]]:
    """Return the services of the registry: full ``name``, ``short`` name and ``uri``."""
    spoken = language.of_tables()
    return [
        {
            "name": concept.data[f"long_label_{spoken}"],
            "short": concept.label(language.current()),
            "uri": concept.uri,
        }
        for concept in voc.get("organisations")
        if not concept.data.get("withdrawn")
    ]


def ecosphere_whole_form(part: str = "") -> bool:
    """Return whether the page contains all fields and lists, or at least those of a section.

    Args:
        part: id of the section.
    """
    parameters = tk.request.args
    return bool(parameters.get(WHOLE)) or bool(part and parameters.get(PART) == part)


def ecosphere_late_list(field: Field, choices: Iterable[Any]) -> str:
    """Return the URL of a list that the page leaves out, "" if the page contains it."""
    if len(list(choices)) <= LONG_LIST or ecosphere_whole_form():
        return ""
    return _url(field["vocabulary"], field.get("vocabulary_store", "uri"))


def ecosphere_late_services() -> str:
    """Return the URL of the registered services."""
    return _url(SERVICES, "uri")


def _url(name: str, store: str) -> str:
    # A changed list has another URL, so that browsers do not use an old one.
    version = hashlib.sha256(list_as_json(name, store).encode()).hexdigest()[:12]
    return tk.url_for("ecosphere_schemas.choice_list", name=name, store=store, version=version)


def is_list(name: str, store: str) -> bool:
    """Return whether there is a list of this name with values of this kind."""
    return store in STORES and (name == SERVICES or name in voc.names())


def list_as_json(name: str, store: str) -> str:
    """Return a list in the language of the page as JSON: [value, label, depth, terms] per choice.

    Args:
        name: a vocabulary, or `SERVICES`, whose values are names and whose labels are short names,
            with their URI as terms.
        store: "uri" or "id".
    """
    return _list_as_json(name, store, language.of_tables())


@voc.derived
@cache
def _list_as_json(name: str, store: str, spoken: str) -> str:
    rows: list[tuple[Any, ...]] = []
    if name == SERVICES:
        for service in ecosphere_registry_services():
            rows.append((service["name"], service["short"], 0, service["uri"]))
    else:
        for choice in _choices(name, store):
            label = choice["label"][spoken]
            rows.append((choice["value"], label, choice["depth"], choice["terms"]))
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


# --- changes of the administrator: a YAML file laid over ``dataset.yaml`` ------------------------
#
#     dataset_fields:
#       version: {form_snippet: null}         # no longer in the form
#       frequency: {obligation: mandatory}    # required for publishing
#     resource_fields:
#       encoding: {obligation: recommended}
#
# Keys are those of the fields in ``dataset.yaml``; null removes a value. Fields can be neither
# added nor renamed, since other parts of the portal rely on their names. Invalid overlays are
# refused before the portal starts.

#: Part of the schema → its sections of the form.
PARTS = {"dataset_fields": "form_sections", "resource_fields": "resource_form_sections"}
OBLIGATIONS = ("mandatory", "conditional", "recommended", "optional")
#: Fields without which no dataset can be saved.
ALWAYS_IN_FORM = ("title", "name", "owner_org")
#: Keys supported by ckanext-scheming and this project but not used in ``dataset.yaml``.
MORE_KEYS = (
    "choices",
    "form_default",
    "help_allow_html",
    "help_inline",
    "output_validators",
    "rows",
)
#: Keys that an overlay cannot change: readers, writers and other modules take them from
#: ``dataset.yaml`` itself.
FIXED_KEYS = {
    "record",
    "iso",
    "dcat",
    "schemaorg",
    "inspire",
    "catalogue",
    "losses",
    "own",
    "bulk",
    "fact",
    "link_of",
    "searched",
    "identifies",
    "order",
}


class OverlayError(ValueError):
    """The overlay is invalid; the message tells the administrator why."""


def with_overlay(overlay: Row, schema: DataDict) -> DataDict:
    """Apply an overlay to the schema, in place, and return the schema.

    Raises:
        OverlayError: the overlay is malformed or refers to something that does not exist.
    """
    for part, names in _require_mapping("the overlay", overlay).items():
        _require_known("the overlay", part, PARTS)
        fields = {field["field_name"]: field for field in schema[part]}
        sections = [section["id"] for section in schema[PARTS[part]]]
        keys: set[str] = set()
        keys.update(MORE_KEYS, *schema[part])  # the keys of all fields
        keys -= FIXED_KEYS
        for name, changes in _require_mapping(part, names or {}).items():
            _require_known(part, name, fields)
            where = f"{part}, {name}"
            _check_keys(where, _require_mapping(where, changes), fields[name], keys)
            fields[name].update(changes)
            _check_values(where, fields[name], sections, fields)
    return schema


def _require_mapping(where: str, value: Any) -> Row:
    """Return a value of the overlay if it is a mapping; `where` is its place, for the message."""
    if not isinstance(value, Mapping):
        raise OverlayError(f"{where}: names followed by a colon are expected, this is {value!r}")
    return value


def _require_known(where: str, value: Any, values: Iterable[Any]) -> None:
    """Refuse a value that is not one of the known ones, and suggest a similar one."""
    names = sorted(map(str, values))
    if str(value) in names:
        return
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"known are {', '.join(names[:12])}"
    if near:
        hint = f"did you mean {near[0]}?"
    raise OverlayError(f"{where}: {value} is unknown; {hint}")


def _check_keys(where: str, changes: Row, field: Row, keys: set[str]) -> None:
    for key, value in changes.items():
        _require_known(where, key, keys)
        if key == "field_name":
            raise OverlayError(f"{where}: a field keeps its name")
        if key == "form_snippet" and value is None and field["field_name"] in ALWAYS_IN_FORM:
            raise OverlayError(f"{where}: no dataset can do without it, it stays in the form")


def _check_values(where: str, field: Row, sections: list[str], fields: Row) -> None:
    """Check the values of a field to which the changes have been applied."""
    _require_known(f"{where}, obligation", field.get("obligation") or "optional", OBLIGATIONS)
    _require_known(f"{where}, form_section", field.get("form_section") or sections[0], sections)
    for key in ("relevant_when", "required_when"):
        place = f"{where}, {key}"
        for condition in field.get(key) or ():
            _require_known(place, _require_mapping(place, condition).get("field"), fields)
    name = field.get("vocabulary")
    if not name:
        return
    _require_known(f"{where}, vocabulary", name, voc.names())
    defaults = field.get("form_default") or []
    if not isinstance(defaults, list):
        defaults = [defaults]
    for value in map(str, defaults):
        if voc.get(name).get(value) is None:
            raise OverlayError(f"{where}, form_default: {value} is not in the vocabulary {name}")


def write_overlaid(path: str, folder: str) -> str:
    """Write the schema with an overlay applied to a file that ckanext-scheming can read.

    Args:
        path: path of the overlay.
        folder: folder to write to; empty for a private temporary folder.

    Returns:
        the URI of the file, as the value of ``scheming.dataset_schemas``.

    Raises:
        OverlayError: the overlay cannot be read or is invalid.
    """
    try:
        overlay = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise OverlayError(f"{path}: {' '.join(str(error).split())}") from error
    schema = with_overlay(overlay, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
    text = yaml.safe_dump(schema, allow_unicode=True, sort_keys=False)
    own_folder = Path(folder or tempfile.mkdtemp(prefix="ecosphere-")) / "ecosphere"
    own_folder.mkdir(parents=True, exist_ok=True)
    file = own_folder / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    # A URI, since the option is split at spaces, which a path may contain.
    return file.resolve().as_uri()
