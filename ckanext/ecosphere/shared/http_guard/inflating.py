"""Decompress the body of an answer in small steps, up to a limit: a bomb is refused before it unfolds."""

from __future__ import annotations

import zlib
from typing import Any

_STEP = 64 * 1024
_AUTOMATIC = zlib.MAX_WBITS | 32  # zlib or gzip, detected from the header
_RAW = -zlib.MAX_WBITS  # what some servers send as "deflate"


class InflateError(ValueError):
    """The body does not match its Content-Encoding, or the encoding was not requested."""


class Inflater:
    """Incremental decompressor of a body.

    Args:
        encoding: value of the header Content-Encoding; empty or "identity" for none.
        limit: maximum number of bytes produced.
    """

    def __init__(self, encoding: str, limit: int):
        name = encoding.strip().lower()
        if name not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise InflateError(encoding)
        self._plain = name in {"", "identity"}
        self._left = limit
        self._stream: Any = None
        self._first = True

    def feed(self, data: bytes) -> bytes:
        """Decompress a piece.

        Raises:
            InflateError: it cannot be decompressed.
        """
        if self._plain:
            out = data[: self._left]
            self._left -= len(out)
            return out
        out = bytearray()
        more = True
        while more and self._left > 0:
            data, more = self._step(data, out)
        return bytes(out)

    def _step(self, data: bytes, out: bytearray) -> tuple[bytes, bool]:
        """Decompress one bounded step; return the rest of `data`, and whether to continue."""
        if self._stream is None:
            self._stream = zlib.decompressobj(_AUTOMATIC)
        room = min(_STEP, self._left)
        try:
            piece = self._stream.decompress(data, room)
        except zlib.error as error:
            if not self._first:
                raise InflateError(str(error)) from error
            self._stream = zlib.decompressobj(_RAW)
            self._first = False
            return data, True
        self._first = False
        out += piece
        self._left -= len(piece)
        if self._stream.eof:  # a gzip file may have several members
            rest = self._stream.unused_data.lstrip(b"\0")
            self._stream = None
            return rest, bool(rest)
        # A full step may leave output inside the decompressor although all input is consumed.
        tail = self._stream.unconsumed_tail
        return tail, bool(tail) or len(piece) == room
