"""Read and normalise a single record without saving it, for the import form."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest import decisions
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.problems import sentence
from ckanext.ecosphere.shared.hardened_xml import local_name


def read(content: str | bytes) -> dict[str, Any]:
    """Return the dataset that a document describes.

    Args:
        content: an ISO 19139 or ISO 19115-3 record, or a CSW response, of which the first record is read.

    Returns:
        ``dataset``, ``changes`` (decisions of the rules) and ``problems`` (sentences in the user's language).

    Raises:
        ValidationError: the document contains no such record.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        root = parse_xml(data)
        element = next(records_in(root), None)
        if element is None:
            raise RecordError("not-iso", root=local_name(root)[:80])
        result = normalise(read_record(element), Context(free_tags=True))
    except RecordError as error:
        raise tk.ValidationError({"content": [sentence(error, tk._)]}) from error
    return {
        "dataset": result.dataset,
        "changes": [decisions.in_words(change.as_dict()) for change in result.log],
        "problems": [sentence(problem, tk._) for problem in result.problems],
    }
