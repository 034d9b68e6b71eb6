"""An administrator's changes to the schema, in a YAML file of their own, laid over ``dataset.yaml``.

    dataset_fields:
      priority_dataset: {form_snippet: null}       # no longer in the form
      scale_denominator: {obligation: mandatory}   # asked for when one publishes
      license_id: {form_default: odc-odbl}
    resource_fields:
      encoding: {obligation: recommended}

Keys are those of the field in ``dataset.yaml``; null takes a key's value away. Fields are neither added nor renamed
this way: other parts of the portal rely on their names.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SCHEMA = Path(__file__).with_name("dataset.yaml")
PARTS = ("dataset_fields", "resource_fields")


class OverlayError(ValueError):
    """The file cannot be laid over the schema; the message says why, for the administrator."""


def merged(overlay: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with the changes.

    Raises:
        OverlayError: it names a part or a field that does not exist, or is no mapping.
    """
    if not isinstance(overlay, Mapping):
        raise OverlayError("the overlay is no mapping")
    strange = set(overlay) - set(PARTS)
    if strange:
        raise OverlayError(f"the overlay has unknown parts: {', '.join(sorted(map(str, strange)))}")
    for part in PARTS:
        fields = {field["field_name"]: field for field in schema[part]}
        for name, changes in (overlay.get(part) or {}).items():
            if name not in fields:
                raise OverlayError(f"{part} has no field {name}")
            if not isinstance(changes, Mapping):
                raise OverlayError(f"{part}, {name}: no mapping")
            if "field_name" in changes:
                raise OverlayError(f"{part}, {name}: a field keeps its name")
            fields[name].update(changes)
    return schema


def write(path: str, folder: str = "") -> str:
    """Write the schema with the changes of a file where ckanext-scheming can read it.

    Args:
        path: the overlay.
        folder: where to write; empty for a private temporary folder.

    Returns:
        the value for ``scheming.dataset_schemas``.

    Raises:
        OverlayError: the file cannot be read or used.
    """
    try:
        overlay = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise OverlayError(f"{path}: {error}") from error
    schema = merged(overlay, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
    text = yaml.safe_dump(schema, allow_unicode=True, sort_keys=False)
    place = Path(folder) / "ecosphere" if folder else Path(tempfile.mkdtemp(prefix="ecosphere-"))
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    return f"ckanext.ecosphere.schemas:{target}"
