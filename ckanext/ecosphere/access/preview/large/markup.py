"""Truncate a large XML document after a number of elements, and close the open ones. No CKAN imports.

Expat is a streaming parser, so memory use is limited. Documents that declare entities are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.members import Read
from ckanext.ecosphere.access.preview.large.pieces import PartError

#: Sizes of reads; large, since an incomplete tag is parsed again from its start after each read.
CHUNK, AT_THE_END = 1024 * 1024, 64 * 1024
DEEPEST = 100
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_BAD = (expat.ExpatError, LookupError, ValueError)


@dataclass
class Cut:
    """Result of truncating a document.

    Attributes:
        items: number of counted elements that were kept.
        is_whole: whether the document is complete.
        root: attributes of the root element.
        ends: for each item, the byte position after it and the names of the open elements.
        encoding: encoding of the closing tags.
    """

    items: int = 0
    is_whole: bool = False
    root: dict[str, str] = field(default_factory=dict)
    ends: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    encoding: str = "utf-8"


def cut(read: Read, target: Path, is_item: Callable[[list[str]], bool], most: int, most_bytes: int) -> Cut:
    """Write a document up to a number of elements.

    Args:
        read: read function of the document.
        target: file to write.
        is_item: whether an element is counted, given the local names of its ancestors and itself, outermost first.
        most: maximum number of counted elements.
        most_bytes: maximum number of bytes to read.

    Raises:
        PreviewError: it is not well-formed XML, or declares entities.
        PartError: not even one such element is available.
    """
    found = Cut()
    parser = _parser(found, is_item, most)
    size, at_once = 0, CHUNK
    with target.open("wb") as file:
        try:
            while size < most_bytes and len(found.ends) <= most:
                try:
                    data = read(at_once)
                except PartError:
                    if at_once == AT_THE_END:
                        break
                    at_once = AT_THE_END
                    continue
                if not size:
                    found.encoding = _WIDE.get(data[:2], found.encoding)
                file.write(data)
                size += len(data)
                parser.Parse(data, not data)
                if not data:
                    found.is_whole, found.items = True, len(found.ends)
                    return found
        except _BAD as error:
            raise PreviewError("unreadable") from error
    shorten(target, found, most)
    return found


def shorten(target: Path, found: Cut, most: int) -> None:
    """Truncate the written document after its first items.

    Raises:
        PartError: there are no items.
    """
    found.items = min(most, len(found.ends))
    if not found.items:
        raise PartError
    end, around = found.ends[found.items - 1]
    found.is_whole = False
    with target.open("r+b") as file:
        file.truncate(end)
        file.seek(end)
        file.write("".join(f"</{name}>" for name in reversed(around)).encode(found.encoding))


def _parser(found: Cut, is_item: Callable[[list[str]], bool], most: int) -> Any:
    parser = expat.ParserCreate()
    names: list[str] = []  # with prefixes
    path: list[str] = []  # without prefixes
    passed = False

    def place() -> None:
        """Record the end of an item, whose position is known at the next event."""
        nonlocal passed
        if passed and len(found.ends) <= most:
            found.ends.append((parser.CurrentByteIndex, tuple(names)))
        passed = False

    def start(name: str, attributes: dict[str, str]) -> None:
        if passed:
            place()
        if len(names) == DEEPEST:
            raise PreviewError("too-complex")
        if not names:
            found.root = attributes
        names.append(name)
        path.append(name.rpartition(":")[2])

    def end(_name: str) -> None:
        nonlocal passed
        if passed:
            place()
        passed = is_item(path)
        names.pop()
        path.pop()

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and not encoding.lower().startswith("utf-16"):
            found.encoding = encoding

    def entity(*_told: Any) -> None:
        raise PreviewError("entities")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.XmlDeclHandler, parser.EntityDeclHandler = declared, entity
    return parser
