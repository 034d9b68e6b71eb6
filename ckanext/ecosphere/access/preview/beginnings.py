"""The beginning of a file that is too large, as a file of whole rows or features. Pure."""

from __future__ import annotations

import re

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import SNIFFED, sniff

#: How far before the end a row or feature must begin.
LOOKED_BACK = 8 * 1024 * 1024
_FEATURE = re.compile(rb',\s{0,99}\{\s{0,99}"type"\s{0,9}:\s{0,9}"Feature"')


def whole_part(body: bytes) -> bytes:
    """Return what is whole of a delimited text or GeoJSON that was cut somewhere.

    Args:
        body: beginning of a file.

    Raises:
        PreviewError: a part of such a file says nothing (archives, databases).
    """
    kind = sniff(body[:SNIFFED])
    start = max(0, len(body) - LOOKED_BACK)
    if kind == "text":
        end = body.rfind(b"\n", start)
        if end > 0:
            return body[: end + 1]
    if kind == "json" and b'"FeatureCollection"' in body[:200_000]:
        begins = [match.start() for match in _FEATURE.finditer(body, start)]
        if begins:
            return body[: begins[-1]] + b"]}"
    raise PreviewError("too-large")
