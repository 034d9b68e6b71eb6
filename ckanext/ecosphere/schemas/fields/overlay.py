"""Apply the administrator's changes to the dataset schema, from a YAML file that overlays ``dataset.yaml``.

    dataset_fields:
      priority_dataset: {form_snippet: null}       # no longer in the form
      scale_denominator: {obligation: mandatory}   # required for publishing
      license_id: {form_default: odc-odbl}
    resource_fields:
      encoding: {obligation: recommended}

Keys are those of the fields in ``dataset.yaml``; null removes a value. Fields can be neither added nor renamed, since
other parts of the portal rely on their names. Invalid overlays are refused before the portal starts.
"""

from __future__ import annotations

import difflib
import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere import vocabularies as voc

SCHEMA = Path(__file__).parents[1] / "dataset.yaml"
PARTS = {"dataset_fields": "form_sections", "resource_fields": "resource_form_sections"}
OBLIGATIONS = ("mandatory", "conditional", "recommended", "optional")
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


#: Keys that say where a field stands in other formats, which the readers and writers take from ``dataset.yaml``.
FIXED_KEYS = {"record", "iso", "dcat", "schemaorg", "inspire", "catalogue", "losses"}


class OverlayError(ValueError):
    """The overlay is invalid; the message tells the administrator why."""


def merged(overlay: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Apply an overlay to the schema, in place, and return the schema.

    Raises:
        OverlayError: the overlay is malformed or refers to something that does not exist.
    """
    for part, names in _mapping("the overlay", overlay).items():
        _one_of("the overlay", part, PARTS)
        fields = {field["field_name"]: field for field in schema[part]}
        sections = [section["id"] for section in schema[PARTS[part]]]
        keys: set[str] = set()
        keys.update(MORE_KEYS, *schema[part])
        keys -= FIXED_KEYS
        for name, changes in _mapping(part, names or {}).items():
            _one_of(part, name, fields)
            where = f"{part}, {name}"
            _check(where, _mapping(where, changes), fields[name], keys)
            fields[name].update(changes)
            _check_values(where, fields[name], sections, fields)
    return schema


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise OverlayError(f"{where}: names followed by a colon are expected, this is {value!r}")
    return value


def _one_of(where: str, value: Any, values: Iterable[Any]) -> None:
    names = sorted(map(str, values))
    if str(value) in names:
        return
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"known are {', '.join(names[:12])}"
    if near:
        hint = f"did you mean {near[0]}?"
    raise OverlayError(f"{where}: {value} is unknown; {hint}")


def _check(
    where: str, changes: Mapping[str, Any], field: Mapping[str, Any], keys: set[str]
) -> None:
    for key, value in changes.items():
        _one_of(where, key, keys)
        if key == "field_name":
            raise OverlayError(f"{where}: a field keeps its name")
        if key == "form_snippet" and value is None and field["field_name"] in ALWAYS_IN_FORM:
            raise OverlayError(f"{where}: no dataset can do without it, it stays in the form")


def _check_values(
    where: str, field: Mapping[str, Any], sections: list[str], fields: Mapping[str, Any]
) -> None:
    _one_of(f"{where}, obligation", field.get("obligation") or "optional", OBLIGATIONS)
    _one_of(f"{where}, form_section", field.get("form_section") or sections[0], sections)
    for key in ("relevant_when", "required_when"):
        for condition in field.get(key) or ():
            _one_of(f"{where}, {key}", _mapping(f"{where}, {key}", condition).get("field"), fields)
    name = field.get("vocabulary")
    if not name:
        return
    _one_of(f"{where}, vocabulary", name, voc.names())
    defaults = field.get("form_default") or []
    if not isinstance(defaults, list):
        defaults = [defaults]
    for value in map(str, defaults):
        if voc.get(name).get(value) is None:
            raise OverlayError(f"{where}, form_default: {value} is not in the vocabulary {name}")


def write(path: str, folder: str = "") -> str:
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
    schema = merged(overlay, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
    text = yaml.safe_dump(schema, allow_unicode=True, sort_keys=False)
    place = Path(folder or tempfile.mkdtemp(prefix="ecosphere-")) / "ecosphere"
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    # A URI, since the option is split at spaces, which a path may contain.
    return target.resolve().as_uri()
