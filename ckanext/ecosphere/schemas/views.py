"""Pages and files of the room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, stream_with_context

from . import catalogue_csv
from .iso import writer

PAGE = 200
schemas = Blueprint("ecosphere_schemas", __name__)


@schemas.route("/dataset/<id>/iso19139.xml")
def iso(id: str) -> Response:
    """Give a dataset as an ISO 19139 record."""
    dataset = _shown(id)
    organisation = (dataset.get("organization") or {}).get("title") or ""
    response = Response(writer.record(dataset, organisation), mimetype="application/xml")
    response.headers["Content-Disposition"] = f'inline; filename="{dataset["name"]}.xml"'
    return response


@schemas.route("/catalogue.csv")
def catalogue() -> Response:
    """Give the public datasets in the layout of the schéma de catalogue de données, as they are read."""
    search = {"q": tk.request.args.get("q", ""), "fq": "+dataset_type:dataset +capacity:public"}
    if tk.request.args.get("organization"):
        name = str(tk.request.args["organization"]).replace("\\", "").replace('"', "")
        search["fq"] += f' +organization:"{name}"'
    rows = catalogue_csv.lines(
        catalogue_csv.row(dataset, tk.url_for("dataset.read", id=dataset["name"], qualified=True, locale="default"))
        for dataset in found(search)
    )
    response = Response(stream_with_context(rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="catalogue.csv"'
    return response


def found(search: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every dataset of a search, a page of the index at a time."""
    start, total = 0, 1
    while start < total:
        asked = {**search, "rows": PAGE, "start": start, "sort": "id asc", "facet": "false"}
        page = tk.get_action("package_search")({}, asked)
        total = page["count"]
        yield from page["results"]
        start += PAGE


def _shown(id: str) -> dict[str, Any]:
    try:
        return tk.get_action("package_show")({}, {"id": id})
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("Dataset not found"))
    except tk.NotAuthorized:
        # A draft is absent for who may not see it.
        return tk.abort(404, tk._("Dataset not found"))
