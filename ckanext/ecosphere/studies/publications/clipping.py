"""Data around the site of a study: extracts of the datasets that it keeps.

An extract is the part of a layer in the rectangle around the site and its buffer. The room `access`
makes it in the background, as large as any extract may be, and deletes it after a day. What cannot
be had is listed with the reason.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.munge import munge_name

from ckanext.ecosphere.core.pages import facts_of, sentences
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.shared import authorization, csv_table
from ckanext.ecosphere.studies import candidates, config, store, wording
from ckanext.ecosphere.studies.model import Study

#: Extracts that are asked for at once.
MOST = 10
#: Layers of a study that are listed.
MOST_ROWS = 100
#: Size of all extracts in an archive.
MOST_BYTES = 50 * config.MEGABYTE
#: Names in the archive: folder of the extracts, and the table of them.
FOLDER, TABLE = "donnees", "donnees.csv"


def request_extracts(study: Study, context: Any) -> None:
    """Ask for an extract of each layer of the datasets that a study keeps; the caller commits.

    Those that are made or wait are not asked for again. Those beyond `MOST` are asked for when this
    is called again.
    """
    existing = {}
    for row in outcomes(study, context):
        if row["state"] in ("wanted", "made"):
            existing[row["resource_id"], row["layer"]] = row["extract"]
    box = store.site_of(study).box
    left = MOST
    rows = []
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
            extract_id, why = existing.get((resource_id, layer), ""), ""
            if not extract_id and left:
                extract_id, why = _create(row, box, context, is_first=left == MOST)
                left -= 1
            elif not extract_id:
                why = tk._("Not yet asked for: ask again when the others are there.")
            rows.append({**row, "extract": extract_id, "why": why})
    study.extracts = rows[:MOST_ROWS]


def _create(row: dict[str, Any], box: Box, context: Any, *, is_first: bool) -> tuple[str, str]:
    """Ask for an extract; return its id and "", or "" and why there is none."""
    # The rate limit of extracts counts those that are asked for together as one.
    own_context: Any = authorization.same_person(context)
    own_context["ecosphere_same_request"] = not is_first
    sides = ",".join(f"{side:.6f}" for side in box)
    parameters = {"resource_id": row["resource_id"], "layer": row["layer"], "box": sides}
    try:
        return tk.get_action("ecosphere_access_extract_create")(own_context, parameters)["id"], ""
    except tk.ValidationError as error:
        return "", sentences(error)
    except tk.ObjectNotFound as error:
        return "", str(error)


def outcomes(study: Study, context: Any) -> list[dict[str, Any]]:
    """Return what became of the extracts of a study, those of datasets that the reader may read.

    Returns:
        one row a layer: what is stored (`package_id`, `title` and name `layer` of the layer,
        `resource_id`, id `extract`), with `dataset` (title), `state` (wanted, made, broken, or ""
        for none), `why` there is no file, `url` and `path` of the file, "" without one, and `facts`
        about it.
    """
    packages = candidates.readable((row["package_id"] for row in study.extracts), context)
    rows = []
    for stored in study.extracts:
        if stored["package_id"] not in packages:
            continue
        title = facts_of(packages[stored["package_id"]])["title"]
        row = {**stored, "dataset": title, "state": "", "url": "", "path": "", "facts": {}}
        if stored["extract"]:
            row |= _outcome(stored["extract"], context)
        rows.append(row)
    return rows


def _outcome(extract_id: str, context: Any) -> dict[str, Any]:
    """Return what became of an extract: `state`, `why`, `url`, `path` and `facts` of `outcomes`."""
    extract = None
    if tk.h.plugin_loaded("ecosphere_access"):
        extract = tk.h.ecosphere_access_extract(context, extract_id)
    if extract is None:
        return {"why": tk._("It was deleted after a day: ask for it again.")}
    why = extract["message"]
    if extract["state"] == "wanted":
        why = tk._("It is being made.")
    outcome = {name: extract[name] for name in ("state", "url", "path", "facts")}
    return {**outcome, "why": why}


def add_to(archive: zipfile.ZipFile, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add the files of extracts to an archive, with a table that says which are missing, and why.

    Args:
        rows: as `outcomes` returns them.
    """
    size = 0
    lines = []
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
