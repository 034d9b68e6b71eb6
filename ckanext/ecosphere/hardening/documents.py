"""Defects 62 and 64: RDF documents of ckanext-dcat describe a bounded number of files, and name
their encoding.

A dataset may have 20 000 files, and a reader chooses the profiles (`?profiles=`): a document took
half a minute, in which its process answered nobody. Not yet proposed to ckanext-dcat (2.4.4).
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from flask import Blueprint, Response
from rdflib import RDFS, Literal

from ckanext.dcat.processors import RDFSerializer

blueprint = Blueprint("ecosphere_documents", __name__)
TEXTUAL = ("text/turtle", "text/n3")
"""Types of documents that clients of HTTP take for ISO 8859-1 where no encoding is named."""
MOST_DESCRIPTIONS = 800
"""Descriptions of files in a document, of a dataset or of a page of the catalogue: one by each
profile."""
FEWEST_FILES = 20
"""Files that it describes of each dataset at least, although those before have used up the others.
"""
_CUT = {
    "fr": "Ce jeu de données a {number} fichiers ; seuls les {most} premiers sont décrits ici, "
    "tous par l’API.",
    "en": "This dataset has {number} files; only the first {most} are described here, all of them "
    "by the API.",
}


@blueprint.after_app_request
def name_encoding(response: Response) -> Response:
    """Name the encoding of Turtle and N3, as their registration
    requires (W3C Turtle, section 10.2).
    """
    if response.headers.get("Content-Type") in TEXTUAL:
        response.headers["Content-Type"] += "; charset=utf-8"
    return response


def bound_files() -> None:
    """Make ckanext-dcat leave out the files of a document beyond the bound, and say so in it."""
    serializer_class: Any = RDFSerializer
    original = serializer_class.graph_from_dataset
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def graph_from_dataset(serializer: Any, dataset_dict: dict[str, Any]) -> Any:
        files = dataset_dict.get("resources") or []
        most = _most(serializer)
        described = files[:most]
        serializer.ecosphere_files = _files_before(serializer) + len(described)
        dataset_ref = original(serializer, {**dataset_dict, "resources": described})
        if len(files) > most:
            for lang, sentence in _CUT.items():
                text = sentence.format(number=len(files), most=most)
                serializer.g.add((dataset_ref, RDFS.comment, Literal(text, lang=lang)))
        return dataset_ref

    serializer_class.graph_from_dataset = graph_from_dataset


def _most(serializer: Any) -> int:
    """Return how many files of the next dataset the document describes."""
    of_document = MOST_DESCRIPTIONS // max(1, len(serializer._profiles))
    return max(FEWEST_FILES, of_document - _files_before(serializer))


def _files_before(serializer: Any) -> int:
    """Return the number of files that the document describes so far."""
    return getattr(serializer, "ecosphere_files", 0)
