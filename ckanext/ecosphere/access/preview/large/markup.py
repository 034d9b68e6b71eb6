"""The beginning of a large XML document, as a whole one of fewer elements: cut behind one of them, then closed. Pure.

Expat keeps nothing of what it has passed, and here it is not told what entities mean: a document that declares some is
refused.
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

#: Bytes at once: few times, since a tag without end is looked at each time from where it begins.
CHUNK, AT_THE_END = 1024 * 1024, 64 * 1024
DEEPEST = 100
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_BAD = (expat.ExpatError, LookupError, ValueError)


@dataclass
class Cut:
    """What was written.

    Attributes:
        items: how many elements of the kind that was looked for it holds.
        is_whole: that is all of the document.
        root: attributes of the root.
        ends: where the document may be cut behind each of the items (byte), and the elements that are open there.
        encoding: in which tags are written.
    """

    items: int = 0
    is_whole: bool = False
    root: dict[str, str] = field(default_factory=dict)
    ends: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    encoding: str = "utf-8"


def cut(read: Read, target: Path, is_item: Callable[[list[str]], bool], most: int, most_bytes: int) -> Cut:
    """Write a document up to a number of elements.

    Args:
        read: reads on in the document.
        target: where to write.
        is_item: tells of the names of an element and those around it, outermost first and without prefix, whether it is
            one of those that are counted.
        most: of them.
        most_bytes: that are looked at.

    Raises:
        PreviewError: it is no well-formed XML up to there, or declares entities.
        PartError: not even one such element is within the bounds.
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
    """Cut what was written behind its first elements.

    Raises:
        PartError: there is none.
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
    names: list[str] = []  # as they are written
    path: list[str] = []  # without prefixes
    passed = False

    def place() -> None:
        """Note that an item ended, now that it is known where."""
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
