"""The parser for XML that strangers wrote. Pure.

It follows nothing that a document declares and keeps the limits of libxml2 on depth and on the growth of entities
(`huge_tree` would lift them). It does not bound bytes and elements, nor refuse a DOCTYPE: whoever calls it does.
"""

from __future__ import annotations

from lxml import etree


def parser(encoding: str | None = None) -> etree.XMLParser:
    """Return a parser without entities, network, DTD, comments and processing instructions.

    Args:
        encoding: the one to use, whatever the document declares; None to go by what it declares.
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
    )


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace; "" for a comment, an entity or a processing instruction."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
