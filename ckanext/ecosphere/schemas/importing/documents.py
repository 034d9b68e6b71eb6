"""Fetch, decode and read metadata documents: detect their format, and convert them to a dataset.

- `read` converts a text, which a user has given or `fetch` has found;
- `fetch` gets a document through the HTTP guard: from its own URL, or from that of a page or
  repository;
- `decoded` turns its bytes into text;
- `load_yaml` and `from_publiccode` read descriptions of software (publiccode.yml).
"""

from __future__ import annotations

import codecs
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.sax import SAXException

import ckan.plugins.toolkit as tk
import yaml
from ckan.common import _
from ckan.types import DataDict
from rdflib import DCAT, DCTERMS, RDF, BNode, Literal, URIRef
from rdflib.exceptions import Error as RDFError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.services import service_kinds
from ckanext.ecosphere.dataset.view import Row, as_list, filled, plain_text
from ckanext.ecosphere.schemas import config
from ckanext.ecosphere.schemas.importing import addresses
from ckanext.ecosphere.shared import authorization, characters, parsing, rdf
from ckanext.ecosphere.shared.http_guard import (
    MESSAGES,
    FetchError,
    GuardedSession,
    Response,
    in_language,
)
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)

_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_RDF_ROOT = re.compile(r"<(?:\w+:)?RDF[\s>]")
#: The first element of an XML document, without its prefix.
_ROOT = re.compile(r"<(?:[\w.-]{1,60}:)?([A-Za-z_][\w.-]{0,100})[\s>]")
_TURTLE = re.compile(r"(?:@prefix|@base|prefix|base|<http)", re.IGNORECASE)
#: Relations of links on the landing page of an OGC API; it has at least two of them.
_OGC_API = ("conformance", "service-desc", "data")
#: Characters at the start of a document that hold the root element and its namespaces.
HEAD = 6_000
Read = DataDict
"""Result of reading a document: ``dataset`` and ``problems`` (sentences)."""


class ServiceError(tk.ValidationError):
    """The document is the capabilities document of a service.

    Attributes:
        format: name of its format in `ecosphere_access`.
    """

    def __init__(self, format_: str) -> None:
        super().__init__({"url": [_("This is the address of a service, not of a description")]})
        self.format = format_


def read(text: str, context: Any = None) -> Read:
    """Return ``dataset`` and ``problems`` (sentences) of a document.

    Args:
        text: ISO 19139, DCAT in RDF/XML, Turtle or JSON-LD, or publiccode.yml.
        context: context of the calling action, used for the action of `ecosphere_harvest` that
            reads ISO 19139.

    Raises:
        ServiceError: it is the capabilities document of a service.
        ValidationError: it is in none of these formats, or describes no dataset.
    """
    text = without_encoding(text)
    start = text.lstrip("\ufeff \t\r\n")
    service = _service(start)
    if service:
        raise ServiceError(service)
    if _PAGE.match(start):
        raise _refuse(
            _("This is a web page, not a description: give the address of the record itself")
        )
    if start.startswith("<") and _RDF_ROOT.search(start[:2000]):
        return _rdf(text, "xml")
    if start.startswith("<"):
        return _iso(text, context or {})
    if start.startswith(("{", "[")):
        return _json(text)
    if _TURTLE.match(start):
        return _rdf(text, "turtle")
    return _yaml(text)


def _service(text: str) -> str:
    """Return the format of the service that a document describes, "" for other documents."""
    if text.startswith("{"):
        return _service_in_json(text)
    head = text[:HEAD].lower()
    root = _ROOT.search(head)
    for kind in service_kinds().values():
        if root is None or root.group(1) not in kind.roots:
            continue
        # The root "capabilities" is that of several services, which the namespace tells apart.
        if root.group(1) != "capabilities" or f"/{kind.id}" in head:
            return kind.label
    return ""


def _service_in_json(text: str) -> str:
    """Return "OGC API" for the landing page of one, "" for other JSON documents."""
    try:
        links = parsing.load_json(text).get("links")
        relations = {str(link.get("rel")) for link in links}
    except (ValueError, RecursionError, AttributeError, TypeError):
        return ""
    if len(relations.intersection(_OGC_API)) > 1:
        return "OGC API"
    return ""


def _refuse(message: str) -> tk.ValidationError:
    return tk.ValidationError({"url": [message]})


def _unknown() -> tk.ValidationError:
    return _refuse(
        _(
            "This document cannot be read. What can be read: ISO 19139, DCAT (RDF/XML, Turtle, "
            "JSON-LD), publiccode.yml"
        )
    )


def _iso(text: str, context: Any) -> Read:
    try:
        action = tk.get_action("ecosphere_harvest_read")
    except KeyError as error:
        raise _refuse(
            _("ISO 19139 records can be read only where the harvest is enabled")
        ) from error
    try:
        result = action(authorization.same_caller(context), {"content": text})
    except tk.ValidationError as error:
        errors: Any = error.error_dict
        raise _refuse(" ".join(errors.get("content", ())) or _("The document is empty.")) from error
    return {"dataset": result["dataset"], "problems": result["problems"]}


def _json(text: str) -> Read:
    try:
        document = parsing.load_json(text)
    except (ValueError, RecursionError) as error:
        raise _unknown() from error
    return _rdf(json.dumps(document), "json-ld")


def _yaml(text: str) -> Read:
    try:
        document = load_yaml(text)
    except UnreadableError as error:
        raise _unknown() from error
    if not isinstance(document, Mapping) or "publiccodeYmlVersion" not in document:
        raise _unknown()
    return {"dataset": from_publiccode(document), "problems": []}


#: Errors of RDF parsers, and of profiles that read odd RDF.
_UNREADABLE = (
    SyntaxError,
    SAXException,
    RDFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)


def _rdf(text: str, syntax: str) -> Read:
    try:  # ckanext-dcat is optional
        from ckanext.dcat.processors import RDFParser
    except ImportError as error:
        raise _unknown() from error
    parser: Any = RDFParser(profiles=["ecosphere_dcat_ap"])
    try:
        rdf.parse(text, syntax, graph=parser.g)
        _count_as_datasets(parser.g)
        datasets = list(parser.datasets())
    except rdf.RemoteDocumentError as error:
        # The parser would fetch a URL chosen by the document, bypassing the HTTP guard.
        message = _(
            "The document refers to another one ({address}), which is not fetched: put its "
            "content in place"
        )
        raise _refuse(message.format(address=error.address[:200])) from error
    except rdf.DoctypeError as error:
        raise _refuse(_("The document declares a DOCTYPE, which is refused for safety.")) from error
    except _UNREADABLE as error:
        raise _unknown() from error
    if not datasets:
        raise _refuse(_("The document describes no dataset (dcat:Dataset)"))
    blank = {str(node) for node in parser.g.all_nodes() if isinstance(node, BNode)}
    dataset = _without_blank(datasets[0], blank)
    dataset.pop("extras", None)
    keywords: list[str] = []
    for tag in dataset.get("tags") or ():
        keywords += characters.keywords(str(tag.get("name") or ""))
    dataset["tags"] = [{"name": keyword} for keyword in dict.fromkeys(keywords)]
    problems = _licence_left_out(parser.g, dataset)
    if len(datasets) > 1:
        message = _("The document describes {number} datasets: the first one is shown")
        problems.append(message.format(number=len(datasets)))
    return {"dataset": dataset, "problems": problems}


def _count_as_datasets(graph: Any) -> None:
    """Make series, else services, datasets if the graph has no dataset.

    Not all portals give them that class themselves.
    """
    for kind in (DCAT.DatasetSeries, DCAT.DataService):
        if (None, RDF.type, DCAT.Dataset) in graph:
            return
        for node in list(graph.subjects(RDF.type, kind)):
            graph.add((node, RDF.type, DCAT.Dataset))


def _without_blank(value: Any, blank: set[str]) -> Any:
    """Return a value without the identifiers of blank nodes, which mean nothing."""
    if isinstance(value, Mapping):
        return {key: _without_blank(part, blank) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_blank(part, blank) for part in value if not _is_blank(part, blank)]
    if _is_blank(value, blank):
        return ""
    return value


def _is_blank(value: Any, blank: set[str]) -> bool:
    return isinstance(value, str) and value in blank


def _licence_left_out(graph: Any, dataset: Row) -> list[str]:
    """Return a problem if the document has a licence that is not in the list, none otherwise."""
    nodes = graph.objects(None, DCTERMS.license)
    licences = sorted({str(node) for node in nodes if isinstance(node, (URIRef, Literal))})
    if dataset.get("license_id") or not licences:
        return []
    message = _("This value is in no list (element {field}): {value}")
    return [message.format(field="dct:license", value=licences[0][:200])]


# --- fetching ---

HTTP_OK = 200
#: First HTTP status that is an error.
FIRST_ERROR = 400
#: Limits of the request that checks whether a URL answers: people wait for it.
PROBED_BYTES, PROBED_SECONDS = 1024, 6.0


class BusyError(tk.ValidationError):
    """Nothing can be fetched at this moment, since too many documents are being fetched."""


def fetch(url: str, context: Any) -> tuple[Read, str]:
    """Return the description found at a URL, and the URL that it was read from.

    Args:
        url: URL of a description, of the page of a record, or of a repository.
        context: context of the calling action.

    Raises:
        ServiceError: it is the URL of a service.
        ValidationError: it cannot be fetched, or describes no dataset.
    """
    target = addresses.target(url)
    candidates = target.ask or (url,)
    session = _session()
    for address in candidates:
        try:
            return read(_get(session, address), context), address
        except (ServiceError, BusyError):
            raise
        except tk.ValidationError:  # try the next one; a repository can be described without
            if address == candidates[-1] and target.kind != addresses.REPOSITORY:
                raise
    return _repository(url), url


def why_silent(url: str) -> str:
    """Return why a file cannot be fetched, as a sentence; "" if the server answers.

    Raises:
        ValidationError: an option of the portal is invalid, so that nothing can be fetched.
    """
    try:
        answer = _request(_session(PROBED_SECONDS), url, truncate=True, max_bytes=PROBED_BYTES)
    except FetchError as error:
        return _sentence(error)
    if answer.status >= FIRST_ERROR:
        return _bad_status(answer)
    return ""


def _sentence(error: FetchError) -> str:
    return _(MESSAGES[error.code]).format(**in_language(error.params, _))


def _bad_status(answer: Response) -> str:
    message = _("The server answered with the status {status}: check the address")
    return message.format(status=answer.status)


def _session(seconds: float = config.IMPORT_SECONDS) -> GuardedSession:
    try:
        return GuardedSession(
            replace(config.guard_settings(), total_seconds=seconds, read_seconds=seconds)
        )
    except ValueError as error:
        log.error("The options of the import: %s", error)
        message = _(
            "Nothing can be fetched at the moment: the administrator must correct an option of "
            "the portal"
        )
        raise _refuse(message) from error


def _get(session: GuardedSession, url: str) -> str:
    try:
        answer = _request(session, url)
    except FetchError as error:
        raise _refuse(_sentence(error)) from error
    if answer.status != HTTP_OK:
        raise _refuse(_bad_status(answer))
    return decoded(answer.body)


def _request(session: GuardedSession, url: str, **options: Any) -> Response:
    try:
        with rate_limits.place(rate_limits.FOR_EDITORS):
            return session.get(url, **options)
    except rate_limits.NoPlaceError as error:
        message = _("Many addresses are being read at this moment. Try again in a moment.")
        raise BusyError({"url": [message]}) from error


def _repository(url: str) -> Read:
    """Return the minimal description of a repository without publiccode.yml."""
    name = addresses.file_name(url).removesuffix(".git")
    dataset = {"dcat_type": KIND, "title": name, "code_repository": url}
    message = _("The repository has no publiccode.yml at its root: describe the code by hand.")
    return {"dataset": dataset, "problems": [message]}


# --- decoding ---

#: Byte order marks, UTF-32 first, since that of UTF-32 LE starts with that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Encodings that a document may declare, by Python's names. Other codecs of Python are excluded,
#: since some (punycode, idna) take minutes for a megabyte.
ENCODINGS = frozenset(
    {
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "ascii",
        "iso8859-1",
        "iso8859-15",
        "cp1252",
        "mac-roman",
    }
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_DECLARATION = re.compile(r"""^(\s*<\?xml[^>]{0,100}?)\sencoding\s*=\s*["'][^"'>]*["']""")


def decoded(data: bytes) -> str:
    """Return a document as text, without the encoding of an XML declaration.

    The encoding is that of the byte order mark, else that of the XML declaration if it is one of
    `ENCODINGS`, else UTF-8. If decoding fails, Windows-1252 is used, in which older French files
    are written.
    """
    encodings = [name for mark, name in _MARKS if data.startswith(mark)]
    declared = _DECLARED.match(data)
    if declared:
        encodings.append(_encoding(declared.group(1)))
    for name in filter(None, (*encodings, "utf-8")):
        try:
            return without_encoding(data.decode(name))
        except ValueError:
            continue
    return without_encoding(data.decode("cp1252", errors="replace"))


def _encoding(declared: bytes) -> str:
    """Return Python's name of a declared encoding, "" if it is not one of `ENCODINGS`."""
    try:
        name = codecs.lookup(declared.decode("ascii")).name
    except (LookupError, ValueError):
        return ""
    if name not in ENCODINGS:
        return ""
    return name


def without_encoding(text: str) -> str:
    """Return an XML text without its declared encoding, which only applied to the bytes."""
    return _DECLARATION.sub(r"\1", text, count=1)


# --- publiccode.yml ---

KIND = voc.get("resource-type")["code"].uri
#: Number of values of a field that are read.
MAX_PARTS = 50
#: PyYAML scans a few thousand tokens per second; a description of software has a few hundred.
MOST_CHARACTERS, MOST_TOKENS, DEEPEST = 100_000, 5_000, 30
#: Tokens that begin and end a level of nesting.
OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


class UnreadableError(ValueError):
    """The document is not valid YAML, or exceeds the limits."""


def load_yaml(text: str) -> Any:
    """Parse a small YAML document without aliases, a few lines of which could expand to gigabytes.

    Raises:
        UnreadableError: it is not YAML, uses aliases, or exceeds the limits of length or depth.
    """
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError("too long")
    try:
        depth = 0
        for number, token in enumerate(yaml.scan(text, Loader=yaml.SafeLoader)):
            if isinstance(token, OPENING):
                depth += 1
            elif isinstance(token, CLOSING):
                depth -= 1
            if isinstance(token, yaml.AliasToken) or number > MOST_TOKENS or depth > DEEPEST:
                raise UnreadableError("an alias, or too much")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableError(str(error)) from error


def from_publiccode(document: Row) -> DataDict:
    """Return the dataset that a publiccode.yml describes; its values are not checked yet."""
    description = _first_language(_mapping(document, "description"))
    maintenance = _mapping(document, "maintenance")
    legal = _mapping(document, "legal")
    makers = _texts([legal.get("mainCopyrightOwner") or legal.get("repoOwner")])
    keywords = _texts(document.get("categories")) + _texts(description.get("features"))
    dataset = {
        "dcat_type": KIND,
        "title": plain_text(document.get("name")),
        "notes": plain_text(
            description.get("longDescription") or description.get("shortDescription")
        ),
        "code_repository": plain_text(document.get("url")),
        "url": plain_text(document.get("landingURL")),
        "version": plain_text(document.get("softwareVersion")),
        "modified": str(document.get("releaseDate") or "")[:10],
        "development_status": plain_text(document.get("developmentStatus")),
        "license_id": _licence(plain_text(legal.get("license"))),
        "contact": _people(maintenance.get("contacts")),
        "creator": [{"name": name} for name in makers],
        "documentation": _texts(
            [description.get("documentation"), description.get("apiDocumentation")]
        ),
        "tags": [{"name": keyword} for keyword in dict.fromkeys(keywords)],
        "language": _texts(_mapping(document, "localisation").get("availableLanguages")),
    }
    return filled(dataset)


def _mapping(document: Row, name: str) -> Row:
    value = document.get(name)
    if isinstance(value, Mapping):
        return value
    return {}


def _texts(values: Any) -> list[str]:
    return list(filter(None, map(plain_text, as_list(values or [])[:MAX_PARTS])))


def _people(rows: Any) -> list[dict[str, str]]:
    people = []
    for row in as_list(rows or [])[:MAX_PARTS]:
        if isinstance(row, Mapping):
            people.append(filled({name: plain_text(row.get(name)) for name in ("name", "email")}))
    return people


def _licence(spdx: str) -> str:
    """Return the id of a licence by its SPDX identifier; the identifier itself if it is unknown.

    Of several licences ("MIT AND …"), the first counts.
    """
    first = spdx.partition(" ")[0]
    concept = voc.get("licences").lookup(f"http://spdx.org/licenses/{first}")
    if concept is None:
        return spdx
    return concept.id


def _first_language(descriptions: Row) -> Row:
    """Return the description in French, else English, else any language."""
    for code in ("fr", "fr-FR", "fra", "en", *descriptions):
        if isinstance(descriptions.get(code), Mapping):
            return descriptions[code]
    return {}
