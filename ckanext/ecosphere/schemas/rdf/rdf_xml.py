"""RDF/XML in which no blank node is lost.

Below three levels, rdflib 7 refers to a blank node with two references without ever describing it: on a page of the
catalogue, the agents of all attributions. Importing this module replaces the serializer for the whole process.
"""

from __future__ import annotations

from typing import Any

from rdflib import plugin
from rdflib.plugins.serializers.rdfxml import PrettyXMLSerializer
from rdflib.serializer import Serializer

#: Levels of elements, more than any dataset has.
DEPTH = 20


class CompleteXMLSerializer(PrettyXMLSerializer):
    """Nests nodes as deep as they are."""

    def serialize(self, stream: Any, base: str | None = None, encoding: str | None = None, **options: Any) -> None:
        """Write the graph to a stream."""
        super().serialize(stream, base, encoding, **{"max_depth": DEPTH, **options})


plugin.register("pretty-xml", Serializer, __name__, CompleteXMLSerializer.__name__)
