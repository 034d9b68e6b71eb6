"""The files that can be taken away from a study (`FILES`), written from its outline.

- The annex, as OpenDocument (ODF 1.3, ISO/IEC 26300), Word (ECMA-376) and HTML. Its text is
  `content.html` of `templates/studies/annex`; the template of each format says how headings,
  paragraphs and tables are written. The folders `odt` and `docx` there are the packages of these
  formats, each file at its place. All texts are cleaned and escaped; links lead to web addresses
  only. Tables have a caption and a row of headers, and headings are nested, so that screen readers
  find their way in each format.
- Tables of the needs, and of the parts of services and the files to download.
- The site, and a project of QGIS with the layers of the datasets.
- An archive with all of these, and the data around the site that were extracted (`clipping`).

An outline is what `outline.of_study` returns, with `extracts` (`clipping.outcomes`). The files are
for the authorities, and have French names in every language.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, select_autoescape
from lxml import etree
from pyproj import Transformer

from ckanext.ecosphere.dataset.geometry import LAMBERT_93, Box
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import csv_table, dates, language, parsing, qgis
from ckanext.ecosphere.shared.characters import clean
from ckanext.ecosphere.studies import states, store, wording
from ckanext.ecosphere.studies.frames import text_in
from ckanext.ecosphere.studies.publications import clipping
from ckanext.ecosphere.studies.publications.outline import content_of

QGIS_TYPE = "application/x-qgis-project"
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
#: Datasets of a study of which layers and addresses are taken.
MOST_DATASETS = 400
SITE_FILE = "site.geojson"
TEMPLATES = Path(__file__).parents[2] / "templates" / "studies" / "annex"
ODT = "application/vnd.oasis.opendocument.text"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#: Ending of the file of an annex → its media type.
FORMATS = {"odt": ODT, "docx": DOCX, "html": "text/html"}
#: Moment of all files in an annex: the same annex gives the same bytes. ZIP has no earlier one.
EPOCH = (1980, 1, 1, 0, 0, 0)
#: Characters of a text in a template.
LONGEST_TEXT = 2_000
_BLANKS = re.compile(r"[ \t\n]+")
#: Spaces at which no line may end: before French punctuation, and after an opening quotation mark.
_NO_BREAK = re.compile(" (?=[;:!?»%])|(?<=«) ")
#: Numbers below it have a decimal: the hectares of a small site.
SMALL_NUMBER = 10


# --- annex ----------------------------------------------------------------------------------------


def annex(outline: Row, ending: str) -> bytes:
    """Return the annex of a study in the language of the page.

    Args:
        ending: its format, a key of `FORMATS`.
    """
    if ending == "html":
        return rendered("annex.html", outline).encode()
    members = {}
    if ending == "odt":
        members["mimetype"] = ODT
    links: dict[str, str] = {}
    folder = TEMPLATES / ending
    paths = [path for path in folder.rglob("*") if path.is_file()]
    # The document of Word adds its links, which the relations (.rels) list: these come last.
    for path in sorted(paths, key=lambda path: (path.suffix == ".rels", path)):
        template = path.relative_to(TEMPLATES).as_posix()
        name = path.relative_to(folder).as_posix()
        members[name] = rendered(template, outline, links=links)
    return _packed(members)


def rendered(template: str, outline: Row, **variables: Any) -> str:
    """Return the text of a template of the annex about a study.

    Args:
        template: its path in `TEMPLATES`.
        variables: more variables of the template.
    """
    about = {
        "title": tk._("Data of the study “{title}”").format(title=outline["title"]),
        "portal": tk.config["ckan.site_title"],
        "language": language.current()[:2],
        "outline": outline,
    }
    return _environment().get_template(template).render(about, **variables)


@cache
def _environment() -> Environment:
    """Return what Jinja needs: the functions of the templates, and `_cleaned` for each value."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html", "xml", "rels")),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_cleaned,
    )
    environment.globals |= {
        "_": tk._,
        "ungettext": tk.ungettext,
        "day": dates.day,
        "moment": dates.moment,
        "number": _number,
        "state": wording.state,
        "text": text_in,
    }
    environment.tests["web"] = _is_web_address
    return environment


def _cleaned(value: Any) -> Any:
    """Return a text on one line, without the characters that XML refuses.

    Markup, a subclass of `str`, is left as it is.
    """
    if type(value) is not str or value.isspace():
        return value
    text = _BLANKS.sub(" ", clean(value))[:LONGEST_TEXT]
    return _NO_BREAK.sub("\u00a0", text)


def _number(number: float) -> str:
    """Return a number as the language of the page writes it."""
    digits = 0
    if number < SMALL_NUMBER:
        digits = 1
    return format_decimal(round(number, digits), locale=dates.locale(language.current()))


def _is_web_address(url: Any) -> bool:
    return str(url).startswith(("http://", "https://"))


def _packed(members: dict[str, str]) -> bytes:
    """Return a ZIP file of texts by name, in their order.

    The media type of ODF comes first, and is not compressed (part 2, 3.3).
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name == "mimetype":
                info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, text)
    return buffer.getvalue()


# --- tables ---------------------------------------------------------------------------------------


def needs_csv(outline: Row) -> str:
    """Return the needs of a study and their datasets as a table.

    A need without datasets has one line, too.
    """
    return csv_table.write(wording.columns("needs_table"), _needs_rows(outline))


def _needs_rows(outline: Row) -> Iterator[tuple[Any, ...]]:
    yes_or_no = {True: tk._("yes"), False: tk._("no")}
    for group, need in _needs(outline):
        required = yes_or_no[need["mandatory"]]
        state = need["finding"].get("label")
        reference = (need["request"] or {}).get("reference")
        about = (group["label"], need["label"], required, state, need["sentence"], reference)
        if not need["datasets"]:
            yield (*about, *[""] * 7)  # the columns of the dataset
        for line in need["datasets"]:
            facts = [line.get(name) for name in ("title", "producer", "licence", "date")]
            on_site = (line["sentence"], line["finding"].get("count"))
            yield (*about, *facts, *on_site, line.get("link"))


def _needs(outline: Row) -> Iterator[tuple[Row, Row]]:
    """Yield the needs of a study, each with its group."""
    for group in outline["groups"]:
        for need in group["needs"]:
            yield group, need


def downloads_csv(outline: Row) -> str:
    """Return the addresses from which the data of the site are downloaded, as a table.

    These are the part of each service that covers the site, and the page of each dataset.
    """
    return csv_table.write(wording.columns("downloads_table"), _downloads_rows(outline))


def _downloads_rows(outline: Row) -> Iterator[tuple[str, ...]]:
    for group, need in _needs(outline):
        for line, package in _readable(outline, need):
            about = (group["label"], need["label"], line["title"])
            if tk.h.plugin_loaded("ecosphere_access"):
                parts = tk.h.ecosphere_access_parts(package, outline["box"])
                for title, address, _resource_id, _layer in parts:
                    yield (*about, title, address)
            yield (*about, tk._("Page of the dataset"), line["link"])


def _readable(outline: Row, need: Row) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Yield the datasets of a need that the reader may read: as a line of it, and as a package.

    Those that do not map the site are left out, unless somebody kept them.
    """
    readable_ids = set(islice(outline["packages"], MOST_DATASETS))
    for line in need["datasets"]:
        is_elsewhere = line["finding"].get("state") == states.NOT_MAPPED
        if is_elsewhere and line["decision"] == store.PROPOSED:
            continue
        if line["package_id"] in readable_ids:
            yield line, outline["packages"][line["package_id"]]


def site_geojson(outline: Row) -> str:
    """Return the site, and the area with its buffer if it has one, as GeoJSON (RFC 7946)."""
    features = [_feature(outline["geometry"], tk._("Site"))]
    if outline["buffer"]:
        features.append(_feature(outline["area"], tk._("Studied area")))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _feature(geometry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


# --- QGIS -----------------------------------------------------------------------------------------


def project(outline: Row) -> bytes:
    """Return a project of QGIS: the site, and the layers of the datasets by group and need.

    It reads the site from the file `SITE_FILE` beside it. Its form is that of
    `QgsProject::writeProjectFile` in QGIS 3.22, which newer versions read; whatever is left out has
    a default.
    """
    crs = _crs_of(outline["box"])
    sides = Transformer.from_crs(4326, crs, always_xy=True).transform_bounds(*outline["box"])
    text = rendered("project.xml", outline, crs=crs, sides=sides)
    root = etree.fromstring(text, parsing.xml_parser())
    [tree] = root.findall("layer-tree-group")
    [layers] = root.findall("projectlayers")
    site = qgis.Source(tk._("Site"), qgis.VECTOR, "ogr", f"./{SITE_FILE}", qgis.DEGREES)
    qgis.add_layer(tree, layers, site)
    for group in outline["groups"]:
        needs = [(need["label"], _sources(outline, need)) for need in group["needs"]]
        needs = [(label, sources) for label, sources in needs if sources]
        if not needs:
            continue
        branch = qgis.group(tree, group["label"] or tk._("Needs"))
        for label, sources in needs:
            leaf = qgis.group(branch, label)
            for source in sources:
                qgis.add_layer(leaf, layers, source)
    return etree.tostring(root, encoding="utf-8", doctype=DOCTYPE, pretty_print=True)


def _sources(outline: Row, need: Row) -> list[qgis.Source]:
    """Return the layers of the datasets of a need; none without the room `access`."""
    sources: list[qgis.Source] = []
    if tk.h.plugin_loaded("ecosphere_access"):
        for _line, package in _readable(outline, need):
            sources += tk.h.ecosphere_access_layers(package)
    return sources


def _crs_of(box: Box) -> str:
    """Return the legal projection of the mainland for a box whose middle lies there.

    For others, return that of web maps.
    """
    west, south, east, north = box
    to_metres = Transformer.from_crs(4326, LAMBERT_93.epsg, always_xy=True)
    x, y = to_metres.transform((west + east) / 2, (south + north) / 2)
    if LAMBERT_93.holds(x, y):
        return f"EPSG:{LAMBERT_93.epsg}"
    return qgis.WEB_MERCATOR


# --- archive --------------------------------------------------------------------------------------


def archive(outline: Row) -> bytes:
    """Return a ZIP file with all the others of `FILES`, and the extracted data."""
    readme = rendered("readme.txt", outline, deposits=deposits())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("LISEZMOI.txt", readme.replace("\n", "\r\n"))
        for name, (_media_type, write) in FILES.items():
            if write is not archive:
                # The name of the annex tells nothing of the study but the number of its run.
                numbered = name.replace("annexe.", f"annexe-donnees-{outline['run']}.")
                file.writestr(numbered, write(outline))
        clipping.add_to(file, outline["extracts"])
    return buffer.getvalue()


def deposits() -> list[dict[str, str]]:
    """Return the duties of deposit at the end of a study, in the language of the page.

    Returns:
        `id`, `title`, `text`, `link` (where to deposit), `source` and `source_link` (article), and
        `checked` (ISO day on which the article was read, "" if it is quoted from memory).
    """
    return content_of("deposits.yaml")


#: Name of a file → its media type, and the function that writes it.
FILES: dict[str, tuple[str, Callable[[Row], bytes | str]]] = {
    **{
        f"annexe.{ending}": (media_type, partial(annex, ending=ending))
        for ending, media_type in FORMATS.items()
    },
    "besoins.csv": ("text/csv", needs_csv),
    "telechargements.csv": ("text/csv", downloads_csv),
    SITE_FILE: ("application/geo+json", site_geojson),
    "projet.qgs": (QGIS_TYPE, project),
    "etude.zip": ("application/zip", archive),
}
