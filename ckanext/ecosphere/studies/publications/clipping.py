"""Data around the site of a study: extracts of the datasets that it keeps, made by the room
`access`.

Each is the part of a layer in the rectangle around the site and its buffer; it is made in the
background, bounded as all extracts are, and lasts a day. What cannot be had is listed with the
reason.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.munge import munge_name

from ckanext.ecosphere.core.pages import facts_of, sentences
from ckanext.ecosphere.shared import authorization, csv_table
from ckanext.ecosphere.studies import candidates, config, store, wording
from ckanext.ecosphere.studies.model import Study

#: Extracts that are asked for at once.
MOST = 10
MOST_ROWS = 100
#: Of all extracts in an archive.
MOST_BYTES = 50 * config.MEGABYTE
FOLDER, TABLE = "donnees", "donnees.csv"


def ask(study: Study, context: Any) -> None:
    """Ask for the extracts of the datasets that a study keeps, but for those that are made or wait;
    the caller commits.

    Those beyond `MOST` are asked for when this is called again.
    """
    made = {}
    for row in shown(study, context):
        if row["state"] in ("wanted", "made"):
            made[row["resource_id"], row["layer"]] = row["extract"]
    box = store.site_of(study).box
    left, rows = MOST, []
    for package in candidates.readable(store.chosen(study), context).values():
        parts = []
        if tk.h.plugin_loaded("ecosphere_access"):
            parts = tk.h.ecosphere_access_parts(package, box)
        row = {"package_id": package["id"], "title": "", "resource_id": "", "layer": ""}
        if not parts:
            why = tk._("No service of this dataset gives its objects.")
            rows.append({**row, "extract": "", "why": why})
        for title, _address, resource_id, layer in parts:
            row |= {"title": title, "resource_id": resource_id, "layer": layer}
            extract, why = made.get((resource_id, layer), ""), ""
            if not extract and left:
                extract, why = _asked(row, box, context, is_first=left == MOST)
                left -= 1
            elif not extract:
                why = tk._("Not yet asked for: ask again when the others are there.")
            rows.append({**row, "extract": extract, "why": why})
    study.extracts = rows[:MOST_ROWS]


def _asked(row: dict[str, Any], box: Any, context: Any, *, is_first: bool) -> tuple[str, str]:
    """Return the id of a new extract, or "" and why there is none."""
    # The rate limit of extracts counts those of a study as one.
    own: Any = {**authorization.same_person(context), "ecosphere_same_request": not is_first}
    sides = ",".join(f"{side:.6f}" for side in box)
    wanted = {"resource_id": row["resource_id"], "layer": row["layer"], "box": sides}
    try:
        return tk.get_action("ecosphere_access_extract_create")(own, wanted)["id"], ""
    except tk.ValidationError as error:
        return "", sentences(error)
    except tk.ObjectNotFound as error:
        return "", str(error)


def shown(study: Study, context: Any) -> list[dict[str, Any]]:
    """Return what became of the extracts that were asked for, of datasets that the reader may read.

    Returns:
        what is stored, with `dataset` (title), `state` (wanted, made, broken, or "" for none),
        `why` there is no file, `url` and `path` of the file, "" without one, and `facts` about it.
    """
    packages = candidates.readable((row["package_id"] for row in study.extracts), context)
    rows = []
    for stored in study.extracts:
        if stored["package_id"] not in packages:
            continue
        title = facts_of(packages[stored["package_id"]])["title"]
        row = {**stored, "dataset": title, "state": "", "url": "", "path": "", "facts": {}}
        if stored["extract"]:
            row |= _state_of(stored["extract"], context)
        rows.append(row)
    return rows


def _state_of(extract_id: str, context: Any) -> dict[str, Any]:
    extract = None
    if tk.h.plugin_loaded("ecosphere_access"):
        extract = tk.h.ecosphere_access_extract(context, extract_id)
    if extract is None:
        return {"why": tk._("It was deleted after a day: ask for it again.")}
    why = extract["message"]
    if extract["state"] == "wanted":
        why = tk._("It is being made.")
    return {**{name: extract[name] for name in ("state", "url", "path", "facts")}, "why": why}


def add_to(archive: zipfile.ZipFile, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add the files that are made to an archive, with a table that says which are not, and why."""
    size, lines = 0, []
    for number, row in enumerate(rows, start=1):
        name, why, url = "", row["why"], row["url"] or ""
        if row["path"] and size + row["facts"]["size"] > MOST_BYTES:
            why = tk._("It is too large for the archive: take it at its address within a day.")
        elif row["path"]:
            size += row["facts"]["size"]
            name = f"{FOLDER}/{number:02}-{munge_name(row['layer'])}.gpkg"
            archive.write(row["path"], name)
        lines.append(
            (row["dataset"], row["title"], name, row["facts"].get("features", ""), why, url)
        )
    table = csv_table.write(wording.columns("extracts_table"), lines)
    archive.writestr(TABLE, table)
