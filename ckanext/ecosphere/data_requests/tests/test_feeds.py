"""Feeds escape what people wrote."""

from __future__ import annotations

from datetime import datetime, timezone
from xml.etree import ElementTree as ET

from ckanext.ecosphere.shared import atom

HOSTILE = '<script>"&\x08'
NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


def test_a_feed_is_well_formed_whatever_people_write():
    entry = atom.Entry(
        "urn:1", HOSTILE, "https://x.example/1", NOW, summary=HOSTILE, categories=(HOSTILE,)
    )
    root = ET.fromstring(
        atom.feed(HOSTILE, "Guichet", "https://x.example", "https://x.example/flux.atom", [entry])
    )
    found = {node.tag.split("}")[1]: node for node in root.iter()}
    assert root.tag == f"{{{atom.NAMESPACE}}}feed"
    assert found["summary"].text == '<script>"&'
    assert found["updated"].text == NOW.isoformat()


def test_a_feed_without_entries_is_still_a_feed():
    root = ET.fromstring(
        atom.feed("t", "Guichet", "https://x.example", "https://x.example/flux.atom", [])
    )
    assert root.find(f"{{{atom.NAMESPACE}}}updated") is not None
