"""Small valid files of each format that the reader knows, from which the mutated ones are made.

`sqlite` is a GeoPackage with a view, a trigger, a computed column and an index on an expression.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from dev.attack.tables import filled, table

#: A folder for each format, with a small valid file.
FOLDER = Path(__file__).with_name("data")


def seeds() -> dict[str, tuple[str, bytes]]:
    """Return format → name of the file and its content."""
    return {path.parent.name: (path.name, path.read_bytes()) for path in sorted(FOLDER.glob("*/*"))}


MOST_BYTES = 300_000
_NUMBERS = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]


def words(secret: str, address: str) -> list[bytes]:
    """Return texts that make a careless reader open a file or an address.

    Args:
        secret: path of a file that must not be read.
        address: URL that must not be requested.
    """
    texts = filled(table("files")["words"], {"secret": secret, "canary": address})
    return [text.encode() for text in texts]


def mutated(content: bytes, chance: random.Random, tokens: list[bytes]) -> bytes:
    """Return a changed file.

    Of an archive, half of the time a member is changed instead of its bytes.
    """
    members = _members(content)
    if members and chance.random() < 0.6:
        name = chance.choice(sorted(members))
        members[name] = _changed(members[name], chance, tokens)
        if chance.random() < 0.1:
            members[chance.choice(tokens).decode()[:200]] = members.pop(name)
        return zipped(members)
    return _changed(content, chance, tokens)


def _changed(content: bytes, chance: random.Random, tokens: list[bytes]) -> bytes:
    data = bytearray(content)
    for _time in range(chance.choice((1, 1, 2, 4, 16))):
        chance.choice(_CHANGES)(data, chance, tokens)
    return bytes(data[:MOST_BYTES])


def _flip(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    form = chance.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    if len(data) >= size:
        place = chance.randrange(len(data) - size + 1)
        number = chance.choice(_NUMBERS) % 256**size
        data[place : place + size] = struct.pack(form, number)


def _cut(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    first, length = _span(data, chance)
    del data[first : first + length]


def _repeat(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    first, length = _span(data, chance)
    times = chance.choice((1, 2, 50))
    data[first:first] = data[first : first + length] * times


def _move(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    first, length = _span(data, chance)
    place = chance.randrange(len(data) + 1)
    data[place : place + length] = data[first : first + length]


def _end(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _insert(data: bytearray, chance: random.Random, tokens: list[bytes]) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.choice(tokens)


def _overwrite(data: bytearray, chance: random.Random, tokens: list[bytes]) -> None:
    word, place = chance.choice(tokens), chance.randrange(len(data) + 1)
    data[place : place + len(word)] = word


def _span(data: bytearray, chance: random.Random) -> tuple[int, int]:
    return chance.randrange(len(data) + 1), chance.choice((1, 4, 32, 512))


Change = Callable[[bytearray, random.Random, list[bytes]], None]
_CHANGES: tuple[Change, ...] = (_flip, _number, _number, _cut, _repeat, _move, _end, _insert, _insert, _overwrite)


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP file of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def _members(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {member: archive.read(member) for member in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return {}
