"""What is taken away from a study: table, site, project of QGIS, addresses of its parts, and one archive with all.

The archive has no data of others: its table of downloads leads to the part of each service that covers the site.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from lxml import etree
from pyproj import Transformer

from ckanext.ecosphere.dataset.geometry import LAMBERT_93, Box
from ckanext.ecosphere.shared import csv_table, dates, qgis
from ckanext.ecosphere.shared.characters import clean
from ckanext.ecosphere.studies import annex
from ckanext.ecosphere.studies.outline import DatasetLine, GroupLine, NeedLine, Outline, text_in

DEPOSITS = Path(__file__).with_name("data") / "deposits.yaml"
QGIS_TYPE = "application/x-qgis-project"
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
WRITTEN_FOR = "3.28.0"
"""Version of QGIS whose form of projects is written; newer ones read it."""
MOST_DATASETS = 400
"""Datasets of a study of which layers and addresses are taken."""
SITE_FILE = "site.geojson"
Packages = Mapping[str, dict[str, Any]]


def ids_of(outline: Outline) -> list[str]:
    """Return the ids of the datasets of a study that can be read, the first `MOST_DATASETS`."""
    ids = [line.id for _group, _need, line in _lines(outline) if line.name]
    return list(dict.fromkeys(ids))[:MOST_DATASETS]


def _lines(outline: Outline) -> Iterator[tuple[GroupLine, NeedLine, DatasetLine]]:
    for group in outline.groups:
        for need in group.needs:
            for line in need.datasets:
                yield group, need, line


# --- tables ---------------------------------------------------------------------------------------


def needs_csv(outline: Outline) -> str:
    """Return the needs of a study and their datasets as a table; a need without datasets has one line, too."""
    columns = (
        tk._("Group"),
        tk._("Need"),
        tk._("Required"),
        tk._("State on the site"),
        tk._("Why"),
        tk._("Request"),
        tk._("Dataset"),
        tk._("Producer"),
        tk._("Licence"),
        tk._("Date of the data"),
        tk._("On the site"),
        tk._("Objects counted"),
        tk._("Address"),
    )
    return csv_table.write(columns, _rows(outline))


def _rows(outline: Outline) -> Iterator[tuple[Any, ...]]:
    for group in outline.groups:
        for need in group.needs:
            required = {True: tk._("yes"), False: tk._("no")}[need.mandatory]
            reference = ""
            if need.asked:
                reference = need.asked.reference
            about = (group.label, need.label, required, need.state_label, need.sentence, reference)
            if not need.datasets:
                yield (*about, *[""] * 7)
            for line in need.datasets:
                facts = (line.title, line.producer, line.licence, line.date)
                yield (*about, *facts, line.sentence or line.state, line.count, line.link)


def downloads_csv(outline: Outline, packages: Packages) -> str:
    """Return the addresses of the parts of services and of the files that concern the site, as a table."""
    columns = (tk._("Group"), tk._("Need"), tk._("Dataset"), tk._("Content"), tk._("Address"))
    return csv_table.write(columns, _downloads(outline, packages))


def _downloads(outline: Outline, packages: Packages) -> Iterator[tuple[str, ...]]:
    for group, need, line in _lines(outline):
        package = packages.get(line.id)
        if package is None:
            continue
        about = (group.label, need.label, line.title)
        for title, address in parts_of(package, outline.box):
            yield (*about, title, address)
        yield (*about, tk._("Page of the dataset"), line.link)


def parts_of(package: dict[str, Any], box: Box | None) -> list[tuple[str, str]]:
    """Return title and address of the part in a box of each layer of a dataset, if the room `access` knows them."""
    if not tk.h.plugin_loaded("ecosphere_access"):
        return []
    return tk.h.ecosphere_access_parts(package, box)


def site_geojson(outline: Outline) -> str:
    """Return the site, and the area with its buffer if it has one, as GeoJSON (RFC 7946)."""
    features = [_feature(outline.geometry, tk._("Site"))]
    if outline.buffer:
        features.append(_feature(outline.area, tk._("Studied area")))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _feature(geometry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


# --- QGIS -----------------------------------------------------------------------------------------


def project(outline: Outline, packages: Packages) -> bytes:
    """Return a project of QGIS: the site, and the layers of the datasets grouped as the needs of the frame.

    The site is read from the file `SITE_FILE` beside it. Form: `QgsProject::writeProjectFile` of QGIS; whatever is left
    out has a default.
    """
    root = etree.Element("qgis", version=WRITTEN_FOR, projectname=clean(outline.title))
    etree.SubElement(root, "title").text = clean(outline.title)
    crs = _crs_of(outline.box)
    _reference(etree.SubElement(root, "projectCrs"), crs)
    tree = etree.SubElement(root, "layer-tree-group")
    canvas = etree.SubElement(root, "mapcanvas", name="theMapCanvas")
    layers = etree.SubElement(root, "projectlayers")
    site = qgis.Source(tk._("Site"), qgis.VECTOR, "ogr", f"./{SITE_FILE}", qgis.DEGREES)
    qgis.add_layer(tree, layers, site)
    sources = _sources(outline, packages)
    for group in outline.groups:
        needs = [need for need in group.needs if sources[need.id]]
        if not needs:
            continue
        branch = qgis.group(tree, group.label or tk._("Needs"))
        for need in needs:
            leaf = qgis.group(branch, need.label)
            for source in sources[need.id]:
                qgis.add_layer(leaf, layers, source)
    _show(canvas, outline.box, crs)
    return etree.tostring(root, encoding="utf-8", doctype=DOCTYPE, pretty_print=True)


def _sources(outline: Outline, packages: Packages) -> dict[str, list[qgis.Source]]:
    """Return the layers of each need."""
    of_need: dict[str, list[qgis.Source]] = {need.id: [] for need in outline.needs}
    if not tk.h.plugin_loaded("ecosphere_access"):
        return of_need
    for _group, need, line in _lines(outline):
        package = packages.get(line.id)
        if package:
            of_need[need.id] += tk.h.ecosphere_access_layers(package)
    return of_need


def _crs_of(box: Box | None) -> str:
    """Return the legal projection of the mainland for a box that lies there, else that of web maps."""
    if box is None:
        return qgis.WEB_MERCATOR
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    metres = Transformer.from_crs(4326, LAMBERT_93.epsg, always_xy=True).transform(*middle)
    if LAMBERT_93.holds(*metres):
        return f"EPSG:{LAMBERT_93.epsg}"
    return qgis.WEB_MERCATOR


def _reference(parent: etree._Element, crs: str) -> None:
    system = etree.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    etree.SubElement(system, "authid").text = crs


def _show(canvas: etree._Element, box: Box | None, crs: str) -> None:
    """Have the project open on a box."""
    etree.SubElement(canvas, "units").text = "meters"
    if box:
        sides = Transformer.from_crs(4326, crs, always_xy=True).transform_bounds(*box)
        extent = etree.SubElement(canvas, "extent")
        for name, side in zip(("xmin", "ymin", "xmax", "ymax"), sides, strict=True):
            etree.SubElement(extent, name).text = f"{side:.2f}"
    _reference(etree.SubElement(canvas, "destinationsrs"), crs)


# --- everything -----------------------------------------------------------------------------------


def archive(outline: Outline, packages: Packages) -> bytes:
    """Return one ZIP file with the annex in its three forms, the tables, the site and the project."""
    members: dict[str, bytes | str] = {tk._("README.txt"): _readme(outline)}
    for ending in annex.FORMATS:
        members[annex.file_name(outline, ending)] = annex.write(outline, ending)
    members[tk._("needs.csv")] = needs_csv(outline)
    members[tk._("downloads.csv")] = downloads_csv(outline, packages)
    members[SITE_FILE] = site_geojson(outline)
    members[tk._("project.qgs")] = project(outline, packages)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def _readme(outline: Outline) -> str:
    lines = [
        annex.title_of(outline),
        tk._("Run {number} of {date}, valid until {until}").format(
            number=outline.run,
            date=dates.moment(outline.run_at),
            until=dates.day(outline.valid_until),
        ),
        "",
        tk._("Annex: the same text as OpenDocument, Word and HTML."),
        tk._("Open the project with QGIS: it reads the site from the file beside it."),
        tk._("The table of downloads leads to the part of each service around the site."),
        "",
        tk._("At the end of the study"),
    ]
    for deposit in deposits():
        lines.append(f"- {deposit['title']}{tk._(': ')}{deposit['text']} {deposit['link']}")
    return "\r\n".join(lines) + "\r\n"


# --- duties at the end of a study -----------------------------------------------------------------


def deposits() -> list[dict[str, str]]:
    """Return the duties of deposit at the end of a study, in the language of the page.

    Returns:
        `id`, `title`, `text`, `link` (where to deposit), `source` and `source_link` (article), and `checked` (ISO day
        on which the article was read, "" if it is quoted from memory).
    """
    rows = []
    for row in _deposits():
        texts = {name: text_in(row[name]) for name in ("title", "text")}
        plain = {
            name: str(row[name]) for name in ("id", "link", "source", "source_link", "checked")
        }
        rows.append({**texts, **plain})
    return rows


@cache
def _deposits() -> list[dict[str, Any]]:
    return yaml.safe_load(DEPOSITS.read_text(encoding="utf-8"))
