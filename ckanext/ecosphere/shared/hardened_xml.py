"""A hardened parser for untrusted XML. Pure.

It resolves nothing that a document declares, and keeps libxml2's limits on depth and entity expansion (`huge_tree`
would lift them). Callers must bound bytes and elements themselves, and refuse a DOCTYPE.
"""

from __future__ import annotations

from lxml import etree


def parser(encoding: str | None = None, *, recover: bool = False) -> etree.XMLParser:
    """Return a parser without entities, network access, DTDs, comments and processing instructions.

    Args:
        encoding: overrides the declared encoding; None to use the declared one.
        recover: read on after errors, and close what is open where a document ends.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding=encoding,
        recover=recover,
    )


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace; "" for a comment, an entity or a processing instruction."""
    tag = element.tag
    if isinstance(tag, str):
        return tag.rpartition("}")[2]
    return ""
