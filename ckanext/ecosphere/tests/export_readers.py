"""Read exports as their readers would, and tell what of them runs, or is anything but text.

Each reader takes the text of an export and yields faults; hostile texts would make elements, fields
or statements named `attaque`, or start something that the format knows and the portal never writes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import yaml
from lxml import etree

from ckanext.ecosphere.harvest import corrections
from ckanext.ecosphere.shared import rdf

MARK = "attaque"
XSL = f"{{{corrections.XSL}}}"
KNOWN = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_LITERAL = r"(?:'[^']*'|\"[^\"]*\")"
_VALUE = rf"(?:{_LITERAL}|concat\({_LITERAL}(?:, {_LITERAL})*\))"
STEP = r"/(?:gmd|srv|gco|gmx):[A-Za-z_]+(?:\[[0-9]+\])?"
#: The only patterns: everything, or an identifier compared with texts, and a path of plain names.
PATTERN = re.compile(rf"@\*\|node\(\)|\*\[gmd:fileIdentifier/\* = {_VALUE}\](?:{STEP})+")
_PAIR = re.compile(r" ?(\w+)='((?:[^'\\]|\\.)*)'", re.DOTALL)
_FILE = re.compile(r"(?:/vsizip/)?/vsicurl/https?://[^|\s'\"<>{}\\^`#]+")
_COMMAND = re.compile(
    r"\\(?:[%&_#$]|text(?:backslash|brace(?:left|right)|ascii(?:tilde|circum))\{\})"
)
_RIS = re.compile(r"([A-Z][A-Z0-9])  - [^\r\n]*")
_DISPOSITION = re.compile(r'(?:attachment|inline)(?:; ?filename="?[\w.-]+"?)?', re.ASCII)


class Witness(etree.Resolver):
    """Answers whatever a stylesheet reads, of any scheme.

    Attributes:
        asked: the addresses.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        """Note the address and return an empty document."""
        self.asked.append(str(system_url))
        return self.resolve_string("<x/>", context)


def stylesheet(text: str, record: bytes = b"<x/>") -> Iterator[str]:
    """Run a stylesheet on a record without any protection,
    and compare it with what the portal may write.
    """
    witness, parser = Witness(), etree.XMLParser(no_network=False)
    parser.resolvers.add(witness)
    try:
        root = etree.fromstring(text.encode(), parser)
        yield from _instructions(root)
        etree.XSLT(root)(etree.fromstring(record))
    except (etree.XMLSyntaxError, etree.XSLTError) as error:
        yield f"does not run: {error}"
    yield from (f"reads {address}" for address in witness.asked)


def _instructions(root: etree._Element) -> Iterator[str]:
    for element in root.iter():
        if not isinstance(element.tag, str):
            yield f"not an element: {etree.tostring(element)[:100]!r}"
            continue
        if element.nsmap != root.nsmap:
            yield f"a namespace of its own: {element.tag}"
        allowed = (
            KNOWN["instructions"].get(element.tag.removeprefix(XSL))
            if element.tag.startswith(XSL)
            else {}
        )
        if allowed is None or not (element.tag.startswith(XSL) or corrections.name_of(element)):
            yield f"an unknown element: {element.tag}"
            continue
        for name, value in element.attrib.items():
            values = allowed.get(str(name), set())
            known = bool(PATTERN.fullmatch(str(value))) if values == "xpath" else value in values
            if not known:
                yield f"an unknown attribute: {element.tag} {name}={value!r}"


def batch_edits(text: str) -> Iterator[str]:
    """Read requests to GeoNetwork."""
    for request in json.loads(text):
        query = parse_qsl(request["path"].partition("?")[2], keep_blank_values=True)
        if [name for name, _value in query] != ["uuids", "updateDateStamp"] or query[1][
            1
        ] != "true":
            yield f"other parameters: {request['path']}"
        for edit in request["body"]:
            content = etree.fromstring(edit["value"])
            known = len(content) == 1 and not len(content[0]) and corrections.name_of(content[0])
            if not known or not re.fullmatch(rf"(?:{STEP})+", edit["xpath"]):
                yield f"an unknown edit: {edit}"


def table(text: str) -> Iterator[str]:
    """Open a CSV in spreadsheets that separate at semicolons and at commas."""
    csv.field_size_limit(10_000_000)
    for separator in (";", ","):
        for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator):
            cells = [cell for cell in row if MARK in cell.lower() and not cell.startswith("'")]
            yield from (f"a formula: {cell[:80]!r}" for cell in cells if is_formula(cell))


#: What begins a formula, and what spreadsheets strip before they look at the first character.
ACTIVE, LOOSE = tuple("=+-@\t\r"), " \"';\u00a0\u200b\ufeff\n"


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would evaluate the cell: it starts with an active character,
    of any width.
    """
    if cell.startswith("'"):  # marks the cell as text
        return False
    begin = unicodedata.normalize("NFKC", cell.lstrip(LOOSE))[:1]
    return begin in ACTIVE and begin != ""


def xml(text: str) -> Iterator[str]:
    """Parse XML strictly: no element, attribute or instruction comes from a text."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        yield f"not XML: {error}"
        return
    if root.getroottree().docinfo.internalDTD is not None and root.tag not in ("qlr", "qgis"):
        yield "a DOCTYPE"
    for element in root.getroottree().iter():
        if not isinstance(element.tag, str):
            yield f"not an element: {etree.tostring(element)[:100]!r}"
        elif MARK in " ".join(map(str, (element.tag, *element.attrib))):
            yield f"markup of a text: {element.tag}"


def layers(text: str) -> Iterator[str]:
    """Open a layer definition as QGIS does: providers, and the parameters of their data sources."""
    yield from xml(text)
    for layer in etree.fromstring(text.encode()).iter("maplayer"):
        provider, source = layer.findtext("provider") or "", layer.findtext("datasource") or ""
        if not _is_source(provider, source):
            yield f"an unknown data source: {provider} {source}"


def _is_source(provider: str, source: str) -> bool:
    """Return whether the portal may write a data source.

    See `QgsDataSourceUri` (`setEncodedUri` for wms, the constructor for quoted ones) and
    `QgsOgrProviderUtils` of QGIS.
    """
    if provider in ("ogr", "gdal"):
        return bool(_FILE.fullmatch(source)) or source in KNOWN["beside"]
    if provider == "wms":
        given = dict(parse_qsl(source, keep_blank_values=True))
        return set(given) <= set(KNOWN["wms"]) and given.get("url", "").startswith("http")
    quoted = dict(_PAIR.findall(source))
    known = provider in ("WFS", "OAPIF", "arcgismapserver", "arcgisfeatureserver")
    return (
        known
        and not _PAIR.sub("", source)
        and set(quoted) <= set(KNOWN["quoted"])
        and quoted.get("url", "").startswith("http")
    )


def bibtex(text: str) -> Iterator[str]:
    """Read BibTeX: one entry, known fields, balanced braces,
    no command of TeX but those of escaped signs.
    """
    depth, shallow = 0, []
    for sign in text:
        depth += (sign == "{") - (sign == "}")
        if depth < 2:  # outside the values
            shallow.append(sign)
    skeleton = "".join(shallow)
    if depth or skeleton.count("@") != 1:
        yield f"not one entry: {skeleton[:200]!r}"
    fields = re.findall(r"(\w+) = ", skeleton)
    if not set(fields) <= set(KNOWN["bibtex"]) or len(fields) != len(set(fields)):
        yield f"other fields: {fields}"
    if "\\" in _COMMAND.sub("", text):
        yield "a command of TeX"


def ris(text: str) -> Iterator[str]:
    """Read RIS: one record, known fields."""
    found = [_RIS.fullmatch(line) for line in text.splitlines()]
    tags = [match[1] if match else "" for match in found]
    if (
        not set(tags) <= set(KNOWN["ris"])
        or tags.count("TY") != 1
        or tags.count("ER") != 1
        or tags[-1] != "ER"
    ):
        yield f"other fields: {tags}"


def icalendar(text: str) -> Iterator[str]:
    """Read iCalendar: known properties, calendars and events only."""
    unfolded = re.sub(r"\r\n[ \t]", "", text)
    for line in unfolded.splitlines():
        name, _separator, value = line.partition(":")
        property_ = name.partition(";")[0]
        if property_ not in KNOWN["icalendar"] or (
            property_ == "BEGIN" and value not in ("VCALENDAR", "VEVENT")
        ):
            yield f"another property: {line[:80]!r}"


def json_ld(text: str) -> Iterator[str]:
    """Read JSON-LD: no context and no property comes from a text."""

    try:
        waiting = [(json.loads(text), True)]
    except ValueError as error:
        yield f"not JSON: {error}"
        return
    while waiting:
        value, outermost = waiting.pop()
        if isinstance(value, list):
            waiting += [(each, outermost) for each in value]
        elif isinstance(value, dict):
            waiting += [(each, False) for each in value.values()]
            for name in value:
                if MARK in name.lower() or (name == "@context" and not outermost):
                    yield f"a member of a text: {name}"


def statements(syntax: str) -> Callable[[str], Iterator[str]]:
    """Return the reader of a syntax of RDF: no statement comes from a text."""

    def read(text: str) -> Iterator[str]:
        try:
            graph = rdf.parse(text, syntax)
        except Exception as error:  # rdflib's parsers raise anything
            yield f"not {syntax}: {type(error).__name__} {str(error)[:100]}"
            return
        yield from (
            f"a statement of a text: {triple}"
            for triple in graph
            if f"urn:{MARK}" in map(str, triple)
        )

    return read


def page(text: str) -> Iterator[str]:
    """Read a web page: no element comes from a text, and the data in its scripts are JSON."""
    root = etree.fromstring(text.encode(), etree.HTMLParser(no_network=True))
    yield from (f"markup of a text: {element.tag}" for element in root.iter(MARK))
    for script in root.iter("script"):
        if script.get("type") == "application/ld+json":
            yield from json_ld(script.text or "")


def headers(disposition: str) -> Iterator[str]:
    """Read a Content-Disposition: one plain file name."""
    if disposition and not _DISPOSITION.fullmatch(disposition.partition("; filename*=")[0]):
        yield f"another header: {unquote(disposition)!r}"


def archive(content: bytes) -> Iterator[str]:
    """Read the XML parts and tables of an archive or a document of an office suite."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            ending = name.rpartition(".")[2]
            if ending in PARTS:
                yield from (
                    f"{name}: {fault}" for fault in PARTS[ending](parts.read(name).decode())
                )


PARTS = {"xml": xml, "rels": xml, "qgs": layers, "csv": table}
#: Kind of export → reader.
READERS: dict[str, Callable[[str], Iterator[str]]] = {
    "xsl": stylesheet,
    "edits": batch_edits,
    "csv": table,
    "xml": xml,
    "qlr": layers,
    "bib": bibtex,
    "ris": ris,
    "ics": icalendar,
    "jsonld": json_ld,
    "turtle": statements("turtle"),
    "rdf": statements("xml"),
    "json-ld": statements("json-ld"),
    "n3": statements("n3"),
    "html": page,
}
