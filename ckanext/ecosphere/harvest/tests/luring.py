"""Documents that refer to an external URL, in every format that the portal reads: name → (text,
media type).

Each document is well-formed, so that only its external reference can make it fail.
"""

from __future__ import annotations

import json
from typing import Any

from ckanext.ecosphere.harvest.tests.csw_server import iso_record

DCAT = "http://www.w3.org/ns/dcat#"
DATASET = {
    "@id": "https://ex.org/1",
    "@type": f"{DCAT}Dataset",
    "http://purl.org/dc/terms/title": "Zones",
}
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#"
 xmlns:dct="http://purl.org/dc/terms/" {more}><dcat:Dataset rdf:about="https://ex.org/1"><dct:title>Zones{inside}</dct:title>
 </dcat:Dataset></rdf:RDF>"""


def _json(document: Any) -> tuple[str, str]:
    return json.dumps(document), "application/ld+json"


def json_ld(there: str) -> dict[str, tuple[str, str]]:
    """Return JSON-LD with an external context, at each place where a context is allowed."""
    scoped = {"part": {"@id": "https://ex.org/part", "@context": there}}
    typed = {"Kind": {"@id": "https://ex.org/Kind", "@context": [there]}}
    return {
        "context": _json({"@context": there, **DATASET}),
        "context in a list": _json({"@context": [there], **DATASET}),
        "context in a nested list": _json({"@context": [{}, [there]], **DATASET}),
        "context of a term": _json({"@context": scoped, **DATASET, "part": {"a": 1}}),
        "context of a term in a list": _json(
            {"@context": [{}, scoped], **DATASET, "part": {"a": 1}}
        ),
        "context of a type": _json(
            {"@context": typed, **DATASET, "part": 1, "@type": ["Kind", f"{DCAT}Dataset"]}
        ),
        "context of a term, listed": _json(
            {
                "@context": {"part": {"@id": "https://ex.org/p", "@context": [{}, there]}},
                **DATASET,
                "part": {"a": 1},
            }
        ),
        "import": _json({"@context": {"@version": 1.1, "@import": there}, **DATASET}),
        "import in a list": _json({"@context": [{"@version": 1.1, "@import": there}], **DATASET}),
        "import in a term": _json(
            {
                "@context": {
                    "@version": 1.1,
                    "part": {"@id": "https://ex.org/p", "@context": {"@import": there}},
                },
                **DATASET,
                "part": {"a": 1},
            }
        ),
        "member of a graph": _json({"@graph": [{"@context": [there], **DATASET}]}),
        "inner node": _json({**DATASET, "https://ex.org/part": {"@context": there, "a": 1}}),
        "list of documents": _json([DATASET, {"@context": [there], "@id": "https://ex.org/2"}]),
        "relative to a base": _json({"@context": [{"@base": there}, "context"], **DATASET}),
    }


def rdf(there: str) -> dict[str, tuple[str, str]]:
    """Return RDF/XML, Turtle, N3 and TriG that refer to an external URL."""
    turtle = f'@prefix dcat: <{DCAT}> . <https://ex.org/1> a dcat:Dataset ; <http://purl.org/dc/terms/title> "Zones" .'
    owl = "http://www.w3.org/2002/07/owl#"
    imports = f"<{there}> a <{owl}Ontology> ; <{owl}imports> <{there}> ."
    xml = {
        "external entity": f'<!DOCTYPE r [<!ENTITY x SYSTEM "{there}">]>'
        + RDF.format(more="", inside="&x;"),
        "external DTD": f'<!DOCTYPE r SYSTEM "{there}">' + RDF.format(more="", inside=""),
        "parameter entity": f'<!DOCTYPE r [<!ENTITY % x SYSTEM "{there}"> %x;]>'
        + RDF.format(more="", inside=""),
        "style sheet": f'<?xml-stylesheet href="{there}" type="text/xsl"?>'
        + RDF.format(more="", inside=""),
        "base": RDF.format(more=f'xml:base="{there}"', inside=""),
        "schema location": RDF.format(
            more='xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xsi:schemaLocation="http://purl.org/dc/terms/ {there}"',
            inside="",
        ),
    }
    return {
        **{f"RDF/XML: {name}": (text, "application/rdf+xml") for name, text in xml.items()},
        "Turtle: imports": (f"{turtle}\n{imports}", "text/turtle"),
        "Turtle: base": (f"@base <{there}> .\n{turtle}\n<> a <x> .", "text/turtle"),
        "N3: formula": (
            f"{turtle}\n<{there}> <http://www.w3.org/2000/10/swap/log#semantics> ?x .",
            "text/n3",
        ),
        "TriG: graph": (f"{turtle}\n<{there}> {{ <a:b> <a:c> <{there}> }}", "application/trig"),
    }


def iso(there: str) -> dict[str, tuple[str, str]]:
    """Return ISO 19139 records that refer to an external URL."""
    record = iso_record(1)
    include = (
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{there}" parse="text"/>'
    )
    located = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://x {there}" '
    texts = {
        "external entity": f'<!DOCTYPE r [<!ENTITY x SYSTEM "{there}">]>{record.replace("Zones", "&x;", 1)}',
        "external DTD": f'<!DOCTYPE r PUBLIC "-//x" "{there}">{record}',
        "include": record.replace("</gmd:abstract>", f"</gmd:abstract>{include}"),
        "xlink": record.replace(
            "<gmd:contact>", f'<gmd:contact xlink:href="{there}" xlink:show="embed">'
        ),
        "schema location": record.replace("<gmd:MD_Metadata ", f"<gmd:MD_Metadata {located}"),
        "style sheet": f'<?xml-stylesheet href="{there}" type="text/xsl"?>{record}',
    }
    return {f"ISO: {name}": (text, "application/xml") for name, text in texts.items()}


def everything(there: str) -> dict[str, tuple[str, str]]:
    """Return the documents of all formats."""
    return {
        **{f"JSON-LD: {name}": each for name, each in json_ld(there).items()},
        **rdf(there),
        **iso(there),
    }
