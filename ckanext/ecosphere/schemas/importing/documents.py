"""Detect the format of a metadata document and convert it to a dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax import SAXException

import ckan.plugins.toolkit as tk
from rdflib import DCAT, DCTERMS, RDF, BNode, Literal, URIRef
from rdflib.exceptions import Error as RDFError

from ckanext.ecosphere.schemas.importing import software
from ckanext.ecosphere.schemas.importing.text import without_encoding
from ckanext.ecosphere.shared import characters, rdf, strict_json

_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_RDF_ROOT = re.compile(r"<(?:\w+:)?RDF[\s>]")
Read = dict[str, Any]
"""Result of reading a document: ``dataset`` and ``problems`` (sentences)."""


#: Start of the capabilities of a service → name of its format in `ecosphere_access`.
_SERVICES = (
    (re.compile(r"<(?:\w+:)?WFS_Capabilities[\s>]"), "WFS"),
    (re.compile(r"<(?:WMS_Capabilities|WMT_MS_Capabilities)[\s>]"), "WMS"),
    (re.compile(r"<(?:\w+:)?feed\s[^>]{0,2000}www\.w3\.org/2005/Atom"), "ATOM"),
    (re.compile(r"<(?:wcs:)?(?:Capabilities|WCS_Capabilities)\s[^>]{0,2000}opengis\.net/wcs"), "WCS"),
    (re.compile(r"<(?:wmts:)?Capabilities\s[^>]{0,2000}opengis\.net/wmts"), "WMTS"),
)
_OGC_API = ("conformance", "service-desc", "data")
HEAD = 6_000


class ServiceError(tk.ValidationError):
    """The document is the capabilities document of a service.

    Attributes:
        format: name of its format in `ecosphere_access`.
    """

    def __init__(self, format_: str) -> None:
        super().__init__({"url": [tk._("This is the address of a service, not of a description")]})
        self.format = format_


def _service(text: str) -> str:
    """Return the format of the service that a capabilities document belongs to, "" for other documents."""
    head = text[:HEAD]
    if head.startswith("{"):
        try:
            document = strict_json.loads(text)
        except (ValueError, RecursionError):
            return ""
        links = document.get("links") if isinstance(document, Mapping) else None
        relations = (
            {str(each.get("rel")) for each in links if isinstance(each, Mapping)} if isinstance(links, list) else ()
        )
        return "OGC API" if len(set(_OGC_API).intersection(relations)) > 1 else ""
    return next((name for pattern, name in _SERVICES if pattern.search(head)), "")


def read(text: str, context: Any = None) -> Read:
    """Return ``dataset`` and ``problems`` (sentences) of a document.

    Args:
        text: ISO 19139, DCAT in RDF/XML, Turtle or JSON-LD, publiccode.yml or codemeta.json.
        context: context of the calling action, used for the action of `ecosphere_harvest` that reads ISO 19139.

    Raises:
        ServiceError: it is the capabilities document of a service.
        ValidationError: it is in none of these formats, or describes no dataset.
    """
    text = without_encoding(text)
    start = text.lstrip("\ufeff \t\r\n")
    if service := _service(start):
        raise ServiceError(service)
    if _PAGE.match(start):
        raise _refuse(tk._("This is a web page, not a description: give the address of the record itself"))
    if start.startswith("<"):
        return _rdf(text, "xml") if _RDF_ROOT.search(start[:2000]) else _iso(text, context or {})
    if start.startswith(("{", "[")):
        return _json(text)
    if re.match(r"(?:@prefix|@base|prefix|base|<http)", start, re.IGNORECASE):
        return _rdf(text, "turtle")
    return _yaml(text)


def _refuse(message: str) -> tk.ValidationError:
    return tk.ValidationError({"url": [message]})


def _unknown() -> tk.ValidationError:
    return _refuse(
        tk._(
            "This document cannot be read. What can be read: ISO 19139, DCAT (RDF/XML, Turtle, JSON-LD), "
            "publiccode.yml or codemeta.json"
        )
    )


def _iso(text: str, context: Any) -> Read:
    try:
        action = tk.get_action("ecosphere_harvest_read")
    except KeyError as error:
        raise _refuse(tk._("ISO 19139 records can be read only where the harvest is enabled")) from error
    try:
        who: Any = {key: context[key] for key in ("user", "auth_user_obj", "ignore_auth") if key in context}
        found = action(who, {"content": text})
    except tk.ValidationError as error:
        said: Any = error.error_dict
        raise _refuse(" ".join(said.get("content", ())) or tk._("The document is empty.")) from error
    return {"dataset": found["dataset"], "problems": found["problems"]}


def _json(text: str) -> Read:
    try:
        document = strict_json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unknown() from error
    if isinstance(document, Mapping) and ("codeRepository" in document or "codemeta" in str(document.get("@context"))):
        return _software(software.from_codemeta(document), document)
    return _rdf(json.dumps(document), "json-ld")


def _yaml(text: str) -> Read:
    try:
        document = software.load_yaml(text)
    except software.UnreadableError as error:
        raise _unknown() from error
    if not isinstance(document, Mapping) or "publiccodeYmlVersion" not in document:
        raise _unknown()
    return _software(software.from_publiccode(document), document)


def _software(dataset: dict[str, Any], document: Mapping[str, Any]) -> Read:
    left_out = tk._("This value is in no list (element {field}): {value}")
    told = [left_out.format(field=name, value=value[:200]) for name, value in software.left_out(document, dataset)]
    return {"dataset": dataset, "problems": told}


def _rdf(text: str, syntax: str) -> Read:
    try:
        from ckanext.dcat.processors import RDFParser
    except ImportError as error:
        raise _unknown() from error
    parser: Any = RDFParser(profiles=["ecosphere_dcat_ap"])
    try:
        rdf.parse(text, syntax, graph=parser.g)
        _count_as_datasets(parser.g)
        datasets = list(parser.datasets())
    except rdf.RemoteDocumentError as error:
        # Reading it would fetch a URL chosen by the document, bypassing the HTTP guard.
        message = tk._("The document refers to another one ({address}), which is not fetched: put its content in place")
        raise _refuse(message.format(address=error.address[:200])) from error
    except rdf.DoctypeError as error:
        raise _refuse(tk._("The document declares a DOCTYPE, which is refused for safety.")) from error
    except (
        SyntaxError,
        SAXException,
        RDFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise _unknown() from error
    if not datasets:
        raise _refuse(tk._("The document describes no dataset (dcat:Dataset)"))
    blank = {str(node) for node in parser.g.all_nodes() if isinstance(node, BNode)}
    dataset = _named(datasets[0], blank)
    dataset.pop("extras", None)
    words = [word for tag in dataset.get("tags") or () for word in characters.keywords(str(tag.get("name") or ""))]
    dataset["tags"] = [{"name": word} for word in dict.fromkeys(words)]
    problems = _licence_left_out(parser.g, dataset)
    if len(datasets) > 1:
        problems.append(
            tk._("The document describes {number} datasets: the first one is shown").format(number=len(datasets))
        )
    return {"dataset": dataset, "problems": problems}


def _count_as_datasets(graph: Any) -> None:
    """Type series or services as datasets if the graph has no dataset: not all portals add that type themselves."""
    for kind in (DCAT.DatasetSeries, DCAT.DataService):
        if (None, RDF.type, DCAT.Dataset) in graph:
            return
        for node in list(graph.subjects(RDF.type, kind)):
            graph.add((node, RDF.type, DCAT.Dataset))


def _named(value: Any, blank: set[str]) -> Any:
    """Return a value without the meaningless identifiers of blank nodes."""
    if isinstance(value, Mapping):
        return {key: _named(part, blank) for key, part in value.items()}
    if isinstance(value, list):
        return [_named(part, blank) for part in value if not (isinstance(part, str) and part in blank)]
    return "" if isinstance(value, str) and value in blank else value


def _licence_left_out(graph: Any, dataset: Mapping[str, Any]) -> list[str]:
    named = sorted({str(node) for node in graph.objects(None, DCTERMS.license) if isinstance(node, (URIRef, Literal))})
    if dataset.get("license_id") or not named:
        return []
    return [
        tk._("This value is in no list (element {field}): {value}").format(field="dct:license", value=named[0][:200])
    ]
