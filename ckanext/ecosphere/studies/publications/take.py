"""What is taken away from a study: annex, tables, site, project of QGIS, and one archive with all.

The archive has the data around the site that were extracted (`clipping`); its table of downloads leads to the part of
each service that covers the site. Its files and their texts are for the authorities, and have French names in every
language.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

import ckan.plugins.toolkit as tk
from lxml import etree
from pyproj import Transformer

from ckanext.ecosphere.dataset.geometry import LAMBERT_93, Box
from ckanext.ecosphere.shared import csv_table, qgis
from ckanext.ecosphere.shared.characters import clean
from ckanext.ecosphere.studies.publications import annex, clipping
from ckanext.ecosphere.studies.publications.outline import (
    DatasetLine,
    NeedLine,
    Outline,
    content_of,
)

QGIS_TYPE = "application/x-qgis-project"
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
WRITTEN_FOR = "3.22.0"
"""Version of QGIS whose form of projects is written; newer ones read it."""
MOST_DATASETS = 400
"""Datasets of a study of which layers and addresses are taken."""
SITE_FILE = "site.geojson"


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
    yes_or_no = {True: tk._("yes"), False: tk._("no")}
    for group in outline.groups:
        for need in group.needs:
            required = yes_or_no[need.mandatory]
            reference = need.asked and need.asked.reference
            about = (group.label, need.label, required, need.state_label, need.sentence, reference)
            if not need.datasets:
                yield (*about, *[""] * 7)
            for line in need.datasets:
                facts = (line.title, line.producer, line.licence, line.date)
                yield (*about, *facts, line.sentence or line.state, line.count, line.link)


def downloads_csv(outline: Outline) -> str:
    """Return the addresses of the parts of services and of the files that concern the site, as a table."""
    columns = (tk._("Group"), tk._("Need"), tk._("Dataset"), tk._("Content"), tk._("Address"))
    return csv_table.write(columns, _downloads(outline))


def _downloads(outline: Outline) -> Iterator[tuple[str, ...]]:
    for group in outline.groups:
        for need in group.needs:
            for line, package in _readable(outline, need):
                about = (group.label, need.label, line.title)
                if tk.h.plugin_loaded("ecosphere_access"):
                    for part in tk.h.ecosphere_access_parts(package, outline.box):
                        yield (*about, *part[:2])
                yield (*about, tk._("Page of the dataset"), line.link)


def _readable(outline: Outline, need: NeedLine) -> Iterator[tuple[DatasetLine, dict[str, Any]]]:
    """Yield the datasets of a need that the reader may read, as a line and as a package."""
    taken_ids = set(islice(outline.packages, MOST_DATASETS))
    for line in need.datasets:
        if line.id in taken_ids:
            yield line, outline.packages[line.id]


def site_geojson(outline: Outline) -> str:
    """Return the site, and the area with its buffer if it has one, as GeoJSON (RFC 7946)."""
    features = [_feature(outline.geometry, tk._("Site"))]
    if outline.buffer:
        features.append(_feature(outline.area, tk._("Studied area")))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _feature(geometry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


# --- QGIS -----------------------------------------------------------------------------------------


def project(outline: Outline) -> bytes:
    """Return a project of QGIS: the site, and the layers of the datasets grouped as the needs of the frame.

    The site is read from the file `SITE_FILE` beside it. Form: `QgsProject::writeProjectFile` of QGIS; whatever is left
    out has a default.
    """
    root = etree.Element("qgis", version=WRITTEN_FOR, projectname=clean(outline.title))
    etree.SubElement(root, "title").text = clean(outline.title)
    crs = _crs_of(outline.box)
    _reference(etree.SubElement(root, "projectCrs"), crs)
    # Without this, the projection of the project is not read.
    properties = etree.SubElement(etree.SubElement(root, "properties"), "SpatialRefSys")
    etree.SubElement(properties, "ProjectionsEnabled", type="int").text = "1"
    tree = etree.SubElement(root, "layer-tree-group")
    canvas = etree.SubElement(root, "mapcanvas", name="theMapCanvas")
    layers = etree.SubElement(root, "projectlayers")
    site = qgis.Source(tk._("Site"), qgis.VECTOR, "ogr", f"./{SITE_FILE}", qgis.DEGREES)
    qgis.add_layer(tree, layers, site)
    for group in outline.groups:
        sources = [(need.label, _sources(outline, need)) for need in group.needs]
        filled = [(label, of_need) for label, of_need in sources if of_need]
        if not filled:
            continue
        branch = qgis.group(tree, group.label or tk._("Needs"))
        for label, of_need in filled:
            leaf = qgis.group(branch, label)
            for source in of_need:
                qgis.add_layer(leaf, layers, source)
    _show(canvas, outline.box, crs)
    return etree.tostring(root, encoding="utf-8", doctype=DOCTYPE, pretty_print=True)


def _sources(outline: Outline, need: NeedLine) -> list[qgis.Source]:
    """Return the layers of a need, if the room `access` knows them."""
    sources: list[qgis.Source] = []
    if tk.h.plugin_loaded("ecosphere_access"):
        for _line, package in _readable(outline, need):
            sources += tk.h.ecosphere_access_layers(package)
    return sources


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
    # Any number: without one, QGIS does not look at the code.
    etree.SubElement(system, "srsid").text = "1"
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


def archive(outline: Outline) -> bytes:
    """Return one ZIP file with all the others, and the extracted data."""
    readme = annex.rendered("readme.txt", outline, deposits=deposits())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("LISEZMOI.txt", readme.replace("\n", "\r\n"))
        for name, (_media_type, write) in FILES.items():
            if write is not archive:
                # The name of the annex tells nothing of the study but the number of its run.
                numbered = name.replace("annexe.", f"annexe-donnees-{outline.run}.")
                file.writestr(numbered, write(outline))
        clipping.add_to(file, outline.extracts)
    return buffer.getvalue()


def deposits() -> list[dict[str, str]]:
    """Return the duties of deposit at the end of a study, in the language of the page.

    Returns:
        `id`, `title`, `text`, `link` (where to deposit), `source` and `source_link` (article), and `checked` (ISO day
        on which the article was read, "" if it is quoted from memory).
    """
    return content_of("deposits.yaml")


#: Name of a file → its media type, and what writes it.
FILES: dict[str, tuple[str, Callable[[Outline], bytes | str]]] = {
    **{
        f"annexe.{ending}": (media_type, partial(annex.write, ending=ending))
        for ending, media_type in annex.FORMATS.items()
    },
    "besoins.csv": ("text/csv", needs_csv),
    "telechargements.csv": ("text/csv", downloads_csv),
    SITE_FILE: ("application/geo+json", site_geojson),
    "projet.qgs": (QGIS_TYPE, project),
    "etude.zip": ("application/zip", archive),
}
